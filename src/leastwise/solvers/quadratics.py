"""What the active-set method minimises over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Quadratics:
    """min over w of w'Hw/2 - q'w within bounds, in columns of length 1: G = D^-1 H D^-1.

    G (m, m) symmetric with ones on its diagonal, zeros for a column of length 0
    length (m,) D, 1 where a column has none ; q (m,) ; lower, upper (m,) in the units of H
    """

    G: Float
    length: Float
    q: Float
    lower: Float
    upper: Float

    @classmethod
    def of(cls, H: Float, q: Float, lower: Float, upper: Float) -> Quadratics:
        """From H (m, m) as it is."""
        length = np.sqrt(np.diagonal(H))
        length = np.where(length > 0.0, length, 1.0)
        G = H / length
        G /= length[:, None]
        return cls(G, length, q, lower, upper)
