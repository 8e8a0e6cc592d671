"""The group elastic net over outputs (Yuan and Lin 2006; Obozinski, Taskar and Jordan 2010).

Omega(w)  = sum_j f_j (l1 s_j |w_j| + l2/2 s_j^2 |w_j|^2),   |w_j| the 2-norm of column j's row (k,)
prox      = (1 - t l1_j / |w_j|)_+ w_j / (1 + t l2_j)
Omega*(v) = sum_j (|v_j| - l1_j)_+^2 / (2 l2_j)

with l1_j = f_j s_j l1 and l2_j = f_j s_j^2 l2. A column has a coefficient in every output or in
none. It is the elastic net of the rows' norms, so that all but the prox is that of the elastic net.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leastwise.errors import UsageError
from leastwise.penalties.base import Float
from leastwise.penalties.elastic_net import ElasticNet, soft_threshold


@dataclass(frozen=True)
class GroupElasticNet(ElasticNet):
    """Omega(w) = sum_j f_j (l1 s_j |w_j| + l2/2 s_j^2 |w_j|^2), |w_j| the norm of a row.

    Parameters are those of `ElasticNet`, without bounds.

    Raises
    ------
    UsageError
        If a strength or a factor is out of range, or a bound is given.

    Examples
    --------
    >>> GroupElasticNet(1.0).prox(np.array([[3.0, 4.0], [0.6, 0.0]]), 1.0)
    array([[2.4, 3.2],
           [0. , 0. ]])
    """

    name: ClassVar[str] = "group-elastic-net"
    joint: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lower is not None or self.upper is not None:
            raise UsageError(
                "a joint penalty shrinks whole rows of coefficients and knows no bounds: leave "
                "bounds out, or joint"
            )

    def measure(self, w: Float) -> Float:
        # In units of the row's largest number, so that no square overflows or vanishes.
        largest = np.abs(w).max(axis=1, initial=0.0, keepdims=True)
        unit = np.where(largest > 0.0, largest, 1.0)
        return largest * np.linalg.norm(w / unit, axis=1, keepdims=True)

    def pool(self, x: Float) -> Float:
        return x.sum(axis=-1, keepdims=True)

    def prox(self, w: Float, step: float | Float) -> Float:
        l1, l2 = self.strengths(w.shape[0])
        size = self.measure(w)
        left = soft_threshold(size, (step * l1)[:, None]) / (1.0 + (step * l2)[:, None])
        return w * (left / np.where(size > 0.0, size, 1.0))
