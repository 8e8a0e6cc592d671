"""Stochastic proximal gradient (Robbins and Monro 1951; Bottou, Curtis and Nocedal 2018).

    w <- prox(w + eta v_B D^-1, eta D^-1),     v_B = -(n / |B| W) sum over B of s_i u_i (x_i - x̄)
    w̄ <- w̄ + 4 / (t + 3) (w - w̄)

over the batches B of each epoch, in which every row comes once. v_B is an unbiased guess at the
correlation, so that l1 and l2 mean the same at every size of batch; a short batch takes a step as
much shorter. D is the columns' mean squares about their means: units and means do not matter. The
level b~ is stepped beside w, and is the best one wherever an epoch ends.

Averages of the iterates (Polyak and Juditsky 1992), later ones weighing more (Shamir and Zhang
2013), settle although the iterates do not. With e the epochs gone through, steps shrink as

    smooth   eta = eta_0 / (1 + e)^(2/3),   eta_0 = 1 / c ((m - 1) L + R^2) m^-1,   m = |B|
    kinked   eta = eta_0 / sqrt(1 + e),     eta_0 = the scale of y over the slope's, 1 / sqrt(N R^2)

R^2 the longest row's square, L the columns' largest eigenvalue, c the loss's largest curvature,
N the number of batches: no batch has a curvature above 1 / eta_0 by more than chance (Gower et al.
2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from leastwise.errors import UsageError
from leastwise.losses.base import number_between
from leastwise.penalties import ElasticNet
from leastwise.problem import Design, Problem, Shape
from leastwise.solvers.base import ENDLESS, Cost, Float, Iterate, Solver, Steps, zeros
from leastwise.solvers.duals import Duals
from leastwise.solvers.needs import LANCZOS, copied, making_moments, over_rows, square
from leastwise.solvers.rowwise_needs import followed
from leastwise.solvers.slopes import FEW, ZEROS_FROM, Profiled, no_row_state

if TYPE_CHECKING:
    from leastwise.blocks import Block

AVERAGED = (
    "an average of iterates has few exact zeros: average=False keeps those of the last step, and "
    "the zeros themselves come from"
)
FORGETS = 3  # the average weighs the t-th iterate with about t^3


@dataclass(frozen=True)
class StochasticGradient(Solver):
    """Steps along the gradients of batches of rows; an iteration is an epoch, one pass.

    Parameters
    ----------
    step : eta_0, in units of the columns' deviations; from the curvature by default
    batch_size : rows a step, at most
    average : whether the average of the iterates is what is fitted
    seed : of the shuffling

    Examples
    --------
    >>> StochasticGradient(batch_size=16, seed=1).average
    True
    """

    name: ClassVar[str] = "stochastic-gradient"
    limit: ClassVar[int] = 200
    kinds: ClassVar[tuple[str, ...]] = ("quadratic", "smooth", "kinked")
    approximate: ClassVar[bool] = True
    step: float | None = None
    batch_size: int = 64
    average: bool = True
    seed: int = 0

    def refuse(self, problem: Problem) -> str | None:
        self._check()
        return no_row_state(problem)

    def cost(self, shape: Shape) -> Cost:
        if shape.kind == "quadratic":
            before = 8.0 * LANCZOS * shape.columns
            if shape.columns <= FEW:
                before = making_moments(shape) + 2.0 * square(shape)
            bytes = over_rows(shape, 5.0, before=before, zeros=False)
        else:
            several = 0 < shape.block_rows < shape.rows
            bytes = followed(shape, states=9.0 - several, zeros=False)
        # A batch's rows, what is left of the last one's, and what is turned into float64 of them.
        rows = min(self.batch_size, shape.rows) * shape.stored / shape.rows
        batch = (1.4 * shape.width + 1.6 * (shape.width < 8)) * rows
        if shape.kind != "quadratic":
            batch -= min(batch, copied(shape))  # a look has its copies when no batch is at work
        return Cost(int(bytes + batch), ENDLESS, 0.0)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        self._check()
        view = Profiled(problem, over_rows=True)
        course = _Course(self, view, zeros(problem) if start is None else view.first(start))
        for number, penalty in enumerate(penalties):
            view.turn(problem.at(penalty))
            shape = view.problem.shape
            few = shape.l1 and self.average
            notes = (f"{AVERAGED} {ZEROS_FROM[shape.kind]}",) if few else ()
            rng = np.random.default_rng(self.seed)
            duals = None if view.loss.smooth else Duals(view.problem)
            at, _ = view.look(course.found)
            course.turn(at.level)
            done = yield number, Iterate(course.found, 0, at, True, notes=notes)
            for epoch in range(1, limit + 1):
                if done:
                    break
                with np.errstate(over="ignore", invalid="ignore"):
                    course.epoch(penalty, rng)
                    found = course.found.copy()
                    at, _ = view.look(found, at)
                final = epoch == limit
                if duals is not None:
                    at = duals.seen(found, at, 1.0, epoch, final)
                done = yield number, Iterate(found, epoch, at, True, final, notes=notes)

    def _check(self) -> None:
        if self.step is not None:
            number_between("the step", self.step, 0.0, np.inf, "positive")
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise UsageError(
                f"batch_size must be a whole number of at least 1, not {self.batch_size!r}"
            )


class _Course:
    """Where the steps stand, and their average."""

    def __init__(self, solver: StochasticGradient, view: Profiled, w: Float) -> None:
        self._solver, self._view, self._design = solver, view, view.design
        self._rows = view.design.source.rows
        self._size = min(solver.batch_size, self._rows)
        self._metric = view.spread
        self._w, self._mean = w, w
        self._level = view.design.centre.level
        self._stepped = view.design.intercept and not view.loss.quadratic
        self._eta = self._first_step() if solver.step is None else solver.step
        self.turn(None)

    @property
    def found(self) -> Float:
        """What is fitted."""
        return self._mean if self._solver.average else self._w

    def turn(self, level: Float | None) -> None:
        """Begin anew, from what was found."""
        self._w = self._mean = self.found
        self._level = self._level if level is None else level
        self._steps = self._seen = 0

    def epoch(self, penalty: ElasticNet, rng: np.random.Generator) -> None:
        """One step for every batch."""
        power = 2.0 / 3.0 if self._view.loss.smooth else 0.5
        for batch in self._design.source.batches(self._size, rng):
            v, slope = batch_slopes(self._design, batch, self._w, self._level)
            eta = self._eta * batch.rows / self._size / (1.0 + self._seen / self._rows) ** power
            step = eta / self._metric
            self._w = penalty.prox(self._w + step[:, None] * v, step)
            if self._stepped:
                self._level = self._level + eta * slope
            self._steps += 1
            self._seen += batch.rows
            share = (FORGETS + 1) / (self._steps + FORGETS)
            self._mean = self._mean + share * (self._w - self._mean)

    def _first_step(self) -> float:
        design, loss, m = self._design, self._view.loss, self._size
        level = 1.0 if self._stepped else 0.0
        unit = self._rows / design.centre.weight

        def longest(block: Block) -> float:
            square = design.view(block).lengths(1.0 / self._metric) + level
            return float(square.max() if block.weight is None else (block.weight * square).max())

        square = max(unit * design.source.reduce(longest, max), 1e-300)
        if not loss.smooth:
            batches = max(1.0, self._rows / m)
            spread = float(loss.spread(design.centre.null).max())
            low, high = loss.domain(np.zeros((1, 1)))
            return spread / (float(np.maximum(high, -low).max()) * np.sqrt(batches * square))
        root = np.sqrt(self._metric)
        most = self._view.largest_curvature(root, np.zeros_like(root))
        c = loss.curvature_bound or 1.0
        return m / ((m - 1) * max(most, c * level) + c * square)


def batch_slopes(design: Design, batch: Block, w: Float, level: Float) -> tuple[Float, Float]:
    """(p, k) v_B and (k,) minus the slope in the level: their means over batches are all rows'."""
    view = design.view(batch)
    u = batch.weighted(design.loss.slope(batch.y, view.times(w) + level))
    scale = -design.source.rows / (batch.rows * design.centre.weight)
    return design.mask(scale * np.asarray(view.back(u))), scale * np.asarray(u.sum(axis=0))
