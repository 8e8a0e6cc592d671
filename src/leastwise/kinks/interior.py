"""The Frisch-Newton method: a primal-dual path through the box of the duals.

    r = y - A v = s - z,   A'theta = l2 v,   s (up - theta) = mu,   z (theta + down) = mu,  mu -> 0

With t = up - theta, h = theta + down and D = 1 / (s / t + z / h), a Newton step towards products
c and e in place of mu is

    (A'DA + l2) dv = A'(theta + D k) - l2 v,   k = r - c / t + e / h,   dtheta = D (k - A dv)

which mends rounding in both equations as it goes. Predictor and corrector are Mehrotra's (1992);
for regression quantiles the method is Portnoy and Koenker's (1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from leastwise.kinks.pieces import FAR, Pieces

Float = NDArray[np.float64]

LIFT = 1e-15  # of the diagonal, added to it: collinear columns have a step too
LEAST = 1e-200  # what is left of room in a box that is none
SLACK = 1e-290  # and of a slack, which is mu / FAR beside an infinite slope

REACH = 0.9995  # of the way to the wall


@dataclass
class Point:
    """Where the method stands: v (m,), theta, s, z (N,), and the complementarity sum `gap`."""

    v: Float
    theta: Float
    s: Float
    z: Float
    gap: float
    iterations: int = 0


def begin(pieces: Pieces, v: Float) -> Point:
    """A point well inside, around v."""
    up, down = np.minimum(pieces.up, FAR), np.minimum(pieces.down, FAR)
    theta = np.where(
        (up > 0.0) & (down > 0.0), 0.0, 0.5 * (np.minimum(up, 2.0) - np.minimum(down, 2.0))
    )
    r = pieces.y - pieces.times(v)
    size = np.abs(r)
    finite = (up < FAR) & (down < FAR)
    weight = (up + down)[finite]
    total = float(weight.sum())
    shift = 0.2 * (float(weight @ size[finite]) / total if total > 0.0 else 1.0) + 1e-10
    s, z = np.maximum(r, 0.0) + shift, np.maximum(-r, 0.0) + shift
    far = up >= FAR
    s[far] = shift / FAR
    far = down >= FAR
    z[far] = shift / FAR
    return Point(v.copy(), theta, s, z, np.inf)


def _factor(G: Float) -> Float:
    """The upper Cholesky factor of G, its diagonal raised until there is one."""
    diagonal = np.diagonal(G).copy()
    least = max(float(diagonal.max(initial=0.0)) * 1e-30, 1e-300)
    lift = LIFT
    while True:
        np.einsum("ii->i", G)[:] = diagonal * (1.0 + lift) + least
        root, info = lapack.dpotrf(G.T, lower=0, clean=0)
        if info == 0:
            return root
        lift *= 30.0
        if lift > 1.0:
            raise np.linalg.LinAlgError("the normal matrix is not finite")


def _room(value: Float, change: Float) -> float:
    """The largest step to keep value + step change >= 0."""
    worst = float((change / value).min(initial=0.0))
    return -1.0 / worst if worst < 0.0 else np.inf


def _step(
    pieces: Pieces, root: Float, D: Float, v: Float, theta: Float, k: Float
) -> tuple[Float, Float, Float]:
    """dv, A dv and dtheta of the equations above."""
    right = pieces.back(theta + D * k) - pieces.l2 * v
    dv: Float = lapack.dpotrs(root, right, lower=0)[0]
    Adv = pieces.times(dv)
    return dv, Adv, D * (k - Adv)


def _lengths(
    primal: tuple[Float, Float],
    change: tuple[Float, Float],
    dual: tuple[Float, Float],
    dtheta: Float,
    quadratic: bool,
) -> tuple[float, float]:
    """How far (s, z) and (t, h) let go along their changes; as far for both with l2."""
    (s, z), (ds, dz), (t, h) = primal, change, dual
    one = min(1.0, REACH * min(_room(s, ds), _room(z, dz)))
    other = min(1.0, REACH * min(_room(t, -dtheta), _room(h, dtheta)))
    least = min(one, other)
    return (least, least) if quadratic else (one, other)


@np.errstate(divide="ignore", over="ignore", invalid="ignore")  # what is no number ends it
def advance(pieces: Pieces, point: Point, target: float, limit: int) -> Point:
    """Steps until the complementarity sum is at most `target`, `limit` steps, or no progress."""
    up, down = np.minimum(pieces.up, FAR), np.minimum(pieces.down, FAR)
    room = pieces.room()
    v, theta, s, z = point.v, point.theta, point.s, point.z
    r = pieces.y - pieces.times(v)
    quadratic = bool(pieces.l2.any())
    N = r.size
    t, h = np.maximum(up - theta, LEAST), np.maximum(theta + down, LEAST)
    s, z = np.maximum(s, SLACK), np.maximum(z, SLACK)
    gap = float(s @ t + z @ h)
    taken, stalled = 0, 0
    while gap > target and taken < limit and stalled < 2:
        taken += 1
        it, ih = 1.0 / t, 1.0 / h
        D = 1.0 / (s * it + z * ih)
        if not np.isfinite(D).all():
            break
        root = _factor(pieces.gram(D, room))

        _, _, dtheta = _step(pieces, root, D, v, theta, r)
        ds, dz = s * (dtheta * it - 1.0), -z * (dtheta * ih + 1.0)
        primal, dual = _lengths((s, z), (ds, dz), (t, h), dtheta, quadratic)
        ahead = float(
            (s + primal * ds) @ (t - dual * dtheta) + (z + primal * dz) @ (h + dual * dtheta)
        )
        mu = gap / (2 * N) * (ahead / gap) ** 3
        both = ds * dtheta
        c, e = mu + both, mu - dz * dtheta
        dv, Adv, dtheta = _step(pieces, root, D, v, theta, r - c * it + e * ih)
        ds, dz = (c + s * dtheta) * it - s, (e - z * dtheta) * ih - z
        primal, dual = _lengths((s, z), (ds, dz), (t, h), dtheta, quadratic)
        v = v + primal * dv
        r = r - primal * Adv
        s = s + primal * ds
        z = z + primal * dz
        theta = theta + dual * dtheta
        t, h = np.maximum(t - dual * dtheta, LEAST), np.maximum(h + dual * dtheta, LEAST)
        new = float(s @ t + z @ h)
        if not np.isfinite(new):
            break
        stalled = stalled + 1 if new > 0.9 * gap else 0
        gap = new
        point = Point(v, theta, s, z, gap, point.iterations + 1)
        if taken % 4 == 0:
            r = pieces.y - pieces.times(v)
    return point
