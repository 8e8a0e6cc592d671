"""Separation: whether some direction puts every row on the side of its class.

With margins m_i(d) = d_y - max_{j != y} d_j of a change d of eta, rows are separated completely
where some d among the unpenalised columns has m_i > 0 for all i, and quasi-completely where
m_i >= 0 for all and > 0 for some (Albert and Anderson 1984). No finite coefficients are then best:
a step along d always lowers the loss. Where that is as good as zero Newton's method moves along
such a direction by about 1 a step, so that its next step tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.curved import affords, along_columns, hessian_of
from leastwise.problem import Evaluation, Problem

Float = NDArray[np.float64]

SURE = 1e-4  # a row whose class has a probability this near to 1 may be on its way to infinity
STILL = 1e-4  # of the largest margin: what a row that does not move may seem to move by
MOVING = 0.1  # the largest margin of a next step that is on its way to infinity
NAMED = 3


@dataclass(frozen=True)
class Separation:
    """What separates classes.

    direction : (p, k) how coefficients go without an end, the largest per standard deviation by 1
    complete : whether every row is on the side of its class; else some are, and none on another
    """

    direction: Float
    complete: bool


def separated(problem: Problem, coef: Float, at: Evaluation | None = None) -> Separation | None:
    """What separates the classes, or None where nothing is seen to.

    Parameters
    ----------
    coef : (p, k) where the fit ended
    at : the evaluation there; made, if it is needed, where there is none
    """
    design = problem.design
    if not design.loss.of_classes:
        return None
    live = design.centre.curvature > 0.0
    free = live & problem.free
    if not free.any():
        return None
    at = design.evaluate(coef) if at is None else at
    if at.point is None:
        return None
    y, weight = np.concatenate(design.rows.y), design.rows.weights
    used = np.ones(len(y), bool) if weight is None else weight > 0.0
    if not ((y == 0.0) | (y == 1.0)).all():
        return None  # shares of classes are never separated
    if free[live].all():
        margins = _margins(y, np.concatenate(at.point.eta), design.loss.coupled)[used]
        apart = np.asarray((margins > 0.0).all(axis=0))
        if apart.any():
            return _along(problem, coef, apart, complete=True)
    sure = np.abs(np.concatenate(at.point.u)).max(axis=1)[used].min() < SURE
    columns = np.flatnonzero(free)
    if not sure or not affords(design.rows, columns, problem.memory):
        return None
    hessian = hessian_of(design.rows, at.point, columns)
    step = hessian.solve(at.correlation[columns])
    moved = np.concatenate(along_columns(design.rows, hessian, step))
    margins = _margins(y, moved, design.loss.coupled)[used]
    largest = margins.max(axis=0)
    apart = (largest > MOVING) & (margins.min(axis=0) >= -STILL * largest)
    if not apart.any():
        return None
    direction = np.zeros_like(coef)
    direction[columns] = step
    complete = bool((margins > STILL * largest).all())
    return _along(problem, direction, apart, complete=complete)


def _margins(y: Float, eta: Float, coupled: bool) -> Float:
    """(n, k) how far eta is on the side of a row's class, or (n, 1) before every other class."""
    if not coupled:
        return (2.0 * y - 1.0) * eta
    own = (y * eta).sum(axis=1)
    others = np.where(y > 0.0, -np.inf, eta).max(axis=1)
    return (own - others)[:, None]


def _along(
    problem: Problem, direction: Float, apart: NDArray[np.bool_], *, complete: bool
) -> Separation:
    """A direction of the outputs whose classes it tells `apart`: several targets have their own."""
    own = direction if problem.design.loss.coupled else np.where(apart, direction, 0.0)
    size = np.abs(own).max(axis=1) * problem.design.scale
    return Separation(own / size.max(), complete)


def in_words(problem: Problem, found: Separation) -> str:
    """What separates the classes, and what to do."""
    design = problem.design
    size = np.abs(found.direction).max(axis=1) * design.scale
    order = np.argsort(-size, kind="stable")[:NAMED]
    names = ", ".join(design.source.columns[j] for j in order if size[j] > 0.0)
    which = "the classes of every row" if found.complete else "the classes of some rows"
    return (
        f"{which} are told exactly by the columns (most by {names}): no finite coefficients are "
        "best without a penalty, and those reached are where the fit stopped; add one, such as "
        "l2=1e-4, or leave out what gives the class away"
    )
