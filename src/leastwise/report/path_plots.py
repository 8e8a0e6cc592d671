"""The plots of a path: coefficients with their names, and what each strength is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leastwise.criteria import CRITERIA, has_likelihood
from leastwise.joint_path import JointPath
from leastwise.report.figure import Axis, Figure, axis, layout, line, plain
from leastwise.report.paths import moved, share_name
from leastwise.report.plots import LEAST_GAP
from leastwise.report.shared import MOST_TARGETS
from leastwise.report.words import clean, count, in_plot, listed, number, short, size

if TYPE_CHECKING:
    from leastwise.model.along import Paths
    from leastwise.path_result import Path

Float = NDArray[np.float64]

HUES = 7  # --line-0 to --line-6 of the style
MOST_CURVES, MOST_NAMED = 60, 14
HEIGHT = 460
ROOM, LETTER = 340.0, 15.0  # pixels of that figure's vertical axis, at least, and of a name
ALONE = "There is one strength, and so there is nothing to draw."
DASHES = ("dash", "dot", "dashdot", "longdash")


def hue(place: int) -> str:
    """One of the style's colours for lines."""
    return f"@line-{place % HUES}"


def stroke(place: int, width: float) -> dict[str, Any]:
    """A line's colour, and dashes once the colours are through: no two lines look the same."""
    again = place // HUES
    dash = {"dash": DASHES[(again - 1) % len(DASHES)]} if again else {}
    return {"width": width, "color": hue(place), **dash}


def strength_axis(strengths: Float) -> Axis:
    """A log axis from the largest strength, where the path begins, to the smallest."""
    least, most = float(strengths.min()), float(strengths.max())
    ends = math.log10(most), math.log10(least)
    decades = ends[0] - ends[1]
    pad = 0.02 * max(decades, 0.1)
    axis: Axis = {
        "title": {"text": "strength"},
        "type": "log",
        "range": [ends[0] + pad, ends[1] - pad],
    }
    if decades > 1.0:
        axis["dtick"] = math.ceil(decades / 6.0)
    if least >= 1e-4 and most < 1e12:
        return axis | {"tickformat": "~s" if least >= 1.0 else ",.12~g"}
    return axis | {"exponentformat": "power", "showexponent": "all"}


def of_outputs(
    id: str, path: Path, of: Paths, marks: Mapping[str, float], alone: str, each: str
) -> tuple[Figure, ...]:
    """`coefficients` of a path, or of each of the outputs that it joins.

    The title is `alone`, or `each` with the output's name in the place of {}.
    """
    if not isinstance(path, JointPath):
        return (coefficients(id, path, of.sd, marks, title=alone),)
    names = of.outputs[:MOST_TARGETS]
    return tuple(
        coefficients(
            f"{id}-{k}", path.alone(k), of.sd, marks, title=each.format(clean(name)), output=name
        )
        for k, name in enumerate(names)
    )


def coefficients(
    id: str,
    path: Path,
    sd: Float,
    marks: Mapping[str, float],
    *,
    title: str,
    norm: bool = False,
    output: str = "",
) -> Figure:
    """Coefficients per standard deviation against the strength, their names at their ends.

    Parameters
    ----------
    sd : (p,) standard deviations of the columns
    marks : name -> strength of a vertical line
    norm : against the sum of absolute coefficients per standard deviation instead
    output : the class that the coefficients are of, if there are several
    """
    drawn = path.strengths > 0.0
    if drawn.sum() < 2:
        return Figure(id, title, ALONE)
    effect = path.coef[:, drawn] * sd[:, None]
    order = np.argsort(-np.abs(effect).max(axis=1), kind="stable")
    order = [int(j) for j in order if effect[j].any()]
    if not order:
        return Figure(id, title, "No coefficient differs from zero at any strength.")
    strengths = path.strengths[drawn]
    x = np.abs(effect).sum(axis=0) if norm else strengths
    chosen = order[:MOST_CURVES]
    curves: list[dict[str, Any]] = []
    for at, j in enumerate(chosen):
        named = at < MOST_NAMED
        look = stroke(at, 1.8) if named else {"width": 1.0, "color": "@muted"}
        name = in_plot(path.columns[j], 60)
        curves.append(_curve(x, effect[j], name, look, strengths, norm=norm))
    low, high = float(effect[chosen].min()), float(effect[chosen].max())
    pad = 0.04 * (high - low)
    ends = [low - pad, high + pad]
    if not norm:
        curves += _marks(marks, ends)
    frame = layout(
        {**axis(x, "sum of |coefficient| per SD"), "range": [0.0, float(x.max())]}
        if norm
        else strength_axis(strengths),
        {**axis(effect[chosen], "coefficient per SD"), "range": ends, "zeroline": True},
        height=HEIGHT,
        legend=bool(marks) and not norm,
    )
    frame["names"] = names_at_ends(path.columns, effect, chosen[:MOST_NAMED], ends)
    words = _words(path, effect, order, drawn, moved(path.loss, short(output, 60)), norm=norm)
    return Figure(id, title, words, tuple(curves), frame)


def _curve(
    x: Float, effect: Float, name: str, look: dict[str, Any], strengths: Float, *, norm: bool
) -> dict[str, Any]:
    at = "strength %{customdata:.4g}" if norm else "strength %{x:.4g}"
    curve: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "text": name,
        "x": plain(x),
        "y": plain(effect),
        "line": look,
        "hovertemplate": f"%{{text}}<br>{at}<br>%{{y:.4g}} per SD<extra></extra>",
        "showlegend": False,
    }
    return curve | {"customdata": plain(strengths)} if norm else curve


def _marks(marks: Mapping[str, float], ends: list[float]) -> list[dict[str, Any]]:
    """A vertical line for each strength, which the names of one strength share."""
    shared: dict[float, list[str]] = {}
    for name, strength in marks.items():
        shared.setdefault(float(strength), []).append(name)
    lines: list[dict[str, Any]] = []
    for at, (strength, names) in enumerate(shared.items()):
        mark = line([strength, strength], ends, listed(names))
        mark["line"] = {"width": 1.2, "color": "@ink", "dash": DASHES[at % len(DASHES)]}
        lines.append(mark)
    return lines


def names_at_ends(
    columns: Sequence[str], effect: Float, chosen: list[int], ends: list[float]
) -> list[dict[str, Any]]:
    """Where the names stand: at the ends of their curves, pushed apart so far as they must be."""
    least = LETTER / ROOM * (ends[1] - ends[0])
    order = sorted(range(len(chosen)), key=lambda at: -effect[chosen[at], -1])
    places: list[float] = []
    for at in order:
        y = float(effect[chosen[at], -1])
        places.append(min(y, places[-1] - least) if places else y)
    floor = ends[0] + 0.5 * least
    for at in reversed(range(len(places))):
        places[at] = max(places[at], floor)
        floor = places[at] + least
    return [
        {
            "y": float(f"{y:.6g}"),
            "text": in_plot(columns[chosen[at]], 26),
            "short": in_plot(columns[chosen[at]], 13),
            "color": hue(at),
        }
        for at, y in zip(order, places, strict=True)
    ]


def _words(
    path: Path,
    effect: Float,
    order: list[int],
    drawn: NDArray[np.bool_],
    moved: str,
    *,
    norm: bool,
) -> str:
    entered = [(int(np.argmax(effect[j] != 0.0)), j) for j in order]
    first = [short(path.columns[j], 40) for _, j in sorted(entered)[:3]]
    ever = "ever differs" if len(order) == 1 else "ever differ"
    words = (
        f"{count(len(order), 'column')} of {count(len(path.columns))} {ever} from zero; the first "
        f"to enter: {listed(first)}."
    )
    largest = [f"{short(path.columns[j], 40)} ({number(effect[j, -1], 3)})" for j in order[:3]]
    words += f" At the end of the path the largest are {listed(largest)}." if not norm else ""
    words += f" Each is the change in {moved} for one standard deviation (SD) of its column."
    if len(order) > MOST_CURVES:
        words += f" The {MOST_CURVES} largest are drawn."
    if len(order) > MOST_NAMED:
        words += f" The {MOST_NAMED} largest are named."
    if not drawn.all() and not norm:
        words += " A strength of zero has no place on this axis."
    return words


def quality(id: str, path: Path) -> Figure:
    """R2, or the share of the loss explained, on the rows used against the strength."""
    r2, name = path.r2, share_name(path.loss)
    finite = r2[np.isfinite(r2)]
    if not finite.size:
        return Figure(id, name, f"{name} is not defined: the target does not vary.")
    first, last = number(finite[0], 3), number(finite[-1], 3)
    rises = f"rises from {first} to {last}" if first != last else f"is {last}"
    words = f"{name} on the rows used {rises}; on rows that the fit did not see it can fall."
    return _along(id, name, path, {name: r2}, name, words)


def freedom(id: str, path: Path) -> Figure:
    """Degrees of freedom and non-zero coefficients against the strength."""
    df = path.degrees_of_freedom
    words = (
        f"From {number(df[0], 4)} to {number(df[-1], 4)}, without the intercept: the effective "
        "number of coefficients that are fitted."
    )
    values = {"degrees of freedom": df, "non-zero coefficients": path.active.astype(float)}
    return _along(id, "Degrees of freedom", path, values, "number", words)


def criteria(id: str, path: Path) -> Figure:
    """AIC, BIC and EBIC above their least values against the strength."""
    title = "Information criteria"
    values: dict[str, Float] = {}
    chosen: list[str] = []
    for name in CRITERIA if has_likelihood(path.loss) else ():
        found = path.criterion(name)
        if np.isfinite(found).any():
            at = int(np.argmin(found))
            values[name.upper()] = np.where(np.isfinite(found), found - found[at], np.nan)
            chosen.append(
                f"{name.upper()} at strength {number(path.strengths[at], 4)} "
                f"({count(path.active[at], 'non-zero coefficient')})"
            )
    if not values:
        return Figure(id, title, "Every fit is saturated, and no criterion can choose.")
    words = (
        f"Least are {listed(chosen)}. Drawn is how far each lies above its least value: a "
        "difference below 2 says little."
    )
    return _along(id, title, path, values, "above its least", words)


def gaps(id: str, path: Path) -> Figure:
    """The relative gap of every strength, on log axes, with the tolerance."""
    found = np.where(path.gaps > LEAST_GAP, path.gaps, LEAST_GAP)
    worst = float(np.nanmax(found)) if np.isfinite(found).any() else math.nan
    good = int(path.converged.sum())
    words = (
        f"{count(good)} of {count(path.gaps.size, 'strength')} certified; the largest relative gap "
        f"is {size(worst)}. The dashed line is the tolerance, {size(path.tol)}."
    )
    if (path.gaps <= LEAST_GAP).any():
        words += f" Smaller gaps than {size(LEAST_GAP)} are drawn there."
    figure = _along(id, "Relative gaps", path, {"relative gap": found}, "relative gap", words)
    if not figure.data or figure.layout is None:
        return figure
    ends = path.strengths[path.strengths > 0.0][[0, -1]]
    goal = line(ends, [path.tol, path.tol], "tolerance")
    curve = figure.data[0] | {"mode": "markers", "marker": {"size": 5, "color": hue(0)}}
    finite = np.append(found[np.isfinite(found)], max(path.tol, LEAST_GAP))
    decades = float(np.log10(finite.max() / finite.min()))
    yaxis = {
        "title": {"text": "relative gap"},
        "type": "log",
        "exponentformat": "power",
        "showexponent": "all",
        "dtick": max(1, math.ceil(decades / 6)),
    }
    frame = figure.layout | {"yaxis": yaxis, "showlegend": True}
    return Figure(id, figure.title, words, (curve, goal) if path.tol > 0.0 else (curve,), frame)


def _along(
    id: str, title: str, path: Path, values: Mapping[str, Float], unit: str, words: str
) -> Figure:
    """Lines against the strength."""
    drawn = path.strengths > 0.0
    if drawn.sum() < 2:
        return Figure(id, title, f"{words} {ALONE}")
    strengths = path.strengths[drawn]
    lines: list[dict[str, Any]] = []
    for at, (name, found) in enumerate(values.items()):
        one = line(strengths, found[drawn], name)
        one["line"] = {"width": 2, "color": hue(at)} | ({"dash": "dash"} if at else {})
        one["hoverinfo"] = "all"
        one["hovertemplate"] = f"strength %{{x:.4g}}<br>{name} %{{y:.4g}}<extra></extra>"
        lines.append(one)
    every = np.concatenate([found[drawn] for found in values.values()])
    frame = layout(strength_axis(strengths), axis(every, unit), legend=len(lines) > 1)
    return Figure(id, title, words, tuple(lines), frame)
