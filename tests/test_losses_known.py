"""The losses against other programs' and against each other; their names, parameters, refusals."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.special
from scipy.optimize import brentq
from sklearn.metrics import log_loss, mean_absolute_error, mean_pinball_loss
from statsmodels.robust.norms import HuberT

from leastwise import UsageError
from leastwise.losses import (
    LOSSES,
    Absolute,
    Huber,
    Logistic,
    Multinomial,
    Quantile,
    Squared,
    from_settings,
    named,
    settings,
)
from leastwise.losses.entropy import divergence

# The same formula in another order of operations.
SAME = 1e-12
# A root of a sum of n terms, found to the rounding of the sum.
ROOT = 1e-9

rng = np.random.default_rng(7)
Y, ETA = rng.normal(0.0, 3.0, (200, 1)), rng.normal(0.0, 3.0, (200, 1))
WEIGHT = rng.integers(0, 4, 200).astype(float)


def softmax(eta):
    return scipy.special.softmax(eta, axis=1)


@pytest.mark.parametrize("q", [0.05, 0.5, 0.9])
def test_quantile_is_scikit_learns_pinball(q):
    known = mean_pinball_loss(Y, ETA, alpha=q, sample_weight=WEIGHT)
    found = np.average(Quantile(q).value(Y, ETA), axis=0, weights=WEIGHT)
    assert found[0] == pytest.approx(known, rel=SAME)


def test_absolute_is_scikit_learns():
    assert Absolute().value(Y, ETA).mean() == pytest.approx(mean_absolute_error(Y, ETA), rel=SAME)


@pytest.mark.parametrize("width", [0.3, 1.35, 20.0])
def test_huber_is_scipys_and_statsmodels(width):
    found, slope = Huber(width).value_and_slope(Y, ETA)
    np.testing.assert_allclose(found, scipy.special.huber(width, Y - ETA), rtol=SAME)
    known = HuberT(width)
    np.testing.assert_allclose(found, known.rho(Y - ETA), rtol=SAME)
    np.testing.assert_allclose(-slope, known.psi(Y - ETA), rtol=SAME)
    inner = np.abs(Y - ETA) <= width
    np.testing.assert_array_equal(Huber(width).curvature(Y, ETA), inner)


def test_logistic_is_scikit_learns_log_loss():
    y = (Y > 0.0).astype(float)
    loss = Logistic()
    known = log_loss(y[:, 0], loss.mean(ETA)[:, 0], sample_weight=WEIGHT)
    assert np.average(loss.value(y, ETA), weights=WEIGHT[:, None]) == pytest.approx(known, rel=SAME)
    np.testing.assert_allclose(loss.mean(ETA), scipy.special.expit(ETA), rtol=SAME)


def test_multinomial_is_scikit_learns_log_loss():
    eta = rng.normal(0.0, 2.0, (100, 4))
    kind = rng.integers(0, 4, 100)
    loss = Multinomial()
    value = loss.value(np.eye(4)[kind], eta)
    assert value.mean() == pytest.approx(log_loss(kind, softmax(eta)), rel=SAME)
    np.testing.assert_allclose(loss.mean(eta), softmax(eta), rtol=SAME)


def test_surplus_of_classes_is_the_divergence_of_kullback_and_leibler():
    eta = rng.normal(0.0, 2.0, (100, 4))
    q, y = rng.dirichlet(np.ones(4), 100), rng.dirichlet(np.ones(4), 100)
    y /= y.sum(axis=1, keepdims=True)
    known = scipy.special.rel_entr(q, softmax(eta)).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(Multinomial().surplus(y, eta, q - y), known, rtol=SAME * 100)
    p = scipy.special.expit(ETA)
    known = scipy.special.rel_entr(0.3, p) + scipy.special.rel_entr(0.7, 1.0 - p)
    found = Logistic().surplus(np.zeros_like(ETA), ETA, np.full_like(ETA, 0.3))
    np.testing.assert_allclose(found, known, rtol=SAME * 100)


def test_divergence_is_seamless_where_its_formula_changes():
    p = np.array([1e-300, 1e-12, 0.1, 0.5])
    for t in (-0.25, 0.25):
        near, far = (p * t * (1.0 + side) for side in (-1e-9, 1e-9))
        parts = [divergence(p + d, p, np.log(p), d) / p for d in (near, far)]
        # 1e-300 has a logarithm of 690, whose rounding is that of the sum.
        np.testing.assert_allclose(parts[0], parts[1], rtol=1e-8)
        np.testing.assert_allclose(parts[0], (1.0 + t) * np.log1p(t) - t, rtol=1e-8)


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("eta", [-800.0, 800.0])
def test_logistic_at_certainty(y, eta):
    """-log of a probability that is too small for a number, from either side."""
    loss, right = Logistic(), (y == 1.0) == (eta > 0.0)
    assert loss.value(y, eta) == (0.0 if right else 800.0)
    assert loss.surplus(y, eta, 0.0) == (0.0 if right else 800.0)
    assert loss.surplus(y, eta, 0.5 - y) == pytest.approx(np.log(0.5) + 400.0, rel=SAME)
    # What is left of the slope where the prediction is right is exp(-40), not the 0 of 1 - 1.
    left = np.exp(-40.0) if right else 1.0
    assert abs(loss.slope(y, eta / 20.0)) == pytest.approx(left, rel=SAME)


def test_half_a_quantile_is_half_the_absolute_loss():
    for method in ("value", "slope"):
        half = getattr(Quantile(0.5), method)(Y, ETA)
        np.testing.assert_array_equal(2.0 * half, getattr(Absolute(), method)(Y, ETA))
    np.testing.assert_array_equal(Quantile(0.5).centre(Y, WEIGHT), Absolute().centre(Y, WEIGHT))


@pytest.mark.parametrize("width", [1e3, 1e200])
def test_a_wide_huber_is_squared(width):
    wide, squared, u = Huber(width), Squared(), rng.normal(size=Y.shape)
    for method in ("value", "slope", "curvature"):
        ours, known = (getattr(loss, method)(Y, ETA) for loss in (wide, squared))
        np.testing.assert_allclose(ours, known, rtol=SAME)
    np.testing.assert_array_equal(wide.conjugate(Y, u), squared.conjugate(Y, u))
    np.testing.assert_allclose(wide.surplus(Y, ETA, u), squared.surplus(Y, ETA, u), rtol=SAME)
    np.testing.assert_allclose(wide.centre(Y, WEIGHT), squared.centre(Y, WEIGHT), rtol=SAME)


def test_two_classes_are_the_logistic_loss_of_their_difference():
    ones = (Y > 0.0).astype(float)
    y, eta = np.hstack([1.0 - ones, ones]), rng.normal(0.0, 20.0, (200, 2))
    odds = eta[:, 1:] - eta[:, :1]
    two, one = Multinomial(), Logistic()
    u = 0.7 * one.slope(ones, odds)
    np.testing.assert_allclose(two.value(y, eta), one.value(ones, odds), rtol=SAME)
    np.testing.assert_allclose(two.slope(y, eta)[:, 1:], one.slope(ones, odds), rtol=SAME)
    np.testing.assert_allclose(two.curvature(y, eta)[:, 1:], one.curvature(ones, odds), rtol=SAME)
    both = np.hstack([-u, u])
    np.testing.assert_allclose(two.conjugate(y, both), one.conjugate(ones, u), rtol=SAME)
    np.testing.assert_allclose(two.surplus(y, eta, both), one.surplus(ones, odds, u), rtol=SAME)
    for weight in (None, WEIGHT, ones[:, 0]):
        centre = two.centre(y, weight)
        assert centre.sum() == pytest.approx(0.0, abs=SAME)
        np.testing.assert_allclose(centre[1] - centre[0], one.centre(ones, weight)[0], rtol=SAME)


def test_centres_of_kinks_are_quantiles():
    y = rng.normal(size=(101, 2))
    for q in (0.1, 0.35, 0.9):
        known = np.quantile(y, q, axis=0, method="inverted_cdf")
        np.testing.assert_array_equal(Quantile(q).centre(y), known)
    for rows in (100, 101):
        np.testing.assert_allclose(Absolute().centre(y[:rows]), np.median(y[:rows], axis=0), SAME)
    tenths = np.arange(10.0)[:, None]
    for tenth in range(1, 10):  # a whole interval is best: its midpoint
        for weight in (None, np.full(10, 0.1), np.full(10, 7.0)):
            assert Quantile(tenth / 10.0).centre(tenths, weight)[0] == tenth - 0.5


@pytest.mark.parametrize("width", [1e-3, 0.5, 1.35, 10.0])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_centre_of_huber_is_the_root_of_its_slope(width, shift):
    """With weights that no two sides share, so that there is one root."""
    y, weight = rng.standard_t(1.5, (200, 1)) + shift, rng.random(200)

    def slope(c):
        return float(weight @ Huber(width).slope(y[:, 0], c))

    known = brentq(slope, y.min(), y.max(), xtol=1e-13)
    found = Huber(width).centre(y, weight)[0]
    assert found == pytest.approx(known, abs=ROOT)


def test_centre_of_huber_at_its_edges():
    far = np.array([[0.0], [1.0], [100.0], [101.0]])
    assert Huber(1.0).centre(far)[0] == 50.5  # all of [2, 99] is best
    assert Huber(1.0).centre(np.full((3, 1), 4.5))[0] == 4.5
    assert Huber(1.0).centre(np.array([[0.0], [1.0], [50.0]]), np.array([1.0, 1.0, 0.0]))[0] == 0.5
    assert Huber(2.0).centre(np.array([[5.0]]))[0] == 5.0


def test_classes_never_seen_have_a_finite_centre():
    for seen, far in ((0.0, -37.0), (1.0, 37.0)):
        y = np.full((5, 1), seen)
        centre = Logistic().centre(y)
        assert centre[0] == far
        assert Logistic().value(y, centre).max() < 1e-16
    y = np.eye(3)[[0, 0, 1]]
    centre = Multinomial().centre(y)
    np.testing.assert_allclose(Multinomial().mean(centre[None])[0], [2 / 3, 1 / 3, 0.0], atol=1e-15)
    rare = np.array([1e-30, 1.0])
    assert Logistic().centre(np.array([[1.0], [0.0]]), rare)[0] == pytest.approx(np.log(1e-30))


def test_targets_that_do_not_suit_are_named():
    for loss in (Squared(), Absolute(), Quantile(), Huber()):
        assert loss.refuse_targets(np.array([[-5.0], [7.0]])) is None
    for wrong in (-1.0, 2.0, np.nan):
        said = Logistic().refuse_targets(np.array([[0.0], [wrong]]))
        assert f"from 0 to 1, and one is {wrong:g}" in said
    assert Logistic().refuse_targets(np.array([[0.0], [0.5], [1.0]])) is None
    many = Multinomial()
    assert many.refuse_targets(np.array([[0.2, 0.8], [1.0, 0.0]])) is None
    assert many.refuse_targets(rng.dirichlet(np.ones(1000), 50)) is None
    assert "sum 1.5" in many.refuse_targets(np.array([[1.0, 0.0], [0.5, 1.0]]))
    assert "least -0.5" in many.refuse_targets(np.array([[1.5, -0.5]]))
    assert "a column of targets for each class" in many.refuse_targets(np.ones((3, 1)))


@pytest.mark.parametrize("q", [0.0, 1.0, -0.5, np.nan, "0.5", True, None])
def test_a_quantile_lies_between_0_and_1(q):
    with pytest.raises(UsageError, match="q must be a number between 0 and 1, not"):
        Quantile(q)


@pytest.mark.parametrize("width", [0.0, -1.0, np.inf, np.nan, "1", False, 10**400])
def test_a_width_is_positive_and_finite(width):
    with pytest.raises(UsageError, match="width must be a positive, finite number, not"):
        Huber(width)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_survive_their_names_and_settings(name):
    plain = LOSSES[name]()
    assert plain.name == name
    assert named(name) == plain
    assert named(plain) is plain
    fields = [field.name for field in dataclasses.fields(plain)]
    for value in (0.9, 1e-7, np.float32(0.3)):
        loss = LOSSES[name](*(value for _ in fields))
        assert named(loss.label) == loss
        assert from_settings(name, json.loads(json.dumps(settings(loss)))) == loss
        assert named(name, **dict.fromkeys(fields, value)) == loss
    assert plain.smooth == (name not in ("absolute", "quantile"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cubic"], "unknown loss 'cubic'; there is squared, absolute, quantile, huber, logistic"),
        ([None], "unknown loss None; there is"),
        ([["squared"]], "unknown loss"),
        (["quantile(0.5"], "unknown loss"),
        (["quantile(0.1, 0.9)"], "must have one number in its brackets, q, not '0.1, 0.9'"),
        (["huber()"], "must have one number in its brackets, width, not ''"),
        (["squared(1, 2)"], "the squared loss has no parameter"),
        (["quantile(1.5)"], "q must be a number between 0 and 1, not 1.5"),
        (["quantile(a)"], "'quantile.a.' must have one number in its brackets, q, not 'a'"),
        (["huber(0)"], "width must be"),
        (["squared(2)"], "the squared loss has no parameter"),
        (["quantile(0.5)", 0.5], "the quantile loss was given q twice"),
        (["huber", 0.5], "the huber loss has no q"),
        (["quantile", None, 1.0], "the quantile loss has no width"),
        ([Quantile(0.5), 0.5], "q cannot be given beside"),
    ],
)
def test_names_that_say_no_loss_are_refused(arguments, words):
    with pytest.raises(UsageError, match=words):
        named(*arguments)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("cubic", {}, "unknown loss 'cubic'"),
        (3, {}, "unknown loss 3"),
        ("quantile", {}, "wants the settings q, not"),
        ("quantile", {"q": 0.5, "width": 1.0}, "wants the settings q, not"),
        ("quantile", {"q": "0.5"}, "q must be"),
        ("huber", None, "wants the settings width, not None"),
        ("squared", {"q": 0.5}, "the squared loss wants no settings"),
    ],
)
def test_settings_that_do_not_fit_are_refused(name, given, words):
    with pytest.raises(UsageError, match=words):
        from_settings(name, given)
