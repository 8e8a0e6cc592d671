"""Several quantiles at once: as fits alone, in one file, and kept from crossing."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import leastwise
from cli_cases import lw  # noqa: F401 (a fixture)
from leastwise import Quantile, load
from leastwise.errors import DataError, LeastwiseWarning

X, Y = load_diabetes(return_X_y=True)
Q = [0.9, 0.1, 0.5, 0.25]  # in no order
# Two exact vertices: the rounding of a product and a solve.
SAME = 1e-9
CROSSING = pytest.mark.filterwarnings("ignore:the quantiles cross")


@CROSSING
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_several_are_the_fits_of_each_with_their_errors(l1, weighted):
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((900, 5)) + 3.0, rng.standard_t(3, 900)
    y += rows @ [1.0, -2.0, 0.0, 0.5, 0.0]
    weight = rng.integers(0, 4, 900).astype(float) if weighted else None
    several = Quantile(Q, 0.02 * l1).fit(rows, y, weight)
    for q, one in zip(Q, several.models_, strict=True):
        alone = Quantile(q, 0.02 * l1).fit(rows, y, weight).model_
        np.testing.assert_allclose(one.coef, alone.coef, rtol=SAME, atol=SAME)
        np.testing.assert_allclose(one.intercept, alone.intercept, rtol=SAME, atol=SAME)
        assert one.fit.certificate.converged
        assert one.fit.certificate.primal == pytest.approx(alone.fit.certificate.primal, rel=SAME)
        assert one.explained == pytest.approx(alone.explained, rel=SAME)
        assert one.fit.value == pytest.approx(alone.fit.value, rel=SAME)
        mine, theirs = one.inference[0], alone.inference[0]
        assert (mine.why is None) == (theirs.why is None) == (l1 == 0.0)
        if mine.error is not None:
            np.testing.assert_allclose(mine.error, theirs.error, rtol=1e-8)


@CROSSING
def test_excluded_columns_stay_out_of_all():
    factors = np.ones(10)
    factors[[2, 3]] = np.inf
    model = Quantile(Q, factors=factors).fit(X, Y)
    assert (model.coef_[:, [2, 3]] == 0.0).all()
    assert (model.coef_[:, [0, 1]] != 0.0).all()


def test_a_ridge_and_a_constant_target_are_fitted_one_by_one():
    ridge = Quantile([0.4, 0.6], l2=0.01).fit(X, Y)
    np.testing.assert_allclose(ridge.coef_[0], Quantile(0.4, l2=0.01).fit(X, Y).coef_, rtol=1e-6)
    with pytest.warns(LeastwiseWarning, match="the target y is constant"):
        flat = Quantile([0.4, 0.6]).fit(X, np.full(442, 3.0))
    assert (flat.predict(X) == 3.0).all()


@CROSSING
def test_all_are_saved_in_one_file(tmp_path):
    model = Quantile(Q, l1=0.1).fit(X, Y)
    model.save(tmp_path / "all.json")
    back = load(tmp_path / "all.json")
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert back.q == Q
    assert back.l1 == 0.1
    assert back.crossings_ == model.crossings_
    assert [one.fit.certificate for one in back.models_] == [
        one.fit.certificate for one in model.models_
    ]


@CROSSING
def test_predict_gives_a_column_a_quantile(tmp_path, lw):  # noqa: F811
    table = {"a": X[:, 2], "b": X[:, 8], "y": Y}
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as held:
        writer = csv.writer(held)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    model = Quantile(Q).fit(leastwise.table(path, target="y"))
    model.save(tmp_path / "all.json")
    code, out, err = lw("predict", str(tmp_path / "all.json"), str(path))
    assert code == 0
    head, *rows = csv.reader(out.splitlines())
    assert head == ["y_q0.9", "y_q0.1", "y_q0.5", "y_q0.25"]
    np.testing.assert_allclose(np.array(rows, float), model.predict(path), rtol=1e-15)
    assert "442 rows predicted (y, 4 quantiles)" in err
    assert "quantile(0.1): D2 of y" in err


@CROSSING
def test_files_of_quantiles_are_not_believed(tmp_path):
    model = Quantile(Q).fit(X, Y)
    path = tmp_path / "all.json"
    model.save(path)
    content = json.loads(path.read_text())
    for change, words in (
        ({"format": "other"}, 'there is no "format"'),
        ({"version": 2}, "a later version"),
        ({"models": content["models"][:1]}, "not a list of two or more"),
        ({"models": content["models"][:1] * 2}, "not different quantiles"),
        ({"crossings": -1}, "a whole number"),
    ):
        path.write_text(json.dumps(content | change))
        with pytest.raises(DataError, match=words):
            load(path)
