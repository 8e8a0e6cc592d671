"""The Hessian of a squared loss under a penalty on the norms of rows w_j (k,), none of them zero.

    A = H ⊗ I + blockdiag(l2_j I + d_j (I - e_j e_j')),   d_j = l1_j / |w_j|,  e_j = w_j / |w_j|
      = M ⊗ I - E D E',   M = H + diag(l2 + d),   E = blockdiag(e_j)

By Woodbury's formula a solution with A (m k, m k) costs two factors of m x m matrices:

    A^-1 = M^-1 + M^-1 E D^1/2 C^-1 D^1/2 E' M^-1,   C = I - D^1/2 (M^-1 ∘ (e_i·e_j)) D^1/2
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Float = NDArray[np.float64]

LIFT = 1e-13  # of the diagonal, added to it: collinear columns without a penalty have a step too


class JoinedHessian:
    """A at rows w (m, k), for H (m, m) and l1, l2 (m,).

    Raises
    ------
    numpy.linalg.LinAlgError
        If M or C is not positive definite to rounding.
    """

    def __init__(self, H: Float, l1: Float, l2: Float, w: Float) -> None:
        size = np.linalg.norm(w, axis=1)
        self._unit = w / size[:, None]
        pull = l1 / size
        M = H + np.diag(l2 + pull + LIFT * np.diagonal(H))
        self._inverse: Float = cho_solve(cho_factor(M), np.eye(l1.size))
        self._H, self._root = H, np.sqrt(pull)
        self._alike = self._root[:, None] * (self._unit @ self._unit.T) * self._root
        self._factor = cho_factor(np.eye(l1.size) - self._inverse * self._alike)

    def solve(self, right: Float) -> Float:
        """(m, k) A^-1 right."""
        inner = self._inverse @ right
        along = self._root * np.einsum("mk,mk->m", self._unit, inner)
        more = self._root * cho_solve(self._factor, along)
        return inner + self._inverse @ (self._unit * more[:, None])

    def degrees_of_freedom(self) -> float:
        """tr (H ⊗ I) A^-1 (Vaiter et al. 2012, theorem 2)."""
        own = self._unit.shape[1] * np.sum(self._inverse * self._H)
        taken = (self._inverse @ self._H @ self._inverse) * self._alike
        return float(own + np.trace(cho_solve(self._factor, taken)))
