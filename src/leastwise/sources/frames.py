"""Frames of other libraries as Arrow tables, known by what they offer or by their type's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from leastwise.errors import DataError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa


def columns_of(name: str, array: np.ndarray) -> dict[str, Any]:
    """The columns of a two-dimensional array, named name0, name1, ..."""
    if array.ndim != 2:
        raise DataError(
            f"the array {name!r} has {array.ndim} dimensions: a table is made of 2 (rows, columns)"
        )
    return {f"{name}{column}": array[:, column] for column in range(array.shape[1])}


def from_arrays(arrays: Mapping[Any, Any]) -> pa.Table:
    """The table of these one-dimensional arrays; a DataError if they are not of one length."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for key, values in arrays.items():
        name = str(key)
        try:
            columns[name] = _column(name, values)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise _unlike(name, error) from error
    lengths = {name: len(column) for name, column in columns.items()}
    for name, length in lengths.items():
        first = next(iter(lengths))
        if length != lengths[first]:
            raise DataError(
                f"column {name!r} has {length} rows but {first!r} has {lengths[first]}: "
                "columns of one table have the same length"
            )
    return pa.table(columns)


def _column(name: str, values: Any) -> pa.Array | pa.ChunkedArray:
    import pyarrow as pa

    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    if not isinstance(values, np.ndarray):
        values = np.asarray(values) if hasattr(values, "__array__") else values
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise DataError(f"column {name!r} has {values.ndim} dimensions: give one value a row")
        if values.dtype.kind == "c":
            raise DataError(f"column {name!r} holds complex numbers: give real ones")
        values = (
            values.tolist()
            if values.dtype.kind in "OUS"
            else values.astype(_native(values), copy=False)
        )
    elif isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise DataError(f"column {name!r} is a single value: give one value a row")
    return pa.array(values, from_pandas=True)


def _native(array: np.ndarray) -> np.dtype:
    """The array's type in this machine's byte order, the only one that Arrow knows."""
    return array.dtype.newbyteorder("=")


def _unlike(name: str, error: Exception) -> DataError:
    if isinstance(error, DataError):
        return error
    words = str(error).splitlines()[0][:100]
    return DataError(
        f"column {name!r} cannot be read ({words}): make its values all numbers or all text"
    )


def from_frame(frame: Any) -> pa.Table:
    """The table of a frame, a dict of arrays or a two-dimensional array; else a UsageError."""
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return without_index(frame)
    if isinstance(frame, pa.RecordBatch):
        return without_index(pa.Table.from_batches([frame]))
    kind = type(frame)
    home = kind.__module__.partition(".")[0]
    if home == "pandas" and kind.__name__ == "DataFrame":
        return _from_pandas(frame)
    if home == "polars" and kind.__name__ == "LazyFrame":
        raise UsageError("a polars LazyFrame has no rows yet: call .collect() on it first")
    if isinstance(frame, Mapping):
        return from_arrays(cast("Mapping[Any, Any]", frame))
    if isinstance(frame, np.ndarray):
        return from_arrays(columns_of("x", frame))
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            return without_index(pa.RecordBatchReader.from_stream(frame).read_all())
        except pa.ArrowException as error:
            raise UsageError(
                f"a {home}.{kind.__name__} is no table of columns: put it in a frame or a dict"
            ) from error
    raise UsageError(
        f"a {home}.{kind.__name__} cannot be read as a table: give a path, a pandas, polars or "
        "pyarrow table, or a dict of arrays"
    )


def _from_pandas(frame: Any) -> pa.Table:
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"the table has {names.count(twice)} columns named {twice!r}: give each its own name"
        )
    columns: list[Any] = []
    for place, name in enumerate(names):
        series = frame.iloc[:, place]
        if str(series.dtype).startswith("Sparse"):
            series = np.asarray(series)
        try:
            columns.append(pa.Array.from_pandas(series))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise _unlike(name, error) from error
    return pa.table(columns, names=names)


def without_index(table: pa.Table) -> pa.Table:
    """The table without the row labels that pandas stores as columns."""
    stored = cast("dict[str, Any]", table.schema.pandas_metadata or {}).get("index_columns", [])
    labels = {label for label in stored if isinstance(label, str)}
    labels |= {name for name in table.column_names if name.startswith("__index_level_")}
    kept = [name for name in table.column_names if name not in labels]
    return table if len(kept) == table.num_columns else table.select(kept)
