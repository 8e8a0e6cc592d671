"""LeastAbsolute and Huber: fits that few wild targets do not move."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from leastwise.estimators.base import Regression
from leastwise.losses import Absolute, Loss
from leastwise.losses import Huber as HuberLoss
from leastwise.solvers import Solver


class LeastAbsolute(Regression):
    """Least absolute deviations with an elastic-net penalty and a certificate.

    The objective, with the weights s and the penalty factors f (Laplace 1793)::

        minimise over b, w:  sum_i s_i |y_i - b - x_i·w| / sum_i s_i
                             + sum_j f_j (l1 |w_j| + l2/2 w_j^2)

    Parameters
    ----------
    l1, l2, intercept, solver, tol, max_iter, factors, bounds, standardize, memory
        As in `LeastSquares`; the strengths l1 are in units of y's unit over x's.

    Attributes
    ----------
    coef_, intercept_, certificate_, history_, n_iter_, model_
        As in `LeastSquares`.

    Raises
    ------
    UsageError
        If an argument is out of range or no solver takes the problem.
    DataError
        If the data cannot be fitted. Both are ValueErrors.
    """

    def _loss(self) -> Loss:
        return Absolute()


class Huber(Regression):
    """Huber's regression with an elastic-net penalty and a certificate.

    The objective, with the weights s and the penalty factors f (Huber 1964)::

        minimise over b, w:  sum_i s_i h(y_i - b - x_i·w) / sum_i s_i
                             + sum_j f_j (l1 |w_j| + l2/2 w_j^2)
        h(r) = r^2 / 2 for |r| <= width, width |r| - width^2 / 2 beyond

    Parameters
    ----------
    width : float
        The residual from which on the loss grows linearly, in units of y. No scale is estimated:
        1.35 deviations of normal errors have 95 % of least squares' efficiency.
    l1, l2, intercept, solver, tol, max_iter, factors, bounds, standardize, memory
        As in `LeastSquares`.

    Attributes
    ----------
    coef_, intercept_, certificate_, history_, n_iter_, model_
        As in `LeastSquares`.

    Raises
    ------
    UsageError
        If an argument is out of range or the solver cannot take the problem.
    DataError
        If the data cannot be fitted. Both are ValueErrors.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import Huber
    >>> X = np.arange(8.0)[:, None]
    >>> y = 2.0 * X[:, 0] + 1.0
    >>> y[7] = 500.0
    >>> bool(Huber(width=10.0).fit(X, y).coef_[0] < 4.0)  # least squares finds 42
    True
    """

    def __init__(
        self,
        width: float = 1.35,
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
        self.width = width

    def _loss(self) -> Loss:
        return HuberLoss(self.width)
