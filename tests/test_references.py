"""Quantile, absolute and logistic regression against R's quantreg and glmnet.

tests/data/references.json holds R's solutions, made by references.R beside it;
`python tests/reference_data.py` has them made again.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

import leastwise as lw
from reference_data import HERE, cancer, diabetes, iris

Float = NDArray[np.float64]

R: dict[str, Any] = json.loads((HERE / "references.json").read_text())

# Both are vertices: their objectives differ by the rounding of n terms.
SAME = 1e-12
# Coefficients of a vertex: one solution of p + 1 equations, in R from columns as they come.
VERTEX = 1e-6
# glmnet stops where no coefficient moves its quadratic by 1e-20. Measured: within 4e-9 of the
# largest coefficient for two classes, within 5e-10 of a probability for three; the rest is
# for another BLAS on our side.
GLMNET = 1e-7
PROBABILITY = 1e-8
# What ours are asked for under glmnet's: at a gap of 1e-9 coefficients have half the digits.
TIGHT = 1e-14


def pinball(X: Float, y: Float, beta: Float, q: float) -> float:
    """The mean pinball loss; beta has the intercept first."""
    r = y - beta[0] - X @ beta[1:]
    return float(np.mean(np.where(r > 0.0, q, q - 1.0) * r))


def beta_of(model: Any) -> Float:
    return np.append(model.intercept_, model.coef_)


def assert_vertex(X: Float, y: Float, found: Float, known: dict[str, Any]) -> None:
    q, theirs = known.get("q", [0.5])[0], np.array(known["beta"])
    assert pinball(X, y, found, q) <= pinball(X, y, theirs, q) * (1.0 + SAME)
    assert known["unique"]
    np.testing.assert_allclose(found, theirs, rtol=VERTEX)


@pytest.mark.parametrize("known", R["diabetes_quantiles"], ids=lambda known: str(known["q"][0]))
def test_quantreg_on_diabetes(known: dict[str, Any]) -> None:
    X, y = diabetes()
    model = lw.Quantile(known["q"][0]).fit(X, y)
    assert model.certificate_.converged
    assert_vertex(X, y, beta_of(model), known)


def test_quantreg_on_diabetes_several_at_once() -> None:
    X, y = diabetes()
    known = R["diabetes_quantiles"]
    with pytest.warns(lw.LeastwiseWarning, match="cross in 2 of 442 rows"):
        model = lw.Quantile([one["q"][0] for one in known]).fit(X, y)
    for k, one in enumerate(known):
        assert_vertex(X, y, np.append(model.intercept_[k], model.coef_[k]), one)


def test_quantreg_on_stackloss() -> None:
    data = np.array(R["stackloss"]["data"], np.float64)
    X, y = data[:, :3], data[:, 3]
    assert_vertex(X, y, beta_of(lw.LeastAbsolute().fit(X, y)), R["stackloss"])
    assert_vertex(X, y, beta_of(lw.Quantile(0.5).fit(X, y)), R["stackloss"])


def log_loss(X: Float, y: Float, intercept: Float, coef: Float, l1: float) -> float:
    """mean(-log p) + l1 sum |w| of K classes; two have the scores 0 and eta."""
    eta = X @ np.atleast_2d(coef).T + intercept
    if eta.shape[1] == 1:
        eta = np.column_stack([np.zeros(len(y)), eta])
    own = log_softmax(eta, axis=1)[np.arange(len(y)), y.astype(int)]
    return float(-own.mean() + l1 * np.abs(coef).sum())


def test_glmnet_logistic_lasso() -> None:
    X, y = cancer()
    known = R["cancer_logistic"]
    along = lw.path(X, y, loss="logistic", strengths=known["strengths"], tol=TIGHT)
    for k, l1 in enumerate(known["strengths"]):
        theirs, b = np.array(known["beta"][k]), np.array(known["intercept"][k])
        size = np.abs(theirs).max()
        model = lw.Logistic(l1=l1, tol=TIGHT).fit(X, y)
        for coef, intercept in (
            (along.coef[:, k], along.intercepts[k]),
            (model.coef_[0], model.intercept_[0]),
        ):
            ours = log_loss(X, y, intercept, coef, l1)
            assert ours <= log_loss(X, y, b, theirs, l1) * (1.0 + SAME)
            np.testing.assert_allclose(coef, theirs, rtol=0.0, atol=GLMNET * size)
            assert intercept == pytest.approx(b, abs=GLMNET * size)
            np.testing.assert_array_equal(coef != 0.0, theirs != 0.0)


@pytest.mark.parametrize("k", range(3))
def test_glmnet_multinomial_lasso(k: int) -> None:
    """A shift of all intercepts changes nothing: it is probabilities that must be the same."""
    X, y = iris()
    l1, known = R["iris_multinomial"]["strengths"][k], R["iris_multinomial"]["fits"][k]
    theirs, b = np.array(known["beta"]), np.array(known["intercept"])
    model = lw.Logistic(l1=l1, tol=TIGHT).fit(X, y)
    ours = log_loss(X, y, model.intercept_, model.coef_, l1)
    assert ours <= log_loss(X, y, b, theirs, l1) * (1.0 + SAME)
    found, expected = model.predict_proba(X), softmax(X @ theirs.T + b, axis=1)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=PROBABILITY)
