"""`leastwise check`: the gradients of losses on a table or on random rows, in a table."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass

import numpy as np

from leastwise.cli import reading
from leastwise.cli.quantiles import single
from leastwise.cli.text import brief, plain, say
from leastwise.errors import UsageError, at_least_zero
from leastwise.gradients import GradientCheck, check_gradient
from leastwise.losses import LOSSES, Loss
from leastwise.report.words import count
from leastwise.sources import MemorySource
from leastwise.sources.table import read_arrow

WRONG = 3
COLUMNS, CLASSES = 5, 3  # of rows that are drawn
MOST = 10_000_000  # numbers in them


@dataclass(frozen=True)
class Options(reading.Reading):
    """The options of `leastwise check`, by their names there."""

    loss: tuple[str, ...]
    l1: float | None
    l2: float | None
    no_intercept: bool
    rows: int
    columns: int | None
    seed: int
    as_json: bool


def check_gradients(options: Options) -> int:
    """Carry out `leastwise check`; the exit code."""
    l1, l2 = (at_least_zero(name, getattr(options, name) or 0.0) for name in ("l1", "l2"))
    asked = [single(text, "a check") for text in options.loss]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        where, cases = _drawn(options, asked) if not options.file else _read(options, asked)
    reading.warn(caught)
    found = [
        check_gradient(
            loss, X=rows, l1=l1, l2=l2, intercept=not options.no_intercept, seed=options.seed
        )
        for loss, rows in cases
    ]
    say(_json(where, found) if options.as_json else _table(where, found, options.seed))
    return 0 if all(check.ok for check in found) else WRONG


def _read(options: Options, asked: list[Loss]) -> tuple[str, list[tuple[Loss, MemorySource]]]:
    """What is checked on a table, in words, and each loss with its rows."""
    if options.columns is not None:
        raise UsageError("--columns is for random rows: with FILE, name columns with --features")
    table = reading.rows_of(options, read_arrow(options.file))
    if asked:
        suited = [reading.suited(table, loss) for loss in asked]
    elif table.classes is not None:
        suited = [reading.suited(table, None)]
    else:
        suited = [(table, kind()) for kind in LOSSES.values() if not kind.of_classes]
    names = f"{plain(options.file)}: {', '.join(map(plain, options.target))}"
    size = f"{count(min(table.rows, options.rows), 'row')} of {count(len(table.columns), 'column')}"
    if table.rows <= options.rows:
        return f"{names} from {size}", [(loss, rows) for rows, loss in suited]
    rng = np.random.default_rng(options.seed)
    taken = np.sort(rng.choice(table.rows, options.rows, replace=False))
    where = f"{names} from {size}, drawn of {table.rows:,}"
    return where, [(loss, rows.take(taken)) for rows, loss in suited]


def _drawn(options: Options, asked: list[Loss]) -> tuple[str, list[tuple[Loss, MemorySource]]]:
    """What is checked on rows drawn by the seed, in words, and each loss with its rows."""
    reading.refuse_without_file(options)
    rng = np.random.default_rng(options.seed)
    n, p = options.rows, options.columns or COLUMNS
    if n * p > MOST:
        raise UsageError(
            f"{n:,} rows of {p:,} columns are more than a gradient needs to be checked: give fewer "
            "--rows or --columns"
        )
    X, weight = rng.normal(size=(n, p)), rng.uniform(0.5, 2.0, n)
    eta = X @ rng.normal(size=(p, CLASSES)) + rng.normal(size=(n, CLASSES))
    numbers = MemorySource(X, eta[:, 0], weight)
    two = MemorySource(X, 1.0 * (eta[:, 0] > 0.0), weight)
    many = MemorySource(X, np.eye(CLASSES)[eta.argmax(axis=1)], weight)
    losses = asked or [kind() for kind in LOSSES.values()]
    cases = [
        (loss, (many if loss.coupled else two) if loss.of_classes else numbers) for loss in losses
    ]
    size = f"{count(n, 'random row')} of {count(p, 'column')}"
    return size, cases


def _table(where: str, found: list[GradientCheck], seed: int) -> str:
    names = [check.loss.removeprefix("the ").removesuffix(" loss") for check in found]
    wide = max(len("loss"), *map(len, names))
    lines = [
        f"gradients on {where}, at a random point (seed {seed})",
        "",
        f"{'loss':{wide}}  {'numbers':>7}  {'differences':>11}  {'autograd':>8}  {'best step':>9}",
    ]
    for name, check in zip(names, found, strict=True):
        autograd = "-" if check.autograd_error is None else brief(check.autograd_error)
        lines.append(
            f"{name:{wide}}  {check.gradient.size:7d}  {brief(check.difference_error):>11}  "
            f"{autograd:>8}  {brief(check.best_step):>9}  {'right' if check.ok else 'WRONG'}"
        )
    lines += ["", "errors relative to the largest derivative"]
    lines += sorted({f"no autograd: {check.without}" for check in found if check.without})
    lines += [
        f"{name}: {check.verdict}"
        for name, check in zip(names, found, strict=True)
        if check.kinks or not check.ok
    ]
    return "\n".join(lines) + "\n"


def _json(where: str, found: list[GradientCheck]) -> str:
    checks = [
        {
            "loss": check.loss.removeprefix("the ").removesuffix(" loss"),
            "ok": check.ok,
            "verdict": check.verdict,
            "numbers": check.gradient.size,
            "difference_error": check.difference_error,
            "autograd_error": check.autograd_error,
            "kinks": check.kinks,
            "steps": check.steps.tolist(),
            "curve": check.curve.tolist(),
        }
        for check in found
    ]
    return json.dumps({"where": where, "checks": checks}, indent=2) + "\n"
