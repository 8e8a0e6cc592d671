"""The gap for squared loss, which needs no pass over the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate.found import PROVED, Gap, Support
from leastwise.certificate.terms import Terms, boxed_in
from leastwise.factoring import factorise
from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem
from leastwise.quadratic import OverMoments, quadratic_form

Float = NDArray[np.float64]

DRIFT = 1e-12  # of a slope: how exactly a support's equations must be solved for a proof


def even_gap(problem: Problem, w: Float, at: Evaluation) -> Gap:
    """What `gap` finds for one output whose columns all have one l1 and one l2, and no bounds.

    A path is certified at every strength, often in less time than twenty operations on small
    arrays take: under l1 it is one loop here.
    """
    penalty, null, value = problem.penalty, float(problem.null[0]), float(at.value[0])
    w, v = np.ascontiguousarray(w), np.ascontiguousarray(at.correlation[:, 0])
    if penalty.l1 == 0.0:
        objective, total = _ridge_gap(w, v, penalty.l2, value)
    else:
        from leastwise.kernels.gaps import even

        objective, total = even(w, v, penalty.l1, penalty.l2, value, PROVED * null)
    total = total if total < objective else objective  # no objective is below zero
    total = total if np.isfinite(objective) else np.inf
    return Gap(np.array([objective]), np.array([total]), np.array([total / null]), None)


def _ridge_gap(w: Float, v: Float, l2: float, value: float) -> tuple[float, float]:
    """The objective and the gap: at theta = kappa r a column adds l2/2 (w - kappa v / l2)^2.

    A ridge loads no compiled loop so. The general terms of `dual_gap` round to 3e-18 of the null
    objective, where these squares are as small as the gap is.
    """

    def bound(kappa: float) -> float:
        away = w - (kappa / l2) * v
        return value * (1.0 - kappa) ** 2 + 0.5 * l2 * float(away @ away)

    total = bound(1.0)
    if value > 0.0:
        total = min(total, bound(1.0 + 0.5 * float(w @ v) / value))
    return value + 0.5 * l2 * float(w @ w), total


def dual_gap(problem: Problem, coef: Float, at: Evaluation) -> tuple[Float, float | None]:
    """The gap from the residual, projected and scaled, and the box it needs."""
    l1, l2 = problem.strengths
    lower, upper = problem.bounds
    pool = problem.penalty.pool
    enough, curvature = PROVED * problem.null, problem.design.centre.curvature
    every = problem.penalty.factors is None and problem.penalty.l1 + problem.penalty.l2 > 0.0
    paid = every | (l1 > 0.0) | (l2 > 0.0) | (curvature == 0.0)
    if paid.all():
        terms = Terms(problem, coef, at.correlation, lower, upper)
        return _scaled_gap(terms, pool(2.0 * at.value), enough), None
    free = ~paid & np.isinf(lower) & np.isinf(upper)
    spread, correlation = 2.0 * at.value, at.correlation
    loss_gap = np.zeros_like(at.value)
    boxed = ~paid & ~free & (np.isinf(lower) | np.isinf(upper))
    if free.any():
        projection = _projection(problem, free)
        if projection is None:
            boxed |= free
        else:
            solve, columns = projection
            a = solve(correlation[free])
            taken = np.einsum("uk,uk->k", correlation[free], a)
            loss_gap = 0.5 * np.maximum(taken, 0.0)
            spread = np.maximum(spread - taken, 0.0)
            correlation = correlation.copy() if columns is None else correlation - columns @ a
            correlation[free] = 0.0
    lower, upper, box = boxed_in(problem, coef, boxed, lower, upper)
    if box is None and not paid.any():
        return pool(loss_gap), None
    terms = Terms(problem, coef, correlation, lower, upper)
    return pool(loss_gap) + _scaled_gap(terms, pool(spread), enough), box


def _scaled_gap(terms: Terms, spread: Float, enough: Float) -> Float:
    """The gap at theta = kappa r for the better of two kappas, an output at a time."""
    kappa = terms.feasible()
    first = 0.5 * spread * (1.0 - kappa) ** 2 + terms.at(kappa)
    if (first <= enough).all():
        return first
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.where(spread > 0.0, 1.0 + terms.wv / spread, 1.0)
    reach = terms.reach()
    kappa = np.clip(best, -reach, reach)
    return np.minimum(first, 0.5 * spread * (1.0 - kappa) ** 2 + terms.at(kappa))


def support_gap(
    problem: Problem, coef: Float, at: Evaluation, supports: Sequence[Support]
) -> Float:
    """The gap at the residual projected onto the supports' own equations.

    theta = kappa (r - X_A a), H_AA a = v_A - l1_A s_A, with the ridge's part as rows of X:

    a'(v_A + v+_A)/2 - kappa a'v+_A + S+ (1 - kappa)^2 / 2 + sum_j [l1_j |w_j| - kappa w_j v+_j],
    v+ = v - H a,   S+ = S - a'(v_A + v+_A),   S = r'Sr / W + sum_j l2_j w_j^2

    and, where a bound ends what |kappa v+_j| > l1_j would gain, that gain.
    """
    l1, l2 = (strength[:, None] for strength in problem.strengths)
    lower, upper = (side[:, None] for side in problem.bounds)
    v = at.correlation - l2 * coef
    shift = np.zeros_like(coef)
    for output, support in enumerate(supports):
        right = v[support.columns, output] - l1[support.columns, 0] * support.signs
        shift[support.columns, output] = support.factor.solve(right[:, None])[:, 0]
    form = quadratic_form(problem.design, problem.memory)
    moved = v - form.product(shift) - l2 * shift
    # A pseudo-inverse cannot reach all directions of its support, nor a factor that has drifted
    # its equations: there the projection is no proof.
    proved = np.ones(coef.shape[1], bool)
    for output, support in enumerate(supports):
        slope = l1[support.columns, 0] * support.signs
        missed = np.abs(moved[support.columns, output] - slope)
        size = np.abs(v[support.columns, output]) + l1[support.columns, 0]
        exact = (missed <= DRIFT * size).all()
        proved[output] = not support.columns.size or (support.factor.root is not None and exact)
        moved[support.columns, output] = slope
    both = np.einsum("pk,pk->k", shift, v + moved)
    spread = np.maximum(2.0 * at.value + l2[:, 0] @ coef**2 - both, 0.0)
    size = np.abs(moved)
    endless = np.where(moved > 0.0, np.isinf(upper), np.isinf(lower))
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(endless & (size > l1), l1 / size, 1.0).min(axis=0, initial=1.0)
    over = np.maximum(kappa * size - l1, 0.0)
    with np.errstate(invalid="ignore"):
        gained = np.where(endless | (over == 0.0), 0.0, over * np.where(moved > 0.0, upper, -lower))
    summand = np.maximum(l1 * np.abs(coef) + gained - kappa * coef * moved, 0.0)
    rest = 0.5 * spread * (1.0 - kappa) ** 2 + summand.sum(axis=0)
    bound = 0.5 * both - kappa * np.einsum("pk,pk->k", shift, moved) + rest
    return np.where(proved, bound, np.inf)


def _projection(
    problem: Problem, free: NDArray[np.bool_]
) -> tuple[Callable[[Float], Float], Float | None] | None:
    """How to solve with H_UU, and H_:U (None where U is all); None where that cannot be had.

    By Cholesky where that is accurate, else from the rows: the Gram matrix of an ill-conditioned
    design has lost the very directions in which the gap is.
    """
    design, centre = problem.design, problem.design.centre
    p, u = free.size, int(free.sum())
    everything = u == int((centre.curvature > 0.0).sum())
    if 8 * 8 * p * u > problem.memory or u >= centre.rows:
        return None
    some = None if everything else np.flatnonzero(free)
    factored = factorise(problem.at(ElasticNet()), columns=some)
    assert factored is not None, "only Cholesky by name can fail"
    whole = factored.factor

    def solve(right: Float) -> Float:
        full = np.zeros((p, right.shape[1]))
        full[free] = right
        return whole.solve(full)[free]

    if everything:
        return solve, None
    return solve, design.cached(("free", free.tobytes()), lambda: _mixed(problem, free))


def _mixed(problem: Problem, free: NDArray[np.bool_]) -> Float:
    """H_:U, (p, u)."""
    form = quadratic_form(problem.design, problem.memory)
    chosen = np.flatnonzero(free)
    if isinstance(form, OverMoments):
        return form.H[:, chosen]
    units = np.zeros((free.size, chosen.size))
    units[chosen, np.arange(chosen.size)] = 1.0
    return form.product(units)
