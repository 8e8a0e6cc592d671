"""Convex laws over the registry of losses: what is registered is tested."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from leastwise.losses import LOSSES, Huber, Quantile

# Sums of a few terms round by a few times eps of the largest of them.
ROUNDING = 1e-12
# A central difference with h = 1e-5 errs by h^2 of the third derivative and by eps / h.
DIFFERENCE = 1e-6
# A search that sees values alone stops where they are flat to rounding: value by eps, place by
# its root.
SEARCH = 1e-7
# Surpluses of u this far from the slope, whose size is the square of it times the curvature or
# more: summed from three terms they would be rounding.
CLOSE = 1e-9
# Their digits are those of u less the slope, a number of size 1 that rounds by 1e-16.
DIGITS = 1e-5

EVERY = [kind() for kind in LOSSES.values()] + [Quantile(0.9), Huber(30.0)]
losses = pytest.mark.parametrize("loss", EVERY, ids=lambda loss: loss.label)
smooth = pytest.mark.parametrize(
    "loss", [loss for loss in EVERY if loss.smooth], ids=lambda loss: loss.label
)

finite = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
small = st.floats(-30.0, 30.0).map(lambda x: round(x, 3))


def suited(loss, y):
    """(m, k) targets that the loss takes: y, or shares made of it, or rows of shares that sum to 1.

    Every other table of shares is one of certain classes. A loss that takes none of these is not
    tested, and fails here.
    """
    certain = y[0, 0] > 0.0
    shares = np.clip(np.round(0.5 + y / 100.0, 1), 0.0, 1.0)
    rows = shares + 0.1
    rows = rows / rows.sum(axis=1, keepdims=True)
    if certain:
        shares = (y > 0.0).astype(float)
        rows = np.eye(y.shape[1])[y.argmax(axis=1)]
    taken = [each for each in (y, shares, rows) if loss.refuse_targets(each) is None]
    assert taken
    return taken[0]


def dual(loss, y, draws):
    """(m, k) points of the conjugate's domain: shares of the way between its bounds, or numbers."""
    low, high = loss.domain(y)
    if loss.coupled:
        q = np.abs(draws) * (np.abs(draws) > 8.0)
        q[q.sum(axis=1) == 0.0] = 1.0
        return q / q.sum(axis=1, keepdims=True) - y
    within = np.isfinite(low) & np.isfinite(high)
    share = np.clip(0.5 + draws / 50.0, 0.0, 1.0)
    inner = np.where(within, low, 0.0) + share * np.where(within, high - low, 0.0)
    return np.where(within, np.clip(inner, low, high), draws)


@st.composite
def tables(draw, entries=finite, count=3):
    """Some (m, k) tables of one shape, two columns or more."""
    m, k = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    one = st.lists(entries, min_size=m * k, max_size=m * k)
    return [np.array(draw(one)).reshape(m, k) for _ in range(count)]


def paired(loss, terms):
    """Terms (m, k) as the loss's value is shaped."""
    return terms.sum(axis=1, keepdims=True) if loss.coupled else terms


@losses
@given(case=tables())
def test_value_is_convex_and_above_its_tangents(loss, case):
    y, eta, other = suited(loss, case[0]), case[1], case[2]
    value, slope = loss.value_and_slope(y, eta)
    assert (value >= 0.0).all()
    np.testing.assert_array_equal(value, loss.value(y, eta))
    np.testing.assert_array_equal(slope, loss.slope(y, eta))
    tangent = value + paired(loss, slope * (other - eta))
    size = 1.0 + value + paired(loss, np.abs(slope * (other - eta)))
    assert (loss.value(y, other) >= tangent - ROUNDING * size).all()
    middle = loss.value(y, 0.25 * eta + 0.75 * other)
    chord = 0.25 * value + 0.75 * loss.value(y, other)
    assert (middle <= chord + ROUNDING * (1.0 + chord)).all()


@losses
@given(case=tables(small))
def test_slope_and_curvature_are_derivatives(loss, case):
    """By central differences, at points with no kink of value or slope within them."""
    y, eta = suited(loss, case[0]), case[1]
    h = 1e-5
    width = getattr(loss, "width", 0.0)
    assume((np.abs(np.abs(y - eta) - width) > 2.0 * h).all())
    curvature = loss.curvature(y, eta)
    assert curvature.shape == eta.shape
    assert (curvature >= 0.0).all()
    for output in range(eta.shape[1]):
        step = h * np.eye(eta.shape[1])[output]
        rise = loss.value(y, eta + step) - loss.value(y, eta - step)
        rise = rise[:, 0] if loss.coupled else rise[:, output]
        size = 1.0 + np.abs(y).max() + np.abs(eta).max()
        slope = loss.slope(y, eta)[:, output]
        np.testing.assert_allclose(rise / (2.0 * h), slope, atol=DIFFERENCE * size)
        turn = (loss.slope(y, eta + step) - loss.slope(y, eta - step)) / (2.0 * h)
        np.testing.assert_allclose(curvature[:, output], turn[:, output], atol=DIFFERENCE)
        product = loss.curvature_product(y, eta, np.broadcast_to(step / h, eta.shape))
        np.testing.assert_allclose(product, turn, atol=DIFFERENCE)


@smooth
@given(case=tables(small))
def test_curvature_is_bounded_in_every_direction(loss, case):
    y, eta, V = suited(loss, case[0]), case[1], case[2]
    product = (V * loss.curvature_product(y, eta, V)).sum(axis=1)
    limit = loss.curvature_bound * (V * V).sum(axis=1)
    assert (product >= -ROUNDING * limit).all()
    assert (product <= limit * (1.0 + ROUNDING)).all()
    if loss.quadratic:
        assert np.ptp(loss.curvature(y, eta)) == 0.0


@smooth
@pytest.mark.parametrize("weight", [None, np.array([0.0, 0.5, 3.0, 1e-3])])
def test_curvatures_sum_up_over_rows(loss, weight):
    rng = np.random.default_rng(0)
    y, eta = suited(loss, rng.normal(size=(4, 3))), 5.0 * rng.normal(size=(4, 3))
    heavy = np.ones(4) if weight is None else weight
    rows = [
        heavy @ loss.curvature_product(y, eta, np.broadcast_to(e, eta.shape)) for e in np.eye(3)
    ]
    np.testing.assert_allclose(loss.curvature_sum(y, eta, weight), rows, rtol=0.0, atol=1e-14)


@smooth
def test_curvature_bound_is_reached(loss):
    """At eta = y, or at even odds of two classes and next to none of a third."""
    y = suited(loss, np.array([[0.0, 0.0, -60.0]]))
    eta = np.array([[0.0, 0.0, -800.0]])
    V = np.array([[1.0, -1.0, 0.0]])
    product = (V * loss.curvature_product(y, eta, V)).sum() / 2.0
    assert product == pytest.approx(loss.curvature_bound, rel=ROUNDING)


@losses
@given(case=tables())
def test_surplus_is_what_fenchel_and_young_leave(loss, case):
    y, eta = suited(loss, case[0]), case[1]
    u = dual(loss, y, case[2])
    value, conjugate, surplus = loss.value(y, eta), loss.conjugate(y, u), loss.surplus(y, eta, u)
    assert np.isfinite(conjugate).all()
    assert (surplus >= 0.0).all()
    size = 1.0 + value + np.abs(conjugate) + paired(loss, np.abs(u * eta))
    left = value + conjugate - paired(loss, u * eta)
    assert (np.abs(surplus - left) <= ROUNDING * size).all()


@losses
@given(case=tables())
def test_surplus_is_exactly_zero_at_the_slope(loss, case):
    for eta in (case[1], 30.0 * case[1]):
        y = suited(loss, case[0])
        u = loss.slope(y, eta)
        assert (loss.surplus(y, eta, u) == 0.0).all()
        value, conjugate = loss.value(y, eta), loss.conjugate(y, u)
        size = 1.0 + value + np.abs(conjugate) + paired(loss, np.abs(u * eta))
        left = value + conjugate - paired(loss, u * eta)
        assert (np.abs(left) <= ROUNDING * size).all()


@losses
@given(case=tables(), kappa=st.floats(0.0, 1.0))
def test_the_surplus_of_a_shrunk_slope_is_within_its_bound(loss, case, kappa):
    y = suited(loss, case[0])
    for eta in (case[1], 30.0 * case[1]):
        u = loss.slope(y, eta)
        bound = loss.surplus_bound(y, u, np.full(1, kappa))
        assert bound.shape == loss.value(y, eta).shape
        assert (loss.surplus(y, eta, kappa * u) <= bound * (1.0 + ROUNDING) + ROUNDING**2).all()
    if loss.name == "logistic":  # as close as chi-squared is to the divergence
        near = loss.surplus_bound(np.ones((1, 1)), np.full((1, 1), -0.5), np.full(1, 0.999))
        exact = loss.surplus(np.ones((1, 1)), np.zeros((1, 1)), np.full((1, 1), -0.4995))
        assert exact <= near <= 2.01 * exact


@smooth
def test_surplus_keeps_its_digits_near_the_slope(loss):
    """There it is v'Hv / 2 with u = slope + H v: of the order of CLOSE^2, far below rounding."""
    rng = np.random.default_rng(0)
    y = suited(loss, rng.normal(0.0, 40.0, (40, 3)))
    eta = np.clip(y, -2.0, 2.0) + rng.normal(size=y.shape)
    eta = y + 0.3 * (eta - y) if loss.curvature(y, eta).min() == 0.0 else eta
    v = CLOSE * rng.choice([-1.0, 1.0], y.shape)
    change = loss.curvature_product(y, eta, v)
    u = loss.slope(y, eta) + change
    wanted = paired(loss, 0.5 * v * change)
    inner = (np.abs(y - eta) < getattr(loss, "width", np.inf)).all(axis=1)
    assert inner.any()
    found = loss.surplus(y, eta, u)
    np.testing.assert_allclose(found[inner], wanted[inner], rtol=DIGITS, atol=CLOSE**2 * DIGITS)


@losses
@given(case=tables(small))
def test_off_its_domain_the_conjugate_is_infinite(loss, case):
    y, eta = suited(loss, case[0]), case[1]
    low, high = loss.domain(y)
    assert low.shape == high.shape == y.shape
    if np.isinf(low).all() and np.isinf(high).all():
        assert np.isfinite(loss.conjugate(y, 1e9 * (1.0 + case[2]))).all()
        return
    for bound, outward in ((low, -1.0), (high, 1.0)):
        beyond = bound + outward * 1e-9
        assert np.isinf(loss.conjugate(y, beyond)).all()
        assert np.isinf(loss.surplus(y, eta, beyond)).all()
        far = np.zeros_like(y)
        far[:, 0] = outward * 1e12  # along this ray the supremum grows for ever
        gain = paired(loss, beyond * far) - loss.value(y, far)
        assert (gain[:, 0] > 100.0).all()
    if loss.coupled:
        u = dual(loss, y, case[2])
        assert np.isfinite(loss.conjugate(y, u)).all()
        assert np.isinf(loss.conjugate(y, u + 1e-9)).all()


@losses
@given(case=tables(small, count=2))
def test_conjugate_is_the_supremum(loss, case):
    y = suited(loss, case[0])
    u = dual(loss, y, case[1])
    claimed = loss.conjugate(y, u)
    for row in range(len(y)):
        if loss.coupled:
            one = slice(row, row + 1)

            def below(eta, y=y[one], u=u[one]):
                eta = eta[None, :]
                value, slope = loss.value_and_slope(y, eta)
                return float(value[0, 0] - (u * eta).sum()), (slope - u)[0]

            found = minimize(below, np.zeros(y.shape[1]), jac=True, tol=1e-12).fun
            assert claimed[row, 0] == pytest.approx(-found, abs=SEARCH)
            continue
        for output in range(y.shape[1]):

            def beneath(eta, y=y[row, output], u=u[row, output]):
                return loss.value(y, eta) - u * eta

            found = minimize_scalar(
                beneath, bounds=(-100.0, 100.0), method="bounded", options={"xatol": 1e-9}
            ).fun
            size = 1.0 + abs(y[row, output]) + abs(u[row, output])
            assert claimed[row, output] == pytest.approx(-found, abs=SEARCH * size)


@losses
@given(case=tables(st.integers(-3, 3), count=1), seed=st.integers(0, 2**32 - 1))
def test_centre_is_best_and_in_the_middle(loss, case, seed):
    """No other eta is better, weights are copies, and what is left or right of it is as good."""
    rng = np.random.default_rng(seed)
    y = suited(loss, 10.0 * np.vstack([case[0], rng.integers(-3, 4, (4, case[0].shape[1]))]))
    copies = rng.integers(0, 3, len(y))
    copies[0] = 1

    def total(c):
        value = loss.value(y, np.broadcast_to(c, y.shape))
        return copies @ value

    centre = loss.centre(y, copies.astype(float))
    assert centre.shape == (y.shape[1],)
    assert np.isfinite(centre).all()
    best = total(centre)
    for size in (1e-6, 1e-3, 0.1, 1.0, 10.0, 100.0):
        for direction in np.vstack([np.eye(y.shape[1]), np.ones(y.shape[1])]):
            for sign in (-size, size):
                assert (total(centre + sign * direction) >= best - ROUNDING * (1.0 + best)).all()
    repeated = loss.centre(np.repeat(y, copies, axis=0))
    np.testing.assert_allclose(centre, repeated, rtol=ROUNDING, atol=ROUNDING)
    for step in (0.1, 1.0, 4.0):
        if not loss.coupled and (np.abs(centre) < 36.0).all():
            up, down = total(centre + step) - best, total(centre - step) - best
            flat = ROUNDING * (1.0 + best)
            assert ((up <= flat) == (down <= flat)).all()


@losses
def test_extreme_predictions_stay_finite(loss):
    y = suited(loss, np.array([[50.0, -50.0], [-50.0, 50.0], [1.0, 0.0]]))
    for size in (37.0, 800.0, 1e3):
        for eta in (size, np.array([size, -size]), np.array([-size, size])):
            eta = np.broadcast_to(eta, y.shape).astype(float)
            value, slope = loss.value_and_slope(y, eta)
            u = 0.5 * slope
            for found in (
                value,
                slope,
                loss.curvature(y, eta),
                loss.curvature_product(y, eta, np.ones_like(eta)),
                loss.mean(eta),
                loss.conjugate(y, u),
                loss.surplus(y, eta, u),
            ):
                assert np.isfinite(found).all()
            terms = value + loss.conjugate(y, u) - paired(loss, u * eta)
            np.testing.assert_allclose(loss.surplus(y, eta, u), terms, rtol=ROUNDING, atol=1e-9)


@losses
def test_losses_treat_rows_by_themselves(loss):
    rng = np.random.default_rng(0)
    y, eta = suited(loss, rng.normal(0.0, 40.0, (5, 2))), rng.normal(size=(5, 2))
    u = 0.5 * loss.slope(y, eta)
    surplus = loss.surplus(y, eta, u)
    wholes = (loss.value(y, eta), loss.slope(y, eta), loss.conjugate(y, u), surplus)
    assert loss.mean(eta).shape == eta.shape
    for whole, shared in zip(wholes, (True, False, True, True), strict=True):
        assert whole.shape == ((5, 1) if shared and loss.coupled else (5, 2))
    row = slice(3, 4)
    np.testing.assert_array_equal(loss.value(y[row], eta[row]), wholes[0][row])
    np.testing.assert_array_equal(loss.surplus(y[row], eta[row], u[row]), surplus[row])
    if not loss.coupled:
        one, at = (3, 1), float(eta[3, 1])
        assert loss.value(float(y[one]), at) == wholes[0][one]
        assert loss.slope(float(y[one]), at) == wholes[1][one]
        assert loss.conjugate(float(y[one]), float(u[one])) == wholes[2][one]
        assert loss.surplus(float(y[one]), at, float(u[one])) == surplus[one]
        np.testing.assert_array_equal(loss.slope(y[:, 0], eta[:, 0]), wholes[1][:, 0])
