"""The driver: it certifies what a solver yields, keeps the history, and says when and why to stop.

converged   relative gap <= tol, and nothing else
max_iter    the iterations allowed are used up
diverged    the objective is not finite, or far above where it began
stalled     the solver has nothing better to offer, or no iterate was better for long
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import BOX, Certificate, Gap, gap
from leastwise.errors import UsageError, at_least_zero
from leastwise.numerics.factors import Factor
from leastwise.plan import choose
from leastwise.problem import Evaluation, Problem
from leastwise.refinement import Refined
from leastwise.solvers import Iterate, Solver

Float = NDArray[np.float64]

DIVERGED = 1e6  # times the larger of the first and the null objective
PATIENCE = 2000  # looks at neither a smaller gap nor a lower objective before a fit has stalled
MOST_NAMED = 8  # constant columns that get a sentence each
MOST_RECORDS = 1000  # beyond, every second record is forgotten

NEXT = {
    "max_iter": "allow more iterations (max_iter), or take a faster solver (solver='auto')",
    "diverged": "take a smaller step; the largest stable one is 2/L",
    "stalled": "the tolerance is below what this solver reaches on these data: raise tol, or take "
    "another solver",
}


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


@dataclass(frozen=True)
class Fit:
    """What came of a fit.

    coef : (p, k) ; intercept : (k,) ; value : (k,) the mean loss there, computed from the rows
    certificate ; history of records, thinned where long
    iterations : steps or sweeps ; solver : which, and which of its ways ; why : this one
    notes : what was found on the way, in sentences
    passes : over the data, all of them ; seconds : from start to certificate
    factor, refined : of the Hessian, for standard errors; None where the solver made none
    """

    coef: Float
    intercept: Float
    value: Float
    certificate: Certificate
    history: tuple[Record, ...]
    iterations: int
    solver: str
    why: str
    notes: tuple[str, ...]
    passes: float
    seconds: float
    factor: Factor | None = field(default=None, repr=False)
    refined: Refined | None = field(default=None, repr=False)


@dataclass
class _Watched:
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
            float(found.objective.sum()),
            float(found.gap.sum()),
            float(found.relative.max()),
            time.perf_counter() - self.began,
            int(np.count_nonzero(iterate.coef)),
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


def fit(
    problem: Problem,
    solver: str | Solver = "auto",
    *,
    tol: float = 1e-9,
    max_iter: int | None = None,
    start: Float | None = None,
    watch: Callable[[Record], None] | None = None,
) -> Fit:
    """Solve `problem` and certify the answer.

    Parameters
    ----------
    solver : a name, "auto", or a configured solver
    tol : the relative gap to reach, at least 0
    max_iter : the most iterations; the solver's own limit by default
    start : (p, k) where iterative solvers begin
    watch : called with every record

    Raises
    ------
    UsageError
        If the solver refuses or does not fit the memory, or tol or max_iter are out of range.
    DataError
        If the rows hold NaN or infinity.
    """
    tol = at_least_zero("tol", tol)
    if max_iter is not None and (not isinstance(max_iter, Integral) or max_iter < 1):
        raise UsageError(f"max_iter must be a whole number of at least 1, not {max_iter!r}")
    if start is not None:
        start = _checked_start(problem, start)
    began = time.perf_counter()
    source = problem.design.source
    passes_before = source.passes
    choice = choose(problem, solver)
    limit = choice.solver.limit if max_iter is None else max_iter
    watched = _Watched(began, watch)
    reason = _drive(problem, choice.solver, start, limit, tol, watched)
    iterate, found = watched.iterate, watched.gap
    if reason in ("max_iter", "stalled") and watched.best is not None:
        _, iterate, found = watched.best
    assert iterate is not None, "a solver yields at least one iterate"
    assert found is not None, "and each is certified"
    at = iterate.at
    if not iterate.on_rows and reason != "diverged":
        # Moments and updated residuals carry rounding: what is certified is computed from the rows.
        at = problem.design.evaluate(iterate.coef)
        found = _gap(problem, iterate, at)
        if reason == "converged" and not float(found.relative.max()) <= tol:
            reason = "stalled"
    relative = float(found.relative.max())
    converged = relative <= tol
    objective, total = float(found.objective.sum()), float(found.gap.sum())
    words = "converged" if converged else f"{reason}: {NEXT[reason]}"
    certificate = Certificate(
        objective, objective - total, total, relative, converged, words, found.box
    )
    notes = [*_constants(problem), *iterate.notes]
    if found.box is not None:
        notes.append(_box_in_words(found.box))
    return Fit(
        iterate.coef,
        problem.design.intercept_at(iterate.coef)
        if iterate.refined is None
        else iterate.refined.intercept,
        at.value,
        certificate,
        tuple(watched.records),
        watched.iterate.iteration if watched.iterate is not None else iterate.iteration,
        f"{choice.name} ({iterate.detail})" if iterate.detail else choice.name,
        choice.why,
        tuple(notes),
        source.passes - passes_before,
        time.perf_counter() - began,
        iterate.factor,
        iterate.refined,
    )


def _drive(
    problem: Problem,
    solver: Solver,
    start: Float | None,
    limit: int,
    tol: float,
    watched: _Watched,
) -> str:
    """Run the solver to its end for this one penalty; why it ended."""
    steps = solver.along(problem, (problem.penalty,), start, limit)
    first: float | None = None
    ceiling = np.inf
    answer: bool | None = None
    while True:
        try:
            _, iterate = next(steps) if answer is None else steps.send(answer)
        except StopIteration:
            return "converged" if answer else "stalled"
        if answer:  # told to stop, the solver had a better finish to offer
            finished = _gap(problem, iterate, iterate.at)
            if float(finished.relative.max()) <= tol:
                watched.look(iterate, finished)
            return "converged"
        found = _gap(problem, iterate, iterate.at)
        previous, previous_gap = watched.iterate, watched.gap
        record = watched.look(iterate, found)
        if first is None:
            first = record.objective
            ceiling = DIVERGED * max(first, float(problem.design.centre.null.sum()))
        if not np.isfinite(record.objective) or record.objective > max(ceiling, 1e-300):
            if previous is not None and not np.isfinite(record.objective):
                watched.iterate, watched.gap = previous, previous_gap
            return "diverged"
        answer = record.relative_gap <= tol
        if answer and (iterate.final or iterate.exact):
            return "converged"
        if not answer:
            if iterate.final:
                return _ending(record, first, iterate, limit)
            if watched.stale > PATIENCE:
                return "stalled"


def _checked_start(problem: Problem, start: Float) -> Float:
    shape = (problem.design.columns, len(problem.design.source.targets))
    given = np.asarray(start, np.float64)
    if given.shape != shape or not np.isfinite(given).all():
        raise UsageError(f"start must be finite numbers of shape {shape}, not {given.shape}")
    return given


def _constants(problem: Problem) -> Iterator[str]:
    """Sentences about targets and columns that do not vary."""
    design = problem.design
    centre, source = design.centre, design.source
    for name, mean, null in zip(source.targets, centre.target_mean, centre.null, strict=True):
        if null == 0.0:
            yield (
                f"the target {name} is constant ({mean:.15g}): nothing is left to explain, and R2 "
                "is not defined"
            )
    flat = np.flatnonzero(centre.curvature == 0.0)
    means = np.zeros(centre.curvature.size) if centre.mean is None else centre.mean
    for column in flat[:MOST_NAMED]:
        name = source.columns[column]
        yield f"{name} has the single value {means[column]:.15g}: its coefficient is 0"
    if flat.size > MOST_NAMED:
        yield f"{flat.size - MOST_NAMED} more columns have a single value: their coefficients are 0"


def _box_in_words(box: float) -> str:
    words = f"the certificate holds among coefficients with |w_j| <= {box:.3g} sd(y) / sd(x_j)"
    return (
        words if box <= BOX else f"{words}; one came within a tenth of {BOX:g}, and it was raised"
    )


def _gap(problem: Problem, iterate: Iterate, at: Evaluation) -> Gap:
    with np.errstate(over="ignore", invalid="ignore"):  # a diverging iterate's gap may be no number
        return gap(problem, iterate.coef, at, iterate.factor, iterate.supports)


def _ending(record: Record, first: float, iterate: Iterate, limit: int) -> str:
    if record.objective > first * (1.0 + 1e-9) and iterate.iteration >= limit > 1:
        return "diverged"
    return "max_iter" if iterate.iteration >= limit and not iterate.exact else "stalled"
