"""Gathers what the page says and fills the template with it.

Everything that is not markup of our own goes through Jinja's escaping. The scripts are allowed by
their hashes, nothing may be fetched, and the figures stand in the page as JSON without any `<`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.report import facts, plots, residuals, tables
from leastwise.report.figure import Figure
from leastwise.report.words import clean, count, level, number, powers, r_squared

if TYPE_CHECKING:
    from leastwise.inference import Inference
    from leastwise.model import Model
    from leastwise.report.diagnostics import Diagnostics, Residuals

HERE = Path(__file__).parent
MOST_TARGETS = 20  # drawn in full; R2 is given for all
TABLE_ROWS = 1500  # over all targets
SAMPLE_POINTS = 8000  # over all targets
MOST_ENTRIES = 200  # of a list of notes, missing values or levels


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

    def figures(self) -> tuple[Figure, ...]:
        return (self.coefficients, *self.checks)


def page(model: Model, diagnostics: Diagnostics) -> str:
    """The whole page as text."""
    shown = min(len(model.targets), MOST_TARGETS)
    targets = [
        _target(k, model, model.inference[k], diagnostics.outputs[k], diagnostics, shown)
        for k in range(shown)
    ]
    progress = plots.convergence("convergence-plot", model.fit.history, model.tol)
    drawn = [figure for target in targets for figure in target.figures()] + [progress]
    specs = [figure.spec() for figure in drawn if figure.data]
    vendor, script = _asset("vendor/plotly-cartesian.min.js"), _asset("templates/page.js")
    encoded = model.encoding.notes() if model.encoding is not None else ()
    said = dict.fromkeys((*model.notes, *model.fit.notes))
    notes = [clean(note) for note in said if note not in encoded]
    missing = [(clean(name), count(rows)) for name, rows in model.missing.items() if rows]
    return _template().render(
        kind=facts.kind(model),
        rows=facts.rows(model),
        title=facts.headline(model),
        status=facts.status(model),
        facts=facts.overview(model, targets[0].facts if len(model.targets) == 1 else ()),
        objective=clean(model.objective_words()),
        equation=clean(model.equation()),
        terms=_terms(model, diagnostics),
        certificate=facts.certificate(model),
        solver=facts.solver(model),
        targets=targets,
        all_targets=[
            (clean(name), r_squared(r2)) for name, r2 in zip(model.targets, model.r2, strict=True)
        ][:MOST_ENTRIES],
        targets_left_out=_left_out(len(model.targets), shown, "target"),
        convergence=progress,
        missing=missing[:MOST_ENTRIES],
        missing_left_out=_left_out(len(missing), MOST_ENTRIES, "column"),
        notes=notes[:MOST_ENTRIES],
        notes_left_out=_left_out(len(notes), MOST_ENTRIES, "note"),
        encoding=_encoding(model),
        command=clean(model.command) if model.command else "",
        versions=[(clean(name), clean(text)) for name, text in model.versions.items()],
        policy=_policy(vendor, script),
        style=_markup(_asset("templates/style.css")),
        vendor=_markup(vendor),
        script=_markup(script),
        figures=_markup(_json(specs)),
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
        facts.of_target(model, k),
        _sentence(clean(inference.why or "")),
        tables.coefficients(
            inference, model.encoding, min(tables.MOST_ROWS, max(TABLE_ROWS // shown, 30))
        ),
        plots.coefficients(f"{prefix}-coefficients", inference),
        (
            residuals.fitted_observed(f"{prefix}-fitted", part, sample),
            residuals.residual_fitted(f"{prefix}-residuals", part, sample),
            residuals.histogram(f"{prefix}-histogram", part, of),
            residuals.normal_quantiles(f"{prefix}-normal", part),
        ),
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "." * (words[-1:] not in ("", "."))


def _every(rows: int) -> str:
    return f"All {count(rows, 'row')}." if rows > 1 else "The one row."


def _fewer(part: Residuals, most: int, seed: int) -> tuple[Residuals, int]:
    from dataclasses import replace

    if part.fitted.size <= most:
        return part, int(part.fitted.size)
    chosen = np.sort(np.random.default_rng(seed).choice(part.fitted.size, most, replace=False))
    return replace(part, fitted=part.fitted[chosen], observed=part.observed[chosen]), most


def _left_out(total: int, shown: int, noun: str) -> str:
    if total <= shown:
        return ""
    return f"{count(total - shown, f'more {noun}')} not shown; the saved model holds all."


def _terms(model: Model, diagnostics: Diagnostics) -> dict[str, Any]:
    """What the formula needs to know."""
    return {
        "squared": model.loss == "squared",
        "weighted": diagnostics.weighted,
        "intercept": model.intercept_fitted,
        "factors": model.factors is not None,
        "l1": number(model.l1, 6) if model.l1 else "",
        "l2": number(model.l2, 6) if model.l2 else "",
    }


def _encoding(model: Model) -> dict[str, Any]:
    if model.encoding is None:
        return {"notes": [], "left_out": "", "levels": []}
    notes = [clean(note) for note in model.encoding.notes()]
    levels: list[dict[str, Any]] = []
    for feature in model.encoding.features:
        names = feature.levels
        if names:
            levels.append(
                {
                    "name": clean(feature.name),
                    "base": clean(names[0]),
                    "levels": [clean(name) for name in names[:MOST_ENTRIES]],
                    "left_out": _left_out(len(names), MOST_ENTRIES, "level"),
                }
            )
    return {
        "notes": notes[:MOST_ENTRIES],
        "left_out": _left_out(len(notes), MOST_ENTRIES, "column"),
        "levels": levels[:MOST_ENTRIES],
    }


def _json(value: Any) -> str:
    """JSON that can stand inside a script element: no character of markup, no line separators."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(*scripts: str) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@functools.lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8").strip()


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)  # our own files and escaped JSON only


def _powers(text: str) -> Any:
    from markupsafe import escape

    return _markup(powers(str(escape(text))))


@functools.lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["powers"] = _powers
    environment.filters["level"] = level
    return environment.get_template("page.html")
