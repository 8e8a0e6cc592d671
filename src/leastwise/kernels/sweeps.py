"""Sweeps of coordinate descent over a Gram matrix: of numbers, and of rows that go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import compiled

Float = NDArray[np.float64]


@compiled
def gram_sweeps(
    G: Float, u: Float, w: Float, l1: Float, l2: Float, lower: Float, upper: Float, sweeps: int
) -> float:
    """Exact coordinate updates w_j = S(u_j + G_jj w_j, l1_j) / (G_jj + l2_j), in place.

    G (b, b) contiguous, u (k, b) = q - G w kept current, w (k, b), all others (b,); w_j is held
    between lower_j and upper_j. A column with G_jj + l2_j = 0 has coefficient 0. Returns the
    largest |change| * sqrt(G_jj) of the last sweep.
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
                        new = min(max(new, lower[j]), upper[j])
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


@compiled
def row_sweeps(G: Float, u: Float, w: Float, l1: Float, l2: Float, rho: Float, sweeps: int) -> None:
    """Exact updates of rows w_j (k,), in place: w_j = (1 - l1_j / |rho_j|)_+ rho_j / (G_jj + l2_j).

    rho_j = u_j + G_jj w_j ; G (b, b) contiguous, u (k, b) = q - G w kept current, w (k, b), l1 and
    l2 (b,). A row with G_jj + l2_j = 0 is 0. rho (k,) is room.
    """
    outputs, b = w.shape
    for _ in range(sweeps):
        for j in range(b):
            c, total = G[j, j], 0.0
            for o in range(outputs):
                rho[o] = u[o, j] + c * w[o, j]
                total += rho[o] * rho[o]
            size, share = np.sqrt(total), 0.0
            if size > l1[j] and c + l2[j] > 0.0:
                share = (1.0 - l1[j] / size) / (c + l2[j])
            row = G[j]
            for o in range(outputs):
                change = share * rho[o] - w[o, j]
                if change != 0.0:
                    w[o, j] = share * rho[o]
                    for i in range(b):
                        u[o, i] -= change * row[i]
