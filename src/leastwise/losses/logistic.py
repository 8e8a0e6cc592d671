"""Logistic loss, l(y, eta) = log(1 + exp(eta)) - y eta (Berkson 1944; Cox 1958)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leastwise.losses.base import Float, Loss, inside
from leastwise.losses.entropy import FAR, divergence, xlogx


@dataclass(frozen=True)
class Logistic(Loss):
    """l = log(1 + exp(eta)) - y eta, slope p - y, curvature p (1 - p), p = 1 / (1 + exp(-eta)).

    With q = u + y the conjugate is q log q + (1 - q) log(1 - q) on 0 <= q <= 1, and the surplus the
    divergence of q from p. Targets are 0 and 1, or shares between. The centre is the log odds of
    the weighted mean; if that is 0 or 1 the optimum is at infinity, and the centre is -37 or 37,
    where the loss is below 1e-16.

    Examples
    --------
    >>> Logistic().value(np.array([1.0, 0.0, 1.0]), np.array([0.0, -1000.0, -1000.0]))
    array([6.93147181e-01, 0.00000000e+00, 1.00000000e+03])
    """

    name: ClassVar[str] = "logistic"
    curvature_bound: ClassVar[float | None] = 0.25
    quadratic: ClassVar[bool] = False
    located: ClassVar[bool] = False
    formula: ClassVar[str] = "log(1 + exp η) − y η"
    of_classes: ClassVar[bool] = True
    surplus_is_square: ClassVar[bool] = True

    @property
    def words(self) -> str:
        return "the logistic losses"

    @property
    def title(self) -> str:
        return "Logistic regression"

    def value(self, y: Float, eta: Float) -> Float:
        return _value(y, eta, np.exp(-np.abs(eta)))

    def slope(self, y: Float, eta: Float) -> Float:
        return _slope(y, eta, np.exp(-np.abs(eta)))

    def value_and_slope(self, y: Float, eta: Float) -> tuple[Float, Float]:
        e = np.exp(-np.abs(eta))
        return _value(y, eta, e), _slope(y, eta, e)

    def summed(
        self, y: Float, eta: Float, weight: Float | None, *, often: bool = False
    ) -> tuple[list[Float], Float]:
        heavy = np.ones(len(y)) if weight is None else weight
        if often:
            from leastwise.kernels.logistic import TILE, sums

            slope = np.empty(eta.shape)
            rows = (np.ascontiguousarray(part) for part in (y, eta, heavy))
            outputs = eta.shape[1]
            total, beside = np.empty((2, 3, outputs))
            sums(*rows, slope, total, np.empty((3, max(TILE, outputs))), beside)
            return list(total), slope
        # As `_value` and `_slope`, from one exponential and one division a row, in few arrays.
        e = np.abs(eta, order="C")
        np.exp(np.negative(e, out=e), out=e)
        up = 1.0 * np.greater(eta, 0.0)
        line = up - y
        slope = np.subtract(1.0 - y, up, out=up)
        slope *= e
        slope += line
        line *= eta
        line += np.log1p(e)
        value = heavy @ line
        share = np.add(1.0, e, out=line)
        np.divide(1.0, share, out=share)
        slope *= share
        bend = np.multiply(e, share, out=e)
        bend *= share
        return [value, heavy @ slope, heavy @ bend], slope

    def curvature(self, y: Float, eta: Float) -> Float:
        e = np.exp(-np.abs(eta))
        return e / (1.0 + e) ** 2

    def conjugate(self, y: Float, u: Float) -> Float:
        return inside(xlogx(u + y) + xlogx(1.0 - y - u), u, -y, 1.0 - y)

    def surplus(self, y: Float, eta: Float, u: Float) -> Float:
        e = np.exp(-np.abs(eta))
        p, rest = odds(eta, e)
        d = u - _slope(y, eta, e)
        log_p, log_rest = -_value(1.0, eta, e), -_value(0.0, eta, e)
        gap = divergence(u + y, p, log_p, d) + divergence(1.0 - y - u, rest, log_rest, -d)
        return inside(gap, u, -y, 1.0 - y)

    def surplus_bound(self, y: Float, u: Float, kappa: Float) -> Float:
        # Divergence is at most chi-squared, ((1 - kappa) u)^2 (1/p + 1/(1 - p)).
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = ((1.0 - kappa) * u) ** 2 / ((u + y) * ((1.0 - y) - u))
        return np.where(u == 0.0, 0.0, bound)

    def domain(self, y: Float) -> tuple[Float, Float]:
        return np.negative(y), np.subtract(1.0, y)

    def spread(self, value: Float) -> Float:
        return np.ones_like(value)

    def centre(self, y: Float, weight: Float | None = None) -> Float:
        ones = np.average(y, axis=0, weights=weight)
        zeros = np.average(1.0 - y, axis=0, weights=weight)
        with np.errstate(divide="ignore"):
            found = np.log(ones) - np.log(zeros)
        return np.where(np.isfinite(found), found, FAR * np.sign(found))

    def mean(self, eta: Float) -> Float:
        return odds(eta, np.exp(-np.abs(eta)))[0]

    def refuse_targets(self, y: Float) -> str | None:
        wrong = y[~((y >= 0.0) & (y <= 1.0))]
        if wrong.size:
            return (
                f"the logistic loss wants targets from 0 to 1, and one is {wrong.flat[0]:g}: code "
                "the two classes as 0 and 1"
            )
        return None


def odds(eta: Float, e: Float) -> tuple[Float, Float]:
    """p = 1 / (1 + exp(-eta)) and 1 - p, both to the last digit; e is exp(-|eta|).

    Examples
    --------
    >>> odds(np.array([0.0, 50.0]), np.exp([0.0, -50.0]))
    (array([0.5, 1. ]), array([5.00000000e-01, 1.92874985e-22]))
    """
    up = 1.0 * np.greater(eta, 0.0)
    return (up + (1.0 - up) * e) / (1.0 + e), (1.0 - up + up * e) / (1.0 + e)


def _value(y: Float | float, eta: Float, e: Float) -> Float:
    """l with e = exp(-|eta|); for targets of 0 and 1 nothing cancels in the second term."""
    return np.log1p(e) + (np.maximum(eta, 0.0) - y * eta)


def _slope(y: Float, eta: Float, e: Float) -> Float:
    """p - y over one denominator: for y = 1 it is -(1 - p), which p - 1 would round off."""
    up = 1.0 * np.greater(eta, 0.0)  # arithmetic, since choosing by an unforeseen sign is slow
    return (up - y + (1.0 - up - y) * e) / (1.0 + e)
