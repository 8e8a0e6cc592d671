"""Paths and cross-validation of every loss: against other libraries and against plain loops."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, QuantileRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

import leastwise as lw
from leastwise.cv import cross_validate
from leastwise.losses import named
from leastwise.sources import MemorySource

CERTIFIED = 1e-9  # what lw.path is asked for
# saga stops by a tolerance on its steps; coefficients are of size 1.
AGREE = 2e-5
NOTHING = 1e-6  # a coefficient at the largest strength, where a column may enter at no cost
SAME = 1e-12  # the same sums in another order
FITTED = 1e-6  # of mean losses of fits that are certified to 1e-8

LOSSES = ["absolute", "quantile(0.8)", "huber(0.5)", "logistic"]


def rows(seed=0, n=150, p=8):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 1.0
    return X, X[:, :3] @ [2.0, -1.0, 0.5] + rng.standard_t(3, n)


def target_of(loss, y):
    return (y > np.median(y)) * 1.0 if loss == "logistic" else y


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("n", "p"), [(150, 8), (30, 60)])
def test_every_strength_is_certified_and_is_the_fit_at_it(loss, l1_ratio, n, p):
    X, y = rows(n=n, p=p)
    y = target_of(loss, y)
    smallest = 0.05
    path = lw.path(X, y, loss=loss, l1_ratio=l1_ratio, strengths=6, smallest=smallest)
    assert path.gaps.max() <= CERTIFIED
    assert path.loss == named(loss)
    if l1_ratio > 0.0:
        assert np.abs(path.coef[:, 0]).max() <= NOTHING
        assert path.active[-1] > 0
    for place in (2, 5):
        strength = path.strengths[place]
        cold = lw.path(X, y, loss=loss, l1_ratio=l1_ratio, strengths=[strength])
        assert cold.objectives[0] == pytest.approx(path.objectives[place], rel=10 * CERTIFIED)
        eta = X @ path.coef[:, place] + path.intercepts[place]
        mean = named(loss).value(y, eta).mean()
        assert mean == pytest.approx(path.losses[place], rel=SAME)


def test_the_lasso_of_two_classes_is_scikit_learns():
    X, y = rows()
    y = target_of("logistic", y)
    path = lw.path(X, y, loss="logistic", strengths=5)
    for strength, w, b in zip(
        path.strengths[1:], path.coef.T[1:], path.intercepts[1:], strict=True
    ):
        peer = LogisticRegression(
            C=1.0 / (y.size * strength), l1_ratio=1.0, solver="saga", tol=1e-10, max_iter=100_000
        ).fit(X, y)
        np.testing.assert_allclose(w, peer.coef_[0], atol=AGREE)
        assert b == pytest.approx(peer.intercept_[0], abs=AGREE)


def test_quantiles_of_a_real_table_are_no_worse_than_scikit_learns():
    X, y = load_diabetes(return_X_y=True)
    path = lw.path(X, y, loss="quantile(0.7)", strengths=[0.02, 0.005])
    for place, strength in enumerate(path.strengths):
        peer = QuantileRegressor(quantile=0.7, alpha=strength, solver="highs").fit(X, y)
        loss = named("quantile(0.7)").value(y, peer.predict(X)).mean()
        theirs = loss + strength * np.abs(peer.coef_).sum()
        assert path.objectives[place] <= theirs + SAME * path.null
        assert path.objectives[place] >= theirs - 1e-6 * path.null


def test_many_classes_share_one_path():
    X, y = load_iris(return_X_y=True)
    path = lw.path(X, np.array(["a", "b", "c"])[y], loss="multinomial", strengths=8)
    assert path.coef.shape == (3, 4, 8)
    assert path.gaps.max() <= CERTIFIED
    eta = path.predict(X)[:, :, -1]
    assert (eta.argmax(axis=0) == y).mean() > 0.95
    np.testing.assert_array_equal(path.active[:1], [0])


def test_what_a_path_of_another_loss_cannot_do_is_said():
    X, y = rows()
    path = lw.path(X, y, loss="huber(1)", strengths=4)
    with pytest.raises(lw.UsageError, match="only least squares is relaxed"):
        path.relaxed()
    with pytest.raises(lw.UsageError, match="of no likelihood"):
        path.criterion("aic")
    with pytest.raises(lw.UsageError, match="joint is for squared loss"):
        lw.path(X, np.stack([y, y], axis=1), loss="huber(1)", joint=True)
    with pytest.raises(lw.DataError, match="tells two classes apart, and y has 3"):
        lw.path(X, np.arange(150) % 3, loss="logistic")
    with pytest.raises(lw.UsageError, match="unknown loss 'beauty'"):
        lw.path(X, y, loss="beauty")


def test_deviances_of_classes_are_their_log_losses():
    X, y = rows()
    y = target_of("logistic", y)
    path = lw.path(X, y, loss="logistic", strengths=5)
    share = 1.0 / (1.0 + np.exp(-path.predict(X)))
    expected = [2.0 * log_loss(y, each, normalize=False) for each in share.T]
    d = path.active + 1.0
    np.testing.assert_allclose(path.criterion("aic"), expected + 2.0 * d, rtol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_errors_are_those_of_a_plain_loop(loss):
    X, y = rows(seed=3)
    y = target_of(loss, y)
    folds = [(np.flatnonzero(np.arange(150) % 3 != f), np.arange(150)[f::3]) for f in range(3)]
    strengths = [0.1, 0.02]
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 150)
    found, _ = cross_validate(
        MemorySource(X, y, weight), loss=named(loss), l1_ratio=1.0, strengths=strengths, cv=folds
    )
    assert found.scoring == "loss"
    for place, strength in enumerate(strengths):
        for fold, (train, test) in enumerate(folds):
            path = lw.path(
                X[train], y[train], loss=loss, strengths=[strength], sample_weight=weight[train]
            )
            each = named(loss).value(y[test], path.predict(X[test])[:, 0])
            mean = np.average(each, weights=weight[test])
            assert found.errors[0, place, fold] == pytest.approx(mean, rel=FITTED)


@pytest.mark.filterwarnings("ignore::leastwise.LeastwiseWarning")
def test_each_fold_has_its_share_of_every_class():
    X, y = rows(n=100)
    y = np.where(np.arange(100) < 10, "rare", "usual")  # sorted, as tables are
    model = lw.LogisticCV(1.0, strengths=4, cv=5).fit(X, y)
    again = lw.LogisticCV(1.0, strengths=4, cv=5).fit(X, y)
    assert model.strength_ == again.strength_
    splitter = lw.LogisticCV(1.0, strengths=4, cv=StratifiedKFold(5)).fit(X, y)
    assert splitter.cv_.folds == model.cv_.folds == (20,) * 5


@pytest.mark.parametrize("scoring", ["error", "accuracy", "roc_auc", "neg_log_loss"])
def test_classes_are_judged_as_asked(scoring):
    X, y = rows()
    model = lw.LogisticCV(1.0, strengths=5, cv=3, scoring=scoring).fit(X, y > y.mean())
    assert model.cv_.scoring == scoring
    assert np.isfinite(model.cv_.mean).all()


def test_a_scoring_of_numbers_is_refused_for_classes():
    X, y = rows()
    with pytest.raises(lw.UsageError, match="scoring must be loss, error or a scorer"):
        lw.LogisticCV(scoring="mse").fit(X, y > 0)
    with pytest.raises(lw.UsageError, match="is for squared loss: give a number of folds"):
        lw.HuberCV(1.0, 0.0, cv="loo").fit(X, y)


@pytest.mark.parametrize(
    "model",
    [
        lw.LeastAbsoluteCV(1.0, strengths=5, cv=3),
        lw.QuantileCV(0.8, 1.0, 5, cv=3),
        lw.HuberCV(0.5, (0.5, 1.0), 5, cv=3),
        lw.LogisticCV(1.0, 5, cv=3, class_weight="balanced"),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore::leastwise.LeastwiseWarning")
def test_the_choice_comes_back_from_a_file(model, tmp_path):
    X, y = rows()
    model.fit(X, target_of("logistic", y) if isinstance(model, lw.LogisticCV) else y)
    assert model.certificate_.converged
    model.save(tmp_path / "model.json")
    again = lw.load(tmp_path / "model.json")
    assert type(again) is type(model)
    assert (again.strength_, again.l1_ratio_) == (model.strength_, model.l1_ratio_)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize(("loss", "intercept"), [("absolute", True), ("quantile(0.3)", False)])
def test_degrees_of_freedom_of_kinks_under_l2_are_what_predictions_owe_their_targets(
    loss, intercept
):
    """sum_i of d eta_i / d y_i, by differences (Stein 1981), less 1 for the intercept."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((40, 6))
    y = X[:, 0] + rng.standard_normal(40)
    how = {"loss": loss, "l1_ratio": 0.4, "intercept": intercept}
    path = lw.path(X, y, strengths=[0.3, 0.1, 0.01], **how)
    step, found = 1e-6, np.zeros(3)
    for i in range(40):
        moved = y + step * (np.arange(40) == i)
        change = lw.path(X, moved, strengths=path.strengths, **how).predict(X) - path.predict(X)
        found += change[i] / step
    np.testing.assert_allclose(path.degrees_of_freedom, found - intercept, atol=1e-3)
    assert path.degrees_of_freedom[-1] > path.degrees_of_freedom[0]
    assert np.isfinite(path.criterion("bic")).all()


def test_classes_of_which_weights_leave_one_are_refused():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    y = np.where(X[:, 0] > 0.0, "yes", "no")
    with pytest.raises(lw.DataError, match="rows with a weight are of one class"):
        lw.path(X, y, loss="logistic", sample_weight=(y == "no").astype(float))


@pytest.mark.parametrize("given", ["heavy", {0: "a", 1: 2.0}])
def test_class_weights_that_are_no_numbers_are_named(given):
    X, y = rows()
    with pytest.raises(lw.UsageError, match=r"must be 'balanced' or a dict .*\(0, 1\)"):
        lw.Logistic(class_weight=given).fit(X, (y > 0.0).astype(int))


def test_tables_of_classes_are_refused_where_the_loss_tells_another_number_apart():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    three, two = MemorySource(X, np.arange(60.0) % 3), MemorySource(X, np.arange(60.0) % 2)
    with pytest.raises(lw.DataError, match="take loss='multinomial'"):
        lw.path(three, loss="logistic")
    with pytest.raises(lw.DataError, match="take loss='logistic'"):
        lw.path(two, loss="multinomial")
    with pytest.raises(lw.DataError, match="there are 2 targets"):
        lw.plan(MemorySource(X, np.column_stack([two.y, two.y])), loss="logistic")
    assert lw.path(two, loss="logistic", strengths=3).gaps.max() <= 1e-9
    soft = lw.path(
        X,
        rng.dirichlet([1.0, 1.0, 1.0], 60),
        loss="multinomial",
        sample_weight=np.ones(60),
        strengths=3,
    )
    assert soft.gaps.max() <= 1e-9


@pytest.mark.parametrize(
    "take",
    [
        lambda rows: lw.path(rows),
        lambda rows: lw.plan(rows),
        lambda rows: lw.evidence(rows),
        lambda rows: lw.LeastAbsoluteCV(cv=2).fit(rows),
        lambda rows: lw.LeastSquares().fit(rows),
    ],
)
def test_a_target_of_text_is_no_number_for_any_call(take):
    rows = lw.table({"a": [1.0, 2.0, 3.0, 5.0], "y": ["u", "v", "u", "v"]}, target="y")
    with pytest.raises(lw.DataError, match="the target 'y' is text or categorical"):
        take(rows)


def test_a_constant_target_on_many_sparse_columns():
    """Nothing is to be explained: conjugate gradients have nothing to divide by."""
    X = sp.random_array((900, 3000), density=0.03, rng=np.random.default_rng(0), format="csr")
    y, how = np.full(900, 5.0), {"loss": "huber(1)", "l1_ratio": 0.0, "strengths": [0.1, 0.01]}
    with pytest.warns(lw.LeastwiseWarning, match="the target y is constant"):
        found = lw.path(X, y, **how)
    assert found.converged.all()
    assert not found.coef.any()
