"""Encoded columns put side by side: one matrix of float64, dense in C order or CSR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SPARSE_BELOW = 0.1
"""CSR stores 12 bytes for an entry and dense 8, but a product with a CSR entry costs about 5 times
one with a dense entry (an index is followed, nothing is vectorised): below this density CSR is
faster too."""

SPARSE_FROM_BYTES = 64 * 2**20
"""A dense matrix smaller than this fits easily, and most solvers and diagnostics are at home in
it."""

_GROUP = 8
"""Columns written together: 8 float64 are one cache line, so no line of the matrix is fetched
twice."""

_ROWS = 4096
"""Rows written together: with 8 columns 256 KiB, which stay in a second-level cache."""

Part = tuple[np.ndarray, int]
"""A feature's (n,) numbers, or the codes of its levels (int32), and how many columns it has."""


def assemble(parts: Sequence[Part], rows: int, missing: np.ndarray) -> np.ndarray | csr_array:
    """The matrix (n, p) of these features, NaN in the rows where a value is missing.

    Parameters
    ----------
    parts : sequence of (values, width)
        In the order of the columns. Float values are one column; int32 codes are `width` columns,
        of which column `code - 1` is 1 (none for code 0).
    rows : int
        n.
    missing : bool ndarray of shape (n,)
        Rows that have no values. In a dense matrix they are NaN throughout, in CSR in column 0, so
        that a product with any coefficients is NaN in either.

    Returns
    -------
    ndarray or csr_array of shape (n, p)
        CSR where fewer than `SPARSE_BELOW` of the entries are not zero and a dense matrix would
        take more than `SPARSE_FROM_BYTES`.
    """
    width = sum(part[1] for part in parts)
    if rows * width * 8 > SPARSE_FROM_BYTES:
        filled = sum(int(np.count_nonzero(values)) for values, _ in parts)
        if filled < SPARSE_BELOW * rows * width:
            return _sparse(parts, rows, width, missing)
    return _dense(parts, rows, width, missing)


def _dense(parts: Sequence[Part], rows: int, width: int, missing: np.ndarray) -> np.ndarray:
    coded = any(values.dtype == np.int32 for values, _ in parts)
    out = np.zeros((rows, width)) if coded else np.empty((rows, width))
    numbers: list[tuple[int, np.ndarray]] = []
    column = 0
    for values, wide in parts:
        if values.dtype == np.int32:
            at = np.flatnonzero(values > 0)
            out[at, column + values[at] - 1] = 1.0
        else:
            numbers.append((column, values))
        column += wide
    for first in range(0, len(numbers), _GROUP):
        group = numbers[first : first + _GROUP]
        for row in range(0, rows, _ROWS):
            some = slice(row, row + _ROWS)
            for column, values in group:
                out[some, column] = values[some]
    if missing.any():
        out[missing] = np.nan
    return out


def _sparse(parts: Sequence[Part], rows: int, width: int, missing: np.ndarray) -> csr_array:
    from scipy.sparse import csr_array

    def stored(values: np.ndarray) -> np.ndarray:
        return (values != 0) & ~missing

    counts = missing.astype(np.int64)
    for values, _ in parts:
        counts += stored(values)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    indices = np.empty(indptr[-1], dtype=np.int64 if indptr[-1] > 2**31 - 1 else np.int32)
    data = np.empty(indptr[-1])
    free = indptr[:-1].copy()
    data[free[missing]], indices[free[missing]] = np.nan, 0
    column = 0
    for values, wide in parts:
        at = np.flatnonzero(stored(values))
        place = free[at]
        if values.dtype == np.int32:
            data[place], indices[place] = 1.0, column + values[at] - 1
        else:
            data[place], indices[place] = values[at], column
        free[at] += 1
        column += wide
    matrix: Any = csr_array((data, indices, indptr.astype(indices.dtype)), shape=(rows, width))
    return matrix
