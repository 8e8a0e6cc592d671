"""CSV and its kin: rows of text between separators, read by Arrow, refused in words.

The first line gives the names. The separator is the suffix's own (comma, or tab), unless the first
line has none of it and has semicolons, tabs or commas. Empty fields and the usual words for them
(NA, null, nan, ...) are missing values; a quoted field may hold line ends.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

from leastwise.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_HEAD = 1 << 20
_BLOCKS = (1 << 20, 1 << 25, 2**31 - 1)
"""Bytes that Arrow parses at a time: its usual 1 MiB, and more for files with a longer row."""
_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_BASIC_ISO = "%Y%m%dT%H%M%S"
"""ISO 8601 without its dashes and colons, which Arrow's own parser does not know."""


def read_delimited(path: Path, separator: str) -> pa.Table:
    """The table in a CSV file.

    Parameters
    ----------
    path : Path
        Gzip if its suffix is .gz.
    separator : str
        What stands between fields, unless the first line shows another.

    Raises
    ------
    DataError
        There is no line, a row has more or fewer fields than the first line, or the bytes are not
        UTF-8.
    """
    import pyarrow as pa

    packed = path.suffix.lower() == ".gz"
    with gzip.open(path) if packed else path.open("rb") as file:
        head = file.read(_HEAD)
    header = _header(path, head)
    separator = _separator(header, separator)
    try:
        table = _read_whole_rows(path, packed, separator)
    except pa.ArrowInvalid as error:
        if ragged := _first_ragged(path, packed, separator):
            row, fields, expected = ragged
            raise DataError(
                f"{path}: data row {row} has {fields} field{'s'[: fields != 1]} where the first "
                f"line has {expected}: correct the row (a field with {_WORDS[separator]} or line "
                "ends in it needs quotes around it)"
            ) from error
        raise
    _refuse_bytes(path, table)
    _refuse_open_quote(path, table, packed)
    return _named(table)


def _header(path: Path, head: bytes) -> str:
    """The first line that is not empty, as text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path} is text in UTF-16: save it as UTF-8")
    lines = head.removeprefix(b"\xef\xbb\xbf").strip(b"\r\n").splitlines()
    if not lines or not head.strip():
        raise DataError(f"{path} is empty: it has no line of column names and no rows")
    try:
        return lines[0].decode("utf-8")
    except UnicodeDecodeError as error:
        if len(lines) == 1 and error.end >= len(lines[0]):
            return lines[0].decode("utf-8", "ignore")
        raise DataError(
            f"{path} is not UTF-8: byte {lines[0][error.start]:#04x} in its first line; save it as "
            "UTF-8"
        ) from error


def _separator(header: str, separator: str) -> str:
    bare = re.sub(r'"[^"]*"', "", header)
    if separator in bare:
        return separator
    return next((other for other in _WORDS if other in bare), separator)


def _read_whole_rows(path: Path, packed: bool, separator: str) -> pa.Table:
    """The table, in blocks as small as its longest row allows."""
    import pyarrow as pa

    for block in _BLOCKS[:-1]:
        try:
            return _read(path, packed, separator, block=block)
        except pa.ArrowInvalid as error:
            if not re.search("straddling object|Empty CSV file or block", str(error)):
                raise
    return _read(path, packed, separator, block=_BLOCKS[-1])


def _read(
    path: Path,
    packed: bool,
    separator: str,
    *,
    block: int = _BLOCKS[0],
    threads: bool = True,
) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    with pa.input_stream(str(path), compression="gzip" if packed else None) as file:
        return csv.read_csv(
            file,
            read_options=csv.ReadOptions(block_size=block, use_threads=threads),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                strings_can_be_null=True, timestamp_parsers=[csv.ISO8601, _BASIC_ISO]
            ),
        )


def _first_ragged(path: Path, packed: bool, separator: str) -> tuple[int, int, int] | None:
    """The first data row (from 1) of a wrong length, its number of fields, that expected.

    Arrow knows the row only when it reads in one thread, and then counts the header as row 1. (A
    handler of invalid rows would be told as well, but not of rows that are not UTF-8.)
    """
    import pyarrow as pa

    try:
        _read(path, packed, separator, threads=False)
    except pa.ArrowInvalid as error:
        found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", str(error))
        if found:
            row, expected, fields = (int(number) for number in found.groups())
            return row - 1, fields, expected
    return None


def _refuse_bytes(path: Path, table: pa.Table) -> None:
    """Raise a DataError if a column came out as bytes, which Arrow does where it is not UTF-8."""
    import pyarrow as pa

    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_binary(column.type):
            continue
        for row, value in enumerate(column.to_pylist(), 1):
            try:
                (value or b"").decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path} is not UTF-8: byte {value[error.start]:#04x} in column {name!r}, data "
                    f"row {row}; save the file as UTF-8"
                ) from error


def _refuse_open_quote(path: Path, table: pa.Table, packed: bool) -> None:
    """Raise a DataError if a quote that is never closed made the rest of the file one value."""
    import pyarrow as pa

    last = table.column(table.num_columns - 1)
    if not table.num_rows or not pa.types.is_string(last.type):
        return
    if "\n" not in (last[table.num_rows - 1].as_py() or ""):
        return
    quotes = 0
    with gzip.open(path) if packed else path.open("rb") as file:
        while part := file.read(_HEAD):
            quotes += part.count(b'"')
    if quotes % 2:
        raise DataError(
            f"{path}: a quote opened in data row {table.num_rows} is never closed, so that the "
            "rest of the file is one value: close or remove it"
        )


def _named(table: pa.Table) -> pa.Table:
    """The table with names stripped of spaces; nameless columns numbered, or left out if empty."""
    names = [name.strip() for name in table.column_names]
    kept = [
        place
        for place, name in enumerate(names)
        if name or table.column(place).null_count < table.num_rows
    ]
    names = [name or f"column {place + 1}" for place, name in enumerate(names)]
    return table.rename_columns(names).select(kept)
