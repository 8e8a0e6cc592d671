"""A small problem of kinks in inner units, dense, in which everything is a row.

    minimise over v:   sum_i [ up_i r_i+ + down_i r_i- ] + sum_j l2_j / 2 v_j^2,   r = y - A v

A penalty l1_j |v_j| is the row e_j with y = 0 and up = down = l1_j. A bound v_j >= c is the row
e_j with y = c, up = inf, down = 0; v_j <= c is its mirror image. The dual theta has
-down <= theta <= up, A'theta = l2 v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Index = NDArray[np.intp]

FAR = 1e200  # stands for an infinite slope: its complementary slack is mu / FAR, which is nothing


@dataclass(frozen=True)
class Pieces:
    """The rows of a small problem.

    Parameters
    ----------
    T : (m, M) the dense rows as columns, contiguous
    unit : (k,) the column j of each row e_j, which come after the dense rows
    y, up, down : (M + k,)
    l2 : (m,)
    """

    T: Float
    unit: Index
    y: Float
    up: Float
    down: Float
    l2: Float

    def times(self, v: Float) -> Float:
        """A v, (M + k,)."""
        return np.concatenate([v @ self.T, v[self.unit]])

    def back(self, theta: Float) -> Float:
        """A'theta, (m,)."""
        M = self.T.shape[1]
        out: Float = self.T @ theta[:M]
        if self.unit.size:
            out += np.bincount(self.unit, theta[M:], out.size)
        return out

    def room(self) -> Float:
        """What `gram` needs to work in."""
        return np.empty_like(self.T)

    def gram(self, D: Float, room: Float) -> Float:
        """A'DA + diag(l2), (m, m), for D > 0; `room` is from `room()`."""
        m, M = self.T.shape
        G = np.zeros((m, m))
        root = np.sqrt(D[:M])
        step = max(512, 60_000 // max(m, 1))  # a block of half a megabyte stays in the cache
        for first in range(0, M, step):
            part = slice(first, first + step)
            scaled = room[:, part]
            np.multiply(self.T[:, part], root[part], out=scaled)
            G += scaled @ scaled.T
        diagonal = np.einsum("ii->i", G)
        diagonal += self.l2
        if self.unit.size:
            diagonal += np.bincount(self.unit, D[M:], m)
        return G

    def chosen(self, rows: Index) -> Float:
        """The rows of A that are asked for, (len(rows), m)."""
        M = self.T.shape[1]
        out = np.zeros((rows.size, self.T.shape[0]))
        dense = rows < M
        out[dense] = self.T[:, rows[dense]].T
        out[np.flatnonzero(~dense), self.unit[rows[~dense] - M]] = 1.0
        return out
