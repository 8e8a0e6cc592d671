"""Source: rows that can be visited in blocks. One pass maps each block and merges the parts."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.blocks import Block
from leastwise.errors import DataError
from leastwise.moments import Shift

T = TypeVar("T")


class Source(ABC):
    """Rows of (x, y, weight), visited block by block.

    Attributes
    ----------
    columns : the p names of the columns; targets : the k names of the outputs
    rows : the number of rows
    holds_row_state : whether vectors of n (a residual) can be kept beside the blocks
    """

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    rows: int
    holds_row_state: bool = False
    sparse: bool = False

    def __init__(self) -> None:
        self._counted = [0.0]
        self._part = 1.0  # of a whole pass, that one over these columns counts for

    @property
    def passes(self) -> float:
        """How often the data have been gone through; parts of the columns count for their share."""
        return self._counted[0]

    @property
    def stored(self) -> int:
        """How many numbers X holds: rows times columns where it is dense."""
        return self.rows * len(self.columns)

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """The blocks in the order of their rows."""

    def reduce(
        self,
        statistic: Callable[..., T],
        merge: Callable[[T, T], T],
        state: Any = None,
        share: float = 1.0,
    ) -> T:
        """One pass: `statistic(block)` of every block, merged in the blocks' order.

        With `state`, a sequence with an entry a block (what `map` returned), the statistic is
        called as `statistic(block, entry)`. `merge` may change and return its first argument.
        `share` says which part of the columns is read: it is what the pass counts for.
        """
        self._counted[0] += share * self._part
        merged: T | None = None
        for number, block in enumerate(self.blocks()):
            part = statistic(block) if state is None else statistic(block, state[number])
            merged = part if merged is None else merge(merged, part)
        assert merged is not None, "a source has at least one block"
        return merged

    def map(self, function: Callable[..., T], state: Any = None, share: float = 1.0) -> list[T]:
        """One pass that keeps an entry a block: row state, in the blocks' order."""
        self._counted[0] += share * self._part
        entries: list[T] = []
        for number, block in enumerate(self.blocks()):
            entries.append(function(block) if state is None else function(block, state[number]))
        return entries

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Block]:
        """One pass in batches of at most `size` rows, none of two blocks; rows are shuffled.

        The blocks come in random order where they can be had in any.
        """
        self._counted[0] += self._part
        for block in self.shuffled_blocks(rng):
            yield from block.batches(size, rng)

    def sample(self, step: int) -> Source | None:
        """A source of every `step`-th row, or None where rows cannot be taken."""
        return None

    def narrowed(self, columns: NDArray[np.intp]) -> Source | None:
        """A source of the same rows with the chosen columns alone, or None where it cannot be."""
        return None

    def shuffled_blocks(self, rng: np.random.Generator) -> Iterator[Block]:
        """The blocks in random order, or in their own where that is the only one."""
        return self.blocks()

    @property
    def block_rows(self) -> int:
        """The rows of the largest block."""
        return self.rows

    @property
    def width(self) -> int:
        """Bytes of a number of X."""
        return 8

    @property
    def threads(self) -> int:
        """How many blocks a pass works on at a time."""
        return 1

    @property
    def scratch(self) -> int:
        """Bytes that the blocks under work take beside the data."""
        return 0

    @abstractmethod
    def provisional_mean(self) -> Shift:
        """A guess at the means of columns and targets, about which rows are summed."""

    def hides_variation(self, squares: NDArray[np.float64]) -> bool:
        """Whether a target varies although its sum of squares (k,) is zero."""
        return False

    @abstractmethod
    def non_finite(self) -> str | None:
        """Where X holds a NaN or an infinity, in words; None where it does not."""

    def each_target(self) -> tuple[Source, ...]:
        """A source for each target alone."""
        if len(self.targets) == 1:
            return (self,)
        raise DataError("these rows have several targets and cannot be split: name one")

    def by_columns(self) -> Source:
        """The same rows in the same blocks, laid out so that a few columns are read cheaply."""
        return self

    @abstractmethod
    def gather(self) -> Block:
        """All rows as a single block, which must fit in memory."""


@functools.lru_cache(maxsize=16)
def default_names(stem: str, count: int) -> tuple[str, ...]:
    """`x0, x1, ...`, the names of columns that came without."""
    return tuple(f"{stem}{number}" for number in range(count))


def check_unique(names: Sequence[str]) -> str | None:
    """The first name that stands twice, if any."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def two_dimensional(y: ArrayLike) -> NDArray[np.float64]:
    """(n, k) targets, of one column where they came as (n,)."""
    array = np.asarray(y, np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(f"y must have shape (n,) or (n, k), not {np.shape(y)}")
    return array
