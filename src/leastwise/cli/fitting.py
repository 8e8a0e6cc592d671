"""`leastwise fit`: read a table, fit it, say what came of it, write what was asked for."""

from __future__ import annotations

import shlex
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from leastwise.cli.outputs import check_outputs
from leastwise.cli.progress import Progress
from leastwise.cli.text import complain, say
from leastwise.errors import DataError, LeastwiseWarning, UsageError
from leastwise.model import Holdout, Model, fit_source, linear, r_squared
from leastwise.model.saved import to_json
from leastwise.penalties import ElasticNet
from leastwise.plan import memory_allowed
from leastwise.solvers import SOLVERS
from leastwise.sources.table import Table, read_arrow, table

if TYPE_CHECKING:
    import pyarrow as pa

UNCONVERGED = 3
LEAST_ROWS = 2  # on either side of a split


@dataclass(frozen=True)
class Options:
    """The options of `leastwise fit`, by their names there."""

    file: str
    target: tuple[str, ...]
    features: tuple[str, ...]
    exclude: tuple[str, ...]
    category: tuple[str, ...]
    weight: str | None
    missing: Literal["drop", "error"]
    l1: float
    l2: float
    solver: str
    tol: float
    max_iter: int | None
    memory: str | None
    no_intercept: bool
    holdout: float | None
    seed: int
    report: str | None
    save: str | None
    as_json: bool
    everything: bool


def fit_table(options: Options, arguments: Sequence[str]) -> int:
    """Carry out `leastwise fit ARGUMENTS`; the exit code."""
    memory = _check(options)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught, Progress(options.tol) as progress:
        warnings.simplefilter("always")
        progress.say(f"reading {options.file}")
        arrow = read_arrow(options.file)
        rows = _table(options, arrow)
        del arrow
        fitted, held = rows, None
        if options.holdout is not None:
            fitted, held = _split(rows, options.holdout, options.seed)
        read = time.perf_counter()
        progress.say(f"fitting {rows.rows:,} rows of {len(rows.columns):,} columns")
        model = fit_source(
            fitted,
            l1=options.l1,
            l2=options.l2,
            intercept=not options.no_intercept,
            solver=options.solver,
            tol=options.tol,
            max_iter=options.max_iter,
            memory=memory,
            watch=progress.watch,
            command=shlex.join(["leastwise", *arguments]),
        )
        if held is not None and options.holdout is not None:
            model = replace(model, holdout=_holdout(model, held, options))
        content = to_json(model) if options.save or options.as_json else ""
        page = _page(model, fitted, options)
    for words in dict.fromkeys(
        str(entry.message) for entry in caught if issubclass(entry.category, LeastwiseWarning)
    ):
        complain(f"warning: {words}")
    if options.as_json:
        say(content)
    else:
        from leastwise.cli.show import summary

        seconds = (read - began, model.fit.seconds)
        say(summary(model, options.file, seconds, everything=options.everything))
    for path, text, what in (
        (options.save, content, "the model"),
        (options.report, page, "the page"),
    ):
        if path is not None:
            _write(path, text, what, quiet=options.as_json)
    if not model.fit.certificate.converged:
        complain(f"not converged: {model.fit.certificate.reason}")
        return UNCONVERGED
    return 0


def _check(options: Options) -> int | None:
    """Refuse what cannot be carried out before anything is read; the memory allowed, if stated."""
    ElasticNet(options.l1, options.l2)
    if not 0.0 <= options.tol < float("inf"):
        raise UsageError(f"--tol must be a number of at least 0, not {options.tol}")
    if options.solver != "auto" and options.solver not in SOLVERS:
        names = ["auto", *SOLVERS]
        near = get_close_matches(options.solver, names, 1, cutoff=0.5)
        hint = f"did you mean {near[0]}? T" if near else "t"
        raise UsageError(f"unknown solver {options.solver!r}: {hint}here are {', '.join(names)}")
    if options.holdout is not None and not 0.0 < options.holdout < 1.0:
        raise UsageError(
            f"--holdout must be a share between 0 and 1, such as 0.2, not {options.holdout:g}"
        )
    check_outputs({"--save": options.save, "--report": options.report}, {"the data": options.file})
    return None if options.memory is None else memory_allowed(options.memory)


def _table(options: Options, arrow: pa.Table) -> Table:
    there = arrow.column_names
    target = _names(options.target, there)
    if not target:
        shown = ", ".join(there[:30]) + (", ..." if len(there) > 30 else "")
        raise UsageError(
            f"name the column to predict with --target; {options.file} has the columns {shown}"
        )
    features = _names(options.features, there)
    if options.features and not features:
        raise UsageError("--features names no column: give one, or leave the option out for all")
    if options.weight == "":
        raise UsageError("--weight names no column: give one, or leave the option out")
    return table(
        arrow,
        target=target,
        features=features or None,
        exclude=_names(options.exclude, there),
        categories=_names(options.category, there),
        weight=options.weight,
        missing=options.missing,
    )


def _names(given: Sequence[str], there: Sequence[str]) -> list[str]:
    """The names in options that are repeated or hold commas; a column's whole name is one name."""
    names: list[str] = []
    for text in given:
        parts = [text] if text in there else [part.strip() for part in text.split(",")]
        names += [part for part in parts if part]
    return list(dict.fromkeys(names))


def _split(rows: Table, share: float, seed: int) -> tuple[Table, Table]:
    """The rows to fit and the rows held out, both in their order."""
    held = round(share * rows.rows)
    if min(held, rows.rows - held) < LEAST_ROWS:
        raise DataError(
            f"--holdout {share:g} of {rows.rows} rows leaves {rows.rows - held} to fit and {held} "
            f"held out: both need {LEAST_ROWS} or more"
        )
    order = np.random.default_rng(seed).permutation(rows.rows)
    return rows.take(np.sort(order[held:])), rows.take(np.sort(order[:held]))


def _holdout(model: Model, held: Table, options: Options) -> Holdout:
    eta = linear(held.X, model.coef, model.intercept)
    r2 = r_squared(held.y, eta, held.weight, about_mean=model.intercept_fitted)
    return Holdout(held.rows, r2, options.seed, float(options.holdout or 0.0))


def _page(model: Model, rows: Any, options: Options) -> str:
    if options.report is None:
        return ""
    from leastwise import report

    return report.render(model, report.diagnostics(rows, model))


def _write(path: str, text: str, what: str, *, quiet: bool) -> None:
    from leastwise.files import write_atomically

    write_atomically(path, text)
    if not quiet:
        say(f"wrote        {what} to {path}\n")
