"""Absolute and quantile regression: the numerical core, on arrays."""

from leastwise.kinks.rows import KinkRows, Solution
from leastwise.kinks.solve import solve

__all__ = ["KinkRows", "Solution", "solve"]
