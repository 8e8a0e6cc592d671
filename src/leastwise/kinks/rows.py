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
