"""The exact finish of a solver that has come near: an active set, corrected on the rows.

Moments lose what columns of large means or nearly dependent ones cancel, and the residual of the
rows does not. A step with the support's factor takes it back into the coefficients, and the
certificate is projected onto the support's equations.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import Support
from leastwise.numerics.factors import EPS
from leastwise.problem import Problem
from leastwise.quadratic import quadratic_form
from leastwise.solvers.base import Iterate
from leastwise.solvers.quadratics import Quadratics

Float = NDArray[np.float64]

MOST_COLUMNS = 3000  # columns up to which it is tried
FINISH = 8  # matrices of those columns that it makes, the last one's factor among them
CORRECTIONS = 3


def finish(problem: Problem, coef: Float, iteration: int) -> Iterate | None:
    """The exact solution from a point nearly right, corrected on the rows.

    None where the support is too large, or the point is not near enough.
    """
    from leastwise.solvers.active_set import ActiveSet

    design, form = problem.design, quadratic_form(problem.design, problem.memory)
    l1, l2 = problem.strengths
    columns = form.within(np.flatnonzero(coef.any(axis=1)))
    need = 8 * FINISH * columns.size**2 + form.block_bytes(columns.size)
    if columns.size > MOST_COLUMNS or need > problem.memory:
        return None
    H = form.block(columns)
    lower, upper = (side[columns] for side in problem.bounds)
    solved = np.zeros_like(coef)
    supports: list[Support] = []
    for output in range(coef.shape[1]):
        q = design.centre.correlation[columns, output]
        exact = ActiveSet(Quadratics.of(H, q, lower, upper), coef[columns, output])
        if not exact.solve(l1[columns], l2[columns]):
            return None
        solved[columns, output] = exact.coef
        support = exact.support()
        supports.append(replace(support, columns=columns[support.columns]))
    there = design.evaluate(solved)
    for _ in range(CORRECTIONS):  # corrected with the residual of the rows, as the closed form is
        step = np.zeros_like(solved)
        for output, support in enumerate(supports):
            chosen = support.columns
            gradient = there.correlation[chosen, output] - l2[chosen] * solved[chosen, output]
            gradient -= l1[chosen] * support.signs
            step[chosen, output] = support.factor.solve(gradient[:, None])[:, 0]
        if not (np.abs(step) > 64.0 * EPS * np.abs(solved)).any():
            break
        lower, upper = (side[:, None] for side in problem.bounds)
        moved = np.clip(solved + step, lower, upper)
        if not np.array_equal(np.sign(moved), np.sign(solved)):
            break
        solved, there = moved, design.evaluate(moved)
    detail = f"{form.name}, exact on the support"
    return Iterate(
        solved,
        iteration,
        there,
        on_rows=True,
        final=True,
        exact=True,
        detail=detail,
        supports=tuple(supports),
    )
