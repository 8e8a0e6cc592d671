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
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks import (
    Joint,
    Kink,
    Solution,
    WeightedRows,
    noncrossing,
    solve,
    solve_all,
)
from leastwise.kinks.globs import sample_size
from leastwise.kinks.solve import BAND
from leastwise.kinks.units import BLOCK
from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem, Shape
from leastwise.rowwise import RowPoint
from leastwise.solvers.base import Cost, Iterate, Solver, Steps
from leastwise.solvers.needs import kept
from leastwise.solvers.rowwise_needs import STATE, passing

if TYPE_CHECKING:
    from leastwise.blocks import Block

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
        k = shape.outputs
        steps = 8 * (4 * n * k + 4.1 * working * (p + 1) + 4 * p * p)
        proof = 8 * STATE * n * k + passing(shape)
        copy = 8 * n * p if shape.width < 8 and not shape.sparse else 0  # in float64
        shifted = 0 if shape.sparse else shape.threads * min(n * p, BLOCK)
        looking = 8 * (4 * n * k + 3 * n + shifted)
        return Cost(int(max(steps, looking, proof) + copy + kept(shape)), 6.0 * k, flops)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        block, share = _shared(problem)
        found = self._solutions(problem, penalties, block, share, limit)
        for number, each in enumerate(found):
            yield number, _iterate(problem.at(penalties[number]), each, share)

    def of_tails(self, problem: Problem, penalties: Sequence[ElasticNet]) -> Iterator[Float]:
        """(p, k) for each penalty: the optimum if a loss consisted of its linear tails alone.

        Those of Huber's loss are the absolute loss, times the width.
        """
        block, share = _shared(problem)
        for found in self._solutions(problem, penalties, block, share, self.limit):
            yield np.stack([solution.coef for solution in found], axis=1)

    def _solutions(
        self,
        problem: Problem,
        penalties: Sequence[ElasticNet],
        block: Block,
        share: Float,
        limit: int,
    ) -> Iterator[tuple[Solution, ...]]:
        """For each penalty the solutions of all targets."""
        targets = range(block.y.shape[1])
        ways = [self._solved(problem, penalties, block, share, t, limit) for t in targets]
        return zip(*ways, strict=True)

    def _solved(
        self,
        problem: Problem,
        penalties: Sequence[ElasticNet],
        block: Block,
        share: Float,
        target: int,
        limit: int,
    ) -> Iterator[Solution]:
        """One target's solutions, together where the penalties differ by their l1 alone."""
        low, high = (float(side[0, 0]) for side in problem.design.loss.domain(block.y[:1, :1]))
        rows = _weighted(problem, block, share, target)
        size = high - low  # the loss is so many times that of the quantile -low / size
        kinks = [Kink(-low / size, one.l1 / size, one.l2 / size) for one in penalties]
        if len(kinks) > 1 and not any(kink.l2 for kink in kinks):
            for found in solve_all(rows, kinks, max_iter=limit, seed=self.seed):
                yield replace(found, dual=size * found.dual)
            return
        found = None
        for kink in kinks:
            found = solve(rows.of(kink), guess=found, max_iter=limit, seed=self.seed)
            yield replace(found, dual=size * found.dual)

    def quantiles(
        self, problem: Problem, shares: Sequence[float], limit: int, *, apart: bool = False
    ) -> tuple[list[Solution], Joint | None]:
        """The quantiles `shares`, rising, of the one target; no duals.

        With `apart`, where they cross in some row, also the best that do not.
        """
        rows = _weighted(problem, *_shared(problem), 0)
        kinks = [Kink(q, problem.penalty.l1, problem.penalty.l2) for q in shares]
        found = solve_all(rows, kinks, max_iter=limit, seed=self.seed, duals=False)
        if not apart:
            return found, None
        coef, intercept = np.stack([one.coef for one in found]), [one.intercept for one in found]
        return found, noncrossing(rows, kinks, coef, np.array(intercept), limit)


def _shared(problem: Problem) -> tuple[Block, Float]:
    """All rows as one block of float64, and the share that each has of their weight."""
    block = problem.design.source.gather()
    block = replace(block, X=block.X.astype(np.float64, copy=False))
    share = 1.0 if block.weight is None else block.weight / problem.design.centre.weight
    share = share / (block.rows if block.weight is None else 1)
    return block, np.broadcast_to(share, block.rows)


def _weighted(problem: Problem, block: Block, share: Float, target: int) -> WeightedRows:
    """The rows of a target, with strengths of one."""
    design = problem.design
    dead = design.centre.curvature == 0.0
    if problem.penalty.factors is not None:
        dead = dead | np.isinf(problem.penalty.factors)
    lower, upper = (np.where(dead, 0.0, side) for side in problem.bounds)
    dead = lower == upper
    y = np.ascontiguousarray(block.y[:, target])
    one, squares = replace(problem.penalty, l1=1.0, l2=1.0).strengths(design.columns)
    # What is zero pays nothing: no number that others are small beside.
    one, squares = np.where(dead, 0.0, one), np.where(dead, 0.0, squares)
    return WeightedRows(block.X, y, share, one, lower, upper, design.intercept, squares)


def _iterate(problem: Problem, found: tuple[Solution, ...], share: Float) -> Iterate:
    design = problem.design
    coef = np.stack([solution.coef for solution in found], axis=1)
    level = np.array([solution.intercept for solution in found])
    if design.centre.mean is not None:
        level = level + design.centre.mean @ coef
    rows = design.rows
    product = rows.times(coef)
    with np.errstate(divide="ignore", invalid="ignore"):
        dual = np.stack([-solution.dual / share for solution in found], axis=1)
    dual[share == 0.0] = 0.0
    # A loss of y - eta: what the columns explain is taken off y, and eta is the level.
    target = [y - part for y, part in zip(rows.y, product, strict=True)]
    eta = [np.broadcast_to(level, part.shape) for part in target]
    point = RowPoint(rows, target, eta, rows.apart(dual), sloped=False)
    at = Evaluation(rows.value(product, level), rows.correlation(point.u), level, point)
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
