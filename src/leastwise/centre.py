"""What one pass tells of the columns, and the model that has an intercept and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import DataError
from leastwise.losses import Loss
from leastwise.moments import Moments
from leastwise.numerics.factors import EPS
from leastwise.sources import Source

Float = NDArray[np.float64]

# A column whose deviations from its mean are this many roundings of the mean, or fewer, is
# constant.
CONSTANT = 16.0 * EPS
# Up to this many deviations between a column's mean and zero, products with the column as it stands
# lose three digits at most; beyond, blocks are centred by a copy first.
OFFSET = 2000.0
TINY = 1e-280  # sums of squares below this have lost digits to underflow
SMALL = 1e-140  # the square of a number below this has
MOST_NAMED = 3  # columns of a message
DIVIDE = "divide each column by its size"


@dataclass(frozen=True)
class Centre:
    """What one pass tells of the columns; without an intercept nothing is centred.

    weight : W ; mean : (p,) or None ; level : (k,)
    curvature : (p,) c_j = sum_i s_i (x_ij - x̄_j)^2 / W, exactly zero for a constant column
    correlation : (p, k) that of w = 0 under squared loss
    null : (k,) the mean loss of the intercept-only model
    rounding : (k,) or (1,) what an objective of zero may come out as
    offset : whether a mean is so large against its column's deviation that products must be of
        centred copies to keep their digits
    """

    weight: float
    rows: int
    mean: Float | None
    level: Float
    curvature: Float
    correlation: Float
    null: Float
    rounding: Float
    offset: bool


def centred(m: Moments, intercept: bool) -> Centre:
    """The centre for squared loss."""
    squares = np.maximum(m.squares, 0.0) / m.weight
    if not intercept:
        raw = squares + m.mean**2
        correlation = m.xy / m.weight + np.multiply.outer(m.mean, m.target_mean)
        null = 0.5 * (m.yy / m.weight + m.target_mean**2)
        zero = np.zeros_like(m.target_mean)
        return Centre(m.weight, m.rows, None, zero, raw, correlation, null, zero, False)
    alive = squares > (CONSTANT * np.abs(m.mean)) ** 2
    null = 0.5 * np.maximum(m.yy, 0.0) / m.weight
    size = CONSTANT * np.abs(m.target_mean)
    # A constant target: what is left of it after centring is rounding.
    null[np.sqrt(2.0 * null) <= size] = 0.0
    return Centre(
        m.weight,
        m.rows,
        m.mean,
        m.target_mean,
        np.where(alive, squares, 0.0),
        np.where(alive[:, None] & (null > 0.0), m.xy / m.weight, 0.0),
        null,
        size**2,
        bool(np.any(np.abs(m.mean[alive]) > OFFSET * np.sqrt(squares[alive]))),
    )


def rowwise_start(loss: Loss, level: Float, value: Float) -> dict[str, Any]:
    """The fields of a centre that depend on the loss, for one that moments do not tell.

    level (k,) and value (g,) are of the intercept-only model.
    """
    rounding = np.full_like(value, CONSTANT)
    if loss.located:  # what residuals cost that are rounding of y
        size, zero = CONSTANT * np.abs(level), np.zeros_like(level)
        rounding = np.maximum(loss.value(zero, size), loss.value(zero, -size))
    null = np.where(value <= rounding, 0.0, value)
    return {"level": level, "null": null, "rounding": rounding}


def refuse_sizes(found: Moments, source: Source) -> None:
    """Refuse rows whose squares are not finite, or have lost their digits.

    Raises
    ------
    DataError
        A target or a column holds numbers that are too large or too small to be squared.
    """
    # One number that is not finite makes a sum over all of them so.
    with np.errstate(over="ignore", invalid="ignore"):
        all_of_y, all_of_X = found.yy.sum(), found.xx.sum()
    if not np.isfinite(all_of_y):
        raise DataError("y holds numbers too large to be squared: divide it by its size")
    squares = found.squares
    if squares.min() < TINY:
        # Of numbers that small, a sum of zero does not say that all are the same.
        few = (squares > 0.0) | ((np.abs(found.mean) < SMALL) & (found.mean != 0.0))
        lost = (squares < TINY) & few
        if lost.any():
            raise DataError(f"{_named(source, lost)} too small to be squared: {DIVIDE}")
    lost = (found.yy > 0.0) & (found.yy < TINY)
    if lost.any() or (not found.yy.all() and source.hides_variation(found.yy)):
        raise DataError("y varies too little to be squared: divide it by its size")
    if not np.isfinite(all_of_X):
        where = source.non_finite()
        large = f"{_named(source, ~np.isfinite(squares))} too large to be squared: {DIVIDE}"
        raise DataError(f"{where}: drop or repair the row" if where else large)


def _named(source: Source, chosen: NDArray[np.bool_]) -> str:
    """Which columns hold numbers of a kind."""
    names = [source.columns[column] for column in np.flatnonzero(chosen)]
    if not names:
        return "X: some numbers are"
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    each = ", ".join(map(repr, names[:MOST_NAMED]))
    return f"{'columns' if len(names) > 1 else 'column'} {each}{more}: the numbers are"
