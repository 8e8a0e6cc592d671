"""Loss: what a fit pays for predictions eta where the targets are y. Stateless, row by row."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import UsageError

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Loss(ABC):
    """A convex function l(y, eta) of eta for each y.

    y and eta are (m, k), k outputs of m rows. Losses that treat each entry by itself take numbers
    and vectors as well; a coupled loss has one value for all outputs of a row, (m, 1) wherever
    others give (m, k) values.

    Attributes
    ----------
    name : the word that selects it
    formula : what it is, for people
    curvature_bound : the largest second derivative in eta (in any direction of the outputs), None
        where there are kinks
    quadratic : whether the second derivative is one constant, so that moments say all
    coupled : whether the outputs of a row share one value
    located : whether it is a function of y - eta, so that moving both changes nothing
    linear_tails : whether it is linear far from its target, with the slopes that its domain ends at
    of_classes : whether targets are classes, and predictions their probabilities
    surplus_is_square : whether `surplus_bound` knows one, which is of (1 - kappa)^2
    words : what its mean is of, for people ; title : what a fit of it is called
    """

    name: ClassVar[str]
    curvature_bound: ClassVar[float | None]
    quadratic: ClassVar[bool]
    formula: ClassVar[str]
    coupled: ClassVar[bool] = False
    located: ClassVar[bool] = True
    linear_tails: ClassVar[bool] = False
    of_classes: ClassVar[bool] = False
    surplus_is_square: ClassVar[bool] = False

    @property
    @abstractmethod
    def words(self) -> str: ...

    @property
    @abstractmethod
    def title(self) -> str: ...

    @property
    def smooth(self) -> bool:
        """Whether the slope is continuous in eta."""
        return self.curvature_bound is not None

    @property
    def kind(self) -> str:
        """What solvers are for: "quadratic", "smooth" or "kinked"."""
        return "quadratic" if self.quadratic else "smooth" if self.smooth else "kinked"

    @property
    def label(self) -> str:
        """The name with its parameters, as `losses.named` reads it: quantile(0.9)."""
        values = [repr(getattr(self, each.name)) for each in dataclasses.fields(self)]
        return f"{self.name}({', '.join(values)})" if values else self.name

    @abstractmethod
    def value(self, y: Float, eta: Float) -> Float:
        """l(y, eta): (m, k), or (m, 1) where coupled."""

    @abstractmethod
    def slope(self, y: Float, eta: Float) -> Float:
        """(m, k) dl/deta, or at a kink the subgradient 0."""

    def value_and_slope(self, y: Float, eta: Float) -> tuple[Float, Float]:
        """Both at once, for losses whose two share their work."""
        return self.value(y, eta), self.slope(y, eta)

    def summed(
        self, y: Float, eta: Float, weight: Float | None, *, often: bool = False
    ) -> tuple[list[Float], Float]:
        """sum s l (g,), sum s l' (k,), sum s l'' (k,), and l' itself (m, k).

        eta may have more outputs than y, each for the same targets. The sum of l'' is (k, k) where
        the outputs are coupled. `often` is whether so many numbers follow that to load a compiled
        loop pays, where there is one.
        """
        value, slope = self.value_and_slope(y, eta)
        parts = [value, slope, self.curvature(y, eta)]
        if weight is None:
            return [part.sum(axis=0) for part in parts], slope
        return [weight @ part for part in parts], slope

    @abstractmethod
    def curvature(self, y: Float, eta: Float) -> Float:
        """(m, k) d2l/deta2, its diagonal where coupled; at a kink of the slope its inner side's."""

    def majorant(self, y: Float, eta: Float) -> Float:
        """(m, k) the curvature of a parabola that touches l at eta and is nowhere below it.

        A step on it never raises a smooth loss, wherever it begins.
        """
        assert self.curvature_bound is not None, "a loss with kinks has none"
        return np.full(np.shape(eta), self.curvature_bound)

    def curvature_product(self, y: Float, eta: Float, V: Float) -> Float:
        """(m, k) d2l/deta2 times V (m, k), row by row."""
        return self.curvature(y, eta) * V

    def curvature_sum(self, y: Float, eta: Float, weight: Float | None = None) -> Float:
        """(k, k) sum s d2l/deta2 of all rows."""
        bend = self.curvature(y, eta)
        return np.diag(bend.sum(axis=0) if weight is None else weight @ bend)

    @abstractmethod
    def conjugate(self, y: Float, u: Float) -> Float:
        """l*(y, u) = sup over eta of u eta - l(y, eta), shaped as value; +inf off its domain."""

    @abstractmethod
    def surplus(self, y: Float, eta: Float, u: Float) -> Float:
        """l(y, eta) + l*(y, u) - u eta, shaped as value: what Fenchel and Young say is >= 0.

        Never summed from its three terms, which would lose it to rounding: it is exactly 0 at
        u = slope(y, eta), keeps its digits near there, and is +inf off the conjugate's domain.
        """

    def surplus_bound(self, y: Float, u: Float, kappa: Float) -> Float:
        """A bound of the surplus at kappa u, where u is the slope and kappa from 0 to 1.

        It takes no exponential and no logarithm; +inf where none is known. Shaped as value.
        """
        return np.full((len(u), 1 if self.coupled else u.shape[1]), np.inf)

    @abstractmethod
    def domain(self, y: Float) -> tuple[Float, Float]:
        """(low, high), each shaped as y: where the conjugate is finite, low <= u <= high.

        A coupled loss may ask more of u than these bounds.
        """

    @abstractmethod
    def spread(self, value: Float) -> Float:
        """How large residuals are, in units of eta, whose mean loss is this; 1 for classes."""

    @abstractmethod
    def centre(self, y: Float, weight: Float | None = None) -> Float:
        """(k,) the eta that is best for all rows of y (n, k), with weights (n,) or None.

        It is what an intercept alone is fitted to. Where a whole interval is best, its midpoint.
        """

    def mean(self, eta: Float) -> Float:
        """(m, k) what is predicted: eta itself, or probabilities."""
        return eta

    def refuse_targets(self, y: Float) -> str | None:
        """Why targets (n, k) do not suit this loss, or None."""
        return None


def inside(value: Float, u: Float, low: Float | float, high: Float | float) -> Float:
    """`value` where low <= u <= high, +inf elsewhere (NaN too); a number if all are numbers."""
    return np.where((low <= u) & (u <= high), value, np.inf)[()]


def number_between(name: str, value: Any, low: float, high: float, words: str) -> float:
    """`value` as a float if it is a number with low < value < high.

    Raises
    ------
    UsageError
        If it is not; the message is made of the name, the words and the value.
    """
    try:
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        found = float(value) if is_number else math.nan
    except OverflowError:
        found = math.inf
    if not low < found < high:
        raise UsageError(f"{name} must be {words}, not {value!r}")
    return found
