"""Accelerated proximal gradient: FISTA with restart.

Beck and Teboulle (2009); O'Donoghue and Candes (2015).

    w+ = prox(x + v(x) / (L c), 1 / (L c)),   x+ = w+ + beta (w+ - w),   beta = (t - 1) / t+
    restart (t = 1) when (x - w+)' D (w+ - w) > 0

Steps are scaled column by column with c_j = H_jj, the metric in which L is the largest eigenvalue
of the correlation matrix, so that units do not matter. The prox makes exact zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.quadratic import quadratic_form
from leastwise.solvers.base import Cost, Iterate, Solver, Steps, zeros
from leastwise.solvers.gradient_descent import descent_cost

Float = NDArray[np.float64]


@dataclass(frozen=True)
class AcceleratedGradient(Solver):
    """FISTA with adaptive restart, for every penalty that has a prox."""

    name: ClassVar[str] = "accelerated-gradient"
    limit: ClassVar[int] = 20_000
    joint: ClassVar[bool] = True

    def refuse(self, problem: Problem) -> str | None:
        return None

    def cost(self, shape: Shape) -> Cost:
        return descent_cost(shape, 5000)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        form = quadratic_form(problem.design, problem.memory)
        curvature = problem.design.centre.curvature
        metric = np.where(curvature > 0.0, curvature, 1.0)
        L = form.largest_eigenvalue(np.sqrt(metric), np.zeros_like(metric))
        step = 1.0 / (max(L, 1e-300) * metric)
        w = zeros(problem) if start is None else start.copy()
        for number, penalty in enumerate(penalties):
            at = form.evaluate(w)
            x, v, t = w, at.correlation, 1.0
            done = yield number, Iterate(w, 0, at)
            for iteration in range(1, limit + 1):
                if done:
                    break
                moved = penalty.prox(x + step[:, None] * v, step)
                there = form.evaluate(moved)
                change = moved - w
                if np.sum((x - moved) * metric[:, None] * change) > 0.0:
                    t = 1.0
                following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t * t))
                beta = (t - 1.0) / following
                # The correlation is affine in w: that of the extrapolated point costs no product.
                x = moved + beta * change
                v = there.correlation + beta * (there.correlation - at.correlation)
                w, at, t = moved, there, following
                done = yield number, Iterate(w, iteration, at, final=iteration == limit)
