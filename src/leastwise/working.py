"""The columns a path works on, kept at hand as they grow, and the check of all the others.

    gram(W) = D^-1 H_WW D^-1      look(W, w) = value and correlation u = q - H_:W w of each column

`MomentColumns` reads both off the moments. `RowColumns` keeps a copy of the columns picked so far
and their Gram matrix; a look is one product of all columns with the residuals of several strengths
(Qian et al. 2020), and each look after the first reads only those columns whose bound

    |u_j| <= |u_j before| + |x_j| |r - r before|        (Cauchy and Schwarz)

can reach their limit: for the others the bound itself is given, which is within it. A sparse column
that can reach it at the last point alone, the furthest, is read for that one. Where columns hold
few numbers, each look reads all of them.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.errors import UsageError
from leastwise.picked import Picked, weighted
from leastwise.problem import Design
from leastwise.quadratic import OverMoments

Float = NDArray[np.float64]
Index = NDArray[np.intp]

FEW = 600  # columns whose Gram matrix is always worth having
# Times as long as in a product of all columns does a column take by itself, dense and sparse.
GATHERED, GATHERED_SPARSE = 16, 3
LIGHT = 32  # numbers in a column: to bound so short a product takes longer than to make it
KEPT = "row columns"  # the name under which a design keeps them
ROOM = 64  # columns there is room for at first, if the memory allows; it doubles when used up


class OutOfRoom(UsageError):
    """More columns are at work than the memory allowed can hold."""


@dataclass(frozen=True)
class Points:
    """Several w of one target, zero outside of `columns`: coef (b, m), and limits (p,) of |u|."""

    target: int
    columns: Index
    coef: Float
    limits: Sequence[Float]


@dataclass(frozen=True)
class Look:
    """What the points turned out to be: value (b,), correlation (b, p); residuals for a second.

    reaching (r,): the columns that may be beyond their limit at a point before the last, if not all
    """

    value: Float
    correlation: Float
    residuals: Any = None
    reaching: Index | None = None

    def rest(self, first: int) -> Look:
        """The points from `first` on."""
        residuals = None if self.residuals is None else [part[first:] for part in self.residuals]
        return Look(self.value[first:], self.correlation[first:], residuals)

    def last(self) -> Look:
        """The last point alone: a copy, that the others may be forgotten."""
        residuals = self.residuals
        if residuals is not None:
            residuals = [part[-1:].copy() for part in residuals]
        return Look(self.value[-1:].copy(), self.correlation[-1:].copy(), residuals)


class WorkingColumns(Protocol):
    """The columns worked on, over moments or over rows."""

    on_rows: bool

    def gram(self, columns: Index) -> Float:
        """(m, m) of these columns at length 1, which are kept at hand from then on."""
        ...

    def look(self, points: Points, known: Look | None = None) -> Look:
        """Value and correlation at the points; `known` are those of points near to them, or of one.

        With `known`, a correlation that cannot reach its limit may be a bound of it instead.
        """
        ...


def by_moments(rows: int, columns: int, stored: int, memory: float = np.inf) -> bool:
    """Whether a path works over moments: where X'X costs less than looks and some columns do.

    Beyond a few hundred columns that takes too many rows, or data that do not fit the memory.
    """
    if 3 * 8 * columns**2 > memory:
        return False
    return columns <= min(FEW, 2 * rows) or (8 * stored > memory and columns <= 2 * rows)


def working_columns(design: Design, memory: int) -> WorkingColumns:
    """The columns of the design, over moments or over rows."""
    source = design.source
    if by_moments(source.rows, design.columns, source.stored, memory):
        return MomentColumns(design)
    return design.cached(KEPT, lambda: RowColumns(design, memory))


def release_columns(design: Design) -> None:
    """Give back what the columns over the rows hold."""
    design.forget(KEPT)


class MomentColumns:
    """Over the Gram matrix of all columns."""

    on_rows = False

    def __init__(self, design: Design) -> None:
        self._form = design.cached(OverMoments.name, lambda: OverMoments(design))
        self._length = design.scale

    def gram(self, columns: Index) -> Float:
        own = self._length[columns]
        return self._form.block(columns) / own / own[:, None]

    def look(self, points: Points, known: Look | None = None) -> Look:
        form, target = self._form, points.target
        H = form.H if points.columns.size == form.H.shape[0] else form.H[points.columns]
        q = form.q[:, target]
        u = q - points.coef @ H
        moved = q[points.columns] + u[:, points.columns]
        value = form.null[target] - 0.5 * np.einsum("bm,bm->b", points.coef, moved)
        return Look(np.maximum(value, 0.0), u)


class RowColumns:
    """Over the rows, with copies of the columns picked."""

    on_rows = True

    def __init__(self, design: Design, memory: int) -> None:
        self._design, self._memory = design, memory
        self._source = design.source.by_columns()
        self._place = np.full(design.columns, -1, np.intp)
        self._count = 0
        self._triangle, self._size = np.empty(0), 0  # of so many rows and columns
        mean = design.centre.mean
        self._picked: list[Picked] = [block.picked(mean) for block in self._source.blocks()]
        self._dead = design.centre.curvature == 0.0
        self._length = np.where(self._dead, 0.0, design.scale)
        self._gathered = GATHERED_SPARSE if self._source.sparse else GATHERED
        self._light = self._source.stored < LIGHT * design.columns
        self._scale = np.empty(0)  # what makes a picked column one of length 1

    def gram(self, columns: Index) -> Float:
        from leastwise.kernels.gathering import gather

        new = columns[self._place[columns] < 0]
        if new.size:
            self._grow(new)
        part = np.empty((columns.size, columns.size))
        gather(self._triangle, self._place[columns], part)
        return part

    def _grow(self, new: Index) -> None:
        from leastwise.kernels.gathering import border

        first, count = self._count, self._count + new.size
        size = self._room_for(count)
        self._place[new] = np.arange(first, count)
        self._count = count
        if size > self._size:
            room = np.empty(_numbers(size))
            room[: _numbers(first)] = self._triangle[: _numbers(first)]
            self._triangle, self._size = room, size

        def grown(block: Block, picked: Picked) -> Float:
            picked.grow(new, size)
            return picked.cross(first)

        share = new.size / self._design.columns
        cross = self._source.reduce(grown, operator.iadd, self._picked, share)
        centre = self._design.centre
        unit = np.where(self._dead[new], np.inf, self._length[new])
        self._scale = np.append(self._scale, 1.0 / (unit * np.sqrt(centre.weight)))
        border(self._triangle, cross, self._scale)

    def _room_for(self, count: int) -> int:
        """For how many columns there is to be room, that `count` find it and some more if it goes.

        Copies of columns and their Gram matrix, old ones beside new while they move; and what is
        made of the Gram matrix: a part of it, a factor, and the last one.
        """
        have, rows = self._size, 0 if self._source.sparse else self._source.rows
        if count <= have:
            return have
        need, scratch = 0, self._source.scratch
        for size in (max(count, 2 * have, ROOM), count):
            triangles = _numbers(size) + _numbers(have)
            need = scratch + 8 * (rows * (size + have) + triangles + 3 * count**2)
            if need <= self._memory:
                return size
        raise OutOfRoom(
            f"{count} columns at work would take {need / 2**20:.3g} MiB beside the data, and "
            f"{self._memory / 2**20:.3g} MiB are allowed"
        )

    def look(self, points: Points, known: Look | None = None) -> Look:
        residuals = self._residuals(points)
        value = 0.5 * self._sum(_squares, residuals)
        if known is None or self._light:
            return Look(value, self._correlation(residuals), residuals)
        rows, bound, reaching, last = self._bounds(points, known, residuals)
        unknown = self._place < 0
        most, ahead = unknown & reaching, unknown & last & ~reaching
        if not self._source.sparse:  # to copy a dense column costs more than its products
            most, ahead = most | ahead, np.zeros_like(ahead)
        if np.count_nonzero(most) * self._gathered > most.size:
            return Look(value, self._correlation(residuals), residuals)
        # What is not read again keeps its bound, so that the next look may build on it.
        correlation = np.copysign(bound, known.correlation)[rows]
        at_hand = np.flatnonzero(~unknown)
        pairs = list(zip(self._picked, residuals, strict=True))
        exact = self._sum(lambda _, pair: pair[0].back(pair[1]), pairs)
        correlation[:, at_hand] = exact[:, self._place[at_hand]]
        if most.any():
            columns = np.flatnonzero(most)
            correlation[:, columns] = self._correlation(residuals, columns)
        if ahead.any():
            columns = np.flatnonzero(ahead)
            end = [part[-1:] for part in residuals]
            correlation[-1, columns] = self._correlation(end, columns)[0]
        return Look(value, correlation, residuals, np.flatnonzero(reaching))

    def _bounds(
        self, points: Points, known: Look, residuals: list[Float]
    ) -> tuple[Index, Float, NDArray[np.bool_], NDArray[np.bool_]]:
        """Which row of bounds is whose (b,), the bounds of |u|, and which columns may reach limits.

        These are (p,): at any point before the last, and at the last.
        """
        away = [r - before for r, before in zip(residuals, known.residuals, strict=True)]
        moved = np.sqrt(self._sum(_squares, away))
        rows, limits = np.arange(moved.size), points.limits
        if known.value.size < moved.size:
            # Of the points before the last the furthest and the least limit say enough.
            rows = np.minimum(rows[::-1], 1) ^ 1
            moved = np.array([moved[:-1].max(), moved[-1]])
            limits = [functools.reduce(np.minimum, limits[:-1]), limits[-1]]
        bound = np.abs(known.correlation) + np.multiply.outer(moved, self._length)
        *before, last = (one > limit for one, limit in zip(bound, limits, strict=True))
        return rows, bound, functools.reduce(np.logical_or, before, np.zeros_like(last)), last

    def _residuals(self, points: Points) -> list[Float]:
        mean = self._design.centre.level[points.target]
        places = self._place[points.columns]
        parts: list[Float] = []
        for block, picked in zip(self._source.blocks(), self._picked, strict=True):
            parts.append(block.y[:, points.target] - mean - picked.times(places, points.coef))
        return parts

    def _sum(self, statistic: Any, state: list[Any]) -> Float:
        total = self._source.reduce(statistic, np.add, state, 0.0)
        return total / self._design.centre.weight

    def _correlation(self, residuals: list[Float], columns: Index | None = None) -> Float:
        """(b, p) Xc' S r / W of all columns, or of some."""
        design = self._design
        mean, total = design.centre.mean, design.centre.weight

        def statistic(block: Block, rows: Float) -> Float:
            view = block.centred(mean, columns, copy=design.centre.offset, passing=True)
            return view.back((weighted(block, rows) / total).T, often=True).T

        share = 1.0 if columns is None else columns.size / design.columns
        u = self._source.reduce(statistic, operator.iadd, residuals, share)
        if self._dead.any():
            u[:, self._dead if columns is None else self._dead[columns]] = 0.0
        return u


def _numbers(size: int) -> int:
    """How many numbers a lower triangle holds."""
    return size * (size + 1) // 2


def _squares(block: Block, rows: Float) -> Float:
    return np.vecdot(rows, weighted(block, rows))
