"""Random problems for paths, and their optimality conditions, from the rows in long doubles."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

EPS = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Case:
    """X (n, p) and y (n,) as numbers, and what `lw.path` is called with beside them."""

    X: np.ndarray
    y: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def weight(self):
        given = self.options.get("sample_weight")
        s = np.ones(self.y.size) if given is None else given
        return s.astype(np.longdouble) / s.astype(np.longdouble).sum()

    @property
    def intercept(self):
        return self.options.get("intercept", True)

    def bounds(self):
        lower, upper = self.options.get("bounds") or (None, None)
        p = self.X.shape[1]
        lower = np.full(p, -np.inf) if lower is None else np.broadcast_to(lower, (p,))
        return lower, np.full(p, np.inf) if upper is None else np.broadcast_to(upper, (p,))

    def violations(self, path):
        """(p, K) how far each coefficient is from optimal, 1 at the size of a correlation.

        The least subgradient over sd(x_j) sd(y), less what rounding the coefficients to float64
        can do. A column that is constant to rounding counts its coefficient, which must be zero.
        """
        X, y = self.X.astype(np.longdouble), self.y.astype(np.longdouble)
        s, w = self.weight, path.coef.astype(np.longdouble)
        r = y[:, None] - X @ w - path.intercepts
        mean = s @ X if self.intercept else np.zeros(X.shape[1], np.longdouble)
        about = s @ y if self.intercept else np.longdouble(0.0)
        Xc = X - mean
        size = np.sqrt(s @ Xc**2)
        alive = size > 64 * EPS * np.abs(mean)
        spread = np.sqrt(s @ (y - about) ** 2)
        spread = max(spread, 64 * EPS * abs(about), np.longdouble("1e-2000"))
        l1, l2 = self.strengths(path, np.where(alive, size, 1.0))
        g = Xc.T @ (s[:, None] * r) - l2 * w
        lower, upper = (side[:, None] for side in self.bounds())
        up, down = np.maximum(g - l1, 0), np.maximum(-g - l1, 0)
        found = np.where(w > 0, np.abs(g - l1), np.where(w < 0, np.abs(g + l1), up + down))
        at_upper = w >= upper - 4 * EPS * np.where(np.isinf(upper), 0.0, upper)
        at_lower = w <= lower - 4 * EPS * np.where(np.isinf(lower), 0.0, lower)
        found = np.where(at_upper, np.where(w > 0, np.maximum(l1 - g, 0), down), found)
        found = np.where(at_lower, np.where(w < 0, np.maximum(l1 + g, 0), up), found)
        found = np.where(at_upper & at_lower, 0, found)
        units = np.where(alive, size, 1.0)
        reach = (size + np.abs(mean)) @ np.abs(w) + abs(about) + spread
        rounding = 64 * EPS * np.multiply.outer(1 + np.abs(mean) / units, reach / spread)
        scaled = np.maximum(found / (units[:, None] * spread) - rounding, 0)
        return np.where(alive[:, None], scaled, np.abs(w)).astype(np.float64)

    def strengths(self, path, size):
        """(p, K) l1 and l2 of every column; columns that are excluded have an infinite l1."""
        factors = self.options.get("factors")
        f = np.ones(self.X.shape[1]) if factors is None else factors
        scale = size if self.options.get("standardize") else np.ones_like(size)
        excluded = np.isinf(f)
        f = np.where(excluded, 1.0, f)
        ratio = np.longdouble(path.l1_ratio)
        strengths = path.strengths.astype(np.longdouble)
        l1 = np.multiply.outer(f * scale, ratio * strengths)
        l1[excluded] = np.inf
        return l1, np.multiply.outer(f * scale**2, (1 - ratio) * strengths)


def columns_of(kind, n, p, rng):
    """(n, p) columns of a kind."""
    X = rng.normal(size=(n, p))
    if kind == "low rank":
        rank = max(1, p // 3)
        X = X[:, :rank] @ rng.normal(size=(rank, p))
    elif kind == "nearly collinear":
        X = X[:, :1] + 10.0 ** rng.uniform(-9, 0, p) * X
    elif kind == "duplicates":
        X = X[:, rng.integers(0, max(1, p // 2), p)]
    elif kind == "constants":
        X[:, rng.random(p) < 0.4] = rng.normal() * 1e3
    elif kind == "indicators":
        X = (rng.random((n, p)) < rng.uniform(0.05, 0.6)).astype(float)
    elif kind == "offsets":
        X += 10.0 ** rng.uniform(0, 6, p)
    elif kind == "units":
        X *= 10.0 ** rng.uniform(-6, 6, p)
    elif kind == "sums":
        X[:, -1] = X[:, : max(1, p // 2)].sum(axis=1)
    return X


KINDS = (
    "normal",
    "low rank",
    "nearly collinear",
    "duplicates",
    "constants",
    "indicators",
    "offsets",
    "units",
    "sums",
)
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_array,
}
FACTORS = ("ones", "mixed")
BOUNDS = ("none", "positive", "two-sided")
WEIGHTS = ("none", "uniform", "zeros")
TARGETS = ("linear", "noise", "constant", "one column")


def random_case(
    seed,
    n,
    p,
    kind,
    *,
    target,
    unit,
    weights,
    bounds,
    factors,
    ratio,
    standardize,
    intercept,
    given,
):
    """A problem of this description, the numbers by `seed`; `unit` powers of ten for X and y."""
    rng = np.random.default_rng(seed)
    X = columns_of(kind, n, p, rng)
    if target == "constant":
        y = np.full(n, rng.normal())
    elif target == "one column":
        y = X[:, rng.integers(p)] * rng.normal()
    else:
        signal = X @ (rng.normal(size=p) * (rng.random(p) < 0.3)) if target == "linear" else 0.0
        y = signal + rng.normal(size=n) + 5.0 * rng.normal()
    X, y = X * 10.0 ** unit[0], y * 10.0 ** unit[1]
    options = {"l1_ratio": ratio, "standardize": standardize, "intercept": intercept}
    options["strengths"] = 10
    if weights != "none":
        s = rng.uniform(0.1, 5.0, n)
        if weights == "zeros" and n > 4:
            s[rng.choice(n, n // 4, replace=False)] = 0.0
        options["sample_weight"] = s
    if bounds == "positive":
        options["bounds"] = (0.0, None)
    elif bounds == "two-sided":
        deviation = np.std(X, axis=0)
        reach = np.std(y) / np.where(deviation > 0.0, deviation, 1.0)
        upper = np.where(rng.random(p) < 0.5, rng.uniform(0, 0.5, p) * reach, np.inf)
        options["bounds"] = (-0.2 * reach, upper)
    if factors == "mixed":
        options["factors"] = rng.choice(
            [0.0, 0.5, 1.0, 3.0, np.inf], p, p=[0.1, 0.3, 0.3, 0.2, 0.1]
        )
    if given:
        scale = 10.0 ** (unit[0] + unit[1])
        options["strengths"] = scale * np.array([0.0, 0.01, 1.0, 0.1, 1e-4])
    return Case(X, y, options)
