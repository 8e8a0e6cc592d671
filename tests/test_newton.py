"""Newton's method: its steps over several strengths, what steps teach, and where it begins."""

import numpy as np
import pytest

import leastwise as lw
from leastwise.curved import hessian_of
from leastwise.losses import Logistic
from leastwise.losses.base import Loss
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.rowwise import Rowwise
from leastwise.solvers.secants import Secant, taught
from leastwise.sources import MemorySource

SAME = 1e-13  # of the sums: two orders of summation
CERTIFIED = 1e-10


def rows(n, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X[:, 1:] = 0.6 * X[:, :-1] + 0.8 * X[:, 1:]
    eta = X[:, :5] @ np.array([1.0, -1.0, 0.7, 0.5, -0.3]) + 0.4
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)


@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("often", [False, True])
def test_sums_from_one_exponential_are_the_plain_ones(outputs, weighted, often):
    rng = np.random.default_rng(1)
    n = 5007
    y = rng.choice([0.0, 1.0, 0.3], (n, 1))
    eta = rng.standard_normal((n, outputs)) * np.array([1.0, 30.0, 1e3, 0.0])[:outputs]
    weight = rng.random(n) if weighted else None
    sums, slope = Logistic().summed(y, eta, weight, often=often)
    plain, known = Loss.summed(Logistic(), y, eta, weight)
    np.testing.assert_allclose(slope, known, rtol=2e-15 if often else 1e-15, atol=2e-16)
    for found, expected in zip(sums, plain, strict=True):
        np.testing.assert_allclose(found, expected, rtol=SAME, atol=SAME * n)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize(("n", "p"), [(600, 12), (150, 260)])
@pytest.mark.parametrize("loss", ["logistic", "huber(1.0)"])
def test_strengths_at_once_are_the_fits_one_by_one(loss, n, p, l1_ratio):
    X, y = rows(n, p)
    if loss != "logistic":
        y = X[:, 0] + y
    path = lw.path(X, y, loss=loss, l1_ratio=l1_ratio, strengths=40, smallest=0.02, tol=CERTIFIED)
    assert path.gaps.max() <= CERTIFIED
    if loss == "logistic" and p < n:
        assert path.passes < 4 * path.strengths.size  # alone, each takes five steps of four
    for k in (7, 23, 39):
        alone = lw.path(
            X, y, loss=loss, l1_ratio=l1_ratio, strengths=[path.strengths[k]], tol=CERTIFIED
        )
        assert abs(alone.objectives[0] - path.objectives[k]) <= 2 * CERTIFIED * path.null
    with pytest.warns(lw.ConvergenceWarning):
        short = lw.path(X, y, loss=loss, l1_ratio=l1_ratio, strengths=6, max_iter=1)
    assert (short.gaps >= path.gaps.min()).all()


@pytest.mark.parametrize("seen", [True, False])
def test_many_rows_begin_with_the_hessian_of_some(seen):
    """A column of three numbers, none or one of them among those rows, is no exception."""
    n, p = 40_000, 12
    X, y = rows(n, p)
    X[:, -1] = 0.0
    X[[1, 4_003, 30_001], -1] = 5.0
    X[0, -1] = 5.0 * seen
    design = Problem.of(MemorySource(X, y), Logistic(), ElasticNet(l2=1e-4), memory=1 << 30).design
    _, point = design.rows.point(design.rows.nothing(), design.centre.level)
    every, some = (hessian_of(design.rows, point, np.arange(p), each=each) for each in (1, 6))
    assert (some.H[0][-1, -1] > 0.0) == seen
    np.testing.assert_allclose(some.H[0][:-1, :-1], every.H[0][:-1, :-1], atol=0.05)
    least = 0.5 * np.diagonal(every.H[0])
    mended = some.at_least(least[:, None])
    assert (np.diagonal(mended.H[0]) >= least).all()
    assert np.linalg.eigvalsh(mended.H[0]).min() > 0.0
    model = lw.Logistic(l2=1e-4, solver="newton", tol=CERTIFIED).fit(X, y)
    assert model.certificate_.converged
    assert model.n_iter_ <= 8


def test_the_hessian_of_some_columns_is_of_all_rows():
    X, y = rows(600, 6)
    X[:, 2] = 7.0
    design = Problem.of(MemorySource(X, y), Logistic(), ElasticNet(l2=1e-4), memory=1 << 30).design
    _, point = design.rows.point(design.rows.nothing(), design.centre.level)
    alive = np.array([0, 1, 3, 4, 5])
    every, some = (hessian_of(design.rows, point, alive, each=each) for each in (1, 3))
    np.testing.assert_array_equal(some.H[0], every.H[0])


@pytest.mark.filterwarnings("ignore:x8 has the single value")
@pytest.mark.parametrize("factor", [0.0, np.inf])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("loss", ["logistic", "huber(1.0)"])
def test_a_constant_column_without_a_penalty_changes_nothing(loss, l1_ratio, factor):
    X, y = rows(300, 8)
    factors = np.ones(9)
    factors[-1] = factor
    how = {"loss": loss, "l1_ratio": l1_ratio, "strengths": 12, "tol": CERTIFIED}
    path = lw.path(np.column_stack([X, np.full(300, 2.0)]), y, factors=factors, **how)
    plain = lw.path(X, y, **how)
    assert path.gaps.max() <= CERTIFIED
    np.testing.assert_allclose(path.objectives, plain.objectives, rtol=0.0, atol=2 * CERTIFIED)
    assert path.passes <= 2 * plain.passes + 10


def test_rows_without_weight_tell_no_curvature():
    X, y = rows(600, 6)
    weight = np.ones(600)
    weight[::3] = 0.0
    source = MemorySource(X, y, weight)
    design = Problem.of(source, Logistic(), ElasticNet(l2=1e-4), memory=1 << 30).design
    _, point = design.rows.point(design.rows.nothing(), design.centre.level)
    every, some = (hessian_of(design.rows, point, np.arange(6), each=each) for each in (1, 3))
    np.testing.assert_array_equal(some.H[0], every.H[0])


def test_a_path_goes_no_further_than_it_is_asked():
    X, y = rows(600, 12)
    passes = []
    for tol in (1e-11, 1e-8, 1e-5):
        path = lw.path(X, y, loss="logistic", strengths=40, smallest=0.02, tol=tol)
        assert path.gaps.max() <= tol
        passes.append(path.passes)
    assert passes[0] > 1.1 * passes[1] > 1.2 * passes[2]


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_few_rows_take_newtons_own_steps(l1_ratio):
    """A Hessian of so few costs no more than a look: with one at each step there are few steps."""
    X, y = rows(120, 10)
    path = lw.path(X, y, loss="logistic", l1_ratio=l1_ratio, strengths=60)
    assert path.gaps.max() <= 1e-9
    assert path.passes <= 6.0 * 60


def test_strengths_far_apart_are_not_predicted_from_one():
    """Thirty strengths for a thousandth of the way take no more looks than a hundred."""
    X, y = rows(100, 500)
    few, many = (lw.path(X, y, loss="logistic", strengths=count) for count in (30, 100))
    assert max(few.gaps.max(), many.gaps.max()) <= 1e-9
    assert few.passes <= many.passes


def test_a_step_far_too_long_is_cut_at_once():
    """Two classes that hardly overlap: curvature is of a few rows, and its steps are no guide."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((200, 6))
    y = (X @ [2.0, -1.0, 1.0, 0.5, 0.0, 0.0] > 0.0).astype(float)
    looks = []
    with pytest.MonkeyPatch.context() as patch:
        seen = Rowwise.at
        patch.setattr(Rowwise, "at", lambda self, *given: (looks.append(1), seen(self, *given))[1])
        path = lw.path(X, y, loss="logistic", strengths=np.geomspace(1e-4, 1e-7, 10))
    assert path.gaps.max() <= 1e-9
    assert len(looks) <= 200


def test_several_strengths_at_once_do_not_leave_for_infinity():
    """Classes that hardly overlap, columns of unlike scale: a step too long is no further off."""
    rng = np.random.default_rng(21)
    for _ in range(12):
        X = rng.standard_normal((90, 45)) * np.exp(rng.normal(0.0, 0.5, 45)) + 3.0
        eta = (X - 3.0)[:, :5] @ rng.standard_normal(5)
        y = (rng.random(90) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
        path = lw.path(X, y, loss="logistic", strengths=30, intercept=False)
        assert path.gaps.max() <= 1e-9


def test_a_secant_is_met_and_a_flat_one_ignored():
    rng = np.random.default_rng(2)
    A = rng.standard_normal((9, 4))
    H, columns, s = A.T @ A, np.arange(4), rng.standard_normal((4, 1))
    y = 1.3 * H @ s + 0.1 * s
    one = np.zeros(1, np.intp)
    found = taught(H, columns, [Secant(columns, s, y)], one)
    np.testing.assert_allclose(found @ s, y, rtol=1e-12)
    assert np.linalg.eigvalsh(found).min() > 0.0
    assert taught(H, columns, [Secant(columns, s, -y), Secant(columns[1:], s[1:], y[1:])], one) is H


@pytest.mark.parametrize("misled", [False, True])
def test_a_sample_leads_to_the_optimum_of_all_rows(misled):
    X, y = rows(4000, 6)
    if misled:
        y[::16] = X[::16, 0] < 0.0
    model = lw.Logistic(l2=1e-3, tol=1e-11).fit(X, y)
    eta = X @ model.coef_.ravel() + model.intercept_
    off = 1.0 / (1.0 + np.exp(-eta)) - y
    assert abs(off.mean()) < 1e-12
    np.testing.assert_allclose(X.T @ off / 4000, -1e-3 * model.coef_.ravel(), atol=1e-7)
