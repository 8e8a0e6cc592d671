"""Each family of peers lives in a virtual environment of its own, made at its first use.

    ROOT/.venv-bench/scikit-learn, .venv-bench/celer, ...

Ours runs in the environment that runs this; R's glmnet in the R that is there.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-bench"

# What pip installs, by family, and the package whose version is told.
FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "scikit-learn": ("scikit-learn", ("scikit-learn",)),
    # celer 0.7.4 passes its CV classes an argument that scikit-learn 1.9 no longer takes.
    "celer": ("celer", ("celer", "scikit-learn<1.9", "scipy")),
    "skglm": ("skglm", ("skglm", "scipy")),
    "adelie": ("adelie", ("adelie", "numpy<2", "scipy")),
    "glum": ("glum", ("glum", "scipy")),
}


class Missing(Exception):
    """A peer cannot be had here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """The program that runs a peer and the version of what it runs."""

    program: Path
    version: str


@functools.cache
def environment(family: str) -> Environment:
    """The environment of a family, made where it is not there yet.

    Raises
    ------
    Missing
        R or its package is not installed, or pip could not install the peer.
    """
    if family == "leastwise":
        return Environment(Path(sys.executable), _version(Path(sys.executable), "leastwise"))
    if family == "R":
        return _r()
    package, requirements = FAMILIES[family]
    folder = FOLDER / family
    program, stamp = folder / "bin" / "python", folder / ".installed"
    wanted = json.dumps(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making {folder.relative_to(ROOT)}", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], family)
        _run([str(program), "-m", "pip", "install", "--quiet", *requirements], family)
        stamp.write_text(wanted)
    return Environment(program, _version(program, package))


def _run(command: list[str], family: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no words"]
        raise Missing(f"the environment of {family} could not be made: {said[-1]}")


def _version(program: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version('{package}'))"
    done = subprocess.run([str(program), "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{package} is not installed for {program}")
    return done.stdout.strip()


def _r() -> Environment:
    program = shutil.which("Rscript")
    if program is None:
        raise Missing("R is not installed (Debian: r-cran-glmnet)")
    code = "cat(as.character(packageVersion('glmnet')))"
    done = subprocess.run([program, "-e", code], capture_output=True, text=True)
    if done.returncode:
        raise Missing("R has no glmnet (Debian: r-cran-glmnet)")
    return Environment(Path(program), done.stdout.strip())
