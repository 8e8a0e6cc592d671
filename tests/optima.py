"""Optima found without leastwise: plain NumPy on all rows at once, slow and sure."""

from dataclasses import dataclass
from itertools import product

import numpy as np


@dataclass(frozen=True)
class Case:
    """Rows and penalty of one problem: X (n, p), y (n, k), weight (n,), factors (p,) or None."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None
    l1: float = 0.0
    l2: float = 0.0
    factors: np.ndarray | None = None
    intercept: bool = True

    @property
    def strengths(self):
        """(p,) l1 and (p,) l2 of each column."""
        f = np.ones(self.X.shape[1]) if self.factors is None else self.factors
        return self.l1 * f, self.l2 * f

    @property
    def centred(self):
        """Xc, yc, and the weights as shares: what is left when the intercept is at its best."""
        n = self.X.shape[0]
        share = np.ones(n) / n if self.weight is None else self.weight / self.weight.sum()
        y = self.y.reshape(n, -1)
        if not self.intercept:
            return self.X, y, share
        return self.X - share @ self.X, y - share @ y, share

    def objective(self, w):
        """(k,) F at w (p, k), the intercept at its best."""
        X, y, share = self.centred
        l1, l2 = self.strengths
        return 0.5 * share @ (y - X @ w) ** 2 + l1 @ np.abs(w) + 0.5 * l2 @ w**2

    def optimum(self):
        """w (p, k): the best of the solutions over all 3^p patterns of signs; least norm if no l1.

        On the right pattern the equations of its support hold, so that the optimum is among them.
        They are solved through singular values of the rows, never of their squares.
        """
        X, y, share = self.centred
        l1, l2 = self.strengths
        root = np.sqrt(share)[:, None]
        rows = np.vstack([root * X, np.diag(np.sqrt(l2))])
        right = np.vstack([root * y, np.zeros((l2.size, y.shape[1]))])
        basis, rows = np.linalg.qr(rows)
        right = basis.T @ right
        choices = [(-1, 0, 1) if strength > 0.0 else (1,) for strength in l1]
        best = np.zeros((l1.size, y.shape[1]))
        least = self.objective(best)
        for signs in product(*choices):
            pattern = np.array(signs, float)
            support = np.flatnonzero(pattern)
            if support.size == 0:
                continue
            left, singular, turned = np.linalg.svd(rows[:, support], full_matrices=False)
            kept = singular > 1e-13 * singular[0]
            left, singular, turned = left[:, kept], singular[kept, None], turned[kept]
            pull = turned @ (l1 * pattern)[support, None]
            w = np.zeros_like(best)
            w[support] = turned.T @ ((left.T @ right - pull / singular) / singular)
            value = self.objective(w)
            better = value < least
            best[:, better], least = w[:, better], np.minimum(value, least)
        return best


def conditioned(n, p, condition, seed):
    """(n, p) centred columns of this condition: random bases, a geometric spectrum."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, p))
    left, _ = np.linalg.qr(Z - Z.mean(axis=0))
    right, _ = np.linalg.qr(rng.normal(size=(p, p)))
    return np.sqrt(n) * (left * np.geomspace(1.0, 1.0 / condition, p)) @ right
