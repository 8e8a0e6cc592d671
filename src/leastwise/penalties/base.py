"""Penalty: what a fit pays for its coefficients. Separable over columns, stateless."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class Penalty(ABC):
    """A convex function of the coefficients w (p, k), least at zero.

    Each method takes the coefficients of all columns, (p, k), and sums over columns, not over
    outputs.
    """

    name: ClassVar[str]

    @abstractmethod
    def value(self, w: Float) -> Float:
        """(k,) the penalty of each output's coefficients."""

    @abstractmethod
    def prox(self, w: Float, step: float | Float) -> Float:
        """argmin over u of |u - w|^2 / 2 + step * penalty(u); `step` a number or one a column."""

    @abstractmethod
    def conjugate(self, v: Float) -> Float:
        """(k,) sup over w of v'w - penalty(w); +inf outside its domain."""

    @abstractmethod
    def feasible_scale(self, v: Float) -> Float:
        """(k,) the largest scale in [0, inf] such that scale * v is in the conjugate's domain."""
