"""Cross-validation: its folds, its errors against scikit-learn's, and the rules that choose."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, ElasticNetCV, LassoCV, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leastwise import DataError, LeastSquares, UsageError
from leastwise.blocks import Block
from leastwise.cv import cross_validate, make_folds
from leastwise.cv.parts import FoldedDesign
from leastwise.moments import Moments
from leastwise.sources import MemorySource
from problems import layouts, random_problem, seven_cuts

# Fits in folds end at a relative gap of 1e-8, so that predictions are within 1e-4 of a standard
# deviation of the best; errors on other rows, nearly flat there, within some 1e-5.
ERRORS = 5e-5
# The same sums in another order.
SUMS = 1e-11

RATIOS = [0.1, 0.5, 0.9, 1.0]
X, Y, WEIGHT = random_problem(0, 120, 8, weighted=True, noise=2.0)
GRID = np.geomspace(2.0, 2e-3, 30)


def validated(X, y, weight=None, **how):
    return cross_validate(MemorySource(X, y, weight), **how)[0]


# Folds


@pytest.mark.parametrize("count", [2, 7, 120])
def test_a_number_of_folds_parts_the_rows_evenly(count):
    folds = make_folds(count, Y[:, None], seed=3)
    np.testing.assert_array_equal(np.sort(np.concatenate(folds.tests)), np.arange(120))
    assert max(folds.sizes) - min(folds.sizes) <= 1
    for fold, test in enumerate(folds.tests):
        np.testing.assert_array_equal(folds.training(fold), np.setdiff1d(np.arange(120), test))
    other = make_folds(count, Y[:, None], seed=4)
    assert not all(np.array_equal(a, b) for a, b in zip(folds.tests, other.tests, strict=True)) or (
        count == 120
    )


def test_splitters_pairs_masks_and_labels_say_the_same():
    splitter = KFold(4, shuffle=True, random_state=1)
    pairs = list(splitter.split(X))
    labels = np.empty(120, int)
    masks = []
    for fold, (train, test) in enumerate(pairs):
        labels[test] = fold
        masks.append((np.isin(np.arange(120), train), np.isin(np.arange(120), test)))
    expected = make_folds(splitter, Y[:, None])
    assert expected.trains is None
    for cv in (pairs, iter(pairs), masks, labels, labels.tolist(), labels.astype(str)):
        found = make_folds(cv, Y[:, None])
        assert found.trains is None
        for a, b in zip(found.tests, expected.tests, strict=True):
            np.testing.assert_array_equal(a, b)


def test_groups_stay_together():
    groups = np.arange(120) % 11
    for cv in (5, GroupKFold(5)):
        folds = make_folds(cv, Y[:, None], groups=groups)
        for fold, test in enumerate(folds.tests):
            assert not np.intersect1d(groups[test], groups[folds.training(fold)]).size


@pytest.mark.parametrize(
    ("cv", "groups", "kind", "words"),
    [
        (1, None, UsageError, "at least 2 folds"),
        (True, None, UsageError, "at least 2 folds"),
        (121, None, DataError, "121 folds need as many rows"),
        (12, np.arange(120) % 11, DataError, "as many groups"),
        (5, np.arange(9), UsageError, "a label for each of the 120 rows"),
        ("often", None, UsageError, "cv must be a number of folds"),
        (3.5, None, UsageError, "cv must be a number of folds"),
        ([], None, UsageError, "fewer than two folds"),
        (np.zeros(120), None, UsageError, "the same label"),
        (np.zeros(7), None, UsageError, "a label for each"),
        ([([0, 1], [2])], None, UsageError, "fewer than two folds"),
        ([([0, 1], [2]), ([0, 1], [])], None, UsageError, "at least one of each"),
        ([([0, 1], [2]), ([0, 1], [1])], None, UsageError, "tested on rows that it is trained on"),
        ([([0, 1], [2]), ([0, 1], [120])], None, UsageError, "not among the 120"),
        ([([0, 1], [2]), (3,)], None, UsageError, "entry 1"),
        (np.arange(120) % 2, np.arange(120), UsageError, "groups go with"),
    ],
)
def test_what_is_not_folds_is_refused(cv, groups, kind, words):
    with pytest.raises(kind, match=words):
        make_folds(cv, Y[:, None], groups=groups)


def test_folds_that_cannot_be_fitted_are_named():
    labels = np.arange(120) % 3
    with pytest.raises(DataError, match="all rows of fold 1 have weight zero"):
        validated(X, Y, np.where(labels == 1, 0.0, 1.0), cv=labels)
    with pytest.raises(DataError, match="y is constant in the rows that fold 2 is trained on"):
        validated(X, np.where(labels == 2, Y, 1.0), cv=labels)
    with pytest.raises(DataError, match="fold 0 leaves fewer than two rows"):
        validated(X[:3], Y[:3], cv=[([0], [1]), ([0, 1], [2])])


# The moments of folds


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize(
    "cv", [5, KFold(5), TimeSeriesSplit(3), RepeatedKFold(n_splits=3, n_repeats=2)]
)
def test_moments_of_folds_are_those_of_their_rows(cv, weight):
    folds = make_folds(cv, Y[:, None])
    far = X + 1e6
    for name, rows in layouts(far):
        source = MemorySource(rows, Y, weight, cuts=seven_cuts(120))
        design = FoldedDesign(source, True, folds)
        whole = Moments.of(Block(far, Y[:, None], weight))
        np.testing.assert_allclose(design.moments().xx, whole.xx, atol=1e-7, err_msg=name)
        for fold, test in enumerate(folds.tests):
            train = folds.training(fold)
            for found, chosen in ((design.tests[fold], test), (design.trains[fold], train)):
                part = None if weight is None else weight[chosen]
                expected = Moments.of(Block(far[chosen], Y[chosen, None], part))
                assert found.rows == expected.rows
                # What is left of 1e6 squared after centring.
                np.testing.assert_allclose(found.xx, expected.xx, atol=1e-7)
                np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-14)
                np.testing.assert_allclose(found.xy, expected.xy, atol=1e-7)


def test_one_pass_serves_all_folds_ratios_and_strengths():
    assert validated(X, Y, cv=7, strengths=GRID).passes == 1.0


# Errors


@pytest.mark.parametrize("wide", [False, True])
def test_every_fold_that_is_done_is_told(wide):
    told = []
    rows = X[:20] if not wide else np.tile(X[:20], 5)
    validated(rows, Y[:20], cv=4, strengths=GRID, watch=lambda *folds: told.append(folds))
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)
    assert sorted(set(told)) == [(done, 4) for done in range(5)]
    assert told == sorted(told)


@pytest.mark.parametrize("intercept", [True, False])
def test_elastic_net_errors_are_scikit_learns(intercept):
    cv = KFold(5, shuffle=True, random_state=0)
    theirs = ElasticNetCV(
        l1_ratio=RATIOS, alphas=GRID, cv=cv, tol=1e-13, max_iter=100_000, fit_intercept=intercept
    ).fit(X, Y)
    ours = validated(X, Y, l1_ratio=RATIOS, strengths=GRID, cv=cv, intercept=intercept)
    np.testing.assert_allclose(ours.errors, theirs.mse_path_, rtol=ERRORS)
    assert ours.strength == theirs.alpha_
    assert ours.l1_ratio == theirs.l1_ratio_
    assert ours.gap <= 1e-8
    assert ours.route == "moments"


@pytest.mark.parametrize("sparse", [False, True])
def test_more_columns_than_rows(sparse):
    wide, y, _ = random_problem(3, 60, 300, density=0.3, noise=1.0)
    y = wide[:, :5].sum(axis=1) + 0.5 * np.random.default_rng(0).standard_normal(60)
    grid = np.geomspace(0.5, 0.02, 12)
    theirs = LassoCV(alphas=grid, cv=KFold(4), tol=1e-12, max_iter=100_000).fit(wide, y)
    rows = sp.csr_array(wide) if sparse else wide
    ours = validated(rows, y, l1_ratio=1.0, strengths=grid, cv=KFold(4))
    assert ours.route == "rows"
    np.testing.assert_allclose(ours.errors[0], theirs.mse_path_, rtol=ERRORS)
    assert ours.strength == theirs.alpha_


def test_the_automatic_grid_is_scikit_learns():
    centred = X - X.mean(axis=0)
    theirs = ElasticNetCV(l1_ratio=RATIOS, alphas=50, cv=3).fit(centred, Y - Y.mean())
    ours = validated(centred, Y - Y.mean(), l1_ratio=RATIOS, strengths=50, cv=3)
    np.testing.assert_allclose(ours.strengths, theirs.alphas_, rtol=1e-9)


def test_ridge_errors_are_those_of_its_fits():
    cv = KFold(6, shuffle=True, random_state=2)
    ours = validated(X, Y, l1_ratio=0.0, strengths=GRID, cv=cv)
    for place in (0, 12, 29):
        for fold, (train, test) in enumerate(cv.split(X)):
            fitted = Ridge(alpha=train.size * GRID[place], tol=1e-14).fit(X[train], Y[train])
            error = np.mean((Y[test] - fitted.predict(X[test])) ** 2)
            assert ours.errors[0, place, fold] == pytest.approx(error, rel=1e-10)


def test_weights_are_repeated_rows():
    count = np.random.default_rng(1).integers(1, 4, 120)
    again = np.repeat(np.arange(120), count)
    labels = np.arange(120) % 5
    how = {"strengths": GRID, "l1_ratio": [0.0, 0.5, 1.0]}
    ours = validated(X, Y, count.astype(float), cv=labels, **how)
    repeated = validated(X[again], Y[again], cv=labels[again], **how)
    np.testing.assert_allclose(ours.errors, repeated.errors, rtol=1e-8)
    np.testing.assert_allclose(ours.mean, repeated.mean, rtol=1e-8)


def test_scaling_is_learnt_in_each_fold():
    units = X * np.geomspace(1e-3, 1e3, 8)
    labels = np.arange(120) % 5
    units[labels == 0] *= 3.0  # so that the whole's scale is no fold's
    folds = [(labels != fold, labels == fold) for fold in range(5)]
    ours = validated(units, Y, l1_ratio=0.5, strengths=GRID, cv=labels, standardize=True)
    for place in (3, 15, 29):
        model = make_pipeline(
            StandardScaler(), ElasticNet(GRID[place], l1_ratio=0.5, tol=1e-13, max_iter=100_000)
        )
        for fold, (train, test) in enumerate(folds):
            fitted = clone(model).fit(units[train], Y[train])
            error = np.mean((Y[test] - fitted.predict(units[test])) ** 2)
            assert ours.errors[0, place, fold] == pytest.approx(error, rel=ERRORS)


@pytest.mark.parametrize("ratio", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(
    "how",
    [
        {"factors": np.array([0, 0, np.inf, 1, 2, 0.5, 1, 1])},
        {"bounds": (0, None)},
        {"bounds": (np.full(8, -0.3), 0.2), "factors": np.array([0.0, 0, 1, 1, 1, 1, 1, 1])},
        {"standardize": True, "factors": np.array([0, 1, 1, 1, 3.0, 1, 1, np.inf])},
    ],
    ids=["factors", "positive", "box", "scaled"],
)
def test_factors_and_bounds_are_those_of_a_fit(how, ratio):
    cv = KFold(3)
    ours = validated(X, Y, l1_ratio=ratio, strengths=GRID, cv=cv, **how)
    for place in (5, 20, 29):
        one = LeastSquares(GRID[place] * ratio, GRID[place] * (1 - ratio), **how)
        for fold, (train, test) in enumerate(cv.split(X)):
            error = np.mean((Y[test] - clone(one).fit(X[train], Y[train]).predict(X[test])) ** 2)
            assert ours.errors[0, place, fold] == pytest.approx(error, rel=ERRORS)


def test_collinear_and_constant_columns():
    hard = np.column_stack([X, X[:, :3] @ [1.0, 1.0, 1.0], X[:, 0], np.full(120, 7.0)])
    cv = KFold(4)
    ours = validated(hard, Y, l1_ratio=RATIOS, strengths=GRID, cv=cv)
    theirs = ElasticNetCV(l1_ratio=RATIOS, alphas=GRID, cv=cv, tol=1e-13, max_iter=10**6)
    np.testing.assert_allclose(ours.errors, theirs.fit(hard, Y).mse_path_, rtol=ERRORS)
    assert ours.gap <= 1e-8


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mae", "neg_mean_absolute_error"),
        ("r2", "r2"),
        ("neg_median_absolute_error", "neg_median_absolute_error"),
    ],
)
@pytest.mark.parametrize("wide", [False, True])
def test_scoring(name, theirs, wide):
    rows, y, _ = random_problem(5, 60, 300, noise=1.0) if wide else (X, Y, None)
    ours = validated(rows, y, l1_ratio=1.0, strengths=[0.3, 0.1], cv=KFold(3), scoring=name)
    assert ours.route == ("rows" if wide else "moments")
    scores = cross_val_score(LeastSquares(0.1), rows, y, cv=KFold(3), scoring=theirs)
    np.testing.assert_allclose(ours.errors[0, 1], -scores, rtol=1e-3)


def test_scoring_by_predictions_is_that_by_moments():
    how = {"strengths": GRID, "cv": 4}
    by_moments = validated(X, Y, WEIGHT, **how)
    by_rows = validated(X, Y, WEIGHT, scoring="neg_mean_squared_error", **how)
    np.testing.assert_allclose(by_rows.errors, by_moments.errors, rtol=1e-9)


@pytest.mark.parametrize("wide", [False, True])
def test_rmse_is_the_mean_over_folds_of_roots(wide):
    rows, y, weight = random_problem(5, 60, 300, noise=1.0) if wide else (X, Y, WEIGHT)
    how = {"l1_ratio": 1.0, "strengths": [0.3, 0.1], "cv": KFold(3)}
    squares, roots = (validated(rows, y, weight, scoring=name, **how) for name in ("mse", "rmse"))
    assert roots.route == ("rows" if wide else "moments")
    np.testing.assert_allclose(roots.errors, np.sqrt(squares.errors), rtol=1e-9)


# Several targets


def test_targets_count_relative_to_their_own_error():
    two = np.column_stack([Y, 1e3 * X @ np.ones(8) + Y])
    labels = np.arange(120) % 4
    how = {"l1_ratio": [0.0, 1.0], "strengths": GRID, "cv": labels}
    both = validated(X, two, **how)
    alone = [validated(X, two[:, output], **how) for output in range(2)]
    expected = sum(one.errors / two[:, output].var() for output, one in enumerate(alone))
    np.testing.assert_allclose(both.errors, expected, rtol=SUMS)
    assert "one strength for all targets" in both.notes[0]
