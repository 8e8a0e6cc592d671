"""Which strength cross-validation takes: the two rules, edges of grids, and what is refused."""

import pickle

import numpy as np
import pytest

from leastwise import DataError, UsageError
from leastwise.cv import cross_validate
from leastwise.cv.result import averages, choices
from leastwise.sources import MemorySource
from problems import random_problem

SUMS = 1e-12  # the same sums in another order

X, Y, WEIGHT = random_problem(0, 120, 8, weighted=True, noise=2.0)


def validated(X, y, weight=None, **how):
    return cross_validate(MemorySource(X, y, weight), **how)[0]


def test_averages_are_over_folds_by_weight():
    errors = np.random.default_rng(0).random((2, 3, 5))
    mean, error = averages(errors, np.full(5, 7.0))
    np.testing.assert_allclose(mean, errors.mean(axis=2), rtol=SUMS)
    np.testing.assert_allclose(error, errors.std(axis=2, ddof=1) / np.sqrt(5), rtol=SUMS)
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    mean, _ = averages(errors, weights)
    np.testing.assert_allclose(mean, np.average(errors, axis=2, weights=weights), rtol=SUMS)


def test_the_rules():
    found = validated(X, Y, cv=10)
    (ratio, least), (same, within) = found.minimum, found.one_standard_error
    assert found.mean[ratio, least] == found.mean.min()
    assert same == ratio
    assert within < least
    assert found.strengths[ratio, within] > found.strengths[ratio, least]
    limit = found.mean.min() + found.standard_error[ratio, least]
    assert found.mean[ratio, within] <= limit
    assert (found.mean[ratio, :within] > limit).all()
    assert found.strength == found.strengths[ratio, least]
    sparser = validated(X, Y, cv=10, rule="1se")
    assert sparser.chosen == found.one_standard_error
    assert sparser.strength == found.strengths[ratio, within]


def test_no_finite_error_is_refused():
    with pytest.raises(DataError, match="no strength has a finite error"):
        choices(np.full((1, 2), np.nan), np.zeros((1, 2)))


def test_a_grid_is_widened_once_and_not_one_that_was_given():
    clear = X @ np.arange(8.0) + 1e-6 * Y
    found = validated(X, clear, cv=5, strengths=50, smallest=0.1)
    step = found.strengths[:, 1:] / found.strengths[:, :-1]
    np.testing.assert_allclose(step, step[0, 0], rtol=1e-9)
    reach = np.log10(found.strengths[0, 49] / found.strengths[0, -1])
    assert reach == pytest.approx(1.5, abs=0.02)
    assert found.minimum[1] == found.strengths.shape[1] - 1
    assert "it is at the smallest still" in found.notes[0]
    given = validated(X, clear, cv=5, strengths=[1.0, 0.1])
    assert given.strengths.shape == (4, 2)
    assert given.notes == ()


def test_a_best_strength_within_the_widened_grid():
    found = validated(X, Y, cv=5, l1_ratio=1.0, smallest=0.5, strengths=20)
    assert found.strengths.shape[1] > 20
    assert 19 < found.minimum[1] < found.strengths.shape[1] - 1
    assert found.notes == (
        "the least error was at the smallest strength: the grids were widened once",
    )
    whole = validated(X, Y, cv=5, l1_ratio=1.0, strengths=found.strengths[0])
    # From a cold start in the middle of a grid the fits are as good as their gap, no better.
    np.testing.assert_allclose(found.errors, whole.errors, rtol=5e-5)


def test_the_top_of_a_grid_is_the_empty_model():
    noise = np.random.default_rng(4).standard_normal(120)
    found = validated(X, noise, cv=5)
    if found.minimum[1] == 0:
        assert "none of them helps" in found.notes[0]
    nothing = validated(X, np.full(120, 3.0), cv=5)
    assert nothing.minimum == (0, 0)
    assert "none of them helps" in nothing.notes[0]
    assert (nothing.errors == 0.0).all()


def test_it_is_small_and_holds_no_row():
    large = random_problem(1, 5000, 8, noise=2.0)
    found = validated(large.X, large.y, cv=5)
    assert len(pickle.dumps(found)) < 60_000  # X has 320,000 bytes
    assert pickle.loads(pickle.dumps(found)).strength == found.strength


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"rule": "best"}, "rule must be 'min' or '1se'"),
        ({"l1_ratio": 1.5}, "l1_ratio must be"),
        ({"l1_ratio": []}, "l1_ratio must be"),
        ({"l1_ratio": "lasso"}, "l1_ratio must be"),
        ({"strengths": 0}, "strengths must be how many"),
        ({"strengths": [-1.0]}, "strengths must be finite"),
        ({"strengths": [1.0], "smallest": 0.1}, "leave it out when strengths are given"),
        ({"smallest": 0.0}, "smallest must be a share"),
        ({"scoring": "beauty"}, "scoring must be mse, rmse, mae, r2"),
        ({"tol": -1.0}, "tol must be"),
        ({"bounds": 3}, "bounds must be a pair"),
        ({"cv": "loo"}, "for a ridge"),
        ({"cv": "gcv", "l1_ratio": 0.0, "rule": "1se"}, "no standard errors"),
        ({"cv": "loo", "l1_ratio": 0.0, "bounds": (0, None)}, "has no bounds"),
        ({"cv": "loo", "l1_ratio": 0.0, "groups": np.zeros(120)}, "has no groups"),
        ({"cv": "loo", "l1_ratio": 0.0, "scoring": "r2"}, "judged by mse or mae"),
        ({"cv": "gcv", "l1_ratio": 0.0, "scoring": "mae"}, "judged by mse"),
    ],
)
def test_what_is_out_of_range_is_refused(how, words):
    with pytest.raises(UsageError, match=words):
        validated(X, Y, **how)


def test_r2_of_a_constant_fold_is_refused():
    labels = np.arange(120) % 3
    with pytest.raises(DataError, match="r2 is not defined"):
        validated(X, np.where(labels == 1, 2.0, Y), cv=labels, scoring="r2")
