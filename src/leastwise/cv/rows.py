"""A path over rows, where p x p numbers are too many or not worth their sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.cv.moment_paths import FoldPath
from leastwise.paths import trace
from leastwise.penalties import ElasticNet
from leastwise.problem import Design, Problem

Float = NDArray[np.float64]


def row_path(
    design: Design, unit: ElasticNet, strengths: Float, tol: float, memory: int
) -> FoldPath:
    """The path of `unit` times each strength over the rows of `design`.

    Parameters
    ----------
    strengths : (K,) in decreasing order ; tol : the relative gap of each fit
    """
    penalties = [unit.times(float(strength)) for strength in strengths]
    found = trace(Problem(design, unit, memory), penalties, tol=tol)
    return FoldPath(found.coef.transpose(2, 0, 1), found.intercept.T, float(found.gap.max()))
