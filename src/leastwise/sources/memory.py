"""Rows in memory: arrays (any order, float32, memory-mapped) and sparse ones, in blocks."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.blocks import Block
from leastwise.encoding import Classes, in_python, refuse_parts
from leastwise.errors import DataError
from leastwise.moments import Shift
from leastwise.numerics.products import canonical
from leastwise.numerics.threads import one_blas_thread, parallel
from leastwise.shape import SAMPLE, sampled_rows
from leastwise.sources.base import Source, check_unique, default_names, two_dimensional
from leastwise.sources.cutting import (
    cuts_of_dense,
    cuts_of_sparse,
    many,
    runs,
    scratch_of,
    threads_for,
)
from leastwise.sources.sampling import sampled_mean

T = TypeVar("T")

MOST, LEAST_OF_EACH = 20, 10  # distinct values of a target that may be classes, and rows of each


class MemorySource(Source):
    """Rows that are in memory, or mapped to it.

    Parameters
    ----------
    X : (n, p) array of any float type and order, or a SciPy sparse array; never copied, never
    changed
    y : (n,) or (n, k)
    weight : (n,) not negative, or None for ones
    columns, targets : names; `x0, x1, ...` and `y` by default
    cuts : where a block ends and the next begins, rows in increasing order; chosen for speed by
    default
    classes : what y stands for, where its outputs are those of classes

    Raises
    ------
    DataError
        If lengths differ, names repeat, or y or the weights hold what cannot be fitted.
    """

    holds_row_state = True

    def __init__(
        self,
        X: Any,
        y: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        columns: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        cuts: Sequence[int] | None = None,
        classes: Classes | None = None,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.X = X
        self.sparse = hasattr(X, "tocsr")
        if self.sparse and X.format not in ("csr", "csc"):
            self.X = X = X.tocsr()
        if self.sparse and not X.has_canonical_format:
            self.X = X = canonical(X)
        n, p = X.shape
        self.y = two_dimensional(y)
        self.weight = None if weight is None else np.ascontiguousarray(weight, np.float64)
        self.rows = n
        self.columns = default_names("x", p) if columns is None else tuple(columns)
        k = self.y.shape[1]
        if targets is None:
            targets = ("y",) if k == 1 else default_names("y", k)
        self.targets = tuple(targets)
        self._check(n, p)
        self._cuts = cuts

    def __repr__(self) -> str:
        shown = ", ".join(self.columns[:4]) + (", ..." if len(self.columns) > 4 else "")
        size = f"{self.rows} rows of {len(self.columns)} columns: {shown}"
        return f"<{type(self).__name__} of {size}; target {', '.join(self.targets)}>"

    def _check(self, n: int, p: int) -> None:
        if self.y.shape[0] != n:
            raise DataError(
                f"X has {n} rows and y has {self.y.shape[0]}: give both the same number of rows"
            )
        if n == 0:
            raise DataError("X has no rows: there is nothing to fit")
        if len(self.columns) != p:
            raise DataError(f"X has {p} columns and {len(self.columns)} names were given for them")
        if self.columns is not default_names("x", p) and (twice := check_unique(self.columns)):
            raise DataError(f"two columns are named {twice!r}; rename one of them")
        if not np.isfinite(self.y).all():
            row = int(np.flatnonzero(~np.isfinite(self.y).all(axis=1))[0])
            kind = "NaN" if np.isnan(self.y[row]).any() else "infinity"
            raise DataError(f"Input y contains {kind} (row {row}): drop or repair the row")
        if self.weight is None:
            return
        if self.weight.shape != (n,):
            raise DataError(f"X has {n} rows and the weights have shape {self.weight.shape}")
        if not np.isfinite(self.weight).all():
            row = int(np.flatnonzero(~np.isfinite(self.weight))[0])
            raise DataError(f"the weight of row {row} is {self.weight[row]}; weights are finite")
        largest = float(self.weight.max())
        if not 1e-150 < largest < 1e150 and largest > 0.0:
            raise DataError(
                f"the largest weight is {largest:g}: only their ratios matter, so divide them by it"
            )
        if (self.weight < 0).any():
            row = int(np.flatnonzero(self.weight < 0)[0])
            raise DataError(f"the weight of row {row} is negative ({self.weight[row]:g})")
        if not self.weight.any():
            raise DataError("all weights are zero: no row is left to fit")

    @functools.cached_property
    def _blocks(self) -> tuple[Block, ...]:
        cuts = self._default_cuts() if self._cuts is None else list(self._cuts)
        edges = [0, *cuts, self.rows]
        if len(edges) == 2:
            return (Block(self.X, self.y, self.weight),)
        by_columns = self.sparse and self.X.format == "csc"
        matrix = self.X.tocsr() if by_columns else self.X
        return tuple(
            Block(
                matrix[first:end].tocsc() if by_columns else matrix[first:end],
                self.y[first:end],
                None if self.weight is None else self.weight[first:end],
                first,
            )
            for first, end in pairwise(edges)
        )

    def _default_cuts(self) -> Sequence[int]:
        n, p = self.X.shape
        if not self.sparse:
            return cuts_of_dense(n, p)
        return cuts_of_sparse(n, p, self.X.nnz) if self.X.format == "csr" else []

    @property
    def stored(self) -> int:
        """How many numbers X holds."""
        return int(self.X.nnz if self.sparse else self.X.size)

    def provisional_mean(self) -> Shift:
        """The means of the targets, and of a sample of rows from all over X; zero if all are near.

        A provisional mean is what rows are summed about, and need not be exact.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            # Rows without weight say nothing: a column that is zero in all others has mean zero.
            taken = slice(None) if self.weight is None or self.weight.all() else self.weight > 0.0
            if self.sparse:
                rows = self.X.tocsr()[taken] if isinstance(taken, np.ndarray) else self.X
                mean = np.asarray(rows.mean(axis=0), np.float64).ravel()
            else:
                chosen = None if isinstance(taken, slice) else np.flatnonzero(taken)
                count = self.rows if chosen is None else chosen.size
                step = max(1, count // sampled_rows(self.X.shape[1]))
                rows = slice(None, None, step) if chosen is None else chosen[::step]
                mean = sampled_mean(self.X, rows)
            if self.weight is None:
                return Shift(mean, self.y.mean(axis=0))
            return Shift(mean, np.einsum("i,ik->k", self.weight, self.y) / self.weight.sum())

    def blocks(self) -> Iterator[Block]:
        """The blocks in the order of their rows; views, not copies."""
        return iter(self._blocks)

    def shuffled_blocks(self, rng: np.random.Generator) -> Iterator[Block]:
        """The blocks in random order."""
        return (self._blocks[number] for number in rng.permutation(len(self._blocks)))

    @property
    def threads(self) -> int:
        """How many blocks a pass works on at a time."""
        return threads_for(len(self._blocks), self.X.shape[1], self.X.size)

    @property
    def block_rows(self) -> int:
        """The rows of the largest block."""
        return max(block.rows for block in self._blocks)

    @property
    def width(self) -> int:
        """Bytes of a number of X."""
        return int(self.X.dtype.itemsize)

    @property
    def scratch(self) -> int:
        """Bytes that copies of blocks under work take."""
        return scratch_of(self.block_rows, self.X.shape[1], self.threads, sparse=self.sparse)

    def reduce(
        self,
        statistic: Callable[..., T],
        merge: Callable[[T, T], T],
        state: Any = None,
        share: float = 1.0,
    ) -> T:
        """One pass, on as many threads as there are cores; the same bits on every run."""
        threads = self.threads if share or many(state) else 1
        if threads == 1:
            with nullcontext() if share else one_blas_thread():
                return super().reduce(statistic, merge, state, share)
        self._counted[0] += share * self._part
        blocks = self._blocks

        def run(part: range) -> T:
            merged: T | None = None
            for number in part:
                block = blocks[number]
                new = statistic(block) if state is None else statistic(block, state[number])
                merged = new if merged is None else merge(merged, new)
            assert merged is not None
            return merged

        return functools.reduce(merge, parallel(run, runs(len(blocks), threads)))

    def map(self, function: Callable[..., T], state: Any = None, share: float = 1.0) -> list[T]:
        """One pass that keeps an entry a block."""
        threads = self.threads if share or many(state) else 1
        if threads == 1:
            with nullcontext() if share else one_blas_thread():
                return super().map(function, state, share)
        self._counted[0] += share * self._part
        blocks = self._blocks

        def run(part: range) -> list[T]:
            if state is None:
                return [function(blocks[number]) for number in part]
            return [function(blocks[number], state[number]) for number in part]

        found = parallel(run, runs(len(blocks), threads))
        return [entry for part in found for entry in part]

    def by_columns(self) -> Source:
        """The same rows in the same blocks, laid out so that a few columns are read cheaply."""
        if not self.sparse or self.X.format == "csc":
            return self
        return self._with(self.X.tocsc(), self.columns)

    def narrowed(self, columns: NDArray[np.intp]) -> MemorySource | None:
        """The same rows in the same blocks with the chosen columns alone: a copy of these."""
        return self._with(self.X[:, columns], [self.columns[column] for column in columns])

    def _with(self, X: Any, columns: Sequence[str]) -> MemorySource:
        """The same rows in the same blocks, of X as it is here."""
        cuts = [block.start for block in self._blocks][1:]
        other = MemorySource(
            X,
            self.y,
            self.weight,
            columns=columns,
            targets=self.targets,
            cuts=cuts,
            classes=self.classes,
        )
        other._counted = self._counted  # one source's passes, which count for what they read
        other._part = self._part * len(columns) / len(self.columns)
        return other

    def each_target(self) -> tuple[Source, ...]:
        """A source for each target alone, of the same rows."""
        if len(self.targets) == 1:
            return (self,)
        return tuple(
            MemorySource(self.X, y, self.weight, columns=self.columns, targets=[name])
            for name, y in zip(self.targets, self.y.T, strict=True)
        )

    def gather(self) -> Block:
        """All rows as one block: the arrays themselves, no copy."""
        return Block(self.X, self.y, self.weight)

    def take(self, rows: NDArray[np.intp]) -> MemorySource:
        """A source of the chosen rows (a copy of them)."""
        matrix = self.X.tocsr() if self.sparse else self.X
        return MemorySource(
            matrix[rows],
            self.y[rows],
            None if self.weight is None else self.weight[rows],
            columns=self.columns,
            targets=self.targets,
            classes=self.classes,
        )

    def sample(self, step: int) -> Source | None:
        some = self.weight is None or bool(self.weight[::step].any())
        return self.take(np.arange(0, self.rows, step)) if some else None

    def classified(self, labels: NDArray[Any] | None = None) -> Self:
        """The same rows with the distinct values of their target as classes.

        Parameters
        ----------
        labels : (n,) the class of each row; the values of the one target by default

        Raises
        ------
        DataError
            There are several targets, their values are not whole, or all rows with a weight are of
            one class.
        """
        if labels is None and self.classes is not None:
            self._refuse_one_class(self.classes, self.classes.codes(self.y))
            return self
        if len(self.targets) != 1:
            raise DataError(
                f"there are {len(self.targets)} targets ({', '.join(self.targets[:8])}), and "
                "classes are fitted for one: name one"
            )
        name = self.targets[0]
        if labels is None:
            labels = self.y[:, 0]
            refuse_parts(labels, f"the target {name!r}")
            labels = labels.astype(np.int64)
        found, codes = np.unique(labels, return_inverse=True)
        classes = Classes(name, in_python(found))
        self._refuse_one_class(classes, codes)
        other = self._apart()
        other.y, other.targets, other.classes = classes.targets(codes), classes.outputs, classes
        return other

    def weighted(self, weight: NDArray[np.float64]) -> Self:
        """The same rows with other weights (n,)."""
        other = self._apart()
        other.weight = weight
        return other

    def _apart(self) -> Self:
        """A source of the same rows whose targets and weights may be changed."""
        other = copy.copy(self)
        vars(other).pop("_blocks", None)
        return other

    def _refuse_one_class(self, classes: Classes, codes: NDArray[np.intp]) -> None:
        used = codes if self.weight is None else codes[self.weight > 0.0]
        if np.ptp(used) == 0:
            only = classes.labels[int(used[0])]
            raise DataError(
                f"all rows of the target {classes.name!r} are of the one class {only!r}: a fit "
                "needs rows of two classes or more"
            )

    def of_one_class(self) -> bool:
        """Whether all rows with a weight have the same target of zeros and ones."""
        used = self.y if self.weight is None else self.y[self.weight > 0.0]
        return bool(np.isin(used[0], (0.0, 1.0)).all() and not np.ptp(used, axis=0).any())

    def few_values(self) -> int | None:
        """How many whole numbers the one target takes, if so few that they may name classes."""
        y = self.y[:, 0]
        head = y[:SAMPLE]
        if self.y.shape[1] > 1 or (head != np.rint(head)).any() or np.unique(head).size > MOST:
            return None
        values, counts = np.unique(y, return_counts=True)
        few = 1 < values.size <= MOST and int(counts.min()) >= LEAST_OF_EACH
        return values.size if few and (values == np.rint(values)).all() else None

    def hides_variation(self, squares: NDArray[np.float64]) -> bool:
        """Whether a target varies although its sum of squares (k,) is zero."""
        taken = self.y if self.weight is None else self.y[self.weight > 0.0]
        flat = taken[:, squares == 0.0]
        return bool((np.ptp(flat, axis=0) > 1e-10 * np.abs(flat).max(axis=0)).any())

    def non_finite(self) -> str | None:
        """Where X holds a NaN or an infinity, in words; None where it does not."""
        for block in self.blocks():
            values = block.X.data if block.sparse else block.X
            if np.isfinite(values).all():
                continue
            kind = "NaN" if np.isnan(values).any() else "infinity"
            if block.sparse:
                stored = block.X.tocoo()
                at = int(np.flatnonzero(~np.isfinite(stored.data))[0])
                row, column = int(stored.row[at]), int(stored.col[at])
            else:
                row, column = (int(i) for i in np.argwhere(~np.isfinite(block.X))[0])
            name = self.columns[column]
            return f"Input X contains {kind} (column {name!r}, row {block.start + row})"
        return None
