"""One pass for many problems: residuals, duals, certificates and objectives of all of them.

    R = y - X W,   theta_ik = s_i (q_k - [r_ik < 0]) but where r_ik = 0,   X'theta

The two products are matrix products; what is elementwise happens in a block that is in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.chain import Vertex
from leastwise.kinks.units import BLOCK, Units
from leastwise.numerics.threads import parallel

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """Of K problems: coefficients, duals, and sums over the rows.

    Parameters
    ----------
    coef, base : (K, p) and (K,), the intercept at the centre of the columns
    last : (n,) the residuals of the last problem, in the user's units
    theta : (K, n) of weights of mean 1
    back : (K, m) A'theta in inner units
    loss, own : (K,) sum theta r, and the certificate's sum over the rows, in the user's units
    """

    coef: Float
    base: Float
    last: Float
    theta: Float
    back: Float
    loss: Float
    own: Float


def look(units: Units, weight: Float, q: Float, found: Sequence[Vertex]) -> Seen:
    """The pass, for the vertices `found` of the quantiles q (K,)."""
    K, n, X = len(found), units.n, units.X
    outer = [units.outer(vertex.v) for vertex in found]
    coef, base = np.array([w for w, _ in outer]), np.array([b for _, b in outer])
    zero = np.concatenate([vertex.rows for vertex in found])
    whose = np.repeat(np.arange(K), [vertex.rows.size for vertex in found])
    own_theta = np.concatenate([vertex.theta for vertex in found])
    order = np.argsort(zero, kind="stable")
    zero, whose, own_theta = zero[order], whose[order], own_theta[order]
    shift = base if units.shift else base - coef @ units.centre
    last, theta = np.empty(n), np.empty((K, n))
    size = max(256, BLOCK // max(units.p, K, 8))
    parts = [slice(a, min(a + size, n)) for a in range(0, n, size)]

    def one(part: slice) -> tuple[Float, Float, Float, Float]:
        block = X[part]
        if units.shift:
            block = (block if units.dense else block.toarray()) - units.centre
        R = np.asarray((block @ coef.T).T)
        R = (units.rows.y[part] - shift[:, None]) - R
        here = q[:, None] - (R < 0.0)
        here *= weight[part]
        first, end = np.searchsorted(zero, (part.start, part.stop))
        k, i, t = whose[first:end], zero[first:end] - part.start, own_theta[first:end]
        here[k, i] = t
        r, s = R[k, i], weight[part][i]
        over = np.maximum(r, 0.0)
        own = np.bincount(k, (s * q[k] - t) * over + (t + s * (1.0 - q[k])) * (over - r), K)
        last[part] = R[-1]
        theta[:, part] = here
        return np.asarray((block.T @ here.T).T), here.sum(axis=1), (here * R).sum(axis=1), own

    sums = parallel(one, parts)
    raw, mass, loss, own = (np.sum([s[part] for s in sums], axis=0) for part in range(4))
    if not units.shift:
        raw = raw - mass[:, None] * units.centre
    back = np.hstack(
        [mass[:, None]] * units.first + [raw[:, units.columns] / units.scale[units.columns]]
    )
    return Seen(coef, base, last, theta, back, loss, own)
