"""A guess at the means of columns from a sample of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.shape import PANEL

NEAR = 1.0  # deviations from zero of a mean that need not be taken off: a sum loses one bit


def sampled_mean(X: NDArray[Any], rows: slice | NDArray[np.intp]) -> NDArray[np.float64]:
    """(p,) the means of the chosen rows of X (n, p); zero for all where each is near zero.

    Rows whose columns are all near zero may be summed as they stand.
    """
    mean, near = np.empty(X.shape[1]), True
    for first in range(0, mean.size, PANEL):
        panel = slice(first, first + PANEL)
        sample = np.array(X[rows, panel], np.float64)  # together in memory, it is read twice
        mean[panel] = sample.mean(axis=0)
        squares = np.einsum("ij,ij->j", sample, sample) / len(sample)
        # |m| <= NEAR sd, said without the deviations, which would have to be formed
        below = (1.0 + NEAR**-2) * mean[panel] ** 2 <= squares
        near &= bool((below & np.isfinite(squares)).all())
    return np.zeros_like(mean) if near else mean
