"""Inner units: columns centred and of mean deviation 1, y about its quantile and of loss 1 a row.

    a_i = (1, (x_i - c) / d),   b + x_i.w = b_0 + S a_i.v,   w = S v / d

The centre need not be the mean, nor d exactly the deviation: a sample of rows gives both.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.pieces import Pieces
from leastwise.kinks.rows import KinkRows
from leastwise.numerics.boxes import within
from leastwise.numerics.products import product
from leastwise.numerics.quantiles import SAMPLE, quantile_ends, spread_out
from leastwise.numerics.threads import parallel, tiles

Float = NDArray[np.float64]
Index = NDArray[np.intp]
EPS = float(np.finfo(np.float64).eps)
BLOCK = 400_000  # entries of a block, which fit the cache


def best_constant(y: Float, up: Float, down: Float) -> tuple[float, float]:
    """The ends of { b : sum up (y - b)+ + down (b - y)+ is least }, the weighted quantile."""
    weight = up + down
    # Shares that differ by no more than 1e-14 are the same.
    return quantile_ends(y, weight, float(up.sum()), 1e-14 * float(weight.sum()))


def loss(y: Float, b: float, up: Float, down: Float) -> float:
    """sum up (y - b)+ + down (b - y)+."""

    def one(part: slice) -> float:
        r = y[part] - b
        over = np.maximum(r, 0.0)
        return float(up[part] @ over + down[part] @ (over - r))

    return sum(parallel(one, tiles(y.size)))


@dataclass(frozen=True)
class Seen:
    """What a pass saw: residuals (n,), A'theta (m,) in inner units, and totals over the rows."""

    r: Float
    back: Float
    totals: Float


class Units:
    """A problem's rows, asked for in inner units. Row weights are divided by their mean `weight`.

    Parameters
    ----------
    rows : all of them with a positive weight
    """

    def __init__(self, rows: KinkRows) -> None:
        self.rows, self.X = rows, rows.X
        self.dense = isinstance(rows.X, np.ndarray)
        self.n, self.p = rows.X.shape
        self.weight = float(rows.up.sum() + rows.down.sum()) / max(self.n, 1)
        self.first = int(rows.intercept)
        self.b0 = 0.0
        if rows.intercept:
            ends = best_constant(rows.y, rows.up, rows.down)
            self.b0 = 0.5 * ends[0] + 0.5 * ends[1]
        self.null = loss(rows.y, self.b0, rows.up, rows.down)
        self.S = self.null / (self.n * self.weight) if self.n else 0.0
        self.centre, self.scale = self._columns()
        self.columns = np.flatnonzero(self.scale > 0.0)
        self.m = self.first + self.columns.size
        d = self.scale[self.columns]
        self.factor = self.S / d  # w = factor v
        self.l1, self.l2 = self._penalty(rows.l1, rows.l2)
        self.lower, self.upper = (
            np.divide(
                b[self.columns], self.factor, out=b[self.columns].copy(), where=self.factor > 0
            )
            for b in (rows.lower, rows.upper)
        )
        # Where the mean outweighs the deviation, x.w would lose the digits that the mean has more.
        self.shift = bool(np.any(np.abs(self.centre[self.columns]) > 10.0 * d))

    def _columns(self) -> tuple[Float, Float]:
        some = spread_out(self.n, SAMPLE, np.random.default_rng(1))
        sample = self.entries(some)
        centre = sample.mean(axis=0) if self.rows.intercept else np.zeros(self.p)
        scale = np.abs(sample - centre).mean(axis=0)
        largest = np.abs(sample).max(axis=0)
        for j in np.flatnonzero(scale <= 1e-3 * largest):
            column = self.X[:, j] if self.dense else self.X[:, [j]].toarray()[:, 0]
            if self.rows.intercept:
                centre[j] = column.mean()
            scale[j] = np.abs(column - centre[j]).mean()
            constant = self.rows.intercept and column.min() == column.max()
            if constant or scale[j] <= 4.0 * EPS * np.abs(column).max():
                scale[j] = 0.0
        return centre, scale

    def entries(self, rows: Index) -> Float:
        return self.X[rows] if self.dense else self.X[rows].toarray()

    def transposed(self, rows: Index) -> Float:
        """The inner rows as columns, (m, len(rows)) contiguous."""
        T = np.empty((self.m, rows.size))
        T[: self.first] = 1.0
        for first in range(0, rows.size, 4096):
            part = slice(first, first + 4096)
            entries = self.entries(rows[part])[:, self.columns]
            T[self.first :, part] = (
                (entries - self.centre[self.columns]) / self.scale[self.columns]
            ).T
        return T

    def outer(self, v: Float) -> tuple[Float, float]:
        """(w, b) in the user's units, b at the centre of the columns."""
        w = np.zeros(self.p)
        w[self.columns] = v[self.first :] * self.factor
        w = within(w, self.rows.lower, self.rows.upper)
        return w, self.b0 + (self.S * float(v[0]) if self.first else 0.0)

    def pieces(self, rows: Index, more: Pieces | None = None) -> Pieces:
        """The small problem of some rows, `more` dense rows and the penalty."""
        own = self.rows
        T, y = self.transposed(rows), (own.y[rows] - self.b0) / self.S
        up, down = own.up[rows] / self.weight, own.down[rows] / self.weight
        if more is not None:
            T = np.concatenate([T, more.T], axis=1)
            y, up, down = (
                np.concatenate(both) for both in ((y, more.y), (up, more.up), (down, more.down))
            )
        return self.with_penalty(T, y, up, down)

    def with_penalty(self, T: Float, y: Float, up: Float, down: Float) -> Pieces:
        """The small problem of dense rows, all in inner units, and the penalty."""
        none, far = np.zeros(self.l1.size), np.full(self.l1.size, np.inf)
        kinds = (
            (self.l1 > 0.0, none, self.l1, self.l1),
            (self.lower > -np.inf, self.lower, far, none),
            (self.upper < np.inf, self.upper, none, far),
        )
        unit = np.concatenate([np.flatnonzero(which) + self.first for which, _, _, _ in kinds])
        y = np.concatenate([y, *(at[which] for which, at, _, _ in kinds)])
        up = np.concatenate([up, *(slope[which] for which, _, slope, _ in kinds)])
        down = np.concatenate([down, *(slope[which] for which, _, _, slope in kinds)])
        return Pieces(T, unit, y, up, down, np.concatenate([np.zeros(self.first), self.l2]))

    def inner(self, coef: Float, intercept: float) -> Float:
        """v of coefficients in the user's units."""
        v = np.zeros(self.m)
        v[self.first :] = coef[self.columns] / self.factor
        if self.first:
            v[0] = (intercept + float(self.centre @ coef) - self.b0) / self.S
        return v

    def priced(self, l1: Float, l2: Float) -> Units:
        """The same rows in the same units under another penalty, l1 and l2 (p,)."""
        other = copy(self)
        other.l1, other.l2 = self._penalty(l1, l2)
        return other

    def _penalty(self, l1: Float, l2: Float) -> tuple[Float, Float]:
        d = self.scale[self.columns]
        own = l1[self.columns] / (d * self.weight)
        return own, l2[self.columns] * (self.S / d / d / self.weight)

    def residuals(self, v: Float, rows: Index) -> Float:
        """y - b - x.w of some rows, in the user's units."""
        w, b = self.outer(v)
        return self.rows.y[rows] - b - (self.entries(rows) - self.centre) @ w

    def look(self, v: Float, duals: Callable[[slice, Float], tuple[Float, Float]]) -> Seen:
        """One pass: residuals in the user's units, `duals(part, r)` of each block, A'theta.

        `duals` maps a slice of rows and its residuals to theta and what is to be summed.
        """
        w, b = self.outer(v)
        r, centre = np.empty(self.n), self.centre
        size = max(256, BLOCK // max(self.p, 8))
        parts = [slice(a, min(a + size, self.n)) for a in range(0, self.n, size)]
        base = b if self.shift else b - float(centre @ w)

        def one(part: slice) -> tuple[Float, float, Float]:
            block = self.X[part]
            if self.shift:
                block = (block if self.dense else block.toarray()) - centre
            here = r[part]
            np.subtract(self.rows.y[part], block @ w, out=here)
            here -= base
            theta, totals = duals(part, here)
            return product(block.T, theta), float(theta.sum()), totals

        sums = parallel(one, parts)
        raw, mass = np.sum([s[0] for s in sums], axis=0), sum(s[1] for s in sums)
        if not self.shift:
            raw = raw - mass * centre
        back = np.concatenate([[mass] * self.first, raw[self.columns] / self.scale[self.columns]])
        return Seen(r, back / self.weight, np.sum([s[2] for s in sums], axis=0))
