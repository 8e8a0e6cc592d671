"""lw.plan: what a fit will need before it runs, from arrays, frames, tables, or sizes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from leastwise.errors import UsageError
from leastwise.estimators.arrays import factors_of, rows_for
from leastwise.losses import Loss, named
from leastwise.model.build import posed, suited
from leastwise.planning import Plan, memory_allowed, plan_of
from leastwise.sources import Sizes

TYPES = ("float32", "float64")


def plan(
    X: Any = None,
    y: ArrayLike | None = None,
    *,
    rows: int | None = None,
    columns: int | None = None,
    outputs: int | None = None,
    density: float = 1.0,
    dtype: DTypeLike = "float64",
    loss: str | Loss = "squared",
    l1: float = 0.0,
    l2: float = 0.0,
    intercept: bool = True,
    factors: ArrayLike | None = None,
    bounds: Any = None,
    sample_weight: ArrayLike | None = None,
    memory: str | int | None = None,
) -> Plan:
    """What every solver would need for a fit, which can take it, and which `auto` would take.

    Nothing is fitted and no row is read: the costs are those that a fit itself goes by.

    Parameters
    ----------
    X, y, sample_weight
        Rows as `LeastSquares.fit` takes them: arrays (memory-mapped ones too), a frame, a sparse
        matrix, or a table alone. Left out for `rows` and `columns`.
    rows, columns, outputs : int
        The sizes n, p and k of data that are not at hand; one output by default.
    density : float
        The share of X that is stored, with `rows` and `columns`; below 1 for a sparse X.
    dtype : "float64" or "float32"
        Of the numbers of such an X.
    loss, l1, l2, intercept, factors, bounds, memory
        As in `LeastSquares` and `lw.path`.

    Returns
    -------
    Plan
        `str()` is a table; `.auto`, `plan["newton"].bytes`, `.to_dict()`, and rows to iterate over.

    Raises
    ------
    UsageError
        If neither rows nor sizes are given, or both, or one is out of range.
    DataError
        If the data cannot be fitted.

    Examples
    --------
    >>> import leastwise as lw
    >>> plan = lw.plan(rows=1_000_000, columns=100_000, density=1e-4, l2=1.0, memory="2GB")
    >>> plan.auto, plan["closed-form"].fits
    ('conjugate-gradient', False)
    >>> round(plan.gram_bytes / 2**30, 1)
    74.5
    """
    kind = named(loss)
    if X is None:
        source = _sizes(rows, columns, outputs, density, dtype, kind)
        if y is not None:
            raise UsageError("y was given without X: give both, or rows and columns")
    else:
        sizes = {"rows": rows, "columns": columns, "outputs": outputs}
        given = [name for name, size in sizes.items() if size is not None]
        if given:
            raise UsageError(f"X brings its sizes: leave {' and '.join(given)} out")
        source, _ = rows_for(kind, X, y, sample_weight)
        suited(source, kind)
    problem = posed(
        source,
        kind,
        l1=l1,
        l2=l2,
        factors=factors_of(factors),
        bounds=bounds,
        intercept=intercept,
        memory=memory_allowed(memory),
    )
    return plan_of(problem)


def _sizes(
    rows: int | None,
    columns: int | None,
    outputs: int | None,
    density: float,
    dtype: DTypeLike,
    loss: Loss,
) -> Sizes:
    if rows is None or columns is None:
        raise UsageError("give X and y, or rows and columns, the sizes of data not at hand")
    try:
        kind = np.dtype(dtype).name
    except TypeError:
        kind = ""
    if kind not in TYPES:
        raise UsageError(f"dtype must be {' or '.join(TYPES)}, not {dtype!r}")
    if outputs is None:
        outputs = 3 if loss.coupled else 1
    return Sizes(rows, columns, outputs, density=density, dtype=dtype)
