"""Predictions in the clothes of a fitted estimator, for scikit-learn's scorers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

Float = NDArray[np.float64]


class Predicted(RegressorMixin, BaseEstimator):
    """A model whose predictions are there already: eta, (n,) or (n, k)."""

    def __init__(self, eta: Float) -> None:
        self.eta = eta

    def fit(self, X: Any, y: Any) -> Predicted:
        """Nothing is left to fit."""
        return self

    def predict(self, X: Any) -> Float:
        """The predictions, whatever the rows."""
        return self.eta

    def __sklearn_is_fitted__(self) -> bool:
        return True


class PredictedClasses(ClassifierMixin, BaseEstimator):
    """A model of the classes 0, 1, ... whose probabilities are there already, (n, 1) or (n, k)."""

    def __init__(self, share: Float) -> None:
        self.share = share

    @property
    def classes_(self) -> NDArray[np.intp]:
        """The classes."""
        return np.arange(max(2, self.share.shape[1]))

    def fit(self, X: Any, y: Any) -> PredictedClasses:
        """Nothing is left to fit."""
        return self

    def predict_proba(self, X: Any) -> Float:
        """(n, k) the probabilities, whatever the rows."""
        return self.share if self.share.shape[1] > 1 else np.hstack([1.0 - self.share, self.share])

    def predict(self, X: Any) -> NDArray[np.intp]:
        """(n,) the likeliest class, whatever the rows."""
        return self.predict_proba(X).argmax(axis=1)

    def __sklearn_is_fitted__(self) -> bool:
        return True
