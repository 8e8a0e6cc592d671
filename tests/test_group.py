"""Targets that share their columns: the group elastic net, its optima, certificate and path."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import MultiTaskElasticNet

import leastwise as lw
from leastwise import UsageError
from leastwise.certificate import gap
from leastwise.fit import fit
from leastwise.kernels.sweeps import row_sweeps
from leastwise.losses import Squared
from leastwise.numerics.joined import JoinedHessian
from leastwise.penalties import GroupElasticNet
from leastwise.problem import Problem
from leastwise.sources import MemorySource
from problems import MEMORY, PRECISE, random_problem, sources

# What is constant is told, and meant here.
pytestmark = pytest.mark.filterwarnings("ignore:.*(single value|is constant)")

# Coefficients of size 1 where the gap is TOL: its root times the inverse of the least curvature.
TOL = 1e-12
SAME = 1e-6
# Sums in another order, of terms of size 1.
ROUNDING = 1e-11
# Optimality conditions of an exact finish, in the units of l1.
KKT = 1e-9

JOINT = ["coordinate-descent", "accelerated-gradient"]


def joined(X, y, weight=None, *, l1=0.0, l2=0.0, factors=None, **options):
    """A problem under the group penalty."""
    source = MemorySource(X, y, weight) if not isinstance(X, MemorySource) else X
    penalty = GroupElasticNet(l1, l2, factors)
    return Problem.of(source, Squared(), penalty, memory=MEMORY, **options)


def objective(X, y, w, l1, l2):
    """F at w (p, k) with the intercept at its best, columns of factor 1."""
    r = y - y.mean(axis=0) - (X - X.mean(axis=0)) @ w
    size = np.linalg.norm(w, axis=1)
    return 0.5 * np.sum(r**2) / len(y) + l1 * size.sum() + 0.5 * l2 * np.sum(size**2)


def residual(problem, coef):
    """The least subgradient's largest row, in units of its l1 (of 1 where there is none)."""
    v = problem.design.evaluate(coef).correlation
    l1, l2 = (part[:, None] for part in problem.strengths)
    size = np.linalg.norm(coef, axis=1, keepdims=True)
    rest = v - l2 * coef - l1 * coef / np.where(size > 0.0, size, 1.0)
    over = np.linalg.norm(rest, axis=1) - np.where(size > 0.0, 0.0, l1)[:, 0]
    return (over / np.where(l1 > 0.0, l1, 1.0)[:, 0]).max()


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize(("n", "p", "k"), [(80, 12, 3), (30, 90, 2), (60, 700, 4)])
def test_agrees_with_scikit_learn(n, p, k, ratio, intercept):
    X, Y, _ = random_problem(n + p, n, p, k, offset=0.5)
    path = lw.path(X, Y, joint=True, l1_ratio=ratio, intercept=intercept, strengths=6, tol=TOL)
    assert path.converged.all()
    assert path.coef.shape == (k, p, 6)
    assert path.intercepts.shape == (k, 6)
    for place in (1, 3):
        peer = MultiTaskElasticNet(
            alpha=path.strengths[place],
            l1_ratio=ratio,
            fit_intercept=intercept,
            tol=1e-14,
            max_iter=100_000,
        ).fit(X, Y)
        np.testing.assert_allclose(path.coef[:, :, place], peer.coef_, atol=SAME)
        np.testing.assert_allclose(path.intercepts[:, place], peer.intercept_, atol=SAME)


@pytest.mark.parametrize("solver", [*JOINT, "auto"])
def test_solvers_agree_and_certify(solver):
    X, Y, weight = random_problem(3, 60, 8, 3, weighted=True)
    factors = np.array([1.0, 0.0, 2.0, 1.0, np.inf, 1.0, 0.5, 1.0])
    problem = joined(X, Y, weight, l1=0.3, l2=0.1, factors=factors, standardize=True)
    found = fit(problem, solver, tol=TOL)
    assert found.certificate.converged
    assert found.coef[1].all()
    assert not found.coef[4].any()
    np.testing.assert_allclose(found.coef, fit(problem, tol=TOL).coef, atol=SAME)


@pytest.mark.parametrize(
    "name", sorted({*PRECISE, "subgradient", "stochastic-gradient"} - set(JOINT))
)
def test_other_solvers_refuse_in_words(name):
    X, Y, _ = random_problem(4, 30, 4, 2)
    with pytest.raises(UsageError, match=f"{name} cannot take .* the penalty joins them; take "):
        fit(joined(X, Y, l1=0.1), name)


@pytest.mark.parametrize("name", PRECISE)
def test_ridge_joins_nothing(name):
    X, Y, _ = random_problem(5, 30, 4, 2)
    found = fit(joined(X, Y, l2=0.1), name)
    assert found.certificate.converged
    separate = lw.LeastSquares(l2=0.1).fit(X, Y)
    np.testing.assert_allclose(found.coef.T, separate.coef_, atol=1e-4)


def test_one_target_is_the_lasso():
    X, y, weight = random_problem(6, 50, 30, weighted=True)
    single = lw.path(X, y, sample_weight=weight, strengths=8, l1_ratio=0.8, tol=TOL)
    path = lw.path(X, y[:, None], sample_weight=weight, joint=True, strengths=8, l1_ratio=0.8)
    np.testing.assert_allclose(path.strengths, single.strengths)
    np.testing.assert_allclose(path.coef[0], single.coef, atol=SAME)
    np.testing.assert_array_equal(path.active, single.active)
    np.testing.assert_allclose(path.degrees_of_freedom, single.degrees_of_freedom, rtol=SAME)


def test_rotated_targets_rotate_the_coefficients():
    X, Y, _ = random_problem(7, 60, 40, 3)
    turn, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))
    paths = [lw.path(X, Z, joint=True, strengths=6, tol=TOL) for Z in (Y, Y @ turn)]
    np.testing.assert_allclose(paths[1].strengths, paths[0].strengths)
    turned = np.einsum("tpK,ts->spK", paths[0].coef, turn)
    np.testing.assert_allclose(paths[1].coef, turned, atol=SAME)


def test_every_layout_gives_the_same():
    X, Y, weight = random_problem(8, 40, 60, 2, weighted=True, density=0.3, offset=0.0)
    first = None
    for name, source in sources(X, Y, weight):
        found = fit(joined(source, None, l1=0.2, l2=0.05), tol=TOL)
        assert found.certificate.converged, name
        first = found.coef if first is None else first
        np.testing.assert_allclose(found.coef, first, atol=SAME, err_msg=name)


def test_sparse_path_is_the_dense_one():
    X, Y, _ = random_problem(9, 40, 800, 2, density=0.1)
    dense, sparse = (lw.path(Z, Y, joint=True, strengths=5, tol=TOL) for Z in (X, sp.csr_array(X)))
    np.testing.assert_allclose(sparse.coef, dense.coef, atol=SAME)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 30),
    p=st.integers(1, 40),
    k=st.integers(1, 4),
    ratio=st.sampled_from([1.0, 0.7]),
    share=st.sampled_from([0.5, 0.05]),
    unit=st.sampled_from([1.0, 1e-6, 1e6]),
    copied=st.booleans(),
)
def test_optimality_holds_on_problems_of_every_shape(seed, n, p, k, ratio, share, unit, copied):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, p)) * unit, rng.normal(size=(n, k))
    if copied:
        X[:, -1] = X[:, 0]
    path = lw.path(X, Y, joint=True, l1_ratio=ratio, strengths=3, smallest=share)
    assert path.converged.all(), path.reasons
    for place, strength in enumerate(path.strengths):
        problem = joined(X, Y, l1=strength * ratio, l2=strength * (1.0 - ratio))
        assert residual(problem, path.coef[:, :, place].T) <= KKT


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    p=st.integers(1, 12),
    l2=st.sampled_from([0.0, 0.2]),
    spread=st.sampled_from([1e-6, 1e-2, 1.0]),
    free=st.booleans(),
)
def test_certificate_is_never_below_the_truth(seed, p, l2, spread, free):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(15, p)), rng.normal(size=(15, 3))
    factors = np.ones(p)
    factors[0] = 0.0 if free else 1.0
    problem = joined(X, Y, l1=0.1, l2=l2, factors=factors)
    best = fit(problem, tol=TOL)
    w = best.coef + spread * rng.normal(size=(p, 3)) * (rng.random((p, 1)) < 0.5)
    at = problem.design.evaluate(w)
    truth = problem.objective(w, at.value) - best.certificate.primal
    found = gap(problem, w, at)
    assert found.gap.shape == (1,)
    assert found.gap >= truth - ROUNDING
    assert found.relative == pytest.approx(found.gap / problem.design.centre.null.sum())


def test_objective_and_largest_strength():
    X, Y, _ = random_problem(10, 40, 6, 2)
    Z, R = X - X.mean(axis=0), Y - Y.mean(axis=0)
    largest = np.linalg.norm(Z.T @ R / 40, axis=1).max()
    path = lw.path(X, Y, joint=True, strengths=4)
    assert path.strengths[0] == pytest.approx(largest, rel=ROUNDING)
    below = lw.path(X, Y, joint=True, strengths=[largest * (1 + 1e-9), largest * (1 - 1e-3)])
    assert list(below.active) == [0, 1]
    assert below.coef[:, below.coef[:, :, 1].any(axis=0), 1].all()
    for place, strength in enumerate(path.strengths):
        expected = objective(X, Y, path.coef[:, :, place].T, strength, 0.0)
        assert path.objectives[place] == pytest.approx(expected, rel=ROUNDING)
    assert path.null == pytest.approx(0.5 * np.sum(R**2) / 40)


def test_predictions_and_pickles():
    X, Y, _ = random_problem(11, 40, 6, 2)
    path = lw.path(X, Y, joint=True, strengths=4)
    expected = np.einsum("np,tpK->tnK", X, path.coef) + path.intercepts[:, None, :]
    np.testing.assert_allclose(path.predict(X), expected)
    np.testing.assert_allclose(path.predict(X, path.strengths[2]), expected[:, :, 2].T)
    again = pickle.loads(pickle.dumps(path))
    np.testing.assert_array_equal(again.degrees_of_freedom, path.degrees_of_freedom)


def test_degrees_of_freedom_are_the_divergence():
    """Sum of d eta_it / d y_it by differences of h = 1e-6, which err by about 1e-8."""
    X, Y, _ = random_problem(12, 12, 4, 2)
    strengths = [0.3]

    def predicted(Z):
        return lw.path(X, Z, joint=True, strengths=strengths, tol=1e-14, l1_ratio=0.9).predict(X)

    total, h = 0.0, 1e-6
    for place in np.ndindex(Y.shape):
        moved = Y.copy()
        moved[place] += h
        total += (predicted(moved) - predicted(Y))[place[1], place[0], 0] / h
    path = lw.path(X, Y, joint=True, strengths=strengths, l1_ratio=0.9)
    assert path.degrees_of_freedom[0] == pytest.approx(total - 2.0, abs=1e-5)


def test_what_it_cannot_do_is_said():
    X, Y, _ = random_problem(13, 20, 3, 2)
    with pytest.raises(UsageError, match="knows no bounds: leave bounds out, or joint"):
        lw.path(X, Y, joint=True, bounds=(0, None))
    with pytest.raises(UsageError, match="joint joins several targets: give y two dimensions"):
        lw.path(X, Y[:, 0], joint=True)
    path = lw.path(X, Y, joint=True, strengths=2)
    for ask in (lambda: path.best("bic"), path.relaxed, path.plot):
        with pytest.raises(UsageError, match="this path joins several targets; "):
            ask()


def test_an_early_end_says_so():
    X, Y, _ = random_problem(14, 40, 30, 3)
    found = fit(joined(X, Y, l1=0.01), "coordinate-descent", max_iter=1)
    assert not found.certificate.converged
    assert found.certificate.reason.startswith("max_iter")
    assert found.certificate.gap > 0.0


def test_sweeps_are_their_twin():
    rng = np.random.default_rng(15)
    X, q = rng.normal(size=(30, 6)), rng.normal(size=(6, 3))
    G = X.T @ X / 30
    G[4] = G[:, 4] = q[4] = 0.0
    l1, l2 = np.array([0.1, 0.0, 5.0, 0.1, 0.0, 0.2]), np.array([0.0, 0.0, 0.0, 0.3, 0.0, 0.1])
    w = rng.normal(size=(3, 6))
    expected, u = w.T.copy(), q.T - w @ G
    row_sweeps(G, u, w, l1, l2, np.empty(len(w)), 3)
    for _ in range(3):
        for j in range(6):
            rho = q[j] - G[j] @ expected + G[j, j] * expected[j]
            below = G[j, j] + l2[j]
            share = max(0.0, 1.0 - l1[j] / np.linalg.norm(rho)) if rho.any() else 0.0
            expected[j] = share * rho / below if below > 0.0 else 0.0
    np.testing.assert_allclose(w.T, expected, atol=ROUNDING)
    np.testing.assert_allclose(u.T, q - G @ expected, atol=ROUNDING)


def test_joined_hessian_is_the_matrix_written_out():
    rng = np.random.default_rng(16)
    X, w = rng.normal(size=(20, 4)), rng.normal(size=(4, 3))
    H, l1, l2 = X.T @ X / 20, rng.uniform(0.1, 0.5, 4), rng.uniform(0.0, 0.3, 4)
    whole = np.kron(H, np.eye(3))
    for j, row in enumerate(w):
        size = np.linalg.norm(row)
        inner = l2[j] * np.eye(3) + l1[j] / size * (np.eye(3) - np.outer(row, row) / size**2)
        whole[3 * j : 3 * j + 3, 3 * j : 3 * j + 3] += inner
    right = rng.normal(size=(4, 3))
    found = JoinedHessian(H, l1, l2, w)
    expected = np.linalg.solve(whole, right.ravel()).reshape(4, 3)
    np.testing.assert_allclose(found.solve(right), expected, atol=ROUNDING)
    trace = np.trace(np.linalg.solve(whole, np.kron(H, np.eye(3))))
    assert found.degrees_of_freedom() == pytest.approx(trace, rel=ROUNDING)
