"""Logistic: the scikit-learn face of a fit of classes, two or many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted, validate_data

from leastwise.blocks.tensors import array_of, module, rows_of_tensor, tensors_out
from leastwise.errors import DataError, UsageError
from leastwise.estimators.arrays import classes_of, host_rows, refuse_text, weights_of
from leastwise.estimators.base import Linear
from leastwise.losses import for_classes
from leastwise.model import Model, probabilities
from leastwise.separation import Separation
from leastwise.solvers import Solver
from leastwise.sources import MemorySource

Float = NDArray[np.float64]


class Logistic(ClassifierMixin, Linear):
    """Logistic regression with an elastic-net penalty and a certificate, for two classes or more.

    The objective, with the weights s and the penalty factors f, for two classes y = 0 and 1::

        minimise over b, w:  sum_i s_i [log(1 + exp(eta_i)) - y_i eta_i] / sum_i s_i
                             + sum_j f_j (l1 |w_j| + l2/2 w_j^2),       eta_i = b + x_i·w

    and for K > 2, each with coefficients of its own, the cross-entropy of their softmax, the
    penalty summed over the classes (Cox 1958; Theil 1969).

    Parameters
    ----------
    l1, l2, intercept, solver, tol, max_iter, factors, bounds, standardize, memory
        As in `LeastSquares`. scikit-learn's C is `l2 = 1 / (C sum_i s_i)`.
    class_weight : None, "balanced" or dict
        What the weights of a class's rows are multiplied by: nothing, n / (K times its rows), or a
        number for each label, 1 for those not named.

    Attributes
    ----------
    classes_ : (K,) array
        The labels, sorted.
    coef_ : (1, p) or (K, p) array
        For two classes, those of the log odds of the second.
    intercept_ : (1,) or (K,) array
    separation_ : Separation or None
        What tells classes exactly without a penalty: `direction` (p, 1) or (p, K), along which the
        coefficients have no end, and whether it is `complete`, all rows on the side of their class.
    certificate_, history_, n_iter_, model_
        As in `LeastSquares`.

    Raises
    ------
    UsageError
        If an argument is out of range or the solver cannot take the problem.
    DataError
        If the data cannot be fitted, or all rows are of one class. Both are ValueErrors.

    Notes
    -----
    Columns that tell classes exactly have no finite optimum without a penalty: a
    `LeastwiseWarning` names them, `separation_` is the direction, and what the fit reached is kept.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import Logistic
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]])
    >>> model = Logistic(l2=0.1).fit(X, ["no", "no", "yes", "no", "yes", "yes"])
    >>> model.predict([[0.5], [4.5]])
    array(['no', 'yes'], dtype='<U3')
    >>> model.predict_proba([[2.5]]).round(6)
    array([[0.5, 0.5]])
    """

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        class_weight: str | Mapping[Any, float] | None = None,
        intercept: bool = True,
        solver: str | Solver = "auto",
        tol: float = 1e-9,
        max_iter: int | None = None,
        factors: ArrayLike | None = None,
        bounds: Any = None,
        standardize: bool = False,
        memory: str | int | None = None,
    ) -> None:
        super().__init__(
            l1,
            l2,
            intercept=intercept,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            factors=factors,
            bounds=bounds,
            standardize=standardize,
            memory=memory,
        )
        self.class_weight = class_weight

    def fit(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit to X (n, p) and labels y (n,), or to a table that holds both.

        Parameters
        ----------
        X : array, sparse matrix or numeric frame (n, p), or what `leastwise.table` returned; the
            distinct values of a table's target are the classes
        y : (n,) texts, whole numbers or booleans; left out with a table
        sample_weight : (n,) not negative; with a table, name the column there

        Returns
        -------
        self
        """
        source, self.classes_ = classes_of(self, X, y, sample_weight, self.class_weight)
        self._set(self._solve(source, for_classes(self.classes_.size)), False)
        self._warn()
        return self

    def restored(self, model: Model) -> Self:
        if model.classes is None:
            raise UsageError("the model was fitted to shares of classes: use leastwise.Model.load")
        self.classes_ = model.classes.array
        self._set(model, False)
        return self

    @property
    def separation_(self) -> Separation | None:
        """What separates the classes, or None where nothing was seen to."""
        check_is_fitted(self)
        return self.model_.fit.separation

    @tensors_out
    def decision_function(self, X: Any) -> Float:
        """(n,) the log odds of the second of two classes, or (n, K) the scores of more.

        X is an array as in `fit`; after fitting a table also a frame or the path of a file.
        """
        eta = self._eta(X)
        return eta[:, 0] if eta.shape[1] == 1 else eta

    @tensors_out
    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) the likeliest class of rows, given as to `decision_function`."""
        return self._likeliest(self._eta(X))

    def _likeliest(self, eta: Float) -> NDArray[Any]:
        codes = eta.argmax(axis=1) if eta.shape[1] > 1 else (eta[:, 0] > 0.0).astype(np.intp)
        return self.classes_[codes]

    @tensors_out
    def predict_proba(self, X: Any) -> Float:
        """(n, K) the probability of each class, in the order of `classes_`."""
        eta = self._eta(X)
        return probabilities(self.model_.loss, eta)

    @tensors_out
    def predict_log_proba(self, X: Any) -> Float:
        """(n, K) the logarithms of the probabilities, finite however small these are."""
        eta = self._eta(X)
        scores = eta if eta.shape[1] > 1 else np.hstack([np.zeros_like(eta), eta])
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    def to_torch(self, dtype: Any = None) -> Any:
        check_is_fitted(self)
        coef, intercept = np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_)
        if coef.shape[0] == 1:  # of two classes the first has the score 0
            coef, intercept = np.vstack([0.0 * coef, coef]), np.append(0.0 * intercept, intercept)
        return module(coef, intercept if self.intercept else None, "softmax", dtype)

    def score(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """The share of rows, given as in `fit`, whose class is the one predicted."""
        X, y, sample_weight = rows_of_tensor(X), array_of(y), array_of(sample_weight)
        if isinstance(X, MemorySource):
            own = self._own(X)
            return float(accuracy_score(own, self._likeliest(self._eta(X)), sample_weight=X.weight))
        return float(super().score(X, y, sample_weight))

    def _own(self, source: MemorySource) -> NDArray[Any]:
        """(n,) the labels of a table's rows."""
        rows = source.classified()
        assert rows.classes is not None, "just made"
        return rows.classes.array[rows.classes.codes(rows.y)]

    def _shown(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> MemorySource:
        if isinstance(X, MemorySource):
            rows, own = X, self._own(X)
            X, weight = rows.X, rows.weight
        else:
            refuse_text(X)
            X, y, sample_weight = host_rows(X), array_of(y), array_of(sample_weight)
            X, own = validate_data(self, X, y, accept_sparse=("csr", "csc"), reset=False)
            weight = weights_of(sample_weight, X.shape[0])
        codes = np.searchsorted(self.classes_, own).clip(max=self.classes_.size - 1)
        if (strange := self.classes_[codes] != own).any():
            raise DataError(f"the fit knows no class {np.asarray(own)[strange].tolist()[0]!r}")
        model, classes = self.model_, self.model_.classes
        assert classes is not None, "every fit of classes keeps them"
        y = classes.targets(codes)
        return MemorySource(X, y, weight, columns=model.columns, targets=model.targets)
