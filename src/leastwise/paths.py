"""A path: the same rows under a list of strengths, each certified.

    strength_k = strength_1 q^(k-1),   l1 = strength l1_ratio,   l2 = strength (1 - l1_ratio)

The first strength is the smallest that leaves every penalised coefficient at zero:
max_j |v_j| / (f_j s_j l1_ratio), v the correlation with what the unpenalised columns leave over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.certificate import gap
from leastwise.drive import Record
from leastwise.errors import UsageError, at_least_zero
from leastwise.fit import checked_limit, findings, fit
from leastwise.joint_path import JointPath
from leastwise.path_result import Path, penalties_of
from leastwise.penalties import EXCLUDED, ElasticNet
from leastwise.planning import choose
from leastwise.problem import Problem
from leastwise.quadratic import quadratic_form
from leastwise.screening import screened
from leastwise.separation import in_words, separated
from leastwise.solvers import Solver, WorkingSet
from leastwise.working import by_moments

Float = NDArray[np.float64]

LEAST_RATIO = 1e-3  # l1_ratios below it take its grid: theirs would begin at infinity
RIDGE = 1e-5  # of that, the last strength of a ridge, or all but one
SMALLEST = 1e-3  # of the largest strength, the last one by default
CLEAR = 1e-10  # of the largest strength: what it is moved by off a tie
MOST_STRENGTHS = 100_000
ROUNDING = 1e-13  # a correlation coefficient below it is one of zero
POLISH = "coordinate-descent"  # its exact finish corrects with the residual of the rows


@dataclass(frozen=True)
class Trace:
    """What came of K penalties over the same rows.

    coef : (K, p, k) ; intercept : (K, k) ; value : (K, k) the mean loss
    objective, gap : (K,) the relative gap, the worst output's ; reasons : why each ended
    solver, why : which and why it was taken ; notes : what was found, in sentences
    seconds : for all of it
    """

    coef: Float
    intercept: Float
    value: Float
    objective: Float
    gap: Float
    reasons: tuple[str, ...]
    solver: str
    why: str
    notes: tuple[str, ...]
    seconds: float


def trace(
    problem: Problem,
    penalties: Sequence[ElasticNet],
    solver: str | Solver = "auto",
    *,
    tol: float = 1e-9,
    max_iter: int | None = None,
    watch: Callable[[Record], None] | None = None,
) -> Trace:
    """Solve `problem` under each penalty in turn, each from where the last one ended.

    Where a solver works on moments, the certificates come from moments too, and the last one is
    checked on the rows; where that check fails, all are made again from the rows, and the fits
    that do not reach `tol` there are finished on the rows.
    """
    tol = at_least_zero("tol", tol)
    began = time.perf_counter()
    design = problem.design
    choice = choose(problem.at(penalties[0]), solver)  # the last strength may be zero
    if isinstance(choice.solver, WorkingSet):
        _sum_first(problem)
    limit = choice.solver.limit if max_iter is None else checked_limit(max_iter)
    count, p, k = len(penalties), design.columns, len(design.source.targets)
    coef = np.zeros((count, p, k))
    value = np.empty((count, problem.design.centre.null.size))
    gaps, objective = np.empty(count), np.empty(count)
    level = np.tile(design.centre.level, (count, 1))
    reasons: list[str] = []
    notes: dict[str, None] = dict.fromkeys(findings(design))
    on_rows, detail = True, ""
    steps = screened(problem, choice.solver, penalties, limit, tol, watch)
    for place, (columns, reason, watched) in enumerate(steps):
        iterate, found = watched.outcome(reason)
        coef[place, columns], value[place] = iterate.coef, iterate.at.value
        coef[place] = problem.at(penalties[place]).of_least_norm(coef[place])
        if iterate.at.level is not None:
            level[place] = iterate.at.level
        gaps[place], objective[place] = found.worst, found.summed[0]
        reasons.append(reason)
        notes |= dict.fromkeys(iterate.notes)
        on_rows, detail = on_rows and iterate.on_rows, iterate.detail
    if not on_rows:
        for place in range(count - 1, -1, -1):
            at = design.evaluate(coef[place])
            found = gap(problem.at(penalties[place]), coef[place], at)
            checked = found.worst
            value[place], objective[place] = at.value, found.summed[0]
            if checked <= max(tol, gaps[place]):
                break  # the moments hold here, where the coefficients are largest
            if checked > tol and reasons[place] == "converged":
                reasons[place] = "stalled"
                here = problem.at(penalties[place])
                polish = POLISH if design.loss.quadratic else choice.solver
                polished = fit(here, polish, tol=tol, start=coef[place])
                if polished.certificate.relative_gap < checked:
                    coef[place], value[place] = polished.coef, polished.value
                    objective[place] = polished.certificate.primal
                    checked = polished.certificate.relative_gap
                    reasons[place] = polished.certificate.reason.partition(":")[0]
            gaps[place] = checked
    return Trace(
        coef,
        design.intercepts_at(coef, level),
        value,
        objective,
        gaps,
        tuple(reasons),
        f"{choice.name} ({detail})" if detail else choice.name,
        choice.why,
        tuple(notes),
        time.perf_counter() - began,
    )


def _sum_first(problem: Problem) -> None:
    """All moments where they are worth it, before their squares take a pass of their own."""
    design, source = problem.design, problem.design.source
    worth = by_moments(source.rows, design.columns, source.stored, problem.memory)
    if worth and design.loss.quadratic:
        design.moments()


def largest_strength(problem: Problem, l1_ratio: float) -> float:
    """The smallest strength at which every penalised coefficient is zero; 1 where any is."""
    design = problem.design
    _sum_first(problem)
    unit = replace(problem.penalty, l1=max(l1_ratio, LEAST_RATIO), l2=0.0)
    l1 = unit.strengths(design.columns)[0]
    v = design.correlation
    free = (l1 == 0.0) & (design.centre.curvature > 0.0)
    if free.any():
        factors = np.where(l1 > 0.0, np.inf, 0.0)
        alone = problem.at(replace(problem.penalty, l1=0.0, l2=0.0, factors=factors))
        form = quadratic_form(design, problem.memory) if design.loss.quadratic else design
        v = form.evaluate(fit(alone).coef).correlation
    v = problem.penalty.measure(v)
    lower, upper = problem.bounds
    moves = np.where(v > 0.0, upper[:, None] > 0.0, lower[:, None] < 0.0)
    moves &= ((l1 > 0.0) & (l1 < EXCLUDED))[:, None]
    spread = design.loss.spread(problem.null)
    size = np.sqrt(design.centre.curvature)[:, None] * spread
    moves &= np.abs(v) > ROUNDING * size
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(moves, np.abs(v) / l1[:, None], 0.0)
    largest = float(ratio.max(initial=0.0))
    if design.loss.kind == "kinked":
        largest *= 1.0 + CLEAR  # where a column may enter at no cost, or stay out
    return largest if largest > 0.0 else 1.0


def grid(
    problem: Problem, l1_ratio: float, strengths: int | ArrayLike, smallest: float | None = None
) -> Float:
    """(K,) strengths from the largest to the smallest: geometric, or those given.

    Raises
    ------
    UsageError
        If an argument is out of range.
    """
    if np.ndim(strengths) == 0:
        count = strengths if type(strengths) is int or isinstance(strengths, np.integer) else 0
        count = int(count)
        if not 1 <= count <= MOST_STRENGTHS:
            raise UsageError(
                f"strengths must be how many (1 to {MOST_STRENGTHS:,}) or the numbers themselves, "
                f"not {strengths!r}"
            )
        # No strength zeroes a ridge: its grid begins a thousand correlations high, and must come
        # down to where the data have their say.
        default = SMALLEST if l1_ratio > LEAST_RATIO else SMALLEST * RIDGE
        share = default if smallest is None else at_least_zero("smallest", smallest)
        if not 0.0 < share <= 1.0:
            raise UsageError(
                "smallest must be a share of the largest strength, above 0 and at most 1, "
                f"not {share:g}"
            )
        return largest_strength(problem, l1_ratio) * np.geomspace(1.0, share, count)
    if smallest is not None:
        raise UsageError("smallest says where a grid ends: leave it out when strengths are given")
    try:
        given = np.asarray(strengths, np.float64)
    except (TypeError, ValueError):
        given = np.empty(0)
    if given.ndim != 1 or not given.size or not np.isfinite(given).all() or (given < 0.0).any():
        raise UsageError("strengths must be finite numbers of at least 0, in one dimension")
    return np.sort(given)[::-1].copy()


def checked_ratio(l1_ratio: float) -> float:
    """`l1_ratio` as a number from 0 to 1."""
    ratio = at_least_zero("l1_ratio", l1_ratio)
    if ratio > 1.0:
        raise UsageError(f"l1_ratio must be from 0 (ridge) to 1 (lasso), not {l1_ratio!r}")
    return ratio


def follow(
    problem: Problem,
    target: str,
    l1_ratio: float,
    strengths: Float,
    *,
    solver: str | Solver = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    watch: Callable[[Record], None] | None = None,
) -> Path:
    """The path of a problem with one target, or with several that the penalty joins."""
    penalties = penalties_of(problem.penalty, strengths, l1_ratio)
    design, passes = problem.design, problem.design.source.passes
    found = trace(problem, penalties, solver, tol=tol, max_iter=max_iter, watch=watch)
    last = problem.at(penalties[-1])  # what the least penalty leaves free, the others may not
    apart = separated(last, found.coef[-1])
    joint = problem.penalty.joint or design.loss.coupled
    return (JointPath if joint else Path)(
        strengths,
        l1_ratio,
        found.coef.T if joint else found.coef[:, :, 0].T,
        found.intercept.T if joint else found.intercept[:, 0],
        found.gap,
        found.value.sum(axis=1),
        found.objective,
        float(problem.null.sum()),
        design.source.columns,
        target,
        design.centre.rows,
        tol,
        replace(problem.penalty, l1=0.0, l2=0.0),
        design.intercept,
        found.solver,
        found.why,
        found.notes if apart is None else (*found.notes, in_words(last, apart)),
        found.reasons,
        design.source.passes - passes,
        found.seconds,
        problem,
        loss=design.loss,
    )
