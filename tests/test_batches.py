"""Steps by batches of rows: unbiased, the same penalty at every size, near the optimum."""

import tempfile

import numpy as np
import pytest

from gradient_cases import LOSSES, PENALTIES, SMOOTH, drawn, line, posed
from leastwise import UsageError
from leastwise.fit import fit
from leastwise.losses import Absolute, Huber, Logistic, Quantile, Squared
from leastwise.penalties import ElasticNet
from leastwise.solvers import StochasticGradient
from leastwise.solvers.stochastic_gradient import batch_slopes
from leastwise.sources import MemorySource
from problems import random_problem, seven_cuts, solve, sources

# A mean over batches is the sum over rows in another order.
UNBIASED = 1e-12
# Of the null objective: what two hundred epochs of small problems end within.
EPOCHS = 1e-3


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("size", [1, 7, 30, 1000])
@pytest.mark.parametrize("cuts", [[], seven_cuts(150)])
def test_S0_41_batches_are_unbiased(loss, size, cuts):
    """The mean over all batches, each weighing as many rows as it has, is the full gradient."""
    X, y = drawn(loss)
    weight = np.random.default_rng(1).uniform(0.0, 3.0, 150)
    design = posed(X, y, loss, weight=weight, cuts=cuts).design
    k = len(design.source.targets)
    w, level = np.full((4, k), 0.05) * np.arange(1, k + 1), np.linspace(0.3, 0.7, k)
    before = design.source.passes
    batches = list(design.source.batches(size, np.random.default_rng(2)))
    assert design.source.passes == before + 1
    assert max(batch.rows for batch in batches) <= size
    parts = [(batch.rows / 150, *batch_slopes(design, batch, w, level)) for batch in batches]
    Z, y = X - weight @ X / weight.sum(), y.reshape(150, -1)
    u = weight[:, None] * loss.slope(y, Z @ w + level) / weight.sum()
    scale = np.abs(Z).max(axis=0)[:, None]
    mean = sum(share * v for share, v, _ in parts)
    np.testing.assert_allclose(mean / scale, -Z.T @ u / scale, rtol=0.0, atol=UNBIASED)
    slope = sum(share * each for share, _, each in parts)
    np.testing.assert_allclose(slope, -u.sum(axis=0), rtol=0.0, atol=UNBIASED)


@pytest.mark.parametrize("loss", [*SMOOTH, Squared()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_the_penalty_is_the_same_at_every_batch_size(loss, penalty):
    problem = posed(*drawn(loss), loss, **penalty)
    best = fit(problem, "accelerated-gradient", tol=1e-10).certificate.primal
    for size in (8, 1000):
        solver = StochasticGradient(batch_size=size)
        found = fit(problem, solver, tol=1e-6, max_iter=100).certificate
        above = found.primal - best
        # A batch of all rows makes one step an epoch.
        allowed = EPOCHS if size < 150 else 10.0 * EPOCHS
        assert -1e-9 <= above <= allowed * problem.null.sum(), size
        assert found.gap >= above - 1e-9


@pytest.mark.parametrize("loss", [Absolute(), Quantile(0.8)], ids=lambda loss: loss.name)
def test_kinked_losses_come_near(loss):
    problem = posed(*drawn(loss), loss)
    slow = fit(problem, "subgradient", max_iter=2000).certificate
    found = fit(problem, "stochastic-gradient").certificate
    assert found.primal <= slow.primal + 3.0 * EPOCHS * problem.null.sum()
    assert found.dual <= slow.primal


def test_a_seed_says_all_and_units_say_nothing():
    loss = Logistic()
    X, y = drawn(loss)
    first, again, other = (
        fit(posed(X, y, loss), StochasticGradient(seed=seed), max_iter=5).coef for seed in (3, 3, 4)
    )
    assert (first == again).all()
    assert (first != other).any()
    scales = np.array([1e-6, 1e6, 1.0, 1e3])
    scaled = fit(posed(X * scales, y, loss), StochasticGradient(seed=3), max_iter=5).coef
    np.testing.assert_allclose(scaled * scales[:, None], first, rtol=1e-6)


def test_every_layout_and_every_cut_ends_near_the_optimum():
    X, y, weight = random_problem(3, 120, 5, weighted=True, offset=3.0)
    best = solve(X, y, weight, l2=0.1).certificate.primal
    for name, source in sources(X, y, weight):
        found = solve(source, l2=0.1, solver="stochastic-gradient", tol=1e-5, max_iter=100)
        assert found.certificate.primal <= best + 1e-3 * y.var(), name


def test_a_mapped_file_is_read_batch_by_batch():
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(20_000, 5))
    y = rows @ np.arange(5.0) + rng.normal(size=20_000)
    with tempfile.TemporaryFile() as file:
        file.write(rows.tobytes())
        file.flush()
        mapped = np.memmap(file, np.float64, "r", shape=rows.shape)
        source = MemorySource(mapped, y)
        batch = next(source.batches(64, np.random.default_rng(0)))
        assert batch.X.shape == (64, 5)
        assert np.shares_memory(next(source.blocks()).X, mapped)
        found = solve(source, solver="stochastic-gradient", tol=1e-4)
    assert found.certificate.converged


def test_bounds_are_kept_at_every_step():
    X, y = drawn(Huber(1.0))
    bounded = posed(X, y, Huber(1.0), penalty=ElasticNet(0.0, 0.1, lower=np.zeros(4)))
    found = fit(bounded, "stochastic-gradient", max_iter=100)
    best = fit(bounded, "accelerated-gradient")
    assert (found.coef >= 0.0).all()
    assert found.certificate.primal <= best.certificate.primal * (1.0 + EPOCHS)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"step": 0.0}, "the step must be positive"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"batch_size": "a"}, "batch_size must be a whole number"),
        ({"step": "a"}, "the step must be positive"),
    ],
)
def test_impossible_batches_are_named(settings, words):
    X, y, _ = line()
    with pytest.raises(UsageError, match=words):
        fit(posed(X, y, Squared()), StochasticGradient(**settings))
