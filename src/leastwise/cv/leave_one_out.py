"""Ridge judged by leaving out one row at a time, or by GCV, from one decomposition.

    e_i = r_i / (1 - h_ii),   h_ii = s_i (1 + z_i' (H + L D)^-1 z_i) / W,   z_i = x_i - mean
    GCV = mean of r_i^2 / (1 - tr(hat matrix) / n)^2        (Golub, Heath and Wahba 1979)

The loss is a mean, so that a fit without one row of n has (n - 1) l2 for its ridge where all rows
have n l2: the residuals and leverages are those at L = l2 (n - 1) / n, and with that e_i is exact
(Allen 1974 for the sum of squares). With weights each row would have its own L: their mean stands
for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import iadd

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from leastwise.blocks import Block
from leastwise.cv.spectrum import Spectrum, by_rotations, diagonalise, graded
from leastwise.numerics.factors import EPS
from leastwise.numerics.threads import one_blas_thread
from leastwise.penalties import EXCLUDED, ElasticNet
from leastwise.problem import Design, add

Float = NDArray[np.float64]

LEAST = 1e-12  # 1 - h_ii below this is rounding
CLEAR = 1e-6  # far above it


@dataclass(frozen=True)
class Left:
    """Mean errors and their standard errors, (K,) each."""

    mean: Float
    standard_error: Float


@dataclass(frozen=True)
class _Ridge:
    """The penalised columns: which take part, and what each pays at strength 1."""

    live: NDArray[np.intp]
    price: Float


def _ridge(design: Design, unit: ElasticNet) -> _Ridge:
    l1, l2 = unit.strengths(design.columns)
    live = np.flatnonzero((design.centre.curvature > 0.0) & (l1 < EXCLUDED))
    return _Ridge(live, l2[live])


def _spectrum(design: Design, ridge: _Ridge) -> Spectrum:
    """That of the columns, without the directions in which no row differs from another."""
    found = diagonalise(design.gram[np.ix_(ridge.live, ridge.live)], ridge.price)
    seen = found.values > 0.0
    return Spectrum(found.base[:, seen], found.values[seen], found.paid[seen])


def generalised(design: Design, unit: ElasticNet, strengths: Float, relative: Float) -> Left:
    """GCV at each strength (K,); several targets' divided by `relative` (k,)."""
    centre, ridge = design.centre, _ridge(design, unit)
    if ridge.live.size <= centre.rows:
        spectrum = _spectrum(design, ridge)
        turned = spectrum.base.T @ centre.correlation[ridge.live]
        below = spectrum.values + np.outer(strengths, spectrum.paid)
        own = 2.0 / below - spectrum.values / below**2
        mean_square = np.maximum(2.0 * centre.null - own @ turned**2, 0.0)
        freedom = (spectrum.values / below).sum(axis=1) + (centre.mean is not None)
    else:
        outer = _outer(design, ridge)
        kept = outer.kept(strengths)
        mean_square = (kept.T**2 @ (outer.V.T @ outer.y) ** 2) / centre.weight
        freedom = outer.leverage.sum() + (1.0 - kept).sum(axis=0)
    left = np.maximum(1.0 - freedom / centre.rows, LEAST)
    return Left((mean_square / relative).sum(axis=1) / left**2, np.full(strengths.size, np.nan))


def leave_one_out(
    design: Design, unit: ElasticNet, strengths: Float, relative: Float, *, absolute: bool
) -> Left:
    """The mean of e_i^2, or of |e_i|, at each strength (K,)."""
    n, ridge = design.centre.rows, _ridge(design, unit)
    strengths = strengths * (1.0 - 1.0 / n)
    if absolute:
        relative = np.sqrt(relative)
    small = ridge.live.size <= n
    sums = (_by_columns if small else _by_rows)(design, ridge, strengths, relative, absolute)
    first, second = (total / design.centre.weight for total in sums)
    spread = np.maximum(second - first**2, 0.0)
    return Left(first, np.sqrt(spread / max(n - 1, 1)))


def _by_columns(
    design: Design, ridge: _Ridge, strengths: Float, relative: Float, absolute: bool
) -> list[Float]:
    """sum s e and sum s e^2 of the errors e: one pass, two products a part for all strengths."""
    centre, live = design.centre, ridge.live
    spectrum = _spectrum(design, ridge)
    turned = spectrum.base.T @ centre.correlation[live]
    inverse = 1.0 / (spectrum.values[:, None] + np.outer(spectrum.paid, strengths))
    base = np.zeros((design.columns, spectrum.values.size))
    base[live] = spectrum.base
    size = np.sqrt(relative) if not absolute else relative
    varies = np.sqrt(spectrum.values)  # by so much does z
    fits = [_Thin.of(inverse * column[:, None], varies) for column in (turned / size).T]
    taken = _Thin.of(inverse / -centre.weight, spectrum.values)
    own = 0.0 if centre.mean is None else 1.0 / centre.weight
    lowest = int(strengths.argmin())  # where leverages are largest
    mean, about, shift = centre.mean, centre.mean, None
    if mean is not None and not centre.offset:  # what comes out is centred: it is at hand
        about, shift = None, mean @ base

    def sized(error: Float, left: Float) -> Float:
        error /= left
        return np.abs(error, out=error) if absolute else np.square(error, out=error)

    def statistic(block: Block) -> list[Float]:
        sums = [np.zeros(strengths.size), np.zeros(strengths.size)]
        for X, y, weight in block.dense_parts(about):
            z, s = X @ base, np.ones(len(X)) if weight is None else weight
            if shift is not None:
                z -= shift
            squares = np.square(z) if weight is None else np.square(z) * weight[:, None]
            left = taken.times(squares, 1.0 - own * s)  # 1 - h_ii
            if not left[:, lowest].min() > CLEAR:
                np.maximum(left, LEAST, out=left)
            targets = ((centre.level - y) / size).T
            pairs = zip(fits, targets, strict=True)
            found = reduce(iadd, (sized(fit.times(z, target), left) for fit, target in pairs))
            sums[0] += s @ found
            sums[1] += s @ np.square(found, out=found)
        return sums

    return design.source.reduce(statistic, add)


@dataclass(frozen=True)
class _Thin:
    """F (m, K) as a product of two with fewer numbers; the second has a row of ones below.

    The columns of all strengths lie in a space of few dimensions, as those of a Cauchy matrix do
    (Beckermann and Townsend 2017).
    """

    first: Float
    second: Float | None

    @staticmethod
    def of(F: Float, size: Float) -> _Thin:
        """F, each row times its `size` (m,), to the rounding of each column's largest number."""
        sized = size[:, None] * F
        most = np.abs(sized).max(axis=0, initial=0.0)
        most[most == 0.0] = 1.0
        if not np.isfinite(most).all():
            return _Thin(F, None)
        with one_blas_thread():
            Q, R, order = qr(sized / most, mode="economic", pivoting=True)
        kept = np.count_nonzero(np.abs(np.diagonal(R)) > EPS * np.abs(R[:1]).max(initial=0.0))
        if (kept + 1) * sum(F.shape) >= F.size:
            return _Thin(F, None)
        second = np.ones((kept + 1, F.shape[1]))
        second[:kept, order] = R[:kept] * most[order]
        return _Thin(Q[:, :kept] / size[:, None], second)

    def times(self, rows: Float, beside: Float) -> Float:
        """(n, K) rows (n, m) times F, and what is `beside` (n,) added to each row."""
        if self.second is None:
            whole = rows @ self.first
            whole += beside[:, None]
            return whole
        return np.column_stack([rows @ self.first, beside]) @ self.second


@dataclass(frozen=True)
class _Outer:
    """The n x n side: P S^1/2 X D^-1 X' S^1/2 P / W = V diag(values) V'.

    P takes off what the intercept and the unpenalised columns explain

    y : (n, k) P S^1/2 (y - mean)
    leverage : (n,) the diagonal of 1 - P ; root : (n,) of the weights
    """

    values: Float
    V: Float
    y: Float
    leverage: Float
    root: Float

    def kept(self, strengths: Float) -> Float:
        """(n, K) what a strength leaves of each direction."""
        return strengths / (self.values[:, None] + strengths)


def _outer(design: Design, ridge: _Ridge) -> _Outer:
    centre = design.centre
    block = design.source.gather()
    root = np.ones(block.rows) if block.weight is None else np.sqrt(block.weight)
    free, paid = ridge.live[ridge.price == 0.0], ridge.live[ridge.price > 0.0]
    y = root[:, None] * (block.y - centre.level)
    price = ridge.price[ridge.price > 0.0]
    Q, leverage = np.zeros((block.rows, 0)), np.zeros(block.rows)
    known = [] if centre.mean is None else [np.ones((block.rows, 1))]
    if free.size:
        known.append(block.centred(centre.mean, free).dense())
    if known:
        U, sizes, _ = np.linalg.svd(root[:, None] * np.hstack(known), full_matrices=False)
        Q = U[:, sizes > 1e-12 * sizes[0]]
        y = y - Q @ (Q.T @ y)
        leverage = np.square(Q).sum(axis=1)
    view, heavy = block.centred(centre.mean, paid), root / np.sqrt(centre.weight)
    if graded(np.sqrt(centre.curvature[paid] / price)):
        rows = view.dense() * heavy[:, None] / np.sqrt(price)
        values, V = by_rotations((rows - Q @ (Q.T @ rows)).T)
        return _Outer(values, V, y, leverage, root)
    K = view.outer(1.0 / price) * (heavy * heavy[:, None])
    K -= Q @ (Q.T @ K)
    K -= (K @ Q) @ Q.T
    values, V = np.linalg.eigh(K)
    return _Outer(np.maximum(values, 0.0), V, y, leverage, root)


def _by_rows(
    design: Design, ridge: _Ridge, strengths: Float, relative: Float, absolute: bool
) -> list[Float]:
    """The same where columns outnumber rows."""
    outer = _outer(design, ridge)
    kept, root = outer.kept(strengths), outer.root[:, None]
    taken = np.square(outer.V) @ (1.0 - kept) + outer.leverage[:, None]
    left = np.maximum(1.0 - taken, LEAST) * np.where(root > 0.0, root, np.inf)
    found = np.zeros_like(left)
    for output, size in enumerate(relative):
        error = outer.V @ (kept * (outer.V.T @ outer.y[:, output])[:, None]) / left
        found += (np.abs(error) if absolute else error**2) / size
    s = outer.root**2
    return [s @ found, s @ found**2]
