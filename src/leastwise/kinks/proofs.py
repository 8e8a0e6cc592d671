"""One pass for many problems: residuals, duals, certificates and objectives of all of them.

    R = y - X W,   theta_ik = s_i (q_k - [r_ik < 0]) but where r_ik = 0,   X'theta

The two products are matrix products; what is elementwise happens in a block that is in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.near import Reference, Sums, Vertex
from leastwise.kinks.rows import Kink
from leastwise.kinks.stride import vertices
from leastwise.kinks.units import Units
from leastwise.numerics.threads import parallel

Float = NDArray[np.float64]

TILE = 128_000  # entries of a block: products at full speed, few calls, and all in the cache


@dataclass(frozen=True)
class Proofs:
    """Of K problems: coefficients, duals, and sums over the rows.

    Parameters
    ----------
    coef, base : (K, p) in the user's units, and (K,), the intercept at the centre of the columns
    last : (n,) residuals of the last problem, in the user's units
    theta : (K, n) for weights that sum to 1
    back : (K, m) A'theta in inner units
    loss, own : (K,) sum theta r, and the certificate's sum over the rows, likewise
    """

    coef: Float
    base: Float
    last: Float
    theta: Float
    back: Float
    loss: Float
    own: Float

    def end(self, units: Units, kink: Kink, v: Float) -> Reference:
        """The last problem, with its optimum v, as the start of the next ones."""
        height = float(self.loss[-1]) * units.n / units.S + float(self.back[-1] @ v)
        return Reference(kink, v, self.last / units.S, self.theta[-1], Sums(self.back[-1], height))


def look(units: Units, share: Float, q: Float, found: Sequence[Vertex]) -> Proofs:
    """The pass, for the vertices `found` of the quantiles q (K,); the shares (n,) sum to 1."""
    K, n, X = len(found), units.n, units.X
    outer = [units.outer(vertex.v) for vertex in found]
    coef, base = np.array([w for w, _ in outer]), np.array([b for _, b in outer])
    shift = base if units.shift else base - coef @ units.centre
    rows = np.concatenate([vertex.rows for vertex in found])
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    whose = np.repeat(np.arange(K), [vertex.rows.size for vertex in found])[order]
    zeros = np.concatenate([vertex.theta for vertex in found])[order] / n
    last, theta = np.empty(n), np.empty((K, n))

    sided, across = vertices().sided, np.ascontiguousarray(coef.T)

    def one(part: slice) -> tuple[Float, Float, Float, Float]:
        block, s = X[part], share[part]
        if units.shift:
            block = (block if units.dense else block.toarray()) - units.centre
        R = np.empty((K, s.size))
        if isinstance(block, np.ndarray):
            np.matmul(across.T, block.T, out=R)
        else:
            R[:] = (block @ across).T
        sums = np.empty((2, K))
        sided(R, units.rows.y[part], shift, q, s, theta, part.start, sums)
        span = slice(*np.searchsorted(rows, (part.start, part.stop)))
        k, i = whose[span], rows[span] - part.start
        t = np.minimum(np.maximum(zeros[span], s[i] * (q[k] - 1.0)), s[i] * q[k])
        r, here = R[k, i], theta[:, part]
        over, under = np.maximum(r, 0.0), np.maximum(-r, 0.0)
        own = (s[i] * q[k] - t) * over + (t + s[i] * (1.0 - q[k])) * under
        more = t - here[k, i]
        here[k, i] = t
        last[part] = R[-1]
        changes: list[Float] = [
            np.bincount(k, change, K).astype(np.float64) for change in (more * r, more, own)
        ]
        back = here @ block if isinstance(block, np.ndarray) else (block.T @ here.T).T
        return back, sums[0] + changes[0], sums[1] + changes[1], changes[2]

    size = max(256, TILE // max(units.p, K, 8))
    sums = parallel(one, [slice(a, min(a + size, n)) for a in range(0, n, size)])
    raw, loss, mass, own = (np.sum([s[part] for s in sums], axis=0) for part in range(4))
    if not units.shift:
        raw = raw - mass[:, None] * units.centre
    back = n * raw[:, units.columns] / units.scale[units.columns]
    if units.first:
        back = np.column_stack([n * mass, back])
    return Proofs(coef, base, last, theta, back, loss, own)
