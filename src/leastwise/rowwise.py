"""A loss of the rows as solvers see it, where no moments say all: every loss but the squared one.

    eta = b~ + (X - 1x̄')w,   b~ the best for this w,   u = dl/deta,   v = -(X - 1x̄')' S u / W

The intercept is never iterated on: `evaluate` finds it for each w, so that sum_i s_i u_i = 0 and
F(w) = min over b of F(b, w) is a function of w alone, with gradient -v and the Hessian

    H = sum_i s_i d_i (x_i - x̄_d)(x_i - x̄_d)' / W,    d = d2l/deta2,  x̄_d the mean weighted by s d.

A loss of y - eta keeps t = y - (X - 1x̄')w in the place of y, and b~ in the place of eta, so that
a residual of zero is one to the last digit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block, View
from leastwise.losses import Loss
from leastwise.numerics.factors import EPS
from leastwise.numerics.levels import pseudo_solve, stationary, stationary_together
from leastwise.sources import Source

if TYPE_CHECKING:
    from leastwise.curved import Hessian

Float = NDArray[np.float64]
State = list[Float]  # an entry a block, (m, k) each
Outputs = NDArray[np.intp]

OFTEN = 50_000  # numbers of a look from which on compiled loops are loaded, which takes 1/2 s
FUSED = 4  # looks at the rows in which Newton's method finds the level
FLAT = 4.0 * EPS  # of the largest slope: a mean slope below it is zero
ROUNDING = 1e-12  # of the slopes' sums: what rows at a kink cannot bear of it is none


@dataclass(frozen=True)
class RowPoint:
    """A w seen from the rows: target and eta that go into the loss, and a dual u there.

    u is the slope of the loss (`sloped`), or what a solver knows better. Entries are a block's,
    (m, k). `hessian` is one of a point near by, where a solver has made it.
    """

    rows: Rowwise
    target: State
    eta: State
    u: State
    sloped: bool = True
    hessian: Hessian | None = None

    @property
    def pairs(self) -> list[tuple[Float, Float]]:
        """Target and eta of each block."""
        return list(zip(self.target, self.eta, strict=True))

    def surplus(self, kappa: Float) -> Float:
        """(g,) the mean of l + l* - eta u at kappa u: what the loss adds to the gap."""
        rows, loss = self.rows, self.rows.loss

        def statistic(block: Block, entry: tuple[Float, Float, Float]) -> Float:
            target, eta, u = entry
            low, high = loss.domain(target)
            scaled = np.clip(kappa * u, low, high)
            return block.weighted(loss.surplus(target, eta, scaled)).sum(axis=0)

        state = list(zip(self.target, self.eta, self.u, strict=True))
        return rows.sum(statistic, state) / rows.weight

    def surplus_bound(self, kappa: Float) -> Float:
        """(g,) a bound of the surplus at kappa times the slope, that costs less."""
        rows, loss = self.rows, self.rows.loss

        def statistic(block: Block, entry: tuple[Float, Float]) -> Float:
            bound = loss.surplus_bound(*entry, kappa)
            if block.weight is not None:  # a row without weight may have none
                bound = np.where(block.weight[:, None] > 0.0, bound, 0.0)
            return block.weighted(bound).sum(axis=0)

        state = list(zip(self.target, self.u, strict=True))
        return rows.sum(statistic, state) / rows.weight


class Rowwise:
    """The rows under a loss.

    Parameters
    ----------
    source, loss, intercept : whose
    mean : (p,) what is taken off the columns, or None without an intercept
    offset : whether it must be taken off before products are formed
    curvature : (p,) of the columns, zero where they are constant ; weight : W
    """

    def __init__(
        self,
        source: Source,
        loss: Loss,
        intercept: bool,
        mean: Float | None,
        offset: bool,
        curvature: Float,
        weight: float,
    ) -> None:
        self.source, self.loss, self.intercept = source, loss, intercept
        self.mean, self.offset, self.weight = mean, offset, weight
        self.dead = curvature == 0.0
        self._chosen: tuple[NDArray[np.intp], list[View]] | None = None

    def sum(self, statistic: Callable[..., Float], state: list) -> Float:
        """A sum over the rows that reads none of X."""
        return self.source.reduce(statistic, np.add, state, share=0.0)

    def each(self, function: Callable[..., Float], state: list) -> State:
        """A new entry for each block that reads none of X."""
        return self.source.map(function, state, share=0.0)

    def view(self, block: Block, columns: NDArray[np.intp] | None = None) -> View:
        """The block's columns, centred; done with before the next."""
        return block.centred(self.mean, columns, copy=self.offset, passing=True)

    @functools.cached_property
    def y(self) -> State:
        """The targets."""
        return [block.y for block in self.source.blocks()]

    @functools.cached_property
    def weights(self) -> Float | None:
        """(n,) the rows' weights, or None for ones."""
        weights = [block.weight for block in self.source.blocks()]
        if weights[0] is None:
            return None
        return np.asarray(np.concatenate([s for s in weights if s is not None]))

    @functools.cached_property
    def level(self) -> Float:
        """(k,) b~ of w = 0."""
        k = len(self.source.targets)
        if not self.intercept:
            return np.zeros(k)
        return self.loss.centre(np.asarray(np.concatenate(self.y)), self.weights)

    def nothing(self) -> State:
        """(X - 1x̄')w of w = 0."""
        return [np.zeros_like(y) for y in self.y]

    def apart(self, rows: Float) -> State:
        """Numbers of all rows, (n, k), as entries of the blocks."""
        edges = np.cumsum([len(y) for y in self.y])[:-1]
        return np.split(rows, edges)

    def times(self, coef: Float, columns: NDArray[np.intp] | None = None) -> State:
        """(X - 1x̄') w for w (p, k), or (c, k) of the chosen columns: one pass."""
        if columns is None or columns.size == self.dead.size:
            return self.source.map(lambda block: self.view(block).times(coef))
        share = columns.size / self.dead.size
        return self.source.map(lambda block, view: view.times(coef), self.held(columns), share)

    def held(self, columns: NDArray[np.intp]) -> list[View]:
        """Views of some columns, copies of which are kept until others are asked for."""
        if self._chosen is None or not np.array_equal(self._chosen[0], columns):
            share = columns.size / self.dead.size
            chosen = columns if share < 1.0 else None
            views = self.source.map(lambda block: block.centred(self.mean, chosen), share=share)
            self._chosen = columns, views
        return self._chosen[1]

    def settled(self, product: State, near: Float) -> Float:
        """(k,) the b~ that is best beside (X - 1x̄')w."""
        if not self.intercept:
            return np.zeros_like(near)
        loss = self.loss
        if not loss.smooth:
            gathered = np.concatenate([y - part for y, part in zip(self.y, product, strict=True)])
            return loss.centre(np.asarray(gathered), self.weights)
        pairs = list(zip(self.y, product, strict=True))
        if loss.coupled:
            return stationary_together(lambda b: self._slopes_together(pairs, b), near)

        def statistic(block: Block, pair: tuple[Float, Float], b: Float) -> Float:
            eta = pair[1] + b
            parts = (loss.slope(pair[0], eta), loss.curvature(pair[0], eta))
            return np.stack([block.weighted(part).sum(axis=0) for part in parts])

        def slopes(b: Float) -> tuple[Float, Float]:
            slope, curvature = self.sum(functools.partial(statistic, b=b), pairs) / self.weight
            return slope, curvature

        return stationary(slopes, near, self._steepest)

    def _slopes_together(
        self, pairs: list[tuple[Float, Float]], b: Float
    ) -> tuple[Float, Float, Float]:
        """The mean of a coupled loss, its slope (k,) and curvature (k, k) in the levels."""

        def statistic(block: Block, pair: tuple[Float, Float]) -> Float:
            value, slope, bend = self.loss.summed(pair[0], pair[1] + b, block.weight)[0]
            return np.vstack([np.broadcast_to(value, slope.shape), slope, bend])

        found = self.sum(statistic, pairs) / self.weight
        return found[0, 0], found[1], found[2:]

    def at(
        self, product: State, near: Float, loose: float = 0.0, *, together: int = 1
    ) -> tuple[Float, Float, RowPoint]:
        """(k,) b~, (g,) the mean loss and the rows there, beside (X - 1x̄')w.

        With `loose`, b~ is let be where its mean slope is no larger. `together` is how many are
        looked at together at other times: large looks are worth a compiled loop.
        """
        level = near
        if self.intercept and self.loss.smooth:
            unit = self._steepest
            for _ in range(FUSED):
                value, total, bend, point = self._seen(product, level, together)
                if (np.abs(total) <= max(loose, FLAT * unit)).all():
                    return level, value, point
                if self.loss.coupled:
                    del point  # before the next is made: it is as large as all outputs
                    step = -pseudo_solve(bend, total)
                    step -= step.mean()  # what all classes share is nothing but rounding
                else:
                    with np.errstate(divide="ignore", invalid="ignore"):
                        step = -total / bend
                if not (np.abs(step) <= 1.0 / unit).all():
                    break  # far off: the safe way finds it
                level = level + step
        level = self.settled(product, level)
        return level, *self.point(product, level, together=together)

    def point(self, product: State, level: Float, *, together: int = 1) -> tuple[Float, RowPoint]:
        """(g,) the mean loss at b~ and (X - 1x̄')w, and what the rows are there."""
        value, _, _, point = self._seen(product, level, together)
        if self.intercept and not self.loss.smooth:
            balanced = self._balanced(point.target, point.eta, point.u)
            point = RowPoint(self, point.target, point.eta, balanced)
        return value, point

    def _seen(
        self, product: State, level: Float, together: int
    ) -> tuple[Float, Float, Float, RowPoint]:
        """(g,) the mean loss, its first and second derivative in b~, and the rows there.

        The derivatives are (k,) each, the second (k, k) where the outputs are coupled.
        """
        loss = self.loss
        often = self.source.rows * max(level.size, together) >= OFTEN

        def seen(
            block: Block, pair: tuple[Float, Float]
        ) -> tuple[list[Float], Float, Float, Float]:
            target, eta = self._pair(*pair, level)
            return *loss.summed(target, eta, block.weight, often=often), target, eta

        entries = list(zip(self.y, product, strict=True))
        sums, u, target, eta = zip(*self.source.map(seen, entries, share=0.0), strict=True)
        value, total, bend = (
            np.sum([each[part] for each in sums], axis=0) / self.weight for part in range(3)
        )
        return value, total, bend, RowPoint(self, list(target), list(eta), list(u))

    @functools.cached_property
    def _steepest(self) -> float:
        """The largest slope that a row can have, or the span of slopes."""
        low, high = self.loss.domain(self.y[0][:1])
        return float((high - low).max())

    def value(self, product: State, level: Float) -> Float:
        """(g,) the mean loss at b~ and (X - 1x̄')w."""
        both = zip(self.y, product, strict=True)
        return self._mean([self._pair(y, part, level) for y, part in both])

    def _pair(self, y: Float, product: Float, level: Float) -> tuple[Float, Float]:
        """Target and eta of a block."""
        if self.loss.located:
            return y - product, np.broadcast_to(level, product.shape)
        return y, product + level

    def _mean(self, pairs: list[tuple[Float, Float]]) -> Float:
        loss = self.loss

        def statistic(block: Block, pair: tuple[Float, Float]) -> Float:
            return block.weighted(loss.value(*pair)).sum(axis=0)

        return self.sum(statistic, pairs) / self.weight

    def _balanced(self, target: State, eta: State, u: State) -> State:
        """u with sum_i s_i u_i = 0: rows at the kink bear what is missing, as far as they can."""

        def sums(block: Block, entry: tuple[Float, Float, Float]) -> Float:
            y, at, slope = entry
            kink = 1.0 * (y == at)
            parts = (np.maximum(slope, 0.0), np.maximum(-slope, 0.0), kink)
            return np.stack([block.weighted(part).sum(axis=0) for part in parts])

        entries = list(zip(target, eta, u, strict=True))
        over, under, kinks = self.sum(sums, entries)
        low, high = (side[0] for side in self.loss.domain(target[0]))
        missing = under - over
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(kinks > 0.0, missing / kinks, 0.0)
            borne = np.clip(np.where(np.abs(share) < np.inf, share, 0.0), low, high)
            left = missing - borne * kinks
            left[np.abs(left) <= ROUNDING * (over + under)] = 0.0
            # What they cannot bear is taken off the heavier side: its slopes shrink.
            above = np.where((left < 0.0) & (over > 0.0), 1.0 + left / over, 1.0)
            below = np.where((left > 0.0) & (under > 0.0), 1.0 - left / under, 1.0)

        def balanced(block: Block, entry: tuple[Float, Float, Float]) -> Float:
            y, at, slope = entry
            shrunk = np.where(slope > 0.0, slope * above, slope * below)
            return np.where(y == at, borne, shrunk)

        return self.each(balanced, entries)

    def correlation(self, u: State, columns: NDArray[np.intp] | None = None) -> Float:
        """(p, k) v = -(X - 1x̄')' S u / W, or (c, k) of the chosen columns: one pass."""
        if columns is not None and columns.size < self.dead.size:
            views = self.held(columns)
            share = columns.size / self.dead.size

            def of_some(block: Block, entry: tuple[View, Float]) -> Float:
                return entry[0].back(block.weighted(entry[1]))

            back = self.source.reduce(of_some, np.add, list(zip(views, u, strict=True)), share)
            back[self.dead[columns]] = 0.0
            return back / -self.weight
        about = self.mean if self.offset else None

        def statistic(block: Block, slope: Float) -> list[Float]:
            weighted = block.weighted(slope)
            view = block.centred(about, passing=True)
            return [view.back(weighted), weighted.sum(axis=0)]

        back, total = self.source.reduce(statistic, add, u)
        if about is None and self.mean is not None:
            back -= np.multiply.outer(self.mean, total)
        if self.dead.any():
            back[self.dead] = 0.0
        back /= -self.weight
        return back

    def size(self, u: State) -> Float:
        """(k,) the root mean square of u."""
        total = self.sum(lambda block, slope: block.weighted(slope**2).sum(axis=0), u)
        return np.sqrt(total / self.weight)


def add(a: list[Float], b: list[Float]) -> list[Float]:
    """Merge parts that are lists of arrays, in place."""
    for left, right in zip(a, b, strict=True):
        left += right
    return a
