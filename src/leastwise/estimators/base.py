"""What every face of a fit has: its parameters, the fit, prediction, saving, the page, warnings."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, validate_data

from leastwise.blocks.tensors import array_of, module, rows_of_tensor, tensors_out
from leastwise.errors import ConvergenceWarning, LeastwiseWarning
from leastwise.estimators.arrays import (
    checked_rows,
    factors_of,
    host_rows,
    numeric_array,
    refuse_text,
    rows_of,
    weights_of,
)
from leastwise.inference import Inference
from leastwise.losses import Loss
from leastwise.model import Model, fit_source
from leastwise.report import diagnostics, write
from leastwise.solvers import Solver
from leastwise.sources import MemorySource, Source
from leastwise.sources.new_rows import linear

if TYPE_CHECKING:
    from leastwise.model.along import Paths

Float = NDArray[np.float64]


class Linear(BaseEstimator):
    """A linear model with an elastic-net penalty and a certificate; its children name the loss."""

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        intercept: bool = True,
        solver: str | Solver = "auto",
        tol: float = 1e-9,
        max_iter: int | None = None,
        factors: ArrayLike | None = None,
        bounds: Any = None,
        standardize: bool = False,
        memory: str | int | None = None,
    ) -> None:
        self.l1 = l1
        self.l2 = l2
        self.intercept = intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.factors = factors
        self.bounds = bounds
        self.standardize = standardize
        self.memory = memory

    def _settings(self) -> dict[str, Any]:
        """The parameters that every fit takes, as `fit_source` names them; not the penalty."""
        return {
            "factors": factors_of(self.factors),
            "bounds": self.bounds,
            "standardize": self.standardize,
            "intercept": self.intercept,
            "solver": self.solver,
            "tol": self.tol,
            "max_iter": self.max_iter,
            "memory": self.memory,
        }

    def _solve(self, source: Source, loss: Loss) -> Model:
        """The certified fit of a loss to rows."""
        return fit_source(source, loss=loss, l1=self.l1, l2=self.l2, **self._settings())

    def _eta(self, X: Any) -> Float:
        """(n, k) the linear predictions of rows given as in `fit`, or as a table's."""
        check_is_fitted(self)
        if isinstance(X, MemorySource) or (
            self.model_.encoding is not None and not numeric_array(X)
        ):
            X = self.model_.encoded(X)
        else:
            refuse_text(X)
            X = checked_rows(self, X)
        return linear(X, np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_))

    def to_torch(self, dtype: Any = None) -> Any:
        """An nn.Sequential that maps rows (n, p) to what the model predicts of them.

        Its first part, `module[0]`, is an nn.Linear with the coefficients. Of classes it predicts
        their probabilities, as `predict_proba`, by a softmax of the scores that `module[0]` gives.

        Parameters
        ----------
        dtype : of the module's numbers; torch.float64 by default

        Raises
        ------
        UsageError
            PyTorch is not installed, or the dtype is no float type of it.
        """
        check_is_fitted(self)
        coef, intercept = np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_)
        head = "flatten" if np.ndim(self.coef_) == 1 else None
        return module(coef, intercept if self.intercept else None, head, dtype)

    @property
    def inference_(self) -> tuple[Inference, ...]:
        """The coefficient table of each output, with standard errors if nothing is penalised."""
        check_is_fitted(self)
        return self.model_.inference

    def save(self, path: str | Path) -> None:
        """Write the model to `path` as JSON: no rows of data, no code (see `leastwise.load`)."""
        check_is_fitted(self)
        self.model_.save(path)

    def report(
        self,
        path: str | Path,
        X: Any,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Write a self-contained page of the fit to `path`: coefficients, residuals, convergence.

        The rows (as in `fit`) are those whose residuals are shown.
        """
        check_is_fitted(self)
        self._write_page(path, self._shown(X, y, sample_weight))

    def _write_page(self, path: str | Path, source: MemorySource) -> None:
        write(self.model_, diagnostics(source, self.model_), path, self._paths(source))

    def _shown(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> MemorySource:
        """Rows given as in `fit`, for a page."""
        X, y, sample_weight = host_rows(X), array_of(y), array_of(sample_weight)
        if isinstance(X, MemorySource):
            return X
        refuse_text(X)
        X, checked = validate_data(
            self, X, y, accept_sparse=("csr", "csc"), multi_output=True, reset=False
        )
        weight = weights_of(sample_weight, X.shape[0])
        columns, targets = self.model_.columns, self.model_.targets
        return MemorySource(X, checked, weight, columns=columns, targets=targets)

    def _paths(self, source: MemorySource) -> Paths | None:
        """The paths that belong on the page of the fit: none of a single strength."""
        return None

    def _set(self, model: Model, one: bool) -> None:
        """Set what scikit-learn expects to find after a fit; `one` output is not listed."""
        self.model_ = model
        self.coef_ = model.coef[0] if one else model.coef
        self.intercept_ = float(model.intercept[0]) if one else model.intercept
        self.certificate_ = model.fit.certificate
        self.history_ = model.fit.history
        self.n_iter_ = max(1, model.fit.iterations)

    @abstractmethod
    def restored(self, model: Model) -> Self:
        """The estimator as if it had been fitted: with what a saved model holds."""

    def _warn(self) -> None:
        """Warn of what the fit found, in the line that called `fit`."""
        for note in self.model_.fit.notes:
            warnings.warn(note, LeastwiseWarning, stacklevel=3)
        if not self.certificate_.converged:
            reached = f"relative gap {self.certificate_.relative_gap:.2g} > tol {self.tol:g}"
            message = f"not converged: {reached} ({self.certificate_.reason})"
            warnings.warn(message, ConvergenceWarning, stacklevel=3)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class Regression(MultiOutputMixin, RegressorMixin, Linear):
    """A linear model of numbers, one or several targets."""

    @abstractmethod
    def _loss(self) -> Loss:
        """What is minimised the mean of."""

    def fit(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit to X (n, p) and y (n,) or (n, k), or to a table that holds both.

        Parameters
        ----------
        X : array, sparse matrix or numeric frame (n, p), or what `leastwise.table` returned
        y : (n,) or (n, k); left out with a table
        sample_weight : (n,) not negative; with a table, name the column there

        Returns
        -------
        self
        """
        source, one = rows_of(self, X, y, sample_weight)
        self._set(self._solve(source, self._loss()), one)
        self._warn()
        return self

    def restored(self, model: Model) -> Self:
        self._set(model, len(model.targets) == 1)
        return self

    def score(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """R2 of the predictions for rows, given as in `fit`."""
        X, y, sample_weight = rows_of_tensor(X), array_of(y), array_of(sample_weight)
        if isinstance(X, MemorySource):
            eta = self._eta(X)
            return float(r2_score(X.y, eta, sample_weight=X.weight))
        return float(super().score(X, y, sample_weight))

    @tensors_out
    def predict(self, X: Any) -> Float:
        """Predictions for rows: (n,) or (n, k); of a tensor, tensors of its device and float type.

        X is an array as in `fit`, or a table; after fitting one also a frame or the path of a file.
        """
        eta = self._eta(X)
        return eta if np.ndim(self.coef_) == 2 else eta[:, 0]
