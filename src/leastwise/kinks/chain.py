"""From one problem's optimal vertex to the next one's, on the rows that can matter to either.

theta of all rows off the basis is q s_i or (q - 1) s_i by the sign of their residuals, so that

    A'theta = q A's - sum over r_i < 0 of s_i a_i

is kept from problem to problem, and brought up to date by the rows whose sign changed. The next
problem's vertex is few simplex steps away (parametric programming: Koenker and d'Orey 1987), and
only rows near its zero take part in them; all others are one row, the sum of theta_i a_i.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from leastwise.kinks.finish import rounding, summands
from leastwise.kinks.globs import KAPPA
from leastwise.kinks.pieces import FAR, Pieces
from leastwise.kinks.settle import EDGE, EXACT, MOST
from leastwise.kinks.units import Units
from leastwise.kinks.walk import inverted

Float = NDArray[np.float64]
Index = NDArray[np.intp]

STEPS = 40  # of the simplex method, after which the inverse is made again
TIED = 1e-9  # of the mean loss, a residual whose dual is written down
REPAIRS = 6  # times that rows of a mistaken sign are added before a problem is given up


@cache
def _kernel() -> Any:
    from leastwise.kernels import vertices  # compiled when it is first needed

    return vertices


@dataclass(frozen=True)
class Vertex:
    """One problem solved on the rows that are near.

    Parameters
    ----------
    v : (m,)
    rows, theta : the rows of zero residual, and their duals in inner units; those of all others
    follow from the sign of their residuals
    basis, inverse : (m,) the rows of the basis, n + k for the k-th row e_j; of their matrix
    unique : whether v is the only optimum
    steps, worked : of the simplex method, and the rows that they looked at
    """

    v: Float
    rows: Index
    theta: Float
    basis: Index
    inverse: Float
    unique: bool
    steps: int
    worked: int


def descend(
    pieces: Pieces, basis: Index, inverse: Float, limit: int
) -> tuple[Index, Float, int] | None:
    """The basis, theta and steps of the optimal vertex, from that of `basis`."""
    kernel = _kernel()
    m, N = pieces.l2.size, pieces.y.size
    up, down = np.minimum(pieces.up, FAR), np.minimum(pieces.down, FAR)
    basis = basis.astype(np.int64)
    room, small, ahead = np.empty((3, N)), np.empty((4, m)), np.empty(N, np.int64)
    side, taken = np.zeros(0), 0
    while True:
        v = inverse @ pieces.y[basis]
        r = pieces.y - pieces.times(v)
        signs = np.where(r < 0.0, -1.0, 1.0)
        if side.size:  # rows that were passed where they tie keep the side they are on
            signs = np.where(np.abs(r) > 1e-13 * (1.0 + np.abs(pieces.y)), signs, side)
            signs[signs == 0.0] = 1.0
        side = signs
        r[basis], side[basis] = 0.0, 0.0
        theta = np.where(side > 0.0, up, -down)
        theta[basis] = 0.0
        g = pieces.back(theta)
        end, steps = kernel.descend(
            pieces.T, pieces.unit, up, down, basis, inverse, r, side, theta, g,
            room, small, ahead, STEPS,
        )  # fmt: skip
        taken += steps
        if end == kernel.OPTIMAL:
            return basis.astype(np.intp), theta, taken
        if end == kernel.LOST or taken >= limit:
            return None
        fresh = inverted(pieces.chosen(basis))
        if fresh is None:
            return None
        inverse = np.ascontiguousarray(fresh)


@dataclass(frozen=True)
class Sums:
    """Of all rows, in inner units, with theta_i = s_i: A'theta (m,) and theta'y."""

    back: Float
    height: float


@dataclass(frozen=True)
class Reference:
    """Where a chain starts: an optimal vertex of the quantile q, and what a pass saw there.

    r (n,), theta (n,), A'theta (m,) and theta'y in inner units.
    """

    q: float
    vertex: Vertex
    r: Float
    theta: Float
    back: Float
    height: float


class Near:
    """The rows that can have a zero residual in any of some problems, and the sums of the others.

    Parameters
    ----------
    units : the rows
    weight : (n,) of mean 1
    sums : of all rows
    start : an optimum nearby
    rows : (k,) sorted, with all of the start's basis
    """

    def __init__(
        self, units: Units, weight: Float, sums: Sums, start: Reference, rows: Index
    ) -> None:
        self.n, self.rows, self.start = units.n, rows, start
        self.first = units.first
        self.T = units.transposed(rows)
        self.y = (units.rows.y[rows] - units.b0) / units.S
        self.s = weight[rows]
        self.theta = Sums(
            start.back - self.T @ start.theta[rows],
            start.height - float(self.y @ start.theta[rows]),
        )
        self.sums = Sums(sums.back - self.T @ self.s, sums.height - float(self.y @ self.s))
        self.band = 12 * units.m  # rows worked on

    def next(self, units: Units, q: float, before: Vertex) -> Vertex | None:
        """The optimal vertex for the penalty in `units` and the quantile q; None if it is lost."""
        r0 = self._ahead(self.y - before.v @ self.T, q)
        size = np.abs(r0)
        place = min(self.band, size.size) - 1
        working = size <= np.partition(size, place)[place]
        dense = before.basis < self.n
        local = before.basis.copy()
        local[dense] = np.searchsorted(self.rows, before.basis[dense])
        working[local[dense]] = True
        below = r0 < 0.0
        inverse, taken = before.inverse.copy(), 0
        for _ in range(REPAIRS):
            work = np.flatnonzero(working)
            pieces = self._pieces(units, q, below, work)
            basis = local - self.n + work.size + 1
            basis[dense] = np.searchsorted(work, local[dense])
            found = descend(pieces, basis, inverse, 200 + 20 * units.m)
            if found is None:
                return None
            basis, theta, steps = found
            polished = _polished(pieces, basis, theta)
            if polished is None or bool((basis == work.size).any()):
                return None
            v, theta, inverse = polished
            taken += steps
            dense = basis < work.size
            local = basis + self.n - work.size - 1
            local[dense] = work[basis[dense]]
            r = self.y - v @ self.T
            changed = (r < 0.0) != below
            wrong = changed & ~working
            if not wrong.any():
                return self._vertex(pieces, v, r, theta, basis, inverse, work, changed, size, taken)
            working |= wrong
            self.band += int(np.count_nonzero(wrong))
        return None

    def _ahead(self, r: Float, q: float) -> Float:
        """r at an intercept that leaves the share q of the rows' weight below it."""
        if not self.first:
            return r
        start, s = self.start, self.sums.back[0]
        below = start.q * s - self.theta.back[0]
        place = (q * (s + float(self.s.sum())) - below) / max(float(self.s.mean()), 1e-300)
        place = min(max(int(place), 0), r.size - 1)
        return r - np.partition(r, place)[place]

    def _pieces(self, units: Units, q: float, below: NDArray[np.bool_], work: Index) -> Pieces:
        s, more = self.s[work], q - self.start.q
        theta = self.s * (q - below)
        theta[work] = 0.0
        back = self.theta.back + more * self.sums.back + self.T @ theta
        height = self.theta.height + more * self.sums.height + float(self.y @ theta)
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

    def _vertex(
        self,
        pieces: Pieces,
        v: Float,
        r: Float,
        theta: Float,
        basis: Index,
        inverse: Float,
        work: Index,
        changed: NDArray[np.bool_],
        size: Float,
        taken: int,
    ) -> Vertex:
        need = float(size[changed].max(initial=0.0))
        used = int(1.3 * np.count_nonzero(size <= need)) + 4 * v.size
        self.band = max(used, (self.band + used) // 2)
        own = np.minimum(np.maximum(theta[basis], -pieces.down[basis]), pieces.up[basis])
        room = np.minimum(pieces.up[basis] - own, own + pieces.down[basis])
        width = np.minimum(pieces.up + pieces.down, 1.0)[basis]
        dense = basis < work.size
        zero = np.abs(r[work]) <= TIED
        zero[basis[dense]] = True
        theta[basis] = own
        names = basis + self.n - work.size - 1
        names[dense] = self.rows[work[basis[dense]]]
        return Vertex(
            v,
            self.rows[work[zero]],
            theta[: work.size][zero],
            names,
            inverse,
            bool((room > EDGE * width).all()),
            taken,
            work.size,
        )


def _polished(pieces: Pieces, basis: Index, theta: Float) -> tuple[Float, Float, Float] | None:
    """v and theta solved for once more, and the inverse of the basis."""
    A = pieces.chosen(basis)
    inverse = inverted(A)
    if inverse is None:
        return None
    v = inverse @ pieces.y[basis]
    v += inverse @ (pieces.y[basis] - A @ v)
    held = basis >= pieces.T.shape[1]
    v[pieces.unit[basis[held] - pieces.T.shape[1]]] = pieces.y[basis[held]]
    theta = theta.copy()
    for _ in range(2):
        theta[basis] -= pieces.back(theta) @ inverse
    return v, theta, np.ascontiguousarray(inverse)
