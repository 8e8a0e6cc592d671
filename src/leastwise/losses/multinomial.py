"""Multinomial loss, l(y, eta) = log sum_j exp(eta_j) - sum_j y_j eta_j (Theil 1969; Bohning 1992).

The curvature of a row is diag(p) - p p', whose largest eigenvalue is 1/2 at most (Bohning 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leastwise.losses.base import Float, Loss
from leastwise.losses.entropy import FAR, divergence, xlogx

# Targets sum to 1, and what the conjugate takes to 0, to the rounding of sums over many classes.
SUMS = 1e-12


@dataclass(frozen=True)
class Multinomial(Loss):
    """l = log sum_j exp(eta_j) - sum_j y_j eta_j, slope p - y, p the softmax of eta.

    With q = u + y the conjugate is sum_j q_j log q_j where q >= 0 and sum u = 0, and the surplus
    the divergence of q from p. A row of targets is a distribution, usually 1 for its class. The
    centre is the log of the weighted shares less its mean; a class that is never seen has its
    optimum at minus infinity, and is given the share exp(-37) instead.

    Examples
    --------
    >>> y, eta = np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 0.0, 0.0]])
    >>> value, slope = Multinomial().value_and_slope(y, eta)
    >>> value, slope
    (array([[0.23954477]]), array([[-0.21301396,  0.10650698,  0.10650698]]))
    """

    name: ClassVar[str] = "multinomial"
    curvature_bound: ClassVar[float | None] = 0.5
    quadratic: ClassVar[bool] = False
    formula: ClassVar[str] = "log Σⱼ exp ηⱼ − Σⱼ yⱼ ηⱼ"
    coupled: ClassVar[bool] = True
    located: ClassVar[bool] = False
    of_classes: ClassVar[bool] = True

    @property
    def words(self) -> str:
        return "the cross-entropies"

    @property
    def title(self) -> str:
        return "Multinomial logistic regression"

    def value(self, y: Float, eta: Float) -> Float:
        return -(y * Softmax(eta).log_p).sum(axis=1, keepdims=True)

    def slope(self, y: Float, eta: Float) -> Float:
        return Softmax(eta).less(y)

    def value_and_slope(self, y: Float, eta: Float) -> tuple[Float, Float]:
        softmax = Softmax(eta)
        return -(y * softmax.log_p).sum(axis=1, keepdims=True), softmax.less(y)

    def curvature(self, y: Float, eta: Float) -> Float:
        softmax = Softmax(eta)
        return softmax.p * softmax.rest

    def curvature_product(self, y: Float, eta: Float, V: Float) -> Float:
        p = Softmax(eta).p
        return p * (V - (p * V).sum(axis=1, keepdims=True))

    def curvature_sum(self, y: Float, eta: Float, weight: Float | None = None) -> Float:
        return Softmax(eta).curvature_sum(weight)

    def summed(
        self, y: Float, eta: Float, weight: Float | None, *, often: bool = False
    ) -> tuple[list[Float], Float]:
        softmax = Softmax(eta)
        value = -(y * softmax.log_p).sum(axis=1, keepdims=True)
        slope = softmax.less(y)
        parts = [value, slope]
        sums = [part.sum(axis=0) if weight is None else weight @ part for part in parts]
        return [*sums, softmax.curvature_sum(weight)], slope

    def conjugate(self, y: Float, u: Float) -> Float:
        return _distributed(xlogx(u + y), y, u)

    def surplus(self, y: Float, eta: Float, u: Float) -> Float:
        softmax = Softmax(eta)
        d = u - softmax.less(y)
        return _distributed(divergence(u + y, softmax.p, softmax.log_p, d), y, u)

    def domain(self, y: Float) -> tuple[Float, Float]:
        """(low, high) of each entry; the entries of a row of u must sum to 0 as well."""
        return -y, 1.0 - y

    def spread(self, value: Float) -> Float:
        return np.ones_like(value)

    def centre(self, y: Float, weight: Float | None = None) -> Float:
        shares = np.average(y, axis=0, weights=weight)
        logs = np.log(np.where(shares > 0.0, shares, np.exp(-FAR)))
        return logs - logs.mean()

    def mean(self, eta: Float) -> Float:
        return Softmax(eta).p

    def refuse_targets(self, y: Float) -> str | None:
        if y.shape[1] < 2:
            return "the multinomial loss wants a column of targets for each class, and there is one"
        sums = y.sum(axis=1)
        wrong = np.flatnonzero(~((y >= 0.0).all(axis=1) & (np.abs(sums - 1.0) <= SUMS)))
        if not wrong.size:
            return None
        row = y[wrong[0]]
        return (
            "the multinomial loss wants rows of targets that are not negative and sum to 1, and "
            f"one has least {row.min():g} and sum {row.sum():.15g}: put 1 in the column of a row's "
            "class and 0 in the others, or divide shares by their sum"
        )


class Softmax:
    """p_j = exp(eta_j) / sum_i exp(eta_i), 1 - p_j and log p_j, each (m, k) to its last digits.

    A row's largest term is counted apart from the others, whose sum says by how much its p is
    below 1.
    """

    def __init__(self, eta: Float) -> None:
        top = np.arange(len(eta)), eta.argmax(axis=1)
        lead = eta - eta[top][:, None]
        e = np.exp(lead)
        e[top] = 0.0
        others = e.sum(axis=1, keepdims=True)
        e[top] = 1.0
        lead -= np.log1p(others)
        whole = 1.0 + others
        e /= whole
        self.log_p, self.p, self.rest = lead, e, 1.0 - e
        self.rest[top] = (others / whole)[:, 0]

    def less(self, y: Float) -> Float:
        """p - y as (1 - y) p - y (1 - p): where y = 1 that is -(1 - p)."""
        found = 1.0 - y
        found *= self.p
        found -= y * self.rest
        return found

    def curvature_sum(self, weight: Float | None) -> Float:
        """(k, k) sum s (diag(p) - p p')."""
        p = self.p if weight is None else self.p * weight[:, None]
        total = -(p.T @ self.p)
        np.fill_diagonal(total, (p * self.rest).sum(axis=0))  # p - p^2, with all its digits
        return total


def _distributed(parts: Float, y: Float, u: Float) -> Float:
    """(m, 1) the sums of parts (m, k) where u + y is a distribution, +inf elsewhere."""
    at_home = (u >= -y).all(axis=1) & (np.abs(u.sum(axis=1)) <= SUMS)
    return np.where(at_home, parts.sum(axis=1), np.inf)[:, None]
