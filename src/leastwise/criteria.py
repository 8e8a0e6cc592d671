"""Information criteria along a path, from its losses alone: nothing is fitted again.

    AIC = n log(2 L) + 2 d        BIC = n log(2 L) + d log n
    EBIC = BIC + 2 gamma log binomial(p, df)

L = sum_i s_i r_i^2 / (2 sum_i s_i) is the mean loss, so that 2 L is the residuals' mean square and
weights count by their ratios alone; n is the number of rows with a positive weight. It is minus
twice the Gaussian log-likelihood at its best variance, less a constant; in its place the absolute
and the quantile loss have 2 n log L (Laplace), and those of classes 2 n L. d = df, and 1 more with
an
intercept, with the degrees of freedom of the lasso and elastic net (Zou, Hastie and Tibshirani
2007). EBIC charges for the choice among p columns (Chen and Chen 2008); gamma = 0 is BIC.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import UsageError, at_least_zero
from leastwise.losses import Loss

if TYPE_CHECKING:
    from leastwise.problem import Design

Float = NDArray[np.float64]

MET = 1e-9  # of the mean loss of the best constant, a residual that is zero
ROUNDING = 1e-14  # of the null loss: below it a mean loss is rounding, and its logarithm too

PRICES: dict[str, Callable[[int], float]] = {
    "aic": lambda rows: 2.0,
    "bic": lambda rows: math.log(rows),
    "ebic": lambda rows: math.log(rows),
}
CRITERIA = tuple(PRICES)


def criterion(
    name: str,
    losses: Float,
    df: Float,
    *,
    null: float,
    rows: int,
    columns: int,
    intercept: bool,
    gamma: float = 0.5,
    loss: Loss | None = None,
) -> Float:
    """(K,) the criterion at losses (K,) with df (K,); infinite where the fit is saturated.

    Saturated is a fit with df >= n - 1, or whose loss is rounding: an unknown variance cannot be
    told there, and the likelihood grows without end.

    Parameters
    ----------
    name : "aic", "bic" or "ebic"
    losses, null : mean losses, and that of no column at all
    rows, columns : n, and p that may enter ; intercept : whether there is one
    gamma : what EBIC charges for the choice, from 0 (BIC) to 1
    loss : of the fits, squared by default

    Raises
    ------
    UsageError
        If the name is unknown or gamma out of range.

    Examples
    --------
    >>> losses, df = np.array([2.0, 0.5, 0.0]), np.array([0.0, 1.0, 2.0])
    >>> criterion("bic", losses, df, null=2.0, rows=10, columns=3, intercept=True).round(3)
    array([16.166,  4.605,    inf])
    """
    name = name.lower()
    if name not in PRICES:
        raise UsageError(f"unknown criterion {name!r}; there is {', '.join(PRICES)}")
    if at_least_zero("gamma", gamma) > 1.0:
        raise UsageError(f"gamma must be from 0 (BIC) to 1, not {gamma!r}")
    saturated = (df >= rows - 1) | (losses <= ROUNDING * null)
    with np.errstate(divide="ignore"):
        found = _deviance(losses, rows, loss) + PRICES[name](rows) * (df + intercept)
    if name == "ebic":
        found += 2.0 * gamma * np.array([log_binomial(columns, d) for d in df])
    return np.where(saturated, np.inf, found)


def has_likelihood(loss: Loss) -> bool:
    """Whether fits of this loss have a likelihood, which criteria are made of."""
    return not (loss.kind == "smooth" and loss.located)


def _deviance(losses: Float, rows: int, loss: Loss | None) -> Float:
    """Minus twice the log-likelihood of the fits, less a constant.

    Raises
    ------
    UsageError
        If the loss is that of no likelihood.
    """
    if loss is None or loss.quadratic:
        return rows * np.log(2.0 * losses)
    if not has_likelihood(loss):
        raise UsageError(
            f"the {loss.name} loss is of no likelihood that a criterion could use: choose by "
            "cross-validation"
        )
    if loss.kind == "kinked":  # Laplace's distribution, or an asymmetric one, at its best scale
        return 2.0 * rows * np.log(losses)
    return 2.0 * rows * losses  # the loss of classes is minus the log-likelihood


def interpolated(design: Design, w: Float, inside: NDArray[np.intp]) -> float:
    """The rank of the rows with a residual of zero, in the columns `inside`, less the intercept.

    Parameters
    ----------
    design : the rows under a loss with kinks
    w : (p,) the fit ; inside : the columns whose coefficients are free
    """
    block = design.source.gather()
    point = design.evaluate(w[:, None]).point
    assert point is not None, "of a loss that moments do not tell"
    target, eta = (np.concatenate(part)[:, 0] for part in (point.target, point.eta))
    met = np.flatnonzero(np.abs(target - eta) <= MET * float(design.centre.null[0]))
    rows = block.X[met]
    dense = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, np.float64)[:, inside]
    if design.centre.mean is not None:
        scaled = (dense - design.centre.mean[inside]) / design.scale[inside]
        dense = np.column_stack([np.ones(met.size), scaled])
    rank = int(np.linalg.matrix_rank(dense)) if met.size else 0
    return float(max(rank - design.intercept, 0))


def log_binomial(p: int, df: float) -> float:
    """log binomial(p, df) for df from 0 to p that need not be whole.

    Examples
    --------
    >>> round(math.exp(log_binomial(5, 2.0)), 6)
    10.0
    """
    df = min(max(df, 0.0), float(p))
    return math.lgamma(p + 1.0) - math.lgamma(df + 1.0) - math.lgamma(p - df + 1.0)
