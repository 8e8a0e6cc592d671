"""Products with X that leave the GIL, or share its columns among threads.

BLAS's own threads spin for a tenth of a second after their work: those of a pool would wait for
them, and so would whatever runs on one thread meanwhile.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from leastwise.numerics.threads import free_workers, one_blas_thread, parallel, scratch, workers

Float = NDArray[np.float64]
Index = NDArray[np.intp]

MOST = 20  # vectors: with more of them BLAS is faster than a loop of our own
ENOUGH = 1 << 21  # products of two numbers, which are worth a second thread
STORED = 1 << 17  # numbers of a sparse X that are


def product(a: Any, b: Any) -> Any:
    """`a @ b`, outside of the GIL if both are dense, so that other threads need not wait.

    `@` frees it only where the result holds 500 numbers or more, as no sum over rows of few columns
    does. `np.dot` frees it always, but copies what does not lie in one piece.
    """
    return np.asarray(np.dot(a, b)) if _in_one_piece(a) and _in_one_piece(b) else a @ b


def _in_one_piece(a: Any) -> bool:
    return isinstance(a, np.ndarray) and (a.flags.c_contiguous or a.flags.f_contiguous)


def rows_times(rows: Float, X: NDArray[Any], *, often: bool = False) -> Float:
    """(b, p) `rows @ X` of rows (b, n) and X (n, p).

    Where the columns of X lie in one piece each and it is asked for `often`, in a compiled loop.
    X may be float32 then, and is float64 otherwise.
    """
    (b, n), p = rows.shape, X.shape[1]
    count = free_workers() if b * n * p >= ENOUGH else 1
    if often and suits(rows, X):
        return _compiled(rows, X, count)
    if count == 1:
        with one_blas_thread():
            return product(rows, X)
    out = np.empty((b, p))

    def multiply(part: slice) -> None:
        np.matmul(rows, X[:, part], out=out[:, part])

    parallel(multiply, _parts(p, count, 1))
    return out


def suits(rows: Any, X: Any) -> bool:
    """Whether a compiled loop is faster than BLAS on these."""
    if not (isinstance(rows, np.ndarray) and isinstance(X, np.ndarray)):
        return False
    (b, n), p = rows.shape, X.shape[1]
    if X.dtype not in (np.float64, np.float32) or not 2 <= b <= MOST or p < 4 * workers():
        return False
    each = X.strides[0] == X.itemsize and X.strides[1] % X.itemsize == 0
    return each and X.strides[1] >= n * X.itemsize


def _compiled(rows: Float, X: NDArray[Any], count: int) -> Float:
    from leastwise.kernels.columns import AT_ONCE, VECTORS, columns_times

    (b, n), p = rows.shape, X.shape[1]
    whole = -(-b // VECTORS) * VECTORS
    filled, out = np.zeros((whole, n)), np.zeros((whole, p))
    filled[:b] = rows
    stride = X.strides[1] // X.itemsize
    flat = as_strided(X, ((p - 1) * stride + n,), (X.itemsize,), writeable=False)

    def multiply(part: slice) -> None:
        columns_times(flat, stride, filled, part.start, part.stop, out)

    parallel(multiply, _parts(p, count, AT_ONCE))
    return out[:b]


def stored_times(rows: Float, X: Any, mean: Float, places: Index | None = None) -> Float:
    """(b, m) `rows @ (X - 1 mean')` of rows (b, n) and a sparse X (n, p) in columns, compiled.

    Of all columns, or of those at `places` (m,).
    """
    from leastwise.kernels.columns import VECTORS, stored_columns_times

    (b, n), p = rows.shape, X.shape[1]
    chosen = np.arange(p) if places is None else places
    held = X.indptr if places is None else np.append(0, np.cumsum(np.diff(X.indptr)[places]))
    out = np.empty((-(-b // VECTORS) * VECTORS, chosen.size))
    beside = scratch(n, VECTORS)
    # A few long columns may hold as many numbers as all others.
    marks = np.linspace(0, held[-1], 1 + (free_workers() if held[-1] >= STORED else 1))
    edges = [*np.searchsorted(held, marks[:-1]), chosen.size]
    for first in range(0, b, VECTORS):
        into, totals = out[first : first + VECTORS], np.zeros(VECTORS)
        some = rows[first : first + VECTORS]
        beside[:, len(some) :] = 0.0
        for place, row in enumerate(some):  # a row at a time: several would be read across
            beside[:, place] = row
        totals[: len(some)] = some.sum(axis=1)

        def multiply(part: tuple[int, int], totals: Float = totals, into: Float = into) -> None:
            stored = X.data, X.indices, X.indptr, chosen
            stored_columns_times(*stored, beside, mean, totals, *part, into)

        parallel(multiply, pairwise(edges))
    return out[:b]


def stored_sums(coef: Float, X: Any, mean: Float, places: Index) -> Float:
    """(b, n) `coef @ (X - 1 mean')[:, places]'` of coef (b, m), the same X, compiled."""
    from leastwise.kernels.columns import VECTORS, stored_rows_times

    (b, m), n = coef.shape, X.shape[0]
    out = np.empty((-(-b // VECTORS) * VECTORS, n))

    def multiply(first: int) -> None:
        some = slice(first, first + VECTORS)
        beside = np.zeros((m, VECTORS))
        beside[:, : len(coef[some])] = coef[some].T
        room = np.zeros((n, VECTORS))  # not `scratch`: each thread would keep one for good
        stored_rows_times(X.data, X.indices, X.indptr, places, beside, mean, room, out[some])

    parallel(multiply, range(0, b, VECTORS))
    return out[:b]


def in_rows(X: Any) -> Any:
    """A sparse X by rows, the columns of each in increasing order."""
    rows = X.tocsr()
    return rows if rows.has_sorted_indices else rows.sorted_indices()


def canonical(X: Any) -> Any:
    """A copy of a sparse X with one entry a place, in order; places take 4 bytes where they can."""
    places = np.int32 if max(X.nnz, *X.shape) <= np.iinfo(np.int32).max else np.int64
    parts = X.data.copy(), X.indices.astype(places), X.indptr.astype(places)
    copied = type(X)(parts, shape=X.shape)
    copied.sum_duplicates()
    return copied


def stored_gram(X: Any, weight: Float) -> Float:
    """(p, p) X' diag(weight) X of a sparse X (n, p) that is `in_rows`, compiled."""
    from leastwise.kernels import columns

    out = np.zeros((X.shape[1], X.shape[1]))
    columns.stored_gram(X.data, X.indices, X.indptr, np.ascontiguousarray(weight), out)
    return out


def _parts(size: int, count: int, unit: int) -> list[slice]:
    """`size` in `count` parts, each but the last a multiple of `unit`."""
    edges = [size * part // count // unit * unit for part in range(count)] + [size]
    return [slice(*pair) for pair in pairwise(edges)]
