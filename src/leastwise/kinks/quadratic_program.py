"""Quantiles that hold each other off with l2: the path inside through all of them at once.

One small problem whose unknowns are all v_k. A row of a quantile is a row of its block; all that
are far from zero are one, as in `leastwise.kinks.globs`; a constraint a_i·v_k <= a_i·v_{k+1} is the
row a_i·(v_{k+1} - v_k) with y = 0, up = inf and down = 0, whose dual is the multiplier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.pieces import Pieces
from leastwise.kinks.settle import settle
from leastwise.kinks.together import Answer, Chosen, Together

Float = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class SparsePieces(Pieces):
    """As `Pieces`, with a sparse T: a row knows one quantile, or two."""

    T: Any

    def room(self) -> Float:
        return np.empty(0)

    def gram(self, D: Float, room: Float) -> Float:
        M = self.T.shape[1]
        G: Float = (self.T.multiply(D[:M]).tocsr() @ self.T.T).toarray()
        diagonal = np.einsum("ii->i", G)
        diagonal += self.l2 + np.bincount(self.unit, D[M:], diagonal.size)
        return G

    def chosen(self, rows: Index) -> Float:
        M = self.T.shape[1]
        out = np.zeros((rows.size, self.T.shape[0]))
        inner = rows < M
        out[inner] = self.T[:, rows[inner]].T.toarray()
        out[np.flatnonzero(~inner), self.unit[rows[~inner] - M]] = 1.0
        return out


def quadratic_program(of: Together, chosen: Chosen, V: Float, null: float, max_iter: int) -> Answer:
    """The optimum of the rows and constraints chosen, from V (K, m) near to it.

    `null` is the sum of the best constants' losses, in inner units.
    """
    far = np.where(chosen.near, 0.0, of.sides(chosen.below))
    counts = np.maximum((~chosen.near).sum(axis=1), 1)
    pieces = _pieces(of, chosen, far, counts)
    settled = settle(pieces, V.ravel(), null, max_iter)
    parts = np.cumsum([chosen.near.sum(), V.shape[0], chosen.held.sum()])
    near, sums, pairs, _ = np.split(settled.theta, parts)
    theta = far * (sums / counts)[:, None]
    theta[chosen.near] = near
    theta = np.minimum(np.maximum(theta, of.s * (of.q - 1.0)), of.s * of.q)
    force = np.zeros(chosen.held.shape)
    force[chosen.held] = np.maximum(pairs, 0.0)
    found = np.clip(settled.v.reshape(V.shape), of.lower, of.upper)
    done = settled.exact or settled.iterations < max_iter
    return Answer(found, theta, force, np.zeros_like(V), done)


def _pieces(of: Together, chosen: Chosen, far: Float, counts: Index) -> SparsePieces:
    """Rows that are near, a sum a quantile of all others, constraints, and the penalty."""
    from scipy import sparse

    K, m = of.q.size, of.units.m
    inner = sparse.block_diag([of.units.transposed(np.flatnonzero(r)) for r in chosen.near], "csc")
    sums = sparse.block_diag((of.back(far) / counts[:, None])[:, :, None], "csc")
    apart = [of.constraints(k, np.flatnonzero(held)) for k, held in enumerate(chosen.held)]
    T = sparse.hstack([inner, sums, -sparse.vstack(apart, "csr").T], "csc")
    s, q = (np.broadcast_to(each, far.shape)[chosen.near] for each in (of.s, of.q))
    pairs, none = int(chosen.held.sum()), np.empty(0)
    one = of.units.with_penalty(np.empty((m, 0)), none, none, none)
    y = np.broadcast_to(of.y, far.shape)
    return SparsePieces(
        T,
        np.concatenate([one.unit + k * m for k in range(K)]),
        np.concatenate([y[chosen.near], far @ of.y / counts, np.zeros(pairs), np.tile(one.y, K)]),
        np.concatenate([s * q, counts, np.full(pairs, np.inf), np.tile(one.up, K)]),
        np.concatenate([s * (1.0 - q), np.zeros(K + pairs), np.tile(one.down, K)]),
        np.tile(one.l2, K),
    )
