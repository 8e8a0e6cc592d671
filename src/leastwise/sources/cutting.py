"""How rows in memory are cut into blocks, and what working on the blocks takes beside the data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from leastwise.numerics.threads import workers
from leastwise.shape import EXPLICIT_BYTES, panel_of

# Rows a block: enough for products at full speed and for the work between them not to matter; what
# must stay in a cache is cut into tiles (measured: with 3,000 rows of 50 columns 5 % slower).
BLOCK_BYTES = 4_000_000
LEAST_ROWS, MOST_ROWS = 1000, 10_000
# Below this many numbers threads cost more than they bring; above this many columns one product of
# a block keeps all cores busy by itself, and partial sums per thread (p x p) would only cost
# memory.
SERIAL_SIZE = 200_000
WIDE = 512
MANY = 1 << 15  # numbers of a block's state from which on threads share passes that read no X
SPARSE_PART = 1_000_000  # stored numbers of a sparse matrix worth a thread


def cuts_of_dense(rows: int, columns: int) -> range:
    """Where blocks of dense rows end and the next begin."""
    if rows <= columns or rows * columns <= SERIAL_SIZE:
        return range(0)
    step = int(np.clip(BLOCK_BYTES // (8 * columns), LEAST_ROWS, MOST_ROWS))
    step = max(step, min(columns, MOST_ROWS))
    return range(step, rows, step)


def cuts_of_sparse(rows: int, columns: int, stored: int) -> list[int]:
    """Where blocks of sparse rows (CSR) end and the next begin."""
    if columns > WIDE:
        return []
    parts = min(workers(), stored // SPARSE_PART)
    return [rows * part // parts for part in range(1, parts)] if parts > 1 else []


def threads_for(blocks: int, columns: int, size: int) -> int:
    """How many blocks a pass works on at a time; `size` is how many numbers are stored."""
    if blocks < 2 or columns > WIDE or size <= SERIAL_SIZE:
        return 1
    return min(workers(), blocks)


def many(state: Sequence[Any] | None) -> bool:
    """Whether threads do not wait for each other at each operation on a block's state."""
    first = state[0] if state else None
    parts = first if isinstance(first, tuple) else (first,)
    return any(isinstance(part, np.ndarray) and part.size >= MANY for part in parts)


def runs(count: int, parts: int) -> list[range]:
    """So many blocks in parts, each for a thread."""
    edges = [count * part // parts for part in range(parts + 1)]
    return [range(first, end) for first, end in pairwise(edges)]


def largest(cuts: Sequence[int], rows: int) -> int:
    """The rows of the largest block."""
    if isinstance(cuts, range):  # evenly, and too many to go through where there are sizes alone
        return max(cuts[0], rows - cuts[-1]) if cuts else rows
    edges = [0, *cuts, rows]
    return max(end - first for first, end in pairwise(edges))


def scratch_of(rows: int, columns: int, threads: int, *, sparse: bool) -> int:
    """Bytes of the copies of blocks of so many rows while they are worked on.

    A dense block is centred by a copy, or in panels of columns, one a core, where it is large.
    """
    if sparse:
        return 0
    whole = 8 * rows * columns
    if whole <= EXPLICIT_BYTES:
        return threads * whole
    panel = panel_of(rows)
    panels = -(-columns // panel)
    return min(workers(), panels) * 8 * rows * min(columns, panel)
