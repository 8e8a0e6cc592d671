"""How a page of the gallery states a row of the studies.

The studies are 112 claims, runs, open problems and mistakes of four texts on linear regression,
numbered S0.1 to S3.20. A page that checks one says so by a call:

    shown      the claim holds, or the number comes out
    corrected  the text is wrong in a detail: `expected` is the right number, `text` what it says
    refuted    the claim is false: `expected` is what is true instead, `text` what it says

Each call compares what was obtained with what is expected, raises AssertionError where they
disagree, prints a line, and keeps a record, of which the documentation makes its table.

Examples
--------
>>> shown("S1.5", "squares of one error of 10, of ten of 1", [100.0, 10.0], [100, 10])
S1.5 shown: squares of one error of 10, of ten of 1: 100, 10 (expected 100, 10)
>>> shown("S2.13", "derivative in w", 5.334776914, 5.33477691, digits=8)
S2.13 shown: derivative in w: 5.33477691 (expected 5.33477691, to 8 decimals)
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

COUNTS = {"S0": 41, "S1": 27, "S2": 24, "S3": 20}
ROWS = tuple(f"{text}.{row}" for text, count in COUNTS.items() for row in range(1, count + 1))
VERDICTS = ("shown", "corrected", "refuted")

Scalar = bool | int | float | str


@dataclass(frozen=True)
class Record:
    """One check of one row.

    Parameters
    ----------
    row : S0.1 to S3.20
    what : what was checked, in a few words
    obtained, expected : a number, a truth value, a word or a short list of them
    digits, rtol, atol : how near they have to be, as `shown` takes it
    verdict : shown, corrected or refuted
    text : what the text says, where it is corrected or refuted
    page : the name of the script that checked it, without its ending
    """

    row: str
    what: str
    obtained: Scalar | list[Scalar]
    expected: Scalar | list[Scalar]
    digits: int | None
    rtol: float | None
    atol: float | None
    verdict: str
    text: str
    page: str

    @property
    def tolerance(self) -> str:
        """How near the two have to be, in words; none where they have to be equal."""
        if self.digits is not None:
            return f"to {self.digits} decimals"
        if self.rtol is not None:
            return f"within {self.rtol:g} of it"
        return "" if self.atol is None else f"within {self.atol:g}"

    @property
    def agrees(self) -> bool:
        """Whether `obtained` is `expected`, as near as it has to be."""
        ours, theirs = _listed(self.obtained), _listed(self.expected)
        return len(ours) == len(theirs) and all(map(self._near, ours, theirs))

    def _near(self, a: Scalar, b: Scalar) -> bool:
        if isinstance(a, bool | str) or isinstance(b, bool | str):
            return type(a) is type(b) and a == b
        return abs(a - b) <= self._apart(b)

    def _apart(self, expected: float) -> float:
        if self.digits is not None:
            return (1.0 + 1e-6) * 10.0**-self.digits
        return abs(expected) * (self.rtol or 0.0) + (self.atol or 0.0)

    def words(self, field: str) -> str:
        """`obtained` or `expected` as it is printed: with the digits that are compared."""
        return ", ".join(map(self._word, _listed(getattr(self, field))))

    def _word(self, value: Scalar) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str | int):
            return str(value)
        if self.digits is not None:
            return f"{value:.{self.digits}f}"
        apart = self._apart(value)
        share = abs(value) / apart if apart else 1e9
        return f"{value:.{min(max(math.ceil(math.log10(share + 1.0)) + 1, 3), 15)}g}"

    def stored(self) -> dict[str, Any]:
        """The record as it is written to a file of all rows, less the row's own name."""
        kept = ("what", "obtained", "expected", "verdict", "text", "page")
        return {key: getattr(self, key) for key in kept} | {"tolerance": self.tolerance}


records: list[Record] = []


def shown(
    row: str,
    what: str,
    obtained: Any,
    expected: Any,
    *,
    digits: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Check that the text is right: `obtained` is `expected`.

    Parameters
    ----------
    row : S0.1 to S3.20
    what : what is checked, in a few words
    obtained : what the library gives: a number, a truth value, a word, or a short list of them
    expected : what the text prints, or what a source other than the library gives
    digits : decimals that agree; the last may be one off, as the texts cut some numbers and round
        others
    rtol, atol : or the largest difference, relative to `expected` or absolute; with none of the
        three the two must be equal
    """
    _check(row, what, obtained, expected, "shown", "", digits, rtol, atol)


def corrected(
    row: str,
    what: str,
    obtained: Any,
    expected: Any,
    *,
    text: str,
    digits: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Check the right number where the text, which says `text`, is wrong in a detail."""
    _check(row, what, obtained, expected, "corrected", text, digits, rtol, atol)


def refuted(
    row: str,
    what: str,
    obtained: Any,
    expected: Any,
    *,
    text: str,
    digits: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Check what is true instead where the text claims `text`, which is false."""
    _check(row, what, obtained, expected, "refuted", text, digits, rtol, atol)


def _check(
    row: str,
    what: str,
    obtained: Any,
    expected: Any,
    verdict: str,
    text: str,
    digits: int | None,
    rtol: float | None,
    atol: float | None,
) -> None:
    if row not in ROWS:
        raise ValueError(f"there is no row {row!r}: they are S0.1 to S3.20")
    if verdict != "shown" and not text:
        raise ValueError(f"{row}: say in text= what the text claims, as it is {verdict}")
    if sum(each is not None for each in (digits, rtol, atol)) > 1:
        raise ValueError("give one of digits, rtol and atol")
    page = Path(sys._getframe(2).f_code.co_filename).stem
    values, near = (_plain(obtained), _plain(expected)), (digits, rtol, atol)
    found = Record(row, what, *values, *near, verdict, text, page)
    words = f"{found.words('obtained')} (expected {found.words('expected')}"
    line = f"{row} {verdict}: {what}: {', '.join(filter(None, (words, found.tolerance)))})"
    if not found.agrees:
        raise AssertionError(f"{line}: they disagree: {found.obtained}, {found.expected}")
    records.append(found)
    print(f"{line}; the text says: {text}" if text else line)


def _plain(value: Any) -> Scalar | list[Scalar]:
    """A value of NumPy's as one of Python's, which JSON knows; what is not finite as a word."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_scalar(each) for each in value]
    return _scalar(value)


def _scalar(value: Any) -> Scalar:
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"a number, a truth value, a word or a list of them, not {value!r}")
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _listed(value: Scalar | list[Scalar]) -> list[Scalar]:
    return value if isinstance(value, list) else [value]
