"""What a page says about residuals: summaries from every row, a sample of rows to draw.

    eta = X w + b,  r = y - eta,  r2 = 1 - sum s r^2 / sum s (y - ybar)^2

All summaries (r2, deviation, quantiles, histogram, the mean residual along the fitted values) use
every row and its weight `s`. Only the scatter plots use a sample, drawn with a seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.report.classes import Judged, judged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leastwise.model import Model
    from leastwise.sources import MemorySource

    Vector = NDArray[np.float64]

PROBABILITIES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
NORMAL_POINTS = 200
TREND_BINS = 20
ZERO = 1e-8
CENTRE = (0.002, 0.998)  # the histogram spans these quantiles; what lies outside is counted


@dataclass(frozen=True)
class Residuals:
    """One target's residuals, summarised over every row.

    Attributes
    ----------
    target : str
    rows : int
        Rows with a positive weight.
    finite : int
        Those of them whose residual is a finite number; the summaries are over these.
    r2 : float
        1 - residual / total sum of squares, weighted; nan for a constant target. The total is about
        the mean, or about zero where no intercept was fitted.
    mean, deviation : float
        Weighted mean and standard deviation (population) of the residuals, in units of the target.
    quantiles : (7,) array
        At `PROBABILITIES`.
    negative, zero : float
        The share of all weight whose residual is below zero, and zero to `ZERO` times the largest
        finite target or prediction: a fit of a kinked loss passes through rows.
    edges, shares : (m + 1,), (m,) arrays
        The histogram: bin edges and the share of all weight in each bin.
    below, above : float
        The share of all weight left and right of the histogram.
    normal, ordered : (q,) arrays
        Normal quantiles and the residual quantiles at the same probabilities.
    trend_fitted, trend_mean : (t,) arrays
        Mean fitted value and mean residual in bins of equal weight along the fitted values.
    observed, fitted : (shown,) arrays
        The sample of rows to draw; the residual is their difference.
    """

    target: str
    rows: int
    finite: int
    r2: float
    mean: float
    deviation: float
    quantiles: Vector
    negative: float
    zero: float
    edges: Vector
    shares: Vector
    below: float
    above: float
    normal: Vector
    ordered: Vector
    trend_fitted: Vector
    trend_mean: Vector
    observed: Vector
    fitted: Vector


@dataclass(frozen=True)
class Diagnostics:
    """The residuals of every target, how many rows the drawn sample holds, and of classes more."""

    rows: int
    shown: int
    seed: int
    weighted: bool
    outputs: tuple[Residuals, ...]
    classes: tuple[Judged, ...] = ()


def diagnostics(
    source: MemorySource, model: Model, *, seed: int = 0, most: int = 2000
) -> Diagnostics:
    """Summarise the residuals of `model` on the rows of `source`.

    Parameters
    ----------
    source
        Rows in memory: `X` (n, p) dense or sparse, `y` (n, k), `weight` (n,) or None.
    model
        `coef` (k, p), `intercept` (k,), `intercept_fitted` and `targets`.
    seed, most
        The scatter sample: at most `most` rows of positive weight, drawn without replacement.

    Returns
    -------
    Diagnostics
        One `Residuals` a target; of a loss of classes what `classes.judged` says as well.
    """
    from leastwise.sources.new_rows import linear

    eta = linear(source.X, model.coef, model.intercept)
    y = np.asarray(source.y, dtype=np.float64).reshape(eta.shape)
    weight = source.weight
    used = np.arange(len(y)) if weight is None else np.flatnonzero(np.asarray(weight) > 0)
    share = np.ones(used.size) if weight is None else np.asarray(weight, dtype=np.float64)[used]
    chosen = used
    if used.size > most:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(used, size=most, replace=False))
    outputs = tuple(
        _summarise(
            str(name),
            y[used, k],
            eta[used, k],
            share,
            y[chosen, k],
            eta[chosen, k],
            about_mean=model.intercept_fitted,
        )
        for k, name in enumerate(model.targets)
    )
    classes: tuple[Judged, ...] = ()
    if model.loss.of_classes:
        classes = judged(model, y[used], eta[used], None if weight is None else share)
    return Diagnostics(int(used.size), int(chosen.size), seed, weight is not None, outputs, classes)


def weighted_quantiles(values: Vector, weight: Vector, probabilities: Any) -> Vector:
    """Quantiles of sorted-by-value `values`, each value at the middle of its own weight (Hazen)."""
    order = np.argsort(values, kind="stable")
    values, weight = values[order], weight[order]
    total = weight.sum()
    positions = (np.cumsum(weight) - 0.5 * weight) / total
    return np.interp(probabilities, positions, values)


def _summarise(
    target: str,
    y: Vector,
    eta: Vector,
    weight: Vector,
    observed: Vector,
    fitted: Vector,
    *,
    about_mean: bool,
) -> Residuals:
    with np.errstate(invalid="ignore", over="ignore"):
        residual = y - eta
        good = np.isfinite(residual)
        finite = int(good.sum())
        residual, eta, weight, y = residual[good], eta[good], weight[good], y[good]
        empty = np.empty(0)
        if finite == 0:
            nan = math.nan
            return Residuals(
                target, good.size, 0, nan, nan, nan, np.full(7, nan), nan, nan,
                empty, empty, 0.0, 0.0, empty, empty, empty, empty, observed, fitted,
            )  # fmt: skip
        weight = weight / weight.sum()
        mean = float(weight @ residual)
        deviation = float(np.sqrt(weight @ (residual - mean) ** 2))
        centred = y - weight @ y if about_mean else y
        total = float(weight @ centred**2)
        scale = float(np.finfo(float).eps * np.abs(y).max()) ** 2
        near = ZERO * max(float(np.abs(y).max()), float(np.abs(eta).max()))
        negative = float(weight[residual < -near].sum())
        zero = float(weight[np.abs(residual) <= near].sum())
        r2 = 1.0 - float(weight @ residual**2) / total if total > scale else math.nan
    normal, ordered = _normal_quantiles(residual, weight)
    edges, shares, below, above = _histogram(residual, weight)
    trend_fitted, trend_mean = _trend(eta, residual, weight)
    return Residuals(
        target, good.size, finite, r2, mean, deviation,
        weighted_quantiles(residual, weight, PROBABILITIES), negative, zero,
        edges, shares, below, above, normal, ordered, trend_fitted, trend_mean, observed, fitted,
    )  # fmt: skip


def _normal_quantiles(residual: Vector, weight: Vector) -> tuple[Vector, Vector]:
    from scipy.special import ndtr, ndtri

    count = min(residual.size, NORMAL_POINTS)
    if residual.size <= NORMAL_POINTS:
        probabilities = (np.arange(count) + 0.5) / count
        normal = ndtri(probabilities)
    else:  # even steps of the normal quantile, so that the tails are drawn as well as the middle
        most = -float(ndtri(0.5 / residual.size))
        normal = np.linspace(-most, most, count)
        probabilities = ndtr(normal)
    return normal, weighted_quantiles(residual, weight, probabilities)


def _histogram(residual: Vector, weight: Vector) -> tuple[Vector, Vector, float, float]:
    low, high = float(residual.min()), float(residual.max())
    if residual.size > NORMAL_POINTS:
        low, high = weighted_quantiles(residual, weight, CENTRE).tolist()
    magnitude = float(np.abs(residual).max())
    if not high - low > 1e-12 * magnitude:
        half = 0.5 * magnitude or 0.5
        low, high = low - half, high + half
    quartiles = weighted_quantiles(residual, weight, (0.25, 0.75))
    width = 2.0 * float(quartiles[1] - quartiles[0]) / residual.size ** (1.0 / 3.0)
    wanted = (high - low) / width if width > 0 else 20.0
    bins = int(min(max(wanted, 8.0), 60.0))
    shares, edges = np.histogram(residual, bins=bins, range=(low, high), weights=weight)
    below = float(weight[residual < low].sum())
    above = float(weight[residual > high].sum())
    return edges, shares, below, above


def _trend(eta: Vector, residual: Vector, weight: Vector) -> tuple[Vector, Vector]:
    groups = min(TREND_BINS, residual.size // TREND_BINS)  # of 20 rows or more
    if groups < 4:
        return np.empty(0), np.empty(0)
    order = np.argsort(eta, kind="stable")
    eta, residual, weight = eta[order], residual[order], weight[order]
    bins = np.minimum((np.cumsum(weight) - 0.5 * weight) * groups, groups - 1).astype(int)
    mass = np.bincount(bins, weight, groups)
    kept = mass > 0
    fitted = np.bincount(bins, weight * eta, groups)[kept] / mass[kept]
    mean = np.bincount(bins, weight * residual, groups)[kept] / mass[kept]
    return fitted, mean
