"""A file is written whole or not at all, and a refusal is one line."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from leastwise.errors import DataError
from leastwise.files import write_atomically
from leastwise.report import diagnostics, render, write
from report_cases import CASES


def test_writes_whole_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    model, source = CASES["plain"]()
    found = diagnostics(source, model)
    write(model, found, target)
    assert target.read_text(encoding="utf-8") == render(model, found)
    target.chmod(0o600)
    write_atomically(target, "new\r\n")
    assert target.read_bytes() == b"new\r\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"page\.html: the disk is full; free some space"):
        write_atomically(target, "newer")
    assert target.read_text() == "new\n"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_refuses_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"^cannot write .*absent.* does not exist; create it") as e:
        write_atomically(tmp_path / "absent" / "page.html", "")
    assert "\n" not in str(e.value)
    with pytest.raises(DataError, match="it is a folder; name a file in it"):
        write_atomically(tmp_path, "")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="does not exist"):
        write_atomically(tmp_path / "file" / "page.html", "")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(DataError, match="is not writable; change its permissions"):
        write_atomically(tmp_path / "page.html", "")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_follows_links_and_leaves_devices(tmp_path: Path) -> None:
    (tmp_path / "real.html").touch()
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    write_atomically(tmp_path / "link.html", b"abc")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_bytes() == b"abc"
    write_atomically(os.devnull, "abc")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
