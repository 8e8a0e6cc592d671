"""The compiled loops (Numba), imported only where needed; each has a NumPy twin in the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled without the GIL; kept on disk where a cache folder can be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder to keep it in: compile in memory
        return numba.njit(nogil=True)(function)


@compiled
def gram_sweeps(G: Float, u: Float, w: Float, l1: Float, l2: Float, sweeps: int) -> float:
    """Exact coordinate updates w_j = S(u_j + G_jj w_j, l1_j) / (G_jj + l2_j), in place.

    G (b, b) contiguous, u (k, b) = q - G w kept current, w (k, b), l1 and l2 (b,). A column with
    G_jj + l2_j = 0 has coefficient 0. Returns the largest |change| * sqrt(G_jj) of the last sweep.
    """
    outputs, b = w.shape
    largest = 0.0
    for _ in range(sweeps):
        largest = 0.0
        for o in range(outputs):
            for j in range(b):
                c = G[j, j]
                old = w[o, j]
                below = c + l2[j]
                new = 0.0
                if below > 0.0:
                    rho = u[o, j] + c * old
                    over = abs(rho) - l1[j]
                    if over > 0.0:
                        new = over / below if rho > 0.0 else -over / below
                change = new - old
                if change != 0.0:
                    w[o, j] = new
                    row = G[j]
                    for i in range(b):
                        u[o, i] -= change * row[i]
                    size = abs(change) * np.sqrt(c)
                    if size > largest:
                        largest = size
    return largest
