"""Solver: a configured way down. It yields iterates; the driver certifies, records and stops it.

    steps = solver.along(problem, penalties, start, limit)
    number, iterate = next(steps)          an iterate for penalties[number]
    number, iterate = steps.send(False)    the next
    number, iterate = steps.send(True)     this penalty is done: a last, better one, or the next's

What a solver keeps from one penalty to the next is its local variables. A fit is a list of one
penalty.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import Support
from leastwise.numerics.factors import Factor
from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem, Shape
from leastwise.refinement import Refined

Float = NDArray[np.float64]

ENDLESS = 10_000_000  # steps, or passes, where each new digit takes a hundred times as many
VIOLATION = 1e-11  # of l1: what a correlation, or its norm, may be above it at a solution


@dataclass(frozen=True)
class Cost:
    """What a solver needs at most: bytes beyond the data, passes over it, flops outside of passes.

    Passes read all of X and cost 4 flops a number; `flops` are those of dense products and
    factorisations, which run at full speed. `most` is what the bytes may grow to where the data
    ask for it (refinement, a large working set): never beyond the memory allowed, which a solver
    then watches over itself.
    """

    bytes: int
    passes: float
    flops: float
    most: int | None = None


@dataclass(frozen=True)
class Iterate:
    """A point on the way.

    Parameters
    ----------
    coef : (p, k)
    iteration : how many steps or sweeps led here
    at : value and correlation there, so that certifying costs no further pass; a correlation may
        be a bound of it, which is within the column's limit
    on_rows : whether `at` was computed from the rows, and not from moments or by updates
    final : whether the solver has nothing better to offer
    exact : whether this is a finish that leaves rounding alone
    detail : which of its ways the solver took, in a word or two
    notes : what it found, in sentences
    factor : a factor of the Hessian, where one was made
    refined : the solution to full precision, where it was refined
    supports : each output's support, where the solution was made exact on it
    last : whether the last iterate is asked for, however good one before it was
    """

    coef: Float
    iteration: int
    at: Evaluation
    on_rows: bool = False
    final: bool = False
    exact: bool = False
    detail: str = ""
    notes: tuple[str, ...] = ()
    factor: Factor | None = None
    refined: Refined | None = None
    supports: tuple[Support, ...] | None = None
    last: bool = False


Steps = Generator[tuple[int, Iterate], bool | None, None]


@dataclass(frozen=True)
class Solver(ABC):
    """A way down, with its settings."""

    name: ClassVar[str]
    limit: ClassVar[int]  # the most iterations, unless max_iter says otherwise
    joint: ClassVar[bool] = False  # whether it takes an l1 penalty that joins outputs
    kinds: ClassVar[tuple[str, ...]] = ("quadratic",)  # the kinds of losses it takes
    screened: ClassVar[bool] = False  # whether a path is made over the columns that matter alone
    approximate: ClassVar[bool] = False  # whether it nears the optimum, up and down, for ever

    def declines(self, problem: Problem) -> str | None:
        """Why this solver cannot take the problem, its loss included; None where it can."""
        if problem.shape.kind not in self.kinds:
            return (
                f"it is for {' and '.join(self.kinds)} losses, and the "
                f"{problem.design.loss.name} loss is {problem.shape.kind}; take solver='auto'"
            )
        if problem.shape.joint and not self.joint:
            return (
                "it takes the targets one by one and the penalty joins them; take "
                "coordinate-descent or accelerated-gradient"
            )
        return self.refuse(problem)

    @abstractmethod
    def refuse(self, problem: Problem) -> str | None:
        """Why this solver cannot take the problem, and what can; None where it can."""

    @abstractmethod
    def cost(self, shape: Shape) -> Cost:
        """What it needs at most for a problem of this size."""

    def asked(self, tol: float) -> Solver:
        """The same, for one that wants to know what relative gap will be asked of its iterates."""
        return self

    @abstractmethod
    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        """Iterates for each penalty, at most `limit` iterations each, from `start` (p, k).

        Of several penalties that is near the solution under the problem's own, the one before.
        """


def zeros(problem: Problem) -> Float:
    """The coefficients of the intercept-only model, (p, k)."""
    return np.zeros((problem.design.columns, len(problem.design.source.targets)))


def gram_flops(shape: Shape) -> float:
    """Flops of forming X'X once (half of it by symmetry)."""
    density = shape.stored / max(1, shape.rows * shape.columns)
    return float(shape.stored) * shape.columns * (density if shape.sparse else 1.0)
