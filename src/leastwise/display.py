"""The plot of a path: a curve a coefficient, the largest of them named where they end.

Matplotlib is imported when a plot is drawn, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import UsageError

if TYPE_CHECKING:
    from leastwise.path_result import Path

Float = NDArray[np.float64]

QUIET = "#b8bec6"  # curves without a name
MARK = "#444444"
STROKES = ("-", "--", ":", "-.")
LINE_HEIGHT = 1.3  # of the font size, from one name to the next
AXES = {
    "strength": "strength of the penalty",
    "norm": "sum of |coefficients|",
    "df": "degrees of freedom",
}


class PathDisplay:
    """A path drawn with matplotlib, in the manner of scikit-learn's displays.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    ax_ : matplotlib Axes ; figure_ : the Figure they are in
    lines_ : dict of name -> Line2D, one for each column that ever has a coefficient
    labels_ : list of Annotation, the names at the curves' ends
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def plot(
        self,
        x: str = "strength",
        *,
        ax: Any = None,
        names: int = 10,
        chosen: Mapping[str, float] | None = None,
    ) -> PathDisplay:
        """Draw it; the arguments are those of `Path.plot`."""
        if x not in AXES:
            raise UsageError(f"unknown axis {x!r}; there is {', '.join(AXES)}")
        if names < 0:
            raise UsageError(f"names is how many curves are named, at least 0, not {names}")
        path = self.path
        marked: dict[int, list[str]] = {}
        for label, strength in (chosen or {}).items():
            marked.setdefault(path.at(strength), []).append(label)
        if ax is None:
            ax = _pyplot().subplots(layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        along = self._along(x)
        drawn = np.flatnonzero(path.coef.any(axis=1))
        last = np.abs(path.coef[drawn, -1])
        room = int(_height(ax) // _line())
        largest = [j for j in np.argsort(-last, kind="stable") if last[j] > 0.0]
        named = drawn[largest[: min(names, room)]].tolist()
        quiet = [int(j) for j in drawn if j not in set(named)]
        self.lines_: dict[str, Any] = {}
        for j in quiet:
            (line,) = ax.plot(along, path.coef[j], color=QUIET, linewidth=0.8, zorder=1.5)
            self.lines_[path.columns[j]] = line
        for place, j in enumerate(named):
            (line,) = ax.plot(along, path.coef[j], linewidth=1.6, **_look(place))
            self.lines_[path.columns[j]] = line
        ax.axhline(0.0, color=MARK, linewidth=0.6, zorder=1)
        ax.set(xlabel=AXES[x], ylabel=f"coefficients for {path.target}")
        if along.min() < along.max():
            ax.set_xlim(along[0], along[-1])
        for number, place in enumerate(sorted(marked)):
            self._mark(", ".join(marked[place]), along[place], number % 2)
        self.labels_ = self._names(named, along[-1])
        return self

    def _along(self, x: str) -> Float:
        """(K,) where each strength stands, from left to right."""
        path, ax = self.path, self.ax_
        if x == "norm":
            return np.abs(path.coef).sum(axis=0)
        if x == "df":
            return path.degrees_of_freedom
        if path.strengths[-1] > 0.0:
            ax.set_xscale("log")
        elif path.strengths[0] > 0.0:  # a strength of zero has a place next to the smallest
            ax.set_xscale("symlog", linthresh=path.strengths[path.strengths > 0.0][-1])
        return path.strengths

    def _mark(self, label: str, x: float, raised: int) -> None:
        self.ax_.axvline(x, color=MARK, linewidth=1.0, linestyle="--", zorder=1)
        self.ax_.annotate(
            label,
            (x, 1.0),
            (0.0, 3.0 + raised * _line()),  # neighbours may be close together
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            color=MARK,
            annotation_clip=False,
        )

    def _names(self, named: list[int], x: float) -> list[Any]:
        """The names right of the axes, each as near to its curve's end as the others let it."""
        ax = self.ax_
        ends = self.path.coef[named, -1]
        lower, upper = ax.get_ylim()
        ax.set_ylim(lower, upper)  # the names stay where the curves end
        places = spread((ends - lower) / (upper - lower), _line() / _height(ax))
        return [
            ax.annotate(
                self.path.columns[j],
                (x, end),
                (1.04, place),
                textcoords="axes fraction",
                va="center",
                color=self.lines_[self.path.columns[j]].get_color(),
                annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.6, "shrinkB": 0},
            )
            for j, end, place in zip(named, ends, places, strict=True)
        ]


def spread(wanted: Float, least: float) -> Float:
    """Places in [0, 1] at least `least` apart and as near to those wanted as that allows.

    The least squares among them: with d_i = place_i - i least, an isotonic regression, by pooling
    adjacent violators (Ayer et al. 1955).

    Examples
    --------
    >>> spread(np.array([0.5, 0.5, 0.9]), 0.1)
    array([0.45, 0.55, 0.9 ])
    """
    order = np.argsort(wanted, kind="stable")
    steps = least * np.arange(wanted.size)
    pools: list[tuple[float, int]] = []
    for d in wanted[order] - steps:
        mean, count = float(d), 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean = (mean * count + before * many) / (count + many)
            count += many
        pools.append((mean, count))
    level = np.repeat([mean for mean, _ in pools], [count for _, count in pools])
    most = max(1.0 - least * (wanted.size - 1), 0.0)
    places = np.empty_like(wanted)
    places[order] = np.clip(level, 0.0, most) + steps
    return places


def _look(place: int) -> dict[str, str]:
    """A colour of matplotlib's cycle, and once that is through, the next kind of line."""
    import matplotlib

    again, colour = divmod(place, len(matplotlib.rcParams["axes.prop_cycle"]))
    return {"color": f"C{colour}", "linestyle": STROKES[again % len(STROKES)]}


def _line() -> float:
    """The height of a line of names, in points."""
    import matplotlib
    from matplotlib.font_manager import FontProperties

    return LINE_HEIGHT * FontProperties(size=matplotlib.rcParams["font.size"]).get_size_in_points()


def _height(ax: Any) -> float:
    """The height of the axes, in points."""
    return 72.0 * ax.get_position().height * ax.figure.get_figheight()


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError:
        raise UsageError(
            "a plot needs matplotlib, which is not installed: pip install 'leastwise[plot]'"
        ) from None
    return pyplot
