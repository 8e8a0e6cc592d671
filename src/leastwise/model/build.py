"""The one way from rows to a Model, which the command and the estimators share."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from leastwise import __version__
from leastwise.fit import Fit, Record, fit
from leastwise.inference import evidence, infer
from leastwise.losses import Squared
from leastwise.model.model import Model
from leastwise.penalties import ElasticNet, box
from leastwise.plan import memory_allowed
from leastwise.problem import Design, Problem
from leastwise.solvers import Solver
from leastwise.sources import Source

Float = NDArray[np.float64]

# Below so many numbers in X no solver needs more than ROOM, and asking the system takes time.
FEW, ROOM = 100_000, 1 << 28


def fit_source(
    source: Source,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    factors: Float | None = None,
    bounds: Any = None,
    standardize: bool = False,
    intercept: bool = True,
    solver: str | Solver = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    memory: str | int | None = None,
    design: Design | None = None,
    start: Float | None = None,
    watch: Callable[[Record], None] | None = None,
    command: str | None = None,
) -> Model:
    """Fit least squares to the rows of `source`.

    Parameters
    ----------
    source : rows in memory, a `Table` or another source
    l1, l2, factors : the penalty sum_j f_j (l1 |w_j| + l2/2 w_j^2)
    bounds : (lower, upper) of the coefficients, numbers, (p,) numbers or None
    standardize : whether w_j times its column's standard deviation is penalised instead
    intercept : whether b is fitted
    solver, tol, max_iter, start, watch : as in `leastwise.fit.fit`
    memory : what solving may take beyond the data, such as "2GB"; most of what is free by default
    design : of the same rows, if sums over them are known
    command : kept with the model

    Returns
    -------
    Model
        It holds no row of data.

    Raises
    ------
    UsageError, DataError
        As `Problem.of` and `fit` raise them.
    """
    p = len(source.columns)
    lower, upper = box(bounds, source.columns)
    penalty = ElasticNet(l1, l2, factors, lower, upper)
    small = memory is None and source.rows * p <= FEW and p <= 1000
    room = ROOM if small else memory_allowed(memory)
    problem = Problem.of(
        source,
        Squared(),
        penalty,
        intercept=intercept,
        standardize=standardize,
        memory=room,
        design=design,
    )
    found = fit(problem, solver, tol=tol, max_iter=max_iter, start=start, watch=watch)
    encoding = getattr(source, "encoding", None)
    rows_dropped = getattr(source, "rows_dropped", 0)
    return Model(
        loss="squared",
        l1=float(l1),
        l2=float(l2),
        factors=None if factors is None else tuple(np.asarray(factors, np.float64).tolist()),
        bounds=_bounds(penalty, p),
        standardize=standardize,
        intercept_fitted=intercept,
        weighted=getattr(source, "weight", None) is not None,
        tol=float(tol),
        columns=source.columns,
        targets=source.targets,
        coef=found.coef.T,
        intercept=found.intercept,
        encoding=encoding,
        inferred=partial(infer, evidence(problem, found)),
        fit=replace(found, factor=None, refined=None),
        rows_read=getattr(source, "rows_read", source.rows),
        rows_used=source.rows,
        rows_dropped=rows_dropped,
        missing=getattr(source, "missing", {}),
        r2=_r2(problem, found),
        notes=tuple(getattr(source, "notes", ())),
        command=command,
        versions=versions(encoding is not None),
    )


def _bounds(penalty: ElasticNet, p: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    if not penalty.bounded:
        return None
    lower, upper = penalty.bounds(p)
    return tuple(lower.tolist()), tuple(upper.tolist())


def _r2(problem: Problem, found: Fit) -> tuple[float, ...]:
    """(k,) 1 - mean loss / that of the intercept-only model, of zero without an intercept."""
    null = problem.design.centre.null
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return tuple(np.where(null > 0.0, 1.0 - found.value / null, np.nan).tolist())


@cache
def versions(table: bool) -> dict[str, str]:
    """Name -> version of what computes a fit; of Arrow too where a table was read."""
    found = {
        "leastwise": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }
    if table:
        import pyarrow

        found["pyarrow"] = pyarrow.__version__
    return found
