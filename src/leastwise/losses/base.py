"""Loss: what a fit pays for a prediction eta where the target is y. Elementwise and stateless."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Loss(ABC):
    """A convex function of eta for each y.

    Attributes
    ----------
    name : the word that selects it
    curvature_bound : the largest second derivative in eta, None where there are kinks
    quadratic : whether the second derivative is one constant, so that moments say all
    """

    name: ClassVar[str]
    curvature_bound: ClassVar[float | None]
    quadratic: ClassVar[bool]
    formula: ClassVar[str]

    @abstractmethod
    def value(self, y: Float, eta: Float) -> Float:
        """l(y, eta), elementwise."""

    @abstractmethod
    def slope(self, y: Float, eta: Float) -> Float:
        """dl/deta, or the subgradient with sign(0) = 0."""

    def value_and_slope(self, y: Float, eta: Float) -> tuple[Float, Float]:
        """Both at once, for losses whose two share their work."""
        return self.value(y, eta), self.slope(y, eta)

    @abstractmethod
    def curvature(self, y: Float, eta: Float) -> Float:
        """d2l/deta2."""

    @abstractmethod
    def conjugate(self, y: Float, u: Float) -> Float:
        """l*(y, u) = sup over eta of u eta - l(y, eta); +inf outside its domain."""
