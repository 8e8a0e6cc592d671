"""`leastwise fit --loss "quantile(0.1,0.5,0.9)"`: several quantiles in one table and one file."""

from __future__ import annotations

import re
import shlex
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leastwise.cli import reading
from leastwise.cli.outputs import check_outputs
from leastwise.cli.progress import Progress
from leastwise.cli.text import complain, say
from leastwise.cli.wording import spoken
from leastwise.errors import UsageError
from leastwise.losses import Loss, named
from leastwise.losses import Quantile as QuantileLoss
from leastwise.model.saved_quantiles import Quantiles, to_text
from leastwise.penalties import ElasticNet
from leastwise.sources.table import read_arrow

if TYPE_CHECKING:
    from leastwise.cli.fitting import Options
    from leastwise.sources.table import Table

SEVERAL = re.compile(r"\s*quantile\s*\(([^()]*,[^()]*)\)\s*")


def asked(loss: str | None) -> list[float] | None:
    """The quantiles of "quantile(0.1,0.5)"; None for any other loss.

    Raises
    ------
    UsageError
        One is no share, or they are not different.

    Examples
    --------
    >>> asked("quantile(0.1, 0.5)"), asked("quantile(0.1)")
    ([0.1, 0.5], None)
    """
    read = None if loss is None else SEVERAL.fullmatch(loss)
    if read is None:
        return None
    found: list[float] = []
    for text in read[1].split(","):
        one = named(f"quantile({text.strip()})")
        assert isinstance(one, QuantileLoss), "as it is named"
        found.append(one.q)
    if len(set(found)) < len(found):
        raise UsageError(f"--loss {loss}: the quantiles must be different")
    return found


def single(loss: str, what: str) -> Loss:
    """The loss that is named, for what takes one quantile.

    Raises
    ------
    UsageError
        There are several, or there is no such loss.

    Examples
    --------
    >>> single("huber(2)", "a plan")
    Huber(width=2.0)
    """
    if asked(loss) is not None:
        raise UsageError(f"--loss {loss}: {what} is of one quantile; name one")
    return named(loss)


def fit_quantiles(options: Options, q: list[float], arguments: Sequence[str]) -> int:
    """Carry out `leastwise fit ARGUMENTS` for several quantiles; the exit code."""
    memory = _check(options)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught, Progress(options.tol) as progress:
        warnings.simplefilter("always")
        progress.say(f"reading {options.file}")
        rows = reading.rows_of(options, read_arrow(options.file))
        read = time.perf_counter()
        progress.say(f"fitting {len(q)} quantiles of {rows.rows:,} rows")
        from leastwise.estimators.quantile import Quantile

        how: dict[str, Any] = {"solver": options.solver, "tol": options.tol, "memory": memory}
        fitted = Quantile(
            q,
            options.l1 or 0.0,
            options.l2 or 0.0,
            intercept=not options.no_intercept,
            factors=reading.factors(options, rows),
            bounds=reading.bounds(options, rows),
            standardize=options.standardize,
            max_iter=options.max_iter,
            noncrossing=options.noncrossing,
            **how,
        ).fit(rows)
        done = time.perf_counter()
        command = shlex.join(["leastwise", *arguments])
        models = tuple(replace(model, command=command) for model in fitted.models_)
        several = Quantiles(models, fitted.crossings_, options.noncrossing)
        content = to_text(several) if options.save or options.as_json else ""
        page = _page(several, rows) if options.report else ""
    reading.warn(caught)
    if options.as_json:
        say(content)
    else:
        from leastwise.cli.show_quantiles import summary

        seconds = (read - began, done - read)
        say(summary(several, options.file, seconds, everything=options.everything))
    reading.put(options.save, content, "the models", quiet=options.as_json)
    reading.put(options.report, page, "the page", quiet=options.as_json)
    unfinished = [one for one in models if not one.fit.certificate.converged]
    for one in unfinished:
        complain(f"not converged: {one.loss.label}: {spoken(one.fit.certificate.reason)}")
    return reading.UNCONVERGED if unfinished else 0


def _page(several: Quantiles, rows: Table) -> str:
    from leastwise import report

    parts = [report.diagnostics(rows, model) for model in several.models]
    return report.render_quantiles(several, parts)


def _check(options: Options) -> int | None:
    """Refuse what is of one loss only, before anything is read; the memory, if stated."""
    for given, name in (
        (options.cv, "--cv"),
        (options.holdout is not None, "--holdout"),
    ):
        if given:
            raise UsageError(f"{name} takes one quantile: name one in --loss, or leave {name} out")
    ElasticNet(options.l1 or 0.0, options.l2 or 0.0)
    memory = reading.check(options)
    check_outputs({"--save": options.save, "--report": options.report}, {"the data": options.file})
    return memory
