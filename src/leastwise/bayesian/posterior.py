"""The posterior of the coefficients, N(m, Sigma), and what it says of new rows.

    Sigma = sigma^2 (Xc' S Xc + W L D)^-1,   L = sigma^2 / (W tau^2),   D = diag(d)
    var(b + x·w) = sigma^2 / W + (x - x̄)' Sigma (x - x̄)

In the directions' basis Sigma is diagonal: tau^2 L / (L + s_i^2) along V, tau^2 in all that the
rows say nothing of. Where columns outnumber rows the latter is a subtraction and not a basis
(Woodbury), and no p x p matrix is formed unless it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.bayesian.directions import Directions
from leastwise.bayesian.marginal import Chosen
from leastwise.blocks import Block

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """Second moments of the posterior, without a row of data.

    Parameters
    ----------
    known : the directions ; columns : p
    mean : (p,) x̄, or None without an intercept
    sigma2, tau2 : the variances of noise and prior
    kept : (m,) the variances along the base, before the division by d
    """

    known: Directions
    columns: int
    mean: Float | None
    sigma2: float
    tau2: float
    kept: Float

    @classmethod
    def of(cls, known: Directions, columns: int, mean: Float | None, chosen: Chosen) -> Posterior:
        """The posterior at the ratio that was chosen."""
        kept = np.full(known.base.shape[1], chosen.tau2)
        told = known.values.size
        if chosen.ratio == 0.0:
            kept[:told] = 0.0
        elif np.isfinite(chosen.ratio):
            kept[:told] = chosen.sigma2 / known.weight / (known.values + chosen.ratio)
        return cls(known, columns, mean, chosen.sigma2, chosen.tau2, kept)

    def covariance(self) -> Float:
        """Sigma (p, p)."""
        known = self.known
        V, units = known.base, np.sqrt(known.price)
        inner = (V * self.kept) @ V.T
        if not known.complete:
            beyond = np.eye(len(V)) - V @ V.T
            inner += self.tau2 * (beyond @ beyond)
        inner /= units * units[:, None]
        out = np.zeros((self.columns, self.columns))
        free, paid, C = known.free, known.paid, known.explained
        out[np.ix_(paid, paid)] = inner
        if free.size:
            mixed = -C @ inner
            out[np.ix_(free, paid)] = mixed
            out[np.ix_(paid, free)] = mixed.T
            own = self.sigma2 / known.weight * (known.own @ known.own.T)
            out[np.ix_(free, free)] = own - mixed @ C.T
        return out

    def variances(self) -> Float:
        """(p,) the diagonal of Sigma, without the rest of it."""
        known = self.known
        V = known.base
        out = np.zeros(self.columns)
        inner = np.square(V) @ self.kept
        if not known.complete:
            inner += self.tau2 * np.maximum(1.0 - np.square(V).sum(axis=1), 0.0)
        out[known.paid] = inner / known.price
        if known.free.size:
            out[known.free] = self._of(np.eye(self.columns)[known.free])
        return out

    def of_rows(self, X: Float) -> Float:
        """(m,) the variance of b + x·w for rows x of X (m, p), dense or sparse."""
        about = 0.0 if self.mean is None else self.sigma2 / self.known.weight
        block = Block(X, np.zeros((X.shape[0], 1)))
        parts = [self._of(rows) for rows, _, _ in block.dense_parts(self.mean)]
        return about + np.concatenate([np.zeros(0), *parts])

    def _of(self, rows: Float) -> Float:
        """(m,) x' Sigma x for rows (m, p)."""
        known = self.known
        U = rows[:, known.free]
        a = (rows[:, known.paid] - U @ known.explained) / np.sqrt(known.price)
        along = a @ known.base
        out = np.square(along) @ self.kept
        if not known.complete:
            beyond = a - along @ known.base.T
            out += self.tau2 * np.square(beyond).sum(axis=1)
        return out + self.sigma2 / known.weight * np.square(U @ known.own).sum(axis=1)
