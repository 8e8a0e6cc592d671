"""The density of a quantile's residuals at zero, which its standard errors are divided by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.numerics.factors import EPS
from leastwise.numerics.quantiles import percentile

Float = NDArray[np.float64]

ZERO = 1e-12  # of the deviation of y, a residual that is zero: its row is interpolated
LOST = 16.0 * EPS  # of the terms of a prediction: what their sum may have lost


def least_residual(spread: float, level: float, coef: Float, mean: Float | None) -> float:
    """What is no larger is zero to rounding: columns far from zero cost a prediction digits.

    Parameters
    ----------
    spread : the deviation of y
    level, coef, mean : the intercept, (p,) the coefficients and the means of the columns, if any
    """
    terms = abs(level) + (0.0 if mean is None else float(np.abs(mean) @ np.abs(coef)))
    return ZERO * spread + LOST * terms


def density_at_zero(
    r: Float, weight: Float | None, q: float, n: int, spread: float
) -> float | None:
    """f(0) by Epanechnikov's kernel of a width h; None where nothing is near zero.

    h = min(sd(y), IQR(r) / 1.34) (Phi^-1(q + d) - Phi^-1(q - d)), d Hall and Sheather's (1988) as
    Koenker (2005, section 4.10.1) gives it.

    Parameters
    ----------
    r : (n,) residuals of the quantile q
    weight : (n,) that sum to n, or None for ones
    spread : the deviation of y

    Examples
    --------
    >>> r = np.random.default_rng(0).standard_normal(100_000)
    >>> print(density_at_zero(r, None, 0.5, r.size, 1.0))  # 1 / sqrt(2 pi) = 0.3989
    0.393...
    """
    from scipy.special import ndtri

    z = ndtri(q)
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    d = (
        n ** (-1 / 3)
        * ndtri(0.975) ** (2 / 3)
        * (1.5 * density**2 / (2.0 * z * z + 1.0)) ** (1 / 3)
    )
    low, high = max(q - d, 1e-6), min(q + d, 1.0 - 1e-6)
    width = (percentile(r, 75.0) - percentile(r, 25.0)) / 1.34
    h = min(spread, width) * (ndtri(high) - ndtri(low))
    if not h > 0.0:
        return None
    near = np.flatnonzero(np.abs(r) < h)
    kernel = 0.75 * (1.0 - (r[near] / h) ** 2)
    found = float(kernel.sum() if weight is None else weight[near] @ kernel) / (n * h)
    return found if found > 0.0 else None
