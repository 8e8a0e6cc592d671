"""The plots of predicted classes, and their table: calibration, ROC, precision, confusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.report.figure import Figure, layout, line
from leastwise.report.path_plots import stroke
from leastwise.report.tables import Cell
from leastwise.report.words import clean, count, in_plot, listed, number, r_squared, share, short

if TYPE_CHECKING:
    from leastwise.report.classes import Judged, Ranked

SIDE = {"range": [-0.02, 1.02], "tickformat": ".1~f"}
OTHERS = "all other classes"


@dataclass(frozen=True)
class Confusion:
    """The table: heads, and of each true class its cells, in counts (weight) and in shares."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Cell, str], ...]], ...]


@dataclass(frozen=True)
class Part:
    """What the page says of one target's classes."""

    id: str
    name: str
    words: str
    figures: tuple[Figure, ...]
    confusion: Confusion


def part(id: str, found: Judged) -> Part:
    """The three plots, the table, and the rows they are of."""
    figures = (
        _calibration(f"{id}-calibration", found),
        _roc(f"{id}-roc", found),
        _precision(f"{id}-precision", found),
    )
    return Part(id, clean(found.name), _opening(found), figures, _confusion(found))


def _opening(found: Judged) -> str:
    words = f"Of the {count(found.rows, 'row')} given"
    if found.finite < found.rows:
        words += f", the {count(found.finite)} whose probabilities are finite"
    words += ", each counted by its weight" if found.weighted else ""
    words += "."
    if found.ranked and found.classes == 2:
        only = found.ranked[0]
        words += (
            f" The probabilities are those of {_named(found, only)}, which "
            f"{share(only.share)} of the {_unit(found)} are."
        )
    elif found.ranked:
        words += " Each class is set against all others taken together."
        left = found.classes - len(found.ranked)
        if left:
            words += (
                f" The {count(len(found.ranked))} classes of most {_unit(found)} are drawn; "
                f"{count(left)} more are not."
            )
    return words


def _calibration(id: str, found: Judged) -> Figure:
    title = "Calibration"
    if not found.ranked:
        return _nothing(id, title)
    traces = [line([0, 1], [0, 1], "observed = predicted")]
    for place, one in enumerate(found.ranked):
        trace = _curve(found, place, one.predicted, one.observed)
        trace["mode"] = "lines+markers"
        trace["marker"] = {"size": 7, "color": trace["line"]["color"]}
        trace["text"] = [count(rows, "row") for rows in one.counts]
        name = in_plot(_plain_name(found, one), 40)
        trace["hovertemplate"] = (
            f"{name}<br>predicted %{{x:.4f}}<br>observed %{{y:.4f}}<br>%{{text}}<extra></extra>"
        )
        traces.append(trace)
    sizes = np.concatenate([one.counts for one in found.ranked])
    bins = [one.counts.size for one in found.ranked]
    each = f"{count(sizes.min())} to {count(sizes.max(), 'row')}"
    each = count(sizes.max(), "row") if sizes.min() == sizes.max() else each
    many = count(max(bins), "bin")
    if min(bins) < max(bins):
        many = f"{min(bins)} to {many}"
    ranked, place = _farthest(found.ranked)
    of = "" if len(found.ranked) == 1 else f" for {_named(found, ranked)}"
    words = (
        f"Mean predicted probability and observed share in {many} of {each}, between the quantiles "
        f"of the probability. The two are farthest apart{of} at a predicted "
        f"{number(ranked.predicted[place], 3)}, where the observed share of "
        f"{count(ranked.counts[place], 'row')} is {number(ranked.observed[place], 3)}."
    )
    return _square(id, title, words, traces, "predicted probability", "observed share")


def _farthest(ranked: Sequence[Ranked]) -> tuple[Ranked, int]:
    apart = [np.abs(one.observed - one.predicted) for one in ranked]
    worst = int(np.argmax([values.max() for values in apart]))
    return ranked[worst], int(np.argmax(apart[worst]))


def _roc(id: str, found: Judged) -> Figure:
    title = "ROC curve"
    drawn = [(k, one) for k, one in enumerate(found.ranked) if math.isfinite(one.auc)]
    if not drawn:
        return _nothing(id, title, found)
    traces = [line([0, 1], [0, 1], "AUC 0.5")]
    for place, one in drawn:
        trace = _curve(found, place, one.false, one.recall)
        trace["hovertemplate"] = "false %{x:.4f}<br>true %{y:.4f}<extra></extra>"
        traces.append(trace)
    words = (
        "The share of the class that is found against the share of the others that is taken for "
        "it, as the threshold of the probability falls. The area under the curve (AUC) is "
        f"{_values(found, drawn, 'auc')}; on the dashed line it is 0.5.{_thinned(drawn)}"
    )
    return _square(id, title, words, traces, "false positive rate", "true positive rate")


def _precision(id: str, found: Judged) -> Figure:
    title = "Precision and recall"
    drawn = [(k, one) for k, one in enumerate(found.ranked) if math.isfinite(one.auc)]
    if not drawn:
        return _nothing(id, title, found)
    traces: list[dict[str, Any]] = []
    if len(drawn) == 1:
        base = drawn[0][1].share
        traces.append(line([0, 1], [base, base], "share of the class"))
    for place, one in drawn:
        trace = _curve(found, place, one.recall, one.precision)
        trace["line"]["shape"] = "vh"
        trace["hovertemplate"] = "recall %{x:.4f}<br>precision %{y:.4f}<extra></extra>"
        traces.append(trace)
    words = (
        "Precision is the share of those taken for the class that are of it, recall the share of "
        f"the class that is found. The average precision is "
        f"{_values(found, drawn, 'average_precision')}."
    )
    if len(drawn) == 1:
        words += f" The dashed line is the share of the class, {share(drawn[0][1].share)}."
    words += _thinned(drawn)
    return _square(id, title, words, traces, "recall", "precision")


def _confusion(found: Judged) -> Confusion:
    labels = tuple(OTHERS if label is None else clean(label) for label in found.labels)
    total = found.confusion.sum(axis=1)
    rows: list[tuple[str, tuple[tuple[Cell, str], ...]]] = []
    for j, label in enumerate(labels):
        shares = found.confusion[j] / total[j] if total[j] > 0.0 else None
        cells = [
            (_amount(value), "" if shares is None else share(float(shares[k])))
            for k, value in enumerate(found.confusion[j])
        ]
        whole = total.sum()
        cells.append((_amount(total[j]), share(float(total[j] / whole)) if whole > 0.0 else ""))
        rows.append((label, tuple(cells)))
    unit = "Weight" if found.weighted else "Count"
    caption = (
        f"{unit} of rows by true class (down) and likeliest class (across), with its share of the "
        "true class; the last column is the whole class, with its share of all."
    )
    return Confusion(caption, (*labels, "All"), tuple(rows))


def _amount(value: float) -> Cell:
    whole = float(value).is_integer() and abs(value) < 1e15
    return Cell(count(value) if whole else number(value, 5), f"{float(value):.12g}")


def _curve(found: Judged, place: int, x: Any, y: Any) -> dict[str, Any]:
    trace = line(x, y, in_plot(_plain_name(found, found.ranked[place])))
    trace["line"] = stroke(place, 2.0)
    trace["hoverinfo"] = "all"
    return trace


def _values(found: Judged, drawn: Sequence[tuple[int, Ranked]], field: str) -> str:
    """The one number, or each class's own."""
    if len(found.ranked) == 1:
        return r_squared(getattr(drawn[0][1], field))
    return listed(f"{r_squared(getattr(one, field))} ({_named(found, one)})" for _, one in drawn)


def _thinned(drawn: Sequence[tuple[int, Ranked]]) -> str:
    most, points = max((one.thresholds + 1, one.recall.size) for _, one in drawn)
    if points == most:
        return ""
    if len(drawn) == 1:
        return f" Drawn at {count(points)} of {count(most)} points; the number is of all."
    return (
        f" The curves have up to {count(most)} points, of which up to {count(points)} are drawn; "
        "the numbers are of all."
    )


def _plain_name(found: Judged, one: Ranked) -> str:
    return f"{found.name}={one.label}" if found.name else one.label


def _named(found: Judged, one: Ranked) -> str:
    return short(_plain_name(found, one), 40)


def _unit(found: Judged) -> str:
    return "weight" if found.weighted else "rows"


def _nothing(id: str, title: str, found: Judged | None = None) -> Figure:
    if found is None or not found.ranked:
        return Figure(id, title, "No row has a finite probability, so there is nothing to draw.")
    return Figure(id, title, "The rows are all of one class, so that there is no curve.")


def _square(
    id: str, title: str, words: str, traces: Sequence[dict[str, Any]], x: str, y: str
) -> Figure:
    """Axes from 0 to 1, higher where the legend takes many lines."""
    frame = layout(
        {"title": {"text": x}, **SIDE},
        {"title": {"text": y}, **SIDE},
        height=360 + 22 * (len(traces) // 4),
    )
    return Figure(id, title, words, tuple(traces), frame)
