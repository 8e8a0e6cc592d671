"""Newton's method at several strengths of a path at once.

    w_k <- argmin over x: -v_k'(x - w_k) + (x - w_k)'H_k(x - w_k)/2 + Omega_k(x)
    H_k = (1 - t_k) H + t_k H+

v_k is minus the exact gradient at w_k: those of all strengths are one product of the rows with
several vectors, which costs a few times less than as many products with one. H is the Hessian at
the point before these strengths and H+ that at the last of them, as first predicted from H; between
the two t_k grows from 0 to 1 (Hessians are a smooth function of the strength where the support does
not change; Larsson and Wallin 2022 predict by them). Where a Hessian costs hardly a thing, H_k is
that at w_k. Each model is minimised exactly, so that an iterate is as far from the optimum as H_k
is from the mean Hessian on the way there.

Nothing is taken on trust: what does not come nearer is handed to the method for one strength.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leastwise.curved import Hessian, affords, flat, hessian_of
from leastwise.narrowing import Anchor
from leastwise.numerics.threads import one_blas_thread
from leastwise.penalties import EXCLUDED, ElasticNet
from leastwise.problem import Evaluation, Problem
from leastwise.rowwise import RowPoint, State
from leastwise.solvers.active_set import ActiveSet
from leastwise.solvers.base import VIOLATION, Iterate
from leastwise.solvers.course import FEW, MARGIN
from leastwise.solvers.quadratics import Quadratics
from leastwise.solvers.rowwise_needs import trifling
from leastwise.solvers.secants import Secant, taught
from leastwise.solvers.stands import Stand

Float = NDArray[np.float64]
Index = NDArray[np.intp]
ONE = np.zeros(1, np.intp)  # the group of the one output

CLOSE = 1e-5  # how far off the last strength may be, as predicted, to need no Hessian of its own
ROUNDING = 1e-13  # what is less far off is there
LOOSE = 1e-6  # of the largest slope: the level's slope far from a solution
FAR = 1e-3  # how far off a solution is far
CLEAR = 0.1  # how far off a strength may be for its own Hessian to be a guide
EACH = ElasticNet()  # each strength's slopes by themselves
GAINED = 0.5  # a step must leave no more than this share of what a strength is off
STEPS = 8  # of one batch


class Batch:
    """Several strengths after one that is solved.

    Parameters
    ----------
    problems : the rows under each strength
    first : the number of the first of them
    anchor : the solution before ; hessian : one near it, if any is at hand
    before : the batch that ended there, if one did
    tol : how far off a strength may be for a look to be worth it
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        first: int,
        anchor: Stand,
        hessian: Hessian | None,
        before: Batch | None,
        tol: float,
    ) -> None:
        self._problems, self._first, self._anchor = problems, first, anchor
        self._design = problems[0].design
        self._rows = self._design.rows
        self._alive = self._design.centre.curvature > 0.0
        self._every = slice(None) if self._alive.all() else np.flatnonzero(self._alive)
        self._begin, self._trend = hessian, None if before is None else before._change()
        self._end: Hessian | None = None
        self._nearly = max(tol, ROUNDING)
        self.stands: list[Stand] = []
        self._known: list[Stand] = []  # where each stood when the slopes of all were computed
        self._off = [np.inf] * len(problems)  # how far each stands from its solution
        self._gap = list(self._off)  # and the gap that a look would find
        self._secants: list[list[Secant]] = []  # what each has met on its way

    @property
    def hessian(self) -> Hessian | None:
        """The last Hessian that was made."""
        return self._begin if self._end is None else self._end

    def along(self, limit: int) -> Generator[tuple[int, Iterate], bool | None, int]:
        """Iterates of each strength in turn; how many strengths were done."""
        if not self._predict():
            return 0
        place, used, count = 0, 1, len(self._problems)
        while place < count:
            while used < min(limit, STEPS):
                if not self._near(place):
                    if not self._step(place):
                        return place
                    used += 1
                elif self.stands[place].whole:
                    break
                elif not self._complete([k for k in range(place, count) if self._near(k)]):
                    return place
            over = used >= limit
            if not self.stands[place].whole and not self._complete([place]):
                return place
            done = yield self._first + place, self._iterate(place, used, final=over)
            if done or over:
                place += 1
            elif used >= STEPS or not self._step(place):
                return place
            else:
                used += 1
        return place

    def fits(self, place: int) -> bool:
        """Whether a strength stands no further off than it would with no coefficient at all."""
        return self._gap[place] <= 1.0

    def _near(self, place: int, share: float = 1.0) -> bool:
        """Whether a strength is so near that a look may find no more than the share of the gap."""
        return min(self._off[place], self._gap[place]) <= share * self._nearly

    def _iterate(self, place: int, used: int, *, final: bool) -> Iterate:
        at = self.stands[place]
        seen = Evaluation(at.value, at.v[:, None], at.level, at.point)
        return Iterate(at.w[:, None], used, seen, True, final=final, detail="active set")

    def _predict(self) -> bool:
        """Let every strength stand where the Hessian before them leads; whether one fits."""
        anchor, places = self._anchor, range(len(self._problems))
        if self._begin is None:
            self._begin = self._renewed(anchor, self._wanted([anchor], self._problems))
        hessian = self._begin
        if hessian is None:
            return False
        columns, H = hessian.columns, hessian.H[0]
        start, v = anchor.w[columns], anchor.v[columns]
        trend = self._trend
        if trend is not None and not (
            np.array_equal(trend[0], columns)
            and (2.0 * np.abs(np.diagonal(trend[1])) <= np.diagonal(H)).all()
        ):
            trend = None  # so steep a change is none to go on with
        coefs: list[Float] = []
        with one_blas_thread():
            engine: ActiveSet | None = None
            for place in places:
                if engine is None or trend is not None:
                    # On the way to this strength the Hessian is half as far on as it is there.
                    mean = H if trend is None else H + 0.5 * self._share(place) * trend[1]
                    engine = ActiveSet(_quadratic(mean, v + mean @ start), start)
                coefs.append(self._reached(engine, place, columns))
        shifts = [hessian.level((coef - start)[:, None]) for coef in coefs]
        near = anchor.level + np.concatenate(shifts)
        some = np.stack(coefs)
        product = self._rows.times(some.T, columns)
        self.stands = self._seen(self._spread(some, columns), product, near, LOOSE)
        self._known = list(self.stands)
        for place in places:
            self._measure(place)
        around = [anchor, *self.stands]
        self._secants = [
            [_secant(columns, *ends)] for ends in zip(around, around[2:], strict=False)
        ]
        self._secants.append([])
        wanted = self._wanted(self.stands, self._problems)
        if self._off[-1] > CLOSE or not np.isin(wanted, columns).all():
            self._end = self._renewed(self.stands[-1], wanted)
        return self.hessian is not None

    def _step(self, place: int) -> bool:
        """One step of the strengths from `place` on that need it; whether that one came nearer."""
        off, gap, looked = list(self._off), list(self._gap), self._near(place)
        # Where a look was not enough, those that are as far off will not be either.
        chosen = [
            k
            for k in range(place, len(off))
            if k == place or (off[k] > 0.1 * off[place] if looked else not self._near(k, 0.1))
        ]
        close = {k for k in chosen if off[k] <= CLEAR} if self._renews else set[int]()
        hessians = [self._own(k) if k in close else self._between(k) for k in chosen]
        columns = hessians[0].columns
        coefs: list[Float] = []
        near: list[Float] = []
        with one_blas_thread():
            for k, hessian in zip(chosen, hessians, strict=True):
                at = self.stands[k]
                secants = () if k in close else self._secants[k]
                H = taught(hessian.H[0], columns, secants, ONE)
                start = at.w[columns]
                engine = ActiveSet(_quadratic(H, at.v[columns] + H @ start), start)
                coefs.append(self._reached(engine, k, columns))
                near.append(at.level + hessian.level((coefs[-1] - start)[:, None]))
        nearest = min(off[k] for k in chosen)
        loose = LOOSE * nearest if nearest > FAR else 0.0
        some = np.stack(coefs)
        product = self._rows.times(some.T, columns)
        w = self._spread(some, columns)
        found = self._seen(w, product, np.concatenate(near), loose, columns)
        for k, stand in zip(chosen, found, strict=True):
            before = self.stands[k]
            self._secants[k].append(_secant(columns, before, stand))
            self.stands[k] = stand
            self._measure(k)
            # Slopes have an end: far away they may be no further off, but coefficients cost more.
            if not (self._off[k] <= off[k] and self._gap[k] <= max(gap[k], self._nearly)):
                self.stands[k], self._off[k], self._gap[k] = before, off[k], gap[k]
        return self._off[place] <= max(GAINED * off[place], ROUNDING)

    def _complete(self, places: list[int]) -> bool:
        """Know the slopes of all columns at these places; whether those that matter fit."""
        ends = [self.stands[k] for k in places]
        w = np.stack([end.w for end in ends])
        product = [np.hstack(parts) for parts in zip(*(end.product for end in ends), strict=True)]
        level = np.concatenate([end.level for end in ends])
        found = self._seen(w, product, level, 0.0, places=places)
        for k, stand in zip(places, found, strict=True):
            self.stands[k] = stand
            self._measure(k)
        columns = self._worked
        wrong = np.zeros_like(self._alive)
        for k in places:
            size, l1 = np.abs(self.stands[k].v), self._problems[k].strengths[0]
            wrong |= size > l1 * (1.0 + VIOLATION)
        wrong &= self._alive
        wrong[columns] = False
        if not wrong.any():
            return True
        self._end = self._renewed(self.stands[-1], np.union1d(columns, np.flatnonzero(wrong)))
        return self._end is not None

    @property
    def _worked(self) -> Index:
        """The columns at work."""
        hessian = self.hessian
        assert hessian is not None, "made before any step"
        return hessian.columns

    def _change(self) -> tuple[Index, Float] | None:
        """How the Hessian of its columns changed from the first strength to the last, if known."""
        if self._begin is None or self._end is None:
            return None
        columns = self._end.columns
        if not np.isin(columns, self._begin.columns).all():
            return None
        return columns, self._end.H[0] - self._begin.among(columns).H[0]

    @property
    def _renews(self) -> bool:
        """Whether each strength's own Hessian is made at every step: it costs hardly a thing."""
        size = self._worked.size
        cheap = size <= trifling(self._problems[0].shape)
        return cheap and not flat(self._rows, self._anchor.point, size)

    def _own(self, place: int) -> Hessian:
        """The Hessian where one strength stands."""
        return hessian_of(self._rows, self.stands[place].point, self._worked, often=True)

    def _share(self, place: int) -> float:
        """How far on the way from the strength before to the last one a strength is."""
        return (place + 1) / len(self._problems)

    def _between(self, place: int) -> Hessian:
        """The Hessian for one strength."""
        begin, end = self._begin, self._end
        assert begin is not None, "made before any step"
        if end is None:
            return begin
        if not np.isin(end.columns, begin.columns).all():
            return end
        t = self._share(place)
        before = begin.among(end.columns)
        H = (1.0 - t) * before.H[0] + t * end.H[0]
        slope = (1.0 - t) * before.slope[0] + t * end.slope[0]
        return replace(end, H=(H,), slope=(slope,))

    def _reached(self, engine: ActiveSet, place: int, columns: Index) -> Float:
        l1, l2 = self._problems[place].strengths
        engine.reach(l1[columns], l2[columns], 100 + 20 * columns.size)
        return engine.coef

    def _seen(
        self,
        w: Float,
        product: State,
        near: Float,
        loose: float,
        columns: Index | None = None,
        places: Sequence[int] = (),
    ) -> list[Stand]:
        """Where w (b, p) are, with v of the given columns alone, or of all.

        Of the strengths at these places, v may be a bound of it where that is within the limit.
        """
        rows = self._rows
        level, value, point = rows.at(product, near, loose, together=len(self._problems))
        count = self._alive.size if columns is None else columns.size
        v = self._bounded(point, places) if places else None
        if v is not None:
            columns = self._worked
        found = rows.correlation(point.u, columns).T
        if columns is None:
            v = np.ascontiguousarray(found)
        else:
            v = np.zeros(w.shape) if v is None else v
            v[:, columns] = found
        exact = loose == 0.0 or not rows.intercept
        whole = exact and bool(count >= np.count_nonzero(self._alive))
        stands: list[Stand] = []
        for k, each in enumerate(w):
            one = slice(k, k + 1)
            target = rows.y
            if rows.loss.located:
                target = [part[:, one] for part in point.target]
            eta, u = ([part[:, one] for part in state] for state in (point.eta, point.u))
            at = RowPoint(rows, target, eta, u)
            stands.append(Stand(each, level[one], value[one], v[k], at, whole))
        return stands

    def _bounded(self, point: RowPoint, places: Sequence[int]) -> Float | None:
        """(b, p) bounds of v (`leastwise.narrowing`), None where an idle column's is beyond l1."""
        known = [self._known[k] for k in places]
        before = [np.hstack(parts) for parts in zip(*(at.point.u for at in known), strict=True)]
        v0 = np.stack([at.v for at in known], axis=1)
        root = np.sqrt(self._design.centre.curvature)
        there = Anchor(self._rows, EACH, before, np.abs(v0), root)
        bound = there.bound(there.far(point.u))
        l1 = np.stack([self._problems[k].strengths[0] for k in places], axis=1)
        beyond = (bound > l1).any(axis=1) & self._alive
        beyond[self._worked] = False
        if beyond.any():
            return None
        return np.ascontiguousarray(np.copysign(bound, v0).T)

    def _spread(self, some: Float, columns: Index) -> Float:
        """(b, p) coefficients, zero but for those of the columns (b, c)."""
        w = np.zeros((len(some), self._alive.size))
        w[:, columns] = some
        return w

    def _measure(self, place: int) -> None:
        """How far off a strength is: its gap where l2 pays for all, else how infeasible it is.

        The slope that is left over is r_j; the one is sum_j r_j^2 / 2 l2_j, relative to the null
        objective, the other the largest |r_j| to the largest strength. The gap that a look would
        find is likely, to first order, what is left over of w_j r_j and what it costs to scale the
        dual into its domain: a share of l1 |w|, and of the loss or, where that is less, its square.
        """
        at, problem = self.stands[place], self._problems[place]
        known = self._every if at.whole else self._worked
        l1, l2 = (strength[known] for strength in problem.strengths)
        w, v, null = at.w[known], at.v[known], float(problem.null[0])
        left = np.abs(v)
        left -= l1
        np.maximum(left, 0.0, out=left)
        held = np.flatnonzero(w)
        size, own = np.abs(w[held]), l1[held]
        left[held] = np.abs(v[held] - l2[held] * w[held] - own * np.sign(w[held]))
        if (l2 > 0.0).all():
            off = likely = float(0.5 * left @ (left / l2)) / null
        else:
            most = float(l1.max(initial=0.0, where=l1 < EXCLUDED))
            off = float(left.max(initial=0.0)) / most if most > 0.0 else 0.0
            loss = off * null if self._rows.loss.surplus_is_square else float(at.value[0])
            likely = float(size @ left[held] + off * (size @ own + loss)) / null
        self._off[place], self._gap[place] = (
            number if np.isfinite(number) else np.inf for number in (off, likely)
        )

    def _wanted(self, stands: Sequence[Stand], problems: Sequence[Problem]) -> Index:
        """The columns that matter at these points, or all where they are few."""
        if np.count_nonzero(self._alive) <= FEW:
            return np.flatnonzero(self._alive)
        chosen = np.zeros_like(self._alive)
        for at, problem in zip(stands, problems, strict=False):
            chosen |= (at.w != 0.0) | (np.abs(at.v) >= (1.0 - MARGIN) * problem.strengths[0])
        return np.flatnonzero(chosen & self._alive)

    def _renewed(self, at: Stand, columns: Index) -> Hessian | None:
        """The Hessian of these columns there, None where it does not fit the memory."""
        if not columns.size or not affords(self._rows, columns, self._problems[0].memory):
            return None
        return hessian_of(self._rows, at.point, columns, often=True)


def _secant(columns: Index, a: Stand, b: Stand) -> Secant:
    s, y = b.w[columns] - a.w[columns], a.v[columns] - b.v[columns]
    return Secant(columns, s[:, None], y[:, None])


def _quadratic(H: Float, q: Float) -> Quadratics:
    far = np.full(q.size, np.inf)
    return Quadratics.of(H, q, -far, far)
