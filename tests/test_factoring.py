"""From Cholesky to QR to SVD: what is collinear is said in words, what is only nearly so is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from leastwise.factoring import factorise, in_words
from leastwise.solvers import ClosedForm
from leastwise.sources import MemorySource
from problems import problem_of, random_problem, seven_cuts, solve, sources

Float = NDArray[np.float64]

# One exact way against another where the condition is below 1e4.
EXACT = 1e-10
# Least norm against NumPy's pinv of the centred rows.
LEAST_NORM = 1e-10
# Ridge beside a column of 1e14: the scales of the two differ by more digits than there are.
WIDE_RIDGE = 1e-6
# A relative certificate at an exact finish is rounding.
CERTIFIED = 1e-15

N = 200
DROP = ClosedForm(rank="drop")


def houses(seed: int = 0) -> tuple[Float, Float, tuple[str, ...]]:
    """living = above + basement and born = 2024 - age, beside a column that is its own."""
    rng = np.random.default_rng(seed)
    above, basement = rng.integers(50, 300, N), rng.integers(0, 90, N)
    age, garden = rng.integers(0, 90, N), rng.normal(size=N)
    X = np.column_stack([above, garden, basement, age, above + basement, 2024 - age])
    y = 2.0 * above + basement - age + 10.0 * garden + rng.normal(size=N)
    return X.astype(float), y, ("above", "garden", "basement", "age", "living", "born")


@pytest.mark.parametrize("solver", ["auto", "qr", "svd"])
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
def test_combinations_are_named(make: Any, solver: str) -> None:
    X, y, names = houses()
    for cuts in ([], seven_cuts(N)):
        found = solve(MemorySource(make(X), y, columns=names, cuts=cuts), solver=solver)
        assert found.notes == (
            "exact combination: living = above + basement",
            "exact combination: born = 2024 - age",
        )
        assert found.certificate.relative_gap < CERTIFIED


def test_without_an_intercept_a_constant_is_no_column() -> None:
    X, y, names = houses()
    found = solve(MemorySource(X, y, columns=names), intercept=False)
    assert found.notes == ("exact combination: living = above + basement",)


def test_levels_that_sum_to_one_are_named() -> None:
    levels = np.eye(4)[np.random.default_rng(1).integers(0, 4, N)]
    y = np.random.default_rng(2).normal(size=N)
    for make in (np.asarray, sp.csr_array):
        found = solve(MemorySource(make(levels), y, columns=("a", "b", "c", "d")))
        assert found.notes == ("exact combination: d = 1 - a - b - c",)


def test_least_norm_is_numpys() -> None:
    X, y, _ = houses()
    centred = X - X.mean(axis=0)
    expected = np.linalg.pinv(centred, rcond=1e-12) @ (y - y.mean())
    for name, source in sources(X, y):
        found = solve(source)
        np.testing.assert_allclose(
            found.coef[:, 0], expected, rtol=0, atol=LEAST_NORM, err_msg=name
        )


@pytest.mark.parametrize("weighted", [True, False])
def test_drop_is_the_fit_without_the_later_columns(weighted: bool) -> None:
    X, y, names = houses()
    weight = np.random.default_rng(3).uniform(0.0, 2.0, N) if weighted else None
    kept = solve(X[:, :4], y, weight)
    least = solve(X, y, weight)
    for cuts in ([], seven_cuts(N)):
        source = MemorySource(X, y, weight, columns=names, cuts=cuts)
        found = solve(source, solver=DROP)
        np.testing.assert_allclose(found.coef[:4], kept.coef, rtol=EXACT)
        np.testing.assert_array_equal(found.coef[4:], 0.0)
        np.testing.assert_allclose(found.intercept, kept.intercept, rtol=EXACT)
        assert "dropped, with coefficient 0: living, born" in found.notes
        assert found.certificate.relative_gap < CERTIFIED
        # The least-norm answer fits the rows as well, with smaller coefficients.
        np.testing.assert_allclose(least.value, found.value, rtol=EXACT)
        assert np.linalg.norm(least.coef) < np.linalg.norm(found.coef)


@pytest.mark.parametrize("closeness", [1e-3, 1e-6])
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
def test_near_collinear_is_not_collinear(closeness: float, offset: float) -> None:
    X, y, _ = random_problem(4, N, 4)
    X[:, 3] = X[:, 0] + X[:, 1] + closeness * X[:, 3]
    shifted = X + offset
    found = solve(shifted, y)
    assert not any("combination" in note for note in found.notes)
    assert found.certificate.relative_gap < 1e-9
    exact = solve(shifted - offset, y)  # the numbers that the shifted columns hold
    if offset < 1e8:
        np.testing.assert_allclose(found.coef, exact.coef, rtol=1e-7 / closeness * 1e-2)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_a_large_offset_hides_no_combination(offset: float, make: Any) -> None:
    X, y, _ = random_problem(5, N, 3)
    X = X + offset
    X = np.column_stack([X, X[:, 0] + X[:, 1], X[:, 2] - 5.0])
    found = solve(make(X), y)
    assert [note.split(": ")[1].split(" - ")[0].split(" + ")[0] for note in found.notes] == [
        "x3 = x0",
        "x4 = x2",
    ]
    reduced = solve(X[:, :3], y)
    np.testing.assert_allclose(found.value, reduced.value, rtol=EXACT)


@pytest.mark.parametrize("n", [N, 5000])
def test_units_of_columns_do_not_matter(n: int) -> None:
    X, y, _ = random_problem(6, n, 5)
    units = np.array([1e-8, 1e8, 1.0, 1e-3, 1e5])
    expected = solve(X, y)
    for solver in ("cholesky", "qr", "svd", "auto"):
        found = solve(X * units, y, solver=solver)
        np.testing.assert_allclose(found.coef * units[:, None], expected.coef, rtol=EXACT)
        assert found.notes == ()


def test_twins_in_large_units_leave_the_others_alone() -> None:
    X, y, _ = random_problem(7, N, 3)
    units = np.array([1e8, 1e-8, 1.0])
    found = solve(np.column_stack([X[:, 0] * 1e8, X * units]), y)
    expected = solve(X, y).coef[:, 0]
    in_units = found.coef[:, 0] * np.array([1e8, *units])
    np.testing.assert_allclose(in_units[2:], expected[1:], rtol=EXACT)
    np.testing.assert_allclose(in_units[:2], expected[0] / 2, rtol=EXACT)
    assert found.certificate.relative_gap < CERTIFIED


def test_more_columns_than_rows_in_any_units() -> None:
    X, y, _ = random_problem(8, 6, 10)
    units = np.array([1e8] * 2 + [1e-8] * 8)
    found = solve(X * units, y)
    eta = found.intercept + (X * units) @ found.coef[:, 0]
    np.testing.assert_allclose(eta, y, atol=1e-9)
    assert found.certificate.converged


def test_ridge_makes_every_design_determined() -> None:
    X, y, _ = houses()
    centred = X - X.mean(axis=0)
    expected = np.linalg.solve(
        centred.T @ centred / N + 0.1 * np.eye(6), centred.T @ (y - y.mean()) / N
    )
    for solver in ("auto", "cholesky", "qr", "svd"):
        found = solve(X, y, l2=0.1, solver=solver)
        np.testing.assert_allclose(found.coef[:, 0], expected, rtol=1e-8)
        assert found.notes == ()


def test_methods_are_taken_as_the_condition_asks() -> None:
    X, y, _ = random_problem(9, N, 4)
    for closeness, method in ((1.0, "cholesky"), (1e-7, "qr"), (0.0, "svd")):
        near = X.copy()
        near[:, 3] = X[:, 0] + closeness * X[:, 3]
        factored = factorise(problem_of(MemorySource(near, y)))
        assert factored is not None
        assert factored.factor.method == method


def test_words_read_well() -> None:
    def words(*weights: float, constant: float = 0.0) -> str:
        return in_words(["a", "b", "c", "d"][: len(weights)], np.array(weights), constant)

    assert words(1.0, -1.0) == "b = a"
    assert words(1.0, 1.0) == "b = -a" or words(1.0, 1.0) == "b = - a"
    assert words(-2.0, 1.0) == "b = 2 a"
    assert words(1.0, 1.0, -1.0) == "c = a + b"
    assert words(1.0, -1.0, -1.0) == "a = b + c"
    assert words(0.5, 0.25, -1.0, constant=-3.0) == "c = 3 + 0.5 a + 0.25 b"
    assert words(1.0, 1.0, 1.0, 1.0, constant=1.0) == "d = 1 - a - b - c"


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("large", [1e3, 1e7, 1e14])
def test_wide_ridge_where_the_penalty_is_small_beside_the_columns(large: float, make: Any) -> None:
    """K + I on the n x n side squares the rows' condition; its I may be lost to rounding."""
    X, y, _ = random_problem(10, 8, 30)
    X[:, 3] *= large
    found = solve(make(X), y, l2=0.1, intercept=False)
    units = np.sqrt(8 * 0.1)
    U, s, V = np.linalg.svd(X / units, full_matrices=False)
    expected = V.T @ (s / (s**2 + 1.0) * (U.T @ y)) / units
    sizes = np.abs(X).max(axis=0)
    np.testing.assert_allclose(found.coef[:, 0] * sizes, expected * sizes, atol=WIDE_RIDGE)


def test_wide_ridge_far_from_the_origin() -> None:
    X, y, _ = random_problem(11, 8, 30, offset=1e5)
    assert solve(X, y, l2=0.1, intercept=False, solver="closed-form").certificate.converged
