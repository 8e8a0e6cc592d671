"""glum: the normal family over given strengths, and its CV class."""

from __future__ import annotations

from typing import Any

import numpy as np
from glum import GeneralizedLinearRegressor, GeneralizedLinearRegressorCV
from sklearn.model_selection import KFold

from benchmarks.runners import Choice


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    model = GeneralizedLinearRegressor(
        alpha=list(strengths),
        alpha_search=True,
        l1_ratio=l1_ratio,
        fit_intercept=intercept,
        gradient_tol=tol,
        max_iter=1000,
    ).fit(X, y)
    return np.asarray(model.coef_path_).T, np.broadcast_to(model.intercept_path_, len(strengths))


def validated(
    X: Any, y: Any, strengths: Any, l1_ratios: tuple[float, ...], folds: int, tol: float
) -> Choice:
    model = GeneralizedLinearRegressorCV(
        alphas=strengths, l1_ratio=list(l1_ratios), cv=KFold(folds), gradient_tol=tol
    ).fit(X, y)
    return Choice(model.alpha_, model.l1_ratio_, model.coef_, float(model.intercept_))
