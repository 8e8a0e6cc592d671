"""Which solver `auto` takes, and what a fit may take of the memory.

auto = the cheapest by `Solver.cost` that neither refuses nor exceeds the memory allowed
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leastwise.errors import UsageError
from leastwise.planning.speed import COMPARED
from leastwise.problem import Problem
from leastwise.shape import Shape
from leastwise.solvers import SOLVERS, Cost, Solver, by_name

# The share of the memory available now that a fit may take, unless `memory` says otherwise.
SHARE = 0.8
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


@dataclass(frozen=True)
class Choice:
    """The solver a fit will use, and why, in a sentence."""

    solver: Solver
    name: str
    why: str


@dataclass(frozen=True)
class Candidate:
    """A solver by name, and what a problem asks of it; `refused` says why it cannot take it."""

    name: str
    solver: Solver
    cost: Cost
    refused: str | None

    @property
    def own(self) -> bool:
        """Whether it is no mere way of a solver that has another name."""
        return self.name == self.solver.name


def memory_allowed(memory: str | int | None) -> int:
    """Bytes a fit may take beyond the data: "2GB", "512MiB", a number, or most of what is free.

    Raises
    ------
    UsageError
        If it is not an amount of memory.

    Examples
    --------
    >>> memory_allowed("2GB")
    2000000000
    """
    if memory is None:
        import psutil

        return int(SHARE * psutil.virtual_memory().available)
    text = str(memory).strip().upper()
    number = text.rstrip("BKMGTI").strip()
    unit = text[len(number) :].strip()
    try:
        amount = float(number) * UNITS[unit]
    except (ValueError, KeyError):
        amount = -1.0
    if not 0 < amount < float("inf"):
        raise UsageError(f"memory must be an amount such as '2GB' or '512MiB', not {memory!r}")
    return int(amount)


def seconds(cost: Cost, shape: Shape) -> float:
    """A rough time, good for comparing solvers on one problem."""
    return COMPARED.seconds(cost, shape)


def amount(bytes: float) -> str:
    """Bytes for a reader.

    Examples
    --------
    >>> amount(80_000_000_000)
    '74.5 GiB'
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if bytes >= size:
            return f"{bytes / size:.3g} {unit}"
    return f"{bytes:.0f} bytes"


def candidates(problem: Problem) -> Iterator[Candidate]:
    """Every solver there is, on this problem."""
    for name, solver in SOLVERS.items():
        yield Candidate(name, solver, solver.cost(problem.shape), solver.declines(problem))


def choose(problem: Problem, solver: str | Solver) -> Choice:
    """The solver asked for, or the cheapest that can.

    Raises
    ------
    UsageError
        If the one asked for refuses or would need more memory than allowed, or if none is left.
    """
    shape = problem.shape
    if solver != "auto":
        chosen = by_name(solver) if isinstance(solver, str) else solver
        if not isinstance(chosen, Solver):
            raise UsageError(f"solver must be a name or an object of lw.solvers, not {solver!r}")
        name = solver if isinstance(solver, str) else chosen.name
        reason = chosen.declines(problem)
        if reason is not None:
            raise UsageError(f"{name} cannot take this problem: {reason}")
        need = chosen.cost(shape).bytes
        if need > problem.memory:
            raise UsageError(
                f"{name} would need {amount(need)} beside the data and may take "
                f"{amount(problem.memory)}: give more memory, or let solver='auto' find one"
            )
        return Choice(chosen, name, "asked for")
    able: list[tuple[bool, float, str, Solver]] = []
    too_large: list[str] = []
    for each in candidates(problem):
        if not each.own or each.refused is not None:
            continue
        if each.cost.bytes > problem.memory:
            too_large.append(f"{each.name} ({amount(each.cost.bytes)})")
        else:
            time = seconds(each.cost, shape)
            able.append((each.solver.approximate, time, each.name, each.solver))
    if not able:
        raise UsageError(
            f"no solver fits into {amount(problem.memory)}: {', '.join(too_large)}; "
            "give more memory"
        )
    # A method that only comes near an optimum is for what no other can take.
    *_, name, best = min(able, key=lambda entry: entry[:2])
    need = amount(best.cost(shape).bytes)
    why = f"the cheapest of the {len(able)} solvers that can ({need} beside the data)"
    if too_large:
        why += f"; too large for {amount(problem.memory)}: {', '.join(too_large)}"
    return Choice(best, name, why)
