"""Problem: loss + penalty + rows + intercept -> value, gradient, curvature, each in passes.

    F(b, w) = sum_i s_i l(y_i, b + x_i·w) / W + Omega(w),      W = sum_i s_i

With an intercept the columns are centred, eta_i = b~ + (x_i - x̄)·w with b~ = b + x̄·w. For
squared loss b~ is the mean of y whatever w is, so that the intercept is never penalised and never
iterated on. `correlation` is minus the gradient of the mean loss: v = (X - 1x̄')' S r / W for
squared loss.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block, View
from leastwise.centre import Centre, centred, refuse_sizes, rowwise_start
from leastwise.errors import DataError, UsageError
from leastwise.losses import Loss
from leastwise.moments import Moments, Shift, sums_about
from leastwise.penalties import ElasticNet
from leastwise.rowwise import RowPoint, Rowwise, add
from leastwise.shape import Shape, worth_moments
from leastwise.sources import Source

if TYPE_CHECKING:
    from leastwise.narrowing import LeftOut

Float = NDArray[np.float64]

LARGEST_STRENGTH = 1e150  # its square must be a number
SIXTEENTH = 16  # of the rows is a sample


@dataclass(frozen=True)
class Evaluation:
    """The mean loss at a w: `value` (g,) and `correlation` (p, k), minus its gradient.

    g = k, or 1 where the loss couples the outputs. Where moments do not tell the loss, also
    the `level` (k,) b~ that is best beside w, and the `point` that the rows make of it. Beside
    another level the value has an `excess` (g,) over the best, of which correlation and point are.
    """

    value: Float
    correlation: Float
    level: Float | None = None
    point: RowPoint | None = None
    excess: Float | None = None

    def beside(self, level: Float, excess: Float) -> Evaluation:
        """The same w beside another level than the best."""
        return replace(self, value=self.value + excess, level=level, excess=excess)


class Design:
    """The rows as a loss, with or without an intercept, sees them; shared by all penalties.

    Parameters
    ----------
    source : where the rows are
    loss : what a prediction costs
    intercept : whether there is one
    """

    left_out: LeftOut | None = None  # columns of the rows that are none of its, if there are any

    def __init__(self, source: Source, loss: Loss, intercept: bool) -> None:
        self.source = source
        self.loss = loss
        self.intercept = intercept
        self._moments: Moments | None = None
        self._cache: dict[Any, Any] = {}

    @property
    def columns(self) -> int:
        """p."""
        return len(self.source.columns)

    def cached(self, key: Any, compute: Any, of: Any = None) -> Any:
        """`compute()`, once for each key as long as it is asked for the same `of`."""
        have = self._cache.get(key)
        if have is None or have[0] != of:
            self._cache[key] = have = of, compute()
        return have[1]

    def forget(self, key: Any) -> None:
        """Keep what was computed for the key no longer."""
        self._cache.pop(key, None)

    def worth_moments(self, memory: int) -> bool:
        """Whether H is made where many products with it follow."""
        return worth_moments(self.source.rows, self.columns, memory)

    def moments(self, *, full: bool = True) -> Moments:
        """Centred moments of all rows: one pass, once; `full=False` does without p x p numbers."""
        have = self._moments
        if have is not None and (have.full or not full):
            return have
        shift = self.source.provisional_mean()
        if have is not None:
            shift = Shift(have.mean, have.target_mean)
        with np.errstate(over="ignore", invalid="ignore"):
            found = self._sum(shift, full)
            if found.far_from(shift) and np.isfinite(found.mean).all():
                found = self._sum(Shift(found.mean, found.target_mean), full)
        refuse_sizes(found, self.source)
        self._moments = found
        return found

    def _sum(self, shift: Shift, full: bool) -> Moments:
        sums = self.source.reduce(lambda block: sums_about(block, shift, full=full), add)
        return Moments.from_sums(sums, shift)

    @functools.cached_property
    def centre(self) -> Centre:
        """Means, curvatures and the intercept-only model, from whatever moments are there."""
        found = centred(self.moments(full=False), self.intercept)
        if self.loss.quadratic:
            return found
        rows = self._rowwise(found)
        value = rows.value(rows.nothing(), rows.level)
        return replace(found, **rowwise_start(self.loss, rows.level, value))

    @functools.cached_property
    def correlation(self) -> Float:
        """(p, k) that of w = 0: with the centre, or a pass where moments do not tell the loss."""
        centre = self.centre
        if self.loss.quadratic:
            return centre.correlation
        return np.where(centre.null > 0.0, self.rows.correlation(self.nothing().u), 0.0)

    def nothing(self) -> RowPoint:
        """Where the rows are at w = 0: one look at them, and nothing of it is kept."""
        _, point = self.rows.point(self.rows.nothing(), self.centre.level)
        return point

    @functools.cached_property
    def rows(self) -> Rowwise:
        """The rows under a loss that moments do not tell."""
        return self._rowwise(self.centre)

    def _rowwise(self, c: Centre) -> Rowwise:
        make = functools.partial(Rowwise, self.source, self.loss, self.intercept)
        return self.cached("rowwise", lambda: make(c.mean, c.offset, c.curvature, c.weight))

    @functools.cached_property
    def scale(self) -> Float:
        """(p,) what standardising divides by: sqrt(c_j), and 1 for a constant column."""
        curvature = self.centre.curvature
        return np.sqrt(np.where(curvature > 0.0, curvature, 1.0))

    @functools.cached_property
    def gram(self) -> Float:
        """(p, p) H = Xc' S Xc / W; zero where a column is constant."""
        m = self.moments()
        gram = m.xx / m.weight
        if not self.intercept:
            return gram + np.outer(m.mean, m.mean)
        dead = self.centre.curvature == 0.0
        if dead.any():
            gram[dead] = 0.0
            gram[:, dead] = 0.0
        return gram

    def mask(self, coef: Float) -> Float:
        """`coef` with zeros for constant columns, and no copy where there are none."""
        curvature = self.centre.curvature
        if curvature.all():
            return coef
        return np.where((curvature == 0.0)[:, None], 0.0, coef)

    def view(self, block: Block, columns: slice | NDArray[np.intp] | None = None) -> View:
        """The block's columns, centred, for products with vectors; done with before the next."""
        c = self.centre
        return block.centred(c.mean, columns, copy=c.offset, passing=True)

    def evaluate(self, coef: Float, near: Float | None = None) -> Evaluation:
        """Value and correlation at w, (p, k): one pass, or two where moments do not tell the loss.

        Where means are moderate, X is read as it stands, and centred in what comes out:
        Xc'r = X'r - x̄ sum r. `near` (k,) is a guess at the level.
        """
        c, loss = self.centre, self.loss
        if not loss.quadratic:
            return self.evaluate_rows(self.rows.times(coef), c.level if near is None else near)
        about = c.mean if c.offset else None
        intercept = c.level if c.offset or c.mean is None else c.level - c.mean @ coef

        def statistic(block: Block) -> list[Float]:
            view = block.centred(about, passing=True)
            eta = view.times(coef)
            eta += intercept
            value, slope = loss.value_and_slope(block.y, eta)
            slope = block.weighted(slope)
            total = np.add.reduce(block.weighted(value), axis=0)
            return [total, np.add.reduce(slope, axis=0), view.back(slope)]

        value, slope, gradient = self.source.reduce(statistic, add)
        if about is None and c.mean is not None:
            gradient -= np.multiply.outer(c.mean, slope)
        return Evaluation(value / c.weight, self.mask(gradient / -c.weight))

    def evaluate_rows(self, product: list[Float], near: Float) -> Evaluation:
        """What `evaluate` gives where (X - 1x̄')w is known: one pass."""
        level, value, point = self.rows.at(product, near)
        return Evaluation(value, self.rows.correlation(point.u), level, point)

    def evaluate_again(self, coef: Float, at: Evaluation) -> Evaluation:
        """`at` computed from the rows, beside its own level where that was not the best."""
        if at.excess is None or at.level is None:
            return self.evaluate(coef, at.level)
        if self.loss.quadratic:
            return self.evaluate(coef).beside(at.level, 0.5 * (at.level - self.centre.level) ** 2)
        product = self.rows.times(coef)
        best = self.evaluate_rows(product, at.level)
        excess = self.rows.value(product, at.level) - best.value
        return best.beside(at.level, np.maximum(excess, 0.0))

    def product(self, V: Float) -> Float:
        """H V of squared loss for V (p, k), without H: one pass."""

        def statistic(block: Block) -> Float:
            view = self.view(block)
            return view.back(block.weighted(view.times(V)))

        return self.mask(self.source.reduce(statistic, np.add) / self.centre.weight)

    def intercept_at(self, coef: Float, at: Evaluation | None = None) -> Float:
        """(k,) b for this w (p, k); where moments do not tell the loss, as it was evaluated."""
        level = self.centre.level if at is None or at.level is None else at.level
        return self.intercepts_at(coef[None], level[None])[0]

    def intercepts_at(self, coef: Float, level: Float) -> Float:
        """(K, k) b for each of w (K, p, k) and b~ (K, k); of coupled outputs they sum to zero."""
        c = self.centre
        b = level if c.mean is None else level - np.einsum("p,wpk->wk", c.mean, coef)
        return b - b.mean(axis=1, keepdims=True) if self.loss.coupled else b


@dataclass(frozen=True)
class Problem:
    """What is to be minimised.

    Parameters
    ----------
    design : rows, loss and intercept
    penalty : Omega
    memory : bytes that solving may take beyond the data
    """

    design: Design
    penalty: ElasticNet
    memory: int

    @classmethod
    def of(
        cls,
        source: Source,
        loss: Loss,
        penalty: ElasticNet,
        *,
        intercept: bool = True,
        standardize: bool = False,
        memory: int,
        design: Design | None = None,
    ) -> Problem:
        """The problem over the rows of `source`; `standardize` penalises w_j sqrt(c_j).

        `design` is one of the same rows, loss and intercept, if what it has summed is to be used.
        """
        p = len(source.columns)
        for what, given in (
            ("penalty factors", penalty.factors),
            ("lower bounds", penalty.lower),
            ("upper bounds", penalty.upper),
        ):
            if given is not None and given.shape != (p,):
                raise DataError(f"there are {p} columns and {given.size} {what}")
        refuse_strengths(penalty)
        if p == 0:
            raise DataError("there is no column to fit: give at least one feature")
        if design is None:
            design = Design(source, loss, intercept)
        if standardize:
            if design.worth_moments(memory):
                design.moments()  # first, so that the curvatures need no pass of their own
            penalty = replace(penalty, scale=design.scale)
        return cls(design, penalty, memory)

    def at(self, penalty: ElasticNet) -> Problem:
        """The same rows under another penalty; nothing is read again."""
        return self if penalty is self.penalty else Problem(self.design, penalty, self.memory)

    def sample(self, least: int) -> Problem | None:
        """The same over every so many-th row: a sixteenth of them, or `least`, or None.

        It is None where that is more than a quarter of the rows, or where rows cannot be taken.
        """
        design = self.design
        step = min(SIXTEENTH, design.source.rows // max(least, 1))
        source = design.source.sample(step) if step >= 4 else None
        if source is None:
            return None
        return Problem(Design(source, design.loss, design.intercept), self.penalty, self.memory)

    @functools.cached_property
    def strengths(self) -> tuple[Float, Float]:
        """(p,) l1 and (p,) l2 of each column."""
        return self.penalty.strengths(self.design.columns)

    @functools.cached_property
    def bounds(self) -> tuple[Float, Float]:
        """(p,) the least and (p,) the largest value of each coefficient."""
        return self.penalty.bounds(self.design.columns)

    @functools.cached_property
    def free(self) -> NDArray[np.bool_]:
        """(p,) which columns have neither a penalty nor a bound."""
        (l1, l2), (lower, upper) = self.strengths, self.bounds
        return (l1 == 0.0) & (l2 == 0.0) & np.isinf(lower) & np.isinf(upper)

    @functools.cached_property
    def shape(self) -> Shape:
        """The size, for costs."""
        source, loss = self.design.source, self.design.loss
        l1, l2 = self.strengths
        return Shape(
            source.rows,
            len(source.columns),
            len(source.targets),
            source.stored,
            source.sparse,
            source.holds_row_state,
            source.threads,
            source.scratch,
            bool((l1 > 0.0).any()),
            bool((l2 > 0.0).all()),
            self.penalty.bounded,
            self.penalty.joint and len(source.targets) > 1 and bool((l1 > 0.0).any()),
            loss.kind,
            loss.coupled,
            self.memory,
            int(np.count_nonzero(self.free)),
            source.block_rows,
            source.width,
            loss.linear_tails,
        )

    def of_least_norm(self, coef: Float) -> Float:
        """(p, k) w, less what a free column adds to all of its coupled outputs: it changes no row.

        Such a part is rounding, and where separated classes have hardly a curvature it is large.
        """
        if not (self.design.loss.coupled and self.free.any()):
            return coef
        return coef - np.where(self.free[:, None], coef.mean(axis=1, keepdims=True), 0.0)

    def pool(self, x: Float) -> Float:
        """(..., g) numbers of the outputs, (..., k), as they are, or their sum where joined."""
        if self.design.loss.coupled:
            return x.sum(axis=-1, keepdims=True)
        return self.penalty.pool(x)

    @property
    def null(self) -> Float:
        """(g,) the mean loss of the intercept-only model, pooled where outputs are joined."""
        return self.pool(self.design.centre.null)

    def objective(self, coef: Float, value: Float) -> Float:
        """(g,) F, given the mean loss `value` at w; of all outputs where they are joined."""
        return self.pool(value) + self.pool(self.penalty.value(coef))


def refuse_strengths(penalty: ElasticNet) -> None:
    """Refuse strengths whose squares are no numbers.

    Raises
    ------
    UsageError
        l1 or l2 is too large.
    """
    factors = np.ones(1) if penalty.factors is None else penalty.factors
    largest = float(factors[np.isfinite(factors)].max(initial=0.0))
    if max(penalty.l1, penalty.l2) * largest > LARGEST_STRENGTH:
        raise UsageError(
            f"l1 and l2, times their factors, must be at most {LARGEST_STRENGTH:g}: the "
            "coefficients are zero long before that"
        )
