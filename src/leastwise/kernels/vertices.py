"""The compiled simplex steps on kinks: from vertex to vertex, past every kink while it descends.

    v = A_B^-1 y_B,   theta_B = -A_B^-T g,   g = A_off'theta_off,   d = -+ A_B^-1 e_k

(Barrodale and Roberts 1973). The kink at which the slope turns is found by weighted selection, so
that a step costs its product A d and little else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kernels.compiling import summing

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

OPTIMAL, ANEW, LOST = 0, 1, 2  # how a walk ends; ANEW: the inverse should be made again
INSIDE = 1e-11  # beyond its box, relative to its size, that a dual may be by rounding
PIVOT = 1e-10  # of its row, below which a step would lose the inverse
HUGE = 5e199  # a change of slope, after which no digit of g is left


@summing
def along(T: Float, d: Float, w: Float) -> None:
    """w <- d'T, four rows of T at a time; T (m, M), w (M,)."""
    m, M = T.shape
    for i in range(M):
        w[i] = 0.0
    j = 0
    while j + 4 <= m:
        A, B, C, D = T[j], T[j + 1], T[j + 2], T[j + 3]
        s, t, x, z = d[j], d[j + 1], d[j + 2], d[j + 3]
        for i in range(M):
            w[i] += s * A[i] + t * B[i] + x * C[i] + z * D[i]
        j += 4
    while j < m:
        A, s = T[j], d[j]
        for i in range(M):
            w[i] += s * A[i]
        j += 1


@summing
def turning(far: Float, rise: Float, ahead: Integer, count: int, slope: float) -> int:
    """The place, in order of `far`, at which the sum of `rise` reaches `slope`; -1 if none does.

    far, rise, ahead (count,) go along and are put in an order in which all kinks before that place
    come first: a quickselect by weight.
    """
    low, high, below = 0, count, 0.0
    while high - low > 1:
        a, b, c = far[low], far[(low + high) // 2], far[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high - 1
        while i <= j:
            while far[i] < pivot:
                i += 1
            while far[j] > pivot:
                j -= 1
            if i <= j:
                far[i], far[j] = far[j], far[i]
                rise[i], rise[j] = rise[j], rise[i]
                ahead[i], ahead[j] = ahead[j], ahead[i]
                i += 1
                j -= 1
        left = 0.0
        for a in range(low, j + 1):
            left += rise[a]
        if below + left >= slope:
            high = j + 1
            continue
        below += left
        low = j + 1
        if i - low == 1:  # one element, equal to the pivot, between the parts
            if below + rise[low] >= slope:
                return low
            below += rise[low]
            low = i
    reached = high < count or (low < count and below + rise[low] >= slope)
    return low if reached else -1


@summing
def descend(
    T: Float,
    unit: Integer,
    up: Float,
    down: Float,
    basis: Integer,
    inverse: Float,
    r: Float,
    side: Float,
    theta: Float,
    g: Float,
    room: Float,
    small: Float,
    ahead: Integer,
    limit: int,
) -> tuple[int, int]:
    """Simplex steps from a vertex until the optimum, or until Python has to decide.

    T (m, M) dense rows as columns ; unit (k,) the columns of the rows e_j after them ; up, down, r,
    side and theta (M + k,), the last two 0 in the basis ; basis (m,) and inverse (m, m) of its rows
    ; g (m,) A'theta ; room (3, M + k), small (4, m) and ahead (M + k,) are written over. All but
    T, unit, up and down go along. Returns how it ended and the steps taken.
    """
    m, M = T.shape
    N = r.size
    w, far, rise = room[0], room[1], room[2]
    own, square, d, across = small[0], small[1], small[2], small[3]
    stuck = 0
    for step in range(limit):
        for j in range(m):
            own[j] = square[j] = 0.0
        for i in range(m):
            row, s = inverse[i], g[i]
            for j in range(m):
                own[j] -= s * row[j]
                square[j] += row[j] * row[j]
        k, largest = -1, 0.0
        for j in range(m):
            i = basis[j]
            beyond = max(own[j] - up[i], -down[i] - own[j])
            if beyond > INSIDE * (1.0 + abs(own[j])) and beyond * beyond > largest * square[j]:
                k, largest = j, beyond * beyond / square[j]
        if k < 0:
            for j in range(m):
                theta[basis[j]] = own[j]
            return OPTIMAL, step
        leaving = basis[k]
        sign = 1.0 if own[k] > up[leaving] else -1.0
        slope = max(own[k] - up[leaving], -down[leaving] - own[k])
        for j in range(m):
            d[j] = -sign * inverse[j, k]
        along(T, d, w[:M])
        for i in range(M, N):
            w[i] = d[unit[i - M]]
        for j in range(m):
            w[basis[j]] = 0.0
        count = 0
        for i in range(N):
            ahead[count] = i
            count += side[i] * w[i] > 0.0
        for a in range(count):
            i = ahead[a]
            far[a] = max(r[i] / w[i], 0.0)
            rise[a] = abs(w[i]) * (up[i] + down[i])
        place = turning(far, rise, ahead, count, slope)
        if place < 0:
            return LOST, step
        entering, tau = ahead[place], far[place]
        stuck = stuck + 1 if tau == 0.0 else 0
        if stuck > 2 * m:
            return LOST, step
        drowned = False
        for a in range(place):
            i = ahead[a]
            change = -side[i] * (up[i] + down[i])
            drowned = drowned or abs(change) > HUGE
            theta[i] += change
            side[i] = -side[i]
            if i < M:
                for j in range(m):
                    g[j] += change * T[j, i]
            else:
                g[unit[i - M]] += change
        for a in range(2):
            i = leaving if a == 0 else entering
            change = -theta[i]
            if a == 0:
                change = up[i] if sign > 0.0 else -down[i]
            drowned = drowned or abs(change) > HUGE
            theta[i] += change
            if i < M:
                for j in range(m):
                    g[j] += change * T[j, i]
            else:
                g[unit[i - M]] += change
        for i in range(N):
            r[i] -= tau * w[i]
        r[leaving], side[leaving] = sign * tau, sign
        r[entering], side[entering], theta[entering] = 0.0, 0.0, 0.0
        basis[k] = entering
        if drowned:
            return ANEW, step + 1
        for j in range(m):
            across[j] = 0.0
        if entering < M:
            for i in range(m):
                row, s = inverse[i], T[i, entering]
                for j in range(m):
                    across[j] += s * row[j]
        else:
            row = inverse[unit[entering - M]]
            for j in range(m):
                across[j] = row[j]
        pivot, size = across[k], 0.0
        for j in range(m):
            size = max(size, abs(across[j]))
        if abs(pivot) < PIVOT * size:
            return LOST, step
        across[k] -= 1.0
        for i in range(m):
            row = inverse[i]
            s = row[k] / pivot
            for j in range(m):
                row[j] -= s * across[j]
    return ANEW, limit


@summing
def choose(
    T: Float,
    unit: Integer,
    order: Integer,
    least: Float,
    basis: Integer,
    inverse: Float,
    across: Float,
) -> bool:
    """Fill `basis` (m,) with independent rows, early ones in `order` first, and their `inverse`.

    A row replaces one of the identity's where its pivot is at least `least` of its largest entry;
    what is left empty is filled with the next, smaller `least`. False if rows do not suffice.
    across (m,) is room.
    """
    m, M = T.shape
    for i in range(m):
        basis[i] = -1
        for j in range(m):
            inverse[i, j] = 1.0 if i == j else 0.0
    found = 0
    for attempt in range(least.size):
        for a in range(order.size):
            if found == m:
                return True
            row = order[a]
            taken = False
            for j in range(m):
                taken = taken or basis[j] == row
                across[j] = 0.0
            if taken:
                continue
            for i in range(m):
                s = T[i, row] if row < M else (1.0 if unit[row - M] == i else 0.0)
                if s != 0.0:
                    for j in range(m):
                        across[j] += s * inverse[i, j]
            k, size, largest = -1, 0.0, 0.0
            for j in range(m):
                size = max(size, abs(across[j]))
                if basis[j] < 0 and abs(across[j]) > largest:
                    k, largest = j, abs(across[j])
            if k < 0 or largest < least[attempt] * size:
                continue
            pivot = across[k]
            across[k] -= 1.0
            for i in range(m):
                s = inverse[i, k] / pivot
                for j in range(m):
                    inverse[i, j] -= s * across[j]
            basis[k] = row
            found += 1
    return found == m


@summing
def sided(
    R: Float,
    y: Float,
    base: Float,
    q: Float,
    s: Float,
    theta: Float,
    first: int,
    sums: Float,
) -> None:
    """R <- y - base - R, and theta <- s (q - [R < 0]) in its columns from `first` on.

    R (K, B), y and s (B,), base and q (K,), theta (K, n), sums (2, K) <- sum theta r, sum theta.
    """
    K, B = R.shape
    for k in range(K):
        row, out, b, up = R[k], theta[k], base[k], q[k]
        loss, mass = 0.0, 0.0
        for i in range(B):
            r = y[i] - b - row[i]
            t = s[i] * (up - 1.0 if r < 0.0 else up)
            row[i] = r
            out[first + i] = t
            loss += t * r
            mass += t
        sums[0, k], sums[1, k] = loss, mass
