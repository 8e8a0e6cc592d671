"""The gap for a loss that moments do not tell, from what every row knows of itself.

For any u with sum_i s_i u_i = 0 (under an intercept) and v = -X'S u / W, and any scale kappa,

    gap = sum_i s_i [l(y_i, eta_i) + l*(y_i, kappa u_i) - kappa u_i eta_i] / W
          + sum_j [Omega_j(w_j) + Omega_j*(kappa v_j) - kappa w_j v_j]

where every summand is at least zero (Fenchel-Young), and the first are exactly zero at the slope
u_i = l'(eta_i) with kappa = 1. As squared loss does, columns without any penalty ask for v_U = 0:
a u that is close is moved there in the metric of the curvature d,

    u+ = u + d (X_U - 1 x_d') a,    H_UU a = v_U,

and shrunk into its domain where it left it, as a row near the end of Huber's slope does: to clip
that row alone would undo v_U = 0. What is left of v_U is rounding, or the bound holds within a box.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate.found import PROVED
from leastwise.certificate.terms import Terms, boxed_in
from leastwise.curved import affords, hessian_of, moved
from leastwise.numerics.factors import EPS
from leastwise.problem import Evaluation, Problem
from leastwise.rowwise import RowPoint

Float = NDArray[np.float64]

ROUNDING = 64.0 * EPS  # of the root mean squares of a column and of u: a product of theirs is zero
PROJECTIONS = 3  # of u, each with what the one before left over
CHEAP = 100.0 * PROVED  # a relative gap that no pass over the rows is made for to tell it better


def row_gap(
    problem: Problem, coef: Float, at: Evaluation, enough: float
) -> tuple[Float, float | None]:
    """(g,) the gap, and the box it needs; a bound of it where that is `enough` of the null."""
    point = at.point
    assert point is not None, "an evaluation of such a loss has one"
    l1, l2 = problem.strengths
    lower, upper = problem.bounds
    curvature = problem.design.centre.curvature
    unpaid = (l1 == 0.0) & (l2 == 0.0) & (curvature > 0.0)
    free = unpaid & problem.free
    boxed = unpaid & ~free & (np.isinf(lower) | np.isinf(upper))
    correlation = at.correlation
    if free.any():
        point, correlation, settled = _projected(problem, point, correlation, free)
        if not settled:
            boxed |= free
    lower, upper, box = boxed_in(problem, coef, boxed, lower, upper)
    terms = Terms(problem, coef, correlation, lower, upper)
    kappa = terms.feasible()
    left_out = problem.design.left_out
    if left_out is not None:
        kappa = np.minimum(kappa, left_out.scale(point.u))
    if problem.design.loss.coupled:
        kappa = kappa.min(keepdims=True)
    paid = problem.pool(terms.at(kappa))
    # The surplus is convex in kappa, zero at the slope, and at most the loss where kappa is 0.
    line = problem.pool((1.0 - kappa) * at.value)
    near = np.maximum(CHEAP * problem.null - line, enough * problem.null - line - paid)
    if point.sloped and (near >= 0.0).all():
        return line + paid, box
    square = problem.design.loss.surplus_is_square
    if point.sloped and square and (paid <= enough * problem.null).all():
        bound = problem.pool(point.surplus_bound(kappa)) + paid
        if (bound <= enough * problem.null).all():
            return bound, box
    return problem.pool(point.surplus(kappa)) + paid, box


def _projected(
    problem: Problem, point: RowPoint, v: Float, free: NDArray[np.bool_]
) -> tuple[RowPoint, Float, bool]:
    """A dual with v_U = 0, its correlation, and whether that is zero to rounding."""
    rows, columns = problem.design.rows, np.flatnonzero(free)
    limit = ROUNDING * np.multiply.outer(
        np.sqrt(problem.design.centre.curvature[free]), np.maximum(rows.size(point.u), EPS)
    )
    hessian = None
    for _ in range(PROJECTIONS):
        if (np.abs(v[free]) <= limit).all():
            break
        if hessian is None:
            hessian = point.hessian
            if hessian is None or not np.array_equal(hessian.columns, columns):
                if not problem.design.loss.smooth or not affords(rows, columns, problem.memory):
                    return point, v, False
                hessian = hessian_of(rows, point, columns)
        nearer = moved(rows, point, hessian, hessian.solve(v[free]))
        point, v = replace(point, u=nearer, sloped=False), rows.correlation(nearer)
    settled = bool((np.abs(v[free]) <= limit).all())
    if settled:
        v = v.copy()
        v[free] = 0.0
    if settled and not point.sloped:
        kappa = _room(point)
        point = replace(point, u=[kappa * u for u in point.u])
        v = kappa * v
    return point, v, settled


def _room(point: RowPoint) -> Float:
    """(k,) the largest scale, at most 1, with u in its domain, but for what is rounding."""
    rows, loss = point.rows, point.rows.loss
    slack = ROUNDING * rows.size(point.u)
    kappa = np.ones_like(slack)
    for target, u in zip(point.target, point.u, strict=True):
        low, high = loss.domain(target)
        if ((u >= low) & (u <= high)).all():
            continue
        end = np.where(u > 0.0, high, low)
        beyond = (np.abs(u) > np.abs(end) + slack) & (u != 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            kappa = np.minimum(kappa, np.where(beyond, end / u, 1.0).min(axis=0))
    return kappa.min(keepdims=True) * np.ones_like(kappa) if loss.coupled else kappa
