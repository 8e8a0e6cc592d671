"""celer: `celer_path`, and its CV classes. Its tolerance is a gap relative to ‖y‖²."""

from __future__ import annotations

from typing import Any

import numpy as np
from celer import ElasticNetCV, LassoCV
from celer.homotopy import celer_path
from sklearn.model_selection import KFold

from benchmarks.runners import Choice, centred, sparse_means

OUTER = 200


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
    _, coef, _ = celer_path(
        Xc, yc, "lasso", alphas=strengths, l1_ratio=l1_ratio, max_iter=OUTER, tol=tol, **more
    )
    return coef, y_mean - x_mean @ coef


def validated(
    X: Any, y: Any, strengths: Any, l1_ratios: tuple[float, ...], folds: int, tol: float
) -> Choice:
    same: dict[str, Any] = {
        "alphas": strengths,
        "cv": KFold(folds),
        "tol": tol,
        "max_iter": OUTER,
        "fit_intercept": True,
    }
    if l1_ratios == (1.0,):
        lasso = LassoCV(**same).fit(X, y)
        return Choice(lasso.alpha_, 1.0, lasso.coef_, float(lasso.intercept_))
    net = ElasticNetCV(l1_ratio=list(l1_ratios), **same).fit(X, y)
    return Choice(net.alpha_, net.l1_ratio_, net.coef_, float(net.intercept_))
