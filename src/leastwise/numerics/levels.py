"""Where a mean loss is stationary in the level b that is added to every eta.

    sum_i s_i l'(y_i, eta_i + b) = 0

by Newton's method, kept safe: for one output by a bracket, for coupled ones by halving steps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
NONE = 1e-14  # of the largest eigenvalue: one that is no larger is zero
STEPS = 100
LONGEST, SHORTEST = 4.0, 1e-9  # of a step: far from the optimum a class has hardly a curvature
FLAT = 4.0 * EPS  # of the largest slope there is: a mean slope below it is zero


def stationary(slopes: Callable[[Float], tuple[Float, Float]], near: Float, unit: float) -> Float:
    """(k,) where the mean slope, which grows with b, is zero.

    Parameters
    ----------
    slopes : b (k,) -> the mean slope and curvature there, (k,) each
    near : where to begin ; unit : the largest slope a row can have

    Examples
    --------
    >>> stationary(lambda b: (np.tanh(b - 3.0), 1.0 / np.cosh(b - 3.0) ** 2), np.zeros(1), 1.0)
    array([3.])
    """
    b = np.array(near, np.float64)
    low, high = np.full_like(b, -np.inf), np.full_like(b, np.inf)
    stride = np.full_like(b, max(1.0, unit))  # a slope in y's unit is as long as its steps
    for _ in range(STEPS):
        slope, curvature = slopes(b)
        low, high = np.where(slope <= 0.0, b, low), np.where(slope >= 0.0, b, high)
        open_ended = np.isinf(low) | np.isinf(high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = -slope / curvature
        # Far from the optimum Newton's step is no guide: strides double until it is enclosed.
        step = np.where(np.isfinite(step), step, -np.sign(slope) * stride)
        step = np.where(open_ended, np.clip(step, -stride, stride), step)
        stride = np.where(open_ended & (np.abs(step) == stride), 2.0 * stride, stride)
        moved = b + step
        outside = ~open_ended & ~((moved > low) & (moved < high))
        moved = np.where(outside, 0.5 * low + 0.5 * high, moved)
        done = (np.abs(slope) <= FLAT * unit) | (moved == b)
        b = np.where(np.abs(slope) <= FLAT * unit, b, moved)
        if done.all():
            break
    return b


def pseudo_solve(C: Float, V: Float) -> Float:
    """C^+ V for a small C (k, k), symmetric and non-negative; V (k,) or (k, m)."""
    values, vectors = np.linalg.eigh(C)
    held = values > NONE * values[-1]
    vectors = vectors[:, held]
    return vectors @ ((vectors.T @ V).T / values[held]).T


def stationary_together(
    slopes: Callable[[Float], tuple[Float, Float, Float]], near: Float
) -> Float:
    """(k,) where the slopes of coupled outputs are zero, of mean 0.

    Parameters
    ----------
    slopes : b (k,) -> the mean loss, its slope (k,) and curvature (k, k), singular along ones
    near : where to begin
    """
    b = near - near.mean()
    value, slope, curvature = slopes(b)
    for _ in range(STEPS):
        if np.abs(slope).max() <= FLAT:
            break
        step = -pseudo_solve(curvature, slope)
        step -= step.mean()
        share = min(1.0, LONGEST / max(float(np.abs(step).max()), EPS))
        there = slopes(b + share * step)
        while there[0] > value + FLAT * abs(value) and share > SHORTEST:
            share *= 0.5
            there = slopes(b + share * step)
        if there[0] >= value and np.abs(there[1]).max() >= np.abs(slope).max():
            break  # neither falls any more: what is left is rounding
        b = b + share * step
        value, slope, curvature = there
    return b
