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
from scipy.linalg import cho_factor, cho_solve

from leastwise.kinks.globs import KAPPA, smoothed
from leastwise.kinks.pieces import Pieces
from leastwise.kinks.settle import EDGE
from leastwise.kinks.stride import Stride, stride
from leastwise.kinks.units import Units

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Signs = NDArray[np.bool_]

ROUNDED = (15, 8)  # rows a column within the kinks that are rounded off, step by step
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
    """Where a chain starts: an optimum v (m,) of the quantile q, r and theta (n,), their sums."""

    q: float
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


class Near:
    """The rows that can have a zero residual in any of some problems, and the sums of the others.

    Parameters
    ----------
    units : the rows
    weight : (n,) of mean 1
    total : of all rows, with theta = weight
    start : an optimum nearby
    rows : (k,) sorted
    """

    def __init__(
        self, units: Units, weight: Float, total: Sums, start: Reference, rows: Index
    ) -> None:
        self.n, self.rows, self.q, self.first = units.n, rows, start.q, units.first
        self.T = units.transposed(rows)
        self.y = (units.rows.y[rows] - units.b0) / units.S
        self.s = weight[rows]
        self.far = _less(start.sums, self.T, self.y, start.theta[rows])
        self.more = _less(total, self.T, self.y, self.s)
        self.band = BAND * units.m

    def next(self, units: Units, q: float, v: Float) -> Vertex | None:
        """The optimum for the penalty in `units` and the quantile q, from v; None if it is lost."""
        v = self._approach(units, q, v)
        r = self.y - v @ self.T
        while True:
            found = self._within(units, q, v, r)
            if found is not None or self.band >= r.size:
                return found
            self.band *= 4  # v was far off: the sum of the others said too little of them

    def _approach(self, units: Units, q: float, v: Float) -> Float:
        """v after the intercept's shift and the Newton steps; coefficients at zero stay there."""
        v = v.copy()
        r = self.y - v @ self.T
        if self.first:
            s = float(self.more.back[0])
            place = q * (s + float(self.s.sum())) - (self.q * s - float(self.far.back[0]))
            place = min(max(int(place / float(self.s.mean())), 0), r.size - 1)
            shift = float(np.partition(r, place)[place])
            v[0] += shift
            r -= shift
        w = v[self.first :]
        free = np.flatnonzero(
            np.append(
                np.ones(self.first, bool),
                ((w != 0.0) | (units.l1 == 0.0)) & (w > units.lower) & (w < units.upper),
            )
        )
        if not free.size:
            return v
        pull = np.append(np.zeros(self.first), units.l1 * np.sign(w))
        for count in ROUNDED:
            size = np.abs(r)
            place = min(count * free.size, r.size - 1)
            width = float(np.partition(size, place)[place])
            theta = smoothed(r, q * self.s, (1.0 - q) * self.s, width)
            g = self._back(q) + self.T @ theta - pull
            band = np.flatnonzero(size <= width)
            T = self.T[np.ix_(free, band)]
            H = (T * (self.s[band] / (2.0 * width))) @ T.T
            H[np.diag_indices_from(H)] += 1e-9 * np.trace(H)
            if not np.isfinite(H).all() or not np.trace(H) > 0.0:
                break
            v[free] += cho_solve(cho_factor(H), g[free])
            r = self.y - v @ self.T
        return v

    def _back(self, q: float) -> Float:
        return self.far.back + (q - self.q) * self.more.back

    def _within(self, units: Units, q: float, v: Float, r: Float) -> Vertex | None:
        """The optimum from the rows of least |r|, as far as it stays among them."""
        size, below = np.abs(r), r < 0.0
        place = min(self.band, size.size) - 1
        working = size <= np.partition(size, place)[place]
        taken = 0
        for _ in range(REPAIRS):
            work = np.flatnonzero(working)
            pieces = self._pieces(units, q, below, work)
            found = stride(pieces, v, 200 + 20 * units.m)
            if found is None or bool((found.basis == work.size).any()):
                return None
            taken += found.steps
            changed = (self.y - found.v @ self.T < 0.0) != below
            wrong = changed & ~working
            if not wrong.any():
                need = float(size[changed].max(initial=0.0))
                used = 2 * int(np.count_nonzero(size <= need)) + 3 * v.size
                self.band = max(used, (self.band + used) // 2)
                return self._vertex(pieces, work, found, taken)
            working |= wrong
            v = found.v
        return None

    def _pieces(self, units: Units, q: float, below: Signs, work: Index) -> Pieces:
        s, theta = self.s[work], self.s * (q - below)
        theta[work] = 0.0
        back = self._back(q) + self.T @ theta
        height = self.far.height + (q - self.q) * self.more.height + float(self.y @ theta)
        count = float(max(self.n - work.size, 1))
        T = np.empty((back.size, work.size + 1))
        np.take(self.T, work, axis=1, out=T[:, :-1])
        T[:, -1] = back / count
        return units.with_penalty(
            T,
            np.append(self.y[work], height / count),
            np.append(q * s, count),
            np.append((1.0 - q) * s, KAPPA * count),
        )

    def _vertex(self, pieces: Pieces, work: Index, found: Stride, taken: int) -> Vertex:
        basis, theta, M = found.basis, found.theta, work.size
        up, down = pieces.up[basis], pieces.down[basis]
        theta[basis] = np.minimum(np.maximum(theta[basis], -down), up)
        room = np.minimum(up - theta[basis], theta[basis] + down)
        zero = np.abs(pieces.y[:M] - found.v @ pieces.T[:, :M]) <= TIED
        zero[basis[basis < M]] = True
        return Vertex(
            found.v,
            self.rows[work[zero]],
            theta[:M][zero],
            bool((room > EDGE * np.minimum(up + down, 1.0)).all()),
            taken,
            M,
        )


def _less(sums: Sums, T: Float, y: Float, theta: Float) -> Sums:
    """The sums without some rows."""
    return Sums(sums.back - T @ theta, sums.height - float(y @ theta))
