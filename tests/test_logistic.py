"""Classes: agreement with scikit-learn and statsmodels, labels of any kind, tables, separation."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import statsmodels.api as sm
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

import leastwise as lw
from leastwise import (
    DataError,
    LeastSquares,
    LeastwiseWarning,
    Logistic,
    UsageError,
    load,
    path,
    table,
)
from leastwise.fit import fit
from leastwise.losses import Logistic as LogisticLoss
from leastwise.model import Model, fit_source
from leastwise.paths import trace
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.sources import MemorySource

# Coefficients follow the square root of what both solvers leave of the objective.
NEAR = 1e-6
# statsmodels' errors are taken at its own optimum.
ERRORS = 1e-6
# Enough of the penalty for one optimum, little enough for large coefficients.
L2 = 0.01


def scaled(loader, **how):
    X, y = loader(return_X_y=True, **how)
    return StandardScaler().fit_transform(X), loader(**how).target_names[y]


TWO = scaled(load_breast_cancer)
THREE = scaled(load_iris)
WEIGHT = np.random.default_rng(0).uniform(0.5, 2.0, 600)
SEPARATED = "no finite coefficients are best without a penalty"


def theirs(X, y, weight=None, class_weight=None, l1=0.0, l2=0.0):
    total = len(y) if weight is None else weight.sum()
    if class_weight is not None:
        labels, codes = np.unique(y, return_inverse=True)
        each = compute_class_weight(class_weight, classes=labels, y=y, sample_weight=weight)
        total = (each[codes] * (1.0 if weight is None else weight)).sum()
    strength = l1 + l2
    penalty = {"l1_ratio": l1 / strength, "C": 1.0 / (strength * total)}
    solver = {"solver": "saga", "tol": 1e-9} if l1 else {"solver": "lbfgs", "tol": 1e-12}
    model = LogisticRegression(**penalty, **solver, class_weight=class_weight, max_iter=100_000)
    return model.fit(X, y, weight)


@pytest.mark.parametrize("data", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("class_weight", [None, "balanced", "dict"])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_agrees_with_scikit_learn(data, class_weight, weighted):
    X, y = data
    if class_weight == "dict":
        class_weight = {label: 1.0 + k for k, label in enumerate(np.unique(y))}
    weight = WEIGHT[: len(y)] if weighted else None
    ours = Logistic(l2=L2, class_weight=class_weight, tol=1e-15).fit(X, y, weight)
    other = theirs(X, y, weight, class_weight, l2=L2)
    np.testing.assert_allclose(ours.coef_, other.coef_, atol=NEAR)
    np.testing.assert_allclose(ours.intercept_, other.intercept_, atol=NEAR)
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), atol=NEAR)
    np.testing.assert_array_equal(ours.predict(X), other.predict(X))
    np.testing.assert_allclose(ours.decision_function(X), other.decision_function(X), atol=1e-5)
    assert ours.score(X, y, weight) == pytest.approx(other.score(X, y, weight))
    assert ours.model_.accuracy is not None


@pytest.mark.parametrize("data", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_lasso_and_elastic_net_agree_with_scikit_learn(data, share):
    X, y = data
    l1, l2 = share * 0.05, (1.0 - share) * 0.05
    ours = Logistic(l1, l2, tol=1e-14).fit(X, y)
    other = theirs(X, y, l1=l1, l2=l2)
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), atol=NEAR)
    np.testing.assert_array_equal(ours.coef_ == 0.0, np.abs(other.coef_) < NEAR)


def test_classes_of_digits_agree_with_scikit_learn():
    X, y = load_digits(n_class=5, return_X_y=True)
    X, y = X[:300, X[:300].any(axis=0)] / 16.0, y[:300]
    ours, other = Logistic(l2=L2, tol=1e-13).fit(X, y), theirs(X, y, l2=L2)
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), atol=NEAR)
    assert ours.coef_.shape == (5, X.shape[1])
    assert ours.certificate_.converged


def test_probabilities_are_whole_and_keep_their_digits():
    X, y = THREE
    model = Logistic(l2=1e-3).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-14)
    far = 1e4 * X[:1]
    assert np.isfinite(model.predict_log_proba(far)).all()
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(model.predict_proba(X)))
    two = Logistic(l2=1e-3).fit(*TWO)
    np.testing.assert_allclose(
        two.predict_log_proba(TWO[0]), np.log(two.predict_proba(TWO[0])), atol=1e-14
    )
    assert np.isfinite(two.predict_log_proba(1e6 * TWO[0])).all()


# Labels


@pytest.mark.parametrize(
    "labels", [["no", "yes"], [False, True], [-1, 1], [3, 7], [1.0, 2.0], np.array(["n", "y"], "O")]
)
def test_labels_of_any_kind_go_through_a_file(labels, tmp_path):
    X, names = TWO
    y = np.asarray(labels)[(names == "benign").astype(int)]
    model = Logistic(l2=L2).fit(X, y)
    assert model.classes_.tolist() == sorted(np.asarray(labels).tolist())
    assert set(model.predict(X).tolist()) == set(np.asarray(labels).tolist())
    assert model.coef_.shape == (1, 30)
    model.save(tmp_path / "model.json")
    again = load(tmp_path / "model.json")
    assert isinstance(again, Logistic)
    assert again.classes_.tolist() == model.classes_.tolist()
    for other in (again, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        np.testing.assert_allclose(other.predict_proba(X), model.predict_proba(X), rtol=1e-12)
    plain = Model.load(tmp_path / "model.json")
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))
    np.testing.assert_allclose(plain.probabilities(X), model.predict_proba(X), rtol=1e-12)


def test_one_class_is_named():
    X = TWO[0]
    with pytest.raises(DataError, match="all rows of the target 'y' are of the one class 'no'"):
        Logistic().fit(X, ["no"] * len(X))
    y = np.array(["a", "b"])[(np.arange(len(X)) % 2)]
    with pytest.raises(DataError, match="the one class 'b'"):
        Logistic().fit(X, y, sample_weight=1.0 * (y == "b"))


@pytest.mark.parametrize("only", ["yes", True, 3])
def test_one_class_of_a_table_is_named(only):
    rows = table({"a": np.arange(9.0), "y": [only] * 9}, target="y")
    for solve in (Logistic().fit, lambda rows: path(rows, loss="logistic")):
        with pytest.raises(DataError, match="all rows of the target 'y' are of the one class"):
            solve(rows)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_a_missing_or_mixed_label_is_named(gap):
    y = np.array(["a", "b"] * 4, object)
    y[5] = gap
    with pytest.raises(DataError, match="y has no class in row 6"):
        Logistic().fit(np.arange(8.0)[:, None], y)
    y[5] = 2
    with pytest.raises(DataError, match="text and numbers: give all as text"):
        Logistic().fit(np.arange(8.0)[:, None], y)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_class_weight_that_is_none_is_refused(weight):
    with pytest.raises(UsageError, match="class_weight must be numbers of at least 0"):
        Logistic(class_weight={"a": weight}).fit(np.arange(8.0)[:, None], ["a", "b"] * 4)


def test_what_names_no_class_is_refused():
    X = TWO[0]
    with pytest.raises(ValueError, match="Unknown label type"):
        Logistic().fit(X, X[:, 0])
    with pytest.raises(DataError, match="y has 2 columns, and classes are given as one"):
        Logistic().fit(X, X[:, :2] > 0.0)
    with pytest.raises(UsageError, match="a table brings its target"):
        Logistic().fit(MemorySource(X, np.arange(len(X)) % 2), np.ones(len(X)))
    with pytest.raises(DataError, match="holds numbers that are not whole, such as"):
        Logistic().fit(MemorySource(X, X[:, 0]))
    with pytest.raises(DataError, match=r"2 targets .*classes are fitted for one"):
        Logistic().fit(MemorySource(X, X[:, :2]))
    with pytest.raises(DataError, match=r"y holds text, such as .*lw.Logistic"):
        LeastSquares().fit(*TWO)
    with pytest.raises(DataError, match="the logistic loss wants targets from 0 to 1"):
        fit_source(MemorySource(X, X[:, 0]), loss=LogisticLoss())


def test_far_from_the_solution_few_columns_are_worked_on():
    """At w = 0 most of these columns are beyond their limits, and fifty get a coefficient."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3000))
    y = X[:, 0] + rng.normal(size=80) > 0.0
    problem = Problem.of(
        MemorySource(X, y * 1.0), LogisticLoss(), ElasticNet(l1=0.03), memory=1 << 30
    )
    tracemalloc.start()
    found = fit(problem, "newton")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.certificate.converged
    assert 10 < np.count_nonzero(found.coef) < 80
    assert peak < 8 * 3000**2  # less than one matrix of all columns


def test_behind_the_factor_of_one_hessian():
    """Weights of 0, a constant column, and so many columns that products are cheaper."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2500, 600))
    X[:, 7] = 3.0
    y = (X[:, 0] + rng.normal(size=2500) > 0.0) * 1.0
    weight = rng.integers(0, 3, 2500) * 1.0
    source = MemorySource(X, y, weight)
    problem = Problem.of(source, LogisticLoss(), ElasticNet(l2=1e-3), memory=1 << 30)
    found = fit(problem, "newton", tol=1e-12)
    assert found.solver == "newton (Cholesky)"
    assert found.certificate.converged
    assert found.coef[7, 0] == 0.0
    other = fit(problem, "accelerated-gradient", tol=1e-12)
    np.testing.assert_allclose(found.coef, other.coef, atol=1e-5)


def test_columns_with_nothing_stored():
    with pytest.warns(LeastwiseWarning, match="has the single value 0"):
        found = Logistic(l2=0.1).fit(sp.csr_array((50, 3)), np.arange(50) % 2)
    assert found.certificate_.converged
    assert not found.coef_.any()


def test_products_follow_strengths_with_l1():
    """The Hessian of a few columns says nothing of the others, and that of all has no room."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 700))
    y = (X[:, 0] + rng.normal(size=900) > 0.0) * 1.0
    problem = Problem.of(MemorySource(X, y), LogisticLoss(), ElasticNet(), memory=10 << 20)
    strengths = [ElasticNet(l1=0.03), ElasticNet(l2=0.05)]
    traced = trace(problem, strengths, "newton")
    assert traced.gap.max() <= 1e-9
    alone = fit(problem.at(strengths[1]), "newton")
    np.testing.assert_allclose(traced.coef[1], alone.coef, atol=1e-4)


def test_sparse_rows_and_pipelines():
    X, y = load_breast_cancer(return_X_y=True)
    dense = make_pipeline(StandardScaler(), Logistic(l2=L2)).fit(X, y)
    assert dense.score(X, y) > 0.98
    binary = (TWO[0] > 0.5).astype(float)
    a, b = Logistic(l2=L2).fit(binary, y), Logistic(l2=L2).fit(sp.csr_array(binary), y)
    np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-8)


# Separation


def test_complete_separation_is_named_and_what_was_reached_is_kept():
    X, y = TWO
    with pytest.warns(LeastwiseWarning, match=f"the classes of every row.*{SEPARATED}"):
        model = Logistic().fit(X, y)
    assert model.score(X, y) == 1.0
    along = (X @ model.separation_.direction)[:, 0]
    assert model.separation_.complete
    assert along[y == model.classes_[1]].min() > along[y == model.classes_[0]].max()
    assert "no finite coefficients" in model.inference_[0].why
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Logistic(l2=1e-6).fit(X, y)


def test_quasi_complete_separation_names_its_column():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    y = frame["a"] + rng.normal(size=300) > 0
    frame["given"] = (y & (rng.random(300) < 0.3)).astype(float)  # 1 for some of the one class only
    with pytest.warns(LeastwiseWarning, match=rf"of some rows.*most by given.*{SEPARATED}"):
        model = Logistic().fit(frame, y)
    direction = model.separation_.direction[:, 0]
    assert not model.separation_.complete
    assert np.abs(direction[:3]).max() < 1e-3 * direction[3]
    with pytest.warns(LeastwiseWarning, match=rf"of some rows.*most by given\).*{SEPARATED}"):
        Logistic(l2=0.1, factors=[1, 1, 1, 0]).fit(frame, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Logistic().fit(frame.drop(columns="given"), y)
        Logistic(l2=0.1, factors=[0, 1, 1, 1]).fit(frame, y)


def test_a_path_names_what_is_separated_at_its_end():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.repeat([0, 1, 2], 20)
    X[:, 1] += 8.0 * y
    free = {"loss": "logistic", "strengths": 3, "factors": [1, 0, 1]}
    some = y < 2
    with pytest.warns(LeastwiseWarning, match=rf"of every row.*most by x1\).*{SEPARATED}"):
        path = lw.path(X[some], y[some], **free)
    assert any(SEPARATED in note for note in path.notes)
    with pytest.warns(LeastwiseWarning, match=SEPARATED):
        lw.path(X, y, **free | {"loss": "multinomial"})
    with pytest.warns(LeastwiseWarning, match=SEPARATED):
        lw.path(X[some], y[some], loss="logistic", strengths=[0.1, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lw.path(X[some], y[some], loss="logistic", strengths=3)
        lw.path(X[some], y[some], **free | {"factors": [0, 1, 1]})


@pytest.mark.parametrize("penalty", [{}, {"l1": 0.02}, {"l2": 0.01}])
@pytest.mark.filterwarnings("ignore:the classes of")
def test_what_all_classes_share_is_nothing(penalty):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 30)) + 3.0, rng.integers(0, 3, 60)
    model = Logistic(**penalty).fit(X, y)
    size = np.abs(model.coef_).max()
    assert abs(model.intercept_.sum()) < 1e-12 * size
    if "l1" not in penalty:  # an l1 has a say in what they share
        assert np.abs(model.coef_.sum(axis=0)).max() < 1e-12 * size
    path = lw.path(X, y, loss="multinomial", strengths=3)
    assert np.abs(path.intercepts.sum(axis=0)).max() < 1e-12


@pytest.mark.filterwarnings("ignore:the certificate holds among")
def test_one_class_of_three_apart_is_quasi_complete():
    with pytest.warns(LeastwiseWarning, match="the classes of some rows"):
        Logistic().fit(*THREE)


# Inference


def test_errors_of_two_classes_agree_with_statsmodels():
    X, y = load_breast_cancer(return_X_y=True)
    X = X[:, :4]
    found = Logistic(tol=1e-15).fit(X, y).inference_[0]
    other = sm.Logit(y, sm.add_constant(X)).fit(disp=0, tol=1e-13, maxiter=100)
    np.testing.assert_allclose(found.coef, other.params, rtol=ERRORS)
    np.testing.assert_allclose(found.error, other.bse, rtol=ERRORS)
    np.testing.assert_allclose(found.t, other.tvalues, rtol=ERRORS)
    np.testing.assert_allclose(found.p, other.pvalues, rtol=1e-4)
    np.testing.assert_allclose(np.c_[found.low, found.high], other.conf_int(), rtol=1e-5)
    assert found.statistic == "z"
    assert Logistic().fit(X, y).model_.explained[0] == pytest.approx(other.prsquared, rel=1e-8)


def test_errors_of_many_classes_agree_with_statsmodels():
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    X, y = X[:, :2], (y + (rng.random(150) < 0.3)) % 3
    model = Logistic(tol=1e-15).fit(X, y)
    other = sm.MNLogit(y, sm.add_constant(X)).fit(disp=0, tol=1e-13, maxiter=100)
    # Theirs are against the first class, ours sum to zero.
    against = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    centred = against - against.mean(axis=0)
    full = np.kron(centred, np.eye(3))
    errors = np.sqrt(np.diag(full @ np.asarray(other.cov_params()) @ full.T)).reshape(3, 3)
    np.testing.assert_allclose(
        [t.coef for t in model.inference_], centred @ other.params.T, rtol=ERRORS
    )
    np.testing.assert_allclose([t.error for t in model.inference_], errors, rtol=ERRORS)


def test_only_ratios_of_weights_matter_to_errors():
    X, y = load_breast_cancer(return_X_y=True)
    X, weight = X[:, :3], WEIGHT[: len(y)]
    a, b = Logistic().fit(X, y, weight), Logistic().fit(X, y, 1e-3 * weight)
    np.testing.assert_allclose(a.inference_[0].error, b.inference_[0].error, rtol=1e-5)


def test_undetermined_columns_have_no_error():
    X, y = load_breast_cancer(return_X_y=True)
    X = np.c_[X[:, :2], X[:, 0] + X[:, 1], np.ones(len(y))]
    with pytest.warns(LeastwiseWarning, match="x3 has the single value 1"):
        found = Logistic().fit(X, y).inference_[0]
    assert np.isnan(found.error[1:]).all()
    assert np.isfinite(found.error[0])
    assert found.why == "the data do not determine x0, x1, x2, x3: no standard error for these"
