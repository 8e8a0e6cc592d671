"""scikit-learn: `enet_path`, with its Gram matrix where rows outnumber columns, and the CV classes.

Its tolerance is a duality gap relative to ‖y‖²: half a relative gap of ours.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sklearn.linear_model import ElasticNetCV, LassoCV, RidgeCV, enet_path
from sklearn.model_selection import KFold

from benchmarks.runners import Choice, along, chosen

SWEEPS = 100_000


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    same: dict[str, Any] = {"alphas": strengths, "l1_ratio": l1_ratio}
    solve = partial(enet_path, tol=tol, max_iter=SWEEPS, copy_X=False, **same)
    return along(solve, X, y, intercept, precompute=X.shape[0] > X.shape[1])


def validated(
    X: Any, y: Any, strengths: Any, l1_ratios: tuple[float, ...], folds: int, tol: float
) -> Choice:
    n, cv = len(y), KFold(folds) if folds else None
    if l1_ratios == (0.0,):
        ridge = RidgeCV(alphas=n * strengths, cv=cv).fit(X, y)
        return Choice(ridge.alpha_ / n, 0.0, ridge.coef_, float(ridge.intercept_))
    same: dict[str, Any] = {"alphas": strengths, "cv": cv, "tol": tol, "max_iter": SWEEPS}
    return chosen(LassoCV, ElasticNetCV, X, y, l1_ratios, **same)
