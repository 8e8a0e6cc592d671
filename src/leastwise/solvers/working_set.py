"""Working set: solve exactly on the few columns that matter, check all, let in what violates.

For each strength the optimum on the working set W comes from an active-set method (`active_set`),
whose factor goes along from strength to strength. W is what is predicted to matter: the solution
on the present support is extrapolated to a strength ahead, and the columns whose correlation comes
near their limit on the way there belong to W (Larsson and Wallin 2022; Tibshirani et al. 2012). The
check of all columns is made for several strengths at once (Qian et al. 2020), together with the
next extrapolation. Nothing rests on the prediction: what the check finds is let in, and the
strengths from there on are solved again.

Over moments where rows outnumber columns, over the rows otherwise (`leastwise.working`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.looks import Look, Points
from leastwise.numerics.threads import one_blas_thread
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.solvers.base import VIOLATION, Cost, Solver, Steps, gram_flops
from leastwise.solvers.coordinate_descent import CoordinateDescent
from leastwise.solvers.needs import kept, over_moments, projects
from leastwise.solvers.quadratics import Quadratics
from leastwise.solvers.rungs import STEP, STEP_OF_ALL, Rung, rungs_to, within
from leastwise.solvers.stops import Stop, joined
from leastwise.working import (
    FEW,
    OutOfRoom,
    WorkingColumns,
    by_moments,
    release_columns,
    working_columns,
)

if TYPE_CHECKING:
    from leastwise.solvers.active_set import ActiveSet

Float = NDArray[np.float64]
Index = NDArray[np.intp]

MARGIN = 0.05  # how near to its limit a predicted correlation must come
WIDER, WIDEST = 0.15, 0.3  # after predictions that failed: at least, growing by half, and at most
LEAST_BATCH = 4
BATCH = 10  # strengths checked at a time
START = 0.8  # of the first strength: above it nothing need be known of the path beforehand
SPAN = 0.6  # of a batch's first strength: further ahead little can be predicted
FAILURES = 1  # at one batch, that do not matter
CORRECTIONS = 3
EXPECTED_LOOKS = 15.0  # passes over the rows of a fit
ROUNDS = 100  # times that violators are let in at one batch


@dataclass(frozen=True)
class WorkingSet(Solver):
    """An exact active-set method on a working set that follows the path."""

    name: ClassVar[str] = "working-set"
    limit: ClassVar[int] = 10_000

    def refuse(self, problem: Problem) -> str | None:
        if not problem.shape.row_state:
            return "the rows cannot keep a residual beside them; take accelerated-gradient"
        return None

    def cost(self, shape: Shape) -> Cost:
        n, p = shape.rows, shape.columns
        memory = np.inf if shape.memory is None else shape.memory
        if by_moments(n, p, shape.stored, memory):
            whole = 0.0 if shape.l1 else p**3  # then every column is in the set
            squares = 4.2 if shape.l1 else 6.1 if shape.free < p else 7.1
            further = 2.0 * (shape.outputs - 1)  # each output has its own Gram matrix and factor
            bytes = over_moments(shape, squares + (0.0 if shape.l1 else further))
            most = max(bytes, over_moments(shape, 6.5 + further))
            return Cost(bytes, 2.0, gram_flops(shape) + 20.0 * p * p + whole, most)
        # An eighth of min(n, p) columns at work is what is expected under l1, without it all of
        # them; a set that grows beyond the memory is stopped by `RowColumns`.
        copies = shape.stored / p if shape.sparse else n
        expected = min(n, p) / 8 if shape.l1 else p
        bytes = self._at_work(shape, expected, copies)
        most = self._at_work(shape, p, copies) if shape.l1 else bytes
        most = most if shape.memory is None else min(most, shape.memory)
        flops = 2.0 * copies * expected**2 + expected**3
        return Cost(bytes, EXPECTED_LOOKS, flops, max(most, bytes))

    def _at_work(self, shape: Shape, columns: float, copies: float) -> int:
        """Bytes with so many columns at work: their Gram matrix, factors of each output, copies."""
        k = shape.outputs
        squares = 3.0 + 2.0 * k + (3.0 if projects(shape) and not shape.l1 else 0.0)
        numbers = squares * columns**2 + 1.5 * columns * copies
        looks = 2 * BATCH * (shape.rows + shape.columns) * k if shape.l1 else 0
        return int(8 * (numbers + looks) + kept(shape))

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        columns = working_columns(problem.design, problem.memory)
        targets = range(len(problem.design.source.targets))
        courses = [
            _Course(problem, columns, target, limit, None if start is None else start[:, target])
            for target in targets
        ]
        ways = [one.along(rungs_to(problem, penalties, one.largest, one.step)) for one in courses]
        coef = start
        for number in range(len(penalties)):
            full = ""
            try:
                stops = [next(way) for way in ways]
            except OutOfRoom as reason:
                full, stops = str(reason), []
            if full:
                del columns, courses, ways  # what they hold is room that is needed
                release_columns(problem.design)
                rest = CoordinateDescent().along(problem, penalties[number:], coef, limit)
                yield from _numbered(rest, number, f"{full}: coordinate descent went on")
                return
            used = max(stop.steps for stop in stops)
            iterate = joined(stops, on_rows=columns.on_rows, final=used >= limit)
            done = yield number, iterate
            for correction in range(1, CORRECTIONS + 1):
                if done or used >= limit:
                    break
                pairs = zip(courses, stops, strict=True)
                with one_blas_thread():
                    stops = [course.corrected(stop) for course, stop in pairs]
                used = max(stop.steps for stop in stops)
                last = correction == CORRECTIONS or used >= limit
                iterate = joined(stops, on_rows=columns.on_rows, final=last)
                done = yield number, iterate
            coef = iterate.coef
            del iterate, stops  # they hold correlations of all columns


def _numbered(steps: Steps, first: int, note: str) -> Steps:
    """Another solver's iterates for the penalties from `first` on, with a note of why."""
    number, iterate = next(steps)
    while True:
        done = yield first + number, replace(iterate, notes=(*iterate.notes, note))
        try:
            number, iterate = steps.send(done)
        except StopIteration:
            return


class _Course:
    """One target's way down the rungs.

    Parameters
    ----------
    problem : the rows and the bounds
    columns : where Gram matrices and looks come from
    target : which output
    limit : the most steps a rung
    start : (p,) where to begin, zero by default
    """

    def __init__(
        self,
        problem: Problem,
        columns: WorkingColumns,
        target: int,
        limit: int,
        start: Float | None,
    ) -> None:
        centre = problem.design.centre
        self._columns, self._target, self._limit = columns, target, limit
        self._alive = centre.curvature > 0.0
        self._q = np.ascontiguousarray(centre.correlation[:, target])
        self._length = problem.design.scale
        self._lower, self._upper = problem.bounds
        self._bounded = problem.penalty.bounded
        self._all = not columns.on_rows and int(np.count_nonzero(self._alive)) <= FEW
        self._start, self._margin = start, MARGIN
        self.step = STEP_OF_ALL if self._all else STEP
        self._ended: Stop | None = None  # where the last batch did
        self._left = limit  # steps allowed until the next strength that was asked for
        self._W = np.flatnonzero(self._alive) if self._all else np.empty(0, np.intp)
        self._engine: ActiveSet | None = None

    def largest(self, l1: Float) -> float:
        """How many times l1 the largest correlation is where w begins, at most 1e9."""
        if self._start is not None:
            return 1.0  # it begins near the end
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(l1 > 0.0, np.abs(self._q) / l1, 0.0)
        return min(float(ratio.max(initial=1.0)), 1e9)

    def along(self, rungs: list[Rung]) -> Iterator[Stop]:
        """The solution on each rung that was asked for."""
        look, most = Look(np.empty(0), np.stack([self._q, self._q])), BATCH
        if self._start is not None and not self._all:
            self._enlarge(np.flatnonzero(self._start))
        batch = rungs if self._all else within(START, rungs[:LEAST_BATCH])
        while batch:
            rungs = rungs[len(batch) :]
            coming = within(SPAN, rungs[: min(most, 2 * len(batch))])
            following = (coming or batch)[-1]
            # What is worth two threads is shared among our own: those of BLAS spin afterwards.
            with one_blas_thread():
                self._choose(batch, look)
                stops, look, failures = self._solve(batch, following)
            if failures > FAILURES:
                most = max(LEAST_BATCH, most // 2)  # the path bends more than was predicted
                self._margin = min(max(WIDER, 1.5 * self._margin), WIDEST)
            yield from (stop for stop in stops if stop.rung.number is not None)
            batch = coming

    def _choose(self, batch: list[Rung], look: Look) -> None:
        """W for a batch: the support, and the columns near their limits where it begins or ends.

        Where it begins is the look's last point but one, where it is expected to end its last.
        """
        if self._all:
            return
        u, ahead = look.correlation[-2:]
        near = self._limit_reached(ahead, batch[-1].l1, self._margin)
        near |= self._limit_reached(u, batch[0].l1, self._margin)
        near |= (batch[-1].l1 == 0.0) & self._alive
        if not near.any():
            near[np.argmax(np.abs(ahead) - batch[-1].l1)] = True
        near[self._held()] = False
        self._enlarge(np.flatnonzero(near & self._alive), keep=False)

    def _held(self) -> Index:
        """The columns with a coefficient."""
        engine = self._engine
        return self._W[:0] if engine is None else self._W[engine.held]

    def _limit_reached(
        self, u: Float, l1: Float, margin: float, some: Index | None = None
    ) -> NDArray[np.bool_]:
        """Which columns, or which of some, are near to the limit of |u|, or beyond it."""
        chosen = slice(None) if some is None else some
        u = u[chosen]
        over = np.abs(u) > l1[chosen] * (1.0 - margin)
        if not self._bounded:
            return over
        return over & np.where(u > 0.0, self._upper[chosen] > 0.0, self._lower[chosen] < 0.0)

    def _enlarge(self, new: Index, *, keep: bool = True) -> None:
        """W with the new columns, and without those that are at zero where `keep` is False."""
        engine = self._engine
        kept = np.arange(self._W.size)
        if not keep and engine is not None:
            kept = engine.held
        W = np.concatenate([self._W[kept], new])
        form = self._form(W)
        if engine is not None:
            self._engine = engine.over(form, kept)
        else:
            from leastwise.solvers.active_set import ActiveSet

            self._engine = ActiveSet(form, None if self._start is None else self._start[W])
        self._W = W

    def _form(self, columns: Index) -> Quadratics:
        G = self._columns.gram(columns)
        chosen = (part[columns] for part in (self._length, self._q, self._lower, self._upper))
        return Quadratics(G, *chosen)

    def _solve(self, batch: list[Rung], following: Rung) -> tuple[list[Stop], Look, int]:
        """Stops on the rungs of a batch, all checked; the last look; how often it had to be again.

        The look's last point is where the next batch is expected to end.
        """
        if self._all and self._engine is None:
            self._enlarge(self._W[:0])
        stops: list[Stop] = []
        failures = 0
        while True:
            engine = self._engine
            assert engine is not None, "there is one for every batch"
            coefs: list[Float] = []
            states = [engine.state()]
            steps: list[int] = []
            for rung in batch:
                before = engine.steps
                engine.reach(rung.l1[self._W], rung.l2[self._W], self._left)
                coefs.append(engine.coef)
                states.append(engine.state())
                steps.append(engine.steps - before)
                self._left -= steps[-1]
                if rung.number is not None and self._left > 0:
                    self._left = self._limit
            ahead = engine.extrapolated(following.l1[self._W])
            look = self._look([*coefs, ahead], [rung.l1 for rung in batch])
            wrong = self._violations(look, batch)
            clean = next((place for place, beyond in enumerate(wrong) if beyond.size), len(batch))
            asked = any(rung.number is not None for rung in batch[clean:])
            if failures == ROUNDS or not asked or self._left <= 0:
                clean = len(batch)
            stops += [
                self._stop(batch[place], coefs[place], look, place, steps[place])
                for place in range(clean)
            ]
            if clean == len(batch):
                self._ended = stops[-1]
                return stops, look, failures
            failures += 1
            engine.resume(states[clean])
            self._enlarge(np.unique(np.concatenate(wrong[clean:])))
            batch = batch[clean:]

    def _look(self, coefs: list[Float], limits: list[Float]) -> Look:
        """A look at these points, which go on from where the last batch ended."""
        points = Points(self._target, self._W, np.stack(coefs), limits)
        ended = self._ended
        if ended is None or self._all:
            return self._columns.look(points)
        w = np.zeros(self._q.size)
        w[ended.columns] = ended.coef
        if np.count_nonzero(w[self._W]) < ended.columns.size:
            return self._columns.look(points)  # it is no point of these columns
        coefs, limits = [w[self._W], *coefs], [ended.rung.l1, *limits]
        points = replace(points, coef=np.stack(coefs), limits=limits, first=ended.correlation)
        look = self._columns.look(points)
        return replace(look, value=look.value[1:], correlation=look.correlation[1:])

    def _violations(self, look: Look, batch: list[Rung]) -> list[Index]:
        """The columns outside of W that are beyond their limits, for each rung."""
        nothing = self._W[:0]
        if self._all:
            return [nothing] * len(batch)
        outside = np.ones(self._q.size, bool)
        outside[self._W] = False
        some = look.reaching
        kept = outside if some is None else outside[some]
        wrong: list[Index] = []
        for u, rung in zip(look.correlation[:-1], batch, strict=True):  # the last is ahead
            beyond = np.flatnonzero(self._limit_reached(u, rung.l1, -VIOLATION, some) & kept)
            wrong.append(beyond if some is None else some[beyond])
        return wrong

    def _stop(self, rung: Rung, coef: Float, look: Look, place: int, steps: int) -> Stop:
        value, u = float(look.value[place]), look.correlation[place]
        kept = np.flatnonzero(coef)
        return Stop(rung, self._W[kept], coef[kept], value, u, min(steps, self._limit))

    def corrected(self, stop: Stop) -> Stop:
        """The stop after one correction with the correlation of all columns, and its support."""
        columns, l1, l2 = stop.columns, stop.rung.l1, stop.rung.l2
        free = (l1 == 0.0) & self._alive
        columns = np.union1d(columns, np.flatnonzero(free)) if free.any() else columns
        w = np.zeros(l1.size)
        w[stop.columns] = stop.coef
        from leastwise.solvers.active_set import ActiveSet

        engine = ActiveSet(self._form(columns), w[columns])
        engine.reach(l1[columns], l2[columns], self._limit - stop.steps)
        support = engine.support()
        chosen = columns[support.columns]
        slope = stop.correlation[chosen] - l2[chosen] * w[chosen] - l1[chosen] * support.signs
        moved = w.copy()
        moved[chosen] += support.factor.solve(slope[:, None])[:, 0]
        moved = np.clip(moved, self._lower, self._upper)
        if (np.sign(moved[chosen]) * support.signs < 0.0).any():
            moved = w
        points = Points(self._target, columns, moved[None, columns], [])
        look = self._columns.look(points)
        support = replace(support, columns=chosen)
        return Stop(
            stop.rung,
            columns,
            moved[columns],
            float(look.value[0]),
            look.correlation[0],
            stop.steps + 1,
            support,
        )
