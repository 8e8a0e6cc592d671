"""A path over the columns that matter for a while, and a proof that the others do not.

Where a strength was solved, the correlation of all columns is computed. Some strengths on, the
slopes of the loss will have come about so far as they did on as long a way before: the columns that
could reach their limit there (`leastwise.narrowing`) make a smaller problem, which is solved at
these strengths by whatever solver was chosen. A certificate of it is one of all columns as long as
the slopes have come no further; where they have, it is solved again from there, and with all
columns if that does not do either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leastwise.drive import Record, Watched, drive
from leastwise.narrowing import Anchor, LeftOut, Narrowed
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.rowwise import State
from leastwise.solvers import Solver
from leastwise.solvers.base import Iterate

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Found = tuple[Index | slice, str, Watched]

FEW = 500  # columns, of which to leave some out is not worth it
COUNTS = (32, 24, 16, 12, 8, 6)  # strengths at a time: for more of them, more columns matter
SHARE = 0.1  # of the columns, that a smaller problem may keep
NEXT = 1e-3  # of a strength: what is hardly further on tells nothing of the pace
MARGIN = 1.5  # times the way that the slopes came before
COPIES = 3  # of X at most: turned to lie by columns, a part of these, and the part before
ENTRY = 16  # bytes of a number that is stored, and of its place


@dataclass(frozen=True)
class Part:
    """Some strengths, and a problem of the columns (c,) that matter there, from `start` (c, k)."""

    problem: Problem
    columns: Index
    penalties: Sequence[ElasticNet]
    start: Float | None

    def proves(self, iterate: Iterate) -> bool:
        """Whether the columns that are left out are known to be zero at the slope of an iterate."""
        left_out, point = self.problem.design.left_out, iterate.at.point
        assert left_out is not None, "columns are left out"
        assert point is not None, "solvers that are screened go over rows"
        return bool((left_out.scale(point.u) == 1.0).all())


def screened(
    problem: Problem,
    solver: Solver,
    penalties: Sequence[ElasticNet],
    limit: int,
    tol: float,
    watch: Callable[[Record], None] | None,
) -> Iterator[Found]:
    """For each penalty what `drive` gives, and the columns that its coefficients are of."""
    screen = _Screen(problem, penalties) if _pays(problem, solver, penalties) else None
    here, number, start, began = problem, 0, None, time.perf_counter()
    while screen is not None and number < len(penalties):
        part = screen.part(penalties[number:])
        if part is None:
            break
        before, end = number, None
        for _, reason, watched in drive(
            part.problem, solver, part.penalties, part.start, limit, tol, watch, began
        ):
            end = watched.outcome(reason)[0]
            if reason != "converged" and not part.proves(end):
                break
            yield part.columns, reason, watched
            number += 1
        assert end is not None, "each part has a penalty, and each penalty an iterate"
        screen.move(part, end, penalties[min(number, before + len(part.penalties) - 1)])
        here, start = problem.at(screen.penalty), screen.coef
        if number == before:
            break
    if number < len(penalties):
        rest = penalties[number:]
        for _, reason, watched in drive(here, solver, rest, start, limit, tol, watch, began):
            yield slice(None), reason, watched


def _pays(problem: Problem, solver: Solver, penalties: Sequence[ElasticNet]) -> bool:
    """Whether there are columns enough, all with an l1, and room for copies of some."""
    design = problem.design
    if not solver.screened or len(penalties) < min(COUNTS) or design.columns <= FEW:
        return False
    shape, alive = problem.at(penalties[0]).shape, design.centre.curvature > 0.0
    # Dense columns are all about as long: hardly any is known to be zero for longer than a look.
    if not shape.sparse or shape.linear_tails:  # and tails alone may be what a solver begins at
        return False
    if not shape.affords(solver.cost(shape).bytes + COPIES * ENTRY * shape.stored):
        return False
    least = problem.at(_least(penalties)).strengths[0]
    return bool(alive.any() and (least[alive] > 0.0).all() and (problem.null > 0.0).all())


def _least(penalties: Sequence[ElasticNet]) -> ElasticNet:
    return min(penalties, key=lambda penalty: penalty.l1)


class _Screen:
    """Which columns may matter, as seen from where the path has come to.

    penalty : the one of that point ; coef : (p, k) there, None at the beginning
    """

    def __init__(self, problem: Problem, penalties: Sequence[ElasticNet]) -> None:
        design = problem.design
        centre = design.centre
        self._problem, self._source = problem, design.source.by_columns()
        self._root = np.sqrt(centre.curvature)
        self._alive = centre.curvature > 0.0
        self.coef: Float | None = None
        self._anchor = self._at(design.nothing().u, design.correlation)
        # Coefficients are zero down to the strength where the first column reaches its limit, and
        # grow from there on, to begin with, as if that were the only one.
        first, share = self._foremost(self._l1(penalties[0]))
        self.penalty = replace(problem.penalty, l1=penalties[0].l1 * max(share, 1.0), l2=0.0)
        self._pace = float(self._anchor.size[first].max() / self._root[first])

    def _at(self, u: State, correlation: Float) -> Anchor:
        penalty = self._problem.penalty
        size = np.abs(penalty.measure(correlation))
        return Anchor(self._problem.design.rows, penalty, u, size, self._root)

    def _l1(self, penalty: ElasticNet) -> Float:
        return self._problem.at(penalty).strengths[0]

    def _foremost(self, l1: Float) -> tuple[int, float]:
        """The column that is nearest to its limit, or the furthest beyond; its share of that."""
        share = np.full(l1.size, -np.inf)
        share[self._alive] = self._anchor.size[self._alive].max(axis=1) / l1[self._alive]
        first = int(share.argmax())
        return first, float(share[first])

    def part(self, penalties: Sequence[ElasticNet]) -> Part | None:
        """As many of the penalties as few columns matter to; None if many matter to the next."""
        for count in dict.fromkeys(min(count, len(penalties)) for count in COUNTS):
            some = penalties[:count]
            least = _least(some)
            l1 = self._l1(least)
            reach = np.full(self._anchor.size.shape[1], MARGIN * self._pace * self._ahead(least))
            kept = (self._anchor.bound(reach) > l1[:, None]).any(axis=1) & self._alive
            if self.coef is not None:
                kept |= self.coef.any(axis=1)
            if kept.mean() <= SHARE:
                return self._narrowed(some, kept, l1)
        return None

    def _ahead(self, penalty: ElasticNet) -> float:
        """How far down from here a strength is."""
        return float(np.log(max(self.penalty.l1 / penalty.l1, 1.0)))

    def _narrowed(
        self, penalties: Sequence[ElasticNet], kept: NDArray[np.bool_], l1: Float
    ) -> Part | None:
        kept[self._foremost(l1)[0]] = True  # one at least
        columns, others = np.flatnonzero(kept), np.flatnonzero(self._alive & ~kept)
        source = self._source.narrowed(columns)
        if source is None:
            return None
        whole = self._problem
        left_out = LeftOut(self._anchor, others, l1[others])
        design = Narrowed(whole.design, source, columns, left_out)
        problem = Problem(design, self.penalty.among(columns), whole.memory)
        some = [penalty.among(columns) for penalty in penalties]
        return Part(problem, columns, some, None if self.coef is None else self.coef[columns])

    def move(self, part: Part, iterate: Iterate, penalty: ElasticNet) -> None:
        """Go on from an iterate under this penalty."""
        design, point = self._problem.design, iterate.at.point
        assert point is not None, "solvers that are screened go over rows"
        far, ahead = float(self._anchor.far(point.u).max()), self._ahead(penalty)
        if ahead > NEXT:
            self._pace = far / ahead
        self.coef = np.zeros((design.columns, iterate.coef.shape[1]))
        self.coef[part.columns] = iterate.coef
        self._anchor = self._at([u.copy() for u in point.u], design.rows.correlation(point.u))
        self.penalty = penalty
