"""Cross-validation: which strength predicts rows best that the fit did not see."""

from leastwise.cv.folds import Folds, make_folds
from leastwise.cv.result import CrossValidation
from leastwise.cv.validate import ROUTES, cross_validate

__all__ = ["ROUTES", "CrossValidation", "Folds", "cross_validate", "make_folds"]
