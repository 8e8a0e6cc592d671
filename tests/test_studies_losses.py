"""Claims and runs of the source texts on losses other than the squared one, by their number there.

S1: linear regression from the ground up. S2: gradients for linear regression; its squared loss is
(1/n) sum r^2, twice ours. The digits are scikit-learn's, 1197 to train and 600 to judge.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import leastwise as lw
from leastwise.losses import Absolute, Huber, Squared
from leastwise.numerics.threads import one_blas_thread

Float = NDArray[np.float64]

# The list's numbers are printed with eight decimals, cut and not rounded.
PRINTED = 1e-8
# A central difference at a step of 1e-5, as S2.12 measures it: rounding over the step.
DIFFERENCE = 1e-10
SAME = 1e-12


def test_S1_5_one_error_of_ten_against_ten_of_one():
    """Means over one row with an error of 10, and over ten rows with an error of 1 each: sums."""
    one, ten = np.array([[10.0]]), np.ones((10, 1))
    at = {
        loss.name: (loss.value(one, 0.0 * one).sum(), loss.value(ten, 0.0 * ten).sum())
        for loss in (Squared(), Absolute(), Huber(1.0))
    }
    assert 2.0 * np.array(at["squared"]) == pytest.approx([100.0, 10.0], rel=SAME)
    assert at["absolute"] == pytest.approx((10.0, 10.0), rel=SAME)
    assert at["huber"] == pytest.approx((9.5, 5.0), rel=SAME)


def toy():
    """S2.13's five points and its w and b."""
    draw = np.random.RandomState(0)
    x, y = draw.randn(5), draw.randn(5)
    return x, y, draw.randn(), draw.randn()


def test_S2_13_gradient_of_five_points():
    x, y, w, b = toy()
    loss = Squared()

    def mean(w: float, b: float) -> float:
        return 2.0 * float(loss.value(y, b + w * x).mean())

    slope = 2.0 * loss.slope(y, b + w * x)
    found = np.array([slope @ x, slope.sum()]) / 5
    np.testing.assert_allclose(found, [5.33477691, 3.27482077], rtol=0.0, atol=PRINTED)
    h = 1e-5
    central = [
        (mean(w + h, b) - mean(w - h, b)) / (2 * h),
        (mean(w, b + h) - mean(w, b - h)) / (2 * h),
    ]
    np.testing.assert_allclose(central, found, rtol=0.0, atol=DIFFERENCE)


def line(n: int, seed: int = 0) -> tuple[Float, Float, Float]:
    """X, the true line of slope 2.5 (S2's), and noise of deviation 2."""
    rng = np.random.default_rng(seed)
    x = 10.0 * rng.random(n)
    return x[:, None], 2.5 * x + 5.0, 2.0 * rng.standard_normal(n)


def slope_errors(X: Float, y: Float) -> tuple[float, float]:
    """Of least absolute deviations, and of least squares."""
    absolute, squares = lw.LeastAbsolute().fit(X, y), lw.LeastSquares().fit(X, y)
    return abs(absolute.coef_[0] - 2.5), abs(squares.coef_[0] - 2.5)


def test_S2_17_absolute_errors_bear_outliers_but_no_leverage():
    X, truth, noise = line(1000)
    largest = np.argsort(X[:, 0])[-50:]  # 5 % of the rows, where they tilt a line most
    y = truth + noise
    y[largest] += 50.0 * 2.0
    absolute, squares = slope_errors(X, y)
    assert absolute < 0.1
    assert squares > 1.0
    assert absolute < squares / 10.0
    # As many rows far away in x: the line goes to them, whatever the loss.
    far = X.copy()
    far[:50] = 1000.0
    absolute, squares = slope_errors(far, truth + noise)
    assert absolute > 1.0
    assert squares > 1.0


def test_S2_22_the_optimum_of_absolute_errors():
    """Its gradient descent ends at 1.599699 and says that it converges."""
    draw = np.random.RandomState(42)
    x = 10.0 * draw.rand(1000)
    y = 2.5 * x + 5.0 + 2.0 * draw.randn(1000)
    model = lw.LeastAbsolute().fit(x[:, None], y)
    assert model.coef_[0] == pytest.approx(2.48796533, abs=PRINTED)
    assert model.intercept_ == pytest.approx(5.22811670, abs=PRINTED)
    error = np.abs(y - model.predict(x[:, None])).mean()
    assert error == pytest.approx(1.573378, abs=1e-6)
    stopped = np.abs(y - 4.53673443 - 2.59663296 * x).mean()
    assert stopped - error == pytest.approx(0.0263, abs=1e-4)


@pytest.fixture(scope="module")
def digits() -> tuple[Float, NDArray[np.intp], Float, NDArray[np.intp]]:
    """Columns standardised by the training rows; those that are constant there are left out."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(1797)
    train, rest = order[:1197], order[1197:]
    deviation = X[train].std(axis=0)
    told = deviation > 0.0
    Z = (X[:, told] - X[train][:, told].mean(axis=0)) / deviation[told]
    return Z[train], y[train], Z[rest], y[rest]


def test_S0_5_digits_as_numbers_as_ten_regressions_and_as_classes(digits):
    """The list has 98.2 for the classes: the optimum has 97.7.

    scikit-learn's LogisticRegression, C = 1, has 98.2 after 40 of its iterations and 97.7 at a
    tolerance of 1e-8; three rows of 600 make the difference.
    """
    X, y, other, known = digits
    number = lw.LeastSquares().fit(X, y.astype(float)).predict(other)
    ten = lw.LeastSquares().fit(X, np.eye(10)[y]).predict(other).argmax(axis=1)
    with one_blas_thread():  # matrices of 610 columns: many threads take longer on a busy machine
        classes = lw.Logistic(l2=1.0 / 1197.0).fit(X, y)
    assert classes.certificate_.converged
    right = [np.mean(found == known) for found in (np.rint(number), ten, classes.predict(other))]
    assert np.round(100.0 * np.array(right), 1).tolist() == [25.7, 93.8, 97.7]
