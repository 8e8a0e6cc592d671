"""Encodings: laws of the round trips, and agreement with pandas and formulaic."""

import datetime as dt
import json
import string
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastwise.encoding import Encoding, Feature
from leastwise.encoding import matrix as matrices
from leastwise.errors import DataError, LeastwiseWarning


def learn(table, categories=()):
    return Encoding.learn(table, table.column_names, targets=["y"], categories=categories)


def encoded(values, kind=None, categories=()):
    """The encoding and the matrix of a single column named a."""
    table = pa.table({"a": pa.array(values, kind)})
    encoding = learn(table, categories)
    return encoding, encoding.transform(table)


FRAME = pd.DataFrame(
    {
        "x": [1.5, 2, 3, 4, 5],
        "sold": [True, False, True, True, False],
        "town": ["b", "c", "a", "b", "é"],
        "zip": [98003, 98001, 98002, 98001, 98003],
    }
)


def test_agrees_with_get_dummies():
    encoding = learn(pa.Table.from_pandas(FRAME), categories=["zip"])
    theirs = pd.get_dummies(
        FRAME, columns=["town", "zip"], drop_first=True, prefix_sep="=", dtype=float
    )
    ours = encoding.transform(pa.Table.from_pandas(FRAME))
    assert list(encoding.columns) == list(theirs.columns)
    np.testing.assert_array_equal(ours, theirs.to_numpy(dtype=float))
    assert ours.dtype == np.float64
    assert ours.flags.c_contiguous


def test_agrees_with_treatment_coding():
    formulaic = pytest.importorskip("formulaic")
    theirs = formulaic.model_matrix("x + C(town) + C(zip)", FRAME).iloc[:, 1:]
    ours = learn(pa.Table.from_pandas(FRAME[["x", "town", "zip"]]), categories=["zip"])
    np.testing.assert_array_equal(
        ours.transform(pa.Table.from_pandas(FRAME)), theirs.to_numpy(dtype=float)
    )


def test_ordered_categoricals_keep_their_order_and_others_are_sorted():
    sizes = ["mid", "low", "high", "low"]
    for ordered, base in ((True, "low"), (False, "high")):
        categories = pd.Categorical(sizes, categories=["low", "mid", "high", "?"], ordered=ordered)
        encoding = learn(pa.Table.from_pandas(pd.DataFrame({"size": categories})))
        assert encoding.features[0].levels[0] == base
        assert "?" not in encoding.features[0].levels
    enum = pl.DataFrame({"size": pl.Series(sizes, dtype=pl.Enum(["mid", "low", "high"]))})
    table = pa.RecordBatchReader.from_stream(enum).read_all()
    assert learn(table).features[0].levels == ("mid", "low", "high")
    categorical = pl.DataFrame({"size": pl.Series(sizes, dtype=pl.Categorical)})
    table = pa.RecordBatchReader.from_stream(categorical).read_all()
    assert learn(table).columns == ("size=low", "size=mid")


DAY = 86_400


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2], pa.int8(), [1, 2]),
        ([1, 2**63], pa.uint64(), [1, 2.0**63]),
        (np.array([0.5, -1.0], np.float16), pa.float16(), [0.5, -1.0]),
        ([Decimal("1.25"), Decimal("-3.50")], pa.decimal128(9, 2), [1.25, -3.5]),
        ([Decimal("1.25"), Decimal("-3.50")], pa.decimal256(50, 2), [1.25, -3.5]),
        ([True, False], pa.bool_(), [1, 0]),
        ([dt.date(1970, 1, 2), dt.date(1969, 12, 31)], pa.date32(), [1, -1]),
        ([dt.date(1970, 1, 2), dt.date(1969, 12, 31)], pa.date64(), [1, -1]),
        ([DAY, -DAY // 2], pa.timestamp("s"), [1, -0.5]),
        ([DAY * 10**9, 0], pa.timestamp("ns"), [1, 0]),
        ([DAY * 1000, 0], pa.timestamp("ms", "Asia/Tokyo"), [1, 0]),
        ([DAY // 4, 0], pa.time32("s"), [0.25, 0]),
        ([DAY * 10**6 // 2, 0], pa.time64("us"), [0.5, 0]),
        ([3 * DAY * 1000, 0], pa.duration("ms"), [3, 0]),
    ],
)
def test_numbers_of_every_kind(values, kind, expected):
    encoding, X = encoded(values, kind)
    assert encoding.columns == ("a",)
    np.testing.assert_array_equal(X[:, 0], expected)


def test_types_that_only_store_differently_agree():
    texts = ["u", "v", "u", "w"]
    _, expected = encoded(texts)
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        np.testing.assert_array_equal(encoded(texts, kind)[1], expected)
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3]), pa.array([5.0, 7.0]))
    np.testing.assert_array_equal(encoded(runs)[1][:, 0], [5, 5, 7])
    eight = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8()))
    np.testing.assert_array_equal(encoded(eight)[1][:, 0], [1, 0])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1], [2]], "nested values"),
        ([{"x": 1}, {"x": 2}], "nested values"),
        ([b"x", b"y"], "bytes"),
        (pa.array([b"x" * 16], pa.binary(16)), "bytes"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "values of type"),
    ],
)
def test_what_is_no_number_is_refused_by_name(values, words):
    with pytest.raises(DataError, match=rf"column 'a' holds {words}.*--exclude a"):
        encoded(values)


def test_notes_say_what_the_names_do_not():
    table = pa.table(
        {
            "n": [1, 2],
            "zip": [98002, 98001],
            "day": [dt.date(2020, 1, 1)] * 2,
            "at": pa.array([0, 1], pa.timestamp("s", "UTC")),
            "clock": pa.array([0, 1], pa.time32("s")),
            "took": pa.array([0, 1], pa.duration("s")),
        }
    )
    assert learn(table, categories=["zip"]).notes() == (
        "zip: 2 levels, base 98001",
        "day: days since 1970-01-01",
        "at: days since 1970-01-01 00:00 UTC",
        "clock: days since midnight",
        "took: days",
    )


def test_names_that_collide_are_made_different():
    table = pa.table({"a": ["A", "b=c"], "a=b": ["A", "c"], "a=b=c (2)": [1, 2]})
    assert learn(table).columns == ("a=b=c", "a=b=c (3)", "a=b=c (2)")


def test_a_number_column_as_category_is_one_column_a_value():
    encoding, X = encoded([98002.0, 98001.0, 98002.0], categories=["a"])
    assert encoding.columns == ("a=98002",)
    np.testing.assert_array_equal(X[:, 0], [1, 0, 1])
    for same in ([98002, 98001, 98002], pa.array([98002, 98001, 98002], pa.uint64())):
        np.testing.assert_array_equal(encoding.transform(pa.table({"a": same})), X)
    assert encoded([0.5, -0.0, 0.0], categories=["a"])[0].columns == ("a=0.5",)
    assert encoded([True, False], categories=["a"])[0].columns == ("a=True",)
    assert encoded([dt.date(2020, 1, 2), dt.date(2020, 1, 1)], categories=["a"])[0].columns == (
        "a=2020-01-02",
    )


def test_times_as_levels_do_not_depend_on_their_unit():
    seconds = pa.array([0, DAY, 0], pa.timestamp("s"))
    encoding, X = encoded(seconds, categories=["a"])
    np.testing.assert_array_equal(
        encoding.transform(pa.table({"a": seconds.cast(pa.timestamp("ns"))})), X
    )


def test_text_levels_match_numbers_that_look_like_them():
    """A CSV whose codes happen to be all digits is read as numbers."""
    encoding, _ = encoded(["1", "2", "A"])
    X = encoding.transform(pa.table({"a": [2, 1]}))
    np.testing.assert_array_equal(X, [[1, 0], [0, 0]])


def test_an_unseen_level_counts_as_the_base_and_is_named():
    encoding, _ = encoded(["u", "v", "w"])
    with pytest.warns(LeastwiseWarning, match=r"'a' has 1 level .*\('z'\) in 2 rows.* base u"):
        X = encoding.transform(pa.table({"a": ["v", "z", "z", "w"]}))
    np.testing.assert_array_equal(X, [[1, 0], [0, 0], [0, 0], [0, 1]])


def test_a_missing_value_makes_its_row_nan():
    table = pa.table({"a": ["u", "v", "u"], "x": [1.0, 2.0, 3.0]})
    encoding = learn(table)
    holes = pa.table({"x": [1.0, None, float("nan"), 4.0], "a": ["v", "u", "u", None]})
    X = encoding.transform(holes)
    np.testing.assert_array_equal(X, [[1, 1]] + [[np.nan] * 2] * 3)
    nothing = pa.table({"x": pa.nulls(2), "a": pa.nulls(2)})
    assert np.isnan(encoding.transform(nothing)).all()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"b": [1.0]}, "no column 'x', which the model needs: the columns are 'b'"),
        ({"X": [1.0]}, "no column 'x', which the model needs: did you mean 'X'?"),
        ({"x": ["oops"]}, r"'x' held numbers when fitted and holds text.*'oops' in data row 1"),
        ({"x": [dt.date(2020, 1, 1)]}, "'x' held numbers when fitted and holds dates"),
        ({"x": [1.0, float("inf")]}, "'x' has an infinite value in data row 2"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(table, words):
    encoding = learn(pa.table({"x": [1.0, 2.0]}))
    with pytest.raises(DataError, match=words):
        encoding.transform(pa.table(table))


def test_a_column_named_twice_is_refused():
    encoding = learn(pa.table({"x": [1.0, 2.0]}))
    twice = pa.table([pa.array([1.0]), pa.array([2.0])], names=["x", "x"])
    with pytest.raises(DataError, match="2 columns named 'x'"):
        encoding.transform(twice)
    twice = pa.table([pa.array([1.0])] * 3, names=["x", "b", "b"])
    assert encoding.transform(twice).shape == (1, 1)


@pytest.mark.parametrize(
    ("fitted", "now", "words"),
    [
        ([True, False], [0, 2], "was true/false when fitted but is 2 in data row 2"),
        (
            pa.array([1, 2], pa.timestamp("s", "UTC")),
            pa.array([1], pa.timestamp("s")),
            "dates here",
        ),
        (pa.array([1, 2], pa.duration("s")), [1], "held durations when fitted and holds numbers"),
    ],
)
def test_another_kind_is_refused(fitted, now, words):
    encoding, _ = encoded(fitted)
    with pytest.raises(DataError, match=words):
        encoding.transform(pa.table({"a": now}))


def test_levels_that_were_numbers_refuse_text():
    encoding, _ = encoded([1, 2], categories=["a"])
    with pytest.raises(DataError, match="held numbers when fitted and holds text"):
        encoding.transform(pa.table({"a": ["one"]}))


def test_booleans_and_their_numbers_agree():
    encoding, X = encoded([True, False, True])
    np.testing.assert_array_equal(encoding.transform(pa.table({"a": [1, 0, 1]})), X)
    encoding, X = encoded([1, 0, 1])
    np.testing.assert_array_equal(encoding.transform(pa.table({"a": [True, False, True]})), X)


def test_too_many_levels_are_refused_and_fewer_are_not():
    names = [f"s{i}" for i in range(2100)]
    with pytest.raises(DataError, match=r"'a' has 2100 different values in 2100 rows.*--exclude a"):
        encoded(names)
    assert len(encoded(names[:1050] * 2)[0].columns) == 1049
    assert len(encoded(names[:900])[0].columns) == 899


def test_sparse_and_dense_are_the_same_matrix(monkeypatch):
    rng = np.random.default_rng(0)
    town = rng.integers(0, 60, 500).astype(str)
    table = pa.table({"x": rng.integers(0, 3, 500), "t": town.tolist(), "z": rng.normal(size=500)})
    encoding = learn(table)
    dense = encoding.transform(table)
    assert isinstance(dense, np.ndarray)
    monkeypatch.setattr(matrices, "SPARSE_FROM_BYTES", 0)
    sparse = encoding.transform(table)
    assert sparse.format == "csr"
    assert sparse.has_canonical_format
    np.testing.assert_array_equal(sparse.toarray(), dense)
    holes = table.set_column(2, "z", pa.array([None, *range(499)], pa.float64()))
    w = rng.normal(size=dense.shape[1])
    sparse = encoding.transform(holes) @ w
    monkeypatch.undo()
    np.testing.assert_allclose(sparse, encoding.transform(holes) @ w, rtol=1e-12)
    assert np.isnan(sparse[0])
    assert np.isfinite(sparse[1:]).all()


KINDS = {
    "whole": st.integers(-(2**53), 2**53),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    "date": st.dates(),
    "time": st.times(),
    "stamp": st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
}


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 12))
    names = draw(
        st.lists(st.text(string.ascii_letters + " =.", min_size=1), min_size=1, unique=True)
    )
    columns, categories = {}, []
    for name in names[:4]:
        kind = draw(st.sampled_from(sorted(KINDS)))
        columns[name] = draw(st.lists(KINDS[kind], min_size=rows, max_size=rows))
        if draw(st.booleans()):
            categories.append(name)
    return pa.table(columns), categories


@given(tables())
def test_json_keeps_an_encoding_exactly(given_table):
    table, categories = given_table
    encoding = learn(table, categories)
    again = Encoding.from_dict(json.loads(json.dumps(encoding.to_dict())))
    assert again == encoding
    assert [list(map(type, f.levels)) for f in again.features] == [
        list(map(type, f.levels)) for f in encoding.features
    ]
    assert again.columns == encoding.columns
    assert len(set(encoding.columns)) == len(encoding.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(again.transform(table), encoding.transform(table))


@given(tables(), st.randoms())
def test_rows_and_columns_may_come_in_any_order(given_table, random):
    table, categories = given_table
    encoding = learn(table, categories)
    rows = random.sample(range(table.num_rows), table.num_rows)
    names = random.sample(table.column_names, table.num_columns)
    X = encoding.transform(table)
    np.testing.assert_array_equal(encoding.transform(table.take(rows).select(names)), X[rows])


@given(tables())
def test_every_row_of_a_category_adds_to_at_most_one(given_table):
    table, _ = given_table
    encoding = learn(table, table.column_names)
    X, start = encoding.transform(table), 0
    for feature in encoding.features:
        part = X[:, start : start + len(feature.levels) - 1]
        assert np.isin(part, [0, 1]).all()
        assert (part.sum(axis=1) <= 1).all()
        assert (part.sum(axis=0) >= 1).all()
        start += part.shape[1]


GOOD = {
    "features": [
        {"name": "x", "kind": "number"},
        {"name": "a", "kind": "category", "levels": ["u", "v"]},
    ],
    "targets": ["y"],
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([], "an object with features and targets was expected"),
        ({"features": []}, "was expected"),
        (GOOD | {"features": []}, "its features are no list"),
        (GOOD | {"targets": [1]}, "its targets are no list"),
        (GOOD | {"targets": []}, "its targets are no list"),
        (GOOD | {"features": GOOD["features"][:1] * 2}, "two of its features have one name"),
        (GOOD | {"features": ["x"]}, "a feature is no object"),
        (GOOD | {"features": [{"name": "x", "kind": "pickle"}]}, "a kind that is not known"),
        (GOOD | {"features": [{"name": "x", "kind": ["number"]}]}, "a kind that is not known"),
        (GOOD | {"features": [{"name": 3, "kind": "number"}]}, "no name"),
        (GOOD | {"features": [{"name": "x", "kind": "number", "rows": [1]}]}, "more than a name"),
        (GOOD | {"features": [{"name": "x", "kind": "category"}]}, "no list of levels"),
    ],
)
def test_what_is_not_an_encoding_is_refused(change, words):
    assert Encoding.from_dict(GOOD).columns == ("x", "a=v")
    with pytest.raises(DataError, match=f"not an encoding that leastwise saved: .*{words}"):
        Encoding.from_dict(change)


@pytest.mark.parametrize(
    "levels", [["a", 1], [None], [[1]], ["a", "a"], [1, 1.0], [True, 1], [float("nan")], [2**70]]
)
def test_levels_that_cannot_be_are_refused(levels):
    saved = {"features": [{"name": "x", "kind": "category", "levels": levels}], "targets": ["y"]}
    with pytest.raises(DataError, match="the levels of 'x'"):
        Encoding.from_dict(saved)


def test_an_encoding_cannot_be_changed():
    feature = Feature("x", "number")
    with pytest.raises(AttributeError):
        feature.name = "z"  # type: ignore[misc]
