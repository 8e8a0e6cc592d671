"""Losses as likelihoods and penalties as priors.

    squared     N(0, sigma^2)   -log L = n/2 log(2 pi sigma^2) + sum_i e_i^2 / (2 sigma^2)
    absolute    Laplace(s)      -log L = n log(2 s) + sum_i |e_i| / s
    quantile    asymmetric      -log L = n log(s / (q (1 - q))) + sum_i rho_q(e_i) / s
                Laplace(s, q)

The coefficients that minimise the mean loss are those of the largest likelihood, whatever the
scale is. With the dispersion phi (sigma^2; s for the other two; 1 for classes), a mean loss plus a
penalty is minus the logarithm of a posterior density, times phi / n:

    w_j ~ N(0, tau^2)      l2 = phi / (n tau^2)           w_j ~ Laplace(s)      l1 = phi / (n s)

so that a fit with l1 and l2 is the mode of a posterior (the intercept has a flat prior). With
weights n is their sum. The mode under a Laplace prior has zeros; the posterior's mean has none.

Source: Laplace (1774), Gauss (1809); Koenker and Machado (1999) for quantiles; Tibshirani (1996)
and Park and Casella (2008) for the lasso's prior.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.errors import DataError
from leastwise.losses import Absolute, Loss, Quantile, Squared
from leastwise.losses.base import number_between

Float = NDArray[np.float64]


def gaussian(
    y: ArrayLike, eta: ArrayLike, sigma: float, sample_weight: ArrayLike | None = None
) -> float:
    """-log L of y - eta ~ N(0, sigma^2), in nats.

    Parameters
    ----------
    y, eta : (n,) or (n, k) targets and predictions
    sigma : standard deviation of the noise, in units of y
    sample_weight : (n,) how often each row was seen

    Raises
    ------
    UsageError
        If sigma is not positive.
    DataError
        If the shapes differ. Both hold for the functions below as well.

    Examples
    --------
    >>> round(gaussian([1.0, 2.0], [1.0, 1.0], sigma=1.0), 6)
    2.337877
    """
    sigma = _positive("sigma", sigma)
    total, count = _sum(Squared(), y, eta, sample_weight)
    return 0.5 * count * math.log(2.0 * math.pi * sigma**2) + total / sigma**2


def laplace(
    y: ArrayLike, eta: ArrayLike, scale: float, sample_weight: ArrayLike | None = None
) -> float:
    """-log L of y - eta ~ Laplace(scale), the density exp(-|e| / scale) / (2 scale), in nats.

    Parameters
    ----------
    y, eta, sample_weight : as for `gaussian`
    scale : the mean of |y - eta|, in units of y

    Examples
    --------
    >>> round(laplace([1.0, 2.0], [1.0, 1.0], scale=1.0), 6)
    2.386294
    """
    scale = _positive("scale", scale)
    total, count = _sum(Absolute(), y, eta, sample_weight)
    return count * math.log(2.0 * scale) + total / scale


def asymmetric_laplace(
    y: ArrayLike, eta: ArrayLike, scale: float, q: float, sample_weight: ArrayLike | None = None
) -> float:
    """-log L of y - eta with the density q (1 - q) / scale exp(-rho_q(e) / scale), in nats.

    rho_q is the quantile loss; a share q of this density lies below 0. At q = 1/2 it is
    Laplace(2 scale).

    Parameters
    ----------
    y, eta, sample_weight : as for `gaussian`
    scale : the mean of rho_q(y - eta), in units of y
    q : between 0 and 1

    Examples
    --------
    >>> y, eta = [1.0, 2.0], [1.0, 1.0]
    >>> abs(asymmetric_laplace(y, eta, 1.0, q=0.5) - laplace(y, eta, 2.0)) < 1e-15
    True
    """
    scale = _positive("scale", scale)
    loss = Quantile(q)
    total, count = _sum(loss, y, eta, sample_weight)
    return count * math.log(scale / (loss.q * (1.0 - loss.q))) + total / scale


def noise_variance(
    y: ArrayLike, eta: ArrayLike, sample_weight: ArrayLike | None = None, *, fitted: float = 0.0
) -> float:
    """sigma^2 = RSS / (n - fitted).

    Parameters
    ----------
    y, eta, sample_weight : as for `gaussian`
    fitted : how many parameters were fitted: 0 gives the largest likelihood, p + 1 (with an
        intercept) an unbiased estimate under ordinary least squares

    Raises
    ------
    DataError
        If as many parameters were fitted as there are rows.

    Examples
    --------
    >>> noise_variance([1.0, 2.0, 4.0, 3.0], [1.0, 2.0, 3.0, 4.0], fitted=2)
    1.0
    """
    total, count = _sum(Squared(), y, eta, sample_weight)
    if count - fitted <= 0.0:
        raise DataError(
            f"{fitted:g} parameters were fitted to {count:g} rows: no variance is left to estimate"
        )
    return 2.0 * total / (count - fitted)


def laplace_scale(y: ArrayLike, eta: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """The mean of |y - eta|: the Laplace scale of the largest likelihood.

    Examples
    --------
    >>> laplace_scale([1.0, 2.0], [1.0, 1.0])
    0.5
    """
    total, count = _sum(Absolute(), y, eta, sample_weight)
    return total / count


def asymmetric_laplace_scale(
    y: ArrayLike, eta: ArrayLike, q: float, sample_weight: ArrayLike | None = None
) -> float:
    """The mean of rho_q(y - eta): the asymmetric Laplace scale of the largest likelihood.

    Examples
    --------
    >>> asymmetric_laplace_scale([1.0, 2.0], [1.0, 1.0], q=0.5)
    0.25
    """
    total, count = _sum(Quantile(q), y, eta, sample_weight)
    return total / count


def l2_of_prior(tau: float, n: float, dispersion: float) -> float:
    """l2 = dispersion / (n tau^2), of the prior w_j ~ N(0, tau^2).

    Parameters
    ----------
    tau : standard deviation of the prior, in units of the coefficient
    n : rows, or the sum of the weights
    dispersion : sigma^2 for squared loss, the scale for absolute and quantile loss, 1 for classes

    Examples
    --------
    >>> l2_of_prior(tau=2.0, n=100, dispersion=4.0)
    0.01
    """
    return _positive("dispersion", dispersion) / _positive("n", n) / _positive("tau", tau) ** 2


def prior_of_l2(l2: float, n: float, dispersion: float) -> float:
    """tau = sqrt(dispersion / (n l2)), the standard deviation of the prior that l2 stands for.

    Parameters
    ----------
    l2 : positive ; n, dispersion : as for `l2_of_prior`

    Examples
    --------
    >>> prior_of_l2(0.01, n=100, dispersion=4.0)
    2.0
    """
    return math.sqrt(_positive("dispersion", dispersion) / _positive("n", n) / _positive("l2", l2))


def l1_of_prior(scale: float, n: float, dispersion: float) -> float:
    """l1 = dispersion / (n scale), of the prior w_j ~ Laplace(scale).

    Parameters
    ----------
    scale : the prior mean of |w_j|, in units of the coefficient
    n, dispersion : as for `l2_of_prior`

    Examples
    --------
    >>> l1_of_prior(scale=2.0, n=100, dispersion=4.0)
    0.02
    """
    return _positive("dispersion", dispersion) / _positive("n", n) / _positive("scale", scale)


def prior_of_l1(l1: float, n: float, dispersion: float) -> float:
    """scale = dispersion / (n l1), of the Laplace prior that l1 stands for.

    Parameters
    ----------
    l1 : positive ; n, dispersion : as for `l2_of_prior`

    Examples
    --------
    >>> prior_of_l1(0.02, n=100, dispersion=4.0)
    2.0
    """
    return _positive("dispersion", dispersion) / _positive("n", n) / _positive("l1", l1)


def _positive(name: str, value: Any) -> float:
    return number_between(name, value, 0.0, math.inf, "a positive number")


def _sum(
    loss: Loss, y: ArrayLike, eta: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[float, float]:
    """sum_i s_i l(y_i, eta_i), and how many numbers y that counts."""
    y, eta = np.asarray(y, np.float64), np.asarray(eta, np.float64)
    if y.shape != eta.shape or y.ndim not in (1, 2) or y.size == 0:
        raise DataError(f"y has shape {y.shape} and eta {eta.shape}: give both (n,) or both (n, k)")
    values = loss.value(y, eta)
    outputs = values.size // len(values)
    if sample_weight is None:
        return float(values.sum()), float(values.size)
    s = np.asarray(sample_weight, np.float64)
    if s.shape != (len(values),) or not (s >= 0.0).all() or not s.any():
        raise DataError(f"sample_weight must be {len(values)} numbers of at least 0, not all 0")
    return float((s @ values).sum()), float(s.sum()) * outputs
