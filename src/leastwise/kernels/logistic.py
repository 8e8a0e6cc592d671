"""The compiled row loop of the logistic loss: everything that needs no logarithm, in one go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import summing

Float = NDArray[np.float64]


@summing
def spread(y: Float, eta: Float, e: Float, slope: Float, bend: Float, line: Float) -> None:
    """slope <- p - y, bend <- p (1 - p), line <- max(eta, 0) - y eta, with e = exp(-|eta|).

    All are (m, k) but y, which is (m, k), or (m, 1) where the outputs share it. The slope is taken
    over one denominator, so that neither p next to y nor 1 - p loses its digits.
    """
    m, k = eta.shape
    shared = y.shape[1] < k
    for i in range(m):
        if shared:
            t = y[i, 0]
            for j in range(k):
                up = 1.0 if eta[i, j] > 0.0 else 0.0
                d = 1.0 / (1.0 + e[i, j])
                slope[i, j] = ((up - t) + ((1.0 - up) - t) * e[i, j]) * d
                bend[i, j] = e[i, j] * d * d
                line[i, j] = (up - t) * eta[i, j]
        else:
            for j in range(k):
                up = 1.0 if eta[i, j] > 0.0 else 0.0
                d = 1.0 / (1.0 + e[i, j])
                slope[i, j] = ((up - y[i, j]) + ((1.0 - up) - y[i, j]) * e[i, j]) * d
                bend[i, j] = e[i, j] * d * d
                line[i, j] = (up - y[i, j]) * eta[i, j]
