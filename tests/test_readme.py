"""What the documents show runs: their Python blocks, and shell lines that begin with `leastwise`.

A document's blocks run in its order, in one empty folder that holds the house prices under the
names that the documents use; the Python blocks share their variables. A block fenced as `text` is
not run.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import leastwise

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "docs/quickstart.md",
    "docs/coming_from.md",
    "docs/certificates.md",
    "docs/losses.md",
    "docs/gradients.md",
    "docs/probability.md",
    "docs/torch.md",
)
PRICES = "src/leastwise/data/house_prices.parquet"
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = ("python", "py")
SHELL = ("sh", "bash", "shell", "console")


def blocks(text: str) -> Iterator[tuple[str, int, str]]:
    """Language, line of the opening fence and code of every fenced block."""
    for found in FENCE.finditer(text):
        yield found[1], text.count("\n", 0, found.start()) + 1, found[2]


def commands(block: str) -> Iterator[str]:
    """The `leastwise` commands of a shell block: prompts taken off, continued lines joined."""
    for line in block.replace("\\\n", " ").splitlines():
        command = line.strip().removeprefix("$ ")
        if command.startswith("leastwise "):
            yield command


def run_python(code: str, where: str, line: int, names: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # a document may show a fit that warns
        exec(compile("\n" * line + code, where, "exec"), names)


def run_shell(command: str, where: str, folder: Path) -> None:
    scripts = str(Path(sys.executable).parent)
    program = shutil.which("leastwise", path=scripts)
    assert program, (
        f"no `leastwise` command in {scripts}: install the package there (make test does)"
    )
    done = subprocess.run(
        [program, *shlex.split(command, comments=True)[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, f"{where}: {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_runs(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if document == "docs/torch.md":
        pytest.importorskip("torch")
    (tmp_path / PRICES).parent.mkdir(parents=True)
    for name in (PRICES, "house_prices.parquet"):
        shutil.copyfile(ROOT / PRICES, tmp_path / name)
    monkeypatch.chdir(tmp_path)

    names: dict[str, object] = {"__name__": "__document__"}
    ran = 0
    for language, line, code in blocks((ROOT / document).read_text(encoding="utf-8")):
        where = f"{document}:{line}"
        if language in PYTHON:
            run_python(code, where, line, names)
            ran += 1
        elif language in SHELL:
            for command in commands(code):
                run_shell(command, where, tmp_path)
                ran += 1
    assert ran, f"{document} shows nothing that runs"


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    assert [name for name in leastwise.__all__ if f":: leastwise.{name}\n" not in text] == []
