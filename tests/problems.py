"""Seeded problems, and the ways to hold and to cut the same rows, for the numerical tests.

Entries of X are multiples of 1/1024 below 8 in size (plus `offset`), so that float32 holds the same
numbers as float64 and adding a whole number to X is exact.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from leastwise.fit import Fit, fit
from leastwise.losses import Squared
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.solvers import SOLVERS
from leastwise.sources import MemorySource, Source

Float = NDArray[np.float64]

MEMORY = 1 << 30  # bytes a fit may take, so that no test depends on what else the machine is doing

# Solvers of squared loss that reach whatever tolerance they are given.
PRECISE = [
    name
    for name, solver in SOLVERS.items()
    if "quadratic" in solver.kinds and not solver.approximate
]


class Data(NamedTuple):
    """Rows: X (n, p), y (n,) or (n, k), weight (n,) or None."""

    X: Float
    y: Float
    weight: Float | None = None


def random_problem(
    seed: int,
    n: int,
    p: int,
    k: int = 1,
    *,
    weighted: bool = False,
    noise: float = 0.5,
    offset: float = 0.0,
    density: float = 1.0,
) -> Data:
    """Normal columns, a linear target with `noise`, weights of which one in ten is zero."""
    rng = np.random.default_rng(seed)
    X = np.clip(np.round(rng.normal(size=(n, p)) * 1024) / 1024, -8, 8)
    if density < 1.0:
        X[rng.random((n, p)) >= density] = 0.0
    coef = rng.normal(size=(p, k))
    y = 3.0 + X @ coef + noise * rng.normal(size=(n, k))
    weight = None
    if weighted:
        weight = rng.uniform(0.1, 4.0, n)
        weight[rng.choice(n, n // 10, replace=False)] = 0.0
    return Data(X + offset, y[:, 0] if k == 1 else y, weight)


def seven_cuts(n: int) -> list[int]:
    """Where seven uneven blocks end (fewer where rows are few): the first is a single row."""
    return sorted({cut for cut in (1, 3, n // 4, n // 3, n // 2, n - 2) if 0 < cut < n})


def layouts(X: Float) -> Iterator[tuple[str, Any]]:
    """The same numbers in every form that a source takes."""
    yield "C", np.ascontiguousarray(X)
    yield "F", np.asfortranarray(X)
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan)
    wide[::2, ::3] = X
    yield "strided", wide[::2, ::3]
    frozen = X.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen
    with np.errstate(over="ignore"):
        if np.array_equal(X.astype(np.float32), X):
            yield "float32", X.astype(np.float32)
    with tempfile.TemporaryFile() as file:
        file.write(np.ascontiguousarray(X).tobytes())
        file.flush()
        yield "memory-mapped", np.memmap(file, np.float64, "r", shape=X.shape)
    yield "csr", sp.csr_array(X)
    yield "csc", sp.csc_array(X)


def sources(X: Float, y: Float, weight: Float | None = None) -> Iterator[tuple[str, MemorySource]]:
    """Every layout as one block and as seven uneven ones, with its name."""
    for name, matrix in layouts(X):
        for count, cuts in (("one", []), ("seven", seven_cuts(X.shape[0]))):
            yield f"{name}, {count}", MemorySource(matrix, y, weight, cuts=cuts)


def problem_of(
    source: Source,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    factors: Float | None = None,
    intercept: bool = True,
    memory: int = MEMORY,
) -> Problem:
    """Squared loss over a source."""
    penalty = ElasticNet(l1, l2, factors)
    return Problem.of(source, Squared(), penalty, intercept=intercept, memory=memory)


def solve(
    X: Any,
    y: Any = None,
    weight: Float | None = None,
    *,
    cuts: list[int] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    factors: Float | None = None,
    intercept: bool = True,
    memory: int = MEMORY,
    **options: Any,
) -> Fit:
    """Fit arrays, or a source in the place of X; `options` are those of `leastwise.fit.fit`."""
    source = X if isinstance(X, Source) else MemorySource(X, y, weight, cuts=cuts)
    problem = problem_of(source, l1=l1, l2=l2, factors=factors, intercept=intercept, memory=memory)
    return fit(problem, **options)
