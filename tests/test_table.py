"""Tables: the same rows from every frame, what is found in them, and the words of a refusal."""

import datetime as dt
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastwise import LeastSquares, sources
from leastwise.errors import DataError, LeastwiseError, UsageError
from leastwise.sources.findings import identifier
from leastwise.sources.table import Table, read_arrow, table

HOUSES = Path(sources.__file__).parents[1] / "data" / "house_prices.parquet"
ROWS = {
    "area": [70.0, 55.0, 90.0, 61.0],
    "town": ["Ulm", "Bonn", "Ulm", "Kiel"],
    "new": [True, False, False, True],
    "built": [dt.date(1970, 1, 11), dt.date(1970, 1, 1), dt.date(1980, 1, 1), dt.date(2000, 1, 1)],
    "rent": [9, 8, 11, 10],
}


def changed(**columns):
    return pa.table(ROWS | columns)


def write(path, rows, names="area,town,rent"):
    path.write_text("\n".join([names, *rows]) + "\n")
    return path


def test_a_table_is_what_its_columns_say():
    rows = table(pa.table(ROWS), target="rent")
    assert rows.columns == ("area", "town=Kiel", "town=Ulm", "new", "built")
    assert rows.targets == ("rent",)
    np.testing.assert_array_equal(rows.X[0], [70, 0, 1, 1, 10])
    np.testing.assert_array_equal(rows.y, [[9], [8], [11], [10]])
    assert (rows.rows, rows.rows_read, rows.rows_dropped, rows.missing) == (4, 4, 0, {})
    assert rows.weight is None
    assert rows.notes == ("town: 3 levels, base Bonn", "built: days since 1970-01-01")


@pytest.mark.parametrize("kind", ["pandas", "arrow-backed pandas", "polars", "csv", "parquet"])
def test_every_kind_of_frame_gives_the_same_matrix(kind, tmp_path):
    arrow = changed(area=[70.0, None, 90.0, 61.0])
    frame = arrow.to_pandas()
    given_frame = {
        "pandas": lambda: frame,
        "arrow-backed pandas": lambda: frame.convert_dtypes(dtype_backend="pyarrow"),
        "polars": lambda: pl.from_arrow(arrow),
        "csv": lambda: (frame.to_csv(tmp_path / "t.csv", index=False), tmp_path / "t.csv")[1],
        "parquet": lambda: (frame.to_parquet(tmp_path / "t.parquet"), tmp_path / "t.parquet")[1],
    }[kind]()
    ours, expected = table(given_frame, target="rent"), table(arrow, target="rent")
    np.testing.assert_array_equal(ours.X, expected.X)
    assert ours.encoding == expected.encoding
    assert ours.missing == {"area": 1}
    assert ours.notes == expected.notes


def test_categoricals_of_pandas_and_polars_agree():
    for dtype in (pl.Categorical, pl.Enum(["Kiel", "Ulm", "Bonn"])):
        frame = pl.DataFrame(ROWS).with_columns(pl.col("town").cast(dtype))
        ours, theirs = table(frame, target="rent"), table(frame.to_pandas(), target="rent")
        assert ours.columns == theirs.columns or dtype == pl.Categorical
        assert sorted(ours.columns) == sorted(theirs.columns)


def test_columns_are_chosen_in_the_order_asked_for():
    assert table(ROWS, target="rent", features=["new", "rent", "area"]).columns == ("new", "area")
    assert table(ROWS, target="rent", features="area").columns == ("area",)
    assert table(ROWS, target="rent", exclude=["town", "built"]).columns == ("area", "new")
    assert table(ROWS, target=["rent", "area"], features=["new"]).targets == ("rent", "area")
    assert table(ROWS, target="new", features=["area"]).y[:, 0].tolist() == [1, 0, 0, 1]
    weighted = table(ROWS, target="rent", weight="area", exclude=["town", "built"])
    assert weighted.columns == ("new",)
    np.testing.assert_array_equal(weighted.weight, ROWS["area"])
    both = table(ROWS, target="rent", weight="area", features=["area"])
    assert both.columns == ("area",)


def test_columns_that_pandas_names_by_numbers():
    frame = pd.DataFrame(np.arange(9.0).reshape(3, 3))
    assert table(frame, target=2).columns == ("0", "1")
    assert table(frame, target=2, weight=1).columns == ("0",)


def test_rows_taken_keep_the_encoding():
    rows = table(ROWS, target="rent", weight="area", exclude="built")
    part = rows.take(np.array([2, 0]))
    assert isinstance(part, Table)
    assert part.encoding is rows.encoding
    assert part.notes == rows.notes
    np.testing.assert_array_equal(part.X, rows.X[[2, 0]])
    np.testing.assert_array_equal(part.weight, [90, 70])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(part)).X, part.X)


def test_rows_with_missing_values_are_left_out_and_counted():
    holes = changed(
        area=[70.0, None, float("nan"), 61.0],
        town=["Ulm", None, "Ulm", "Kiel"],
        rent=pa.array([9, 8, 11, 10]),
    ).append_column("unused", pa.nulls(4))
    rows = table(holes, target="rent", exclude="unused")
    assert (rows.rows, rows.rows_read, rows.rows_dropped) == (2, 4, 2)
    assert rows.missing == {"area": 2, "town": 1}
    assert rows.notes[0] == "2 of 4 rows left out for missing values (area 2, town 1)"
    np.testing.assert_array_equal(rows.y[:, 0], [9, 10])
    with pytest.raises(
        DataError, match=r"missing in 2 of 4 rows \(area 2, town 1\), first in data row 2"
    ):
        table(holes, target="rent", exclude="unused", missing="error")
    assert table(ROWS, target="rent", missing="error").rows == 4


def test_missing_targets_and_weights_count_too():
    holes = changed(rent=[None, 8, 11, 10], w=[1.0, 1.0, None, 1.0])
    rows = table(holes, target="rent", weight="w")
    assert rows.missing == {"rent": 1, "w": 1}
    np.testing.assert_array_equal(rows.y[:, 0], [8, 10])


@given(
    st.lists(st.tuples(st.floats(width=32) | st.none(), st.sampled_from(["u", "v", None]))),
    st.integers(2, 5),
)
def test_the_training_matrix_is_what_transform_gives(rows, extra):
    rows = [(1.5, "u"), (2.5, "w")] * extra + rows
    area, town = (list(column) for column in zip(*rows, strict=True))
    frame = pa.table({"area": area, "town": town, "y": np.arange(len(rows))})
    finite = frame.filter(pa.array([a is None or not np.isinf(a) for a in area]))
    trained = table(finite, target="y")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X = trained.encoding.transform(finite)
    complete = ~np.isnan(X).any(axis=1)
    np.testing.assert_array_equal(trained.X, X[complete])
    assert complete.sum() == trained.rows == trained.rows_read - trained.rows_dropped
    assert sum(trained.missing.values()) >= trained.rows_dropped


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("n/k", r"column 'area' is a number in 4 rows but text in 1, first 'n/k' in data row 3.*"
                r"--category area.*--exclude area"),
        ("61 m2", "first '61 m2' in data row 3"),
        ('"1,200"', r"looks like numbers with thousands separators \(such as '1,200'\)"),
        ('"61,5"', r"looks like numbers with a decimal comma \(such as '61,5'\)"),
        ("$61", r"looks like amounts with a currency sign \(such as '\$61'\)"),
        ("61 €", "looks like amounts with a currency sign"),
        ("61%", r"looks like percentages \(such as '61%'\)"),
    ],
)  # fmt: skip
def test_text_in_a_number_column_is_named_with_its_row(tmp_path, bad, words):
    path = write(
        tmp_path / "t.csv", ["70,u,1", ",v,2", f"{bad},u,3", "3,w,2", "1e3,u,1", "-.5,u,2"]
    )
    with pytest.raises(DataError, match=words):
        table(path, target="rent")
    assert table(path, target="rent", exclude="area").rows == 6
    assert table(path, target="rent", categories="area").rows == 5
    with pytest.raises(
        DataError, match=words.partition(".*")[0].replace("column 'area'", "'area'")
    ):
        table(path, target="area")


@pytest.mark.parametrize("place", [0, 150_000, 299_999])
def test_text_far_down_a_long_file_is_found(tmp_path, place):
    rows = [f"{i % 91},u,{i}" for i in range(300_000)]
    rows[place] = "oops,u,3"
    path = write(tmp_path / "t.csv", rows)
    with pytest.raises(DataError, match=f"'oops' in data row {place + 1}:"):
        table(path, target="rent")


def test_decimal_commas_throughout(tmp_path):
    path = write(tmp_path / "t.csv", ["70,5;u;1", "61,25;v;2"], names="area;town;rent")
    with pytest.raises(DataError, match=r"decimal comma \(such as '70,5'\)"):
        table(path, target="rent")


def test_codes_that_are_mostly_text_are_a_category():
    frame = {"flat": ["1A", "2", "2B", "3C", "1A"], "y": [1, 2, 3, 4, 5]}
    assert table(frame, target="y").columns == ("flat=2", "flat=2B", "flat=3C")
    digits = {"flat": ["01", "02", "01"], "y": [1, 2, 3]}
    assert table(digits, target="y").columns == ("flat=02",)


NONE = [None] * 4


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        (ROWS, {"target": "Rent"}, "no column 'Rent', which was named as a target: did.*'rent'"),
        (ROWS, {"target": "cost"}, "no column 'cost'.*the columns are 'area', 'town'"),
        (ROWS, {"target": "rent", "features": ["aera"]}, "named as a feature: did you mean 'area'"),
        (ROWS, {"target": "rent", "exclude": ["x"]}, "no column 'x', which was to be excluded"),
        (ROWS, {"target": "rent", "categories": ["x"]}, "'x', which was named as a category"),
        (ROWS, {"target": "rent", "weight": "x"}, "'x', which was named as the weight"),
        (ROWS, {"target": ["town", "rent"]}, "'town' is text with 3 .* a single target may"),
        (ROWS, {"target": "built"}, "the target 'built' is a date: it must be a number"),
        (ROWS, {"target": "rent", "weight": "town"}, "the weight 'town' is text with 3"),
        (ROWS, {"target": "rent", "features": ["rent"]}, "no column is left to predict from"),
        ({"rent": [1, 2]}, {"target": "rent"}, "no column is left to predict from"),
        ({"rent": [1, 2], "a": ["u", "u"]}, {"target": "rent"}, "'a' has a single value"),
        ({"rent": [1], "a": [2]}, {"target": "rent"}, "too few rows: 1 complete of 1"),
        (changed(area=[70.0, None, None, None]), {"target": "rent"}, "1 complete of 4, and"),
        (
            changed(area=[1.0, float("inf"), 2.0, -float("inf")]),
            {"target": "rent"},
            r"column 'area' has an infinite value in data row 2 \(2 in all\)",
        ),
        (
            changed(rent=[None, 1.0, float("-inf"), 2.0]),
            {"target": "rent"},
            "column 'rent' has an infinite value in data row 3",
        ),
        (
            changed(area=pa.array(NONE, pa.float64())),
            {"target": "rent"},
            r"all rows have a missing value, since 'area' has no value at all.*--exclude area",
        ),
        (
            changed(area=NONE, town=NONE),
            {"target": "rent"},
            r"since 'area', 'town' have no value at all.*--exclude area --exclude town",
        ),
        (changed(rent=NONE), {"target": "rent"}, "since 'rent' has no value.*name another column"),
        (
            changed(area=[1.0, None, 1.0, None], town=[None, "u", None, "v"]),
            {"target": "rent"},
            r"all 4 rows have a missing value \(area 2, town 2\)",
        ),
        (
            changed(w=[None, 1.0, -2.0, 1.0]),
            {"target": "rent", "weight": "w"},
            r"the weight 'w' is negative \(-2\) in data row 3",
        ),
        (changed(w=[0, 0, 0, 0]), {"target": "rent", "weight": "w"}, "'w' is 0 in every row"),
        (changed(a=[[1]] * 4), {"target": "rent"}, "column 'a' holds nested values.*--exclude a"),
        (changed(a=[b"x"] * 4), {"target": "rent"}, "column 'a' holds bytes.*--exclude a"),
        (
            {"rent": [1.0, 2.0], "a": np.ones(2) + 1j},
            {"target": "rent"},
            "column 'a' holds complex numbers",
        ),
    ],
)  # fmt: skip
def test_bad_data_is_named(frame, options, words):
    with pytest.raises(DataError, match=words) as caught:
        table(frame, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "name the column to predict"),
        ({"target": None}, "name the column to predict"),
        ({"target": ()}, "name the column to predict"),
        ({"target": "rent", "weight": "rent"}, "both the target and the weight"),
        ({"target": "rent", "exclude": "rent"}, "both the target and excluded"),
        ({"target": "rent", "categories": "rent"}, "both the target and a category"),
        ({"target": "rent", "features": "area", "exclude": "area"}, "a feature and excluded"),
        ({"target": "rent", "exclude": "town", "categories": "town"}, "excluded and a category"),
        (
            {"target": "rent", "features": "area", "categories": "town"},
            "'town' was named as a category and is not among the features",
        ),
        ({"target": "rent", "missing": "mean"}, "missing is 'mean': say 'drop' or 'error'"),
    ],
)
def test_bad_calls_are_named(options, words):
    with pytest.raises(UsageError, match=words):
        table(ROWS, **options)


def test_a_categorical_target_is_of_classes():
    frame = pd.DataFrame({"a": [1, 2, 3], "y": pd.Categorical([1, 2, 1])})
    rows = table(frame, target="y")
    assert rows.classes is not None
    assert rows.classes.labels == (1, 2)
    with pytest.raises(DataError, match="the target 'y' is"):
        LeastSquares().fit(rows)


def test_rows_of_weight_zero_stay():
    rows = table(changed(w=[0.0, 1.0, 0.0, 2.0]), target="rent", weight="w")
    assert rows.rows == 4


def test_a_constant_target_is_no_error():
    assert table(changed(rent=[3, 3, 3, 3]), target="rent").rows == 4


def test_a_single_value_is_noted():
    rows = table(changed(area=[2.5] * 4, town=["Ulm"] * 4, new=[False] * 4), target="rent")
    assert rows.columns == ("area", "new", "built")
    assert rows.notes[:3] == (
        "area has the single value 2.5: its coefficient is 0",
        "town has the single value Ulm: it adds no column",
        "new has the single value 0: its coefficient is 0",
    )


def test_texts_that_mostly_differ_are_noted_then_refused():
    names = [f"s{i % 60}" for i in range(100)]
    rows = table({"s": names, "y": range(100)}, target="y")
    assert rows.notes[0].startswith("s has 60 different values in 100 rows: it looks like an ident")
    names = [f"s{i}" for i in range(1500)]
    with pytest.raises(DataError, match=r"'s' has 1500 different values in 1500 rows.*--exclude s"):
        table({"s": names, "y": list(range(1500))}, target="y")


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "values", "flagged"),
    [
        ("anything", np.arange(1, 501), True),
        ("anything", RNG.permutation(500), True),
        ("customerID", RNG.choice(10**6, 500, replace=False), True),
        ("parcel", 10**9 + RNG.choice(10**8, 500, replace=False), True),
        ("id", np.r_[RNG.choice(10**6, 490, replace=False), np.arange(10)], True),
        ("year", np.arange(1, 501), False),
        ("year", np.arange(1947, 2020), False),
        ("calendar", np.arange(1947, 2020), False),
        ("timestamp", 1_600_000_000 + np.arange(500) * 86_400, False),
        ("sqft_lot", RNG.lognormal(9, 1, 500).round(), False),
        ("population", RNG.lognormal(12, 2, 500).round(), False),
        ("id", RNG.integers(0, 20, 500), False),
        ("zip_code", RNG.integers(98000, 98200, 500), False),
        ("id", RNG.normal(size=500), False),
        ("id", np.arange(5), False),
        ("id", np.arange(20), True),
        ("x", np.arange(20), False),
    ],
)
def test_identifiers_are_told_from_measurements(name, values, flagged):
    assert (identifier(name, np.asarray(values, dtype=float)) is not None) is flagged


def test_wide_one_hot_columns_are_sparse():
    rng = np.random.default_rng(0)
    n = 20_000
    town = rng.integers(0, 900, n)
    rows = table({"t": town, "x": rng.normal(size=n), "y": town}, target="y", categories="t")
    assert rows.sparse
    assert rows.X.nnz == n + np.count_nonzero(town)
    assert rows.take(np.arange(10)).X.shape == rows.X[:10].shape


def test_house_prices():
    rows = table(HOUSES, target="price", categories=["zipcode"])
    assert (rows.rows, rows.rows_dropped, len(rows.columns)) == (21_613, 0, 88)
    flagged = [note for note in rows.notes if "identifier" in note]
    assert len(flagged) == 1
    assert flagged[0].startswith("id looks like an identifier (21436 of 21613 values differ)")
    assert "zipcode: 70 levels, base 98001" in rows.notes
    theirs = pd.get_dummies(
        pd.read_parquet(HOUSES).drop(columns=["price", "date"]), columns=["zipcode"],
        drop_first=True, prefix_sep="=", dtype=float,
    )  # fmt: skip
    ours = table(HOUSES, target="price", categories="zipcode", exclude="date")
    assert list(ours.columns) == sorted(theirs.columns, key=ours.columns.index)
    np.testing.assert_array_equal(ours.X, theirs[list(ours.columns)].to_numpy(dtype=float))


def test_nothing_but_ours_is_raised_for_odd_columns():
    """Every Arrow type that a frame can hold is encoded or refused in words."""
    kinds = [
        pa.int8(), pa.uint64(), pa.float16(), pa.decimal128(5, 2), pa.decimal256(40, 3), pa.bool_(),
        pa.string(), pa.string_view(), pa.large_string(), pa.binary(), pa.binary_view(),
        pa.large_binary(), pa.binary(3), pa.date32(), pa.date64(), pa.timestamp("ns", "UTC"),
        pa.time32("ms"), pa.time64("ns"), pa.duration("us"), pa.month_day_nano_interval(),
        pa.list_(pa.int8()), pa.struct([("a", pa.int8())]), pa.map_(pa.string(), pa.int8()),
        pa.null(), pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int8(), pa.int64()),
        pa.dictionary(pa.int8(), pa.binary()), pa.dictionary(pa.int8(), pa.string_view()),
        pa.list_view(pa.int8()), pa.run_end_encoded(pa.int32(), pa.string()), pa.uuid(),
        pa.dictionary(pa.int8(), pa.date32()), pa.dictionary(pa.int8(), pa.float64()),
    ]  # fmt: skip
    for kind in kinds:
        frame = pa.table({"a": pa.nulls(3, kind), "b": [1, 2, 3], "y": [1, 2, 3]})
        for categories in ((), ("a",)):
            with pytest.raises(LeastwiseError, match=r"'a' (holds|has no value at all)"):
                table(frame, target="y", categories=categories)


def test_read_arrow_is_the_same_reader():
    assert read_arrow(ROWS).column_names == list(ROWS)
