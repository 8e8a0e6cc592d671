"""The curvature of the rows: the Hessian of some columns, and products with that of all.

    H = sum_i s_i d_i (x_i - x̄_d)(x_i - x̄_d)' / W,    d = d2l/deta2,  x̄_d the mean weighted by s d

The level is eliminated (a Schur complement); outputs that the loss couples share one matrix.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block, View
from leastwise.numerics.factors import Factor, of_gram
from leastwise.numerics.levels import pseudo_solve
from leastwise.rowwise import Outputs, RowPoint, Rowwise, State, add

Float = NDArray[np.float64]


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
    def _kept(self) -> dict[bytes, tuple[Factor, ...]]:
        return {}

    def at_least(self, diagonal: Float) -> Hessian:
        """With nothing less on the diagonals than this, (c, k)."""
        H = tuple(own.copy() for own in self.H)
        for group, own in zip(self.groups, H, strict=True):
            np.fill_diagonal(own, np.maximum(np.diagonal(own), diagonal[:, group].reshape(-1)))
        return replace(self, H=H)

    def factors(self, l2: Float) -> tuple[Factor, ...]:
        """Of each group's H + diag(l2), l2 (c,); made once for each l2."""
        key = l2.tobytes()
        if key not in self._kept:
            both = zip(self.groups, self.H, strict=True)
            self._kept[key] = tuple(of_gram(H + np.diag(np.repeat(l2, g.size))) for g, H in both)
        return self._kept[key]

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

    def solve(self, V: Float, l2: Float | None = None) -> Float:
        """(c, k) (H + diag(l2))^+ V, l2 (c,)."""
        out = np.empty_like(V)
        factors = self.factors(np.zeros(self.columns.size) if l2 is None else l2)
        for group, factor in zip(self.groups, factors, strict=True):
            out[:, group] = factor.solve(V[:, group].reshape(-1, 1)).reshape(-1, group.size)
        return out

    def level(self, A: Float) -> Float:
        """(k,) the change of the levels where the coefficients change by A (c, k)."""
        out = np.empty(A.shape[1])
        for group, slope in zip(self.groups, self.slope, strict=True):
            out[group] = -(A[:, group].reshape(-1) @ slope)
        return out


def _levelled(
    cross: Float,
    mixed: Float,
    total: Float,
    dead: NDArray[np.bool_],
    intercept: bool,
    weight: float,
) -> tuple[Float, Float]:
    """H (c g, c g) and the slope of the levels (c g, g) from sums over rows of that weight."""
    c, g = mixed.shape[:2]
    H, B = cross.reshape(c * g, c * g), mixed.reshape(c * g, g)
    slope = np.zeros_like(B)
    if intercept:
        slope = pseudo_solve(total, B.T).T
        H = H - slope @ B.T
    H = 0.5 * (H + H.T) / weight
    gone = np.repeat(dead, g) | (np.diagonal(H) <= 0.0)
    H[gone] = 0.0
    H[:, gone] = 0.0
    slope[gone] = 0.0
    return H, slope


def groups_of(rows: Rowwise) -> list[Outputs]:
    """The outputs that the loss couples, together; the others one by one."""
    k = len(rows.source.targets)
    return [np.arange(k)] if rows.loss.coupled else [np.array([output]) for output in range(k)]


def affords(rows: Rowwise, columns: NDArray[np.intp], memory: int) -> bool:
    """Whether the Hessian of these columns fits the memory, a few times."""
    return 8 * 4 * (columns.size * groups_of(rows)[0].size) ** 2 <= memory


def hessian_of(
    rows: Rowwise,
    at: RowPoint,
    columns: NDArray[np.intp],
    *,
    safe: bool = False,
    each: int = 1,
    often: bool = False,
) -> Hessian:
    """That of F in the chosen columns: one pass over them.

    With `safe` that of parabolas above the losses, for outputs that are not coupled. Where `each`
    is above 1 and all columns are chosen, an estimate from every so many-th row of a block. What is
    asked for `often` is worth compiled loops, and sparse rows that are kept for them.
    """
    bend = rows.loss.majorant if safe else rows.loss.curvature
    groups = groups_of(rows)

    kept = columns.size < rows.dead.size or (often and rows.source.sparse and each == 1)
    views = rows.held(columns) if kept else None
    thinned = slice(None, None, each)
    total = 0.0
    if each > 1 and views is None:
        total = float(rows.sum(lambda block, _: np.array(block.some(thinned).total()), at.eta))
    sampled = total > 0.0  # rows without weight tell nothing

    def statistic(block: Block, entry: tuple[Float, Float, View | None]) -> list[Float]:
        target, eta, view = entry
        if sampled:
            block, target, eta = block.some(thinned), target[thinned], eta[thinned]
        view = rows.view(block) if view is None else view
        c = columns.size
        found = (_curved(rows, block, view, c, group, target, eta, bend, often) for group in groups)
        return [part for parts in found for part in parts]

    held = [None] * len(at.eta) if views is None else views
    entries = list(zip(at.target, at.eta, held, strict=True))
    share = columns.size / rows.dead.size / (each if sampled else 1)
    parts = rows.source.reduce(statistic, add, entries, share)
    dead, weight = rows.dead[columns], total if sampled else rows.weight
    threes = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    found = [_levelled(*three, dead, rows.intercept, weight) for three in threes]
    return Hessian(
        at, columns, tuple(groups), tuple(H for H, _ in found), tuple(m for _, m in found)
    )


def _curved(
    rows: Rowwise,
    block: Block,
    view: View,
    c: int,
    group: Outputs,
    target: Float,
    eta: Float,
    bend: Callable[[Float, Float], Float],
    often: bool,
) -> list[Float]:
    """sum s d x x' (c, g, c, g), sum s d x (c, g, g) and sum s d (g, g) of a group."""
    g = group.size
    if g == 1:
        output = group[0]
        d = bend(target, eta)[:, [output]]
        s = block.weighted(d)
        cross = view.cross(s[:, 0], often=often)
        mixed = view.back(s) if rows.intercept else np.zeros((c, 1))
        return [cross[:, None, :, None], mixed[:, :, None], s.sum(axis=0)[:, None]]
    cross, mixed, total = np.empty((c, g, c, g)), np.empty((c, g, g)), np.empty((g, g))
    for b in range(g):
        unit = np.zeros_like(eta)
        unit[:, b] = 1.0
        s = block.weighted(rows.loss.curvature_product(target, eta, unit))
        mixed[:, :, b], total[:, b] = view.back(s), s.sum(axis=0)
        for a in range(b + 1):
            part = view.cross(np.abs(s[:, a]), often=often)
            cross[:, a, :, b] = cross[:, b, :, a] = part if a == b else -part
    return [cross, mixed, total]


def moved(rows: Rowwise, at: RowPoint, hessian: Hessian, A: Float) -> State:
    """u + d (X_U A + the level's change), d and U the Hessian's."""
    loss, there = rows.loss, hessian.at
    along = along_columns(rows, hessian, A)

    def changed(block: Block, entry: tuple[Float, Float, Float, Float]) -> Float:
        target, eta, move, u = entry
        return u + loss.curvature_product(target, eta, move)

    entries = list(zip(there.target, there.eta, along, at.u, strict=True))
    return rows.each(changed, entries)


def along_columns(rows: Rowwise, hessian: Hessian, A: Float) -> State:
    """The change of eta where the Hessian's columns change by A (c, k), the level's in it."""
    shift = hessian.level(A)
    return [part + shift for part in rows.times(A, hessian.columns)]


def curvature_product(rows: Rowwise, at: RowPoint, V: Float) -> Float:
    """H V for V (p, k) at a point, the outputs' coupling included: two passes."""
    loss = rows.loss
    along = rows.times(V)
    along = free_of_level(rows, at, along)
    entries = list(zip(at.target, at.eta, along, strict=True))
    return -rows.correlation(rows.each(lambda block, e: loss.curvature_product(*e), entries))


def flat(rows: Rowwise, at: RowPoint, columns: int) -> bool:
    """Whether fewer rows have curvature at a point than there are, and than so many columns."""

    def statistic(block: Block, pair: tuple[Float, Float]) -> Float:
        live = np.ones((block.rows, 1)) if block.weight is None else block.weight[:, None] > 0.0
        curved = live * (rows.loss.curvature(*pair) > 0.0)
        return np.array([float(np.sum(curved, axis=0).min()), float(live.sum())])

    curved, live = rows.sum(statistic, at.pairs)
    return bool(curved < min(columns, live))


def mean_curvature(rows: Rowwise, at: RowPoint) -> Float:
    """(k,) the mean of d at a point: H is about as large as that of the squared loss times it."""

    def statistic(block: Block, pair: tuple[Float, Float]) -> Float:
        return block.weighted(rows.loss.curvature(*pair)).sum(axis=0)

    return rows.sum(statistic, at.pairs) / rows.weight


def free_of_level(rows: Rowwise, at: RowPoint, along: State) -> State:
    """eta's change (X - 1x̄')V with that of the level which keeps sum_i s_i u_i = 0."""
    if not rows.intercept:
        return along
    loss = rows.loss

    def sums(block: Block, entry: tuple[Float, Float, Float]) -> Float:
        y, eta, move = entry
        moved = block.weighted(loss.curvature_product(y, eta, move)).sum(axis=0)
        return np.vstack([moved, loss.curvature_sum(y, eta, block.weight)])

    found = rows.sum(sums, list(zip(at.target, at.eta, along, strict=True)))
    shift = -pseudo_solve(found[1:], found[0])
    return [part + shift for part in along]
