"""The saved model: what it keeps, that it comes back the same, and what it refuses."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leastwise.errors import DataError
from leastwise.model import Model, fit_source, r_squared
from leastwise.model.saved import MOST_RECORDS, to_json
from leastwise.solvers import GradientDescent
from leastwise.sources import MemorySource
from leastwise.sources.new_rows import linear
from leastwise.sources.table import table

# JSON keeps every bit of a float64; what is left is the order of sums in a product of other shape.
SAME = 1e-12

TOWNS = ("Ulm", "Bonn", "Kiel")


def arrays(n: int = 60, p: int = 4, k: int = 1) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) * 10.0 ** np.arange(p)
    return X, X @ rng.normal(size=(p, k)) + rng.normal(size=(n, k)) + 3


def frame(n: int = 60) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    area = rng.uniform(40, 200, n)
    town = np.array(TOWNS)[rng.integers(0, 3, n)]
    rent = 11.7 * area + 90.3 * (town == "Ulm") + rng.normal(size=n)
    days = np.datetime64("2020-01-01") + rng.integers(0, 900, n)
    return {"area": area, "town": town, "sold": days, "rent": rent}


def of_table(**options: Any) -> Model:
    return fit_source(table(frame(), target="rent"), **options)


def two_targets() -> Model:
    X, y = arrays(k=2)
    return fit_source(MemorySource(X, y, np.arange(60.0), targets=("a", "b")))


def constant_target() -> Model:
    X, _ = arrays()
    return fit_source(MemorySource(X, np.full(60, 5.0)))


def twins() -> Model:
    X, y = arrays()
    return fit_source(MemorySource(np.hstack([X, X[:, :1]]), y))


def diverged() -> Model:
    X, y = arrays()
    solver = GradientDescent(step=1e3, check_step=False)
    return fit_source(MemorySource(X, y), solver=solver, max_iter=50)


def long() -> Model:
    X, y = arrays()
    return fit_source(MemorySource(X, y), solver="gradient-descent", max_iter=900)


MODELS = {
    "table": of_table,
    "lasso": lambda: of_table(l1=5.0, l2=0.1),
    "no intercept": lambda: of_table(intercept=False),
    "factors": lambda: of_table(l2=1.0, factors=np.array([0.0, 1.0, 2.0, 1.0])),
    "two targets": two_targets,
    "constant target": constant_target,
    "twin columns": twins,
    "diverged": diverged,
    "long history": long,
}


@pytest.mark.parametrize("name", MODELS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    model.save(tmp_path / "model.json")
    loaded = Model.load(tmp_path / "model.json")
    assert to_json(loaded) == to_json(model)
    new = arrays(n=500, p=len(model.columns))[0]
    before, after = model.predict(new), loaded.predict(new)
    assert before.shape == ((500,) if len(model.targets) == 1 else (500, len(model.targets)))
    np.testing.assert_allclose(after, before, rtol=SAME)
    np.testing.assert_array_equal(loaded.coef, model.coef)
    assert loaded.equation() == model.equation()
    assert loaded.objective_words() == model.objective_words()
    assert len(loaded.inference) == len(model.targets)


def test_strict_json() -> None:
    for make in MODELS.values():
        json.loads(to_json(make()), parse_constant=pytest.fail)


def test_history_is_thinned() -> None:
    model = long()
    assert len(model.fit.history) > MOST_RECORDS
    saved = model.to_dict()["history"]
    assert len(saved) == MOST_RECORDS
    ends = [model.fit.history[0].iteration, model.fit.history[-1].iteration]
    assert [saved[0]["iteration"], saved[-1]["iteration"]] == ends


def test_no_row_is_kept() -> None:
    data = frame()
    model = fit_source(table(data, target="rent"))
    text = to_json(model)
    for name in ("area", "rent"):
        assert not any(repr(value) in text for value in data[name].tolist())
    X, y = arrays(n=5000)
    model = fit_source(MemorySource(X, y))
    assert len(pickle.dumps(model)) < 20_000
    assert len(pickle.dumps(model.inferred)) < 20_000  # what inference needs is sums
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.inference[0].error, model.inference[0].error)


def test_r2_agrees_with_inference_and_rows() -> None:
    X, y = arrays(k=2)
    weight = np.arange(60.0)
    model = fit_source(MemorySource(X, y, weight))
    direct = r_squared(y, linear(X, model.coef, model.intercept), weight)
    np.testing.assert_allclose(model.explained, direct, rtol=1e-12)
    np.testing.assert_allclose(model.explained, [part.r2 for part in model.inference], rtol=1e-12)


def test_constant_target_is_a_note() -> None:
    model = constant_target()
    assert model.fit.certificate.relative_gap == 0.0
    assert np.isnan(model.explained[0])
    assert any("is constant (5)" in note for note in model.fit.notes)
    np.testing.assert_allclose(model.predict(arrays()[0]), 5.0, rtol=1e-15)


@pytest.mark.parametrize("kind", ["dict", "pandas", "polars", "pyarrow", "csv", "encoded", "csr"])
def test_predict_takes(kind: str, tmp_path: Path) -> None:
    data, rows = frame(), table(frame(), target="rent")
    model = fit_source(rows)
    given: Any = {name: data[name] for name in ("town", "sold", "area")}  # any order
    if kind in ("pandas", "polars"):
        given = pytest.importorskip(kind).DataFrame(given)
    elif kind in ("pyarrow", "csv"):
        import pyarrow as pa
        from pyarrow import csv

        given = pa.table(given)
        if kind == "csv":
            csv.write_csv(given, tmp_path / "new.csv")
            given = tmp_path / "new.csv"
    elif kind == "encoded":
        given = rows.X
    elif kind == "csr":
        from scipy.sparse import csr_array

        given = csr_array(rows.X)
    expected = rows.X @ model.coef[0] + model.intercept[0]
    np.testing.assert_allclose(model.predict(given), expected, rtol=SAME)


def test_predict_without_encoding_finds_columns_by_name() -> None:
    X, y = arrays()
    model = fit_source(MemorySource(X, y, columns=("a", "b", "c", "d")))
    new = {name: X[:, j] for j, name in reversed(list(enumerate("abcd")))}
    np.testing.assert_allclose(model.predict(new), model.predict(X), rtol=SAME)
    with pytest.raises(DataError, match="no column 'c', which the model needs"):
        model.predict({name: new[name] for name in "abd"})


def test_missing_values_predict_nan() -> None:
    data = frame()
    model = of_table()
    data["area"][3] = np.nan
    data["town"] = data["town"].astype(object)
    data["town"][7] = None
    assert np.flatnonzero(np.isnan(model.predict(data))).tolist() == [3, 7]


def test_predict_refuses() -> None:
    model = of_table()
    with pytest.raises(DataError, match="must have 4 columns, not 3 x 2"):
        model.predict(np.ones((3, 2)))
    with pytest.raises(DataError, match="must have 4 columns, not 4"):
        model.predict(np.ones(4))
    with pytest.raises(DataError, match="must hold numbers, not <U1"):
        model.predict([["a", "b", "c", "d"]])


def test_large_arrays_are_predicted_in_batches() -> None:
    X, y = arrays()
    model = fit_source(MemorySource(X, y))
    wide = np.repeat(X, 6000, axis=0)
    np.testing.assert_allclose(model.predict(wide), np.repeat(model.predict(X), 6000), rtol=SAME)
    assert model.predict(X[:0]).shape == (0,)


def test_equation_says_what_was_minimised() -> None:
    model = of_table(l1=0.1, l2=2.0)
    assert model.equation() == (
        "minimise over b, w: (1/n) sum_i 1/2 (y_i - b - x_i·w)^2 + 0.1 sum_j |w_j| "
        "+ 2/2 sum_j w_j^2"
    )
    assert "over w: (1/n) sum_i 1/2 (y_i - x_i·w)^2" in of_table(intercept=False).equation()
    assert "f_j w_j^2" in MODELS["factors"]().equation()
    assert "(1/sum_i s_i) sum_i s_i/2" in two_targets().equation()
    assert two_targets().objective_words().startswith("The weighted mean of half")


def test_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.json"

    def refused(content: bytes, match: str) -> None:
        path.write_bytes(content)
        with pytest.raises(DataError, match=match) as caught:
            Model.load(path)
        assert "model.json" in str(caught.value)
        assert "\n" not in str(caught.value)

    refused(b"", "is empty")
    refused(b"a,b\n1,2\n", "no JSON object")
    refused(b"\x80\x04\x95pickle", "it is no text")
    refused(b"[1, 2]", 'there is no "format"')
    refused(b'{"format": "other"}', 'there is no "format": "leastwise-model"')
    refused(b'{"a": NaN}', "NaN, which JSON does not have")
    refused(b'{"a": ' + b"[" * 100_000, "not a leastwise model|cut or damaged")
    refused(b'{"a": ' + b"9" * 5000 + b"}", "not a leastwise model")
    whole = to_json(of_table()).encode()
    for share in (0.05, 0.5, 0.99):
        refused(whole[: int(share * len(whole))], "is cut or damaged")
    saved = of_table().to_dict()
    refused(
        json.dumps(saved | {"version": 1}).encode(),
        "version 1 of the format.* reads versions 2 and 3",
    )
    with pytest.raises(DataError, match="does not exist"):
        Model.load(tmp_path / "none.json")
    with pytest.raises(DataError, match="is a folder"):
        Model.load(tmp_path)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value; of a list only its first entry."""
    found = [here] if here else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths(inner, (*here, key))
    elif isinstance(value, list) and value:
        found += paths(value[0], (*here, 0))
    return found


@pytest.mark.parametrize("wrong", [None, "x", -1, 1.5, True, [], {}, [[]], {"a": 1}, 10**30])
def test_damaged_values_raise_nothing_but_data_errors(wrong: Any) -> None:
    text = to_json(of_table(l2=0.5, factors=np.ones(4)))
    refused = 0
    for path in paths(json.loads(text)):
        saved = json.loads(text)
        place = saved
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong
        try:
            loaded = Model.from_dict(saved)
        except DataError:
            refused += 1
        else:
            to_json(loaded)
            loaded.predict(np.ones((2, 4)))
    assert refused > 40


def test_missing_values_in_the_file_are_named() -> None:
    saved = of_table().to_dict()
    for name in saved:
        part = {key: value for key, value in saved.items() if key != name}
        with pytest.raises(DataError, match=name):
            Model.from_dict(part)


def test_wrong_shapes_are_named() -> None:
    saved = of_table().to_dict()
    cases = {
        "1 x 4 numbers": {"coef": [[1.0, 2.0, 3.0]]},
        "other columns than its coefficients": {"columns": ["a", "b", "c", "d"]},
        "different names": {"columns": ["a", "a", "c", "d"]},
        "'intercept' of the model is not 1 numbers": {"intercept": [1.0, 2.0]},
        "'l1' of the model is not a number of at least 0": {"l1": "nan"},
        "coefficient tables": {"inference": []},
    }
    for match, change in cases.items():
        with pytest.raises(DataError, match=match):
            Model.from_dict(saved | change)


def test_files_of_the_version_before_still_load() -> None:
    model = fit_source(MemorySource(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 6.0]))
    saved = model.to_dict()
    for name in ("settings", "accuracy", "classes"):
        del saved[name]
    saved |= {"version": 2, "r2": saved.pop("explained")}
    for part in saved["inference"]:
        del part["statistic"], part["covariance"]
    again = Model.from_dict(saved)
    assert again.explained == model.explained
    np.testing.assert_array_equal(again.coef, model.coef)
