"""The compiled path: its gap, its Newton step and its fits, each beside the same thing in NumPy."""

import numpy as np
import pytest

from leastwise.certificate import gap
from leastwise.cv.moment_paths import moment_path
from leastwise.fit import fit
from leastwise.kernels.gram_path import gram_path, net_gap, newton_step
from leastwise.losses import Squared
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.quadratic import OverMoments
from leastwise.sources import MemorySource
from problems import MEMORY, random_problem

SUMS = 1e-10  # sums in another order, and differences of them

RATIOS = [0.0, 0.3, 1.0]
BOUNDS = [(None, None), (np.zeros(12), None), (np.full(12, -0.4), np.full(12, 0.3))]


def problem(seed, penalty, *, collinear=False):
    X, y, weight = random_problem(seed, 80, 12, weighted=True, noise=1.0)
    if collinear:
        X[:, 5] = X[:, 0] + X[:, 1] + 1e-6 * X[:, 5]
    source = MemorySource(X, y, weight)
    return Problem.of(source, Squared(), penalty, memory=MEMORY)


def numbers(here):
    """G, q, spread, pay, bounds, reach of a problem."""
    form = OverMoments(here.design)
    bounds = np.stack(here.bounds)
    return form.H, form.q[:, 0], 2 * form.null[0], np.stack(here.strengths), bounds, np.abs(bounds)


@pytest.mark.parametrize("ratio", [0.3, 1.0])
@pytest.mark.parametrize("sides", BOUNDS)
@pytest.mark.parametrize("far", [0.0, 1e-3, 1.0])
def test_gap(ratio, sides, far):
    """A proof: never below the distance to the optimum, and as good as the certificate's."""
    here = problem(1, ElasticNet(0.2 * ratio, 0.2 * (1 - ratio), None, *sides))
    G, q, spread, pay, bounds, reach = numbers(here)
    best = fit(here, tol=1e-12)
    rng = np.random.default_rng(0)
    w = np.clip(best.coef[:, 0] * (1 + far * rng.standard_normal(12)), *bounds)
    found = net_gap(q, spread, pay, reach, w, q - G @ w) * spread / 2
    at = OverMoments(here.design).evaluate(w[:, None])
    objective = here.objective(w[:, None], at.value)[0]
    assert found >= objective - best.certificate.primal - 1e-12
    certified = gap(here, w[:, None], at)
    assert found <= 1.5 * certified.gap[0] + 1e-12 or certified.gap[0] == objective


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("sides", BOUNDS)
@pytest.mark.parametrize("collinear", [False, True])
def test_newton_step(ratio, sides, collinear):
    """The step of the support's equations, cut at the first sign or bound; u follows."""
    penalty = ElasticNet(0.02 * ratio, 0.02 * (1 - ratio), None, *sides)
    here = problem(2, penalty, collinear=collinear)
    G, q, _, pay, bounds, _ = numbers(here)
    rng = np.random.default_rng(3)
    w = np.clip(np.where(np.arange(12) < 8, 0.2 * rng.standard_normal(12), 0.0), *bounds)
    before, u = w.copy(), q - G @ w
    newton_step(G, pay, bounds, w, u, np.empty(12), np.zeros(12, np.int64), np.empty((12, 12)))
    inner = np.flatnonzero((before != 0) & (before > bounds[0]) & (before < bounds[1]))
    right = (q - G @ before - pay[0] * np.sign(before) - pay[1] * before)[inner]
    H = G[np.ix_(inner, inner)]
    d = np.linalg.solve(H + np.diag(pay[1][inner] + 1e-11 * np.diag(H)), right)
    limit = np.where(d > 0, bounds[1][inner], bounds[0][inner])
    limit = np.where(d * before[inner] < 0, 0.0, limit)
    cut = min(1.0, ((limit - before[inner]) / d).min())
    expected = before.copy()
    expected[inner] += cut * d
    np.testing.assert_allclose(w, expected, atol=1e-4 if collinear else SUMS)
    np.testing.assert_allclose(u, q - G @ w, atol=SUMS)
    objective = [
        here.objective(at[:, None], OverMoments(here.design).evaluate(at[:, None]).value)[0]
        for at in (before, np.clip(w, *bounds))
    ]
    assert objective[1] <= objective[0] + SUMS


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("sides", BOUNDS)
@pytest.mark.parametrize("collinear", [False, True])
@pytest.mark.parametrize("factors", [None, np.array([0.0, 0, 1, 2, 3, np.inf, 1, 1, 0.5, 1, 1, 1])])
def test_paths(ratio, sides, collinear, factors):
    """Every point of a path has the objective of an exact fit, to the gap that was asked for."""
    unit = ElasticNet(ratio, 1 - ratio, factors, *sides)
    here = problem(4, unit, collinear=collinear)
    strengths = np.geomspace(2.0, 1e-3, 15)
    found = moment_path(here.design, unit, strengths, 1e-9)
    assert found.gap <= 1e-9
    null = here.design.centre.null[0]
    for place, strength in enumerate(strengths):
        there = here.at(unit.times(strength))
        w = found.coef[0, place][:, None]
        objective = there.objective(w, here.design.evaluate(w).value)[0]
        best = fit(there, tol=1e-11)
        assert abs(objective - best.certificate.primal) <= 2e-9 * null
        np.testing.assert_allclose(
            found.intercepts[0, place], here.design.intercept_at(w)[0], rtol=1e-12
        )


def test_a_path_that_runs_out_of_sweeps_says_so():
    here = problem(5, ElasticNet(1.0), collinear=True)
    G, q, spread, price, bounds, reach = numbers(here)
    strengths, coef, gaps = np.array([1e-3]), np.empty((1, 12)), np.empty(1)
    room = np.zeros((7, 12)), np.zeros((3, 12), np.int64), np.empty((12, 12))
    gram_path(G, q, spread, price, bounds, reach, strengths, 1e-12, 2, coef, gaps, *room)
    assert gaps[0] > 1e-12
    u = q - G @ coef[0]
    assert gaps[0] == pytest.approx(net_gap(q, spread, 1e-3 * price, reach, coef[0], u))
