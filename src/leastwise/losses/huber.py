"""Huber's loss, l = r^2 / 2 for |r| <= width, width |r| - width^2 / 2 beyond (Huber 1964).

With s = clip(eta - y, -width, width), which is the slope:

    l = s (eta - y - s / 2)             l*(y, u) = u^2 / 2 + u y,  |u| <= width

    l + l* - u eta = (u - s)^2 / 2 + |u - s| (|y - eta| - width)+
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leastwise.losses.base import Float, Loss, inside, number_between

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Huber(Loss):
    """l = r^2 / 2 for |r| <= width, width |r| - width^2 / 2 beyond, r = y - eta.

    The slope is clip(eta - y, -width, width), the curvature 1 within the width (at it, too) and 0
    beyond, the conjugate u^2 / 2 + u y on |u| <= width. The centre is the weighted Huber location,
    the midpoint where a whole interval is.

    Parameters
    ----------
    width : the residual from which on it grows linearly, in units of y, positive and finite. For
        normal errors of standard deviation 1 the default, 1.35, has 95 % of least squares'
        efficiency.

    Raises
    ------
    UsageError
        If the width is out of range.

    Examples
    --------
    >>> Huber(1.0).value(np.array([0.0, 0.0]), np.array([0.5, 3.0]))
    array([0.125, 2.5  ])
    """

    name: ClassVar[str] = "huber"
    curvature_bound: ClassVar[float | None] = 1.0
    quadratic: ClassVar[bool] = False
    linear_tails: ClassVar[bool] = True
    formula: ClassVar[str] = "½ r² for |r| ≤ width, else width |r| − ½ width², r = y − η"
    width: float = 1.35

    @property
    def words(self) -> str:
        return f"the Huber losses of width {self.width:g}"

    @property
    def title(self) -> str:
        return f"Huber regression (width {self.width:g})"

    def __post_init__(self) -> None:
        width = number_between("width", self.width, 0.0, math.inf, "a positive, finite number")
        object.__setattr__(self, "width", width)

    def value(self, y: Float, eta: Float) -> Float:
        return self.value_and_slope(y, eta)[0]

    def slope(self, y: Float, eta: Float) -> Float:
        return np.clip(eta - y, -self.width, self.width)

    def value_and_slope(self, y: Float, eta: Float) -> tuple[Float, Float]:
        slope = self.slope(y, eta)
        return slope * (eta - y - 0.5 * slope), slope

    def curvature(self, y: Float, eta: Float) -> Float:
        return np.where(np.abs(y - eta) <= self.width, 1.0, 0.0)[()]

    def majorant(self, y: Float, eta: Float) -> Float:
        return self.width / np.maximum(np.abs(y - eta), self.width)

    def conjugate(self, y: Float, u: Float) -> Float:
        return inside(0.5 * u**2 + u * y, u, -self.width, self.width)

    def surplus(self, y: Float, eta: Float, u: Float) -> Float:
        away = np.abs(u - self.slope(y, eta))
        gap = away * (0.5 * away + np.maximum(np.abs(y - eta) - self.width, 0.0))
        return inside(gap, u, -self.width, self.width)

    def domain(self, y: Float) -> tuple[Float, Float]:
        return np.full(np.shape(y), -self.width), np.full(np.shape(y), self.width)

    def spread(self, value: Float) -> Float:
        return np.maximum(np.sqrt(2.0 * value), value / self.width)

    def centre(self, y: Float, weight: Float | None = None) -> Float:
        if weight is None:
            weight = np.ones(len(y))
        y, weight = y[weight > 0.0], weight[weight > 0.0]
        return np.array([location(column, weight, self.width) for column in y.T])


def location(y: Float, weight: Float, width: float) -> float:
    """The c where g(c) = sum_i s_i clip(c - y_i, -width, width) is 0; y and positive s are (n,).

    g never falls and is linear between the points y_i - width and y_i + width (Huber 1964): two
    bisections find the last of them below zero and the first above. What lies between are
    solutions; if nothing does, g is one line there.

    Examples
    --------
    >>> location(np.array([0.0, 1.0, 50.0]), np.ones(3), 2.0)
    1.5
    """

    def g(c: float) -> float:
        return float((weight * np.clip(c - y, -width, width)).sum())

    def count(limit: float) -> int:
        """How many of the points, from the left, have g below the limit."""
        first, last = 0, points.size
        while first < last:
            middle = (first + last) // 2
            first, last = (middle + 1, last) if g(points[middle]) < limit else (first, middle)
        return first

    # No location is outside the data; points clipped to them keep their digits at any width.
    points = np.unique(np.clip(np.concatenate([y - width, y + width]), y.min(), y.max()))
    # Sums of n terms in pairs round by eps a few times, and no term is larger than this spread.
    slack = 16.0 * EPS * float(weight.sum()) * min(width, float(np.ptp(y)))
    below, upto = count(-slack), count(np.nextafter(slack, np.inf))
    if below < upto:
        return float(0.5 * points[below] + 0.5 * points[upto - 1])
    left, right = points[below - 1], points[below]
    at_left, at_right = g(left), g(right)
    c = left - at_left * ((right - left) / (at_right - at_left))
    # One step of Newton takes what the line between two far points has rounded away.
    within = float(weight[np.abs(c - y) <= width].sum())
    return float(np.clip(c - g(c) / within, left, right)) if within > 0.0 else float(c)
