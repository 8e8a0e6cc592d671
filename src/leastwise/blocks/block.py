"""A block of rows, and what can be asked of it: the only place that knows formats.

    eta = (X - 1 m') beta        back(R) = (X - 1 m')' R
    lengths(d) = diag((X - 1 m') diag(d) (X - 1 m')')
    cross(s) = (X - 1 m')' diag(s) (X - 1 m')      outer(d) = (X - 1 m') diag(d) (X - 1 m')'

A `Block` holds rows of X (dense of any order and float type, or sparse), the targets and the
weights. `Block.centred(mean)` is a view of X with the column means taken off: explicitly for a
dense block that fits a cache, implicitly (by the algebra above, so that nothing is densified and
no large copy made) for sparse and for wide ones. What comes out is float64.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leastwise.numerics.products import (
    in_rows,
    product,
    rows_times,
    stored_gram,
    stored_times,
    suits,
)
from leastwise.numerics.threads import parallel, scratch
from leastwise.picked import DensePicked, SparsePicked
from leastwise.shape import (
    EXPLICIT_BYTES,
    LEAST_TILE,
    NARROW,
    PANEL,
    PIECE_BYTES,
    crossed_rows,
    panel_of,
)

Float = NDArray[np.float64]

FEW = 2  # vectors up to which SciPy's products of a sparse block are as fast as a loop of our own


class View(Protocol):
    """A block's columns with their means taken off (or as they are, when the mean is None).

    What is asked for again and again, `often`, is worth a loop that must be compiled.
    """

    def times(self, coef: Float) -> Float: ...
    def back(self, rows: Float, *, often: bool = False) -> Float: ...
    def cross(self, weight: Float | None, *, often: bool = False) -> Float: ...
    def squares(self, weight: Float | None) -> Float: ...
    def outer(self, scale: Float) -> Float: ...
    def lengths(self, scale: Float) -> Float: ...
    def dense(self) -> Float: ...


@dataclass(frozen=True)
class DenseView:
    """Centred columns as they stand in memory, (m, p) float64."""

    array: Float

    def times(self, coef: Float) -> Float:
        return self.array @ coef

    def back(self, rows: Float, *, often: bool = False) -> Float:
        return rows_times(rows.T, self.array, often=often).T

    def cross(self, weight: Float | None, *, often: bool = False) -> Float:
        if weight is None:
            return product(self.array.T, self.array)
        return _cross(self.array, 0.0, weight)

    def squares(self, weight: Float | None) -> Float:
        if weight is None:
            return np.einsum("ij,ij->j", self.array, self.array)
        return np.einsum("i,ij,ij->j", weight, self.array, self.array)

    def outer(self, scale: Float) -> Float:
        return (self.array * scale) @ self.array.T

    def lengths(self, scale: Float) -> Float:
        return np.einsum("ij,ij,j->i", self.array, self.array, scale)

    def dense(self) -> Float:
        return self.array


@dataclass(frozen=True)
class ImplicitView:
    """Columns whose means are taken off in the algebra: sparse ones, and large dense ones.

    Dense ones of another float type are turned into float64 a few rows at a time.
    """

    matrix: Any  # (m, p), anything with @ and .T
    mean: Float

    def _pieces(self) -> Iterator[tuple[slice, Any]]:
        """Which rows, and these as numbers that products are exact in, until the next are."""
        rows, p = self.matrix.shape
        if self.matrix.dtype == np.float64:
            yield slice(None), self.matrix
            return
        step = max(1, PIECE_BYTES // (8 * p))
        order = "F" if self.matrix.flags.f_contiguous else "C"
        room = np.empty((min(step, rows), p), order=order)
        for first in range(0, rows, step):
            part = slice(first, first + step)
            piece = self.matrix[part]
            room[: len(piece)] = piece
            yield part, room[: len(piece)]

    def times(self, coef: Float) -> Float:
        pieces = [piece @ coef for _, piece in self._pieces()]
        whole = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return whole - self.mean @ coef if self.mean.any() else whole

    def back(self, rows: Float, *, often: bool = False) -> Float:
        by_columns = not isinstance(self.matrix, np.ndarray) and self.matrix.format == "csc"
        if often and by_columns and rows.shape[1] > FEW:
            return stored_times(rows.T, self.matrix, self.mean).T
        if often and suits(rows.T, self.matrix):
            raw = rows_times(rows.T, self.matrix, often=True)
        else:
            raw = self._back(rows)
        if self.mean.any():
            for one, total in zip(raw, rows.sum(axis=0), strict=True):
                one -= total * self.mean
        return raw.T

    def _back(self, rows: Float) -> Float:
        # The product of few rows with X as it lies is several times faster than that with X'.
        few = isinstance(self.matrix, np.ndarray)
        each = (
            rows_times(rows[part].T, piece).T if few else piece.T @ rows[part]
            for part, piece in self._pieces()
        )
        return np.ascontiguousarray(np.asarray(functools.reduce(np.add, each)).T)

    @functools.cached_property
    def _in_rows(self) -> Any:
        return in_rows(self.matrix)

    def cross(self, weight: Float | None, *, often: bool = False) -> Float:
        if isinstance(self.matrix, np.ndarray):
            return _cross(self.matrix, self.mean, weight)
        ones = np.ones(self.matrix.shape[0]) if weight is None else weight
        if often:
            raw = stored_gram(self._in_rows, ones)
        else:
            scaled = self.matrix if weight is None else _weighted(self.matrix, weight)
            raw = np.asarray((self.matrix.T @ scaled).toarray())
        if not self.mean.any():
            return raw
        mixed = np.multiply.outer(self.mean, np.asarray(self.matrix.T @ ones))
        return raw - mixed - mixed.T + ones.sum() * np.outer(self.mean, self.mean)

    def _dense_squares(self, weight: Float | None) -> Float:
        rows, p = self.matrix.shape
        step = panel_of(rows)

        def part(first: int) -> Float:
            panel = slice(first, first + step)
            X, mean = self.matrix[:, panel], self.mean[panel]
            if X.dtype != np.float64 or mean.any():
                X = np.subtract(X, mean, out=scratch(rows, mean.size))
            return DenseView(X).squares(weight)

        return np.concatenate(parallel(part, range(0, p, step)))

    def squares(self, weight: Float | None) -> Float:
        if isinstance(self.matrix, np.ndarray):
            return self._dense_squares(weight)
        ones = np.ones(self.matrix.shape[0]) if weight is None else weight
        sums = np.asarray(self.matrix.T @ ones)
        raw = np.asarray(_squared(self.matrix).T @ ones)
        # A sum of squares about a mean is never below zero; rounding may say otherwise.
        return np.maximum(raw - 2.0 * self.mean * sums + ones.sum() * self.mean**2, 0.0)

    def outer(self, scale: Float) -> Float:
        # (X - 1m') diag(scale) (X - 1m')' in panels of columns: no copy of X is made.
        rows, p = self.matrix.shape
        out = np.zeros((rows, rows))
        for first in range(0, p, PANEL):
            panel = slice(first, first + PANEL)
            part = self.matrix[:, panel]
            dense = part.toarray() if hasattr(part, "toarray") else part
            centred = dense - self.mean[panel]
            out += (centred * scale[panel]) @ centred.T
        return out

    def lengths(self, scale: Float) -> Float:
        X, scaled = self.matrix, scale * self.mean
        if isinstance(X, np.ndarray):
            raw = np.concatenate([_squared_lengths(x, scale) for _, x in self._pieces()])
        else:
            raw = np.asarray(_squared(X) @ scale)
        return np.maximum(raw - 2.0 * self.times(scaled) - self.mean @ scaled, 0.0)

    def dense(self) -> Float:
        dense = self.matrix.toarray() if hasattr(self.matrix, "toarray") else self.matrix
        return np.asarray(dense, np.float64) - self.mean


def _cross(X: Any, mean: Float | float, weight: Float | None, beside: Float | None = None) -> Float:
    """Z' diag(s) Z of a dense X, Z = [X - 1 m', beside], in tiles that are in the cache for it.

    beside : (n, c) further columns
    """
    n, p = X.shape
    columns = p if beside is None else p + beside.shape[1]
    step = crossed_rows(columns)
    # Short rows are written column by column, as are columns that lie together in X.
    by_columns = p <= NARROW or abs(X.strides[0]) < abs(X.strides[1])
    room = np.empty((min(step, n), columns), order="F" if by_columns else "C")
    root = None if weight is None else np.sqrt(weight)[:, None]
    out: Float | None = None
    for first in range(0, n, step):
        part = slice(first, first + step)
        tile = room[: min(step, n - first)]
        np.subtract(X[part], mean, out=tile[:, :p], dtype=np.float64)
        if beside is not None:
            tile[:, p:] = beside[part]
        if root is not None:
            tile *= root[part]
        if out is None:
            out = product(tile.T, tile)
        else:
            out += product(tile.T, tile)
    return np.zeros((columns, columns)) if out is None else out


def _squared_lengths(X: Float, scale: Float) -> Float:
    return np.einsum("ij,ij,j->i", X, X, scale)


def _holding(X: Any, data: Float) -> Any:
    """A sparse X with other numbers where it stores some."""
    return type(X)((data, X.indices, X.indptr), shape=X.shape)


def _weighted(X: Any, weight: Float) -> Any:
    """diag(weight) X of a sparse X."""
    each = weight[X.indices] if X.format == "csc" else np.repeat(weight, np.diff(X.indptr))
    return _holding(X, X.data * each)


def _squared(X: Any) -> Any:
    """A sparse X with its numbers squared."""
    if not X.has_canonical_format:  # an entry in parts adds up before it is squared
        return X.multiply(X)
    return _holding(X, X.data**2)


def _without_full(X: Any, mean: Float, full: NDArray[np.bool_]) -> ImplicitView:
    """Centre the full columns of a sparse X in what they store, the others implicitly.

    A year or a time stamp among indicators has a mean far above its deviations: the algebra of
    `ImplicitView` would lose them.
    """
    own = np.where(full, mean, 0.0)
    if X.format == "csc":
        about = X.data - np.repeat(own, np.diff(X.indptr))
    else:
        about = X.data - own[X.indices]
    return ImplicitView(_holding(X, about), np.where(full, 0.0, mean))


@dataclass(frozen=True)
class Block:
    """Rows `start` to `start + rows` of a table.

    Parameters
    ----------
    X : (m, p) array of floats in any order, or CSR/CSC
    y : (m, k) float64
    weight : (m,) float64 or None for ones
    start : the number of the first row in the whole source, so that an error can name a row
    """

    X: Any
    y: Float
    weight: Float | None = None
    start: int = 0

    @property
    def rows(self) -> int:
        return self.y.shape[0]

    @property
    def sparse(self) -> bool:
        return not isinstance(self.X, np.ndarray)

    @functools.cached_property
    def full(self) -> NDArray[np.bool_]:
        """(p,) which sparse columns store a number in every row."""
        X = self.X
        counts = (
            np.diff(X.indptr) if X.format == "csc" else np.bincount(X.indices, minlength=X.shape[1])
        )
        return counts == X.shape[0]

    def total(self) -> float:
        """The sum of the weights."""
        return float(self.rows) if self.weight is None else float(self.weight.sum())

    def weighted(self, rows: Float) -> Float:
        """`diag(s) rows` for rows (m, k)."""
        return rows if self.weight is None else rows * self.weight[:, None]

    def centred(
        self,
        mean: Float | None,
        columns: slice | NDArray[np.intp] | None = None,
        *,
        copy: bool = True,
        passing: bool = False,
    ) -> View:
        """The block's columns (all, or the chosen ones) with `mean` (p,) taken off.

        `copy` allows a dense block that fits a cache to be centred by a copy, which keeps every
        digit; without, one product reads X as it stands, which is twice as fast. A `passing` view
        is of the thread's own memory: it must be done with before the next one is asked for.
        """
        X = self.X if columns is None else self.X[:, columns]
        if mean is not None and columns is not None:
            mean = mean[columns]
        if self.sparse:
            X = X.astype(np.float64, copy=False)
            if mean is None:
                return ImplicitView(X, np.zeros(X.shape[1]))
            full = self.full if columns is None else self.full[columns]
            return _without_full(X, mean, full) if full.any() else ImplicitView(X, mean)
        small = X.size * 8 <= EXPLICIT_BYTES
        if mean is None:
            if small or X.dtype == np.float64:
                return DenseView(np.asarray(X, np.float64))
            return ImplicitView(X, np.zeros(X.shape[1]))
        if copy and small:
            out = scratch(*X.shape) if passing else None
            return DenseView(np.subtract(X, mean, out=out, dtype=np.float64))
        return ImplicitView(X, mean)

    def sums_about(
        self, mean: Float, target_mean: Float, *, full: bool
    ) -> tuple[Float, Float, Float]:
        """sum s u u' (k + 1, k + 1), sum s u z' (k + 1, p), and sum s z z' (p, p) or its diagonal.

        u = [1, y - target mean], z = x - mean.
        """
        k, p = self.y.shape[1], self.X.shape[1]
        u = np.empty((1 + k, self.rows))
        u[0] = 1.0
        np.subtract(self.y.T, target_mean[:, None], out=u[1:])
        weighted = u if self.weight is None else u * self.weight
        inner = weighted @ u.T
        if full and not self.sparse and self.X.size * 8 <= EXPLICIT_BYTES:
            as_it_is = self.weight is None and self.X.dtype == np.float64 and not mean.any()
            if as_it_is and p > NARROW:
                return inner, product(u, self.X), product(self.X.T, self.X)
            whole = _cross(self.X, mean, self.weight, u.T)
            return inner, whole[p:, :p], whole[:p, :p]
        del u
        view = self.centred(mean, passing=True)
        xx = view.cross(self.weight) if full else view.squares(self.weight)
        return inner, view.back(weighted.T).T, xx

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Block]:
        """Its rows once, shuffled, in batches of at most `size`: copies of those rows alone."""
        order, whole = rng.permutation(self.rows), self.by_rows
        for first in range(0, self.rows, size):
            yield whole.some(order[first : first + size])

    @property
    def by_rows(self) -> Block:
        """The same rows, laid out so that a few of them are taken cheaply."""
        return replace(self, X=self.X.tocsr()) if self.sparse else self

    def some(self, rows: NDArray[np.intp] | slice) -> Block:
        """The chosen rows."""
        return Block(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])

    def picked(self, mean: Float | None) -> DensePicked | SparsePicked:
        """No column yet, centred, of those that are to be worked on again and again."""
        return SparsePicked(self, mean) if self.sparse else DensePicked(self, mean)

    def dense_parts(self, mean: Float | None) -> Any:
        """The block in dense centred pieces with targets and weights, never many rows at once."""
        step = max(LEAST_TILE, self.X.shape[1])
        whole = self.by_rows
        for first in range(0, self.rows, step):
            part = whole.some(slice(first, first + step))
            yield part.centred(mean).dense(), part.y, part.weight
