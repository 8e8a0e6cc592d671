"""What is checked: a loss of the registry over rows, or a function of the user's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block, tensors
from leastwise.errors import DataError, UsageError
from leastwise.gradients import autograd
from leastwise.gradients.layout import Layout, spread_of, units
from leastwise.losses import Loss
from leastwise.penalties import ElasticNet
from leastwise.sources import Source

Float = NDArray[np.float64]
NO_TORCH = "PyTorch is not installed"
NOT_FOLLOWED = "the loss is not made of operations that PyTorch can follow"


@dataclass(frozen=True)
class Function:
    """A user's function of (w, b, X, y), or of (w, X, y) without an intercept.

    Parameters
    ----------
    call : the function ; what : how a message calls it
    X, y : float64 arrays, of which every call gets a copy
    wrap : what makes of an array what the function takes: a copy, or a tensor
    """

    call: Callable[..., Any]
    what: str
    layout: Layout
    X: Float
    y: Float
    wrap: Callable[[Any], Any]

    def __post_init__(self) -> None:
        names = self._arguments()
        try:
            inspect.signature(self.call).bind(*names)
        except ValueError:  # it does not say what it takes
            return
        except TypeError as error:
            other = "give intercept=False" if self.layout.intercept else "leave intercept=False out"
            raise UsageError(
                f"{self.what} is called as {self.what}({', '.join(names)}), and it does not take "
                f"these ({error}): take them, or {other} where b is {'not ' * (len(names) > 3)}"
                "among its arguments"
            ) from None

    def _arguments(self) -> list[str]:
        return ["w", "b", "X", "y"] if self.layout.intercept else ["w", "X", "y"]

    def at(self, w: Any, b: Any, X: Float | None = None, y: Float | None = None) -> Any:
        """What it returns, with other rows where they are given."""
        rows = self.wrap(self.X if X is None else X), self.wrap(self.y if y is None else y)
        points = (w, b) if self.layout.intercept else (w,)
        try:
            return self.call(*points, *rows)
        except Exception as error:
            names = ", ".join(self._arguments())
            error.add_note(
                f"{self.what} was called as {self.what}({names}) with w of shape "
                f"{self.layout.shape}, X {self.X.shape} and y {self.y.shape}; give X as a tensor "
                "where it is written for tensors"
            )
            raise

    def _point(self, beta: Float) -> tuple[Any, Any]:
        w, b = self.layout.cut(beta)
        wrapped = tensors.is_tensor(self.wrap(np.zeros(1)))
        return (self.wrap(w), self.wrap(b)) if wrapped else (w, b)

    def raw(self, beta: Float, X: Float | None = None, y: Float | None = None) -> Any:
        """What it returns at beta (d,), as arrays."""
        found = self.at(*self._point(beta), X, y)
        return found if isinstance(found, tuple | list) else tensors.array_of(found)

    def value(self, beta: Float, X: Float | None = None, y: Float | None = None) -> float:
        """The number it returns.

        Raises
        ------
        UsageError
            It returns more than one, or no real number.
        """
        found = np.asarray(self.raw(beta, X, y))
        if found.size != 1:
            n = len(self.y)
            why = (
                "predictions of shape (n,) and targets of shape (n, 1) were broadcast against "
                "each other"
                if found.shape == (n, n)
                else "take the mean or the sum over the rows"
            )
            raise UsageError(f"{self.what} returned shape {found.shape}, not one number: {why}")
        if found.dtype.kind not in "biuf":
            raise UsageError(f"{self.what} returned {found.ravel()[0]!r}, not a real number")
        return float(found.ravel()[0])

    def gradient(
        self, beta: Float, X: Float | None = None, y: Float | None = None
    ) -> tuple[Float, tuple[int, ...]]:
        """(d,) the gradient it returns, and the shape that the part of w came in.

        Raises
        ------
        UsageError
            It does not return what there are coefficients for, or NaN or infinity.
        """
        found = self.raw(beta, X, y)
        pair = isinstance(found, tuple | list)
        if self.layout.intercept and not (pair and len(found) == 2):
            raise UsageError(
                f"{self.what} must return the gradients in w and in b, a pair, and returned a "
                f"{type(found).__name__}; without an intercept give intercept=False"
            )
        if pair and not self.layout.intercept:
            found = found[0] if len(found) == 1 else np.asarray(found, np.float64)
        w, b = (tensors.array_of(part) for part in found) if self.layout.intercept else (found, 0.0)
        w = np.array(tensors.array_of(w), np.float64)
        flat = self.layout.join(w, np.array(b, np.float64), self.what)
        if not np.isfinite(flat).all():
            raise UsageError(f"{self.what} returned NaN, infinity or None: {flat}")
        return flat, w.shape

    @property
    def eps(self) -> float:
        """The rounding of the numbers that its values are computed in."""
        dtype = np.asarray(self.raw(np.zeros(self.layout.size))).dtype
        return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)

    def followed(self, beta: Float) -> tuple[Float | None, str]:
        """(d,) its gradient by autograd, or None and why there is none."""
        if not tensors.installed():
            return None, NO_TORCH
        wrap = autograd.wrapper(self.wrap(np.zeros(1)))
        on_tensors = Function(self.call, self.what, self.layout, self.X, self.y, wrap)
        try:
            w, b = autograd.gradient(on_tensors.at, *self.layout.cut(beta))
        except Exception:  # whatever a user's function does not bear
            return None, NOT_FOLLOWED
        return self.layout.join(w, b, self.what), ""


@dataclass(frozen=True)
class Registered:
    """F(b, w) of a loss of the registry: the weighted mean over rows, plus the penalty.

    One pass of the source's blocks gives value and gradient, with the products and slopes that the
    solvers take; differences and autograd know nothing of them.
    """

    source: Source
    loss: Loss
    penalty: ElasticNet
    layout: Layout

    def _cut(self, beta: Float) -> tuple[Float, Float]:
        p, k = len(self.source.columns), len(self.source.targets)
        w, b = self.layout.cut(beta)
        return np.reshape(w, (p, k)), np.broadcast_to(np.ravel(b), (k,))

    def value(self, beta: Float) -> float:
        """F."""
        w, b = self._cut(beta)

        def statistic(block: Block) -> Float:
            eta = block.centred(None, passing=True).times(w) + b
            total = block.weighted(self.loss.value(block.y, eta)).sum()
            return np.array([total, block.total()])

        total, weight = self.source.reduce(statistic, np.add)
        return float(total / weight + self.penalty.value(w).sum())

    def gradient(self, beta: Float) -> Float:
        """(d,) the gradient of F: X' S l'(y, eta) / W + l1 sign(w) + l2 w, and that in b."""
        w, b = self._cut(beta)

        def statistic(block: Block) -> Float:
            view = block.centred(None, passing=True)
            slope = block.weighted(self.loss.slope(block.y, view.times(w) + b))
            weight = np.full((1, slope.shape[1]), block.total())
            return np.concatenate([view.back(slope), slope.sum(axis=0)[None], weight])

        found = self.source.reduce(statistic, np.add)
        mean = found[:-1] / found[-1]
        l1, l2 = self.penalty.strengths(w.shape[0])
        paid = l1[:, None] * np.sign(w) + l2[:, None] * w
        return self.layout.join(mean[:-1] + paid, mean[-1], "the gradient")

    def followed(self, beta: Float) -> tuple[Float | None, str]:
        """(d,) the gradient of F by autograd, or None and why there is none."""
        if not tensors.installed():
            return None, NO_TORCH
        block = self.source.gather()
        X = block.centred(None).dense()
        value = autograd.mean_of(self.loss, X, block.y, block.weight, self.penalty)
        if value is None:
            return None, f"the {self.loss.name} loss is not written for PyTorch"
        w, b = autograd.gradient(value, *self._cut(beta))
        return self.layout.join(w, b, "autograd's"), ""

    def scales(self) -> tuple[Float, Float]:
        """(d,) the units of the coefficients, and (k,) a level of the predictions."""
        block = self.source.gather()
        total = block.total()
        lengths = np.sqrt(block.centred(None).squares(block.weight) / total)
        if not np.isfinite(lengths).all():
            where = self.source.non_finite() or "X holds numbers too large to be squared"
            raise DataError(f"{where}: drop or repair the row")
        k = block.y.shape[1]
        if not self.loss.located:
            return units(self.layout, lengths, np.ones(k)), np.zeros(k)
        level = np.average(block.y, axis=0, weights=block.weight)
        return units(self.layout, lengths, spread_of(block.y, block.weight)), level
