"""lw.evidence: Bayesian ridge from arrays, frames and tables."""

from __future__ import annotations

import warnings
from typing import Any

from numpy.typing import ArrayLike

from leastwise.bayesian import Evidence, evidence_source
from leastwise.errors import ConvergenceWarning, LeastwiseWarning
from leastwise.estimators.arrays import factors_of, rows_of
from leastwise.solvers import Solver


def evidence(
    X: Any,
    y: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    intercept: bool = True,
    standardize: bool = False,
    factors: ArrayLike | None = None,
    solver: str | Solver = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    memory: str | int | None = None,
) -> Evidence | tuple[Evidence, ...]:
    """Bayesian ridge: noise and prior by the largest evidence, the posterior at them.

    The model, and what is maximised over sigma2 and tau2::

        y_i = b + x_i·w + e_i,   e_i ~ N(0, sigma2),   w_j ~ N(0, tau2 / f_j),   b flat
        log density of the contrasts of y:  yc ~ N(0, sigma2 I + tau2 Xc F^-1 Xc')

    The posterior mean is the ridge at l2 = sigma2 / (n tau2), on the scale of `LeastSquares`. The
    maximum is that over all ratios of the two variances, found on the singular values of Xc
    (MacKay 1992, whose fixed point it is; Patterson and Thompson 1971 for the contrasts).

    Parameters
    ----------
    X, y
        Rows as `LeastSquares.fit` takes them: arrays, a frame, a sparse matrix, or a table alone.
    sample_weight : (n,) array or None
        How often each row was seen (frequencies): a weight of 2 is the row twice, and n is the sum
        of the weights. Weights on another scale give another evidence.
    intercept : bool
        Whether there is b, of flat prior.
    standardize : bool
        Whether w_j ~ N(0, tau2 / (f_j sd_j^2)), sd_j its column's standard deviation.
    factors : (p,) array or None
        f_j; 0 gives a column a flat prior, infinity leaves it out.
    solver, tol, max_iter, memory
        Of the certified fit at that l2, as in `LeastSquares`. The search itself has no tolerance:
        it ends at rounding.

    Returns
    -------
    Evidence, or a tuple of them, one a target, where y has two dimensions

    Raises
    ------
    UsageError
        If an argument is out of range, or the posterior does not fit the memory.
    DataError
        If the data cannot be fitted, columns of flat prior are collinear, or weights count too few
        rows. Both are ValueErrors.

    Warns
    -----
    LeastwiseWarning
        A perfect fit (sigma2 = 0), pure noise (tau2 = 0) and what else `notes` says.

    Examples
    --------
    >>> import numpy as np
    >>> import leastwise as lw
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = X @ [1.0, 0.0, -2.0] + rng.normal(scale=0.5, size=200)
    >>> found = lw.evidence(X, y)
    >>> round(found.sigma2 ** 0.5, 2), found.certificate.converged
    (0.51, True)
    >>> low, high = found.interval([[1.0, 0.0, 0.0]])
    >>> bool(low[0] < 1.0 < high[0])
    True
    """
    source, one = rows_of(None, X, y, sample_weight)
    found = tuple(
        evidence_source(
            part,
            factors=factors_of(factors),
            standardize=standardize,
            intercept=intercept,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            memory=memory,
        )
        for part in source.each_target()
    )
    for each in found:
        for note in each.notes:
            warnings.warn(note, LeastwiseWarning, stacklevel=2)
        reached = each.certificate
        if not reached.converged:
            warnings.warn(
                f"not converged: relative gap {reached.relative_gap:.2g} > tol {tol:g} "
                f"({reached.reason})",
                ConvergenceWarning,
                stacklevel=2,
            )
    return found[0] if one else found
