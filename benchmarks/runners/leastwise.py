"""Ours. The certificate is not asked: the evaluator judges the coefficients."""

from __future__ import annotations

from typing import Any

from benchmarks.runners import Choice
from leastwise import LeastSquaresCV
from leastwise import path as along


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    found = along(X, y, l1_ratio=l1_ratio, strengths=strengths, tol=tol, intercept=intercept)
    return found.coef, found.intercepts


def validated(
    X: Any, y: Any, strengths: Any, l1_ratios: tuple[float, ...], folds: int, tol: float
) -> Choice:
    from sklearn.model_selection import KFold

    cv = KFold(folds) if folds else "loo"
    model = LeastSquaresCV(l1_ratio=l1_ratios, strengths=strengths, cv=cv, tol=tol).fit(X, y)
    return Choice(model.strength_, model.l1_ratio_, model.coef_, float(model.intercept_))
