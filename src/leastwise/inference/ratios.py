"""Odds ratios: exp of coefficients, and how many digits tell one from 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.inference.table import Inference

FEWEST, MOST = 4, 12  # digits of a ratio


def ratios(table: Inference, values: Any) -> NDArray[np.float64]:
    """exp of the (m,) coefficients or ends of intervals of a table; nan for the intercept.

    An intercept is the log odds where all columns are zero, and no ratio of odds.
    """
    with np.errstate(over="ignore"):
        found = np.exp(np.asarray(values, dtype=np.float64))
    if table.names[:1] == ("intercept",) and np.isnan(table.per_sd[0]):
        found[0] = np.nan
    return found


def ratio_digits(value: float) -> int:
    """How many significant digits show two of value - 1: the unit of a column may be tiny.

    Examples
    --------
    >>> [ratio_digits(value) for value in (9.592, 0.9989, 1.00000196, 1.0)]
    [4, 4, 8, 4]
    """
    if not 0.5 < value < 2.0 or value == 1.0:
        return FEWEST
    decimals = 1 - math.floor(math.log10(abs(value - 1.0)))
    return min(max(FEWEST, decimals + (value > 1.0)), MOST)
