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

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block, View
from leastwise.losses import Loss
from leastwise.numerics.factors import Factor, from_gram
from leastwise.numerics.levels import stationary, stationary_together
from leastwise.sources import Source

Float = NDArray[np.float64]
State = list[Float]  # an entry a block, (m, k) each
Outputs = NDArray[np.intp]

HEAVY = 1.0 + 1e-12  # of what rows at a kink can bear: a rounding more is still borne


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
    def weights(self) -> Float | None:
        """(n,) the rows' weights, or None for ones."""
        weights = [block.weight for block in self.source.blocks()]
        return None if weights[0] is None else np.concatenate([s for s in weights if s is not None])

    @functools.cached_property
    def level(self) -> Float:
        """(k,) b~ of w = 0."""
        k = len(self.source.targets)
        if not self.intercept:
            return np.zeros(k)
        return self.loss.centre(np.concatenate(self.y), self.weights)

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
        loss = self.loss
        if not loss.smooth:
            gathered = np.concatenate([y - part for y, part in zip(self.y, product, strict=True)])
            return loss.centre(gathered, self.weights)
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

        low, high = loss.domain(self.y[0][:1])
        return stationary(slopes, near, float((high - low).max()))

    def _slopes_together(
        self, pairs: list[tuple[Float, Float]], b: Float
    ) -> tuple[Float, Float, Float]:
        """The mean of a coupled loss, its slope (k,) and curvature (k, k) in the levels."""
        loss, k = self.loss, b.size

        def statistic(block: Block, pair: tuple[Float, Float]) -> Float:
            y, eta = pair[0], pair[1] + b
            value, slope = loss.value_and_slope(y, eta)
            units = [loss.curvature_product(y, eta, np.broadcast_to(e, y.shape)) for e in np.eye(k)]
            rows = [np.broadcast_to(value, y.shape), slope, *units]
            return np.stack([block.weighted(part).sum(axis=0) for part in rows])

        found = self.sum(statistic, pairs) / self.weight
        return found[0, 0], found[1], found[2:]

    def point(self, product: State, level: Float) -> tuple[Float, RowPoint]:
        """(g,) the mean loss at b~ and (X - 1x̄')w, and what the rows are there."""
        loss = self.loss
        pairs = self._pairs(product, level)
        target, eta = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        u = self.each(lambda block, pair: loss.slope(*pair), pairs)
        if self.intercept and not loss.smooth:
            u = self._balanced(target, eta, u)

        return self._mean(pairs), RowPoint(self, target, eta, u)

    def value(self, product: State, level: Float) -> Float:
        """(g,) the mean loss at b~ and (X - 1x̄')w."""
        return self._mean(self._pairs(product, level))

    def _pairs(self, product: State, level: Float) -> list[tuple[Float, Float]]:
        """Target and eta of each block."""
        both = zip(self.y, product, strict=True)
        if self.loss.located:
            return [(y - part, np.broadcast_to(level, part.shape)) for y, part in both]
        return [(y, part + level) for y, part in both]

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

    def size(self, u: State) -> Float:
        """(k,) the root mean square of u."""
        total = self.sum(lambda block, slope: block.weighted(slope**2).sum(axis=0), u)
        return np.sqrt(total / self.weight)

    def groups(self) -> list[Outputs]:
        """The outputs that the loss couples, together; the others one by one."""
        k = len(self.source.targets)
        return [np.arange(k)] if self.loss.coupled else [np.array([output]) for output in range(k)]

    def affords(self, columns: NDArray[np.intp], memory: int) -> bool:
        """Whether the Hessian of these columns fits the memory, a few times."""
        return 8 * 4 * (columns.size * self.groups()[0].size) ** 2 <= memory

    def hessian(self, at: RowPoint, columns: NDArray[np.intp]) -> Hessian:
        """That of F in the chosen columns: one pass over them."""
        groups = self.groups()

        def statistic(block: Block, entry: tuple[Float, Float]) -> list[Float]:
            view = block.centred(self.mean, columns, copy=True)
            target, eta = entry
            c = columns.size
            each = (self._curved(block, view, c, group, target, eta) for group in groups)
            return [part for parts in each for part in parts]

        pairs = list(zip(at.target, at.eta, strict=True))
        share = columns.size / self._dead.size
        parts = self.source.reduce(statistic, _add, pairs, share)
        dead = self._dead[columns]
        threes = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        found = [_levelled(cross, mixed, total, dead, self) for cross, mixed, total in threes]
        return Hessian(
            at, columns, tuple(groups), tuple(H for H, _ in found), tuple(m for _, m in found)
        )

    def _curved(
        self, block: Block, view: View, c: int, group: Outputs, target: Float, eta: Float
    ) -> list[Float]:
        """sum s d x x' (c, g, c, g), sum s d x (c, g, g) and sum s d (g, g) of a group."""
        g = group.size
        if g == 1:
            output = group[0]
            d = self.loss.curvature(target, eta)[:, [output]]
            s = block.weighted(d)
            cross = view.cross(s[:, 0])
            return [cross[:, None, :, None], view.back(s)[:, :, None], s.sum(axis=0)[:, None]]
        cross, mixed, total = np.empty((c, g, c, g)), np.empty((c, g, g)), np.empty((g, g))
        for b in range(g):
            unit = np.zeros_like(eta)
            unit[:, b] = 1.0
            s = block.weighted(self.loss.curvature_product(target, eta, unit))
            mixed[:, :, b], total[:, b] = view.back(s), s.sum(axis=0)
            for a in range(b + 1):
                part = view.cross(np.abs(s[:, a]))
                cross[:, a, :, b] = cross[:, b, :, a] = part if a == b else -part
        return [cross, mixed, total]

    def moved(self, at: RowPoint, hessian: Hessian, A: Float) -> State:
        """u + d (X_U A + the level's change), d and U the Hessian's."""
        loss, there = self.loss, hessian.at
        along = self.along(hessian, A)

        def changed(block: Block, entry: tuple[Float, Float, Float, Float]) -> Float:
            target, eta, move, u = entry
            return u + loss.curvature_product(target, eta, move)

        entries = list(zip(there.target, there.eta, along, at.u, strict=True))
        return self.each(changed, entries)

    def along(self, hessian: Hessian, A: Float) -> State:
        """The change of eta where the Hessian's columns change by A (c, k), the level's in it."""
        shift = hessian.level(A)
        return [part + shift for part in self.times(A, hessian.columns)]

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


@dataclass(frozen=True)
class Hessian:
    """H of some columns at a point, the level eliminated; outputs that are coupled together.

    columns (c,) ; groups of outputs ; H of each, (c g, c g), the outputs running fastest ; slope of
    each, (c g, g): minus the change of the levels
    """

    at: RowPoint
    columns: NDArray[np.intp]
    groups: tuple[Outputs, ...]
    H: tuple[Float, ...]
    slope: tuple[Float, ...]

    @functools.cached_property
    def _factors(self) -> tuple[Factor, ...]:
        return tuple(from_gram(H) for H in self.H)

    def among(self, columns: NDArray[np.intp]) -> Hessian:
        """That of some of its columns alone, in increasing order."""
        if columns.size == self.columns.size:
            return self
        places = np.searchsorted(self.columns, columns)
        H: list[Float] = []
        slopes: list[Float] = []
        for group, whole, slope in zip(self.groups, self.H, self.slope, strict=True):
            inner = (places[:, None] * group.size + np.arange(group.size)).ravel()
            H.append(whole[np.ix_(inner, inner)])
            slopes.append(slope[inner])
        return Hessian(self.at, columns, self.groups, tuple(H), tuple(slopes))

    def solve(self, V: Float) -> Float:
        """(c, k) H^+ V."""
        out = np.empty_like(V)
        for group, factor in zip(self.groups, self._factors, strict=True):
            out[:, group] = factor.solve(V[:, group].reshape(-1, 1)).reshape(-1, group.size)
        return out

    def level(self, A: Float) -> Float:
        """(k,) the change of the levels where the coefficients change by A (c, k)."""
        out = np.empty(A.shape[1])
        for group, slope in zip(self.groups, self.slope, strict=True):
            out[group] = -(A[:, group].reshape(-1) @ slope)
        return out


def _levelled(
    cross: Float, mixed: Float, total: Float, dead: NDArray[np.bool_], rows: Rowwise
) -> tuple[Float, Float]:
    """H (c g, c g) and the slope of the levels (c g, g) from sums over the rows."""
    c, g = mixed.shape[:2]
    H, B = cross.reshape(c * g, c * g), mixed.reshape(c * g, g)
    slope = np.zeros_like(B)
    if rows.intercept:
        slope = B @ np.linalg.pinv(total, rcond=1e-14, hermitian=True)
        H = H - slope @ B.T
    H = 0.5 * (H + H.T) / rows.weight
    gone = np.repeat(dead, g) | (np.diagonal(H) <= 0.0)
    H[gone] = 0.0
    H[:, gone] = 0.0
    slope[gone] = 0.0
    return H, slope


def _add(a: list[Float], b: list[Float]) -> list[Float]:
    for left, right in zip(a, b, strict=True):
        left += right
    return a
