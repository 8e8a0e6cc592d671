"""The result of a check, in numbers and in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class GradientCheck:
    """How a gradient compares with autograd and with central differences, and what is wrong.

    Errors are the largest difference in any coordinate, each in units of its column, relative to
    the largest derivative.

    Attributes
    ----------
    loss : what was checked
    ok : whether the gradient is right
    verdict : in a sentence, with the usual mistake's name where it is one
    mistake : None, or its kind: "sign", "factor two", "sum against mean", "factor", "broadcast",
        "accumulation", "last rows", "penalised intercept", "intercept", "penalty",
        "not repeatable", "unknown"
    difference_error : against central differences
    autograd_error : against autograd, or None where there is none ; without : why
    coef, intercept : the point ; gradient : (d,) there, in w and then in b
    differences : (c,) central differences of the coordinates `coordinates` (c,) of the gradient
    autograd : (d,) or None
    steps, curve : (12,) steps in units of the coefficients, and the error of the differences at
        each: a V, whose left arm is rounding
    kinks : how many of these coordinates have a kink there, so that many subgradients are right
    rows : how many there are ; notes : what else was seen
    """

    loss: str
    ok: bool
    verdict: str
    mistake: str | None
    difference_error: float
    autograd_error: float | None
    without: str
    coef: Float
    intercept: Float | float
    gradient: Float
    differences: Float
    coordinates: NDArray[np.intp]
    autograd: Float | None
    steps: Float
    curve: Float
    kinks: int
    rows: int
    notes: tuple[str, ...] = ()

    @property
    def best_step(self) -> float:
        """The step at which central differences are nearest to the gradient."""
        return float(self.steps[np.nanargmin(self.curve)])

    def __str__(self) -> str:
        d, c = self.gradient.size, self.coordinates.size
        many = f"{d} numbers" if c == d else f"{d} numbers, {c} of them by differences"
        error = "-" if self.autograd_error is None else f"{self.autograd_error:.1e}"
        why = f" ({self.without})" if self.without else ""
        curve = "  ".join(
            f"{step:.0e}: {error:.0e}" for step, error in zip(self.steps, self.curve, strict=True)
        )
        lines = [
            f"gradient of {self.loss}: {many}, {self.rows} rows",
            f"  against central differences  {self.difference_error:.1e}",
            f"  against autograd             {error}{why}",
            f"  error by step  {curve}",
            f"  verdict: {self.verdict}",
            *(f"  note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)
