"""Many quantiles and strengths on the same rows, each one's optimum a short walk from the last's.

first problem -> rows near the zero of the next few -> a walk each, on few of them
              -> one pass for all of these: proofs, and where the next few start
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.certificate import penalty, penalty_gap
from leastwise.kinks.chain import Near, Reference, Sums, Vertex
from leastwise.kinks.interior import Point
from leastwise.kinks.proofs import Seen, look
from leastwise.kinks.rows import Kink, Solution, WeightedRows
from leastwise.kinks.solve import solve
from leastwise.kinks.units import SAMPLE, Units, best_constant, loss, spread_out
from leastwise.kinks.walk import first_basis

Float = NDArray[np.float64]
Index = NDArray[np.intp]

FEW = 10  # problems that are proven in one pass


def solve_all(
    rows: WeightedRows,
    kinks: Sequence[Kink],
    *,
    tol: float = 1e-12,
    max_iter: int = 200,
    seed: int = 0,
) -> list[Solution]:
    """`solve` for each of many problems on the same rows; near ones should follow each other.

    Parameters
    ----------
    rows : what the problems share
    kinks : the problems
    tol : the relative gap at which rows need no further repair
    max_iter, seed : as of `solve`
    """
    live = rows.weight > 0.0
    if not live.all():
        some = np.flatnonzero(live)
        rows = replace(rows, X=rows.X[some], y=rows.y[some], weight=rows.weight[some])
    run = _Run(rows, kinks, tol, max_iter, seed)
    found = run.all()
    if live.all():
        return found
    return [replace(one, dual=_spread(live, one.dual)) for one in found]


def _spread(live: NDArray[np.bool_], dual: Float) -> Float:
    out = np.zeros(live.size)
    out[live] = dual
    return out


class _Run:
    """Problems being solved in order."""

    def __init__(
        self, rows: WeightedRows, kinks: Sequence[Kink], tol: float, max_iter: int, seed: int
    ) -> None:
        self.rows, self.kinks = rows, kinks
        self.alone: dict[str, Any] = {"tol": tol, "max_iter": max_iter, "seed": seed}
        self.tol = tol
        self.found: list[Solution | None] = [None] * len(kinks)
        self.passes = 0

    def all(self) -> list[Solution]:
        kinks, n = self.kinks, len(self.rows.y)
        middle = sorted(kinks, key=lambda kink: kink.q)[len(kinks) // 2]
        self.units = units = Units(self.rows.of(middle))
        self.weight = self.rows.weight / self.rows.weight.mean()
        walk = units.null > 0.0 and units.m > 0 and n > units.m
        start: Reference | None = None
        k = 0
        while k < len(kinks):
            if start is None or not walk or kinks[k].l2 > 0.0:
                self.found[k] = self._alone(k)
                if walk and kinks[k].l2 == 0.0 and self.found[k].detail["unique"]:
                    start = self._begin(k)
                k += 1
                continue
            end = k + 1
            while end < len(kinks) and end < k + FEW and kinks[end].l2 == 0.0:
                end += 1
            start = self._few(start, range(k, end))
            k = end
        return self.found

    def _alone(self, k: int) -> Solution:
        guess = self.found[k - 1] if k else None
        return solve(self.rows.of(self.kinks[k]), guess=guess, **self.alone)

    def _priced(self, k: int) -> Units:
        kink, factors = self.kinks[k], self.rows.factors
        return self.units.priced(kink.l1 * factors, kink.l2 * factors)

    def _begin(self, k: int) -> Reference | None:
        units, one, q = self._priced(k), self.found[k], self.kinks[k].q
        v = units.inner(one.coef, one.intercept)
        theta = one.dual * (self.weight.sum() / self.rows.weight.sum() * self.rows.weight.sum())
        theta = one.dual * units.n
        room = np.minimum(self.weight * q - theta, theta + self.weight * (1.0 - q))
        near = np.sort(np.argpartition(-room, min(4 * units.m, units.n - 1))[: 4 * units.m])
        s = self.weight[near]
        y = (self.rows.y[near] - units.b0) / units.S
        pieces = units.with_penalty(units.transposed(near), y, q * s, (1.0 - q) * s)
        r = pieces.y - pieces.times(v)
        full = np.concatenate([theta[near], np.zeros(pieces.unit.size)])
        lack = -pieces.back(np.concatenate([theta[near] * 0, np.zeros(pieces.unit.size)]))
        back = units.transposed(np.arange(units.n)) @ theta
        lack = -back
        full[near.size :] = np.clip(
            lack[pieces.unit], -pieces.down[near.size :], pieces.up[near.size :]
        )
        point = Point(v, full, np.maximum(r, 0.0) + 1e-12, np.maximum(-r, 0.0) + 1e-12, 0.0)
        begun = first_basis(pieces, point)
        if begun is None:
            return None
        basis, inverse = begun
        names = basis + units.n - near.size
        names[basis < near.size] = near[basis[basis < near.size]]
        vertex = Vertex(
            v, np.empty(0, np.intp), np.empty(0), names, np.ascontiguousarray(inverse), True, 0, 0
        )
        r, _ = units.n, 0
        r = units.residuals(v, np.arange(units.n)) / units.S
        y = (self.rows.y - units.b0) / units.S
        T = units.transposed(np.arange(units.n))
        self.sums = Sums(T @ self.weight, float(self.weight @ y))
        return Reference(q, vertex, r, theta, back, float(theta @ y))

    def _few(self, start: Reference, which: range) -> Reference | None:
        units, q = self.units, np.array([self.kinks[k].q for k in which])
        near = Near(units, self.weight, self.sums, start, self._rows(start, q))
        vertex = start.vertex
        done: list[int] = []
        vertices: list[Vertex] = []
        for k in which:
            found = near.next(self._priced(k), self.kinks[k].q, vertex)
            if found is None or not found.unique:
                print("lost", k, found)
                self.found[k] = self._alone(k)
                continue
            vertex = found
            done.append(k)
            vertices.append(found)
        if not done:
            return None
        q = np.array([self.kinks[k].q for k in done])
        seen = look(units, self.weight, q, vertices)
        self.passes += 1
        proven = [self._prove(k, a, seen, vertices[a]) for a, k in enumerate(done)]
        if not proven[-1]:
            return self._begin(done[-1])
        last = seen.last / units.S
        height = float(seen.loss[-1]) / units.S + float(seen.back[-1] @ vertices[-1].v)
        return Reference(q[-1], vertices[-1], last, seen.theta[-1], seen.back[-1], height)

    def _prove(self, k: int, a: int, seen: Seen, vertex: Vertex) -> bool:
        units, kink, rows = self._priced(k), self.kinks[k], self.rows
        n = units.n
        if k not in self.nulls():
            pass
        b0, null = self.nulls()[k]
        share = null / units.S
        gap = float(seen.own[a]) / null + penalty_gap(units, vertex.v, seen.back[a]) / share
        if not gap <= self.tol:
            print("failed", k, gap)
            self.found[k] = self._alone(k)
            return False
        w = seen.coef[a]
        b = float(seen.base[a]) - float(units.centre @ w) if units.first else 0.0
        total = float(seen.loss[a] + seen.own[a]) + penalty(units, vertex.v) * units.S
        detail: dict[str, Any] = {
            "objective": total / n,
            "null_objective": null / n,
            "looks": self.passes,
            "rounds": 1,
            "unique": True,
            "steps": vertex.steps,
        }
        self.found[k] = Solution(w, b, seen.theta[a] / n, gap, vertex.steps, True, vertex.worked, detail)
        return True

    def nulls(self):
        if not hasattr(self, "_nulls"):
            self._nulls = {}
            seen = {}
            for k, kink in enumerate(self.kinks):
                if kink.q not in seen:
                    up, down = self.weight * kink.q, self.weight * (1 - kink.q)
                    b = 0.0
                    if self.units.first:
                        e = best_constant(self.rows.y, up, down)
                        b = 0.5 * e[0] + 0.5 * e[1]
                    seen[kink.q] = b, loss(self.rows.y, b, up, down)
                self._nulls[k] = seen[kink.q]
        return self._nulls

    def _rows(self, start: Reference, q: Float) -> Index:
        units, s = self.units, self.weight
        low, high = min(start.q, float(q.min())), max(start.q, float(q.max()))
        pad = 1.5 * np.sqrt(units.m / units.n) + 0.25 * (high - low)
        own = start.vertex.basis[start.vertex.basis < units.n]
        some = spread_out(units.n, SAMPLE, np.random.default_rng(3))
        order = some[np.argsort(start.r[some])]
        share = np.cumsum(s[order])
        share /= share[-1]
        here = float(np.interp(0.0, start.r[order], share))
        ends = here + (low - pad - start.q), here + (high + pad - start.q)
        a = -np.inf if ends[0] <= share[0] else start.r[order[np.searchsorted(share, ends[0])]]
        b = np.inf if ends[1] >= share[-2] else start.r[order[np.searchsorted(share, ends[1])]]
        chosen = (start.r >= a) & (start.r <= b)
        chosen[own] = True
        return np.flatnonzero(chosen)
