"""The columns a path works on, kept at hand as they grow, and the check of all the others.

    gram(W) = D^-1 H_WW D^-1      look(W, w) = value and correlation u = q - H_:W w of each column

`MomentColumns` reads both off the moments. `RowColumns` keeps a copy of the columns picked so far
and their Gram matrix; a look is one product of all columns with the residuals of a few of the
strengths, the landmarks (Qian et al. 2020). Between them a bound of each column's correlation
(`leastwise.looks`) says which can reach their limit: those alone are read there.
"""

from __future__ import annotations

import operator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.errors import UsageError
from leastwise.looks import Look, Points, bound, lines
from leastwise.picked import Picked, weighted
from leastwise.problem import Design
from leastwise.quadratic import OverMoments

Float = NDArray[np.float64]
Index = NDArray[np.intp]

FEW = 600  # columns whose Gram matrix is always worth having
# Times as long as in a product of all columns does a column take by itself, dense and sparse.
GATHERED, GATHERED_SPARSE = 16, 3
KEPT = "row columns"  # the name under which a design keeps them
ROOM = 64  # columns there is room for at first, if the memory allows; it doubles when used up


class OutOfRoom(UsageError):
    """More columns are at work than the memory allowed can hold."""


class WorkingColumns(Protocol):
    """The columns worked on, over moments or over rows."""

    on_rows: bool

    def gram(self, columns: Index) -> Float:
        """(m, m) of these columns at length 1, which are kept at hand from then on."""
        ...

    def look(self, points: Points) -> Look:
        """Value and correlation at the points.

        Between two points a correlation that cannot reach its limit may be a bound of it instead.
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

    def look(self, points: Points) -> Look:
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

    def look(self, points: Points) -> Look:
        residuals, landmarks = self._residuals(points), points.landmarks
        products = self._sum(_products, residuals)
        value = 0.5 * np.diagonal(products)
        if points.first is None and len(landmarks) == len(value):
            return Look(value, self._correlation(residuals))
        u, read = np.empty((len(value), self._design.columns)), landmarks
        if points.first is not None:
            u[0], read = points.first, landmarks[1:]
        u[read] = self._correlation([part[read] for part in residuals])
        reaching = bound(lines(landmarks, products), u, self._length, points.limits)
        rest = np.array([place for place in range(len(value)) if place not in landmarks], np.intp)
        if rest.size and not self._read(rest, reaching, residuals, u):
            return Look(value, u)
        return Look(value, u, np.flatnonzero(reaching))

    def _read(
        self, rest: Index, reaching: NDArray[np.bool_], residuals: list[Float], u: Float
    ) -> bool:
        """Read the columns `reaching` at the `rest` of the points; all, and False, if many."""
        others, at_hand = [part[rest] for part in residuals], self._place >= 0
        known, new = (np.flatnonzero(reaching & side) for side in (at_hand, ~at_hand))
        if new.size * self._gathered > reaching.size:
            u[rest] = self._correlation(others)
            return False
        places, pairs = self._place[known], list(zip(self._picked, others, strict=True))
        u[np.ix_(rest, known)] = self._sum(lambda _, pair: pair[0].back(pair[1], places), pairs)
        if new.size:
            u[np.ix_(rest, new)] = self._correlation(others, new)
        return True

    def _residuals(self, points: Points) -> list[Float]:
        mean = self._design.centre.level[points.target]
        places = self._place[points.columns]
        parts: list[Float] = []
        for block, picked in zip(self._source.blocks(), self._picked, strict=True):
            part = picked.times(places, points.coef)
            parts.append(np.subtract(block.y[:, points.target] - mean, part, out=part))
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


def _products(block: Block, rows: Float) -> Float:
    """(m, m) of all pairs of rows (m, n)."""
    return rows @ weighted(block, rows).T
