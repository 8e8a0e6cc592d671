"""The compiled loops of the active-set method: a Cholesky factor that grows and shrinks, and steps.

    C = R'R, R (a, a) upper triangular in the first rows and columns of an array.

Appending c, d: r = R'^-1 c, rho^2 = d - r'r. Deleting column i leaves R upper Hessenberg from there
on: Givens rotations of neighbouring rows make it triangular again (Golub and Van Loan 2013,
section 6.5.4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import summing

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

OUT, IN, BOUND = 0, 1, 2  # status: at zero, in the support, at a bound that is not zero
SOLVED, BLOCKED, TIRED = 0, 1, 2  # how a walk ends
TIED = 1e-9  # of l1: a correlation this near to it ties
ROUNDING = 16.0 * float(np.finfo(np.float64).eps)  # of correlations, by their size and that of w


@summing
def product(x: Float, y: Float) -> float:
    """x'y (m,); `np.dot` takes 50 ms to load."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@summing
def forward(R: Float, a: int, x: Float) -> None:
    """x <- R'^-1 x, in place, x (a,); four rows at a time, so that x is read a quarter as often."""
    for first in range(0, a, 4):
        end = min(first + 4, a)
        for j in range(first, end):
            x[j] /= R[j, j]
            for i in range(j + 1, end):
                x[i] -= x[j] * R[j, i]
        if end < a:
            A, B, C, D = R[first], R[first + 1], R[first + 2], R[first + 3]
            s, t, y, z = x[first], x[first + 1], x[first + 2], x[first + 3]
            for i in range(end, a):
                x[i] -= s * A[i] + t * B[i] + y * C[i] + z * D[i]


@summing
def backward(R: Float, a: int, x: Float) -> None:
    """x <- R^-1 x, in place, x (a,)."""
    for j in range(a - 1, -1, -1):
        x[j] = (x[j] - product(R[j, j + 1 : a], x[j + 1 : a])) / R[j, j]


@summing
def append(R: Float, a: int, x: Float, diagonal: float, least: float) -> bool:
    """Add the column x (a,), `diagonal` to the factor; False where its pivot^2 is at most `least`.

    x is R'^-1 x afterwards, whether the column was added or not.
    """
    forward(R, a, x)
    pivot = diagonal - product(x[:a], x[:a])
    if not pivot > least:
        return False
    for i in range(a):
        R[i, a] = x[i]
    R[a, a] = np.sqrt(pivot)
    return True


@summing
def delete(R: Float, a: int, place: int) -> None:
    """Take the column at `place` out of the factor."""
    for k in range(a):
        row = R[k]
        for i in range(place, a - 1):
            row[i] = row[i + 1]
    for k in range(place, a - 1):
        upper, lower = R[k], R[k + 1]
        # Row k + 1 held its diagonal in column k + 1, which is now column k.
        r = np.sqrt(upper[k] * upper[k] + lower[k] * lower[k])
        c, s = upper[k] / r, lower[k] / r
        for i in range(k, a - 1):
            above, below = upper[i], lower[i]
            upper[i] = c * above + s * below
            lower[i] = c * below - s * above


@summing
def correlate(G: Float, q: Float, w: Float, u: Float) -> None:
    """u <- q - G w, read from the rows of G where w is not zero, four at a time."""
    m = q.size
    for i in range(m):
        u[i] = q[i]
    j = 0
    while j < m:
        a, b, c, d, found = 0, 0, 0, 0, 0
        while j < m and found < 4:
            if w[j] != 0.0:
                a, b, c, d = b, c, d, j
                found += 1
            j += 1
        A, B, C, D = G[a], G[b], G[c], G[d]
        s = w[a] if found > 3 else 0.0
        t = w[b] if found > 2 else 0.0
        y = w[c] if found > 1 else 0.0
        z = w[d] if found > 0 else 0.0
        for i in range(m):
            u[i] -= s * A[i] + t * B[i] + y * C[i] + z * D[i]


@summing
def priced(
    l1: Float,
    l2: Float,
    length: Float,
    w: Float,
    held: Integer,
    size: float,
    slack: float,
    pay: Float,
    above: Float,
) -> tuple[bool, bool]:
    """Fill pay (2, m) with the strengths of columns of length 1, and above (m,): what enters.

    l1, l2, length, w (m,) ; held (a,) the support ; size of q, slack of l1. Returns whether l2 is
    new in the support, and whether a column is without l1.
    """
    total, renewed, unpaid = size, False, False
    for j in held:
        renewed = renewed or l2[j] / (length[j] * length[j]) != pay[1, j]
    for j in range(w.size):
        total += abs(w[j])
    for j in range(w.size):
        pay[0, j] = l1[j] / length[j]
        pay[1, j] = l2[j] / (length[j] * length[j])
        above[j] = pay[0, j] * (1.0 + slack) + ROUNDING * total
        unpaid = unpaid or pay[0, j] == 0.0
    return renewed, unpaid


@summing
def walk(
    G: Float,
    q: Float,
    pay: Float,
    bounds: Float,
    above: Float,
    w: Float,
    signs: Float,
    status: Integer,
    order: Integer,
    R: Float,
    u: Float,
    room: Float,
    counts: Integer,
    least: float,
    rounding: float,
    thorough: bool,
) -> int:
    """Steps of the active-set method until the minimiser, or until Python has to decide.

    G (m, m) and q (m,) in columns of length 1 ; pay (2, m) l1 and l2 ; bounds (2, m) ; above (m,)
    what |u_j| must exceed to enter ; w, signs, status, order (m,) and R, (m, m) or larger, go
    along ; u (m,) is filled ; room (2, m) ; counts: columns in the support, steps, the last step
    allowed, and columns at zero that tie at the end ; `least` squared pivot ; `rounding` of
    correlations ; `thorough`: whether the solution is checked, and corrected, on the support too.

    Returns SOLVED, BLOCKED (all that violate are combinations of the support) or TIRED.
    """
    m = q.size
    x, over = room[0], room[1]
    a = counts[0]
    while counts[1] < counts[2]:
        counts[1] += 1
        if a > 0:
            for i in range(a):
                j = order[i]
                x[i] = q[j] - pay[0, j] * signs[j]
            for f in range(m):
                if status[f] == BOUND:
                    for i in range(a):
                        x[i] -= G[f, order[i]] * w[f]
            forward(R, a, x)
            backward(R, a, x)
            first = 2.0
            for i in range(a):
                j = order[i]
                low = 0.0 if signs[j] > 0.0 else bounds[0, j]
                high = 0.0 if signs[j] < 0.0 else bounds[1, j]
                low, high = max(low, bounds[0, j]), min(high, bounds[1, j])
                over[i] = 2.0
                if x[i] < low:
                    over[i] = max((low - w[j]) / (x[i] - w[j]), 0.0)
                elif x[i] > high:
                    over[i] = max((high - w[j]) / (x[i] - w[j]), 0.0)
                first = min(first, over[i])
            for i in range(a):
                j = order[i]
                if first > 1.0:
                    w[j] = x[i]
                elif over[i] > first:
                    w[j] += first * (x[i] - w[j])
                else:
                    end = bounds[1, j] if x[i] > w[j] else bounds[0, j]
                    if signs[j] * (x[i] - w[j]) < 0.0:
                        end = 0.0
                    w[j] = end
                    signs[j] = 0.0
                    status[j] = BOUND if end != 0.0 else OUT
            if first <= 1.0:
                for i in range(a - 1, -1, -1):
                    if over[i] <= first:
                        delete(R, a, i)
                        for k in range(i, a - 1):
                            order[k] = order[k + 1]
                        a -= 1
                continue
        worst = 0.0
        if thorough or 2 * a < m:
            correlate(G, q, w, u)
            for i in range(a):
                j = order[i]
                x[i] = u[j] - pay[0, j] * signs[j] - pay[1, j] * w[j]
                worst = max(worst, abs(x[i]))
        else:
            # Few columns are outside: their rows of G are read instead of the support's.
            for j in range(m):
                if status[j] == IN:
                    u[j] = pay[0, j] * signs[j] + pay[1, j] * w[j]
                else:
                    u[j] = q[j] - product(G[j], w)
        if worst > rounding:
            forward(R, a, x)
            backward(R, a, x)
            for i in range(a):
                w[order[i]] += x[i]
            correlate(G, q, w, u)
        for j in range(m):
            over[j] = 0.0
            if status[j] == OUT and G[j, j] > 0.0:
                if abs(u[j]) > above[j] and bounds[1 if u[j] > 0.0 else 0, j] != 0.0:
                    over[j] = abs(u[j]) - pay[0, j]
            elif status[j] == BOUND:
                side = 1.0 if w[j] > 0.0 else -1.0
                pull = pay[0, j] + side * (pay[1, j] * w[j] - u[j])
                if pull > above[j] - pay[0, j]:
                    over[j] = pull
        entered, blocked = 0, 0
        while True:
            j, largest = -1, 0.0
            for i in range(m):
                if over[i] > largest:
                    j, largest = i, over[i]
            if j < 0:
                break
            over[j] = 0.0
            for i in range(a):
                x[i] = G[j, order[i]]
            diagonal = 1.0 + pay[1, j]
            if append(R, a, x, diagonal, least * diagonal):
                side = w[j] if status[j] == BOUND else u[j]
                signs[j] = 0.0 if pay[0, j] == 0.0 else np.sign(side)
                status[j] = IN
                order[a] = j
                a += 1
                entered += 1
            else:
                blocked += 1
        counts[0] = a
        if entered == 0:
            counts[3] = 0
            for j in range(m):
                if status[j] == OUT and G[j, j] > 0.0 and abs(u[j]) >= pay[0, j] * (1.0 - TIED):
                    counts[3] += 1
            return BLOCKED if blocked > 0 else SOLVED
    counts[0] = a
    return TIRED
