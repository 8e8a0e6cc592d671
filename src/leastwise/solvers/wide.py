"""The closed form where rows are fewer than columns.

l2 > 0 everywhere:  (K + W l2 I) a = S^1/2 yc,  K = S^1/2 Xc F^-1 Xc' S^1/2,  w = F^-1 Xc' S^1/2 a
no penalty:         w = V S^+ U' yc, the least-norm solution of Xc w ~ yc (Penrose 1955)
some columns free:  the SVD of the augmented rows [S^1/2 Xc; sqrt(W l2_j) e_j]
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from leastwise.numerics.factors import cholesky, negligible
from leastwise.problem import Problem
from leastwise.solvers.base import Iterate

Float = NDArray[np.float64]


KERNEL_CONDITION = 1e4  # of the rows: K + I has its square


def solve_wide(problem: Problem) -> Iterate:
    """The exact solution for rows < columns, through the side that is smaller."""
    if (problem.strengths[1] > 0.0).all():
        coef, detail = _kernel_ridge(problem)
    else:
        coef, detail = _least_norm(problem), "svd"
    coef = problem.design.mask(coef)
    at = problem.design.evaluate(coef)
    return Iterate(coef, 1, at, True, True, True, detail)


def _kernel_ridge(problem: Problem) -> tuple[Float, str]:
    design, l2 = problem.design, problem.strengths[1]
    centre = design.centre
    block = design.source.gather()
    view = block.centred(centre.mean)
    root = np.ones(block.rows) if block.weight is None else np.sqrt(block.weight)
    y = root[:, None] * (block.y - centre.level)
    # A path's penalties are multiples of one: their products of rows are, too.
    unit = replace(problem.penalty, l1=0.0, l2=1.0).strengths(l2.size)[1]
    products = design.cached("products of rows", lambda: view.outer(1.0 / unit), unit.tobytes())
    K = products * root * root[:, None] / (centre.weight * problem.penalty.l2)
    np.fill_diagonal(K, np.diagonal(K) + 1.0)
    factor = cholesky(K, np.arange(K.shape[0]))
    dense_fits = 8 * 4 * block.rows * l2.size <= problem.memory
    if dense_fits and (factor is None or factor.condition > KERNEL_CONDITION):
        # K + I has lost its I to rounding: the rows themselves, whose condition is not squared.
        units = np.sqrt(centre.weight * l2)
        U, s, V = np.linalg.svd(root[:, None] * view.dense() / units, full_matrices=False)
        return V.T @ ((s / (s**2 + 1.0))[:, None] * (U.T @ y)) / units[:, None], "svd"

    def coefficients(a: Float) -> Float:
        return view.back(root[:, None] * a) / (centre.weight * l2)[:, None]

    if factor is None:
        # Its own eigenvectors, which no rounding makes negative.
        np.fill_diagonal(K, np.diagonal(K) - 1.0)
        values, vectors = np.linalg.eigh(K)
        a = vectors @ ((vectors.T @ y) / (1.0 + np.maximum(values, 0.0))[:, None])
        return coefficients(a), "eigenvectors of the n x n side"
    a = factor.solve(y)
    for _ in range(2):  # corrected with the residual of the rows, as the p x p side is
        a += factor.solve(y - a - root[:, None] * view.times(coefficients(a)))
    return coefficients(a), "cholesky of the n x n side"


def _least_norm(problem: Problem) -> Float:
    design, l2 = problem.design, problem.strengths[1]
    centre = design.centre
    block = design.source.gather()
    Z = block.centred(centre.mean).dense()
    y = block.y - centre.level
    if block.weight is not None:
        root = np.sqrt(block.weight)[:, None]
        Z, y = Z * root, y * root
    penalised = np.flatnonzero(l2 > 0.0)
    if penalised.size:
        own = np.zeros((penalised.size, Z.shape[1]))
        own[np.arange(penalised.size), penalised] = np.sqrt(centre.weight * l2[penalised])
        Z = np.vstack([Z, own])
        y = np.vstack([y, np.zeros((penalised.size, y.shape[1]))])
    coef = np.zeros((Z.shape[1], y.shape[1]))
    scale = np.sqrt(np.einsum("ij,ij->j", Z, Z))
    live = np.flatnonzero(scale > 0.0)
    # Larger units first: with pivots, QR keeps the digits of the small ones (Cox and Higham 1998).
    live = live[np.argsort(-scale[live], kind="stable")]
    if live.size == 0:
        return coef
    scale = scale[live]
    U, singular, V = np.linalg.svd(Z[:, live] / scale, full_matrices=False)
    offset = np.zeros(live.size)
    if centre.mean is not None:
        offset = np.abs(centre.mean[live]) * np.sqrt(centre.weight) / scale
    kept = ~negligible(singular, V, offset)
    # V'D w = S^+ U'y has the same solutions as Z w ~ y; its least-norm one, in the user's units:
    Q, R, pivots = qr(V[kept].T * scale[:, None], mode="economic", pivoting=True)
    right = (U[:, kept].T @ y) / singular[kept][:, None]
    coef[live] = Q @ solve_triangular(R, right[pivots], trans="T")
    return coef
