"""Where one strength of a path stands: what Newton's method for one hands to that for several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.rowwise import RowPoint, State

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Stand:
    """Where one strength stands.

    w (p,) ; level (1,), value (1,) the mean loss, v (p,) minus its gradient ; point : the rows
    whole : whether v is known of all columns and the level the best to rounding
    """

    w: Float
    level: Float
    value: Float
    v: Float
    point: RowPoint
    whole: bool = True

    @property
    def product(self) -> State:
        """(X - 1x̄')w of each block."""
        if self.point.rows.loss.located:
            y = self.point.rows.y
            return [y - part for y, part in zip(y, self.point.target, strict=True)]
        return [eta - self.level for eta in self.point.eta]
