"""The driver: why it stops, what it says then, and what it counts."""

import numpy as np
import pytest

from leastwise import DataError, UsageError
from leastwise.certificate import gap
from leastwise.drive import MOST_RECORDS
from leastwise.fit import ended, fit
from leastwise.solvers import SOLVERS, GradientDescent
from leastwise.sources import MemorySource
from optima import conditioned
from problems import PRECISE, problem_of, random_problem, solve

# Objectives over moments are differences of numbers of order one: a few times eps of noise.
ROUNDING = 1e-14
# The gap certified from the rows is that of the last record to the rounding of the moments.
FROM_ROWS = 1e-12

X, Y, WEIGHT = random_problem(0, 80, 5, weighted=True)
SLOW = conditioned(100, 6, 300.0, 0)
SLOW_Y = SLOW @ np.ones(6) + np.random.default_rng(0).normal(size=100)
QUADRATIC = [name for name in SOLVERS if "quadratic" in SOLVERS[name].kinds]
PENALTIES = [{}, {"l2": 0.1}, {"l1": 0.1}, {"l1": 0.1, "l2": 0.1}]


class CountingSource(MemorySource):
    """Rows that count how often their blocks are asked for."""

    asked = 0

    def blocks(self):
        self.asked += 1
        return super().blocks()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("tol", [0.0, 1e-12, 1e-2])
def test_every_ending_is_told_truly(solver, penalty, tol):
    """However few iterations, whatever the tolerance: converged if and only if the gap says so."""
    problem = problem_of(MemorySource(X, Y, WEIGHT), **penalty)
    if SOLVERS[solver].declines(problem) is not None:
        return
    for most in (1, 2, 3, 7, 40):
        found = fit(problem, solver, tol=tol, max_iter=most)
        certificate = found.certificate
        assert certificate.converged == (certificate.relative_gap <= tol)
        reason = certificate.reason.partition(": ")[0]
        assert certificate.converged == (reason == "converged")
        assert certificate.converged or certificate.reason == ended(reason, chosen=True)
        assert found.iterations <= most
        true = gap(problem, found.coef, problem.design.evaluate(found.coef), found.factor)
        assert certificate.relative_gap == pytest.approx(
            true.relative.max(), rel=1e-3, abs=FROM_ROWS
        )


def test_max_iter_names_what_to_try():
    found = solve(SLOW, SLOW_Y, solver="gradient-descent", max_iter=10)
    assert found.iterations == 10
    assert found.certificate.reason.startswith("max_iter: allow more iterations (max_iter), or")
    assert "solver='auto'" in found.certificate.reason
    assert solve(SLOW, SLOW_Y, solver="auto").certificate.converged


def test_a_tolerance_below_rounding_ends_as_stalled_or_out_of_iterations():
    for solver in ("closed-form", "qr", "svd", "conjugate-gradient"):
        found = solve(X, Y, solver=solver, tol=0.0)
        assert found.certificate.relative_gap < 1e-25
        assert found.certificate.reason.startswith(("stalled: the tolerance is below", "converged"))


def test_a_solver_that_gets_no_better_stalls():
    """Rounding ends the descent long before the iterations allowed do."""
    found = solve(X, Y, l1=0.05, solver="accelerated-gradient", tol=0.0, max_iter=20_000)
    assert not found.certificate.converged or found.certificate.relative_gap == 0.0
    assert found.iterations < 20_000
    assert found.certificate.relative_gap < 1e-13


def test_diverging_names_the_step():
    solver = GradientDescent(step=5.0, check_step=False)
    found = solve(X, Y, solver=solver)
    assert found.certificate.reason == (
        "diverged: take a smaller step; the largest stable one is 2/L"
    )
    assert found.certificate.relative_gap > 1.0
    assert found.iterations < 100


@pytest.mark.parametrize("step", [None, 0.3, 0.9])
@pytest.mark.parametrize("l2", [0.0, 0.2])
def test_gradient_descent_never_rises(step, l2):
    """A step of at most 1/L descends by half of step times the squared gradient."""
    problem = problem_of(MemorySource(SLOW, SLOW_Y), l2=l2)
    L = np.linalg.eigvalsh(problem.design.gram)[-1] + l2
    solver = GradientDescent(step=None if step is None else step / L)
    found = fit(problem, solver, max_iter=500)
    objectives = np.array([record.objective for record in found.history])
    assert objectives.size > 20
    assert (np.diff(objectives) <= ROUNDING * objectives[0]).all()
    gaps = np.array([record.gap for record in found.history])
    assert (gaps >= 0.0).all()
    assert gaps[-1] < gaps[0]


@pytest.mark.parametrize("solver", QUADRATIC)
def test_history_tells_the_way(solver):
    found = solve(SLOW, SLOW_Y, solver=solver, max_iter=300)
    records = found.history
    iterations = [record.iteration for record in records]
    assert iterations == sorted(iterations)
    assert records[-1].iteration == found.iterations
    seconds = [record.seconds for record in records]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= found.seconds
    assert records[-1].active == np.count_nonzero(found.coef)
    assert records[-1].objective == pytest.approx(found.certificate.primal, rel=1e-9)
    assert records[-1].relative_gap == pytest.approx(
        found.certificate.relative_gap, rel=1e-3, abs=FROM_ROWS
    )


def test_iterative_solvers_begin_with_the_intercept_only_model():
    for solver in ("gradient-descent", "accelerated-gradient", "conjugate-gradient"):
        first = solve(X, Y, WEIGHT, solver=solver).history[0]
        assert first.iteration == 0
        assert first.active == 0
        mean = np.average(Y, weights=WEIGHT)
        null = 0.5 * np.average((Y - mean) ** 2, weights=WEIGHT)
        assert first.objective == pytest.approx(null, rel=1e-12)


def test_watch_sees_every_look():
    seen = []
    found = solve(SLOW, SLOW_Y, solver="gradient-descent", max_iter=50, watch=seen.append)
    assert tuple(seen) == found.history
    assert [record.iteration for record in seen] == list(range(51))


def test_long_histories_are_thinned():
    seen = []
    found = solve(SLOW, SLOW_Y, solver="gradient-descent", max_iter=3000, watch=seen.append)
    assert len(seen) == 3001
    assert len(found.history) <= MOST_RECORDS + 1
    assert found.history[0].iteration == 0
    assert found.history[-1].iteration == 3000
    assert set(found.history) <= set(seen)


@pytest.mark.parametrize("solver", ["gradient-descent", "accelerated-gradient"])
def test_a_start_at_the_optimum_needs_no_step(solver):
    best = solve(X, Y, WEIGHT, l2=0.1)
    again = solve(X, Y, WEIGHT, l2=0.1, solver=solver, start=best.coef)
    assert again.iterations == 0
    assert again.certificate.converged


@pytest.mark.parametrize("solver", PRECISE)
def test_a_start_leads_to_the_same_optimum(solver):
    start = np.full((5, 1), 3.0)
    best = solve(X, Y, WEIGHT, l2=0.1)
    found = solve(X, Y, WEIGHT, l2=0.1, solver=solver, start=start)
    np.testing.assert_allclose(found.coef, best.coef, atol=1e-3)
    assert (start == 3.0).all()


def test_what_is_returned_without_convergence_is_the_best_seen():
    solver = GradientDescent(momentum=0.95)
    for most in range(10, 40, 3):
        seen = []
        found = solve(SLOW, SLOW_Y, solver=solver, max_iter=most, watch=seen.append)
        least = min(record.relative_gap for record in seen)
        assert found.certificate.relative_gap == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize(
    ("solver", "penalty", "passes"),
    [
        ("closed-form", {}, 2),  # moments, and the certificate from the rows
        ("gradient-descent", {}, 2),
        ("accelerated-gradient", {"l1": 0.1}, 2),
        ("qr", {}, 3),  # means, R, certificate
    ],
)
def test_passes_are_few_and_all_counted(solver, penalty, passes):
    rows = CountingSource(*random_problem(1, 3000, 5))
    found = fit(problem_of(rows, **penalty), solver)
    assert found.passes == rows.passes == passes
    assert rows.asked == passes


def test_a_step_of_conjugate_gradients_is_a_pass():
    source = MemorySource(SLOW, SLOW_Y)
    short = fit(problem_of(source), "conjugate-gradient", max_iter=2)
    longer = fit(problem_of(source), "conjugate-gradient", max_iter=4, tol=1e-30)
    assert longer.passes - short.passes <= 2


def test_a_second_penalty_on_the_same_rows_reads_them_once():
    problem = problem_of(MemorySource(X, Y), l2=0.1)
    first = fit(problem, "closed-form")
    second = fit(problem.at(type(problem.penalty)(0.0, 0.2)), "closed-form")
    assert first.passes == 2
    assert second.passes == 1
    np.testing.assert_array_equal(second.coef, solve(X, Y, l2=0.2).coef)


def test_the_result_says_which_solver_and_why():
    found = solve(X, Y)
    assert found.solver == "closed-form (cholesky)"
    assert found.why.startswith("the cheapest of the ")
    assert solve(X, Y, solver="qr").why == "asked for"


def test_rows_are_refined_where_digits_are_missing():
    hard = conditioned(40, 4, 1e7, 3)
    y = np.random.default_rng(3).normal(size=40)
    found = solve(hard, y, solver="closed-form")
    assert found.refined is not None
    assert "refined" in found.solver


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tol": -1e-9}, "tol must be a number of at least 0, not -1e-09"),
        ({"tol": np.nan}, "tol must be a number of at least 0"),
        ({"tol": np.inf}, "tol must be a number of at least 0"),
        ({"max_iter": 0}, "max_iter must be .*not 0"),
        ({"max_iter": -3}, "max_iter must be .*not -3"),
        ({"solver": "newtons"}, "unknown solver 'newtons'; there are auto, closed-form"),
    ],
)
def test_impossible_arguments_are_named_before_any_pass(options, words):
    source = MemorySource(X, Y)
    with pytest.raises(UsageError, match=words):
        fit(problem_of(source), **options)
    assert source.passes == 0


@pytest.mark.parametrize("solver", ["auto", *PRECISE])
@pytest.mark.parametrize(("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_what_is_not_finite_is_found_by_the_first_pass(solver, value, kind):
    broken = X.copy()
    broken[17, 3] = value
    with pytest.raises(DataError, match=rf"Input X contains {kind} \(column 'x3', row 17\)"):
        solve(broken, Y, solver=solver)


@pytest.mark.parametrize("solver", ["auto", *PRECISE])
def test_numbers_too_large_to_square_are_named(solver):
    with pytest.raises(DataError, match="too large to be squared"):
        solve(X * 1e200, Y, solver=solver)


def test_factors_of_another_length_are_named():
    with pytest.raises(DataError, match="there are 5 columns and 3 penalty factors"):
        solve(X, Y, l1=0.1, factors=np.ones(3))


def test_no_columns_are_named():
    with pytest.raises(DataError, match="no column to fit"):
        solve(np.empty((10, 0)), np.zeros(10))


def test_an_intercept_that_is_missed_is_named():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 1))
    source = MemorySource(x, x[:, 0] + 10.0)
    notes = fit(problem_of(source, intercept=False)).notes
    assert any("residuals have mean 9.94" in note for note in notes)
    assert not fit(problem_of(source)).notes
    near = MemorySource(x, 2.0 * x[:, 0] + 0.1 * rng.normal(size=40))
    assert not fit(problem_of(near, intercept=False)).notes
    exact = MemorySource(x + 5.0, 3.0 * (x[:, 0] + 5.0))
    assert not fit(problem_of(exact, intercept=False)).notes
    shrunk = MemorySource(x + 5.0, 3.0 * (x[:, 0] + 5.0))
    assert not fit(problem_of(shrunk, intercept=False, l2=10.0)).notes  # the penalty's doing
