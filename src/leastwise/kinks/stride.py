"""The optimal vertex of a small problem without l2 from any basis, by compiled simplex steps.

The steps of `walk`, for the many small problems of many quantiles or strengths, which repay what
loading the compiler costs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.pieces import FAR, Pieces
from leastwise.kinks.walk import Optimum, inverted

Float = NDArray[np.float64]
Index = NDArray[np.intp]

STEPS = 40  # after which the inverse is made again
TIE = 1e-13  # of y, below which a residual has no sign of its own
CHOICE = 3  # rows a column, of which the basis is chosen
PIVOTS = np.array([0.3, 0.03, 1e-3, 1e-6])  # of a row's largest entry, while there is a choice
SOUND = 1e-8  # error of an inverse that refinement mends


@cache
def vertices() -> Any:
    """The compiled steps, loaded when they are first needed."""
    from leastwise.kernels import vertices

    return vertices


def stride(pieces: Pieces, v: Float, limit: int) -> Optimum | None:
    """The optimal vertex from the one near v; None where it is not reached in `limit` steps."""
    begun = _basis_near(pieces, v)
    if begun is None:
        return None
    basis, inverse = begun
    kernel = vertices()
    m, N = pieces.l2.size, pieces.y.size
    up, down = np.minimum(pieces.up, FAR), np.minimum(pieces.down, FAR)
    room, small, ahead = np.empty((3, N)), np.empty((4, m)), np.empty(N, np.int64)
    side, taken = np.ones(N), 0
    while True:
        r = pieces.y - pieces.times(inverse @ pieces.y[basis])
        # A row that was passed where it ties keeps the side it is on.
        sure = (np.abs(r) > TIE * (1.0 + np.abs(pieces.y))) | (side == 0.0)
        side = np.where(sure, np.where(r < 0.0, -1.0, 1.0), side)
        r[basis], side[basis] = 0.0, 0.0
        theta = np.where(side > 0.0, up, -down)
        theta[basis] = 0.0
        g = pieces.back(theta)
        end, steps = kernel.descend(
            *(pieces.T, pieces.unit, up, down, basis, inverse, r, side, theta, g),
            *(room, small, ahead, STEPS),
        )
        taken += steps
        if end == kernel.OPTIMAL:
            return _polished(pieces, theta, basis, inverse, taken)
        fresh = inverted(pieces.chosen(basis)) if end == kernel.ANEW and taken < limit else None
        if fresh is None:
            return None
        inverse = np.ascontiguousarray(fresh)


def _basis_near(pieces: Pieces, v: Float) -> tuple[Index, Float] | None:
    """Independent rows that are nearly zero at v, and the inverse of their matrix."""
    m, M = pieces.l2.size, pieces.T.shape[1]
    size = np.abs(pieces.y - pieces.times(v))
    count = min(CHOICE * m, M)
    dense = np.argpartition(size[:M], count - 1)[:count]
    some = np.concatenate([np.arange(M, size.size), dense])
    order = some[np.argsort(size[some], kind="stable")]
    basis, inverse, room = np.empty(m, np.int64), np.empty((m, m)), np.empty(m)
    if not vertices().choose(pieces.T, pieces.unit, order, PIVOTS, basis, inverse, room):
        return None
    return basis, inverse


def _polished(
    pieces: Pieces, theta: Float, basis: Index, inverse: Float, steps: int
) -> Optimum | None:
    A = pieces.chosen(basis)
    if not np.abs(A @ inverse - np.eye(basis.size)).max() < SOUND:
        fresh = inverted(A)
        if fresh is None:
            return None
        inverse = fresh
    v = inverse @ pieces.y[basis]
    for _ in range(2):
        v += inverse @ (pieces.y[basis] - A @ v)
    M = pieces.T.shape[1]
    held = basis[basis >= M]
    v[pieces.unit[held - M]] = pieces.y[held]  # exactly zero, or the bound
    for _ in range(2):
        theta[basis] -= pieces.back(theta) @ inverse
    return Optimum(v, theta, basis, steps)
