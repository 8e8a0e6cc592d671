"""Standard errors of many quantiles of the same rows: what a fit of each would get, in one go.

    Cov = B^-1 M B^-1,   M = over^2 G + (under^2 - over^2) A,   A = sum over r_i > 0 of s_i a_i a_i'

G is the same for all; A of one quantile differs from the next one's by the rows between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from leastwise.fit import Fit
from leastwise.inference.density import ZERO, density_at_zero
from leastwise.inference.rowwise import (
    KERNEL,
    Found,
    RowEvidence,
    described,
    errors_of,
    even_gram,
    known_of,
)
from leastwise.inference.table import FLAT, HELD
from leastwise.losses import Quantile
from leastwise.numerics.factors import from_gram
from leastwise.problem import Problem

Float = NDArray[np.float64]

FEW = 10  # quantiles whose residuals are there at a time
STEP = 4096  # rows that are copied at a time


def evidences(
    problem: Problem, losses: Sequence[Quantile], fits: Sequence[Fit], *, held: bool = False
) -> list[RowEvidence]:
    """`evidence` of each fit of one target, while the rows are there.

    Parameters
    ----------
    problem : of any of the quantiles: they share rows and penalty
    losses, fits : the quantiles and their fits
    held : whether some hold others off: they have no standard errors
    """
    if held:
        return [described(problem, fit, lambda n, freedom: (HELD, None, None, "")) for fit in fits]
    order = sorted(range(len(fits)), key=lambda k: -losses[k].q)
    errors = _Errors(problem, [losses[k] for k in order], [fits[k] for k in order])
    found = {
        k: described(problem, fits[k], partial(errors.of, place)) for place, k in enumerate(order)
    }
    return [found[k] for k in range(len(fits))]


class _Errors:
    """Errors of quantiles in falling order, each asked for in its turn."""

    def __init__(self, problem: Problem, losses: list[Quantile], fits: list[Fit]) -> None:
        self.design, self.losses, self.fits = problem.design, losses, fits
        self.begun = False

    def _begin(self, n: int) -> None:
        """What all share."""
        design, rows = self.design, self.design.rows
        self.begun = True
        self.gram = n * even_gram(design)
        factor = from_gram(self.gram)
        self.inverse, self.known = factor.inverse(), known_of(rows, factor)[None]
        deviation = np.sqrt(np.maximum(design.moments().yy, 0.0) / rows.weight)
        self.spread = float(deviation[0])
        self.block = design.source.gather()
        self.used = None if rows.weights is None else rows.weights > 0.0
        self.scale = n / rows.weight
        self.above = np.zeros(self.block.rows, bool)
        self.over = np.zeros_like(self.gram)
        self.first, self.residuals = 0, np.empty((0, 0))

    def of(self, place: int, n: int, freedom: float) -> Found:
        """The errors of the quantile there, as of a fit alone."""
        if not self.begun:
            self._begin(n)
        if not self.first <= place < self.first + len(self.residuals):
            self.first, self.residuals = place, self._residuals(place)
        r, loss, weights = self.residuals[place - self.first], self.losses[place], None
        self._move(r > ZERO * self.spread)
        if self.used is not None:
            assert self.design.rows.weights is not None, "some are not used"
            r, weights = r[self.used], self.design.rows.weights[self.used] * self.scale
        at_zero = density_at_zero(r, weights, loss.q, n, self.spread)
        if at_zero is None:
            return FLAT, None, None, ""
        meat = loss.over**2 * self.gram + (loss.under**2 - loss.over**2) * self.over
        cov = self.inverse @ (meat / at_zero**2) @ self.inverse
        return None, errors_of(self.design.rows, cov)[None], self.known, KERNEL

    def _residuals(self, place: int) -> Float:
        """(few, n) of the quantiles from here on."""
        fits, rows = self.fits[place : place + FEW], self.design.rows
        coef = np.hstack([fit.coef for fit in fits])
        level = np.concatenate([fit.intercept for fit in fits])
        if rows.mean is not None:
            level = level + rows.mean @ coef
        product = np.concatenate(rows.times(coef))
        return np.subtract(self.block.y[:, 0], (product + level).T, order="C")

    def _move(self, above: NDArray[np.bool_]) -> None:
        """Bring A up to date with the rows above now."""
        changed = np.flatnonzero(above != self.above)
        weights, mean = self.block.weight, self.design.rows.mean
        for first in range(0, changed.size, STEP):
            some = changed[first : first + STEP]
            picked = self.block.X[some]
            dense = picked.toarray() if hasattr(picked, "toarray") else picked
            a = np.asarray(dense, np.float64)
            if mean is not None:
                a = np.column_stack([np.ones(some.size), a - mean])
            sign = np.where(above[some], self.scale, -self.scale)
            self.over += (a * (sign if weights is None else sign * weights[some])[:, None]).T @ a
        self.above = above
