"""lw.check_gradient: every loss's gradient, and each usual mistake told by its name.

The losses' gradients are compared with differences of their values and with PyTorch; the mistakes
are made on purpose, one at a time, in the gradient of a ridge.
"""

import re

import numpy as np
import pytest
import scipy.sparse as sp

import leastwise as lw
from leastwise.blocks import tensors
from leastwise.gradients import autograd
from leastwise.losses import LOSSES, Squared, named

N, P, L2 = 60, 4, 0.3
FINE = 1e-8  # relative; what central differences of a smooth function reach with room to spare

rng = np.random.default_rng(5)
X = rng.normal(size=(N, P)) * [1.0, 30.0, 0.02, 4.0] + [0.0, 50.0, 0.0, 1.0]
y = X @ [2.0, -0.1, 30.0, 0.5] + 3.0 + rng.normal(size=N)
weight = rng.uniform(0.2, 3.0, N)
w_nan = np.full(P, np.nan)


def targets(loss):
    if not loss.of_classes:
        return y
    return np.digitize(y, np.quantile(y, [0.3, 0.7] if loss.coupled else [0.5]))


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name, intercept):
    loss = LOSSES[name]()
    check = lw.check_gradient(
        name, X=X, y=targets(loss), sample_weight=weight, l1=0.02, l2=L2, intercept=intercept
    )
    assert check.ok, check.verdict
    assert check.difference_error < FINE
    assert check.gradient.size == (P + intercept) * (3 if loss.coupled else 1)
    if tensors.installed():
        assert check.autograd_error is not None
        assert check.autograd_error < 1e-12
    else:
        assert check.without == "PyTorch is not installed"
    assert "verdict: the gradient agrees" in str(check)
    assert "1e-05: " in str(check)


@pytest.mark.skipif(not tensors.installed(), reason="needs torch")
def test_every_loss_is_written_for_autograd():
    assert set(LOSSES) == set(autograd.FORMS)


def test_several_outputs_sparse_and_many_coordinates():
    Y = np.column_stack([y, y[::-1]])
    check = lw.check_gradient("huber(0.5)", X=sp.csr_array(X), y=Y, coordinates=6)
    assert check.ok
    assert check.coordinates.size == 6 < check.gradient.size == 10
    assert check.coef.shape == (P, 2)
    assert np.shape(check.intercept) == (2,)


def test_a_wrong_slope_in_a_loss_is_found():
    class Wrong(Squared):
        def slope(self, y, eta):
            return 1.01 * super().slope(y, eta)

    check = lw.check_gradient(Wrong(), X=X, y=y)
    assert not check.ok
    assert "is off by 9.9e-03 from central differences" in check.verdict


def test_the_curve_is_a_v():
    """Truncation falls as h squared, rounding grows as 1/h (for a loss that is no parabola)."""
    check = lw.check_gradient("logistic", X=X, y=y > np.median(y))
    steps, curve = check.steps, check.curve
    assert steps[0] == pytest.approx(1e-1)
    assert steps[-1] == pytest.approx(1e-12)
    assert curve[0] / curve[1] == pytest.approx(100.0, rel=0.2)
    assert curve[1] / curve[2] == pytest.approx(100.0, rel=0.1)
    assert 1e-7 < check.best_step < 1e-3
    assert curve[-1] > 1e3 * curve.min()


def test_kinks_of_the_absolute_loss_and_of_l1():
    """At a residual of zero the slope is sign(0) = 0, half way between left and right."""
    X1, y1 = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 5.0, 7.0])
    check = lw.check_gradient("absolute", X=X1, y=y1, intercept=False, at=[1.0])
    assert check.ok
    assert check.kinks == 1
    assert check.gradient[0] == pytest.approx((0 - 2 - 4) / 3)
    assert check.differences[0] == pytest.approx((0 - 2 - 4) / 3, rel=FINE)
    assert "at a kink in 1 of 1 coordinates" in check.verdict

    at_zero = np.array([0.0, 1.0, 1.0, 1.0]), 1.0
    assert lw.check_gradient("squared", X=X, y=y, l1=0.5, at=at_zero).kinks == 1
    assert lw.check_gradient("squared", X=X, y=y, at=at_zero).kinks == 0

    def loss(w, X, y):
        return np.abs(y - X @ w).mean()

    outside = lw.check_gradient(
        loss, lambda w, X, y: np.array([-9.0]), X=X1, y=y1, intercept=False, at=[1.0]
    )
    assert not outside.ok


def ridge(w, b, X, y):
    return ((X @ w + b - y) ** 2).mean() / 2 + L2 / 2 * (w @ w)


def right(w, b, X, y):
    r = X @ w + b - y
    return X.T @ r / len(r) + L2 * w, r.mean()


def scaled(factor):
    return lambda *a: tuple(factor * part for part in right(*a))


def broadcast(w, b, X, y):
    r = (X @ w + b - y[:, None]).mean(axis=0)
    return X.T @ r / len(y) + L2 * w, r.mean()


def accumulating():
    dw, db = np.zeros(P), np.zeros(())

    def grad(*a):
        more = right(*a)
        dw[:] += more[0]
        db[...] += more[1]
        return dw, db

    return grad


def last_batch(w, b, X, y):
    for first in range(0, N, 10):
        dw, db = right(w, b, X[first : first + 10], y[first : first + 10])
    return dw, db


def last_row(w, b, X, y):
    for i in range(N):
        dw, db = right(w, b, X[i : i + 1], y[i : i + 1])
    return dw / N, db / N


def first_row(w, b, X, y):
    return right(w, b, X[:1], y[:1])


def intercept_part(change):
    return lambda w, b, X, y: (right(w, b, X, y)[0], change(right(w, b, X, y)[1], b))


def coefficients_part(change):
    return lambda w, b, X, y: (change(right(w, b, X, y)[0], w), right(w, b, X, y)[1])


def noisy(*a):
    dw, db = right(*a)
    return dw + rng.normal(size=P), db


MISTAKES = [
    (scaled(-1.0), "sign", "the wrong sign"),
    (scaled(2.0), "factor two", "twice"),
    (scaled(0.5), "factor two", "half"),
    (scaled(N), "sum against mean", f"divide it by {N}"),
    (scaled(1 / N), "sum against mean", f"take it {N} times"),
    (scaled(-2 * N), "sign", f"wrong sign, and it is twice .*divide it by {N}"),
    (scaled(6.0), "sum against mean", "sum of 6 batches' means"),
    (scaled(3.7), "factor", "3.7 times"),
    (broadcast, "broadcast", "shuffled among the rows"),
    (coefficients_part(lambda g, w: g[:, None]), "broadcast", r"has shape \(4, 1\)"),
    (accumulating(), "accumulation", "set the gradient to zero first"),
    (last_batch, "last rows", f"only the last 10 of {N} rows count in it: add each batch"),
    (last_row, "last rows", f"only the last of {N} rows counts"),
    (first_row, "last rows", f"only the first of {N} rows counts"),
    (intercept_part(lambda g, b: g + L2 * b), "penalised intercept", "0.3 times b in addition"),
    (intercept_part(lambda g, b: 0.0), "intercept", "part of the intercept is zero"),
    (intercept_part(lambda g, b: N * g), "sum against mean", "of its part of the intercept"),
    (coefficients_part(lambda g, w: 2 * g), "factor two", "of its part of the coefficients"),
    (coefficients_part(lambda g, w: g - 2 * L2 * w), "penalty", "by -0.6 w: the penalty"),
    (coefficients_part(lambda g, w: g - L2 * w), "penalty", "by -0.3 w: the penalty"),
    (coefficients_part(lambda g, w: g + np.eye(P)[2]), "unknown", r"differs most in w\[2\]"),
    (noisy, "not repeatable", "two calls at one point differ"),
]


@pytest.mark.parametrize(("grad", "kind", "words"), MISTAKES, ids=lambda each: str(each)[:20])
def test_mistakes_are_named(grad, kind, words):
    check = lw.check_gradient(ridge, grad, X=X, y=y)
    assert (check.ok, check.mistake) == (False, kind), check.verdict
    assert re.search(words, check.verdict), check.verdict
    assert "verdict: the gradient is wrong" in str(check)


def test_a_right_gradient_of_ones_own():
    check = lw.check_gradient(ridge, right, X=X, y=y)
    assert check.ok
    assert check.notes == ()
    assert check.loss == "ridge"
    assert lw.check_gradient("squared", right, X=X, y=y, l2=L2).ok
    assert lw.check_gradient(ridge, right, X=X, y=y, at=(np.zeros(P), 0.0)).ok


def test_at_the_optimum_a_gradient_of_zero_is_right():
    model = lw.LeastSquares(l2=L2).fit(X, y)
    at = model.coef_, model.intercept_
    assert lw.check_gradient("squared", X=X, y=y, l2=L2, at=at).ok
    assert lw.check_gradient(ridge, right, X=X, y=y, at=at).ok


def test_targets_of_shape_n_1_in_the_loss_itself():
    def loss(w, b, X, y):
        return ((X @ w + b - y) ** 2).mean()  # (n,) - (n, 1) is (n, n)

    def grad(w, b, X, y):
        r = (X @ w + b - y).mean(axis=0)
        return 2 * X.T @ r / len(r), 2 * r.mean()

    check = lw.check_gradient(loss, grad, X=X, y=y[:, None])
    assert check.difference_error < FINE
    assert check.mistake == "broadcast"


def test_a_loss_that_pays_for_its_intercept_is_noted():
    check = lw.check_gradient(
        lambda w, b, X, y: ridge(w, b, X, y) + L2 / 2 * b * b,
        intercept_part(lambda g, b: g + L2 * b),
        X=X,
        y=y,
    )
    assert check.ok
    assert "pays 0.15 times b squared" in check.notes[0]


def test_rows_of_one_number():
    """The toy of a text: seed 0, five points, w and b numbers (float64 from its float64 data)."""
    np.random.seed(0)  # noqa: NPY002 (the text's generator)
    x, t = np.random.randn(5), np.random.randn(5)  # noqa: NPY002

    def grad(w, b, x, y):
        return 2 * (x * (w * x + b - y)).mean(), 2 * (w * x + b - y).mean()

    check = lw.check_gradient(
        lambda w, b, x, y: ((w * x + b - y) ** 2).mean(), grad, X=x, y=t, at=(1.0, 1.0), unit=1.0
    )
    assert check.ok
    at_1e5 = check.curve[4] * np.abs(check.gradient).max()
    assert at_1e5 < 1e-10


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lw.check_gradient("squared", X=X), "y is missing"),
        (lambda: lw.check_gradient("square", X=X, y=y), "unknown loss"),
        (lambda: lw.check_gradient(ridge, right, X=X, y=y, l2=1.0), "leave them out"),
        (lambda: lw.check_gradient(ridge, right, X=X, y=y, at=np.ones(P)), "must be a pair"),
        (lambda: lw.check_gradient(ridge, lambda *a: np.ones(P), X=X, y=y), "a pair"),
        (lambda: lw.check_gradient(ridge, lambda *a: (X, 0.0), X=X, y=y), "where coefficients"),
        (
            lambda: lw.check_gradient(lambda w, b, X, y: (X @ w - y) ** 2, right, X=X, y=y),
            r"returned shape \(60,\), not one number: take the mean",
        ),
        (
            lambda: lw.check_gradient(
                lambda w, b, X, y: (X @ w - y) ** 2, right, X=X, y=y[:, None]
            ),
            "were broadcast against each other",
        ),
        (lambda: lw.check_gradient(lambda *a: np.nan, right, X=X, y=y), "the loss is nan"),
        (lambda: lw.check_gradient(lambda *a: 1j, right, X=X, y=y), "not a real number"),
        (lambda: lw.check_gradient(lambda *a: None, right, X=X, y=y), "not a real number"),
        (lambda: lw.check_gradient(ridge, lambda *a: (w_nan, 0.0), X=X, y=y), "returned NaN"),
        (lambda: lw.check_gradient(ridge, lambda *a: (np.ones(P), None), X=X, y=y), "NaN"),
        (lambda: lw.check_gradient("squared", X=X, y=y, tol=2.0), "tol must be"),
        (lambda: lw.check_gradient("squared", X=X, y=y, coordinates=0), "at least 1"),
        (lambda: lw.check_gradient("squared", X=X, y=y, unit=0.0), "unit must be positive"),
    ],
)
def test_calls_that_cannot_be_carried_out(call, words):
    with pytest.raises(lw.UsageError, match=words):
        call()


def test_data_that_cannot_be_used():
    with pytest.raises(lw.DataError, match="no rows"):
        lw.check_gradient(ridge, right, X=X, y=y[:3])
    with pytest.raises(lw.DataError, match="NaN"):
        lw.check_gradient("squared", X=np.where(X[3, 1] == X, np.nan, X), y=y)
    with pytest.raises(lw.DataError, match="multinomial"):
        lw.check_gradient(named("multinomial"), X=X, y=np.column_stack([y, y]))


def test_an_error_in_a_function_says_how_it_was_called():
    def fails(w, b, X, y):
        return X.no_such_thing

    with pytest.raises(AttributeError) as caught:
        lw.check_gradient(fails, right, X=X, y=y)
    assert "called as loss(w, b, X, y) with w of shape (4,)" in caught.value.__notes__[0]


def test_a_constant_has_no_other_gradient_than_zero():
    assert not lw.check_gradient(lambda *a: 0.0, right, X=X, y=y).ok


@pytest.mark.parametrize("rows", ["alike", "other"])
def test_what_does_not_ask_which_row_a_target_is_in_is_no_broadcast(rows):
    """Rows that are all alike, and a loss that has no use for targets: both gradients are right."""
    rng = np.random.default_rng(0)
    X, y = np.ones((50, 3)) if rows == "alike" else rng.normal(size=(50, 3)), rng.normal(size=50)

    def loss(w, b, X, y):
        return np.mean((X @ w + b - y) ** 2) / 2 if rows == "alike" else w @ w / 2

    def grad(w, b, X, y):
        r = X @ w + b - y
        return (X.T @ r / len(y), r.mean()) if rows == "alike" else (w, 0.0)

    found = lw.check_gradient(loss, grad, X=X, y=y)
    assert found.ok
    assert found.mistake is None
    zero = lw.check_gradient(loss, lambda w, b, X, y: (0.0 * w, 0.0), X=X, y=y)
    assert not zero.ok
    assert zero.mistake != "broadcast"


@pytest.mark.parametrize("intercept", [True, False])
def test_functions_of_other_arguments_are_refused_in_words(intercept):
    def three(w, X, y):
        return float(((y - X @ w) ** 2).mean())

    def four(w, b, X, y):
        return float(((y - b - X @ w) ** 2).mean())

    wrong = three if intercept else four
    with pytest.raises(lw.UsageError, match="loss is called as loss") as said:
        lw.check_gradient(wrong, wrong, X=X, y=y, intercept=intercept)
    assert ("give intercept=False" in str(said.value)) == intercept
