"""The elastic net (Zou and Hastie 2005): ridge and lasso are its two ends, no penalty its origin.

Omega(w)  = sum_j f_j (l1 |w_j| + l2/2 w_j^2)
prox      = S(w_j, t f_j l1) / (1 + t f_j l2),          S(v, t) = sign(v) max(|v| - t, 0)
Omega*(v) = sum_j S(v_j, f_j l1)^2 / (2 f_j l2)         where f_j l2 > 0
            0 if |v_j| <= f_j l1, else +inf             where f_j l2 = 0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from leastwise.errors import UsageError, at_least_zero
from leastwise.penalties.base import Float, Penalty


def soft_threshold(v: Float, t: Float | float) -> Float:
    """S(v, t) = sign(v) max(|v| - t, 0), the prox of t|.|.

    Examples
    --------
    >>> soft_threshold(np.array([-2.0, -0.3, 0.3, 2.0]), 1.0)
    array([-1., -0.,  0.,  1.])
    """
    return np.sign(v) * np.maximum(np.abs(v) - t, 0.0)


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """Omega(w) = sum_j f_j (l1 |w_j| + l2/2 w_j^2).

    Parameters
    ----------
    l1, l2 : strengths, finite and not negative
    factors : (p,) one a column, finite and not negative; 0 leaves a column unpenalised; ones by
    default

    Raises
    ------
    UsageError
        If a strength or a factor is negative or not finite.
    """

    name: ClassVar[str] = "elastic-net"
    l1: float = 0.0
    l2: float = 0.0
    factors: Float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        at_least_zero("l1", self.l1)
        at_least_zero("l2", self.l2)
        if self.factors is not None:
            wrong = np.flatnonzero(~np.isfinite(self.factors) | (self.factors < 0))
            if wrong.size:
                at = int(wrong[0])
                raise UsageError(
                    f"the penalty factor of column {at} is {self.factors[at]}; "
                    "factors are finite and at least 0"
                )

    def strengths(self, p: int) -> tuple[Float, Float]:
        """(p,) l1 and (p,) l2 of each column."""
        factors = np.ones(p) if self.factors is None else self.factors
        return self.l1 * factors, self.l2 * factors

    def value(self, w: Float) -> Float:
        l1, l2 = self.strengths(w.shape[0])
        return l1 @ np.abs(w) + 0.5 * (l2 @ w**2)

    def prox(self, w: Float, step: float | Float) -> Float:
        l1, l2 = self.strengths(w.shape[0])
        return soft_threshold(w, (step * l1)[:, None]) / (1.0 + (step * l2)[:, None])

    def conjugate(self, v: Float) -> Float:
        l1, l2 = self.strengths(v.shape[0])
        over = np.maximum(np.abs(v) - l1[:, None], 0.0)
        ridged = l2 > 0
        smooth = (over[ridged] ** 2 / (2.0 * l2[ridged])[:, None]).sum(axis=0)
        outside = (over[~ridged] > 0.0).any(axis=0)
        return np.where(outside, np.inf, smooth)

    def feasible_scale(self, v: Float) -> Float:
        l1, l2 = self.strengths(v.shape[0])
        bound = (l2 == 0.0)[:, None] & (v != 0.0)
        with np.errstate(divide="ignore", over="ignore"):
            ratio = np.where(bound, l1[:, None] / np.where(bound, np.abs(v), 1.0), np.inf)
        return ratio.min(axis=0, initial=np.inf)
