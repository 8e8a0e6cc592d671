"""The one way from rows to an Evidence: directions, the best ratio, the certified fit at it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from leastwise.bayesian.directions import Directions, directions
from leastwise.bayesian.marginal import Chosen, maximise
from leastwise.bayesian.posterior import Posterior
from leastwise.bayesian.result import Evidence
from leastwise.losses import Squared
from leastwise.model.build import fit_source, suited
from leastwise.penalties import EXCLUDED, ElasticNet
from leastwise.planning import memory_allowed
from leastwise.problem import Problem
from leastwise.solvers import Solver
from leastwise.sources import Source

Float = NDArray[np.float64]

NEXT_TO_NOTHING = 1e-12  # of the least s_i^2: a ridge that no digit of the others' limit sees

PERFECT = (
    "the columns explain all of {target} down to rounding: sigma2 is 0, the evidence has no bound, "
    "and along what the rows tell the posterior has no width"
)
INTERPOLATED = (
    "as many directions as contrasts: the evidence is largest where sigma2 is 0 and the fit goes "
    "through every row; more rows, or a prior of your own, would tell noise from signal"
)
NOTHING = (
    "the columns explain no more of {target} than chance would: tau2 is 0, and the coefficients "
    "with it"
)


def evidence_source(
    source: Source,
    *,
    factors: Float | None = None,
    standardize: bool = False,
    intercept: bool = True,
    solver: str | Solver = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    memory: str | int | None = None,
) -> Evidence:
    """Bayesian ridge of the one target of `source`, at the variances of the largest evidence.

    Parameters
    ----------
    source : rows in memory, a `Table` or another source
    factors, standardize, intercept : the prior is N(0, tau2 / d_j), d the ridge's own weights
    solver, tol, max_iter, memory : of the certified fit, as in `fit_source`

    Raises
    ------
    UsageError, DataError
        As `Problem.of`, `directions` and `fit_source` raise them.
    """
    suited(source, Squared())
    unit = ElasticNet(0.0, 1.0, factors)
    room = memory_allowed(memory)
    problem = Problem.of(
        source, Squared(), unit, intercept=intercept, standardize=standardize, memory=room
    )
    known = directions(problem)
    chosen = maximise(known)
    l2, used = _penalty(problem, known, chosen)
    model = fit_source(
        source,
        l2=l2,
        factors=used,
        standardize=standardize,
        intercept=intercept,
        solver=solver,
        tol=tol,
        max_iter=max_iter,
        memory=memory,
        design=problem.design,
    )
    centre = problem.design.centre
    return Evidence(
        chosen.sigma2,
        chosen.tau2,
        chosen.ratio,
        chosen.log_evidence,
        chosen.parameters + known.free.size,
        model,
        Posterior.of(known, problem.design.columns, centre.mean, chosen),
        (*model.fit.notes, *_notes(source.targets[0], known, chosen, float(centre.null[0]))),
    )


def _penalty(problem: Problem, known: Directions, chosen: Chosen) -> tuple[float, Float | None]:
    """The l2 and the factors of the fit whose solution is the posterior mean."""
    factors = problem.penalty.factors
    if np.isinf(chosen.ratio):
        l1, d = problem.strengths
        return 0.0, np.where((l1 < EXCLUDED) & (d == 0.0), 0.0, np.inf)
    if chosen.ratio > 0.0:
        return chosen.ratio, factors
    # Without a penalty the solution of least norm is taken: that of the prior where all d are one.
    unique = known.complete and known.values.size == known.paid.size
    if unique or np.ptp(known.price) == 0.0:
        return 0.0, factors
    return NEXT_TO_NOTHING * float(known.values.min()), factors


def _notes(target: str, known: Directions, chosen: Chosen, null: float) -> Iterator[str]:
    if null == 0.0 or not known.values.size:
        return  # a constant target, or no column that varies and has a prior: said, or asked for
    if chosen.tau2 == 0.0:
        yield NOTHING.format(target=target)
    elif chosen.sigma2 == 0.0:
        yield (
            INTERPOLATED if known.contrasts <= known.values.size else PERFECT.format(target=target)
        )
