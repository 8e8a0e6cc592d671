"""From one problem's optimum to the next one's, on the rows that can matter to either.

    A'theta(q) = sum over far rows, which is linear in q,  +  T theta of the near rows

The loss with its kinks rounded off is a piecewise quadratic: a Newton step on it, and another with
less rounded off, end within a hundred rows of the next optimum, whatever vertex the last one was
(Madsen and Nielsen 1993). Simplex steps on those rows, with all others as one sum, do the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from leastwise.kinks.globs import KAPPA, smoothed
from leastwise.kinks.pieces import Pieces
from leastwise.kinks.rows import Kink
from leastwise.kinks.settle import EDGE
from leastwise.kinks.stride import stride
from leastwise.kinks.units import Units
from leastwise.kinks.walk import Optimum

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Signs = NDArray[np.bool_]

ROUNDED = (14,)  # rows a column within the kinks that are rounded off, step by step
CLOSE = 40  # rows a column among which one problem is solved
BAND = 12  # rows a column that are worked on at first
TIED = 1e-9  # of the mean loss, a residual whose dual is written down
REPAIRS = 6  # times that rows of a mistaken sign are added


@dataclass(frozen=True)
class Sums:
    """A'theta (m,) and theta'y of some rows, in inner units."""

    back: Float
    height: float


@dataclass(frozen=True)
class Reference:
    """Where a chain starts: the optimum v (m,) of a problem, r and theta (n,), their sums.

    r in inner units, theta for weights that sum to 1, the sums in inner units.
    """

    kink: Kink
    v: Float
    r: Float
    theta: Float
    sums: Sums


@dataclass(frozen=True)
class Vertex:
    """One problem solved on the rows that are near.

    Parameters
    ----------
    v : (m,)
    rows, theta : the rows of zero residual, and their duals in inner units; those of all others
    follow from the signs of their residuals
    unique : whether v is the only optimum
    steps, worked : of the simplex method, and the rows that they looked at
    """

    v: Float
    rows: Index
    theta: Float
    unique: bool
    steps: int
    worked: int


@dataclass(frozen=True)
class Near:
    """The rows that can have a zero residual in any of some problems, and the sums of the others.

    Parameters
    ----------
    n, first : all rows, and whether there is an intercept
    rows : (k,) sorted, those that are near
    T, y, s : (m, k), (k,) and (k,) of these, in inner units
    q : the quantile of which `far` is
    far, more : of all other rows, with their theta, and with theta = s
    """

    n: int
    first: int
    rows: Index
    T: Float
    y: Float
    s: Float
    q: float
    far: Sums
    more: Sums

    @staticmethod
    def around(units: Units, share: Float, total: Sums, start: Reference, rows: Index) -> Near:
        """`rows` of all, whose weights (n,) sum to 1, with theta = share summed up in `total`."""
        T, y = units.transposed(rows), (units.rows.y[rows] - units.b0) / units.S
        s, theta = units.n * share[rows], units.n * start.theta[rows]
        far, more = _less(start.sums, T, y, theta), _less(total, T, y, s)
        return Near(units.n, units.first, rows, T, y, s, start.kink.q, far, more)

    def closer(self, q: float, below: Signs, chosen: Index) -> Near:
        """Fewer of these rows, the others with theta as for the quantile q."""
        T, y, s = np.take(self.T, chosen, axis=1), self.y[chosen], self.s[chosen]
        theta = self.s * (q - below)
        theta[chosen] = 0.0
        back = self.back(q) + self.T @ theta
        height = self.far.height + (q - self.q) * self.more.height + float(self.y @ theta)
        far = Sums(back, height)
        return Near(self.n, self.first, self.rows[chosen], T, y, s, q, far, self.more)

    def back(self, q: float) -> Float:
        """A'theta of the others for the quantile q."""
        return self.far.back + (q - self.q) * self.more.back

    def pieces(self, units: Units, q: float, below: Signs, work: Index) -> Pieces:
        """The problem of the rows `work`, and the sum of all others."""
        s, theta = self.s[work], self.s * (q - below)
        theta[work] = 0.0
        height = self.far.height + (q - self.q) * self.more.height + float(self.y @ theta)
        count = float(max(self.n - work.size, 1))
        T = np.empty((len(self.T), work.size + 1))
        T[:, :-1] = np.take(self.T, work, axis=1)
        T[:, -1] = (self.back(q) + self.T @ theta) / count
        return units.with_penalty(
            T,
            np.append(self.y[work], height / count),
            np.append(q * s, count),
            np.append((1.0 - q) * s, KAPPA * count),
        )


class Chain:
    """One problem after the other on rows that are near to all of them, each from the last's v."""

    def __init__(self, near: Near, v: Float) -> None:
        self.near, self.v = near, v
        self.r = near.y - v @ near.T
        self.band = BAND * v.size

    def next(self, units: Units, q: float) -> Vertex | None:
        """The optimum for the penalty in `units` and the quantile q; None if it is lost."""
        near, v, r = self.near, self.v, self.r
        if near.first:
            v, shift = v.copy(), self._shift(q)
            v[0] += shift
            r = r - shift
        size, below = np.abs(r), r < 0.0
        count = CLOSE * v.size
        if count < size.size // 2:
            chosen = np.flatnonzero(size <= np.partition(size, count)[count])
            close = near.closer(q, below, chosen)
            found = self._search(close, units, q, v)
            if found is not None:
                after = near.y - found.v @ near.T
                wrong = (after < 0.0) != below
                wrong[chosen] = False
                if not wrong.any():
                    self.v, self.r = found.v, after
                    return found
        found = self._search(near, units, q, v)
        if found is not None:
            self.v, self.r = found.v, near.y - found.v @ near.T
        return found

    def _shift(self, q: float) -> float:
        """The intercept's change that leaves the share q of all weight below it."""
        near, r = self.near, self.r
        s = float(near.more.back[0])
        place = q * (s + float(near.s.sum())) - (near.q * s - float(near.far.back[0]))
        place = min(max(int(place / float(near.s.mean())), 0), r.size - 1)
        return float(np.partition(r, place)[place])

    def _search(self, near: Near, units: Units, q: float, v: Float) -> Vertex | None:
        v = approach(near, units, q, v)
        r = near.y - v @ near.T
        while True:
            found = self._within(near, units, q, v, r)
            if found is not None or self.band >= r.size:
                return found
            self.band *= 4  # v was far off: the sum of the others said too little of them

    def _within(self, near: Near, units: Units, q: float, v: Float, r: Float) -> Vertex | None:
        """The optimum from the rows of least |r|, as far as it stays among them."""
        size, below = np.abs(r), r < 0.0
        place = min(self.band, size.size) - 1
        working = size <= np.partition(size, place)[place]
        taken = 0
        for _ in range(REPAIRS):
            work = np.flatnonzero(working)
            pieces = near.pieces(units, q, below, work)
            found = stride(pieces, v, 200 + 20 * units.m)
            if found is None or bool((found.basis == work.size).any()):
                return None
            taken += found.steps
            changed = (near.y - found.v @ near.T < 0.0) != below
            wrong = changed & ~working
            if not wrong.any():
                need = float(size[changed].max(initial=0.0))
                used = 2 * int(np.count_nonzero(size <= need)) + 3 * v.size
                self.band = max(used, (self.band + used) // 2)
                return _vertex(near.rows[work], pieces, found, taken)
            working |= wrong
            v = found.v
        return None


def approach(near: Near, units: Units, q: float, v: Float) -> Float:
    """v after Newton steps on the loss without its kinks; coefficients at zero stay there."""
    v = v.copy()
    r = near.y - v @ near.T
    w = v[near.first :]
    moves = ((w != 0.0) | (units.l1 == 0.0)) & (w > units.lower) & (w < units.upper)
    free = np.flatnonzero(np.append(np.ones(near.first, bool), moves))
    if not free.size:
        return v
    pull = np.append(np.zeros(near.first), units.l1 * np.sign(w))
    for count in ROUNDED:
        size = np.abs(r)
        place = min(count * free.size, r.size - 1)
        width = float(np.partition(size, place)[place])
        if not width > 0.0:
            break
        theta = smoothed(r, q * near.s, (1.0 - q) * near.s, width)
        g = near.back(q) + near.T @ theta - pull
        band = np.flatnonzero(size <= width)
        T = near.T[np.ix_(free, band)]
        H = (T * (near.s[band] / (2.0 * width))) @ T.T
        H[np.diag_indices_from(H)] += 1e-9 * np.trace(H)
        if not np.isfinite(H).all():
            break
        root, info = lapack.dpotrf(H)
        if info != 0:
            break
        v[free] += lapack.dpotrs(root, g[free])[0]
        r = near.y - v @ near.T
    return v


def _vertex(rows: Index, pieces: Pieces, found: Optimum, taken: int) -> Vertex:
    basis, theta, M = found.basis, found.theta, rows.size
    up, down = pieces.up[basis], pieces.down[basis]
    theta[basis] = np.minimum(np.maximum(theta[basis], -down), up)
    room = np.minimum(up - theta[basis], theta[basis] + down)
    zero = np.abs(pieces.y[:M] - found.v @ pieces.T[:, :M]) <= TIED
    zero[basis[basis < M]] = True
    alone = bool((room > EDGE * np.minimum(up + down, 1.0)).all())
    return Vertex(found.v, rows[zero], theta[:M][zero], alone, taken, M)


def _less(sums: Sums, T: Float, y: Float, theta: Float) -> Sums:
    """The sums without some rows."""
    return Sums(sums.back - T @ theta, sums.height - float(y @ theta))
