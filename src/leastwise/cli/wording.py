"""What the library says, in the words of the command line: its arguments are options here."""

from __future__ import annotations

import re

# Arguments whose options are not named after them, and switches.
SWITCHES = {
    "intercept=False": "--no-intercept",
    "noncrossing=True": "--noncrossing",
    "standardize=True": "--standardize",
    "sample_weight": "--weight",
}
# Words of no other meaning in a sentence, and those that are arguments where a value follows.
NAMES = ("max_iter", "l1_ratio")
VALUED = (*NAMES, "solver", "cv", "l1", "l2", "tol", "smallest", "strengths", "memory", "scoring")
LED = ("l1", "l2", "tol", "smallest", "strengths", "memory", "loss", "solver", "cv")

_SWITCH = re.compile("|".join(rf"(?<![\w'\"-]){re.escape(word)}(?![\w=])" for word in SWITCHES))
_VALUED = re.compile(rf"(?<![\w'\"-])({'|'.join(VALUED)})=(?:'([^']*)'|([\w.+-]*[\w]))")
_NAMED = re.compile(rf"(?<![\w'\"-])({'|'.join(NAMES)})(?![\w=:])")
_LED = re.compile(
    rf"(?:(?<=^)|(?<=raise )|(?<=lower )|(?<=\())({'|'.join(LED)})(?= must| is |\)|, or|$)"
)


def spoken(message: str) -> str:
    """The message with options in the place of arguments.

    Examples
    --------
    >>> spoken("allow more iterations (max_iter), or take solver='newton'")
    'allow more iterations (--max-iter), or take --solver newton'
    >>> spoken("tol must be a number of at least 0, not -1")
    '--tol must be a number of at least 0, not -1'
    """
    message = _SWITCH.sub(lambda found: SWITCHES[found[0]], message)
    message = _VALUED.sub(lambda found: f"{_option(found[1])} {found[2] or found[3]}", message)
    message = _NAMED.sub(lambda found: _option(found[1]), message)
    return _LED.sub(lambda found: _option(found[1]), message)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
