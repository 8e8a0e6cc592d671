"""What predictions are judged by: lower is better, and a score counts with its sign turned.

mse = sum s (y - eta)^2 / sum s,   rmse = sqrt(mse) of each fold
mae = sum s |y - eta| / sum s,   r2 = 1 - mse / its variance
loss = sum s l(y, eta) / sum s,   error = sum s [class of eta is not that of y] / sum s
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
from leastwise.losses import Loss

Float = NDArray[np.float64]
OF_NUMBERS = ("mse", "rmse", "mae", "r2")
OF_CLASSES = ("loss", "error")


@dataclass(frozen=True)
class Scoring:
    """A measure of error.

    name : for a reader ; loss : of the fits
    scorer : scikit-learn's, called with a model and rows; None for our own
    """

    name: str
    loss: Loss
    scorer: Callable[..., Any] | None = None

    @classmethod
    def of(cls, given: Any, loss: Loss) -> Scoring:
        """The measure of this name, or of a scikit-learn scorer or its name; None for the usual."""
        names = (*OF_NUMBERS, "loss") if loss.located else OF_CLASSES
        if given is None:
            return cls("mse" if loss.quadratic else "loss", loss)
        if isinstance(given, str) and given in names:
            return cls(given, loss)
        if callable(given):
            return cls(getattr(given, "__name__", type(given).__name__), loss, given)
        from sklearn.metrics import get_scorer

        try:
            return cls(str(given), loss, get_scorer(given))
        except (ValueError, TypeError, AttributeError):
            raise UsageError(
                f"scoring must be {', '.join(names)} or a scorer of scikit-learn, not {given!r}"
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
        s = np.ones(rows.rows) if rows.weight is None else rows.weight
        if self.name == "loss":
            each = [self.loss.value(rows.y, eta[:, :, at]) for at in range(K)]
            found = np.stack([s @ value / s.sum() for value in each], axis=1)
            return (found / relative[:, None]).sum(axis=0)
        if self.name == "error":
            wrong = self._classes(eta) != self._classes(rows.y[:, :, None], share=True)
            return s @ wrong / s.sum()
        residual = rows.y[:, :, None] - eta
        if self.name == "mae":
            found = np.einsum("n,nkj->kj", s, np.abs(residual)) / s.sum()
            unit = np.sqrt(relative) if self.loss.quadratic else relative
            return (found / unit[:, None]).sum(axis=0)
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

    def _classes(self, eta: Float, *, share: bool = False) -> NDArray[np.intp]:
        """(n, K) the class that eta (n, k, K) stands for, or shares of classes do."""
        if self.loss.coupled:
            return eta.argmax(axis=1)
        return (eta[:, 0] > (0.5 if share else 0.0)).astype(np.intp)

    def _score(self, rows: Block, eta: Float) -> float:
        from leastwise.cv.predicted import Predicted, PredictedClasses

        one = eta.shape[1] == 1
        if self.loss.located:
            model = Predicted(eta[:, 0] if one else eta)
            y = rows.y[:, 0] if one else rows.y
        else:
            model = PredictedClasses(self.loss.mean(eta))
            y = self._classes(rows.y[:, :, None], share=True)[:, 0]
        assert self.scorer is not None
        if rows.weight is None:
            return float(self.scorer(model, rows.X, y))
        return float(self.scorer(model, rows.X, y, sample_weight=rows.weight))
