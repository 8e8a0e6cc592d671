"""Absolute and quantile regression: against HiGHS, scikit-learn, and optima known by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor

from leastwise.kinks import KinkRows, Solution, solve
from leastwise.kinks.certificate import penalty_gap
from leastwise.kinks.finish import summands
from leastwise.kinks.units import Units, best_constant

Float = NDArray[np.float64]

# HiGHS stops at a feasibility of 1e-10; ours is a vertex, so its objective may only be less.
HIGHS = 1e-10
# The certificate is a sum of rounding errors; what it may come to is promised.
PROOF = 1e-12
# A vertex is one triangular solution away from the data.
EXACT = 1e-10


def problem(
    X: Any,
    y: Float,
    q: float = 0.5,
    weight: Float | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    intercept: bool = True,
) -> KinkRows:
    n, p = X.shape
    share = np.ones(n) / n if weight is None else weight / weight.sum()
    far = np.full(p, np.inf)
    return KinkRows(
        X, y, share * q, share * (1 - q), np.full(p, l1), np.full(p, l2), -far, far, intercept
    )


def objective(rows: KinkRows, found: Solution) -> float:
    r = rows.y - rows.X @ found.coef - found.intercept
    own = rows.up @ np.maximum(r, 0.0) + rows.down @ np.maximum(-r, 0.0)
    paid = rows.l1 @ np.abs(found.coef) + 0.5 * rows.l2 @ found.coef**2
    return float(own + paid)


def by_highs(rows: KinkRows) -> float:
    n = len(rows.y)
    one = np.ones((n, int(rows.intercept)))
    cost = np.r_[rows.l1, rows.l1, np.zeros(2 * one.shape[1]), rows.up, rows.down]
    A = np.hstack([rows.X, -rows.X, one, -one, np.eye(n), -np.eye(n)])
    ends = np.r_[rows.upper, -rows.lower, np.full(2 * one.shape[1] + 2 * n, np.inf)]
    tight = {"primal_feasibility_tolerance": HIGHS, "dual_feasibility_tolerance": HIGHS}
    bounds = np.column_stack([np.zeros(ends.size), ends])
    return linprog(cost, A_eq=A, b_eq=rows.y, bounds=bounds, method="highs", options=tight).fun


def check_dual(rows: KinkRows, found: Solution) -> None:
    """The dual is in its box, and solves its equations to rounding."""
    theta = found.dual
    assert np.all(theta <= rows.up)
    assert np.all(theta >= -rows.down)
    size = rows.up.sum() + rows.down.sum()
    if rows.intercept:
        assert abs(theta.sum()) <= EXACT * size
    rest = rows.X.T @ theta - rows.l2 * found.coef
    reach = EXACT * (np.abs(rows.X).T @ np.abs(theta) + 1e-12)
    inner = (found.coef > rows.lower) & (found.coef < rows.upper)
    assert np.all(np.abs(rest)[inner] <= (rows.l1 + reach)[inner])


@st.composite
def problems(draw: st.DrawFn) -> KinkRows:
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n = draw(st.sampled_from([1, 2, 3, 5, 8, 20, 60, 150]))
    p = draw(st.sampled_from([0, 1, 2, 3, 5, 10, 30]))
    X = rng.standard_normal((n, p))
    kind = draw(st.sampled_from(["normal", "integer", "far", "twin", "constant", "repeated"]))
    if kind == "integer":
        X = np.round(X)
    elif kind == "far":
        X = X + 100.0
    elif kind == "twin" and p > 1:
        X[:, -1] = X[:, 0]
    elif kind == "constant" and p > 0:
        X[:, 0] = 3.0
    elif kind == "repeated" and n > 1:
        X[n // 2 :] = X[: n - n // 2]
    target = draw(st.sampled_from(["noisy", "integer", "perfect", "tied"]))
    y = X @ rng.integers(-2, 3, p) + (0.0 if target == "perfect" else rng.standard_t(2, n))
    if target in ("integer", "tied"):
        y = np.round(y if target == "integer" else rng.standard_normal(n))
    weight = draw(st.sampled_from([None, rng.integers(0, 4, n) + np.eye(n)[0]]))
    rows = problem(
        X,
        y,
        draw(st.sampled_from([0.5, 0.1, 0.25, 0.9, 0.999])),
        weight,
        draw(st.sampled_from([0.0, 0.001, 0.05, 1.0])),
        intercept=draw(st.booleans()),
    )
    return replace(rows, lower=np.zeros(p)) if draw(st.sampled_from([False, False, True])) else rows


@settings(max_examples=150)
@given(problems())
def test_no_worse_than_highs_and_proven(rows: KinkRows) -> None:
    found = solve(rows)
    null = found.detail["null_objective"]
    assert objective(rows, found) <= by_highs(rows) + HIGHS * (null + 1e-12)
    # q = 0.999 has a thousandth of the loss below, and all of the rounding.
    assert found.gap <= (PROOF if rows.up.max() < 100 * rows.down.max() else 20 * PROOF)
    assert np.all((found.coef >= rows.lower) & (found.coef <= rows.upper))
    check_dual(rows, found)


@pytest.mark.parametrize("l2", [1e-6, 1e-2, 10.0])
@pytest.mark.parametrize("l1", [0.0, 0.02])
@pytest.mark.parametrize(("n", "p"), [(2, 5), (20, 3), (150, 30), (3000, 5)])
def test_l2_is_proven(n: int, p: int, l1: float, l2: float) -> None:
    rng = np.random.default_rng(n)
    rows = problem(rng.normal(size=(n, p)), np.round(rng.normal(size=n), 1), 0.3, None, l1, l2)
    found = solve(rows)
    assert found.exact
    assert found.gap <= PROOF
    check_dual(rows, found)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("l1", [0.0, 0.05, 2.0])
def test_diabetes_as_scikit_learn(q: float, l1: float) -> None:
    X, y = load_diabetes(return_X_y=True)
    rows = problem(X, y, q, l1=l1)
    found = solve(rows)
    other = QuantileRegressor(quantile=q, alpha=l1, solver="highs").fit(X, y)
    theirs = replace(found, coef=other.coef_, intercept=float(other.intercept_))
    assert found.gap <= PROOF
    assert objective(rows, found) <= objective(rows, theirs) * (1 + HIGHS)
    np.testing.assert_allclose(found.coef, other.coef_, rtol=1e-6, atol=1e-6)


def test_line_through_all_but_one() -> None:
    """y = x is optimal, though the subgradient with sign(0) = 0 does not vanish there."""
    x = np.arange(5.0)
    y = np.where(x == 2.0, 20.0, x)
    found = solve(problem(x[:, None], y))
    np.testing.assert_allclose([found.coef[0], found.intercept], [1.0, 0.0], atol=EXACT)
    assert found.gap <= PROOF


def test_thousand_points_on_a_line() -> None:
    state = np.random.RandomState(42)
    x = 10.0 * state.rand(1000)
    y = 2.5 * x + 5.0 + 2.0 * state.randn(1000)
    found = solve(problem(x[:, None], y))
    np.testing.assert_allclose(
        [found.coef[0], found.intercept], [2.48796533, 5.22811670], atol=6e-9
    )
    assert 2.0 * found.detail["objective"] == pytest.approx(1.573378, abs=5e-7)
    assert found.gap <= PROOF


def test_least_norm_of_twins_and_the_middle() -> None:
    """Two equal columns share the slope; an even number of rows leaves the intercept an interval.

    w_1 + w_2 = 1 is all that y = x_1 asks for; of 0, 1, 3, 10 every b from 1 to 3 is a median.
    """
    x = np.array([0.0, 1.0, 2.0, 5.0])
    twins = solve(problem(np.column_stack([x, x]), x))
    np.testing.assert_allclose(twins.coef, [0.5, 0.5], atol=EXACT)
    unequal = solve(problem(np.column_stack([x, 2.0 * x]), x))  # the nearest of w_1 + 2 w_2 = 1
    np.testing.assert_allclose(unequal.coef, [0.2, 0.4], atol=EXACT)
    flat = solve(problem(np.ones((4, 1)), np.array([10.0, 0.0, 3.0, 1.0])))
    np.testing.assert_allclose([flat.coef[0], flat.intercept], [0.0, 2.0], atol=EXACT)


def test_least_norm_interpolates_as_the_pseudo_inverse() -> None:
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(6, 15)), rng.normal(size=6)
    found = solve(problem(X, y))
    centred = X - X.mean(axis=0)
    np.testing.assert_allclose(found.coef, np.linalg.pinv(centred) @ (y - y.mean()), atol=1e-9)
    assert not found.detail["unique"]


def test_least_norm_on_the_edge_of_a_face() -> None:
    """Four points of a square with values -1, 1: every slope in [0, 1] is optimal; 0 is least."""
    x = np.array([-1.0, -1.0, 1.0, 1.0])
    y = np.array([-1.0, 1.0, 1.0, -1.0])
    found = solve(problem(x[:, None], y))
    np.testing.assert_allclose([found.coef[0], found.intercept], [0.0, 0.0], atol=EXACT)


def large(n: int = 30_000, p: int = 5) -> tuple[Float, Float]:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, p))
    return X, X @ rng.normal(size=p) + rng.standard_t(2, n)


@pytest.mark.parametrize("q", [0.001, 0.5, 0.99])
@pytest.mark.parametrize("l1", [0.0, 0.05])
def test_preprocessing_ends_at_the_same_vertex(q: float, l1: float) -> None:
    X, y = large()
    found = solve(problem(X, y, q, l1=l1))
    assert found.rows_worked < len(y) // 3
    assert found.exact
    assert found.gap <= PROOF
    other = solve(problem(X, y, q, l1=l1), seed=1)
    np.testing.assert_allclose(found.coef, other.coef, atol=EXACT)
    again = solve(problem(X, y, q, l1=l1))
    np.testing.assert_array_equal(found.coef, again.coef)
    assert found.intercept == again.intercept


def test_sources_of_rows_agree() -> None:
    X, y = large()
    X[np.abs(X) < 1.0] = 0.0
    expected = solve(problem(X, y))
    weight = np.repeat([1.0, 0.0], [len(y), 50])
    more = np.vstack([X, np.full((50, 5), 1e3)]), np.append(y, np.full(50, -1e9))
    for rows in (
        problem(np.asfortranarray(X), y),
        problem(sp.csr_matrix(X), y),
        problem(sp.csc_matrix(X), y),
        problem(X + 2.0**20, y),
        problem(*more, weight=weight),
    ):
        found = solve(rows)
        np.testing.assert_allclose(found.coef, expected.coef, atol=1e-9)
        assert found.gap <= PROOF


@pytest.mark.parametrize("n", [300, 30_000])
@pytest.mark.parametrize("power", [-150, 150])
def test_units_do_not_matter(n: int, power: int) -> None:
    X, y = large(n)
    expected, unit = solve(problem(X, y)).coef, 10.0**power
    np.testing.assert_allclose(solve(problem(X, y * unit)).coef / unit, expected, rtol=1e-8)
    np.testing.assert_allclose(solve(problem(X * unit, y)).coef * unit, expected, rtol=1e-8)


@pytest.mark.parametrize("case", ["ties", "perfect", "repeated", "dummies", "outliers", "weights"])
def test_hard_rows_in_numbers(case: str) -> None:
    X, y = large(8000)
    weight = None
    if case == "ties":
        X, y = np.round(X), np.round(y)
    elif case == "perfect":
        y = X @ np.ones(5)
    elif case == "repeated":
        X, y = np.repeat(X[:80], 100, axis=0), np.repeat(y[:80], 100)
    elif case == "dummies":
        X = np.column_stack([X, np.arange(8000) < 3, np.arange(8000) == 9]).astype(float)
    elif case == "outliers":
        y = y + 1e6 * (np.arange(8000) % 100 == 0)
    else:
        weight = np.random.default_rng(0).exponential(size=8000) ** 3
    assert solve(problem(X, y, 0.4, weight)).gap <= PROOF


def test_guess_from_a_neighbour() -> None:
    X, y = large()
    near = solve(problem(X, y, 0.5))
    found = solve(problem(X, y, 0.51), guess=near)
    np.testing.assert_allclose(found.coef, solve(problem(X, y, 0.51)).coef, atol=EXACT)
    assert found.gap <= PROOF


def test_nothing_to_fit() -> None:
    assert solve(problem(np.ones((3, 1)), np.full(3, 7.0))).intercept == 7.0
    rows = problem(np.empty((3, 0)), np.array([-1.0, 2.0, 0.0]), intercept=False)
    assert solve(rows).gap == 0.0
    assert solve(rows).detail["objective"] == pytest.approx(0.5)


def test_watch_sees_each_look() -> None:
    X, y = large()
    seen: list[tuple[int, float]] = []
    solve(problem(X, y), watch=lambda turn, gap: seen.append((turn, gap)))
    assert [turn for turn, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] <= PROOF


def test_certificate_knows_a_wrong_dual() -> None:
    X, y = large(500)
    rows = problem(X, y)
    found, units = solve(rows), Units(rows)
    v = np.r_[0.0, found.coef / units.factor]
    v[0] = (found.intercept + units.centre @ found.coef - units.b0) / units.S
    r = y - X @ found.coef - found.intercept
    for theta, wrong in ((found.dual, False), (0.99 * found.dual, True), (-found.dual, True)):
        T = units.transposed(np.arange(500))
        gap = penalty_gap(units, v, T @ theta / units.weight) / 500
        gap += summands(r, theta, rows.up, rows.down).sum() / units.null
        assert (gap > 1e-3) == wrong


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 7, 40, 30_000]))
@settings(max_examples=30)
def test_best_constant_is_least(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y, up, down = np.round(rng.normal(size=n), 1), rng.integers(1, 3, n), rng.integers(1, 3, n)
    ends = best_constant(y, up.astype(float), down.astype(float))
    at = [
        float(up @ np.maximum(y - b, 0.0) + down @ np.maximum(b - y, 0.0))
        for b in (*ends, *np.quantile(y, [0.1, 0.3, 0.5, 0.7, 0.9]), ends[0] - 0.05, ends[1] + 0.05)
    ]
    np.testing.assert_allclose(at[:2], min(at), rtol=1e-13)
    assert min(at[-2:]) > min(at)
