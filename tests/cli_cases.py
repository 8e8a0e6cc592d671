"""What the tests of the command share: a folder with a small table, and a way to run a command."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leastwise.cli import run

MAIN = "from leastwise.cli import main; main()"
FIT = ("fit", "rents.csv", "--target", "rent")
PLAN = ("plan", "--rows", "9", "--columns", "2")

Ran = tuple[int, str, str]
Bad = tuple[int, tuple[str, ...], str]  # the exit code, the command, what its one line says


@pytest.fixture
def rents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, which is the current one, with a small table in it."""
    rng = np.random.default_rng(0)
    n = 200
    area, rooms = rng.uniform(30, 150, n), rng.integers(1, 6, n)
    town = np.array(["Ulm", "Bonn", "Kiel"])[rng.integers(0, 3, n)]
    rent = 10 * area + 50 * rooms + 100 * (town == "Ulm") + rng.normal(size=n) * 20
    lines = ["area,rooms,town,weight,rent"]
    lines += [f"{area[i]:.6f},{rooms[i]},{town[i]},{1 + i % 3},{rent[i]:.6f}" for i in range(n)]
    (tmp_path / "rents.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lw(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs a command: exit code, stdout, stderr."""

    def go(*arguments: str) -> Ran:
        code = run(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return go


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on no file can be written to its end."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("leastwise.files.os.fsync", full)


def refused(lw: Callable[..., Ran], case: Bad) -> None:
    """The command fails with its code and one line, prints nothing else and writes nothing."""
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    expected, arguments, words = case
    code, out, err = lw(*arguments)
    assert code == expected, err
    assert out == ""
    assert err.startswith("leastwise: ")
    assert err.count("\n") == 1, err
    assert words in err
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before
