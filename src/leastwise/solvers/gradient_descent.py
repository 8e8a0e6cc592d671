"""Gradient descent with a fixed step, and Polyak's momentum (Cauchy 1847; Polyak 1964).

    w <- w + eta (v - l2 w) + beta (w - w_before),     v the correlation, minus the gradient of the
    loss

With L the largest eigenvalue of c H + diag(l2), c the loss's largest second derivative (1 for
squared loss), it converges for 0 < eta < 2 (1 + beta) / L; the default step 1/L comes from the
spectrum, so that the units of the data do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from leastwise.errors import UsageError
from leastwise.losses.base import number_between
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.solvers.base import Cost, Float, Iterate, Solver, Steps
from leastwise.solvers.needs import LANCZOS, over_moments, over_rows
from leastwise.solvers.rowwise_needs import STATE, followed
from leastwise.solvers.slopes import first_coef, no_row_state, refuse_intercept, view_of


@dataclass(frozen=True)
class GradientDescent(Solver):
    """Follow the gradient with one step size.

    Parameters
    ----------
    step : eta of the objective as leastwise writes it (half squares); 1/L by default
    start : (p,) or (p, k) where to begin; zeros by default
    momentum : beta in [0, 1)
    check_step : refuse a step that may diverge; False runs it and reports it as diverged
    intercept_step : move the intercept by its own gradient, with the same step, as the texts do;
        by default it is the best one beside w at every step
    intercept_start : a number, or (k,), where such an intercept begins; zero by default

    Examples
    --------
    >>> GradientDescent(step=0.02).momentum
    0.0
    """

    name: ClassVar[str] = "gradient-descent"
    limit: ClassVar[int] = 10_000
    kinds: ClassVar[tuple[str, ...]] = ("quadratic", "smooth")
    step: float | None = None
    start: ArrayLike | None = field(default=None, compare=False)
    momentum: float = 0.0
    check_step: bool = True
    intercept_step: bool = False
    intercept_start: ArrayLike | None = field(default=None, compare=False)

    def refuse(self, problem: Problem) -> str | None:
        exact = "working-set" if problem.shape.kind == "quadratic" else "newton"
        others = f"accelerated-gradient or {exact}"
        if problem.shape.l1:
            return f"an l1 penalty has kinks that a gradient step never settles on; take {others}"
        if problem.shape.bounded:
            return f"a gradient step knows no bounds; take {others}"
        own = refuse_intercept(problem, self.intercept_step, self.intercept_start)
        return no_row_state(problem) if own is None else own

    def cost(self, shape: Shape) -> Cost:
        return descent_cost(shape, 5000, 2.0)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        view = view_of(problem, self.intercept_step, self.intercept_start)
        theta = view.first(first_coef(problem, self.start if start is None else start))
        for number, penalty in enumerate(penalties):
            here = problem.at(penalty)
            view.turn(here)
            l2 = view.padded(here.strengths[1])
            L = view.largest_curvature(np.ones_like(l2), l2)
            eta = self._step(L, view.loss.quadratic)
            notes: tuple[str, ...] = ()
            if eta > self._largest(L):
                notes = (f"the step {eta:g} is above the largest stable one, {self._largest(L):g}",)
            before = theta
            at, slope = view.look(theta)
            done = yield number, Iterate(view.coef(theta), 0, at, notes=notes)
            for iteration in range(1, limit + 1):
                if done:
                    break
                with np.errstate(over="ignore", invalid="ignore"):
                    moved = eta * (slope - l2[:, None] * theta) + self.momentum * (theta - before)
                    theta, before = theta + moved, theta
                    at, slope = view.look(theta, at)
                coef, final = view.coef(theta), iteration == limit
                done = yield number, Iterate(coef, iteration, at, final=final, notes=notes)

    def _largest(self, L: float) -> float:
        return 2.0 * (1.0 + self.momentum) / L if L > 0.0 else np.inf

    def _step(self, L: float, quadratic: bool) -> float:
        if not isinstance(self.momentum, Real) or not 0.0 <= self.momentum < 1.0:
            raise UsageError(f"momentum must be in [0, 1), not {self.momentum!r}")
        if self.step is None:
            return 1.0 / L if L > 0.0 else 1.0
        number_between("the step", self.step, 0.0, np.inf, "positive")
        largest = self._largest(L)
        if self.check_step and self.step > largest:
            times = " times 1 + momentum" if self.momentum else ""
            bound = "" if quadratic else ", L a bound of the curvature everywhere"
            raise UsageError(
                f"a step of {self.step:g} {'diverges' if quadratic else 'may diverge'}: the "
                f"largest {'stable step' if quadratic else 'step that is surely stable'} is "
                f"{largest:.6g} (2/L{times}{bound}); leave step out for 1/L, or pass "
                "check_step=False to watch it diverge"
            )
        return self.step


def descent_cost(
    shape: Shape, steps: int, passes: float, *, zeros: bool = True, states: float = STATE
) -> Cost:
    """What `steps` steps cost in the form that `quadratic_form` takes.

    A step takes `passes` passes where moments do not tell the loss, and keeps so many `states`,
    vectors of n; `zeros` as in `over_rows`.
    """
    n, p = shape.rows, shape.columns
    if shape.kind != "quadratic":
        return Cost(followed(shape, states=states, zeros=zeros), passes * steps, 0.0)
    if shape.worth_moments:
        making = float(n) * p * p
        return Cost(over_moments(shape, 4.0), 2.0, making + steps * 2.0 * p * p)
    return Cost(over_rows(shape, 5.0, before=8.0 * LANCZOS * p, zeros=zeros), float(steps), 0.0)
