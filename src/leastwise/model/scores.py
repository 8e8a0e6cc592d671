"""How well predictions fit rows: the share of the null loss explained, accuracy, probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.encoding import Classes
from leastwise.losses import Loss

Float = NDArray[np.float64]


def measure(loss: Loss) -> str:
    """The name of the share of the null loss that a fit explains: R2 of squared loss, else D2."""
    return "R2" if loss.quadratic else "D2"


def probabilities(loss: Loss, eta: Float) -> Float:
    """(n, K) the probability of each class at eta (n, k), every one to its last digits.

    Examples
    --------
    >>> from leastwise.losses import Logistic
    >>> probabilities(Logistic(), np.array([[0.0], [40.0]]))
    array([[5.00000000e-01, 5.00000000e-01],
           [4.24835426e-18, 1.00000000e+00]])
    """
    if loss.coupled:
        return loss.mean(eta)
    return np.hstack([loss.mean(-eta), loss.mean(eta)])


def explained(
    loss: Loss, y: Float, eta: Float, weight: Float | None = None, *, intercept: bool = True
) -> tuple[float, ...]:
    """(g,) 1 - mean loss / that of the rows' own best constant, of zero without an intercept.

    Parameters
    ----------
    y, eta : (n, k) ; weight : (n,) or None for ones

    Examples
    --------
    >>> from leastwise.losses import Absolute
    >>> explained(Absolute(), np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [4.0]]))
    (0.5,)
    """
    if loss.quadratic:
        return r_squared(y, eta, weight, about_mean=intercept)
    level = loss.centre(y, weight) if intercept else np.zeros(y.shape[1])
    value, null = (
        np.average(loss.value(y, at), axis=0, weights=weight)
        for at in (eta, np.broadcast_to(level, y.shape))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return tuple(np.where(null > 0.0, 1.0 - value / null, np.nan).tolist())


def accuracy(classes: Classes, y: Float, eta: Float, weight: Float | None = None) -> float:
    """The share of the weight of rows whose likeliest class is their own; y and eta are (n, k)."""
    right = classes.codes(y) == (eta[:, 0] > 0.0 if eta.shape[1] == 1 else eta.argmax(axis=1))
    return float(np.average(right, weights=weight))


def r_squared(
    y: Float, eta: Float, weight: Float | None = None, *, about_mean: bool = True
) -> tuple[float, ...]:
    """(k,) 1 - sum s (y - eta)^2 / sum s (y - ybar)^2, ybar the weighted mean of these rows.

    Without an intercept the comparison is with zero: `about_mean=False` puts 0 for ybar.

    NaN where y is constant.

    Parameters
    ----------
    y, eta : (n, k) ; weight : (n,) or None for ones

    Examples
    --------
    >>> r_squared(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [4.0]]))
    (0.5,)
    """
    s = np.ones(y.shape[0]) if weight is None else weight
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = s @ y / s.sum() if about_mean else np.zeros(y.shape[1])
        left, whole = s @ (y - eta) ** 2, s @ (y - mean) ** 2
        rounding = s.sum() * (16.0 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
        r2 = np.where(whole > rounding, 1.0 - left / whole, np.nan)
    return tuple(r2.tolist())
