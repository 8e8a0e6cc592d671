"""One file a peer: `path(...)` and, where the peer has it, `validated(...)`.

    path(X, y, strengths, l1_ratio, intercept, tol) -> coef (p, K), intercepts (K,)
    validated(X, y, strengths, l1_ratios, folds, tol) -> Choice

Each module imports its peer and nothing of leastwise (but one), converts the penalty to the peer's
scale, and does inside the call whatever the peer needs done: centring where it has no intercept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Choice:
    """What cross-validation chose, on our scale, and the coefficients (p,) of its refit."""

    strength: float
    l1_ratio: float
    coef: Any
    intercept: float


def centred(X: Any, y: Any, intercept: bool) -> tuple[Any, Any, Any, float]:
    """Centred X and y with their means; without an intercept, both as they are."""
    if not intercept:
        return X, y, np.zeros(X.shape[1]), 0.0
    x_mean, y_mean = X.mean(axis=0), float(y.mean())
    return X - x_mean, y - y_mean, x_mean, y_mean


def along(
    solve: Callable[..., Any], X: Any, y: Any, intercept: bool, **dense: Any
) -> tuple[Any, Any]:
    """The coefficients and intercepts of `solve(X, y, **more) -> (_, coef, _)` on centred rows.

    Sparse X stays as it is and its means are given instead; `dense` is told of dense rows only.
    """
    if hasattr(X, "indptr"):
        x_mean = np.asarray(X.mean(axis=0)).ravel() * intercept
        y_mean = float(y.mean()) * intercept
        _, coef, _ = solve(X, y - y_mean, X_offset=x_mean, X_scale=np.ones_like(x_mean))
    else:
        X, y, x_mean, y_mean = centred(X, y, intercept)
        _, coef, _ = solve(X, y, **dense)
    return coef, y_mean - x_mean @ coef


def chosen(
    lasso: Callable[..., Any],
    net: Callable[..., Any],
    X: Any,
    y: Any,
    l1_ratios: tuple[float, ...],
    **how: Any,
) -> Choice:
    """What an estimator in scikit-learn's manner chooses: LassoCV for one ratio of 1, or
    ElasticNetCV.
    """
    if l1_ratios == (1.0,):
        found, ratio = lasso(**how).fit(X, y), 1.0
    else:
        found = net(l1_ratio=list(l1_ratios), **how).fit(X, y)
        ratio = found.l1_ratio_
    return Choice(found.alpha_, ratio, found.coef_, float(found.intercept_))
