"""Coordinate descent: each coefficient in turn to its exact minimum (Friedman et al. 2007).

    w_j <- S(rho_j, l1_j) / (c_j + l2_j),   rho_j = x_j'S r / W + c_j w_j,   c_j = x_j'S x_j / W

Both w_j of the step's equation are the new one, so that l2 stands in the denominator. A column
without variation keeps coefficient 0. Over moments or over rows, whichever is cheaper
(`leastwise.quadratic`). With an l1 penalty or bounds, once the signs have settled, an active-set
method finishes exactly:

    (H_AA + l2_A) w_A = q_A - l1_A sign(w_A)

A penalty that joins the outputs has a whole row of coefficients in the place of each
(`leastwise.solvers.joint_descent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.quadratic import CHUNK, SPARSE_CROSS, quadratic_form
from leastwise.solvers.base import Cost, Iterate, Solver, Steps, gram_flops, zeros
from leastwise.solvers.finishing import FINISH, MOST_COLUMNS, finish
from leastwise.solvers.joint_descent import joint_cost, joint_descent
from leastwise.solvers.needs import over_moments, over_rows

Float = NDArray[np.float64]

SWEEPS_EXPECTED = 200
CHUNK_FLOPS = 1e7  # what a chunk of a sweep costs before it computes anything
TRIES = (10, 100, 1000, 5000)  # sweeps at which it is tried though signs still change


@dataclass(frozen=True)
class CoordinateDescent(Solver):
    """Cyclic coordinate descent with exact updates and, under l1 or bounds, an exact finish."""

    name: ClassVar[str] = "coordinate-descent"
    limit: ClassVar[int] = 10_000
    joint: ClassVar[bool] = True

    def refuse(self, problem: Problem) -> str | None:
        if not problem.shape.row_state:
            return "the rows cannot keep a residual beside them; take accelerated-gradient"
        return None

    def cost(self, shape: Shape) -> Cost:
        if shape.joint:
            return joint_cost(shape)
        p = shape.columns
        if shape.worth_moments:
            squares = 4.5 if shape.l1 or shape.bounded else 3.0
            flops = gram_flops(shape) + SWEEPS_EXPECTED * 4.0 * p * p
            # What it is finished on under l1 or bounds, the data decide.
            finish = 6.5 + 2.0 * (shape.outputs - 1)
            most = over_moments(shape, finish if shape.l1 or shape.bounded else squares)
            return Cost(over_moments(shape, squares), 2.0, flops, most)
        chunks = 8 * CHUNK * p
        laid_out = 12 * shape.stored if shape.sparse else 0
        bytes = over_rows(shape, 6.0, rows=3.0) + chunks + laid_out
        flops = float(shape.stored) * CHUNK + SWEEPS_EXPECTED * (p / CHUNK) * CHUNK_FLOPS
        most = bytes
        if shape.l1 or shape.bounded:  # how many columns it is finished on, the data decide
            m = min(p, MOST_COLUMNS)
            each = SPARSE_CROSS * shape.stored // p if shape.sparse else 8 * shape.rows
            most += 8 * FINISH * m * m + m * each
        return Cost(bytes, 2.0 * SWEEPS_EXPECTED, flops, most)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        if problem.shape.joint:
            yield from joint_descent(problem, penalties, start, limit)
            return
        form = quadratic_form(problem.design, problem.memory)
        state = form.descent(zeros(problem) if start is None else start)
        for number, penalty in enumerate(penalties):
            here = problem.at(penalty)
            l1, l2 = here.strengths
            finishes = bool(l1.any()) or here.penalty.bounded
            signs = tried = np.full_like(state.coef, np.nan)
            done: bool | None = False
            iteration = 0
            while not done and iteration < limit:
                count = min(_batch(iteration), limit - iteration)
                state.sweep(l1, l2, here.bounds, count)
                iteration += count
                at, coef = state.evaluate(), state.coef.copy()
                before, signs = signs, np.sign(coef)
                settled = np.array_equal(signs, before) and not np.array_equal(signs, tried)
                exact = None
                if finishes and (settled or iteration in TRIES):
                    tried = signs
                    exact = finish(here, coef, iteration)
                last = iteration >= limit
                if exact is not None:
                    done = yield number, exact
                else:
                    plain = Iterate(coef, iteration, at, final=last, detail=form.name)
                    done = yield number, plain
                    if done and finishes:
                        exact = finish(here, coef, iteration)
                        if exact is not None:
                            yield number, exact
                if exact is not None:
                    state = form.descent(exact.coef)


def _batch(iteration: int) -> int:
    """How many sweeps until the next look: each is worth a look at first, fewer later."""
    return 1 if iteration < 100 else 5 if iteration < 1000 else 20
