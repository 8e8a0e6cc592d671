"""Least squares whose penalty is chosen by cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.cv import CrossValidation
from leastwise.errors import LeastwiseWarning, UsageError
from leastwise.estimators.arrays import rows_of
from leastwise.estimators.least_squares import LeastSquares
from leastwise.model.along import Paths, path_source
from leastwise.model.chosen import fit_chosen
from leastwise.solvers import Solver
from leastwise.sources import MemorySource

Float = NDArray[np.float64]


class LeastSquaresCV(LeastSquares):
    """Least squares with an elastic-net penalty whose strength cross-validation chooses.

    The objective, with the strength and the ratio that predict best rows that a fit did not see::

        minimise over b, w:  sum_i s_i (y_i - b - x_i·w)^2 / (2 sum_i s_i)
                             + strength * sum_j f_j (ratio |w_j| + (1 - ratio)/2 w_j^2)

    Parameters
    ----------
    l1_ratio : float or sequence of float
        The ratios to try, from 0 (ridge) to 1 (lasso).
    strengths : int or array
        How many to try for each ratio, from the smallest that zeroes every coefficient
        geometrically down to `smallest` times that; or which.
    smallest : float or None
        1e-3 by default; a ratio below 1e-3 takes the grid of 1e-3 and goes down to 1e-8.
    cv : int, splitter, iterable or str
        A number of folds (rows shuffled by `seed`), a scikit-learn splitter, pairs of (train, test)
        rows, a label for each row, or for a ridge "loo" (leave one row out, exactly) or "gcv".
    rule : "min" or "1se"
        The least mean error, or the largest strength of that ratio within a standard error of it.
    scoring : str or callable
        "mse", "rmse" (the mean over folds of roots), "mae", "r2", or a scorer of scikit-learn.
    seed : int or None
        Of the shuffling.
    intercept, solver, tol, max_iter, memory
        As in `LeastSquares`, for the fit to all rows.
    factors : (p,) array or None
        Penalty factors f_j; 0 leaves a column unpenalised, inf excludes it.
    bounds : (lower, upper) or None
        Bounds of the coefficients, each a number, (p,) or None; `(0, None)` keeps all at least 0.
    standardize : bool
        Whether columns are penalised in units of their standard deviations, which each fold learns
        from its own training rows.

    Attributes
    ----------
    strength_, l1_ratio_ : float
        What was chosen.
    cv_ : CrossValidation
        The errors of all that was tried, and what either rule takes.
    coef_, intercept_, certificate_, history_, n_iter_, model_
        Of the fit to all rows, as in `LeastSquares`.

    Notes
    -----
    Where y has several columns one strength is chosen for all: their errors, each relative to that
    of its mean, are added. A best strength at the lower end of a grid that was not given has the
    grid widened once.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import LeastSquaresCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> model = LeastSquaresCV(cv=5).fit(X, 3.0 * X[:, 0] + rng.standard_normal(100))
    >>> model.l1_ratio_, model.cv_.route
    (1.0, 'moments')
    """

    def __init__(
        self,
        l1_ratio: float | Sequence[float] = (0.1, 0.5, 0.9, 1.0),
        strengths: int | ArrayLike = 100,
        *,
        smallest: float | None = None,
        cv: Any = 10,
        rule: str = "min",
        scoring: Any = "mse",
        seed: int | None = 0,
        intercept: bool = True,
        factors: ArrayLike | None = None,
        bounds: Any = None,
        standardize: bool = False,
        solver: str | Solver = "auto",
        tol: float = 1e-9,
        max_iter: int | None = None,
        memory: str | int | None = None,
    ) -> None:
        self.l1_ratio = l1_ratio
        self.strengths = strengths
        self.smallest = smallest
        self.cv = cv
        self.rule = rule
        self.scoring = scoring
        self.seed = seed
        self.intercept = intercept
        self.factors = factors
        self.bounds = bounds
        self.standardize = standardize
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.memory = memory

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> LeastSquaresCV:
        """Choose the penalty and fit to all rows, given as in `LeastSquares.fit`.

        Parameters
        ----------
        X : array, sparse matrix or numeric frame (n, p), or what `leastwise.table` returned
        y : (n,) or (n, k); left out with a table
        sample_weight : (n,) not negative; with a table, name the column there
        groups : (n,) labels of rows that must stay in one fold

        Returns
        -------
        self
        """
        source, one = rows_of(self, X, y, sample_weight)
        if not isinstance(source, MemorySource):
            raise UsageError("cross-validation needs rows in memory: give arrays or a table")
        model = fit_chosen(
            source,
            l1_ratio=self.l1_ratio,
            strengths=self.strengths,
            smallest=self.smallest,
            cv=self.cv,
            groups=groups,
            rule=self.rule,
            scoring=self.scoring,
            seed=self.seed,
            **self._settings(),
        )
        found = model.cross_validation
        assert found is not None, "fit_chosen keeps it"
        set_chosen(self, found)
        self._set(model, one)
        for note in self.cv_.notes:
            warnings.warn(note, LeastwiseWarning, stacklevel=2)
        self._warn()
        return self

    def _paths(self, source: MemorySource) -> Paths:
        """The path of the chosen ratio on all rows, for the page."""
        ratio = self.cv_.chosen[0]
        return path_source(
            source,
            l1_ratio=self.l1_ratio_,
            strengths=self.cv_.strengths[ratio],
            **self._settings(),
        )


def set_chosen(estimator: LeastSquaresCV, found: CrossValidation) -> None:
    """Set what was chosen, and what was tried."""
    estimator.cv_ = found
    estimator.strength_ = found.strength
    estimator.l1_ratio_ = found.l1_ratio
