"""Results as tables of ratios: a time stands beside what it is a multiple of.

The yardstick of a problem is ours at a worst gap of 1e-9 or better; where there is none, the
fastest peer at 1e-5 or better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.peers import OURS
from benchmarks.results import Described, Results, Run

GAPS = (1e-4, 1e-5, 1e-6, 1e-9)
OUR_GAP, PEER_GAP = 1e-9, 1e-5


@dataclass(frozen=True)
class Table:
    """Words above, a head, rows of cells, and a verdict below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    verdict: str


def fastest(runs: Iterable[Run], gap: float) -> Run | None:
    """The fastest of the runs whose worst gap is `gap` or better."""
    return min((r for r in runs if r.worst <= gap), key=lambda r: r.seconds, default=None)


def yardstick(runs: Iterable[Run]) -> Run | None:
    runs = list(runs)
    ours = fastest((r for r in runs if r.peer == OURS), OUR_GAP)
    return ours or fastest(runs, PEER_GAP)


def make(results: Results, problem: Described, threads: int) -> Table:
    """The table of one problem at one number of threads."""
    runs = results.of(problem.name, threads)
    unit = yardstick(runs)
    n, p = problem.shape
    form = "sparse" if problem.sparse else "dense"
    title = (
        f"{problem.name}: {problem.title} (n = {n:,}, p = {p:,}, {form}, "
        f"{threads} thread{'s' * (threads != 1)})"
    )
    head = ("solver", *(f"gap {gap:.0e}" for gap in GAPS), "best gap", "first", "cold", "memory")
    if problem.kind == "cv":
        head = (*head, "choice")
    peers = dict.fromkeys(run.peer for run in runs)
    rows = tuple(_row(peer, [r for r in runs if r.peer == peer], unit, problem) for peer in peers)
    return Table(title, head, rows, _verdict(runs, unit, problem))


def _row(peer: str, runs: list[Run], unit: Run | None, problem: Described) -> tuple[str, ...]:
    solved = [run for run in runs if run.why is None]
    cells = [_times(fastest(solved, gap), unit) for gap in GAPS]
    if not solved:
        why = runs[-1].why or ""
        return (peer, *cells, why)
    shown = fastest(solved, OUR_GAP if peer == OURS else PEER_GAP) or solved[-1]
    cold = next((run.cold for run in solved if math.isfinite(run.cold)), math.nan)
    best = min(run.worst for run in solved)
    told = [
        f"{best:.0e}",
        _ratio(shown.first / unit.seconds) if unit else "",
        _ratio(cold / unit.seconds) if unit and math.isfinite(cold) else "",
        f"{shown.memory / problem.bytes:.2f} X",
    ]
    if problem.kind == "cv":
        told.append(f"{shown.strength:.4g}, {shown.l1_ratio:g}")
    return (peer, *cells, *told)


def _times(run: Run | None, unit: Run | None) -> str:
    return "-" if run is None or unit is None else _ratio(run.seconds / unit.seconds)


def _ratio(value: float) -> str:
    return f"{value:.3g} x" if value < 1000 else f"{value:,.0f} x"


def _verdict(runs: tuple[Run, ...], unit: Run | None, problem: Described) -> str:
    if unit is None:
        return "No run came to a worst gap of 1e-5."
    words = f"1 x = {unit.seconds:.3g} s: {unit.peer}, worst gap {unit.worst:.0e}."
    if unit.peer != OURS:
        return words
    products = [f"{unit.seconds / s:.3g} {name}" for name, s in unit.products.items()]
    if products:
        words += f" It is {' or '.join(products)}."
    peer = fastest((r for r in runs if r.peer != OURS), PEER_GAP)
    if peer is None:
        return f"{words} No peer came to a worst gap of 1e-5."
    ratio = peer.seconds / unit.seconds
    words += f" Fastest peer at 1e-5 or better: {peer.peer} ({peer.worst:.0e}), {ratio:.3g} x ours"
    for name, wanted in (("duty", problem.duty), ("aim", problem.aim)):
        if wanted is not None:
            words += f"; {name} {wanted:g} x {'met' if ratio >= wanted else 'not met'}"
    later = unit.seconds
    return (
        f"{words}. First call: {unit.first / later:.3g} x later ones, {unit.first - later:+.2g} s."
    )


def _same_choice(run: Run, other: Run) -> bool:
    return run.l1_ratio == other.l1_ratio and math.isclose(run.strength, other.strength)


def text(results: Results, problem: Described) -> str:
    """The tables of a problem in plain text."""
    return "\n".join(_plain(make(results, problem, k)) for k in results.threads(problem.name))


def _plain(table: Table) -> str:
    whole = [row for row in table.rows if len(row) == len(table.head)]
    widths = [max(len(cell) for cell in column) for column in zip(table.head, *whole, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(widths[0]) if k == 0 else cell.rjust(widths[k])
            for k, cell in enumerate(row[: len(widths)])
        )
        if len(row) == len(table.head)
        else f"{row[0].ljust(widths[0])}  {row[-1]}"
        for row in (table.head, *table.rows)
    ]
    return "\n".join(["", table.title, *lines, table.verdict])


def left_out(results: Results) -> str:
    """What did not run, and why, a line each."""
    lines = [f"{name} was left out: {why}." for name, why in results.missing.items()]
    failed = dict.fromkeys(
        f"{run.peer} on {run.problem}: {run.why}." for run in results.runs if run.why is not None
    )
    return "\n".join([*lines, *failed])
