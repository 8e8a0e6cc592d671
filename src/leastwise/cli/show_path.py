"""A path as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from leastwise.cli.show import (
    facts,
    found,
    passes_in_words,
    rows_read,
    seconds_spent,
    targets_in_words,
)
from leastwise.cli.text import aligned, bold, brief, number, plain, share, shortened, width
from leastwise.model import measure
from leastwise.model.along import Paths
from leastwise.path_result import Path
from leastwise.report.paths import SHOWN, Step, at_end, chosen, kind, steps, worst
from leastwise.report.words import count

GAP = "  "
LEAST_ROOM = 24  # for the names of what entered


def summary(
    paths: Paths, file: str, seconds: tuple[float, float], *, everything: bool = False
) -> str:
    """All that is said of paths.

    Parameters
    ----------
    file : where the rows came from
    seconds : of reading and of fitting
    everything : every strength and every finding, however many
    """
    wide = width()
    first = paths.paths[0]
    targets = targets_in_words([path.target for path in paths.paths])
    title = (
        f"{kind(first)}: {targets} from {count(len(first.columns), 'column')} of "
        f"{count(paths.rows_used, 'row')}"
    )
    lines = [bold(title), *facts(_before(paths, file), wide), ""]
    fits = dict.fromkeys(note for path in paths.paths for note in path.notes)
    lines += found((*paths.notes, *fits), wide, everything)
    for path in paths.paths:
        if len(paths.paths) > 1:
            lines.append(bold(plain(path.target)))
        lines += [*_table(path, wide, everything), "", *facts(_after(path), wide)]
        if len(paths.paths) > 1:
            lines.append("")
    lines += facts(_spent(paths, seconds), wide)
    return "\n".join(lines) + "\n"


def _before(paths: Paths, file: str) -> Iterator[tuple[str, str]]:
    yield "rows", rows_read(paths, file)
    yield "objective", paths.equation()


def _table(path: Path, wide: int, everything: bool) -> list[str]:
    shown = steps(path, None if everything else SHOWN)
    r2, df = path.r2, path.degrees_of_freedom
    places = [step.place for step in shown]
    columns = [
        ("strength", aligned([number(path.strengths[at]) for at in places])),
        ("non-zero", [count(path.active[at]) for at in places]),
        ("df", aligned([_decimals(df[at]) for at in places])),
        (measure(path.loss), aligned([share(r2[at]) for at in places])),
        ("gap", [brief(path.gaps[at]) for at in places]),
    ]
    sizes = [max(len(head), *map(len, cells)) for head, cells in columns]
    room = max(wide - sum(sizes) - len(GAP) * len(columns), LEAST_ROOM)

    def line(cells: list[str], end: str) -> str:
        padded = (cell.rjust(size) for cell, size in zip(cells, sizes, strict=True))
        return (GAP.join(padded) + GAP + end).rstrip()

    lines = [bold(line([head for head, _ in columns], "entered (+), left (-)"))]
    for at, step in enumerate(shown):
        lines.append(line([cells[at] for _, cells in columns], _changes(step, room)))
    if len(shown) < path.strengths.size:
        left_out = f"{len(shown)} of {count(path.strengths.size, 'strength')}; --all shows all"
        lines.append(f"{left_out}, and --save, --report and --json hold them")
    return lines


def _changes(step: Step, room: int) -> str:
    """+area +rooms -town=Ulm [BIC], as many names as there is room for."""
    end = f"[{', '.join(step.chosen)}]" if step.chosen else ""
    names = [f"+{name}" for name in step.entered] + [f"-{name}" for name in step.left]
    words = ""
    for place, name in enumerate(names):
        rest = len(names) - place - 1
        more = f" and {rest} more" if rest else ""
        longer = f"{words} {shortened(name, LEAST_ROOM)}".strip()
        if len(longer) + len(more) + len(end) + 1 > room and words:
            words += f" and {rest + 1} more"
            break
        words = longer
    return f"{words} {end}".strip()


def _after(path: Path) -> Iterator[tuple[str, str]]:
    for name, at in chosen(path).items():
        r2 = share(path.r2[at])
        yield (
            name,
            (
                f"least at strength {number(path.strengths[at])}: "
                f"{count(path.active[at])} non-zero, {measure(path.loss)} {r2}{at_end(path, at)}"
            ),
        )
    yield "certificate", certificate(path)
    yield "solver", f"{path.solver}: {plain(path.why)}"


def certificate(path: Path) -> str:
    """The certificate in a line.

    "all 100 strengths certified: worst relative gap 3.1e-10 <= 1e-9, at strength 0.52"
    """
    total, good, at = path.gaps.size, int(path.converged.sum()), worst(path)
    gap, tol = brief(path.gaps[at]), brief(path.tol)
    where = f"at strength {number(path.strengths[at])}"
    if good == total:
        every = f"all {count(total)} strengths" if total > 1 else "the one strength"
        return f"{every} certified: worst relative gap {gap} <= {tol}, {where}"
    return (
        f"NOT CONVERGED: {count(good)} of {count(total, 'strength')} certified; worst relative "
        f"gap {gap} > {tol}, {where}: {path.reasons[at]}"
    )


def _spent(paths: Paths, seconds: tuple[float, float]) -> Iterator[tuple[str, str]]:
    passes = sum(path.passes for path in paths.paths)
    yield "time", seconds_spent(seconds, [passes_in_words(passes)])


def _decimals(df: float) -> str:
    return f"{df:,.2f}".rstrip("0").rstrip(".")
