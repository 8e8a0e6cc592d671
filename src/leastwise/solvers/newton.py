"""Newton's method for smooth losses, with an exact gradient and a Hessian that may be stale.

    minimise over x:  -v'(x - w) + (x - w)'H(x - w)/2 + Omega(x),     w <- w + t (x - w)

v is minus the gradient at w and H the Hessian there or at a point passed before, the intercept
eliminated from both (`leastwise.rowwise`). Without l1 and bounds the model is solved by Cholesky,
or by conjugate gradients on products with H where H does not fit the memory or costs more; else by
the active-set method of least squares, on a working set of columns that follows the path (Friedman,
Hastie and Tibshirani 2010; Lee, Sun and Saunders 2014). t is shortened until the objective falls
by a share of what the model promised. A Hessian is kept, from step to step and from strength to
strength, as long as steps with it keep shrinking what is left; each step teaches it the curvature
that was met along it (`leastwise.solvers.secants`). Where one costs no more than the rest of a step
it is made at each. Where rows are many, it begins at the solution on a sample of them. A path goes
several strengths at a time (`leastwise.solvers.together`), fewer where they lead too far. Where
Huber's loss is narrow, hardly a row has curvature and the model says little: a strength then begins
at the least absolute fit (`leastwise.kinks`), where the rows that it goes through have it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from leastwise.curved import mean_curvature
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem, Shape
from leastwise.solvers.base import Cost, Iterate, Solver, Steps, gram_flops
from leastwise.solvers.course import FEW, Course
from leastwise.solvers.interior_point import InteriorPoint
from leastwise.solvers.needs import copied, kept
from leastwise.solvers.rowwise_needs import (
    FEWER,
    HESSIANS,
    MORE,
    PRODUCTS,
    affords_hessian,
    by_products,
    hessian_bytes,
    passing,
    products_pay,
)

if TYPE_CHECKING:
    from leastwise.solvers.together import Batch

Float = NDArray[np.float64]

EXPECTED = 8  # Hessians, and as many gradients each
INNER = 10  # steps between looks on a path
MOST = 16  # strengths at once: products with so many vectors run at full speed
FEWEST = 4  # where more were too many
FARTHEST = 0.4  # of the strength that is solved: one below it is not predicted from there
ROWS_EACH = 30  # rows of a sample that leads near the solution, for each coefficient
ROWS_FIRST = 500  # of the first Hessian, for each: it is as wrong as by the way from its point
BENT = 0.25  # of the rows have curvature at least, or it is no guide
TRIED = 12  # steps, after which the tails are asked
ENOUGH = 2  # of them for each coefficient that there may be, and it is one
KINKED = 1e10  # flops that the optimum of the tails may take
SAMPLE_STEPS = 20
SAMPLED = 1e-3  # of the null objective: a promised fall that is left to all rows


@dataclass(frozen=True)
class Newton(Solver):
    """Newton steps with a line search, on a working set of columns where there is l1.

    Parameters
    ----------
    tol : the relative gap that several strengths at once are brought near to before a look
    """

    tol: float = 1e-9

    name: ClassVar[str] = "newton"
    limit: ClassVar[int] = 200
    kinds: ClassVar[tuple[str, ...]] = ("smooth",)
    screened: ClassVar[bool] = True

    def refuse(self, problem: Problem) -> str | None:
        if not problem.shape.row_state:
            return "the rows cannot keep predictions beside them; take accelerated-gradient"
        return None

    def cost(self, shape: Shape) -> Cost:
        n, p, k = shape.rows, shape.columns, shape.outputs
        side = p * k if shape.coupled else p
        if shape.l1 or shape.bounded:
            side = min(side, max(FEW, min(n, p) // 4) * (k if shape.coupled else 1))
        pairs = k * (k + 1) / 2 if shape.coupled else k
        share = min(1.0, side / (p * (k if shape.coupled else 1)))
        flops = EXPECTED * (gram_flops(shape) * pairs * share**2 + side**3)
        columns, passes = side // (k if shape.coupled else 1), 4.0 * EXPECTED
        if by_products(shape):
            columns, passes, flops = 0, passes + PRODUCTS, 0.0
        elif products_pay(shape):
            flops *= HESSIANS / EXPECTED
        squares = (10.0 if shape.coupled else 5.5) if shape.free else 7.5 if shape.coupled else 4.0
        states = 11 - (FEWER - MORE * (shape.free > 0)) * shape.coupled
        state, vectors = 8 * states * n * k, 8 * 24 * p * k
        making = 0.5 * state + hessian_bytes(shape, columns, squares) + copied(shape)
        looking = state + vectors + (0.0 if columns else copied(shape))
        bytes = int(kept(shape) + max(looking, making) + passing(shape))
        most = bytes
        if not columns and affords_hessian(shape):  # where products turn out to be too many
            most = bytes + int(hessian_bytes(shape, p, squares))
        if columns < p and columns:  # a set of columns that grows as the data ask
            all_at_work = int(kept(shape) + state + 2 * hessian_bytes(shape, p, 6.0))
            most = all_at_work if shape.memory is None else min(all_at_work, shape.memory)
        if kinks_pay(shape):
            most = max(most, InteriorPoint().cost(shape).bytes)
        return Cost(bytes, passes, flops, max(most, bytes))

    def asked(self, tol: float) -> Newton:
        return replace(self, tol=tol)

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        from leastwise.solvers.together import Batch

        number = 0
        if start is None and hardly_bent(problem):
            course, number = yield from self._from_kinks(problem, penalties, limit)
        elif start is None and len(penalties) == 1:
            course = begun(problem.at(penalties[0]))
        else:
            course = Course(problem, start)
        batch: Batch | None = None
        most = MOST
        # Strengths that are to be taken by themselves, and how many next time. What a path begins
        # at is near the solution under the problem's own penalty.
        alone, pause = int(start is None or len(penalties) == 1), 1
        solved = [problem.penalty, *penalties]
        while number < len(penalties):
            count = 0 if alone else batch_of(problem, solved[number : number + most + 1])
            if not count:
                batch, alone = None, max(alone - 1, 0)
                here = problem.at(penalties[number])
                course = yield from self._one(course, here, number, limit, only=len(penalties) == 1)
                number += 1
                continue
            problems = [problem.at(penalty) for penalty in penalties[number : number + count]]
            batch = Batch(problems, number, course.stand, course.hessian, batch, self.tol)
            done = yield from batch.along(limit)
            last = min(done, count - 1)
            if batch.stands and batch.fits(last):
                course.move(problems[last], batch.stands[last])
            elif done:
                course.move(problems[done - 1], batch.stands[done - 1])
            course.hessian = batch.hessian if done == count else None
            pause = 1 if done else 2 * pause
            alone = pause if done < count else 0
            most = max(FEWEST, done) if done < count else min(2 * most, MOST)
            number += done

    def _from_kinks(
        self, problem: Problem, penalties: Sequence[ElasticNet], limit: int
    ) -> Generator[tuple[int, Iterate], bool | None, tuple[Course, int]]:
        """Iterates of each strength, begun at the optimum of the loss's tails alone.

        Returns where it stands when rows enough have curvature, and how many strengths are done.
        """
        number = 0
        for part in (penalties[:1], penalties[1:]):
            for start in InteriorPoint().of_tails(problem, part):
                here = problem.at(penalties[number])
                course = _course(here, start)
                course = yield from self._one(course, here, number, limit, only=True, tried=True)
                number += 1
                if number == len(penalties) or bent(course, here):
                    return course, number
        raise AssertionError("there is a strength, and a start for each")

    def _one(
        self,
        course: Course,
        problem: Problem,
        number: int,
        limit: int,
        *,
        only: bool,
        tried: bool = False,
    ) -> Generator[tuple[int, Iterate], bool | None, Course]:
        """Iterates of one strength, with one of where it begins if it is the `only` or first.

        After some steps it begins again at the optimum of the loss's tails, unless that was
        `tried`. Returns where it ended, for the next to go on from.
        """
        course.turn(problem)
        done = False
        if only or not number:
            done = yield number, course.iterate(0)
        used = quiet = 0
        fall = 0.0
        while not done and used < limit:
            if used == TRIED and not tried and kinks_pay(problem.shape):
                (start,) = InteriorPoint().of_tails(problem, [problem.penalty])
                course = _course(problem, start)
                course.turn(problem)
            before, fall = fall, course.step()
            used += 1
            quiet += 1
            over = used == limit or course.over(fall)
            if only or over or quiet >= INNER or course.settled(fall, before, self.tol):
                quiet = 0
                if course.widened() and not over:
                    continue
                done = yield number, course.iterate(used, final=over)
                if over:
                    break
        return course


def _course(here: Problem, start: Float, each: int = 1) -> Course:
    """From there, or from zero where that is better."""
    course = Course(here, start, each)
    return Course(here, None) if course.worse_than_nothing else course


def hardly_bent(problem: Problem) -> bool:
    """Whether few rows have curvature at w = 0, and the optimum of the tails is soon found."""
    if not kinks_pay(problem.shape):
        return False
    rows, level = problem.design.rows, problem.design.centre.level
    _, _, point = rows.at(rows.nothing(), level)
    return bool(mean_curvature(rows, point).max() < BENT)


def bent(course: Course, problem: Problem) -> bool:
    """Whether as many rows have curvature there as Newton's steps want."""
    here = course.iterate(0)
    assert here.at.point is not None, "it goes over rows"
    share = float(mean_curvature(problem.design.rows, here.at.point).min())
    n, p = problem.shape.rows, problem.shape.columns
    return share >= BENT or share * n >= ENOUGH * (1 + min(n, p))


def kinks_pay(shape: Shape) -> bool:
    """Whether the optimum of linear tails alone, which are kinks, fits time and memory."""
    if not shape.linear_tails:
        return False
    cost = InteriorPoint().cost(shape)
    return cost.flops <= KINKED and shape.affords(cost.bytes)


def begun(problem: Problem) -> Course:
    """Where many rows begin: near the solution on a sample, and with a Hessian of a larger one."""
    shape = problem.shape
    side = shape.columns * shape.outputs
    start = _sampled(problem, ROWS_EACH * side)
    if start is None:
        return Course(problem, None)
    each = 1 if shape.free else max(1, shape.rows // (ROWS_FIRST * side))
    return _course(problem, start, each)


def _sampled(problem: Problem, least: int) -> Float | None:
    """(p, k) near the solution on a sample of at least so many rows, where there are far more."""
    sample = problem.sample(least)
    if sample is None:
        return None
    course = Course(sample, None)
    course.turn(sample)
    for _ in range(SAMPLE_STEPS):
        fall = course.step()
        if not course.widened() and fall <= SAMPLED * float(sample.null.max()):
            break
    return course.w


def batch_of(problem: Problem, penalties: Sequence[ElasticNet]) -> int:
    """How many of the penalties, from the second on, can be taken at once after the first."""
    design = problem.design
    if design.loss.coupled or len(design.source.targets) > 1 or problem.penalty.bounded:
        return 0
    if not problem.null.all():  # nothing to measure by: and nothing is left to explain
        return 0
    alive = design.centre.curvature > 0.0
    count, solved = 0, float(penalties[0].l1 + penalties[0].l2)
    for penalty in penalties[1:]:
        l1, l2 = problem.at(penalty).strengths
        here = float(penalty.l1 + penalty.l2)
        if not here >= FARTHEST * solved or not ((l1 > 0.0) | (l2 > 0.0))[alive].all():
            break
        count += 1
    return count if count > 1 else 0
