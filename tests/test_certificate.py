"""The certificate: never below the true suboptimality, and zero at the optimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leastwise.certificate import gap
from leastwise.certificate.terms import radius
from leastwise.fit import fit
from leastwise.sources import MemorySource
from optima import Case, conditioned
from problems import MEMORY, PRECISE, problem_of, seven_cuts, sources

# Objectives round by a few times eps of the mean square of y, which is of order 1 to 10 here.
ROUNDING = 1e-13
# Coefficients of 1e8 round predictions of size 1 to 1e-8, and the objective with them.
ROUNDED_PREDICTION = 1e-8
# At an optimum known to rounding, the gap is first order in it: eps times the size of the terms.
AT_OPTIMUM = 1e-12
# A gap from a QR factor has a relative error of eps times the condition, here up to 1e8.
FROM_FACTOR = 1e-6


def posed(case, source=None, memory=MEMORY):
    """The problem of a case, over its rows as one block or over a source of them."""
    if source is None:
        source = MemorySource(case.X, case.y, case.weight, cuts=[])
    return problem_of(
        source,
        l1=case.l1,
        l2=case.l2,
        factors=case.factors,
        intercept=case.intercept,
        memory=memory,
    )


def gap_at(case, w, source=None):
    problem = posed(case, source)
    return gap(problem, w, problem.design.evaluate(w))


@st.composite
def cases(draw):
    """Problems of every kind with at most five columns: the optimum is found by enumeration."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p, k = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    n = draw(st.sampled_from([3, 12, 30]))
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-1, 2, p) + draw(
        st.sampled_from([0.0, 50.0])
    )
    X[rng.random((n, p)) < 0.2] = 0.0
    shape = draw(st.sampled_from(["plain", "twins", "constant"]))
    if shape == "twins" and p > 1:
        X[:, -1] = X[:, 0]
    if shape == "constant":
        X[:, 0] = 2.0
    y = X @ rng.normal(size=(p, k)) / np.abs(X).max() + rng.normal(size=(n, k)) + 3.0
    weight = draw(st.sampled_from([None, rng.uniform(0.2, 3.0, n), rng.integers(0, 3, n) * 1.0]))
    if weight is not None and np.count_nonzero(weight) < 2:
        weight = None
    factors = draw(st.sampled_from([None, rng.choice([0.0, 0.5, 2.0], p)]))
    l1, l2 = draw(st.sampled_from([(0.0, 0.0), (0.2, 0.0), (0.0, 0.3), (0.1, 0.2), (3.0, 0.01)]))
    return Case(X, y, weight, l1, l2, factors, draw(st.booleans()))


@settings(max_examples=60)
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_gap_bounds_the_suboptimality_anywhere(case, seed):
    best = case.optimum()
    least = case.objective(best)
    noise = np.random.default_rng(seed).normal(size=best.shape)
    for size in (3.0, 0.1, 1e-3, 1e-6, 0.0):
        w = best + size * noise
        found = gap_at(case, w)
        objective = case.objective(w)
        scale = 1.0 + objective
        np.testing.assert_allclose(found.objective, objective, rtol=1e-10, atol=1e-12)
        assert (found.gap >= objective - least - ROUNDING * scale).all()
        assert (found.gap <= found.objective).all()


@settings(max_examples=60)
@given(case=cases())
def test_gap_vanishes_at_the_optimum(case):
    found = gap_at(case, case.optimum())
    if found.box is None:
        _, y, share = case.centred
        assert (found.gap <= AT_OPTIMUM * (1.0 + share @ y**2)).all()


@settings(max_examples=25)
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_gap_is_that_of_the_rows_whatever_their_layout(case, seed):
    w = np.random.default_rng(seed).normal(size=(case.X.shape[1], case.y.shape[1]))
    whole = gap_at(case, w)
    for name, source in sources(case.X, case.y, case.weight):
        found = gap_at(case, w, source)
        np.testing.assert_allclose(found.gap, whole.gap, rtol=1e-8, atol=1e-11, err_msg=name)
        np.testing.assert_allclose(found.objective, whole.objective, rtol=1e-10, err_msg=name)


@settings(max_examples=100)
@given(cases(), st.integers(0, 2**32 - 1))
def test_even_penalties_have_the_gap_that_factors_of_one_have(case, seed):
    """Few operations or many: the same bound, at any point and at the optimum."""
    if case.l1 + case.l2 == 0.0:
        return
    source = MemorySource(case.X, case.y[:, :1])
    even = problem_of(source, l1=case.l1, l2=case.l2)
    ones = np.ones(case.X.shape[1])
    uneven = problem_of(source, l1=case.l1, l2=case.l2, factors=ones)
    rng = np.random.default_rng(seed)
    for w in (rng.standard_normal((ones.size, 1)), fit(even).coef, np.zeros((ones.size, 1))):
        at = even.design.evaluate(w)
        few, many = gap(even, w, at), gap(uneven, w, at)
        null = float(even.null[0])
        assert few.gap == pytest.approx(many.gap, rel=1e-9, abs=ROUNDING * null)
        assert few.objective == pytest.approx(many.objective, rel=1e-12)


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_correlation_that_is_no_number_proves_nothing(wrong, l2):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    problem = problem_of(MemorySource(X, X.sum(axis=1)), l1=0.1, l2=l2)
    w = np.full((4, 1), 0.5)
    at = problem.design.evaluate(w)
    at.correlation[2] = wrong
    found = gap(problem, w, at)
    assert found.gap == found.objective  # that no objective is below zero


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.05, 0.1)])
@pytest.mark.parametrize("factors", [None, [0.0, 1.0, 0.0, 2.0]])
def test_gap_shrinks_with_the_distance(l1, l2, factors):
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(40, 4)), rng.normal(size=(4, 1))
    y = X @ [[1.0], [-2.0], [0.5], [0.0]] + rng.normal(size=(40, 1))
    case = Case(X, y, None, l1, l2, None if factors is None else np.array(factors))
    best = case.optimum()
    distances = np.array([1e-1, 1e-2, 1e-3, 1e-4])
    gaps = np.array([gap_at(case, best + size * noise).gap[0] for size in distances])
    assert (np.diff(gaps) < 0.0).all()
    # First order where l1 holds coefficients at zero, second order elsewhere: never slower.
    assert (gaps <= 20.0 * distances).all()
    if l1 == 0.0:
        assert (gaps <= 100.0 * distances**2).all()


def test_unpenalised_gap_is_the_suboptimality_itself():
    """For least squares the gap is half the squared gradient in H^-1's norm: F(w) - F* exactly."""
    rng = np.random.default_rng(1)
    X = conditioned(50, 6, 1e3, 1)
    case = Case(X, rng.normal(size=(50, 2)))
    best, w = case.optimum(), rng.normal(size=(6, 2))
    found = gap_at(case, w)
    np.testing.assert_allclose(found.gap, case.objective(w) - case.objective(best), rtol=1e-8)


def test_ridge_gap_is_the_squared_gradient():
    rng = np.random.default_rng(2)
    case = Case(rng.normal(size=(30, 4)), rng.normal(size=(30, 1)), l2=0.3, intercept=False)
    w = rng.normal(size=(4, 1))
    gradient = case.X.T @ (case.X @ w - case.y) / 30 + 0.3 * w
    found = gap_at(case, w)
    assert found.gap[0] <= (gradient**2).sum() / 0.6 * (1.0 + 1e-12)
    assert found.gap[0] >= (case.objective(w) - case.objective(case.optimum()))[0]


def test_relative_gap_is_measured_against_the_intercept_only_model():
    rng = np.random.default_rng(3)
    case = Case(rng.normal(size=(30, 2)), rng.normal(size=(30, 2)) * [1.0, 100.0] + 7.0, l2=1.0)
    found = gap_at(case, np.ones((2, 2)))
    null = 0.5 * case.y.var(axis=0)
    np.testing.assert_allclose(found.relative, found.gap / null, rtol=1e-12)


@pytest.mark.parametrize("solver", ["auto", *PRECISE])
@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("blocks", [1, 7])
def test_constant_target_has_relative_gap_zero(solver, l2, blocks):
    X = np.random.default_rng(4).normal(size=(40, 3)) + 10.0
    for target in (0.1, 1e8, -3.7e-5, 0.0):
        case = Case(X, np.full((40, 1), target), l2=l2)
        cuts = seven_cuts(40) if blocks == 7 else []
        found = fit(posed(case, MemorySource(X, case.y, cuts=cuts)), solver)
        assert found.certificate.relative_gap == 0.0
        assert found.certificate.converged
        assert (found.coef == 0.0).all()
        assert found.intercept[0] == pytest.approx(target, rel=1e-15)


@pytest.mark.parametrize("solver", ["gradient-descent", "coordinate-descent", "conjugate-gradient"])
@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-9])
def test_converged_means_the_gap_and_nothing_else(solver, tol):
    X = conditioned(60, 5, 30.0, 5)
    y = X @ np.arange(5.0) + np.random.default_rng(5).normal(size=60)
    problem = posed(Case(X, y))
    for most in (1, 4, 30, 3000):
        found = fit(problem, solver, tol=tol, max_iter=most)
        certificate = found.certificate
        assert certificate.converged == (certificate.relative_gap <= tol)
        assert certificate.converged == (certificate.reason == "converged")
        assert certificate.gap == pytest.approx(certificate.primal - certificate.dual, abs=1e-15)
        true = gap(problem, found.coef, problem.design.evaluate(found.coef))
        assert certificate.relative_gap == pytest.approx(true.relative.max(), rel=1e-6, abs=1e-14)


def test_several_outputs_converge_when_the_worst_does():
    rng = np.random.default_rng(6)
    X = conditioned(60, 4, 50.0, 6)
    y = np.column_stack([X @ rng.normal(size=4), rng.normal(size=60)])
    problem = posed(Case(X, y))
    found = fit(problem, "gradient-descent", tol=1e-6)
    each = gap(problem, found.coef, problem.design.evaluate(found.coef))
    assert found.certificate.relative_gap == pytest.approx(each.relative.max(), rel=1e-6)
    assert found.certificate.gap == pytest.approx(each.gap.sum(), rel=1e-6)


@pytest.mark.parametrize("solver", [name for name in PRECISE if name != "cholesky"])
@pytest.mark.parametrize("third", [None, 0.0, 1.0])
def test_directions_beyond_the_digits_of_a_gram_matrix_are_certified_too(solver, third):
    """Nearly twin columns: their difference, of size 1e-8, explains half of y.

    No Gram matrix sees it, so that a gap from one would call half the way down the end of it.
    """
    rng = np.random.default_rng(10)
    Z = rng.normal(size=(50, 3))
    basis, _ = np.linalg.qr(Z - Z.mean(axis=0))
    z, u, other = 7.0 * basis.T
    X, y = np.column_stack([z, z + 1e-8 * u]), (z + u + other)[:, None]
    factors = None
    if third is not None:  # beside them a column with a penalty
        X, factors = np.column_stack([X, other]), np.array([0.0, 0.0, third])
    case = Case(X, y, l2=0.0 if third is None else 0.1, factors=factors)
    best = fit(posed(case), "qr").certificate.primal
    found = fit(posed(case), solver, max_iter=200).certificate
    assert found.gap >= (1.0 - FROM_FACTOR) * (found.primal - best) - ROUNDED_PREDICTION
    assert not found.converged or found.primal - best <= 1e-9


@pytest.mark.parametrize("factors", [None, [0.0] * 40 + [1.0] * 20])
def test_more_free_columns_than_rows_are_certified(factors):
    """No dual point but zero is left, which bounds the gap by the objective itself: no box."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(30, 60))
    y = X[:, :3].sum(axis=1, keepdims=True) + rng.normal(size=(30, 1))
    l2 = 0.0 if factors is None else 0.5
    case = Case(X, y, l2=l2, factors=None if factors is None else np.array(factors))
    w = rng.normal(size=(60, 1))
    found = gap_at(case, w)
    assert found.box is None
    best = case.optimum()
    assert (found.gap >= case.objective(w) - case.objective(best) - ROUNDING).all()
    assert fit(posed(case), "auto").certificate.converged


def test_box_grows_with_the_coefficients():
    rng = np.random.default_rng(8)
    case = Case(rng.normal(size=(5, 8)), rng.normal(size=(5, 1)))
    reached, box = radius(posed(case), np.full((8, 1), 1e5), np.ones(8, bool))
    assert box > 1e5
    assert (reached > 1e5).all()


def test_box_serves_where_memory_does_not():
    rng = np.random.default_rng(9)
    X = rng.normal(size=(900, 400))
    case = Case(X, X[:, :1] + rng.normal(size=(900, 1)))
    tight = posed(case, memory=3 * 8 * 400 * 400 - 1)
    found = fit(tight, "conjugate-gradient")
    assert found.certificate.box is not None
    assert found.certificate.converged
    best = case.optimum()
    assert found.certificate.gap >= (case.objective(found.coef) - case.objective(best))[0]
