"""Quantiles that do not cross: one linear program for all of them, with the rows that matter.

    minimise over v_1..v_K:  sum_k [ sum_i up_ik r_ik+ + down_ik r_ik- + sum_j l1_j |v_kj| ]
    subject to               a_i·v_k <= a_i·v_{k+1}   for all rows i and quantiles k < K

(Bondell, Reich and Wang 2010). What is affine and at least 0 at all rows is so in their convex
hull. The dual has a multiplier lambda_ik >= 0 beside each constraint, and

    gap = sum_ik [ (up - theta) r+ + (theta + down) r- ] + sum_ik lambda_ik a_i·(v_{k+1} - v_k)
          + the columns' part for each k, at A'(theta_k - lambda_k + lambda_{k-1})

is a sum of terms that are at least 0, over all rows. Few rows enter the program: those near zero,
with all others on their side, and those that were seen to cross. What is wrong is added until
nothing is; the program is HiGHS's, and its vertex is then solved for in full precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from leastwise.errors import DataError
from leastwise.kinks.certificate import penalty, penalty_gap
from leastwise.kinks.constants import Constants
from leastwise.kinks.rows import Kink, WeightedRows
from leastwise.kinks.units import Units
from leastwise.numerics.threads import one_blas_thread, parallel, tiles

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Signs = NDArray[np.bool_]

NEAR, LEAST = 30, 300  # rows a column, and at least, that are worked on for each quantile
ADDED = 10  # rows a column that are kept from crossing more, for each pair and round
ROUNDS = 100  # linear programs, at most
TILE = 100_000  # entries of a block of rows
APART, ROUNDING = 1e-9, 1e-14  # in units of the mean loss: a crossing that HiGHS, or we, let be
FEASIBLE, ZERO = 1e-10, 1e-8  # HiGHS's least tolerance, and a coefficient of its that is at an end
INSIDE = 1e-8  # of its box, or of a row's weight: what a multiplier that is not at its end has
UNBOUNDED = 3  # HiGHS's word for it


@dataclass(frozen=True)
class Joint:
    """The optimum of all quantiles together.

    Parameters
    ----------
    coef, intercept : (K, p) and (K,)
    value : (K,) each one's mean loss ; objective : the sum of these and of the penalties
    null : (K,) mean losses of the best constants
    gap : the duality gap relative to the sum of `null`
    held : rows that some constraint holds ; rounds : linear programs that were solved
    """

    coef: Float
    intercept: Float
    value: Float
    objective: float
    null: Float
    gap: float
    held: int
    rounds: int


def noncrossing(
    rows: WeightedRows, kinks: Sequence[Kink], coef: Float, intercept: Float
) -> Joint | None:
    """The best quantiles that do not cross in any row; None where the best of each do not.

    Parameters
    ----------
    rows : what they share; rows of weight 0 may cross
    kinks : the problems in the order of their q, all with the same l1 and no l2
    coef, intercept : (K, p) and (K,), the optimum of each alone
    """
    live = rows.weight > 0.0
    if not live.all():
        some = np.flatnonzero(live)
        rows = WeightedRows(
            rows.X[some],
            rows.y[some],
            rows.weight[some],
            rows.factors,
            rows.lower,
            rows.upper,
            rows.intercept,
        )
    with one_blas_thread():
        run = _Run(rows, kinks)
        V = np.array([run.units.inner(w, b) for w, b in zip(coef, intercept, strict=True)])
        return run.solved(V)


@dataclass(frozen=True)
class _Answer:
    """What a linear program says: V (K, m), theta (K, n), force (K - 1, n), unit (K, m).

    theta and force are the multipliers of all rows and constraints, unit those of the l1 penalty.
    """

    V: Float
    theta: Float
    force: Float
    unit: Float


class _Run:
    """The problem in inner units."""

    def __init__(self, rows: WeightedRows, kinks: Sequence[Kink]) -> None:
        self.rows, self.q = rows, np.array([kink.q for kink in kinks])[:, None]
        self.units = units = Units(rows.of(kinks[len(kinks) // 2]))
        self.share = rows.weight / rows.weight.sum()
        self.s = units.n * self.share
        self.y = (rows.y - units.b0) / units.S
        free = np.full(units.first, np.inf)
        self.lower = np.append(-free, units.lower)
        self.upper = np.append(free, units.upper)
        self.l1 = np.append(0.0 * np.ones(units.first), units.l1)

    def solved(self, V: Float) -> Joint | None:
        """The joint optimum, from each one's own V (K, m); None where that is it."""
        n, m = self.units.n, self.units.m
        E = self._levels(V)
        held = self._worst(E, np.zeros((len(V) - 1, n), bool))
        if not held.any():
            return None
        size, count = np.abs(self.y - E), max(NEAR * m, LEAST)
        near = _least(size, count)
        for rounds in range(1, ROUNDS + 1):
            below = self.y < E
            answer = self._program(near, below, held)
            if answer is None:  # the sum of the far rows falls for ever: more are worked on
                count *= 4
                near |= _least(size, count)
                continue
            E = self._levels(answer.V)
            wrong = ((self.y < E) != below) & ~near
            crossing = self._worst(E, held)
            if not wrong.any() and not crossing.any():
                both = (self._proven(one, rounds) for one in (answer, self._sharpened(answer)))
                return min(both, key=lambda joint: joint.gap)
            near |= wrong
            held |= crossing
        raise DataError(
            f"no quantiles that do not cross were found in {ROUNDS} linear programs: leave columns "
            "out, or take fewer quantiles"
        )

    def _worst(self, E: Float, held: Signs) -> Signs:
        """(K - 1, n) the rows that cross most, of those that are not held already."""
        above = np.where(held, 0.0, E[:-1] - E[1:])
        count = min(ADDED * self.units.m, self.units.n)
        least = -np.partition(-above, count - 1, axis=1)[:, [count - 1]]
        return (above > APART) & (above >= least)

    def _coef(self, V: Float) -> tuple[Float, Float]:
        """(K, p) coefficients of the columns as they are, and (K,) the level at their centre."""
        units = self.units
        coef = np.zeros((len(V), units.p))
        coef[:, units.columns] = V[:, units.first :] / units.scale[units.columns]
        return coef, V[:, 0] if units.first else np.zeros(len(V))

    def _parts(self) -> list[slice]:
        return tiles(self.units.n, max(256, TILE // max(self.units.p, self.q.size)))

    def _block(self, part: slice) -> Any:
        block, units = self.units.X[part], self.units
        if units.shift:
            block = (block if units.dense else block.toarray()) - units.centre
        return block

    def _levels(self, V: Float) -> Float:
        """(K, n) a_i.v_k."""
        coef, level = self._coef(V)
        if not self.units.shift:
            level = level - coef @ self.units.centre
        E, across = np.empty((len(V), self.units.n)), np.ascontiguousarray(coef.T)

        def one(part: slice) -> None:
            E[:, part] = (self._block(part) @ across + level).T

        parallel(one, self._parts())
        return E

    def _back(self, theta: Float) -> Float:
        """(K, m) A'theta_k."""
        units = self.units

        def one(part: slice) -> Float:
            return np.asarray((self._block(part).T @ theta[:, part].T).T)

        raw, mass = np.sum(parallel(one, self._parts()), axis=0), theta.sum(axis=1)
        if not units.shift:
            raw = raw - mass[:, None] * units.centre
        back = raw[:, units.columns] / units.scale[units.columns]
        return np.column_stack([mass, back]) if units.first else back

    def _sides(self, below: Signs) -> Float:
        """(K, n) theta by the rows' signs."""
        return self.s * (self.q - below)

    def _program(self, near: Signs, below: Signs, held: Signs) -> _Answer | None:
        """The linear program of the rows that are near and the pairs that are held."""
        from scipy import sparse
        from scipy.optimize import linprog

        K, m = self.q.size, self.units.m
        theta = self._sides(below)
        far = self._back(np.where(near, 0.0, theta))
        some = [np.flatnonzero(rows) for rows in near]
        inner = sparse.block_diag([self.units.transposed(rows).T for rows in some], "csr")
        costs = np.tile(self.l1, K)
        charged = np.flatnonzero(costs > 0.0)
        A = sparse.vstack([inner, sparse.eye(K * m, format="csr")[charged]], "csr")
        y = np.concatenate([*(self.y[rows] for rows in some), np.zeros(charged.size)])
        up = np.concatenate(
            [*(self.s[r] * q for r, q in zip(some, self.q, strict=True)), costs[charged]]
        )
        down = np.concatenate(
            [*(self.s[r] * (1.0 - q) for r, q in zip(some, self.q, strict=True)), costs[charged]]
        )
        same = sparse.eye(y.size)
        pairs = [np.flatnonzero(rows) for rows in held]
        G = sparse.vstack([self._constraints(k, rows) for k, rows in enumerate(pairs)], "csr")
        bounds = np.vstack(
            [
                np.column_stack([np.tile(self.lower, K), np.tile(self.upper, K)]),
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
        low, high = self.s * (self.q - 1.0), self.s * self.q
        return _Answer(
            found.x[: K * m].reshape(K, m),
            np.minimum(np.maximum(theta, low), high),
            force,
            unit.reshape(K, m),
        )

    def _constraints(self, k: int, which: Index) -> Any:
        """a_i.v_k - a_i.v_{k+1} of some rows, sparse (len(which), K m)."""
        from scipy import sparse

        K, m = self.q.size, self.units.m
        a = sparse.csr_matrix(self.units.transposed(which).T)
        before = sparse.csr_matrix((which.size, k * m))
        after = sparse.csr_matrix((which.size, (K - k - 2) * m))
        return sparse.hstack([before, a, -a, after], "csr")

    def _sharpened(self, answer: _Answer) -> _Answer:
        """The vertex in full precision: from what is zero and what bears a multiplier."""
        from scipy import sparse

        V, theta, force = answer.V.copy(), answer.theta.copy(), answer.force.copy()
        room = np.minimum(self.s * self.q - theta, theta - self.s * (self.q - 1.0))
        zero = room > INSIDE * self.s
        tight = force > INSIDE * self.s
        fixed = (self.l1 > np.abs(answer.unit) + INSIDE * self.l1) & (np.abs(V) < ZERO)
        V[fixed] = 0.0
        for end in (self.lower, self.upper):
            at = np.abs(V - end) < ZERO
            V[at] = np.broadcast_to(end, V.shape)[at]
            fixed |= at
        free = np.flatnonzero(~fixed.ravel())
        some, pairs = ([np.flatnonzero(r) for r in which] for which in (zero, tight))
        inner = sparse.block_diag([self.units.transposed(rows).T for rows in some], "csr")
        G = sparse.vstack([self._constraints(k, rows) for k, rows in enumerate(pairs)], "csr")
        B = sparse.vstack([inner, G], "csr")[:, free].toarray()
        if not B.size:
            return answer
        solve = _solver(B)
        for _ in range(2):
            E = self._levels(V)
            left = np.concatenate([(self.y - E)[zero], (E[1:] - E[:-1])[tight]])
            V.ravel()[free] += solve(left)
        back_of = _solver(B.T)
        for _ in range(2):
            lack = self._back(_together(theta, force)) - self.l1 * np.sign(V)
            change = back_of(-lack.ravel()[free])
            count = int(zero.sum())
            theta[zero] += change[:count]
            force[tight] -= change[count:]
        low, high = self.s * (self.q - 1.0), self.s * self.q
        theta = np.minimum(np.maximum(theta, low), high)
        return _Answer(V, theta, np.maximum(force, 0.0), answer.unit)

    def _proven(self, answer: _Answer, rounds: int) -> Joint:
        """What is known of an answer: its certificate is computed from all rows."""
        units, V = self.units, answer.V.copy()
        E = self._levels(V)
        if units.first:  # what rounding leaves of a crossing is taken off by the levels
            apart = np.maximum((E[:-1] - E[1:]).max(axis=1), 0.0)
            apart[apart < ROUNDING] = 0.0
            V[1:, 0] += np.cumsum(apart)
            E[1:] += np.cumsum(apart)[:, None]
        R, theta = self.y - E, answer.theta
        over = np.maximum(R, 0.0)
        loss = (self.s * self.q * over + self.s * (1.0 - self.q) * (over - R)).sum(axis=1)
        own = (self.s * self.q - theta) * over + (theta + self.s * (1.0 - self.q)) * (over - R)
        own = float(own.sum() + (answer.force * np.abs(E[1:] - E[:-1])).sum())
        back = self._back(_together(theta, answer.force))
        own += sum(penalty_gap(units, v, at) for v, at in zip(V, back, strict=True))
        paid = sum(penalty(units, v) for v in V)
        constants = Constants(self.rows.y, self.share, self.rows.intercept)
        null = np.array([constants.loss(q) for q in self.q[:, 0]])
        outer = [units.outer(v) for v in V]
        coef = np.array([w for w, _ in outer])
        level = np.array([b for _, b in outer]) - coef @ units.centre
        return Joint(
            coef,
            level if units.first else np.zeros(len(V)),
            loss * units.S / units.n,
            float(loss.sum() + paid) * units.S / units.n,
            null,
            own * units.S / units.n / float(null.sum()),
            int((answer.force > INSIDE * self.s).any(axis=0).sum()),
            rounds,
        )


def _least(size: Float, count: int) -> Signs:
    """(K, n) the `count` least of each row."""
    count = min(count, size.shape[1])
    return size <= np.partition(size, count - 1, axis=1)[:, [count - 1]]


def _together(theta: Float, force: Float) -> Float:
    """(K, n) theta_k - lambda_k + lambda_{k-1}."""
    out = theta.copy()
    out[:-1] -= force
    out[1:] += force
    return out


def _solver(B: Float) -> Any:
    """x of B x = b, of least norm where there are many, by least squares where there is none."""
    if B.shape[0] == B.shape[1]:
        lu, pivots, info = lapack.dgetrf(B)
        if info == 0 and lapack.dgecon(lu, float(np.abs(B).sum(axis=0).max()))[0] > 1e-12:
            return lambda b: lapack.dgetrs(lu, pivots, b)[0]
    return lambda b: np.linalg.lstsq(B, b, rcond=1e-13)[0]
