"""The scikit-learn faces, and the functions that take arrays, frames and tables as they do."""

from leastwise.estimators.evidence import evidence
from leastwise.estimators.least_squares import LeastSquares
from leastwise.estimators.least_squares_cv import LeastSquaresCV
from leastwise.estimators.loading import load
from leastwise.estimators.logistic import Logistic
from leastwise.estimators.losses_cv import HuberCV, LeastAbsoluteCV, LogisticCV, QuantileCV
from leastwise.estimators.path import path
from leastwise.estimators.plan import plan
from leastwise.estimators.quantile import Quantile
from leastwise.estimators.robust import Huber, LeastAbsolute

__all__ = [
    "Huber",
    "HuberCV",
    "LeastAbsolute",
    "LeastAbsoluteCV",
    "LeastSquares",
    "LeastSquaresCV",
    "Logistic",
    "LogisticCV",
    "Quantile",
    "QuantileCV",
    "evidence",
    "load",
    "path",
    "plan",
]
