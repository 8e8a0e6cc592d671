"""The way back from a saved model to its estimator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from leastwise.cv import ROUTES, CrossValidation
from leastwise.estimators.base import Linear
from leastwise.estimators.chosen import Chosen
from leastwise.estimators.least_squares import LeastSquares
from leastwise.estimators.least_squares_cv import LeastSquaresCV
from leastwise.estimators.logistic import Logistic
from leastwise.estimators.losses_cv import HuberCV, LeastAbsoluteCV, LogisticCV, QuantileCV
from leastwise.estimators.quantile import Quantile
from leastwise.estimators.robust import Huber, LeastAbsolute
from leastwise.losses import Absolute, Multinomial, Squared, settings
from leastwise.losses import Huber as HuberLoss
from leastwise.losses import Logistic as LogisticLoss
from leastwise.losses import Quantile as QuantileLoss
from leastwise.model import Model
from leastwise.model.saved_quantiles import load as load_quantiles
from leastwise.sources import default_names

FACES: dict[str, type[Linear]] = {
    Squared.name: LeastSquares,
    Absolute.name: LeastAbsolute,
    QuantileLoss.name: Quantile,
    HuberLoss.name: Huber,
    LogisticLoss.name: Logistic,
    Multinomial.name: Logistic,
}


FACES_CV: dict[str, type[Chosen]] = {
    Squared.name: LeastSquaresCV,
    Absolute.name: LeastAbsoluteCV,
    QuantileLoss.name: QuantileCV,
    HuberLoss.name: HuberCV,
    LogisticLoss.name: LogisticCV,
    Multinomial.name: LogisticCV,
}


def load(path: str | Path) -> Any:
    """The fitted estimator that `save` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : a JSON file written by `save` or `leastwise fit --save`

    Returns
    -------
    The estimator of the model's loss; its CV version where cross-validation chose the penalty
        Of that the file holds means and choices, not the error of each fold, and how many folds
        there were, not which rows were in them: `cv_.errors` is empty, and `cv` is their number.
        Of classes it holds the labels, not the class weights that rows had. Of several quantiles
        `crossings_` is that of the rows they were fitted to.

    Raises
    ------
    DataError
        If the file is missing, cut, or not ours.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> import leastwise as lw
    >>> path = os.path.join(tempfile.mkdtemp(), "model.json")
    >>> lw.LeastSquares().fit(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 5.0]).save(path)
    >>> lw.load(path).predict(np.array([[10.0]])).round(9)
    array([21.])
    """
    several = load_quantiles(path)
    model = several.models[0]
    how: dict[str, Any] = {
        "intercept": model.intercept_fitted,
        "tol": model.tol,
        "factors": None if model.factors is None else np.asarray(model.factors),
        "bounds": model.bounds and tuple(np.asarray(side) for side in model.bounds),
        "standardize": model.standardize,
    }
    found = model.cross_validation
    together = len(several.models) > 1
    if together:
        q = [settings(one.loss)["q"] for one in several.models]
        estimator: Any = Quantile(q, model.l1, model.l2, noncrossing=several.noncrossing, **how)
    else:
        estimator = _face(model, how) if found is None else _chosen(model, found, **how)
    estimator.n_features_in_ = len(model.columns)
    if model.columns != default_names("x", len(model.columns)):
        estimator.feature_names_in_ = np.asarray(model.columns, object)
    return estimator.restored_all(several) if together else estimator.restored(model)


def _face(model: Model, how: dict[str, Any]) -> Linear:
    """The estimator whose fit this was, with its parameters as far as they are known."""
    return FACES[model.loss.name](l1=model.l1, l2=model.l2, **settings(model.loss), **how)


def _chosen(model: Model, found: CrossValidation, **how: Any) -> Chosen:
    """The estimator that chose this, as far as it is known."""
    one = found.l1_ratios.size == 1
    estimator = FACES_CV[model.loss.name](
        l1_ratio=float(found.l1_ratios[0]) if one else tuple(found.l1_ratios.tolist()),
        strengths=found.strengths[0] if one else found.strengths.shape[1],
        cv=len(found.folds) or next(cv for cv, route in ROUTES.items() if route == found.route),
        rule=found.rule,
        scoring=found.scoring,
        **settings(model.loss),
        **how,
    )
    estimator.set_chosen(found)
    return estimator
