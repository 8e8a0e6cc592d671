"""Convex laws over the registry of penalties: what is registered is tested."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from leastwise import UsageError
from leastwise.penalties import PENALTIES, soft_threshold

# Sums of a few terms round by a few times eps of the largest of them.
ROUNDING = 1e-12
# A bounded scalar search stops within XATOL of the point sought, or a few times that beside a kink.
SEARCH = 1e-6
XATOL = {"xatol": 1e-9}

penalties = pytest.mark.parametrize("make", list(PENALTIES.values()), ids=list(PENALTIES))

strengths = st.sampled_from([0.0, 0.3, 1.0, 2.5])
columns = st.integers(1, 4)


@st.composite
def penalty_cases(draw):
    """l1, l2, factors (or None), and a matrix of coefficients (p, k)."""
    p, k = draw(columns), draw(st.integers(1, 3))
    factors = draw(
        st.none() | st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=p, max_size=p)
    )
    entries = draw(st.lists(st.floats(-20, 20), min_size=p * k, max_size=p * k))
    w = np.round(np.array(entries).reshape(p, k), 6)
    return draw(strengths), draw(strengths), None if factors is None else np.array(factors), w


@penalties
@given(case=penalty_cases(), other=st.integers(0, 2**32 - 1), step=st.sampled_from([0.1, 1.0, 7.0]))
def test_prox_is_the_strongly_convex_minimum(make, case, other, step):
    l1, l2, factors, w = case
    penalty = make(l1, l2, factors)
    u = penalty.prox(w, step)

    def half_square(z):
        return 0.5 * penalty.pool((z**2).sum(axis=0))

    def objective(z):
        return half_square(z - w) + step * penalty.value(z)

    rng = np.random.default_rng(other)
    for spread in (1e-3, 1.0, 30.0):
        z = u + spread * rng.normal(size=w.shape)
        above = objective(u) + half_square(z - u)
        assert (objective(z) >= above - ROUNDING * (1.0 + above)).all()


@penalties
@given(case=penalty_cases(), step=st.floats(0.01, 10.0))
def test_prox_step_is_a_subgradient(make, case, step):
    """(w - u) / step in f (l1 d|u| + l2 u), d|u| = u / |u| or the unit ball; one step, or p."""
    l1, l2, factors, w = case
    measure = make(l1, l2, factors).measure
    f = (np.ones(w.shape[0]) if factors is None else factors)[:, None]
    for steps in (step, step * np.arange(1.0, 1.0 + w.shape[0])):
        u = make(l1, l2, factors).prox(w, steps)
        slope = (w - u) / (np.full(w.shape[0], steps) if np.isscalar(steps) else steps)[:, None]
        rest = slope - f * l2 * u
        size = ROUNDING * (1.0 + np.abs(w)) / step
        length = np.abs(measure(u))
        zero = length == 0.0
        limit = f * l1 + size.max(axis=1, keepdims=True)
        assert (np.abs(measure(rest)) <= limit)[zero].all()
        unit = u / np.where(zero, 1.0, length)
        assert ((np.abs(rest - f * l1 * unit) <= size) | zero).all()


@penalties
@given(case=penalty_cases(), v=penalty_cases())
def test_penalty_fenchel_young(make, case, v):
    l1, l2, factors, w = case
    penalty = make(l1, l2, factors)
    v = np.resize(v[3], w.shape)
    both = penalty.value(w) + penalty.conjugate(v)
    product, terms = (penalty.pool(part.sum(axis=0)) for part in (w * v, np.abs(w * v)))
    assert (both >= product - ROUNDING * (1.0 + terms)).all()


@penalties
@given(case=penalty_cases())
def test_penalty_conjugate_is_the_supremum(make, case):
    """Along one ray at a time: a bounded search for the supremum, or it grows for ever.

    What is paid for separately has a ray of its own: an entry, or a row in its own direction, of
    which Fenchel and Young say that no other is better.
    """
    l1, l2, factors, v = case
    f = np.ones(v.shape[0]) if factors is None else factors
    claimed = make(l1, l2, factors).conjugate(v)
    measured = make(l1, l2, factors).measure(v)
    for output in range(measured.shape[1]):
        total = 0.0
        for j, strength in enumerate(f):
            own = make(l1, l2, np.array([strength]))

            def below(w, own=own, v=measured[j, output]):
                return float(own.value(np.array([[w]]))[0] - v * w)

            far = 1e150 * np.sign(measured[j, output])
            if below(far) < 0.0 and below(10.0 * far) < 5.0 * below(far):
                total = np.inf
                break
            total -= minimize_scalar(below, bounds=(-1e3, 1e3), method="bounded", options=XATOL).fun
        if np.isinf(total):
            assert np.isinf(claimed[output])
        else:
            assert claimed[output] == pytest.approx(total, abs=SEARCH * (1.0 + total))


@penalties
@given(case=penalty_cases())
def test_feasible_scale_is_the_largest(make, case):
    l1, l2, factors, v = case
    penalty = make(l1, l2, factors)
    scale = penalty.feasible_scale(v)
    assert scale.shape == penalty.pool(v[0]).shape
    assert (scale >= 0.0).all()
    inside = np.where(np.isfinite(scale), scale * (1.0 - 1e-9), 1e6)
    assert np.isfinite(penalty.conjugate(inside * v)).all()
    bounded = np.isfinite(scale)
    beyond = np.where(bounded, scale * (1.0 + 1e-9) + 1e-9, 0.0)
    assert np.isinf(penalty.conjugate(beyond * v))[bounded].all()


@penalties
@given(case=penalty_cases(), share=st.floats(0.0, 1.0), seed=st.integers(0, 2**32 - 1))
def test_penalty_is_convex_and_least_at_zero(make, case, share, seed):
    l1, l2, factors, w = case
    penalty = make(l1, l2, factors)
    other = np.random.default_rng(seed).normal(0.0, 10.0, w.shape)
    chord = share * penalty.value(w) + (1.0 - share) * penalty.value(other)
    assert (
        penalty.value(share * w + (1.0 - share) * other) <= chord + ROUNDING * (1 + chord)
    ).all()
    assert (penalty.value(np.zeros_like(w)) == 0.0).all()
    assert (penalty.value(w) >= 0.0).all()


@given(v=st.floats(-1e6, 1e6), t=st.floats(0.0, 1e3))
def test_soft_threshold_is_odd_and_shrinks_by_t(v, t):
    found = soft_threshold(v, t)
    assert found == -soft_threshold(-v, t)
    assert abs(found) == max(abs(v) - t, 0.0)


@penalties
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"l1": -0.1}, "l1 must be a number of at least 0, not -0.1"),
        ({"l2": np.nan}, "l2 must be"),
        ({"l2": np.inf}, "l2 must be"),
        ({"l1": 1.0, "factors": np.array([1.0, -2.0])}, "factor of column 1 is -2"),
        ({"l1": 1.0, "factors": np.array([np.nan])}, "factor of column 0 is nan"),
    ],
)
def test_impossible_strengths_are_named(make, arguments, words):
    with pytest.raises(UsageError, match=words):
        make(**arguments)
