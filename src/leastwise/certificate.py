"""The certificate: a duality gap that bounds how far any w is from the optimum, whoever found it.

For squared loss with residual r (centred), v = Xc'Sr / W, and the dual point theta = kappa r:

    gap = (1 - kappa)^2 r'Sr / 2W + sum_j [Omega_j(w_j) + Omega_j*(kappa v_j) - kappa w_j v_j]

Every summand is at least zero (Fenchel-Young), so that the gap is computed without cancellation,
from w, v and r'Sr alone: no pass over the data. kappa = 1 where l2 > 0 everywhere, else the
largest feasible scale; the better of the two where both serve (the dual is concave in kappa;
Mairal 2010, section 1.4).

A penalty that joins the outputs has one gap for all of them, with one kappa: the norms of the rows
w_j and v_j stand in the place of w_j and v_j, and what the outputs add is summed.

Columns without any penalty (U) require theta orthogonal to them: r is projected,

    gap = v_U' H_UU^+ v_U / 2  +  gap at the projected residual,   v+ = v - H_:U H_UU^+ v_U,

so that an unpenalised fit's gap is half its squared gradient in the inverse Hessian's norm. Where
the square of U does not fit the memory, the gap holds within a stated box |w_j| <= R_j instead; so
it does for an unpenalised column with a bound on one side.

An exact finish under l1 knows its support A with signs s. There the residual is projected in the
same way, onto v_A = l1_A s_A + l2_A w_A: a scale kappa would charge every coefficient for the
rounding of one column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.factoring import factorise
from leastwise.numerics.factors import EPS, Factor
from leastwise.penalties import ElasticNet, conjugates
from leastwise.problem import CONSTANT, Evaluation, Problem
from leastwise.quadratic import OverMoments, quadratic_form

Float = NDArray[np.float64]

SMALLEST = 1e-300  # in place of a strength of zero, where nothing is divided
PROVED = 1e-13  # a relative gap that no better proof is looked for
DRIFT = 1e-12  # of a slope: how exactly a support's equations must be solved for a proof
BOX = 100.0  # R_j = BOX sd(y) / sd(x_j), and never less than 10 |w_j|


@dataclass(frozen=True)
class Certificate:
    """How far a fit is from the best there is, proved.

    Parameters
    ----------
    primal : the objective reached, summed over outputs
    dual : a lower bound of every objective; gap : primal - dual, at least 0
    relative_gap : gap / objective of the intercept-only model; the worst output's where there are
    several
    converged : relative_gap <= tol, and nothing else
    reason : why the fit ended, in words
    box : where the bound holds only for |w_j| <= box sd(y) / sd(x_j): that number, else None

    Examples
    --------
    >>> Certificate(1.0, 1.0, 0.0, 0.0, True, "converged").converged
    True
    """

    primal: float
    dual: float
    gap: float
    relative_gap: float
    converged: bool
    reason: str
    box: float | None = None


@dataclass(frozen=True)
class Gap:
    """Objective, gap and relative gap (g,), and the box they need, if any.

    g = k outputs, or 1 where the penalty joins them.
    """

    objective: Float
    gap: Float
    relative: Float
    box: float | None


@dataclass(frozen=True)
class Support:
    """One output's support.

    columns (m,) ; signs (m,), 0 where there is no l1 ; factor of H_AA + diag(l2_A)
    """

    columns: NDArray[np.intp]
    signs: Float
    factor: Factor


@np.errstate(over="ignore", invalid="ignore")  # a diverging iterate's gap may be no number
def gap(
    problem: Problem,
    coef: Float,
    at: Evaluation,
    factor: Factor | None = None,
    supports: Sequence[Support] | None = None,
) -> Gap:
    """The duality gap of w (p, k) given the loss and correlation there.

    `factor` is one of H + diag(l2), better than what the Gram matrix gives, if one is at hand;
    `supports` are those of an exact finish.
    """
    centre, pool = problem.design.centre, problem.penalty.pool
    null = pool(centre.null)
    if factor is None and coef.shape[1] == 1 and problem.penalty.even and null[0] > 0.0:
        known = _even_gap(problem, coef[:, 0], at)
        if supports is None or known.relative[0] <= PROVED:
            return known
    l1, l2 = problem.strengths
    box: float | None = None
    if factor is not None and not l1.any() and not problem.penalty.bounded:
        # All is quadratic, and the factor is of the whole Hessian: no dual point is better.
        slope = at.correlation - l2[:, None] * coef
        bound = np.maximum(0.5 * np.einsum("pk,pk->k", slope, factor.solve(slope)), 0.0)
        bound = pool(bound)
    else:
        bound, box = _dual_gap(problem, coef, at)
    objective = problem.objective(coef, at.value)
    if supports is not None and not (box is None and (bound <= PROVED * null).all()):
        known = pool(_support_gap(problem, coef, at, supports))
        if box is not None and (known <= np.maximum(bound, PROVED * null)).all():
            bound, box = known, None  # as good without a box
        bound = np.fmin(bound, known)
    bound = np.where(np.isfinite(objective), bound, np.inf)  # no proof of what is out of bounds
    if (objective <= bound).all():
        box = None  # no objective is below zero, so that it bounds the gap itself, in no box
    total = np.minimum(bound, objective)
    rounding = pool((CONSTANT * centre.target_size) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(null > 0.0, total / null, np.inf)
    relative = np.where((null == 0.0) & (total <= rounding), 0.0, ratio)
    return Gap(objective, total, relative, box)


def _even_gap(problem: Problem, w: Float, at: Evaluation) -> Gap:
    """What `gap` finds for one output whose columns all have one l1 and one l2, and no bounds.

    A path is certified at every strength, often in less time than twenty operations on small
    arrays take: here there are few.
    """
    l1, l2 = problem.penalty.l1, problem.penalty.l2
    v, value = at.correlation[:, 0], float(at.value[0])
    null, spread = float(problem.null[0]), 2.0 * value
    steepest = max(float(v.max()), -float(v.min()))
    # What is not in the support adds to the gap where l2 alone pays for |v_j| > l1.
    adds = np.flatnonzero(w) if l2 == 0.0 else np.flatnonzero((w != 0.0) | (np.abs(v) > l1))
    w, v = w[adds], v[adds]
    product, size = w * v, l1 * np.abs(w)
    objective = value + float(size.sum()) + 0.5 * l2 * float(w @ w)

    def bound(kappa: float) -> float:
        # With g = clip(kappa v, -l1, l1) a column adds l1 |w| - g w + l2/2 (w - (kappa v - g)/l2)^2
        if l2 == 0.0:
            summands = np.maximum(size - kappa * product, 0.0)
        else:
            scaled = kappa * v
            inner = np.clip(scaled, -l1, l1)
            away = w - (scaled - inner) / l2
            summands = np.maximum(size - inner * w, 0.0) + (0.5 * l2) * (away * away)
        return 0.5 * spread * (1.0 - kappa) ** 2 + float(summands.sum())

    # A ridge bears any scale.
    reach = l1 * (1.0 - 4.0 * EPS) / steepest if l1 > 0.0 and steepest > 0.0 else np.inf
    total = bound(1.0 if l2 > 0.0 else min(1.0, reach))
    if not total <= PROVED * null and spread > 0.0:
        best = 1.0 + float(product.sum()) / spread
        total = np.fmin(total, bound(min(max(best, -reach), reach)))
    total = min(total, objective) if np.isfinite(objective) else np.inf
    return Gap(np.array([objective]), np.array([total]), np.array([total / null]), None)


def _dual_gap(problem: Problem, coef: Float, at: Evaluation) -> tuple[Float, float | None]:
    """The gap from the residual, projected and scaled, and the box it needs."""
    l1, l2 = problem.strengths
    lower, upper = problem.bounds
    pool = problem.penalty.pool
    enough, curvature = PROVED * problem.null, problem.design.centre.curvature
    every = problem.penalty.factors is None and problem.penalty.l1 + problem.penalty.l2 > 0.0
    paid = every | (l1 > 0.0) | (l2 > 0.0) | (curvature == 0.0)
    if paid.all():
        terms = _Terms(problem, coef, at.correlation, lower, upper)
        return _scaled_gap(terms, pool(2.0 * at.value), enough), None
    free = ~paid & np.isinf(lower) & np.isinf(upper)
    spread, correlation = 2.0 * at.value, at.correlation
    loss_gap = np.zeros_like(at.value)
    boxed = ~paid & ~free & (np.isinf(lower) | np.isinf(upper))
    if free.any():
        projection = _projection(problem, free)
        if projection is None:
            boxed |= free
        else:
            solve, columns = projection
            a = solve(correlation[free])
            taken = np.einsum("uk,uk->k", correlation[free], a)
            loss_gap = 0.5 * np.maximum(taken, 0.0)
            spread = np.maximum(spread - taken, 0.0)
            correlation = correlation.copy() if columns is None else correlation - columns @ a
            correlation[free] = 0.0
    if boxed.any():
        radius, box = _radius(problem, coef, boxed)
        radius = problem.penalty.measure(radius)  # the ball around the box where rows are joined
        lower = np.where(boxed[:, None], np.maximum(lower[:, None], -radius), lower[:, None])
        upper = np.where(boxed[:, None], np.minimum(upper[:, None], radius), upper[:, None])
    else:
        box = None
        if not paid.any():
            return pool(loss_gap), None
    terms = _Terms(problem, coef, correlation, lower, upper)
    return pool(loss_gap) + _scaled_gap(terms, pool(spread), enough), box


class _Terms:
    """What each coefficient adds to the gap, kept for those columns alone that add anything.

    A column with w_j = 0 and |v_j| <= l1_j adds nothing at any feasible scale.
    """

    def __init__(
        self, problem: Problem, coef: Float, correlation: Float, lower: Float, upper: Float
    ) -> None:
        l1, l2 = (strength[:, None] for strength in problem.strengths)
        penalty = problem.penalty
        measured = penalty.measure(correlation)
        size = np.abs(measured)
        chosen = (coef != 0.0) | (size > l1)
        chosen = chosen.any(axis=1) if coef.shape[1] > 1 else chosen[:, 0]
        adds = np.flatnonzero(chosen)
        self.w, self.v = penalty.measure(coef[adds]), measured[adds]
        self.product = penalty.pool(coef[adds] * correlation[adds])  # w_j v_j
        self.l1, self.l2 = l1[adds], l2[adds]
        self.lower = (lower if lower.ndim == 2 else lower[:, None])[adds]
        self.upper = (upper if upper.ndim == 2 else upper[:, None])[adds]
        self.wv = self.product.sum(axis=0)
        self.own = self.l1 * np.abs(self.w) + 0.5 * self.l2 * self.w**2
        self._rest = np.where(chosen[:, None], 0.0, size), l1
        self._size = size[adds]
        self._endless = np.where(self.v > 0.0, np.isinf(self.upper), np.isinf(self.lower))
        self._kept = self._least_ratio(self._endless & (self.l2 == 0.0))

    def _least_ratio(self, where: NDArray[np.bool_]) -> Float:
        """(g,) the least l1_j / |v_j| of the chosen entries, and a rounding below it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(where & (self._size > 0.0), self.l1 / self._size, np.inf)
        return ratio.min(axis=0, initial=np.inf) * (1.0 - 4.0 * EPS)

    def feasible(self) -> Float:
        """(g,) the largest scale, at most 1, that keeps the dual point in the domain."""
        return np.minimum(1.0, self._kept)

    def reach(self) -> Float:
        """(g,) the largest scale at which no column with an l1 is beyond it, whatever its l2."""
        size, l1 = self._rest
        share = (size / np.maximum(l1, SMALLEST)).max(axis=0, initial=0.0)
        inner = (1.0 - 4.0 * EPS) / np.maximum(share, SMALLEST)
        known = np.minimum(inner, self._least_ratio(self._endless & (self.l1 > 0.0)))
        reach = np.minimum(known, np.minimum(self._kept, np.maximum(inner, 1.0)))
        return np.where(share + self._size.sum(axis=0) > 0.0, reach, 1.0)

    def at(self, kappa: Float) -> Float:
        """(k,) sum_j [Omega_j(w_j) + Omega_j*(kappa v_j) - kappa w_j v_j]."""
        v = kappa * self.v
        paid = conjugates(v, self.l1, self.l2, self.lower, self.upper)
        return np.maximum(self.own + paid - kappa * self.product, 0.0).sum(axis=0)


def _scaled_gap(terms: _Terms, spread: Float, enough: Float) -> Float:
    """The gap at theta = kappa r for the better of two kappas, an output at a time."""
    kappa = terms.feasible()
    first = 0.5 * spread * (1.0 - kappa) ** 2 + terms.at(kappa)
    if (first <= enough).all():
        return first
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.where(spread > 0.0, 1.0 + terms.wv / spread, 1.0)
    reach = terms.reach()
    kappa = np.clip(best, -reach, reach)
    return np.minimum(first, 0.5 * spread * (1.0 - kappa) ** 2 + terms.at(kappa))


def _support_gap(
    problem: Problem, coef: Float, at: Evaluation, supports: Sequence[Support]
) -> Float:
    """The gap at the residual projected onto the supports' own equations.

    theta = kappa (r - X_A a), H_AA a = v_A - l1_A s_A, with the ridge's part as rows of X:

    a'(v_A + v+_A)/2 - kappa a'v+_A + S+ (1 - kappa)^2 / 2 + sum_j [l1_j |w_j| - kappa w_j v+_j],
    v+ = v - H a,   S+ = S - a'(v_A + v+_A),   S = r'Sr / W + sum_j l2_j w_j^2

    and, where a bound ends what |kappa v+_j| > l1_j would gain, that gain.
    """
    l1, l2 = (strength[:, None] for strength in problem.strengths)
    lower, upper = (side[:, None] for side in problem.bounds)
    v = at.correlation - l2 * coef
    shift = np.zeros_like(coef)
    for output, support in enumerate(supports):
        right = v[support.columns, output] - l1[support.columns, 0] * support.signs
        shift[support.columns, output] = support.factor.solve(right[:, None])[:, 0]
    form = quadratic_form(problem.design, problem.memory)
    moved = v - form.product(shift) - l2 * shift
    # A pseudo-inverse cannot reach all directions of its support, nor a factor that has drifted
    # its equations: there the projection is no proof.
    proved = np.ones(coef.shape[1], bool)
    for output, support in enumerate(supports):
        slope = l1[support.columns, 0] * support.signs
        missed = np.abs(moved[support.columns, output] - slope)
        size = np.abs(v[support.columns, output]) + l1[support.columns, 0]
        exact = (missed <= DRIFT * size).all()
        proved[output] = not support.columns.size or (support.factor.root is not None and exact)
        moved[support.columns, output] = slope
    both = np.einsum("pk,pk->k", shift, v + moved)
    spread = np.maximum(2.0 * at.value + l2[:, 0] @ coef**2 - both, 0.0)
    size = np.abs(moved)
    endless = np.where(moved > 0.0, np.isinf(upper), np.isinf(lower))
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(endless & (size > l1), l1 / size, 1.0).min(axis=0, initial=1.0)
    over = np.maximum(kappa * size - l1, 0.0)
    with np.errstate(invalid="ignore"):
        gained = np.where(endless | (over == 0.0), 0.0, over * np.where(moved > 0.0, upper, -lower))
    summand = np.maximum(l1 * np.abs(coef) + gained - kappa * coef * moved, 0.0)
    rest = 0.5 * spread * (1.0 - kappa) ** 2 + summand.sum(axis=0)
    bound = 0.5 * both - kappa * np.einsum("pk,pk->k", shift, moved) + rest
    return np.where(proved, bound, np.inf)


def _radius(problem: Problem, coef: Float, boxed: NDArray[np.bool_]) -> tuple[Float, float]:
    centre = problem.design.centre
    scale = np.sqrt(2.0 * centre.null) / np.sqrt(np.where(boxed, centre.curvature, 1.0))[:, None]
    size = np.abs(coef[boxed])
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = np.where(size > 0.0, 10.0 * size / scale[boxed], 0.0)
    box = max(BOX, float(reached.max(initial=0.0)) if np.isfinite(reached).all() else BOX)
    return box * scale, box


def _projection(
    problem: Problem, free: NDArray[np.bool_]
) -> tuple[Callable[[Float], Float], Float | None] | None:
    """How to solve with H_UU, and H_:U (None where U is all); None where that cannot be had.

    By Cholesky where that is accurate, else from the rows: the Gram matrix of an ill-conditioned
    design has lost the very directions in which the gap is.
    """
    design, centre = problem.design, problem.design.centre
    p, u = free.size, int(free.sum())
    everything = u == int((centre.curvature > 0.0).sum())
    if 8 * 8 * p * u > problem.memory or u >= centre.rows:
        return None
    some = None if everything else np.flatnonzero(free)
    factored = factorise(problem.at(ElasticNet()), columns=some)
    assert factored is not None, "only Cholesky by name can fail"
    whole = factored.factor

    def solve(right: Float) -> Float:
        full = np.zeros((p, right.shape[1]))
        full[free] = right
        return whole.solve(full)[free]

    if everything:
        return solve, None
    return solve, design.cached(("free", free.tobytes()), lambda: _mixed(problem, free))


def _mixed(problem: Problem, free: NDArray[np.bool_]) -> Float:
    """H_:U, (p, u)."""
    form = quadratic_form(problem.design, problem.memory)
    chosen = np.flatnonzero(free)
    if isinstance(form, OverMoments):
        return form.H[:, chosen]
    units = np.zeros((free.size, chosen.size))
    units[chosen, np.arange(chosen.size)] = 1.0
    return form.product(units)
