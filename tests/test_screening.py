"""Paths over the columns that matter for a while: the same solutions, proved for all columns."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array, diags_array

from leastwise import losses, screening
from leastwise.certificate import gap
from leastwise.narrowing import Anchor, LeftOut
from leastwise.path_result import penalties_of
from leastwise.paths import grid, trace
from leastwise.penalties import ElasticNet, GroupElasticNet
from leastwise.problem import Problem
from leastwise.solvers import Newton
from leastwise.sources import MemorySource

N, P = 300, 1500
MEMORY = 1 << 30
TOL = 1e-9
# Coefficients of two solutions whose gaps are TOL; the rows are few and the curvature is small.
SAME = 1e-3


class All(Newton):
    """Newton's method with all columns at every strength."""

    screened = False


def words(seed=0, kinds=2):
    """Rows of 20 words each, of lengths near 1; some words are frequent, and some of them tell."""
    rng = np.random.default_rng(seed)
    share = (1.0 + np.arange(P)) ** -0.8
    places = rng.choice(P, 20 * N, p=share / share.sum())
    X = csr_array((np.ones(20 * N), (np.repeat(np.arange(N), 20), places)), shape=(N, P))
    X.sum_duplicates()
    X = csr_array(diags_array(1.0 / np.sqrt((X**2).sum(axis=1))) @ X)
    w = np.zeros((P, kinds))
    w[:40] = 8.0 * rng.standard_normal((40, kinds))
    return X, (X @ w + rng.gumbel(size=(N, kinds))).argmax(axis=1)


def posed(loss=None, penalty=None, *, by=csr_array, weight=None, seed=0, **options):
    loss = loss or losses.Logistic()
    X, label = words(seed, kinds=3 if loss.coupled else 2)
    y = np.eye(3)[label] if loss.coupled else label.astype(float)
    source = MemorySource(by(X), y, weight)
    return Problem.of(source, loss, penalty or ElasticNet(l1=1.0), memory=MEMORY, **options)


@pytest.fixture
def widths(monkeypatch):
    """How many columns each problem has that is driven on a path."""
    seen = []
    drive = screening.drive

    def driven(problem, *rest):
        seen.append(problem.design.columns)
        return drive(problem, *rest)

    monkeypatch.setattr(screening, "drive", driven)
    return seen


def along(problem, solver, l1_ratio=1.0, smallest=0.1):
    strengths = grid(problem, l1_ratio, 60, smallest)
    penalties = penalties_of(problem.penalty, strengths, l1_ratio)
    return penalties, trace(problem, penalties, solver, tol=TOL)


def factors():
    given = np.random.default_rng(7).uniform(0.5, 2.0, P)
    given[3] = np.inf
    return given


CASES = {
    "lasso": {},
    "no intercept": {"intercept": False},
    "by columns": {"by": csc_array},
    "weights": {"weight": np.random.default_rng(3).integers(0, 3, N).astype(float)},
    "factors": {"penalty": ElasticNet(l1=1.0, factors=factors())},
    "bounds": {"penalty": ElasticNet(l1=1.0, lower=np.zeros(P))},
    "multinomial": {"loss": losses.Multinomial()},
}
# Whose bounds are asked, and for which Newton's method makes no path.
JOINT = {"loss": losses.Multinomial(), "penalty": GroupElasticNet(l1=1.0)}


@pytest.mark.parametrize("name", CASES)
def test_the_same_path_as_with_all_columns(name, widths):
    problem = posed(**CASES[name])
    penalties, found = along(problem, Newton())
    assert min(widths) < P / 10, "some columns were left out"
    _, known = along(problem, All(), 1.0)
    assert set(found.reasons) == {"converged"}
    np.testing.assert_allclose(found.objective, known.objective, rtol=0.0, atol=2.0 * TOL)
    np.testing.assert_allclose(found.coef, known.coef, rtol=0.0, atol=SAME)
    for penalty, coef, claimed in zip(penalties, found.coef, found.gap, strict=True):
        at = problem.design.evaluate(coef)
        whole = gap(problem.at(penalty), coef, at)
        assert whole.worst <= max(TOL, claimed) * (1.0 + 1e-6), "proved with all columns at hand"


@pytest.mark.parametrize("l1_ratio", [0.9, 0.5])
def test_the_elastic_net_is_the_same_too(l1_ratio, widths):
    problem = posed()
    _, found = along(problem, Newton(), l1_ratio)
    assert min(widths) < P / 10
    _, known = along(problem, All(), l1_ratio)
    np.testing.assert_allclose(found.coef, known.coef, rtol=0.0, atol=SAME)


@pytest.mark.parametrize("margin", [0.0, 0.3, 50.0])
def test_a_wrong_guess_of_the_pace_costs_time_and_nothing_else(margin, widths, monkeypatch):
    monkeypatch.setattr(screening, "MARGIN", margin)
    problem = posed()
    penalties, found = along(problem, Newton())
    _, known = along(problem, All())
    assert set(found.reasons) == {"converged"}
    np.testing.assert_allclose(found.coef, known.coef, rtol=0.0, atol=SAME)
    for penalty, coef in zip(penalties, found.coef, strict=True):
        assert gap(problem.at(penalty), coef, problem.design.evaluate(coef)).worst <= TOL


def anchored(problem, w):
    design = problem.design
    at = design.evaluate(w)
    assert at.point is not None
    size = np.abs(problem.penalty.measure(at.correlation))
    root = np.sqrt(design.centre.curvature)
    return Anchor(design.rows, problem.penalty, at.point.u, size, root)


@pytest.mark.parametrize("case", [*CASES.values(), JOINT], ids=[*CASES, "joint"])
@pytest.mark.parametrize("seed", range(5))
def test_no_slope_is_above_its_bound(case, seed):
    """And scaled as it says, no column that is left out is above its limit."""
    problem = posed(**case)
    design, rng = problem.design, np.random.default_rng(seed)
    k = len(design.source.targets)
    anchor = anchored(problem, rng.standard_normal((P, k)))
    away = design.evaluate(rng.standard_normal((P, k)) * 10.0 ** rng.integers(-3, 2))
    assert away.point is not None
    size = np.abs(problem.penalty.measure(away.correlation))
    assert (size <= anchor.bound(anchor.far(away.point.u))).all()
    columns = np.flatnonzero(design.centre.curvature > 0.0)
    columns = columns[rng.random(columns.size) < 0.5]
    l1 = anchor.size[columns].max(axis=1) * rng.uniform(0.5, 3.0, columns.size) + 1e-4
    scale = LeftOut(anchor, columns, l1).scale(away.point.u)
    assert ((scale > 0.0) & (scale <= 1.0)).all()
    assert (scale * size[columns] <= l1[:, None]).all()


def test_further_off_the_gap_is_that_of_a_dual_scaled_down():
    """Of the columns at hand alone it would be none: the others are not known to be zero."""
    problem = posed()
    penalties, found = along(problem, All())
    place = 30
    here, coef = problem.at(penalties[place]), found.coef[place]
    screen = screening._Screen(problem, penalties)
    part = screen.part(penalties[:8])
    assert part is not None
    held = coef.any(axis=1)
    assert set(np.flatnonzero(held)) - set(part.columns), "columns matter that are left out"
    narrow = part.problem.at(here.penalty.among(part.columns))
    alone = trace(Problem(_without(narrow), narrow.penalty, MEMORY), [narrow.penalty], All())
    w = alone.coef[0]
    at = narrow.design.evaluate(w)
    claimed = gap(narrow, w, at).summed
    whole = np.zeros_like(coef)
    whole[part.columns] = w
    truth = gap(here, whole, problem.design.evaluate(whole))
    best = gap(here, coef, problem.design.evaluate(coef)).summed[0]
    assert claimed[1] >= truth.summed[0] - best > 0.0


def _without(problem):
    """The design of a smaller problem that knows of no other columns."""
    design = problem.design
    plain = screening.Narrowed(design._whole, design.source, design._columns, design.left_out)
    plain.left_out = None
    return plain


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"penalty": ElasticNet(l1=1.0, factors=np.r_[0.0, np.ones(P - 1)])}, "unpenalised"),
        ({"by": lambda X: X.toarray()}, "dense"),
        ({"loss": losses.Huber(1.0)}, "linear tails"),
    ],
)
def test_who_is_not_screened(change, why, widths):
    along(posed(**change), Newton(), smallest=0.5)
    assert widths == [P], why


@pytest.mark.parametrize("everything", [False, True])
def test_the_foremost_column_may_be_excluded(everything, widths):
    problem = posed()
    given = np.ones(P)
    given[np.abs(problem.design.correlation[:, 0]).argmax()] = np.inf
    if everything:
        given[:] = np.inf
    problem = problem.at(ElasticNet(l1=1.0, factors=given))
    penalties = penalties_of(problem.penalty, np.geomspace(1.0, 1e-3, 60), 1.0)
    found = trace(problem, penalties, Newton(), tol=TOL)
    assert set(found.reasons) == {"converged"}
    assert min(widths) < P / 10
    assert (found.coef[:, np.isinf(given)] == 0.0).all()
    assert found.coef.any() != everything


@pytest.mark.parametrize("intercept", [False, True])
def test_where_no_column_says_anything(intercept, widths):
    """All correlations are zero, and the first column is constant."""
    X, _ = words()
    X = csr_array(X[np.repeat(np.arange(N), 2)]).tolil()
    X[:, 0] = 1.0 * intercept
    source = MemorySource(csr_array(X), np.tile([0.0, 1.0], N))
    unit = ElasticNet(l1=1.0)
    problem = Problem.of(source, losses.Logistic(), unit, memory=MEMORY, intercept=intercept)
    found = trace(problem, penalties_of(unit, np.geomspace(1.0, 0.1, 20), 1.0), Newton(), tol=TOL)
    assert widths == [1]
    assert set(found.reasons) == {"converged"}
    assert not found.coef.any()


def test_seconds_are_those_since_the_beginning(widths):
    problem, seen = posed(), []
    penalties = penalties_of(problem.penalty, grid(problem, 1.0, 60, 0.1), 1.0)
    trace(problem, penalties, Newton(), tol=TOL, watch=seen.append)
    assert len(widths) > 1
    assert (np.diff([record.seconds for record in seen]) >= 0.0).all()


def test_without_memory_for_copies_all_columns_are_kept(widths):
    problem = posed()
    need = Newton().cost(problem.shape).bytes
    along(replace(problem, memory=need), Newton(), smallest=0.5)
    assert widths == [P]
