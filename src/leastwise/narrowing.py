"""A design without some of its columns, and what proves that these are zero near a point.

    |v_j - v0_j| <= sqrt(c_j) |u - u0|,    |.| the root mean square over the rows (Cauchy-Schwarz)

v is what certificates ask of a column: where |v_j| <= l1_j it may stay at zero, and adds nothing to
the gap. v0 was computed of all columns at a slope u0; as long as u comes no further from there than
the least (l1_j - |v0_j|) / sqrt(c_j), a certificate of the other columns is one of all of them.
Further off the dual is scaled down until the bound holds again, so that it stays a proof. (Tests of
this kind are called safe: El Ghaoui, Viallon and Rabbani 2012; Fercoq, Gramfort and Salmon 2015.)
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leastwise.centre import Centre
from leastwise.penalties import ElasticNet
from leastwise.problem import Design
from leastwise.rowwise import Rowwise, State
from leastwise.sources import Source

Float = NDArray[np.float64]
Index = NDArray[np.intp]

SLACK = 1e-9  # of a bound, for rounding


@dataclass(frozen=True)
class Anchor:
    """A point whose correlation is known of all columns.

    rows, penalty : whose ; u : the slope there ; size (p, g) : |v0_j|, as the penalty measures it
    root (p,) : sqrt(c_j)
    """

    rows: Rowwise
    penalty: ElasticNet
    u: State
    size: Float
    root: Float

    def far(self, u: State) -> Float:
        """(g,) |u - u0|."""
        moved = [there - here for there, here in zip(u, self.u, strict=True)]
        return np.asarray(np.sqrt(self.penalty.pool(self.rows.size(moved) ** 2)))

    def bound(self, far: Float) -> Float:
        """(p, g) of |v_j| so far away, far (g,)."""
        return (self.size + np.multiply.outer(self.root, far)) * (1.0 + SLACK)


class LeftOut:
    """Columns that a design is without, and how far off they are known to be zero.

    Parameters
    ----------
    anchor : where their correlation is known
    columns : (q,) which they are, none of them constant
    l1 : (q,) the least that is asked of them
    """

    def __init__(self, anchor: Anchor, columns: Index, l1: Float) -> None:
        self._anchor, self._l1 = anchor, l1[:, None]
        self._near = replace(anchor, size=anchor.size[columns], root=anchor.root[columns])
        with np.errstate(over="ignore"):  # of a column that is excluded, and has a tiny length
            free = self._l1 / (1.0 + SLACK) - self._near.size
            reach = np.where(free >= 0.0, free / self._near.root[:, None], -1.0)
        self._reach = reach.min(axis=0, initial=np.inf)

    def scale(self, u: State) -> Float:
        """(g,) by what the dual is to be multiplied, at most 1, for all to be zero at the slope."""
        far = self._anchor.far(u)
        if (far <= self._reach).all():
            return np.ones_like(far)
        bound = self._near.bound(far)
        return np.asarray((self._l1 / bound).min(axis=0, initial=1.0))


class Narrowed(Design):
    """Some columns of another design, in increasing order.

    Parameters
    ----------
    whole : the design
    source : its rows, of these columns alone
    columns : (c,) which they are
    left_out : the others
    """

    def __init__(self, whole: Design, source: Source, columns: Index, left_out: LeftOut) -> None:
        super().__init__(source, whole.loss, whole.intercept)
        self._whole, self._columns = whole, columns
        self.left_out = left_out

    @functools.cached_property
    def centre(self) -> Centre:
        c, columns = self._whole.centre, self._columns
        return replace(
            c,
            mean=None if c.mean is None else c.mean[columns],
            curvature=c.curvature[columns],
            correlation=c.correlation[columns],
        )
