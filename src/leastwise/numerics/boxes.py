"""Coefficients within their bounds, whatever units they were found in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.numerics.factors import EPS

Float = NDArray[np.float64]

NEAR = 1.0 - 16.0 * EPS  # of a bound: nearer than that a change of units may have left it


def within(w: Float, lower: Float, upper: Float) -> Float:
    """w with lower <= w <= upper, lower <= 0 <= upper, and on a bound where rounding parts them.

    A coefficient that a solver held at its bound comes back from other units a rounding beside it;
    it is not free for that.

    Examples
    --------
    >>> within(np.array([0.3 - 6e-17, 0.2, -7.0]), np.array([-1.0]), np.array([0.3])).tolist()
    [0.3, 0.2, -1.0]
    """
    w = np.where(w >= upper * NEAR, upper, w)
    return np.where(w <= lower * NEAR, lower, w)
