"""Absolute and quantile regression: the numerical core, on arrays."""

from leastwise.kinks.noncrossing import Joint, noncrossing
from leastwise.kinks.rows import Kink, KinkRows, Solution, WeightedRows
from leastwise.kinks.solve import solve
from leastwise.kinks.solve_all import solve_all

__all__ = [
    "Joint",
    "Kink",
    "KinkRows",
    "Solution",
    "WeightedRows",
    "noncrossing",
    "solve",
    "solve_all",
]
