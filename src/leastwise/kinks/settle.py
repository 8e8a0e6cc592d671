"""A small problem solved exactly: the path inside, then the vertex or the face it leads to.

Without l2 the path is left early, for the simplex steps that are fewer than its own; with l2, or
where no vertex is found (collinear columns, fewer rows than columns), it is followed to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.finish import Face, finish, rounding, summands
from leastwise.kinks.interior import Point, advance, begin
from leastwise.kinks.pieces import Pieces
from leastwise.kinks.walk import walk
from leastwise.numerics.threads import one_blas_thread

Float = NDArray[np.float64]

LEAVE, FIRST_LOOK, EXACT, END = 5e-4, 1e-5, 1e-14, 1e-15  # gaps, relative to the intercept's loss
MOST = 1e-11  # that rounding may be, relative likewise
EDGE = 1e-9  # of its box: a dual so near to its end may mean that there are other optima


@dataclass(frozen=True)
class Settled:
    """v (m,), theta (N,), whether they are exact and alone, and the steps taken."""

    v: Float
    theta: Float
    exact: bool
    unique: bool
    iterations: int


def settle(pieces: Pieces, v: Float, null: float, max_iter: int) -> Settled:
    """The optimum of a small problem, from any v; `null` is the objective of the intercept."""
    with one_blas_thread():
        point = begin(pieces, v)
        if not pieces.l2.any():
            point = advance(pieces, point, LEAVE * _own_loss(pieces, v, null), max_iter)
            vertex = _vertex(pieces, point, null)
            if vertex is not None:
                return vertex
        point = advance(pieces, point, FIRST_LOOK * null, max_iter - point.iterations)
        best: Face | None = None
        shaken = rounding(pieces, pieces.y - pieces.times(point.v))
        enough = EXACT * null + min(shaken, MOST * null)
        while True:
            face = finish(pieces, point)
            if best is None or face.gap < best.gap:
                best = face
            if best.gap <= enough:
                break
            before = point.iterations
            if point.gap > END * null and before < max_iter:
                point = advance(pieces, point, max(0.02 * point.gap, END * null), max_iter - before)
            if point.iterations == before:
                break
    if point.gap < best.gap:
        return Settled(point.v, point.theta, False, False, point.iterations)
    return Settled(best.v, best.theta, best.gap <= enough, best.unique, point.iterations)


def _own_loss(pieces: Pieces, v: Float, null: float) -> float:
    """The loss at v of all rows but the greatest, which may be a sum of thousands."""
    r = pieces.y - pieces.times(v)
    up, down = (np.where(np.isfinite(slope), slope, 0.0) for slope in (pieces.up, pieces.down))
    own = np.where(r > 0.0, up * r, -down * r)
    return min(null, float(own.sum() - own.max()) + 1e-6 * null)


def _vertex(pieces: Pieces, point: Point, null: float) -> Settled | None:
    found = walk(pieces, point, 100 + 2 * pieces.l2.size)
    if found is None:
        return None
    inside = np.minimum(np.maximum(found.theta, -pieces.down), pieces.up)
    r = pieces.y - pieces.times(found.v)
    r[found.basis] = 0.0
    outside = float(np.abs(found.theta - inside).sum())
    gap = float(summands(r, inside, pieces.up, pieces.down).sum()) + outside
    if not gap <= EXACT * null + min(rounding(pieces, r), MOST * null):
        return None
    own = found.basis
    room = np.minimum(pieces.up - found.theta, found.theta + pieces.down)[own]
    size = np.minimum(pieces.up + pieces.down, 1.0)[own]
    unique = bool((room > EDGE * size).all())
    return Settled(found.v, inside, True, unique, point.iterations + found.steps)
