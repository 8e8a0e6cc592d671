"""Several quantiles as lines for the terminal: one table, a column a quantile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from leastwise.cli.show import (
    GAP,
    LONGEST_NAME,
    Name,
    chosen_rows,
    facts,
    found,
    named_rows,
    passes_in_words,
    rows_read,
    seconds_spent,
)
from leastwise.cli.show import certificate as of_one
from leastwise.cli.text import aligned, bold, brief, number, plain, share, shortened, width
from leastwise.report.facts import penalised, q_of
from leastwise.report.words import count, listed

if TYPE_CHECKING:
    from leastwise.model import Model
    from leastwise.model.saved_quantiles import Quantiles

NAMED = 5  # quantiles that the title names
BOTTOM = ("D2", "gap")  # what each has one of

Column = tuple[str, list[str]]


def summary(
    several: Quantiles, file: str, seconds: tuple[float, float], *, everything: bool = False
) -> str:
    """All that is said of them.

    Parameters
    ----------
    file : where the rows came from
    seconds : of reading and of fitting
    everything : every quantile, coefficient and finding, however many
    """
    wide = width()
    models = sorted(several.models, key=q_of)
    first = models[0]
    lines = [bold(_title(models)), *facts(_before(first, file), wide), ""]
    said = (note for model in models for note in (*model.notes, *model.fit.notes))
    lines += found(tuple(said), wide, everything)
    lines += [*_table(models, wide, everything), ""]
    lines += facts(_after(several, models, seconds), wide)
    return "\n".join(lines) + "\n"


def _title(models: Sequence[Model]) -> str:
    first, q = models[0], [f"{q_of(model):g}" for model in models]
    which = listed(q) if len(q) <= NAMED else f"{len(q)} from {q[0]} to {q[-1]}"
    return (
        f"Quantile regression ({which}){penalised(first)}: {plain(first.targets[0])} from "
        f"{count(len(first.columns), 'column')} of {count(first.rows_used, 'row')}"
    )


def _before(model: Model, file: str) -> Iterator[tuple[str, str]]:
    yield "rows", rows_read(model, file)
    yield "objective", model.equation().replace(model.loss.label, "quantile(q)")


def _table(models: Sequence[Model], wide: int, everything: bool) -> list[str]:
    """The coefficients, with their errors in brackets, and below them what each is worth."""
    tables = [model.inference[0] for model in models]
    coef = np.array([table.coef for table in tables], dtype=float)
    size = np.abs(np.array([table.per_sd for table in tables], dtype=float)).max(axis=0)
    shown, lines = chosen_rows(size, np.abs(coef).max(axis=0), everything)
    named = named_rows(models[0], tables[0].names)
    names = [named[j] for j in shown]
    room = min(LONGEST_NAME, max(map(len, (*(name.name for name in names), *BOTTOM))))
    blocks = [_block(model, shown) for model in models]
    parts = _parts(blocks, wide - room)
    if len(parts) > 1 and not everything:
        even = np.linspace(0, len(blocks) - 1, len(parts[0])).round().astype(int)
        parts = _parts([blocks[k] for k in even], wide - room)[:1]
        lines.append(
            f"{len(parts[0])} of {count(len(blocks), 'quantile')}; --all shows all, and --save, "
            "--report and --json hold them"
        )
    body = [line for part in parts for line in ["", *_body(part, names, room, wide)]]
    said = dict.fromkeys(plain(table.why) for table in tables if table.why is not None)
    errors = dict.fromkeys(table.covariance for table in tables if table.covariance)
    lines += [*said, *(f"standard errors in brackets: {words}" for words in errors)]
    return [*body[1:], *lines]


def _block(model: Model, shown: Sequence[int]) -> list[Column]:
    """The columns of one quantile."""
    table, found = model.inference[0], model.fit.certificate
    bottom = [share(model.explained[0]), brief(found.relative_gap)]
    coef = aligned([number(table.coef[j]) for j in shown])
    block: list[Column] = [(f"q = {q_of(model):g}", [*coef, *bottom])]
    if table.error is not None:
        errors = [f"({number(table.error[j], 3)})" for j in shown]
        block.append(("", [*errors, *("" for _ in bottom)]))
    return block


def _body(part: list[list[Column]], names: Sequence[Name], room: int, wide: int) -> list[str]:
    """The lines of the columns that stand beside each other."""
    columns = [column for block in part for column in block]
    lines = [bold(_line("", [head for head, _ in columns], columns, room))]
    heading = ""
    for place, name in enumerate(names):
        if name.heading and name.heading != heading:
            lines.append(shortened(name.heading, wide))
        heading = name.heading
        lines.append(_line(name.name, [texts[place] for _, texts in columns], columns, room))
    lines.append("")
    for place, label in enumerate(BOTTOM, len(names)):
        lines.append(_line(label, [texts[place] for _, texts in columns], columns, room))
    return lines


def _parts(blocks: Sequence[list[Column]], wide: int) -> list[list[list[Column]]]:
    """The blocks in as many tables as the width asks for."""
    parts: list[list[list[Column]]] = [[]]
    left = wide
    for block in blocks:
        size = sum(len(GAP) + _wide(column) for column in block)
        if parts[-1] and size > left:
            parts.append([])
            left = wide
        parts[-1].append(block)
        left -= size
    return parts


def _wide(column: Column) -> int:
    return max(map(len, (column[0], *column[1])))


def _line(name: str, cells: Sequence[str], columns: Sequence[Column], room: int) -> str:
    padded = (
        GAP + (cell.ljust(_wide(column)) if not column[0] else cell.rjust(_wide(column)))
        for cell, column in zip(cells, columns, strict=True)
    )
    return (shortened(name, room).ljust(room) + "".join(padded)).rstrip()


def _after(
    several: Quantiles, models: Sequence[Model], seconds: tuple[float, float]
) -> Iterator[tuple[str, str]]:
    rows = several.crossings
    yield (
        "crossings",
        (
            f"{count(rows, 'row')} where a higher quantile is predicted below a lower one"
            if rows
            else "none"
        ),
    )
    yield "certificate", certificate(models)
    fits = dict.fromkeys(f"{model.fit.solver}: {plain(model.fit.why)}" for model in models)
    yield from (("solver", words) for words in fits)
    steps = max(model.fit.iterations for model in models)
    passes = passes_in_words(sum(model.fit.passes for model in models))
    yield "time", seconds_spent(seconds, [f"{count(steps, 'iteration')} at most", passes])


def certificate(models: Sequence[Model]) -> str:
    """The certificate in a line: all quantiles', or where they hold each other off their one.

    "all 3 quantiles certified: worst relative gap 3.1e-14 <= 1e-9, at q = 0.9"
    """
    worst = max(models, key=lambda model: model.fit.certificate.relative_gap)
    if all(model.fit.certificate == worst.fit.certificate for model in models):
        return of_one(worst)
    good = sum(model.fit.certificate.converged for model in models)
    gap, tol = brief(worst.fit.certificate.relative_gap), brief(worst.tol)
    where = f"at q = {q_of(worst):g}"
    if good == len(models):
        every = "both quantiles" if good == 2 else f"all {good} quantiles"
        return f"{every} certified: worst relative gap {gap} <= {tol}, {where}"
    return (
        f"NOT CONVERGED: {good} of {len(models)} quantiles certified; worst relative gap {gap} > "
        f"{tol}, {where}: {plain(worst.fit.certificate.reason)}"
    )
