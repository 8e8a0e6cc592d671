"""Looks at all columns: exact at landmarks, and bounded for what is not read between them."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

import leastwise as lw
from leastwise.cv.folds import make_folds
from leastwise.kernels.bounds import bounded
from leastwise.looks import Points, lines
from leastwise.losses import Squared
from leastwise.penalties import ElasticNet
from leastwise.problem import Design, Problem
from leastwise.solvers.rungs import rungs_to
from leastwise.solvers.working_set import _Course
from leastwise.sources import MemorySource
from leastwise.working import RowColumns

EXACT = 1e-12  # of correlations of order 1: rounding of sums of 40 products


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("known", [False, True])
def test_between_landmarks_columns_are_read_or_bounded(make, known):
    """Weighted rows in three blocks, points near a bent line, a mean far from zero."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 800)) * (rng.random((60, 800)) < 0.3) + 2.0
    X[:, 700:750] = 2.0  # without variation: never within reach of any limit
    y, weight = rng.normal(size=60), rng.random(60)
    design = Design(MemorySource(make(X), y, weight, cuts=[20, 45]), Squared(), True)
    columns = RowColumns(design, 1 << 28)
    at = np.arange(10)
    columns.gram(at)
    share = weight / weight.sum()
    Z, r = X - share @ X, y - share @ y
    way = np.linspace(0.0, 1.0, 12)[:, None]
    w = 0.2 * way * rng.normal(size=10) + 0.02 * way**2 * rng.normal(size=(12, 10))
    residuals = r - w @ Z[:, at].T
    true = (residuals * share) @ Z
    true[:, 700:750] = 0.0
    limits = [np.full(800, limit) for limit in np.linspace(0.3, 0.19, 11)]
    points = Points(0, at, w, limits, true[0] if known else None)
    found = columns.look(points)
    np.testing.assert_allclose(found.value, 0.5 * (residuals**2 @ share), rtol=1e-13)
    exact = np.abs(found.correlation - true) <= EXACT
    assert exact[points.landmarks].all()
    assert exact[-2:].all(), "the end and what is ahead must be landmarks"
    assert (~exact).any(), "no column was spared: the test says nothing"
    # What is not exact is a bound of the truth, and within the limit.
    assert (exact | (np.abs(true) <= np.abs(found.correlation) + EXACT)).all()
    assert (exact[:-1] | (np.abs(found.correlation[:-1]) <= np.array(limits))).all()
    beyond = (np.abs(true[:-1]) > np.array(limits)).any(axis=0)
    assert beyond.any()
    assert not beyond.all()
    assert np.isin(np.flatnonzero(beyond), found.reaching).all()
    assert (found.correlation[:, 700:750] == 0.0).all()


@pytest.mark.parametrize("make", [np.asarray, sp.csc_array])
def test_points_far_off_their_lines_are_read(make):
    """Where the bounds exclude no column, every correlation is exact."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 600)), rng.normal(size=40)
    columns = RowColumns(Design(MemorySource(make(X), y), Squared(), True), 1 << 28)
    at = np.arange(12)
    columns.gram(at)
    w = rng.normal(size=(9, 12))
    found = columns.look(Points(0, at, w, [np.full(600, 0.01)] * 8))
    Z, r = X - X.mean(axis=0), y - y.mean()
    np.testing.assert_allclose(found.correlation, (r - w @ Z[:, at].T) @ Z / 40, atol=EXACT)
    assert found.reaching is None


@pytest.mark.parametrize("scale", [1e-200, 1e-120, 1.0, 1e120, 1e200])
def test_lines_in_any_units(scale):
    """r = r_a + t (r_b - r_a) + d: t, and a bound of |d| that is not below it, whatever the unit.

    Where squares are no numbers any more every column may reach its limit.
    """
    rng = np.random.default_rng(2)
    ends, off = rng.normal(size=(2, 50)), rng.normal(size=50)
    off -= np.linalg.lstsq(ends.T, off)[0] @ ends  # the nearest point of the line is at t
    r = scale * np.array([ends[0], 0.7 * ends[0] + 0.3 * ends[1] + 0.01 * off, ends[1]])
    with np.errstate(over="ignore"):
        first, line, last = lines([0, 2], r @ r.T)
    assert (first.away, last.away) == (0.0, 0.0)
    size = scale * 0.01 * np.linalg.norm(off)
    limit, reaching = np.full(50, 1.001 * size), np.zeros(50, bool)
    u = np.zeros((2, 50))
    bounded(u[0], u[1], line.share, line.away, np.ones(50), limit, np.empty(50), reaching)
    if 1e-150 < scale < 1e150:
        assert line.share == pytest.approx(0.3)
        assert size * (1.0 - 1e-9) <= line.away <= size * (1.0 + 1e-6)
        assert not reaching.any()
    else:
        assert reaching.all()


def test_the_bound_is_that_of_its_line():
    """The compiled loop against NumPy; what is no number is beyond any limit."""
    rng = np.random.default_rng(3)
    u, v, length = rng.normal(size=(3, 101))
    length, limit = np.abs(length), rng.random(101)
    u[7], limit[11] = np.nan, np.inf
    out, beyond = np.empty(101), np.zeros(101, bool)
    beyond[3] = True
    bounded(u, v, 0.25, 0.5, length, limit, out, beyond)
    middle = u + 0.25 * (v - u)
    size = np.abs(middle) + 0.5 * length
    np.testing.assert_allclose(out, np.where(middle > 0.0, size, -size), rtol=1e-14)
    expected = ~(size <= limit)
    expected[3] = True
    np.testing.assert_array_equal(beyond, expected)


def test_training_rows_drawn_twice_are_those_rows():
    """A bootstrap's rows are not the run from the first to the last of them."""
    from leastwise.cv.parts import FoldedDesign

    X, y = np.arange(12.0).reshape(6, 2) ** 2, np.arange(6.0)
    pairs = [(np.array([2, 2, 4]), np.array([0, 1])), (np.array([0, 1, 3]), np.array([5]))]
    design = FoldedDesign(MemorySource(X, y), True, make_folds(pairs, y[:, None]))
    design.moments()
    np.testing.assert_allclose(design.training(0).centre.level, [8.0 / 3.0])
    np.testing.assert_allclose(design.training(0).centre.mean, X[[2, 2, 4]].mean(axis=0))


@pytest.mark.filterwarnings("ignore:.*single value")
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"l1_ratio": 0.5, "sample_weight": np.arange(70.0)},
        {"bounds": (-0.2, np.inf), "strengths": np.array([1.0, 0.5, 0.499, 0.1, 0.02, 0.02])},
        {"factors": np.where(np.arange(900) < 5, 0.0, 1.5), "intercept": False},
    ],
    ids=["lasso", "weights", "bounds", "factors"],
)
def test_every_look_of_a_path_is_true(monkeypatch, make, asked):
    """Each correlation is exact or a bound within its limit, and exact where w is not zero."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(70, 900)) + rng.normal(size=(70, 1)) + 1.0
    X[:, 40:50] = X[:, 50:60]
    X[:, 60:70] = 3.0
    y = X[:, :9] @ rng.normal(size=9) + rng.normal(size=70)
    look, spared, followed = RowColumns.look, [], []

    def checked(self, points):
        found = look(self, points)
        true = self._correlation(self._residuals(points))
        rounding = EXACT * np.sqrt(2.0 * self._design.centre.null) * self._length
        exact = np.abs(found.correlation - true) <= rounding
        size, bound = np.abs(true) - rounding, np.abs(found.correlation)
        limits = np.array([*points.limits, np.full(900, np.inf)])[-len(true) :]
        assert (exact | ((size <= bound) & (bound <= limits))).all()
        assert exact[:, points.columns][points.coef != 0.0].all()
        if points.limits:
            beyond = np.flatnonzero((size[:-1] > limits[:-1]).any(axis=0))
            assert found.reaching is None or np.isin(beyond, found.reaching).all()
        spared.append(int((~exact).sum()))
        followed.append(points.first is not None)
        assert points.first is None or exact[0].all()
        return found

    monkeypatch.setattr(RowColumns, "look", checked)
    path = lw.path(make(X), y, solver="working-set", **asked)
    assert path.gaps.max() <= 1e-9
    assert sum(spared) > 0 or "strengths" in asked, "no column was spared"
    assert any(followed), "no batch went on from where the last one ended"


def test_a_batch_goes_on_only_from_a_point_of_its_columns(monkeypatch):
    """Where the last batch ended with a coefficient that is not at work now, it is no landmark."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(50, 700)), rng.normal(size=50)
    look, firsts = RowColumns.look, []

    def watched(self, points):
        firsts.append(points.first)
        return look(self, points)

    monkeypatch.setattr(RowColumns, "look", watched)
    design = Design(MemorySource(X, y), Squared(), True)
    problem = Problem(design, ElasticNet(l1=0.1), 1 << 28)
    columns = RowColumns(design, 1 << 28)
    course = _Course(problem, columns, 0, 1000, None)
    strongest = float(np.abs(design.correlation).max())
    penalties = [ElasticNet(l1=share * strongest) for share in (1.0, 0.9, 0.4, 0.35)]
    way = course.along(rungs_to(problem, penalties, course.largest, course.step))
    for _ in range(2):
        stop = next(way)
    idle = int(np.argmin(np.abs(design.correlation[:, 0])))  # far from being at work
    places, coef = np.append(stop.columns, idle), np.append(stop.coef, 0.1)
    course._ended = replace(stop, columns=places, coef=coef)
    firsts.clear()
    next(way)
    assert firsts[0] is None
