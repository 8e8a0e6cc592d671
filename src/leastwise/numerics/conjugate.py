"""Preconditioned conjugate gradients (Hestenes and Stiefel 1952), of matrices as of vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
TINY = float(np.finfo(np.float64).tiny)

MOST = 500  # steps


def conjugate_gradients(
    product: Callable[[Float], Float],
    divided: Callable[[Float], Float],
    right: Float,
    null: float,
    loosest: float,
) -> tuple[Float, Float, int]:
    """x with A x = right nearly, A x, and the products A v that it took.

    Parameters
    ----------
    product : v -> A v ; divided : v -> M^-1 v, M near to A
    right : what A x is to be
    null, loosest : it ends where r'M^-1 r is the share loosest^2 of what it was, or the share that
        this was of `null` if that is less: the nearer a step is to the end, the better it is solved
    """
    residual = right.copy()
    x, Ax = np.zeros_like(right), np.zeros_like(right)
    direction = divided(residual)
    size = first = float(np.sum(residual * direction))
    enough, products = first * min(loosest**2, first / max(null, first, TINY)), 0
    while size > enough and products < MOST:
        moved = product(direction)
        products += 1
        along = float(np.sum(direction * moved))
        if along <= 0.0:
            break
        step = size / along
        x += step * direction
        Ax += step * moved
        residual -= step * moved
        scaled = divided(residual)
        before, size = size, float(np.sum(residual * scaled))
        direction = scaled + (size / before) * direction
    return x, Ax, products
