"""The one way from rows to the paths of their targets, which the command and `lw.path` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.drive import Record
from leastwise.encoding import Encoding
from leastwise.losses import Loss, Squared
from leastwise.model.build import suited, versions
from leastwise.path_result import Path
from leastwise.paths import checked_ratio, follow, grid
from leastwise.penalties import ElasticNet, GroupElasticNet, box
from leastwise.planning import memory_allowed
from leastwise.problem import Problem
from leastwise.solvers import Solver
from leastwise.sources import Source

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Paths:
    """The paths of one or several targets over the same rows, and where these came from.

    Parameters
    ----------
    paths : one a target
    sd : (p,) standard deviations of the columns
    weighted : whether rows had weights ; standardize : whether penalties were in units of `sd`
    encoding : how a table became these columns, or None for plain arrays
    rows_read, rows_used, rows_dropped : where the rows went
    missing : column -> how many values it misses in the rows read
    notes : what was found in the data, in sentences
    command : the command line that repeats the paths
    versions : name -> version of what computed them
    outputs : (k,) names of the targets or classes that one path joins
    """

    paths: tuple[Path, ...]
    sd: Float
    weighted: bool
    standardize: bool
    encoding: Encoding | None
    rows_read: int
    rows_used: int
    rows_dropped: int
    missing: Mapping[str, int]
    notes: tuple[str, ...] = ()
    command: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    outputs: tuple[str, ...] = ()

    def equation(self) -> str:
        """What was minimised at each strength, as a formula.

        Examples
        --------
        >>> from leastwise.sources import MemorySource
        >>> rows = MemorySource(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 5.0])
        >>> path_source(rows, strengths=3).equation()
        'minimise over b, w: (1/n) sum_i 1/2 (y_i - b - x_i·w)^2 + strength sum_j |w_j|'
        """
        path = self.paths[0]
        over, b = ("b, w", " - b") if path.intercept_fitted else ("w", "")
        half = "/2" if self.weighted else " 1/2"
        mean = "(1/sum_i s_i) sum_i s_i" if self.weighted else "(1/n) sum_i"
        if path.loss.quadratic:
            rows = f"{mean}{half} (y_i{b} - x_i·w)^2"
        else:
            eta = "b + x_i·w" if path.intercept_fitted else "x_i·w"
            rows = f"{mean} l(y_i, {eta}), l the {path.loss.label} loss,"
        f = "" if path.penalty.factors is None else "f_j "
        w, w2 = ("|sd_j w_j|", "(sd_j w_j)^2") if self.standardize else ("|w_j|", "w_j^2")
        parts = [f"{path.l1_ratio:.6g} {w}"] if 0.0 < path.l1_ratio < 1.0 else [w]
        if path.l1_ratio < 1.0:
            ridge = f"{1.0 - path.l1_ratio:.6g}/2 {w2}" if path.l1_ratio > 0.0 else f"1/2 {w2}"
            parts = [*parts, ridge] if path.l1_ratio > 0.0 else [ridge]
        inside = parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"
        within = ", lower_j <= w_j <= upper_j" if path.penalty.bounded else ""
        return f"minimise over {over}: {rows} + strength sum_j {f}{inside}{within}"


def path_source(
    source: Source,
    *,
    loss: Loss | None = None,
    joint: bool = False,
    l1_ratio: float = 1.0,
    strengths: int | ArrayLike = 100,
    smallest: float | None = None,
    factors: Float | None = None,
    bounds: Any = None,
    standardize: bool = False,
    intercept: bool = True,
    solver: str | Solver = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    memory: str | int | None = None,
    watch: Callable[[Record], None] | None = None,
    command: str | None = None,
) -> Paths:
    """Fit the rows of `source` along a list of strengths, one list a target.

    Parameters
    ----------
    source : rows in memory, a `Table` or another source
    loss : squared by default
    joint : whether all targets share their columns, in one path
    l1_ratio, strengths, smallest : of the grid, as in `leastwise.path`
    factors, bounds, standardize, intercept, solver, tol, max_iter, memory : as in `fit_source`
    watch : called with the record of every look at the fits under way
    command : kept with the paths

    Raises
    ------
    UsageError, DataError
        As `Problem.of` and `follow` raise them.
    """
    loss = Squared() if loss is None else loss
    suited(source, loss)
    ratio = checked_ratio(l1_ratio)
    kind = GroupElasticNet if joint else ElasticNet
    penalty = kind(ratio, 1.0 - ratio, factors, *box(bounds, source.columns))
    room = memory_allowed(memory)
    paths: list[Path] = []
    sd = np.empty(0)
    together = [(source, ", ".join(source.targets))]
    alone = zip(source.each_target(), source.targets, strict=True)
    for part, target in together if joint or loss.coupled else alone:
        problem = Problem.of(
            part, loss, penalty, intercept=intercept, standardize=standardize, memory=room
        )
        along = grid(problem, ratio, strengths, smallest)
        how: dict[str, Any] = {"solver": solver, "tol": tol, "max_iter": max_iter, "watch": watch}
        paths.append(follow(problem, target, ratio, along, **how))
        if not sd.size:
            sums = problem.design.moments(full=False)
            sd = np.sqrt(np.maximum(sums.squares, 0.0) / sums.weight)
    encoding = getattr(source, "encoding", None)
    return Paths(
        tuple(replace(path, encoding=encoding) for path in paths),
        sd,
        getattr(source, "weight", None) is not None,
        standardize,
        encoding,
        getattr(source, "rows_read", source.rows),
        source.rows,
        getattr(source, "rows_dropped", 0),
        getattr(source, "missing", {}),
        tuple(getattr(source, "notes", ())),
        command,
        versions(encoding is not None),
        source.targets,
    )
