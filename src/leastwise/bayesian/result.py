"""Evidence: Bayesian ridge at the noise and the prior that the data speak for most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from leastwise.bayesian.posterior import Posterior
from leastwise.blocks.tensors import tensors_out
from leastwise.certificate import Certificate
from leastwise.losses.base import number_between
from leastwise.model import Model
from leastwise.sources.new_rows import linear

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Bayesian ridge at the variances of the largest evidence; `leastwise.evidence` makes it.

    y_i = b + x_i·w + e_i with e_i ~ N(0, sigma2), w_j ~ N(0, tau2 / d_j), and b of flat prior; d_j
    is the penalty factor f_j, times the column's variance under `standardize`. Given sigma2 and
    tau2 the posterior is N(coef, Sigma): its mean is the ridge at l2 = sigma2 / (n tau2). What is
    left out is that sigma2 and tau2 are themselves estimates: with few rows bands are too narrow.

    Parameters
    ----------
    sigma2 : float
        Variance of the noise; 0 where the columns explain all.
    tau2 : float
        Variance of the prior; 0 where the columns explain no more than chance would.
    l2 : float
        sigma2 / (n tau2), n the sum of the weights: between 0 and infinity.
    log_evidence : float
        Natural logarithm of the density of y's contrasts (those that the intercept, and columns
        with a factor of 0, leave), maximised over sigma2 and tau2. Infinite for a perfect fit.
    degrees_of_freedom : float
        tr H (H + l2 D)^-1, the effective number of coefficients without the intercept.
    model : Model
        The certified fit at l2.
    posterior : Posterior
        The second moments of the posterior; it holds no row of data.
    notes : tuple of str
        What was found, in sentences.
    """

    sigma2: float
    tau2: float
    l2: float
    log_evidence: float
    degrees_of_freedom: float
    model: Model = field(repr=False)
    posterior: Posterior = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the p columns."""
        return self.model.columns

    @property
    def coef(self) -> Float:
        """(p,) the posterior mean, which is also its mode."""
        return self.model.coef[0]

    @property
    def intercept(self) -> float:
        """The posterior mean of b."""
        return float(self.model.intercept[0])

    @property
    def certificate(self) -> Certificate:
        """How far the posterior mean may be from the ridge's optimum."""
        return self.model.fit.certificate

    @property
    def standard_deviation(self) -> Float:
        """(p,) posterior standard deviations of the coefficients, with no p x p matrix."""
        return np.sqrt(self.posterior.variances())

    def covariance(self) -> Float:
        """(p, p) the posterior covariance of the coefficients, computed at each call."""
        return self.posterior.covariance()

    def credible(self, level: float = 0.95) -> tuple[Float, Float]:
        """(p,) low and (p,) high: each coefficient lies between them with probability `level`."""
        half = _quantile(level) * self.standard_deviation
        return self.coef - half, self.coef + half

    @tensors_out
    def predict(self, X: Any, return_std: bool = False) -> Float | tuple[Float, Float]:
        """The predictions for new rows, (m,), and on request their standard deviations, (m,).

        The deviation is that of a new observation: sqrt(sigma2 (1 + 1/n) + (x - x̄)' Sigma (x - x̄)),
        without 1/n where there is no intercept.

        Parameters
        ----------
        X : array or sparse matrix (m, p), or, as `leastwise.table` reads it, a frame or a file

        Raises
        ------
        DataError
            A column is absent or of another kind than in the fit, or the shape does not match.
        """
        eta, variance = self._told(X, spread=return_std)
        return (eta, np.sqrt(self.sigma2 + variance)) if return_std else eta

    @tensors_out
    def interval(self, X: Any, level: float = 0.95, *, mean: bool = False) -> tuple[Float, Float]:
        """(m,) low and (m,) high: a new observation lies between them with probability `level`.

        With `mean=True` the band of b + x·w, which leaves out the new observation's own noise.

        Raises
        ------
        UsageError
            If `level` is not between 0 and 1.
        DataError
            As `predict` raises it.
        """
        z = _quantile(level)
        eta, variance = self._told(X, spread=True)
        half = z * np.sqrt(variance if mean else self.sigma2 + variance)
        return eta - half, eta + half

    def _told(self, X: Any, *, spread: bool) -> tuple[Float, Float]:
        """(m,) predictions and (m,) variances of b + x·w, or zeros."""
        rows = self.model.encoded(X)
        eta = linear(rows, self.model.coef, self.model.intercept)[:, 0]
        return eta, self.posterior.of_rows(rows) if spread else np.zeros_like(eta)


def _quantile(level: float) -> float:
    """z with P(|Z| <= z) = level for a standard normal Z."""
    checked = number_between("level", level, 0.0, 1.0, "a number between 0 and 1")
    return float(ndtri(0.5 + 0.5 * checked))
