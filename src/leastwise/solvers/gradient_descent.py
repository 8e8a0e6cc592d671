"""Gradient descent with a fixed step, and Polyak's momentum (Cauchy 1847; Polyak 1964).

    w <- w + eta (v - l2 w) + beta (w - w_before),     v the correlation, minus the gradient of the
    loss

With L the largest eigenvalue of H + diag(l2) it converges for 0 < eta < 2 (1 + beta) / L; the
default step 1/L comes from the spectrum, so that the units of the data do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.errors import UsageError
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.quadratic import quadratic_form
from leastwise.solvers.base import Cost, Iterate, Solver, Steps, moments_bytes, zeros

Float = NDArray[np.float64]


@dataclass(frozen=True)
class GradientDescent(Solver):
    """Follow the gradient with one step size.

    Parameters
    ----------
    step : eta of the objective as leastwise writes it (half squares); 1/L by default
    start : (p,) or (p, k) where to begin; zeros by default
    momentum : beta in [0, 1)
    check_step : refuse a step that must diverge; False runs it and reports it as diverged

    Examples
    --------
    >>> GradientDescent(step=0.02).momentum
    0.0
    """

    name: ClassVar[str] = "gradient-descent"
    limit: ClassVar[int] = 10_000
    step: float | None = None
    start: ArrayLike | None = field(default=None, compare=False)
    momentum: float = 0.0
    check_step: bool = True

    def refuse(self, problem: Problem) -> str | None:
        if problem.shape.l1:
            return (
                "an l1 penalty has kinks that a gradient step never settles on; "
                "take accelerated-gradient or working-set"
            )
        if problem.shape.bounded:
            return "a gradient step knows no bounds; take accelerated-gradient or working-set"
        return None

    def cost(self, shape: Shape) -> Cost:
        return descent_cost(shape, 5000)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        form = quadratic_form(problem.design, problem.memory)
        w = self._first(problem) if start is None else start.copy()
        for number, penalty in enumerate(penalties):
            l2 = problem.at(penalty).strengths[1]
            L = form.largest_eigenvalue(np.ones_like(l2), l2)
            eta = self._step(L)
            notes: tuple[str, ...] = ()
            if eta > self._largest(L):
                notes = (f"the step {eta:g} is above the largest stable one, {self._largest(L):g}",)
            before, at = w, form.evaluate(w)
            done = yield number, Iterate(w, 0, at, notes=notes)
            for iteration in range(1, limit + 1):
                if done:
                    break
                gradient_step = eta * (at.correlation - l2[:, None] * w)
                with np.errstate(over="ignore", invalid="ignore"):
                    w, before = w + gradient_step + self.momentum * (w - before), w
                    at = form.evaluate(w)
                done = yield (
                    number,
                    Iterate(w, iteration, at, final=iteration == limit, notes=notes),
                )

    def _largest(self, L: float) -> float:
        return 2.0 * (1.0 + self.momentum) / L if L > 0.0 else np.inf

    def _step(self, L: float) -> float:
        if not 0.0 <= self.momentum < 1.0:
            raise UsageError(f"momentum must be in [0, 1), not {self.momentum}")
        if self.step is None:
            return 1.0 / L if L > 0.0 else 1.0
        if not self.step > 0.0:
            raise UsageError(f"the step must be positive, not {self.step}")
        largest = self._largest(L)
        if self.check_step and self.step > largest:
            raise UsageError(
                f"a step of {self.step:g} diverges: the largest stable step is {largest:.6g} "
                f"(2/L{' times 1 + momentum' if self.momentum else ''}); leave step out for 1/L, "
                "or pass check_step=False to watch it diverge"
            )
        return self.step

    def _first(self, problem: Problem) -> Float:
        if self.start is None:
            return zeros(problem)
        shape = zeros(problem).shape
        given = np.array(self.start, np.float64)
        if given.ndim == 1:
            given = np.repeat(given[:, None], shape[1], axis=1)
        if given.shape != shape:
            raise UsageError(
                f"start has shape {np.shape(self.start)}; the coefficients are {shape}"
            )
        if not np.isfinite(given).all():
            raise UsageError("start holds numbers that are not finite")
        return given


def descent_cost(shape: Shape, steps: int) -> Cost:
    """What `steps` steps cost in the form that `quadratic_form` takes where memory is no matter."""
    n, p = shape.rows, shape.columns
    if p <= n:
        return Cost(moments_bytes(shape), 2.0, float(n) * p * p + steps * 2.0 * p * p)
    vectors = 8 * (2 * n + 4 * p) * shape.outputs
    return Cost(vectors + shape.scratch, float(steps), 0.0)
