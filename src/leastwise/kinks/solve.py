"""Absolute and quantile regression with penalties, solved to a vertex and proven.

sample -> one step on all rows -> few rows and the sum of the others -> their exact solution
       -> a look at all rows: the proof, or the rows whose sign was wrong, which are added
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.certificate import penalty, penalty_gap
from leastwise.kinks.finish import summands
from leastwise.kinks.globs import Globs, approach, sample_size
from leastwise.kinks.least_norm import least_norm, middle
from leastwise.kinks.pieces import Pieces
from leastwise.kinks.rows import KinkRows, Solution
from leastwise.kinks.settle import Settled, settle
from leastwise.kinks.units import Seen, Units
from leastwise.numerics.threads import one_blas_thread, parallel, tiles

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Watch = Callable[[int, float], None]

BAND = 1.1  # rows worked on, relative to the sample's
ROUNDS = 8  # looks at all rows, before all of them are worked on


def solve(
    rows: KinkRows,
    *,
    tol: float = 1e-12,
    guess: Solution | None = None,
    max_iter: int = 200,
    seed: int = 0,
    watch: Watch | None = None,
) -> Solution:
    """The minimiser of the sum of kinks and the penalty; of least norm where there are several.

    Parameters
    ----------
    rows : the problem
    tol : the relative gap at which rows need no further repair
    guess : the solution of a nearby problem (quantile, strength) on the same rows
    max_iter : interior point steps of one small problem
    seed : of the sample that preprocessing draws
    watch : called with (round, relative gap) after each look at all rows
    """
    live = (rows.up > 0.0) | (rows.down > 0.0)
    whole = bool(live.all())
    if not whole:
        chosen = np.flatnonzero(live)
        rows = replace(
            rows, X=rows.X[chosen], y=rows.y[chosen], up=rows.up[chosen], down=rows.down[chosen]
        )
    with one_blas_thread():
        units = Units(rows)
        if not units.null > 0.0 or units.m == 0:
            found = _alone(units)
        else:
            found = _Search(units, tol, max_iter, watch).run(guess, seed)
    if whole:
        return found
    dual = np.zeros(live.size)
    dual[live] = found.dual
    return replace(found, dual=dual)


def _alone(units: Units) -> Solution:
    """The intercept alone, where it has no loss (theta = 0 proves it), or nothing to fit."""
    rows = units.rows
    theta = np.where(rows.y > 0.0, rows.up, np.where(rows.y < 0.0, -rows.down, 0.0))
    if not units.null > 0.0:
        theta = np.zeros(units.n)
    detail = {
        "objective": units.null,
        "null_objective": units.null,
        "looks": 0,
        "rounds": 0,
        "unique": True,
    }
    return Solution(np.zeros(units.p), units.b0, theta, 0.0, 0, True, 0, detail)


@dataclass
class _Search:
    """One problem being solved: what has been counted so far."""

    units: Units
    tol: float
    max_iter: int
    watch: Watch | None
    iterations: int = 0
    looks: int = 0
    rounds: int = 0
    most: int = 0

    def run(self, guess: Solution | None, seed: int) -> Solution:
        units = self.units
        size = sample_size(units.n, units.m)
        if size == units.n:
            return self._all_rows(
                np.zeros(units.m) if guess is None else units.inner(guess.coef, guess.intercept)
            )
        if guess is None:
            v, self.iterations = approach(units, size, seed, self.max_iter)
            self.looks += 1
        else:
            v = units.inner(guess.coef, guess.intercept)
        near, band = v, min(units.n, int(BAND * size) + 500)
        globs = Globs(units, v, band)
        self.looks += 1
        while self.rounds < ROUNDS and globs.work.size < units.n // 2:
            pieces = globs.pieces()
            settled = self._settle(pieces, v)
            v = settled.v
            globs.theta[globs.work] = self._duals(settled, globs.work)
            seen = self._look(v, globs.theta)
            gap = self._gap(seen, v)
            if gap <= self.tol:
                return self._ready(settled, globs.theta, seen, gap, pieces)
            wrong = self._wrong(seen.r, globs)
            if not wrong.size:
                return self._ready(settled, globs.theta, seen, gap, pieces)
            if wrong.size > globs.work.size:  # v is far off: the sums said too little of the rows
                v, band = near, 4 * band
                globs = Globs(units, v, band)
                self.looks += 1
            else:
                globs.release(wrong)
        return self._all_rows(v)

    def _wrong(self, r: Float, globs: Globs) -> Index:
        """The rows on whose side the sums were mistaken."""
        rows, theta = self.units.rows, globs.theta

        def one(part: slice) -> Index:
            here = summands(r[part], theta[part], rows.up[part], rows.down[part])
            return np.flatnonzero(here > 0.0) + part.start

        return np.setdiff1d(np.concatenate(parallel(one, tiles(r.size))), globs.work)

    def _all_rows(self, v: Float) -> Solution:
        units = self.units
        pieces = units.pieces(np.arange(units.n))
        settled = self._settle(pieces, v)
        theta = self._duals(settled, np.arange(units.n))
        seen = self._look(settled.v, theta)
        return self._ready(settled, theta, seen, self._gap(seen, settled.v), pieces)

    def _settle(self, pieces: Pieces, v: Float) -> Settled:
        self.most = max(self.most, pieces.T.shape[1])
        settled = settle(pieces, v, float(self.units.n), self.max_iter)
        self.iterations += settled.iterations
        return settled

    def _duals(self, settled: Settled, work: Index) -> Float:
        """theta of the rows worked on, in the user's units and in the box to the last bit."""
        theta = settled.theta[: work.size] * self.units.weight
        rows = self.units.rows
        return np.minimum(np.maximum(theta, -rows.down[work]), rows.up[work])

    def _look(self, v: Float, theta: Float) -> Seen:
        rows = self.units.rows

        def duals(part: slice, here: Float) -> tuple[Float, Float]:
            own = theta[part]
            over = np.maximum(here, 0.0)
            summed = (rows.up[part] - own) @ over + (own + rows.down[part]) @ (over - here)
            return own, np.array([summed, own @ here])

        self.looks += 1
        return self.units.look(v, duals)

    def _gap(self, seen: Seen, v: Float) -> float:
        units = self.units
        gap = float(seen.totals[0]) / units.null + penalty_gap(units, v, seen.back) / units.n
        self.rounds += 1
        if self.watch is not None:
            self.watch(self.rounds, gap)
        return gap

    def _ready(
        self, settled: Settled, theta: Float, seen: Seen, gap: float, pieces: Pieces
    ) -> Solution:
        units, v = self.units, settled.v
        if not settled.unique:
            least = least_norm(units, pieces, v, self.max_iter)
            if least is not None:
                after = self._look(least, theta)
                least = middle(units, least, after.r)
                after = self._look(least, theta)
                less = self._gap(after, least)
                if less <= max(gap, self.tol):
                    v, seen, gap = least, after, less
        w, b = units.outer(v)
        b = b - float(units.centre @ w) if units.first else 0.0
        detail: dict[str, Any] = {
            "objective": float(seen.totals.sum()) + penalty(units, v) * units.S * units.weight,
            "null_objective": units.null,
            "looks": self.looks,
            "rounds": self.rounds,
            "unique": settled.unique,
        }
        return Solution(w, b, theta, gap, self.iterations, settled.exact, self.most, detail)
