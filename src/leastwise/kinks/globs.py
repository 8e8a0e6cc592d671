"""Many rows, few of which matter: those far from the fit enter as two sums.

A row whose residual stays positive has theta_i = up_i whatever else happens. All of these together
are one row, sum up_i a_i, with the loss of its sum, which is no more than the sum of their losses:
the small problem bounds the large one from below, and has its solution where every sign was right
(Portnoy and Koenker 1997, section 4; Chernozhukov, Fernandez-Val and Melly 2022).

Which rows those are, a sample tells: its solution v_0, then one Newton step on all rows, with the
gradient of the smoothed loss over all of them and the curvature of the sample, is far closer to
the solution than v_0 (the one-step estimator: Bickel 1975).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from leastwise.kinks.interior import advance, begin
from leastwise.kinks.pieces import Pieces
from leastwise.kinks.units import Units
from leastwise.numerics.quantiles import SAMPLE, spread_out

Float = NDArray[np.float64]
Index = NDArray[np.intp]

DIRECT = 30  # rows a column, below which all rows are worked on
KAPPA = 1.0  # of the sum's slope


def sample_size(n: int, m: int) -> int:
    """The rows of the sample; n where preprocessing would not pay."""
    if n <= max(1500, DIRECT * m):
        return n
    return int(min(n, 3.5 * np.sqrt(m * n) + 200))


def smoothed(r: Float, up: Float, down: Float, width: float) -> Float:
    """theta of the loss whose kink is rounded within `width`."""
    return 0.5 * (up - down) + 0.5 * (up + down) * np.clip(r / width, -1.0, 1.0)


def approach(units: Units, size: int, seed: int, max_iter: int) -> tuple[Float, int]:
    """v near the solution, from a sample of `size` rows and one pass over all; steps taken."""
    some = spread_out(units.n, size, np.random.default_rng(seed))
    pieces = _share(units.pieces(some), some.size, some.size / units.n)
    start = _least_squares(pieces, some.size)
    point = advance(pieces, begin(pieces, start), 1e-3 * some.size, max_iter)
    M = some.size
    t, h = pieces.up - point.theta, pieces.down + point.theta
    held = np.minimum(t, h)[M:] > (point.s + point.z)[M:] * (pieces.up + pieces.down)[M:]
    v = point.v.copy()
    free = np.ones(v.size, bool)
    free[pieces.unit[held]] = False
    v[pieces.unit[held]] = pieces.y[M:][held]
    r = pieces.y[:M] - v @ pieces.T
    near = np.partition(np.abs(r), min(M - 1, max(10 * v.size, M // 12)))
    width = float(near[min(M - 1, max(10 * v.size, M // 12))])
    if not width > 0.0 or not free.any():
        return v, point.iterations
    band = np.abs(r) <= width
    weight = (pieces.up + pieces.down)[:M][band] / (2.0 * width)
    T = pieces.T[np.ix_(free, band)]
    H = (T * weight) @ T.T * (units.n / M)
    H[np.diag_indices_from(H)] += pieces.l2[free] * (units.n / M) + 1e-6 * np.trace(H) / len(H)

    none = np.empty(0)

    def duals(part: slice, here: Float) -> tuple[Float, Float]:
        rows = units.rows
        return smoothed(here, rows.up[part], rows.down[part], width * units.S), none

    g = units.look(v, duals).back
    whole = pieces.l2 * v * (units.n / M)
    pull = np.zeros(v.size)
    ends = np.isfinite(pieces.up[M:]) & np.isfinite(pieces.down[M:]) & ~held
    pull[pieces.unit[ends]] = (pieces.up[M:] * np.sign(v[pieces.unit]))[ends] * (units.n / M)
    v[free] += cho_solve(cho_factor(H), (g - whole - pull)[free])
    return v, point.iterations


def _share(pieces: Pieces, M: int, share: float) -> Pieces:
    """The penalty as it is for a share of the rows."""
    up, down = pieces.up.copy(), pieces.down.copy()
    up[M:] *= share
    down[M:] *= share
    return Pieces(pieces.T, pieces.unit, pieces.y, up, down, pieces.l2 * share)


def _least_squares(pieces: Pieces, M: int) -> Float:
    weight = (pieces.up + pieces.down)[:M]
    scaled = pieces.T * weight
    H = scaled @ pieces.T.T
    H[np.diag_indices_from(H)] += pieces.l2 + 1e-8 * np.trace(H) / len(H) + 1e-300
    v: Float = cho_solve(cho_factor(H), scaled @ pieces.y[:M])
    return v


class Globs:
    """The rows worked on, `work`, and the sum of all others, each on the side it is taken to be on.

    The sum is one row a_G = sum theta_i a_i, y_G = sum theta_i y_i: for any theta in the box
    sum loss_i(r_i) >= max(r_G, -kappa r_G), kappa <= up_i / down_i and down_i / up_i for all i.

    Parameters
    ----------
    units : the problem
    v : (m,) near the solution
    band : how many rows to work on: those with the least residuals at v
    """

    def __init__(self, units: Units, v: Float, band: int) -> None:
        self.units = units
        rows = units.rows
        some = spread_out(units.n, SAMPLE, np.random.default_rng(2))
        near = np.abs(units.residuals(v, some))
        place = min(some.size - 1, int(some.size * band / units.n))
        width = float(np.partition(near, place)[place])
        self.theta = np.empty(units.n)

        def duals(part: slice, here: Float) -> tuple[Float, Float]:
            theta = np.where(here > width, rows.up[part], 0.0)
            theta -= np.where(here < -width, rows.down[part], 0.0)
            self.theta[part] = theta
            return theta, np.array([theta @ here])

        seen = units.look(v, duals)
        self.back = seen.back
        self.height = float(seen.totals[0]) / (units.S * units.weight) + float(seen.back @ v)
        self.work = np.flatnonzero(np.abs(seen.r) <= width)

    def pieces(self) -> Pieces:
        """The small problem: the rows worked on, and the sum of the others."""
        units = self.units
        count = max(units.n - self.work.size, 1)
        none = np.empty(0)
        sums = Pieces(
            self.back[:, None] / count,
            np.empty(0, np.intp),
            np.array([self.height / count]),
            np.array([float(count)]),
            np.array([KAPPA * count]),
            none,
        )
        return units.pieces(self.work, sums)

    def release(self, wrong: Index) -> None:
        """Work on the rows `wrong` too."""
        units, own = self.units, self.units.rows
        theta = self.theta[wrong] / units.weight
        self.back -= units.transposed(wrong) @ theta
        self.height -= float(theta @ (own.y[wrong] - units.b0)) / units.S
        self.theta[wrong] = 0.0
        self.work = np.union1d(self.work, wrong)
