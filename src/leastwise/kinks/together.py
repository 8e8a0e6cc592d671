"""What quantiles that are solved together share: their rows, in one set of inner units.

levels E_ik = a_i·v_k,   A'theta_k,   and the constraints a_i·v_k <= a_i·v_{k+1}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.rows import Kink, WeightedRows
from leastwise.kinks.units import Units
from leastwise.numerics.threads import parallel, tiles

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Signs = NDArray[np.bool_]

TILE = 100_000  # entries of a block of rows
INSIDE = 1e-8  # of its box, or of a row's weight: what a multiplier that is not at its end has


@dataclass(frozen=True)
class Answer:
    """What a program says: V (K, m), theta (K, n), force (K - 1, n), unit (K, m).

    theta and force are the multipliers of all rows and constraints, unit those of the l1 penalty;
    `done` is whether the program came to its end.
    """

    V: Float
    theta: Float
    force: Float
    unit: Float
    done: bool = True


@dataclass(frozen=True)
class Chosen:
    """What enters a program.

    near : (K, n) rows that are worked on ; below : (K, n) whether y is below the level, which is
    believed of all others ; held : (K - 1, n) the constraints
    """

    near: Signs
    below: Signs
    held: Signs


class Together:
    """The problem in inner units.

    Parameters
    ----------
    rows : what the quantiles share, each row with a positive weight
    kinks : the problems in the order of their q, all with the same l1 and l2
    """

    def __init__(self, rows: WeightedRows, kinks: Sequence[Kink]) -> None:
        self.rows, self.q = rows, np.array([kink.q for kink in kinks])[:, None]
        self.units = units = Units(rows.of(kinks[len(kinks) // 2]))
        self.share = rows.weight / rows.weight.sum()
        self.s = units.n * self.share
        self.y = (rows.y - units.b0) / units.S
        free = np.full(units.first, np.inf)
        self.lower = np.append(-free, units.lower)
        self.upper = np.append(free, units.upper)
        self.l1 = np.append(np.zeros(units.first), units.l1)

    def _coef(self, V: Float) -> tuple[Float, Float]:
        """(K, p) coefficients of the columns as they are, and (K,) the level at their centre."""
        units = self.units
        coef = np.zeros((len(V), units.p))
        coef[:, units.columns] = V[:, units.first :] / units.scale[units.columns]
        return coef, V[:, 0] if units.first else np.zeros(len(V))

    def _parts(self) -> list[slice]:
        return tiles(self.units.n, max(256, TILE // max(self.units.p, self.q.size)))

    def _block(self, part: slice) -> Any:
        block, units = self.units.X[part], self.units
        if units.shift:
            block = (block if units.dense else block.toarray()) - units.centre
        return block

    def levels(self, V: Float) -> Float:
        """(K, n) a_i.v_k."""
        coef, level = self._coef(V)
        if not self.units.shift:
            level = level - coef @ self.units.centre
        E, across = np.empty((len(V), self.units.n)), np.ascontiguousarray(coef.T)

        def one(part: slice) -> None:
            E[:, part] = (self._block(part) @ across + level).T

        parallel(one, self._parts())
        return E

    def back(self, theta: Float) -> Float:
        """(K, m) A'theta_k."""
        units = self.units

        def one(part: slice) -> Float:
            return np.asarray((self._block(part).T @ theta[:, part].T).T)

        raw, mass = np.sum(parallel(one, self._parts()), axis=0), theta.sum(axis=1)
        if not units.shift:
            raw = raw - mass[:, None] * units.centre
        back = raw[:, units.columns] / units.scale[units.columns]
        return np.column_stack([mass, back]) if units.first else back

    def sides(self, below: Signs) -> Float:
        """(K, n) theta by the rows' signs."""
        return self.s * (self.q - below)

    def constraints(self, k: int, which: Index) -> Any:
        """a_i.v_k - a_i.v_{k+1} of some rows, sparse (len(which), K m)."""
        from scipy import sparse

        K, m = self.q.size, self.units.m
        a = sparse.csr_matrix(self.units.transposed(which).T)
        before = sparse.csr_matrix((which.size, k * m))
        after = sparse.csr_matrix((which.size, (K - k - 2) * m))
        return sparse.hstack([before, a, -a, after], "csr")


def together(theta: Float, force: Float) -> Float:
    """(K, n) theta_k - lambda_k + lambda_{k-1}."""
    out = theta.copy()
    out[:-1] -= force
    out[1:] += force
    return out
