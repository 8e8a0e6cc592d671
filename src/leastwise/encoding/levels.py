"""The levels of a category: the values that occur, as text or as numbers.

Levels are numbers where the column is one of numbers (98001 and 98001.0 are one level), true and
false where it is boolean, and text for everything else; dates and times are levels by their ISO
text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from leastwise.encoding.arrow import from_numpy, from_texts
from leastwise.encoding.kinds import floats, kind_of

if TYPE_CHECKING:
    import pyarrow as pa

Level = str | int | float | bool


def levels_of(column: pa.ChunkedArray) -> tuple[Level, ...]:
    """Sorted levels that occur; an ordered dictionary keeps its own order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    type_ = column.type
    boolean = pa.types.is_boolean(value_type(column))
    texts = kind_of("", value_type(column)) not in ("number", "boolean", "duration")
    values = (text_values if texts else number_values)(column).unique()
    if pa.types.is_dictionary(type_) and type_.ordered and column.num_chunks:
        order = column.unify_dictionaries().chunk(0).dictionary
        order = pa.chunked_array([order])
        order = (text_values if texts else number_values)(order).combine_chunks()
        values = order.filter(pc.is_in(order, values)).unique()
    else:
        values = values.take(pc.array_sort_indices(values))
    levels: list[Any] = values.to_pylist()
    return tuple(bool(level) for level in levels) if boolean else tuple(levels)


def value_type(column: pa.ChunkedArray) -> pa.DataType:
    """The type of the values, seen through a dictionary."""
    import pyarrow as pa

    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def text_values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Every value as text: times with a zone in UTC, all timestamps to the microsecond."""
    import pyarrow as pa

    value = value_type(column)
    if value != column.type:
        column = column.cast(value)
    if pa.types.is_timestamp(value):
        column = column.cast(pa.timestamp("us"), safe=False)
    elif pa.types.is_date64(value):
        column = column.cast(pa.date32())
    elif pa.types.is_duration(value):
        column = pa.chunked_array([floats(column, "duration")])
    return column.cast(pa.large_string())


def number_values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as int64 where all are whole (98001.0 and 98001 are one level), else as float64."""
    import pyarrow as pa

    value = value_type(column)
    if value != column.type:
        column = column.cast(value)
    if pa.types.is_integer(value) and not pa.types.is_uint64(value):
        return column.cast(pa.int64())
    kind = kind_of("", value)
    numbers = from_numpy(floats(column, kind) + 0.0, nan_is_missing=True)
    try:
        return pa.chunked_array([numbers.cast(pa.int64())])
    except pa.ArrowInvalid:
        return pa.chunked_array([numbers])


def level_array(levels: Sequence[Level]) -> pa.Array:
    """The levels as large strings, int64 or float64 (true and false are 1 and 0)."""
    if isinstance(levels[0], str):
        return from_texts(cast("Sequence[str]", levels))
    numbers = np.array(levels)
    return from_numpy(numbers.astype(np.float64 if numbers.dtype.kind == "f" else np.int64))
