"""Robust fits, quantiles and classes whose penalty is chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from numpy.typing import ArrayLike

from leastwise.estimators.arrays import classes_of
from leastwise.estimators.chosen import Chosen, RegressionCV
from leastwise.estimators.logistic import Logistic
from leastwise.estimators.robust import Huber, LeastAbsolute
from leastwise.losses import Loss, for_classes
from leastwise.losses import Quantile as QuantileLoss
from leastwise.solvers import Solver


class LeastAbsoluteCV(RegressionCV, LeastAbsolute):
    """Least absolute deviations with a penalty whose strength cross-validation chooses.

    Parameters and attributes are those of `LeastSquaresCV`; the errors are mean losses unless
    `scoring` says otherwise. The solutions along the strengths of a lasso are exact.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import LeastAbsoluteCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((80, 4))
    >>> y = 3.0 * X[:, 0] + rng.standard_t(2, 80)
    >>> LeastAbsoluteCV(1.0, strengths=10, cv=4).fit(X, y).cv_.scoring
    'loss'
    """


class HuberCV(RegressionCV, Huber):
    """Huber's regression with a penalty whose strength cross-validation chooses.

    Parameters and attributes are those of `LeastSquaresCV`, and `width` of `Huber`; the errors are
    mean losses unless `scoring` says otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import HuberCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((80, 4))
    >>> model = HuberCV(1.0, 1.0, 10, cv=4).fit(X, X[:, 0] + rng.standard_t(2, 80))
    >>> bool(model.certificate_.converged)
    True
    """

    def __init__(
        self,
        width: float = 1.35,
        l1_ratio: float | Sequence[float] = (0.1, 0.5, 0.9, 1.0),
        strengths: int | ArrayLike = 100,
        *,
        smallest: float | None = None,
        cv: Any = 10,
        rule: str = "min",
        scoring: Any = None,
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
        super().__init__(
            l1_ratio,
            strengths,
            smallest=smallest,
            cv=cv,
            rule=rule,
            scoring=scoring,
            seed=seed,
            intercept=intercept,
            factors=factors,
            bounds=bounds,
            standardize=standardize,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            memory=memory,
        )
        self.width = width


class QuantileCV(RegressionCV):
    """One quantile with a penalty whose strength cross-validation chooses.

    Parameters and attributes are those of `LeastSquaresCV`, and q, one number, of `Quantile`; the
    errors are mean losses unless `scoring` says otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import QuantileCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((80, 4))
    >>> model = QuantileCV(0.8, 1.0, 10, cv=4).fit(X, X[:, 0] + rng.standard_t(2, 80))
    >>> bool(model.certificate_.converged)
    True
    """

    def __init__(
        self,
        q: float = 0.5,
        l1_ratio: float | Sequence[float] = (0.1, 0.5, 0.9, 1.0),
        strengths: int | ArrayLike = 100,
        *,
        smallest: float | None = None,
        cv: Any = 10,
        rule: str = "min",
        scoring: Any = None,
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
        super().__init__(
            l1_ratio,
            strengths,
            smallest=smallest,
            cv=cv,
            rule=rule,
            scoring=scoring,
            seed=seed,
            intercept=intercept,
            factors=factors,
            bounds=bounds,
            standardize=standardize,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            memory=memory,
        )
        self.q = q

    def _loss(self) -> Loss:
        return QuantileLoss(self.q)


class LogisticCV(Chosen, Logistic):
    """Logistic regression of two or many classes, its penalty chosen by cross-validation.

    Parameters and attributes are those of `LeastSquaresCV`, and `class_weight` and `classes_` of
    `Logistic`. Each fold has its share of every class. The errors are mean losses (log loss) unless
    `scoring` is "error", or a scorer of scikit-learn, which sees the classes as 0, 1, ... in the
    order of `classes_`.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise import LogisticCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((120, 3))
    >>> y = np.where(X[:, 0] + rng.standard_normal(120) > 0.0, "up", "down")
    >>> model = LogisticCV(1.0, strengths=10, cv=4).fit(X, y)
    >>> model.classes_, bool(model.certificate_.converged)
    (array(['down', 'up'], dtype='<U4'), True)
    """

    def __init__(
        self,
        l1_ratio: float | Sequence[float] = (0.1, 0.5, 0.9, 1.0),
        strengths: int | ArrayLike = 100,
        *,
        class_weight: str | Mapping[Any, float] | None = None,
        smallest: float | None = None,
        cv: Any = 10,
        rule: str = "min",
        scoring: Any = None,
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
        super().__init__(
            l1_ratio,
            strengths,
            smallest=smallest,
            cv=cv,
            rule=rule,
            scoring=scoring,
            seed=seed,
            intercept=intercept,
            factors=factors,
            bounds=bounds,
            standardize=standardize,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            memory=memory,
        )
        self.class_weight = class_weight

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Choose the penalty and fit to all rows, given as in `Logistic.fit`.

        Parameters
        ----------
        X, y, sample_weight : as in `Logistic.fit`
        groups : (n,) labels of rows that must stay in one fold

        Returns
        -------
        self
        """
        source, self.classes_ = classes_of(self, X, y, sample_weight, self.class_weight)
        model = self._choose(source, for_classes(self.classes_.size), groups)
        self._set(model, False)
        self._warn_chosen()
        self._warn()
        return self
