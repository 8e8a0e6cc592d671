"""Huber, LeastAbsolute and Quantile: agreement with statsmodels, errors, files."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes, load_linnerud

from leastwise import (
    DataError,
    Huber,
    LeastAbsolute,
    LeastSquares,
    Logistic,
    Quantile,
    UsageError,
    load,
    table,
)
from leastwise import path as lw_path
from leastwise.inference.rowwise import _kernel, even_gram
from leastwise.losses import Absolute
from leastwise.losses import Huber as HuberLoss
from leastwise.losses import Quantile as QuantileLoss
from leastwise.problem import Design
from leastwise.solvers import SOLVERS
from leastwise.sources import MemorySource

# Two solvers of one smooth, strongly convex problem.
NEAR = 1e-8
X, Y = load_diabetes(return_X_y=True)
needs_interior_point = pytest.mark.skipif(
    "interior-point" not in SOLVERS, reason="kinked losses wait for the solver interior-point"
)


def at_fixed_scale():
    """statsmodels' fit, whose scale makes its threshold the width of ours."""
    norm = sm.robust.norms.HuberT(1.345)
    found = sm.RLM(Y, sm.add_constant(X), M=norm).fit(tol=1e-13, maxiter=500)
    return found, 1.345 * found.scale


def test_huber_agrees_with_statsmodels_at_its_scale():
    other, width = at_fixed_scale()
    model = Huber(width, tol=1e-15).fit(X, Y)
    np.testing.assert_allclose(model.inference_[0].coef, other.params, rtol=NEAR)
    np.testing.assert_allclose(model.inference_[0].error, other.bse, rtol=NEAR)
    assert model.inference_[0].statistic == "z"
    assert model.certificate_.converged


@pytest.mark.parametrize("weighted", [False, True])
def test_a_huber_ridge_is_the_minimum_of_its_formula(weighted):
    rows, width, l2 = X[:, :3], 40.0, 1e-3
    s = np.random.default_rng(0).uniform(0.5, 2.0, Y.size) if weighted else np.ones(Y.size)

    def objective(beta):
        r = np.abs(Y - beta[0] - rows @ beta[1:])
        h = np.where(r <= width, r**2 / 2, width * r - width**2 / 2)
        return s @ h / s.sum() + l2 / 2 * beta[1:] @ beta[1:]

    found = minimize(objective, np.zeros(4), method="BFGS", options={"gtol": 1e-7})
    model = Huber(width, l2=l2).fit(rows, Y, s if weighted else None)
    assert model.certificate_.primal <= found.fun * (1.0 + 1e-12)
    assert model.certificate_.dual <= found.fun
    assert model.certificate_.primal == pytest.approx(found.fun, rel=1e-9)


def test_a_wide_huber_is_least_squares():
    np.testing.assert_allclose(
        Huber(1e6).fit(X, Y).coef_, LeastSquares().fit(X, Y).coef_, rtol=1e-6
    )


def test_more_columns_than_rows_of_which_few_are_near_the_fit():
    """Rows beyond the width have no curvature: along some direction nothing ends a Newton step."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 400))
    y = rows @ rng.normal(size=400)
    model = Huber(1.0, l1=0.02, solver="newton", max_iter=40).fit(rows, y)
    assert model.certificate_.converged
    slope = np.clip(y - model.predict(rows), -1.0, 1.0)
    v = (rows - rows.mean(axis=0)).T @ slope / 60
    np.testing.assert_allclose(
        v[model.coef_ != 0.0], 0.02 * np.sign(model.coef_[model.coef_ != 0.0]), rtol=1e-4
    )
    assert np.abs(v).max() <= 0.02 * (1.0 + 1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_stay_beyond_the_width_do_not_keep_it_from_its_end(weighted):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 150))
    y = rows[:, :10] @ rng.normal(size=10) + rng.standard_t(1.5, size=100)
    weight = (rng.random(100) < 0.8) * 1.0 if weighted else None
    model = Huber(1.0, l1=0.1).fit(rows, y, weight)
    assert (np.abs(y - model.predict(rows)) > 1.0).any()
    assert model.certificate_.converged


@pytest.mark.parametrize("penalty", [{}, {"l1": 1e-3}, {"l1": 1e-2}, {"l2": 1e-3}])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0, 1e4])
def test_a_width_far_below_the_residuals_takes_few_steps(scale, penalty):
    """A target in small units: Newton's model knows little of it, least absolute fits much."""
    X, y = load_diabetes(return_X_y=True)
    model = Huber(**penalty).fit(10.0 * X, scale * y)
    assert model.certificate_.converged
    assert model.n_iter_ <= 8
    # The same in other units: l(s r; width) = s^2 l(r; width / s).
    same = {name: size / scale if name == "l1" else size for name, size in penalty.items()}
    other = Huber(width=1.35 / scale, **same).fit(10.0 * X, y)
    assert model.coef_ / scale == pytest.approx(other.coef_, rel=1e-5, abs=1e-6)


def test_a_path_of_a_narrow_width_nears_that_of_the_absolute_loss():
    """l / width is |r| less at most half a width: so are the minima."""
    X, y = load_diabetes(return_X_y=True)
    width, steps = 1e-3, 30
    narrow = lw_path(X, y, loss=HuberLoss(width), strengths=steps)
    assert narrow.gaps.max() <= 1e-9
    absolute = lw_path(X, y, loss="absolute", strengths=narrow.strengths / width)

    def minima(found, strengths):
        off = np.abs(y[:, None] - X @ found.coef - found.intercepts)
        return off.mean(axis=0) + strengths * np.abs(found.coef).sum(axis=0)

    own, least = minima(narrow, absolute.strengths), minima(absolute, absolute.strengths)
    assert (own >= least - 1e-9).all()
    assert (own <= least + width).all()


def test_a_path_of_fewer_rows_than_columns_whose_model_has_no_end():
    """Towards the end hardly a row is beyond its width, and columns are combinations of others."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 200))
    y = 20.0 * X[:, 0] + 20.0 * rng.standard_t(2, size=60)
    for unit in (1.0, 20.0):
        assert lw_path(X, y / unit, loss="huber", strengths=30).gaps.max() <= 1e-9


def test_few_wild_targets_do_not_move_it():
    wild = Y.copy()
    wild[:5] = 1e6
    calm, moved = Huber(50.0).fit(X, Y), Huber(50.0).fit(X, wild)
    size = np.abs(calm.coef_).max()
    assert np.abs(moved.coef_ - calm.coef_).max() < 0.3 * size
    assert np.abs(LeastSquares().fit(X, wild).coef_ - calm.coef_).max() > 10.0 * size


def test_a_width_next_to_nothing_does_not_make_a_target_constant():
    narrow = HuberLoss(1e-16)
    null = Design(MemorySource(X, Y), narrow, True).centre.null[0]
    assert null == pytest.approx(1e-16 * np.abs(Y - np.median(Y)).mean(), rel=1e-9)
    assert Design(MemorySource(X, np.full(len(Y), 1e9)), narrow, True).centre.null[0] == 0.0


@pytest.mark.parametrize("unit", [1e18, 1e100])
def test_a_target_in_tiny_units_has_the_same_answer(unit):
    plain = Huber(50.0, l1=2.0).fit(X, Y)
    found = Huber(50.0 * unit, l1=2.0 * unit).fit(X, Y * unit)
    assert found.certificate_.converged
    np.testing.assert_allclose(found.coef_ / unit, plain.coef_, rtol=1e-6, atol=1e-6)
    assert found.intercept_ / unit == pytest.approx(plain.intercept_, rel=1e-9)


def test_a_path_of_a_constant_target_is_zero():
    with pytest.warns(UserWarning, match="the target y is constant"):
        path = lw_path(X, np.full(len(Y), 3.0), loss="huber(1.35)")
    assert path.converged.all()
    assert not path.coef.any()


def test_d2_is_the_share_of_the_null_loss_explained():
    model = Huber(40.0).fit(X, Y)
    null = Huber(40.0, l2=1e12).fit(X, Y).certificate_.primal
    assert model.model_.measure == "D2"
    assert model.model_.explained[0] == pytest.approx(
        1.0 - model.certificate_.primal / null, rel=1e-8
    )
    assert LeastSquares().fit(X, Y).model_.measure == "R2"


def test_several_targets_and_files(tmp_path):
    rows, y = load_linnerud(return_X_y=True)
    model = Huber(3.0, l1=0.1).fit(rows, y)
    assert model.coef_.shape == (3, 3)
    model.save(tmp_path / "m.json")
    again = load(tmp_path / "m.json")
    assert isinstance(again, Huber)
    assert again.width == 3.0
    np.testing.assert_allclose(again.predict(rows), model.predict(rows), rtol=1e-12)
    assert again.model_.explained == model.model_.explained
    model.report(tmp_path / "m.html", rows, y)
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert "Huber regression (width 3)" in page
    assert "D²" in page


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Huber(0.0), "width must be a positive, finite number"),
        (Quantile(1.0), "q must be a number between 0 and 1"),
        (Quantile([0.5, 0.5]), "q must be a number or different numbers"),
        (Quantile([]), "q must be a number or different numbers"),
        (LeastAbsolute(solver="newton"), "newton cannot take this problem: it is for smooth"),
    ],
)
def test_settings_out_of_range_are_named(model, words):
    with pytest.raises(UsageError, match=words):
        model.fit(X, Y)


def test_a_quantile_is_of_one_target():
    two = MemorySource(X, np.c_[Y, Y], targets=("a", "b"))
    with pytest.raises(DataError, match=r"2 targets \(a, b\), and Quantile takes one"):
        Quantile().fit(two)


@pytest.mark.parametrize("q", [0.2, 0.5, 0.9])
def test_errors_of_quantiles_agree_with_statsmodels(q):
    """The formula at statsmodels' own coefficients, whatever solver finds ours."""
    rows = X[:, :4]
    other = sm.QuantReg(Y, sm.add_constant(rows)).fit(q=q, p_tol=1e-10)
    for loss in (QuantileLoss(q), Absolute()) if q == 0.5 else (QuantileLoss(q),):
        design = Design(MemorySource(rows, Y), loss, True)
        seen, coef = design.rows, other.params[1:, None]
        level = other.params[:1] + design.centre.mean @ coef
        _, point = seen.point(seen.times(coef), level)
        gram = Y.size * even_gram(design)
        spread = float(np.std(Y))
        least = 1e-12 * spread
        cov = _kernel(seen, loss, point, 0, gram, np.linalg.inv(gram), Y.size, spread, least)
        np.testing.assert_allclose(np.sqrt(np.diagonal(cov)[1:]), other.bse[1:], rtol=1e-6)


@needs_interior_point
@pytest.mark.filterwarnings("ignore:the certificate holds among")
@pytest.mark.filterwarnings("ignore:the quantiles cross")
def test_several_quantiles_are_fits_of_each(tmp_path):
    model = Quantile([0.1, 0.5, 0.9]).fit(X, Y)
    assert model.coef_.shape == (3, 10)
    assert model.predict(X).shape == (442, 3)
    median = Quantile(0.5).fit(X, Y)
    np.testing.assert_allclose(model.coef_[1], median.coef_, rtol=1e-6)
    assert (model.predict(X)[:, 2] >= Y).mean() == pytest.approx(0.9, abs=0.03)
    crossed = (np.diff(model.predict(X), axis=1) < 0.0).any(axis=1).sum()
    assert model.crossings_ == crossed
    median.save(tmp_path / "m.json")
    np.testing.assert_allclose(load(tmp_path / "m.json").predict(X), median.predict(X))


@needs_interior_point
@pytest.mark.filterwarnings("ignore:the certificate holds among")
def test_least_absolute_is_twice_the_median():
    a, b = LeastAbsolute().fit(X, Y), Quantile(0.5).fit(X, Y)
    assert a.certificate_.primal == pytest.approx(2.0 * b.certificate_.primal, rel=1e-8)
    other = sm.QuantReg(Y, sm.add_constant(X)).fit(q=0.5, p_tol=1e-9)
    assert a.certificate_.primal <= np.abs(other.resid).mean() * (1.0 + 1e-9)
    assert a.inference_[0].error is not None


def test_a_table_gives_its_score_without_names_in_the_way():
    import pandas as pd

    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"]).assign(y=Y)
    rows = table(frame, target="y")
    model = Huber(40.0).fit(rows)
    assert model.score(rows) == pytest.approx(model.score(frame[["a", "b", "c"]], Y))
    assert not hasattr(model, "classes_")
    assert not hasattr(Logistic(), "coef_")


@pytest.mark.parametrize("solver", ["newton", "accelerated-gradient", "gradient-descent"])
@pytest.mark.parametrize("width", [0.1, 1.35])
def test_of_fewer_rows_than_columns_the_answer_is_of_least_norm(solver, width):
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((20, 40)), rng.standard_normal(20)
    weight = np.arange(20) % 4 * 1.0
    for given in (None, weight):
        kept = np.ones(20, bool) if given is None else given > 0.0
        model = Huber(width, solver=solver).fit(rows, y, given)
        assert model.certificate_.converged
        centred = (rows - np.average(rows, axis=0, weights=given))[kept]
        spanned = np.linalg.pinv(centred) @ (centred @ model.coef_)
        np.testing.assert_allclose(model.coef_, spanned, atol=1e-12)


@pytest.mark.filterwarnings("ignore:the certificate holds among")
@pytest.mark.parametrize("weighted", [False, True])
def test_with_hardly_a_residual_within_the_width_there_are_no_errors(weighted):
    """At any width a fit interpolates some rows: their number tells nothing."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 3))
    y, weight = rows[:, 0] + rng.standard_normal(200), np.arange(200) % 2 + 1.0
    for width, told in ((1e6, True), (1.0, True), (0.3, True), (0.01, False)):
        model = Huber(width).fit(rows, y, weight if weighted else None)
        found = model.inference_[0]
        assert (found.error is not None) == told
        assert told or "too few residuals are within the width" in found.why
    few = Huber(1e6).fit(rows[:7], y[:7])  # all are within it
    assert few.inference_[0].error is not None
