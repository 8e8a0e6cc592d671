"""What a plot of the page is made of: plain dicts that Plotly.js draws.

No colour stands here: a value such as "@accent" names one of the page's CSS variables, so that
plots follow the page into dark mode and print. Every figure carries its summary in words, which is
its caption and what a screen reader says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Axis = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One plot: `id` in the page, a title, what it shows in words, and Plotly's data and layout.

    Without `data` there is nothing to draw and the summary stands alone.
    """

    id: str
    title: str
    summary: str
    data: tuple[dict[str, Any], ...] = ()
    layout: dict[str, Any] | None = None

    def spec(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {"id": self.id, "data": list(self.data), "layout": self.layout or {}}


def plain(values: Iterable[Any]) -> list[float | None]:
    """Floats of six digits for JSON, which has no nan: None there, and a gap in the plot."""
    return [float(f"{v:.6g}") if math.isfinite(v) else None for v in map(float, values)]


def points(x: Any, y: Any, hover: str) -> dict[str, Any]:
    """A cloud of points; fainter and smaller where there are many."""
    opacity = 0.85 if len(x) <= 200 else 0.45
    return {
        "type": "scatter",
        "mode": "markers",
        "x": plain(x),
        "y": plain(y),
        "marker": {"size": 6 if len(x) <= 200 else 4, "opacity": opacity, "color": "@accent"},
        "hovertemplate": hover,
        "showlegend": False,
    }


def line(x: Any, y: Any, name: str) -> dict[str, Any]:
    """A dashed line, a reference beside the data."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": plain(x),
        "y": plain(y),
        "line": {"width": 1.5, "color": "@ink", "dash": "dash"},
        "hoverinfo": "skip",
    }


def axis(values: Any, title: str) -> Axis:
    """An axis for `values`: how it writes powers, and a range where all are one value."""
    values = np.asarray(values, dtype=float)
    finite = np.abs(values[np.isfinite(values)])
    most = float(finite.max()) if finite.size else 0.0
    axis: Axis = {
        "title": {"text": title},
        "exponentformat": "B" if 1e-3 <= most < 1e12 else "power",
    }
    if finite.size and np.ptp(values[np.isfinite(values)]) <= 1e-12 * most:
        middle = float(values[np.isfinite(values)][0])
        half = 0.5 * abs(middle) or 1.0
        axis["range"] = [middle - half, middle + half]
    return axis


def layout(xaxis: Axis, yaxis: Axis, *, height: int = 340, legend: bool = True) -> dict[str, Any]:
    """Axes, height in pixels and whether to show a legend; the page's script adds the rest."""
    return {"xaxis": xaxis, "yaxis": yaxis, "height": height, "showlegend": legend}
