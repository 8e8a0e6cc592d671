"""Information criteria against the likelihood, relaxed paths against least squares, and plots."""

import math
import sys

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression

import leastwise as lw
from leastwise.criteria import log_binomial
from leastwise.display import spread
from problems import random_problem

# What is constant is told, and meant here.
pytestmark = pytest.mark.filterwarnings("ignore:.*(single value|is constant)")

SAME = 1e-9  # two ways through the same numbers


@pytest.fixture
def path():
    data = random_problem(0, 60, 6)
    return lw.path(data.X, data.y, strengths=15)


def test_criteria_are_likelihoods_with_a_price():
    data = random_problem(1, 50, 5)
    path = lw.path(data.X, data.y, strengths=10)
    residual = data.y[:, None] - path.predict(data.X)
    deviation = np.sqrt((residual**2).mean(axis=0))
    deviance = -2.0 * norm.logpdf(residual, scale=deviation).sum(axis=0)
    constant = 50 * (1.0 + math.log(2.0 * math.pi))
    d = path.active + 1
    np.testing.assert_allclose(path.criterion("aic"), deviance - constant + 2 * d, rtol=SAME)
    bic = deviance - constant + math.log(50) * d
    np.testing.assert_allclose(path.criterion("bic"), bic, rtol=SAME)
    np.testing.assert_allclose(path.criterion("ebic", gamma=0.0), bic, rtol=SAME)
    choice = [2.0 * math.log(math.comb(5, int(count))) for count in path.active]
    np.testing.assert_allclose(path.criterion("ebic", gamma=1.0), bic + choice, rtol=SAME)
    assert path.best("bic") == np.argmin(bic)


def test_log_binomial_is_exact_on_whole_numbers():
    for p in range(8):
        for k in range(p + 1):
            assert math.isclose(math.exp(log_binomial(p, k)), math.comb(p, k), rel_tol=1e-12)


def test_only_the_ratios_of_weights_count():
    data = random_problem(2, 40, 4)
    weight = np.random.default_rng(2).uniform(0.5, 2.0, 40)
    one = lw.path(data.X, data.y, sample_weight=weight, strengths=8)
    other = lw.path(data.X, data.y, sample_weight=100.0 * weight, strengths=8)
    np.testing.assert_allclose(one.criterion("bic"), other.criterion("bic"), rtol=SAME)


def test_saturated_fits_are_never_chosen():
    data = random_problem(3, 10, 40)
    path = lw.path(data.X, data.y, strengths=20, smallest=1e-4)
    for name in ("aic", "bic", "ebic"):
        values = path.criterion(name)
        assert (values > -np.inf).all()
        assert np.isinf(values[path.degrees_of_freedom >= 9]).all()
        assert np.isfinite(values[path.least(name)])
    with pytest.warns(lw.LeastwiseWarning, match="so near to saturation"):
        path.best("aic")
    nothing = lw.path(data.X, np.ones(10), strengths=3)
    with pytest.raises(lw.DataError, match="saturated"):
        nothing.best("bic")


def test_excluded_columns_cost_no_choice():
    data = random_problem(4, 40, 6)
    factors = np.array([1.0, 1.0, 1.0, np.inf, np.inf, np.inf])
    whole = lw.path(data.X, data.y, factors=factors, strengths=6)
    part = lw.path(data.X[:, :3], data.y, strengths=6)
    np.testing.assert_allclose(whole.criterion("ebic"), part.criterion("ebic"), rtol=SAME)


def test_unknown_criteria_are_named(path):
    with pytest.raises(lw.UsageError, match="unknown criterion 'cp'"):
        path.criterion("cp")
    with pytest.raises(lw.UsageError, match="gamma"):
        path.best("ebic", gamma=2.0)


@pytest.mark.parametrize("gamma", [0.0, 0.4])
@pytest.mark.parametrize("shape", [(60, 6), (25, 60)])
@pytest.mark.parametrize("intercept", [True, False])
def test_relaxed_is_least_squares_on_the_support(shape, gamma, intercept):
    data = random_problem(5, *shape, weighted=True)
    path = lw.path(
        data.X,
        data.y,
        sample_weight=data.weight,
        intercept=intercept,
        strengths=20,
        smallest=0.1,
    )
    relaxed = path.relaxed(gamma)
    for place in range(20):
        A = np.flatnonzero(path.coef[:, place])
        expected = gamma * path.coef[:, place]
        if A.size:
            peer = LinearRegression(fit_intercept=intercept)
            peer.fit(data.X[:, A], data.y, sample_weight=data.weight)
            expected[A] += (1.0 - gamma) * peer.coef_
        np.testing.assert_allclose(relaxed.coef[:, place], expected, atol=1e-8)
    residual = data.y[:, None] - relaxed.predict(data.X)
    share = data.weight / data.weight.sum()
    np.testing.assert_allclose(relaxed.losses, 0.5 * share @ residual**2, rtol=SAME)
    assert np.isnan(relaxed.gaps).all()
    assert not relaxed.converged.any()
    np.testing.assert_allclose(relaxed.degrees_of_freedom, path.active, atol=SAME)


def test_relaxed_twins_share():
    data = random_problem(6, 40, 3)
    path = lw.path(np.hstack([data.X, data.X[:, :1]]), data.y, strengths=8)
    relaxed = path.relaxed()
    alone = lw.path(data.X, data.y, strengths=8).relaxed()
    np.testing.assert_allclose(relaxed.coef[0], relaxed.coef[3], atol=1e-8)
    np.testing.assert_allclose(relaxed.coef[0] + relaxed.coef[3], alone.coef[0], atol=1e-8)


def test_relaxed_keeps_its_bounds():
    from scipy.optimize import nnls

    data = random_problem(7, 40, 6)
    path = lw.path(data.X, data.y, bounds=(0.0, None), strengths=8)
    relaxed = path.relaxed()
    assert relaxed.coef.min() >= 0.0
    X, y = data.X - data.X.mean(axis=0), data.y - data.y.mean()
    for place in range(8):
        A = np.flatnonzero(path.coef[:, place])
        if A.size:
            np.testing.assert_allclose(relaxed.coef[A, place], nnls(X[:, A], y)[0], atol=1e-8)


def test_relaxing_nothing_and_twice(path):
    np.testing.assert_allclose(path.relaxed(1.0).coef, path.coef, rtol=1e-15)
    with pytest.raises(lw.UsageError, match="relaxed already"):
        path.relaxed(0.5).relaxed()
    with pytest.raises(lw.UsageError, match="gamma must be"):
        path.relaxed(1.5)


@pytest.fixture
def axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained")
    yield axes
    pyplot.close(figure)


@pytest.mark.parametrize("x", ["strength", "norm", "df"])
def test_plot_has_a_curve_a_coefficient(path, axes, x):
    display = path.plot(x, ax=axes, names=3, chosen={"bic": path.strengths[path.best("bic")]})
    assert display.ax_ is axes
    assert display.figure_ is axes.figure
    assert set(display.lines_) == set(path.columns)
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), path.coef[path.columns.index(name)])
    largest = np.argsort(-np.abs(path.coef[:, -1]))[:3]
    assert {label.get_text() for label in display.labels_} == {path.columns[j] for j in largest}
    assert "bic" in {text.get_text() for text in axes.texts}


def test_names_do_not_overlap(axes):
    from matplotlib.text import Text

    data = random_problem(8, 60, 12)
    display = lw.path(data.X * 1e-3, data.y, strengths=10).plot(ax=axes, names=12)
    display.figure_.canvas.draw()
    boxes = [Text.get_window_extent(label) for label in display.labels_]  # without the line
    assert len(boxes) == 12
    assert np.diff(sorted(box.y0 for box in boxes)).min() >= boxes[0].height


def test_spread_moves_no_more_than_it_must():
    wanted = np.array([0.1, 0.5, 0.52, 0.9])
    np.testing.assert_allclose(spread(wanted, 0.1), [0.1, 0.46, 0.56, 0.9])
    np.testing.assert_allclose(spread(np.array([1.0, 1.0]), 0.2), [0.8, 1.0])


def test_a_strength_of_zero_has_a_place(axes):
    data = random_problem(9, 40, 4)
    path = lw.path(data.X, data.y, strengths=[1.0, 0.1, 0.0])
    path.plot(ax=axes).figure_.canvas.draw()
    assert axes.get_xscale() == "symlog"


def test_plot_says_what_is_wrong(path, monkeypatch):
    with pytest.raises(lw.UsageError, match="unknown axis 'time'"):
        path.plot("time")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(lw.UsageError, match=r"pip install 'leastwise\[plot\]'"):
        path.plot()


def test_no_two_named_curves_look_the_same():
    rows = np.random.default_rng(0).normal(size=(200, 24))
    path = lw.path(rows, rows.sum(axis=1), strengths=5)
    display = path.plot(names=24)
    display.figure_.set_size_inches(6.0, 12.0)
    display = path.plot(names=24, ax=display.figure_.clf() or display.figure_.add_subplot())
    named = [display.lines_[label.get_text()] for label in display.labels_]
    assert len(named) == 24
    looks = {(line.get_color(), line.get_linestyle()) for line in named}
    assert len(looks) == 24


@pytest.mark.parametrize("loss", ["squared", "huber(1)", "logistic", "absolute"])
@pytest.mark.parametrize("standardize", [False, True])
def test_a_coefficient_at_its_bound_has_no_degree_of_freedom(loss, standardize):
    """Not even where rounding of a change of units would leave it beside the bound."""
    rng = np.random.default_rng(18)
    X = rng.standard_normal((60, 10)) * 10.0 ** rng.uniform(-2, 2, 10)
    y = X @ rng.standard_normal(10) + rng.standard_normal(60)
    y = np.where(y > 0.0, 1.0, 0.0) if loss == "logistic" else y
    lower, upper = -0.3 * rng.random(10), 0.3 * rng.random(10)
    how = {"loss": loss, "standardize": standardize, "strengths": 20}
    path = lw.path(X, y, bounds=(lower, upper), **how)
    room = np.minimum(path.coef - lower[:, None], upper[:, None] - path.coef)
    beside = room <= 1e-12 * np.maximum(-lower, upper)[:, None]
    assert np.count_nonzero(beside) > 20
    np.testing.assert_array_equal(room[beside], 0.0)
    free = ((path.coef != 0.0) & ~beside).sum(axis=0)
    np.testing.assert_allclose(path.degrees_of_freedom, free, atol=SAME)
