"""Refinement of least squares in the augmented system (Bjorck 1967, BIT 7, 257-278).

    r + A x = h,   A' S r = c         A = [1 X],  x = (b, w),  h = y,  c = 0

Both unknowns, the residual r and the solution x, are corrected with residuals of both equations
computed in double-double; corrections come from one QR factorisation of the scaled centred rows.
Where eps times the condition is below one, x ends correct to rounding however large the residual
is, which a step of refinement on x alone does not reach. With h = 0 and c = -e_j the same
equations give column j of (A'SA)^-1, hence standard errors of the same accuracy. A ridge penalty
is p more rows, sqrt(W l2_j) e_j.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from leastwise.numerics.double_double import back_residual, residual
from leastwise.numerics.factors import EPS
from leastwise.numerics.threads import one_blas_thread
from leastwise.problem import Problem

Float = NDArray[np.float64]

MOST_STEPS = 12
INVERSE_WORK = 5_000_000  # n p^2 up to which the inverse is refined as well


@dataclass(frozen=True)
class Refined:
    """A least-squares solution to full precision.

    coef : (p, k) ; intercept : (k,)
    squares : (k,) sum_i s_i r_i^2
    inverse : (p + 1, p + 1) of (A'SA), intercept first ((p, p) without one); None where it would
    cost too much
    steps : corrections made
    """

    coef: Float
    intercept: Float
    squares: Float
    inverse: Float | None
    steps: int


def bytes_needed(n: int, p: int) -> int:
    """Peak memory of `refine`: the dense rows, Q, and the double-double temporaries."""
    return 8 * 10 * n * (p + 1)


def refine(problem: Problem, live: NDArray[np.intp]) -> Refined | None:
    """Solve to full precision over the live columns; None where corrections do not shrink."""
    few = problem.design.source.rows * live.size**2 <= INVERSE_WORK
    with one_blas_thread() if few else nullcontext():
        return _refined(problem, _System(problem, live), live)


def _refined(problem: Problem, system: _System, live: NDArray[np.intp]) -> Refined | None:
    n, m = system.A.shape
    k = system.h.shape[1]
    h, c = system.h, np.zeros((m, k))
    whole = n * m * m <= INVERSE_WORK
    if whole:
        h = np.hstack([h, np.zeros((n, m))])
        c = np.hstack([c, -np.eye(m)])
    solved = system.solve(h, c)
    if solved is None:
        return None
    x, r, steps = solved
    p = problem.design.columns
    first = 1 if problem.design.intercept else 0
    coef = np.zeros((p, k))
    coef[live] = x[first:, :k]
    intercept = x[0, :k] if first else np.zeros(k)
    kept = r[: system.rows, :k]
    squares = np.einsum("i,ik,ik->k", system.weight[: system.rows], kept, kept)
    inverse = None
    if whole:
        inverse = np.zeros((p + first, p + first))
        places = np.concatenate([np.arange(first), live + first])
        inverse[np.ix_(places, places)] = x[:, k:]
    return Refined(coef, intercept, squares, inverse, steps)


class _System:
    """A, S, h and the QR factors that corrections are solved with."""

    def __init__(self, problem: Problem, live: NDArray[np.intp]) -> None:
        design = problem.design
        centre, l2 = design.centre, problem.strengths[1][live]
        block = design.source.gather()
        X = block.X if isinstance(block.X, np.ndarray) else block.X.toarray()
        X = np.asarray(X[:, live] if live.size < X.shape[1] else X, np.float64)
        weight = np.ones(block.rows) if block.weight is None else block.weight
        y = block.y
        if (weight == 0.0).any():
            X, y, weight = X[weight > 0.0], y[weight > 0.0], weight[weight > 0.0]
        self.rows = X.shape[0]
        ones = np.ones((self.rows, 1 if design.intercept else 0))
        self.A, self.h, self.weight = np.hstack([ones, X]), y, weight
        self.first = ones.shape[1]
        if l2.any():
            own = np.zeros((live.size, self.A.shape[1]))
            np.fill_diagonal(own[:, self.first :], np.sqrt(centre.weight * l2))
            self.A = np.vstack([self.A, own])
            self.h = np.vstack([y, np.zeros((live.size, y.shape[1]))])
            self.weight = np.concatenate([weight, np.ones(live.size)])
        self.mean = np.zeros(live.size) if centre.mean is None else centre.mean[live]
        self.root_weight = np.sqrt(self.weight)[:, None]
        scaled = self.A.copy()
        scaled[: self.rows, self.first :] -= self.mean
        scaled *= self.root_weight
        self.scale = np.linalg.norm(scaled, axis=0)
        self.Q, self.R = np.linalg.qr(scaled / self.scale)

    def solve(self, h: Float, c: Float) -> tuple[Float, Float, int] | None:
        """x and r with r + A x = h and A'Sr = c, refined until corrections are rounding."""
        n, m = self.A.shape
        if not np.diagonal(self.R).all():
            return None
        x, r = np.zeros((m, h.shape[1])), np.zeros((n, h.shape[1]))
        f, g = h, c
        last = np.inf
        for step in range(MOST_STEPS):
            dx, dr = self._correct(f, g)
            size = float(self._size(dx, x))
            if step > 1 and not size < 0.5 * last:
                # No longer shrinking: at rounding that is the end, above it the factors are no
                # good.
                return (x, r, step) if last < 16.0 * EPS else None
            x, r = x + dx, r + dr
            if step and size < EPS:
                return x, r, step
            last = size
            f = residual(h, r, self.A, x)
            g = back_residual(c, self.A, r, self.weight)
        return (x, r, MOST_STEPS) if last < 16.0 * EPS else None

    def _correct(self, f: Float, g: Float) -> tuple[Float, Float]:
        """The correction from QR: dx = R^-1 (Q'f - R^-T g), dr = f - A dx."""
        g = g.copy()
        if self.first:
            g[self.first :] -= np.multiply.outer(self.mean, g[0])
        weighted = self.root_weight * f
        d = self.Q.T @ weighted
        e = solve_triangular(self.R, g / self.scale[:, None], trans="T")
        dx = solve_triangular(self.R, d - e) / self.scale[:, None]
        dr = (weighted - self.Q @ (d - e)) / self.root_weight
        if self.first:
            dx[0] -= self.mean @ dx[self.first :]
        return dx, dr

    def _size(self, dx: Float, x: Float) -> float:
        """The largest correction relative to its number, or to the rounding of the largest one.

        A number that is truly zero has no relative error: one below the rounding of the largest
        term (in scaled columns) counts as that.
        """
        new = np.abs(x + dx)
        terms = new * self.scale[:, None]
        floor = EPS * terms.max(axis=0, initial=0.0) / self.scale[:, None]
        size = np.maximum(new, floor)
        return float((np.abs(dx) / np.where(size > 0.0, size, 1.0)).max(initial=0.0))
