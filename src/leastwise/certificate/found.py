"""What is known of a fit: its certificate, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.numerics.factors import Factor

Float = NDArray[np.float64]

PROVED = 1e-13  # a relative gap that no better proof is looked for
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

    @property
    def worst(self) -> float:
        """The largest relative gap."""
        return self.relative.item() if self.relative.size == 1 else float(self.relative.max())

    @property
    def summed(self) -> tuple[float, float]:
        """The objective and the gap of all outputs."""
        if self.gap.size == 1:  # NumPy's sums take longer than much of a path's strength does
            return self.objective.item(), self.gap.item()
        return float(self.objective.sum()), float(self.gap.sum())


@dataclass(frozen=True)
class Support:
    """One output's support.

    columns (m,) ; signs (m,), 0 where there is no l1 ; factor of H_AA + diag(l2_A)
    """

    columns: NDArray[np.intp]
    signs: Float
    factor: Factor
