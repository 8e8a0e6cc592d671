"""celer: `celer_path`, and its CV classes. Its tolerance is a gap relative to ‖y‖²."""

from __future__ import annotations

from functools import partial
from typing import Any

from celer import ElasticNetCV, LassoCV
from celer.homotopy import celer_path
from sklearn.model_selection import KFold

from benchmarks.runners import Choice, along, chosen

OUTER = 200


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    same: dict[str, Any] = {"alphas": strengths, "l1_ratio": l1_ratio}
    solve = partial(celer_path, pb="lasso", max_iter=OUTER, tol=tol, **same)
    return along(solve, X, y, intercept)


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
    return chosen(LassoCV, ElasticNetCV, X, y, l1_ratios, **same)
