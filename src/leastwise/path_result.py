"""What a path is: the fits of one target along strengths, and what can be asked of them.

eta_k = b_k + X w_k,   w_k the optimum at strength_k: l1 = strength_k l1_ratio,
                       l2 = strength_k (1 - l1_ratio)
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks.tensors import tensors_out
from leastwise.criteria import criterion, has_likelihood, interpolated
from leastwise.curved import hessian_of
from leastwise.display import PathDisplay
from leastwise.encoding import Encoding
from leastwise.errors import DataError, LeastwiseWarning, UsageError, at_least_zero
from leastwise.losses import Loss, Squared
from leastwise.numerics.factors import of_gram
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.quadratic import quadratic_form
from leastwise.relaxing import relax
from leastwise.sources.new_rows import linear, new_rows

Float = NDArray[np.float64]

ROUNDING = 1e-14  # of the null loss: what is explained beyond it, or short of it, is nothing


class Writer(Protocol):
    """Puts paths into files, with what is known of their rows."""

    def save(self, path: Path, file: str | os.PathLike[str]) -> None:
        """See `Path.save`."""
        ...

    def report(self, path: Path, file: str | os.PathLike[str]) -> None:
        """See `Path.report`."""
        ...


@dataclass(frozen=True, eq=False)
class Path:
    """The fits of one target along K strengths, from the largest to the smallest.

    Parameters
    ----------
    strengths : (K,) ; l1_ratio : l1 = strength l1_ratio, l2 = strength (1 - l1_ratio)
    coef : (p, K) ; intercepts : (K,) ; gaps : (K,) relative duality gaps
    losses, objectives : (K,) the mean loss, and with the penalty ; null : of no column at all
    columns, target : names ; rows : n with a positive weight ; tol : what was asked for
    penalty : factors, bounds and units of all strengths ; intercept_fitted : whether b was
    solver, why, notes, passes, seconds : as a fit tells them ; reasons : (K,) why each ended
    problem : the rows; None in a path that was pickled
    gamma : the share of the penalised fit, below 1 where the path is relaxed
    loss : of all fits
    writer : who knows where the rows came from, for `save` and `report`; `leastwise.path` sets it
    encoding : how a table's columns became numbers, for `predict`; None of arrays

    Examples
    --------
    >>> import leastwise as lw
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 4))
    >>> path = lw.path(X, X @ [3.0, 0.0, -2.0, 0.0] + rng.normal(size=50), strengths=20)
    >>> chosen = path.best("bic")
    >>> np.flatnonzero(path.coef[:, chosen])
    array([0, 2, 3])
    >>> path.predict(X).shape
    (50, 20)
    """

    strengths: Float
    l1_ratio: float
    coef: Float
    intercepts: Float
    gaps: Float
    losses: Float
    objectives: Float
    null: float
    columns: tuple[str, ...]
    target: str
    rows: int
    tol: float
    penalty: ElasticNet
    intercept_fitted: bool
    solver: str
    why: str
    notes: tuple[str, ...]
    reasons: tuple[str, ...]
    passes: float
    seconds: float
    problem: Problem | None = field(repr=False)
    gamma: float = 1.0
    loss: Loss = field(default_factory=Squared)
    writer: Writer | None = field(default=None, repr=False)
    encoding: Encoding | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return (
            f"<Path of {self.target} on {len(self.columns)} columns: {self.strengths.size} "
            f"strengths from {self.strengths[0]:.4g} to {self.strengths[-1]:.4g} at l1_ratio "
            f"{self.l1_ratio:g}, {int(self.active[0])} to {int(self.active[-1])} columns active, "
            f"worst relative gap {float(self.gaps.max()):.2g}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the rows; what they tell is computed first."""
        _ = self.degrees_of_freedom
        return self.__dict__ | {"problem": None}

    @property
    def converged(self) -> NDArray[np.bool_]:
        """(K,) whether the relative gap is at most tol."""
        return self.gaps <= self.tol

    @property
    def active(self) -> NDArray[np.intp]:
        """(K,) how many coefficients are not zero."""
        return np.count_nonzero(self.coef, axis=0)

    @property
    def support(self) -> NDArray[np.bool_]:
        """(p, K) whether a column has a coefficient that is not zero."""
        return self.coef != 0.0

    @property
    def r2(self) -> Float:
        """(K,) 1 - mean loss / that of no column at all; nan for a target without variation.

        R2 for squared loss; for others the share of the loss that is explained, called D2.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(self.null > 0.0, 1.0 - self.losses / self.null, np.nan)
        return np.where(np.abs(share) < ROUNDING, 0.0, share)

    @cached_property
    def degrees_of_freedom(self) -> Float:
        """(K,) tr H_AA (H_AA + l2_A)^-1 over the support A, without the intercept.

        For the lasso that is the rank of X_A (Tibshirani and Taylor 2012). A coefficient held at a
        bound has none. A relaxed path mixes them with the rank, as it mixes its fits; that counts
        the fit on the support and not the search for it. For a smooth loss H is that of the fit.
        For one with kinks and an l2 they are the rank of the rows that are met exactly (Li, Liu and
        Zhu 2007), less 1 for the intercept: a prediction moves with its own target there alone.
        """
        lower, upper = self.penalty.bounds(len(self.columns))
        found = np.zeros(self.strengths.size)
        for place, w in enumerate(self.coef.T):
            inside = np.flatnonzero((w != 0.0) & (w > lower) & (w < upper))
            if not inside.size:
                continue
            assert self.problem is not None, "computed before it is dropped"
            l2 = penalties_of(self.penalty, self.strengths[place : place + 1], self.l1_ratio)[0]
            ridge = l2.strengths(w.size)[1][inside]
            design = self.problem.design
            if self.loss.kind == "kinked" and ridge.any():
                found[place] = interpolated(design, w, inside)
                continue
            if self.loss.kind == "smooth" and ridge.any():
                point = design.evaluate(w[:, None]).point
                assert point is not None, "of such a loss"
                H = hessian_of(design.rows, point, inside).H[0]
            else:
                H = quadratic_form(design, self.problem.memory).block(inside)
            H = H + np.diag(ridge)
            factor = of_gram(H)
            # tr H (H + L)^-1 = rank - tr L (H + L)^-1
            taken = ridge @ np.diagonal(factor.inverse()) if ridge.any() else 0.0
            found[place] = factor.rank - self.gamma * taken
        return found

    def at(self, strength: float) -> int:
        """The index of one of the path's strengths, to its tenth digit.

        Between two strengths nothing is certified, so that there is none to be had.

        Raises
        ------
        UsageError
            If the path has no such strength; the message names the nearest.
        """
        strength = at_least_zero("strength", strength)
        nearest = int(np.argmin(np.abs(self.strengths - strength)))
        if abs(self.strengths[nearest] - strength) > 1e-10 * strength:
            raise UsageError(
                f"the path has no strength {strength:g}; the nearest is {self.strengths[nearest]}: "
                "path.strengths holds them all (path.strengths[i] is that of an index i)"
            )
        return nearest

    @tensors_out
    def predict(self, X: Any, strength: float | None = None) -> Float:
        """eta = b + X w at every strength, (n, K), or at one of them, (n,).

        Parameters
        ----------
        X : path, frame, dict of arrays, (n, p) array or sparse matrix, or a `leastwise.table`
            As to the `predict` of a fit.
        strength : one of `strengths`

        Raises
        ------
        DataError
            A column is absent or of another kind than in the fit, or the shape does not match.
        """
        rows = new_rows(X, self.columns, self.encoding)
        if strength is None:
            return linear(rows, self.coef.T, self.intercepts)
        chosen = slice(at := self.at(strength), at + 1)
        return linear(rows, self.coef[:, chosen].T, self.intercepts[chosen])[:, 0]

    def criterion(self, name: str, gamma: float = 0.5) -> Float:
        """(K,) "aic", "bic" or "ebic" at every strength, for squared loss n log(mean r^2) + c d.

        Infinite where a fit is saturated. `gamma` is what EBIC charges for the choice among the
        columns that may enter. A variance is fitted; see `leastwise.criteria` for the formulas.
        """
        factors = self.penalty.factors
        enter = len(self.columns) if factors is None else int(np.isfinite(factors).sum())
        return criterion(
            name,
            self.losses,
            self.degrees_of_freedom,
            null=self.null,
            rows=self.rows,
            columns=enter,
            intercept=self.intercept_fitted,
            gamma=gamma,
            loss=self.loss,
        )

    def best(self, name: str, gamma: float = 0.5) -> int:
        """The index of the least criterion, the larger strength of two that tie.

        Warns where that fit is so near to saturation that criteria are no guide.

        Raises
        ------
        DataError
            If the fit is saturated at every strength.
        """
        best = self.least(name, gamma)
        if best is None:
            raise DataError(
                f"every fit of {self.target!r} is saturated, and {name} can choose none: there "
                "are too few rows, or the target has no noise"
            )
        if 2.0 * self.degrees_of_freedom[best] > self.rows:
            warnings.warn(
                f"{name} takes a fit with {self.degrees_of_freedom[best]:.4g} degrees of freedom "
                f"from {self.rows} rows: so near to saturation criteria are no guide; choose by "
                "cross-validation, or end the path earlier (smallest)",
                LeastwiseWarning,
                stacklevel=2,
            )
        return best

    def least(self, name: str, gamma: float = 0.5) -> int | None:
        """What `best` takes, without a warning; None where there is none to take."""
        if not has_likelihood(self.loss):
            return None
        values = self.criterion(name, gamma)
        return int(np.argmin(values)) if np.isfinite(values).any() else None

    def relaxed(self, gamma: float = 0.0) -> Path:
        """The relaxed path: gamma w + (1 - gamma) least squares on the support of w.

        Bounds hold, and no penalty is paid (Meinshausen 2007; Hastie, Tibshirani and Tibshirani
        2020). Its coefficients minimise no objective of their own, so that `gaps` are nan and
        nothing has `converged`: those of the path it came from tell how sure the supports are.

        Raises
        ------
        UsageError
            If gamma is not from 0 to 1, the path is relaxed already, or was pickled.
        """
        if at_least_zero("gamma", gamma) > 1.0:
            raise UsageError(f"gamma must be from 0 (least squares) to 1, not {gamma!r}")
        if not self.loss.quadratic:
            raise UsageError(
                f"only least squares is relaxed, and this is a path of the {self.loss.name} loss: "
                "fit the chosen columns without a penalty"
            )
        if self.gamma < 1.0:
            raise UsageError("this path is relaxed already: relax the one it came from")
        if self.problem is None:
            raise UsageError("a path that was pickled has no rows: relax it before")
        began = time.perf_counter()
        found = relax(self.problem, self.coef, gamma)
        penalties = penalties_of(self.penalty, self.strengths, self.l1_ratio)
        paid = [
            penalty.value(w[:, None])[0] for penalty, w in zip(penalties, found.coef.T, strict=True)
        ]
        return replace(
            self,
            coef=found.coef,
            intercepts=found.intercepts,
            gaps=np.full(self.gaps.shape, np.nan),
            losses=found.losses,
            objectives=found.losses + np.array(paid),
            reasons=("relaxed",) * self.gaps.size,
            passes=self.passes + found.passes,
            seconds=self.seconds + time.perf_counter() - began,
            gamma=float(gamma),
        )

    def plot(
        self,
        x: str = "strength",
        *,
        ax: Any = None,
        names: int = 10,
        chosen: str | Mapping[str, float] | None = None,
    ) -> PathDisplay:
        """Draw the coefficients with matplotlib, the largest named where their curves end.

        Parameters
        ----------
        x : "strength", "norm" (sum of |w_j|) or "df"
        ax : matplotlib Axes to draw in; new ones by default
        names : how many curves are named
        chosen : label -> strength, marked by a line each; or the name of a criterion

        Returns
        -------
        PathDisplay, with ax_, figure_ and lines_

        Raises
        ------
        UsageError
            If matplotlib is not installed or an argument is out of range.
        """
        if isinstance(chosen, str):
            chosen = {chosen: float(self.strengths[self.best(chosen)])}
        return PathDisplay(self).plot(x, ax=ax, names=names, chosen=chosen)

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the path to `file`, whole or not at all.

        Parameters
        ----------
        file : .csv or .parquet for a row a strength, .json for all of it, as the command writes

        Raises
        ------
        UsageError
            If the suffix is another.
        DataError
            If the file cannot be written.
        """
        self._known().save(self, file)

    def report(self, file: str | os.PathLike[str]) -> None:
        """Write a self-contained page of the path to `file`.

        Raises
        ------
        UsageError
            If the path is relaxed.
        DataError
            If the file cannot be written.
        """
        if self.gamma < 1.0:
            raise UsageError(
                "a relaxed path has no certificates for a page to show: report the one it came from"
            )
        self._known().report(self, file)

    def _known(self) -> Writer:
        if self.writer is None:
            raise UsageError("this path does not know its rows: make it with leastwise.path")
        return self.writer


def penalties_of(penalty: ElasticNet, strengths: Float, l1_ratio: float) -> list[ElasticNet]:
    """The penalty at each strength: l1 = strength l1_ratio, l2 = strength (1 - l1_ratio)."""
    return [
        replace(penalty, l1=float(strength) * l1_ratio, l2=float(strength) * (1.0 - l1_ratio))
        for strength in strengths
    ]
