"""Values between Arrow and NumPy, by their buffers.

`Array.to_numpy`, `pa.array` and `pa.scalar` import pandas where it is installed, which costs a
command more time than to read and fit a table of a thousand rows. These do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def to_numpy(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The values (n,) of a column of numbers or booleans; read-only where no copy is needed.

    A missing value is NaN in a column of floats and 0 in any other.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    boolean = pa.types.is_boolean(column.type)
    if boolean:
        column = column.cast(pa.uint8())
    if column.null_count:
        missing = np.nan if pa.types.is_floating(column.type) else 0
        column = pc.fill_null(column, from_numpy(np.array([missing]))[0].cast(column.type))
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = np.from_dlpack(array)
    return values.view(bool) if boolean else values


def from_numpy(values: np.ndarray, *, nan_is_missing: bool = False) -> pa.Array:
    """An Arrow array of float64, int64 or bool values (n,), which shares their memory if it can."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if values.dtype == bool:
        return from_numpy(values.view(np.uint8)).cast(pa.bool_())
    kind = {"f": pa.float64(), "i": pa.int64(), "u": pa.uint8()}[values.dtype.kind]
    shared = pa.py_buffer(np.ascontiguousarray(values))
    array = pa.Array.from_buffers(kind, values.size, [None, shared])
    if nan_is_missing:
        return pc.if_else(pc.is_nan(array), pa.nulls(1, kind)[0], array)
    return array


def from_texts(texts: Sequence[str]) -> pa.Array:
    """An Arrow array of large strings."""
    import pyarrow as pa

    coded = [text.encode("utf-8", "replace") for text in texts]
    ends = np.cumsum([0, *map(len, coded)], dtype=np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(coded))]
    return pa.Array.from_buffers(pa.large_string(), len(coded), buffers)
