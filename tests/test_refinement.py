"""Refined least squares against least squares in rational numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from leastwise.fit import fit
from leastwise.inference import evidence, infer
from leastwise.refinement import refine
from leastwise.sources import MemorySource
from problems import problem_of, seven_cuts, sources
from rational import ExactFit, exact_least_squares

Float = NDArray[np.float64]

# Correct to rounding: the last corrections are below eps, an addition follows.
ROUNDING = 1e-15
# sums of n squares, each rounded
SUMS = 1e-14
# A number that is zero in truth is zero to rounding of the largest in its scaled equation.
ZERO = 1e-14

N = 21


def ramp(degree: int) -> Float:
    """Powers of 0 to 20, as Wampler's (1970) designs: condition 1e5 and more."""
    x = np.arange(float(N))
    return np.column_stack([x**j for j in range(1, degree + 1)])


def balanced(degree: int) -> Float:
    """Powers of -10 to 10: odd and even columns are orthogonal, half of the inverse is zero."""
    x = np.arange(-10.0, 11.0)
    return np.column_stack([x**j for j in range(1, degree + 1)])


def jump(size: float) -> Float:
    """A residual in which no polynomial takes part, of any size."""
    return size * np.where(np.arange(N) % 3 == 0, 2.0, -1.0)


WEIGHT = np.where(np.arange(N) % 5 == 4, 0.0, 1.0 + np.arange(N) % 4)


def agree(found: Float, exact: Float, tol: float, scale: Float) -> None:
    """Entries relative to themselves, or to the largest in `scale`'s units where they are zero."""
    floor = ZERO * np.abs(exact * scale).max() / scale
    np.testing.assert_array_less(np.abs(found - exact), tol * np.abs(exact) + floor + 1e-300)


@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["ones", "weighted"])
@pytest.mark.parametrize("size", [1.0, 1e6])
def test_correct_to_rounding(size: float, weight: Float | None, intercept: bool, l2: float) -> None:
    X = ramp(5)
    y = 1.0 + X.sum(axis=1) + jump(size)
    exact = exact_least_squares(X, y, weight, l2=l2, intercept=intercept)
    for cuts in ([], seven_cuts(N)):
        problem = problem_of(MemorySource(X, y, weight, cuts=cuts), l2=l2, intercept=intercept)
        found = refine(problem, np.arange(5))
        assert found is not None
        np.testing.assert_allclose(found.coef[:, 0], exact.coef, rtol=ROUNDING)
        np.testing.assert_allclose(found.intercept, exact.intercept, rtol=ROUNDING)
        np.testing.assert_allclose(found.squares, exact.squares, rtol=SUMS)
        assert found.inverse is not None
        np.testing.assert_allclose(found.inverse, exact.inverse, rtol=ROUNDING)


def test_every_layout_is_refined_alike() -> None:
    X = ramp(4)
    y = 1.0 + X.sum(axis=1) + jump(100.0)
    exact = exact_least_squares(X, y)
    for name, source in sources(X, y):
        found = refine(problem_of(source), np.arange(4))
        assert found is not None, name
        np.testing.assert_allclose(found.coef[:, 0], exact.coef, rtol=ROUNDING, err_msg=name)


def test_several_outputs_and_columns_that_take_no_part() -> None:
    X = ramp(5)
    y = np.column_stack([1.0 + X.sum(axis=1) + jump(10.0), jump(3.0) + X[:, 1]])
    live = np.array([0, 1, 3])
    found = refine(problem_of(MemorySource(X, y)), live)
    assert found is not None
    assert found.inverse is not None
    for output in range(2):
        exact = exact_least_squares(X[:, live], y[:, output])
        np.testing.assert_allclose(found.coef[live, output], exact.coef, rtol=ROUNDING)
        np.testing.assert_allclose(found.intercept[output], exact.intercept, rtol=ROUNDING)
        np.testing.assert_allclose(found.squares[output], exact.squares, rtol=SUMS)
    np.testing.assert_array_equal(found.coef[[2, 4]], 0.0)
    np.testing.assert_array_equal(found.inverse[[3, 5]], 0.0)


def zero_truth() -> tuple[Float, Float]:
    """Half of the coefficients are zero exactly."""
    X = ramp(5)
    return X, 1.0 + X[:, 1] - X[:, 3]


def balanced_truth() -> tuple[Float, Float]:
    return balanced(5), np.round(1e3 * np.random.default_rng(0).normal(size=N))


def even_truth() -> tuple[Float, Float]:
    """A target even about the middle: every odd coefficient is zero."""
    e = np.round(1e3 * np.random.default_rng(1).normal(size=N))
    return balanced(8), e + e[::-1]


@pytest.mark.parametrize("make", [zero_truth, balanced_truth, even_truth])
def test_numbers_that_are_zero_do_not_stop_it(make) -> None:  # type: ignore[no-untyped-def]
    X, y = make()
    p = X.shape[1]
    exact: ExactFit = exact_least_squares(X, y)
    found = refine(problem_of(MemorySource(X, y)), np.arange(p))
    assert found is not None
    scale = np.linalg.norm(X - X.mean(axis=0), axis=0)
    agree(found.coef[:, 0], exact.coef, ROUNDING, scale)
    assert found.inverse is not None
    deviations = np.sqrt(np.diagonal(found.inverse))
    np.testing.assert_allclose(deviations, np.sqrt(np.diagonal(exact.inverse)), rtol=SUMS)


def test_the_public_route_refines_where_it_matters() -> None:
    X = ramp(5)
    y = 1.0 + X.sum(axis=1) + jump(1e6)
    exact = exact_least_squares(X, y)
    problem = problem_of(MemorySource(X, y))
    found = fit(problem)
    assert found.solver.endswith("refined)")
    np.testing.assert_allclose(found.coef[:, 0], exact.coef, rtol=ROUNDING)
    table = infer(evidence(problem, found))[0]
    sigma = np.sqrt(exact.squares / (N - 6))
    np.testing.assert_allclose(table.error, sigma * np.sqrt(np.diagonal(exact.inverse)), rtol=SUMS)


def test_hopeless_designs_are_left_alone() -> None:
    """Twin columns: corrections do not shrink, and no answer is better than a wrong one."""
    X = ramp(3)
    X[:, 2] = X[:, 0]
    with np.errstate(all="ignore"):
        found = refine(problem_of(MemorySource(X, jump(1.0))), np.arange(3))
    assert found is None
