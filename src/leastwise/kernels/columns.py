"""The products of all columns of a matrix with a few vectors, where each column lies in one piece.

BLAS is made for two large matrices: for a dozen vectors it copies the large one, a piece at a time,
which takes longer than the products do. Of a sparse matrix a number is read once for four of them,
whose entries of one row lie together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import summing

Float = NDArray[np.float64]
Index = NDArray[np.intp]

ROWS = 4096  # summed at one time: so much of every vector stays in the cache
AT_ONCE = 3  # columns that are read together
VECTORS = 4  # that they are multiplied by together: sums for each pair are what registers hold


@summing
def columns_times(flat: Any, stride: int, rows: Float, first: int, end: int, out: Float) -> None:
    """out[:, j] <- out[:, j] + rows x_j for columns first <= j < end, AT_ONCE of them or more.

    x_j (n,) begins at j stride in `flat`; rows (b, n) and out (b, p), b a multiple of VECTORS
    """
    b, n = rows.shape
    for start in range(0, n, ROWS):
        stop = min(start + ROWS, n)
        for j in range(first, end, AT_ONCE):
            last = min(j + AT_ONCE, end)
            at = last - AT_ONCE  # the last ones go back to be as many: only what is new is added
            base = at * stride
            X = flat[base + start : base + stop]
            Y = flat[base + stride + start : base + stride + stop]
            Z = flat[base + 2 * stride + start : base + 2 * stride + stop]
            for k in range(0, b, VECTORS):
                R, S = rows[k, start:stop], rows[k + 1, start:stop]
                T, U = rows[k + 2, start:stop], rows[k + 3, start:stop]
                r0 = r1 = r2 = s0 = s1 = s2 = t0 = t1 = t2 = u0 = u1 = u2 = 0.0
                for i in range(stop - start):
                    x, y, z = X[i], Y[i], Z[i]
                    r, s, t, u = R[i], S[i], T[i], U[i]
                    r0 += r * x
                    r1 += r * y
                    r2 += r * z
                    s0 += s * x
                    s1 += s * y
                    s2 += s * z
                    t0 += t * x
                    t1 += t * y
                    t2 += t * z
                    u0 += u * x
                    u1 += u * y
                    u2 += u * z
                if at == j:
                    out[k, at] += r0
                    out[k + 1, at] += s0
                    out[k + 2, at] += t0
                    out[k + 3, at] += u0
                if at + 1 >= j:
                    out[k, at + 1] += r1
                    out[k + 1, at + 1] += s1
                    out[k + 2, at + 1] += t1
                    out[k + 3, at + 1] += u1
                out[k, at + 2] += r2
                out[k + 1, at + 2] += s2
                out[k + 2, at + 2] += t2
                out[k + 3, at + 2] += u2


@summing
def stored_columns_times(
    data: Any,
    indices: Any,
    indptr: Any,
    places: Index,
    rows: Float,
    means: Float,
    totals: Float,
    first: int,
    end: int,
    out: Float,
) -> None:
    """out[:, k] <- rows' (x_j - m_j), j = places[k], for first <= k < end, of a sparse X (CSC).

    rows (n, VECTORS), totals (VECTORS,) their sums, means (p,), out (VECTORS, m): four of them,
    whose sums are written out
    """
    for k in range(first, end):
        j = places[k]
        r = s = t = u = 0.0
        for at in range(indptr[j], indptr[j + 1]):
            x, i = data[at], indices[at]
            r += x * rows[i, 0]
            s += x * rows[i, 1]
            t += x * rows[i, 2]
            u += x * rows[i, 3]
        out[0, k] = r - totals[0] * means[j]
        out[1, k] = s - totals[1] * means[j]
        out[2, k] = t - totals[2] * means[j]
        out[3, k] = u - totals[3] * means[j]


@summing
def stored_rows_times(
    data: Any,
    indices: Any,
    indptr: Any,
    places: Index,
    coef: Float,
    means: Float,
    rows: Float,
    out: Float,
) -> None:
    """out <- sum over k of coef_k (x_j - m_j)', j = places[k], of a sparse X (CSC).

    coef (m, VECTORS), means (p,), out (VECTORS, n); rows (n, VECTORS) are room that begins
    as zeros
    """
    levels = (0.0, 0.0, 0.0, 0.0)
    for k in range(places.size):
        j = places[k]
        r, s, t, u = coef[k, 0], coef[k, 1], coef[k, 2], coef[k, 3]
        if r == s == t == u == 0.0:
            continue
        m = means[j]
        levels = levels[0] + r * m, levels[1] + s * m, levels[2] + t * m, levels[3] + u * m
        for at in range(indptr[j], indptr[j + 1]):
            x, i = data[at], indices[at]
            rows[i, 0] += x * r
            rows[i, 1] += x * s
            rows[i, 2] += x * t
            rows[i, 3] += x * u
    for i in range(len(rows)):
        for a in range(VECTORS):
            out[a, i] = rows[i, a] - levels[a]


@summing
def stored_cross(
    data: Any,
    indices: Any,
    indptr: Any,
    row_data: Any,
    row_indices: Any,
    row_indptr: Any,
    out: Float,
) -> None:
    """out (b, m) <- out + Y'X of a sparse X (n, m) in columns and Y (n, b) in rows."""
    for j in range(indptr.size - 1):
        for at in range(indptr[j], indptr[j + 1]):
            x, i = data[at], indices[at]
            for own in range(row_indptr[i], row_indptr[i + 1]):
                out[row_indices[own], j] += row_data[own] * x


@summing
def stored_gram(data: Any, indices: Any, indptr: Any, weight: Float, out: Float) -> None:
    """out (p, p) <- out + X' diag(s) X of a sparse X (n, p) in rows, weight (n,) s."""
    for i in range(weight.size):
        s, first, end = weight[i], indptr[i], indptr[i + 1]
        for at in range(first, end):
            x, row = s * data[at], out[indices[at]]
            for other in range(first, at + 1):  # columns in increasing order: the lower triangle
                row[indices[other]] += x * data[other]
    for j in range(len(out)):
        for other in range(j):
            out[other, j] = out[j, other]
