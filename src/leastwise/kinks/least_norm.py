"""Of several optima, the one of least norm |w|; then the middle of what is left to the intercept.

For all small enough eps the minimiser of objective + eps / 2 |w|^2 is the optimum of least norm,
exactly (Mangasarian 1984); a smaller eps is tried until the optimum stays one. A coefficient with
an l2 of its own is the same in all optima, and is charged no more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.pieces import Pieces
from leastwise.kinks.settle import settle
from leastwise.kinks.units import Units, best_constant

Float = NDArray[np.float64]

STRENGTHS = (1e-3, 1e-5, 1e-7)  # eps, where a coefficient of typical size costs one loss of a row
SAME = 1e-13  # relative excess of an objective that is rounding


def objective(pieces: Pieces, v: Float) -> float:
    """The small problem's objective at v, its bounds left out."""
    r = pieces.y - pieces.times(v)
    up, down = (np.where(np.isfinite(slope), slope, 0.0) for slope in (pieces.up, pieces.down))
    return float(np.where(r > 0.0, up * r, -down * r).sum() + 0.5 * pieces.l2 @ (v * v))


def least_norm(units: Units, pieces: Pieces, v: Float, max_iter: int) -> Float | None:
    """The optimum of least |w| of a small problem with optimum v; None where none is found."""
    size = units.factor / float(np.max(units.factor, initial=1e-300))
    size[units.l2 > 0.0] = 0.0
    if not size.any():
        return v
    least = objective(pieces, v)
    for eps in STRENGTHS:
        more = np.concatenate([np.zeros(units.first), eps * units.n * size * size])
        bent = Pieces(pieces.T, pieces.unit, pieces.y, pieces.up, pieces.down, pieces.l2 + more)
        settled = settle(bent, v, float(units.n), max_iter)
        if settled.exact and objective(pieces, settled.v) <= least + SAME * units.n:
            return settled.v
    return None


def middle(units: Units, v: Float, r: Float) -> Float:
    """v with its intercept in the middle of the best ones, from the residuals r at v."""
    if not units.first:
        return v
    low, high = best_constant(r, units.rows.up, units.rows.down)
    moved = v.copy()
    moved[0] += (0.5 * low + 0.5 * high) / units.S
    return moved
