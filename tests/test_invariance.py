"""What must not change the answer, with `auto`, under every penalty."""

import numpy as np
import pytest
import scipy.sparse as sp

from problems import random_problem, seven_cuts, solve

# The figures: y + 100 within 1e-8; the same rows told otherwise within 1e-10.
SHIFTED = 1e-8
SAME = 1e-10
# Each output is its own fit, to a few roundings of the same products in another order.
SEPARATE = 1e-12
# Scaling a column by a power of two is exact; by another number it rounds every entry.
SCALED = 1e-12

PENALTIES = {
    "none": {},
    "ridge": {"l2": 0.3},
    "lasso": {"l1": 0.1},
    "elastic net": {"l1": 0.05, "l2": 0.2},
    "factors": {"l1": 0.1, "l2": 0.1, "factors": np.array([0.0, 1.0, 2.0, 0.5, 1.0])},
}
penalties = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
SOME = np.arange(60) % 3 * 1.0  # every third column without a penalty
DATA = random_problem(0, 90, 5, 2, weighted=True, offset=1.0)


def same(found, other, tolerance=SAME):
    np.testing.assert_allclose(found.coef, other.coef, rtol=0.0, atol=tolerance)
    np.testing.assert_allclose(found.intercept, other.intercept, rtol=0.0, atol=tolerance)
    assert found.certificate.converged
    assert other.certificate.converged


@penalties
@pytest.mark.parametrize("shift", [100.0, -1e4])
def test_shifting_the_target_moves_only_the_intercept(penalty, shift):
    X, y, weight = DATA
    before, after = solve(X, y, weight, **penalty), solve(X, y + shift, weight, **penalty)
    np.testing.assert_allclose(after.coef, before.coef, rtol=0.0, atol=SHIFTED)
    np.testing.assert_allclose(after.intercept, before.intercept + shift, rtol=0.0, atol=SHIFTED)


@penalties
def test_shifting_the_columns_moves_only_the_intercept(penalty):
    X, y, weight = DATA
    before, after = solve(X, y, weight, **penalty), solve(X + 1e4, y, weight, **penalty)
    np.testing.assert_allclose(after.coef, before.coef, rtol=0.0, atol=SHIFTED)
    fitted = before.intercept + X @ before.coef
    np.testing.assert_allclose(after.intercept + (X + 1e4) @ after.coef, fitted, atol=1e-7)


@penalties
def test_duplicating_all_rows_changes_nothing(penalty):
    X, y, weight = DATA
    twice = solve(np.vstack([X, X]), np.vstack([y, y]), np.tile(weight, 2), **penalty)
    same(solve(X, y, weight, **penalty), twice)
    same(solve(X, y, **penalty), solve(np.vstack([X, X]), np.vstack([y, y]), **penalty))


@penalties
@pytest.mark.parametrize("density", [1.0, 0.3])
def test_sparse_is_dense(penalty, density):
    X, y, weight = random_problem(1, 90, 5, 2, weighted=True, density=density)
    dense = solve(X, y, weight, **penalty)
    for layout in (sp.csr_array, sp.csc_array, sp.csr_matrix, sp.coo_array):
        for cuts in ([], seven_cuts(90)):
            same(dense, solve(layout(X), y, weight, cuts=cuts, **penalty))


@pytest.mark.parametrize("penalty", [{}, {"l2": 0.1}, {"l1": 0.05}, {"l2": 0.1, "factors": SOME}])
def test_sparse_is_dense_where_columns_outnumber_rows(penalty):
    X, y, weight = random_problem(7, 30, 60, weighted=True, density=0.3)
    dense = solve(X, y, weight, **penalty)
    for layout in (sp.csr_array, sp.csc_array):
        same(dense, solve(layout(X), y, weight, **penalty))


@penalties
def test_weight_two_is_the_row_twice_and_weight_zero_no_row(penalty):
    X, y, _ = DATA
    weight = np.random.default_rng(2).integers(0, 4, 90)
    rows = np.repeat(np.arange(90), weight)
    same(solve(X, y, weight * 1.0, **penalty), solve(X[rows], y[rows], **penalty))
    same(solve(X, y, weight * 1.0, **penalty), solve(X, y, weight * 1e-9, **penalty))


def test_values_of_rows_without_weight_do_not_matter():
    X, y, weight = DATA
    wild = X.copy()
    wild[weight == 0.0] = 1e8
    same(solve(X, y, weight), solve(wild, y, weight))


@penalties
def test_order_of_rows_and_columns_does_not_matter(penalty):
    X, y, weight = DATA
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(90), rng.permutation(5)
    options = dict(penalty)
    if "factors" in options:
        options["factors"] = options["factors"][columns]
    turned = solve(X[rows][:, columns], y[rows], weight[rows], **options)
    before = solve(X, y, weight, **penalty)
    np.testing.assert_allclose(turned.coef, before.coef[columns], rtol=0.0, atol=SAME)
    np.testing.assert_allclose(turned.intercept, before.intercept, rtol=0.0, atol=SAME)


@pytest.mark.parametrize("scales", [[1e-6, 1.0, 1e6, 3.0, 0.1], [2.0**40, 1.0, 0.5, 2.0**-40, 1]])
def test_units_of_columns_do_not_matter_to_least_squares(scales):
    X, y, weight = DATA
    scaled = solve(X * scales, y, weight)
    before = solve(X, y, weight)
    again = scaled.coef * np.array(scales)[:, None]
    np.testing.assert_allclose(again, before.coef, rtol=SCALED)
    np.testing.assert_allclose(scaled.intercept, before.intercept, rtol=SCALED)


@pytest.mark.parametrize("l1", [0.0, 0.02])
def test_twin_columns_share_their_weight_equally(l1):
    X, y, weight = DATA
    twins = np.column_stack([X, X[:, 1]])
    found = solve(twins, y, weight, l1=l1, l2=0.1)
    np.testing.assert_allclose(found.coef[1], found.coef[5], rtol=0.0, atol=SAME)
    # Together they are one column with half the ridge, 2 (w/2)^2 = w^2 / 2; a factor halves l1 too.
    halved = solve(X, y, weight, l1=l1, l2=0.1, factors=np.array([1.0, 0.5, 1, 1, 1]))
    if l1 == 0.0:
        np.testing.assert_allclose(found.coef[1] * 2.0, halved.coef[1], rtol=0.0, atol=SAME)


def test_twins_without_penalty_take_the_least_norm():
    X, y, weight = DATA
    found = solve(np.column_stack([X, X[:, 1]]), y, weight)
    alone = solve(X, y, weight)
    np.testing.assert_allclose(found.coef[1], alone.coef[1] / 2.0, rtol=0.0, atol=SAME)
    np.testing.assert_allclose(found.coef[5], alone.coef[1] / 2.0, rtol=0.0, atol=SAME)


@penalties
def test_two_runs_have_the_same_bits(penalty):
    """On one thread or several: parts are merged in a fixed order."""
    X, y, weight = random_problem(4, 30_000, 5, 2, weighted=True)
    first, second = solve(X, y, weight, **penalty), solve(X.copy(), y, weight, **penalty)
    assert first.coef.tobytes() == second.coef.tobytes()
    assert first.intercept.tobytes() == second.intercept.tobytes()
    assert first.certificate == second.certificate


@penalties
@pytest.mark.parametrize("cuts", [[], seven_cuts(90)], ids=["one", "seven"])
def test_outputs_are_separate_fits(penalty, cuts):
    X, y, weight = random_problem(5, 90, 5, 4, weighted=True)
    together = solve(X, y, weight, cuts=cuts, **penalty)
    for output in range(4):
        alone = solve(X, y[:, output], weight, cuts=cuts, **penalty)
        np.testing.assert_allclose(
            together.coef[:, output], alone.coef[:, 0], rtol=0.0, atol=SEPARATE
        )
        assert together.intercept[output] == pytest.approx(alone.intercept[0], abs=SEPARATE)


def test_outputs_of_very_different_size_do_not_disturb_each_other():
    X, y, weight = random_problem(6, 90, 5, 2)
    for penalty in ({}, {"l2": 0.1}, {"l1": 0.0}):
        together = solve(X, y * [1.0, 1e9], weight, **penalty)
        small = solve(X, y[:, 0], weight, **penalty)
        np.testing.assert_allclose(together.coef[:, 0], small.coef[:, 0], rtol=1e-10)


@penalties
def test_fitting_changes_no_input(penalty):
    X, y, weight = (part.copy() for part in DATA)
    solve(X, y, weight, **penalty)
    assert all((now == before).all() for now, before in zip((X, y, weight), DATA, strict=True))
