"""A path over a Gram matrix to a modest gap, for the thousands of fits of a cross-validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import summing

Float = NDArray[np.float64]
Integer = NDArray[np.int64]


@summing
def net_gap(q: Float, spread: float, pay: Float, reach: Float, w: Float, u: Float) -> float:
    """The duality gap at w, relative to spread / 2, from u = q - G w alone.

    pay (2, p) is l1_j and l2_j ; reach (2, p) how far below and above zero w_j can go (a bound, or
    a box, for a column that has neither l1 nor l2). The better of two scales of the residual: the
    largest that is feasible, and the one that |kappa u_j| <= l1_j everywhere (Mairal 2010).
    """
    p = w.size
    explained, needed, kept = 0.0, 1.0, 1.0
    for j in range(p):
        explained += w[j] * (q[j] + u[j])
        size, far = abs(u[j]), reach[1, j] if u[j] > 0.0 else reach[0, j]
        if size > pay[0, j] > 0.0 and far > 0.0:
            kept = min(kept, pay[0, j] / size)
            if pay[1, j] == 0.0 and far == np.inf:
                needed = min(needed, pay[0, j] / size)
    left = max(spread - explained, 0.0)
    least = np.inf
    for way in range(2):
        kappa = needed if way == 0 else kept
        total = 0.5 * left * (1.0 - kappa) ** 2
        for j in range(p):
            v = kappa * u[j]
            over = abs(v) - pay[0, j] * (1.0 + 1e-15)
            gained = 0.0
            if over > 0.0:
                far = reach[1, j] if v > 0.0 else reach[0, j]
                if pay[1, j] > 0.0:
                    far = min(far, over / pay[1, j])
                gained = over * far - 0.5 * pay[1, j] * far * far
            own = pay[0, j] * abs(w[j]) + 0.5 * pay[1, j] * w[j] * w[j]
            total += max(own + gained - v * w[j], 0.0)
        least = min(least, total)
    return 2.0 * least / spread


@summing
def newton_step(
    G: Float, pay: Float, bounds: Float, w: Float, u: Float, d: Float, chosen: Integer, L: Float
) -> None:
    """One Newton step on the support, cut where a sign would change or a bound be crossed.

    (G_AA + l2_A) d = u_A - l1_A sign(w_A) - l2_A w_A by Cholesky, its diagonal raised a little, so
    that a collinear support has a step too: it still descends. Room: d and chosen (p,), L (p, p).
    """
    p, m = w.size, 0
    for j in range(p):
        if w[j] != 0.0 and bounds[0, j] < w[j] < bounds[1, j]:
            d[m] = u[j] - pay[0, j] * np.sign(w[j]) - pay[1, j] * w[j]
            chosen[m] = j
            m += 1
    for a in range(m):
        row = G[chosen[a]]
        for b in range(a + 1):
            total = row[chosen[b]]
            if a == b:
                total += 1e-11 * total + pay[1, chosen[a]]
            for c in range(b):
                total -= L[a, c] * L[b, c]
            if a == b:
                L[a, a] = np.sqrt(max(total, 1e-14 * row[chosen[a]]))
            else:
                L[a, b] = total / L[b, b]
        for c in range(a):
            d[a] -= L[a, c] * d[c]
        d[a] /= L[a, a]
    for a in range(m - 1, -1, -1):
        d[a] /= L[a, a]
        for c in range(a):
            d[c] -= L[a, c] * d[a]
    step, ends = 1.0, -1
    for a in range(m):
        j = chosen[a]
        last = bounds[1, j] if d[a] > 0.0 else bounds[0, j]
        if d[a] * w[j] < 0.0:
            last = 0.0
        if abs(last - w[j]) < step * abs(d[a]):
            step, ends = (last - w[j]) / d[a], a
    for a in range(m):
        j = chosen[a]
        change = step * d[a]
        if a == ends:
            change = (0.0 if d[a] * w[j] < 0.0 else bounds[1 if d[a] > 0.0 else 0, j]) - w[j]
        w[j] += change
        for i in range(p):
            u[i] -= change * G[j, i]


@summing
def gram_path(
    G: Float,
    q: Float,
    spread: float,
    price: Float,
    bounds: Float,
    reach: Float,
    strengths: Float,
    tol: float,
    most: int,
    coef: Float,
    gaps: Float,
    state: Float,
    marks: Integer,
    room: Float,
) -> None:
    """Coordinate descent along strengths (K,), each from a guess by the two before it.

    G (p, p), q (p,), spread = y'y ; price (2, p) the l1_j and l2_j of strength 1 ; bounds (2, p) on
    w ; reach (2, p) as in `net_gap` ; coef (K, p) and gaps (K,) relative to spread / 2 are filled.
    A strength ends at gap <= tol or after `most` sweeps.

    Columns take part from when the strong rule (Tibshirani et al. 2012) or a look at all of them
    asks for them. Whenever sweeps have cost as much as a factorisation of the support, a Newton
    step on it is taken. Room: state (7, p) and marks (3, p), zeros, and room (p, p); allocating it
    here would take as long to compile as all the rest.
    """
    K, p = coef.shape
    w, u, w_last, u_last, pay = state[0], state[1], state[2], state[3], state[4:6]
    active, inside, m = marks[0], marks[1], 0
    for j in range(p):
        u[j] = u_last[j] = q[j]
    for k in range(K):
        strength = strengths[k]
        previous = strengths[k - 1] if k > 0 else strength
        ahead = 0.0
        if k > 1 and strengths[k - 2] != previous:
            ahead = (strength - previous) / (previous - strengths[k - 2])
        for j in range(p):
            pay[0, j], pay[1, j] = strength * price[0, j], strength * price[1, j]
            if inside[j] == 0 and abs(u[j]) >= (2.0 * strength - previous) * price[0, j]:
                inside[j] = 1
                active[m] = j
                m += 1
            # Correlations are linear in w: they follow it along the same line.
            here, there = w[j], u[j]
            w[j] += ahead * (here - w_last[j])
            u[j] += ahead * (there - u_last[j])
            w_last[j], u_last[j] = here, there
        work = 0
        for sweep in range(most):
            largest, support = 0.0, 0
            for a in range(m):
                j = active[a]
                c = G[j, j]
                rho = u[j] + c * w[j]
                over = abs(rho) - pay[0, j]
                new = 0.0
                if over > 0.0:
                    new = over / (c + pay[1, j])
                    if rho < 0.0:
                        new = -new
                    new = min(max(new, bounds[0, j]), bounds[1, j])
                    support += 1
                change = new - w[j]
                if change != 0.0:
                    w[j] = new
                    for i in range(p):
                        u[i] -= change * G[j, i]
                    work += p
                    largest = max(largest, change * change * c)
            if largest <= 0.3 * tol * spread or sweep == most - 1:
                for j in range(p):
                    if inside[j] == 0 and abs(u[j]) > pay[0, j]:
                        inside[j] = 1
                        active[m] = j
                        m += 1
                gaps[k] = net_gap(q, spread, pay, reach, w, u)
                if gaps[k] <= tol:
                    break
            if work > support * support * (support // 6 + 3):
                newton_step(G, pay, bounds, w, u, state[6], marks[2], room)
                work = 0
        for j in range(p):
            coef[k, j] = w[j]
