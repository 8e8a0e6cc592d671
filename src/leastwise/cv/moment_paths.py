"""A path over moments: the coefficients at every strength of one penalty, in p x p.

    minimise over w:  null - q'w + w'Gw/2 + strength * Omega(w)

By coordinate descent in one compiled call; for a ridge by an eigendecomposition, all strengths at
once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import BOX
from leastwise.cv.spectrum import diagonalise
from leastwise.moments import Moments
from leastwise.penalties import EXCLUDED, ElasticNet
from leastwise.problem import Design

Float = NDArray[np.float64]

SWEEPS = 10_000  # at one strength; Newton steps on the support come long before
WIDENINGS = 3  # times that a box around unpenalised coefficients is made wider


@dataclass(frozen=True)
class FoldPath:
    """What a training set gives along K strengths.

    coef : (k, K, p) ; intercepts : (k, K) ; gap : the worst relative gap
    """

    coef: Float
    intercepts: Float
    gap: float

    def bare(self) -> FoldPath:
        """The gap alone, where the coefficients have been judged."""
        return FoldPath(np.empty(0), np.empty(0), self.gap)


def moment_path(design: Design, unit: ElasticNet, strengths: Float, tol: float) -> FoldPath:
    """The path of `unit` times each strength, from the moments of `design`.

    Parameters
    ----------
    design : whose moments are known, all p x p of them
    unit : the penalty at strength 1
    strengths : (K,) in decreasing order
    tol : the relative gap of each fit
    """
    centre, p = design.centre, design.columns
    k = centre.null.size
    price = np.stack(unit.strengths(p))
    live = np.flatnonzero((centre.curvature > 0.0) & (price[0] < EXCLUDED))
    coef, worst = np.zeros((k, strengths.size, p)), 0.0
    if live.size:
        G = design.gram if live.size == p else design.gram[np.ix_(live, live)]
        price = np.ascontiguousarray(price[:, live])
        if price[0].any() or unit.bounded:
            bounds = np.stack(unit.bounds(p))[:, live]
            for output in range(k):
                if centre.null[output] > 0.0:
                    q, null = centre.correlation[live, output], float(centre.null[output])
                    found, gap = _descend(G, q, null, price, bounds, strengths, tol)
                    coef[output][:, live] = found
                    worst = max(worst, gap)
        else:
            spectrum = diagonalise(G, price[1])
            shrunk = 1.0 / (spectrum.values + np.outer(strengths, spectrum.paid))
            for output in range(k):
                q = centre.correlation[live, output]
                found = (shrunk * (spectrum.base.T @ q)) @ spectrum.base.T
                coef[output][:, live] = found
                # Half the squared gradient in the inverse Hessian's norm.
                slope = q - found @ G - strengths[:, None] * price[1] * found
                left = 0.5 * ((slope @ spectrum.base) ** 2 * shrunk).sum(axis=1).max()
                null = float(centre.null[output])
                worst = max(worst, left / null if null > 0.0 else 0.0)
    intercepts = np.repeat(centre.level[:, None], strengths.size, axis=1)
    if centre.mean is not None:
        intercepts = intercepts - coef @ centre.mean
    return FoldPath(coef, intercepts, worst)


def _descend(
    G: Float, q: Float, null: float, price: Float, bounds: Float, strengths: Float, tol: float
) -> tuple[Float, float]:
    from leastwise.kernels.gram_path import gram_path

    p = q.size
    reach = np.abs(bounds)
    # A column that pays nothing is held in a box, far beyond where its coefficient can be.
    box = BOX * np.sqrt(2.0 * null / np.diagonal(G))
    free = ~price.any(axis=0)
    reach[:, free] = np.minimum(reach[:, free], box[free])
    coef, gaps = np.empty((strengths.size, p)), np.empty(strengths.size)
    for _ in range(WIDENINGS):
        gram_path(
            np.ascontiguousarray(G),
            np.ascontiguousarray(q),
            2.0 * null,
            price,
            np.ascontiguousarray(bounds),
            reach,
            np.ascontiguousarray(strengths),
            tol,
            SWEEPS,
            coef,
            gaps,
            np.zeros((7, p)),
            np.zeros((3, p), np.int64),
            np.empty((p, p)),
        )
        near = free & (10.0 * np.abs(coef).max(axis=0) > box)
        if not near.any():
            break
        # A coefficient outside its box proves nothing: a wider one, and again.
        box = np.where(near, 100.0 * np.abs(coef).max(axis=0), box)
        reach[:, free] = np.minimum(np.abs(bounds)[:, free], box[free])
    return coef, float(gaps.max())


def squared_errors(test: Moments, paths: FoldPath) -> Float:
    """(k, K) the mean squared errors of a path's models on rows of which the moments are known.

    e = (yy - 2 xy'w + w'xx w) / W + (mean y - mean x'w - b)^2
    """
    coef = paths.coef
    explained = np.einsum("okp,okp->ok", coef, coef @ test.xx)
    mixed = np.einsum("okp,po->ok", coef, test.xy)
    within = np.maximum(test.yy[:, None] - 2.0 * mixed + explained, 0.0) / test.weight
    return within + (test.target_mean[:, None] - coef @ test.mean - paths.intercepts) ** 2
