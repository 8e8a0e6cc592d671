"""Words and numbers as a terminal shows them, and the two streams they go to."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from leastwise.errors import DataError
from leastwise.report.words import clean, short

PIPED = 120  # the width of what goes to a file or a pipe
NARROWEST, WIDEST = 80, 140


def width() -> int:
    """How many characters a line may have."""
    if not sys.stdout.isatty():
        return PIPED
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def plain(text: Any) -> str:
    """`text` in one line, without what would steer a terminal."""
    return clean(" ".join(str(text).splitlines()).replace("\t", " "))


def bold(text: str) -> str:
    """`text` emphasised where stdout is a terminal that wants it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[1m{text}\x1b[0m"


def say(text: str) -> None:
    """Write `text` to stdout and see it through.

    Raises
    ------
    DataError
        It cannot be written: the disk is full.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DataError(
            f"cannot write to the standard output: {error.strerror or error}"
        ) from error


def complain(message: str) -> None:
    """Write `message` to stderr as one line; a stderr that cannot be written to is ignored."""
    try:
        _write(sys.stderr, f"leastwise: {plain(message)}\n")
    except OSError:
        return


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def number(value: float | None, digits: int = 5) -> str:
    """`value` to so many significant digits, "-" for none.

    Examples
    --------
    >>> number(1234567.89), number(-0.0123456), number(3.2e-15), number(0.0)
    ('1,234,568', '-0.012346', '3.2000e-15', '0')
    """
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    if not -4 <= int(power) < 9:
        return f"{mantissa}e{int(power)}"
    return f"{value:,.{max(digits - 1 - int(power), 0)}f}"


def brief(value: float) -> str:
    """An order of magnitude.

    Examples
    --------
    >>> brief(3.14e-15), brief(1e-9), brief(0.0)
    ('3.1e-15', '1e-9', '0')
    """
    mantissa, _, power = f"{value:.1e}".partition("e")
    if not power:
        return mantissa  # nan or inf
    if value == 0:
        return "0"
    return f"{mantissa.removesuffix('.0')}e{int(power)}"


def probability(value: float | None) -> str:
    """A p-value: four decimals, or "<0.0001"."""
    if value is None or math.isnan(value):
        return "-"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def share(value: float | None) -> str:
    """R2 with four decimals, more where four would claim a perfect fit that is not there."""
    if value is None or math.isnan(value):
        return "not defined"
    for decimals in range(4, 16):
        text = f"{value:.{decimals}f}"
        if float(text) != 1.0:
            return text if float(text) else text.lstrip("-")  # rounding below zero is zero
    return "1" if value == 1.0 else f"1 - {brief(1.0 - value)}"


def aligned(texts: Sequence[str]) -> list[str]:
    """Numbers padded so that their points stand below one another when set flush right.

    Examples
    --------
    >>> aligned(["1,234", "0.5", "-12.25"])
    ['1,234   ', '0.5 ', '-12.25']
    """
    # A number with an exponent stands flush right: its point means another size.
    tails = [-1 if "e" in text else len(text) - text.find(".") for text in texts]
    tails = [
        0 if "." not in text and tail >= 0 else tail
        for text, tail in zip(texts, tails, strict=True)
    ]
    most = max(tails, default=0)
    return [
        text if tail < 0 or text == "-" else text + " " * (most - tail)
        for text, tail in zip(texts, tails, strict=True)
    ]


def shortened(text: str, most: int) -> str:
    """`text` in one line of at most `most` characters, its end kept."""
    return short(plain(text), most)
