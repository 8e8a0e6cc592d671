"""One fit: a solver driven to one penalty, its result and what was found on the way, in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from leastwise.centre import centred
from leastwise.certificate import BOX, Certificate
from leastwise.drive import Record, certified, drive
from leastwise.errors import UsageError, at_least_zero
from leastwise.numerics.factors import Factor
from leastwise.planning import choose
from leastwise.problem import Design, Evaluation, Problem
from leastwise.refinement import Refined
from leastwise.separation import Separation, in_words, separated
from leastwise.solvers import Solver
from leastwise.solvers.base import Iterate
from leastwise.solvers.finishing import finish

Float = NDArray[np.float64]

MOST_NAMED = 8  # constant columns that get a sentence each
MOST_MISSED = 0.9  # of the squared residuals, their mean's share that goes without saying

SPAN = 1e-13  # of the largest squared singular value: a direction of the rows that is none
NEXT = {
    "max_iter": "allow more iterations (max_iter)",
    "diverged": "take a smaller step; the largest stable one is 2/L",
    "stalled": "the tolerance is below what this solver reaches on these data: raise tol",
}
OTHERWISE = {
    "max_iter": ", or take a faster solver (solver='auto')",
    "stalled": ", or take another solver",
}


@dataclass(frozen=True)
class Fit:
    """What came of a fit.

    coef : (p, k) ; intercept : (k,) ; value : (k,) the mean loss there, computed from the rows
    certificate ; history of records, thinned where long
    iterations : steps or sweeps ; solver : which, and which of its ways ; why : this one
    notes : what was found on the way, in sentences
    passes : over the data, all of them ; seconds : from start to certificate
    factor, refined : of the Hessian, for standard errors; None where the solver made none
    at : the loss at coef, with what every row knows of itself
    separation : how the columns tell classes exactly, so that no finite coef is best
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
    at: Evaluation | None = field(default=None, repr=False)
    separation: Separation | None = None

    def without_rows(self) -> Fit:
        """The same without what is of the size of the data."""
        return replace(self, factor=None, refined=None, at=None)


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
    if start is not None:
        start = _checked_start(problem, start)
    began = time.perf_counter()
    source = problem.design.source
    passes_before = source.passes
    choice = choose(problem, solver)
    limit = choice.solver.limit if max_iter is None else checked_limit(max_iter)
    steps = drive(problem, choice.solver, (problem.penalty,), start, limit, tol, watch)
    _, reason, watched = next(steps)
    iterate, found = watched.outcome(reason)
    at = iterate.at
    if not iterate.on_rows and reason != "diverged":
        # Moments and updated residuals carry rounding: what is certified is computed from the rows.
        at = problem.design.evaluate_again(iterate.coef, iterate.at)
        found = certified(problem, iterate, at)
        if reason == "converged" and not found.worst <= tol:
            finished = _finished(problem, iterate)
            closer = found if finished is None else certified(problem, finished, finished.at)
            if finished is not None and closer.worst < found.worst:
                iterate, at, found = finished, finished.at, closer
                watched.look(iterate, found)
            reason = "converged" if found.worst <= tol else "stalled"
    spanned = _spanned(problem, iterate) if reason == "converged" else None
    if spanned is not None:
        there = problem.design.evaluate_again(spanned.coef, iterate.at)
        closer = certified(problem, spanned, there)
        if closer.worst <= tol:
            iterate, at, found = spanned, there, closer
    relative = found.worst
    converged = relative <= tol
    correlation = at.correlation
    if correlation.base is not None:  # what is kept shall not hold a look at many strengths
        at = replace(at, correlation=correlation.copy())
    objective, total = found.summed
    words = "converged" if converged else ended(reason, chosen=solver != "auto")
    certificate = Certificate(
        objective, objective - total, total, relative, converged, words, found.box
    )
    notes = [*findings(problem.design), *iterate.notes]
    if converged and problem.shape.free == problem.design.columns:
        notes += _missed(problem.design, iterate.coef, at.value)
    if found.box is not None:
        notes.append(_box_in_words(found.box))
    coef = problem.of_least_norm(iterate.coef)
    apart = separated(problem, coef, at)
    if apart is not None:
        notes.append(in_words(problem, apart))
    return Fit(
        coef,
        problem.design.intercept_at(coef, at)
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
        at,
        apart,
    )


def _finished(problem: Problem, iterate: Iterate) -> Iterate | None:
    """What was exact over moments, and is not over the rows, made exact there, if it can be."""
    if not iterate.exact or problem.shape.joint or not problem.design.loss.quadratic:
        return None
    found = finish(problem, iterate.coef, iterate.iteration)
    return found and replace(found, detail=f"{found.detail}, finished on the rows")


def _spanned(problem: Problem, iterate: Iterate) -> Iterate | None:
    """Of an iterate on fewer rows than columns, without a penalty, the part in the rows' span.

    w - Z'(ZZ')^+ Z w changes no prediction, Z the centred rows of positive weight: what is left is
    the coefficients of least norm (Penrose 1955).
    """
    shape, design = problem.shape, problem.design
    free = not any(each.any() for each in problem.strengths)
    wide = shape.rows <= shape.columns and shape.affords(8 * 4 * shape.rows**2)
    if iterate.exact or shape.bounded or not (free and wide and shape.row_state):
        return None
    block = design.source.gather()
    view = block.centred(design.centre.mean)
    live = np.ones(block.rows) if block.weight is None else (block.weight > 0.0) * 1.0
    values, Q = np.linalg.eigh(view.outer(np.ones(shape.columns)) * live * live[:, None])
    kept = values > SPAN * values[-1]
    seen = Q[:, kept].T @ (live[:, None] * view.times(iterate.coef))
    along = live[:, None] * (Q[:, kept] @ (seen / values[kept, None]))
    return replace(iterate, coef=design.mask(view.back(along)))


def checked_limit(max_iter: int) -> int:
    """`max_iter` as a number of iterations."""
    if not isinstance(max_iter, Integral) or max_iter < 1:
        raise UsageError(f"max_iter must be a whole number of at least 1, not {max_iter!r}")
    return int(max_iter)


def ended(reason: str, *, chosen: bool) -> str:
    """Why a fit ended short of its tolerance, and what to do, with a solver of one's own or not."""
    return f"{reason}: {NEXT[reason]}{OTHERWISE.get(reason, '') if chosen else ''}"


def _checked_start(problem: Problem, start: Float) -> Float:
    shape = (problem.design.columns, len(problem.design.source.targets))
    given = np.asarray(start, np.float64)
    if given.shape != shape or not np.isfinite(given).all():
        raise UsageError(f"start must be finite numbers of shape {shape}, not {given.shape}")
    return given


def findings(design: Design) -> Iterator[str]:
    """Sentences about targets and columns that do not vary."""
    centre, source = design.centre, design.source
    if design.loss.located:
        for name, level, null in zip(source.targets, centre.level, centre.null, strict=True):
            if null == 0.0:
                yield (
                    f"the target {name} is constant ({level:.15g}): nothing is left to explain, "
                    "and R2 is not defined"
                )
    elif (centre.null == 0.0).any():
        yield "all rows are of one class: nothing is left to explain"
    flat = np.flatnonzero(centre.curvature == 0.0)
    means = np.zeros(centre.curvature.size) if centre.mean is None else centre.mean
    for column in flat[:MOST_NAMED]:
        name = source.columns[column]
        yield f"{name} has the single value {means[column]:.15g}: its coefficient is 0"
    if flat.size > MOST_NAMED:
        yield f"{flat.size - MOST_NAMED} more columns have a single value: their coefficients are 0"


def _missed(design: Design, coef: Float, value: Float) -> Iterator[str]:
    """Sentences about targets that an intercept, which was left out, would have explained."""
    if design.intercept or not design.loss.quadratic:
        return
    moments = design.moments(full=False)
    about = centred(moments, intercept=True)
    if ((about.curvature == 0.0) & (moments.mean != 0.0)).any():
        return  # a column of ones, which is the intercept of whoever put it there
    off = moments.target_mean - moments.mean @ coef
    names = design.source.targets
    for name, mean, left, spread in zip(names, off, 2.0 * value, 2.0 * about.null, strict=True):
        if left > spread and mean * mean > MOST_MISSED * left:
            yield (
                f"without an intercept {name} is predicted worse than by its mean alone, and the "
                f"residuals have mean {mean:.4g}: fit an intercept, unless {name} must be 0 where "
                "all columns are"
            )


def _box_in_words(box: float) -> str:
    words = f"the certificate holds among coefficients with |w_j| <= {box:.3g} sd(y) / sd(x_j)"
    return (
        words if box <= BOX else f"{words}; one came within a tenth of {BOX:g}, and it was raised"
    )
