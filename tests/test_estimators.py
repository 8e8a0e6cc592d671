"""The estimator: scikit-learn's contract, whole, and what it keeps of names, shapes and types."""

import inspect
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from leastwise import (
    ConvergenceWarning,
    DataError,
    Huber,
    LeastAbsolute,
    LeastSquares,
    LeastwiseWarning,
    Logistic,
    Quantile,
    UsageError,
    load,
    solvers,
)
from leastwise import (
    path as lw_path,
)
from leastwise.sources import MemorySource
from problems import PRECISE, random_problem, seven_cuts, solve

# The estimator adds nothing of its own: equal to what the driver returns, to the last bit or two.
SAME = 1e-14
# float32 holds the entries of X exactly here; sums run in float64.
SINGLE = 1e-12

X, Y, WEIGHT = random_problem(0, 80, 5, weighted=True)
TWO = random_problem(1, 80, 5, 2)


def checked():
    """One estimator of each kind; l1 only where the solver takes it."""
    yield LeastSquares()
    yield LeastSquares(l1=0.1)
    yield LeastSquares(l2=0.1)
    yield LeastSquares(l1=0.01, l2=0.1)
    yield LeastSquares(intercept=False)
    for name in PRECISE:
        yield LeastSquares(l2=0.1, solver=name)
    yield Huber(1000.0)  # beyond the checks' targets: from far out Newton's method may stall
    yield Huber(1000.0, l1=0.1, l2=0.1)
    yield Logistic()
    yield Logistic(l2=0.1)
    yield Logistic(l1=0.01, l2=0.1, class_weight="balanced")
    yield LeastAbsolute()
    yield Quantile(0.25)
    yield Quantile(l1=0.1)


# Some checks fit more columns than rows, where a box may be named, or constant targets.
@pytest.mark.filterwarnings("ignore:the certificate holds among")
@pytest.mark.filterwarnings("ignore:the target y is constant")
@pytest.mark.filterwarnings("ignore:the classes of")
@parametrize_with_checks(list(checked()))
def test_scikit_learns_contract(estimator, check):
    check(estimator)


# What is kept


@pytest.mark.parametrize("penalty", [{}, {"l2": 0.1}, {"l1": 0.1}, {"l1": 0.1, "l2": 0.1}])
def test_it_is_the_drivers_fit(penalty):
    model = LeastSquares(**penalty).fit(X, Y, WEIGHT)
    found = solve(X, Y, WEIGHT, **penalty)
    np.testing.assert_allclose(model.coef_, found.coef[:, 0], rtol=SAME)
    assert model.intercept_ == pytest.approx(found.intercept[0], rel=SAME)
    assert model.n_iter_ == max(1, found.iterations)
    assert model.certificate_ == found.certificate
    assert len(model.history_) == len(found.history)
    np.testing.assert_allclose(model.predict(X), X @ model.coef_ + model.intercept_, rtol=SAME)


def test_shapes_follow_those_of_y():
    one, column, two = (
        LeastSquares().fit(X, Y),
        LeastSquares().fit(X, Y[:, None]),
        LeastSquares().fit(TWO.X, TWO.y),
    )
    assert one.coef_.shape == (5,)
    assert isinstance(one.intercept_, float)
    assert one.predict(X).shape == (80,)
    assert column.coef_.shape == (1, 5)
    assert column.intercept_.shape == (1,)
    assert column.predict(X).shape == (80, 1)
    np.testing.assert_array_equal(column.coef_[0], one.coef_)
    assert two.coef_.shape == (2, 5)
    assert two.intercept_.shape == (2,)
    assert two.predict(TWO.X).shape == (80, 2)
    assert two.score(TWO.X, TWO.y) > 0.5


@pytest.mark.parametrize("layout", [sp.csr_array, sp.csc_array, sp.csr_matrix, sp.coo_array])
@pytest.mark.parametrize("l1", [0.0, 0.1])
def test_sparse_input(layout, l1):
    rows, y, weight = random_problem(2, 80, 5, weighted=True, density=0.3)
    dense = LeastSquares(l1=l1).fit(rows, y, weight)
    sparse = LeastSquares(l1=l1).fit(layout(rows), y, weight)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, atol=1e-10)
    np.testing.assert_allclose(sparse.predict(layout(rows)), dense.predict(rows), atol=1e-10)


def test_float32_is_accumulated_in_float64():
    single = LeastSquares().fit(X.astype(np.float32), Y, WEIGHT)
    assert single.coef_.dtype == np.float64
    np.testing.assert_allclose(single.coef_, LeastSquares().fit(X, Y, WEIGHT).coef_, rtol=SINGLE)


def test_integers_booleans_and_lists_are_numbers():
    whole = np.round(X * 8).astype(int)
    expected = LeastSquares().fit(whole.astype(float), Y).coef_
    for form in (whole, whole.tolist(), whole.astype(np.int8)):
        np.testing.assert_allclose(LeastSquares().fit(form, Y).coef_, expected, rtol=SINGLE)
    assert LeastSquares().fit(X > 0, Y).certificate_.converged


def test_read_only_and_strided_input_is_taken_and_left_alone():
    frozen, y = X.copy(), Y.copy()
    frozen.flags.writeable = y.flags.writeable = False
    expected = LeastSquares().fit(X, Y).coef_
    np.testing.assert_array_equal(LeastSquares().fit(frozen, y).coef_, expected)
    np.testing.assert_allclose(LeastSquares().fit(X[::-1], Y[::-1]).coef_, expected, rtol=SINGLE)
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    np.testing.assert_allclose(LeastSquares().fit(wide, Y).coef_, expected, rtol=SINGLE)


def test_a_weight_for_all_is_no_weight():
    expected = LeastSquares(l1=0.1).fit(X, Y)
    for weight in (3.0, np.full(80, 0.1), [2] * 80):
        found = LeastSquares(l1=0.1).fit(X, Y, sample_weight=weight)
        np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-12)


def test_names_of_columns_are_kept_and_checked():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d", "e"])
    model = LeastSquares().fit(frame, Y)
    assert list(model.feature_names_in_) == ["a", "b", "c", "d", "e"]
    assert model.model_.columns == ("a", "b", "c", "d", "e")
    np.testing.assert_allclose(model.predict(frame), model.predict(frame), rtol=SAME)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))
    again = LeastSquares().fit(X, Y)
    assert not hasattr(again, "feature_names_in_")
    assert again.model_.columns == ("x0", "x1", "x2", "x3", "x4")
    assert not hasattr(model.fit(X, Y), "feature_names_in_")


def test_a_source_is_taken_in_the_place_of_arrays():
    source = MemorySource(X, Y, WEIGHT, columns=("a", "b", "c", "d", "e"), cuts=seven_cuts(80))
    model = LeastSquares(l2=0.1).fit(source)
    np.testing.assert_allclose(
        model.coef_, LeastSquares(l2=0.1).fit(X, Y, WEIGHT).coef_, rtol=SINGLE
    )
    assert list(model.feature_names_in_) == ["a", "b", "c", "d", "e"]
    with pytest.raises(UsageError, match="a table brings its target"):
        LeastSquares().fit(source, Y)


def test_factors_reach_the_penalty():
    factors = [0.0, 1.0, 2.0, 0.5, 1.0]
    found = solve(X, Y, l1=0.3, factors=np.array(factors))
    model = LeastSquares(l1=0.3, factors=factors).fit(X, Y)
    np.testing.assert_allclose(model.coef_, found.coef[:, 0], rtol=SAME)


def test_a_configured_solver_reaches_the_driver():
    solver = solvers.GradientDescent(step=0.1, start=np.ones(5))
    with pytest.warns(ConvergenceWarning):
        model = LeastSquares(solver=solver, max_iter=7).fit(X, Y)
    found = solve(X, Y, solver=solver, max_iter=7)
    np.testing.assert_array_equal(model.coef_, found.coef[:, 0])
    assert model.n_iter_ == 7


# Warnings


def test_what_has_not_converged_warns_with_its_gap():
    words = r"not converged: relative gap [\d.e-]+ > tol 1e-09 \(max_iter: allow more iterations"
    with pytest.warns(ConvergenceWarning, match=words) as caught:
        model = LeastSquares(solver="gradient-descent", max_iter=3).fit(X, Y)
    assert not model.certificate_.converged
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LeastSquares(solver="gradient-descent").fit(X, Y)


def test_exact_combinations_warn_by_name():
    frame = pd.DataFrame({"above": X[:, 0], "basement": X[:, 1], "living": X[:, 0] + X[:, 1]})
    with pytest.warns(LeastwiseWarning, match=r"living = above \+ basement"):
        LeastSquares().fit(frame, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LeastSquares(l2=0.1).fit(frame, Y)


def test_a_constant_target_is_a_fit_with_a_warning():
    with pytest.warns(LeastwiseWarning, match=r"the target y is constant \(2.5\): nothing is left"):
        model = LeastSquares().fit(X, np.full(80, 2.5))
    assert (model.coef_ == 0.0).all()
    assert model.intercept_ == 2.5
    assert model.certificate_.relative_gap == 0.0
    assert model.certificate_.converged


# With scikit-learn


def test_pipeline_and_grid_search():
    rows, y = load_diabetes(return_X_y=True)
    pipeline = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), None)
    pipeline.steps[-1] = ("leastsquares", LeastSquares())
    grid = GridSearchCV(
        pipeline, {"leastsquares__l1": [0.3, 3.0], "leastsquares__l2": [0.0, 0.3]}, cv=3
    )
    grid.fit(rows, y)
    assert grid.best_score_ > 0.4
    assert grid.best_estimator_[-1].certificate_.converged
    assert grid.best_estimator_[-1].l1 == 3.0


def test_cross_validation_takes_weights_and_a_name_for_the_solver():
    rows, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, y.size)
    scores = cross_val_score(LeastSquares(l2=1e-4), rows, y, params={"sample_weight": weight})
    assert scores.mean() > 0.4


def test_clone_copies_settings_and_nothing_else():
    solver = solvers.GradientDescent(momentum=0.5)
    model = LeastSquares(0.1, 0.2, intercept=False, solver=solver, tol=1e-6, memory="1GB")
    copy = clone(model.set_params(l1=0.0).fit(X, Y - Y.mean()))
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "coef_")
    assert set(copy.get_params()) == set(inspect.signature(LeastSquares).parameters)


def test_set_output_in_a_pipeline_gives_names():
    frame = pd.DataFrame(X, columns=list("abcde"))
    pipeline = make_pipeline(StandardScaler(), LeastSquares()).set_output(transform="pandas")
    pipeline.fit(frame, Y)
    assert list(pipeline[-1].feature_names_in_) == list("abcde")


@pytest.mark.parametrize("solver", ["auto", "closed-form", "qr", "coordinate-descent"])
def test_pickles_predict_alike_and_hold_no_rows(solver):
    rows, y, _ = random_problem(3, 5000, 5)
    model = LeastSquares(solver=solver).fit(rows, y)
    content = pickle.dumps(model)
    assert len(content) < 100_000
    np.testing.assert_array_equal(pickle.loads(content).predict(rows), model.predict(rows))


def test_saved_models_predict_alike(tmp_path):
    path = tmp_path / "model.json"
    for y in (TWO.y, TWO.y[:, 0]):
        model = LeastSquares(l1=0.1, factors=[1, 1, 0, 1, 1]).fit(TWO.X, y)
        model.save(path)
        again = load(path)
        np.testing.assert_allclose(again.predict(TWO.X), model.predict(TWO.X), rtol=1e-12)
        assert again.coef_.shape == model.coef_.shape
        assert again.certificate_ == model.certificate_


def test_it_reads_well():
    assert repr(LeastSquares(l1=0.1)) == "LeastSquares(l1=0.1)"
    html = LeastSquares(l2=0.5).fit(X, Y)._repr_html_()
    assert "LeastSquares" in html
    assert "0.5" in html


# Errors


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"l1": -1.0}, "l1 must be a number of at least 0, not -1.0"),
        ({"l2": -1.0}, "l2 must be a number of at least 0"),
        ({"l2": np.nan}, "l2 must be a number of at least 0"),
        ({"l1": "0.1"}, "l1 must be a number"),
        ({"solver": "simplex"}, "unknown solver 'simplex'; there are auto, closed-form"),
        ({"solver": 3}, "solver"),
        ({"l1": 0.1, "solver": "qr"}, "qr cannot take this problem: an l1 penalty"),
        ({"tol": -1.0}, "tol must be a number of at least 0"),
        ({"tol": "small"}, "tol must be a number"),
        ({"max_iter": 0, "solver": "gradient-descent"}, "max_iter must be"),
        ({"max_iter": 2.5, "solver": "gradient-descent"}, "max_iter must be"),
        ({"memory": "lots"}, "memory must be an amount such as '2GB'"),
        ({"l1": 1.0, "factors": [1.0, -1.0, 1.0, 1.0, 1.0]}, "penalty factor of column 1 is -1"),
    ],
)
def test_settings_out_of_range_are_named(settings, words):
    with pytest.raises(UsageError, match=words):
        LeastSquares(**settings).fit(X, Y)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": Y[:-1]}, "inconsistent numbers of samples|same number of rows"),
        ({"sample_weight": np.ones(79)}, "80 rows and the weights have shape"),
        ({"sample_weight": np.ones((80, 1))}, "80 rows and the weights have shape"),
        ({"sample_weight": -np.ones(80)}, r"the weight of row 0 is negative \(-1\)"),
        ({"sample_weight": np.zeros(80)}, "all weights are zero"),
        ({"sample_weight": np.full(80, np.nan)}, "the weight of row 0 is nan"),
        ({"y": np.where(np.arange(80) == 4, np.nan, Y)}, "Input y contains NaN"),
        ({"X": np.where(np.arange(80) == 4, np.inf, X.T).T}, r"contains infinity .*row 4"),
        ({"X": X[:, :0]}, r"0 feature"),
        ({"X": X[:1], "y": Y[:1]}, "1 sample"),
        ({"X": Y}, "2D array"),
    ],
)
def test_data_that_cannot_be_fitted_is_named(change, words):
    arguments = {"X": X, "y": Y} | change
    with pytest.raises(ValueError, match=words):
        LeastSquares().fit(**arguments)


def test_factors_of_another_length_are_named():
    with pytest.raises(DataError, match="5 columns and 2 penalty factors"):
        LeastSquares(l1=0.1, factors=[1.0, 2.0]).fit(X, Y)


@pytest.mark.parametrize("given", [{"a": 1.0}, ["a", "b"], "a"])
def test_factors_and_weights_that_are_no_numbers_are_named(given):
    with pytest.raises(UsageError, match="factors must be an array of numbers, not "):
        LeastSquares(l1=0.1, factors=given).fit(X, Y)
    with pytest.raises(UsageError, match="sample_weight must be an array of numbers, not "):
        LeastSquares().fit(X, Y, sample_weight=given)


def test_prediction_asks_for_a_fit_and_the_same_columns():
    with pytest.raises(NotFittedError):
        LeastSquares().predict(X)
    with pytest.raises(ValueError, match="5 features"):
        LeastSquares().fit(X, Y).predict(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        LeastSquares().fit(X, Y).predict(np.full((1, 5), np.nan))


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pd.Series(["Ulm", "Bonn", "Kiel", "Ulm"]), "text"),
        (pd.Series(["Ulm", 1, 2, 3], dtype=object), "text"),
        (pd.Series([1, 2, 1, 2], dtype="category"), "categories"),
        (pl.Series(["Ulm", "Bonn", "Kiel", "Ulm"]), "text"),
        (pl.Series(["a", "b", "a", "b"], dtype=pl.Categorical), "categories"),
        (pl.Series(["a", "b", "a", "b"], dtype=pl.Enum(["a", "b"])), "categories"),
    ],
)
def test_columns_of_text_are_named(column, what):
    Frame = pd.DataFrame if isinstance(column, pd.Series) else pl.DataFrame
    numbers = Frame({"area": [1.0, 2.0, 3.0, 4.0], "town": [1.0, 0.0, 1.0, 0.0]})
    text = Frame({"area": [1.0, 2.0, 3.0, 4.0], "town": column})
    y = [1.0, 2.0, 3.0, 5.0]
    words = rf"column 'town' holds {what}.*give leastwise\.table\(frame, target=\.\.\.\)"
    with pytest.raises(DataError, match=words):
        LeastSquares().fit(text, y)
    model = LeastSquares().fit(numbers, y)
    for asked in (model.predict, lambda frame: model.report("unwritten.html", frame, y)):
        with pytest.raises(DataError, match=words):
            asked(text)


def test_a_target_keeps_its_name(tmp_path):
    X = pd.DataFrame({"area": [1.0, 2.0, 3.0, 5.0], "rooms": [1, 2, 2, 3]})
    y = pd.Series([1.0, 2.0, 4.0, 4.0], name="rent")
    model = LeastSquares().fit(X, y)
    assert model.model_.targets == ("rent",)
    model.report(tmp_path / "page.html", X, y)
    assert "rent" in (tmp_path / "page.html").read_text(encoding="utf-8").split("<h1>")[1][:20]
    assert lw_path(X, y, strengths=3).target == "rent"
    assert LeastSquares().fit(
        pl.DataFrame({"a": [1, 2, 4]}), pl.Series("b", [1, 2, 3])
    ).model_.targets == ("b",)
    both = LeastSquares().fit(X, pd.DataFrame({"rent": y, "price": -y}))
    assert both.model_.targets == ("rent", "price")
    for nameless in (y.to_numpy(), y.rename(None), y.rename(3), y.tolist()):
        assert LeastSquares().fit(X, nameless).model_.targets == ("y",)
