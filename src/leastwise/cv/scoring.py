"""What predictions are judged by: lower is better, and a score counts with its sign turned.

mse = sum s (y - eta)^2 / sum s,   rmse = sqrt(mse) of each fold
mae = sum s |y - eta| / sum s,   r2 = 1 - mse / its variance
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.cv.moment_paths import FoldPath
from leastwise.errors import DataError, UsageError

Float = NDArray[np.float64]
NAMES = ("mse", "rmse", "mae", "r2")


@dataclass(frozen=True)
class Scoring:
    """A measure of error.

    name : for a reader ; scorer : scikit-learn's, called with a model and rows; None for our own
    """

    name: str
    scorer: Callable[..., Any] | None = None

    @classmethod
    def of(cls, given: Any) -> Scoring:
        """The measure of this name, or of a scikit-learn scorer or its name."""
        if isinstance(given, str) and given in NAMES:
            return cls(given)
        if callable(given):
            return cls(getattr(given, "__name__", type(given).__name__), given)
        from sklearn.metrics import get_scorer

        try:
            return cls(str(given), get_scorer(given))
        except (ValueError, TypeError, AttributeError):
            raise UsageError(
                f"scoring must be {', '.join(NAMES)} or a scorer of scikit-learn, not {given!r}"
            ) from None

    @property
    def by_moments(self) -> bool:
        """Whether moments of the rows are enough."""
        return self.name in ("mse", "rmse") and self.scorer is None

    def of_squares(self, found: Float, relative: Float) -> Float:
        """(K,) the errors that mean squares (k, K) amount to, summed over targets."""
        shares = found / relative[:, None]
        return (np.sqrt(shares) if self.name == "rmse" else shares).sum(axis=0)

    def errors(self, rows: Block, paths: FoldPath, relative: Float) -> Float:
        """(K,) the errors on rows of a path's models, a target's divided by `relative` (k,)."""
        k, K, p = paths.coef.shape
        eta = rows.centred(None).times(paths.coef.reshape(k * K, p).T)
        eta = (eta + paths.intercepts.ravel()).reshape(-1, k, K)
        if self.scorer is not None:
            return np.array([-self._score(rows, eta[:, :, at]) for at in range(K)])
        residual = rows.y[:, :, None] - eta
        s = np.ones(rows.rows) if rows.weight is None else rows.weight
        if self.name == "mae":
            found = np.einsum("n,nkj->kj", s, np.abs(residual)) / s.sum()
            return (found / np.sqrt(relative)[:, None]).sum(axis=0)
        found = np.einsum("n,nkj->kj", s, residual**2) / s.sum()
        if self.by_moments:
            return self.of_squares(found, relative)
        centred = rows.y - s @ rows.y / s.sum()
        variance = s @ centred**2 / s.sum()
        if not variance.all():
            raise DataError(
                "r2 is not defined where the target is constant in a fold: take fewer folds, or "
                "scoring='mse'"
            )
        return (found / variance[:, None] - 1.0).mean(axis=0)

    def _score(self, rows: Block, eta: Float) -> float:
        from leastwise.cv.predicted import Predicted

        one = eta.shape[1] == 1
        model = Predicted(eta[:, 0] if one else eta)
        y = rows.y[:, 0] if one else rows.y
        assert self.scorer is not None
        if rows.weight is None:
            return float(self.scorer(model, rows.X, y))
        return float(self.scorer(model, rows.X, y, sample_weight=rows.weight))
