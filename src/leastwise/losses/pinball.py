"""The two losses of one kink: slope -under below the target, over above it.

    l(y, eta) = under (y - eta)+ + over (eta - y)+          l*(y, u) = u y,  -under <= u <= over

    l + l* - u eta = |y - eta| |u - slope|

The absolute loss is under = over = 1, the pinball loss of a quantile under = q, over = 1 - q.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leastwise.losses.base import Float, Loss, inside
from leastwise.numerics.quantiles import quantile_ends

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Pinball(Loss):
    """l = under (y - eta)+ + over (eta - y)+; at the kink the slope is taken to be 0."""

    curvature_bound: ClassVar[float | None] = None
    quadratic: ClassVar[bool] = False

    @property
    @abstractmethod
    def under(self) -> float:
        """What is paid for each unit that eta is too low."""

    @property
    @abstractmethod
    def over(self) -> float:
        """What is paid for each unit that eta is too high."""

    def value(self, y: Float, eta: Float) -> Float:
        return (eta - y) * self.slope(y, eta)

    def slope(self, y: Float, eta: Float) -> Float:
        return self.over * np.greater(eta, y) - self.under * np.less(eta, y)

    def value_and_slope(self, y: Float, eta: Float) -> tuple[Float, Float]:
        slope = self.slope(y, eta)
        return (eta - y) * slope, slope

    def curvature(self, y: Float, eta: Float) -> Float:
        return np.zeros_like(np.asarray(eta, np.float64))

    def conjugate(self, y: Float, u: Float) -> Float:
        return inside(u * y, u, -self.under, self.over)

    def surplus(self, y: Float, eta: Float, u: Float) -> Float:
        gap = np.abs(y - eta) * np.abs(u - self.slope(y, eta))
        return inside(gap, u, -self.under, self.over)

    def domain(self, y: Float) -> tuple[Float, Float]:
        shape = np.shape(y)
        return np.broadcast_to(-self.under, shape), np.broadcast_to(self.over, shape)

    def spread(self, value: Float) -> Float:
        return value / min(self.under, self.over)

    def centre(self, y: Float, weight: Float | None = None) -> Float:
        """(k,) the quantile under / (under + over) of each output, as `quantiles` has it."""
        return quantiles(y, weight, self.under / (self.under + self.over))


def quantiles(y: Float, weight: Float | None, q: float) -> Float:
    """(k,) the q-quantile of each column of y (n, k), rows weighted by (n,).

    It minimises the weighted pinball loss (Koenker and Bassett 1978): no more than q of the weight
    lies below it, and no more than 1 - q above. Where that holds for all numbers between two
    neighbours it is their midpoint, so that the median of an even count is the usual one.

    Examples
    --------
    >>> quantiles(np.array([[1.0], [2.0], [10.0], [20.0]]), None, 0.5)
    array([6.])
    """
    if weight is not None:
        y, weight = y[weight > 0.0], weight[weight > 0.0]
    n, k = y.shape
    total = float(n if weight is None else weight.sum())
    # What is within the rounding of these sums of q of the weight is q of it.
    slack = n * EPS * total
    ends = [quantile_ends(y[:, output], weight, q * total, slack) for output in range(k)]
    return np.array([0.5 * low + 0.5 * high for low, high in ends])
