"""The quadratic of squared loss as solvers see it, in two forms with one interface.

    value(w) = null - q'w + w'Hw/2,   correlation u = q - Hw,   H = Xc'SXc / W,   q = Xc'Syc / W

`OverMoments` holds H (p, p): every question costs p^2, no pass. `OverRows` holds nothing but the
rows: every question is a pass over the data, and a coordinate sweep keeps the residual beside the
blocks. Coordinate sweeps are the same in both: the columns are taken in chunks, a chunk's own Gram
matrix turns its updates into a small compiled loop, and the rest is brought up to date by
products. Over moments there is one chunk. No coordinate ever needs a pass of its own, so that rows
may lie in many blocks, or on a GPU.
"""

from __future__ import annotations

import functools
import operator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.problem import Design, Evaluation, add
from leastwise.shape import EXPLICIT_BYTES
from leastwise.sources import Source

Float = NDArray[np.float64]
Bounds = tuple[Float, Float]

SMALL = 2000  # columns up to which an exact finish looks at all of them
CHUNK = 64  # columns a chunk of a sweep over rows: b/2 more flops a column than n, and few products
# Bytes a stored number: chosen columns, their rows' weights, a transpose and what X'X stores.
SPARSE_CROSS = 50
REFRESH = 50  # sweeps after which a residual that was only ever updated is computed anew


class Quadratic(Protocol):
    """The mean squared loss over centred columns."""

    @property
    def name(self) -> str:
        """Which form this is."""
        ...

    def evaluate(self, coef: Float) -> Evaluation:
        """Value and correlation at w (p, k)."""
        ...

    def within(self, support: NDArray[np.intp]) -> NDArray[np.intp]:
        """The columns whose Gram matrix is worth having when `support` is."""
        ...

    def product(self, V: Float) -> Float:
        """H V for V (p, k)."""
        ...

    def block(self, columns: NDArray[np.intp]) -> Float:
        """H of the chosen columns, (b, b)."""
        ...

    def block_bytes(self, count: int) -> int:
        """What `block` of so many columns takes beside a few matrices of its size."""
        ...

    def largest_eigenvalue(self, scale: Float, plus: Float) -> float:
        """Of diag(1/scale) (H + diag(plus)) diag(1/scale): exact or an upper bound, never below."""
        ...

    def descent(self, coef: Float) -> Descent:
        """The state of coordinate descent from w."""
        ...


class Descent(Protocol):
    """A w (p, k) under coordinate descent, and what must be kept current beside it."""

    @property
    def coef(self) -> Float:
        """(p, k) w."""
        ...

    def sweep(self, l1: Float, l2: Float, bounds: Bounds, count: int) -> None:
        """`count` sweeps over all columns."""
        ...

    def evaluate(self) -> Evaluation:
        """Value and correlation where it stands."""
        ...


class OverMoments:
    """The quadratic over its Gram matrix."""

    name = "over moments"

    def __init__(self, design: Design) -> None:
        self.H = design.gram
        centre = design.centre
        self.q, self.null = centre.correlation, centre.null

    def evaluate(self, coef: Float) -> Evaluation:
        u = self.q - self.H @ coef
        value = self.null - 0.5 * np.einsum("pk,pk->k", coef, self.q + u)
        return Evaluation(np.maximum(value, 0.0), u)

    def product(self, V: Float) -> Float:
        return self.H @ V

    def block(self, columns: NDArray[np.intp]) -> Float:
        return self.H if columns.size == self.H.shape[0] else self.H[np.ix_(columns, columns)]

    def block_bytes(self, count: int) -> int:
        return 0

    def within(self, support: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.arange(self.H.shape[0]) if self.H.shape[0] <= SMALL else support

    def largest_eigenvalue(self, scale: Float, plus: Float) -> float:
        from scipy.linalg import eigh

        H = (self.H + np.diag(plus)) / scale / scale[:, None]
        last = H.shape[0] - 1
        return float(eigh(H, eigvals_only=True, subset_by_index=(last, last))[0])

    def descent(self, coef: Float) -> Descent:
        return _OverMomentsDescent(self, coef)


class _OverMomentsDescent:
    def __init__(self, form: OverMoments, coef: Float) -> None:
        self.form = form
        self._w = np.array(coef.T, order="C", copy=True)

    @property
    def coef(self) -> Float:
        return self._w.T

    def sweep(self, l1: Float, l2: Float, bounds: Bounds, count: int) -> None:
        from leastwise.kernels.sweeps import gram_sweeps

        u = np.ascontiguousarray((self.form.q - self.form.H @ self._w.T).T)
        each = map(np.ascontiguousarray, (l1, l2, *bounds))
        gram_sweeps(np.ascontiguousarray(self.form.H), u, self._w, *each, count)

    def evaluate(self) -> Evaluation:
        return self.form.evaluate(self.coef)


class OverRows:
    """The quadratic over the rows themselves."""

    name = "over rows"

    def __init__(self, design: Design) -> None:
        self.design = design

    @functools.cached_property
    def source(self) -> Source:
        """The rows, laid out for chunks of columns."""
        return self.design.source.by_columns()

    def evaluate(self, coef: Float) -> Evaluation:
        return self.design.evaluate(coef)

    def product(self, V: Float) -> Float:
        return self.design.product(V)

    def block(self, columns: NDArray[np.intp]) -> Float:
        c = self.design.centre

        def statistic(block: Block) -> Float:
            return block.centred(c.mean, columns).cross(block.weight)

        share = columns.size / c.curvature.size
        H = self.source.reduce(statistic, operator.iadd, share=share)
        H /= c.weight
        dead = c.curvature[columns] == 0.0
        H[dead] = 0.0
        H[:, dead] = 0.0
        return H

    def block_bytes(self, count: int) -> int:
        source = self.source  # a block's own columns, and what is centred at one time
        if not source.sparse:
            return 8 * source.block_rows * count + EXPLICIT_BYTES
        return int(SPARSE_CROSS * source.stored / self.design.columns * count)

    def within(self, support: NDArray[np.intp]) -> NDArray[np.intp]:
        return support

    def largest_eigenvalue(self, scale: Float, plus: Float) -> float:
        """Lanczos from below, then a margin, kept under the trace, which is a bound for certain."""
        from scipy.sparse.linalg import LinearOperator, eigsh

        curvature = self.design.centre.curvature
        p = curvature.size
        trace = float(((curvature + plus) / scale**2).sum())
        if p < 3 or trace == 0.0:
            return trace

        def matvec(v: Float) -> Float:
            u = v.ravel() / scale
            return (self.product(u[:, None])[:, 0] + plus * u) / scale

        H = LinearOperator((p, p), matvec=matvec, dtype=np.float64)
        start = np.sqrt(curvature + plus) / scale + np.finfo(np.float64).tiny
        top = eigsh(H, k=1, which="LA", v0=start, tol=1e-4, return_eigenvectors=False)
        return min(trace, float(top[0]) * 1.001)

    def descent(self, coef: Float) -> Descent:
        return _OverRowsDescent(self, coef)

    @functools.cached_property
    def chunks(self) -> list[tuple[slice, Float]]:
        """The columns in chunks, each with its Gram matrix (p * CHUNK numbers in all)."""
        p = self.design.columns
        found: list[tuple[slice, Float]] = []
        for first in range(0, p, CHUNK):
            columns = np.arange(first, min(first + CHUNK, p))
            found.append((slice(first, first + columns.size), self.block(columns)))
        return found


class _OverRowsDescent:
    def __init__(self, form: OverRows, coef: Float) -> None:
        self.form = form
        self._w = np.array(coef.T, order="C", copy=True)
        self._age = 0
        self._residual = self._fresh()

    @property
    def coef(self) -> Float:
        return self._w.T

    def _fresh(self) -> list[Float]:
        design, coef = self.form.design, self._w.T
        c = design.centre

        def residual(block: Block) -> Float:
            return block.y - c.level - design.view(block).times(coef)

        return self.form.source.map(residual)

    def sweep(self, l1: Float, l2: Float, bounds: Bounds, count: int) -> None:
        from leastwise.kernels.sweeps import gram_sweeps

        for _ in range(count):
            if self._age and self._age % REFRESH == 0:
                self._residual = self._fresh()
            self._age += 1
            for columns, H in self.form.chunks:
                u = self._correlation(columns)
                u = np.ascontiguousarray(u.T)
                w = np.ascontiguousarray(self._w[:, columns])
                before = w.copy()
                each = (np.ascontiguousarray(part[columns]) for part in (l1, l2, *bounds))
                gram_sweeps(H, u, w, *each, 1)
                if not np.array_equal(w, before):
                    self._w[:, columns] = w
                    self._move(columns, (w - before).T)

    def _correlation(self, columns: slice) -> Float:
        design = self.form.design
        c = design.centre

        def statistic(block: Block, residual: Float) -> Float:
            return design.view(block, columns).back(block.weighted(residual))

        share = _share(columns, c.curvature)
        u = self.form.source.reduce(statistic, np.add, self._residual, share) / c.weight
        return np.where((c.curvature[columns] == 0.0)[:, None], 0.0, u)

    def _move(self, columns: slice, change: Float) -> None:
        design = self.form.design

        def moved(block: Block, residual: Float) -> Float:
            residual -= design.view(block, columns).times(change)
            return residual

        share = _share(columns, design.centre.curvature)
        self._residual = self.form.source.map(moved, self._residual, share)

    def evaluate(self) -> Evaluation:
        design = self.form.design
        c, loss = design.centre, design.loss

        def statistic(block: Block, residual: Float) -> list[Float]:
            value = block.weighted(loss.value(residual, np.zeros_like(residual))).sum(axis=0)
            return [value, design.view(block).back(block.weighted(residual))]

        value, correlation = self.form.source.reduce(statistic, add, self._residual)
        return Evaluation(value / c.weight, design.mask(correlation / c.weight))


def _share(columns: slice, whole: Float) -> float:
    return (columns.stop - columns.start) / whole.size


def quadratic_form(design: Design, memory: int) -> Quadratic:
    """Over moments where they are worth having, else over the rows."""
    make = OverMoments if design.worth_moments(memory) else OverRows
    return design.cached(make.name, lambda: make(design))
