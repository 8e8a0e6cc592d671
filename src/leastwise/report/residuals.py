"""The plots of a target's residuals: of squared loss beside a normal distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.losses import Quantile
from leastwise.losses.pinball import Pinball
from leastwise.report.figure import Figure, axis, layout, line, plain, points
from leastwise.report.words import count, number, r_squared, share

if TYPE_CHECKING:
    from leastwise.losses import Loss
    from leastwise.report.diagnostics import Residuals


def checks(prefix: str, part: Residuals, sample: str, of: str, loss: Loss) -> tuple[Figure, ...]:
    """The plots of a fit of `loss`; only squared loss is the likelihood of normal residuals."""
    plots = (
        fitted_observed(f"{prefix}-fitted", part, sample),
        residual_fitted(f"{prefix}-residuals", part, sample, loss, of),
        histogram(f"{prefix}-histogram", part, of, normal=loss.quadratic),
    )
    return (*plots, normal_quantiles(f"{prefix}-normal", part)) if loss.quadratic else plots


def fitted_observed(id: str, part: Residuals, sample: str) -> Figure:
    """The sample's observed values against the fitted ones, with the line where they are equal."""
    title = "Observed against fitted"
    fitted, observed = _finite(part.fitted, part.observed)
    if not fitted.size:
        return Figure(id, title, "No row has a finite fitted value, so there is nothing to draw.")
    ends = [float(min(fitted.min(), observed.min())), float(max(fitted.max(), observed.max()))]
    equal = line(ends, ends, "observed = fitted")
    cloud = points(fitted, observed, "fitted %{x:.5g}<br>observed %{y:.5g}<extra></extra>")
    middle = float(np.corrcoef(fitted, observed)[0, 1]) if _varies(fitted, observed) else math.nan
    words = (
        f"{sample} Fitted values run from {number(fitted.min(), 3)} to {number(fitted.max(), 3)}, "
        f"observed ones from {number(observed.min(), 3)} to {number(observed.max(), 3)}"
    )
    words += "." if math.isnan(middle) else f"; their correlation is {r_squared(middle)}."
    words += " On the dashed line the two are equal."
    return Figure(
        id, title, words, (cloud, equal),
        layout(axis(fitted, "fitted"), axis(observed, "observed")),
    )  # fmt: skip


def residual_fitted(id: str, part: Residuals, sample: str, loss: Loss, of: str) -> Figure:
    """The sample's residuals against its fitted values, with the mean residual of all rows."""
    title = "Residuals against fitted"
    fitted, observed = _finite(part.fitted, part.observed)
    if not fitted.size:
        return Figure(id, title, "No row has a finite residual, so there is nothing to draw.")
    residual = observed - fitted
    cloud = points(fitted, residual, "fitted %{x:.5g}<br>residual %{y:.5g}<extra></extra>")
    traces = [cloud]
    words = f"{sample} {_about_zero(part, loss, of)}"
    if part.trend_mean.size > 1:
        trend = line(part.trend_fitted, part.trend_mean, "mean residual")
        trend.update({"mode": "lines+markers", "marker": {"size": 5, "color": "@ink"}})
        trend["line"] = {"width": 2, "color": "@ink"}
        traces.append(trend)
        worst = int(np.argmax(np.abs(part.trend_mean)))
        words += (
            f" The line is the mean residual of all rows in {part.trend_mean.size} equal groups of "
            f"fitted values; it is farthest from zero at a fitted value near "
            f"{number(part.trend_fitted[worst], 3)}, where it is "
            f"{number(part.trend_mean[worst], 3)}."
        )
    yaxis = {**axis(residual, "residual"), "zeroline": True}
    return Figure(id, title, words, tuple(traces), layout(axis(fitted, "fitted"), yaxis))


def _about_zero(part: Residuals, loss: Loss, of: str) -> str:
    if loss.quadratic:
        return "A fit without pattern scatters evenly about zero."
    words = f"Of all {of}, {share(part.negative)} have a residual below 0"
    if part.zero > 0.0:
        words += f" and {share(part.zero)} one that is 0 but for rounding"
    if isinstance(loss, Quantile):
        return f"{words}; the fit is of the quantile q = {loss.q:g}, {share(loss.q)}."
    if isinstance(loss, Pinball):
        return f"{words}; the fit is of the median, {share(0.5)}."
    return f"{words}."


def histogram(id: str, part: Residuals, of: str, *, normal: bool = True) -> Figure:
    """The residuals' histogram over all rows; `normal` adds the density of the same deviation."""
    title = "Distribution of residuals"
    if not part.shares.size:
        return Figure(id, title, "No row has a finite residual, so there is nothing to draw.")
    centres = 0.5 * (part.edges[1:] + part.edges[:-1])
    width = float(part.edges[1] - part.edges[0])
    bars = {
        "type": "bar",
        "name": f"share of {of}",
        "x": plain(centres),
        "y": plain(part.shares),
        "width": width * 0.94,
        "marker": {"color": "@accent", "line": {"width": 0}},
        "hovertemplate": "near %{x:.4g}: %{y:.2%}<extra></extra>",
    }
    traces = [bars]
    q = part.quantiles
    words = (
        f"All {count(part.finite, 'row')}. Half of the residuals lie between {number(q[2], 3)} and "
        f"{number(q[4], 3)}, nine in ten between {number(q[1], 3)} and {number(q[5], 3)}; the "
        f"extremes are {number(q[0], 3)} and {number(q[6], 3)}."
    )
    if normal and part.deviation > 0 and part.finite > 2:
        x = np.linspace(part.edges[0], part.edges[-1], 121)
        z = (x - part.mean) / part.deviation
        y = np.exp(-0.5 * z * z) * width / (part.deviation * math.sqrt(2 * math.pi))
        traces.append(line(x, y, "normal, same deviation"))
        words += (
            f" The dashed curve is a normal one of the same standard deviation, "
            f"{number(part.deviation, 3)}."
        )
    if part.below > 0 or part.above > 0:
        words += (
            f" Not drawn: {share(part.below)} to the left and {share(part.above)} to the right."
        )
    yaxis = {**axis(part.shares, f"share of {of}"), "tickformat": ".1~%", "rangemode": "tozero"}
    frame = layout({**axis(part.edges, "residual")}, yaxis, legend=len(traces) > 1)
    return Figure(id, title, words, tuple(traces), frame)


def normal_quantiles(id: str, part: Residuals) -> Figure:
    """Residual quantiles against normal ones; normal residuals lie on the dashed line."""
    title = "Normal quantile plot"
    if part.normal.size < 2:
        return Figure(id, title, "Too few finite residuals to compare with a normal distribution.")
    cloud = points(part.normal, part.ordered, "normal %{x:.3f}<br>residual %{y:.4g}<extra></extra>")
    cloud["marker"].update({"opacity": 0.9})
    ends = np.array([part.normal[0], part.normal[-1]])
    normal = line(ends, part.mean + part.deviation * ends, "normal")
    words = f"All {count(part.finite, 'row')}, at {part.normal.size} quantiles."
    if part.deviation > 0:
        lowest = (part.ordered[0] - part.mean) / part.deviation
        highest = (part.ordered[-1] - part.mean) / part.deviation
        words += (
            f" Normal residuals would lie on the dashed line. The most extreme lie "
            f"{number(lowest, 3)} and {number(highest, 3)} standard deviations from the mean, "
            f"where normal ones would lie {number(part.normal[0], 3)} and "
            f"{number(part.normal[-1], 3)}."
        )
    return Figure(
        id, title, words, (cloud, normal),
        layout(axis(part.normal, "normal quantile"), axis(part.ordered, "residual")),
    )  # fmt: skip


def _finite(fitted: Any, observed: Any) -> tuple[Any, Any]:
    good = np.isfinite(fitted) & np.isfinite(observed)
    return fitted[good], observed[good]


def _varies(*vectors: Any) -> bool:
    return all(v.size > 2 and v.std() > 1e-9 * np.abs(v).max() for v in vectors)
