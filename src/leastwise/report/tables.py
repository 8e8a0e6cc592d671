"""The page's tables: rows of ready text, with the exact value beside it for sorting."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.inference import ratio_digits, ratios
from leastwise.report.words import aligned, clean, count, number, probability

if TYPE_CHECKING:
    from leastwise.encoding import Encoding
    from leastwise.inference import Inference

MOST_ROWS = 500


@dataclass(frozen=True)
class Cell:
    """A number as shown, and its exact text for sorting and for a reader who hovers."""

    text: str
    exact: str


@dataclass(frozen=True)
class Row:
    """A coefficient: the feature it belongs to, the level of that feature, and its numbers."""

    feature: str
    level: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    """Rows under one heading (the levels of a category); without a heading, rows of their own."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Coefficients:
    """The coefficient table: its column heads, groups of rows, how many, and what it leaves out."""

    heads: tuple[str, ...]
    groups: tuple[Group, ...]
    rows: str
    left_out: str


def coefficients(
    inference: Inference, encoding: Encoding | None, most: int = MOST_ROWS, *, ratio: str = ""
) -> Coefficients:
    """The table of one target's coefficients, in the order of the columns.

    Beyond `most` rows only the largest per standard deviation are kept. Under the head `ratio`
    stands exp(coef), and the interval is of it; the intercept has none.
    """
    columns: list[tuple[str, Any, Callable[[Any], str]]] = [
        ("Coefficient", inference.coef, lambda v: number(v, 5, strip=False)),
        ("Per SD", inference.per_sd, lambda v: number(v, 4, strip=False)),
    ]
    if inference.error is not None:
        columns += [
            ("Std. error", inference.error, lambda v: number(v, 3, strip=False)),
            (inference.statistic, inference.t, _decimal),
            ("p", inference.p, probability),
        ]
    low, high, show = inference.low, inference.high, lambda v: number(v, 4, strip=False)
    if ratio:
        columns.append((ratio, ratios(inference, inference.coef), _ratio))
        low, high = (None if end is None else ratios(inference, end) for end in (low, high))
        show = _ratio
    columns += [("95% from", low, show), ("to", high, show)]
    columns = [column for column in columns if column[1] is not None]
    return _table(columns, inference.names, inference.per_sd, encoding, most)


def by_quantile(
    of: Mapping[float, Inference], encoding: Encoding | None, most: int = MOST_ROWS
) -> Coefficients:
    """The table of several quantiles' coefficients, a column a quantile."""
    names = next(iter(of.values())).names
    columns = [
        (f"q = {q:g}", one.coef, lambda v: number(v, 5, strip=False)) for q, one in of.items()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the intercept has no size
        size = np.nanmax(np.abs([one.per_sd for one in of.values()]), axis=0)
    return _table(columns, names, size, encoding, most)


def _table(
    columns: Sequence[tuple[str, Any, Callable[[Any], str]]],
    names: Sequence[str],
    per_sd: Any,
    encoding: Encoding | None,
    most: int,
) -> Coefficients:
    chosen, left_out = _largest(names, per_sd, most)
    cells = [_cells(np.asarray(values)[chosen], show) for _, values, show in columns]
    levels = _levels(encoding)
    groups: list[Group] = []
    current: list[Row] = []
    heading = ""
    for place, j in enumerate(chosen):
        name = names[j]
        feature, level, base = levels.get(name, (clean(name), "", ""))
        title = f"{feature}, against {base}" if name in levels else ""
        if title != heading and current:
            groups.append(Group(heading, tuple(current)))
            current = []
        heading = title
        row = Row(feature, level, tuple(column[place] for column in cells))
        current.append(row)
    if current:
        groups.append(Group(heading, tuple(current)))
    return Coefficients(
        tuple(head for head, _, _ in columns),
        tuple(groups),
        f"{count(len(chosen), 'row')}.",
        left_out,
    )


def _largest(names: Sequence[str], per_sd: Any, most: int) -> tuple[list[int], str]:
    total = len(names)
    if total <= most:
        return list(range(total)), ""
    effect = np.abs(np.asarray(per_sd, dtype=float))
    size = np.where(np.isfinite(effect), effect, -1.0)
    size[np.isnan(effect) & (np.arange(total) == 0)] = np.inf  # the intercept stays
    chosen = np.sort(np.argsort(-size, kind="stable")[:most])
    words = (
        f"The table holds the {count(most)} largest per standard deviation of "
        f"{count(total)} coefficients; the saved model holds them all."
    )
    return [int(j) for j in chosen], words


def _cells(values: Any, show: Callable[[Any], str]) -> list[Cell]:
    texts = aligned([show(value) for value in values])
    return [
        Cell(text, "" if np.isnan(value) else f"{float(value):.12g}")
        for text, value in zip(texts, np.asarray(values, dtype=float), strict=True)
    ]


def _ratio(value: Any) -> str:
    return number(value, ratio_digits(value), strip=False)


def _decimal(value: Any) -> str:
    """A t value: two decimals while it is small, four digits beyond."""
    if abs(value) < 1000:
        return f"{float(value):.2f}".replace("-", "\N{MINUS SIGN}")
    return number(value, 4, strip=False)


def _levels(encoding: Encoding | None) -> dict[str, tuple[str, str, str]]:
    """Encoded name -> (feature, level, base level), of the columns that stand for a level."""
    if encoding is None:
        return {}
    levels: dict[str, tuple[str, str, str]] = {}
    names = iter(encoding.columns)
    for feature in encoding.features:
        own = [next(names) for _ in feature.columns]
        if not feature.levels:
            continue
        base, *others = map(clean, feature.levels)
        for name, level in zip(own, others, strict=True):
            levels[name] = (clean(feature.name), level, base)
    return levels
