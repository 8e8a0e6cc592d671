"""Looks at all columns: exact at first, and bounded for what a later look does not read again."""

import numpy as np
import pytest
import scipy.sparse as sp

from leastwise.cv.folds import make_folds
from leastwise.losses import Squared
from leastwise.problem import Design
from leastwise.sources import MemorySource
from leastwise.working import Points, RowColumns

EXACT = 1e-12  # of correlations of order 1: rounding of sums of 40 products


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_looks_in_a_row_stay_true(make):
    """After many small steps a correlation that was not read again is still within its bound."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 600)), rng.normal(size=40)
    design = Design(MemorySource(make(X), y), Squared(), True)
    columns = RowColumns(design, 1 << 28)
    at = np.arange(12)
    columns.gram(at)
    Z, r = X - X.mean(axis=0), y - y.mean()
    limits, known, kept = np.full((1, 600), 1.2), None, 0
    w = np.zeros(12)
    for _ in range(6):
        known = columns.look(Points(0, at, w[None], limits), known)
        true = Z.T @ (r - Z[:, at] @ w) / 40
        found = known.correlation[0]
        exact = np.abs(found - true) <= EXACT
        kept += int((~exact).sum())
        assert exact[at].all()
        # What is not exact is a bound of the truth, and within the limit.
        assert (exact | (np.abs(true) <= np.abs(found) + EXACT)).all()
        assert (exact | (np.abs(found) <= limits[0])).all()
        w = w + 0.02 * rng.normal(size=12)
    assert kept > 0, "no look was spared: the test says nothing"


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_several_points_are_seen_from_one(make):
    """Weighted rows in three blocks: what is not read is within the least of the limits."""
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
    w = 0.02 * rng.normal(size=(5, 10))
    first = columns.look(Points(0, at, w[:1], [np.full(800, 0.6)])).last()
    limits = [np.full(800, limit) for limit in (0.6, 0.55, 0.5, 0.45, 0.2)]
    found = columns.look(Points(0, at, w, limits), first)
    residuals = r - w @ Z[:, at].T
    true = (residuals * share) @ Z
    np.testing.assert_allclose(found.value, 0.5 * (residuals**2 @ share), rtol=1e-13)
    exact = np.abs(found.correlation - true) <= EXACT
    assert exact[:, at].all()
    assert (~exact).any(), "no column was spared: the test says nothing"
    assert (exact | (np.abs(true) <= np.abs(found.correlation) + EXACT)).all()
    least = np.array([0.45, 0.45, 0.45, 0.45, 0.2])[:, None]
    assert (exact | (np.abs(found.correlation) <= least)).all()
    beyond = (np.abs(true[:-1]) > np.array(limits[:-1])).any(axis=0)
    assert np.isin(np.flatnonzero(beyond), found.reaching).all()
    # A sparse column that is within reach of the last limit alone is read for the last point alone.
    alone = exact[-1] & ~exact[:-1].any(axis=0)
    assert alone.any() == (make is not np.asarray)
    assert (found.correlation[:, 700:750] == 0.0).all()


def test_training_rows_drawn_twice_are_those_rows():
    """A bootstrap's rows are not the run from the first to the last of them."""
    from leastwise.cv.parts import FoldedDesign

    X, y = np.arange(12.0).reshape(6, 2) ** 2, np.arange(6.0)
    pairs = [(np.array([2, 2, 4]), np.array([0, 1])), (np.array([0, 1, 3]), np.array([5]))]
    design = FoldedDesign(MemorySource(X, y), True, make_folds(pairs, y[:, None]))
    design.moments()
    np.testing.assert_allclose(design.training(0).centre.level, [8.0 / 3.0])
    np.testing.assert_allclose(design.training(0).centre.mean, X[[2, 2, 4]].mean(axis=0))
