"""Exact least squares and moments in rational numbers, for small problems."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Matrix = list[list[Fraction]]


class ExactFit(NamedTuple):
    """Rounded once from rational numbers: intercept (0 without), coef (p,), squares, inverse."""

    intercept: float
    coef: Float
    squares: float  # sum_i s_i r_i^2
    inverse: Float  # of A'SA + W diag(0, l2), the intercept first where there is one


def rational(array: Float) -> Matrix:
    """(n, p) numbers as they are in binary."""
    return [[Fraction(float(v)) for v in row] for row in np.atleast_2d(array)]


def rounded(matrix: Sequence[Sequence[Fraction]]) -> Float:
    return np.array([[float(v) for v in row] for row in matrix])


def exact_least_squares(
    X: Float,
    y: Float,
    weight: Float | None = None,
    *,
    l2: float = 0.0,
    intercept: bool = True,
) -> ExactFit:
    """Minimise sum s r^2 / 2W + l2/2 |w|^2 by Gauss-Jordan elimination of the normal equations."""
    n, p = X.shape
    first = int(intercept)
    A = [[Fraction(1)] * first + row for row in rational(X)]
    s = [Fraction(1)] * n if weight is None else [Fraction(float(v)) for v in weight]
    h = [Fraction(float(v)) for v in y]
    m, whole = p + first, sum(s, Fraction(0))
    normal = [
        [sum((s[i] * A[i][a] * A[i][b] for i in range(n)), Fraction(0)) for b in range(m)]
        for a in range(m)
    ]
    for j in range(first, m):
        normal[j][j] += whole * Fraction(l2)
    right = [sum((s[i] * A[i][a] * h[i] for i in range(n)), Fraction(0)) for a in range(m)]
    inverse = inverted(normal)
    x = [sum((inverse[a][b] * right[b] for b in range(m)), Fraction(0)) for a in range(m)]
    r = [h[i] - sum((A[i][a] * x[a] for a in range(m)), Fraction(0)) for i in range(n)]
    squares = float(sum((s[i] * r[i] ** 2 for i in range(n)), Fraction(0)))
    coef = np.array([float(v) for v in x[first:]])
    return ExactFit(float(x[0]) if first else 0.0, coef, squares, rounded(inverse))


def inverted(matrix: Matrix) -> Matrix:
    """Gauss-Jordan elimination; the matrix must be positive definite."""
    m = len(matrix)
    rows = [list(row) + [Fraction(int(i == j)) for j in range(m)] for i, row in enumerate(matrix)]
    for j in range(m):
        pivot = rows[j][j]
        rows[j] = [v / pivot for v in rows[j]]
        for i in range(m):
            if i != j and rows[i][j]:
                by = rows[i][j]
                rows[i] = [v - by * u for v, u in zip(rows[i], rows[j], strict=True)]
    return [row[m:] for row in rows]


class ExactMoments(NamedTuple):
    mean: Float
    target_mean: Float
    xx: Float
    xy: Float
    yy: Float


def exact_moments(X: Float, y: Float, weight: Float | None = None) -> ExactMoments:
    """Centred weighted cross-products, rounded once."""
    s = [Fraction(1)] * len(X) if weight is None else [Fraction(float(v)) for v in weight]
    whole = sum(s, Fraction(0))
    columns = list(zip(*rational(X), strict=True))
    targets = list(zip(*rational(y), strict=True))

    def centred(column: Sequence[Fraction]) -> tuple[Fraction, list[Fraction]]:
        mean = sum((a * b for a, b in zip(s, column, strict=True)), Fraction(0)) / whole
        return mean, [v - mean for v in column]

    def product(a: Sequence[Fraction], b: Sequence[Fraction]) -> float:
        return float(sum((w * u * v for w, u, v in zip(s, a, b, strict=True)), Fraction(0)))

    x = [centred(column) for column in columns]
    t = [centred(column) for column in targets]
    return ExactMoments(
        np.array([float(mean) for mean, _ in x]),
        np.array([float(mean) for mean, _ in t]),
        np.array([[product(a, b) for _, b in x] for _, a in x]),
        np.array([[product(a, b) for _, b in t] for _, a in x]),
        np.array([product(a, a) for _, a in t]),
    )
