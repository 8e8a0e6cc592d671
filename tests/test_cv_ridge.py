"""Leave-one-out and GCV of a ridge: fits without a row, hat matrices, and scikit-learn."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import RidgeCV

from leastwise.cv import cross_validate, spectrum
from leastwise.cv.spectrum import diagonalise
from leastwise.losses import Squared
from leastwise.model import fit_source
from leastwise.problem import Design
from leastwise.sources import MemorySource
from problems import random_problem, seven_cuts

EXACT = 1e-10  # two roads to the same number; conditions are moderate
GRID = np.geomspace(10.0, 1e-3, 9)


@pytest.fixture(autouse=True, params=[spectrum.GRADED, 0.0], ids=["", "by rotations"])
def way(request, monkeypatch):
    """Decompositions as columns ask for them, and always those for columns of any length."""
    monkeypatch.setattr(spectrum, "GRADED", request.param)


def left_out(X, y, weight=None, cuts=None, **how):
    how = {"cv": "loo", "l1_ratio": 0.0, "strengths": GRID} | how
    return cross_validate(MemorySource(X, y, weight, cuts=cuts), **how)[0]


def brute_force(X, y, l2, **how):
    """(n,) the errors of fits without each row."""
    errors = np.empty(y.shape)
    for row in range(len(y)):
        rest = np.arange(len(y)) != row
        model = fit_source(MemorySource(X[rest], y[rest]), l2=l2, tol=1e-13, **how)
        errors[row] = y[row] - model.predict(X[row : row + 1])[0]
    return errors


@pytest.mark.parametrize("p", [5, 40])
@pytest.mark.parametrize("intercept", [True, False])
def test_errors_are_those_of_fits_without_the_row(p, intercept):
    X, y, _ = random_problem(0, 30, p, noise=1.0)
    found = left_out(X, y, intercept=intercept)
    absolute = left_out(X, y, intercept=intercept, scoring="mae")
    for place in (0, 4, 8):
        errors = brute_force(X, y, GRID[place], intercept=intercept)
        assert found.mean[0, place] == pytest.approx(np.mean(errors**2), rel=EXACT)
        spread = (errors**2).std(ddof=1) / np.sqrt(30)
        assert found.standard_error[0, place] == pytest.approx(spread, rel=EXACT)
        assert absolute.mean[0, place] == pytest.approx(np.abs(errors).mean(), rel=EXACT)
    assert found.route == "leave-one-out"
    assert found.folds == ()


@pytest.mark.parametrize("p", [6, 40])
def test_factors(p):
    X, y, _ = random_problem(1, 30, p, noise=1.0)
    factors = np.ones(p)
    factors[:4] = [0.0, 0.0, np.inf, 3.0]
    found = left_out(X, y, factors=factors)
    for place in (0, 4, 8):
        errors = brute_force(X, y, GRID[place], factors=factors)
        assert found.mean[0, place] == pytest.approx(np.mean(errors**2), rel=1e-8)


@pytest.mark.parametrize("p", [5, 60])
def test_it_is_scikit_learns_at_the_same_sum(p):
    X, y, _ = random_problem(2, 50, p, noise=1.0)
    theirs = RidgeCV(alphas=49 * GRID, store_cv_results=True).fit(X, y)
    found = left_out(X, y)
    np.testing.assert_allclose(found.mean[0], theirs.cv_results_.mean(axis=0), rtol=1e-8)
    assert 49 * found.strength == pytest.approx(theirs.alpha_)


@pytest.mark.parametrize("p", [5, 60])
def test_generalised(p):
    X, y, _ = random_problem(3, 50, p, noise=1.0)
    found = left_out(X, y, cv="gcv")
    Z = X - X.mean(axis=0)
    for place, l2 in enumerate(GRID):
        hat = Z @ np.linalg.solve(Z.T @ Z + 50 * l2 * np.eye(p), Z.T) + 1 / 50
        residual = y - hat @ y
        expected = np.mean(residual**2) / (1 - np.trace(hat) / 50) ** 2
        assert found.mean[0, place] == pytest.approx(expected, rel=EXACT)
    assert found.route == "gcv"


def test_layouts_blocks_and_targets():
    X, y, _ = random_problem(4, 80, 5, 2, density=0.5)
    expected = left_out(X, y)
    for rows, cuts in ((X, seven_cuts(80)), (np.asfortranarray(X), None), (sp.csr_array(X), None)):
        np.testing.assert_allclose(left_out(rows, y, cuts=cuts).mean, expected.mean, rtol=EXACT)
    alone = [left_out(X, y[:, output]).mean / y[:, output].var() for output in range(2)]
    np.testing.assert_allclose(expected.mean, sum(alone), rtol=EXACT)


@pytest.mark.parametrize("p", [5, 60])
def test_weights_are_exact_when_equal_and_said_to_be_near_otherwise(p):
    X, y, weight = random_problem(5, 50, p, weighted=True)
    expected = left_out(X, y)
    equal = left_out(X, y, np.full(50, 7.0))
    np.testing.assert_allclose(equal.mean, expected.mean, rtol=EXACT)
    assert "near, not exact" in left_out(X, y, weight).notes[0]
    # Rows of weight zero are no rows.
    kept = np.arange(50) % 5 != 0
    some = left_out(X, y, kept.astype(float))
    np.testing.assert_allclose(some.mean, left_out(X[kept], y[kept]).mean, rtol=1e-9)


def test_the_automatic_grid_reaches_where_ridge_is_good():
    X, y, _ = random_problem(6, 200, 20, noise=5.0)
    found = left_out(X, y, strengths=100)
    assert 0 < found.minimum[1] < 99
    assert found.notes == ()
    folds = left_out(X, y, strengths=100, cv=10)
    assert np.log10(folds.strength / found.strength) == pytest.approx(0.0, abs=0.7)


def test_diagonalise():
    X, y, _ = random_problem(7, 60, 6)
    design = Design(MemorySource(X, y), Squared(), True)
    d = np.array([0.0, 1.0, 2.0, 0.0, 0.5, 1.0])
    found = diagonalise(design.gram, d)
    np.testing.assert_allclose(
        found.base.T @ design.gram @ found.base, np.diag(found.values), atol=1e-12
    )
    np.testing.assert_allclose(found.base.T * d @ found.base, np.diag(found.paid), atol=1e-12)
    inverse = found.base / (found.values + 0.3 * found.paid) @ found.base.T
    np.testing.assert_allclose(inverse, np.linalg.inv(design.gram + 0.3 * np.diag(d)), atol=1e-12)


def by_rows(X, y, strengths):
    """Mean squared errors without each row by QR, which no unit of a column changes."""
    n, p = X.shape
    X, y = X - X.mean(axis=0), y - y.mean()
    means = []
    for l2 in strengths * (n - 1) / n:
        stacked = np.vstack([X, np.sqrt(n * l2) * np.eye(p)])
        Q = np.linalg.qr(stacked / np.linalg.norm(stacked, axis=0))[0][:n]
        left = 1.0 - 1.0 / n - np.square(Q).sum(axis=1)
        means.append(np.mean(((y - Q @ (Q.T @ y)) / left) ** 2))
    return np.array(means)


@pytest.mark.parametrize("dependent", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e6, 1e10])
@pytest.mark.parametrize(("n", "least"), [(300, 1e-10), (30, 1e-2)])
def test_one_column_in_large_units_costs_the_others_no_digit(n, least, size, dependent):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 40))
    X[:, 7] *= size
    if dependent:
        X[:, -1] = X[:, 0] + X[:, 1]
    y = X[:, :5].sum(axis=1) + rng.normal(size=n)
    grid = np.geomspace(100.0, least, 13)
    found = left_out(X, y, strengths=grid)
    np.testing.assert_allclose(found.mean[0, :13], by_rows(X, y, grid), rtol=EXACT)


@pytest.mark.parametrize("least", [1e-12, 1e-30, 1e-40, 1e-310])
def test_a_tiny_strength_costs_the_others_no_digit(least):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 60))
    X[:, -1] = X[:, 0] + X[:, 1]
    y = X[:, 1] + rng.normal(size=200)
    grid = np.append(np.geomspace(1e3, 1e-3, 60), least)
    few, many = left_out(X, y, strengths=grid[:60]), left_out(X, y, strengths=grid)
    np.testing.assert_allclose(many.mean[0, :60], few.mean[0, :60], rtol=EXACT)
    assert many.strength == few.strength


def test_diagonalise_columns_of_very_different_lengths():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(50, 5)) * [1e9, 1.0, 1e-6, 1.0, 1e3]
    X[:, 3] = 2.0 * X[:, 1]
    found = diagonalise(X.T @ X / 50, np.ones(5))
    assert found.values[0] == 0.0  # two columns depend on each other
    assert (np.diff(found.values) > 0.0).all()
    np.testing.assert_allclose(found.base.T @ found.base, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.norm(X @ found.base, axis=0)[1:] ** 2 / 50, found.values[1:], rtol=1e-9
    )
