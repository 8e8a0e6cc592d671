"""The models of several quantiles of one target, fitted to the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from leastwise.inference import evidences, foresee, infer
from leastwise.losses import Quantile
from leastwise.model.build import fit_source, modelled, posed, suited
from leastwise.model.model import Model
from leastwise.several import fit_quantiles, together
from leastwise.solvers import Solver
from leastwise.sources import Source


def fit_several(
    source: Source,
    losses: Sequence[Quantile],
    *,
    solver: str | Solver = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    command: str | None = None,
    **posing: Any,
) -> tuple[Model, ...]:
    """Fit quantiles of the one target of `source`, together where that is faster.

    Parameters
    ----------
    losses : the quantiles, in any order
    solver, tol, max_iter, command : as of `fit_source`
    posing : penalty, intercept and memory, as of `fit_source`

    Returns
    -------
    One model a quantile, in their order
    """
    how: dict[str, Any] = {"solver": solver, "tol": tol, "max_iter": max_iter, "command": command}
    if len(losses) == 1:
        return (fit_source(source, loss=losses[0], **how, **posing),)
    suited(source, losses[0])
    problem = posed(source, losses[0], **posing)
    choice = together(problem, solver)
    if choice is None or problem.design.centre.null[0] == 0.0:
        return tuple(fit_source(source, loss=loss, **how, **posing) for loss in losses)
    foresee(problem)
    found = fit_quantiles(problem, losses, choice, tol=tol, max_iter=max_iter)
    known = evidences(problem, losses, [fit for fit, _ in found])
    return tuple(
        modelled(
            problem,
            fit,
            loss=loss,
            tol=tol,
            inferred=partial(infer, table),
            explained=(1.0 - float(fit.value[0]) / null,),
            command=command,
        )
        for loss, (fit, null), table in zip(losses, found, known, strict=True)
    )
