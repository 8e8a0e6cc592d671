"""What leastwise raises and warns with.

Two questions are answered by the class alone: is it ours, and whose fault is it. `DataError` is
the data's (the command exits with 1), `UsageError` the call's (exit 2). Both are `ValueError`s as
well, so that code written for scikit-learn catches them.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


class LeastwiseError(Exception):
    """The base of every error that leastwise raises on purpose."""


class DataError(LeastwiseError, ValueError):
    """The data cannot be used: a file is missing or cut, a column absent, too few rows."""


class UsageError(LeastwiseError, ValueError):
    """The call cannot be carried out: an unknown option, solver or value, or one out of range."""


class LeastwiseWarning(UserWarning):
    """The base of every warning of leastwise: the result is right, but look at this."""


class ConvergenceWarning(LeastwiseWarning):
    """The certificate did not reach the tolerance."""


def at_least_zero(name: str, value: Any) -> float:
    """`value` if it is a finite number of at least 0.

    Raises
    ------
    UsageError
        If it is not; the message names the argument.
    """
    if not isinstance(value, Real) or not math.isfinite(value) or value < 0:
        raise UsageError(f"{name} must be a number of at least 0, not {value!r}")
    return float(value)
