"""The directions in which a Gaussian prior and the rows are independent of each other.

    w_j ~ N(0, tau^2 / d_j),   S^1/2 (y - ȳ) / sqrt(W) = A D^1/2 w + noise,   A = U diag(s) V'

A is S^1/2 Xc D^-1/2 / sqrt(W) with what the columns of flat prior (d_j = 0) explain taken off, as
the intercept is by centring. In U's basis the target's entries z_i are independent,
N(0, sigma^2 / W + tau^2 s_i^2), and what U does not span is noise alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from leastwise.errors import DataError, UsageError
from leastwise.factoring import CHOLESKY_CONDITION, factorise, offsets, triangle
from leastwise.numerics.factors import EPS, negligible
from leastwise.penalties import EXCLUDED, ElasticNet
from leastwise.problem import Problem

Float = NDArray[np.float64]

CORRECTIONS = 3
CLEAR = 1e-6  # of the largest eigenvalue: vectors of those above are orthogonal to 1e-10
COLLINEAR = 1e-10  # the least singular value of columns of length 1 that count as independent
ROUNDING = 32.0 * EPS  # a residual so small against what it is the difference of is none
COPIES = 4  # of the smaller side, that are in memory at a time


@dataclass(frozen=True)
class Directions:
    """What the evidence and the posterior need to know of the rows.

    Parameters
    ----------
    weight : W, the number of rows that the weights count
    contrasts : N, W less one for the intercept and one for each column of flat prior
    values : (r,) s_i^2, positive ; squares : (r,) z_i^2
    rest : sum of squares of y beyond U, over W ; exactly 0 where it is rounding
    free, paid : the columns of flat prior, and those with a prior of their own
    price : (paid,) d_j
    base : (paid, m) orthonormal: V, and where `complete` all that is orthogonal to it
    complete : whether base spans all directions
    own : (free, free) B with B B' the inverse of the free columns' moments H_UU
    explained : (free, paid) H_UU^-1 H_UP
    """

    weight: float
    contrasts: float
    values: Float
    squares: Float
    rest: float
    free: NDArray[np.intp]
    paid: NDArray[np.intp]
    price: Float
    base: Float
    complete: bool
    own: Float
    explained: Float


def directions(problem: Problem) -> Directions:
    """The directions of one target's rows under the prior that `problem`'s l2 stands for.

    Raises
    ------
    DataError
        If columns of flat prior are collinear, or the weights count fewer rows than there are.
    UsageError
        If it does not fit the memory.
    """
    design, (l1, d) = problem.design, problem.strengths
    centre = design.centre
    n, p = design.source.rows, design.columns
    needed = 8 * COPIES * p * min(n, p)
    if needed > problem.memory:
        raise UsageError(
            f"the posterior of {p} columns takes {needed / 1e9:.2g} GB and "
            f"{problem.memory / 1e9:.2g} GB are allowed: give more memory, or fewer columns"
        )
    kept = l1 < EXCLUDED
    free = np.flatnonzero(kept & (d == 0.0) & (centre.curvature > 0.0))
    paid = np.flatnonzero(kept & (d > 0.0))
    units = np.sqrt(d[paid])
    tall = p <= n
    rest: float | None = None
    if tall:
        root, c, rest = _of_columns(problem, kept)
    else:
        root, c = _of_rows(problem)
    own, Q = _flat(problem, root, free)
    explained = own @ (Q.T @ root[:, paid])
    A = (root[:, paid] - Q @ (Q.T @ root[:, paid])) / units
    c = c - Q @ (Q.T @ c)
    if tall:
        U, s, rotated = np.linalg.svd(A)
        rank = min(len(root) - free.size, paid.size)  # whose rows are independent by construction
    else:
        reach = np.zeros(paid.size) if centre.mean is None else np.abs(centre.mean[paid]) / units
        U, s, rotated = _wide_svd(A, max(0, centre.rows - design.intercept - free.size))
        zero = negligible(s, rotated, reach)
        rank = int(np.argmax(zero)) if zero.any() else s.size
    z = U[:, :rank].T @ c
    contrasts = centre.weight - design.intercept - free.size
    if contrasts < max(rank, 1) - 1e-9:
        raise DataError(
            f"weights count how often a row was seen, and there are {centre.weight:.6g} in all: "
            f"too few for {centre.rows} rows of {p} columns, {free.size} of them of flat prior; "
            "scale the weights to sum to the number of rows, or penalise more columns"
        )
    if rest is None:
        rest = float(np.square(c - U[:, :rank] @ z).sum())
    # What a residual of nothing comes out as: the rounding of the terms it is the difference of.
    size = np.sqrt(centre.curvature) + (0.0 if centre.mean is None else np.abs(centre.mean))
    fitted = float(size[paid] / units @ np.abs(rotated[:rank].T @ (z / s[:rank])))
    terms = 2.0 * float(centre.null[0]) + float(centre.level[0]) ** 2 + fitted**2
    if contrasts <= rank or rest <= ROUNDING**2 * terms:
        rest = 0.0
    return Directions(
        centre.weight,
        contrasts,
        s[:rank] ** 2,
        z**2,
        rest,
        free,
        paid,
        d[paid],
        rotated.T,
        tall,
        own,
        explained,
    )


def _of_columns(problem: Problem, kept: NDArray[np.bool_]) -> tuple[Float, Float, float]:
    """(r, p) T with T'T = H, (r,) the target in its rows' basis, and what is beyond, over W.

    T is the Cholesky factor of the moments while that is accurate, else the R of the rows' QR.
    """
    design = problem.design
    centre = design.centre
    bare = problem.at(ElasticNet())
    live = np.flatnonzero(kept & (centre.curvature > 0.0))
    factored = factorise(bare, "cholesky", columns=None if kept.all() else live)
    if factored is not None and factored.factor.condition <= CHOLESKY_CONDITION:
        scale, R = factored.factor.scale, factored.factor.root
        assert R is not None, "Cholesky has a root"
        right = solve_triangular(R, centre.correlation[live] / scale[:, None], trans="T")
    else:
        whole, scale = triangle(bare, live)
        R, right = whole[:, : live.size], whole[:, live.size :]
    turned, s, rotated = np.linalg.svd(R)
    zero = negligible(s, rotated, offsets(bare, live))
    rank = int(np.argmax(zero)) if zero.any() else s.size
    s, rotated = s[:rank], rotated[:rank]
    c = turned[:, :rank].T @ right[:, 0]
    root = np.zeros((rank, design.columns))
    root[:, live] = s[:, None] * rotated * scale
    rest = 2.0 * float(centre.null[0])
    # The rows know the residual to more digits than moments do, and c with it.
    for _ in range(CORRECTIONS):
        w = np.zeros((design.columns, 1))
        w[live, 0] = rotated.T @ (c / s) / scale
        at = design.evaluate(w)
        rest = 2.0 * float(at.value[0])
        step = rotated @ (at.correlation[live, 0] / scale) / s
        c = c + step
        if not np.linalg.norm(step) > 64.0 * EPS * np.linalg.norm(c):
            break
    return root, c, rest


def _of_rows(problem: Problem) -> tuple[Float, Float]:
    """(n, p) S^1/2 Xc / sqrt(W), constant columns 0, and (n,) the target alike."""
    design = problem.design
    centre = design.centre
    block = design.source.gather()
    weight = np.ones(block.rows) if block.weight is None else block.weight
    root = np.sqrt(weight / centre.weight)
    rows = block.centred(centre.mean).dense() * root[:, None]
    rows[:, centre.curvature == 0.0] = 0.0
    return rows, root * (block.y - centre.level)[:, 0]


def _wide_svd(A: Float, rank: int) -> tuple[Float, Float, Float]:
    """The singular value decomposition of A (n, p), n < p, of a rank of at most `rank`.

    From A A' where all of that rank is there and well above rounding: two products in the place of
    an orthogonal reduction of p x n numbers, which is several times slower.
    """
    values, U = np.linalg.eigh(A @ A.T)
    values, U = values[::-1][:rank], U[:, ::-1][:, :rank]
    if rank and values[-1] > CLEAR * values[0]:
        s = np.sqrt(values)
        return U, s, (U.T @ A) / s[:, None]
    return np.linalg.svd(A, full_matrices=False)


def _flat(problem: Problem, root: Float, free: NDArray[np.intp]) -> tuple[Float, Float]:
    """B (u, u) with B B' = H_UU^-1, and the orthonormal (m, u) basis of the free columns."""
    sizes = np.sqrt(problem.design.centre.curvature[free])
    Q, R = np.linalg.qr(root[:, free] / sizes)
    least = np.linalg.svd(R, compute_uv=False).min(initial=1.0)
    if len(root) < free.size or least <= COLLINEAR:
        names = ", ".join(problem.design.source.columns[j] for j in free[:8])
        raise DataError(
            f"the columns with a flat prior (a factor of 0) are collinear: {names}; rows do not "
            "determine them, so give one of them a factor above 0"
        )
    return solve_triangular(R, np.eye(free.size)) / sizes[:, None], Q
