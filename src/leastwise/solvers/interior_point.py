"""Interior point steps and an exact vertex, for losses with a kink (Portnoy and Koenker 1997).

    minimise over b, w:  sum_i up_i (y_i - eta_i)+ + down_i (eta_i - y_i)+ + Omega(w)

with up_i = s_i q / W and down_i = s_i (1 - q) / W for the quantile loss. The method is that of
`leastwise.kinks`, one target after the other; its dual theta_i in [-down_i, up_i] certifies the
answer with u_i = -theta_i W / s_i. Along strengths of l1 alone each optimum is a walk from the
last; else the last solution is the guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks import Kink, KinkRows, Solution, WeightedRows, solve, solve_all
from leastwise.kinks.globs import sample_size
from leastwise.kinks.solve import BAND
from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem, Shape
from leastwise.solvers.base import Cost, Iterate, Solver, Steps
from leastwise.solvers.needs import kept

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
        size = sample_size(n, p + 1)
        working = min(n, n if size == n else int(BAND * size) + 500)
        flops = STEPS_EXPECTED * (2.0 * working * p * p + p**3 / 3.0) * shape.outputs
        bytes = int(8 * (4 * n + 4.1 * working * (p + 1) + 4 * p * p) + kept(shape))
        return Cost(bytes, 6.0 * shape.outputs, flops)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        block = problem.design.source.gather()
        block = replace(block, X=block.X.astype(np.float64, copy=False))
        share = 1.0 if block.weight is None else block.weight / problem.design.centre.weight
        share = np.broadcast_to(share / (block.rows if block.weight is None else 1), block.rows)
        targets = range(block.y.shape[1])
        ways = [self._solved(problem, penalties, block, share, t, limit) for t in targets]
        for number, found in enumerate(zip(*ways, strict=True)):
            yield number, _iterate(problem.at(penalties[number]), found, share)

    def _solved(
        self,
        problem: Problem,
        penalties: Sequence[ElasticNet],
        block: Any,
        share: Float,
        target: int,
        limit: int,
    ) -> Iterator[Solution]:
        """One target's solutions, together where the penalties differ by their l1 alone."""
        design = problem.design
        low, high = (float(side[0, 0]) for side in design.loss.domain(block.y[:1, :1]))
        dead = design.centre.curvature == 0.0
        lower, upper = (np.where(dead, 0.0, side) for side in problem.bounds)
        y = np.ascontiguousarray(block.y[:, target])
        one = replace(problem.penalty, l1=1.0, l2=0.0).strengths(design.columns)[0]
        if len(penalties) > 1 and not any(penalty.l2 for penalty in penalties):
            # l = (high - low) times the loss of the quantile -low / (high - low)
            size = high - low
            rows = WeightedRows(block.X, y, share, one, lower, upper, design.intercept)
            kinks = [Kink(-low / size, penalty.l1 / size) for penalty in penalties]
            for found in solve_all(rows, kinks, max_iter=limit, seed=self.seed):
                yield replace(found, dual=size * found.dual)
            return
        found = None
        for penalty in penalties:
            rows = KinkRows(
                block.X,
                y,
                share * -low,
                share * high,
                *problem.at(penalty).strengths,
                lower,
                upper,
                design.intercept,
            )
            found = solve(rows, guess=found, max_iter=limit, seed=self.seed)
            yield found


def _iterate(problem: Problem, found: tuple[Solution, ...], share: Float) -> Iterate:
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
