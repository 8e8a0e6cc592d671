"""Gathers what the page of a fit says and fills the template with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.report import (
    choice_plots,
    choosing,
    class_plots,
    facts,
    formula,
    path_plots,
    plots,
    residuals,
    tables,
)
from leastwise.report.figure import Figure
from leastwise.report.fill import fill
from leastwise.report.shared import MOST_ENTRIES, MOST_TARGETS, left_out, sections
from leastwise.report.words import SHARES, clean, count, r_squared

if TYPE_CHECKING:
    from leastwise.inference import Inference
    from leastwise.model import Model
    from leastwise.model.along import Paths
    from leastwise.report.diagnostics import Diagnostics, Residuals

TABLE_ROWS = 1500  # over all targets
CHOICES = {"chosen": "Chosen", "min": "Least error (min)", "1se": "1-SE rule (1se)"}
SAMPLE_POINTS = 8000  # over all targets


@dataclass(frozen=True)
class Target:
    """The part of the page that is about one target."""

    id: str
    name: str
    facts: tuple[facts.Fact, ...]
    why: str
    table: tables.Coefficients
    coefficients: Figure
    checks: tuple[Figure, ...]
    ratios: str

    def figures(self) -> tuple[Figure, ...]:
        return (self.coefficients, *self.checks)


def page(model: Model, diagnostics: Diagnostics, paths: Paths | None) -> str:
    """The whole page as text; `paths` are those of the ratio that cross-validation chose."""
    shown = min(len(model.targets), MOST_TARGETS)
    targets = [
        _target(k, model, model.inference[k], diagnostics.outputs[k], diagnostics, shown)
        for k in range(shown)
    ]
    progress = plots.convergence("convergence-plot", model.fit.history, model.tol)
    drawn = [figure for target in targets for figure in target.figures()] + [progress]
    classes = [
        class_plots.part(f"classes-{k}", found)
        for k, found in enumerate(diagnostics.classes[:MOST_TARGETS])
    ]
    drawn = [figure for part in classes for figure in part.figures] + drawn
    found = model.cross_validation
    choice = None if found is None else _choice(model, paths)
    if choice is not None:
        drawn = [*choice["figures"], *drawn]
    one = len(model.targets) == 1 or model.loss.coupled  # what is said of it is said of the model
    crossed = () if found is None else found.notes
    return fill(
        "page.html",
        drawn,
        **sections(model, (*crossed, *model.notes, *model.fit.notes)),
        kind=facts.kind(model),
        title=facts.headline(model),
        status=facts.status(model),
        facts=facts.overview(model, facts.of_target(model, 0) if one else ()),
        objective=clean(model.objective_words()),
        equation=clean(model.equation()),
        terms=formula.of_model(model, diagnostics.weighted),
        certificate=facts.certificate(model),
        solver=facts.solver(model),
        targets=targets,
        outputs="Each class" if model.loss.coupled else "Targets",
        all_targets=[
            (clean(name), r_squared(share))
            for name, share in zip(model.targets, model.explained, strict=not model.loss.coupled)
        ][: 0 if model.loss.coupled else MOST_ENTRIES],
        measure=SHARES[model.measure],
        targets_left_out=left_out(len(model.targets), shown, "target"),
        convergence=progress,
        choice=choice,
        classes=classes,
        what="fit",
    )


def _target(
    k: int,
    model: Model,
    inference: Inference,
    part: Residuals,
    diagnostics: Diagnostics,
    shown: int,
) -> Target:
    prefix = f"target-{k}"
    most = max(SAMPLE_POINTS // shown, 200)
    part, points = _fewer(part, most, diagnostics.seed)
    sample = (
        _every(points)
        if points == diagnostics.rows
        else f"A random sample of {count(points)} of {count(diagnostics.rows, 'row')} "
        f"(seed {diagnostics.seed})."
    )
    of = "weight" if diagnostics.weighted else "rows"
    return Target(
        prefix,
        clean(model.targets[k]),
        () if model.loss.coupled else facts.of_target(model, k),
        _sentence(clean(inference.why or "")),
        tables.coefficients(
            inference,
            model.encoding,
            min(tables.MOST_ROWS, max(TABLE_ROWS // shown, 30)),
            ratio=facts.ratio(model),
        ),
        plots.coefficients(f"{prefix}-coefficients", inference, facts.moved(model, k)),
        () if model.loss.of_classes else residuals.checks(prefix, part, sample, of, model.loss),
        facts.ratio_words(model, k, errors=inference.low is not None),
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "." * (words[-1:] not in ("", "."))


def _every(rows: int) -> str:
    return f"All {count(rows, 'row')}." if rows > 1 else "The one row."


def _fewer(part: Residuals, most: int, seed: int) -> tuple[Residuals, int]:
    if part.fitted.size <= most:
        return part, int(part.fitted.size)
    chosen = np.sort(np.random.default_rng(seed).choice(part.fitted.size, most, replace=False))
    return replace(part, fitted=part.fitted[chosen], observed=part.observed[chosen]), most


def _choice(model: Model, paths: Paths | None) -> dict[str, Any]:
    """What the page says of cross-validation: both choices, its curves, the path it walks."""
    found = model.cross_validation
    assert found is not None, "asked of fits that were cross-validated"
    figures = [choice_plots.errors("choice-errors", model)]
    if paths is not None:
        marks = {"chosen": found.strength}
        for k, path in enumerate(paths.paths[:MOST_TARGETS]):
            of_one = f"The path of {clean(path.target)}"
            alone = "The path" if len(model.targets) == 1 else of_one
            figures += path_plots.of_outputs(
                f"choice-path-{k}", path, paths, marks, alone, "The path of {}"
            )
    return {
        "facts": [replace(fact, name=CHOICES[fact.name]) for fact in choosing.choosing(model)],
        "judged": choosing.judged(found),
        "figures": figures,
    }
