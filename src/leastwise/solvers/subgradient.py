"""The subgradient method (Shor 1985; Polyak 1987, chapter 5).

    w <- (w + eta_t D^-1 (v - l1 sign(w))) / (1 + eta_t l2 D^-1)

    constant   eta_t = eta_0                       best so far <= R^2 / 2 eta T + eta B^2 / 2 above
    decaying   eta_t = eta_0 / sqrt(t)             best so far = O(log T / sqrt(T)) above
    polyak     eta_t = (F(w) - F_lower) / |g|^2    O(1 / sqrt(T)) where F_lower is the optimum

R is the distance to go, B bounds the subgradient g, and sign(0) = 0. D is the columns' mean squares
about their means, so that units do not matter, or 1. A subgradient is no direction of descent and
its length no sign of the optimum, which is why steps must shrink and the best iterate is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from leastwise.certificate import gap
from leastwise.errors import UsageError
from leastwise.losses.base import number_between
from leastwise.penalties import EXCLUDED, ElasticNet
from leastwise.problem import Evaluation, Problem, Shape
from leastwise.solvers.base import ENDLESS, Cost, Float, Iterate, Solver, Steps
from leastwise.solvers.duals import Duals
from leastwise.solvers.gradient_descent import descent_cost
from leastwise.solvers.slopes import (
    ZEROS_FROM,
    Profiled,
    first_coef,
    no_row_state,
    refuse_intercept,
    view_of,
)

RULES = ("decaying", "constant", "polyak")
NO_ZEROS = (
    "subgradient steps pass by zero and never stay there: coefficients that an l1 penalty makes "
    "zero are small here; the zeros themselves come from"
)


@dataclass(frozen=True)
class Subgradient(Solver):
    """Steps along any subgradient, for every loss; slow, and what the texts run by hand.

    Parameters
    ----------
    rule : "decaying", "constant" or "polyak"
    step : eta_0; by default the scale of the predictions over the first subgradient's length (over
        sqrt(T) as well where it is constant), and at most 1/L where the loss has a curvature.
        Polyak's rule has none
    lower : for Polyak's rule, a number that no objective is below; by default the best dual bound
        found so far
    keep : "best" or "last" iterate
    scaled : whether steps are in units of the columns' deviations; False for w as it stands
    start : (p,) or (p, k) where to begin; zeros by default
    intercept_step : move the intercept by its own subgradient, with the same step; by default it
        is the best one beside w at every step
    intercept_start : a number, or (k,), where such an intercept begins; zero by default

    Examples
    --------
    >>> Subgradient(rule="constant", step=0.01, keep="last").scaled
    True
    """

    name: ClassVar[str] = "subgradient"
    limit: ClassVar[int] = 10_000
    kinds: ClassVar[tuple[str, ...]] = ("quadratic", "smooth", "kinked")
    approximate: ClassVar[bool] = True
    rule: str = "decaying"
    step: float | None = None
    lower: float | None = None
    keep: str = "best"
    scaled: bool = True
    start: ArrayLike | None = field(default=None, compare=False)
    intercept_step: bool = False
    intercept_start: ArrayLike | None = field(default=None, compare=False)

    def refuse(self, problem: Problem) -> str | None:
        shape = problem.shape
        if shape.bounded:
            return "a subgradient step knows no bounds; take solver='auto'"
        if self.lower is not None and shape.outputs > 1 and not shape.coupled:
            return "lower is of one target's objective, and there are several: leave it out"
        own = refuse_intercept(problem, self.intercept_step, self.intercept_start)
        return no_row_state(problem) if own is None else own

    def cost(self, shape: Shape) -> Cost:
        return descent_cost(shape, ENDLESS, 2.0, zeros=False)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        self._check()
        view = view_of(problem, self.intercept_step, self.intercept_start)
        theta = view.first(first_coef(problem, self.start if start is None else start))
        on_rows = not view.loss.quadratic
        for number, penalty in enumerate(penalties):
            here = problem.at(penalty)
            view.turn(here)
            way = _Way(self, view, limit)
            at, slope = view.look(theta)
            best, least = (theta, at), here.objective(view.coef(theta), at.value).sum()
            shape = here.shape
            notes = (f"{NO_ZEROS} {ZEROS_FROM[shape.kind]}",) if shape.l1 else ()
            for iteration in range(limit + 1):
                final = iteration == limit
                coef = view.coef(theta)
                at = way.proved(coef, at, iteration, final)
                objective = here.objective(coef, at.value).sum()
                if objective < least:
                    best, least = (theta, at), objective
                last = self.keep == "last"
                if final and not last and np.isfinite(objective):
                    theta, at = best
                    coef = view.coef(theta)
                    at = way.duals.into(at) if way.duals is not None else at
                done = yield (
                    number,
                    Iterate(
                        coef,
                        iteration,
                        at,
                        on_rows,
                        final,
                        detail=self.rule,
                        notes=notes,
                        last=last,
                    ),
                )
                if done or final:
                    break
                with np.errstate(over="ignore", invalid="ignore"):
                    theta = way.step(theta, at, slope, iteration + 1)
                    at, slope = view.look(theta, at)

    def _check(self) -> None:
        if self.rule not in RULES:
            raise UsageError(f"rule must be one of {', '.join(RULES)}, not {self.rule!r}")
        if self.keep not in ("best", "last"):
            raise UsageError(f"keep must be best or last, not {self.keep!r}")
        if self.step is not None:
            number_between("the step", self.step, 0.0, np.inf, "positive")
        if self.step is not None and self.rule == "polyak":
            raise UsageError("Polyak's rule finds its own steps: leave step out")
        if self.lower is not None and self.rule != "polyak":
            raise UsageError("lower is for Polyak's rule: pass rule='polyak' with it")


class _Way:
    """How long the steps are, and what is proved on the way, under one penalty."""

    def __init__(self, solver: Subgradient, view: Profiled, limit: int) -> None:
        self._solver, self._view, self._problem = solver, view, view.problem
        l1, l2 = (view.padded(each) for each in view.problem.strengths)
        self._excluded = (l1 >= EXCLUDED)[:, None]
        self._l1, self._l2 = np.where(l1 >= EXCLUDED, 0.0, l1)[:, None], l2[:, None]
        self._metric = (view.spread if solver.scaled else np.ones_like(l1))[:, None]
        self.duals = None if view.loss.smooth else Duals(view.problem)
        self._eta: Float | float = 0.0
        self._shorter = np.sqrt(limit) if solver.rule == "constant" else 1.0
        self._first: Float | float | None = solver.step
        self._lower: Float | float = 0.0 if solver.lower is None else solver.lower

    def proved(self, coef: Float, at: Evaluation, iteration: int, final: bool) -> Evaluation:
        """The evaluation with the best dual so far."""
        if self.duals is not None:
            at = self.duals.seen(coef, at, self._eta, iteration, final)
        if self._solver.rule == "polyak" and self._solver.lower is None:
            found = gap(self._problem, coef, at)
            self._lower = np.fmax(self._lower, found.objective - found.gap)
        return at

    def step(self, theta: Float, at: Evaluation, slope: Float, t: int) -> Float:
        """The t-th step from theta."""
        g = np.where(self._excluded, 0.0, slope - self._l1 * np.sign(theta))
        theta = np.where(self._excluded, 0.0, theta)
        if self._solver.rule == "polyak":
            whole = g - self._l2 * theta
            square = self._problem.pool((whole**2 / self._metric).sum(axis=0))
            objective = self._problem.objective(self._view.coef(theta), at.value)
            above = np.maximum(objective - self._lower, 0.0)
            self._eta = np.where(square > 0.0, above / np.maximum(square, 1e-300), 0.0)
        else:
            if self._first is None:
                self._first = self._default(g)

            self._eta = self._first / (np.sqrt(t) if self._solver.rule == "decaying" else 1.0)
        step = self._eta / self._metric
        return (theta + step * g) / (1.0 + step * self._l2)

    def _default(self, g: Float) -> Float:
        """(g,) eta_0: how far predictions may have to go over how fast they do at first."""
        problem, loss = self._problem, self._view.loss
        length = np.sqrt(problem.pool((g**2 / self._metric).sum(axis=0)))
        reach = problem.pool(loss.spread(problem.design.centre.null))
        found = np.where(length > 0.0, reach / np.maximum(length, 1e-300), 0.0) / self._shorter
        if not loss.smooth:
            return found
        root = np.sqrt(self._metric[:, 0])
        return np.minimum(found, 1.0 / self._view.largest_curvature(root, np.zeros_like(root)))
