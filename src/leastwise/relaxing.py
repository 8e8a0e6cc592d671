"""The relaxed lasso: what the penalty chose, with less of its shrinkage.

    w(gamma) = gamma w + (1 - gamma) w_ls,   w_ls = argmin sum_i s_i r_i^2 / 2W on the support of w

(Meinshausen 2007; in this form Hastie, Tibshirani and Tibshirani 2020, section 2). Least squares
keep the bounds and pay no penalty. Where the columns of a support depend on each other they are the
coefficients of least norm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leastwise.factoring import CHOLESKY_CONDITION, factorise
from leastwise.numerics.factors import Factor, cholesky
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.quadratic import quadratic_form
from leastwise.solvers.quadratics import Quadratics

Float = NDArray[np.float64]
Index = NDArray[np.intp]

BATCH = 16  # strengths whose residuals are looked at in one pass
LOST = 1e-9  # of a loss: what least squares may be above it by rounding


@dataclass(frozen=True)
class Relaxed:
    """Coefficients coef (p, K), intercepts (K,) and mean losses (K,), and the passes they took."""

    coef: Float
    intercepts: Float
    losses: Float
    passes: float


def relax(problem: Problem, coef: Float, gamma: float) -> Relaxed:
    """gamma times coef (p, K) plus 1 - gamma times least squares on each column's support."""
    design = problem.design
    before = design.source.passes
    out = np.empty_like(coef)
    losses = np.empty(coef.shape[1])
    for first in range(0, coef.shape[1], BATCH):
        batch = slice(first, first + BATCH)
        w = coef[:, batch]
        lower, upper = (side[:, None] for side in problem.bounds)
        mixed = gamma * w + (1.0 - gamma) * _least_squares(problem, w)
        out[:, batch] = np.clip(mixed, lower, upper)
        losses[batch] = design.evaluate(out[:, batch]).value
        # Least squares on a support whose columns depend on each other, in units that differ by
        # many orders, may keep no digit: then the path's own coefficients are better.
        own = design.evaluate(w).value
        lost = ~(losses[batch] <= own * (1.0 + LOST))
        out[:, batch][:, lost] = w[:, lost]
        losses[batch][lost] = own[lost]
    intercepts = np.broadcast_to(design.intercept_at(out), losses.shape).copy()
    return Relaxed(out, intercepts, losses, design.source.passes - before)


def _least_squares(problem: Problem, coef: Float) -> Float:
    """(p, b) least squares on the support of each column of coef (p, b), within the bounds."""
    supports = [np.flatnonzero(w) for w in coef.T]
    known: dict[bytes, tuple[Factor, Float]] = {}
    found = np.zeros_like(coef)
    for place, support in enumerate(supports):
        key = support.tobytes()
        if key not in known:
            known[key] = _solved(problem, support)
        found[support, place] = known[key][1]
    # One correction with the rows' own correlation: the Gram matrix has lost some digits.
    correlation = problem.design.evaluate(found).correlation
    for place, support in enumerate(supports):
        factor = known[support.tobytes()][0]
        found[support, place] += factor.solve(correlation[support, place, None])[:, 0]
    return _bounded(problem, coef, found)


def _solved(problem: Problem, support: Index) -> tuple[Factor, Float]:
    """The factor of the support's columns, and least squares there, (m,)."""
    design = problem.design
    q = design.centre.correlation[support]
    H = quadratic_form(design, problem.memory).block(support)
    factor = cholesky(H, np.arange(support.size))
    if factor is not None and factor.condition <= CHOLESKY_CONDITION:
        return factor, factor.solve(q)[:, 0]
    factored = factorise(problem.at(ElasticNet()), columns=support)
    assert factored is not None, "only Cholesky by name can fail"
    whole = factored.factor
    factor = replace(whole, p=support.size, live=np.searchsorted(support, whole.live))
    solution = factored.solution
    return factor, factor.solve(q)[:, 0] if solution is None else solution[support, 0]


def _bounded(problem: Problem, coef: Float, found: Float) -> Float:
    """`found` where it is within the bounds; elsewhere least squares within them."""
    from leastwise.solvers.active_set import ActiveSet  # loads the compiled loops

    lower, upper = problem.bounds
    outside = ((found < lower[:, None]) | (found > upper[:, None])).any(axis=0)
    form = quadratic_form(problem.design, problem.memory)
    for place in np.flatnonzero(outside):
        support = np.flatnonzero(coef[:, place])
        q = problem.design.centre.correlation[support, 0]
        inner = Quadratics.of(form.block(support), q, lower[support], upper[support])
        engine = ActiveSet(inner, coef[support, place])
        none = np.zeros(support.size)
        engine.reach(none, none, 100 + 4 * support.size)
        found[support, place] = np.clip(engine.coef, lower[support], upper[support])
    return found
