"""Paths agree with scikit-learn, with themselves in other forms, and with what is known exactly."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import enet_path, lasso_path

import leastwise as lw
from leastwise.sources.readers import read_arrow
from leastwise.working import RowColumns
from problems import layouts, random_problem

# What is constant is told, and meant here.
pytestmark = pytest.mark.filterwarnings("ignore:.*(single value|is constant)")

PEER = 1e-6  # of the largest coefficient: scikit-learn's own gap at the tolerance it is run with
SAME = 1e-8  # the same optimum by another order of sums; both are exact on their supports


def houses():
    from pathlib import Path

    table = read_arrow(Path(lw.__file__).parent / "data" / "house_prices.parquet").to_pandas()
    numbers = table.select_dtypes("number").dropna()
    y = numbers.pop("price").to_numpy(float)
    return numbers.to_numpy(float), y


def diabetes():
    return load_diabetes(return_X_y=True)


def digits():
    X, y = load_digits(return_X_y=True)
    return X, y.astype(float)


def compare(X, y, ratio, positive=False, smallest=1e-3):
    """Paths of columns of deviation 1, which is where scikit-learn's descent reaches its end."""
    deviation = X.std(axis=0)
    X = X[:, deviation > 0] / deviation[deviation > 0]
    bounds = (0.0, None) if positive else None
    path = lw.path(X, y, l1_ratio=ratio, strengths=12, smallest=smallest, bounds=bounds)
    assert path.converged.all()
    Xc, yc = X - X.mean(axis=0), y - y.mean()
    how = {"alphas": path.strengths, "tol": 1e-13, "max_iter": 200_000, "positive": positive}
    if ratio == 1.0:
        _, peer, *_ = lasso_path(Xc, yc, **how)
    else:
        _, peer, *_ = enet_path(Xc, yc, l1_ratio=ratio, **how)
    assert np.abs(path.coef - peer).max() <= PEER * np.abs(peer).max()
    b = y.mean() - X.mean(axis=0) @ peer
    assert np.abs(path.intercepts - b).max() <= PEER * np.abs(y).max()


@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("data", [diabetes, digits])
def test_scikit_learn_agrees(data, ratio, positive):
    compare(*data(), ratio, positive)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the living area
def test_scikit_learn_agrees_on_house_prices():
    compare(*houses(), 0.9, smallest=1e-2)


def test_first_strength_is_the_smallest_that_is_empty():
    data = random_problem(0, 60, 8)
    path = lw.path(data.X, data.y, strengths=3)
    below = lw.path(data.X, data.y, strengths=[path.strengths[0] * (1 - 1e-6)])
    assert path.active[0] == 0
    assert below.active[0] == 1


@pytest.mark.parametrize("shape", [(60, 8), (12, 30)])
def test_every_layout_is_the_same_path(shape):
    data = random_problem(1, *shape, weighted=True, density=0.5)
    oracle = lw.path(data.X, data.y, sample_weight=data.weight, l1_ratio=0.8, strengths=10)
    for name, X in layouts(data.X):
        path = lw.path(X, data.y, sample_weight=data.weight, l1_ratio=0.8, strengths=10)
        assert path.converged.all(), name
        np.testing.assert_allclose(path.coef, oracle.coef, atol=SAME, err_msg=name)


@pytest.mark.parametrize("shape", [(40, 6), (10, 25)])
@pytest.mark.parametrize("intercept", [True, False])
def test_standardizing_is_scaling_by_hand(shape, intercept):
    data = random_problem(2, *shape, offset=1.0)
    scale = data.X.std(axis=0) if intercept else np.sqrt((data.X**2).mean(axis=0))
    units = np.geomspace(1e-3, 1e3, shape[1])
    how = {"l1_ratio": 0.7, "strengths": 10, "intercept": intercept}
    ours = lw.path(data.X * units, data.y, standardize=True, **how)
    by_hand = lw.path(data.X / scale, data.y, **how)
    np.testing.assert_allclose(ours.strengths, by_hand.strengths, rtol=SAME)
    np.testing.assert_allclose(ours.coef * (scale * units)[:, None], by_hand.coef, atol=SAME)


def test_weights_are_repeated_rows():
    data = random_problem(3, 30, 5)
    times = np.random.default_rng(3).integers(0, 4, 30)
    weighted = lw.path(data.X, data.y, sample_weight=times, strengths=10)
    repeated = lw.path(np.repeat(data.X, times, axis=0), np.repeat(data.y, times), strengths=10)
    np.testing.assert_allclose(weighted.coef, repeated.coef, atol=SAME)
    np.testing.assert_allclose(weighted.losses, repeated.losses, rtol=SAME)


def test_factors():
    data = random_problem(4, 50, 6)
    factors = np.array([0.0, 1.0, np.inf, 2.0, 1.0, 0.5])
    path = lw.path(data.X, data.y, factors=factors, strengths=10)
    assert path.converged.all()
    assert (path.coef[2] == 0.0).all()
    assert (path.coef[0] != 0.0).all()
    assert (path.coef[1:, 0] == 0.0).all()
    without = lw.path(np.delete(data.X, 2, 1), data.y, factors=np.delete(factors, 2), strengths=10)
    np.testing.assert_allclose(np.delete(path.coef, 2, 0), without.coef, atol=SAME)
    # A factor is a unit: f |w| is |f w|.
    scaled = lw.path(data.X[:, [3]] / 2.0, data.y, strengths=[0.1]).coef / 2.0
    alone = lw.path(data.X[:, [3]], data.y, strengths=[0.1], factors=[2.0]).coef
    np.testing.assert_allclose(alone, scaled, atol=SAME)


def test_bounds_hold_exactly():
    data = random_problem(5, 50, 6)
    path = lw.path(data.X, data.y, bounds=(-0.3, [0.2, 0.0, np.inf, 0.1, 0.3, 0.7]), strengths=10)
    assert path.converged.all()
    assert path.coef.min() >= -0.3
    assert (path.coef <= np.array([0.2, 0.0, np.inf, 0.1, 0.3, 0.7])[:, None]).all()


def test_several_targets_are_paths_of_their_own():
    data = random_problem(6, 40, 5, k=3)
    paths = lw.path(data.X, data.y, strengths=8)
    assert isinstance(paths, tuple)
    for j, path in enumerate(paths):
        alone = lw.path(data.X, data.y[:, j], strengths=8)
        np.testing.assert_allclose(path.coef, alone.coef, atol=SAME)
        np.testing.assert_allclose(path.strengths, alone.strengths, rtol=SAME)


def test_given_strengths_in_any_order():
    data = random_problem(7, 40, 5)
    path = lw.path(data.X, data.y, strengths=[0.1, 1.0, 0.01])
    assert path.strengths.tolist() == [1.0, 0.1, 0.01]
    assert path.converged.all()
    grid = lw.path(data.X, data.y, strengths=[1.0, 0.1])
    np.testing.assert_allclose(path.coef[:, :2], grid.coef, atol=SAME)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_twins_share(ratio):
    data = random_problem(8, 40, 4)
    twins = lw.path(np.hstack([data.X, data.X[:, :1]]), data.y, l1_ratio=ratio, strengths=10)
    assert twins.converged.all()
    np.testing.assert_allclose(twins.coef[0], twins.coef[4], atol=SAME)
    if ratio == 1.0:
        alone = lw.path(data.X, data.y, strengths=10)
        np.testing.assert_allclose(twins.coef[0] + twins.coef[4], alone.coef[0], atol=SAME)


def test_constant_columns_get_nothing():
    data = random_problem(9, 30, 4)
    path = lw.path(np.column_stack([data.X, np.full(30, 7.3)]), data.y, strengths=8)
    assert (path.coef[4] == 0.0).all()
    np.testing.assert_allclose(path.coef[:4], lw.path(data.X, data.y, strengths=8).coef, atol=SAME)


def test_constant_target():
    data = random_problem(10, 30, 4)
    path = lw.path(data.X, np.full(30, 2.5), strengths=4)
    assert not path.coef.any()
    assert path.converged.all()
    np.testing.assert_allclose(path.intercepts, 2.5, rtol=SAME)


def test_two_rows():
    # One column: w = S(v, l1) / c, v = c = 1/4 with y = x.
    path = lw.path(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]), strengths=[0.25, 0.1, 0.05])
    np.testing.assert_allclose(path.coef[0], [0.0, 0.6, 0.8], atol=SAME)
    np.testing.assert_allclose(path.intercepts, [0.5, 0.2, 0.1], atol=SAME)


def test_degrees_of_freedom():
    data = random_problem(11, 40, 6)
    lasso = lw.path(np.hstack([data.X, data.X[:, :2]]), data.y, strengths=12)
    assert lasso.degrees_of_freedom[-1] == 6.0  # twins count once
    net = lw.path(data.X, data.y, l1_ratio=0.5, strengths=12)
    for place, strength in enumerate(net.strengths):
        A = np.flatnonzero(net.coef[:, place])
        Xc = data.X[:, A] - data.X[:, A].mean(axis=0)
        hat = Xc @ np.linalg.solve(Xc.T @ Xc + 40 * 0.5 * strength * np.eye(A.size), Xc.T)
        np.testing.assert_allclose(net.degrees_of_freedom[place], np.trace(hat), atol=SAME)


def test_passes_over_the_data():
    tall = random_problem(12, 500, 20)
    wide = random_problem(12, 50, 300)
    assert lw.path(tall.X, tall.y).passes <= 3
    assert lw.path(tall.X, tall.y, l1_ratio=0.0).passes <= 3
    assert lw.path(wide.X, wide.y).passes <= 30
    assert lw.path(sp.csr_array(wide.X), wide.y).passes <= 30


@pytest.mark.parametrize("strengths", [[0.01], 10, 20, 100])
def test_few_columns_are_at_work(strengths, monkeypatch):
    """However far apart the strengths: columns that matter far ahead alone wait until then."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2000))
    y = X[:, :10] @ rng.normal(size=10) + rng.normal(size=100)
    worked, grow = [], RowColumns._grow
    monkeypatch.setattr(
        RowColumns, "_grow", lambda self, new: worked.append(new.size) or grow(self, new)
    )
    if isinstance(strengths, list):
        largest = np.abs((y - y.mean()) @ (X - X.mean(axis=0))).max() / 100
        path = lw.path(X, y, strengths=largest * np.array(strengths))
    else:
        path = lw.path(X, y, strengths=strengths, smallest=0.01)
    assert path.gaps.max() <= 1e-9
    assert path.active[-1] == 94
    assert sum(worked) <= 4 * 94


def test_pickled_path_keeps_its_numbers():
    data = random_problem(13, 40, 5)
    path = lw.path(data.X, data.y, strengths=8)
    back = pickle.loads(pickle.dumps(path))
    np.testing.assert_array_equal(back.coef, path.coef)
    np.testing.assert_array_equal(back.degrees_of_freedom, path.degrees_of_freedom)
    assert back.best("bic") == path.best("bic")
    with pytest.raises(lw.UsageError, match="relax it before"):
        back.relaxed()


def test_predictions():
    pandas = pytest.importorskip("pandas")
    data = random_problem(14, 40, 3)
    frame = pandas.DataFrame(data.X, columns=["a", "b", "c"])
    path = lw.path(frame, data.y, strengths=6)
    expected = data.X @ path.coef + path.intercepts
    np.testing.assert_allclose(path.predict(data.X), expected, atol=SAME)
    np.testing.assert_allclose(path.predict(frame[["c", "a", "b"]]), expected, atol=SAME)
    np.testing.assert_allclose(path.predict(sp.csr_array(data.X)), expected, atol=SAME)
    chosen = path.predict(data.X, strength=path.strengths[2])
    np.testing.assert_allclose(chosen, expected[:, 2], atol=SAME)
    with pytest.raises(lw.UsageError, match="no strength"):
        path.predict(data.X, strength=0.5 * path.strengths[:2].sum())
    with pytest.raises(lw.DataError, match="no column 'b'"):
        path.predict(frame[["a", "c"]])
    with pytest.raises(lw.DataError, match="must have 3 columns, not 40 x 2"):
        path.predict(data.X[:, :2])


def test_a_path_of_a_table_predicts_frames_files_and_the_table(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(12.0) ** 2, "town": ["x", "y", "z"] * 4})
    frame["y"] = frame["a"] + 3.0 * (frame["town"] == "z")
    rows = lw.table(frame, target="y")
    path = lw.path(rows, strengths=4)
    expected = rows.X @ path.coef + path.intercepts
    frame.to_csv(tmp_path / "rows.csv", index=False)
    again = pickle.loads(pickle.dumps(path))
    for given in (rows, frame, frame[["town", "a"]], tmp_path / "rows.csv", rows.X):
        np.testing.assert_allclose(path.predict(given), expected, atol=SAME)
        np.testing.assert_allclose(again.predict(given), expected, atol=SAME)
    with pytest.raises(lw.DataError, match="encoded in another way"):
        path.predict(lw.table(frame.iloc[::-1].replace({"x": "w"}), target="y"))


def test_wrong_arguments_are_named():
    data = random_problem(15, 20, 3)
    for how, words in (
        ({"strengths": 0}, "how many"),
        ({"strengths": [-1.0]}, "at least 0"),
        ({"strengths": [1.0], "smallest": 0.1}, "leave it out"),
        ({"smallest": 2.0}, "share of the largest"),
        ({"l1_ratio": 1.5}, "from 0"),
        ({"loss": "no such"}, "unknown loss"),
    ):
        with pytest.raises(lw.UsageError, match=words):
            lw.path(data.X, data.y, **how)


def test_the_grid_below_a_thousandth_is_that_of_a_thousandth():
    data = random_problem(12, 60, 4)
    least = lw.path(data.X, data.y, l1_ratio=1e-3, strengths=7).strengths
    for ratio in (0.0, 1e-5):
        found = lw.path(data.X, data.y, l1_ratio=ratio, strengths=7).strengths
        np.testing.assert_array_equal(found, least)
        chosen = lw.LeastSquaresCV((1e-3, ratio), strengths=7).fit(data.X, data.y).cv_
        np.testing.assert_array_equal(chosen.strengths[0], chosen.strengths[1])
