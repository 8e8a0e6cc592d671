"""Uncertainty of an unpenalised least-squares fit: standard errors, t, p, intervals, F, R2.

    Cov(b, w) = sigma^2 (A' S A)^-1,  A = [1 X],   sigma^2 = sum_i s_i r_i^2 / (n - rank - 1)

Weights are taken as inverse variances up to a common factor, as R's lm and statsmodels' WLS take
them. For a penalised fit none of this holds (the estimate is biased by design), and none is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.factoring import factorise
from leastwise.fit import Fit
from leastwise.inference.table import (
    AWAY,
    BOUNDED,
    FORMLESS,
    LEVEL,
    LOOSE,
    PENALISED,
    SATURATED,
    UNCONVERGED,
    Inference,
    determined,
    undetermined,
)
from leastwise.numerics.factors import Factor
from leastwise.problem import Centre, Problem

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """What inference needs to know of a fit: small arrays, no rows.

    names, centre, sd (p,) of the columns ; coef (p, k), intercept (k,), residual (k,) sum of s r^2
    factor of the Hessian, or why there is none ; inverse : (A'SA)^-1 to full precision, if refined
    gap : of a solution by iteration; 0 for one by factorisation, where it is rounding
    """

    columns: tuple[str, ...]
    centre: Centre
    sd: Float
    coef: Float
    intercept: Float
    residual: Float
    rank: int
    factor: Factor | None
    why: str | None
    inverse: Float | None
    gap: float


def evidence(problem: Problem, fit: Fit) -> Evidence:
    """Collect what `infer` needs; the rows may be forgotten afterwards."""
    design = problem.design
    centre = design.centre
    factor, why = _factor(problem, fit)
    refined = fit.refined
    return Evidence(
        design.source.columns,
        centre,
        np.sqrt(np.maximum(design.moments(full=False).squares, 0.0) / centre.weight),
        fit.coef,
        fit.intercept,
        2.0 * centre.weight * fit.value if refined is None else refined.squares,
        min(int((centre.curvature > 0.0).sum()), centre.rows - design.intercept)
        if factor is None
        else factor.rank,
        factor,
        why,
        None if refined is None else refined.inverse,
        0.0 if fit.factor is not None else fit.certificate.gap,
    )


def infer(known: Evidence) -> tuple[Inference, ...]:
    """The coefficient table of every output.

    Source: Draper and Smith (1998), chapters 4 and 5; checked against NIST's certified deviations.
    """
    spread = None if known.factor is None else _inverse_diagonal(known, known.factor)
    return tuple(_table(known, output, spread) for output in range(known.coef.shape[1]))


def _factor(problem: Problem, fit: Fit) -> tuple[Factor | None, str | None]:
    """A factor of the Hessian to take errors from, or why there is none."""
    if any(strength.any() for strength in problem.strengths):
        return None, PENALISED
    if problem.penalty.bounded:
        return None, BOUNDED
    if not fit.certificate.converged:
        return None, UNCONVERGED
    if fit.factor is not None:
        return fit.factor, None
    p, rows = problem.design.columns, problem.design.centre.rows
    if rows <= p:
        return None, SATURATED.format(rows=rows, count=p)
    if not problem.design.moments(full=False).full:
        return None, FORMLESS
    factored = factorise(problem)
    assert factored is not None, "only Cholesky by name can fail"
    return factored.factor, None


def _inverse_diagonal(known: Evidence, factor: Factor) -> Float:
    """The diagonal of (A'SA)^-1 in the table's order."""
    if known.inverse is not None:
        return np.diagonal(known.inverse)
    centre = known.centre
    inverse = factor.inverse() / centre.weight
    slopes = np.diagonal(inverse)
    if centre.mean is None:
        return slopes
    return np.concatenate([[1.0 / centre.weight + centre.mean @ inverse @ centre.mean], slopes])


def _table(known: Evidence, output: int, spread: Float | None) -> Inference:
    from scipy.special import fdtrc, stdtr, stdtrit

    centre, factor = known.centre, known.factor
    first = 0 if centre.mean is None else 1
    names = ("intercept",) * first + known.columns
    slopes = known.coef[:, output]
    coef = np.concatenate([known.intercept[output : output + first], slopes])
    per_sd = np.concatenate([np.full(first, np.nan), slopes * known.sd])
    residual = float(known.residual[output])
    whole = 2.0 * centre.weight * float(centre.null[output])
    r2 = 1.0 - residual / whole if whole > 0.0 else np.nan
    freedom = float(centre.rows - known.rank - first)
    why = known.why
    if factor is not None and freedom <= 0.0:
        why = SATURATED.format(rows=centre.rows, count=known.rank + first)
    away = 0.0
    if factor is not None and freedom > 0.0 and residual > 0.0:
        # |w_j - w*_j| <= sqrt(2 gap (H^-1)_jj); the standard error is sigma sqrt((H^-1)_jj / W).
        away = float(np.sqrt(2.0 * known.gap * centre.weight / (residual / freedom)))
        if away > AWAY:
            why = LOOSE.format(away=away)
    if spread is None or factor is None or freedom <= 0.0 or away > AWAY:
        return Inference(
            names, coef, per_sd, None, None, None, None, None, why, centre.rows, freedom, None, r2,
            None, None, None, None,
        )  # fmt: skip
    sigma = float(np.sqrt(residual / freedom))
    error = sigma * np.sqrt(np.maximum(spread, 0.0))
    known_ones = determined(centre.mean, factor.identified, factor.live, factor.null)
    if not known_ones.all():
        error[~known_ones] = np.nan
        why = undetermined(names, known_ones)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = coef / error
    half = float(stdtrit(freedom, 0.5 + LEVEL / 2.0)) * error
    f = f_p = f_df = None
    if known.rank > 0 and whole > 0.0:
        f_df = (float(known.rank), freedom)
        f = (whole - residual) / known.rank / sigma**2 if sigma > 0.0 else np.inf
        f_p = float(fdtrc(*f_df, f)) if np.isfinite(f) else 0.0
    return Inference(
        names,
        coef,
        per_sd,
        error,
        t,
        2.0 * stdtr(freedom, -np.abs(t)),
        coef - half,
        coef + half,
        why,
        centre.rows,
        freedom,
        sigma,
        r2,
        1.0 - (1.0 - r2) * (centre.rows - first) / freedom,
        f,
        f_p,
        f_df,
    )
