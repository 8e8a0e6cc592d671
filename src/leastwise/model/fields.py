"""Reading a dict that may hold anything: every value is checked for its type, size and range."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import DataError

_TEXTS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_MOST = 2**63


def not_ours(why: str) -> DataError:
    """The error of a file that `save` did not write."""
    return DataError(f"this is not a leastwise model: {why}")


class Fields:
    """The values of a dict, by name; a DataError that names the value where it is not as expected.

    Parameters
    ----------
    given : what was read
    where : what it is a part of, for messages
    """

    def __init__(self, given: dict[str, Any], where: str) -> None:
        self._given = given
        self._where = where

    def names_there(self) -> list[str]:
        """The names that are there."""
        return list(self._given)

    def has(self, name: str) -> bool:
        """Whether there is a value, null being none."""
        return self.value(name) is not None

    def value(self, name: str) -> Any:
        """Whatever stands there."""
        if name not in self._given:
            raise not_ours(f"{self._where} has no {name!r}")
        return self._given[name]

    def _wrong(self, name: str, expected: str) -> DataError:
        return not_ours(f"{name!r} of {self._where} is not {expected}")

    def text(self, name: str) -> str:
        """A text."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def whole(self, name: str, *, least: int = 0) -> int:
        """A whole number."""
        value = self.value(name)
        if type(value) is not int or not least <= value < _MOST:
            raise self._wrong(name, f"a whole number of at least {least}")
        return value

    def number(self, name: str, *, least: float = -math.inf, finite: bool = True) -> float:
        """A number; with `finite=False` also nan and the infinities."""
        number = _number(self.value(name))
        if number is None or (finite and not math.isfinite(number)) or number < least:
            raise self._wrong(name, "a number" if least < 0 else f"a number of at least {least:g}")
        return number

    def length(self, name: str) -> int:
        """How many items a list has."""
        value = self.value(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return len(cast("list[Any]", value))

    def shape(self, name: str) -> tuple[int, int]:
        """How many lists a list has, and how many items the first of them."""
        rows = self.length(name)
        first = self.value(name)[0] if rows else []
        if not isinstance(first, list):
            raise self._wrong(name, "a list of lists")
        return rows, len(cast("list[Any]", first))

    def numbers(
        self, name: str, shape: tuple[int, ...], *, least: float | None = None
    ) -> NDArray[np.float64]:
        """Numbers of this shape, (m,) or (k, p); with `least` all of them finite and so large."""
        value = self.value(name)
        rows = [value] if len(shape) == 1 else value
        expected = " x ".join(map(str, shape)) + " numbers"
        if not isinstance(rows, list):
            raise self._wrong(name, expected)
        rows = cast("list[Any]", rows)
        if len(shape) == 2 and len(rows) != shape[0]:
            raise self._wrong(name, expected)
        out = np.empty((len(rows), shape[-1]))
        for place, row in enumerate(rows):
            if not isinstance(row, list) or len(cast("list[Any]", row)) != shape[-1]:
                raise self._wrong(name, expected)
            numbers = [_number(item) for item in cast("list[Any]", row)]
            if any(number is None for number in numbers):
                raise self._wrong(name, expected)
            out[place] = cast("list[float]", numbers)
        if least is not None and not (np.isfinite(out).all() and (out >= least).all()):
            raise self._wrong(name, f"{expected} of at least {least:g}")
        return out.reshape(shape)

    def optional(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
        """Numbers of this shape, or None."""
        return self.numbers(name, shape) if self.has(name) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self.value(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list of texts")
        listed = cast("list[Any]", value)
        if not all(isinstance(item, str) for item in listed):
            raise self._wrong(name, "a list of texts")
        return tuple(listed)

    def names(self, name: str) -> tuple[str, ...]:
        """A list of different texts."""
        names = self.texts(name)
        if len(set(names)) != len(names):
            raise self._wrong(name, "a list of different names")
        return names

    def part(self, name: str) -> Fields:
        """An object."""
        value = self.value(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Fields(cast("dict[str, Any]", value), name)

    def parts(self, name: str) -> list[Fields]:
        """A list of objects."""
        value = self.value(name)
        if not isinstance(value, list) or not all(
            isinstance(item, dict) for item in cast("list[Any]", value)
        ):
            raise self._wrong(name, "a list of objects")
        return [Fields(item, name) for item in cast("list[dict[str, Any]]", value)]


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return _TEXTS.get(value)
    if type(value) is float:
        return value
    if type(value) is int and abs(value) < _MOST:
        return float(value)
    return None
