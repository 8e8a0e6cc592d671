"""The plots of coefficients and of convergence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.report.figure import Figure, axis, layout, line, plain
from leastwise.report.words import count, in_plot, listed, number, short, size

if TYPE_CHECKING:
    from leastwise.fit import Record
    from leastwise.inference import Inference

MOST_COEFFICIENTS = 30
MOST_RECORDS = 1000
LEAST_GAP = 1e-17  # where smaller gaps are drawn on the log axis


def coefficients(id: str, inference: Inference, moved: str = "the target") -> Figure:
    """Coefficients per standard deviation with their 95% intervals, the largest first.

    `moved` is what they change, in words.
    """
    title = "Signs and sizes, per standard deviation"
    effect = np.asarray(inference.per_sd, dtype=float)
    order = np.argsort(-np.abs(np.where(np.isfinite(effect), effect, 0.0)), kind="stable")
    shown = [int(j) for j in order if np.isfinite(effect[j]) and effect[j] != 0]
    total = int(np.isfinite(effect).sum())
    if not shown:
        return Figure(id, title, "No coefficient differs from zero, so there is nothing to draw.")
    chosen = shown[:MOST_COEFFICIENTS]
    low, high = _whiskers(inference, chosen)
    whiskers = bool(np.isfinite(high).any())
    traces: list[dict[str, Any]] = []
    for sign, name in ((1, "positive"), (-1, "negative")):
        rows = [k for k, j in enumerate(chosen) if np.sign(effect[j]) == sign]
        if not rows:
            continue
        trace: dict[str, Any] = {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": plain(effect[chosen[k]] for k in rows),
            "y": rows,
            "text": [in_plot(inference.names[chosen[k]], 60) for k in rows],
            "hovertemplate": "%{text}<br>%{x:.4g}<extra></extra>",
            "marker": {
                "size": 9,
                "color": "@accent" if sign > 0 else "@paper",
                "line": {"width": 2, "color": "@accent"},
            },
        }
        if whiskers:
            trace["error_x"] = {
                "type": "data",
                "symmetric": False,
                "array": plain(high[rows]),
                "arrayminus": plain(low[rows]),
                "thickness": 1.4,
                "width": 0,
                "color": "@accent",
            }
        traces.append(trace)
    stems = {
        "type": "scatter",
        "mode": "lines",
        "x": [v for j in chosen for v in (0, *plain([effect[j]]), None)],
        "y": [v for k in range(len(chosen)) for v in (k, k, None)],
        "line": {"width": 1, "color": "@rule"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    frame = layout(
        {**axis(effect[chosen], "change per SD"), "zeroline": True},
        {
            "tickmode": "array",
            "tickvals": list(range(len(chosen))),
            "ticktext": [in_plot(inference.names[j]) for j in chosen],
            "range": [len(chosen) - 0.4, -0.6],
            "automargin": True,
            "showgrid": False,
            "ticks": "",
        },
        height=100 + 21 * len(chosen),
        legend=len(traces) > 1,
    )
    return Figure(
        id,
        title,
        _coefficient_words(inference, shown, total, whiskers, moved),
        (stems, *traces),
        frame,
    )


def _whiskers(inference: Inference, chosen: Sequence[int]) -> tuple[Any, Any]:
    nothing = np.full(len(chosen), np.nan)
    if inference.low is None or inference.high is None:
        return nothing, nothing
    coef = np.asarray(inference.coef, dtype=float)[chosen]
    deviation = np.asarray(inference.per_sd, dtype=float)[chosen] / coef
    with np.errstate(invalid="ignore"):
        low = (coef - np.asarray(inference.low, dtype=float)[chosen]) * deviation
        high = (np.asarray(inference.high, dtype=float)[chosen] - coef) * deviation
    return low, high


def _coefficient_words(
    inference: Inference, shown: Sequence[int], total: int, whiskers: bool, moved: str
) -> str:
    largest = listed(
        f"{short(inference.names[j], 40)} ({number(inference.per_sd[j], 3)})" for j in shown[:3]
    )
    if len(shown) > MOST_COEFFICIENTS:
        opening = (
            f"The {MOST_COEFFICIENTS} largest of {count(len(shown), 'non-zero coefficient')}; "
            f"the largest are {largest}."
        )
    else:
        of = "All" if len(shown) == total else f"The non-zero ones of {count(total)}"
        opening = f"{of}: {largest}." if len(shown) <= 3 else f"{of}; the largest are {largest}."
    positive = sum(1 for j in shown if inference.per_sd[j] > 0)
    signs = f" {count(positive)} positive (filled), {count(len(shown) - positive)} negative (open)."
    bars = " Lines through the points are 95% intervals." if whiskers else ""
    error = inference.error
    if error is not None:
        unknown = [short(inference.names[j], 40) for j in shown if not np.isfinite(error[j])]
        if unknown:
            bars += (
                f" The data do not determine {', '.join(unknown[:5])}: one choice of many is shown."
            )
    return (
        f"{opening}{signs} Each is the change in {moved} when its column rises by one standard "
        f"deviation (SD) and the others stay.{bars}"
    )


def convergence(id: str, history: Sequence[Record], tol: float) -> Figure:
    """The relative gap against the iteration, on a log axis; one record is a sentence."""
    title = "Relative gap against iteration"
    if not history:
        return Figure(id, title, "The solver kept no history.")
    last = history[-1]
    if len(history) == 1:
        words = (
            f"The gap was computed once, after {count(last.iteration, 'iteration')}: a relative "
            f"gap of {size(last.relative_gap)}. There is no curve to draw."
        )
        return Figure(id, title, words)
    kept = _thinned(history)
    gaps = np.array([record.relative_gap for record in kept], dtype=float)
    drawn = np.where(gaps > LEAST_GAP, gaps, LEAST_GAP)
    drawn[~np.isfinite(gaps)] = np.nan
    steps = [int(record.iteration) for record in kept]
    path = line(steps, drawn, "relative gap")
    path.update({"mode": "lines+markers", "line": {"width": 2, "color": "@accent"}})
    path["marker"] = {"size": 5 if len(kept) < 60 else 3, "color": "@accent"}
    path["hovertemplate"] = "iteration %{x}<br>relative gap %{y:.2e}<extra></extra>"
    goal = line([steps[0], steps[-1]], [tol, tol], "tolerance")
    words = (
        f"{count(len(history), 'record')}, from {size(history[0].relative_gap)} at iteration "
        f"{count(history[0].iteration)} to {size(last.relative_gap)} at iteration "
        f"{count(last.iteration)}. The dashed line is the tolerance, {size(tol)}."
    )
    if (gaps <= LEAST_GAP).any():
        words += f" Smaller gaps than {size(LEAST_GAP)} are drawn there."
    yaxis = {
        "title": {"text": "relative gap"},
        "type": "log",
        "exponentformat": "power",
        "showexponent": "all",
        "dtick": max(1, math.ceil(_decades(drawn, tol) / 7)),
    }
    frame = layout({"title": {"text": "iteration"}}, yaxis, legend=True)
    return Figure(id, title, words, (path, goal), frame)


def _decades(gaps: Any, tol: float) -> float:
    values = np.append(gaps[np.isfinite(gaps)], tol if tol > 0 else LEAST_GAP)
    return float(np.log10(values.max()) - np.log10(values.min()))


def _thinned(history: Sequence[Record]) -> list[Record]:
    if len(history) <= MOST_RECORDS:
        return list(history)
    places = np.unique(np.geomspace(1, len(history), MOST_RECORDS).astype(int)) - 1
    return [history[int(place)] for place in places]
