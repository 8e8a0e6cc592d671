"""The elastic net (Zou and Hastie 2005): ridge and lasso are its two ends, no penalty its origin.

Omega(w)  = sum_j f_j (l1 s_j |w_j| + l2/2 s_j^2 w_j^2),      lower_j <= w_j <= upper_j
prox      = S(w_j, t l1_j) / (1 + t l2_j) within the bounds,  S(v, t) = sign(v) max(|v| - t, 0)
Omega*(v) = sum_j v_j u_j - l1_j |u_j| - l2_j/2 u_j^2,        u_j = S(v_j, l1_j) / l2_j within them

with l1_j = f_j s_j l1 and l2_j = f_j s_j^2 l2. Without bounds and where l2_j = 0 the conjugate is
0 for |v_j| <= l1_j and infinite beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import UsageError, at_least_zero
from leastwise.penalties.base import Float, Penalty

EXCLUDED = 1e200  # the l1 of a column with an infinite factor: no correlation comes near it


def soft_threshold(v: Float, t: Float | float) -> Float:
    """S(v, t) = sign(v) max(|v| - t, 0), the prox of t|.|.

    Examples
    --------
    >>> soft_threshold(np.array([-2.0, -0.3, 0.3, 2.0]), 1.0)
    array([-1., -0.,  0.,  1.])
    """
    return np.sign(v) * np.maximum(np.abs(v) - t, 0.0)


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """Omega(w) = sum_j f_j (l1 s_j |w_j| + l2/2 s_j^2 w_j^2) within bounds.

    Parameters
    ----------
    l1, l2 : strengths, finite and not negative
    factors : (p,) f, one a column, not negative; 0 leaves a column unpenalised, inf excludes it;
    ones by default
    lower, upper : (p,) bounds of each coefficient, lower <= 0 <= upper; none by default
    scale : (p,) s, the units that coefficients are penalised in: the columns' standard deviations
    where a fit standardises; ones by default

    Raises
    ------
    UsageError
        If a strength, a factor or a bound is out of range.
    """

    name: ClassVar[str] = "elastic-net"
    l1: float = 0.0
    l2: float = 0.0
    factors: Float | None = field(default=None, compare=False)
    lower: Float | None = field(default=None, compare=False)
    upper: Float | None = field(default=None, compare=False)
    scale: Float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        at_least_zero("l1", self.l1)
        at_least_zero("l2", self.l2)
        if self.factors is not None:
            _refuse(
                np.isnan(self.factors) | (self.factors < 0),
                self.factors,
                "the penalty factor of column {at} is {value}; factors are at least 0, and inf "
                "excludes a column",
            )
        _check_bounds(self.lower, self.upper)

    @property
    def bounded(self) -> bool:
        """Whether any coefficient has a bound."""
        sides = (self.lower, self.upper)
        return any(side is not None and bool(np.isfinite(side).any()) for side in sides)

    @property
    def even(self) -> bool:
        """Whether all columns pay alike, something, and have no bounds."""
        alike = self.factors is None and self.scale is None and not self.joint
        return alike and self.l1 + self.l2 > 0.0 and not self.bounded

    def strengths(self, p: int) -> tuple[Float, Float]:
        """(p,) l1_j and (p,) l2_j, with all factors and units in; not to be written to."""
        if self.scale is None and self.factors is None:
            return _repeated(self.l1, p), _repeated(self.l2, p)
        l1, l2 = np.full(p, float(self.l1)), np.full(p, float(self.l2))
        if self.scale is not None:
            with np.errstate(over="ignore"):
                l1 *= self.scale
                l2 = np.minimum(l2 * self.scale * self.scale, EXCLUDED)
        if self.factors is not None:
            excluded = np.isinf(self.factors)
            factors = np.where(excluded, 1.0, self.factors)
            l1 *= factors
            l2 *= factors
            l1[excluded] = EXCLUDED
        return l1, l2

    def bounds(self, p: int) -> tuple[Float, Float]:
        """(p,) lower and (p,) upper, infinite where there is none; not to be written to."""
        lower = _repeated(-np.inf, p) if self.lower is None else self.lower
        return lower, _repeated(np.inf, p) if self.upper is None else self.upper

    def among(self, columns: NDArray[np.intp]) -> Self:
        """The same penalty on the chosen columns."""
        sides = {
            "factors": self.factors,
            "lower": self.lower,
            "upper": self.upper,
            "scale": self.scale,
        }
        chosen = {name: side[columns] for name, side in sides.items() if side is not None}
        return replace(self, **chosen)

    def times(self, strength: float) -> ElasticNet:
        """The same penalty, l1 and l2 multiplied."""
        return replace(self, l1=self.l1 * strength, l2=self.l2 * strength)

    def value(self, w: Float) -> Float:
        size = np.abs(self.measure(w))
        if self.scale is None and self.factors is None:
            paid = self.l1 * size.sum(axis=0) + 0.5 * self.l2 * (size * size).sum(axis=0)
        else:
            l1, l2 = self.strengths(w.shape[0])
            paid = l1 @ size + 0.5 * (l2 @ size**2)
        if not self.bounded:
            return paid
        lower, upper = self.bounds(w.shape[0])
        outside = (w < lower[:, None]) | (w > upper[:, None])
        return np.where(outside.any(axis=0), np.inf, paid)

    def prox(self, w: Float, step: float | Float) -> Float:
        l1, l2 = self.strengths(w.shape[0])
        least = soft_threshold(w, (step * l1)[:, None]) / (1.0 + (step * l2)[:, None])
        if not self.bounded:
            return least
        lower, upper = self.bounds(w.shape[0])
        return np.clip(least, lower[:, None], upper[:, None])

    def conjugate(self, v: Float) -> Float:
        l1, l2 = (strength[:, None] for strength in self.strengths(v.shape[0]))
        lower, upper = (side[:, None] for side in self.bounds(v.shape[0]))
        return conjugates(self.measure(v), l1, l2, lower, upper).sum(axis=0)

    def feasible_scale(self, v: Float) -> Float:
        l1, l2 = self.strengths(v.shape[0])
        lower, upper = self.bounds(v.shape[0])
        v = self.measure(v)
        free = ((v > 0.0) & np.isinf(upper)[:, None]) | ((v < 0.0) & np.isinf(lower)[:, None])
        bound = free & (l2 == 0.0)[:, None]
        with np.errstate(divide="ignore", over="ignore"):
            ratio = np.where(bound, l1[:, None] / np.where(bound, np.abs(v), 1.0), np.inf)
        return ratio.min(axis=0, initial=np.inf)


def conjugates(v: Float, l1: Float, l2: Float, lower: Float, upper: Float) -> Float:
    """sup over u in [lower, upper] of v u - l1 |u| - l2/2 u^2, elementwise; +inf where unbounded.

    Examples
    --------
    >>> conjugates(np.array([0.5, 3.0, 3.0]), 1.0, np.array([0.0, 2.0, 0.0]), -1.0, 5.0)
    array([ 0.,  1., 10.])
    """
    over = np.maximum(np.abs(v) - l1, 0.0)
    furthest = np.where(v > 0.0, upper, -lower)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        reached = np.minimum(np.where(l2 > 0.0, over / l2, np.inf), furthest)
        gained = over * reached - np.where(l2 > 0.0, 0.5 * l2 * reached**2, 0.0)
    return np.where((over == 0.0) | (furthest == 0.0), 0.0, gained)


def box(bounds: Any, columns: Sequence[str]) -> tuple[Float | None, Float | None]:
    """(p,) lower and (p,) upper of `bounds`, a pair of numbers, arrays or None; or of None.

    Raises
    ------
    UsageError
        If it is not a pair, a side is neither one number nor p of them, or zero is not allowed; the
        message names the column.

    Examples
    --------
    >>> box((0, None), ["area", "rooms"])
    (array([0., 0.]), None)
    """
    if bounds is None:
        return None, None
    p = len(columns)
    if not isinstance(bounds, Sequence | np.ndarray) or len(bounds) != 2:
        raise UsageError(f"bounds must be a pair (lower, upper), not {bounds!r}")
    sides: list[Float | None] = []
    for side in bounds:
        try:
            values = None if side is None else np.array(side, np.float64)
        except (TypeError, ValueError):
            raise UsageError(f"a bound is a number, {p} numbers or None, not {side!r}") from None
        if values is not None and values.shape not in ((), (p,)):
            raise UsageError(f"there are {p} columns and a bound of shape {values.shape}")
        sides.append(None if values is None else np.broadcast_to(values, (p,)).copy())
    _check_bounds(sides[0], sides[1], columns)
    return sides[0], sides[1]


def _check_bounds(
    lower: Float | None, upper: Float | None, columns: Sequence[str] | None = None
) -> None:
    """Refuse bounds between which zero is not."""
    if lower is not None:
        _refuse(
            ~(lower <= 0.0),
            lower,
            "the lower bound of column {at} is {value:g}; it must be 0 or below, so that zero is "
            "allowed",
            columns,
        )
    if upper is not None:
        _refuse(
            ~(upper >= 0.0),
            upper,
            "the upper bound of column {at} is {value:g}; it must be 0 or above, so that zero is "
            "allowed",
            columns,
        )


def _repeated(value: float, p: int) -> Float:
    """(p,) one number p times, which takes the room of one."""
    return np.ndarray((p,), np.float64, np.array([value], np.float64), 0, (0,))


def _refuse(
    wrong: NDArray[np.bool_], values: Float, words: str, columns: Sequence[str] | None = None
) -> None:
    """A UsageError about the first wrong column, by its name where columns have one."""
    if wrong.any():
        at = int(np.argmax(wrong))
        name = at if columns is None else repr(columns[at])
        raise UsageError(words.format(at=name, value=values[at]))
