"""Cross-validation: from rows to the errors of every ratio and strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.cv.folds import Folds, make_folds
from leastwise.cv.grid import Grids, make_grids
from leastwise.cv.judges import ByMoments, ByRows, Judge, Task, WithoutFolds
from leastwise.cv.parts import FoldedDesign
from leastwise.cv.result import RULES, CrossValidation, choices
from leastwise.cv.scoring import Scoring
from leastwise.errors import UsageError, at_least_zero
from leastwise.losses import Loss, Squared
from leastwise.paths import LEAST_RATIO
from leastwise.penalties import box
from leastwise.planning import memory_allowed
from leastwise.problem import Design, Problem
from leastwise.sources import MemorySource

Float = NDArray[np.float64]

TOL = 1e-8  # of fits in folds: far below what errors on other rows can tell
FAR_APART = 1e3  # the largest deviation of a column to the smallest
ROUTES = {"loo": "leave-one-out", "gcv": "gcv"}


def cross_validate(
    source: MemorySource,
    *,
    loss: Loss | None = None,
    l1_ratio: float | Sequence[float] = (0.1, 0.5, 0.9, 1.0),
    strengths: int | ArrayLike = 100,
    smallest: float | None = None,
    cv: Any = 10,
    groups: ArrayLike | None = None,
    rule: str = "min",
    scoring: Any = None,
    seed: int | None = 0,
    intercept: bool = True,
    factors: Float | None = None,
    bounds: Any = None,
    standardize: bool = False,
    tol: float = 1e-9,
    memory: str | int | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> tuple[CrossValidation, Design]:
    """The errors of every ratio and strength on rows that the fits did not see.

    Parameters
    ----------
    source : rows in memory
    loss : of the fits, squared by default
    l1_ratio : l1 = strength * l1_ratio, l2 = strength * (1 - l1_ratio); one or several
    strengths : how many, down to `smallest` (1e-3) times the one that zeroes everything; or which
    cv, groups, seed : as in `make_folds`; or "loo" (leave one row out) or "gcv", for a ridge
    rule : "min" or "1se"
    scoring : "mse" (the default for squared loss), "loss" (the mean loss itself, the default for
    others), "rmse" (the mean over folds of roots), "mae", "r2", "error" (the share of wrong
    classes), or a scorer of scikit-learn or its name
    intercept, factors, bounds, standardize : as in a fit; scaling is learnt in each fold
    tol : the relative gap of the fits in folds, if it is above 1e-8
    memory : as in a fit
    watch : called with how many folds are done, and of how many; again from 0 for a wider grid

    Returns
    -------
    The result, and the design of all rows: what it knows of them a fit at the choice need not read.

    Raises
    ------
    UsageError
        If an argument is out of range, or two do not go together.
    DataError
        If the rows, or those of a fold, cannot be fitted.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 3))
    >>> rows = MemorySource(X, X[:, 0] + rng.standard_normal(60))
    >>> found, _ = cross_validate(rows, cv=5)
    >>> found.route, found.errors.shape, found.folds
    ('moments', (4, 100, 5), (12, 12, 12, 12, 12))
    """
    if rule not in RULES:
        raise UsageError(f"rule must be 'min' or '1se', not {rule!r}")
    loss = Squared() if loss is None else loss
    task = Task(
        source,
        loss,
        intercept,
        _ratios(l1_ratio),
        factors,
        *box(bounds, source.columns),
        standardize,
        Scoring.of(scoring, loss),
        memory_allowed(memory),
        max(at_least_zero("tol", tol), TOL),
        watch,
    )
    # What is wrong with the call or the columns is said before any work is done.
    Problem.of(source, loss, task.units()[0], intercept=intercept, memory=task.memory)
    before = source.passes
    judge, folds = _judge(task, cv, groups, seed, rule)
    grids = make_grids(judge.design, task.units(judge.design), strengths, smallest, task.memory)
    return _decide(judge, grids, folds, rule, before), judge.design


def _ratios(given: float | Sequence[float]) -> Float:
    try:
        ratios = np.atleast_1d(np.asarray(given, np.float64))
    except (TypeError, ValueError):
        ratios = np.empty(0)
    if ratios.ndim != 1 or ratios.size == 0 or not ((ratios >= 0.0) & (ratios <= 1.0)).all():
        raise UsageError(f"l1_ratio must be one or several numbers from 0 to 1, not {given!r}")
    return ratios


def _judge(
    task: Task, cv: Any, groups: ArrayLike | None, seed: int | None, rule: str
) -> tuple[Judge, Folds | None]:
    """Who judges, and the folds, if any."""
    source = task.source
    if isinstance(cv, str) and cv in ROUTES:
        _refuse_without_folds(task, cv, groups, rule)
        design = Design(source, Squared(), task.intercept)
        design.moments(full=len(source.columns) <= source.rows)
        return WithoutFolds(task, design, ROUTES[cv]), None
    classes = None
    if not task.loss.located:
        classes = (source.y.argmax(axis=1) if task.loss.coupled else source.y[:, 0]).astype(np.intp)
    folds = make_folds(cv, source.y, groups=groups, seed=seed, classes=classes)
    if not task.loss.quadratic:
        return ByRows(task, Design(source, task.loss, task.intercept), folds), folds
    design = FoldedDesign(source, task.intercept, folds)
    squares = 5 * len(folds) + 5  # of tests, trainings, what they are merged from, Gram matrices
    if design.worth_moments(task.memory // squares):
        design.moments()
        return ByMoments(task, design), folds
    return ByRows(task, Design(source, Squared(), task.intercept), folds), folds


def _refuse_without_folds(task: Task, cv: str, groups: ArrayLike | None, rule: str) -> None:
    if not task.loss.quadratic:
        raise UsageError(f"cv={cv!r} is for squared loss: give a number of folds")
    if task.ratios.tolist() != [0.0]:
        raise UsageError(f"cv={cv!r} is for a ridge: give l1_ratio=0, or a number of folds")
    if any(side is not None and np.isfinite(side).any() for side in (task.lower, task.upper)):
        raise UsageError(f"cv={cv!r} has no bounds: give a number of folds")
    if groups is not None:
        raise UsageError(f"cv={cv!r} has no groups: give a splitter or a number of folds")
    allowed = ("mse", "mae") if cv == "loo" else ("mse",)
    if task.scoring.scorer is not None or task.scoring.name not in allowed:
        raise UsageError(f"cv={cv!r} is judged by {' or '.join(allowed)}: give a number of folds")
    if cv == "gcv" and rule == "1se":
        raise UsageError("cv='gcv' has no standard errors: give rule='min', or cv='loo'")


def _decide(
    judge: Judge, grids: Grids, folds: Folds | None, rule: str, before: float
) -> CrossValidation:
    """Judge the grids, widen them once if the best is at their lower end, and choose."""
    strengths = grids.strengths
    verdict = judge.verdict(strengths)
    notes = _caveats(judge)
    least, within = choices(verdict.mean, verdict.standard_error)
    if not grids.given:
        if _at_end(verdict.mean).size:
            at_edge = least[1] == strengths.shape[1] - 1
            more = grids.wider()
            strengths = np.concatenate([strengths, more], axis=1)
            verdict = verdict.beside(judge.verdict(more))
            least, within = choices(verdict.mean, verdict.standard_error)
            if at_edge:
                notes.append(_widened(least, strengths) + _of_scales(judge))
            ends = _at_end(verdict.mean)
            if ends.size and least[1] < strengths.shape[1] - 1:
                notes.append(_falling(judge.task.ratios[ends]))
        if least[1] == 0:
            notes.append(_at_top(float(judge.task.ratios[least[0]])))
    if not (np.isnan(verdict.gap) or verdict.gap <= judge.task.tol * (1.0 + 1e-6)):
        notes.append(
            f"fits in folds reached a relative gap of {verdict.gap:.2g} only, not "
            f"{judge.task.tol:.2g}: their errors are those of fits short of the optimum"
        )
    return CrossValidation(
        judge.task.ratios,
        strengths,
        verdict.errors,
        verdict.mean,
        verdict.standard_error,
        least,
        within,
        rule,
        () if folds is None else folds.sizes,
        judge.task.scoring.name,
        judge.route,
        verdict.gap,
        judge.task.source.passes - before,
        tuple(notes),
    )


def _caveats(judge: Judge) -> list[str]:
    notes: list[str] = []
    if judge.route == "leave-one-out" and judge.task.source.weight is not None:
        notes.append(
            "with weights, leave-one-out errors are those of rows of mean weight: near, not exact"
        )
    if judge.route == "leave-one-out" and judge.task.standardize:
        notes.append(
            "leave-one-out errors are those of the scale of all rows, not learnt anew without each "
            "of them: near, not exact"
        )
    if judge.relative.size > 1:
        notes.append(
            "one strength for all targets: their errors, each relative to that of its "
            "mean, are added"
        )
    return notes


def _at_end(mean: Float) -> NDArray[np.intp]:
    """The ratios whose least error is at their smallest strength."""
    known = np.where(np.isnan(mean), np.inf, mean)
    return np.flatnonzero(known.argmin(axis=1) == mean.shape[1] - 1)


def _widened(least: tuple[int, int], strengths: Float) -> str:
    words = "the least error was at the smallest strength: the grids were widened once"
    if least[1] == strengths.shape[1] - 1:
        return (
            f"{words}, and it is at the smallest still ({strengths[least]:.3g}): less penalty may "
            "be better; give smaller strengths, or fit without a penalty"
        )
    return words


def _of_scales(judge: Judge) -> str:
    """What else may be wrong where the least error is at the smallest strength."""
    size = judge.design.scale[judge.design.centre.curvature > 0.0]
    if judge.task.standardize or not size.size or size.max() < FAR_APART * size.min():
        return ""
    return (
        f"; the columns' deviations differ by up to {size.max() / size.min():.1g} times, and the "
        "smallest pay the most: standardize=True (--standardize) gives all one scale"
    )


def _falling(ends: Float) -> str:
    which = ", ".join(f"{ratio:g}" for ratio in ends)
    return (
        f"at l1_ratio {which} the error still falls at the smallest strength, so that less of it "
        "may be better yet (its l2 part is in the target's units): give smaller ones (strengths)"
    )


def _at_top(ratio: float) -> str:
    if ratio >= LEAST_RATIO:
        return "the least error is where no penalised column takes part: none of them helps"
    return "the least error is at the largest strength: the penalised columns hardly help"
