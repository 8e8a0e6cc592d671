"""The evidence of a ratio L = sigma^2 / (W tau^2), and the ratio that maximises it.

    z_i ~ N(0, sigma^2 (1 + s_i^2 / L) / W),   N - r contrasts more ~ N(0, sigma^2 / W)
    sigma^2(L) = W/N (sum_i z_i^2 L / (L + s_i^2) + rest)
    log evidence = -1/2 (N log(2 pi sigma^2) + sum_i log(1 + s_i^2 / L) + N)

The density is that of the N contrasts of y that the intercept and columns of flat prior leave, so
that no improper prior's constant is in it (restricted likelihood: Patterson and Thompson 1971).
Along log L it may have several maxima: it is laid out on a grid beyond whose ends it is monotone,
and every maximum of the grid is made exact. MacKay's (1992) fixed point is one equation of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from leastwise.bayesian.directions import Directions

Float = NDArray[np.float64]

STEP = 0.25  # of the grid in log L: a peak of this density is several times as wide
BEYOND = 37.0  # log of 1 / eps: a prior that much narrower than the noise changes no digit
CHUNK = 1 << 20  # numbers of the grid that are in memory at a time


@dataclass(frozen=True)
class Chosen:
    """Where the evidence is largest.

    ratio : L, or 0 (no noise) or infinite (no coefficients) ; sigma2, tau2 : the two variances
    log_evidence : natural logarithm, infinite where noise of 0 explains more than chance allows
    parameters : sum_i s_i^2 / (s_i^2 + L), the effective number of penalised parameters
    """

    ratio: float
    sigma2: float
    tau2: float
    log_evidence: float
    parameters: float


def log_evidence(known: Directions, ratio: Float) -> Float:
    """The log evidence at each L (K,), 0 < L <= infinity, profiled over sigma^2."""
    sigma2 = noise(known, ratio)
    step = max(1, CHUNK // max(1, known.values.size))
    grown = np.concatenate(
        [
            np.log1p(known.values / part[:, None]).sum(axis=1)
            for part in (ratio[i : i + step] for i in range(0, ratio.size, step))
        ]
    )
    return -0.5 * (known.contrasts * (np.log(2.0 * np.pi * sigma2) + 1.0) + grown)


def noise(known: Directions, ratio: Float) -> Float:
    """sigma^2 (K,), the best beside each L (K,)."""
    step = max(1, CHUNK // max(1, known.values.size))
    sums = [
        (known.squares / (1.0 + known.values / part[:, None])).sum(axis=1)
        for part in (ratio[i : i + step] for i in range(0, ratio.size, step))
    ]
    return known.weight / known.contrasts * (np.concatenate(sums) + known.rest)


def slope(known: Directions, at: float) -> float:
    """d log evidence / d log L at log L = `at`."""
    ratio = np.exp(at)
    left = ratio / (known.values + ratio)
    gained = float(known.squares @ (left * (1.0 - left)))
    residual = float(known.squares @ left) + known.rest
    return -0.5 * (known.contrasts * gained / residual - float((1.0 - left).sum()))


def maximise(known: Directions) -> Chosen:
    """The ratio of the largest evidence, over all of 0 <= L <= infinity."""
    values, z2 = known.values, known.squares
    N, r = known.contrasts, values.size
    alone = float(z2.sum()) + known.rest
    sigma2 = known.weight / N * alone
    if alone == 0.0 or r == 0 or not z2.any():
        value = -0.5 * N * (np.log(2.0 * np.pi * sigma2) + 1.0) if sigma2 > 0.0 else np.inf
        return Chosen(np.inf, sigma2, 0.0, float(value), 0.0)
    q = float((z2 / values).sum())
    if known.rest == 0.0 and r < N:
        return Chosen(0.0, 0.0, q / r, np.inf, float(r))
    first = float(values.min())
    if known.rest > 0.0:
        # Below all s_i^2 the slope is that of r log L / 2 - N/2 log(rest + L q).
        first = min(first, r * known.rest / ((N - r) * q))
    ends = np.log(first) - BEYOND * (known.rest == 0.0) - 5.0, np.log(values.max()) + BEYOND
    grid = np.linspace(*ends, int(np.ceil((ends[1] - ends[0]) / STEP)) + 1)
    heights = log_evidence(known, np.exp(grid))
    best = _none(known, sigma2)
    if known.rest == 0.0:
        limit = -0.5 * float(
            N * (np.log(2.0 * np.pi * known.weight * q / N) + 1.0) + np.log(values).sum()
        )
        best = max(best, Chosen(0.0, 0.0, q / N, limit, float(r)), key=lambda c: c.log_evidence)
    inner = (heights[1:-1] >= heights[:-2]) & (heights[1:-1] >= heights[2:])
    for place in np.flatnonzero(inner) + 1:
        low, high = grid[place - 1], grid[place + 1]
        at = float(grid[place])
        if slope(known, low) > 0.0 > slope(known, high):
            at = float(brentq(lambda at: slope(known, at), low, high, xtol=1e-14, rtol=1e-14))
        found = _at(known, float(np.exp(at)))
        # What rounding alone makes better is not.
        if found.log_evidence > best.log_evidence + 1e-13 * (N + abs(best.log_evidence)):
            best = found
    return best


def _none(known: Directions, sigma2: float) -> Chosen:
    value = float(log_evidence(known, np.array([np.inf]))[0])
    return Chosen(np.inf, sigma2, 0.0, value, 0.0)


def _at(known: Directions, ratio: float) -> Chosen:
    at = np.array([ratio])
    sigma2 = float(noise(known, at)[0])
    return Chosen(
        ratio,
        sigma2,
        sigma2 / known.weight / ratio,
        float(log_evidence(known, at)[0]),
        float((known.values / (known.values + ratio)).sum()),
    )
