"""From vertex to vertex, downhill: the simplex method on the kinks.

A vertex is v = A_B^-1 y_B, B m rows of zero residual; theta_i = up_i or -down_i by the sign of all
other residuals, theta_B = -A_B^-T A_off'theta_off. It is the optimum where theta_B is in its box.
Where theta_k is not, the residual r_k leaves zero along d = -+ A_B^-1 e_k, past every kink at which
the slope is still negative (Barrodale and Roberts 1973), and the row of the last kink takes k's
place.

Only for problems without l2. Started at the vertex nearest to a point inside, few steps are left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack, qr

from leastwise.kinks.interior import Point
from leastwise.kinks.pieces import FAR, Pieces

Float = NDArray[np.float64]
Index = NDArray[np.intp]

ANEW = 30  # steps, after which the inverse is made again
SHORTLIST = 48  # kinks that are looked at first
INSIDE = 1e-11  # beyond its box, relative to its size, that a dual may be by rounding
PIVOT = 1e-10  # of its row, below which a step would lose the inverse
BLUR = 1e-12  # by which y is changed where residuals tie: the basis found is optimal for y too


def _first_basis(pieces: Pieces, point: Point) -> tuple[Index, Float] | None:
    """Rows that the point says are zero, independent, and the inverse of their matrix."""
    up, down = np.minimum(pieces.up, FAR), np.minimum(pieces.down, FAR)
    m = pieces.l2.size
    weight = np.where((up < FAR) & (down < FAR), up + down, 1.0)
    score = np.minimum(up - point.theta, point.theta + down) / ((point.s + point.z) * weight)
    count = m
    while True:
        top = np.argpartition(-score, min(count, score.size - 1))[:count]
        top = np.sort(top)
        A = pieces.chosen(top)
        own = np.abs(A).max(axis=1, initial=0.0)
        own[own == 0.0] = 1.0
        A = A / own[:, None]
        if count > m:
            preference = np.sqrt(np.minimum(score[top], 1e6) + 1e-12)
            _, _, order = qr(A.T * preference, mode="economic", pivoting=True)
            top, A, own = top[order[:m]], A[order[:m]], own[order[:m]]
        if top.size < m:
            return None
        inverse = inverted(A)
        if inverse is not None:
            return top, inverse / own
        if count >= score.size:
            return None
        count = min(4 * count, score.size)


def inverted(A: Float) -> Float | None:
    """A^-1, None where it is lost to rounding."""
    lu, pivots, info = lapack.dgetrf(A)
    if info != 0 or lapack.dgecon(lu, float(np.abs(A).sum(axis=0).max()))[0] < 1e-10:
        return None
    inverse: Float = lapack.dgetri(lu, pivots)[0]
    return inverse


@dataclass(frozen=True)
class Optimum:
    """v (m,), theta (N,), the m rows of the basis, the steps taken."""

    v: Float
    theta: Float
    basis: Index
    steps: int


def walk(pieces: Pieces, point: Point, limit: int) -> Optimum | None:
    """The optimal vertex, None where it was not reached in `limit` steps."""
    begun = _first_basis(pieces, point)
    if begun is None:
        return None
    basis, inverse = begun
    found = _descend(pieces, pieces.y, point.theta, basis, inverse, limit)
    if found is None:
        blur = BLUR * np.random.default_rng(0).uniform(-1.0, 1.0, pieces.y.size)
        found = _descend(pieces, pieces.y + blur, point.theta, basis, inverse, limit)
    if found is None:
        return None
    basis, theta, steps = found
    A = pieces.chosen(basis)
    v = np.asarray(np.linalg.solve(A, pieces.y[basis]), np.float64)
    v += np.linalg.solve(A, pieces.y[basis] - A @ v)
    M = pieces.T.shape[1]
    held = basis[basis >= M]
    v[pieces.unit[held - M]] = pieces.y[held]  # exactly zero, or the bound
    theta[basis] -= np.linalg.solve(A.T, pieces.back(theta))
    return Optimum(v, theta, basis, steps)


def _descend(
    pieces: Pieces, y: Float, hint: Float, basis: Index, inverse: Float, limit: int
) -> tuple[Index, Float, int] | None:
    up, down = np.minimum(pieces.up, FAR), np.minimum(pieces.down, FAR)
    both = up + down
    basis, inverse = basis.copy(), inverse.copy()
    v = inverse @ y[basis]
    r = y - pieces.times(v)
    side = np.where(r == 0.0, np.where(hint > 0.5 * (up - down), 1.0, -1.0), np.sign(r))
    side[basis] = 0.0
    theta = np.where(side > 0.0, up, -down)
    theta[basis] = 0.0
    g = pieces.back(theta)
    stuck, drowned = 0, False  # drowned: an infinite slope has been in g, and all digits with it
    for steps in range(limit):
        own = -(g @ inverse)
        beyond = np.maximum(own - up[basis], -down[basis] - own)
        beyond[beyond <= INSIDE * (1.0 + np.abs(own))] = 0.0
        rate = beyond / np.sqrt(np.einsum("ij,ij->j", inverse, inverse))
        k = int(rate.argmax())
        if not beyond[k] > 0.0:
            theta[basis] = own
            return basis, theta, steps
        sign = 1.0 if own[k] > up[basis[k]] else -1.0
        d = -sign * inverse[:, k]
        w = pieces.times(d)
        w[basis] = 0.0
        ahead = np.flatnonzero(side * w > 0.0)
        if not ahead.size:
            return None
        far = np.maximum(r[ahead] / w[ahead], 0.0)
        entering, passed, tau = _last_kink(ahead, far, np.abs(w) * both, beyond[k])
        if entering < 0:
            return None
        stuck = stuck + 1 if tau == 0.0 else 0
        if stuck > 2 * basis.size:
            return None
        if passed.size:
            change = -side[passed] * both[passed]
            theta[passed] += change
            side[passed] = -side[passed]
            drowned = drowned or bool(np.abs(change).max() > 0.5 * FAR)
            g = g + pieces.chosen(passed).T @ change
        leaving = basis[k]
        row = pieces.chosen(np.array([entering]))[0]
        g = g + pieces.chosen(np.array([leaving]))[0] * (
            up[leaving] if sign > 0 else -down[leaving]
        )
        g = g - row * theta[entering]
        theta[leaving] = up[leaving] if sign > 0 else -down[leaving]
        drowned = drowned or abs(theta[entering]) > 0.5 * FAR
        theta[entering] = 0.0
        v = v + tau * d
        r -= tau * w
        r[basis] = 0.0
        r[leaving], side[leaving] = sign * tau, sign
        r[entering], side[entering] = 0.0, 0.0
        basis[k] = entering
        if drowned or steps % ANEW == ANEW - 1:
            A = pieces.chosen(basis)
            fresh = inverted(A)
            if fresh is None:
                return None
            inverse = fresh
            v = inverse @ y[basis]
            r = y - pieces.times(v)
            r[basis] = 0.0
            g = pieces.back(theta)
            drowned = False
        else:
            across = row @ inverse
            pivot = across[k]
            if abs(pivot) < PIVOT * np.abs(across).max():
                return None
            across[k] -= 1.0
            inverse -= np.outer(inverse[:, k] / pivot, across)
    return None


def _last_kink(ahead: Index, far: Float, rise: Float, slope: float) -> tuple[int, Index, float]:
    """The row at whose kink the slope, -`slope` at first, is no more negative; those before it."""
    short = far.size > 4 * SHORTLIST
    chosen = np.argpartition(far, SHORTLIST)[:SHORTLIST] if short else np.arange(far.size)
    while True:
        order = chosen[np.argsort(far[chosen], kind="stable")]
        total = np.cumsum(rise[ahead[order]])
        place = int(np.searchsorted(total, slope))
        if place < order.size:
            return int(ahead[order[place]]), ahead[order[:place]], float(far[order[place]])
        if chosen.size == far.size:
            return -1, ahead[:0], 0.0
        chosen = np.arange(far.size)
