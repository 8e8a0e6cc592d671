"""Files and frames as Arrow tables.

A file is known by its suffix and checked by its first bytes. A frame is known by what it offers
(the Arrow PyCapsule stream) or by the name of its type; neither pandas nor polars is imported for
it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from leastwise.errors import DataError, LeastwiseError, UsageError
from leastwise.sources.delimited import read_delimited
from leastwise.sources.frames import columns_of, from_arrays, from_frame, without_index

if TYPE_CHECKING:
    import pyarrow as pa

_ARROW, _PARQUET, _NPY, _ZIP, _GZIP = b"ARROW1", b"PAR1", b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b"
_STREAM = b"\xff\xff\xff\xff"
_HOLDS = {
    _ARROW: "an Arrow file (.arrow)",
    _PARQUET: "Parquet (.parquet)",
    _NPY: "a NumPy array (.npy)",
    _ZIP: "a zip archive (of the usual suffixes .npz, .xlsx or .zip)",
    _GZIP: "gzip (.csv.gz)",
}


def read_arrow(path_or_frame: Any) -> pa.Table:
    """A file or a frame as an Arrow table, without the row labels of pandas.

    Parameters
    ----------
    path_or_frame : path, frame or dict
        A path with the suffix .csv, .tsv (also .csv.gz, .tsv.gz), .parquet, .arrow, .feather, .ipc,
        .npy or .npz; a pyarrow, pandas or polars frame, or anything else that offers
        `__arrow_c_stream__`; a dict of one-dimensional arrays; a two-dimensional array, whose
        columns become x0, x1, ...

    Returns
    -------
    pyarrow.Table
        At least one row and one column, all of different names.

    Raises
    ------
    DataError
        The file is missing, empty, cut, damaged or not what its suffix says; rows of a CSV differ
        in length or are not UTF-8; there are no rows; two columns have one name; arrays differ in
        length.
    UsageError
        The suffix or the type is none of those above.

    Examples
    --------
    >>> read_arrow({"area": [70, 55], "town": ["Ulm", "Bonn"]}).column_names
    ['area', 'town']
    """
    if isinstance(path_or_frame, (str, os.PathLike)):
        path = Path(cast("str | os.PathLike[str]", path_or_frame))
        table, source = _read_file(path), str(path)
    else:
        table, source = from_frame(path_or_frame), "the table"
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"{source} has {names.count(twice)} columns named {twice!r}: give each its own name"
        )
    if table.num_columns == 0:
        raise DataError(f"{source} has no columns")
    if table.num_rows == 0:
        raise DataError(f"{source} has columns ({', '.join(names[:5])}) but no rows: add some")
    return table


def _read_file(path: Path) -> pa.Table:
    suffix = "".join(path.suffixes[-2:]).lower()
    suffix = suffix if suffix in _READERS else path.suffix.lower()
    if len(os.fsencode(path.name)) > 255:
        raise DataError(f"{path.name[:40]}... does not exist: a name has 255 bytes at most")
    if path.is_dir():
        raise DataError(f"{path} is a folder: give one of the files in it")
    if not path.exists():
        raise DataError(f"{path} does not exist: check its name{_beside(path)}")
    if not path.is_file():
        raise DataError(f"{path} is no ordinary file: write its content to one and give that")
    if suffix not in _READERS:
        what = f"the suffix {suffix}" if suffix else "no suffix"
        raise UsageError(
            f"{path} has {what}, so its format is not known: use one of {', '.join(_READERS)}"
        )
    words, magic, read = _READERS[suffix]
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if not head:
            raise DataError(f"{path} is empty: nothing was written to it")
        _check_magic(path, head, words, magic)
        return read(path)
    except LeastwiseError:
        raise
    except PermissionError as error:
        raise DataError(f"{path} may not be read: its permissions forbid it") from error
    except Exception as error:
        # pyarrow, zipfile, zlib and NumPy raise some fifteen unrelated classes for damaged bytes
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path} cannot be read as {words}, it seems cut or damaged ({line[:120]}): "
            "copy or write it anew"
        ) from error


def _beside(path: Path) -> str:
    from difflib import get_close_matches

    folder = path.parent
    if not folder.is_dir():
        return f" (nor does its folder {folder})"
    near = get_close_matches(path.name, [other.name for other in folder.iterdir()], 1)
    return f" ({near[0]} is there)" if near else ""


def _check_magic(path: Path, head: bytes, words: str, magic: tuple[bytes, ...]) -> None:
    if magic and head.startswith(magic):
        return
    for start, holds in _HOLDS.items():
        if head.startswith(start):
            raise DataError(f"{path} is named as {words} but holds {holds}: rename or convert it")
    if magic:
        raise DataError(f"{path} is not {words}, whatever its name says: its first bytes differ")


def _comma(path: Path) -> pa.Table:
    return read_delimited(path, ",")


def _tab(path: Path) -> pa.Table:
    return read_delimited(path, "\t")


def _parquet(path: Path) -> pa.Table:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        return without_index(file.read())


def _ipc(path: Path) -> pa.Table:
    import pyarrow as pa

    # read, not mapped: the file may be replaced while the table lives
    with pa.OSFile(str(path), "rb") as file:
        stream = file.read(4) == _STREAM
        file.seek(0)
        with pa.ipc.open_stream(file) if stream else pa.ipc.open_file(file) as reader:
            table = reader.read_all()
    table.validate(full=True)
    return without_index(table)


def _npy(path: Path) -> pa.Table:
    with path.open("rb") as file:
        return from_arrays(columns_of("x", _plain(path, lambda: np.load(file, allow_pickle=False))))


def _plain(path: Path, read: Callable[[], Any]) -> Any:
    """The array that is read; those of Python's objects are pickles, which could run code."""
    try:
        return read()
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{path} holds objects of Python, which are not read: save numbers or text instead "
            "(numpy.save(file, array.astype(float)))"
        ) from error


def _npz(path: Path) -> pa.Table:
    arrays: dict[str, Any] = {}
    # NumPy leaves the file open when the archive is damaged
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        for name in archive.files:
            array = _plain(path, lambda name=name: archive[name])
            arrays |= {name: array} if array.ndim == 1 else columns_of(name, array)
    return from_arrays(arrays)


_Reader = Callable[[Path], "pa.Table"]
_READERS: dict[str, tuple[str, tuple[bytes, ...], _Reader]] = {
    ".csv": ("a CSV", (), _comma),
    ".tsv": ("tab-separated text", (), _tab),
    ".csv.gz": ("a gzipped CSV", (_GZIP,), _comma),
    ".tsv.gz": ("gzipped tab-separated text", (_GZIP,), _tab),
    ".parquet": ("Parquet", (_PARQUET,), _parquet),
    ".arrow": ("an Arrow file", (_ARROW, _STREAM), _ipc),
    ".feather": ("a Feather file", (_ARROW, _STREAM), _ipc),
    ".ipc": ("an Arrow file", (_ARROW, _STREAM), _ipc),
    ".npy": ("a NumPy array", (_NPY,), _npy),
    ".npz": ("a NumPy archive", (_ZIP, b"PK\x05\x06"), _npz),
}
