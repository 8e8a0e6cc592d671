"""Columns of tables whose texts are ISO dates."""

import pyarrow as pa
import pytest

from leastwise import table


def rows_of(built):
    return pa.table({"area": [70.0, 55.0, 90.0, 61.0], "built": built, "rent": [9, 8, 11, 10]})


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["1970-01-11", "1970-01-01", "1980-01-01", "2000-01-01"], 10.0),
        (["1970-01-11 12:00:00", "1970-01-01 00:00:00"] * 2, 10.5),
        (["1970-01-11T12:00:00Z", "1970-01-01T00:00:00+01:00"] * 2, 10.5),
    ],
    ids=["dates", "times", "zone"],
)
@pytest.mark.parametrize("make", [rows_of, lambda **c: rows_of(**c).to_pandas()])
def test_iso_dates_as_text_are_dates(texts, first, make):
    """As in a CSV file, and when a model that has learned dates is given them as text."""
    rows = table(make(built=texts), target="rent", features=["built", "area"])
    assert rows.columns == ("built", "area")
    assert rows.X[0, 0] == first
    assert rows.encoding.transform(rows_of(built=texts))[0, 0] == first
    levels = table(make(built=texts), target="rent", features=["built"], categories=["built"])
    assert levels.encoding.features[0].kind == "category"


@pytest.mark.parametrize("last", ["2000-02-30", "unknown", "2000-1-1", ""])
def test_texts_that_are_not_all_dates_are_levels(last):
    texts = ["1970-01-11", "1970-01-01", "1980-01-01", last]
    rows = table(rows_of(built=texts), target="rent", features=["built"])
    assert rows.encoding.features[0].kind == "category"
    assert len(rows.encoding.features[0].levels) == 4
