"""What the estimators share whose penalty cross-validation chooses."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import ArrayLike

from leastwise.blocks.tensors import array_of
from leastwise.cv import CrossValidation
from leastwise.errors import LeastwiseWarning, UsageError
from leastwise.estimators.arrays import rows_of
from leastwise.estimators.base import Linear, Regression
from leastwise.losses import Loss
from leastwise.model import Model
from leastwise.model.along import Paths, path_source
from leastwise.model.chosen import fit_chosen
from leastwise.solvers import Solver
from leastwise.sources import MemorySource


class Chosen(Linear):
    """A linear model whose l1_ratio and strength cross-validation chooses."""

    def __init__(
        self,
        l1_ratio: float | Sequence[float] = (0.1, 0.5, 0.9, 1.0),
        strengths: int | ArrayLike = 100,
        *,
        smallest: float | None = None,
        cv: Any = 10,
        rule: str = "min",
        scoring: Any = None,
        seed: int | None = 0,
        intercept: bool = True,
        factors: ArrayLike | None = None,
        bounds: Any = None,
        standardize: bool = False,
        solver: str | Solver = "auto",
        tol: float = 1e-9,
        max_iter: int | None = None,
        memory: str | int | None = None,
    ) -> None:
        self.l1_ratio = l1_ratio
        self.strengths = strengths
        self.smallest = smallest
        self.cv = cv
        self.rule = rule
        self.scoring = scoring
        self.seed = seed
        self.intercept = intercept
        self.factors = factors
        self.bounds = bounds
        self.standardize = standardize
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.memory = memory

    def _choose(self, source: Any, loss: Loss, groups: ArrayLike | None) -> Model:
        """The fit to all rows at what is chosen, which is set."""
        if not isinstance(source, MemorySource):
            raise UsageError("cross-validation needs rows in memory: give arrays or a table")
        model = fit_chosen(
            source,
            loss=loss,
            l1_ratio=self.l1_ratio,
            strengths=self.strengths,
            smallest=self.smallest,
            cv=self.cv,
            groups=array_of(groups),
            rule=self.rule,
            scoring=self.scoring,
            seed=self.seed,
            **self._settings(),
        )
        found = model.cross_validation
        assert found is not None, "fit_chosen keeps it"
        self.set_chosen(found)
        return model

    def set_chosen(self, found: CrossValidation) -> None:
        """Set what was chosen, and what was tried."""
        self.cv_ = found
        self.strength_ = found.strength
        self.l1_ratio_ = found.l1_ratio

    def _warn_chosen(self) -> None:
        """Warn of what cross-validation found, in the line that called `fit`."""
        for note in self.cv_.notes:
            warnings.warn(note, LeastwiseWarning, stacklevel=3)

    def _paths(self, source: MemorySource) -> Paths:
        """The path of the chosen ratio on all rows, for the page."""
        ratio = self.cv_.chosen[0]
        return path_source(
            source,
            l1_ratio=self.l1_ratio_,
            loss=self.model_.loss,
            strengths=self.cv_.strengths[ratio],
            **self._settings(),
        )


class RegressionCV(Chosen, Regression):
    """A linear model of numbers whose penalty cross-validation chooses."""

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Choose the penalty and fit to all rows, given as in `LeastSquares.fit`.

        Parameters
        ----------
        X : array, sparse matrix or numeric frame (n, p), or what `leastwise.table` returned
        y : (n,) or (n, k); left out with a table
        sample_weight : (n,) not negative; with a table, name the column there
        groups : (n,) labels of rows that must stay in one fold

        Returns
        -------
        self
        """
        source, one = rows_of(self, X, y, sample_weight)
        self._set(self._choose(source, self._loss(), groups), one)
        self._warn_chosen()
        self._warn()
        return self
