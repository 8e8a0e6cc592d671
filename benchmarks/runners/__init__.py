"""One file a peer: `path(...)` and, where the peer has it, `validated(...)`.

    path(X, y, strengths, l1_ratio, intercept, tol) -> coef (p, K), intercepts (K,)
    validated(X, y, strengths, l1_ratios, folds, tol) -> Choice

Each module imports its peer and nothing of leastwise (but one), converts the penalty to the peer's
scale, and does inside the call whatever the peer needs done: centring where it has no intercept.
"""

from __future__ import annotations

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


def sparse_means(X: Any, intercept: bool) -> Any:
    """The column means of sparse X, zeros without an intercept."""
    return np.asarray(X.mean(axis=0)).ravel() if intercept else np.zeros(X.shape[1])
