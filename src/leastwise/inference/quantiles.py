"""Standard errors of many quantiles of the same rows: what a fit of each would get, in one go.

    Cov = B^-1 M B^-1,   M = over^2 G + (under^2 - over^2) A,   A = sum over r_i > 0 of s_i a_i a_i'

G is the same for all; A of one quantile differs from the next one's by the rows between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from leastwise.fit import Fit
from leastwise.inference.density import density_at_zero, least_residual
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
from leastwise.numerics.threads import parallel, workers
from leastwise.problem import Design, Problem

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
    shared = _Shared(problem.design)
    count = max(1, min(workers(), len(order) // FEW))

    def along(part: int) -> list[RowEvidence]:
        places = order[len(order) * part // count : len(order) * (part + 1) // count]
        errors = _Errors(shared, [losses[k] for k in places], [fits[k] for k in places], count)
        return [
            described(problem, fits[k], partial(errors.of, place)) for place, k in enumerate(places)
        ]

    problem.design.moments(full=False)  # before threads ask for them
    parts = [along(0)] if count == 1 else parallel(along, range(count))
    found = dict(zip(order, chain.from_iterable(parts), strict=True))
    return [found[k] for k in range(len(fits))]


class _Shared:
    """What the errors of all quantiles have in common; made when the first of them is asked for."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self._lock, self._begun = Lock(), False

    def begin(self, n: int) -> None:
        with self._lock:
            if self._begun:
                return
            design, rows = self.design, self.design.rows
            self.gram = n * even_gram(design)
            factor = from_gram(self.gram)
            self.inverse, self.known = factor.inverse(), known_of(rows, factor)[None]
            deviation = np.sqrt(np.maximum(design.moments().yy, 0.0) / rows.weight)
            self.spread = float(deviation[0])
            self.block = design.source.gather()
            self.used = None if rows.weights is None else rows.weights > 0.0
            self.scale = n / rows.weight
            self._begun = True


class _Errors:
    """Errors of quantiles in falling order, each asked for in its turn.

    `beside` is how many of these work at a time.
    """

    def __init__(
        self, shared: _Shared, losses: list[Quantile], fits: list[Fit], beside: int
    ) -> None:
        self.shared, self.losses, self.fits = shared, losses, fits
        self.few = max(1, FEW // beside)
        self.above: NDArray[np.bool_] = np.zeros(0, bool)
        self.over = np.empty((0, 0))
        self.first, self.residuals = 0, np.empty((0, 0))

    def of(self, place: int, n: int, freedom: float) -> Found:
        """The errors of the quantile there, as of a fit alone."""
        shared, rows = self.shared, self.shared.design.rows
        shared.begin(n)
        if not self.above.size:
            self.above, self.over = np.zeros(shared.block.rows, bool), np.zeros_like(shared.gram)
        if not self.first <= place < self.first + len(self.residuals):
            self.first, self.residuals = place, self._residuals(place)
        r, loss, weights = self.residuals[place - self.first], self.losses[place], None
        fit = self.fits[place]
        level = float(fit.intercept[0])
        self._move(r > least_residual(shared.spread, level, fit.coef[:, 0], rows.mean))
        if shared.used is not None:
            assert rows.weights is not None, "some are not used"
            r, weights = r[shared.used], rows.weights[shared.used] * shared.scale
        at_zero = density_at_zero(r, weights, loss.q, n, shared.spread)
        if at_zero is None:
            return FLAT, None, None, ""
        meat = loss.over**2 * shared.gram + (loss.under**2 - loss.over**2) * self.over
        cov = shared.inverse @ (meat / at_zero**2) @ shared.inverse
        return None, errors_of(rows, cov)[None], shared.known, KERNEL

    def _residuals(self, place: int) -> Float:
        """(few, n) of the quantiles from here on."""
        fits, rows = self.fits[place : place + self.few], self.shared.design.rows
        coef = np.hstack([fit.coef for fit in fits])
        level = np.concatenate([fit.intercept for fit in fits])
        if rows.mean is not None:
            level = level + rows.mean @ coef
        found, first = np.empty((len(fits), self.shared.block.rows)), 0
        for y, product in zip(rows.y, rows.times(coef), strict=True):
            end = first + len(y)
            np.subtract(y.T, (product + level).T, out=found[:, first:end])
            first = end
        return found

    def _move(self, above: NDArray[np.bool_]) -> None:
        """Bring A up to date with the rows above now."""
        changed = np.flatnonzero(above != self.above)
        block, mean, scale = self.shared.block, self.shared.design.rows.mean, self.shared.scale
        weights = block.weight
        for first in range(0, changed.size, STEP):
            some = changed[first : first + STEP]
            picked = block.X[some]
            dense = picked.toarray() if hasattr(picked, "toarray") else picked
            a = np.asarray(dense, np.float64)
            if mean is not None:
                a = np.column_stack([np.ones(some.size), a - mean])
            sign = np.where(above[some], scale, -scale)
            self.over += (a * (sign if weights is None else sign * weights[some])[:, None]).T @ a
        self.above = above
