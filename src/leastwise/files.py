"""Writing a file whole or not at all.

The content goes to a temporary name in the same folder and is then moved over the final name, which
is one step for whoever reads it: a reader sees the old file or the new one, and a failure (a folder
that is missing, a full disk, an interrupt) leaves the old one and nothing else.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from leastwise.errors import DataError


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write `content` to `path` under a temporary name, then move it there.

    Parameters
    ----------
    path
        Where to write. A link is followed; a device or a pipe is written directly.
    content
        Bytes, or text, which is encoded as UTF-8 with its line ends as they are.

    Raises
    ------
    DataError
        The folder does not exist or is not writable, the disk is full, or the system refuses for
        another reason. `path` is as it was and no other file is left.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    shown = os.fspath(path)
    try:
        mode = _mode(shown)
        if mode is not None and not stat.S_ISREG(mode):
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            with open(shown, "wb") as stream:
                stream.write(data)
            return
        _replace(Path(os.path.realpath(shown)), data, mode)
    except OSError as error:
        raise DataError(f"cannot write {shown}: {_reason(shown, error)}") from error


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replace(final: Path, data: bytes, mode: int | None) -> None:
    temporary = final.parent / f".leastwise-{secrets.token_hex(8)}.part"
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _reason(path: str, error: OSError) -> str:
    folder = os.path.dirname(path) or "."
    if error.errno == errno.EISDIR:
        return "it is a folder; name a file in it"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space or choose another folder"
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and not os.path.isdir(folder):
        return f"the folder {folder} does not exist; create it or choose another one"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the folder {folder} is not writable; change its permissions or choose another one"
    return f"{error.strerror or error}; choose another path"
