"""LeastSquares: the scikit-learn face of a fit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from leastwise.errors import ConvergenceWarning, LeastwiseWarning
from leastwise.estimators.arrays import FLOATS, numeric_array, refuse_text, rows_of, weights_of
from leastwise.inference import Inference
from leastwise.model import Model, fit_source, linear
from leastwise.report import diagnostics, write
from leastwise.solvers import Solver
from leastwise.sources import MemorySource

if TYPE_CHECKING:
    from leastwise.model.along import Paths

Float = NDArray[np.float64]


class LeastSquares(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Least squares with an elastic-net penalty and a certificate.

    The objective, with the weights s and the penalty factors f::

        minimise over b, w:  sum_i s_i (y_i - b - x_i·w)^2 / (2 sum_i s_i)
                             + sum_j f_j (l1 |w_j| + l2/2 w_j^2)

    Parameters
    ----------
    l1, l2 : float
        Strengths of the lasso's and of the ridge's part; 0 for ordinary least squares. The loss is
        a mean, so that they do not depend on the number of rows.
    intercept : bool
        Whether to fit b, which is never penalised.
    solver : str or Solver
        "auto" (the cheapest that can), a name (`leastwise.solvers.SOLVERS`), or a configured
        solver.
    tol : float
        The relative duality gap to reach.
    max_iter : int or None
        The most iterations; None for the solver's own limit.
    factors : (p,) array or None
        Penalty factors f_j; 0 leaves a column unpenalised, inf excludes it.
    bounds : pair or None
        (lower, upper) of the coefficients: each a number, (p,) numbers or None for no bound, with
        lower <= 0 <= upper; (0, None) allows no negative coefficient.
    standardize : bool
        Whether to penalise w_j times the standard deviation of its column instead of w_j.
        Coefficients, bounds and predictions stay in the original units.
    memory : str, int or None
        What fitting may take beyond the data ("2GB", "512MiB", bytes); most of what is free by
        default.

    Attributes
    ----------
    coef_ : (p,) or (k, p) array
    intercept_ : float or (k,) array
    certificate_ : Certificate
        primal, dual, gap, relative_gap, converged, reason.
    history_ : tuple of Record
        Objective and gap along the way.
    n_iter_ : int
    model_ : Model
        The plain model: what `save` writes and the report shows.

    Raises
    ------
    UsageError
        If an argument is out of range or the solver cannot take the problem.
    DataError
        If the data cannot be fitted. Both are ValueErrors.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import LeastSquares
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = LeastSquares().fit(X, [1.0, 3.0, 5.0, 7.0])
    >>> model.coef_, round(model.intercept_, 12)
    (array([2.]), 1.0)
    >>> model.certificate_.converged
    True
    """

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

    def fit(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> LeastSquares:
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
        self.model_: Model = fit_source(
            source,
            l1=self.l1,
            l2=self.l2,
            factors=None if self.factors is None else np.asarray(self.factors, np.float64),
            bounds=self.bounds,
            standardize=self.standardize,
            intercept=self.intercept,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            memory=self.memory,
        )
        set_fitted(self, one)
        self._warn()
        return self

    def score(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """R2 of the predictions for rows, given as in `fit`."""
        if isinstance(X, MemorySource):
            X, y, sample_weight = X.X, X.y[:, 0] if X.y.shape[1] == 1 else X.y, X.weight
        return float(super().score(X, y, sample_weight))

    def predict(self, X: Any) -> Float:
        """Predictions for rows: (n,) or (n, k).

        X is an array as in `fit`; after fitting a table also a frame or the path of a file.
        """
        check_is_fitted(self)
        if self.model_.encoding is not None and not numeric_array(X):
            return self.model_.predict(X)
        refuse_text(X)
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=FLOATS, reset=False)
        eta = linear(X, np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_))
        return eta if np.ndim(self.coef_) == 2 else eta[:, 0]

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
        source = X
        if not isinstance(X, MemorySource):
            refuse_text(X)
            X, checked = validate_data(
                self, X, y, accept_sparse=("csr", "csc"), multi_output=True, reset=False
            )
            weight = weights_of(sample_weight, X.shape[0])
            columns, targets = self.model_.columns, self.model_.targets
            source = MemorySource(X, checked, weight, columns=columns, targets=targets)
        write(self.model_, diagnostics(source, self.model_), path, self._paths(source))

    def _paths(self, source: MemorySource) -> Paths | None:
        """The paths that belong on the page of the fit: none of a single strength."""
        return None

    def _warn(self) -> None:
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


def set_fitted(estimator: LeastSquares, one: bool) -> None:
    """Set what scikit-learn expects to find after a fit."""
    model = estimator.model_
    estimator.coef_ = model.coef[0] if one else model.coef
    estimator.intercept_ = float(model.intercept[0]) if one else model.intercept
    estimator.certificate_ = model.fit.certificate
    estimator.history_ = model.fit.history
    estimator.n_iter_ = max(1, model.fit.iterations)
