"""Judges: each gives the errors of strengths on rows that the fits did not see.

By moments neither fitting nor judging reads a row again; by rows each training set is copied and
solved; leave-one-out and GCV need no folds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.cv.folds import Folds
from leastwise.cv.leave_one_out import generalised, leave_one_out
from leastwise.cv.moment_paths import FoldPath, moment_path, squared_errors
from leastwise.cv.parts import FoldedDesign
from leastwise.cv.result import averages
from leastwise.cv.rows import row_path
from leastwise.cv.scoring import Scoring
from leastwise.errors import DataError
from leastwise.losses import Loss
from leastwise.numerics.threads import parallel
from leastwise.penalties import ElasticNet
from leastwise.problem import Design
from leastwise.sources import MemorySource

Float = NDArray[np.float64]


IDLE = 100_000  # stored numbers: a pass over fewer takes no longer than the steps around it


@dataclass(frozen=True)
class Task:
    """What is fitted and how it is judged.

    loss : of the fits ; ratios : (R,) ; factors, lower, upper : (p,) or None
    tol : the relative gap in folds
    watch : called with how many folds are done, and of how many
    """

    source: MemorySource
    loss: Loss
    intercept: bool
    ratios: Float
    factors: Float | None
    lower: Float | None
    upper: Float | None
    standardize: bool
    scoring: Scoring
    memory: int
    tol: float
    watch: Callable[[int, int], None] | None = None

    def units(self, design: Design | None = None) -> list[ElasticNet]:
        """The penalty of each ratio at strength 1, in the scale of the rows of `design`."""
        scale = None
        if self.standardize and design is not None:
            scale = design.scale
        return [
            ElasticNet(
                float(ratio), 1.0 - float(ratio), self.factors, self.lower, self.upper, scale
            )
            for ratio in self.ratios
        ]


@dataclass(frozen=True)
class Verdict:
    """What a judge found.

    errors : (R, K, F) ; mean, standard_error : (R, K) ; gap : the worst of the fits in folds
    """

    errors: Float
    mean: Float
    standard_error: Float
    gap: float

    def beside(self, other: Verdict) -> Verdict:
        """Both verdicts' strengths, one after the other."""
        return Verdict(
            np.concatenate([self.errors, other.errors], axis=1),
            np.concatenate([self.mean, other.mean], axis=1),
            np.concatenate([self.standard_error, other.standard_error], axis=1),
            max(self.gap, other.gap),
        )


class Judge(ABC):
    """Judges strengths.

    Attributes
    ----------
    design : all rows ; route : how, in a word ; relative : (k,) what each target's squared error is
    divided by, where there are several
    """

    route: str

    def __init__(self, task: Task, design: Design) -> None:
        self.task, self.design = task, design
        # Errors of several targets are added as shares of what their intercepts alone leave; that
        # is a mean square for squared loss, and a mean loss for any other.
        null = (2.0 if task.loss.quadratic else 1.0) * design.centre.null
        self.relative = np.ones(1) if null.size == 1 else np.where(null > 0.0, null, np.inf)

    @abstractmethod
    def verdict(self, strengths: Float) -> Verdict:
        """On strengths (R, K), decreasing."""


class _ByFolds(Judge):
    def __init__(self, task: Task, design: Design, folds: Folds) -> None:
        super().__init__(task, design)
        self.folds = folds

    def _checked(self, training: Design, fold: int) -> Design:
        """The design of a fold's training rows, if there is something to learn from it."""
        centre = training.centre
        if centre.rows < 2:
            raise DataError(f"fold {fold} leaves fewer than two rows to train on: take fewer folds")
        flat = (centre.null == 0.0) & (self.design.centre.null > 0.0)
        if flat.any():
            name = self.design.source.targets[int(np.argmax(flat))]
            what = (
                f"the target {name} is constant" if training.loss.located else "all are one class"
            )
            raise DataError(
                f"{what} in the rows that fold {fold} is trained on: take fewer folds, or folds "
                "that hold all its values (cv)"
            )
        return training

    def _judged(self, errors: list[Float], weights: Float, gap: float) -> Verdict:
        ratios = self.task.ratios.size
        whole = np.stack(errors).reshape(len(self.folds), ratios, -1).transpose(1, 2, 0)
        return Verdict(whole, *averages(whole, weights), gap)

    def _tell(self, folds: int) -> None:
        if self.task.watch is not None:
            self.task.watch(folds, len(self.folds))

    def _rows(self, fold: int) -> Block:
        return self.task.source.take(self.folds.tests[fold]).gather()


class ByMoments(_ByFolds):
    """From the moments of each fold: a path in p x p for each fold and ratio, on all cores."""

    route = "moments"

    def __init__(self, task: Task, design: FoldedDesign) -> None:
        super().__init__(task, design, design.folds)
        self.tests = design.tests
        self.trainings = [
            self._checked(design.training(fold), fold) for fold in range(len(design.folds))
        ]
        for training in self.trainings:
            _ = training.gram  # made once, before threads share it

    def verdict(self, strengths: Float) -> Verdict:
        task, scoring = self.task, self.task.scoring
        units = [task.units(training) for training in self.trainings]

        def path(job: tuple[int, int]) -> tuple[FoldPath, Float]:
            fold, ratio = job
            training, unit = self.trainings[fold], units[fold][ratio]
            found = moment_path(training, unit, strengths[ratio], task.tol)
            if scoring.by_moments:
                squares = squared_errors(self.tests[fold], found)
                return found.bare(), scoring.of_squares(squares, self.relative)
            return found, np.empty(0)

        jobs = [(f, r) for f in range(len(self.folds)) for r in range(task.ratios.size)]
        self._tell(0)
        done = parallel(path, jobs, lambda done: self._tell(done // task.ratios.size))
        errors = [error for _, error in done]
        if not scoring.by_moments:
            tests = [self._rows(fold) for fold in range(len(self.folds))]
            errors = [
                scoring.errors(tests[fold], found, self.relative)
                for (fold, _), (found, _) in zip(jobs, done, strict=True)
            ]
        weights = np.array([test.weight for test in self.tests])
        return self._judged(errors, weights, max(found.gap for found, _ in done))


class ByRows(_ByFolds):
    """From copies of each fold's rows, folds side by side."""

    route = "rows"

    def verdict(self, strengths: Float) -> Verdict:
        task = self.task

        def fold_errors(fold: int) -> tuple[list[Float], float, float]:
            rows = self._rows(fold)
            if rows.total() == 0.0:
                raise DataError(f"all rows of fold {fold} have weight zero: take other folds")
            source = task.source.take(self.folds.training(fold))
            training = self._checked(Design(source, task.loss, task.intercept), fold)
            paths = [
                row_path(training, unit, line, task.tol, task.memory)
                for unit, line in zip(task.units(training), strengths, strict=True)
            ]
            errors = [task.scoring.errors(rows, found, self.relative) for found in paths]
            return errors, rows.total(), max(found.gap for found in paths)

        # Rows that keep all cores busy by themselves are taken one fold after the other, and so are
        # those that keep none busy but the interpreter, for which threads would only wait.
        folds = range(len(self.folds))
        self._tell(0)
        if task.source.threads > 1 or task.source.stored < IDLE:
            done: list[tuple[list[Float], float, float]] = []
            for fold in folds:
                done.append(fold_errors(fold))
                self._tell(len(done))
        else:
            done = parallel(fold_errors, folds, self._tell)
        return self._judged(
            [error for errors, *_ in done for error in errors],
            np.array([weight for _, weight, _ in done]),
            max(gap for *_, gap in done),
        )


class WithoutFolds(Judge):
    """Leave-one-out or generalised cross-validation of a ridge."""

    def __init__(self, task: Task, design: Design, route: str) -> None:
        super().__init__(task, design)
        self.route = route

    def verdict(self, strengths: Float) -> Verdict:
        (unit,) = self.task.units(self.design)
        if self.route == "gcv":
            left = generalised(self.design, unit, strengths[0], self.relative)
        else:
            absolute = self.task.scoring.name == "mae"
            left = leave_one_out(self.design, unit, strengths[0], self.relative, absolute=absolute)
        mean, error = left.mean[None], left.standard_error[None]
        return Verdict(mean[..., None], mean, error, np.nan)
