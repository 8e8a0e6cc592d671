"""Where Newton's method stands, and its steps: models of all outputs, each with a line search.

A Hessian is kept as long as steps with it keep shrinking what is left, or hardly costs a thing to
make again; each step teaches it the curvature that was met along it. t is shortened until the
objective falls by a share of what the model promised. See `leastwise.solvers.newton`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leastwise.curved import Hessian, curvature_product, flat, hessian_of, mean_curvature
from leastwise.numerics.backtracking import shorter
from leastwise.numerics.boxes import within
from leastwise.numerics.conjugate import TINY, conjugate_gradients
from leastwise.numerics.factors import EPS, of_gram
from leastwise.numerics.threads import one_blas_thread
from leastwise.problem import Evaluation, Problem
from leastwise.rowwise import RowPoint, State
from leastwise.solvers.base import VIOLATION, Iterate
from leastwise.solvers.quadratics import Quadratics
from leastwise.solvers.rowwise_needs import (
    affords_hessian,
    by_products,
    products_for_hessian,
    products_pay,
    trifling,
)
from leastwise.solvers.secants import Secant, taught
from leastwise.solvers.stands import Stand

Float = NDArray[np.float64]
Index = NDArray[np.intp]

FEW = 200  # columns that are always all at work
SUFFICIENT = 1e-4  # of the fall that the model promises
SHORTEST = 1e-10  # of a step that is tried
SETTLED = 1e-12  # of the null objective: a promised fall that a look is worth
REACH = 10.0  # times the tolerance: the root of a share promised next that the gap is below
NEAR = 1e-4  # of it: a promised fall of parabolas, after which Newton's steps have an end
NOTHING = 1e-17  # of it: a promised fall that is rounding
KEPT = 0.03  # a Hessian is kept while the promised fall shrinks to this share in a step
MARGIN = 0.1  # of a strength: columns as near to it are at work
LOOSE = 1e-9  # of the largest slope: the level's slope between looks
LEAST = 0.5  # of its diagonal if all rows had the mean curvature
MOST_SECANTS = 8
OVERSPENT = 2.0  # times what a Hessian costs are spent on products before one is made
LOOSEST = 0.1  # of the slope that conjugate gradients may leave


class Course:
    """Where the method stands, for all outputs.

    Parameters
    ----------
    problem : the rows ; start : (p, k) where to begin, zero by default
    each : the first Hessian is of every so many-th row
    """

    def __init__(self, problem: Problem, start: Float | None, each: int = 1) -> None:
        self._design = problem.design
        self._rows = problem.design.rows
        self._here, self._each = problem, each
        centre = problem.design.centre
        p, k = centre.curvature.size, len(problem.design.source.targets)
        self._alive = centre.curvature > 0.0
        self._null = problem.null
        if start is None:
            self._w, self._product = np.zeros((p, k)), self._rows.nothing()
        else:
            self._w = problem.design.mask(start.copy())
            self._product = self._rows.times(self._w)
        start_at: tuple[Float, Float, RowPoint] = self._rows.at(self._product, centre.level)
        self._level, self._value, self._point = start_at
        self._v = self._rows.correlation(self._point.u)
        self._part: Float | None = None  # v of the working columns, where it is not known of all
        self.hessian: Hessian | None = None
        self._fresh = self._failed = self._safe = self._near = False
        self._exact = True  # whether the products are of w itself, and not of steps
        self._columns = np.empty(0, np.intp)
        self._falls: list[float] = []
        self._secants: list[Secant] = []  # of the steps since the Hessian was made
        self._spent = 0.0  # products with it since then; no end of them: it is to be made

    @property
    def w(self) -> Float:
        """(p, k)."""
        return self._w

    @property
    def worse_than_nothing(self) -> bool:
        """Whether w = 0 would be better."""
        return not (self._here.objective(self._w, self._value) <= self._null).all()

    @property
    def stand(self) -> Stand:
        """Where the one output stands, for several strengths at once."""
        self._complete()
        return Stand(self._w[:, 0], self._level, self._value, self._v[:, 0], self._point)

    def move(self, here: Problem, stand: Stand) -> None:
        """Go on from where several strengths ended."""
        self._here, self._w, self._product = here, stand.w[:, None].copy(), stand.product
        self._level, self._value, self._point = stand.level, stand.value, stand.point
        self._exact = True
        self._v, self._part = stand.v[:, None], None if stand.whole else np.empty(0)
        self._complete()

    def turn(self, here: Problem) -> None:
        """Go on under another penalty."""
        before = self._here.strengths[0]
        self._here = here
        self._falls = []
        self._fresh = self._failed = self._safe = self._near = False
        l1, l2 = here.strengths
        lower, upper = here.bounds
        self._simple = not l1.any() and not here.penalty.bounded
        self._matrix_free = self._simple and not affords_hessian(here.shape)
        self._worth = products_for_hessian(here.shape)
        # The first Hessian is made at once, or when products have cost more than it would have.
        self._cheap, alone = products_pay(here.shape), by_products(here.shape)
        if alone:
            if self._matrix_free or not self._covered(np.flatnonzero(self._alive)):
                self.hessian, self._spent = None, 0.0
        elif self.hessian is None:
            self._spent = np.inf
        self._trifling = trifling(here.shape)
        self._sides = (l1, l2, lower, upper)
        if not l1.any() or self._alive.size <= FEW:
            # Products with all of X are cheaper than a copy of the columns that vary.
            self._columns = np.flatnonzero(self._alive | alone)
            return
        # Columns that the slope may bring to their limit: by the strong rule (Tibshirani et al.
        # 2012), and some more.
        size = np.abs(self._v).max(axis=1)
        limit = np.maximum(np.minimum(2.0 * l1 - before, l1), l1 * (1.0 - 4.0 * MARGIN))
        near = self._alive & (size >= np.minimum(limit, l1 * (1.0 - MARGIN)))
        held = self._alive & (self._w.any(axis=1) | (l1 == 0.0))
        self._columns = np.union1d(np.flatnonzero(held), self._foremost(near & ~held, size))

    def iterate(self, number: int, *, final: bool = False) -> Iterate:
        """Where it stands."""
        self._complete()
        point = replace(self._point, hessian=self.hessian)
        at = Evaluation(self._value, self._v, self._level, point)
        smooth = "conjugate gradients" if self._on_products else "Cholesky"
        detail = smooth if self._simple else "active set"
        return Iterate(self._w, number, at, self._exact, final=final, detail=detail)

    def _complete(self) -> None:
        """Let the level be exact, and v known of all columns."""
        if self._part is None:
            return
        self._level, self._value, self._point = self._rows.at(self._product, self._level)
        self._v = self._rows.correlation(self._point.u)
        self._part = None

    def settled(self, fall: float, before: float, tol: float) -> bool:
        """Whether a look is worth it: hardly anything more is promised, or the next step would.

        Newton's steps square what is left: what the one after `before` and `fall` would promise
        shrinks by the square of what this one did.
        """
        null = float(self._null.max())
        if fall <= SETTLED * null:
            return True
        squares = self._fresh and self._columns.size <= self._trifling and fall < before
        return squares and fall * (fall / before) ** 2 <= (REACH * tol) ** 2 * null

    def over(self, fall: float) -> bool:
        """Whether rounding is all that is left."""
        rounding = fall <= NOTHING * float(self._null.max())
        return (self._safe or self._on_products) and rounding and not self.widened()

    @property
    def _on_products(self) -> bool:
        """Whether steps are made without a Hessian."""
        return self.hessian is None and self._spent < np.inf

    def widened(self) -> bool:
        """Let columns in that are beyond their limits outside of the working set; whether any."""
        if self._columns.size >= np.count_nonzero(self._alive):
            return False
        self._complete()
        l1, _, lower, upper = (side[:, None] for side in self._sides)
        v = self._v
        moves = np.where(v > 0.0, upper > 0.0, lower < 0.0)
        wrong = ((np.abs(v) > l1 * (1.0 + VIOLATION)) & moves).any(axis=1) & self._alive
        wrong[self._columns] = False
        if not wrong.any():
            return False
        self._columns = np.union1d(self._columns, self._foremost(wrong, np.abs(v).max(axis=1)))
        self._falls, self._near = [], False
        return True

    def _foremost(self, columns: NDArray[np.bool_], size: Float) -> Index:
        """Those of the columns whose slope is the largest beside l1, no more than can be of use.

        Far from the solution most of them are beyond their limits, and few will have a coefficient.
        """
        found = np.flatnonzero(columns)
        most = max(FEW, 2 * np.count_nonzero(self._w.any(axis=1)))
        if found.size <= most:
            return found
        share = size[found] / np.maximum(self._sides[0][found], TINY)
        return found[np.argsort(-share, kind="stable")[:most]]

    def step(self) -> float:
        """One step; how far the model promised the objective to fall."""
        columns = self._columns
        if not columns.size:
            return 0.0
        if self._failed:
            return self._safe_step(columns)
        stale = not self._covered(columns)
        behind = self._cheap and not (stale and self.hessian is not None)
        if self._matrix_free or (behind and self._spent <= OVERSPENT * self._worth):
            return self._by_products(columns)
        if stale or self._served(columns):
            endless = not (self._near or self._here.shape.l2)
            if endless and flat(self._rows, self._point, columns.size):
                return self._safe_step(columns)  # along some direction nothing would end a step
            self._renew(columns)
        while True:
            hessian = self.hessian
            assert hessian is not None, "made above"
            hessian = hessian.among(columns)
            change, fall = self._model(hessian)
            found: float = self._search(columns, change, fall, hessian)
            if found >= 0.0 or self._fresh:
                break
            self._renew(columns)  # the stale one promised a fall that is not there
        self._failed = self._fresh and found <= NOTHING * float(self._null.max())
        self._safe = False
        self._falls.append(max(found, 0.0))
        # A step was made: the Hessian is of a point passed before.
        self._fresh = self._fresh and len(self._falls) < 2
        return max(found, 0.0)

    def _covered(self, columns: Index) -> bool:
        """Whether there is a Hessian, and it has these columns."""
        return self.hessian is not None and bool(np.isin(columns, self.hessian.columns).all())

    def _served(self, columns: Index) -> bool:
        """Whether another Hessian is worth it: it costs hardly a thing, or steps are slow."""
        if columns.size <= self._trifling:
            return bool(self._falls) or not self._fresh  # a step was made since
        slow = len(self._falls) > 1 and self._falls[-1] > KEPT * self._falls[-2]
        return slow and not self._fresh

    def _safe_step(self, columns: Index) -> float:
        """A step on parabolas above the losses, where the curvature is no guide.

        Rows of Huber's loss beyond its width have none.
        """
        safe = not self._design.loss.coupled
        hessian = hessian_of(self._rows, self._point, columns, safe=safe, often=not self._simple)
        change, fall = self._model(hessian)
        found = max(self._search(columns, change, fall, hessian), 0.0)
        self._failed, self._safe, self._falls, self.hessian = False, True, [], None
        self._spent, self._near = np.inf, found <= NEAR * float(self._null.max())
        return found

    def _renew(self, columns: Index) -> None:
        each, self._each = self._each, 1
        rows, often = self._rows, not self._simple
        self.hessian = hessian_of(rows, self._point, columns, each=each, often=often)
        if each > 1:  # a column of few numbers may have none of them in a sample
            self.hessian = self.hessian.at_least(LEAST * self._mean_hessian()[columns])
        self._fresh, self._falls, self._secants, self._spent = each == 1, [], [], 0.0

    def _model(self, hessian: Hessian) -> tuple[Float, Float]:
        """The model's minimiser less w (c, k), and (g,) how far it promises to fall."""
        columns = hessian.columns
        l1, l2, lower, upper = (side[columns] for side in self._sides)
        w, v = self._w[columns], self._v[columns] if self._part is None else self._part
        change, promised = np.zeros_like(w), np.zeros(w.shape[1])
        for number, (group, whole) in enumerate(zip(hessian.groups, hessian.H, strict=True)):
            H = taught(whole, columns, self._secants, group)
            start, slope = w[:, group].reshape(-1), v[:, group].reshape(-1)
            sides = [np.repeat(side, group.size) for side in (l1, l2, lower, upper)]
            if self._simple:
                right = slope - sides[1] * start
                known = (
                    hessian.factors(l2)[number] if H is whole else of_gram(H + np.diag(sides[1]))
                )
                step = known.solve(right[:, None])[:, 0]
            else:
                step = _bent(H, slope + H @ start, start, sides) - start
            change[:, group] = step.reshape(-1, group.size)
            promised[group[0]] = slope @ step - 0.5 * step @ H @ step
        own = self._here.penalty
        before, after = self._w, self._w.copy()
        after[columns] += change
        fall = self._here.pool(promised + own.value(before) - own.value(after))
        return change, np.maximum(fall, 0.0)

    def _by_products(self, columns: Index) -> float:
        """A step by conjugate gradients: behind the Hessian's factor, where there is one."""
        known = self.hessian
        change, fall, products = self._conjugate(columns)
        found: float = self._search(columns, change, fall, None)
        self._fresh, self._each = False, 1
        self._spent += products
        if known is not None:
            self._failed = found <= NOTHING * float(self._null.max())
            if products > 0.5 * self._worth:  # to make another would have been cheaper
                self.hessian, self._spent = None, np.inf
        return max(found, 0.0)

    def _conjugate(self, columns: Index) -> tuple[Float, Float, int]:
        """Newton's step, not solved further than the slope is small: and the products it took."""
        self._complete()
        rows, l2 = self._rows, self._sides[1][:, None]
        slope = self._design.mask(self._v - l2 * self._w)
        change, curved, products = conjugate_gradients(
            lambda V: curvature_product(rows, self._point, V) + l2 * V,
            self._preconditioner(),
            slope,
            float(self._null.max()),
            LOOSEST,
        )
        fall = np.sum(slope * change, axis=0) - 0.5 * np.sum(change * curved, axis=0)
        return change[columns], self._here.pool(np.maximum(fall, 0.0)), products

    def _preconditioner(self) -> Callable[[Float], Float]:
        """What a residual (p, k) is divided by: the Hessian of before, or the diagonal of H."""
        l2, known = self._sides[1], self.hessian
        if known is None:
            metric = self._mean_hessian() + l2[:, None]
            metric = np.where(metric > 0.0, metric, 1.0)
            return lambda residual: residual / metric

        def divided(residual: Float) -> Float:
            out = np.zeros_like(residual)
            out[known.columns] = known.solve(residual[known.columns], l2[known.columns])
            return out

        return divided

    def _mean_hessian(self) -> Float:
        """(p, k) what the Hessian's diagonal would be if all rows had the mean curvature."""
        bend = mean_curvature(self._rows, self._point)
        return np.multiply.outer(self._design.centre.curvature, bend)

    def _search(self, columns: Index, change: Float, fall: Float, hessian: Hessian | None) -> float:
        """Move by as much of the change as pays; the fall promised, or -1 where none of it did."""
        if not change.any():
            return 0.0
        rows, here = self._rows, self._here
        whole = columns.size == self._alive.size
        ahead: State = rows.times(self._w[columns] + change, columns)
        shift = np.zeros(change.shape[1]) if hessian is None else hessian.level(change)
        objective = here.objective(self._w, self._value)
        lower, upper = (side[columns, None] for side in self._sides[2:])
        share = np.ones_like(fall)
        while True:
            t = np.broadcast_to(share, change.shape[1:])
            w: Float = self._w.copy()
            w[columns] = within(w[columns] + t * change, lower, upper)
            product: State = [
                there if (share == 1.0).all() else part + t * (there - part)
                for part, there in zip(self._product, ahead, strict=True)
            ]
            seen: tuple[Float, Float, RowPoint] = rows.at(
                product, self._level + t * shift, 0.0 if whole else LOOSE
            )
            risen = here.objective(w, seen[1]) - objective
            enough = risen <= 8.0 * EPS * np.abs(objective) - SUFFICIENT * share * fall
            if enough.all():
                break
            share = np.where(enough, share, share * shorter(risen, share * fall))
            if share.min() < SHORTEST:
                return -1.0
        self._exact = bool((share == 1.0).all())
        moved = w[columns] - self._w[columns]
        before = self._v[columns] if self._part is None else self._part
        self._w, self._product = w, product
        self._level, self._value, self._point = seen
        found = rows.correlation(self._point.u, columns)
        if hessian is not None:
            secant = Secant(columns, moved, before - (found[columns] if whole else found))
            self._secants = [*self._secants[1 - MOST_SECANTS :], secant]
        self._v, self._part = (found, None) if whole else (self._v, found)
        return float(fall.max())


def _bent(H: Float, q: Float, start: Float, sides: list[Float]) -> Float:
    """The minimiser of x'Hx/2 - q'x + sum l1 |x| + l2/2 x^2 within bounds."""
    from leastwise.solvers.active_set import ActiveSet

    l1, l2, lower, upper = sides
    with one_blas_thread():
        engine = ActiveSet(Quadratics.of(H, q, lower, upper), start)
        engine.reach(l1, l2, 100 + 20 * q.size)
    return engine.coef
