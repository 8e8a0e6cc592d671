"""The scikit-learn faces, and the functions that take arrays, frames and tables as they do."""

from leastwise.estimators.evidence import evidence
from leastwise.estimators.least_squares import LeastSquares
from leastwise.estimators.least_squares_cv import LeastSquaresCV
from leastwise.estimators.loading import load
from leastwise.estimators.path import path

__all__ = ["LeastSquares", "LeastSquaresCV", "evidence", "load", "path"]
