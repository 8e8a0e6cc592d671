"""The coefficient table of one output, and why it may hold no standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

LEVEL = 0.95
AWAY = 0.1  # standard errors that a fit may be from the optimum for its table to be given

PENALISED = (
    "no standard errors: a penalised estimate is biased towards zero on purpose, and the usual "
    "formulas would understate its uncertainty; fit with l1 = 0 and l2 = 0, or bootstrap"
)
BOUNDED = (
    "no standard errors: coefficients are held within bounds, of which the usual formulas know "
    "nothing; fit without bounds, or bootstrap"
)
SATURATED = (
    "no standard errors: there are no residual degrees of freedom ({rows} rows for {count} "
    "coefficients)"
)
LOOSE = (
    "no standard errors: the fit may be {away:.2g} of them from the optimum at this tolerance; "
    "lower tol, or take solver='closed-form'"
)
UNCONVERGED = "no standard errors: they hold at the optimum only, and the fit did not converge"
SEPARATED = (
    "no standard errors: the columns tell classes exactly, so that no finite coefficients are "
    "best; add a penalty"
)
CROWDED = "no standard errors: their matrix of {size} coefficients does not fit the memory allowed"
FLAT = "no standard errors: no residual is near enough to zero to tell how dense they are there"
NARROW = (
    "no standard errors: too few residuals are within the width, beyond which the loss has no "
    "curvature; a larger width tells more"
)
HELD = "no standard errors: some quantiles hold others off, so that they would not cross"
FORMLESS = (
    "no standard errors: this solver formed no matrix of the columns' moments; take "
    "solver='closed-form'"
)


@dataclass(frozen=True)
class Inference:
    """The coefficient table of one output, and what is said of the whole.

    Parameters
    ----------
    names : (m,) "intercept" first where there is one, then the columns
    coef : (m,) in the table's units ; per_sd : (m,) times the column's standard deviation, nan for
    the intercept
    error, t, p : (m,) standard errors, coef / error, two-sided p-values; None where `why` says so
    low, high : (m,) the 95 % interval
    why : why there are none, or why some entries are nan; None where all is there
    rows : n with a positive weight ; degrees_of_freedom : n - rank - 1
    sigma : residual standard deviation ; r2, r2_adjusted : nan for a constant target, and r2 for
    another loss than the squared one
    f, f_p, f_df : the F test of all columns against none, its p-value and degrees of freedom
    statistic : what t is compared with: "t" with its degrees of freedom, or "z", the normal one
    covariance : how the errors were found, in words; empty for the classical formula
    """

    names: tuple[str, ...]
    coef: Float
    per_sd: Float
    error: Float | None
    t: Float | None
    p: Float | None
    low: Float | None
    high: Float | None
    why: str | None
    rows: int
    degrees_of_freedom: float
    sigma: float | None
    r2: float
    r2_adjusted: float | None
    f: float | None
    f_p: float | None
    f_df: tuple[float, float] | None
    statistic: str = "t"
    covariance: str = ""


def determined(
    mean: Float | None,
    identified: NDArray[np.bool_],
    live: NDArray[np.intp],
    null: Float | None,
) -> NDArray[np.bool_]:
    """Which of the table's coefficients the data determine, the intercept first.

    Parameters
    ----------
    mean : (p,) of the columns, or None without an intercept
    identified, live, null : of the factor of the columns' Hessian
    """
    if mean is None:
        return identified
    intercept = True
    if null is not None:
        # b = b~ - mean of x · w is determined where no undetermined direction of w moves it.
        moved = np.abs(mean[live] @ null)
        reach = np.abs(mean[live]) @ np.abs(null)
        intercept = bool((moved <= 1e-8 * reach).all())
    return np.concatenate([[intercept], identified])


def undetermined(names: Sequence[str], known: NDArray[np.bool_]) -> str:
    """The coefficients that have no standard error, in words."""
    missing = [names[int(i)] for i in np.flatnonzero(~known)]
    shown = ", ".join(missing[:8]) + (" ..." if len(missing) > 8 else "")
    return f"the data do not determine {shown}: no standard error for these"
