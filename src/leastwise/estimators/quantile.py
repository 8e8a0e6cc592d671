"""Quantile: one or several quantiles of the target, each a fit of its own."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from leastwise.blocks import Block
from leastwise.blocks.tensors import array_of, rows_of_tensor, tensors_out
from leastwise.errors import ConvergenceWarning, LeastwiseWarning, UsageError
from leastwise.estimators.arrays import rows_of
from leastwise.estimators.base import Linear
from leastwise.inference import Inference
from leastwise.losses import Quantile as QuantileLoss
from leastwise.model import Model, fit_several
from leastwise.model.saved_quantiles import Quantiles, save
from leastwise.report import diagnostics, write_quantiles
from leastwise.solvers import Solver
from leastwise.sources import MemorySource

Float = NDArray[np.float64]

CROSSED = 1e-9  # of the largest target: what one quantile may be below another by rounding


class Quantile(RegressorMixin, Linear):
    """Quantile regression with an elastic-net penalty and a certificate.

    The objective, with the weights s and the penalty factors f (Koenker and Bassett 1978)::

        minimise over b, w:  sum_i s_i h(y_i - b - x_i·w) / sum_i s_i
                             + sum_j f_j (l1 |w_j| + l2/2 w_j^2)
        h(r) = q r for r >= 0, (q - 1) r below

    Parameters
    ----------
    q : float or sequence of float
        The share of targets to lie below the predictions, 0 < q < 1; several are fitted together,
        each to its own optimum.
    l1, l2, intercept, solver, tol, max_iter, factors, bounds, standardize, memory
        As in `LeastSquares`.
    noncrossing : bool
        Whether several q are fitted under the constraint that a higher one nowhere lies below a
        lower one: at the rows of the fit that have a weight, and so in the convex hull of their
        columns (Bondell, Reich and Wang 2010); elsewhere they may still cross. The sum of their
        objectives is minimised, by a linear program or, with l2, a quadratic one, of which
        `max_iter` are solved at most. Where none would cross nothing changes.

    Attributes
    ----------
    coef_ : (p,) array, or (Q, p) for several q
    intercept_ : float, or (Q,) array
    crossings_ : int
        How many training rows (of a positive weight) have a prediction of a higher q below that
        of a lower one.
    models_ : tuple of Model
        One a q, in the order of q.
    certificate_, history_, n_iter_, model_
        As in `LeastSquares`, of the q with the largest relative gap. Where `noncrossing` moves
        them, the certificate is that of all q together.

    Raises
    ------
    UsageError
        If an argument is out of range or no solver takes the problem.
    DataError
        If the data cannot be fitted, or there are several targets. Both are ValueErrors.
    """

    def __init__(
        self,
        q: float | Sequence[float] = 0.5,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        intercept: bool = True,
        solver: str | Solver = "auto",
        tol: float = 1e-9,
        max_iter: int | None = None,
        factors: ArrayLike | None = None,
        bounds: Any = None,
        standardize: bool = False,
        memory: str | int | None = None,
        noncrossing: bool = False,
    ) -> None:
        super().__init__(
            l1,
            l2,
            intercept=intercept,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            factors=factors,
            bounds=bounds,
            standardize=standardize,
            memory=memory,
        )
        self.q = q
        self.noncrossing = noncrossing

    def fit(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit to X (n, p) and y (n,), or to a table that holds both; as `LeastSquares.fit`."""
        losses = self._losses()
        source, _ = rows_of(self, X, y, sample_weight, several=False)
        how = {"l1": self.l1, "l2": self.l2, **self._settings()}
        self._set_all(fit_several(source, losses, noncrossing=self.noncrossing, **how))
        self.crossings_ = self._crossings(source)
        self._warn()
        return self

    def _losses(self) -> list[QuantileLoss]:
        several: Any = self.q
        given: list[Any] = list(several) if np.ndim(several) else [several]
        if not given or len(set(given)) != len(given):
            raise UsageError(f"q must be a number or different numbers, not {self.q!r}")
        return [QuantileLoss(float(q) if isinstance(q, np.generic) else q) for q in given]

    def _set_all(self, models: tuple[Model, ...]) -> None:
        self.models_ = models
        worst = max(models, key=lambda model: model.fit.certificate.relative_gap)
        self._set(worst, True)
        if np.ndim(self.q):
            self.coef_ = np.vstack([model.coef for model in models])
            self.intercept_ = np.concatenate([model.intercept for model in models])

    def restored(self, model: Model) -> Self:
        return self.restored_all(Quantiles((model,)))

    def restored_all(self, several: Quantiles) -> Self:
        """The estimator as if it had been fitted, of all that a file holds."""
        self._set_all(several.models)
        self.crossings_ = several.crossings
        return self

    def _crossings(self, source: Any) -> int:
        """How many rows have quantiles that are not in their order."""
        if len(self.models_) == 1 or not isinstance(source, MemorySource):
            return 0
        order = np.argsort([loss.q for loss in self._losses()])
        coef, intercept = self.coef_[order], self.intercept_[order]
        between, apart = np.diff(coef, axis=0).T, np.diff(intercept)
        slack = CROSSED * float(np.abs(source.y).max())

        def crossed(block: Block) -> int:
            rise = block.centred(None, passing=True).times(between)
            found = (rise < -slack - apart).any(axis=1)
            return int((found if block.weight is None else found & (block.weight > 0.0)).sum())

        return source.reduce(crossed, operator.add)

    def _warn(self) -> None:
        for note in dict.fromkeys(note for model in self.models_ for note in model.fit.notes):
            warnings.warn(note, LeastwiseWarning, stacklevel=3)
        if self.crossings_:
            warnings.warn(
                f"the quantiles cross in {self.crossings_} of {self.model_.rows_used} rows: a "
                "higher one is predicted below a lower one there; noncrossing=True keeps them "
                "apart",
                LeastwiseWarning,
                stacklevel=3,
            )
        for model in self.models_:
            found = model.fit.certificate
            if not found.converged:
                reached = f"relative gap {found.relative_gap:.2g} > tol {self.tol:g}"
                words = f"{model.loss.label} not converged: {reached} ({found.reason})"
                warnings.warn(words, ConvergenceWarning, stacklevel=3)

    def score(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """R2 of the predictions of a single q for rows, given as in `fit`."""
        if np.ndim(self.q):
            raise UsageError("several quantiles have no single score: fit one q, or compare losses")
        X, y, sample_weight = rows_of_tensor(X), array_of(y), array_of(sample_weight)
        if isinstance(X, MemorySource):
            return float(r2_score(X.y, self._eta(X), sample_weight=X.weight))
        return float(super().score(X, y, sample_weight))

    @tensors_out
    def predict(self, X: Any) -> Float:
        """Predictions of rows as in `LeastSquares.predict`: (n,), or (n, Q) for several q."""
        eta = self._eta(X)
        return eta if np.ndim(self.coef_) == 2 else eta[:, 0]

    @property
    def inference_(self) -> tuple[Inference, ...]:
        """The coefficient table of each q, with standard errors if nothing is penalised."""
        check_is_fitted(self)
        return tuple(table for model in self.models_ for table in model.inference)

    def _write_page(self, path: str | Path, source: MemorySource) -> None:
        if len(self.models_) == 1:
            super()._write_page(path, source)
            return
        several = Quantiles(self.models_, self.crossings_, self.noncrossing)
        write_quantiles(several, [diagnostics(source, model) for model in self.models_], path)

    def save(self, path: str | Path) -> None:
        """Write the model, or those of all q, to `path` as JSON (see `leastwise.load`)."""
        check_is_fitted(self)
        if len(self.models_) == 1:
            super().save(path)
        else:
            save(Quantiles(self.models_, self.crossings_, self.noncrossing), path)
