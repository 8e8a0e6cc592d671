"""LeastSquaresCV: scikit-learn's contract, and that it is the fit at what was chosen."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from leastwise import (
    HuberCV,
    LeastAbsoluteCV,
    LeastSquares,
    LeastSquaresCV,
    LeastwiseWarning,
    LogisticCV,
    QuantileCV,
    UsageError,
    load,
    table,
)
from leastwise.cv import cross_validate
from leastwise.sources import MemorySource
from problems import random_problem

SAME = 1e-12  # the same solver on the same problem

X, Y, WEIGHT = random_problem(0, 120, 8, weighted=True, noise=2.0)
GRID = np.geomspace(2.0, 2e-3, 30)


@pytest.mark.filterwarnings("ignore:(the least error|at l1_ratio)")
@pytest.mark.filterwarnings("ignore:the target y is constant")
@pytest.mark.filterwarnings("ignore:one strength for all targets")
@pytest.mark.filterwarnings("ignore:with weights, leave-one-out")
@parametrize_with_checks(
    [
        LeastSquaresCV(cv=3, strengths=10),
        LeastSquaresCV(0.0, cv=3, strengths=10),
        LeastSquaresCV(0.0, cv="loo", strengths=10),
        LeastSquaresCV(1.0, cv=3, strengths=10, rule="1se", standardize=True, scoring="mae"),
        # Two strengths and two folds: the checks are of the contract, and the paths have tests.
        LeastAbsoluteCV(1.0, [0.3, 0.1], cv=2),
        QuantileCV(0.25, 1.0, [0.3, 0.1], cv=2),
        HuberCV(1000.0, 0.5, [0.3, 0.1], cv=2),
        LogisticCV(0.0, [3.0, 1.0], cv=2, tol=1e-12),  # compared to 1e-7 of the coefficients
        LogisticCV(1.0, strengths=4, cv=3),
    ]
)
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("rule", ["min", "1se"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"standardize": True},
        {"bounds": (0, None)},
        {"factors": [0, 0, np.inf, 1, 2, 3, 1, 1]},
        {"intercept": False},
    ],
)
def test_it_is_the_fit_at_what_was_chosen(how, rule):
    model = LeastSquaresCV(strengths=GRID, cv=5, rule=rule, **how).fit(X, Y, WEIGHT)
    asked = {key: np.array(value) if key == "factors" else value for key, value in how.items()}
    expected, _ = cross_validate(
        MemorySource(X, Y, WEIGHT), strengths=GRID, cv=5, rule=rule, **asked
    )
    assert (model.strength_, model.l1_ratio_) == (expected.strength, expected.l1_ratio)
    np.testing.assert_array_equal(model.cv_.errors, expected.errors)
    strength, ratio = model.strength_, model.l1_ratio_
    same = LeastSquares(strength * ratio, strength * (1 - ratio), **how).fit(X, Y, WEIGHT)
    np.testing.assert_allclose(model.coef_, same.coef_, rtol=SAME, atol=SAME)
    assert model.certificate_.converged
    np.testing.assert_allclose(model.predict(X), same.predict(X), rtol=SAME)
    assert model.score(X, Y) == pytest.approx(same.score(X, Y))


def test_groups():
    groups = np.arange(120) % 7
    by_groups = LeastSquaresCV(strengths=GRID, cv=GroupKFold(7)).fit(X, Y, groups=groups)
    by_labels = LeastSquaresCV(strengths=GRID, cv=groups).fit(X, Y)
    np.testing.assert_allclose(
        np.sort(by_groups.cv_.errors, axis=2), np.sort(by_labels.cv_.errors, axis=2), rtol=1e-6
    )


def test_tables_frames_and_sparse_rows():
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(8)]).assign(price=Y)
    model = LeastSquaresCV(strengths=GRID, cv=5)
    expected = clone(model).fit(X, Y)
    of_table = clone(model).fit(table(frame, target="price"))
    of_frame = clone(model).fit(frame.drop(columns="price"), frame["price"])
    of_sparse = clone(model).fit(sp.csr_array(X), Y)
    for found in (of_table, of_frame, of_sparse):
        assert found.strength_ == expected.strength_
        np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-9)
    np.testing.assert_allclose(of_table.predict(frame), expected.predict(X), rtol=1e-9)
    assert list(of_table.feature_names_in_) == list(frame.columns[:8])


@pytest.mark.filterwarnings("ignore:one strength for all targets")
def test_several_targets():
    two = np.column_stack([Y, X @ np.ones(8)])
    model = LeastSquaresCV(strengths=GRID, cv=5).fit(X, two)
    assert model.coef_.shape == (2, 8)
    assert model.predict(X).shape == (120, 2)


def test_it_is_saved_pickled_and_judged(tmp_path):
    model = LeastSquaresCV(strengths=GRID, cv=5).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.cv_.strength == model.strength_
    model.save(tmp_path / "model.json")
    np.testing.assert_array_equal(load(tmp_path / "model.json").predict(X), model.predict(X))
    assert cross_val_score(model, X, Y, cv=3).min() > 0.3


SAVED = {
    "several ratios": {"l1_ratio": (0.5, 1.0), "rule": "1se", "standardize": True},
    "one ratio": {"l1_ratio": 0.5, "bounds": (0, None), "scoring": "mae", "intercept": False},
    "loo": {"l1_ratio": 0.0, "cv": "loo", "factors": np.arange(8.0)},
    "gcv": {"l1_ratio": 0.0, "cv": "gcv"},
}


@pytest.mark.parametrize("case", SAVED)
def test_what_was_chosen_comes_back(case, tmp_path):
    model = LeastSquaresCV(**{"strengths": GRID, "cv": 5, **SAVED[case]}).fit(X, Y)
    model.save(tmp_path / "model.json")
    again = load(tmp_path / "model.json")
    assert isinstance(again, LeastSquaresCV)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert (again.strength_, again.l1_ratio_) == (model.strength_, model.l1_ratio_)
    assert (again.cv, again.rule, again.scoring) == (model.cv, model.rule, model.cv_.scoring)
    assert (again.standardize, again.intercept) == (model.standardize, model.intercept)
    for name in ("strengths", "mean", "standard_error", "minimum", "one_standard_error", "folds"):
        np.testing.assert_array_equal(getattr(again.cv_, name), getattr(model.cv_, name))
    assert again.cv_.errors.shape == (*model.cv_.mean.shape, 0)
    again.report(tmp_path / "page.html", X, Y)
    assert "Choice of the penalty" in (tmp_path / "page.html").read_text(encoding="utf-8")
    if case != "several ratios":  # whose grids are not one list of strengths
        np.testing.assert_allclose(clone(again).fit(X, Y).coef_, model.coef_, rtol=1e-9, atol=1e-12)


def test_what_to_know_is_warned_of():
    with pytest.warns(LeastwiseWarning, match="the grids were widened once"):
        LeastSquaresCV(1.0, smallest=0.5, strengths=20, cv=5).fit(X, Y)


def test_errors_come_through():
    with pytest.raises(UsageError, match="rule must be"):
        LeastSquaresCV(rule="most").fit(X, Y)
    with pytest.raises(ValueError, match="NaN"):
        LeastSquaresCV().fit(np.where(X > 2.0, np.nan, X), Y)
