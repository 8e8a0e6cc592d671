"""What each coefficient adds to a gap, and the box a free one is held in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate.found import BOX
from leastwise.numerics.factors import EPS
from leastwise.penalties import conjugates
from leastwise.problem import Problem

Float = NDArray[np.float64]

ROUNDING = 64.0 * EPS  # of l1: what is beyond it by that is inside, a hardly smaller scale
SMALLEST = 1e-300  # in place of a strength of zero, where nothing is divided


class Terms:
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
        # Where the units of columns differ by far, the bound of one makes much of its rounding.
        rounded = (self._size > self.l1) & (self._size <= self.l1 * (1.0 + ROUNDING))
        self._kept = self._least_ratio((self._endless & (self.l2 == 0.0)) | rounded)

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


def boxed_in(
    problem: Problem, coef: Float, boxed: NDArray[np.bool_], lower: Float, upper: Float
) -> tuple[Float, Float, float | None]:
    """Bounds (p,) or (p, k) with the boxed columns held in |w_j| <= R_j, and the box, if any is."""
    if not boxed.any():
        return lower, upper, None
    reached, box = radius(problem, coef, boxed)
    reached = problem.penalty.measure(reached)  # the ball around the box where rows are joined
    lower = np.where(boxed[:, None], np.maximum(lower[:, None], -reached), lower[:, None])
    upper = np.where(boxed[:, None], np.minimum(upper[:, None], reached), upper[:, None])
    return lower, upper, box


def radius(problem: Problem, coef: Float, boxed: NDArray[np.bool_]) -> tuple[Float, float]:
    """(p, k) R_j of the boxed columns, and how many sd(y) / sd(x_j) that is."""
    centre = problem.design.centre
    spread = problem.design.loss.spread(centre.null)
    scale = spread / np.sqrt(np.where(boxed, centre.curvature, 1.0))[:, None]
    size = np.abs(coef[boxed])
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = np.where(size > 0.0, 10.0 * size / scale[boxed], 0.0)
    box = max(BOX, float(reached.max(initial=0.0)) if np.isfinite(reached).all() else BOX)
    return box * scale, box
