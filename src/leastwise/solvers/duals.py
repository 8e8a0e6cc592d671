"""Better duals than the slopes of the last iterate, where the loss has kinks.

    u = sum_t eta_t u_t / sum_t eta_t,      v = (w_T - w_0) / sum_t eta_t

Slopes at a kink jump between its sides, and no single iterate's are near the optimum's; their
averages over the steps since the last power of two are (Larsson, Patriksson and Stromberg 1999;
Nesterov 2009): without a penalty the steps add up to the way that was made. What is left of v_U in
columns without a penalty is projected away, and u is shrunk into its domain again:

    u+ = kappa (u + (X_U - 1 x̄_U') a),   H_UU a = v_U
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leastwise.certificate import gap
from leastwise.curved import affords
from leastwise.numerics.factors import Factor, from_gram
from leastwise.problem import Evaluation, Problem
from leastwise.quadratic import OverRows
from leastwise.solvers.base import Float

EVERY = 100  # steps after which the average is tried, and at every power of two


class Duals:
    """The best dual so far, of one problem."""

    def __init__(self, problem: Problem) -> None:
        self._problem, self._rows = problem, problem.design.rows
        l1, l2 = problem.strengths
        self._free = np.flatnonzero(
            (l1 == 0.0) & (l2 == 0.0) & (problem.design.centre.curvature > 0.0)
        )
        self._factor: Factor | None = None
        self._u: list[Float] = []
        self._v: Float | float = 0.0
        self._weight: Float | float = 0.0
        self._best: tuple[list[Float], Float] | None = None

    def seen(
        self, coef: Float, at: Evaluation, eta: Float | float, t: int, final: bool
    ) -> Evaluation:
        """The evaluation with the best dual there is; eta is the step that led there."""
        point = at.point
        assert point is not None, "of such a loss"
        if np.all(np.isfinite(eta)) and np.any(np.asarray(eta) > 0.0):
            sums = self._u or [0.0] * len(point.u)
            self._u = [total + eta * u for total, u in zip(sums, point.u, strict=True)]
            self._v = self._v + eta * at.correlation
            self._weight = self._weight + eta
        if not np.isfinite(at.value).all() or not (t & (t - 1) == 0 or t % EVERY == 0 or final):
            return self.into(at)
        offers = [(point.u, at.correlation)]
        if self._u and np.all(np.asarray(self._weight) > 0.0):
            mean = [total / self._weight for total in self._u]
            offers.append(self._inside(mean, np.asarray(self._v / self._weight)))
        if self._best is not None:
            offers.append(self._best)
        gaps = [gap(self._problem, coef, _with(at, offer)).gap.sum() for offer in offers]
        self._best = offers[int(np.nanargmin(gaps))]
        if t & (t - 1) == 0:  # steps of the way there say little of where it ends
            self._u, self._v, self._weight = [], 0.0, 0.0
        return self.into(at)

    def into(self, at: Evaluation) -> Evaluation:
        """The evaluation with the best dual so far in the place of its slopes."""
        return at if self._best is None else _with(at, self._best)

    def _inside(self, u: list[Float], v: Float) -> tuple[list[Float], Float]:
        """u and v with v_U = 0, in the domain."""
        rows, free = self._rows, self._free
        if not free.size or not affords(rows, free, self._problem.memory):
            return u, v
        if self._factor is None:
            self._factor = from_gram(OverRows(self._problem.design).block(free))
        for _ in range(2):  # the second takes the rounding of the first
            moves = rows.times(self._factor.solve(v[free]), free)
            u = [each + move for each, move in zip(u, moves, strict=True)]
            v = rows.correlation(u)
        low, high = (side[0] for side in rows.loss.domain(rows.y[0][:1]))
        over = [np.maximum(each / high, each / low).max(axis=0) for each in u]
        kappa = 1.0 / np.maximum(np.max(over, axis=0), 1.0)
        return [kappa * each for each in u], kappa * v


def _with(at: Evaluation, dual: tuple[list[Float], Float]) -> Evaluation:
    assert at.point is not None, "of such a loss"
    return replace(at, correlation=dual[1], point=replace(at.point, u=dual[0], sloped=False))
