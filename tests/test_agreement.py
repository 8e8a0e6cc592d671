"""All solvers reach the same optimum, on every layout of the same rows; and scikit-learn's."""

import functools

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge

from leastwise.fit import fit
from leastwise.solvers import SOLVERS
from leastwise.sources import MemorySource
from optima import Case, conditioned
from problems import PRECISE, problem_of, random_problem, solve, sources

# A relative gap of t leaves fitted values within sqrt(2 t) sd(y) / sqrt(2) of the optimum's (strong
# convexity of the loss in them); two solvers are within twice that of each other.
TOL = 1e-9
# Enough where a design without full rank makes gradient descent slow.
LOOSE = 1e-6
# Exact finishes, relative to the largest coefficient in units of its column's spread.
EXACT = 1e-10
# Scikit-learn stops at its own tolerance, here 1e-13 of its gap.
OUTSIDE = 1e-6

PENALTIES = {
    "none": {},
    "ridge": {"l2": 0.3},
    "lasso": {"l1": 0.1},
    "elastic net": {"l1": 0.05, "l2": 0.2},
    "ridge with factors": {"l2": 0.3, "factors": np.array([1.0, 0.0, 3.0, 0.5, 1.0, 0.0])},
    "lasso with factors": {"l1": 0.1, "factors": np.array([0.0, 1.0, 0.5, 2.0, 1.0, 0.0])},
    "elastic net with factors": {
        "l1": 0.05,
        "l2": 0.2,
        "factors": np.array([0.0, 1.0, 0.5, 2.0, 1.0, 0.0]),
    },
}
DATA = {
    "plain": random_problem(0, 80, 6, offset=3.0),
    "weighted": random_problem(1, 80, 6, weighted=True, offset=-2.0),
    "two targets": random_problem(2, 80, 6, 2, weighted=True),
    "sparse": random_problem(3, 80, 6, 2, density=0.3),
    "wide": random_problem(4, 5, 6),
}
NAMES = ["auto", *PRECISE]
ITERATIVE = [
    "gradient-descent",
    "accelerated-gradient",
    "coordinate-descent",
    "conjugate-gradient",
]


def posed(data, penalty, layout=np.asarray):
    rows = DATA[data]
    return problem_of(MemorySource(layout(rows.X), rows.y, rows.weight), **penalty)


PAIRS = [
    (solver, penalty)
    for solver in NAMES
    for penalty, options in PENALTIES.items()
    if solver == "auto" or SOLVERS[solver].refuse(posed("plain", options)) is None
]


@functools.cache
def optimum(data, penalty, intercept=True):
    rows = DATA[data]
    y = rows.y.reshape(rows.X.shape[0], -1)
    case = Case(rows.X, y, rows.weight, intercept=intercept, **PENALTIES[penalty])
    return case, case.optimum()


def same_fitted_values(case, found, best, tol=TOL):
    X, y, share = case.centred
    apart = np.sqrt(share @ (X @ (found.coef - best)) ** 2)
    assert (apart <= 2.0 * np.sqrt(tol) * np.sqrt(share @ y**2)).all()


def same_coefficients(case, found, best):
    X, _, share = case.centred
    spread = np.sqrt(share @ X**2)[:, None]
    largest = np.abs(spread * best).max(axis=0)
    assert (np.abs(spread * (found.coef - best)) <= EXACT * largest).all()


def ends_exactly(solver, penalty):
    """Whether a solver's finish leaves rounding alone."""
    if solver == "coordinate-descent":
        return "l1" in penalty
    return solver in ("auto", "closed-form", "cholesky", "qr", "svd")


@pytest.mark.parametrize(("solver", "penalty"), PAIRS)
@pytest.mark.parametrize("data", ["plain", "weighted", "sparse"])
def test_every_solver_on_every_penalty(solver, penalty, data):
    case, best = optimum(data, penalty)
    found = fit(posed(data, PENALTIES[penalty]), solver, tol=TOL)
    assert found.certificate.converged
    same_fitted_values(case, found, best)
    _, _, share = case.centred
    value = 0.5 * share @ (case.y - found.intercept - case.X @ found.coef) ** 2
    np.testing.assert_allclose(found.value, value, rtol=1e-9)


@pytest.mark.parametrize(("solver", "penalty"), PAIRS)
def test_every_solver_on_every_layout(solver, penalty):
    case, best = optimum("two targets", penalty)
    for name, source in sources(*DATA["two targets"]):
        found = solve(source, solver=solver, tol=TOL, **PENALTIES[penalty])
        assert found.certificate.converged, name
        same_fitted_values(case, found, best)
        if ends_exactly(solver, PENALTIES[penalty]):
            same_coefficients(case, found, best)


@pytest.mark.parametrize(("solver", "penalty"), PAIRS)
def test_every_solver_without_intercept(solver, penalty):
    case, best = optimum("weighted", penalty, False)
    found = solve(*DATA["weighted"], solver=solver, intercept=False, **PENALTIES[penalty])
    assert found.certificate.converged
    assert (found.intercept == 0.0).all()
    same_fitted_values(case, found, best)


@pytest.mark.parametrize(("solver", "penalty"), PAIRS)
def test_every_solver_with_fewer_rows_than_columns(solver, penalty):
    if solver == "cholesky" and ("ridge" not in penalty or "factors" in penalty):
        return  # singular moments: test_solvers tests what it says
    case, best = optimum("wide", penalty)
    for layout in (np.asarray, sp.csr_array):
        problem = posed("wide", PENALTIES[penalty], layout)
        if solver != "auto" and SOLVERS[solver].refuse(problem) is not None:
            continue
        found = fit(problem, solver, tol=LOOSE)
        assert found.certificate.converged
        same_fitted_values(case, found, best, LOOSE)


@pytest.mark.parametrize("condition", [1.0, 1e2, 5e3])
@pytest.mark.parametrize(("solver", "penalty"), PAIRS)
def test_exact_finishes_agree_in_coefficients(solver, penalty, condition):
    if not ends_exactly(solver, PENALTIES[penalty]):
        return
    X = conditioned(120, 6, condition, 5) + np.arange(6.0)
    rng = np.random.default_rng(5)
    y = X @ rng.normal(size=(6, 2)) + 0.3 * rng.normal(size=(120, 2))
    case = Case(X, y, **PENALTIES[penalty])
    found = solve(X, y, solver=solver, **PENALTIES[penalty])
    same_coefficients(case, found, case.optimum())


@pytest.mark.parametrize("solver", ITERATIVE)
@pytest.mark.parametrize("tol", [1e-3, 1e-6])
def test_fitted_values_are_as_near_as_the_tolerance_says(solver, tol):
    X = conditioned(120, 6, 20.0, 6)
    y = X @ np.ones((6, 1)) + np.random.default_rng(6).normal(size=(120, 1))
    case = Case(X, y)
    found = solve(X, y, solver=solver, tol=tol)
    assert found.certificate.converged
    same_fitted_values(case, found, case.optimum(), tol)


DIABETES = load_diabetes(return_X_y=True, scaled=False)


@pytest.mark.parametrize(
    ("penalty", "peer"),
    [
        ({}, LinearRegression()),
        ({"l2": 0.5}, Ridge(alpha=442 * 0.5)),
        ({"l2": 1e-3}, Ridge(alpha=442 * 1e-3)),
        ({"l1": 0.7}, Lasso(alpha=0.7, tol=1e-13, max_iter=1_000_000)),
        ({"l1": 8.0}, Lasso(alpha=8.0, tol=1e-13, max_iter=1_000_000)),
        (
            {"l1": 0.3, "l2": 0.9},
            ElasticNet(alpha=1.2, l1_ratio=0.25, tol=1e-13, max_iter=1_000_000),
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else type(value).__name__.lower(),
)
@pytest.mark.parametrize("intercept", [True, False])
def test_scikit_learn_agrees(penalty, peer, intercept):
    X, y = DIABETES
    peer.set_params(fit_intercept=intercept).fit(X, y)
    found = solve(X, y, intercept=intercept, **penalty)
    size = np.abs(peer.coef_ * X.std(axis=0)).max()
    assert np.abs((found.coef[:, 0] - peer.coef_) * X.std(axis=0)).max() <= OUTSIDE * size
    assert found.intercept[0] == pytest.approx(peer.intercept_, rel=OUTSIDE)
    if "l1" in penalty:
        assert ((found.coef[:, 0] == 0.0) == (peer.coef_ == 0.0)).all()
