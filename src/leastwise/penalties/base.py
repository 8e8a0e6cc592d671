"""Penalty: what a fit pays for its coefficients. Separable over columns, stateless.

It may join the outputs: then a column is paid for by a norm of its whole row of coefficients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class Penalty(ABC):
    """A convex function of the coefficients w (p, k), least at zero.

    Each method takes the coefficients of all columns, (p, k), and sums over columns. It does not
    sum over outputs, so that g = k, unless the penalty joins them: then g = 1.
    """

    name: ClassVar[str]
    joint: ClassVar[bool] = False  # whether it joins the outputs

    def measure(self, w: Float) -> Float:
        """(p, g) what is paid for: the coefficients themselves, or the norm of each row."""
        return w

    def pool(self, x: Float) -> Float:
        """(..., g) numbers of the outputs, (..., k), as they are, or their sum."""
        return x

    @abstractmethod
    def value(self, w: Float) -> Float:
        """(g,) the penalty of each output's coefficients, or of all of them."""

    @abstractmethod
    def prox(self, w: Float, step: float | Float) -> Float:
        """argmin over u of |u - w|^2 / 2 + step * penalty(u); `step` a number or one a column."""

    @abstractmethod
    def conjugate(self, v: Float) -> Float:
        """(g,) sup over w of v'w - penalty(w); +inf outside its domain."""

    @abstractmethod
    def feasible_scale(self, v: Float) -> Float:
        """(g,) the largest scale in [0, inf] such that scale * v is in the conjugate's domain."""
