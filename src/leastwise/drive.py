"""The driver: it certifies what a solver yields, keeps the history, and says when and why to stop.

converged   relative gap <= tol, and nothing else
max_iter    the iterations allowed are used up
diverged    the objective is not finite, or far above where it began
stalled     the solver has nothing better to offer, or no iterate was better for long
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import Gap, gap
from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem
from leastwise.solvers import Iterate, Solver

Float = NDArray[np.float64]

DIVERGED = 1e6  # times the larger of the first and the null objective
PATIENCE = 2000  # looks at neither a smaller gap nor a lower objective before a fit has stalled
MOST_RECORDS = 1000  # beyond, every second record is forgotten


@dataclass(frozen=True)
class Record:
    """One look at a fit under way.

    iteration : steps or sweeps so far ; objective, gap : summed over outputs
    relative_gap : the worst output's ; seconds : since the start ; active : non-zero coefficients
    """

    iteration: int
    objective: float
    gap: float
    relative_gap: float
    seconds: float
    active: int


@dataclass
class Watched:
    """The last and the best iterate so far, and the records."""

    began: float
    watch: Callable[[Record], None] | None
    iterate: Iterate | None = None
    gap: Gap | None = None
    best: tuple[float, Iterate, Gap] | None = None
    lowest: float = np.inf
    stale: int = 0
    records: list[Record] = field(default_factory=list[Record])
    stride: int = 1
    looks: int = 0

    def look(self, iterate: Iterate, found: Gap) -> Record:
        record = Record(
            iterate.iteration,
            *found.summed,
            found.worst,
            time.perf_counter() - self.began,
            int(np.count_nonzero(iterate.coef != 0.0)),
        )
        better = self.best is None or record.relative_gap < self.best[0]
        lower = record.objective < self.lowest
        if better:
            self.best = record.relative_gap, iterate, found
        if lower:
            self.lowest = record.objective
        self.stale = 0 if better or lower else self.stale + 1
        self.iterate, self.gap = iterate, found
        if self.looks % self.stride == 0 or iterate.final:
            self.records.append(record)
        self.looks += 1
        if len(self.records) > MOST_RECORDS:
            self.records = self.records[::2]
            self.stride *= 2
        if self.watch is not None:
            self.watch(record)
        return record

    def outcome(self, reason: str) -> tuple[Iterate, Gap]:
        """The iterate to keep: the last, or the best where the end was not reached."""
        assert self.iterate is not None, "a solver yields at least one iterate"
        assert self.gap is not None, "and each is certified"
        if reason in ("max_iter", "stalled") and self.best is not None and not self.iterate.last:
            return self.best[1:]
        return self.iterate, self.gap


def drive(
    problem: Problem,
    solver: Solver,
    penalties: Sequence[ElasticNet],
    start: Float | None,
    limit: int,
    tol: float,
    watch: Callable[[Record], None] | None = None,
    began: float | None = None,
) -> Iterator[tuple[Problem, str, Watched]]:
    """For each penalty: its problem, why the solver was stopped, and what was seen on the way.

    Seconds are counted from when it `began`, by the performance counter; from now by default.
    """
    steps = solver.asked(tol).along(problem, penalties, start, limit)
    began = time.perf_counter() if began is None else began
    number, iterate = next(steps)
    for here, penalty in enumerate(penalties):
        at = problem.at(penalty)
        watched = Watched(began, watch)
        stop = _Stop(at, limit, tol, watched, solver.approximate)
        last = here == len(penalties) - 1
        while number == here:
            done = stop.look(iterate)
            if done and last and (iterate.final or iterate.exact or not stop.improves):
                break
            try:
                number, iterate = steps.send(done)
            except StopIteration:
                break
        yield at, stop.reason or "stalled", watched


class _Stop:
    """Looks at the iterates of one penalty and decides when it is done."""

    def __init__(
        self, problem: Problem, limit: int, tol: float, watched: Watched, wanders: bool
    ) -> None:
        self._problem, self._limit, self._tol, self._watched = problem, limit, tol, watched
        self._wanders = wanders
        self._first = self._ceiling = np.inf
        self.reason: str | None = None

    @property
    def improves(self) -> bool:
        """Whether a last, better iterate is still welcome."""
        return self.reason == "converged"

    def look(self, iterate: Iterate) -> bool:
        """Certify and record; whether this penalty is done."""
        found = certified(self._problem, iterate, iterate.at, self._tol)
        watched = self._watched
        if self.reason is not None:  # told to stop, the solver had a better finish to offer
            if self.improves and found.worst <= self._tol:
                watched.look(iterate, found)
            return True
        previous, previous_gap = watched.iterate, watched.gap
        record = watched.look(iterate, found)
        if previous is None:
            self._first = record.objective
            null = float(self._problem.design.centre.null.sum())
            self._ceiling = max(DIVERGED * max(self._first, null), 1e-300)
        if not np.isfinite(record.objective) or record.objective > self._ceiling:
            if previous is not None and not np.isfinite(record.objective):
                watched.iterate, watched.gap = previous, previous_gap
            self.reason = "diverged"
        elif record.relative_gap <= self._tol:
            self.reason = "converged"
        elif iterate.final:
            first = np.inf if self._wanders else self._first
            self.reason = _ending(record, first, iterate, self._limit)
        elif watched.stale > PATIENCE:
            self.reason = "stalled"
        return self.reason is not None


def certified(problem: Problem, iterate: Iterate, at: Evaluation, enough: float = 0.0) -> Gap:
    """The gap of an iterate whose value and correlation are these, or a bound that is `enough`."""
    return gap(problem, iterate.coef, at, iterate.factor, iterate.supports, enough)


def _ending(record: Record, first: float, iterate: Iterate, limit: int) -> str:
    if record.objective > first * (1.0 + 1e-9) and iterate.iteration >= limit > 1:
        return "diverged"
    return "max_iter" if iterate.iteration >= limit and not iterate.exact else "stalled"
