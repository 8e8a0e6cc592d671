"""Accelerated proximal gradient: FISTA with restart.

Beck and Teboulle (2009); O'Donoghue and Candes (2015).

    w+ = prox(x + v(x) / (L c), 1 / (L c)),   x+ = w+ + beta (w+ - w),   beta = (t - 1) / t+
    restart (t = 1) when (x - w+)' D (w+ - w) > 0

Steps are scaled column by column with c_j = H_jj, the metric in which L is the largest eigenvalue
of the correlation matrix, so that units do not matter. The prox makes exact zeros. For
other losses than the squared one L is multiplied by the loss's largest second derivative, which no
curvature on the way exceeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.solvers.base import Cost, Iterate, Solver, Steps, zeros
from leastwise.solvers.gradient_descent import descent_cost
from leastwise.solvers.slopes import Profiled, no_row_state

Float = NDArray[np.float64]


@dataclass(frozen=True)
class AcceleratedGradient(Solver):
    """FISTA with adaptive restart, for every penalty that has a prox."""

    name: ClassVar[str] = "accelerated-gradient"
    limit: ClassVar[int] = 20_000
    joint: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("quadratic", "smooth")

    def refuse(self, problem: Problem) -> str | None:
        if problem.shape.joint and problem.shape.kind != "quadratic":
            return "a joint penalty is for squared loss: leave joint out"
        return no_row_state(problem)

    def cost(self, shape: Shape) -> Cost:
        return descent_cost(shape, 5000, 3.0, states=12.0)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        view = Profiled(problem)
        metric = view.spread
        L = view.largest_curvature(np.sqrt(metric), np.zeros_like(metric))
        step = 1.0 / (max(L, 1e-300) * metric)
        w = zeros(problem) if start is None else view.first(start)
        for number, penalty in enumerate(penalties):
            view.turn(problem.at(penalty))
            at, v = view.look(w)
            x, t = w, 1.0
            done = yield number, Iterate(w, 0, at)
            for iteration in range(1, limit + 1):
                if done:
                    break
                moved = penalty.prox(x + step[:, None] * v, step)
                there, _ = view.look(moved, at)
                change = moved - w
                if np.sum((x - moved) * metric[:, None] * change) > 0.0:
                    t = 1.0
                following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t * t))
                beta = (t - 1.0) / following
                x = moved + beta * change
                v = view.ahead(there, at, beta)
                w, at, t = moved, there, following
                done = yield number, Iterate(w, iteration, at, final=iteration == limit)
