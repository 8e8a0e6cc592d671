"""How fast this machine is: bytes of a pass and flops of a product, measured once a process."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leastwise.shape import Shape
from leastwise.solvers import Cost

PASS_ROWS, PASS_COLUMNS = 200_000, 20  # 32 MB, which no cache holds
ORDER = 500  # of the product
REPEATS = 3  # of which the fastest counts: what slows a run down is not the machine
INDEXED = 12  # bytes of a stored number and where it stands, in a sparse X


@dataclass(frozen=True)
class Speed:
    """What a second does.

    pass_bytes : of X that a pass over it reads ; flops : of products and factorisations
    """

    pass_bytes: float
    flops: float

    def seconds(self, cost: Cost, shape: Shape) -> float:
        """How long what costs this much takes."""
        width = INDEXED if shape.sparse else 8
        return cost.passes * shape.stored * width / self.pass_bytes + cost.flops / self.flops


# For comparing solvers: the same data get the same solver on every machine.
COMPARED = Speed(5e9, 3e10)


@functools.cache
def measured() -> Speed:
    """The speed of this machine: a pass for a gradient, and a product of two matrices."""
    from leastwise.losses import Squared
    from leastwise.problem import Design
    from leastwise.sources import MemorySource

    X = np.ones((PASS_ROWS, PASS_COLUMNS))
    X[::2] = 2.0
    design = Design(MemorySource(X, X[:, 0]), Squared(), intercept=False)
    coef = np.zeros((PASS_COLUMNS, 1))
    of_pass = _fastest(lambda: design.evaluate(coef))
    square = X.ravel()[: ORDER * ORDER].reshape(ORDER, ORDER)
    of_product = _fastest(lambda: square @ square)
    return Speed(8.0 * X.size / of_pass, 2.0 * ORDER**3 / of_product)


def _fastest(work: Callable[[], object]) -> float:
    work()  # means, threads and pages come with the first
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return max(min(times), 1e-9)
