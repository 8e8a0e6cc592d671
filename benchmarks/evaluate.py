"""The one judge: objective and duality gap of any coefficients, whoever found them.

    P(b, w) = ‖y − b − Xw‖²/(2n) + l1 ‖w‖₁ + l2/2 ‖w‖²
    D(θ)    = y'θ/n − ‖θ‖²/(2n) − Σ_j pen*(x_j'θ/n),   θ a multiple of the residual, summing to 0

Gaps are divided by the objective of the intercept-only model. Everything is float64 and centred:
the residual is centred, so that X needs no centred copy, whatever its size or format. The gap is
summed from terms that are never negative (Fenchel and Young), so that one of 1e-14 is still seen.
Nothing of leastwise is used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

CHUNK_BYTES = 1 << 28  # of residuals held at a time


@dataclass(frozen=True)
class Judgement:
    """What the evaluator says of K points: objectives and gaps (K,), relative to the null's."""

    objectives: Float
    gaps: Float

    @property
    def worst(self) -> float:
        return float(self.gaps.max())


class Evaluator:
    """Judges points of one problem; X is dense or sparse (n, p), y is (n,)."""

    def __init__(self, X: Any, y: Float, *, intercept: bool) -> None:
        self.X, self.n = X, len(y)
        ones = np.ones(self.n) / self.n
        self.x_mean = np.asarray(X.T @ ones).ravel() if intercept else np.zeros(X.shape[1])
        self.y_mean = float(y.mean()) if intercept else 0.0
        self.yc = y - self.y_mean
        if intercept:
            self.yc -= self.yc.mean()
        self.intercept = intercept
        self.null = 0.5 * float(self.yc @ self.yc) / self.n

    def largest_strength(self, l1_ratio: float) -> float:
        """The smallest strength at which every coefficient is zero."""
        return float(np.abs(self._correlations(self.yc[:, None])).max()) / l1_ratio

    def judge(self, coef: Float, intercepts: Float, strengths: Float, l1_ratio: float) -> Judgement:
        """Judge `coef` (p, K) with `intercepts` (K,) at `strengths` (K,)."""
        size = max(1, CHUNK_BYTES // (8 * self.n))
        parts = [
            self._chunk(coef[:, at : at + size], intercepts[at : at + size], l1, l2)
            for at in range(0, len(strengths), size)
            for l1 in (strengths[at : at + size] * l1_ratio,)
            for l2 in (strengths[at : at + size] * (1.0 - l1_ratio),)
        ]
        objectives, gaps = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Judgement(objectives / self.null, gaps / self.null)

    def _correlations(self, residuals: Float) -> Float:
        """X'R/n (p, K) for centred residuals."""
        return np.asarray(self.X.T @ residuals) / self.n

    def _residuals(self, coef: Float) -> Float:
        """y − Xw (n, K), centred where there is an intercept."""
        if hasattr(self.X, "tocsc") and np.count_nonzero(coef) < 0.1 * coef.size:
            from scipy.sparse import csc_array

            eta = (self.X @ csc_array(coef)).toarray()
        else:
            eta = np.asarray(self.X @ coef)
        residuals = self.yc[:, None] - eta
        if self.intercept:
            residuals -= residuals.mean(axis=0)
        return residuals

    def _chunk(self, coef: Float, intercepts: Float, l1: Float, l2: Float) -> tuple[Float, Float]:
        residuals = self._residuals(coef)
        squares = np.einsum("ik,ik->k", residuals, residuals) / self.n
        g = self._correlations(residuals)
        # A wrong intercept costs its square, in the objective and so in the gap.
        off = self.y_mean - self.x_mean @ coef - intercepts if self.intercept else 0.0 * l1
        penalty = l1 * np.abs(coef).sum(axis=0) + 0.5 * l2 * (coef * coef).sum(axis=0)
        gaps = [
            _gap(coef[:, k], g[:, k], float(squares[k]), float(l1[k]), float(l2[k]))
            for k in range(len(l1))
        ]
        return 0.5 * (squares + off * off) + penalty, np.asarray(gaps) + 0.5 * off * off


def _gap(w: Float, g: Float, square: float, l1: float, l2: float) -> float:
    """P(w) − D(c r), the least over some multiples c of the residual r.

    `square` is ‖r‖²/n and `g` is X'r/n. Each c gives a valid lower bound of the optimum.
    """
    steepest = float(np.abs(g).max(initial=0.0))
    scaled = min(1.0, l1 / steepest) if steepest > 0 else 1.0
    if l2 == 0:
        best = 1.0 + float(w @ g) / square if square > 0 else 1.0
        most = l1 / steepest if steepest > 0 else 1.0
        multiples = {min(max(best, -most), most)}
    else:
        multiples = {1.0, scaled}
    return min(_gap_at(c, w, g, square, l1, l2) for c in multiples)


def _gap_at(c: float, w: Float, g: Float, square: float, l1: float, l2: float) -> float:
    clipped = np.clip(c * g, -l1, l1)
    gap = 0.5 * (1.0 - c) ** 2 * square + float(np.sum(l1 * np.abs(w) - w * clipped))
    if l2 > 0:
        gap += 0.5 * l2 * float(np.sum((w - (c * g - clipped) / l2) ** 2))
    return max(gap, 0.0)
