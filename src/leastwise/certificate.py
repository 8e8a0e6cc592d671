"""The certificate: a duality gap that bounds how far any w is from the optimum, whoever found it.

For squared loss with residual r (centred), v = Xc'Sr / W, and the dual point theta = kappa r:

    gap = (1 - kappa)^2 r'Sr / 2W + sum_j [Omega_j(w_j) + Omega_j*(kappa v_j) - kappa w_j v_j]

Every summand is at least zero (Fenchel-Young), so that the gap is computed without cancellation,
from w, v and r'Sr alone: no pass over the data. kappa = 1 where l2 > 0 everywhere, else the
largest feasible scale; the better of the two where both serve (the dual is concave in kappa;
Mairal 2010, section 1.4).

Columns without any penalty (U) require theta orthogonal to them: r is projected,

    gap = v_U' H_UU^+ v_U / 2  +  gap at the projected residual,   v+ = v - H_:U H_UU^+ v_U,

so that an unpenalised fit's gap is half its squared gradient in the inverse Hessian's norm. Where
the square of U does not fit the memory, the gap holds within a stated box |w_j| <= R_j instead.

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
from leastwise.penalties import ElasticNet
from leastwise.problem import CONSTANT, Evaluation, Problem
from leastwise.quadratic import OverMoments, quadratic_form

Float = NDArray[np.float64]

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
    """For each output (k,): objective, gap, relative gap; and the box they need, if any."""

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
    l1, l2 = problem.strengths
    centre = problem.design.centre
    box: float | None = None
    if factor is not None and not l1.any():
        # All is quadratic, and the factor is of the whole Hessian: no dual point is better.
        slope = at.correlation - l2[:, None] * coef
        bound = np.maximum(0.5 * np.einsum("pk,pk->k", slope, factor.solve(slope)), 0.0)
    else:
        bound, box = _dual_gap(problem, coef, at)
    if supports is not None:
        bound = np.fmin(bound, _support_gap(problem, coef, at, supports))
    objective = problem.objective(coef, at.value)
    if (objective <= bound).all():
        box = None  # no objective is below zero, so that it bounds the gap itself, in no box
    total = np.minimum(bound, objective)
    rounding = (CONSTANT * centre.target_size) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(centre.null > 0.0, total / centre.null, np.inf)
    relative = np.where((centre.null == 0.0) & (total <= rounding), 0.0, ratio)
    return Gap(objective, total, relative, box)


def _dual_gap(problem: Problem, coef: Float, at: Evaluation) -> tuple[Float, float | None]:
    """The gap from the residual, projected and scaled, and the box it needs."""
    l1, l2 = problem.strengths
    free = (l1 == 0.0) & (l2 == 0.0) & (problem.design.centre.curvature > 0.0)
    spread, correlation = 2.0 * at.value, at.correlation
    loss_gap = np.zeros_like(at.value)
    radius: Float | None = None
    box: float | None = None
    if free.any():
        projection = _projection(problem, free)
        if projection is None:
            radius, box = _radius(problem, coef, free)
        else:
            solve, columns = projection
            a = solve(correlation[free])
            taken = np.einsum("uk,uk->k", correlation[free], a)
            loss_gap = 0.5 * np.maximum(taken, 0.0)
            spread = np.maximum(spread - taken, 0.0)
            correlation = correlation.copy() if columns is None else correlation - columns @ a
            correlation[free] = 0.0
    if radius is not None or l1.any() or l2.any():
        loss_gap = loss_gap + _penalised_gap(problem, coef, spread, correlation, free, radius)
    return loss_gap, box


def _penalised_gap(
    problem: Problem,
    coef: Float,
    spread: Float,
    correlation: Float,
    free: NDArray[np.bool_],
    radius: Float | None,
) -> Float:
    """The gap at theta = kappa r for the better of two kappas, an output at a time."""
    wv = np.einsum("pk,pk->k", coef, correlation)
    largest = problem.penalty.feasible_scale(np.where(free[:, None], 0.0, correlation))
    largest *= 1.0 - 4.0 * EPS  # scaled to the edge of the domain, rounding must not step over it
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.where(spread > 0.0, 1.0 + wv / spread, 1.0)
    l1, _ = problem.strengths
    lassoed = _lasso_scale(correlation, l1, largest)
    candidates = (np.minimum(1.0, largest), np.clip(best, -lassoed, lassoed))
    gaps = [
        _gap_at(problem, coef, spread, correlation, free, radius, kappa) for kappa in candidates
    ]
    return np.minimum(*gaps)


def _support_gap(
    problem: Problem, coef: Float, at: Evaluation, supports: Sequence[Support]
) -> Float:
    """The gap at the residual projected onto the supports' own equations.

    theta = kappa (r - X_A a), H_AA a = v_A - l1_A s_A, with the ridge's part as rows of X:

    a'(v_A + v+_A)/2 - kappa a'v+_A + S+ (1 - kappa)^2 / 2 + sum_j [l1_j |w_j| - kappa w_j v+_j],
    v+ = v - H a,   S+ = S - a'(v_A + v+_A),   S = r'Sr / W + sum_j l2_j w_j^2
    """
    l1, l2 = problem.strengths
    v = at.correlation - l2[:, None] * coef
    shift = np.zeros_like(coef)
    for output, support in enumerate(supports):
        right = v[support.columns, output] - l1[support.columns] * support.signs
        shift[support.columns, output] = support.factor.solve(right[:, None])[:, 0]
    form = quadratic_form(problem.design, problem.memory)
    moved = v - form.product(shift) - l2[:, None] * shift
    for output, support in enumerate(supports):
        moved[support.columns, output] = l1[support.columns] * support.signs
    both = np.einsum("pk,pk->k", shift, v + moved)
    spread = np.maximum(2.0 * at.value + l2 @ coef**2 - both, 0.0)
    outside = np.abs(moved) > l1[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(outside, l1[:, None] / np.abs(moved), 1.0).min(axis=0)
    summand = np.maximum(l1[:, None] * np.abs(coef) - kappa * coef * moved, 0.0)
    rest = 0.5 * spread * (1.0 - kappa) ** 2 + summand.sum(axis=0)
    bound = 0.5 * both - kappa * np.einsum("pk,pk->k", shift, moved) + rest
    # A pseudo-inverse cannot reach all directions of its support: there the projection is no proof.
    proved = [support.factor.root is not None or not support.columns.size for support in supports]
    return np.where(proved, bound, np.inf)


def _lasso_scale(correlation: Float, l1: Float, largest: Float) -> Float:
    """The largest scale with |kappa v_j| <= l1_j wherever there is an l1, whatever l2 is."""
    held = l1 > 0.0
    with np.errstate(divide="ignore"):
        ratio = np.where(
            correlation[held] != 0.0, l1[held][:, None] / np.abs(correlation[held]), np.inf
        )
    scale = np.minimum(ratio.min(axis=0, initial=np.inf), largest)
    return np.where(np.isfinite(scale), scale, 1.0)


def _gap_at(
    problem: Problem,
    coef: Float,
    spread: Float,
    correlation: Float,
    free: NDArray[np.bool_],
    radius: Float | None,
    kappa: Float,
) -> Float:
    l1, l2 = (strength[:, None] for strength in problem.strengths)
    v = kappa * correlation
    own = l1 * np.abs(coef) + 0.5 * l2 * coef**2
    over = np.maximum(np.abs(v) - l1, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        dual = np.where(l2 > 0.0, over**2 / (2.0 * l2), 0.0)
    if radius is not None:
        dual += np.where(free[:, None], radius * np.abs(v), 0.0)
        summand = np.maximum(own + dual - v * coef, 0.0)
    else:
        summand = np.where(free[:, None], 0.0, np.maximum(own + dual - v * coef, 0.0))
    return 0.5 * spread * (1.0 - kappa) ** 2 + summand.sum(axis=0)


def _radius(problem: Problem, coef: Float, free: NDArray[np.bool_]) -> tuple[Float, float]:
    centre = problem.design.centre
    scale = np.sqrt(2.0 * centre.null) / np.sqrt(np.where(free, centre.curvature, 1.0))[:, None]
    size = np.abs(coef[free])
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = np.where(size > 0.0, 10.0 * size / scale[free], 0.0)
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
