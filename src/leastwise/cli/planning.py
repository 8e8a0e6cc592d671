"""`leastwise plan`: what a fit of a table, or of sizes alone, would need, solver by solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leastwise.cli import reading
from leastwise.cli.quantiles import single
from leastwise.cli.text import say
from leastwise.errors import UsageError
from leastwise.estimators.plan import plan
from leastwise.sources.table import read_arrow

SIZES = ("rows", "columns", "outputs", "density", "dtype")


@dataclass(frozen=True)
class Options(reading.Reading):
    """The options of `leastwise plan`, by their names there."""

    rows: int | None
    columns: int | None
    outputs: int | None
    density: float | None
    dtype: str | None
    loss: str | None
    l1: float
    l2: float
    memory: str | None
    no_intercept: bool
    as_json: bool


def plan_table(options: Options) -> int:
    """Carry out `leastwise plan`; the exit code."""
    how: dict[str, Any] = {
        "l1": options.l1,
        "l2": options.l2,
        "intercept": not options.no_intercept,
        "memory": options.memory,
    }
    loss = None if options.loss is None else single(options.loss, "a plan")
    given = {name: getattr(options, name) for name in SIZES if getattr(options, name) is not None}
    if not options.file:
        reading.refuse_without_file(options)
        if options.rows is None or options.columns is None:
            raise UsageError("give a FILE, or --rows and --columns, the sizes of one")
        found = plan(loss="squared" if loss is None else loss, **given, **how)
    else:
        if given:
            raise UsageError(
                f"{options.file} brings its sizes: leave --{' and --'.join(given)} out, or the file"
            )
        rows, loss = reading.suited(reading.rows_of(options, read_arrow(options.file)), loss)
        found = plan(rows, loss=loss, **how)
    say((found.to_json() if options.as_json else str(found)) + "\n")
    return 0
