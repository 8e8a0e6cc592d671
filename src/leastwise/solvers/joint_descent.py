"""Block coordinate descent where a penalty joins the outputs: each row in turn to its minimum.

    w_j <- (1 - l1_j / |rho_j|)_+ rho_j / (c_j + l2_j),   rho_j = x_j'S R / W + c_j w_j   (k,)

(Yuan and Lin 2006; Qin, Scheinberg and Goldfarb 2013). It runs over the Gram matrix of a working
set of columns, in units where columns and targets have length 1. As soon as sweeps have cost as
much as a factorisation, a Newton step on the rows that are not zero is taken, where the penalty is
smooth (`numerics.joined`): it settles the digits that sweeps crawl for. Then all columns are looked
at, those beyond their limit join, and what is left is solved for from the correlations of the look,
which corrects the rounding of the Gram matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.numerics.factors import EPS
from leastwise.numerics.joined import JoinedHessian
from leastwise.numerics.threads import one_blas_thread
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.quadratic import quadratic_form
from leastwise.solvers.base import VIOLATION, Cost, Iterate, Steps, gram_flops, zeros
from leastwise.solvers.needs import over_moments
from leastwise.working import by_moments, working_columns

Float = NDArray[np.float64]
Index = NDArray[np.intp]

MARGIN = 0.1  # how near to its limit a column must be to join beforehand
FIRST = 100  # columns that may join at a time, or twice as many as there are
EXACT = 1e-14  # the optimality conditions' error, with columns and targets of length 1
ROUNDING = 1e-11  # an error this small that goes down no further is rounding
PATIENCE = 5  # Newton steps without halving the error before it goes down no further
CORRECTIONS = 4
MOST_SWEEPS = 50  # between two Newton steps
MOST_ROWS = 3000  # of which a Newton step is taken
HALVINGS = 5  # of a Newton step that would lead up


def joint_cost(shape: Shape) -> Cost:
    """What it needs at most for a problem of this size."""
    n, p, k = shape.rows, shape.columns, shape.outputs
    memory = np.inf if shape.memory is None else shape.memory
    if by_moments(n, p, shape.stored, memory):
        return Cost(over_moments(shape, 4.0), 2.0, gram_flops(shape) + 200.0 * p * p * k)
    support = min(n * k, p)
    bytes = 8 * (support * (4 * support + 2 * n) + 4 * (n + p) * k)
    return Cost(bytes + shape.scratch, 20.0, 4.0 * n * support**2)


def joint_descent(
    problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
) -> Steps:
    """Iterates for each penalty: one for every look at all columns."""
    design = problem.design
    columns = working_columns(design, problem.memory)
    form = design if columns.on_rows else quadratic_form(design, problem.memory)
    detail = f"rows of coefficients over {'rows' if columns.on_rows else 'moments'}"
    alive = design.centre.curvature > 0.0
    unit = float(np.sqrt(2.0 * design.centre.null.sum())) or 1.0
    w = zeros(problem) if start is None else design.mask(start)
    at = form.evaluate(w)
    for number, penalty in enumerate(penalties):
        l1, l2 = problem.at(penalty).strengths
        W = np.flatnonzero(w.any(axis=1) | (alive & (l1 == 0.0)))
        used = corrections = 0
        done: bool | None = False
        while not done:
            size = penalty.measure(at.correlation)[:, 0]
            W = _joined_by(W, np.where(alive, size, 0.0), l1)
            own = design.scale[W]
            G, start = columns.gram(W), w[W] * (own / unit)[:, None]
            q = at.correlation[W] / (own * unit)[:, None] + G @ start
            rows = _Rows(G, q, l1[W] / (own * unit), l2[W] / own**2)
            with one_blas_thread():
                solved, steps, settled = rows.solve(start, limit - used)
            used += steps
            w = zeros(problem)
            w[W] = solved * (unit / own)[:, None]
            at = form.evaluate(w)
            wrong = alive & (penalty.measure(at.correlation)[:, 0] > l1 * (1.0 + VIOLATION))
            wrong[W] = False
            complete = not wrong.any()
            corrections += complete
            last = used >= limit or corrections > CORRECTIONS
            exact = settled and complete
            done = yield (
                number,
                Iterate(w, used, at, columns.on_rows, final=last, exact=exact, detail=detail),
            )
            done = done or last


def _joined_by(W: Index, size: Float, l1: Float) -> Index:
    """W and the columns nearest to, or furthest beyond, their limits: as many as W holds twice."""
    near = size > l1 * (1.0 - MARGIN)
    near[W] = False
    new = np.flatnonzero(near)
    most = max(FIRST, 2 * W.size)
    if new.size > most:
        furthest = np.argpartition(l1[new] / size[new], most)[:most]
        new = new[furthest]
    return np.union1d(W, new)


@dataclass(frozen=True)
class _Rows:
    """min over w (m, k) of w'Gw/2 - q'w + sum_j (l1_j |w_j| + l2_j/2 |w_j|^2), G_jj = 1."""

    G: Float
    q: Float
    l1: Float
    l2: Float

    def solve(self, start: Float, budget: int) -> tuple[Float, int, bool]:
        """The minimiser, the steps to it, and whether it is reached."""
        from leastwise.kernels.sweeps import row_sweeps

        state = np.array(start.T, order="C")
        w, room = state.T, np.empty(len(state))
        least, stale, used = np.inf, 0, 0
        while True:
            m = int(np.count_nonzero(w.any(axis=1)))
            count = int(np.clip(m * m // max(w.size, 1), 2, MOST_SWEEPS))
            count = max(1, min(count, budget - used))
            u = np.ascontiguousarray(self._slope(w).T)
            row_sweeps(self.G, u, state, self.l1, self.l2, room, count)
            used += count
            u = self._slope(w)
            error = self._error(w, u)
            stale = 0 if error < 0.5 * least else stale + 1
            least = min(least, error)
            settled = error <= EXACT or (stale >= PATIENCE and error <= ROUNDING)
            if settled or used >= budget:
                return w, used, settled
            if self._newton(w, u):
                used += 1

    def _slope(self, w: Float) -> Float:
        return self.q - self.G @ w

    def _error(self, w: Float, u: Float) -> float:
        """How far the optimality conditions are from holding, the worst row's."""
        size = np.linalg.norm(w, axis=1, keepdims=True)
        held = self.l1[:, None] * w / np.where(size > 0.0, size, 1.0)
        rest = np.linalg.norm(u - self.l2[:, None] * w - held, axis=1)
        return float((rest - np.where(size[:, 0] > 0.0, 0.0, self.l1)).max(initial=0.0))

    def _newton(self, w: Float, u: Float) -> bool:
        """Move w by a Newton step on its rows that are not zero; whether that was possible."""
        rows = np.flatnonzero(w.any(axis=1))
        if not 0 < rows.size <= MOST_ROWS:
            return False
        l1, l2, before = self.l1[rows], self.l2[rows], w[rows]
        G, q = self.G[np.ix_(rows, rows)], self.q[rows]
        held = (l1 / np.linalg.norm(before, axis=1) + l2)[:, None] * before
        try:
            step = JoinedHessian(G, l1, l2, before).solve(u[rows] - held)
        except np.linalg.LinAlgError:
            return False

        def objective(x: Float) -> float:
            smooth = 0.5 * np.sum(x * (G @ x)) - np.sum(q * x)
            size = np.linalg.norm(x, axis=1)
            return float(smooth + l1 @ size + 0.5 * l2 @ size**2)

        here = objective(before)
        for halved in range(HALVINGS):
            moved = before + 0.5**halved * step
            if objective(moved) <= here + 64.0 * EPS * abs(here):
                w[rows] = moved
                return True
        return False
