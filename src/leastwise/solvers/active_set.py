"""The exact finish under l1: an active-set method on the Gram matrix, from a point nearly right.

On a support A with signs s the optimum solves (H_AA + l2_A) w_A = q_A - l1_A s_A. The way there is
walked until a coefficient would change its sign: it leaves the support at zero. At the solution
the column that violates |u_j| <= l1_j most, u = q - Hw, enters with the sign of u_j. The objective
falls at every step, and there are finitely many supports (Osborne, Presnell and Turlach 2000,
section 3).

Where H_AA is singular (a column is a combination of others) the objective is linear along its null
space: it is walked downhill until a coefficient reaches zero, or, where it is flat, the least norm
is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import Support
from leastwise.numerics.factors import EPS, Factor, cholesky, from_gram

Float = NDArray[np.float64]

WELL_POSED = 1e6  # condition up to which a support's equations are solved by Cholesky
FLAT = 1e-9  # a slope along the null space below this share of the penalty's is none
STEPS = 60  # plus as many as there are columns in the support


@dataclass
class _Walk:
    """One output's point w (m,), who is active, and with which sign."""

    H: Float
    q: Float
    l1: Float
    l2: Float
    w: Float
    active: NDArray[np.bool_]
    signs: Float

    def target(self, columns: NDArray[np.intp]) -> tuple[Float, Factor, bool]:
        """Where to go, the factor, and whether it is a direction without end."""
        inner = self.H[np.ix_(columns, columns)] + np.diag(self.l2[columns])
        slope = self.l1[columns] * self.signs[columns]
        right = (self.q[columns] - slope)[:, None]
        factor = cholesky(inner, np.arange(columns.size))
        if factor is None or factor.condition > WELL_POSED:
            factor = from_gram(inner)
            if factor.null is not None:
                downhill = -(factor.null @ (factor.null.T @ slope))
                if np.abs(downhill).max() > FLAT * max(np.abs(slope).max(), np.finfo(float).tiny):
                    return downhill, factor, True
        w = factor.solve(right)
        w += factor.solve(right - inner @ w)
        return w[:, 0], factor, False

    def move(self, columns: NDArray[np.intp], goal: Float, endless: bool) -> bool:
        """Walk to the goal or to the first sign change; whether the goal was reached."""
        here, signs = self.w[columns], self.signs[columns]
        direction = goal if endless else goal - here
        against = (signs != 0.0) & (direction * signs < 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(against, -here / direction, np.inf)
        first = float(reach.min(initial=np.inf))
        if first > 1.0 and not endless:
            self.w[columns] = goal
            return True
        if not np.isfinite(first):
            return False
        self.w[columns] = here + first * direction
        leaving = columns[reach <= first]
        self.w[leaving] = 0.0
        self.active[leaving] = False
        self.signs[leaving] = 0.0
        return False

    def enter(self) -> bool:
        """Let the column enter that violates its bound most; whether there was one."""
        if self.w.size == 0:
            return False
        u = self.q - self.H @ self.w
        diagonal = np.diagonal(self.H)
        over = np.where(self.active | (diagonal == 0.0), -np.inf, np.abs(u) - self.l1)
        rounding = 64.0 * EPS * (np.abs(self.q) + np.abs(self.H) @ np.abs(self.w) + self.l1)
        over = np.where(over > rounding, over / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 0.0)
        worst = int(np.argmax(over))
        if not over[worst] > 0.0:
            return False
        self.active[worst] = True
        self.signs[worst] = np.sign(u[worst])
        return True


def active_set(H: Float, q: Float, l1: Float, l2: Float, w: Float) -> tuple[Float, Support] | None:
    """The minimiser of w'Hw/2 - q'w + sum l1 |w| + l2/2 w^2 from a w nearly right.

    H (m, m), q, l1, l2, w (m,). None where w was not near enough for so many steps.
    """
    free = (l1 == 0.0) & (np.diagonal(H) + l2 > 0.0)
    signs = np.where(free, 0.0, np.sign(w))
    walk = _Walk(H, q, l1, l2, w.copy(), free | (signs != 0.0), signs)
    for _ in range(STEPS + int(walk.active.sum())):
        columns = np.flatnonzero(walk.active)
        if columns.size == 0:
            if not walk.enter():
                return walk.w, Support(columns, np.empty(0), from_gram(np.empty((0, 0))))
            continue
        goal, factor, endless = walk.target(columns)
        if walk.move(columns, goal, endless) and not walk.enter():
            return walk.w, Support(columns, walk.signs[columns], factor)
    return None
