"""Rows that are not there: sizes alone, so that what a fit needs can be told before any data."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import NoReturn

import numpy as np
from numpy.typing import DTypeLike

from leastwise.blocks import Block
from leastwise.errors import UsageError
from leastwise.moments import Shift
from leastwise.sources.base import Source, default_names
from leastwise.sources.cutting import cuts_of_dense, cuts_of_sparse, largest, scratch_of
from leastwise.sources.cutting import threads_for as threads_of

MOST = 10**15  # numbers beyond which no data are
MOST_NAMED = 10**7  # columns, or outputs: each has a name, which takes memory too


class Sizes(Source):
    """What `MemorySource` would be of an array of this size; nothing can be read from it.

    Parameters
    ----------
    rows, columns, outputs : n, p, k
    density : the share of X that is stored; 1 for a dense X
    dtype : of the numbers that X holds

    Raises
    ------
    UsageError
        If a size is not positive, or the density not in (0, 1].

    Examples
    --------
    >>> Sizes(1000, 20, density=0.1).stored
    2000
    """

    holds_row_state = True

    def __init__(
        self,
        rows: int,
        columns: int,
        outputs: int = 1,
        *,
        density: float = 1.0,
        dtype: DTypeLike = np.float64,
    ) -> None:
        super().__init__()
        for name, size in (("rows", rows), ("columns", columns), ("outputs", outputs)):
            if not isinstance(size, Real) or not 1 <= size < np.inf or int(size) != size:
                raise UsageError(f"{name} must be a whole number of at least 1, not {size!r}")
        if rows * columns > MOST or columns > MOST_NAMED or outputs > MOST_NAMED:
            raise UsageError(
                f"{rows} rows of {columns} columns and {outputs} outputs are more than a machine "
                "holds"
            )
        if not isinstance(density, Real) or not 0.0 < density <= 1.0:
            raise UsageError(f"density must be above 0 and at most 1, not {density!r}")
        self.rows, self.sparse = int(rows), density < 1.0
        self.columns = default_names("x", int(columns))
        self.targets = default_names("y", int(outputs))
        self._width = np.dtype(dtype).itemsize
        self._stored = max(1, round(density * rows * columns))
        p = int(columns)
        cuts = (
            cuts_of_sparse(self.rows, p, self._stored)
            if self.sparse
            else cuts_of_dense(self.rows, p)
        )
        self._threads = threads_of(len(cuts) + 1, p, self._stored)
        self._block_rows = largest(cuts, self.rows)

    @property
    def stored(self) -> int:
        """How many numbers X would hold."""
        return self._stored

    @property
    def width(self) -> int:
        """Bytes of a number of X."""
        return self._width

    @property
    def block_rows(self) -> int:
        """The rows of the largest block."""
        return self._block_rows

    @property
    def threads(self) -> int:
        """How many blocks a pass would work on at a time."""
        return self._threads

    @property
    def scratch(self) -> int:
        """Bytes that copies of blocks under work would take."""
        p = len(self.columns)
        return scratch_of(self.block_rows, p, self._threads, sparse=self.sparse)

    def blocks(self) -> Iterator[Block]:
        """Refused, as everything that asks for rows."""
        self._refuse()

    def provisional_mean(self) -> Shift:
        self._refuse()

    def non_finite(self) -> str | None:
        self._refuse()

    def gather(self) -> Block:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UsageError("there are sizes and no rows: give X and y to have them fitted")
