"""What methods that follow slopes ask of a problem: value, slope and largest curvature.

    profiled   theta = w         F(w) = min over b of F(b, w),   -F' = v
    stepped    theta = (w, b)    -F' = (-X'S u / W, -1'S u / W),   u = l'(b + Xw)

The first is how leastwise sees a problem, the second how the texts write gradient descent: b is a
coordinate as any other. A b that is not the best beside its w costs something, which the
certificate counts: it takes its dual from the best one, and adds what this one exceeds it by.

No curvature is above c (H + outer product of the means with themselves, where b is stepped), c
the loss's largest second derivative: L is an eigenvalue of columns alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.curved import Hessian, affords, hessian_of
from leastwise.errors import UsageError
from leastwise.problem import Evaluation, Problem
from leastwise.quadratic import OverRows, Quadratic, quadratic_form
from leastwise.solvers.base import zeros

Float = NDArray[np.float64]

FEW = 256  # columns whose Gram matrix is made for the sake of an eigenvalue alone


ZEROS_FROM = {
    "quadratic": "accelerated-gradient and working-set",
    "smooth": "accelerated-gradient and newton",
    "kinked": "interior-point",
}  # what gives the zeros of an l1 penalty themselves, for each kind of loss


class Profiled:
    """The coefficients alone, the intercept always the best beside them.

    Parameters
    ----------
    problem : whose
    over_rows : whether squared loss is looked at by passes, however small its Gram matrix
    """

    def __init__(self, problem: Problem, *, over_rows: bool = False) -> None:
        self._over_rows = over_rows
        self.problem, self.design = problem, problem.design
        self.loss = problem.design.loss
        self._hessian: Hessian | None = None
        self._looks = 0
        if self.loss.quadratic and not over_rows:
            _ = self.form  # before anything asks for means, which come with its moments

    def turn(self, here: Problem) -> None:
        """Go on under another penalty."""
        self.problem, self._looks = here, 0

    @property
    def form(self) -> Quadratic:
        """Squared loss over the columns: the loss itself, or what bounds its curvature."""
        if self.design.columns <= FEW or (self.loss.quadratic and not self._over_rows):
            return quadratic_form(self.design, self.problem.memory)
        return OverRows(self.design)

    @property
    def spread(self) -> Float:
        """(q,) the mean square of each coordinate's column about its mean, 1 where it is zero."""
        curvature = self.design.centre.curvature
        return np.where(curvature > 0.0, curvature, 1.0)

    def padded(self, strength: Float) -> Float:
        """(q,) the strength of each coordinate's penalty."""
        return strength

    def first(self, w: Float) -> Float:
        """(q, k) theta of w."""
        return self.design.mask(w)

    def coef(self, theta: Float) -> Float:
        """(p, k) w."""
        return theta

    def look(self, theta: Float, before: Evaluation | None = None) -> tuple[Evaluation, Float]:
        """The evaluation at theta and (q, k) minus the gradient of the mean loss.

        `before` is one of a point near by.
        """
        if self.loss.quadratic and not self._over_rows:
            at = self.form.evaluate(theta)
        else:
            at = self.design.evaluate(theta, None if before is None else before.level)
        return self._certifiable(at), at.correlation

    def ahead(self, there: Evaluation, at: Evaluation, beta: float) -> Float:
        """(p, k) the correlation at w + beta (w - w_before), from those at w and w_before.

        It is affine in w for squared loss. For others the predictions are, so that one pass does.
        """
        if self.loss.quadratic or beta == 0.0:
            return there.correlation + beta * (there.correlation - at.correlation)
        after, before = self._product(there), self._product(at)
        product = [x + beta * (x - y) for x, y in zip(after, before, strict=True)]
        assert there.level is not None, "of such a loss"
        return self.design.evaluate_rows(product, there.level).correlation

    def _product(self, at: Evaluation) -> list[Float]:
        """(X - 1x̄')w of an evaluation."""
        assert at.point is not None, "of such a loss"
        assert at.level is not None, "of such a loss"
        if self.loss.located:
            both = zip(self.design.rows.y, at.point.target, strict=True)
            return [y - target for y, target in both]
        level = at.level
        return [eta - level for eta in at.point.eta]

    def _certifiable(self, at: Evaluation) -> Evaluation:
        """With a Hessian near by, if unpenalised columns ask for one; renewed ever more rarely."""
        if at.point is None or not self.loss.smooth:
            return at
        l1, l2 = self.problem.strengths
        lower, upper = self.problem.bounds
        free = (l1 == 0.0) & (l2 == 0.0) & (self.design.centre.curvature > 0.0)
        columns = np.flatnonzero(free & np.isinf(lower) & np.isinf(upper))
        rows = self.design.rows
        if not columns.size or not affords(rows, columns, self.problem.memory):
            return at
        if self._looks & (self._looks - 1) == 0:  # 0, 1, 2, 4, 8, ...
            self._hessian = hessian_of(rows, at.point, columns)
        self._looks += 1
        return replace(at, point=replace(at.point, hessian=self._hessian))

    def largest_curvature(self, scale: Float, plus: Float) -> float:
        """A bound of the eigenvalues of diag(1/scale) (F'' + diag(plus)) diag(1/scale)."""
        c = self._bound
        return c * self.form.largest_eigenvalue(scale, plus / c)

    @property
    def _bound(self) -> float:
        bound = self.loss.curvature_bound
        assert bound is not None, "no solver asks for the curvature of a kink"
        return bound


class Stepped(Profiled):
    """The coefficients and, as the last coordinate, the intercept (b, not b~)."""

    def __init__(self, problem: Problem, intercept: Float) -> None:
        super().__init__(problem)
        self._intercept = intercept
        c = problem.design.centre
        assert c.mean is not None, "the solver refuses where there is no intercept"
        self._mean = np.where(c.curvature > 0.0, c.mean, 0.0)

    @property
    def spread(self) -> Float:
        return np.append(super().spread, 1.0)

    def padded(self, strength: Float) -> Float:
        return np.append(strength, 0.0)

    def first(self, w: Float) -> Float:
        return np.vstack([super().first(w), self._intercept])

    def coef(self, theta: Float) -> Float:
        return theta[:-1]

    def look(self, theta: Float, before: Evaluation | None = None) -> tuple[Evaluation, Float]:
        w, c = theta[:-1], self.design.centre
        level = theta[-1] + self._mean @ w
        if self.loss.quadratic:
            best = self.form.evaluate(w)
            mean = level - c.level  # of u = eta - y
            slope = best.correlation
            at = best.beside(level, 0.5 * mean**2)
        else:
            at, slope, mean = self._beside(w, level)
        slope = self.design.mask(slope - np.multiply.outer(self._mean, mean))
        return at, np.vstack([slope, -mean])

    def _beside(self, w: Float, level: Float) -> tuple[Evaluation, Float, Float]:
        """The evaluation, -(X - 1x̄')'S u / W and 1'S u / W at this level: two passes."""
        rows, loss = self.design.rows, self.loss
        product = rows.times(w)
        pairs = list(zip(rows.y, product, strict=True))
        u = rows.each(lambda block, pair: loss.slope(pair[0], pair[1] + level), pairs)
        best = rows.settled(product, level)
        value, point = rows.point(product, best)
        both = rows.correlation([np.hstack(each) for each in zip(point.u, u, strict=True)])
        mean = rows.sum(lambda block, slope: block.weighted(slope).sum(axis=0), u) / rows.weight
        k = level.size
        at = self._certifiable(Evaluation(value, both[:, :k], best, point))
        excess = np.maximum(rows.value(product, level) - value, 0.0)
        return at.beside(level, excess), both[:, k:], mean

    def largest_curvature(self, scale: Float, plus: Float) -> float:
        c, mean = self._bound, np.append(self._mean, 1.0) / scale
        if self.design.columns > FEW:
            centred = self.form.largest_eigenvalue(scale[:-1], plus[:-1] / c)
            return c * (centred + float(mean @ mean))
        H = np.zeros((mean.size, mean.size))
        H[:-1, :-1] = self.design.gram
        H += np.diag(plus / c)
        return c * float(np.linalg.eigvalsh(H / scale / scale[:, None] + np.outer(mean, mean))[-1])


def view_of(problem: Problem, stepped: bool, intercept_start: ArrayLike | None) -> Profiled:
    """The problem as a solver with these settings follows its slopes."""
    if not stepped:
        return Profiled(problem)
    k = len(problem.design.source.targets)
    given = np.zeros(k) if intercept_start is None else np.array(intercept_start, np.float64)
    if given.shape not in ((), (k,)) or not np.isfinite(given).all():
        raise UsageError(
            f"intercept_start must be a finite number, or {k} of them, not {intercept_start!r}"
        )
    return Stepped(problem, np.broadcast_to(given, (k,)))


def refuse_intercept(
    problem: Problem, stepped: bool, intercept_start: ArrayLike | None
) -> str | None:
    """Why these settings do not suit the problem, or None."""
    if stepped and not problem.design.intercept:
        return "intercept_step moves an intercept, and the model has none: leave it out"
    if intercept_start is not None and not stepped:
        return (
            "intercept_start is where an intercept that is stepped begins: pass "
            "intercept_step=True with it"
        )
    return None


def first_coef(problem: Problem, start: ArrayLike | None) -> Float:
    """(p, k) where a solver begins that was told so; one start serves all outputs."""
    if start is None:
        return zeros(problem)
    shape = zeros(problem).shape
    given = np.array(start, np.float64)
    if given.ndim == 1:
        given = np.repeat(given[:, None], shape[1], axis=1)
    if given.shape != shape:
        raise UsageError(f"start has shape {np.shape(start)}; the coefficients are {shape}")
    if not np.isfinite(given).all():
        raise UsageError("start holds numbers that are not finite")
    return given


def no_row_state(problem: Problem) -> str | None:
    """Why rows that keep nothing beside them do not suit a loss that moments do not tell."""
    if problem.shape.kind == "quadratic" or problem.shape.row_state:
        return None
    return (
        f"the {problem.design.loss.name} loss needs predictions kept beside the rows, and these "
        "rows keep none: read them into memory"
    )
