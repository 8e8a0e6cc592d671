"""Many quantiles and strengths on the same rows: against separate solutions and HiGHS."""

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

from leastwise import LeastAbsolute, Quantile
from leastwise.kernels.vertices import choose, sided, turning
from leastwise.kinks import Kink, KinkRows, Solution, WeightedRows, solve, solve_all
from leastwise.kinks.constants import Constants
from leastwise.kinks.interior import begin
from leastwise.kinks.stride import stride
from leastwise.kinks.units import Units, best_constant, loss
from leastwise.kinks.walk import walk

Float = NDArray[np.float64]

# Both are exact vertices: their objectives differ by the rounding of n terms.
SAME = 1e-12
# What a solution is proven to.
PROOF = 1e-12
# Coefficients: one triangular solution away from the data.
EXACT = 1e-9
# HiGHS stops at a feasibility of 1e-10.
HIGHS = 1e-9

MANY = [Kink(q) for q in (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.85, 0.9, 0.98)]


def shared(X: Any, y: Float, weight: Float | None = None, intercept: bool = True) -> WeightedRows:
    n, p = X.shape
    far = np.full(p, np.inf)
    weight = np.ones(n) if weight is None else weight
    return WeightedRows(X, y, weight, np.ones(p), -far, far, intercept)


def noisy(n: int, p: int, seed: int = 0) -> tuple[Float, Float]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X @ rng.normal(size=p) + rng.standard_t(2, n)


def objective(rows: KinkRows, found: Solution) -> float:
    r = rows.y - rows.X @ found.coef - found.intercept
    own = rows.up @ np.maximum(r, 0.0) + rows.down @ np.maximum(-r, 0.0)
    return float(own + rows.l1 @ np.abs(found.coef) + 0.5 * rows.l2 @ found.coef**2)


def check(rows: WeightedRows, kinks: list[Kink], found: list[Solution], unique: bool) -> None:
    assert len(found) == len(kinks)
    for kink, ours in zip(kinks, found, strict=True):
        alone = rows.of(kink)
        other = solve(alone)
        scale = other.detail["null_objective"]
        assert ours.detail["null_objective"] == pytest.approx(scale, rel=SAME)
        assert abs(objective(alone, ours) - objective(alone, other)) <= SAME * scale
        assert ours.detail["objective"] == pytest.approx(objective(alone, ours), abs=SAME * scale)
        assert ours.gap <= max(PROOF, other.gap)
        assert np.all(ours.dual <= alone.up)
        assert np.all(ours.dual >= -alone.down)
        if unique:
            np.testing.assert_allclose(ours.coef, other.coef, atol=EXACT)
            assert ours.intercept == pytest.approx(other.intercept, abs=EXACT)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(("n", "p"), [(400, 3), (3000, 8), (20_000, 4)])
def test_quantiles_as_one_by_one(n: int, p: int, intercept: bool) -> None:
    rows = shared(*noisy(n, p), intercept=intercept)
    check(rows, MANY, solve_all(rows, MANY), True)


@pytest.mark.parametrize("q", [0.5, 0.2])
def test_strengths_as_one_by_one(q: float) -> None:
    X, y = noisy(3000, 10)
    rows = shared(X, y)
    kinks = [Kink(q, l1) for l1 in np.geomspace(1.0, 1e-4, 23)]
    found = solve_all(rows, kinks)
    check(rows, kinks, found, True)
    assert not found[0].coef.any()
    assert found[-1].coef.all()


def test_quantiles_and_strengths_together() -> None:
    rows = shared(*noisy(2000, 5))
    kinks = [Kink(q, l1) for l1 in (0.0, 0.05, 0.3) for q in (0.25, 0.5, 0.75)]
    check(rows, kinks, solve_all(rows, kinks), True)


def test_l2_as_one_by_one() -> None:
    rows = shared(*noisy(500, 4))
    kinks = [Kink(q, 0.01, 0.1) for q in (0.2, 0.5, 0.8)]
    check(rows, kinks, solve_all(rows, kinks), True)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 5, 30, 200, 700]), st.integers(0, 4))
@settings(max_examples=40)
def test_as_one_by_one_whatever_the_rows(seed: int, n: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    X, y = noisy(n, p, seed)
    if seed % 3 == 0:
        X, y = np.round(X), np.round(y)
    if seed % 7 == 0:
        y = X.sum(axis=1)
    weight = rng.integers(0, 3, n) + np.eye(n)[0] if seed % 2 else None
    rows = shared(X, y, weight, intercept=seed % 5 > 0)
    if seed % 4 == 0:
        rows = replace(rows, lower=np.zeros(p))
    kinks = [Kink(q, 0.02 * (seed % 2)) for q in (0.9, 0.5, 0.6, 0.1)]
    check(rows, kinks, solve_all(rows, kinks), False)


def test_no_worse_than_highs() -> None:
    X, y = noisy(300, 3)
    rows = shared(X, y)
    kinks = [Kink(q, 0.01) for q in np.linspace(0.05, 0.95, 19)]
    A = np.hstack([X, -X, np.ones((300, 1)), -np.ones((300, 1)), np.eye(300), -np.eye(300)])
    for kink, ours in zip(kinks, solve_all(rows, kinks), strict=True):
        one = rows.of(kink)
        cost = np.r_[one.l1, one.l1, 0.0, 0.0, one.up, one.down]
        theirs = linprog(cost, A_eq=A, b_eq=y, method="highs").fun
        assert objective(one, ours) <= theirs * (1.0 + HIGHS)


def test_few_passes() -> None:
    """One pass for ten problems, and those of the first one."""
    rows = shared(*noisy(30_000, 6))
    kinks = [Kink(q) for q in np.arange(1, 100) / 100]
    found = solve_all(rows, kinks)
    assert max(one.detail["looks"] for one in found) <= 20
    assert sorted(one.rows_worked for one in found)[-2] < 3000
    assert all(one.exact for one in found)


def test_sources_and_options_agree() -> None:
    X, y = noisy(4000, 5)
    X[np.abs(X) < 1.0] = 0.0
    expected = solve_all(shared(X, y), MANY)
    padded = np.vstack([X, np.full((9, 5), 1e3)]), np.append(y, np.full(9, -1e9))
    weight = np.repeat([1.0, 0.0], [4000, 9])
    for rows in (shared(sp.csr_matrix(X), y), shared(X + 2.0**20, y), shared(*padded, weight)):
        for ours, other in zip(solve_all(rows, MANY), expected, strict=True):
            np.testing.assert_allclose(ours.coef, other.coef, atol=1e-8)
            assert ours.gap <= PROOF
            assert ours.dual.size == len(rows.y)
    for ours, other in zip(solve_all(shared(X, y), MANY, duals=False), expected, strict=True):
        np.testing.assert_array_equal(ours.coef, other.coef)
        assert not ours.dual.size


def test_nothing_to_solve() -> None:
    rows = shared(*noisy(50, 2))
    assert solve_all(rows, []) == []
    flat = solve_all(shared(np.ones((30, 1)), np.full(30, 7.0)), MANY)
    assert [one.intercept for one in flat] == [7.0] * len(MANY)


@pytest.mark.parametrize("l1", [0.0, 0.05])
def test_stride_as_walk(l1: float) -> None:
    """The compiled steps and their NumPy twin end at the same vertex."""
    rows = shared(*noisy(400, 6)).of(Kink(0.3, l1))
    pieces = Units(rows).pieces(np.arange(400))
    twin = walk(pieces, begin(pieces, np.zeros(7)), 500)
    ours = stride(pieces, np.zeros(7), 500)
    assert twin is not None
    assert ours is not None
    np.testing.assert_allclose(ours.v, twin.v, atol=EXACT)
    np.testing.assert_array_equal(np.sort(ours.basis), np.sort(twin.basis))


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_turning_as_by_sorting(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    far, rise = np.round(rng.exponential(size=count), seed % 3), rng.exponential(size=count)
    slope = float(rng.uniform(0.0, 1.2) * rise.sum())
    a, b, ahead = far.copy(), rise.copy(), np.arange(count)
    place = turning(a, b, ahead, count, slope)
    total = np.cumsum(rise[np.argsort(far, kind="stable")])
    if slope > total[-1]:
        assert place == -1
        return
    assert a[place] == np.sort(far)[np.searchsorted(total, slope)]
    assert b[:place].sum() < slope <= b[: place + 1].sum() * (1.0 + SAME)
    assert np.all(a[:place] <= a[place])
    np.testing.assert_array_equal(far[ahead], a)


def test_choose_inverts() -> None:
    rng = np.random.default_rng(1)
    T = rng.normal(size=(6, 40))
    T[:, 1] = T[:, 0]
    basis, inverse, room = np.empty(6, np.int64), np.empty((6, 6)), np.empty(6)
    unit = np.array([2, 4])
    order = np.r_[40, np.arange(40), 41]
    assert choose(T, unit, order, np.array([0.3, 1e-3]), basis, inverse, room)
    A = np.vstack([np.eye(6)[unit[i - 40]] if i >= 40 else T[:, i] for i in basis])
    np.testing.assert_allclose(A @ inverse, np.eye(6), atol=1e-10)
    assert 40 in basis
    assert not {0, 1} <= set(basis.tolist())
    assert not choose(T, unit, order[1:4], np.array([1e-9]), basis, inverse, room)


def test_sided_in_numpy() -> None:
    rng = np.random.default_rng(2)
    P, y, s = rng.normal(size=(3, 20)), rng.normal(size=20), rng.exponential(size=20)
    base, q, theta = rng.normal(size=3), np.array([0.1, 0.5, 0.8]), np.zeros((3, 50))
    r = y - base[:, None] - P
    expected = s * (q[:, None] - (r < 0.0))
    sums = np.empty((2, len(P)))
    sided(P, y, base, q, s, theta, 10, sums)
    np.testing.assert_allclose(P, r, rtol=1e-15)
    np.testing.assert_allclose(theta[:, 10:30], expected, rtol=1e-15)
    assert not theta[:, :10].any()
    assert not theta[:, 30:].any()
    np.testing.assert_allclose(sums, [(expected * r).sum(axis=1), expected.sum(axis=1)], rtol=1e-13)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=30)
def test_constants_cost_what_the_best_one_does(seed: int, intercept: bool) -> None:
    rng = np.random.default_rng(seed)
    y, s = np.round(rng.normal(size=50), seed % 3) + 1e3, rng.integers(1, 4, 50) / 7.0
    for q in (0.001, 0.3, 0.5, 0.99):
        up, down = q * s, (1.0 - q) * s
        b = best_constant(y, up, down)[0] if intercept else 0.0
        expected = loss(y, b, up, down)
        assert Constants(y, s, intercept).loss(q) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("l1", [0.0, 0.02])
def test_an_excluded_column_is_one_that_is_not_there(l1: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = X[:, 0] + rng.normal(size=200)
    factors = [1.0, 1.0, np.inf, 1.0]
    found = LeastAbsolute(l1=l1, l2=0.1, factors=factors).fit(X, y)
    without = LeastAbsolute(l1=l1, l2=0.1).fit(X[:, [0, 1, 3]], y)
    assert found.certificate_.converged
    np.testing.assert_allclose(found.coef_[[0, 1, 3]], without.coef_, atol=1e-9)
    assert found.coef_[2] == 0.0
    several = Quantile([0.2, 0.8], l1=l1, l2=0.1, factors=factors).fit(X, y)
    alone = Quantile(0.8, l1=l1, l2=0.1, factors=factors).fit(X, y)
    np.testing.assert_allclose(several.coef_[1], alone.coef_, atol=1e-9)
