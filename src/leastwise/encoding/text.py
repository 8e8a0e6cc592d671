"""Numbers that were read as text: one bad value turns a whole column of a CSV into strings.

One-hot encoding such a column would bury a typing error under thousands of levels, so a column
where at least `SHARE` of the values are numbers, or numbers in another notation, is refused with
the first value that is in the way. A column of codes that happens to look like that is let through
by naming it in `categories`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leastwise.encoding.arrow import to_numpy
from leastwise.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SHARE = 0.5
"""Below a half numbers, text is the rule of a column and not an accident in it."""

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_NOTATIONS = (
    (
        "numbers with thousands separators",
        r"^\s*[+-]?\d{1,3}([,' \x{00A0}\x{202F}]\d{3})+(\.\d+)?\s*$",
    ),
    ("numbers with a decimal comma", r"^\s*[+-]?\d+(\.\d{3})*,\d+\s*$"),
    (
        "amounts with a currency sign",
        r"^\s*[+-]?[$€£¥]\s?[+-]?\d[\d.,' ]*\s*$|^\s*[+-]?\d[\d.,' ]*\s?[$€£¥]\s*$",
    ),
    ("percentages", r"^\s*[+-]?\d[\d.,]*\s?%\s*$"),
)


def shown(value: object) -> str:
    """A value as one short line, for messages."""
    words = repr(value)
    return words if len(words) <= 40 else words[:36] + "...'"


def first_text(column: pa.ChunkedArray) -> tuple[int, str] | None:
    """The row (from 0) and value of the first text that is no number, or None."""
    import pyarrow.compute as pc

    numbers = pc.match_substring_regex(column, _NUMBER)
    bad = np.flatnonzero(~to_numpy(numbers) & to_numpy(column.is_valid()))
    return (int(bad[0]), column[int(bad[0])].as_py()) if bad.size else None


def refuse_numbers(name: str, column: pa.ChunkedArray, remedy: str) -> None:
    """Raise a DataError if this column of strings is one of numbers with something else in it.

    Parameters
    ----------
    name : str
        The column.
    column : ChunkedArray of strings
        Its values.
    remedy : str
        What to do other than to correct the values, as the end of the sentence.

    Raises
    ------
    DataError
        Most values are numbers and some are not, or most are numbers in a notation that is not
        read.
    """
    import pyarrow.compute as pc

    counts = pc.value_counts(column.drop_null())
    texts, number_of = counts.field("values"), counts.field("counts")
    total = pc.sum(number_of).as_py() or 0

    def matching(pattern: str) -> int:
        found = pc.match_substring_regex(texts, pattern)
        return pc.sum(number_of.filter(found)).as_py() or 0

    numbers = matching(_NUMBER)
    if numbers == total:
        return
    for words, pattern in _NOTATIONS:
        others = matching(pattern)
        if others and numbers + others >= 0.9 * total:
            example = texts.filter(pc.match_substring_regex(texts, pattern))[0].as_py()
            raise DataError(
                f"column {name!r} looks like {words} (such as {shown(example)}), which are read as "
                f"text: write them as plain numbers such as 1234.5, or {remedy}"
            )
    if numbers < SHARE * total:
        return
    found = first_text(column)
    if found is not None:
        row, value = found
        raise DataError(
            f"column {name!r} is a number in {numbers} rows but text in {total - numbers}, first "
            f"{shown(value)} in data row {row + 1}: correct it or leave it empty if it is missing, "
            f"or {remedy}"
        )
