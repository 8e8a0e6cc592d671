"""The intercept alone, for many quantiles: one sort serves them all.

sum s (q (y - b)+ + (1 - q) (b - y)+) = q sum_{y > b} s (y - b) + (1 - q) sum_{y < b} s (b - y)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class Constants:
    """What the best constants of rows cost.

    Parameters
    ----------
    y, weight : (n,)
    intercept : whether the constant is free; otherwise it is 0
    """

    def __init__(self, y: Float, weight: Float, intercept: bool) -> None:
        order = np.argsort(y, kind="stable")
        self.y, s = y[order], weight[order]
        self.middle = float(self.y[self.y.size // 2])
        self.mass = np.append(0.0, np.cumsum(s))
        self.height = np.append(0.0, np.cumsum(s * (self.y - self.middle)))
        self.intercept = intercept

    def loss(self, q: float) -> float:
        """The least of the sum above."""
        mass, height = self.mass, self.height
        if self.intercept:
            k = int(np.searchsorted(mass, q * mass[-1])) - 1
            b = float(self.y[min(max(k, 0), self.y.size - 1)])
        else:
            b = 0.0
        k, b = int(np.searchsorted(self.y, b)), b - self.middle
        above = height[-1] - height[k] - b * (mass[-1] - mass[k])
        below = b * mass[k] - height[k]
        return max(float(q * above + (1.0 - q) * below), 0.0)
