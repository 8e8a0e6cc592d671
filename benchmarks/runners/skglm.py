"""skglm: the `path` of its Lasso and ElasticNet.

Its tolerance is the distance of the gradient to the subdifferential, in the gradient's units; it is
given as a fraction of the largest strength.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from skglm.datafits import Quadratic
from skglm.penalties import L1_plus_L2
from skglm.solvers import AndersonCD


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    solver = AndersonCD(
        max_iter=200, max_epochs=100_000, tol=tol * strengths[0], fit_intercept=intercept
    )
    _, coef, _ = solver.path(X, y, Quadratic(), L1_plus_L2(1.0, l1_ratio), strengths)
    if intercept:
        return coef[:-1], coef[-1]
    return coef, np.zeros(len(strengths))
