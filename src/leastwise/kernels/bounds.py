"""A bound of each column's correlation, from what it is at two other points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import summing

Float = NDArray[np.float64]


@summing
def bounded(
    u: Float,
    v: Float,
    share: float,
    away: float,
    length: Float,
    limit: Float,
    out: Float,
    beyond: NDArray[np.bool_],
) -> None:
    """|out_j| <- |u_j + share (v_j - u_j)| + away length_j, all (p,).

    Its sign is that of the first part, which need not be the truth's. `beyond` is set where it is
    above limit_j, or no number.
    """
    for j in range(u.size):
        between = u[j] + share * (v[j] - u[j])
        size = abs(between) + away * length[j]
        out[j] = size if between > 0.0 else -size
        if not size <= limit[j]:
            beyond[j] = True
