"""`leastwise path`: read a table, fit it along a list of strengths, say and write what came."""

from __future__ import annotations

import shlex
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from leastwise.cli import reading
from leastwise.cli.outputs import check_outputs
from leastwise.cli.progress import Progress
from leastwise.cli.quantiles import single
from leastwise.cli.text import complain, plain, say
from leastwise.cli.wording import spoken
from leastwise.fit import ended
from leastwise.losses import Loss
from leastwise.model.along import Paths, path_source
from leastwise.model.path_files import encoder, to_json
from leastwise.path_result import Path
from leastwise.paths import checked_ratio
from leastwise.report.paths import worst
from leastwise.report.words import count
from leastwise.sources.table import read_arrow


@dataclass(frozen=True)
class Options(reading.Shared):
    """The options of `leastwise path`, by their names there."""

    l1_ratio: float
    strengths: str
    smallest: float | None
    loss: str | None


def path_table(options: Options, arguments: Sequence[str]) -> int:
    """Carry out `leastwise path ARGUMENTS`; the exit code."""
    memory, strengths, loss = _check(options)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught, Progress(options.tol) as progress:
        warnings.simplefilter("always")
        progress.say(f"reading {options.file}")
        rows = reading.rows_of(options, read_arrow(options.file))
        rows, loss = reading.suited(rows, loss)
        read = time.perf_counter()
        length = strengths if isinstance(strengths, int) else len(strengths)
        progress.follow(length * len(rows.targets))
        paths = path_source(
            rows,
            loss=loss,
            l1_ratio=options.l1_ratio,
            strengths=strengths,
            smallest=options.smallest,
            factors=reading.factors(options, rows),
            bounds=reading.bounds(options, rows),
            standardize=options.standardize,
            intercept=not options.no_intercept,
            solver=options.solver,
            tol=options.tol,
            max_iter=options.max_iter,
            memory=memory,
            watch=progress.watch,
            command=shlex.join(["leastwise", *arguments]),
        )
        done = time.perf_counter()
        del rows
        kept = encoder(options.save)(paths) if options.save else b""
        printed = to_json(paths).decode() if options.as_json else ""
        page = _page(paths) if options.report else ""
    reading.warn(caught)
    if options.as_json:
        say(printed)
    else:
        from leastwise.cli.show_path import summary

        seconds = (read - began, done - read)
        say(summary(paths, options.file, seconds, everything=options.everything))
    reading.put(options.save, kept, "the coefficients", quiet=options.as_json)
    reading.put(options.report, page, "the page", quiet=options.as_json)
    unfinished = [path for path in paths.paths if not path.converged.all()]
    for path in unfinished:
        complain(_unfinished(path, chosen=options.solver != "auto"))
    return reading.UNCONVERGED if unfinished else 0


def _check(options: Options) -> tuple[int | None, int | list[float], Loss | None]:
    """Refuse what cannot be carried out before anything is read; the memory, the strengths."""
    memory = reading.check(options)
    checked_ratio(options.l1_ratio)
    if options.save is not None:
        encoder(options.save)
    check_outputs({"--save": options.save, "--report": options.report}, {"the data": options.file})
    loss = None if options.loss is None else single(options.loss, "a path")
    return memory, reading.strengths(options.strengths), loss


def _page(paths: Paths) -> str:
    from leastwise import report

    return report.render_paths(paths)


def _unfinished(path: Path, *, chosen: bool) -> str:
    short, place = path.gaps.size - int(path.converged.sum()), worst(path)
    return (
        f"not converged: {count(short)} of {count(path.gaps.size, 'strength')} of "
        f"{plain(path.target)}, the worst at strength {path.strengths[place]:.6g} "
        f"({spoken(ended(path.reasons[place], chosen=chosen))})"
    )
