"""`leastwise fit`: read a table, fit it, say what came of it, write what was asked for."""

from __future__ import annotations

import shlex
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leastwise.cli import quantiles, reading
from leastwise.cli.outputs import check_outputs
from leastwise.cli.progress import Progress
from leastwise.cli.text import complain, say
from leastwise.cli.wording import spoken
from leastwise.encoding import require
from leastwise.errors import DataError, UsageError
from leastwise.losses import Loss, named
from leastwise.model import Holdout, Model, accuracy, explained, fit_source
from leastwise.model.saved import to_json
from leastwise.penalties import ElasticNet
from leastwise.sources.new_rows import linear
from leastwise.sources.table import Table, read_arrow

LEAST_ROWS = 2  # on either side of a split
CROSSING = ("folds", "rule", "l1_ratio", "strengths", "smallest", "group")


@dataclass(frozen=True)
class Options(reading.Shared):
    """The options of `leastwise fit`, by their names there."""

    loss: str | None
    l1: float | None
    l2: float | None
    cv: bool
    folds: str | None
    rule: str | None
    l1_ratio: str | None
    strengths: str | None
    smallest: float | None
    group: str | None
    holdout: float | None
    seed: int
    noncrossing: bool


def fit_table(options: Options, arguments: Sequence[str]) -> int:
    """Carry out `leastwise fit ARGUMENTS`; the exit code."""
    several = quantiles.asked(options.loss)
    if several is not None:
        return quantiles.fit_quantiles(options, several, arguments)
    memory, loss = _check(options)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught, Progress(options.tol) as progress:
        warnings.simplefilter("always")
        progress.say(f"reading {options.file}")
        arrow = read_arrow(options.file)
        apart = () if options.group is None else (options.group,)
        require(apart, arrow.column_names, "was named as the group")
        rows = reading.rows_of(options, arrow, apart)
        groups = reading.labels(options.group, arrow, rows) if options.group is not None else None
        del arrow
        rows, loss = reading.suited(rows, loss)
        fitted, held = rows, None
        if options.holdout is not None:
            fitted, held = _split(rows, options.holdout, options.seed)
        how: dict[str, Any] = {
            "factors": reading.factors(options, rows),
            "bounds": reading.bounds(options, rows),
            "standardize": options.standardize,
            "intercept": not options.no_intercept,
            "solver": options.solver,
            "tol": options.tol,
            "max_iter": options.max_iter,
            "memory": memory,
            "watch": progress.watch,
        }
        command = shlex.join(["leastwise", *arguments])
        read = time.perf_counter()
        shape = f"{fitted.rows:,} rows of {len(rows.columns):,} columns"
        if options.cv:
            progress.say(f"cross-validating {shape}")
            from leastwise.model.chosen import fit_chosen

            crossing = {**_crossing(options), "groups": groups, "watch_folds": progress.folds}
            model = fit_chosen(fitted, loss=loss, command=command, **crossing, **how)
        else:
            progress.say(f"fitting {shape}")
            l1, l2 = options.l1 or 0.0, options.l2 or 0.0
            model = fit_source(fitted, loss=loss, l1=l1, l2=l2, command=command, **how)
        done = time.perf_counter()
        if held is not None and options.holdout is not None:
            model = replace(model, holdout=_holdout(model, held, options))
        content = to_json(model) if options.save or options.as_json else ""
        page = _page(model, fitted, how) if options.report else ""
    reading.warn(caught)
    if options.as_json:
        say(content)
    else:
        from leastwise.cli.show import summary

        seconds = (read - began, done - read)
        say(summary(model, options.file, seconds, everything=options.everything))
    reading.put(options.save, content, "the model", quiet=options.as_json)
    reading.put(options.report, page, "the page", quiet=options.as_json)
    if not model.fit.certificate.converged:
        complain(f"not converged: {spoken(model.fit.certificate.reason)}")
        return reading.UNCONVERGED
    return 0


def _check(options: Options) -> tuple[int | None, Loss | None]:
    """Refuse what cannot be carried out before anything is read; the memory and loss, if stated."""
    loss = None if options.loss is None else named(options.loss)
    if options.noncrossing:
        raise UsageError(
            '--noncrossing is of several quantiles: name them, --loss "quantile(0.1,0.5,0.9)"'
        )
    ElasticNet(options.l1 or 0.0, options.l2 or 0.0)
    memory = reading.check(options)
    if options.holdout is not None and not 0.0 < options.holdout < 1.0:
        raise UsageError(
            f"--holdout must be a share between 0 and 1, such as 0.2, not {options.holdout:g}"
        )
    if options.cv:
        for name in ("l1", "l2"):
            if getattr(options, name) is not None:
                raise UsageError(f"--cv chooses the penalty: leave --{name} out, or --cv")
        if options.group is not None and options.holdout is not None:
            raise UsageError(
                "--holdout takes single rows out of their groups: leave it or --group out"
            )
        _crossing(options)
    else:
        for name in CROSSING:
            if getattr(options, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} is of cross-validation: add --cv")
    check_outputs({"--save": options.save, "--report": options.report}, {"the data": options.file})
    return memory, loss


def _crossing(options: Options) -> dict[str, Any]:
    """What --cv is told, left to its defaults where nothing was said."""
    text, strengths = options.l1_ratio, options.strengths
    ratios = None if text is None else reading.numbers("--l1-ratio", text, most=1.0)
    given: dict[str, Any] = {
        "l1_ratio": ratios,
        "strengths": None if strengths is None else reading.strengths(strengths),
        "smallest": options.smallest,
        "cv": None if options.folds is None else _folds(options.folds, ratios),
        "rule": options.rule,
        "seed": options.seed,
    }
    return {name: value for name, value in given.items() if value is not None}


def _folds(text: str, ratios: list[float] | None) -> int | str:
    """How many folds, or what judges a ridge without any."""
    from leastwise.cv import ROUTES

    if text in ROUTES:
        if ratios != [0.0]:
            raise UsageError(f"--folds {text} is for a ridge: add --l1-ratio 0, or give a number")
        return text
    if not text.strip().isdecimal() or int(text) < 2:
        without = " or ".join(ROUTES)
        raise UsageError(f"--folds must be a number of at least 2, {without}, not {text!r}")
    return int(text)


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
    share = explained(model.loss, held.y, eta, held.weight, intercept=model.intercept_fitted)
    right = None
    if model.classes is not None:
        right = accuracy(model.classes, held.y, eta, held.weight)
    return Holdout(held.rows, share, options.seed, float(options.holdout or 0.0), right)


def _page(model: Model, rows: Table, how: dict[str, Any]) -> str:
    from leastwise import report

    found = model.cross_validation
    paths = None
    if found is not None:
        from leastwise.model.along import path_source

        along = found.strengths[found.chosen[0]]
        paths = path_source(rows, loss=model.loss, l1_ratio=found.l1_ratio, strengths=along, **how)
    return report.render(model, report.diagnostics(rows, model), paths)
