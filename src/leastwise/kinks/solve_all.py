"""Many quantiles and strengths on the same rows, each one's optimum a short walk from the last's.

first problem -> the rows that are near zero in some of the next -> a walk each, on few of these
              -> one pass over all rows for ten problems: proofs, and where the next ten start

What the walks do not prove (several optima, ties beyond order, l2) is left to `solve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.certificate import penalty, penalty_gap
from leastwise.kinks.constants import Constants
from leastwise.kinks.near import TIED, Chain, Near, Reference, Sums, Vertex
from leastwise.kinks.proofs import Proofs, look
from leastwise.kinks.rows import Kink, Solution, WeightedRows
from leastwise.kinks.solve import solve
from leastwise.kinks.units import Units
from leastwise.numerics.quantiles import SAMPLE, spread_out
from leastwise.numerics.threads import one_blas_thread

Float = NDArray[np.float64]
Index = NDArray[np.intp]

FEW = 10  # problems that are proven in one pass
LEAST = 6  # rows a column, from which on there are walks
FEWER = 0.3  # of the rows that are near: if fewer are beyond them, all of these are near too
REACH = 4.0  # of a coefficient's error, as far as rows are taken to be near


def solve_all(
    rows: WeightedRows,
    kinks: Sequence[Kink],
    *,
    tol: float = 1e-12,
    max_iter: int = 200,
    seed: int = 0,
    duals: bool = True,
) -> list[Solution]:
    """`solve` for each of many problems on the same rows, of which neighbours should be alike.

    Parameters
    ----------
    rows : what the problems share
    kinks : the problems, in an order in which each is near to the one before
    tol : the relative gap at which rows need no further repair
    max_iter, seed : as of `solve`
    duals : whether the duals are kept, n numbers a problem
    """
    everything = rows.weight
    live = everything > 0.0
    whole = bool(live.all())
    if not whole:
        some = np.flatnonzero(live)
        rows = replace(rows, X=rows.X[some], y=rows.y[some], weight=rows.weight[some])
    run = _Run(rows, kinks, {"tol": tol, "max_iter": max_iter, "seed": seed}, duals)
    with one_blas_thread():
        found = run.all()
    if whole or not duals:
        return found
    share = everything / everything.sum()
    return [
        replace(one, dual=_spread(live, one.dual, share, kink.q))
        for one, kink in zip(found, kinks, strict=True)
    ]


def _spread(live: NDArray[np.bool_], dual: Float, share: Float, q: float) -> Float:
    """The duals of all rows, in their box to the last bit."""
    out = np.zeros(live.size)
    out[live] = dual
    return np.minimum(np.maximum(out, share * (q - 1.0)), share * q)


class _Run:
    """Problems being solved in order.

    Parameters
    ----------
    rows : all of them with a positive weight
    kinks : the problems
    options : of `solve`
    duals : whether they are kept
    """

    def __init__(
        self, rows: WeightedRows, kinks: Sequence[Kink], options: dict[str, Any], duals: bool
    ) -> None:
        self.rows, self.kinks, self.options, self.duals = rows, kinks, options, duals
        self.found: dict[int, Solution] = {}
        self.passes = 0

    def all(self) -> list[Solution]:
        kinks, found = self.kinks, self.found
        if len(kinks) > 2 and all(kink.l2 == 0.0 for kink in kinks) and self._prepared():
            # Outward from the median: what is near to it is known best.
            first = min(range(len(kinks)), key=lambda k: abs(kinks[k].q - 0.5))
            middle = self._reference(self._alone(first), first)
            for way in (list(range(first + 1, len(kinks))), list(range(first - 1, -1, -1))):
                start = middle
                for few in range(0, len(way), FEW):
                    start = self._few(start, way[few : few + FEW])
        else:
            for k in range(len(kinks)):
                self._alone(k)
        return [found[k] for k in range(len(kinks))]

    def _prepared(self) -> bool:
        """What the problems share; whether walks are possible."""
        middle = sorted(self.kinks, key=lambda kink: kink.q)[len(self.kinks) // 2]
        self.units = units = Units(self.rows.of(middle))
        if not units.null > 0.0 or not 0 < LEAST * units.m < units.n:
            return False
        self.share = self.rows.weight / self.rows.weight.sum()
        self.constants = Constants(self.rows.y, self.share, self.rows.intercept)

        def duals(part: slice, here: Float) -> tuple[Float, Float]:
            s = self.share[part]
            return s, np.array([s @ (self.rows.y[part] - units.b0)])

        seen = units.look(np.zeros(units.m), duals)
        self.total = Sums(
            seen.back * (units.weight * units.n), float(seen.totals[0]) * units.n / units.S
        )
        self.passes += 1
        return True

    def _alone(self, k: int) -> Solution:
        guess = self.found.get(k - 1, self.found.get(k + 1))
        one = solve(self.rows.of(self.kinks[k]), guess=guess, **self.options)
        self.passes += int(one.detail["looks"])
        self.found[k] = one if self.duals else replace(one, dual=np.empty(0))
        return one

    def _priced(self, k: int) -> Units:
        return self.units.priced(*self.rows.strengths(self.kinks[k]))

    def _reference(self, one: Solution, k: int) -> Reference:
        """The k-th problem's solution, as the start of the next ones."""
        units, q, v = self.units, self.kinks[k].q, self.units.inner(one.coef, one.intercept)
        theta, s = one.dual, self.share
        inside = (theta < q * s * (1.0 - TIED)) & (theta > (q - 1.0) * s * (1.0 - TIED))
        rows = np.flatnonzero(inside)
        vertex = Vertex(v, rows, theta[rows] * units.n, True, 0, 0)
        self.passes += 1
        return look(units, s, np.array([q]), [vertex]).end(units, self.kinks[k], v)

    def _few(self, start: Reference, which: Sequence[int]) -> Reference:
        near = Near.around(self.units, self.share, self.total, start, self._rows(start, which))
        chain = Chain(near, start.v)
        found: dict[int, Vertex] = {}
        lost: list[int] = []
        seen: Proofs | None = None
        for k in which:
            vertex = chain.next(self._priced(k), self.kinks[k].q)
            if vertex is None:
                lost.append(k)
            else:
                found[k] = vertex
        if found:
            q = np.array([self.kinks[k].q for k in found])
            seen = look(self.units, self.share, q, list(found.values()))
            self.passes += 1
            lost += [k for a, k in enumerate(found) if not self._proven(k, a, seen, found[k])]
        one: Solution | None = None
        for k in (k for k in which if k in lost):
            one = self._alone(k)
        end = which[-1]
        if seen is None or end in lost:
            assert one is not None  # the last of those lost
            return self._reference(one, end)
        return seen.end(self.units, self.kinks[end], found[end].v)

    def _proven(self, k: int, a: int, seen: Proofs, vertex: Vertex) -> bool:
        """Whether the a-th of the problems seen is solved; kept if it is."""
        units, n = self._priced(k), self.units.n
        null = self.constants.loss(self.kinks[k].q)
        gap = float(seen.own[a]) + penalty_gap(units, vertex.v, seen.back[a]) * units.S / n
        gap = gap / null if null > 0.0 else np.inf
        if not gap <= self.options["tol"] or not vertex.unique:
            return False
        w = seen.coef[a]
        total = float(seen.loss[a] + seen.own[a]) + penalty(units, vertex.v) * units.S / n
        detail: dict[str, Any] = {
            "objective": total,
            "null_objective": null,
            "looks": self.passes,
            "rounds": 1,
            "unique": True,
        }
        self.found[k] = Solution(
            w,
            float(seen.base[a]) - float(units.centre @ w) if units.first else 0.0,
            seen.theta[a] if self.duals else np.empty(0),
            gap,
            vertex.steps,
            True,
            vertex.worked,
            detail,
        )
        return True

    def _rows(self, start: Reference, which: Sequence[int]) -> Index:
        """Those that may be near zero in one of some problems, and all that are now.

        Under another penalty all may be.
        Estimates of neighbouring quantiles differ by the share of rows between them, and by what
        the estimates of both err: sqrt(m q (1 - q) / n) / density, in units of y.
        """
        units, q = self.units, np.array([start.kink.q] + [self.kinks[k].q for k in which])
        if any(self.kinks[k].l1 != start.kink.l1 for k in which):
            return np.arange(units.n)
        some = spread_out(units.n, SAMPLE, np.random.default_rng(3))
        order = some[np.argsort(start.r[some])]
        share = np.cumsum(self.share[order])
        share /= share[-1]
        here = float(np.interp(0.0, start.r[order], share))
        targets = np.clip(here + np.array([q.min(), q[0], q.max()]) - q[0], 0.0, 1.0)
        mid, err = np.empty(3), np.empty(3)
        for k, at in enumerate(targets):
            h = max(0.3 * min(at, 1.0 - at), 8.0 / order.size)
            low, mid[k], high = np.interp([at - h, at, at + h], share, start.r[order])
            spread = np.sqrt(units.m * max(at * (1.0 - at), 1.0 / units.n) / units.n)
            err[k] = REACH * spread * (high - low) / (2.0 * h)
        low, high = mid[0] - max(err[0], err[1]), mid[2] + max(err[1], err[2])
        outside = np.interp([low, high], start.r[order], share)
        few = FEWER * (outside[1] - outside[0])
        low = low if outside[0] > few else -np.inf
        high = high if 1.0 - outside[1] > few else np.inf
        return np.flatnonzero((start.r >= low) & (start.r <= high) | self._zero(start))

    def _zero(self, start: Reference) -> NDArray[np.bool_]:
        s, q = self.share, start.kink.q
        return (start.theta < q * s) & (start.theta > (q - 1.0) * s)
