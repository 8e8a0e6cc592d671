"""Some columns of a block, picked one after another and kept at hand.

    times(w) = Z w,   back(r) = Z' S r,   cross(first) = Z[first:]' S Z,   Z = X[:, picked] - mean

A dense block's columns are copied, each lying together; a sparse one's stay sparse.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from leastwise.numerics.products import rows_times, stored_sums, stored_times

if TYPE_CHECKING:
    from leastwise.blocks import Block, ImplicitView

Float = NDArray[np.float64]
Index = NDArray[np.intp]

PIECE_BYTES = 4 << 20  # columns that are copied for a moment


class Picked(Protocol):
    """Columns of one block that have been picked so far."""

    def grow(self, columns: Index, room: int) -> None:
        """Pick more; there is to be room for so many in all, where room is made beforehand."""
        ...

    def times(self, places: Index, coef: Float) -> Float:
        """(b, rows) the columns at `places` (m,) times each row of coef (b, m)."""
        ...

    def back(self, rows: Float, places: Index) -> Float:
        """(b, m) the weighted products of the columns at `places` (m,) with rows (b, rows)."""
        ...

    def cross(self, first: int) -> Float:
        """(picked - first, picked) the weighted products of the last columns with all."""
        ...


class DensePicked:
    """Centred copies, (picked, rows), of columns of a dense block."""

    def __init__(self, block: Block, mean: Float | None) -> None:
        self._block, self._mean = block, mean
        self._room = np.empty((0, block.rows))
        self._count = 0

    def grow(self, columns: Index, room: int) -> None:
        count = self._count + columns.size
        if room > self._room.shape[0]:
            larger = np.empty((room, self._block.rows))
            larger[: self._count] = self._room[: self._count]
            self._room = larger
        new = self._room[self._count : count]
        for part in self._pieces(columns.size):
            chosen = self._block.X[:, columns[part]].T
            mean = 0.0 if self._mean is None else self._mean[columns[part], None]
            np.subtract(chosen, mean, out=new[part])
        self._count = count

    def _pieces(self, count: int) -> Iterator[slice]:
        """So many columns a few at a time; once at least."""
        step = max(1, PIECE_BYTES // (8 * self._block.rows))
        return (slice(first, first + step) for first in range(0, max(count, 1), step))

    def times(self, places: Index, coef: Float) -> Float:
        if 2 * places.size < self._count:
            each = (coef[:, part] @ self._room[places[part]] for part in self._pieces(places.size))
            return functools.reduce(np.add, each)
        return _among(places, coef, self._count) @ self._room[: self._count]

    def back(self, rows: Float, places: Index) -> Float:
        heavy, out = weighted(self._block, rows), np.empty((len(rows), places.size))
        for part in self._pieces(places.size):
            out[:, part] = heavy @ self._room[places[part]].T
        return out

    def cross(self, first: int) -> Float:
        new = weighted(self._block, self._room[first : self._count])
        return rows_times(new, self._room[: self._count].T)


class SparsePicked:
    """Columns of a sparse block, their means taken off in the algebra."""

    def __init__(self, block: Block, mean: Float | None) -> None:
        self._block = block
        self._mean = np.zeros(block.X.shape[1]) if mean is None else mean
        self._matrix: Any = block.X[:, :0].tocsc()
        self._own = np.empty(0)  # the means that are to be taken off what `matrix` says
        self._sums = np.empty(0)  # its columns', weighted

    def grow(self, columns: Index, room: int) -> None:
        from scipy.sparse import csc_array, hstack

        # Nothing sparse is ever centred but in the algebra.
        view = cast("ImplicitView", self._block.centred(self._mean, columns))
        matrix = csc_array(view.matrix)
        self._matrix = hstack([self._matrix, matrix], format="csc")
        self._own = np.append(self._own, view.mean)
        weight = self._block.weight
        ones = np.ones(self._block.rows) if weight is None else weight
        self._sums = np.append(self._sums, matrix.T @ ones)

    def times(self, places: Index, coef: Float) -> Float:
        return stored_sums(coef, self._matrix, self._own, places)

    def back(self, rows: Float, places: Index) -> Float:
        return stored_times(weighted(self._block, rows), self._matrix, self._own, places)

    def cross(self, first: int) -> Float:
        from leastwise.kernels.columns import stored_cross

        weight, own, X = self._block.weight, self._own, self._matrix
        new = X[:, first:].tocsr()
        if weight is not None:
            new.data *= np.repeat(weight, np.diff(new.indptr))
        raw = np.zeros((own.size - first, own.size))
        stored_cross(X.data, X.indices, X.indptr, new.data, new.indices, new.indptr, raw)
        raw -= np.multiply.outer(self._sums[first:], own)
        raw -= np.multiply.outer(own[first:], self._sums - self._block.total() * own)
        return raw


def _among(places: Index, coef: Float, count: int) -> Float:
    """(b, count) with coef (b, m) at the places, and zero elsewhere."""
    whole = np.zeros((coef.shape[0], count))
    whole[:, places] = coef
    return whole


def weighted(block: Block, rows: Float) -> Float:
    """(b, rows) times the rows' weights."""
    return rows if block.weight is None else rows * block.weight
