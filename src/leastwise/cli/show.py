"""A fit as lines for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leastwise.cli.text import (
    PIPED,
    aligned,
    bold,
    brief,
    number,
    plain,
    probability,
    share,
    shortened,
    width,
)
from leastwise.cli.wording import spoken
from leastwise.inference import ratio_digits, ratios
from leastwise.report.choosing import choosing, judged
from leastwise.report.facts import kind
from leastwise.report.words import count, listed

if TYPE_CHECKING:
    from leastwise.inference import Inference
    from leastwise.model import Model
    from leastwise.model.along import Paths

Float = NDArray[np.float64]

MANY, LARGEST = 40, 25  # with more coefficients than MANY only the LARGEST are shown
MOST_NOTES = 20
LABEL = 13
LONGEST_NAME, SHORTEST_NAME = 32, 16
GAP = "  "


def summary(
    model: Model, file: str, seconds: tuple[float, float], *, everything: bool = False
) -> str:
    """All that is said of a fit.

    Parameters
    ----------
    file : where the rows came from
    seconds : of reading and of fitting
    everything : every coefficient and every finding, however many
    """
    wide = width()
    lines = [bold(_title(model)), *facts(_before(model, file), wide), ""]
    chosen = () if model.cross_validation is None else model.cross_validation.notes
    lines += found((*chosen, *model.notes, *model.fit.notes), wide, everything)
    tables = [_coefficients(model, one, wide, everything) for one in model.inference]
    common = [note for note in tables[0][1] if all(note in notes for _, notes in tables)]
    several = len(tables) > 1
    for place, (target, (body, notes)) in enumerate(zip(model.targets, tables, strict=True)):
        head = [bold(_heading(model, plain(target), place))] if several else []
        own = [note for note in notes if note not in common or not several]
        lines += [*head, *body, *own, ""]
    lines += [*common, ""] if several and common else []
    lines += facts(_after(model, seconds), wide)
    return "\n".join(lines) + "\n"


def _title(model: Model) -> str:
    named = targets_in_words(model.predicted)
    columns = count(len(model.columns), "column")
    return f"{kind(model)}: {named} from {columns} of {count(model.rows_used, 'row')}"


def _heading(model: Model, target: str, place: int) -> str:
    """A target and what is explained of it; of coupled classes only the class."""
    if model.loss.coupled:
        return target
    return f"{target}: {model.measure} {share(model.explained[place])}"


def targets_in_words(targets: Sequence[str]) -> str:
    """The names of few targets, the number of many."""
    return listed(map(plain, targets)) if len(targets) <= 3 else count(len(targets), "target")


def _before(model: Model, file: str) -> Iterator[tuple[str, str]]:
    rows = rows_read(model, file)
    if model.holdout is not None:
        rows += f", {count(model.holdout.rows)} held out (seed {model.holdout.seed})"
    yield "rows", rows
    yield "objective", model.equation()
    if model.cross_validation is not None:
        for fact in choosing(model, number):
            yield fact.name, f"{fact.value}: {fact.note}"
        yield "judged by", judged(model.cross_validation, number)


def rows_read(of: Model | Paths, file: str) -> str:
    """Where the rows went."""
    rows = f"{count(of.rows_read)} read from {plain(file)}, {count(of.rows_used)} used"
    if of.rows_dropped:
        where = ", ".join(f"{plain(name)} {count(n)}" for name, n in of.missing.items() if n)
        rows += f", {count(of.rows_dropped)} left out for missing values ({where})"
    return rows


def _after(model: Model, seconds: tuple[float, float]) -> Iterator[tuple[str, str]]:
    if len(model.targets) == 1 or model.loss.coupled:
        yield from _quality(model, model.inference[0])
    if model.holdout is not None:
        held = listed(share(value) for value in model.holdout.explained)
        rows = count(model.holdout.rows, "row")
        centre = _centre(model, "of these rows") if model.intercept_fitted else "zero"
        held = f"{held} on {rows} held out, about {centre}"
        if model.holdout.accuracy is not None:
            held += f", accuracy {share(model.holdout.accuracy)}"
        yield f"{model.measure} holdout", held
    yield "certificate", certificate(model)
    fit = model.fit
    yield "solver", f"{fit.solver}: {plain(fit.why)}"
    work = [count(fit.iterations, "iteration"), passes_in_words(fit.passes)]
    yield "time", seconds_spent(seconds, work)


def _centre(model: Model, rows: str) -> str:
    """What the explained share is measured from."""
    return f"the mean {rows}" if model.loss.quadratic else f"the best constant {rows}"


def passes_in_words(passes: float) -> str:
    """How often the data were read."""
    return f"{passes:.3g} {'pass' if passes == 1.0 else 'passes'} over the data"


def seconds_spent(seconds: tuple[float, float], work: Sequence[str]) -> str:
    """The time of reading and of fitting, and what the fit did with it."""
    return f"{_time(seconds[0])} reading, {_time(seconds[1])} fitting ({', '.join(work)})"


def _quality(model: Model, table: Inference) -> Iterator[tuple[str, str]]:
    about = "" if model.intercept_fitted else " about zero, since there is no intercept"
    words = f"{share(model.explained[0])} on the rows used{about}"
    if table.r2_adjusted is not None:
        words += f", adjusted {share(table.r2_adjusted)}"
    if not model.loss.quadratic:
        words += f" (the share of the {model.loss.name} loss of a constant that is explained)"
    yield model.measure, words
    if model.accuracy is not None:
        yield "accuracy", f"{share(model.accuracy)} on the rows used"
    if table.f is not None and table.f_df is not None:
        p = probability(table.f_p)
        degrees = " and ".join(f"{value:,.0f}" for value in table.f_df)
        p = f"p < {p[1:]}" if p.startswith("<") else f"p = {p}"
        yield "F", f"{number(table.f)} on {degrees} degrees of freedom, {p}"
    if table.sigma is not None:
        yield "sigma", f"{number(table.sigma)} (standard deviation of the residuals)"


def certificate(model: Model) -> str:
    """The certificate in a line.

    "certified: relative gap 3.1e-31 <= 1e-9 (objective 0.5, no solution is below 0.5)"
    """
    found = model.fit.certificate
    gap, tol = brief(found.relative_gap), brief(model.tol)
    bound = f"(objective {number(found.primal, 7)}, no solution is below {number(found.dual, 7)})"
    if found.converged:
        return f"certified: relative gap {gap} <= {tol} {bound}"
    return f"NOT CONVERGED: relative gap {gap} > {tol} {bound}: {spoken(plain(found.reason))}"


def facts(given: Iterator[tuple[str, str]], wide: int) -> list[str]:
    """A line for each label and its words, or several on a narrow terminal."""
    return [line for label, words in given for line in _hanging(f"{label:<{LABEL}}", words, wide)]


def _hanging(label: str, words: str, wide: int) -> list[str]:
    """Words after a label, wrapped on a terminal; a pipe gets one line, which can be searched."""
    if wide == PIPED:
        return [label + words]
    indent = " " * len(label)
    return textwrap.wrap(
        words, wide, initial_indent=label, subsequent_indent=indent, break_on_hyphens=False
    )


def found(given: Sequence[str], wide: int, everything: bool) -> list[str]:
    """The findings, each once."""
    notes = list(dict.fromkeys(map(plain, given)))
    if not notes:
        return []
    shown = notes if everything else notes[:MOST_NOTES]
    lines = ["found"]
    for note in shown:
        lines += _hanging("  - ", note, wide)
    if len(shown) < len(notes):
        lines.append(f"  and {len(notes) - len(shown)} more: --all shows them")
    return [*lines, ""]


@dataclass(frozen=True)
class Name:
    """How a coefficient is called: a heading it stands under, if any, and its own name."""

    heading: str
    name: str


def named_rows(model: Model, names: tuple[str, ...]) -> list[Name]:
    """The levels of a category stand under its name and base."""
    under: dict[str, Name] = {}
    if model.encoding is not None:
        columns = iter(model.encoding.columns)
        for feature in model.encoding.features:
            own = [next(columns) for _ in feature.columns]
            if feature.levels:
                heading = f"{plain(feature.name)} (base {plain(feature.levels[0])})"
                for column, level in zip(own, feature.levels[1:], strict=True):
                    under[column] = Name(heading, f"  {plain(level)}")
    start = len(names) - len(model.columns)
    return [
        under.get(name, Name("", plain(name))) if place >= start else Name("", name)
        for place, name in enumerate(names)
    ]


def _ratio(value: float) -> str:
    return number(value, ratio_digits(value))


def _coefficients(
    model: Model, table: Inference, wide: int, everything: bool
) -> tuple[list[str], list[str]]:
    """The lines of a table, and what is to be said below it."""
    per_sd, coef = np.asarray(table.per_sd, dtype=float), np.asarray(table.coef, dtype=float)
    chosen, left_out = chosen_rows(per_sd, coef, everything)
    named = named_rows(model, table.names)
    names = [named[j] for j in chosen]
    columns = [
        ("coefficient", aligned([number(table.coef[j]) for j in chosen])),
        ("per sd", aligned([number(table.per_sd[j], 4) for j in chosen])),
    ]
    lines: list[str] = []
    if table.error is not None:
        columns.append(("std error", aligned([number(table.error[j], 4) for j in chosen])))
        if table.t is not None and table.p is not None:
            columns.append((table.statistic, [_two_decimals(table.t[j]) for j in chosen]))
            columns.append(("p", [probability(table.p[j]) for j in chosen]))
        if table.low is not None and table.high is not None:
            low, high = table.low, table.high
            if model.loss.of_classes:
                odds, low, high = (ratios(table, each) for each in (table.coef, low, high))
                name = "exp(coef)" if model.loss.coupled else "odds ratio"
                columns.append((name, aligned([_ratio(odds[j]) for j in chosen])))
            show = _ratio if model.loss.of_classes else number
            interval = [
                ("95% from", aligned([show(low[j]) for j in chosen])),
                ("to", aligned([show(high[j]) for j in chosen])),
            ]
            if _size(columns + interval) + SHORTEST_NAME <= wide:
                columns += interval
            else:
                lines.append("the 95% intervals need a wider terminal, or --json")
    room = min(LONGEST_NAME, max(wide - _size(columns), SHORTEST_NAME))
    used = min(room, max(len(name.name) for name in names))
    body = [" " * used + _row([(head, head) for head, _ in columns], columns)]
    heading = ""
    for place, name in enumerate(names):
        if name.heading and name.heading != heading:
            body.append(shortened(name.heading, wide))
        heading = name.heading
        cells = [(head, texts[place]) for head, texts in columns]
        body.append((shortened(name.name, room).ljust(used) + _row(cells, columns)).rstrip())
    body[0] = bold(body[0])
    body += left_out
    if table.why is not None:
        lines.append(plain(table.why))
    if table.covariance:
        lines.append(f"standard errors: {table.covariance}")
    if model.l1 > 0.0:
        slopes = table.coef[len(table.names) - len(model.columns) :]
        body.append(f"{np.count_nonzero(slopes)} of {count(slopes.size, 'coefficient')} not zero")
    return body, lines


def chosen_rows(per_sd: Float, coef: Float, everything: bool) -> tuple[list[int], list[str]]:
    """Which coefficients are shown, and what is said of the others."""
    total = coef.size
    if everything or total <= MANY:
        return list(range(total)), []
    effect = np.abs(per_sd)
    order = np.argsort(-np.nan_to_num(effect, nan=-1.0), kind="stable")[:LARGEST]
    largest = [int(j) for j in order if coef[j] != 0.0]
    first = [0] if np.isnan(effect[0]) else []  # the intercept has no effect, and stays
    chosen = sorted({*first, *largest})
    which = (
        f"the {LARGEST} largest per standard deviation"
        if len(largest) == LARGEST
        else f"the {len(largest)} that are not zero,"
    )
    words = (
        f"{which} of {count(total, 'coefficient')}; --all shows all, and --save, --report and "
        "--json hold them"
    )
    return chosen, [words]


def _row(cells: list[tuple[str, str]], columns: list[tuple[str, list[str]]]) -> str:
    sizes = {head: _wide(head, texts) for head, texts in columns}
    return "".join(GAP + text.rjust(sizes[head]) for head, text in cells)


def _wide(head: str, texts: list[str]) -> int:
    return max(len(head), max(map(len, texts), default=0))


def _size(columns: list[tuple[str, list[str]]]) -> int:
    return sum(len(GAP) + _wide(head, texts) for head, texts in columns)


def _time(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10.0 else f"{seconds:,.0f} s"


def _two_decimals(value: float) -> str:
    if np.isnan(value):
        return "-"
    return f"{value:.2f}" if abs(value) < 1e5 else number(float(value), 4)
