"""Entropies and divergences of probabilities, term by term, without cancellation."""

from __future__ import annotations

import numpy as np

from leastwise.losses.base import Float

# An outcome that is never seen has its best eta at minus infinity: this far from the others it has
# the probability 8.5e-17, which no sum of probabilities feels.
FAR = 37.0
NEAR = 0.25
# atanh(s) = s + s^3 (1/3 + s^2/5 + ...); |s| <= 1/7 where |t| <= NEAR, where ten terms are enough.
SERIES = 1.0 / np.arange(3.0, 23.0, 2.0)


def xlogx(q: Float) -> Float:
    """q log q, 0 at q = 0.

    Examples
    --------
    >>> xlogx(np.array([0.0, 1.0, np.e]))
    array([0.        , 0.        , 2.71828183])
    """
    return q * np.log(np.where(q > 0.0, q, 1.0))


def divergence(q: Float, p: Float, log_p: Float, d: Float) -> Float:
    """q log(q / p) - q + p >= 0, one outcome's part of the divergence of q from p.

    Kullback and Leibler (1951). With t = d / p and s = t / (2 + t),

        p ((1 + t) log(1 + t) - t) = d s (1 + (1 + s) s (1/3 + s^2/5 + s^4/7 + ...)),

    by which the part is summed for small t, since log(1 + t) = 2 atanh(s): it is d^2 / 2p to first
    order, and exact to rounding. For larger t nothing cancels.

    Parameters
    ----------
    q, p : probabilities, 0 and 1 included
    log_p : log p, which is finite even where p is so small that it is 0
    d : q - p, with the digits that the difference of the two may have lost

    Examples
    --------
    >>> p, d = np.array([0.5, 0.0]), np.array([1e-9, 0.5])
    >>> divergence(p + d, p, np.array([np.log(0.5), -800.0]), d)
    array([1.00000000e-18, 3.99153426e+02])
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        s = d / (2.0 * p + d)
        near = np.abs(d) <= NEAR * p
        small = d * s * (1.0 + (1.0 + s) * s * np.polynomial.polynomial.polyval(s * s, SERIES))
        large = xlogx(q) - q * log_p - d
    # p and d may both be 0, and s is no number then.
    return np.where(d == 0.0, 0.0, np.where(near, small, large))
