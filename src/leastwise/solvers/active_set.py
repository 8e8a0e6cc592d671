"""The exact way under l1: an active-set method on the Gram matrix of some columns.

On a support A with signs s the optimum solves (H_AA + l2_A) w_A = q_A - l1_A s_A. The way there is
walked until a coefficient would change its sign or step over a bound: it leaves the support there.
At the solution the columns with |u_j| > l1_j enter with the sign of u_j, u = q - Hw. The objective
falls at every step, and there are finitely many supports (Osborne, Presnell and Turlach 2000,
section 3). The Cholesky factor of the support follows it from step to step and from strength to
strength.

A column that is a combination z of the support's (its pivot vanishes) cannot be added. Where it
violates its bound, the objective falls along w_j += t s_j, w_A -= t s_j z without end: it is
walked until a column of the support reaches zero, which then makes room. Where columns tie, the
coefficients of least norm are taken. The steps are compiled (`leastwise.kernels`); what is rare is
here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, lapack

from leastwise.certificate import Support
from leastwise.kernels.support import (
    BOUND,
    IN,
    OUT,
    SOLVED,
    TIED,
    TIRED,
    append,
    backward,
    delete,
    forward,
    priced,
    walk,
)
from leastwise.kernels.sweeps import gram_sweeps
from leastwise.numerics.boxes import within
from leastwise.numerics.factors import EPS, triangular
from leastwise.solvers.base import VIOLATION
from leastwise.solvers.quadratics import Quadratics

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Integer = NDArray[np.int64]

COLLINEAR = 1e-12  # the squared pivot, of a column of length 1, below which it is a combination
CLEAR = 1e-6  # the squared pivot above which nobody need look twice
MOST_TIED = 500  # columns up to which a tie is resolved
NOTHING = 16.0 * EPS  # times how many they are: the squared length of what is a combination
STEPS = 10_000  # in which a minimiser is reached, or never
SPARE = 8  # an eighth of the factor's side is to spare, so that it seldom moves
RESCUES = 4  # times that coordinate descent is asked for help
SWEEPS = 200


@dataclass(frozen=True)
class State:
    """A point an active set can come back to: w, signs, status (m,), the support's order, l2."""

    w: Float
    signs: Float
    status: Integer
    order: Integer
    l2: Float


class ActiveSet:
    """The minimiser of w'Hw/2 - q'w + sum_j l1_j |w_j| + l2_j/2 w_j^2 within bounds.

    A column of length 0 keeps coefficient 0.

    Parameters
    ----------
    quadratic : G, q and the bounds
    w : (m,) where to start, in the units of H; from zero by default
    room : (m, m) or more, for the support's factor
    """

    def __init__(
        self, quadratic: Quadratics, w: Float | None = None, room: Float | None = None
    ) -> None:
        self.G, self.length = np.ascontiguousarray(quadratic.G), quadratic.length
        self.alive = np.diagonal(self.G) > 0.0
        self.q = quadratic.q / self.length
        self._given = np.stack([quadratic.lower, quadratic.upper])
        self.bounds = self._given * self.length
        self.bounded = bool(np.isfinite(self.bounds).any())
        m = self.q.size
        self.w = np.zeros(m) if w is None else np.where(self.alive, w * self.length, 0.0)
        at_bound = (self.w != 0.0) & ((self.w <= self.bounds[0]) | (self.w >= self.bounds[1]))
        self.status = np.where(at_bound, BOUND, OUT)
        self.signs, self.u, self.pay = np.zeros(m), np.zeros(m), np.zeros((2, m))
        self._above = np.empty(m)
        self.steps = 0
        self._fresh = True  # until the columns that must be in the support are
        self._size = float(np.abs(self.q).max(initial=0.0))
        self._order = np.zeros(m, np.int64)
        self._R = np.empty((m, m)) if room is None else room
        self._thorough = True  # until one solution on this Gram matrix was checked
        self._counts, self._room = np.zeros(4, np.int64), np.empty((2, m))

    @property
    def coef(self) -> Float:
        """(m,) w in the units of H."""
        w = self.w / self.length
        return within(w, *self._given) if self.bounded else w

    @property
    def order(self) -> Integer:
        """The support, in the order of its factor."""
        return self._order[: self._counts[0]]

    @property
    def held(self) -> Index:
        """The columns that are in the support or at a bound."""
        return np.flatnonzero(self.status != OUT)

    def reach(self, l1: Float, l2: Float, limit: int) -> None:
        """Go to the minimiser, by coordinate descent where steps go in circles."""
        last = self.steps + limit
        for _ in range(RESCUES):
            if self.solve(l1, l2, last - self.steps) or self.steps >= last:
                return
            self._descend()

    def solve(self, l1: Float, l2: Float, limit: int = STEPS) -> bool:
        """Go to the minimiser for these strengths (m,); whether `limit` steps sufficed."""
        sizes = self.length, self.w, self.order, self._size, VIOLATION
        renewed, unpaid = priced(l1, l2, *sizes, self.pay, self._above)
        if renewed:
            self._restart()
        if unpaid or self._fresh:
            self._start()
        self._counts[1:3] = self.steps, self.steps + min(limit, 100 + 4 * self.q.size)
        while True:
            ended = walk(
                self.G,
                self.q,
                self.pay,
                self.bounds,
                self._above,
                self.w,
                self.signs,
                self.status,
                self._order,
                self._R,
                self.u,
                self._room,
                self._counts,
                COLLINEAR,
                64.0 * EPS * self._size,
                self._thorough,
            )
            self.steps = int(self._counts[1])
            if ended == TIRED:
                return False
            if ended == SOLVED or not self._exchange():
                self._thorough = False
                if self._counts[3]:
                    self._share_ties()
                return True

    def extrapolated(self, l1: Float) -> Float:
        """(m,) where the present support would lead at l1 (m,), in the units of H."""
        w, columns = self.w.copy(), self.order
        w[columns] -= self._solved((l1 / self.length - self.pay[0])[columns] * self.signs[columns])
        return w / self.length

    def state(self) -> State:
        """Where it stands, to come back to."""
        l2 = self.pay[1].copy()
        return State(self.w.copy(), self.signs.copy(), self.status.copy(), self.order.copy(), l2)

    def resume(self, state: State) -> None:
        """Go back to where it stood."""
        same = np.array_equal(self.order, state.order) and np.array_equal(self.pay[1], state.l2)
        self.w, self.signs = state.w.copy(), state.signs.copy()
        self.status, self.pay[1] = state.status.copy(), state.l2
        self._counts[0] = state.order.size
        self._order[: state.order.size] = state.order
        if not same:
            self._restart()

    def over(self, quadratic: Quadratics, kept: Index) -> ActiveSet:
        """The same point over other columns: those at `kept` come first, in that order.

        The factor is handed on where it has room enough, and this one is done with.
        """
        m, count = quadratic.q.size, self._counts[0]
        room = self._R
        if m > len(room):
            side = m + m // SPARE
            room = np.empty((side, side))
            room[:count, :count] = self._R[:count, :count]
        new = ActiveSet(quadratic, room=room)
        place = np.full(self.q.size, -1, np.int64)
        place[kept] = np.arange(kept.size)
        for name in ("w", "signs", "status"):
            getattr(new, name)[: kept.size] = getattr(self, name)[kept]
        new.pay[:, : kept.size] = self.pay[:, kept]
        new._order[:count] = place[self.order]
        new._counts[0], new.steps = count, self.steps
        return new

    def support(self) -> Support:
        """The support where it stands, with its factor."""
        columns = self.order.copy()
        root = np.asfortranarray(np.triu(self._R[: columns.size, : columns.size]))
        factor = triangular(root, self.length[columns], np.arange(columns.size), columns.size)
        return Support(columns, self.signs[columns], factor)

    def _start(self) -> None:
        """Let the columns that must be in the support be there."""
        self._fresh = False
        # Unpenalised columns are in the support, but for those at a bound of zero, which enter
        # when that pays.
        free = (self.pay[0] == 0.0) & self.alive & (self.status != BOUND)
        self.signs[free] = 0.0
        if self.bounded:
            free &= (self.bounds[0] < 0.0) & (self.bounds[1] > 0.0)
        missing = (self.status == OUT) & self.alive & ((self.w != 0.0) | free)
        if not self._counts[0] and missing.any() and self._all_at_once(np.flatnonzero(missing)):
            return
        for j in map(int, np.flatnonzero(missing)):
            if self._append(j):
                self.signs[j] = np.sign(self.w[j]) if self.pay[0, j] > 0.0 else 0.0
            else:
                self.w[j] = 0.0  # a combination of the others: they can say the same

    def _all_at_once(self, columns: Index) -> bool:
        """Let these columns be the support, if none is near a combination of the others."""
        inner = self.G[np.ix_(columns, columns)]
        inner[np.diag_indices(columns.size)] += self.pay[1, columns]
        root, info = lapack.dpotrf(inner, lower=1, clean=1)
        if info or (np.diagonal(root) ** 2 <= CLEAR * np.diagonal(inner)).any():
            return False
        self._R[: columns.size, : columns.size] = root.T
        self._order[: columns.size] = columns
        self._counts[0] = columns.size
        self.status[columns] = IN
        self.signs[columns] = np.where(self.pay[0, columns] > 0.0, np.sign(self.w[columns]), 0.0)
        return True

    def _restart(self) -> None:
        """The factor of the support, computed anew."""
        columns = self.order.copy()
        inner = self.G[np.ix_(columns, columns)]
        inner[np.diag_indices(columns.size)] += self.pay[1, columns]
        if not columns.size:
            return
        root, info = lapack.dpotrf(inner, lower=1, clean=0)
        if not info:
            self._R[: columns.size, : columns.size] = root.T
            return
        self._counts[0] = 0
        for j in map(int, columns):
            self.status[j] = OUT
            if not self._append(j):
                self.w[j] = self.signs[j] = 0.0

    def _append(self, j: int) -> bool:
        """Let j into the support; whether it is no combination of it."""
        count = int(self._counts[0])
        diagonal = 1.0 + float(self.pay[1, j])
        x = self.G[j, self.order]
        if not append(self._R, count, x, diagonal, COLLINEAR * diagonal):
            return False
        self._order[count] = j
        self._counts[0] = count + 1
        self.status[j] = IN
        return True

    def _solved(self, right: Float) -> Float:
        """(a,) (G_AA + l2_A)^-1 right."""
        count = int(self._counts[0])
        forward(self._R, count, right)
        backward(self._R, count, right)
        return right

    def _exchange(self) -> bool:
        """Put a column that violates its bound in the place of one that it is a combination with.

        Along w_j += t s_j, w_A -= t s_j z, C z = G_Aj, the objective falls until a column of the
        support stands at zero or at a bound. Whether one did: else the violation is rounding.
        """
        columns, over, toward, room = self.order.copy(), *self._violating()
        violating = np.flatnonzero(over)[np.argsort(-over[over > 0.0], kind="stable")]
        here, signs = self.w[columns], self.signs[columns]
        low, high = self.bounds[:, columns]
        low = np.where(signs > 0.0, np.maximum(low, 0.0), low)[:, None]
        high = np.where(signs < 0.0, np.minimum(high, 0.0), high)[:, None]
        root = self._R[: columns.size, : columns.size]
        # The first moves as a rule; where the objective has no end along it, many are asked.
        for some in (part for part in np.split(violating, (1, 17, 273)) if part.size):
            mixed = self.G[np.ix_(columns, some)]
            ways = -toward[some] * cho_solve((root, False), mixed, check_finite=False)
            stop = np.where(ways < 0.0, low, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                reach = np.where(ways != 0.0, (stop - here[:, None]) / ways, np.inf)
            first, own = reach.min(axis=0, initial=np.inf), room[some]
            moving = np.flatnonzero(np.isfinite(np.minimum(first, own)))
            if moving.size:
                k = moving[0]
                j = int(some[k])
                self._moved(j, float(toward[j] * room[j]), ways[:, k], stop[:, k], reach[:, k])
                return True
        return False

    def _violating(self) -> tuple[Float, Float, Float]:
        """(m,) by how much a column violates its limit, 0 if it does not; where to; how far.

        From zero to its bound, or from there back to zero.
        """
        back = self.status == BOUND
        toward = np.sign(np.where(back, -self.w, self.u))
        end = np.where(self.u > 0.0, self.bounds[1], self.bounds[0])
        room = np.abs(np.where(back, self.w, end))
        pull = np.where(back, self.pay[0] + toward * (self.u - self.pay[1] * self.w), 0.0)
        over = np.where(back, pull, np.abs(self.u) - self.pay[0])
        asked = self.alive & (self.status != IN) & (room > 0.0)
        return np.where(asked & (over > self._above - self.pay[0]), over, 0.0), toward, room

    def _moved(self, j: int, own: float, way: Float, stop: Float, reach: Float) -> None:
        """Let j move by its `own` room, or as far as the first of the support goes, and replace it.

        `way`, `stop` and `reach` (a,) are where the support's coefficients go with it.
        """
        side, columns = np.sign(self.w[j] or own), self.order.copy()
        far = min(float(reach.min(initial=np.inf)), abs(own))
        self.w[columns] += far * way
        if abs(own) <= far:
            self.w[j] += own
            self.status[j] = BOUND if self.w[j] != 0.0 else OUT
            return
        self.w[j] += np.copysign(far, own)
        place = int(np.argmin(reach))
        leaving = columns[place]
        self.w[leaving], self.signs[leaving] = stop[place], 0.0
        self.status[leaving] = BOUND if stop[place] != 0.0 else OUT
        delete(self._R, columns.size, place)
        self._order[: columns.size - 1] = np.delete(columns, place)
        self._counts[0] = columns.size - 1
        if self._append(j):
            self.signs[j] = side if self.pay[0, j] > 0.0 else 0.0
        else:
            self.w[j] = 0.0

    def _descend(self) -> None:
        """Sweeps of coordinate descent from where it stands, and a fresh support."""
        w, u = self.w[None].copy(), (self.q - self.G @ self.w)[None].copy()
        gram_sweeps(self.G, u, w, *self.pay, *self.bounds, SWEEPS)
        self.w = w[0]
        at_bound = (self.w != 0.0) & ((self.w <= self.bounds[0]) | (self.w >= self.bounds[1]))
        self.status = np.where(at_bound, BOUND, OUT)
        self.signs = np.zeros(self.q.size)
        self._counts[0], self._fresh = 0, True

    def _share_ties(self) -> None:
        """Where columns tie and depend on each other: the coefficients of least norm.

        What the tied columns T are beyond the support A is S = C_TT - C_TA Z, Z = C_AA^-1 C_AT: a
        null vector v of S makes (-Z v, v) a direction along which nothing changes but the norm.
        """
        tied = np.flatnonzero(np.abs(self.u) >= self.pay[0] * (1.0 - TIED))
        tied = tied[(self.status[tied] == OUT) & self.alive[tied]]
        if self.bounded:
            tied = tied[np.where(self.u > 0.0, self.bounds[1], self.bounds[0])[tied] != 0.0]
        held = self.order.copy()
        if not tied.size or not held.size or tied.size > MOST_TIED:
            return
        root = self._R[: held.size, : held.size]
        mixed = self.G[np.ix_(held, tied)]
        Z = cho_solve((root, False), mixed, check_finite=False)
        S = self.G[np.ix_(tied, tied)] + np.diag(self.pay[1, tied]) - mixed.T @ Z
        values, vectors = np.linalg.eigh(S)
        size = 1.0 + ((Z @ vectors) ** 2).sum(axis=0)
        none = vectors[:, values <= NOTHING * (held.size + tied.size) * size]
        if not none.shape[1]:
            return
        columns = np.append(held, tied)
        signs = np.where(self.pay[0, columns] > 0.0, np.sign(self.u[columns]), 0.0)
        length = self.length[columns, None]
        idle = np.vstack([-Z @ none, none]) / length
        least = self.w[columns, None] / length
        least -= idle @ np.linalg.lstsq(idle, least)[0]
        before = self.w.copy()
        self.w[columns] = (least * length)[:, 0]
        rest = self.q[held] - self.G[held] @ self.w - self.pay[1, held] * self.w[held]
        self.w[held] += self._solved(rest - self.pay[0, held] * signs[: held.size])
        w = self.w[columns]
        inside = (w >= self.bounds[0, columns]) & (w <= self.bounds[1, columns])
        if (w * signs >= 0.0).all() and inside.all():
            self._fresh = True  # what shares is not in the support
        else:
            self.w = before
