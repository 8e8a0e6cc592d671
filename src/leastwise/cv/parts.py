"""The moments of every fold, from one pass over the data.

Each block's rows are summed fold by fold. A training set is merged from the folds outside it
(prefixes and suffixes: three merges of p x p numbers a fold), which loses no digit; to subtract a
fold from the whole would cost a third of that and lose digits where a fold holds most of a column.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.cv.folds import Folds, Rows
from leastwise.errors import DataError
from leastwise.losses import Squared
from leastwise.moments import Moments, Shift, sums_about
from leastwise.problem import Design, add
from leastwise.shape import crossed_rows
from leastwise.sources import Source

Float = NDArray[np.float64]
Sums = dict[int, list[Float]]


class KnownDesign(Design):
    """The design of rows whose moments are known, and which nothing visits."""

    def __init__(self, source: Source, intercept: bool, moments: Moments) -> None:
        super().__init__(source, Squared(), intercept)
        self._moments = moments


class FoldedDesign(Design):
    """All rows, their moments summed fold by fold: `trains` and `tests` (K) beside the whole."""

    def __init__(self, source: Source, intercept: bool, folds: Folds) -> None:
        super().__init__(source, Squared(), intercept)
        self.folds = folds
        self.trains: tuple[Moments, ...] = ()
        self.tests: tuple[Moments, ...] = ()

    def training(self, fold: int) -> Design:
        """The design of a fold's training rows."""
        return KnownDesign(self.source, self.intercept, self.trains[fold])

    def _sum(self, shift: Shift, full: bool) -> Moments:
        if not full:
            return super()._sum(shift, full)
        self.tests = self._sums(self.folds.tests, shift)
        if self.folds.trains is not None:
            self.trains = self._sums(self.folds.trains, shift)
            return super()._sum(shift, full)
        whole, self.trains = _merged(self.tests)
        return whole

    def _sums(self, sets: tuple[Rows, ...], shift: Shift) -> tuple[Moments, ...]:
        """The moments of each set of rows: one pass.

        All about one shift: a set that lies far from it by its own deviations lies near it by those
        of all rows, which is what rounding is measured against.
        """
        # As many gathered rows as stay in the cache until they have been summed.
        step = crossed_rows(self.columns)

        def statistic(block: Block) -> Sums:
            edges = (block.start, block.start + block.rows)
            sums: Sums = {}
            for number, rows in enumerate(sets):
                first, end = np.searchsorted(rows, edges)
                for start in range(first, end, step):
                    chosen = rows[start : min(start + step, end)] - block.start
                    _add(sums, {number: sums_about(_part(block, chosen), shift)})
            return sums

        sums = self.source.reduce(statistic, _add)
        found = tuple(Moments.from_sums(sums[number], shift) for number in range(len(sets)))
        for number, part in enumerate(found):
            if part.weight == 0.0:
                raise DataError(f"all rows of fold {number} have weight zero: take other folds")
        return found


def _part(block: Block, rows: Rows) -> Block:
    """Some rows of a block, without a copy where they lie together."""
    chosen: Any = rows
    if (np.diff(rows) == 1).all():
        chosen = slice(int(rows[0]), int(rows[-1]) + 1)
    return block.by_rows.some(chosen)


def _add(a: Sums, b: Sums) -> Sums:
    for number, sums in b.items():
        a[number] = add(a[number], sums) if number in a else sums
    return a


def _merged(parts: tuple[Moments, ...]) -> tuple[Moments, tuple[Moments, ...]]:
    """The whole, and for each part the moments of all others."""
    before = list(accumulate(parts, Moments.merge))
    after = list(accumulate(reversed(parts), Moments.merge))[::-1]
    inner = [before[at - 1].merge(after[at + 1]) for at in range(1, len(parts) - 1)]
    return before[-1], (after[1], *inner, before[-2])
