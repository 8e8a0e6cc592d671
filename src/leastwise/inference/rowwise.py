"""Uncertainty of an unpenalised fit of another loss than the squared one, by large-sample theory.

    Cov(b, w) = T B^+ M B^+ T',   B = sum_i s_i d_i a_i a_i',   M = sum_i s_i m_i a_i a_i'

with a = (1, x - x̄), T the change from b~ to b, and the weights s scaled to sum to the number of
rows n: only their ratios matter.

    logistic, multinomial   d the curvature, M = B: the inverse Fisher information (Fisher 1925)
    huber                   d = 1, m = K^2 [sum s u^2 / (n - p)] / mean(u')^2 (Huber 1973; H1)
    absolute, quantile(q)   d = f(0), m = q^2 above and (1 - q)^2 below: a kernel sandwich after
                            Powell (1991) with one density f(0) for all rows, by Epanechnikov's
                            kernel and Hall and Sheather's bandwidth (1988), as Stata has it

The classes of the multinomial loss are told apart up to a constant in each row: their coefficients
sum to zero over the classes, and the errors are those of that sum's complement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from leastwise.blocks import Block
from leastwise.fit import Fit
from leastwise.inference.density import density_at_zero, least_residual
from leastwise.inference.table import (
    AWAY,
    BOUNDED,
    CROWDED,
    FLAT,
    LEVEL,
    LOOSE,
    NARROW,
    PENALISED,
    SATURATED,
    SEPARATED,
    UNCONVERGED,
    Inference,
    determined,
    undetermined,
)
from leastwise.losses.pinball import Pinball
from leastwise.numerics.factors import Factor, from_gram
from leastwise.problem import Design, Problem
from leastwise.rowwise import RowPoint, Rowwise

Float = NDArray[np.float64]

LIKELIHOOD = "inverse Fisher information"
CURVED = 3.0  # rows with curvature, for each coefficient, from which on their share tells
SANDWICH = "Huber's sandwich (1973, H1)"
Found = tuple[str | None, Float | None, NDArray[np.bool_] | None, str]

KERNEL = "kernel sandwich with Hall and Sheather's bandwidth, as Stata and statsmodels have it"


@dataclass(frozen=True)
class RowEvidence:
    """What the tables say, as small arrays.

    names (m,) ; coef, per_sd, error (k, m), no error where `why` has a reason in every entry
    known : (k, m) whether the data determine a coefficient ; covariance : in words
    """

    names: tuple[str, ...]
    coef: Float
    per_sd: Float
    error: Float | None
    known: NDArray[np.bool_] | None
    why: str | None
    rows: int
    freedom: float
    covariance: str


def evidence(problem: Problem, fit: Fit) -> RowEvidence:
    """Standard errors while the rows are there: a product of the columns, or one a pair of classes.

    A fit that is penalised, bounded, unconverged or separated gets none.
    """

    def spread(n: int, freedom: float) -> Found:
        assert fit.at is not None, "kept with every fit"
        assert fit.at.point is not None, "of such a loss"
        return _spread(problem, fit, fit.at.point, n, freedom)

    return described(problem, fit, spread)


def described(problem: Problem, fit: Fit, spread: Callable[[int, float], Found]) -> RowEvidence:
    """The evidence, with the errors of n rows and their degrees of freedom from `spread`."""
    design = problem.design
    first = int(design.intercept)
    names = ("intercept",) * first + design.source.columns
    moments = design.moments(full=False)
    sd = np.sqrt(np.maximum(moments.squares, 0.0) / design.centre.weight)
    coef = np.vstack([fit.intercept[None, :][:first], fit.coef]).T
    per_sd = np.hstack([np.full((coef.shape[0], first), np.nan), (fit.coef * sd[:, None]).T])
    live = int((design.centre.curvature > 0.0).sum())
    rows, freedom = design.centre.rows, float(design.centre.rows - live - first)
    error = known = None
    covariance = ""
    why = _refused(problem, fit, live + first, freedom)
    if why is None:
        why, error, known, covariance = spread(rows, freedom)
    return RowEvidence(names, coef, per_sd, error, known, why, rows, freedom, covariance)


def foresee(problem: Problem) -> None:
    """Have the first pass sum up what `evidence` will ask for, where that is known before a fit."""
    design = problem.design
    located = design.loss.located and not design.loss.quadratic
    free = not problem.penalty.bounded and not any(part.any() for part in problem.strengths)
    if located and free and design.worth_moments(problem.memory):
        design.moments()


def infer(given: RowEvidence) -> tuple[Inference, ...]:
    """The coefficient table of every output."""
    return tuple(_table(given, output) for output in range(given.coef.shape[0]))


def _refused(problem: Problem, fit: Fit, count: int, freedom: float) -> str | None:
    """Why there are no standard errors, or None."""
    design = problem.design
    if any(strength.any() for strength in problem.strengths):
        return PENALISED
    if problem.penalty.bounded:
        return BOUNDED
    if fit.separation is not None:
        return SEPARATED
    if not fit.certificate.converged:
        return UNCONVERGED
    if freedom <= 0.0:
        return SATURATED.format(rows=design.centre.rows, count=count)
    size = count * (len(design.source.targets) if design.loss.coupled else 1)
    if 8 * 4 * size**2 > problem.memory:
        return CROWDED.format(size=size)
    # |w_j - w*_j| <= sqrt(2 gap (H^-1)_jj), and a likelihood's error is sqrt((H^-1)_jj / n).
    away = float(np.sqrt(2.0 * fit.certificate.gap * design.centre.rows))
    if design.loss.of_classes and away > AWAY:
        return LOOSE.format(away=away).replace("solver='closed-form'", "solver='newton'")
    return None


def _spread(problem: Problem, fit: Fit, point: RowPoint, n: int, freedom: float) -> Found:
    """Why there are none, (k, m) standard errors, what is determined, and how, in words."""
    rows, loss = problem.design.rows, problem.design.loss
    if loss.coupled:
        return None, *_classes(rows, point, n), LIKELIHOOD
    if loss.of_classes:
        outputs = range(point.eta[0].shape[1])
        parts = [_likelihood(rows, point, output, n) for output in outputs]
        return None, np.stack([e for e, _ in parts]), np.stack([k for _, k in parts]), LIKELIHOOD
    gram = n * even_gram(problem.design)
    factor = from_gram(gram)
    inverse = factor.inverse()
    pinball = isinstance(loss, Pinball)
    spread = np.sqrt(np.maximum(problem.design.moments().yy, 0.0) / rows.weight)
    errors: list[Float] = []
    for output in range(point.eta[0].shape[1]):
        if isinstance(loss, Pinball):
            own = float(spread[output])
            level, coef = float(fit.intercept[output]), fit.coef[:, output]
            least = least_residual(own, level, coef, rows.mean)
            cov = _kernel(rows, loss, point, output, gram, inverse, n, own, least)
        else:
            cov = _robust(rows, point, output, inverse, n, freedom)
        if cov is None:
            return FLAT if pinball else NARROW, None, None, ""
        errors.append(errors_of(rows, cov))
    known = np.tile(known_of(rows, factor), (len(errors), 1))
    return None, np.stack(errors), known, KERNEL if pinball else SANDWICH


def _gram(rows: Rowwise, weights: list[Float]) -> Float:
    """(m, m) sum_i s_i weights_i a_i a_i', a = (1, x - x̄), or x without an intercept.

    weights: a block's entries (m, 1), not negative.
    """

    def statistic(block: Block, weight: Float) -> list[Float]:
        view = block.centred(rows.mean, copy=True)
        s = block.weighted(weight)
        return [view.cross(s[:, 0]), view.back(s), s.sum(axis=0, keepdims=True)]

    cross, mixed, total = rows.source.reduce(
        statistic, lambda a, b: [x + y for x, y in zip(a, b, strict=True)], weights
    )
    return np.block([[total, mixed.T], [mixed, cross]]) if rows.intercept else cross


def even_gram(design: Design) -> Float:
    """(m, m) the mean of a_i a_i', from the moments."""
    return block_diag(1.0, design.gram) if design.intercept else design.gram


def errors_of(rows: Rowwise, cov: Float) -> Float:
    """(m,) standard errors of (b, w) from Cov(b~, w)."""
    spread = np.diagonal(cov).copy()
    if rows.mean is not None:
        mean = rows.mean
        spread[0] += mean @ cov[1:, 1:] @ mean - 2.0 * cov[0, 1:] @ mean
    return np.sqrt(np.maximum(spread, 0.0))


def known_of(rows: Rowwise, factor: Factor, start: int = 0) -> NDArray[np.bool_]:
    """(m,) what the data determine, of the outputs' part of a factor that begins at `start`."""
    first = int(rows.intercept)
    size = first + len(rows.source.columns)
    own = (factor.live >= start + first) & (factor.live < start + size)
    null = None if factor.null is None else factor.null[own]
    columns = factor.live[own] - start - first
    return determined(rows.mean, factor.identified[start + first : start + size], columns, null)


def _likelihood(
    rows: Rowwise, point: RowPoint, output: int, n: int
) -> tuple[Float, NDArray[np.bool_]]:
    """(m,) errors of one output from the inverse information, and what is determined."""
    pairs = point.pairs
    curvature = rows.each(lambda block, pair: rows.loss.curvature(*pair)[:, [output]], pairs)
    factor = from_gram(_gram(rows, curvature) * (n / rows.weight))
    return errors_of(rows, factor.inverse()), known_of(rows, factor)


def _classes(rows: Rowwise, point: RowPoint, n: int) -> tuple[Float, NDArray[np.bool_]]:
    """(K, m) errors of coupled classes and what is determined.

    The information is zero where all classes move alike. With any G > 0 put there,
    (H + 11'/K (x) G)^-1 = H^+ + 11'/K (x) G^-1.
    """
    loss, K = rows.loss, point.eta[0].shape[1]
    pairs = point.pairs
    m = len(rows.source.columns) + int(rows.intercept)
    H = np.zeros((K, m, K, m))
    for b in range(K):
        unit = np.eye(K)[b]

        def column(block: Block, pair: tuple[Float, Float], unit: Float = unit) -> Float:
            y, eta = pair
            return loss.curvature_product(y, eta, np.broadcast_to(unit, eta.shape))

        curved = rows.each(column, pairs)
        for a in range(b + 1):
            part = _gram(rows, [np.abs(entry[:, [a]]) for entry in curved])
            H[a, :, b, :] = H[b, :, a, :] = part if a == b else -part
    H *= n / rows.weight
    gauge = np.einsum("ajaj->j", H) / K
    places = np.arange(m)
    H[:, places, :, places] += (gauge / K)[:, None, None]
    factor = from_gram(H.reshape(K * m, K * m))
    inverse = factor.inverse().reshape(K, m, K, m)
    inverse[:, places, :, places] -= np.divide(1.0, K * gauge, where=gauge > 0.0, out=0.0 * gauge)[
        :, None, None
    ]
    errors = np.stack([errors_of(rows, inverse[k, :, k, :]) for k in range(K)])
    return errors, np.stack([known_of(rows, factor, k * m) for k in range(K)])


def _robust(
    rows: Rowwise, point: RowPoint, output: int, inverse: Float, n: int, freedom: float
) -> Float | None:
    """Cov(b~, w) of a smooth loss of y - eta: K^2 [sum u^2 / (n - p)] / mean(u')^2 (A'A)^-1.

    K = 1 + (p / n) var(u') / mean(u')^2 (Huber 1973, equation 2.9). None where hardly more rows
    have curvature than a fit interpolates at any width: these say nothing of how many there are.
    """
    loss = rows.loss
    pairs = point.pairs

    def sums(block: Block, pair: tuple[Float, Float]) -> Float:
        slope, curved = loss.slope(*pair), loss.curvature(*pair)
        parts = (slope**2, curved, curved**2)
        heavy = [block.weighted(part).sum(axis=0)[output] for part in parts]
        return np.array([*heavy, float(np.count_nonzero(block.weighted(curved)[:, output]))])

    *parts, within = rows.sum(sums, pairs)
    if within < min(CURVED * (n - freedom), 0.5 * n):
        return None
    squares, mean, second = np.array(parts) / rows.weight
    k = 1.0 + (n - freedom) / n * (second - mean**2) / mean**2
    return k**2 * (n * squares / freedom) / mean**2 * inverse


def _kernel(
    rows: Rowwise,
    loss: Pinball,
    point: RowPoint,
    output: int,
    gram: Float,
    inverse: Float,
    n: int,
    spread: float,
    least: float,
) -> Float | None:
    """Cov(b~, w) of a loss of one kink; None where no residual is near zero.

    gram (m, m) and its inverse are those of even weights ; spread : the deviation of y ; least :
    what a residual is above that is not zero
    """
    q, size = loss.under / (loss.under + loss.over), loss.under + loss.over
    pairs = point.pairs
    residual = [(y - eta)[:, [output]] for y, eta in pairs]
    r, s = np.concatenate(residual)[:, 0], rows.weights
    if s is not None:
        used = s > 0.0
        r, s = r[used], s[used] * (n / rows.weight)
    at_zero = density_at_zero(r, s, q, n, spread)
    if at_zero is None:
        return None
    if loss.under == loss.over:
        meat = loss.under**2 * gram
    else:
        sides = [np.where(part > least, loss.under**2, loss.over**2) for part in residual]
        meat = _gram(rows, sides) * (n / rows.weight)
    return inverse @ (meat / (size * at_zero) ** 2) @ inverse


def _table(given: RowEvidence, output: int) -> Inference:
    from scipy.special import ndtr, ndtri

    names, coef, per_sd = given.names, given.coef[output], given.per_sd[output]
    if given.error is None or given.known is None:
        return Inference(
            names, coef, per_sd, None, None, None, None, None, given.why, given.rows,
            given.freedom, None, np.nan, None, None, None, None, "z",
        )  # fmt: skip
    known = given.known[output]
    error = np.where(known, given.error[output], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = coef / error
    half = float(ndtri(0.5 + LEVEL / 2.0)) * error
    return Inference(
        names,
        coef,
        per_sd,
        error,
        z,
        2.0 * ndtr(-np.abs(z)),
        coef - half,
        coef + half,
        None if known.all() else undetermined(names, known),
        given.rows,
        given.freedom,
        None,
        np.nan,
        None,
        None,
        None,
        None,
        "z",
        given.covariance,
    )
