"""What is known of an output before the work starts: its folder, and what it would overwrite."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from leastwise.errors import DataError, UsageError


def check_outputs(outputs: Mapping[str, str | None], inputs: Mapping[str, str]) -> None:
    """Refuse outputs that cannot be written, that are an input, or that are one file.

    Parameters
    ----------
    outputs : option -> path, None where it was not given
    inputs : what it is, in words -> path

    Raises
    ------
    DataError
        A folder does not exist or is not writable.
    UsageError
        An output is an input, or two outputs are one file.
    """
    taken: dict[str, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        _check_folder(path)
        if os.path.exists(path) and not os.path.isfile(path):
            continue  # a device or a pipe takes any number of writers
        real = os.path.realpath(path)
        for what, read in inputs.items():
            if real == os.path.realpath(read) or _same_file(real, read):
                raise UsageError(f"{option} {path} would overwrite {what}: name another file")
        if real in taken:
            raise UsageError(f"{option} and {taken[real]} both name {path}: name two files")
        taken[real] = option


def _check_folder(path: str) -> None:
    if not path:
        raise UsageError("the name of an output file is empty: give one")
    if len(os.fsencode(os.path.basename(path))) > 240:
        raise DataError(f"cannot write {path[:40]}...: the name is too long; choose a shorter one")
    final = Path(os.path.realpath(path))
    folder = final.parent
    if final.is_dir():
        raise DataError(f"cannot write {path}: it is a folder; name a file in it")
    if not folder.is_dir():
        raise DataError(
            f"cannot write {path}: the folder {Path(path).parent} does not exist; create it or "
            "choose another one"
        )
    place = final if final.exists() and not final.is_file() else folder
    if not os.access(place, os.W_OK):
        raise DataError(
            f"cannot write {path}: the folder {Path(path).parent} is not writable; change its "
            "permissions or choose another one"
        )


def _same_file(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
