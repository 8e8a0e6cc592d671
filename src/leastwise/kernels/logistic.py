"""Sums of the logistic loss over rows: exponential, logarithm and division in one vector loop.

    e = exp(-|eta|),   l = log(1 + e) + (max(eta, 0) - y eta),   l'' = e / (1 + e)^2
    exp(a) = 2^k exp(r), k = round(a / log 2), |r| <= log(2) / 2: Taylor's series
    log(1 + m) = 2 artanh(m / (2 + m)), 1 + m = 1 + e or half of it: so is its argument's

Both are within a few units in the last place. They call no library, so that the compiler works on
as many rows at a time as a register holds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import compiled, summing

Float = NDArray[np.float64]

TILE = 1024  # numbers under work: their parts stay in the nearest cache
LOG2, HIGH, LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUND = 6755399441055744.0  # 1.5 * 2^52: the last bits of a sum with it are a whole number
FARTHEST = -708.0  # where exp is still a normal number
HALVED = 0.41421356237309503  # sqrt(2) - 1: from here on half of 1 + e is taken
HALF_LOG = 0.6931471805599453
# From the highest term down: 1 / k! of exp(r), and 1 / (2 k + 1) of artanh(s) / s - 1 over s^2.
EXPONENTIAL = tuple(1.0 / math.factorial(k) for k in range(13, -1, -1))
ARTANH = tuple(1.0 / (2 * k + 1) for k in range(10, 0, -1))


def _parts(y: Float, eta: Float, loss: Float, slope: Float, bend: Float) -> None:
    """l, l' and l'' of targets and predictions, all (t,)."""
    for i in range(eta.size):
        a = max(-abs(eta[i]), FARTHEST)
        whole = a * LOG2 + ROUND
        k = whole - ROUND
        r = (a - k * HIGH) - k * LOW
        p = 0.0
        for each in EXPONENTIAL:
            p = each + r * p
        # 2^k: k moved to where a float64 keeps its exponent.
        power = (np.float64(whole).view(np.int64) << np.int64(52)) + np.int64(1023 << 52)
        e = p * np.int64(power).view(np.float64)

        share = 1.0 / (1.0 + e)
        halved = e > HALVED
        m = 0.5 * (e - 1.0) if halved else e
        s = m / (2.0 + m)
        z = s * s
        g = 0.0
        for each in ARTANH:
            g = each + z * g
        log = 2.0 * (s + s * z * g) + (HALF_LOG if halved else 0.0)

        up = 1.0 if eta[i] > 0.0 else 0.0
        line = up - y[i]
        loss[i] = line * eta[i] + log
        slope[i] = ((1.0 - y[i] - up) * e + line) * share
        bend[i] = e * share * share


parts = compiled(_parts, fastmath={"contract"}, error_model="numpy")


@summing
def weighted(weight: Float, numbers: Float) -> float:
    """weight' numbers."""
    total = 0.0
    for i in range(numbers.size):
        total += weight[i] * numbers[i]
    return total


@compiled
def sums(
    y: Float, eta: Float, weight: Float, slope: Float, total: Float, room: Float, beside: Float
) -> None:
    """total (3, k) <- sum s l, sum s l' and sum s l''; slope (m, k) <- l'.

    y (m, 1) or (m, k), eta (m, k), weight (m,), all in rows that lie together. Room: (3, TILE), or
    (3, k) where k is larger, and (3, k) `beside`.
    """
    rows, k = eta.shape
    step = max(1, TILE // k)
    target, loss, bend = room[0], room[1], room[2]
    for j in range(k):
        for a in range(3):
            total[a, j] = 0.0
    flat, slopes = eta.reshape(-1), slope.reshape(-1)
    for first in range(0, rows, step):
        end = min(first + step, rows)
        count = (end - first) * k
        for i in range(end - first):
            for j in range(k):
                target[i * k + j] = y[first + i, j if y.shape[1] > 1 else 0]
        part = slopes[first * k : end * k]
        parts(target[:count], flat[first * k : end * k], loss[:count], part, bend[:count])
        if k == 1:
            s = weight[first:end]
            total[0, 0] += weighted(s, loss[:count])
            total[1, 0] += weighted(s, part)
            total[2, 0] += weighted(s, bend[:count])
            continue
        for j in range(k):
            for a in range(3):
                beside[a, j] = 0.0
        for i in range(end - first):
            s = weight[first + i]
            for j in range(k):
                beside[0, j] += s * loss[i * k + j]
                beside[1, j] += s * part[i * k + j]
                beside[2, j] += s * bend[i * k + j]
        for j in range(k):
            for a in range(3):
                total[a, j] += beside[a, j]
