"""Factorisations: solves, inverses, conditions and null spaces against NumPy in scaled units."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from leastwise.numerics.factors import Factor, cholesky, dependent_columns, spectral, triangular

Float = NDArray[np.float64]

# A solution has eps times the condition of relative error in scaled columns, Cholesky's its square:
# designs here have conditions below 20, hence 1e-13.
SOLVED = 1e-13
# The 1-norm estimate of C's condition is within p of its 2-norm's, hence sqrt(p) for X's.
P = 6
WITHIN = np.sqrt(P)
# Null spaces found to rounding in scaled columns, seen through units 1e-8 to 1e8.
NULL = 1e-10

UNITS = np.array([1e-8, 1e3, 1.0, 1e8, 1e-4, 1e5])
LIVE = np.arange(P)


def design(seed: int, n: int = 40) -> Float:
    return np.random.default_rng(seed).normal(size=(n, P))


def scaled_root(X: Float) -> tuple[Float, Float]:
    scale = np.linalg.norm(X, axis=0)
    return np.linalg.qr(X / scale, mode="r"), scale


def by_name(method: str, X: Float) -> Factor:
    if method == "cholesky":
        found = cholesky(X.T @ X, LIVE)
        assert found is not None
        return found
    root, scale = scaled_root(X)
    if method == "qr":
        return triangular(root, scale, LIVE, P)
    return spectral(root, scale, LIVE, P, 1e-12)[0]


@pytest.mark.parametrize("units", [np.ones(P), UNITS], ids=["ones", "spread"])
@pytest.mark.parametrize("method", ["cholesky", "qr", "svd"])
def test_solves_and_inverts_in_any_units(method: str, units: Float) -> None:
    plain = design(1)
    factor = by_name(method, plain * units)
    right = np.random.default_rng(2).normal(size=(P, 3))
    found = factor.solve(right * units[:, None]) * units[:, None]
    expected = np.linalg.solve(plain.T @ plain, right)
    np.testing.assert_allclose(found, expected, rtol=SOLVED, atol=SOLVED)
    inverse = factor.inverse() * units * units[:, None]
    np.testing.assert_allclose(inverse, np.linalg.inv(plain.T @ plain), rtol=SOLVED, atol=SOLVED)
    assert (factor.rank, factor.method, factor.identified.all()) == (P, method, True)


@pytest.mark.parametrize("closeness", [1.0, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("method", ["cholesky", "qr", "svd"])
def test_condition_is_that_of_the_scaled_columns(method: str, closeness: float) -> None:
    X = design(3)
    X[:, 4] = X[:, 0] + X[:, 1] + closeness * X[:, 4]
    exact = np.linalg.cond(X / np.linalg.norm(X, axis=0))
    found = by_name(method, X * UNITS).condition
    tolerance = WITHIN if method == "cholesky" else 1.0 + 1e-6
    assert exact / tolerance <= found <= exact * tolerance


@pytest.mark.parametrize("method", ["cholesky", "qr"])
def test_columns_that_take_no_part_are_zero(method: str) -> None:
    X, live = design(4), np.array([0, 2, 5])
    inner = X[:, live]
    if method == "cholesky":
        factor = cholesky(X.T @ X, live)
    else:
        root, scale = scaled_root(inner)
        factor = triangular(root, scale, live, P)
    assert factor is not None
    right = np.ones((P, 1))
    expected = np.zeros((P, 1))
    expected[live] = np.linalg.solve(inner.T @ inner, right[live])
    np.testing.assert_allclose(factor.solve(right), expected, rtol=SOLVED)
    whole = np.zeros((P, P))
    whole[np.ix_(live, live)] = np.linalg.inv(inner.T @ inner)
    np.testing.assert_allclose(factor.inverse(), whole, rtol=SOLVED, atol=SOLVED)
    np.testing.assert_array_equal(np.flatnonzero(factor.identified), live)


def test_cholesky_gives_up_where_it_must() -> None:
    X = design(5)
    X[:, 5] = X[:, 0] - X[:, 1]
    H = X.T @ X
    found = cholesky(H, LIVE)
    assert found is None or found.condition > 1e7
    H[2, 2] = 0.0
    assert cholesky(H, LIVE) is None
    empty = cholesky(H, np.array([], np.intp))
    assert empty is not None
    np.testing.assert_array_equal(empty.solve(np.ones((P, 1))), 0.0)
    np.testing.assert_array_equal(empty.inverse(), 0.0)


@pytest.mark.parametrize("order", [5, 40, 700])
def test_any_order_on_any_number_of_threads(order: int) -> None:
    rng = np.random.default_rng(6)
    A = rng.normal(size=(2 * order, order))
    H = A.T @ A
    factor = cholesky(H, np.arange(order))
    assert factor is not None
    x = rng.normal(size=(order, 2))
    np.testing.assert_allclose(factor.solve(H @ x), x, rtol=0, atol=1e-11)


def dependent(units: Float) -> Float:
    """Rank 4 of 6, in user units: x3 = x0 - 2 x1, x5 = x2 + x4."""
    X = design(7) * units
    X[:, 3] = X[:, 0] - 2.0 * X[:, 1]
    X[:, 5] = X[:, 2] + X[:, 4]
    return X


MIXED = np.array([1.0, 0.5, 8.0, 1.0, 4.0, 1.0])


def test_least_norm_in_the_users_units() -> None:
    X = dependent(MIXED)
    root, scale = scaled_root(X)
    factor, null, turned = spectral(root, scale, LIVE, P, 1e-12)
    assert (factor.rank, null.shape, turned.shape) == (4, (P, 2), (P, 4))
    pinv = np.linalg.pinv(X, rcond=1e-12)
    np.testing.assert_allclose(factor.inverse(), pinv @ pinv.T, rtol=0, atol=NULL)
    y = np.random.default_rng(8).normal(size=(40, 2))
    np.testing.assert_allclose(factor.solve(X.T @ y), pinv @ y, rtol=0, atol=NULL)
    Q, _ = np.linalg.qr(X / scale)
    direct = factor.spread @ (turned.T @ (Q.T @ y))
    np.testing.assert_allclose(direct, pinv @ y, rtol=0, atol=NULL)
    assert factor.null is not None
    np.testing.assert_allclose(X @ factor.null, 0.0, atol=NULL)
    np.testing.assert_allclose(factor.null.T @ factor.null, np.eye(2), atol=NULL)


@pytest.mark.parametrize("large", [1.0, 1e4, 1e8])
def test_units_of_twins_do_not_touch_the_others(large: float) -> None:
    """Two equal columns in large units, others in small ones: only the twins are undetermined."""
    X = design(9)
    X[:, 1] = X[:, 0]
    units = np.array([large, large, 1.0 / large, 1.0 / large, 1.0, 1.0])
    root, scale = scaled_root(X * units)
    factor, _, _ = spectral(root, scale, LIVE, P, 1e-12)
    y = np.random.default_rng(10).normal(size=(40, 1))
    found = factor.solve((X * units).T @ y) * units[:, None]
    alone = np.linalg.lstsq(X[:, [0, 2, 3, 4, 5]], y, rcond=None)[0]
    np.testing.assert_allclose(found[2:], alone[1:], rtol=0, atol=NULL)
    np.testing.assert_allclose(found[:2], np.tile(alone[0] / 2, (2, 1)), rtol=0, atol=NULL)
    np.testing.assert_array_equal(factor.identified, [False, False, True, True, True, True])


def test_what_the_data_determine() -> None:
    X = design(11) * MIXED
    X[:, 5] = X[:, 1] + X[:, 3]
    root, scale = scaled_root(X)
    factor, _, _ = spectral(root, scale, LIVE, P, 1e-12)
    np.testing.assert_array_equal(factor.identified, [True, False, True, False, True, False])


def test_dependent_columns_are_the_later_ones() -> None:
    X = dependent(MIXED)
    root, scale = scaled_root(X)
    _, null, _ = spectral(root, scale, LIVE, P, 1e-12)
    columns, base = dependent_columns(null)
    np.testing.assert_array_equal(columns, [3, 5])
    np.testing.assert_allclose(base[columns], np.eye(2), atol=NULL)
    np.testing.assert_allclose((X / scale) @ base, 0.0, atol=NULL)
    # In the user's units: x3 - x0 + 2 x1 = 0 and x5 - x2 - x4 = 0.
    weights = base / scale[:, None]
    np.testing.assert_allclose(weights[:, 0] / weights[3, 0], [-1, 2, 0, 1, 0, 0], atol=NULL)
    np.testing.assert_allclose(weights[:, 1] / weights[5, 1], [0, 0, -1, 0, -1, 1], atol=NULL)


def test_no_null_space_has_no_dependent_columns() -> None:
    columns, base = dependent_columns(np.empty((P, 0)))
    assert columns.shape == (0,)
    assert base.shape == (P, 0)
