"""LeastSquares: the scikit-learn face of a fit of squared loss."""

from __future__ import annotations

from leastwise.estimators.base import Regression
from leastwise.losses import Loss, Squared


class LeastSquares(Regression):
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

    def _loss(self) -> Loss:
        return Squared()
