"""Gathers what the page of several quantiles says and fills the template with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.report import facts, formula, quantile_plots, tables
from leastwise.report.facts import Fact
from leastwise.report.fill import fill
from leastwise.report.shared import sections
from leastwise.report.tables import Cell
from leastwise.report.words import aligned, clean, count, listed, number, r_squared, share, short

if TYPE_CHECKING:
    from leastwise.model import Model
    from leastwise.model.saved_quantiles import Quantiles
    from leastwise.report.diagnostics import Diagnostics

PANELS = 12  # coefficients that have a plot of their own
MOST_CELLS = 6000  # of the coefficient table
NAMED = 5  # quantiles that the overline names
HEADS = ("Below", "Met", "Mean loss", "D²", "Relative gap", "Verdict")


@dataclass(frozen=True)
class Coefficients:
    """What the macro of the coefficient table asks for."""

    name: str
    table: tables.Coefficients
    ratios: str
    why: str


def quantile_page(several: Quantiles, parts: Sequence[Diagnostics]) -> str:
    """The whole page as text; `parts` are the diagnostics of each model, on the same rows."""
    shares = np.array([facts.q_of(model) for model in several.models])
    order = np.argsort(shares)
    q, models = shares[order], [several.models[k] for k in order]
    first, outputs = models[0], [parts[k].outputs[0] for k in order]
    inferences = [model.inference[0] for model in models]
    worst = max(models, key=lambda model: model.fit.certificate.relative_gap)
    joint = any("kept from crossing" in note for note in first.notes)
    of = "weight" if parts[0].weighted else "rows"
    sample = _sample(parts[0])
    process = quantile_plots.process("process", q, inferences)
    largest = _largest(models)
    panels = [
        quantile_plots.alone(f"coefficient-{at}", q, inferences, j) for at, j in enumerate(largest)
    ]
    fits = [
        quantile_plots.predictions("predictions", q, outputs, sample),
        quantile_plots.reached("reached", q, outputs, of),
    ]
    every = tables.by_quantile(
        dict(zip(q.tolist(), inferences, strict=True)),
        first.encoding,
        max(MOST_CELLS // q.size, 30),
    )
    whys = dict.fromkeys(one.why for one in inferences if one.why)
    said = [note for model in models for note in (*model.notes, *model.fit.notes)]
    if several.crossings:
        said.insert(0, _crossed(several.crossings))
    return fill(
        "quantiles.html",
        [*fits, process, *panels],
        **sections(first, said),
        what="fit",
        kind=_kind(q, first),
        title=_headline(q, worst, several.crossings),
        status=_status(worst, joint),
        facts=_overview(q, models, several),
        objective=_objective(first, joint),
        equation=clean(first.equation().replace(first.loss.label, "quantile(q)")),
        terms=replace(formula.of_model(first, parts[0].weighted), parameter="q"),
        heads=HEADS,
        quantiles=_rows(q, models, outputs),
        of=of,
        fits=fits,
        process=process,
        coefficients=Coefficients(
            clean(first.targets[0]), every, "", " ".join(map(_sentence, map(clean, whys)))
        ),
        panels=panels,
        panels_left_out=_left_out(len(largest), len(inferences[0].names)),
        caption="The certificate of all quantiles together"
        if joint
        else f"The certificate of q = {facts.q_of(worst):g}, whose relative gap is the largest",
        certificate=facts.certificate(worst),
        solver=facts.solver(worst, *(model for model in models if model is not worst)),
    )


def _sample(part: Diagnostics) -> str:
    shown = quantile_plots.some(part.shown).size
    if shown == part.rows:
        return f"All {count(shown, 'row')}."
    return f"A random sample of {count(shown)} of {count(part.rows, 'row')} (seed {part.seed})."


def _crossed(rows: int) -> str:
    return (
        f"the quantiles cross in {count(rows, 'row')}: a higher one is predicted below a lower one "
        "there; noncrossing=True (--noncrossing) keeps them apart"
    )


def _kind(q: Any, model: Model) -> str:
    named = listed(f"{one:g}" for one in q) if q.size <= NAMED else f"{q[0]:g} to {q[-1]:g}"
    return f"Quantile regression ({named}){facts.penalised(model)}"


def _headline(q: Any, worst: Model, crossings: int) -> str:
    """rent at 3 quantiles, from 2 columns of 500 rows: none cross, certified to 3×10⁻¹⁵."""
    crossed = f"they cross in {count(crossings, 'row')}" if crossings else "none cross"
    return (
        f"{short(worst.targets[0], 60)} at {count(q.size, 'quantile')}, from "
        f"{count(len(worst.columns), 'column')} of {count(worst.rows_used, 'row')}: {crossed}, "
        f"{facts.certified(worst)}"
    )


def _status(worst: Model, joint: bool) -> dict[str, Any]:
    found = facts.status(worst)
    which = (
        "" if joint else f" This is the quantile {facts.q_of(worst):g}, whose gap is the largest."
    )
    return found | {"words": found["words"] + which}


def _overview(q: Any, models: Sequence[Model], several: Quantiles) -> list[Fact]:
    first = models[0]
    dropped = f"{count(first.rows_dropped)} dropped for missing values"
    asked = "kept apart in the fit" if several.noncrossing else "each at its own optimum"
    ends = [r_squared(model.explained[0]) for model in models]
    return [
        Fact(
            "Rows used",
            count(first.rows_used),
            dropped if first.rows_dropped else f"of {count(first.rows_read)} read",
        ),
        Fact("Columns", count(len(first.columns)), "after encoding"),
        Fact("Quantiles", count(q.size), f"from {q[0]:g} to {q[-1]:g}"),
        Fact("Rows where they cross", count(several.crossings), asked),
        Fact("D²", f"{min(ends)} to {max(ends)}", "of the rows used, each of its own loss"),
    ]


def _objective(model: Model, joint: bool) -> str:
    words = model.objective_words().replace(
        model.loss.words, "the pinball losses of the quantile q"
    )
    if not joint:
        return f"For each q: {words[:1].lower()}{words[1:]}"
    return (
        f"Summed over all q: {words[:1].lower()}{words[1:]} A higher quantile may not lie below a "
        "lower one at any row that has a weight, and so nowhere in the hull of their columns."
    )


def _rows(q: Any, models: Sequence[Model], outputs: Sequence[Any]) -> list[tuple[str, list[Cell]]]:
    """A row a quantile: what lies below it, what it costs, and its certificate."""
    certificates = [model.fit.certificate for model in models]
    columns = (
        ([part.negative for part in outputs], share),
        ([part.zero for part in outputs], share),
        ([float(model.fit.value[0]) for model in models], lambda v: number(v, 5, strip=False)),
        ([model.explained[0] for model in models], r_squared),
        ([found.relative_gap for found in certificates], lambda v: number(v, 2)),
    )
    cells = [
        [
            Cell(text, "" if np.isnan(value) else f"{float(value):.12g}")
            for text, value in zip(aligned([show(v) for v in values]), values, strict=True)
        ]
        for values, show in columns
    ]
    verdicts = ["converged" if found.converged else "not converged" for found in certificates]
    return [
        (f"{q[k]:g}", [*(column[k] for column in cells), Cell(verdicts[k], "")])
        for k in range(len(models))
    ]


def _largest(models: Sequence[Model]) -> list[int]:
    """The intercept, and the columns of the largest coefficients per standard deviation."""
    effect = np.abs([model.inference[0].per_sd for model in models])
    size = np.where(np.isfinite(effect), effect, 0.0).max(axis=0)
    first = [0] if models[0].intercept_fitted else []
    order = [int(j) for j in np.argsort(-size, kind="stable") if size[j] > 0.0]
    return (first + order)[:PANELS]


def _left_out(shown: int, total: int) -> str:
    if shown == total:
        return ""
    return f"{count(shown)} of {count(total, 'coefficient')} are drawn; the table has the others."


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "." * (words[-1:] not in ("", "."))
