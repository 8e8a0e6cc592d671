"""From a point inside to the optimal face: which residuals are zero, and the point where they are.

With E the rows of zero residual, theta at its bound on all others and g = A_off'theta_off:

    A_E v = y_E,   N'(l2 v - g) = 0 on the null space N of A_E,   A_E'theta_E = l2 v - g

Strict complementarity tells E from the rest once the path is near its end, whatever the ties; of
the duals on E, which more than m rows make many, the one nearest to the path's (strictly inside)
is taken (finite termination: Ye 1992; Mehrotra and Ye 1993). With l2 a face that asks for a dual
beyond its end, or for a residual on the other side, leads to the next (the primal-dual active set
of Hintermüller, Ito and Kunisch 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from leastwise.kinks.interior import Point
from leastwise.kinks.pieces import FAR, Pieces

Float = NDArray[np.float64]
Index = NDArray[np.intp]
EPS = float(np.finfo(np.float64).eps)
REPAIRS = 10  # faces that are tried from one point
MET = 1e-13  # of a mean residual: a row of infinite slope that is so near to zero is there


@dataclass(frozen=True)
class Face:
    """A candidate for the optimum: v, theta, its complementarity sum, and whether v is alone."""

    v: Float
    theta: Float
    gap: float
    unique: bool


def summands(r: Float, theta: Float, up: Float, down: Float) -> Float:
    """up r+ + down r- - theta r, each at least 0 for theta in its box: (up - theta) r+ + ..."""
    out = np.zeros(r.size)
    np.multiply(up - theta, r, out=out, where=r > 0.0)
    np.multiply(theta + down, -r, out=out, where=r < 0.0)
    return out


def rounding(pieces: Pieces, r: Float) -> float:
    """What the summands come to when residuals r are known to a few units in the last place."""
    slope = pieces.up + pieces.down
    finite = np.isfinite(slope)
    return float(8.0 * EPS * (slope[finite] @ (2.0 * np.abs(pieces.y) + np.abs(r))[finite]))


def _point_on(A: Float, b: Float, l2: Float, g: Float, near: Float) -> tuple[Float, bool]:
    """v with A v = b and N'(l2 v - g) = 0, whether it is alone; the nearest one if it is not."""
    m = A.shape[1]
    if A.shape[0] == m and not l2.any() and m:
        lu, pivots, info = lapack.dgetrf(A)
        if info == 0 and lapack.dgecon(lu, float(np.abs(A).sum(axis=0).max()))[0] > 1e-11:
            v = lapack.dgetrs(lu, pivots, b)[0]
            v += lapack.dgetrs(lu, pivots, b - A @ v)[0]
            return v, True
    U, S, V = np.linalg.svd(A, full_matrices=A.shape[0] < m)
    least = 1e-11 * max(S.max(initial=0.0), 1e-300)
    rank = int(np.count_nonzero(S - least > 0.0))
    v: Float = near.copy()
    for _ in range(2):
        v += V[:rank].T @ ((U[:, :rank].T @ (b - A @ v)) / S[:rank])
    N = V[rank:].T
    if N.shape[1]:
        C = N.T @ (l2[:, None] * N)
        values, Q = np.linalg.eigh(C)
        live = values > 1e-12 * max(float(values[-1]), 1e-300) if l2.any() else values > np.inf
        for _ in range(2):
            right = Q.T @ (N.T @ (g - l2 * v))
            v += N @ (Q[:, live] @ (right[live] / values[live]))
        return v, bool(live.all())
    return v, True


def finish(pieces: Pieces, point: Point) -> Face:
    """The face that `point` is near to; with l2, the best of those that lead on from it."""
    up, down = np.minimum(pieces.up, FAR), np.minimum(pieces.down, FAR)
    t, h = up - point.theta, point.theta + down
    weight = np.where((up < FAR) & (down < FAR), up + down, 1.0)
    room = np.minimum(t, h)
    zero = room > (point.s + point.z) * weight
    theta = np.where(t < h, up, -down)
    theta[zero] = point.theta[zero]
    best: Face | None = None
    for _ in range(REPAIRS if pieces.l2.any() else 1):
        face, asked, r = _face(pieces, point.v, zero, theta, room)
        if best is None or face.gap < best.gap:
            best = face
        over, under = zero & (asked > up), zero & (asked < -down)
        crossed = ~zero & (np.where(theta == up, r, -r) < 0.0)
        if not 0 < np.count_nonzero(over | under | crossed) <= pieces.l2.size:
            break  # it is the optimum's face, or is far from it
        theta = np.where(over, up, np.where(under, -down, theta))
        zero = (zero & ~over & ~under) | crossed
        room = np.where(crossed, weight, room)
    assert best is not None
    return best


def _face(
    pieces: Pieces, near: Float, zero: NDArray[np.bool_], theta: Float, room: Float
) -> tuple[Face, Float, Float]:
    """The point where the rows `zero` are met, the duals that it asks of them, and residuals.

    theta : of the other rows, and where to begin on those ; room : what each of those may move
    """
    M, m = pieces.T.shape[1], pieces.l2.size
    theta = theta.copy()
    start = np.where(zero, theta, 0.0)
    theta[zero] = 0.0
    held, fixed = np.flatnonzero(zero[M:]), np.zeros(m, bool)
    v = np.zeros(m)
    columns = pieces.unit[held]
    fixed[columns] = True
    v[columns] = pieces.y[M:][held]
    free = np.flatnonzero(~fixed)
    rows = np.flatnonzero(zero[:M])
    A = pieces.chosen(rows)
    own = np.abs(A[:, free]).max(axis=1, initial=0.0)
    own[own == 0.0] = 1.0
    inner = A[:, free] / own[:, None]
    g = pieces.back(theta)
    b = (pieces.y[rows] - A @ v) / own
    v[free], unique = _point_on(inner, b, pieces.l2[free], g[free], near[free])
    theta[rows] = start[rows]
    _close(pieces, theta, v, rows, free, inner, own, room[rows])
    asked = theta.copy()
    lack = pieces.l2 * v - pieces.back(theta)
    for k in held:  # the dual of a coefficient that is held takes up what is lacking
        j, i = pieces.unit[k], M + k
        asked[i] = lack[j]
        theta[i] = min(max(lack[j], -pieces.down[i]), pieces.up[i])
        lack[j] -= theta[i]
    r = pieces.y - pieces.times(v)
    r[M + held] = 0.0
    walls = rows[np.isinf(pieces.up[rows]) & (np.abs(r[rows]) <= MET)]
    r[walls] = 0.0
    inside = np.minimum(np.maximum(theta, -pieces.down), pieces.up)
    outside = float(np.abs(theta - inside).sum())
    gap = float(summands(r, inside, pieces.up, pieces.down).sum()) + outside
    return Face(v, inside, gap + float(np.abs(lack).sum()), unique), asked, r


def _close(
    pieces: Pieces,
    theta: Float,
    v: Float,
    rows: Index,
    free: Index,
    inner: Float,
    own: Float,
    room: Float,
) -> None:
    """The least change of theta on E, measured in the room it has, to A'theta = l2 v."""
    if not rows.size or not free.size:
        return
    if rows.size == free.size:
        lu, pivots, info = lapack.dgetrf(inner)
        if info == 0 and lapack.dgecon(lu, float(np.abs(inner).sum(axis=0).max()))[0] > 1e-11:
            for _ in range(2):
                lack = (pieces.l2 * v - pieces.back(theta))[free]
                theta[rows] += lapack.dgetrs(lu, pivots, lack, trans=1)[0] / own
            return
    weighted = inner.T * (room * own)
    for _ in range(2):
        lack = (pieces.l2 * v - pieces.back(theta))[free]
        theta[rows] += room * np.linalg.lstsq(weighted, lack, rcond=1e-13)[0]
