"""The gap of squared loss where all columns of one target have one l1 and one l2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import summing

Float = NDArray[np.float64]

NEAR = 1.0 - 4.0 * float(np.finfo(np.float64).eps)  # of the largest scale: within it for certain


@summing
def largest(v: Float) -> float:
    """max |v_j|, every fourth by itself: one comparison need not wait for the one before."""
    a = b = c = d = 0.0
    whole = v.size - v.size % 4
    for j in range(0, whole, 4):
        a = abs(v[j]) if abs(v[j]) > a else a
        b = abs(v[j + 1]) if abs(v[j + 1]) > b else b
        c = abs(v[j + 2]) if abs(v[j + 2]) > c else c
        d = abs(v[j + 3]) if abs(v[j + 3]) > d else d
    for j in range(whole, v.size):
        a = abs(v[j]) if abs(v[j]) > a else a
    return max(max(a, b), max(c, d))


@summing
def even(
    w: Float, v: Float, l1: float, l2: float, value: float, enough: float
) -> tuple[float, float]:
    """The objective and the gap at w (p,), whose correlation is v (p,) and mean loss `value`.

    At theta = kappa r, with g = clip(kappa v, -l1, l1), a column adds

        l1 |w| - g w + l2/2 (w - (kappa v - g)/l2)^2,   l1 |w| - kappa v w without l2

    with l1 > 0. The gap is that of the better of two scales, if the first is not proof `enough`,
    and infinite where v is not finite.
    """
    paid, squares, product = 0.0, 0.0, 0.0
    unknown = 0.0  # but for what is not finite: `summing` lets compilers assume nothing of that
    for j in range(w.size):
        paid += abs(w[j])
        squares += w[j] * w[j]
        product += w[j] * v[j]
        unknown += 0.0 * v[j]
    objective, spread, best = value + l1 * paid + 0.5 * l2 * squares, 2.0 * value, np.inf
    if unknown != 0.0:
        return objective, best
    most = largest(v)
    reach = l1 * NEAR / most if most > 0.0 else np.inf
    kappa = 1.0 if l2 > 0.0 else min(1.0, reach)  # a ridge bears any scale
    for _ in range(2):
        left = 1.0 - kappa
        total = 0.5 * spread * left * left
        if l2 == 0.0:
            for j in range(w.size):
                over = l1 * abs(w[j]) - kappa * v[j] * w[j]
                total += over if over > 0.0 else 0.0
        else:
            for j in range(w.size):
                scaled = kappa * v[j]
                inner = l1 if scaled > l1 else scaled
                inner = -l1 if inner < -l1 else inner
                over, away = l1 * abs(w[j]) - inner * w[j], w[j] - (scaled - inner) / l2
                total += (over if over > 0.0 else 0.0) + 0.5 * l2 * away * away
        best = total if total < best else best
        if best <= enough or not spread > 0.0:
            break
        kappa = min(max(1.0 + product / spread, -reach), reach)
    return objective, best
