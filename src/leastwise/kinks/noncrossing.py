"""Quantiles that do not cross: one program for all of them, with the rows that matter.

    minimise over v_1..v_K:  sum_k [ sum_i up_ik r_ik+ + down_ik r_ik-
                                     + sum_j l1_j |v_kj| + l2_j / 2 v_kj^2 ]
    subject to               a_i·v_k <= a_i·v_{k+1}   for all rows i and quantiles k < K

(Bondell, Reich and Wang 2010). What is affine and at least 0 at all rows is so in their convex
hull. The dual has a multiplier lambda_ik >= 0 beside each constraint, and

    gap = sum_ik [ (up - theta) r+ + (theta + down) r- ] + sum_ik lambda_ik a_i·(v_{k+1} - v_k)
          + the columns' part for each k, at A'(theta_k - lambda_k + lambda_{k-1})

is a sum of terms that are at least 0, over all rows. Few rows enter the program: those near zero,
with all others on their side, and those that were seen to cross. What is wrong is added until
nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.certificate import penalty, penalty_gap
from leastwise.kinks.constants import Constants
from leastwise.kinks.linear_program import linear_program, sharpened
from leastwise.kinks.quadratic_program import quadratic_program
from leastwise.kinks.rows import Kink, WeightedRows
from leastwise.kinks.together import INSIDE, Answer, Chosen, Together, together
from leastwise.numerics.threads import one_blas_thread

Float = NDArray[np.float64]
Signs = NDArray[np.bool_]

NEAR, LEAST = 30, 300  # rows a column, and at least, that are worked on for each quantile
ADDED = 10  # rows a column that are kept from crossing more, for each pair and round
APART, ROUNDING = 1e-9, 1e-14  # in units of the mean loss: a crossing that a program, or we, let be


@dataclass(frozen=True)
class Joint:
    """The optimum of all quantiles together.

    Parameters
    ----------
    coef, intercept : (K, p) and (K,)
    value : (K,) each one's mean loss ; objective : the sum of these and of the penalties
    null : (K,) mean losses of the best constants
    gap : the duality gap relative to the sum of `null`
    held : rows that some constraint holds ; rounds : programs that were solved
    done : whether the last of them was right about all rows
    """

    coef: Float
    intercept: Float
    value: Float
    objective: float
    null: Float
    gap: float
    held: int
    rounds: int
    done: bool


def noncrossing(
    rows: WeightedRows,
    kinks: Sequence[Kink],
    coef: Float,
    intercept: Float,
    max_iter: int,
) -> Joint | None:
    """The best quantiles that do not cross in any row; None where the best of each do not.

    Parameters
    ----------
    rows : what they share; rows of weight 0 may cross
    kinks : the problems in the order of their q, all with the same l1 and l2
    coef, intercept : (K, p) and (K,), the optimum of each alone
    max_iter : programs, and steps of a quadratic one, at most; if they do not do, what they came to
    """
    live = rows.weight > 0.0
    if not live.all():
        some = np.flatnonzero(live)
        rows = replace(rows, X=rows.X[some], y=rows.y[some], weight=rows.weight[some])
    with one_blas_thread():
        run = _Run(rows, kinks)
        V = np.array([run.units.inner(w, b) for w, b in zip(coef, intercept, strict=True)])
        return run.solved(V, max_iter)


class _Run(Together):
    """The programs, one after the other, and the proof."""

    def __init__(self, rows: WeightedRows, kinks: Sequence[Kink]) -> None:
        super().__init__(rows, kinks)
        constants = Constants(rows.y, self.share, rows.intercept)
        self.null = np.array([constants.loss(q) for q in self.q[:, 0]])

    def solved(self, V: Float, max_iter: int) -> Joint | None:
        """The joint optimum, from each one's own V (K, m); None where that is it."""
        n, m = self.units.n, self.units.m
        E = self.levels(V)
        held = self._worst(E, np.zeros((len(V) - 1, n), bool))
        if not held.any():
            return None
        size, count = np.abs(self.y - E), max(NEAR * m, LEAST)
        near = _least(size, count)
        last = Answer(V, self.sides(self.y < E), np.zeros(held.shape), np.zeros_like(V))
        for rounds in range(1, max_iter + 1):
            below = self.y < E
            answer = self._program(Chosen(near, below, held), last.V, max_iter)
            if answer is None:  # the sum of the far rows falls for ever: more are worked on
                count *= 4
                near |= _least(size, count)
                continue
            E, last = self.levels(answer.V), answer
            wrong = ((self.y < E) != below) & ~near
            crossing = self._worst(E, held)
            if not wrong.any() and not crossing.any():
                return self._best(answer, rounds if answer.done else max_iter)
            near |= wrong
            held |= crossing
        return self._proven(replace(self._ordered(last), done=False), max_iter)

    def _program(self, chosen: Chosen, V: Float, max_iter: int) -> Answer | None:
        if not self.units.l2.any():
            return linear_program(self, chosen)
        null = float(self.null.sum()) * self.units.n / self.units.S
        return quadratic_program(self, chosen, V, null, max_iter)

    def _best(self, answer: Answer, rounds: int) -> Joint:
        found = [answer] if self.units.l2.any() else [answer, sharpened(self, answer)]
        return min((self._proven(one, rounds) for one in found), key=lambda joint: joint.gap)

    def _ordered(self, answer: Answer) -> Answer:
        """An answer that may cross, made one that does not: by the levels, or all are the same."""
        if self.units.first:
            return answer
        return replace(answer, V=np.repeat(answer.V[[len(answer.V) // 2]], len(answer.V), axis=0))

    def _worst(self, E: Float, held: Signs) -> Signs:
        """(K - 1, n) the rows that cross most, of those that are not held already."""
        above = np.where(held, 0.0, E[:-1] - E[1:])
        count = min(ADDED * self.units.m, self.units.n)
        least = -np.partition(-above, count - 1, axis=1)[:, [count - 1]]
        return (above > APART) & (above >= least)

    def _proven(self, answer: Answer, rounds: int) -> Joint:
        """What is known of an answer: its certificate is computed from all rows."""
        units, V = self.units, answer.V.copy()
        E = self.levels(V)
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
        back = self.back(together(theta, answer.force))
        own += sum(penalty_gap(units, v, at) for v, at in zip(V, back, strict=True))
        paid = sum(penalty(units, v) for v in V)
        outer = [units.outer(v) for v in V]
        coef = np.array([w for w, _ in outer])
        level = np.array([b for _, b in outer]) - coef @ units.centre
        return Joint(
            coef,
            level if units.first else np.zeros(len(V)),
            loss * units.S / units.n,
            float(loss.sum() + paid) * units.S / units.n,
            self.null,
            own * units.S / units.n / float(self.null.sum()),
            int((answer.force > INSIDE * self.s).any(axis=0).sum()),
            rounds,
            answer.done,
        )


def _least(size: Float, count: int) -> Signs:
    """(K, n) the `count` least of each row."""
    count = min(count, size.shape[1])
    return size <= np.partition(size, count - 1, axis=1)[:, [count - 1]]
