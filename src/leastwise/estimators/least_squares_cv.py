"""Least squares whose penalty is chosen by cross-validation."""

from __future__ import annotations

from leastwise.estimators.chosen import RegressionCV
from leastwise.estimators.least_squares import LeastSquares


class LeastSquaresCV(RegressionCV, LeastSquares):
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
        1e-3 by default, 1e-8 for a ratio of 1e-3, whose grid smaller ones take.
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
