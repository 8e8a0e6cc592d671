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
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block, View
from leastwise.losses import Loss
from leastwise.numerics.factors import Factor, from_gram
from leastwise.sources import Source

Float = NDArray[np.float64]
State = list[Float]  # an entry a block, (m, k) each

HEAVY = 1.0 + 1e-12  # of what rows at a kink can bear: a rounding more is still borne


@dataclass(frozen=True)
class Curved:
    """The curvature at a point: d in every row, and H of one output's columns, factored.

    d : an entry a block ; columns (c,) ; mean (c,) x̄_d - x̄ ; H (c, c) ; factor of it
    """

    d: State
    columns: NDArray[np.intp]
    mean: Float
    H: Float
    factor: Factor = field(repr=False)


@dataclass(frozen=True)
class RowPoint:
    """A w seen from the rows: target and eta that go into the loss, and a dual u there.

    u is the slope of the loss, or what a solver knows better. Entries are a block's, (m, k).
    """

    rows: Rowwise
    target: State
    eta: State
    u: State
    curved: tuple[Curved, ...] = ()

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
        self._dead = curvature == 0.0

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
    def _weights(self) -> Float | None:
        weights = [block.weight for block in self.source.blocks()]
        return None if weights[0] is None else np.concatenate([s for s in weights if s is not None])

    @functools.cached_property
    def level(self) -> Float:
        """(k,) b~ of w = 0."""
        k = len(self.source.targets)
        return self.loss.centre(np.concatenate(self.y), self._weights) if self.intercept else np.zeros(k)

    def nothing(self) -> State:
        """(X - 1x̄')w of w = 0."""
        return [np.zeros_like(y) for y in self.y]

    def times(self, coef: Float, columns: NDArray[np.intp] | None = None) -> State:
        """(X - 1x̄') w for w (p, k), or (c, k) of the chosen columns: one pass."""
        share = 1.0 if columns is None else columns.size / self._dead.size
        return self.source.map(lambda block: self.view(block, columns).times(coef), share=share)

    def settled(self, product: State, near: Float) -> Float:
        """(k,) the b~ that is best beside (X - 1x̄')w."""
        if not self.intercept:
            return np.zeros_like(near)
        y, eta = np.concatenate(self.y), np.concatenate(product)
        return self.loss.level(y, eta, self._weights, near)

    def point(self, product: State, level: Float) -> tuple[Float, RowPoint]:
        """(g,) the mean loss at b~ and (X - 1x̄')w, and what the rows are there."""
        loss = self.loss
        if loss.located:
            target = [y - part for y, part in zip(self.y, product, strict=True)]
            eta = [np.broadcast_to(level, part.shape) for part in product]
        else:
            target, eta = self.y, [part + level for part in product]
        pairs = list(zip(target, eta, strict=True))
        u = self.each(lambda block, pair: loss.slope(*pair), pairs)
        if self.intercept and not loss.smooth:
            u = self._balanced(target, eta, u)

        def statistic(block: Block, pair: tuple[Float, Float]) -> Float:
            return block.weighted(loss.value(*pair)).sum(axis=0)

        return self.sum(statistic, pairs) / self.weight, RowPoint(self, target, eta, u)

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
            left[np.abs(left) <= (HEAVY - 1.0) * (over + under)] = 0.0
            # What they cannot bear is taken off the heavier side: its slopes shrink.
            above = np.where((left < 0.0) & (over > 0.0), 1.0 + left / over, 1.0)
            below = np.where((left > 0.0) & (under > 0.0), 1.0 - left / under, 1.0)

        def balanced(block: Block, entry: tuple[Float, Float, Float]) -> Float:
            y, at, slope = entry
            shrunk = np.where(slope > 0.0, slope * above, slope * below)
            return np.where(y == at, borne, shrunk)

        return self.each(balanced, entries)

    def correlation(self, u: State) -> Float:
        """(p, k) v = -(X - 1x̄')' S u / W: one pass."""
        about = self.mean if self.offset else None

        def statistic(block: Block, slope: Float) -> list[Float]:
            weighted = block.weighted(slope)
            view = block.centred(about, passing=True)
            return [view.back(weighted), weighted.sum(axis=0)]

        back, total = self.source.reduce(statistic, _add, u)
        if about is None and self.mean is not None:
            back -= np.multiply.outer(self.mean, total)
        back[self._dead] = 0.0
        return back / -self.weight

    def curvature(self, at: RowPoint) -> State:
        """d2l/deta2 in every row, its diagonal where the loss is coupled."""
        pairs = list(zip(at.target, at.eta, strict=True))
        return self.each(lambda block, pair: self.loss.curvature(*pair), pairs)

    def curved(self, d: State, columns: NDArray[np.intp], output: int, plus: Float) -> Curved:
        """H of one output's columns where the rows' curvature is d, and a factor of H + diag(plus).

        One pass over these columns.
        """

        def statistic(block: Block, entry: Float) -> list[Float]:
            s = entry[:, output] if block.weight is None else entry[:, output] * block.weight
            view = self.view(block, columns)
            return [view.cross(s), view.back(s[:, None])[:, 0], np.asarray(s.sum())]

        share = columns.size / self._dead.size
        cross, mixed, total = self.source.reduce(statistic, _add, d, share)
        mean = np.zeros_like(mixed)
        if self.intercept and total > 0.0:
            mean = mixed / total
            cross -= total * np.multiply.outer(mean, mean)
        H = cross / self.weight
        dead = self._dead[columns] | (np.diagonal(H) <= 0.0)
        H[dead] = 0.0
        H[:, dead] = 0.0
        return Curved(d, columns, mean, H, from_gram(H + np.diag(plus)))

    def curvature_product(self, at: RowPoint, V: Float) -> Float:
        """H V for V (p, k) at a point, the outputs' coupling included: two passes."""
        loss = self.loss
        along = self.times(V)
        along = self.free_of_level(at, along)
        entries = list(zip(at.target, at.eta, along, strict=True))
        return -self.correlation(self.each(lambda block, e: loss.curvature_product(*e), entries))

    def free_of_level(self, at: RowPoint, along: State) -> State:
        """eta's change (X - 1x̄')V with that of the level which keeps sum_i s_i u_i = 0."""
        if not self.intercept:
            return along
        loss, k = self.loss, along[0].shape[1]

        def sums(block: Block, entry: tuple[Float, Float, Float]) -> Float:
            y, eta, move = entry
            moved = block.weighted(loss.curvature_product(y, eta, move)).sum(axis=0)
            units = [loss.curvature_product(y, eta, np.broadcast_to(e, y.shape)) for e in np.eye(k)]
            return np.stack([moved, *(block.weighted(unit).sum(axis=0) for unit in units)])

        found = self.sum(sums, list(zip(at.target, at.eta, along, strict=True)))
        shift = -np.linalg.pinv(found[1:], rcond=1e-14, hermitian=True) @ found[0]
        return [part + shift for part in along]


def _add(a: list[Float], b: list[Float]) -> list[Float]:
    for left, right in zip(a, b, strict=True):
        left += right
    return a
