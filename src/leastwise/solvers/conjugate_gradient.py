"""Conjugate gradients on products with the data (Hestenes and Stiefel 1952).

    (H + diag(l2)) w = q, each output its own step sizes, no p x p matrix anywhere

Where every column has an l2 penalty the solution is unique and Jacobi's preconditioner is used.
Without, plain steps from zero stay in the span of the rows and end at the solution of least norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem, Shape
from leastwise.quadratic import OverRows
from leastwise.solvers.base import Cost, Iterate, Solver, Steps, zeros
from leastwise.solvers.needs import over_rows

Float = NDArray[np.float64]

EXPECTED = 300.0  # steps, where the sides do not end them sooner
REFRESH = 50  # steps after which the residual is computed anew


@dataclass(frozen=True)
class ConjugateGradient(Solver):
    """Conjugate gradients; a pass over the data a step, vectors of p and n beside."""

    name: ClassVar[str] = "conjugate-gradient"
    limit: ClassVar[int] = 5000

    def refuse(self, problem: Problem) -> str | None:
        if problem.shape.l1:
            return "an l1 penalty is not quadratic; take working-set or accelerated-gradient"
        if problem.shape.bounded:
            return "bounds are not quadratic; take working-set or accelerated-gradient"
        return None

    def cost(self, shape: Shape) -> Cost:
        # In exact arithmetic as many steps as the smaller side, and rounding asks for a multiple of
        # it; where the sides are long, the condition of what data usually are decides.
        steps = min(3.0 * min(shape.rows, shape.columns), EXPECTED)
        return Cost(over_rows(shape, 6.0 if shape.outputs == 1 else 8.0), 10.0 + steps, 0.0)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        form = OverRows(problem.design)
        centre = problem.design.centre
        w = zeros(problem) if start is None else start.copy()
        for number, penalty in enumerate(penalties):
            l2 = problem.at(penalty).strengths[1][:, None]
            unique = bool((l2 > 0.0).all())
            inverse = 1.0 / (centre.curvature[:, None] + l2) if unique else 1.0

            def evaluation(w: Float, residual: Float, l2: Float = l2) -> Evaluation:
                v = residual + l2 * w
                half = 0.5 * np.einsum("pk,pk->k", w, centre.correlation + v)
                return Evaluation(np.maximum(centre.null - half, 0.0), v)

            at = form.evaluate(w)
            residual = at.correlation - l2 * w
            scaled = inverse * residual
            direction = scaled
            size = np.einsum("pk,pk->k", residual, scaled)
            done = yield number, Iterate(w, 0, at, on_rows=True)
            for iteration in range(1, limit + 1):
                if done:
                    break
                curved = form.product(direction) + l2 * direction
                along = np.einsum("pk,pk->k", direction, curved)
                step = _ratio(size, along)
                w = w + step * direction
                fresh = iteration % REFRESH == 0
                if fresh:
                    residual = form.evaluate(w).correlation - l2 * w
                else:
                    residual = residual - step * curved
                scaled = inverse * residual
                before, size = size, np.einsum("pk,pk->k", residual, scaled)
                direction = scaled + _ratio(size, before) * direction
                over = not along.any() or iteration == limit
                done = yield number, Iterate(w, iteration, evaluation(w, residual), final=over)
                if over:
                    break


def _ratio(above: Float, below: Float) -> Float:
    return np.where(below > 0.0, above / np.where(below > 0.0, below, 1.0), 0.0)
