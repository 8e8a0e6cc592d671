"""Many quantiles of the same rows in one fit: each its own optimum, certificate and result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import Certificate
from leastwise.drive import Record
from leastwise.errors import at_least_zero
from leastwise.fit import Fit, checked_limit, ended, findings
from leastwise.losses import Quantile
from leastwise.planning import Choice, choose
from leastwise.problem import Problem
from leastwise.solvers import InteriorPoint, Solver

Float = NDArray[np.float64]


def together(problem: Problem, solver: str | Solver, *, apart: bool = False) -> Choice | None:
    """The solver that takes many quantiles together; None where they are solved one by one.

    With l2 each is a problem of its own, unless they are to be kept `apart`; so it is for any other
    solver.

    Raises
    ------
    UsageError
        As `leastwise.planning.choose`.
    """
    choice = choose(problem, solver)
    walks = apart or not problem.strengths[1].any()
    return choice if walks and isinstance(choice.solver, InteriorPoint) else None


@dataclass(frozen=True)
class Several:
    """Quantiles fitted together.

    fits : one a quantile ; null : (K,) mean losses of the best constants
    held : rows in which some quantile holds another off, None unless that was asked for
    """

    fits: tuple[Fit, ...]
    null: Float
    held: int | None = None


def fit_quantiles(
    problem: Problem,
    losses: Sequence[Quantile],
    choice: Choice,
    *,
    tol: float = 1e-9,
    max_iter: int | None = None,
    noncrossing: bool = False,
) -> Several:
    """Solve and certify quantiles of one target.

    Each one's certificate is `leastwise.kinks.certificate`, with the duals of all rows, from the
    pass that ten quantiles share. Where quantiles hold each other off, all share the certificate of
    the joint problem (`leastwise.kinks.noncrossing`).

    Parameters
    ----------
    problem : of any of them: they share rows and penalty
    losses : the quantiles, in any order
    choice : what `together` gave
    tol, max_iter : as of `leastwise.fit.fit`
    noncrossing : whether a higher quantile may not lie below a lower one in any row

    Returns
    -------
    In the order of `losses`; passes and seconds are each one's share
    """
    tol = at_least_zero("tol", tol)
    began = time.perf_counter()
    assert isinstance(choice.solver, InteriorPoint), "the one that walks"
    limit = choice.solver.limit if max_iter is None else checked_limit(max_iter)
    order = np.argsort([loss.q for loss in losses])
    shares = [losses[k].q for k in order]
    found, joint = choice.solver.quantiles(problem, shares, limit, apart=noncrossing)
    seconds = (time.perf_counter() - began) / len(found)
    passes = max(int(one.detail["looks"]) for one in found) / len(found)
    notes, name = tuple(findings(problem.design)), choice.name
    detail = "exact at a vertex" if all(one.exact for one in found) else ""
    program = "quadratic" if problem.strengths[1].any() else "linear"
    fits: list[Fit] = []
    for place, one in enumerate(found):
        if joint is None:
            coef, level, gap = one.coef, one.intercept, one.gap
            objective, null = float(one.detail["objective"]), float(one.detail["null_objective"])
            value = objective - float(problem.penalty.value(coef[:, None])[0])
            steps, unfinished = one.iterations, one.iterations >= limit
        else:
            coef, level, gap = joint.coef[place], float(joint.intercept[place]), joint.gap
            objective, null = joint.objective, float(joint.null.sum())
            value, detail = float(joint.value[place]), f"held apart by a {program} program"
            steps, unfinished = joint.rounds, not joint.done
        certificate = _certificate(objective, gap, null, tol, unfinished=unfinished)
        record = Record(
            steps,
            objective,
            certificate.gap,
            certificate.relative_gap,
            seconds,
            int(np.count_nonzero(coef)),
        )
        fits.append(
            Fit(
                coef[:, None],
                np.array([level]),
                np.array([value]),
                certificate,
                (record,),
                steps,
                f"{name} ({detail})" if detail else name,
                choice.why,
                notes,
                passes,
                seconds,
            )
        )
    null = np.array([float(one.detail["null_objective"]) for one in found])
    held = (0 if joint is None else joint.held) if noncrossing else None
    back = np.argsort(order)
    return Several(tuple(fits[k] for k in back), null[back], held)


def _certificate(
    objective: float, relative: float, null: float, tol: float, *, unfinished: bool
) -> Certificate:
    gap = min(relative * null, objective)
    relative = gap / null if null > 0.0 else 0.0
    converged = relative <= tol
    reason = "max_iter" if unfinished else "stalled"
    words = "converged" if converged else ended(reason, chosen=False)
    return Certificate(objective, objective - gap, gap, relative, converged, words)
