"""Interior point steps and an exact vertex, for losses with a kink (Portnoy and Koenker 1997).

    minimise over b, w:  sum_i up_i (y_i - eta_i)+ + down_i (eta_i - y_i)+ + Omega(w)

with up_i = s_i q / W and down_i = s_i (1 - q) / W for the quantile loss. The method is that of
`leastwise.kinks`, one target after the other; its dual theta_i in [-down_i, up_i] certifies the
answer with u_i = -theta_i W / s_i. From one strength to the next the last solution is the guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks import KinkRows, Solution, solve
from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem, Shape
from leastwise.solvers.base import Cost, Iterate, Solver, Steps

Float = NDArray[np.float64]

STEPS_EXPECTED = 15


@dataclass(frozen=True)
class InteriorPoint(Solver):
    """Frisch-Newton steps behind preprocessing, and the vertex they lead to, exactly.

    Parameters
    ----------
    seed : of the sample of rows that preprocessing begins with
    """

    name: ClassVar[str] = "interior-point"
    limit: ClassVar[int] = 200
    kinds: ClassVar[tuple[str, ...]] = ("kinked",)
    seed: int = 0

    def refuse(self, problem: Problem) -> str | None:
        if not problem.shape.row_state:
            return "the rows cannot keep duals beside them; take subgradient"
        return None

    def cost(self, shape: Shape) -> Cost:
        n, p = shape.rows, shape.columns
        working = min(n, 500 + int(6.0 * (n * (p + 1)) ** (2.0 / 3.0)))
        flops = STEPS_EXPECTED * (2.0 * working * p * p + p**3 / 3.0) * shape.outputs
        bytes = 8 * (6 * n + 3 * working * (p + 1) + 3 * p * p) + shape.scratch
        return Cost(bytes, 6.0 * shape.outputs, flops)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        design = problem.design
        block = design.source.gather()
        weight = np.ones(block.rows) if block.weight is None else block.weight
        low, high = design.loss.domain(block.y[:1])
        share = weight / design.centre.weight
        dead = design.centre.curvature == 0.0
        guesses: list[Solution | None] = [None] * block.y.shape[1]
        for number, penalty in enumerate(penalties):
            here = problem.at(penalty)
            lower, upper = (np.where(dead, 0.0, side) for side in here.bounds)
            for target in range(block.y.shape[1]):
                rows = KinkRows(
                    block.X,
                    np.ascontiguousarray(block.y[:, target]),
                    share * -low[0, target],
                    share * high[0, target],
                    *here.strengths,
                    lower,
                    upper,
                    design.intercept,
                )
                guesses[target] = solve(rows, guess=guesses[target], max_iter=limit, seed=self.seed)
            found = [solution for solution in guesses if solution is not None]
            yield number, _iterate(here, found, share)


def _iterate(problem: Problem, found: list[Solution], share: Float) -> Iterate:
    design = problem.design
    coef = np.stack([solution.coef for solution in found], axis=1)
    level = np.array([solution.intercept for solution in found])
    if design.centre.mean is not None:
        level = level + design.centre.mean @ coef
    product = design.rows.times(coef)
    value, point = design.rows.point(product, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        dual = np.stack([-solution.dual / share for solution in found], axis=1)
    dual[share == 0.0] = 0.0
    point = replace(point, u=design.rows.apart(dual), sloped=False)
    at = Evaluation(value, design.rows.correlation(point.u), level, point)
    exact = all(solution.exact for solution in found)
    return Iterate(
        coef,
        sum(solution.iterations for solution in found),
        at,
        on_rows=True,
        final=True,
        exact=True,
        detail="exact at a vertex" if exact else "",
    )
