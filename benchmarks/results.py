"""What a benchmark run leaves: plain dataclasses, written as JSON, from which pages are made."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One peer at one tolerance and number of threads on one problem.

    Seconds: `imported` (of the peer's modules), `first` (the first call), `cold` (a first call that
    found no compiled code, nan where nothing is compiled), `later` (each later call). `memory` and
    `first_memory` are bytes on top of what was resident before the call. `worst` is the largest
    relative gap along the strengths. `why` says what failed, and then only the names count.
    """

    problem: str
    peer: str
    threads: int
    tol: float
    why: str | None = None
    imported: float = math.nan
    first: float = math.nan
    cold: float = math.nan
    later: tuple[float, ...] = ()
    memory: int = 0
    first_memory: int = 0
    worst: float = math.nan
    strength: float = math.nan
    l1_ratio: float = math.nan
    products: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The best later call; the first one where the budget allowed no other."""
        return min(self.later, default=self.first)


@dataclass(frozen=True)
class Described:
    """A problem as the tables tell it."""

    name: str
    title: str
    kind: str
    shape: tuple[int, int]
    sparse: bool
    bytes: int
    duty: float | None
    aim: float | None


@dataclass(frozen=True)
class Results:
    """All of one invocation."""

    machine: dict[str, str]
    versions: dict[str, str]
    missing: dict[str, str]
    problems: tuple[Described, ...]
    runs: tuple[Run, ...]

    def of(self, problem: str, threads: int) -> tuple[Run, ...]:
        return tuple(r for r in self.runs if r.problem == problem and r.threads == threads)

    def threads(self, problem: str) -> list[int]:
        """The numbers of threads a problem was run with, most first."""
        return sorted({r.threads for r in self.runs if r.problem == problem}, reverse=True)


def write(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(asdict(results)), indent=1, allow_nan=False))


def read(path: Path) -> Results:
    written = json.loads(path.read_text())
    problems = [Described(**(p | {"shape": tuple(p["shape"])})) for p in written.pop("problems")]
    runs = [Run(**_numbers(run)) for run in written.pop("runs")]
    return Results(problems=tuple(problems), runs=tuple(runs), **written)


def _numbers(run: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in run.items() if value is not None}
    return told | {"later": tuple(run["later"])}


def _plain(value: Any) -> Any:
    """JSON has no nan: None there."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
