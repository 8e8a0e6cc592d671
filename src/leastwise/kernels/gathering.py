"""A symmetric matrix that grows at its end, of which parts are asked for: its lower triangle.

row i of the triangle lies at i (i + 1) / 2
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import compiled

Float = NDArray[np.float64]
Index = NDArray[np.intp]


@compiled
def gather(triangle: Float, places: Index, part: Float) -> None:
    """part (m, m) <- the rows and columns at places (m,)."""
    for i in range(places.size):
        for j in range(i + 1):
            here, there = max(places[i], places[j]), min(places[i], places[j])
            part[i, j] = part[j, i] = triangle[here * (here + 1) // 2 + there]


@compiled
def border(triangle: Float, new: Float, scale: Float) -> None:
    """Write the last of c rows: those of D new D, D = diag(scale), new (b, c), scale (c,)."""
    b, c = new.shape
    for i in range(b):
        here = c - b + i
        row = here * (here + 1) // 2
        for j in range(here + 1):
            triangle[row + j] = new[i, j] * scale[here] * scale[j]
