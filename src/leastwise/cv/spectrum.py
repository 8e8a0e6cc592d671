"""G and the ridge's weights D made diagonal together, so that every strength costs a division.

    B' G B = diag(values),   B' D B = diag(paid), paid 0 or 1
    (G + l2 D)^-1 = B diag(values + l2 paid)^-1 B'

A column with no penalty (d_j = 0) is taken first, by itself; the others less what it explains:

    G~ = G_PP - G_PU G_UU^+ G_UP,   D^-1/2 G~ D^-1/2 = V diag(values) V'
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from leastwise.numerics.factors import EPS, SMALL
from leastwise.numerics.threads import one_blas_thread

Float = NDArray[np.float64]

GRADED = 1e3  # the longest column to the shortest
EXPLAINED = 64.0 * EPS  # of a column's square, what the free columns leave of it that is rounding


@dataclass(frozen=True)
class Spectrum:
    """B, and the diagonals.

    base : (p, m) B ; values : (m,) of G, at least 0 ; paid : (m,) of D, 0 or 1
    """

    base: Float
    values: Float
    paid: Float


def graded(size: Float) -> bool:
    """Whether columns of these lengths (p,) differ so much that the short ones lose digits."""
    return bool(size.max(initial=0.0) > GRADED * size.min(initial=np.inf))


def by_rotations(A: Float) -> tuple[Float, Float]:
    """Rising eigenvalues of A'A (p, p), and the vectors, for A (m, p) of any scales.

    Jacobi's rotations of A itself keep the digits of rows and columns of whatever lengths (Drmac
    and Veselic 2008).
    """
    m, p = A.shape
    A = A if m >= p else np.vstack([A, np.zeros((p - m, p))])
    found, _, vectors, scale, _, info = lapack.dgejsv(
        A, joba=2, jobu=3, jobv=0, jobr=0, jobt=0, jobp=0
    )
    if info:
        raise np.linalg.LinAlgError("Jacobi's rotations did not end")
    return np.square(found * (scale[0] / scale[1]))[::-1], vectors[:, ::-1]


def _eigen(symmetric: Float) -> tuple[Float, Float]:
    """Rising eigenvalues, those that are rounding as 0, and the vectors, of G (p, p).

    Where columns differ by far, G = S R S with R = U'U, and U S says what G has lost (Demmel and
    Veselic 1992).
    """
    size = np.sqrt(np.maximum(np.diagonal(symmetric), 0.0))
    few = size.size <= SMALL
    with one_blas_thread() if few else nullcontext():
        if not graded(size):
            values, vectors = np.linalg.eigh(symmetric)
            rounding = size.size * EPS * values.max(initial=0.0)
            return np.where(values > rounding, values, 0.0), vectors
        unit = np.where(size > 0.0, size, 1.0)
        root, order, rank, _ = lapack.dpstrf(symmetric / unit / unit[:, None])
        factor = np.zeros_like(symmetric)
        factor[:rank, order - 1] = np.triu(root)[:rank]
        values, vectors = by_rotations(factor * size)
    values[: size.size - rank] = 0.0
    return values, vectors


def diagonalise(G: Float, d: Float) -> Spectrum:
    """The spectrum of G (p, p) against D = diag(d).

    Examples
    --------
    >>> found = diagonalise(np.array([[2.0, 0.0], [0.0, 8.0]]), np.array([1.0, 2.0]))
    >>> found.values
    array([2., 4.])
    """
    free = np.flatnonzero(d == 0.0)
    paid = np.flatnonzero(d > 0.0)
    p, u = d.size, free.size
    own = np.zeros((u, 0))
    inner = G[np.ix_(paid, paid)]
    mixed = np.zeros((0, paid.size))
    if u:
        scale = np.sqrt(np.diagonal(G)[free])
        values, vectors = _eigen(G[np.ix_(free, free)] / scale / scale[:, None])
        kept = values > 8.0 * u * EPS * values[-1]
        own = vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None]
        mixed = own.T @ G[np.ix_(free, paid)]
        inner = inner - mixed.T @ mixed
        explained = np.diagonal(inner) <= EXPLAINED * np.diagonal(G)[paid]
        inner[explained], inner[:, explained] = 0.0, 0.0
    root = np.sqrt(d[paid])
    values, vectors = _eigen(inner / root / root[:, None])
    base = np.zeros((p, own.shape[1] + paid.size))
    base[free, : own.shape[1]] = own
    base[paid, own.shape[1] :] = vectors / root[:, None]
    base[free, own.shape[1] :] = -own @ (mixed @ base[paid, own.shape[1] :])
    ones = np.ones(own.shape[1])
    return Spectrum(
        base,
        np.concatenate([ones, values]),
        np.concatenate([np.zeros_like(ones), np.ones(paid.size)]),
    )
