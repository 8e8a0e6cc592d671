"""Factorisations of a symmetric non-negative matrix H = X'X + ..., scaled to a unit diagonal.

    H = D C D,  D = diag(sqrt(h_jj))
    C = R'R       cholesky: R from C;  qr: R from X, so that C is never formed
    C = V S^2 V'  svd: where the rank is deficient

Columns are scaled inside every factorisation (van der Sluis 1969: within sqrt(p) of the best
scaling); what comes out is in the user's units.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from leastwise.numerics.threads import one_blas_thread

Float = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
CLEAR = 1e6  # a condition up to which the rank of a Gram matrix is not in doubt
# Between these orders BLAS would start threads that only wait for each other.
LEAST, SMALL = 32, 600


@dataclass(frozen=True)
class Factor:
    """A factor of H (p, p) that solves with it, or with its pseudo-inverse.

    Parameters
    ----------
    method : cholesky, qr or svd
    live : (m,) the columns that take part; the others (zero columns, dropped ones) get coefficient
    0
    scale : (m,) D
    root : (m, m) upper R with C = R'R; None for svd
    spread : (m, r) B with the pseudo-inverse of H's live part = B B'; None where there is a root
    condition : of X, the square root of C's
    rank : r <= m
    identified : (p,) whether the data determine each coefficient
    null : (m, m - r) an orthonormal base of H's null space; None where there is none
    """

    method: str
    p: int
    live: NDArray[np.intp]
    scale: Float
    root: Float | None
    spread: Float | None
    condition: float
    rank: int
    identified: NDArray[np.bool_]
    null: Float | None = None

    def solve(self, right: Float) -> Float:
        """The least-norm solution of H x = right, (p, k)."""
        out = np.zeros((self.p, right.shape[1]))
        chosen = right[self.live]
        if self.spread is not None:
            out[self.live] = self.spread @ (self.spread.T @ chosen)
        elif self.live.size:
            with _threads_for(self.live.size):
                whole, _ = lapack.dpotrs(self.root, chosen / self.scale[:, None], lower=0)
            out[self.live] = whole / self.scale[:, None]
        return out

    def inverse(self) -> Float:
        """(p, p) the pseudo-inverse of H, zero in the rows of columns that take no part."""
        out = np.zeros((self.p, self.p))
        if self.live.size:
            spread = self.spread
            if spread is None:
                inverse_root, _ = lapack.dtrtri(self.root)
                spread = inverse_root / self.scale[:, None]
            out[np.ix_(self.live, self.live)] = spread @ spread.T
        return out


def _threads_for(order: int) -> AbstractContextManager[object]:
    return one_blas_thread() if LEAST < order <= SMALL else nullcontext()


def cholesky(H: Float, live: NDArray[np.intp]) -> Factor | None:
    """The Cholesky factor of H's live part, None where it is not positive definite to rounding.

    The condition is LAPACK's estimate (Higham 1988) in the 1-norm.
    """
    p = H.shape[0]
    inner = H if live.size == p else H[np.ix_(live, live)]
    diagonal = np.diagonal(inner)
    if np.any(diagonal <= 0.0):
        return None
    scale = np.sqrt(diagonal)
    scaled = inner / scale / scale[:, None]
    root, info = _potrf(scaled)
    if info != 0:
        return None
    condition = 1.0
    if live.size:
        norm = float(np.abs(scaled).sum(axis=0).max())
        reciprocal, _ = lapack.dpocon(root, norm)
        condition = float(np.sqrt(1.0 / max(reciprocal, EPS**2)))
    identified = np.zeros(p, bool)
    identified[live] = True
    return Factor("cholesky", p, live, scale, root, None, condition, live.size, identified)


def _potrf(matrix: Float) -> tuple[Float, int]:
    if matrix.size == 0:
        return matrix, 0
    with _threads_for(matrix.shape[0]):
        root, info = lapack.dpotrf(matrix, lower=0, clean=1)
    return root, int(info)


def triangular(root: Float, scale: Float, live: NDArray[np.intp], p: int) -> Factor:
    """The factor of H from the R of scaled columns, condition by R's singular values."""
    singular = np.linalg.svd(root, compute_uv=False) if root.size else np.ones(1)
    least = float(singular[-1])
    condition = float(singular[0]) / least if least > 0.0 else np.inf
    identified = np.zeros(p, bool)
    identified[live] = True
    return Factor("qr", p, live, scale, root, None, condition, live.size, identified)


def negligible(singular: Float, rotated: Float, offset: Float) -> NDArray[np.bool_]:
    """Which directions of scaled columns are nothing but the rounding of the data.

    A column's entries are rounded to eps of their size: of its deviation where its mean is near
    zero, of its mean where that is larger by `offset` (m,). `rotated` (m, m) has the directions as
    rows, `singular` their lengths.
    """
    reach = np.sqrt(((rotated * offset) ** 2).sum(axis=1))
    top = float(singular[0]) if singular.size else 0.0
    return singular <= EPS * ((offset.size + 64.0) * top + 4.0 * reach[: singular.size])


def spectral(
    root: Float, scale: Float, live: NDArray[np.intp], p: int, rounding: float | Float
) -> tuple[Factor, Float, Float]:
    """The least-norm factor of H from any root with C = root'root, and its null space.

    Directions that are rounding count as none: with `rounding` (m,) the columns' offsets, as in
    `negligible`; with a number, those of that relative length. The least norm is that of
    the coefficients in the user's units: with N an orthonormal base of H's null space, the
    pseudo-inverse is (I - NN') M (I - NN') for any M with H M H = H.

    Returns
    -------
    The factor, (m, m - r) the null space in scaled columns, and (m, r) U, with which the
    coefficients for a right side c = Q'y are spread @ U'c.
    """
    turned, singular, rotated = np.linalg.svd(root, full_matrices=True)
    order = rotated.shape[0]
    top = float(singular[0]) if singular.size else 0.0
    if isinstance(rounding, np.ndarray):
        zero = negligible(singular, rotated, rounding)
    else:
        zero = singular <= rounding * top
    # What is kept is an unbroken run of the largest: the first that is rounding ends it.
    rank = int(np.argmax(zero)) if zero.any() else singular.size
    kept = rotated[:rank].T / singular[:rank]
    spread = kept / scale[:, None]
    null = rotated[rank:].T
    # A column that no relation touches is out of it exactly, whatever its unit.
    null = np.where(np.linalg.norm(null, axis=1, keepdims=True) < 1e-8, 0.0, null)
    identified = np.zeros(p, bool)
    identified[live] = True
    base = None
    if rank < order:
        base, _ = np.linalg.qr(null / scale[:, None])
        spread = spread - base @ (base.T @ spread)
        # A coefficient is determined where the null space (in scaled columns) does not touch it.
        identified[live] = np.linalg.norm(null, axis=1) < 1e-8
    condition = top / float(singular[rank - 1]) if rank else 1.0
    factor = Factor("svd", p, live, scale, None, spread, condition, rank, identified, base)
    return factor, null, turned[:, :rank]


def of_gram(H: Float) -> Factor:
    """The factor of H (p, p): Cholesky's where that is beyond doubt, else the least-norm one.

    The latter takes twenty times as long.
    """
    factor = cholesky(H, np.flatnonzero(np.diagonal(H) > 0.0))
    return factor if factor is not None and factor.condition <= CLEAR else from_gram(H)


def from_gram(H: Float) -> Factor:
    """The least-norm factor of H (p, p) from its eigenvectors, in scaled columns."""
    p = H.shape[0]
    live = np.flatnonzero(np.diagonal(H) > 0.0)
    inner = H[np.ix_(live, live)]
    scale = np.sqrt(np.diagonal(inner))
    with _threads_for(live.size):
        values, vectors = np.linalg.eigh(inner / scale / scale[:, None])
        root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
        tolerance = float(np.sqrt(8.0 * p * EPS))
        return spectral(root[::-1], scale, live, p, tolerance)[0]


def dependent_columns(null: Float) -> tuple[NDArray[np.intp], Float]:
    """Which columns are combinations of earlier ones, from a base of the null space (m, d).

    Gauss-Jordan elimination with the last possible column as pivot of each direction.

    Returns
    -------
    (d,) dependent columns in increasing order, and (m, d) a base of the same space in which each
    dependent column has 1 in its own direction and 0 in the others.
    """
    base: Float = null.copy()
    pivots: list[int] = []
    free = list(range(base.shape[1]))
    order: list[int] = []
    for row in range(base.shape[0] - 1, -1, -1):
        if not free:
            break
        best = max(free, key=lambda column: abs(base[row, column]))
        if abs(base[row, best]) < 1e-7:
            continue
        base[:, best] /= base[row, best]
        others = base[row].copy()
        others[best] = 0.0
        base = base - base[:, best : best + 1] * others
        free.remove(best)
        pivots.append(row)
        order.append(best)
    by_row = np.argsort(pivots)
    return np.asarray(pivots, np.intp)[by_row], base[:, np.asarray(order, np.intp)[by_row]]
