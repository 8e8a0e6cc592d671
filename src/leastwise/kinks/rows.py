"""What is minimised, and what comes back.

sum_i [ up_i (y_i - b - x_i.w)_+ + down_i (b + x_i.w - y_i)_+ ]
    + sum_j [ l1_j |w_j| + l2_j / 2 w_j^2 ],    lower <= w <= upper
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class KinkRows:
    """Rows with a kink at y_i, and a penalty; `up` and `down` are the slopes beside the kink.

    Parameters
    ----------
    X : (n, p) float64, dense or a SciPy CSR or CSC matrix
    y : (n,)
    up, down : (n,) at least 0; a row with both 0 is ignored. The quantile q of rows with weights s
    has up = s q / sum s, down = s (1 - q) / sum s; the absolute loss both s / sum s
    l1, l2 : (p,) at least 0
    lower, upper : (p,) with lower <= 0 <= upper, mostly infinite
    intercept : whether b takes part; it is never penalised
    """

    X: Any
    y: Float
    up: Float
    down: Float
    l1: Float
    l2: Float
    lower: Float
    upper: Float
    intercept: bool


@dataclass(frozen=True)
class Solution:
    """The minimiser, its certificate, and what it took.

    Parameters
    ----------
    coef : (p,)
    intercept : b, 0 without an intercept
    dual : (n,) theta, -down <= theta <= up, with X'theta in the subdifferential of the penalty and
    sum theta = 0 under an intercept
    gap : the duality gap relative to the objective of the intercept alone; `certify` says how
    iterations : steps of the interior point method, over all the problems that were solved
    exact : whether the optimum is a vertex that was solved for, and not only approached
    rows_worked : the most rows that any of the problems had which preprocessing left
    detail : objective, null_objective, looks (passes over all rows), rounds, unique
    """

    coef: Float
    intercept: float
    dual: Float
    gap: float
    iterations: int
    exact: bool
    rows_worked: int
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Kink:
    """One problem of many on the same rows: a quantile and the strengths of the penalty.

    Parameters
    ----------
    q : the quantile, in (0, 1); the absolute loss is twice the loss of 0.5, and its strengths too
    l1, l2 : at least 0, times what the columns' are multiplied by
    """

    q: float = 0.5
    l1: float = 0.0
    l2: float = 0.0


@dataclass(frozen=True)
class WeightedRows:
    """Rows that many problems share: the mean of pinball losses under each one's penalty.

    Parameters
    ----------
    X : (n, p) float64, dense or a SciPy CSR or CSC matrix
    y : (n,)
    weight : (n,) at least 0, one of them positive; a row with 0 is ignored
    factors : (p,) at least 0, by which l1 of each column is multiplied
    lower, upper : (p,) with lower <= 0 <= upper, mostly infinite
    intercept : whether b takes part; it is never penalised
    squares : (p,) likewise, of l2; `factors` if it is None
    """

    X: Any
    y: Float
    weight: Float
    factors: Float
    lower: Float
    upper: Float
    intercept: bool
    squares: Float | None = None

    def strengths(self, kink: Kink) -> tuple[Float, Float]:
        """(p,) l1 and (p,) l2 of one of the problems."""
        squares = self.factors if self.squares is None else self.squares
        return self.factors * kink.l1, squares * kink.l2

    def of(self, kink: Kink) -> KinkRows:
        """One of the problems alone."""
        share = self.weight / self.weight.sum()
        return KinkRows(
            self.X,
            self.y,
            share * kink.q,
            share * (1.0 - kink.q),
            *self.strengths(kink),
            self.lower,
            self.upper,
            self.intercept,
        )
