"""Absolute and quantile regression: the numerical core, on arrays."""

from leastwise.kinks.rows import Kink, KinkRows, Solution, WeightedRows
from leastwise.kinks.solve import solve
from leastwise.kinks.solve_all import solve_all

__all__ = ["Kink", "KinkRows", "Solution", "WeightedRows", "solve", "solve_all"]
