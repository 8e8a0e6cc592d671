"""Quantiles that hold each other off under l1: a linear program of the rows that matter.

HiGHS solves it; its vertex is then solved for in full precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from leastwise.errors import DataError
from leastwise.kinks.together import INSIDE, Answer, Chosen, Together, together

Float = NDArray[np.float64]

FEASIBLE, ZERO = 1e-10, 1e-8  # HiGHS's least tolerance, and a coefficient of its that is at an end
UNBOUNDED = 3  # HiGHS's word for it


def linear_program(of: Together, chosen: Chosen) -> Answer | None:
    """The linear program of the rows that are near and the pairs that are held."""
    from scipy import sparse
    from scipy.optimize import linprog

    near, held = chosen.near, chosen.held
    K, m = of.q.size, of.units.m
    theta = of.sides(chosen.below)
    far = of.back(np.where(near, 0.0, theta))
    some = [np.flatnonzero(rows) for rows in near]
    inner = sparse.block_diag([of.units.transposed(rows).T for rows in some], "csr")
    costs = np.tile(of.l1, K)
    charged = np.flatnonzero(costs > 0.0)
    A = sparse.vstack([inner, sparse.eye(K * m, format="csr")[charged]], "csr")
    y = np.concatenate([*(of.y[rows] for rows in some), np.zeros(charged.size)])
    up = np.concatenate([*(of.s[r] * q for r, q in zip(some, of.q, strict=True)), costs[charged]])
    down = np.concatenate(
        [*(of.s[r] * (1.0 - q) for r, q in zip(some, of.q, strict=True)), costs[charged]]
    )
    same = sparse.eye(y.size)
    pairs = [np.flatnonzero(rows) for rows in held]
    G = sparse.vstack([of.constraints(k, rows) for k, rows in enumerate(pairs)], "csr")
    bounds = np.vstack(
        [
            np.column_stack([np.tile(of.lower, K), np.tile(of.upper, K)]),
            np.tile([0.0, np.inf], (2 * y.size, 1)),
        ]
    )
    found = linprog(
        np.concatenate([-far.ravel(), up, down]),
        sparse.hstack([G, sparse.csr_matrix((G.shape[0], 2 * y.size))], "csr"),
        np.zeros(G.shape[0]),
        sparse.hstack([A, same, -same], "csr"),
        y,
        bounds,
        "highs",
        options={
            "primal_feasibility_tolerance": FEASIBLE,
            "dual_feasibility_tolerance": FEASIBLE,
        },
    )
    if found.status == UNBOUNDED:
        return None
    if found.x is None:
        raise DataError(f"the linear program of the quantiles was not solved: {found.message}")
    duals, ends = found.eqlin.marginals, np.cumsum([rows.size for rows in some])
    own = np.split(duals, ends)
    for k, rows in enumerate(some):
        theta[k, rows] = own[k]
    force = np.zeros(held.shape)
    force[held] = np.maximum(-found.ineqlin.marginals, 0.0)
    unit = np.zeros(K * m)
    unit[charged] = own[-1]
    low, high = of.s * (of.q - 1.0), of.s * of.q
    return Answer(
        found.x[: K * m].reshape(K, m),
        np.minimum(np.maximum(theta, low), high),
        force,
        unit.reshape(K, m),
    )


def sharpened(of: Together, answer: Answer) -> Answer:
    """The vertex in full precision: from what is zero and what bears a multiplier."""
    from scipy import sparse

    V, theta, force = answer.V.copy(), answer.theta.copy(), answer.force.copy()
    room = np.minimum(of.s * of.q - theta, theta - of.s * (of.q - 1.0))
    zero = room > INSIDE * of.s
    tight = force > INSIDE * of.s
    fixed = (of.l1 > np.abs(answer.unit) + INSIDE * of.l1) & (np.abs(V) < ZERO)
    V[fixed] = 0.0
    for end in (of.lower, of.upper):
        at = np.abs(V - end) < ZERO
        V[at] = np.broadcast_to(end, V.shape)[at]
        fixed |= at
    free = np.flatnonzero(~fixed.ravel())
    some, pairs = ([np.flatnonzero(r) for r in which] for which in (zero, tight))
    inner = sparse.block_diag([of.units.transposed(rows).T for rows in some], "csr")
    G = sparse.vstack([of.constraints(k, rows) for k, rows in enumerate(pairs)], "csr")
    B = sparse.vstack([inner, G], "csr")[:, free].toarray()
    if not B.size:
        return answer
    solve = _solver(B)
    for _ in range(2):
        E = of.levels(V)
        left = np.concatenate([(of.y - E)[zero], (E[1:] - E[:-1])[tight]])
        V.ravel()[free] += solve(left)
    back_of = _solver(B.T)
    for _ in range(2):
        lack = of.back(together(theta, force)) - of.l1 * np.sign(V)
        change = back_of(-lack.ravel()[free])
        count = int(zero.sum())
        theta[zero] += change[:count]
        force[tight] -= change[count:]
    low, high = of.s * (of.q - 1.0), of.s * of.q
    theta = np.minimum(np.maximum(theta, low), high)
    return Answer(V, theta, np.maximum(force, 0.0), answer.unit)


def _solver(B: Float) -> Any:
    """x of B x = b, of least norm where there are many, by least squares where there is none."""
    if B.shape[0] == B.shape[1]:
        lu, pivots, info = lapack.dgetrf(B)
        if info == 0 and lapack.dgecon(lu, float(np.abs(B).sum(axis=0).max()))[0] > 1e-12:
            return lambda b: lapack.dgetrs(lu, pivots, b)[0]
    return lambda b: np.linalg.lstsq(B, b, rcond=1e-13)[0]
