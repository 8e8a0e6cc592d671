"""The models of several quantiles of one target, fitted to the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from leastwise.errors import UsageError
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
    noncrossing: bool = False,
    **posing: Any,
) -> tuple[Model, ...]:
    """Fit quantiles of the one target of `source`, together where that is faster.

    Parameters
    ----------
    losses : the quantiles, in any order
    solver, tol, max_iter, command : as of `fit_source`
    noncrossing : whether a higher quantile may not lie below a lower one in any row
    posing : penalty, intercept and memory, as of `fit_source`

    Returns
    -------
    One model a quantile, in their order

    Raises
    ------
    UsageError
        As `fit_source`, and where quantiles that must not cross cannot be solved together.
    """
    how: dict[str, Any] = {"solver": solver, "tol": tol, "max_iter": max_iter, "command": command}
    if len(losses) == 1:
        return (fit_source(source, loss=losses[0], **how, **posing),)
    suited(source, losses[0])
    problem = posed(source, losses[0], **posing)
    choice = together(problem, solver, apart=noncrossing)
    flat = bool(problem.design.centre.null[0] == 0.0)
    if noncrossing and choice is None and not flat:
        raise UsageError(
            "quantiles that may not cross are one problem, which only interior-point takes: leave "
            "the solver out, or noncrossing"
        )
    if choice is None or flat:
        return tuple(fit_source(source, loss=loss, **how, **posing) for loss in losses)
    foresee(problem)
    found = fit_quantiles(
        problem, losses, choice, tol=tol, max_iter=max_iter, noncrossing=noncrossing
    )
    known = evidences(problem, losses, found.fits, held=bool(found.held))
    models = (
        modelled(
            problem,
            fit,
            loss=loss,
            tol=tol,
            inferred=partial(infer, table),
            explained=(1.0 - float(fit.value[0]) / float(null),),
            command=command,
        )
        for loss, fit, null, table in zip(losses, found.fits, found.null, known, strict=True)
    )
    if found.held is None:
        return tuple(models)
    note = _held_in_words(found.held, len(losses))
    return tuple(replace(model, notes=(*model.notes, note)) for model in models)


def _held_in_words(held: int, count: int) -> str:
    if not held:
        return f"the {count} quantiles do not cross in any row, each at its own optimum"
    rows = f"{held} row{'s' * (held > 1)}"
    return (
        f"the {count} quantiles are kept from crossing, in the rows and the convex hull of their "
        f"columns: they meet in {rows}, and the certificate is of all of them together"
    )
