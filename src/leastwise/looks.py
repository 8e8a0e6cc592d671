"""What a look at several points of a path is asked for and finds, and what bounds a correlation.

Along a path the residual r of a point lies near the line from that of a point before it to that of
one after it, at a share t of the way. For what column j has in common with it that means

    u_j = u_j before + t (u_j after - u_j before) + x_j'd,   |x_j'd| <= |x_j| |d|

(Cauchy and Schwarz), d what r is off the line. For nearly all columns that is within their limit,
so that all columns are read at a few landmarks alone. Everything is in the products r_a'S r_b / W.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leastwise.numerics.factors import EPS

Float = NDArray[np.float64]
Index = NDArray[np.intp]

FEW = 4  # points that are read as fast as one
ROUNDING = 1024.0 * EPS  # of the squares that |d|^2 is the difference of
LEAST = sys.float_info.min  # of a square


@dataclass(frozen=True)
class Points:
    """Several w of one target, zero outside of `columns`: coef (b, m).

    They follow each other down a path; the last one lies ahead of it. At the others |u| has limits
    (p,). The correlation (p,) at the `first` may be known.
    """

    target: int
    columns: Index
    coef: Float
    limits: Sequence[Float]
    first: Float | None = None

    @property
    def landmarks(self) -> list[int]:
        """Those between which the others lie, the first among them; FEW of them are to be read."""
        count, parts = len(self.coef), FEW - 2 + (self.first is not None)
        if count <= parts + 2:
            return list(range(count))
        return [round((count - 2) * part / parts) for part in range(parts + 1)] + [count - 1]


@dataclass(frozen=True)
class Look:
    """What the points turned out to be: value (b,) and correlation (b, p).

    Where a column was not read at a point, its correlation there is a bound within its limit, of
    either sign.

    reaching (r,): the columns that may be beyond a limit, if not all
    """

    value: Float
    correlation: Float
    reaching: Index | None = None


@dataclass(frozen=True)
class Line:
    """Where a point is: at this share of the way from one landmark to another, and so far off."""

    before: int
    after: int
    share: float
    away: float


def lines(landmarks: Sequence[int], products: Float) -> list[Line]:
    """Each point's line, from the products r_a'S r_b / W (b, b) of all points."""
    S, found = products.tolist(), [Line(landmarks[0], landmarks[0], 0.0, 0.0)]
    for a, b in pairwise(landmarks):
        length = S[a][a] - 2.0 * S[a][b] + S[b][b]
        for i in range(a + 1, b):
            along = S[i][b] - S[i][a] - S[a][b] + S[a][a]
            share = min(max(along / length, 0.0), 1.0) if length > 0.0 else 0.0
            moved = S[i][i] - 2.0 * S[i][a] + S[a][a]
            square = max(moved + share * (share * length - 2.0 * along), 0.0)
            square += ROUNDING * (S[i][i] + S[a][a] + S[b][b]) + LEAST
            found.append(Line(a, b, share, math.sqrt(square)))
        found.append(Line(b, b, 0.0, 0.0))
    return found


def bound(
    lines: Sequence[Line], u: Float, length: Float, limits: Sequence[Float]
) -> NDArray[np.bool_]:
    """Fill u (b, p), which is known at the landmarks; which columns may be beyond a limit.

    Columns have these lengths |x_j| (p,). The last point has no limit: it is a landmark.
    """
    from leastwise.kernels.bounds import bounded

    reaching, whole = np.zeros(length.shape, bool), np.empty(length.shape)
    for line, out, limit in zip(lines[:-1], u[:-1], limits, strict=True):
        ends = u[line.before], u[line.after]
        np.copyto(whole, limit)  # one number for all columns would be read by a slower loop
        bounded(*ends, line.share, line.away, length, whole, out, reaching)
    return reaching
