"""Rows, problems and losses for the methods that follow slopes."""

import functools

import numpy as np

from leastwise.losses import Absolute, Huber, Logistic, Multinomial, Quantile, Squared
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.sources import MemorySource
from problems import MEMORY


def drawn(loss, n=150, p=4, seed=0):
    """Rows and targets that suit a loss, in columns of different units."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.array([1.0, 10.0, 0.1, 1.0])[:p] + 2.0
    eta = (X - X.mean(axis=0)) @ np.array([1.0, -0.1, 5.0, 0.0])[:p]
    if isinstance(loss, Logistic):
        return X, (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))) * 1.0
    if isinstance(loss, Multinomial):
        return X, np.eye(3)[np.clip(np.round(eta + rng.normal(size=n)), -1, 1).astype(int) + 1]
    return X, eta + rng.standard_t(3, n)


def posed(X, y, loss, *, weight=None, cuts=None, intercept=True, penalty=None, **strengths):
    source = X if isinstance(X, MemorySource) else MemorySource(X, y, weight, cuts=cuts)
    penalty = penalty or ElasticNet(**strengths)
    return Problem.of(source, loss, penalty, intercept=intercept, memory=MEMORY)


LOSSES = [Squared(), Huber(1.0), Logistic(), Multinomial(), Absolute(), Quantile(0.8)]
SMOOTH = LOSSES[1:4]
PENALTIES = [{}, {"l2": 0.1}, {"l1": 0.02}, {"l1": 0.02, "l2": 0.05}]


@functools.cache
def line():
    """The thousand points of S2 and its random start."""
    np.random.seed(42)  # noqa: NPY002
    x = 10 * np.random.rand(1000)  # noqa: NPY002
    y = 2.5 * x + 5 + 2 * np.random.randn(1000)  # noqa: NPY002
    w, b = np.random.randn(), np.random.randn()  # noqa: NPY002
    return x[:, None], y, {"start": [w], "intercept_step": True, "intercept_start": b}
