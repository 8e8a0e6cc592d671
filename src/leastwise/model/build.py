"""The one way from rows to a Model, which the command and the estimators share."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from leastwise import __version__
from leastwise.encoding import Classes
from leastwise.errors import DataError
from leastwise.fit import Fit, Record, fit
from leastwise.inference import evidence, infer
from leastwise.losses import Loss, Squared
from leastwise.model.model import Model
from leastwise.model.scores import accuracy
from leastwise.penalties import ElasticNet, box
from leastwise.planning import memory_allowed
from leastwise.problem import Design, Problem
from leastwise.solvers import Solver
from leastwise.sources import MemorySource, Source

Float = NDArray[np.float64]

# Below so many numbers in X no solver needs more than ROOM, and asking the system takes time.
FEW, ROOM = 100_000, 1 << 28
SQUARED = Squared()


def fit_source(
    source: Source,
    *,
    loss: Loss = SQUARED,
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
    """Fit a linear model to the rows of `source`.

    Parameters
    ----------
    source : rows in memory, a `Table` or another source
    loss : what is minimised the mean of; of classes, the source must be one of classes
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
        As `Problem.of` and `fit` raise them, and where the targets do not suit the loss.
    """
    classes = _suited(source, loss)
    p = len(source.columns)
    lower, upper = box(bounds, source.columns)
    penalty = ElasticNet(l1, l2, factors, lower, upper)
    small = memory is None and source.rows * p <= FEW and p <= 1000
    room = ROOM if small else memory_allowed(memory)
    problem = Problem.of(
        source,
        loss,
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
        loss=loss,
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
        fit=found.without_rows(),
        rows_read=getattr(source, "rows_read", source.rows),
        rows_used=source.rows,
        rows_dropped=rows_dropped,
        missing=getattr(source, "missing", {}),
        explained=_explained(problem, found),
        classes=classes,
        accuracy=_accuracy(classes, source, found),
        notes=(*getattr(source, "notes", ()), *_suggested(source, loss)),
        command=command,
        versions=versions(encoding is not None),
    )


def _bounds(penalty: ElasticNet, p: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    if not penalty.bounded:
        return None
    lower, upper = penalty.bounds(p)
    return tuple(lower.tolist()), tuple(upper.tolist())


def _suited(source: Source, loss: Loss) -> Classes | None:
    """The classes that are fitted, or None for numbers.

    Raises
    ------
    DataError
        The targets do not suit the loss.
    """
    if not isinstance(source, MemorySource):
        return None
    reason = loss.refuse_targets(source.y)
    if reason is not None:
        raise DataError(reason)
    classes = source.classes
    if loss.of_classes or classes is None:
        return classes
    if all(type(label) is bool for label in classes.labels):
        return None  # true and false are numbers as well
    raise DataError(
        f"the target {classes.name!r} is text or categorical with {len(classes.labels)} different "
        f"values, and the {loss.name} loss needs numbers: fit their probabilities with lw.Logistic "
        "(--loss logistic), name another target, or code it as numbers"
    )


def _suggested(source: Source, loss: Loss) -> Iterator[str]:
    """That whole numbers which are few may be classes."""
    if loss.quadratic and isinstance(source, MemorySource):
        few = source.few_values()
        if few is not None:
            yield (
                f"the target {source.targets[0]} takes {few} whole numbers and nothing between: if "
                "they name classes, fit their probabilities with lw.Logistic (--loss logistic)"
            )


def _accuracy(classes: Classes | None, source: Source, found: Fit) -> float | None:
    """The share of the weight of rows whose likeliest class is their own."""
    if classes is None or found.at is None or found.at.point is None:
        return None
    assert isinstance(source, MemorySource), "the only one with classes"
    return accuracy(classes, source.y, np.concatenate(found.at.point.eta), source.weight)


def _explained(problem: Problem, found: Fit) -> tuple[float, ...]:
    """(g,) 1 - mean loss / that of the intercept-only model, of zero without an intercept."""
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
