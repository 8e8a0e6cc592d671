"""One column of a table as the columns of numbers that stand for it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leastwise.encoding.arrow import from_numpy, to_numpy
from leastwise.encoding.kinds import (
    ORIGIN,
    Kind,
    floats,
    kind_of,
    refuse_infinite,
)
from leastwise.encoding.levels import (
    Level,
    level_array,
    levels_of,
    number_values,
    text_values,
    value_type,
)
from leastwise.encoding.text import first_text, shown
from leastwise.errors import DataError, LeastwiseWarning

if TYPE_CHECKING:
    import pyarrow as pa

MOST_LEVELS = 1000
"""Up to here a column of mostly different texts is encoded (and noted); beyond it is refused."""

_WORDS: dict[str, str] = {
    "number": "numbers",
    "boolean": "true/false",
    "category": "levels",
    "date": "dates",
    "instant": "times with a zone",
    "time": "times of day",
    "duration": "durations",
}
_ACCEPTS: dict[str, tuple[str, ...]] = {
    "number": ("number", "boolean"),
    "boolean": ("boolean", "number"),
    "date": ("date",),
    "instant": ("instant",),
    "time": ("time",),
    "duration": ("duration",),
}


@dataclass(frozen=True)
class Feature:
    """How one column of a table becomes numbers; fixed once learned.

    Parameters
    ----------
    name : str
        The column of the table.
    kind : str
        "number", "boolean", "category", "date", "instant", "time" or "duration".
    levels : tuple
        For a category its levels, the base first: level j > 0 has a column that is 1 where the
        value is that level, and the base has none. Empty for the other kinds, which have one
        column.
    """

    name: str
    kind: Kind
    levels: tuple[Level, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the encoded columns, such as "sqft_living" or "zipcode=98002"."""
        if self.kind != "category":
            return (self.name,)
        return tuple(f"{self.name}={level}" for level in self.levels[1:])

    def note(self) -> str | None:
        """The encoding in words, where the column's name alone does not say it."""
        match self.kind:
            case "category":
                number = len(self.levels)
                return f"{self.name}: {number} level{'s'[: number > 1]}, base {self.levels[0]}"
            case "date":
                return f"{self.name}: days since {ORIGIN}"
            case "instant":
                return f"{self.name}: days since {ORIGIN} 00:00 UTC"
            case "time":
                return f"{self.name}: days since midnight"
            case "duration":
                return f"{self.name}: days"
            case _:
                return None

    def values(self, column: pa.ChunkedArray) -> np.ndarray:
        """The numbers (n,) of a plain column, NaN where missing; not for categories.

        Raises
        ------
        DataError
            The column is of another kind than it was when learned, or has an infinite value.
        """
        given = kind_of(self.name, column.type)
        if column.null_count == len(column):
            return np.full(len(column), np.nan)
        if given not in _ACCEPTS[self.kind]:
            raise self._mismatch(column, given)
        numbers = floats(column, self.kind)
        refuse_infinite(self.name, numbers)
        if self.kind == "boolean" and given == "number":
            odd = ~((numbers == 0) | (numbers == 1) | np.isnan(numbers))
            if odd.any():
                row = int(np.argmax(odd))
                raise DataError(
                    f"column {self.name!r} was true/false when fitted but is {numbers[row]:g} in "
                    f"data row {row + 1}: give true/false or 1/0"
                )
        return numbers

    def codes(self, column: pa.ChunkedArray, missing: np.ndarray) -> np.ndarray:
        """The level (n,) of every row of a plain column, 0 the base and -1 where `missing` (n,).

        A value that is no level is counted as the base, with a warning that names it: the model has
        no coefficient for it.

        Raises
        ------
        DataError
            The levels are numbers and the column is not.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = isinstance(self.levels[0], str)
        values = text_values(column) if texts else self._number_values(column)
        levels = level_array(self.levels)
        if not texts and levels.type != values.type:
            levels, values = levels.cast(pa.float64()), values.cast(pa.float64(), safe=False)
        found = pc.index_in(values, levels.cast(values.type))
        unseen = ~to_numpy(found.is_valid()) & ~missing
        codes = to_numpy(found).astype(np.int32)
        if unseen.any():
            self._warn(values.filter(from_numpy(unseen)))
        codes[missing] = -1
        return codes

    def _number_values(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        given = kind_of(self.name, value_type(column))
        if column.null_count == len(column):
            import pyarrow as pa

            return pa.chunked_array([pa.nulls(len(column), pa.float64())])
        if given not in ("number", "boolean", "duration"):
            raise self._mismatch(column, given)
        return number_values(column)

    def _mismatch(self, column: pa.ChunkedArray, given: str) -> DataError:
        expected = "numbers" if self.kind == "category" else _WORDS[self.kind]
        now, where = _WORDS[given], ""
        if given == "category":
            now = "text"
            found = first_text(text_values(column))
            if found is not None:
                where = f" ({shown(found[1])} in data row {found[0] + 1})"
        return DataError(
            f"column {self.name!r} held {expected} when fitted and holds {now} here{where}: "
            f"give it as {expected}"
        )

    def _warn(self, unseen: pa.ChunkedArray) -> None:
        named = sorted({shown(value) for value in unseen.unique().to_pylist()})
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        rows = f"{len(unseen)} row{'s'[: len(unseen) > 1]}"
        levels = f"level{'s'[: len(named) > 1]}"
        warnings.warn(
            f"column {self.name!r} has {len(named)} {levels} that the fit never saw "
            f"({', '.join(named[:5])}{more}) in {rows}, counted as the base {self.levels[0]}",
            LeastwiseWarning,
            stacklevel=5,
        )


def learn(name: str, column: pa.ChunkedArray, as_category: bool = False) -> Feature:
    """The feature that a plain column without missing values calls for.

    Parameters
    ----------
    name : str
        The column.
    column : ChunkedArray of shape (n,)
        Its values, as `plain` gives them.
    as_category : bool
        Take its values as levels, whatever they are.

    Raises
    ------
    DataError
        A category with more than `MOST_LEVELS` levels that differ in more than half of the rows.
    """
    kind = kind_of(name, column.type)
    if not as_category and kind != "category":
        return Feature(name, kind)
    levels = levels_of(column)
    if len(levels) > MOST_LEVELS and 2 * len(levels) > len(column):
        raise DataError(
            f"column {name!r} has {len(levels)} different values in {len(column)} rows, an "
            f"identifier or free text rather than a category: exclude it (--exclude {name})"
        )
    return Feature(name, "category", levels)
