"""The plots of several quantiles: coefficients along q, and predictions beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leastwise.report.figure import Figure, axis, layout, line, plain, points
from leastwise.report.path_plots import HEIGHT, MOST_CURVES, MOST_NAMED, hue, names_at_ends, stroke
from leastwise.report.words import count, in_plot, listed, number, share, short

if TYPE_CHECKING:
    from leastwise.inference import Inference
    from leastwise.report.diagnostics import Residuals

Float = NDArray[np.float64]

DRAWN = 7  # quantiles whose predictions are drawn, as many as there are colours
POINTS = 1000  # rows whose predictions are drawn
Q_AXIS = {"title": {"text": "q"}, "range": [0.0, 1.0]}


def process(id: str, q: Float, of: Sequence[Inference]) -> Figure:
    """Coefficients per standard deviation against the quantile, their names at their ends."""
    title = "Coefficients by quantile"
    effect = np.array([one.per_sd for one in of], dtype=float).T
    size = np.where(np.isfinite(effect), np.abs(effect), 0.0).max(axis=1)
    order = [int(j) for j in np.argsort(-size, kind="stable") if size[j] > 0.0]
    if not order:
        return Figure(id, title, "No coefficient differs from zero at any quantile.")
    names = of[0].names
    chosen = order[:MOST_CURVES]
    curves: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "text": in_plot(names[j], 60),
            "x": plain(q),
            "y": plain(effect[j]),
            "line": stroke(at, 1.8) if at < MOST_NAMED else {"width": 1.0, "color": "@muted"},
            "marker": {"size": 5},
            "hovertemplate": "%{text}<br>q = %{x:.4g}<br>%{y:.4g} per SD<extra></extra>",
            "showlegend": False,
        }
        for at, j in enumerate(chosen)
    ]
    low, high = float(effect[chosen].min()), float(effect[chosen].max())
    pad = 0.04 * (high - low) or 0.5 * abs(high)
    ends = [low - pad, high + pad]
    frame = layout(
        {**Q_AXIS, "range": _around(q)},
        {**axis(effect[chosen], "coefficient per SD"), "range": ends, "zeroline": True},
        height=HEIGHT,
        legend=False,
    )
    frame["names"] = names_at_ends(names, effect, chosen[:MOST_NAMED], ends)
    spread = sorted(order, key=lambda j: -float(np.ptp(effect[j])))[:3]
    moving = listed(
        f"{short(names[j], 40)} (from {number(effect[j, 0], 3)} to {number(effect[j, -1], 3)})"
        for j in spread
    )
    words = (
        f"From q = {q[0]:g} to q = {q[-1]:g} those that change most are {moving}. Each is the "
        "change in the quantile for one standard deviation (SD) of its column; under noise of one "
        "shape and size everywhere, all curves but the intercept's would be flat."
    )
    if len(order) > MOST_NAMED:
        words += f" The {MOST_NAMED} largest are named."
    return Figure(id, title, words, tuple(curves), frame)


def alone(id: str, q: Float, of: Sequence[Inference], j: int) -> Figure:
    """One coefficient in raw units against the quantile, with its 95 % intervals."""
    name = of[0].names[j]
    coef = np.array([one.coef[j] for one in of])
    curve = points(q, coef, "q = %{x:.4g}<br>%{y:.5g}<extra></extra>")
    curve |= {"mode": "lines+markers", "line": {"width": 1.8, "color": "@accent"}}
    curve["marker"] |= {"opacity": 1.0}
    low, high = (
        np.array([getattr(one, end)[j] if getattr(one, end) is not None else np.nan for one in of])
        for end in ("low", "high")
    )
    traces = [curve]
    words = f"From {number(coef[0], 4)} at q = {q[0]:g} to {number(coef[-1], 4)} at q = {q[-1]:g}."
    if np.isfinite(low).any():
        traces += [line(q, end, "95% interval") | {"showlegend": False} for end in (low, high)]
        at = int(np.argmax(coef))
        least = int(np.argmin(coef))
        words += " The dashed lines are 95% intervals, each of its quantile alone"
        apart = low[at] > high[least]
        words += f"; those of q = {q[least]:g} and q = {q[at]:g} do not overlap." if apart else "."
    every = np.concatenate([coef, low, high])
    yaxis = {**axis(every, "coefficient"), "zeroline": True}
    frame = layout({**Q_AXIS, "range": _around(q)}, yaxis, legend=False)
    return Figure(id, short(name, 60), words, tuple(traces), frame)


def predictions(id: str, q: Float, parts: Sequence[Residuals], sample: str) -> Figure:
    """Observed values and predictions of some quantiles against that nearest to the median."""
    title = "Predictions"
    middle = int(np.argmin(np.abs(q - 0.5)))
    rows = some(parts[0].observed.size)
    x, observed = parts[middle].fitted[rows], parts[middle].observed[rows]
    if not rows.size or not np.isfinite(x).all():
        return Figure(id, title, "There is no row with finite predictions to draw.")
    traces = [points(x, observed, "observed %{y:.5g}<extra></extra>")]
    traces[0]["marker"] |= {"color": "@muted", "opacity": 0.45, "size": 4}
    traces[0] |= {"name": "observed", "showlegend": True}
    drawn = np.unique(np.linspace(0, q.size - 1, min(DRAWN, q.size)).round().astype(int))
    for at, k in enumerate(drawn):
        y = parts[k].fitted[rows]
        cloud = points(x, y, f"q = {q[k]:g}: %{{y:.5g}}<extra></extra>")
        cloud["marker"] |= {"color": hue(at), "opacity": 0.8, "size": 4}
        traces.append(cloud | {"name": f"q = {q[k]:g}", "showlegend": True})
    outer = parts[-1].fitted[rows] - parts[0].fitted[rows]
    words = (
        f"{sample} From q = {q[0]:g} to q = {q[-1]:g} the predictions of a row span "
        f"{number(np.median(outer), 3)} in the middle of the rows, between "
        f"{number(outer.min(), 3)} and {number(outer.max(), 3)}."
    )
    if drawn.size < q.size:
        words += f" {count(drawn.size)} of {count(q.size)} quantiles are drawn."
    frame = layout(
        axis(x, f"prediction of q = {q[middle]:g}"),
        axis(np.concatenate([observed, *(parts[k].fitted[rows] for k in drawn)]), "value"),
        height=HEIGHT,
    )
    return Figure(id, title, words, tuple(traces), frame)


def some(shown: int) -> NDArray[np.intp]:
    """Which rows of a sample are drawn."""
    return np.arange(0, shown, max(1, -(-shown // POINTS)))


def reached(id: str, q: Float, parts: Sequence[Residuals], of: str) -> Figure:
    """The share of rows below each prediction against q; on the dashed line they are equal."""
    title = "Rows below the predictions"
    below = np.array([part.negative for part in parts])
    cloud = points(q, below, "q = %{x:.4g}<br>below %{y:.2%}<extra></extra>")
    cloud["marker"] |= {"opacity": 1.0, "size": 7}
    worst = int(np.argmax(np.abs(below - q)))
    words = (
        f"The share of all {of} whose value lies below the prediction should be q, but for the "
        f"rows that are met exactly; it is farthest from it at q = {q[worst]:g}, where it is "
        f"{share(float(below[worst]))}. On rows that the fit did not see it can differ more."
    )
    ends = [0.0, 1.0]
    traces = (cloud, line(ends, ends, "share = q"))
    yaxis = {"title": {"text": f"share of {of} below"}, "range": ends, "tickformat": ".0%"}
    return Figure(id, title, words, traces, layout(Q_AXIS, yaxis))


def _around(q: Float) -> list[float]:
    pad = 0.03 * max(float(q[-1] - q[0]), 0.01)
    return [float(q[0]) - pad, float(q[-1]) + pad]
