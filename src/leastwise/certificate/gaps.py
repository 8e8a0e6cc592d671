"""The gap of any w, by the way that its loss and its penalty allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate.found import PROVED, Gap, Support
from leastwise.certificate.rows import row_gap
from leastwise.certificate.squared import dual_gap, even_gap, support_gap
from leastwise.numerics.factors import Factor
from leastwise.problem import Evaluation, Problem

Float = NDArray[np.float64]


@np.errstate(over="ignore", invalid="ignore")  # a diverging iterate's gap may be no number
def gap(
    problem: Problem,
    coef: Float,
    at: Evaluation,
    factor: Factor | None = None,
    supports: Sequence[Support] | None = None,
    enough: float = 0.0,
) -> Gap:
    """The duality gap of w (p, k) given the loss and correlation there.

    `factor` is one of H + diag(l2), better than what the Gram matrix gives, if one is at hand;
    `supports` are those of an exact finish. What an intercept that is not the best beside w costs
    is added to the gap of the one that is. Where a bound of a relative gap is `enough`, and costs a
    pass over the rows less, it is not told better.
    """
    if at.excess is None:
        return _gap(problem, coef, at, factor, supports, enough)
    best = replace(at, value=at.value - at.excess, excess=None)
    found = _gap(problem, coef, best, factor, supports, enough)
    paid = problem.pool(at.excess)
    total = found.gap + paid
    return Gap(found.objective + paid, total, _relative(problem, total), found.box)


def _gap(
    problem: Problem,
    coef: Float,
    at: Evaluation,
    factor: Factor | None,
    supports: Sequence[Support] | None,
    enough: float,
) -> Gap:
    pool, null, quadratic = problem.pool, problem.null, problem.design.loss.quadratic
    alone = quadratic and factor is None and coef.shape[1] == 1 and null[0] > 0.0
    if alone and problem.penalty.even:
        known = even_gap(problem, coef[:, 0], at)
        if supports is None or known.relative[0] <= PROVED:
            return known
    l1, l2 = problem.strengths
    box: float | None = None
    if not quadratic:
        bound, box = row_gap(problem, coef, at, enough)
    elif factor is not None and not l1.any() and not problem.penalty.bounded:
        # All is quadratic, and the factor is of the whole Hessian: no dual point is better.
        slope = at.correlation - l2[:, None] * coef
        bound = np.maximum(0.5 * np.einsum("pk,pk->k", slope, factor.solve(slope)), 0.0)
        bound = pool(bound)
    else:
        bound, box = dual_gap(problem, coef, at)
    objective = problem.objective(coef, at.value)
    if supports is not None and not (box is None and (bound <= PROVED * null).all()):
        known = pool(support_gap(problem, coef, at, supports))
        if box is not None and (known <= np.maximum(bound, PROVED * null)).all():
            bound, box = known, None  # as good without a box
        bound = np.fmin(bound, known)
    bound = np.where(np.isfinite(objective), bound, np.inf)  # no proof of what is out of bounds
    if (objective <= bound).all():
        box = None  # no objective is below zero, so that it bounds the gap itself, in no box
    total = np.minimum(bound, objective)
    return Gap(objective, total, _relative(problem, total), box)


def _relative(problem: Problem, total: Float) -> Float:
    """(g,) a gap relative to the intercept-only model's objective."""
    null = problem.null
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(null > 0.0, total / null, np.inf)
    rounding = problem.pool(problem.design.centre.rounding)
    return np.where((null == 0.0) & (total <= rounding), 0.0, ratio)
