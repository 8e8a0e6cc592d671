"""lw.path: the fits along a list of strengths, from arrays, frames and tables."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from leastwise.drive import Record
from leastwise.errors import ConvergenceWarning, DataError, LeastwiseWarning, UsageError
from leastwise.estimators.arrays import factors_of, rows_for
from leastwise.fit import ended
from leastwise.losses import Loss, named
from leastwise.model.along import Paths, path_source
from leastwise.path_result import Path
from leastwise.report import write_paths
from leastwise.solvers import Solver
from leastwise.sources import MemorySource


@dataclass(frozen=True)
class _Writer:
    """Writes a path as one of those it was fitted with.

    known : what is known of the rows, with no path
    """

    known: Paths

    def save(self, path: Path, file: str | os.PathLike[str]) -> None:
        from leastwise.model.path_files import save

        save(replace(self.known, paths=(path,)), file)

    def report(self, path: Path, file: str | os.PathLike[str]) -> None:
        write_paths(replace(self.known, paths=(path,)), file)


def path(
    X: Any,
    y: ArrayLike | None = None,
    *,
    loss: str | Loss = "squared",
    l1_ratio: float = 1.0,
    strengths: int | ArrayLike = 100,
    smallest: float | None = None,
    tol: float = 1e-9,
    intercept: bool = True,
    factors: ArrayLike | None = None,
    bounds: Any = None,
    standardize: bool = False,
    joint: bool = False,
    sample_weight: ArrayLike | None = None,
    solver: str | Solver = "auto",
    max_iter: int | None = None,
    memory: str | int | None = None,
    watch: Callable[[Record], None] | None = None,
) -> Path | tuple[Path, ...]:
    """Fit along a list of strengths, each fit certified.

    The objective at each strength, with the weights s and the penalty factors f::

        sum_i s_i (y_i - b - x_i·w)^2 / (2 sum_i s_i)
        + strength sum_j f_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2)

    Parameters
    ----------
    X, y, sample_weight
        Rows as `LeastSquares.fit` takes them: arrays, a frame, a sparse matrix, or a table alone.
    loss : str or Loss
        "squared", "absolute", "quantile(0.9)", "huber(1.35)", "logistic" or "multinomial". Of the
        last two y holds classes, of any kind; predictions are eta.
    l1_ratio : float
        1 for the lasso, 0 for ridge, the elastic net between. Below 1e-3 the grid is that of 1e-3.
    strengths : int or array
        How many, from the smallest that leaves all penalised coefficients at zero; or the
        strengths themselves, which are taken from the largest to the smallest.
    smallest : float or None
        The last strength as a share of the first; 1e-3 by default, 1e-8 for an l1_ratio of 1e-3,
        whose grid smaller ones take.
    tol : float
        The relative duality gap to reach at every strength.
    intercept, factors, bounds, standardize, solver, max_iter, memory
        As in `LeastSquares`.
    joint : bool
        For y of several columns: one path, on which a column enters for all targets or for none.
        The norm of its coefficients in all targets is penalised in the place of each |w_j|
        (Obozinski, Taskar and Jordan 2010), as scikit-learn's MultiTaskElasticNet does.
    watch : callable or None
        Called with the record of every look at the fits under way.

    Returns
    -------
    Path, or a tuple of them, one a target, where y has two dimensions; under `joint` one JointPath,
    whose coef is (targets, p, K)

    Raises
    ------
    UsageError
        If an argument is out of range or the solver cannot take the problem.
    DataError
        If the data cannot be fitted. Both are ValueErrors.

    Examples
    --------
    >>> import numpy as np
    >>> import leastwise as lw
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 4))
    >>> path = lw.path(X, X @ [3.0, 0.0, -2.0, 0.0], strengths=5)
    >>> path.active
    array([0, 2, 2, 2, 2])
    >>> bool(path.converged.all())
    True
    """
    kind = named(loss)
    source, one = rows_for(kind, X, y, sample_weight)
    if kind.of_classes and isinstance(source, MemorySource) and source.of_one_class():
        raise DataError("all rows with a weight are of one class: there is nothing to tell")
    if joint and not kind.quadratic:
        raise UsageError("joint is for squared loss: leave it out")
    if joint and one:
        raise UsageError("joint joins several targets: give y two dimensions, or leave joint out")
    paths = path_source(
        source,
        loss=kind,
        joint=joint,
        l1_ratio=l1_ratio,
        strengths=strengths,
        smallest=smallest,
        factors=factors_of(factors),
        bounds=bounds,
        standardize=standardize,
        intercept=intercept,
        solver=solver,
        tol=tol,
        max_iter=max_iter,
        memory=memory,
        watch=watch,
    )
    writer = _Writer(replace(paths, paths=()))
    found = tuple(replace(each, writer=writer) for each in paths.paths)
    for each in found:
        for note in each.notes:
            warnings.warn(note, LeastwiseWarning, stacklevel=2)
        if not each.converged.all():
            worst = int(np.argmax(each.gaps))
            why = ended(each.reasons[worst], chosen=solver != "auto")
            warnings.warn(
                f"{np.count_nonzero(~each.converged)} of {each.strengths.size} strengths are not "
                f"certified: the worst has relative gap {each.gaps[worst]:.2g} > tol {tol:g} at "
                f"strength {each.strengths[worst]:.6g} ({why})",
                ConvergenceWarning,
                stacklevel=2,
            )
    return found[0] if one or joint or kind.coupled else found
