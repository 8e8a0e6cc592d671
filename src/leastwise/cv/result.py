"""What cross-validation found, and which strength it takes.

    mean_k = sum_f W_f e_fk / sum_f W_f
    se_k^2 = sum_f W_f (e_fk - mean_k)^2 / (sum_f W_f (F - 1))

"min" takes the least mean; "1se" the largest strength of the same ratio whose mean is within one
standard error of it (Breiman et al. 1984; Hastie, Tibshirani and Friedman 2009, section 7.10).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import DataError

Float = NDArray[np.float64]
RULES = ("min", "1se")


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Errors of R ratios times K strengths on F folds. It holds no row of data.

    Parameters
    ----------
    l1_ratios : (R,) ; strengths : (R, K), decreasing
    errors : (R, K, F) lower is better: for a score, minus the score; F = 1 without folds
    mean, standard_error : (R, K) over folds, by their weights; nan where there is none
    minimum, one_standard_error : (ratio, strength) indices that the two rules take
    rule : the rule that was asked for
    folds : how many rows each fold is judged by; empty without folds
    scoring : what the errors are
    route : "moments", "rows", "leave-one-out" or "gcv"
    gap : the worst relative duality gap of all fits in folds, which stop at the larger of 1e-8 and
    `tol`; nan where no fold is fitted (leave-one-out, gcv)
    passes : over the data
    notes : what to know about the choice, in sentences
    """

    l1_ratios: Float
    strengths: Float
    errors: Float
    mean: Float
    standard_error: Float
    minimum: tuple[int, int]
    one_standard_error: tuple[int, int]
    rule: str
    folds: tuple[int, ...]
    scoring: str
    route: str
    gap: float
    passes: float
    notes: tuple[str, ...] = ()

    @property
    def chosen(self) -> tuple[int, int]:
        """The indices that `rule` takes."""
        return self.minimum if self.rule == "min" else self.one_standard_error

    @property
    def taken(self) -> dict[str, tuple[int, int]]:
        """The indices that each rule takes, where errors have the standard errors that it needs."""
        known = bool(np.isfinite(self.standard_error[self.minimum]))
        return {"min": self.minimum} | ({"1se": self.one_standard_error} if known else {})

    @property
    def strength(self) -> float:
        """The strength that `rule` takes."""
        return float(self.strengths[self.chosen])

    @property
    def l1_ratio(self) -> float:
        """The ratio that `rule` takes."""
        return float(self.l1_ratios[self.chosen[0]])


def averages(errors: Float, weights: Float) -> tuple[Float, Float]:
    """(R, K) mean and standard error over folds (R, K, F) of weights (F,).

    Examples
    --------
    >>> averages(np.array([[[1.0, 3.0]]]), np.ones(2))
    (array([[2.]]), array([[1.]]))
    """
    share = weights / weights.sum()
    mean = errors @ share
    spread = (errors - mean[..., None]) ** 2 @ share
    return mean, np.sqrt(spread / (weights.size - 1))


def choices(mean: Float, error: Float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where the least mean is, and the largest strength of that ratio within its standard error.

    Examples
    --------
    >>> choices(np.array([[4.0, 2.4, 2.0, 2.2]]), np.full((1, 4), 0.5))
    ((0, 2), (0, 1))
    """
    if not np.isfinite(mean).any():
        raise DataError("no strength has a finite error: look at the rows of each fold")
    flat = int(np.nanargmin(mean))
    ratio, strength = divmod(flat, mean.shape[1])
    limit = mean[ratio, strength] + np.nan_to_num(error[ratio, strength])
    return (ratio, strength), (ratio, int(np.argmax(mean[ratio] <= limit)))
