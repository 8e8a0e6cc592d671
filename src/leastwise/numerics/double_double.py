"""Double-double arithmetic: a number as the unevaluated sum hi + lo of two float64, 32 digits.

    two_sum:  hi = fl(a + b), lo = a + b - hi exactly (Knuth 1969)
    two_prod: hi = fl(a b),   lo = a b - hi exactly   (Dekker 1971, with Veltkamp's splitting)

Used where residuals must be exact beyond float64: the refinement of least squares (Bjorck 1967).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Pair = tuple[Float, Float]

SPLITTER = 134217729.0  # 2**27 + 1


def two_sum(a: Float, b: Float) -> Pair:
    """a + b without error."""
    hi = a + b
    part = hi - a
    return hi, (a - (hi - part)) + (b - part)


def _split(a: Float) -> Pair:
    swollen = SPLITTER * a
    hi = swollen - (swollen - a)
    return hi, a - hi


def two_prod(a: Float, b: Float) -> Pair:
    """a * b without error, barring overflow and underflow."""
    hi = np.multiply(a, b)
    a_hi, a_lo = _split(np.asarray(a))
    b_hi, b_lo = _split(np.asarray(b))
    return hi, ((a_hi * b_hi - hi) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo


def add(a: Pair, b: Pair) -> Pair:
    """The sum of two double-doubles."""
    hi, lo = two_sum(a[0], b[0])
    return two_sum(hi, lo + a[1] + b[1])


def total(a: Pair) -> Pair:
    """The sum over the first axis, pairwise."""
    hi, lo = a
    while hi.shape[0] > 1:
        half = hi.shape[0] // 2
        rest = hi[2 * half :], lo[2 * half :]
        hi, lo = add((hi[:half], lo[:half]), (hi[half : 2 * half], lo[half : 2 * half]))
        hi, lo = np.concatenate([hi, rest[0]]), np.concatenate([lo, rest[1]])
    return hi[0], lo[0]


def residual(h: Float, r: Float, X: Float, w: Float) -> Float:
    """h - r - X w rounded once, for h, r (n, k), X (n, p), w (p, k)."""
    sums = two_sum(h, -r)
    for j in range(X.shape[1]):
        sums = add(sums, two_prod(X[:, j : j + 1], -w[j]))
    return sums[0] + sums[1]


def back_residual(c: Float, X: Float, r: Float, weight: Float | None = None) -> Float:
    """c - X' diag(weight) r rounded once, for c (p, k), X (n, p), r (n, k), weight (n,)."""
    out = np.empty_like(c)
    for output in range(c.shape[1]):
        column = r[:, output : output + 1]
        if weight is None:
            hi, lo = total(two_prod(X, column))
        else:
            weighted = two_prod(column, weight[:, None])
            product = two_prod(X, weighted[0])
            hi, lo = total((product[0], product[1] + X * weighted[1]))
        sums = add((c[:, output], np.zeros(c.shape[0])), (-hi, -lo))
        out[:, output] = sums[0] + sums[1]
    return out
