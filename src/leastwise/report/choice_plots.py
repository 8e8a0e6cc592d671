"""The plot of cross-validation: the error of every ratio and strength, and the two choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.report.choosing import curves, error, in_units, measure
from leastwise.report.figure import Figure, axis, layout, line, plain
from leastwise.report.path_plots import ALONE, HEIGHT, hue, strength_axis, stroke
from leastwise.report.words import clean, count, in_plot, number

if TYPE_CHECKING:
    from leastwise.model import Model

LEFT_OUT, ESTIMATED = "Error on rows left out", "Error on new rows, estimated by GCV"
SIGNS = {"min": ("circle", "least error"), "1se": ("diamond", "1-SE rule")}


def errors(id: str, model: Model) -> Figure:
    """The error of each ratio against the strength, with standard errors of the chosen one."""
    found = model.cross_validation
    assert found is not None, "asked of fits that were cross-validated"
    mean, spread = curves(model)
    words, title = _words(model), ESTIMATED if found.route == "gcv" else LEFT_OUT
    drawn = found.strengths > 0.0
    if drawn.sum(axis=1).max() < 2:
        return Figure(id, title, f"{words} {ALONE}")
    unit = f"{measure(model)} ({in_plot(model.targets[0])})" if in_units(model) else measure(model)
    traces: list[dict[str, Any]] = []
    for at, ratio in enumerate(found.l1_ratios):
        kept = drawn[at]
        one = line(found.strengths[at][kept], mean[at][kept], f"l1_ratio {ratio:g}")
        chosen = at == found.chosen[0]
        one["line"] = stroke(at, 2.4 if chosen else 1.4)
        one["hoverinfo"] = "all"
        one["hovertemplate"] = (
            f"l1_ratio {ratio:g}<br>strength %{{x:.4g}}<br>%{{y:.5g}}<extra></extra>"
        )
        if chosen and np.isfinite(spread[at]).any():
            one["error_y"] = {
                "type": "data",
                "array": plain(spread[at][kept]),
                "thickness": 1,
                "width": 0,
                "color": hue(at),
            }
        traces.append(one)
    traces += [
        _sign(rule, found.strengths[at], mean[at])
        for rule, at in found.taken.items()
        if found.strengths[at] > 0.0
    ]
    values = np.concatenate([mean[drawn], (mean + np.nan_to_num(spread))[found.chosen[0]]])
    frame = layout(strength_axis(found.strengths[drawn]), axis(values, unit), height=HEIGHT)
    return Figure(id, title, words, tuple(traces), frame)


def _sign(rule: str, strength: float, value: float) -> dict[str, Any]:
    symbol, words = SIGNS[rule]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": words,
        "x": plain([strength]),
        "y": plain([value]),
        "marker": {
            "size": 12,
            "symbol": symbol,
            "color": "@paper",
            "line": {"width": 2.5, "color": "@ink"},
        },
        "hovertemplate": f"{words}<br>strength %{{x:.4g}}<br>%{{y:.5g}}<extra></extra>",
    }


def _words(model: Model) -> str:
    found = model.cross_validation
    assert found is not None, "asked of fits that were cross-validated"
    ratio, strength = found.l1_ratios[found.chosen[0]], found.strengths[found.minimum]
    words = (
        f"The least {clean(measure(model))}, {error(model, found.minimum)}, is at strength "
        f"{number(strength, 4)} and l1_ratio {found.l1_ratios[found.minimum[0]]:g}"
    )
    if "1se" not in found.taken:
        return f"{words}."
    largest = number(found.strengths[found.one_standard_error], 4)
    words += f"; the largest strength within a standard error of it is {largest}."
    over = count(len(found.folds), "fold") if found.folds else "the rows"
    return f"{words} Bars are one standard error over {over}, for l1_ratio {ratio:g}."
