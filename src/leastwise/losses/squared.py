"""Squared loss, l(y, eta) = (y - eta)^2 / 2 (Legendre 1805; Gauss 1809)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leastwise.losses.base import Float, Loss


@dataclass(frozen=True)
class Squared(Loss):
    """l = (y - eta)^2 / 2, slope eta - y, curvature 1, conjugate u^2 / 2 + u y.

    The surplus is (u - slope)^2 / 2, the centre the weighted mean.

    Examples
    --------
    >>> Squared().value(3.0, 1.0)
    2.0
    """

    name: ClassVar[str] = "squared"
    curvature_bound: ClassVar[float | None] = 1.0
    quadratic: ClassVar[bool] = True
    formula: ClassVar[str] = "½ (y − η)²"

    @property
    def words(self) -> str:
        return "half the squared residuals"

    @property
    def title(self) -> str:
        return "Least squares"

    def value(self, y: Float, eta: Float) -> Float:
        return 0.5 * (y - eta) ** 2

    def slope(self, y: Float, eta: Float) -> Float:
        return eta - y

    def value_and_slope(self, y: Float, eta: Float) -> tuple[Float, Float]:
        slope = eta - y
        return 0.5 * slope * slope, slope

    def curvature(self, y: Float, eta: Float) -> Float:
        return np.ones_like(np.asarray(eta, np.float64))

    def conjugate(self, y: Float, u: Float) -> Float:
        return 0.5 * u**2 + u * y

    def surplus(self, y: Float, eta: Float, u: Float) -> Float:
        return 0.5 * (u - (eta - y)) ** 2

    def domain(self, y: Float) -> tuple[Float, Float]:
        return np.full(np.shape(y), -np.inf), np.full(np.shape(y), np.inf)

    def spread(self, value: Float) -> Float:
        return np.sqrt(2.0 * value)

    def centre(self, y: Float, weight: Float | None = None) -> Float:
        return np.average(y, axis=0, weights=weight)
