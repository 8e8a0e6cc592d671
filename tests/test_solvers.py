"""Each solver's own promises: steps, rates, refusals, exact zeros."""

import re

import numpy as np
import pytest
import scipy.sparse as sp

from leastwise import UsageError
from leastwise.solvers import (
    SOLVERS,
    AcceleratedGradient,
    CoordinateDescent,
    GradientDescent,
    by_name,
)
from leastwise.sources import MemorySource
from optima import Case, conditioned
from problems import PRECISE, problem_of, random_problem, solve

# L is an eigenvalue computed to rounding; six of its digits are printed.
EIGENVALUE = 1e-10
PRINTED = 1e-5
# An iterate written out in NumPy in another order of operations, after some hundred steps.
TRAJECTORY = 1e-11

X, Y, _ = random_problem(0, 60, 5, offset=0.5)
NO_L1 = ["gradient-descent", "conjugate-gradient", "closed-form", "cholesky", "qr", "svd"]


def largest(X, l2=0.0):
    """L = the largest eigenvalue of Xc'Xc / n + l2."""
    Z = X - X.mean(axis=0)
    return np.linalg.eigvalsh(Z.T @ Z / Z.shape[0])[-1] + l2


def last_iterate(solver, problem, steps):
    """Where a solver stands after so many steps when nobody stops it."""
    *_, (_, last) = solver.along(problem, (problem.penalty,), None, steps)
    return last


# Names


def test_names_are_found_and_listed():
    assert by_name("coordinate-descent") == CoordinateDescent()
    with pytest.raises(UsageError, match="unknown solver 'newtons'; there are auto, closed-form"):
        by_name("newtons")
    with pytest.raises(UsageError, match="unknown solver"):
        solve(X, Y, solver="newtons")


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_are_values(name):
    solver = SOLVERS[name]
    assert solver == eval(repr(solver), {type(solver).__name__: type(solver)})
    with pytest.raises(AttributeError):
        solver.limit = 3
    assert solver.limit >= 1


@pytest.mark.parametrize("name", NO_L1)
def test_refusal_of_an_l1_penalty_names_who_takes_it(name):
    with pytest.raises(UsageError, match=f"{name} cannot take this problem: an l1.*take ") as error:
        solve(X, Y, l1=0.1, solver=name)
    others = str(error.value).rpartition("; take ")[2].split(" or ")
    for other in others:
        assert solve(X, Y, l1=0.1, solver=other).certificate.converged


@pytest.mark.parametrize("name", NO_L1)
def test_l1_with_all_factors_zero_is_no_l1(name):
    found = solve(X, Y, l1=0.1, factors=np.zeros(5), solver=name)
    assert found.certificate.converged


@pytest.mark.parametrize("solver", [*PRECISE, "auto"])
@pytest.mark.parametrize("blocks", [[], [1, 20, 21]])
def test_a_constant_column_has_coefficient_zero(solver, blocks):
    wide = np.insert(X, 2, 4.2, axis=1)
    found = solve(wide, Y, cuts=blocks, solver=solver)
    assert found.coef[2, 0] == 0.0
    assert found.certificate.converged
    np.testing.assert_allclose(np.delete(found.coef, 2, axis=0), solve(X, Y).coef, atol=1e-3)


# Gradient descent


@pytest.mark.parametrize(("l2", "momentum"), [(0.0, 0.0), (0.3, 0.0), (0.1, 0.6)])
@pytest.mark.parametrize("step", [None, 0.1])
def test_gradient_descent_takes_the_steps_of_its_formula(l2, momentum, step):
    steps = 40
    Z, r = X - X.mean(axis=0), Y - Y.mean()
    eta = 1.0 / largest(X, l2) if step is None else step
    w = before = np.zeros(5)
    for _ in range(steps):
        gradient = Z.T @ (Z @ w - r) / 60 + l2 * w
        w, before = w - eta * gradient + momentum * (w - before), w
    solver = GradientDescent(step=step, momentum=momentum)
    last = last_iterate(solver, problem_of(MemorySource(X, Y), l2=l2), steps)
    assert last.iteration == steps
    assert last.final
    np.testing.assert_allclose(last.coef[:, 0], w, rtol=TRAJECTORY)


def test_gradient_descent_starts_where_it_is_told():
    start = np.arange(5.0)
    solver = GradientDescent(step=0.1, start=start)
    found = solve(X, Y, solver=solver, max_iter=1)
    Z = X - X.mean(axis=0)
    moved = start - 0.1 * Z.T @ (Z @ start - (Y - Y.mean())) / 60
    np.testing.assert_allclose(found.coef[:, 0], moved, rtol=TRAJECTORY)
    at_start = solve(X, Y, solver=solver, max_iter=1, watch=None).history[0]
    assert at_start.iteration == 0
    assert at_start.objective == pytest.approx(
        0.5 * np.mean((Y - Y.mean() - Z @ start) ** 2), rel=1e-12
    )
    with pytest.raises(UsageError, match=r"start has shape \(3,\)"):
        solve(X, Y, solver=GradientDescent(start=np.zeros(3)))


def test_one_start_serves_all_outputs():
    both = np.column_stack([Y, -Y])
    found = solve(X, both, solver=GradientDescent(start=np.ones(5)), max_iter=3)
    each = solve(X, both, solver=GradientDescent(start=np.ones((5, 2))), max_iter=3)
    assert (found.coef == each.coef).all()


@pytest.mark.parametrize("l2", [0.0, 0.4])
def test_steps_up_to_two_over_L_converge_and_beyond_are_refused(l2):
    L = largest(X, l2)
    near = solve(X, Y, l2=l2, solver=GradientDescent(step=1.99 / L))
    assert near.certificate.converged
    with pytest.raises(UsageError, match=r"a step of .* diverges: the largest stable step is") as e:
        solve(X, Y, l2=l2, solver=GradientDescent(step=2.01 / L))
    stated = float(re.search(r"largest stable step is ([\d.e+-]+)", str(e.value))[1])
    assert stated == pytest.approx(2.0 / L, rel=PRINTED)
    assert "leave step out" in str(e.value)
    assert "check_step=False" in str(e.value)


@pytest.mark.parametrize(("times", "most"), [(2.01, None), (2.5, 30), (2.5, None), (40.0, 2)])
def test_an_unchecked_step_beyond_is_reported_as_diverged(times, most):
    solver = GradientDescent(step=times / largest(X), check_step=False)
    found = solve(X, Y, solver=solver, max_iter=most)
    assert not found.certificate.converged
    assert found.certificate.reason.startswith("diverged: take a smaller step")
    assert found.certificate.primal > 0.5 * Y.var()
    assert np.isfinite(found.coef).all()


def test_momentum_widens_the_stable_steps_and_speeds_them():
    X = conditioned(100, 5, 30.0, 1)
    y = X @ np.ones(5) + np.random.default_rng(1).normal(size=100)
    L = largest(X)
    plain = solve(X, y, solver=GradientDescent(), max_iter=100_000)
    heavy = solve(X, y, solver=GradientDescent(momentum=0.9), max_iter=100_000)
    assert plain.certificate.converged
    assert heavy.certificate.converged
    assert heavy.iterations < plain.iterations / 5
    assert solve(
        X, y, solver=GradientDescent(step=3.7 / L, momentum=0.9), max_iter=100_000
    ).certificate.converged
    with pytest.raises(UsageError, match=r"2/L times 1 \+ momentum"):
        solve(X, y, solver=GradientDescent(step=3.9 / L, momentum=0.9))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"step": -0.1}, "the step must be positive, not -0.1"),
        ({"step": 0.0}, "the step must be positive"),
        ({"step": np.nan}, "the step must be positive"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), not 1"),
        ({"momentum": -0.1}, "momentum must be in"),
        ({"step": "a"}, "the step must be positive, not 'a'"),
        ({"momentum": "a"}, "momentum must be in"),
    ],
)
def test_impossible_settings_are_named(settings, words):
    with pytest.raises(UsageError, match=words):
        solve(X, Y, solver=GradientDescent(**settings))


def test_units_do_not_change_the_number_of_steps():
    """The default step is 1/L of these data: X in tenths takes the same path."""
    counts = {solve(X * unit, Y, solver="gradient-descent").iterations for unit in (1, 8, 1 / 64)}
    assert len(counts) == 1


def test_gradient_descent_from_zero_ends_at_the_least_norm():
    wide, y, _ = random_problem(2, 8, 12)
    found = solve(wide, y, solver="gradient-descent", max_iter=100_000, tol=1e-14)
    least = np.linalg.pinv(wide - wide.mean(axis=0)) @ (y - y.mean())
    np.testing.assert_allclose(found.coef[:, 0], least, atol=1e-5)


# Accelerated gradient


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_accelerated_gradient_makes_the_optimums_exact_zeros(l2):
    rows, y, weight = random_problem(3, 100, 6, weighted=True)
    case = Case(rows, y[:, None], weight, 0.6, l2)
    best = case.optimum()
    found = solve(rows, y, weight, l1=0.6, l2=l2, solver=AcceleratedGradient(), tol=1e-10)
    assert 0 < np.count_nonzero(best) < 6
    assert ((found.coef == 0.0) == (best == 0.0)).all()
    assert found.history[-1].active == np.count_nonzero(best)


def test_acceleration_takes_the_root_of_gradient_descents_steps():
    X = conditioned(200, 8, 30.0, 2)
    y = X @ np.ones(8) + np.random.default_rng(2).normal(size=200)
    slow = solve(X, y, solver="gradient-descent", max_iter=100_000)
    fast = solve(X, y, solver="accelerated-gradient")
    assert slow.certificate.converged
    assert fast.certificate.converged
    assert fast.iterations < slow.iterations / 10


def test_accelerated_gradient_does_not_see_the_units():
    scales = np.array([1e-6, 1.0, 1e6, 10.0, 0.1])
    plain = solve(X, Y, solver="accelerated-gradient")
    scaled = solve(X * scales, Y, solver="accelerated-gradient")
    assert abs(plain.iterations - scaled.iterations) <= 2
    np.testing.assert_allclose(scaled.coef[:, 0] * scales, plain.coef[:, 0], rtol=1e-6)


# Coordinate descent


@pytest.mark.parametrize("cuts", [[], [1, 5, 30]])
@pytest.mark.parametrize("layout", [np.asarray, sp.csr_array])
def test_sweeps_over_rows_are_those_over_moments(cuts, layout):
    """Without memory for a Gram matrix the residual is kept beside the rows, chunk by chunk."""
    rows, y, weight = random_problem(5, 60, 100, 2, weighted=True, density=0.5)
    over_moments = solve(rows, y, weight, l2=0.5, solver="coordinate-descent", max_iter=5, tol=0.0)
    source = MemorySource(layout(rows), y, weight, cuts=cuts)
    problem = problem_of(source, l2=0.5, memory=3 * 8 * 100 * 100 - 1)
    last = last_iterate(CoordinateDescent(), problem, 5)
    assert last.detail == "over rows"
    np.testing.assert_allclose(last.coef, over_moments.coef, rtol=0.0, atol=1e-11)


def test_coordinate_descent_with_l1_ends_exactly():
    rows, y, weight = random_problem(6, 100, 6, weighted=True)
    found = solve(rows, y, weight, l1=0.3, solver="coordinate-descent", tol=1e-3)
    assert "exact on the support" in found.solver
    best = Case(rows, y[:, None], weight, 0.3).optimum()
    np.testing.assert_allclose(found.coef, best, rtol=0.0, atol=1e-12)
    assert found.certificate.relative_gap < 1e-13


def test_everything_is_zero_from_the_largest_useful_l1():
    Z = X - X.mean(axis=0)
    most = np.abs(Z.T @ Y).max() / 60
    for solver in ("coordinate-descent", "accelerated-gradient", "auto"):
        assert (solve(X, Y, l1=most * (1 + 1e-12), solver=solver).coef == 0.0).all()
        assert np.count_nonzero(solve(X, Y, l1=most * 0.99, solver=solver).coef) == 1


# Closed forms


def test_cholesky_says_that_collinear_columns_need_another():
    rows, y, _ = random_problem(9, 50, 3)
    with pytest.raises(UsageError, match=r"collinear.*take solver='closed-form'"):
        solve(np.column_stack([rows, rows[:, 0]]), y, solver="cholesky")


@pytest.mark.parametrize("seed", [3, 24, 32, 33])
@pytest.mark.parametrize("intercept", [True, False])
def test_cholesky_of_twins_says_so_or_is_right(seed, intercept):
    """Rounding may leave the moments of twins positive definite; refining meets a zero then."""
    rows, y, _ = random_problem(seed, 100, 20, 3, density=0.2)
    rows[:, -1] = rows[:, 0]
    best = solve(rows, y, intercept=intercept).certificate.primal
    try:
        reached = solve(rows, y, intercept=intercept, solver="cholesky").certificate.primal
    except UsageError:
        reached = best
    assert reached <= best * (1.0 + 1e-9)


@pytest.mark.parametrize("solver", ["closed-form", "qr", "svd", "auto"])
@pytest.mark.parametrize("l2", [1e-8, 1e-3, 1.0])
def test_ridge_through_the_smaller_side(solver, l2):
    """p > n: (K + n l2 I) a = y on the rows' side is the p x p solution."""
    rows, y, weight = random_problem(10, 20, 45, 2, weighted=True)
    share = weight / weight.sum()
    Z, r = rows - share @ rows, y - share @ y
    root = np.sqrt(share)[:, None]
    stacked = np.vstack([root * Z, np.sqrt(l2) * np.eye(45)])
    expected = np.linalg.lstsq(stacked, np.vstack([root * r, np.zeros((45, 2))]), rcond=None)[0]
    found = solve(rows, y, weight, l2=l2, solver=solver)
    assert found.certificate.converged
    np.testing.assert_allclose(found.coef, expected, rtol=0.0, atol=1e-9)


def test_least_norm_of_more_columns_than_rows():
    rows, y, _ = random_problem(11, 10, 30)
    found = solve(rows, y)
    expected = np.linalg.pinv(rows - rows.mean(axis=0)) @ (y - y.mean())
    np.testing.assert_allclose(found.coef[:, 0], expected, rtol=0.0, atol=1e-11)
    assert found.certificate.converged


def test_conjugate_gradients_end_after_as_many_steps_as_columns():
    found = solve(X, Y, solver="conjugate-gradient", tol=1e-20)
    assert found.iterations <= 5
    assert found.certificate.converged


# Sparse rows, fewer than columns


def test_wide_sparse_least_squares_ends_at_the_least_norm_in_any_memory():
    """Where a dense copy has room it is made; elsewhere conjugate gradients do without."""
    rows, y, _ = random_problem(12, 40, 120, density=0.3)
    least = np.linalg.pinv(rows - rows.mean(axis=0)) @ (y - y.mean())
    ample = solve(sp.csr_array(rows), y)
    np.testing.assert_allclose(ample.coef[:, 0], least, rtol=0.0, atol=1e-10)
    tight = solve(sp.csr_array(rows), y, memory=50_000, tol=1e-16)
    assert tight.solver == "conjugate-gradient"
    np.testing.assert_allclose(tight.coef[:, 0], least, rtol=0.0, atol=1e-6)


def test_wide_sparse_ridge_with_free_columns_converges():
    rows, y, _ = random_problem(13, 30, 150, density=0.2)
    factors = np.random.default_rng(13).choice([0.0, 0.5, 1.0, 2.0], 150)
    found = solve(sp.csr_array(rows), y, l2=1e-3, factors=factors)
    assert found.certificate.converged


@pytest.mark.parametrize("n", [2, 8, 40])
@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_auto_ends_exactly_under_l1_however_few_the_rows(n, l2):
    rows, y, _ = random_problem(14, n, 150)
    rows = rows * 10.0 ** np.random.default_rng(14).integers(-2, 3, 150)
    most = np.abs((rows - rows.mean(axis=0)).T @ y).max() / n
    found = solve(rows, y, l1=0.01 * most, l2=l2)
    assert found.certificate.converged
    assert found.certificate.relative_gap < 1e-12
    assert "exact on the support" in found.solver
