"""Double-double arithmetic against rational numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leastwise.numerics.double_double import add, back_residual, residual, total, two_prod, two_sum

# Without error means equal as rational numbers. A double-double sum of n terms is held to 4 n
# roundings of 2^-105 of the sum of their sizes, and what is then rounded to float64 is the nearest
# number or the one beside it.
UNIT = 2.0**-105
ULPS = 1.0

# No overflow in Veltkamp's splitting, no underflow in the low part of a product.
SIZES = st.floats(1e-120, 1e120) | st.floats(-1e120, -1e-120) | st.just(0.0)
PAIRS = arrays(np.float64, (2, 5), elements=SIZES)


def exactly(*parts: float) -> Fraction:
    return sum((Fraction(float(part)) for part in parts), Fraction(0))


@given(PAIRS)
def test_two_sum_has_no_error(pair: np.ndarray) -> None:
    a, b = pair
    hi, lo = two_sum(a, b)
    for i in range(a.size):
        assert exactly(hi[i], lo[i]) == exactly(a[i], b[i])
        assert hi[i] == a[i] + b[i]


@given(PAIRS)
def test_two_prod_has_no_error(pair: np.ndarray) -> None:
    a, b = pair
    hi, lo = two_prod(a, b)
    for i in range(a.size):
        assert exactly(hi[i], lo[i]) == Fraction(float(a[i])) * Fraction(float(b[i]))
        assert hi[i] == a[i] * b[i]


@given(arrays(np.float64, (4, 3), elements=SIZES))
def test_add_is_right_to_thirty_digits(numbers: np.ndarray) -> None:
    a, b = two_sum(numbers[0], numbers[1]), two_sum(numbers[2], numbers[3])
    hi, lo = add(a, b)
    for i in range(3):
        exact = exactly(*numbers[:, i])
        size = exactly(*np.abs([a[0][i], b[0][i]]))
        assert abs(exactly(hi[i], lo[i]) - exact) <= Fraction(4 * UNIT) * size


@given(st.integers(1, 33), st.integers(0, 2**32 - 1))
def test_total_over_any_number_of_rows(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 2)) * 10.0 ** rng.integers(-20, 20, (n, 2))
    hi, lo = total((values, np.zeros_like(values)))
    for j in range(2):
        exact = exactly(*values[:, j])
        size = exactly(*np.abs(values[:, j]))
        assert abs(exactly(hi[j], lo[j]) - exact) <= Fraction(n * 4 * UNIT) * size


def cancelling(seed: int, spread: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X (n, p), w (p, k), and h nearly X w: the residual is what is left of larger terms."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 5)) * 10.0 ** rng.integers(-spread, spread + 1, 5)
    w = rng.normal(size=(5, 2)) / np.abs(X).max(axis=0)[:, None]
    return X, w, X @ w


@pytest.mark.parametrize("spread", [0, 6])
@pytest.mark.parametrize("seed", range(5))
def test_residual_is_rounded_once(seed: int, spread: int) -> None:
    X, w, h = cancelling(seed, spread)
    r = 1e-9 * np.random.default_rng(seed + 100).normal(size=h.shape)
    found = residual(h, r, X, w)
    for i in range(h.shape[0]):
        for o in range(h.shape[1]):
            products = [Fraction(float(X[i, j])) * Fraction(float(w[j, o])) for j in range(5)]
            exact = exactly(h[i, o]) - exactly(r[i, o]) - sum(products)
            rounding = Fraction(float(ULPS * np.spacing(abs(float(exact)))))
            terms = sum((abs(product) for product in products), Fraction(0))
            error = abs(Fraction(float(found[i, o])) - exact)
            assert error <= rounding + Fraction(20 * UNIT) * terms


@pytest.mark.parametrize("n", [1, 2, 7, 30])
@pytest.mark.parametrize("seed", range(5))
def test_back_residual_is_rounded_once(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    X, r = rng.normal(size=(n, 4)) * 1e6, rng.normal(size=(n, 2))
    weight = rng.uniform(0.1, 3.0, n)
    c = X.T @ (weight[:, None] * r)
    found = back_residual(c, X, r, weight)
    assert found.shape == c.shape
    for j in range(4):
        for o in range(2):
            products = [
                Fraction(float(X[i, j])) * Fraction(float(weight[i])) * Fraction(float(r[i, o]))
                for i in range(n)
            ]
            exact = exactly(c[j, o]) - sum(products)
            rounding = Fraction(float(ULPS * np.spacing(abs(float(exact)))))
            terms = sum((abs(product) for product in products), Fraction(0))
            error = abs(Fraction(float(found[j, o])) - exact)
            assert error <= rounding + Fraction(4 * n * UNIT) * terms


def test_inputs_are_left_as_they_are() -> None:
    X, w, h = cancelling(0, 3)
    kept = [array.copy() for array in (X, w, h)]
    residual(h, h, X, w), back_residual(w, X, h, np.ones(len(h))), total((h, h))
    for array, before in zip((X, w, h), kept, strict=True):
        np.testing.assert_array_equal(array, before)
