"""The one way from rows to a Model whose penalty cross-validation chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.cv import cross_validate
from leastwise.losses import Loss, Squared
from leastwise.model.build import fit_source, suited
from leastwise.model.model import Model
from leastwise.sources import MemorySource

Float = NDArray[np.float64]


def fit_chosen(
    source: MemorySource,
    *,
    loss: Loss | None = None,
    l1_ratio: float | Sequence[float] = (0.1, 0.5, 0.9, 1.0),
    strengths: int | ArrayLike = 100,
    smallest: float | None = None,
    cv: Any = 10,
    groups: ArrayLike | None = None,
    rule: str = "min",
    scoring: Any = None,
    seed: int | None = 0,
    factors: Float | None = None,
    bounds: Any = None,
    standardize: bool = False,
    intercept: bool = True,
    tol: float = 1e-9,
    memory: str | int | None = None,
    watch_folds: Callable[[int, int], None] | None = None,
    **how: Any,
) -> Model:
    """Fit all rows, with the penalty that predicts best rows left out.

    Parameters
    ----------
    source : rows in memory ; loss : squared by default
    l1_ratio, strengths, smallest, cv, groups, rule, scoring, seed : as in `cross_validate`
    factors, bounds, standardize, intercept, tol, memory : of all fits, as in `fit_source`
    watch_folds : called with how many folds are done, and of how many
    how : what else `fit_source` takes, for the fit to all rows

    Returns
    -------
    Model
        With its `cross_validation`.

    Raises
    ------
    UsageError, DataError
        As `cross_validate` and `fit_source` raise them.
    """
    loss = Squared() if loss is None else loss
    suited(source, loss)
    same: dict[str, Any] = {
        "loss": loss,
        "factors": factors,
        "bounds": bounds,
        "standardize": standardize,
        "intercept": intercept,
        "tol": tol,
        "memory": memory,
    }
    found, design = cross_validate(
        source,
        l1_ratio=l1_ratio,
        strengths=strengths,
        smallest=smallest,
        cv=cv,
        groups=groups,
        rule=rule,
        scoring=scoring,
        seed=seed,
        watch=watch_folds,
        **same,
    )
    l1 = found.strength * found.l1_ratio
    l2 = found.strength * (1.0 - found.l1_ratio)
    model = fit_source(source, l1=l1, l2=l2, design=design, **same, **how)
    return replace(model, cross_validation=found)
