"""scikit-learn: `enet_path`, with its Gram matrix where rows outnumber columns, and the CV classes.

Its tolerance is a duality gap relative to ‖y‖²: half a relative gap of ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import ElasticNetCV, LassoCV, RidgeCV, enet_path
from sklearn.model_selection import KFold

from benchmarks.runners import Choice, centred, sparse_means

SWEEPS = 100_000


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    more: dict[str, Any] = {}
    if hasattr(X, "indptr"):
        x_mean, y_mean = sparse_means(X, intercept), float(y.mean()) * intercept
        more = {"X_offset": x_mean, "X_scale": np.ones_like(x_mean)}
        Xc, yc = X, y - y_mean
    else:
        Xc, yc, x_mean, y_mean = centred(X, y, intercept)
        more = {"precompute": X.shape[0] > X.shape[1]}
    _, coef, _ = enet_path(
        Xc, yc, l1_ratio=l1_ratio, alphas=strengths, tol=tol, max_iter=SWEEPS, copy_X=False, **more
    )
    return coef, y_mean - x_mean @ coef


def validated(
    X: Any, y: Any, strengths: Any, l1_ratios: tuple[float, ...], folds: int, tol: float
) -> Choice:
    n, cv = len(y), KFold(folds) if folds else None
    if l1_ratios == (0.0,):
        ridge = RidgeCV(alphas=n * strengths, cv=cv).fit(X, y)
        return Choice(ridge.alpha_ / n, 0.0, ridge.coef_, float(ridge.intercept_))
    same: dict[str, Any] = {"alphas": strengths, "cv": cv, "tol": tol, "max_iter": SWEEPS}
    if l1_ratios == (1.0,):
        lasso = LassoCV(**same).fit(X, y)
        return Choice(lasso.alpha_, 1.0, lasso.coef_, float(lasso.intercept_))
    net = ElasticNetCV(l1_ratio=list(l1_ratios), **same).fit(X, y)
    return Choice(net.alpha_, net.l1_ratio_, net.coef_, float(net.intercept_))
