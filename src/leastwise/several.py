"""Many quantiles of the same rows in one fit: each its own optimum, certificate and result."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from leastwise.certificate import Certificate
from leastwise.drive import Record
from leastwise.errors import at_least_zero
from leastwise.fit import NEXT, Fit, checked_limit, findings
from leastwise.kinks import Solution
from leastwise.losses import Quantile
from leastwise.plan import Choice, choose
from leastwise.problem import Problem
from leastwise.solvers import InteriorPoint, Solver


def together(problem: Problem, solver: str | Solver) -> Choice | None:
    """The solver that takes many quantiles together; None where they are solved one by one.

    With l2 each is a problem of its own; so it is for any other solver.

    Raises
    ------
    UsageError
        As `leastwise.plan.choose`.
    """
    choice = choose(problem, solver)
    walks = isinstance(choice.solver, InteriorPoint) and not problem.strengths[1].any()
    return choice if walks else None


def fit_quantiles(
    problem: Problem,
    losses: Sequence[Quantile],
    choice: Choice,
    *,
    tol: float = 1e-9,
    max_iter: int | None = None,
) -> list[tuple[Fit, float]]:
    """Solve and certify quantiles of one target.

    Each one's certificate is `leastwise.kinks.certificate`, with the duals of all rows, from the
    pass that ten quantiles share.

    Parameters
    ----------
    problem : of any of them: they share rows and penalty, which has no l2
    losses : the quantiles, in any order
    choice : what `together` gave
    tol, max_iter : as of `leastwise.fit.fit`

    Returns
    -------
    Of each quantile, in their order, the fit and the mean loss of the best constant; passes and
    seconds are each one's share
    """
    tol = at_least_zero("tol", tol)
    began = time.perf_counter()
    assert isinstance(choice.solver, InteriorPoint), "the one that walks"
    limit = choice.solver.limit if max_iter is None else checked_limit(max_iter)
    order = sorted(range(len(losses)), key=lambda k: losses[k].q)
    found = choice.solver.quantiles(problem, [losses[k].q for k in order], limit)
    spent = time.perf_counter() - began
    passes = max(int(one.detail["looks"]) for one in found) / len(found)
    notes = tuple(findings(problem.design))
    fits = {
        k: _fit(problem, one, choice, tol, notes, passes, spent / len(found))
        for k, one in zip(order, found, strict=True)
    }
    nulls = {k: float(one.detail["null_objective"]) for k, one in zip(order, found, strict=True)}
    return [(fits[k], nulls[k]) for k in range(len(losses))]


def _fit(
    problem: Problem,
    found: Solution,
    choice: Choice,
    tol: float,
    notes: tuple[str, ...],
    passes: float,
    seconds: float,
) -> Fit:
    coef = found.coef[:, None]
    objective, null = float(found.detail["objective"]), float(found.detail["null_objective"])
    gap = min(found.gap * null, objective)
    relative = gap / null if null > 0.0 else 0.0
    converged = relative <= tol
    words = "converged" if converged else f"stalled: {NEXT['stalled']}"
    value = np.array([objective]) - problem.penalty.value(coef)
    active = int(np.count_nonzero(coef))
    return Fit(
        coef,
        np.array([found.intercept]),
        value,
        Certificate(objective, objective - gap, gap, relative, converged, words),
        (Record(found.iterations, objective, gap, relative, seconds, active),),
        found.iterations,
        f"{choice.name} (exact at a vertex)" if found.exact else choice.name,
        choice.why,
        notes,
        passes,
        seconds,
    )
