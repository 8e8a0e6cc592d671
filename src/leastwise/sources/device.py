"""Rows on a device, in one block, whose passes are done there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.blocks import Block
from leastwise.blocks.on_device import carried, landed
from leastwise.blocks.torch import Matrix, TorchBlock
from leastwise.encoding import Classes
from leastwise.sources.memory import MemorySource

T = TypeVar("T")


class DeviceSource(MemorySource):
    """Rows whose X is a tensor on a device; targets and weights go there once.

    What a pass sums comes back in one transfer. Solvers that work on the rows by themselves ask
    for all of them (`gather`) and get arrays of the host.

    Parameters
    ----------
    X : Matrix (n, p) ; the others as those of `MemorySource`
    """

    X: Matrix

    @functools.cached_property
    def _blocks(self) -> tuple[Block, ...]:
        edges = [0, *(self._cuts or ()), self.rows]
        return tuple(self._block(first, end) for first, end in pairwise(edges))

    def _block(self, first: int, end: int) -> TorchBlock:
        like, rows = self.X.values, slice(first, end)
        weight = None if self.weight is None else carried(self.weight[rows], like)
        return TorchBlock(self.X[rows], carried(self.y[rows], like), weight, first)

    @property
    def threads(self) -> int:
        return 1

    @property
    def width(self) -> int:
        return self.X.itemsize

    def reduce(
        self,
        statistic: Callable[..., T],
        merge: Callable[[T, T], T],
        state: Any = None,
        share: float = 1.0,
    ) -> T:
        """One pass; what it found comes to the host in one transfer."""
        return landed(super().reduce(statistic, merge, state, share))

    def gather(self) -> Block:
        """All rows as one block of arrays of the host: a copy."""
        return Block(np.asarray(self.X), self.y, self.weight)

    def take(self, rows: NDArray[np.intp]) -> DeviceSource:
        """A source of the chosen rows (a copy of them), on the device."""
        weight = None if self.weight is None else self.weight[rows]
        return DeviceSource(
            self.X[rows],
            self.y[rows],
            weight,
            columns=self.columns,
            targets=self.targets,
            classes=self.classes,
        )

    def narrowed(self, columns: NDArray[np.intp]) -> None:
        """None: there, to read all columns costs little, and to copy some of them memory."""

    def each_target(self) -> tuple[DeviceSource, ...]:
        """A source for each target alone, of the same rows."""
        if len(self.targets) == 1:
            return (self,)
        return tuple(
            DeviceSource(self.X, y, self.weight, columns=self.columns, targets=[name])
            for name, y in zip(self.targets, self.y.T, strict=True)
        )

    def non_finite(self) -> str | None:
        """Where X holds a NaN or an infinity, in words; None where it does not."""
        found = self.X.non_finite()
        if found is None:
            return None
        row, column, nan = found
        kind = "NaN" if nan else "infinity"
        return f"Input X contains {kind} (column {self.columns[column]!r}, row {row})"


def rows_in_memory(
    X: Any,
    y: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    columns: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    classes: Classes | None = None,
) -> MemorySource:
    """A source of rows that are in the host's memory, or in that of a device."""
    kind = DeviceSource if isinstance(X, Matrix) else MemorySource
    return kind(X, y, weight, columns=columns, targets=targets, classes=classes)
