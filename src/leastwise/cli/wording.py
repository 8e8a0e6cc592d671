"""What the library says, in the words of the command line: its arguments are options here."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAMES = "l1|l2|l1_ratio|strengths|smallest|cv|loss|solver|tol|max_iter|memory"
_OTHERWISE = {"cv": "folds"}  # an option of another name: --cv has no value

_ELSEWHERE = {
    "--quantile": '--loss "quantile(0.9)"',
    "--alpha": "--l1 and --l2",
    "--lambda": "--l1 and --l2",
    "--nfolds": "--folds",
    "--standardise": "--standardize",
}

# Only where nothing but an argument can stand: columns and files may have any of these names.
_SWITCH = re.compile(r"(?<=give )intercept=False(?!\w)")
_QUOTED = re.compile(rf"(?<![^\s(])({_NAMES})='([\w-]*)'")
_GIVEN = re.compile(rf"(?<=give )({_NAMES})=([\w.+-]*\w)")
_LED = re.compile(rf"^(?:{_NAMES})(?= must )|(?<=raise )(?:{_NAMES})\b|(?<= \()(?:{_NAMES})(?=\))")


def spoken(message: str) -> str:
    """The message with options in the place of arguments.

    Examples
    --------
    >>> spoken("allow more iterations (max_iter), or take solver='newton'")
    'allow more iterations (--max-iter), or take --solver newton'
    >>> spoken("tol must be a number of at least 0, not -1")
    '--tol must be a number of at least 0, not -1'
    >>> spoken("nosuch/max_iter.csv does not exist")
    'nosuch/max_iter.csv does not exist'
    """
    message = _SWITCH.sub("--no-intercept", message)
    for pattern in (_QUOTED, _GIVEN):
        message = pattern.sub(lambda found: f"{_option(found[1])} {found[2]}", message)
    return _LED.sub(lambda found: _option(found[0]), message)


def _option(name: str) -> str:
    return f"--{_OTHERWISE.get(name, name).replace('_', '-')}"


def meant(arguments: Sequence[str]) -> str:
    """What to say instead of words that are none of ours, where they are usual elsewhere.

    Examples
    --------
    >>> meant(["fit", "a.csv", "--quantile", "0.9"])
    'say --loss "quantile(0.9)" instead of --quantile'
    """
    for place, word in enumerate(arguments):
        after = arguments[place + 1] if place + 1 < len(arguments) else ""
        if word in _ELSEWHERE:
            return f"say {_ELSEWHERE[word]} instead of {word}"
        if word == "--cv" and after.isdigit():
            return f"say --cv --folds {after}"
    return ""
