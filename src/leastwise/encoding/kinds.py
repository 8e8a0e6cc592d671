"""What a column of a table is, and its values as float64.

| kind | Arrow types | numbers |
|---|---|---|
| number | integers, floats, decimals, the null type | the value |
| boolean | bool | 0 or 1 |
| category | strings, dictionaries, what is asked for by name | a column a level but the first |
| date | date32, date64, timestamp without a zone, ISO dates as text | days since 1970-01-01 |
| instant | timestamp with a zone, such times as text | days since 1970-01-01 00:00 UTC |
| time | time32, time64 | days since midnight |
| duration | duration | days |

Rows are numbered from 1 in every message and a header is not counted: "data row 1" is the first
one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from leastwise.encoding.arrow import to_numpy
from leastwise.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["number", "boolean", "category", "date", "instant", "time", "duration"]
KINDS: tuple[str, ...] = get_args(Kind)
ORIGIN = "1970-01-01"
"""Day 0 of dates and timestamps, in UTC for those with a time zone."""

_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")  # how an ISO date begins
_PER_DAY = {"s": 86_400.0, "ms": 86_400e3, "us": 86_400e6, "ns": 86_400e9}


def plain(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same values in a type that every Arrow kernel knows.

    Extension types give their storage, run-end encoding is undone, string views become large
    strings, float16 becomes float32, and the null type float64.

    Raises
    ------
    DataError
        The column holds lists, structs, maps, bytes or another type that no number can stand for.
    """
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        storage = [chunk.storage for chunk in column.chunks]
        return plain(name, pa.chunked_array(storage, kind.storage_type))
    if pa.types.is_run_end_encoded(kind):
        import pyarrow.compute as pc

        decoded = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return plain(name, pa.chunked_array(decoded, kind.value_type))
    if pa.types.is_dictionary(kind):
        return _plain_dictionary(name, column)
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    kind_of(name, kind)
    return column


def _plain_dictionary(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    kind = column.type
    values = plain(name, pa.chunked_array([], kind.value_type)).type
    if values == kind.value_type:
        return column
    chunks = [
        pa.DictionaryArray.from_arrays(
            chunk.indices,
            plain(name, pa.chunked_array([chunk.dictionary])).combine_chunks(),
            ordered=kind.ordered,
        )
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, pa.dictionary(kind.index_type, values, kind.ordered))


def kind_of(name: str, kind: pa.DataType) -> Kind:
    """The kind of a plain column of this Arrow type.

    Raises
    ------
    DataError
        No number can stand for values of this type.
    """
    import pyarrow as pa

    types = pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_boolean(kind):
        return "boolean"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind):
        return "category"
    if types.is_timestamp(kind):
        return "date" if kind.tz is None else "instant"
    if types.is_date(kind):
        return "date"
    if types.is_time(kind):
        return "time"
    if types.is_duration(kind):
        return "duration"
    raise DataError(
        f"column {name!r} holds {_in_words(kind)}, which no single number can stand for: "
        f"exclude it (--exclude {name}), or turn it into columns of numbers or text"
    )


def _in_words(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_nested(kind):
        return f"nested values ({kind})"
    if "binary" in str(kind):
        return f"bytes ({kind})"
    return f"values of type {kind}"


def is_text(column: pa.ChunkedArray) -> bool:
    """Whether a plain column is one of strings (a dictionary of strings is not)."""
    import pyarrow as pa

    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def dated(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A plain column of texts that are all ISO dates, or dates with times, as what they say.

    A CSV file's are read so too; other columns are given back as they are.
    """
    import pyarrow as pa

    if not is_text(column):
        return column
    first = next((value.as_py() for value in column if value.is_valid), "")
    if not _DATED.match(first):
        return column
    for kind in (pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column


def missing_rows(column: pa.ChunkedArray) -> np.ndarray | None:
    """A mask (n,) of the rows that are null or NaN, or None when there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count == 0 and not pa.types.is_floating(column.type):
        return None
    mask = to_numpy(pc.is_null(column, nan_is_null=True))
    return mask if mask.any() else None


def floats(column: pa.ChunkedArray, kind: Kind) -> np.ndarray:
    """The numbers (n,) of a plain column that is no category; NaN where missing."""
    import pyarrow as pa

    type_ = column.type
    scale = 1.0
    if kind == "boolean" and pa.types.is_boolean(type_):
        column = column.cast(pa.uint8())
    elif pa.types.is_date32(type_):
        column = column.cast(pa.int32())
    elif pa.types.is_date64(type_):
        column, scale = column.cast(pa.int64()), _PER_DAY["ms"]
    elif pa.types.is_time32(type_):
        column, scale = column.cast(pa.int32()), _PER_DAY[type_.unit]
    elif kind in ("date", "instant", "time", "duration") and pa.types.is_temporal(type_):
        column, scale = column.cast(pa.int64()), _PER_DAY[type_.unit]
    values = to_numpy(column.cast(pa.float64(), safe=False))
    return values if scale == 1.0 else values / scale


def refuse_infinite(name: str, values: np.ndarray, rows: np.ndarray | None = None) -> None:
    """Raise a DataError that names the first row where a value is infinite.

    Parameters
    ----------
    name : str
        The column.
    values : ndarray of shape (n,)
        Its numbers.
    rows : ndarray of shape (n,), optional
        The row of the table (from 0) that each value came from; by default their order.
    """
    infinite = np.isinf(values)
    if infinite.any():
        first = int(np.argmax(infinite))
        row = first if rows is None else int(rows[first])
        raise DataError(
            f"column {name!r} has an infinite value in data row {row + 1} "
            f"({int(infinite.sum())} in all): correct it, or leave it empty if it is missing"
        )
