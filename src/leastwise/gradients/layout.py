"""Coefficients and intercept as one vector, beta = [w, b], and the units of steps in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import UsageError

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """How beta (d,) is cut into w and b.

    Parameters
    ----------
    shape : of w: (), (p,) or (p, k)
    intercept : whether there is b, of the shape of a row's prediction
    """

    shape: tuple[int, ...]
    intercept: bool

    @property
    def coefs(self) -> int:
        """How many numbers w holds."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """d."""
        return self.coefs + self.intercept * math.prod(self.shape[1:])

    def cut(self, beta: Float) -> tuple[Any, Any]:
        """W and b, copies; b is 0.0 where there is none."""
        w = beta[: self.coefs].reshape(self.shape).copy()[()]
        if not self.intercept:
            return w, 0.0
        return w, beta[self.coefs :].reshape(self.shape[1:]).copy()[()]

    def join(self, w: Any, b: Any, what: str) -> Float:
        """beta (d,) of w and b.

        Raises
        ------
        UsageError
            They are not of these shapes; the message begins with `what`.
        """
        parts = [(np.asarray(w, np.float64), self.shape, "coefficients")]
        if self.intercept:
            parts.append((np.asarray(b, np.float64), self.shape[1:], "the intercept"))
        for part, shape, name in parts:
            if part.size != math.prod(shape):
                raise UsageError(f"{what} has shape {part.shape} where {name} have {shape}")
        return np.concatenate([part.ravel() for part, _, _ in parts])

    def name(self, place: int) -> str:
        """What the number at a place of beta is called: w[3], w[3, 1], b."""
        if place >= self.coefs:
            at = np.unravel_index(place - self.coefs, self.shape[1:]) if self.shape[1:] else ()
            stem = "b"
        else:
            at, stem = (np.unravel_index(place, self.shape) if self.shape else ()), "w"
        return f"{stem}[{', '.join(str(i) for i in at)}]" if at else stem


def spread_of(y: Float, weight: Float | None = None) -> Float:
    """(k,) the standard deviations of y (n, k), 1 where they are zero."""
    mean = np.average(y, axis=0, weights=weight)
    spread = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))
    return np.where(spread > 0.0, spread, 1.0)


def units(layout: Layout, lengths: Float, spread: Float) -> Float:
    """(d,) how far each number goes to move the predictions by about `spread` (k,).

    Parameters
    ----------
    lengths : (p,) root mean squares of the columns
    """
    each = np.multiply.outer(1.0 / np.where(lengths > 0.0, lengths, 1.0), spread).ravel()
    return np.concatenate([each, spread]) if layout.intercept else each


def somewhere(layout: Layout, unit: Float, level: Float, seed: int) -> Float:
    """(d,) a point whose predictions are about as far from `level` (k,) as targets are.

    No number is near zero, where an l1 penalty has its kink.
    """
    rng = np.random.default_rng(seed)
    away = rng.choice([-1.0, 1.0], layout.size) * (0.3 + np.abs(rng.normal(size=layout.size)))
    columns = max(layout.coefs // max(math.prod(layout.shape[1:]), 1), 1)
    beta = unit * away
    beta[: layout.coefs] /= math.sqrt(columns)
    beta[layout.coefs :] += level if layout.intercept else 0.0
    return beta
