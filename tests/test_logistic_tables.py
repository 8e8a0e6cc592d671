"""Targets of tables that are classes, and such as are not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from leastwise import DataError, LeastSquares, Logistic, load, table

L2 = 0.01


def flowers(target):
    data = load_iris(as_frame=True)
    names = pd.Series(data.target_names[data.target])
    kinds = {
        "text": names,
        "category": names.astype("category"),
        "boolean": names == "setosa",
        "number": data.target,
    }
    return data.data.assign(species=kinds[target])


@pytest.mark.parametrize("target", ["text", "category", "boolean", "number"])
def test_targets_of_tables_become_classes(target, tmp_path):
    frame = flowers(target)
    rows = table(frame, target="species")
    model = Logistic(l2=L2).fit(rows)
    assert model.score(rows) > 0.95
    np.testing.assert_array_equal(model.predict(frame), model.model_.predict(frame))
    assert (model.predict(frame) == frame["species"].to_numpy()).mean() == model.score(rows)
    arrays = Logistic(l2=L2).fit(frame.iloc[:, :4], frame["species"].to_numpy())
    np.testing.assert_allclose(model.coef_, arrays.coef_, atol=1e-8)
    model.save(tmp_path / "m.json")
    assert load(tmp_path / "m.json").predict(frame).tolist() == model.predict(frame).tolist()
    model.report(tmp_path / "m.html", rows)
    assert "ogistic regression" in (tmp_path / "m.html").read_text(encoding="utf-8")


def test_a_missing_value_predicts_no_class():
    frame = flowers("text")
    model = Logistic(l2=L2).fit(table(frame, target="species")).model_
    frame.iloc[0, 0] = np.nan
    assert model.predict(frame)[0] is None
    assert np.isnan(model.probabilities(frame)[0]).all()


def test_losses_for_numbers_refuse_text_and_take_true_and_false():
    with pytest.raises(DataError, match=r"'species' is text or categorical.*lw.Logistic"):
        LeastSquares().fit(table(flowers("text"), target="species"))
    fitted = LeastSquares().fit(table(flowers("boolean"), target="species"))
    assert fitted.coef_.shape == (4,)
    assert "takes 2 whole numbers" in fitted.model_.notes[-1]
    names = pd.DataFrame({"x": range(40), "name": [f"n{i}" for i in range(40)]})
    with pytest.raises(DataError, match="40 different values in 40 rows, too many for classes"):
        table(names, target="name")


def test_few_whole_numbers_bring_a_note():
    X, y = load_iris(return_X_y=True)
    notes = LeastSquares().fit(X, y).model_.notes
    assert notes == (
        "the target y takes 3 whole numbers and nothing between: if they name classes, fit their "
        "probabilities with lw.Logistic (--loss logistic)",
    )
    assert LeastSquares().fit(X, y + 0.5 * (np.arange(150) == 149)).model_.notes == ()
    assert LeastSquares().fit(X, np.arange(150)).model_.notes == ()


def test_a_table_is_predicted_from_where_it_is_encoded_as_the_fit():
    frame = pd.DataFrame({"a": np.arange(12.0), "town": ["x", "y", "z"] * 4})
    frame["y"] = frame["a"] + (frame["town"] == "z")
    rows = table(frame, target="y")
    model = LeastSquares().fit(rows)
    same = model.predict(frame)
    for predict in (model.predict, model.model_.predict):
        np.testing.assert_array_equal(predict(rows), same)
    sold = table(frame.assign(kind=["no", "yes"] * 6), target="kind", exclude="y")
    classes = Logistic(l2=L2).fit(sold)
    assert (classes.predict(sold) == classes.predict(frame)).all()
    np.testing.assert_array_equal(classes.predict_proba(sold), classes.predict_proba(frame))
    for other in (frame.replace({"x": "w"}), frame[["town", "a", "y"]], frame.assign(a="b")):
        for asked in (model.predict, model.score, model.model_.predict):
            with pytest.raises(DataError, match="columns are others than the fit's, or encoded"):
                asked(table(other, target="y"))
