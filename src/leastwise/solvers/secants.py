"""Secants: what the rows said of steps that were made, put into a Hessian of a point near by.

    H <- H - (Hs)(Hs)'/(s'Hs) + y y'/(y's),   Hs = y from then on

s is a step and y the change of the gradient along it (Broyden, Fletcher, Goldfarb and Shanno 1970).
H stays positive definite where y's > 0, which convexity promises and rounding may break.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Index = NDArray[np.intp]

SHALLOW = 1e-3  # of the curvature expected: a step along which there is less teaches nothing
LEFT = 1e-6  # of a column's curvature: what is less, after a secant, is rounding


@dataclass(frozen=True)
class Secant:
    """A step s (c, k) of some columns (c,), and the change y (c, k) of the gradient along it."""

    columns: Index
    s: Float
    y: Float


def taught(H: Float, columns: Index, secants: Iterable[Secant], group: Index) -> Float:
    """H (c g, c g) of these columns and a group of outputs, with what the secants say of it."""
    left: list[Float] = []  # what is added to H is left' right
    right: list[Float] = []
    diagonal = np.diagonal(H)
    least = LEFT * diagonal
    for secant in secants:
        if not np.array_equal(secant.columns, columns):
            continue
        s, y = secant.s[:, group].reshape(-1), secant.y[:, group].reshape(-1)
        Hs = H @ s
        for a, b in zip(left, right, strict=True):
            Hs += a * (b @ s)
        along, curved = float(y @ s), float(s @ Hs)
        if not along > SHALLOW * curved > 0.0:
            continue
        gain, loss = y / along, Hs / -curved
        found = diagonal + y * gain + Hs * loss
        if (found >= least).all():
            diagonal, least = found, LEFT * found
            left += [y, Hs]
            right += [gain, loss]
    if not left:
        return H
    change: Float = np.stack(left, axis=1) @ np.stack(right)
    change += H
    return change
