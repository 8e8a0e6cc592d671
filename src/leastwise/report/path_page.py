"""Gathers what the page of paths says and fills the template with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.joint_path import JointPath
from leastwise.report import facts, formula, path_plots
from leastwise.report.facts import Fact
from leastwise.report.figure import Figure
from leastwise.report.fill import fill
from leastwise.report.paths import Step, at_end, chosen, kind, share_name, steps, worst
from leastwise.report.shared import MOST_TARGETS, left_out, sections
from leastwise.report.tables import Cell
from leastwise.report.words import aligned, clean, count, listed, number, short, size
from leastwise.report.words import r_squared as shown_r2

if TYPE_CHECKING:
    from leastwise.model.along import Paths
    from leastwise.path_result import Path

MOST_ROWS = 200  # of the table of one target
MOST_NAMES = 12  # of a cell
ALONG, OF_EACH = "Coefficients along the path", "Coefficients of {} along the path"
NORM = "Coefficients against their sum"


@dataclass(frozen=True)
class Row:
    """A strength of the table: its numbers, and the columns that came and went."""

    cells: tuple[Cell, ...]
    entered: tuple[str, ...]
    entered_more: str
    left: tuple[str, ...]
    left_more: str
    chosen: str


@dataclass(frozen=True)
class Target:
    """The part of the page that is about one target's path."""

    id: str
    name: str
    facts: tuple[Fact, ...]
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    left_out: str
    coefficients: tuple[Figure, ...]
    coefficients_left_out: str
    checks: tuple[Figure, ...]

    def figures(self) -> tuple[Figure, ...]:
        return (*self.coefficients, *self.checks)


def path_page(of: Paths) -> str:
    """The whole page as text."""
    first = of.paths[0]
    targets = [_target(k, path, of) for k, path in enumerate(of.paths[:MOST_TARGETS])]
    single = len(of.paths) == 1
    return fill(
        "path.html",
        [figure for target in targets for figure in target.figures()],
        **sections(of, (*of.notes, *(note for path in of.paths for note in path.notes))),
        what="path",
        kind=kind(first),
        title=_headline(of),
        status=_status(of),
        facts=_overview(of, targets[0].facts if single else ()),
        objective=_objective(of),
        equation=clean(of.equation()),
        terms=formula.of_paths(of),
        targets=targets,
        targets_left_out=left_out(len(of.paths), MOST_TARGETS, "target"),
        certificate=_certificate(of),
        solver=_solver(of),
    )


def _headline(of: Paths) -> str:
    """price along 100 strengths, from 20 columns of 21,613 rows: all certified to 1×10⁻¹⁵."""
    first = of.paths[0]
    if isinstance(first, JointPath):
        names = count(len(of.outputs), "class", "classes")
    elif len(of.paths) <= 3:
        names = listed(short(path.target, 60) for path in of.paths)
    else:
        names = count(len(of.paths), "target")
    start = (
        f"{names} along {count(first.strengths.size, 'strength')}, from "
        f"{count(len(first.columns), 'column')} of {count(of.rows_used, 'row')}"
    )
    good, total = _certified(of)
    gap = max(float(path.gaps[worst(path)]) for path in of.paths)
    if good < total:
        return f"{start}: {count(good)} of {count(total)} certified"
    return f"{start}: all certified to {size(max(gap, facts.ROUNDING))}"


def _certified(of: Paths) -> tuple[int, int]:
    good = sum(int(path.converged.sum()) for path in of.paths)
    return good, sum(path.gaps.size for path in of.paths)


def _status(of: Paths) -> dict[str, Any]:
    """The line under the headline: certified everywhere or where not, and what that means."""
    good, total = _certified(of)
    tol = size(of.paths[0].tol)
    if good == total:
        words = (
            f"At no strength can other coefficients lower the objective by more than {tol} of that "
            f"of {_null(of)}."
        )
        return {"good": True, "label": "Converged", "words": words}
    reasons = sorted({reason for path in of.paths for reason in path.reasons} - {"converged"})
    words = (
        f"{count(total - good, 'strength')} of {count(total)} did not reach the tolerance {tol}: "
        f"read them as unfinished. Reason: {listed(map(clean, reasons))}."
    )
    return {"good": False, "label": "Not converged", "words": words}


def _null(of: Paths) -> str:
    fitted = of.paths[0].intercept_fitted
    return "the intercept-only model" if fitted else "a model that predicts zero"


def _overview(of: Paths, of_one: tuple[Fact, ...]) -> list[Fact]:
    first = of.paths[0]
    ends = f"from {number(first.strengths[0], 3)} to {number(first.strengths[-1], 3)}"
    return [
        Fact("Rows used", count(of.rows_used), f"of {count(of.rows_read)} read"),
        Fact("Columns", count(len(first.columns)), "after encoding"),
        *([Fact("Classes", count(len(of.outputs)))] if isinstance(first, JointPath) else []),
        Fact("Strengths", count(first.strengths.size), ends if len(of.paths) == 1 else ""),
        Fact("l1_ratio", number(first.l1_ratio, 4)),
        *of_one,
    ]


def _objective(of: Paths) -> str:
    first = of.paths[0]
    absolute, squares = "the sum of absolute coefficients", "half the sum of squared coefficients"
    penalty = f"{number(first.l1_ratio, 4)} of {absolute} and {number(1 - first.l1_ratio, 4)} of "
    penalty += squares
    if first.l1_ratio in (0.0, 1.0):
        penalty = absolute if first.l1_ratio else squares
    mean = "weighted mean" if of.weighted else "mean"
    each = " times their factors" if first.penalty.factors is not None else ""
    each += " in units of their columns' standard deviations" if of.standardize else ""
    return f"The {mean} of {first.loss.words}, plus the strength times {penalty}{each}."


def _target(k: int, path: Path, of: Paths) -> Target:
    prefix = f"path-{k}"
    best = chosen(path)
    marks = {name: float(path.strengths[at]) for name, at in best.items()}
    shown = steps(path, MOST_ROWS)
    of_all = count(path.strengths.size)
    return Target(
        prefix,
        clean(path.target),
        _facts(path, best),
        ("Non-zero", "df", share_name(path.loss), "Gap"),
        tuple(_rows(path, shown)),
        "" if len(shown) == path.strengths.size else f" ({count(len(shown))} of {of_all} shown)",
        path_plots.of_outputs(f"{prefix}-coefficients", path, of, marks, ALONG, OF_EACH),
        left_out(len(of.outputs), MOST_TARGETS, "figure") if isinstance(path, JointPath) else "",
        (
            *_alone(prefix, path, of),
            path_plots.freedom(f"{prefix}-freedom", path),
            path_plots.quality(f"{prefix}-quality", path),
            path_plots.gaps(f"{prefix}-gaps", path),
        ),
    )


def _alone(prefix: str, path: Path, of: Paths) -> tuple[Figure, ...]:
    """What is drawn of the path of one target."""
    if isinstance(path, JointPath):
        return ()
    return (
        path_plots.coefficients(f"{prefix}-norm", path, of.sd, {}, title=NORM, norm=True),
        path_plots.criteria(f"{prefix}-criteria", path),
    )


def _facts(path: Path, best: dict[str, int]) -> tuple[Fact, ...]:
    r2, share = path.r2, share_name(path.loss)
    found = [Fact(f"{share} at the end", shown_r2(r2[-1]), f"{count(path.active[-1])} non-zero")]
    for name, at in best.items():
        strength = number(path.strengths[at], 4)
        words = f"{count(path.active[at])} non-zero, {share} {shown_r2(r2[at])}{at_end(path, at)}"
        found.append(Fact(f"Least {name} at", strength, words))
    return tuple(found)


def _rows(path: Path, shown: list[Step]) -> list[Row]:
    places = [step.place for step in shown]
    r2, df = path.r2[places], path.degrees_of_freedom[places]
    columns = [
        _cells(path.strengths[places], lambda v: number(v, 5, strip=False)),
        _cells(path.active[places].astype(float), lambda v: number(v, 6)),
        _cells(df, lambda v: number(round(float(v), 2), 6)),
        _cells(r2, shown_r2),
        _cells(path.gaps[places], lambda v: number(v, 2)),
    ]
    return [
        Row(
            tuple(column[at] for column in columns),
            step.entered[:MOST_NAMES],
            _more(step.entered),
            step.left[:MOST_NAMES],
            _more(step.left),
            ", ".join(step.chosen),
        )
        for at, step in enumerate(shown)
    ]


def _more(names: tuple[str, ...]) -> str:
    return f" and {count(len(names) - MOST_NAMES)} more" if len(names) > MOST_NAMES else ""


def _cells(values: Any, show: Any) -> list[Cell]:
    texts = aligned([show(value) for value in values])
    exact = ["" if np.isnan(value) else f"{float(value):.12g}" for value in values]
    return [Cell(text, digits) for text, digits in zip(texts, exact, strict=True)]


def _certificate(of: Paths) -> list[tuple[str, str, str]]:
    good, total = _certified(of)
    gaps = np.concatenate([path.gaps for path in of.paths])
    return [
        ("Certified", f"{count(good)} of {count(total)}", "strengths whose gap is proven small"),
        (
            "Largest relative gap",
            number(float(gaps.max()), 3),
            f"the gap over the objective of {_null(of)}, where it is largest",
        ),
        ("Median relative gap", number(float(np.median(gaps)), 3), "half of the gaps are smaller"),
        ("Tolerance", number(of.paths[0].tol, 3), "certified means a gap no larger than this"),
    ]


def _solver(of: Paths) -> dict[str, Any]:
    passes, seconds = (
        sum(path.passes for path in of.paths),
        sum(path.seconds for path in of.paths),
    )
    first = of.paths[0]
    words = f"{number(passes, 3)} {'pass' if passes == 1 else 'passes'} over the data"
    cost = [words, f"{number(seconds, 2)} seconds"]
    return {"name": clean(first.solver), "why": clean(first.why), "cost": listed(cost)}
