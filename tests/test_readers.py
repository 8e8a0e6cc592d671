"""Readers: every format gives the same table, and each kind of damage one line that names it."""

import gzip
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from leastwise.errors import DataError, UsageError
from leastwise.sources.readers import read_arrow

TABLE = pa.table({"x": [1, 2, 3], "name": ["a", "b", "c"], "y": [0.5, -1.5, 2.0]})
FRAME = TABLE.to_pandas()


def write_csv(path, text):
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def csv_bytes(separator=","):
    out = io.BytesIO()
    options = pa.csv.WriteOptions(delimiter=separator)
    pa.csv.write_csv(TABLE, out, options)
    return out.getvalue()


def _stream(path):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _file(path):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, TABLE.schema) as writer:
        writer.write_table(TABLE)


FORMATS = {
    "t.csv": lambda path: write_csv(path, csv_bytes()),
    "t.CSV": lambda path: write_csv(path, csv_bytes()),
    "t.v2.csv": lambda path: write_csv(path, csv_bytes()),
    "t.csv.gz": lambda path: write_csv(path, csv_bytes()),
    "t.tsv": lambda path: write_csv(path, csv_bytes("\t")),
    "t.tsv.gz": lambda path: write_csv(path, csv_bytes("\t")),
    "t.parquet": lambda path: pq.write_table(TABLE, path),
    "t.arrow": _file,
    "stream.arrow": _stream,
    "t.ipc": _file,
    "t.feather": lambda path: pa.feather.write_feather(TABLE, str(path)),
    "t.npz": lambda path: np.savez(path, **{k: np.array(v) for k, v in TABLE.to_pydict().items()}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_table(tmp_path, name):
    path = tmp_path / name
    FORMATS[name](path)
    assert read_arrow(path).to_pydict() == TABLE.to_pydict()
    assert read_arrow(str(path)).num_rows == 3


class Capsule:
    """What offers the Arrow stream and nothing else."""

    def __arrow_c_stream__(self, requested_schema=None):
        return TABLE.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "frame",
    [
        TABLE,
        TABLE.to_batches()[0],
        FRAME,
        FRAME.set_index(np.array([7, 8, 9])),
        FRAME.convert_dtypes(dtype_backend="pyarrow"),
        pl.from_arrow(TABLE),
        Capsule(),
        {name: np.array(column) for name, column in TABLE.to_pydict().items()},
        TABLE.to_pydict(),
        dict(FRAME.items()),
        {name: TABLE[name] for name in TABLE.column_names},
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_every_frame_gives_the_same_table(frame):
    assert read_arrow(frame).to_pydict() == TABLE.to_pydict()


def test_arrow_and_polars_numbers_are_not_copied():
    frame = pl.DataFrame({"x": np.arange(1000.0)})
    ours = read_arrow(frame)["x"].chunk(0).buffers()[1].address
    assert ours == frame["x"].to_arrow().buffers()[1].address
    assert read_arrow(TABLE) is TABLE


def test_sparse_columns_of_pandas():
    frame = pd.DataFrame({"x": pd.arrays.SparseArray([0.0, 2.0])})
    assert read_arrow(frame).to_pydict() == {"x": [0.0, 2.0]}


def test_the_index_of_pandas_is_left_out(tmp_path):
    for index in (pd.Index([5, 7, 6]), pd.Index([5, 7, 6], name="row")):
        frame = FRAME.set_index(index)
        frame.to_parquet(tmp_path / "t.parquet")
        assert len(pq.read_schema(tmp_path / "t.parquet").names) == 4
        assert read_arrow(tmp_path / "t.parquet").column_names == ["x", "name", "y"]


def test_arrays(tmp_path):
    X = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    np.save(tmp_path / "X.npy", X.astype(">f4"))
    expected = {"x0": [0.0, 2.0, 4.0], "x1": [1.0, 3.0, 5.0]}
    assert read_arrow(tmp_path / "X.npy").to_pydict() == expected
    assert read_arrow(X).to_pydict() == expected
    np.savez(tmp_path / "d.npz", X=X, y=[7, 8, 9])
    assert read_arrow(tmp_path / "d.npz").column_names == ["X0", "X1", "y"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (b"\xef\xbb\xbfx,y\n1,2\n", {"x": [1], "y": [2]}),
        ("x;y\n1;2.5\n", {"x": [1], "y": [2.5]}),
        ("x\ty\n1\t2\n", {"x": [1], "y": [2]}),
        ('"a;b",y\n1,2\n', {"a;b": [1], "y": [2]}),
        ('"a,b";y\n1;2\n', {"a,b": [1], "y": [2]}),
        (' x , y\n"1",2\n', {"x": [1], "y": [2]}),
        ('x,y\n"two\nlines",2\n', {"x": ["two\nlines"], "y": [2]}),
        ("x,y\r\n1,2\r\n\r\n3,4", {"x": [1, 3], "y": [2, 4]}),
        ("x,y\n,a\nNA,\n2,null\n", {"x": [None, None, 2], "y": ["a", None, None]}),
        ("x,y,\n1,2,\n", {"x": [1], "y": [2]}),
        (",y\n0,2\n", {"column 1": [0], "y": [2]}),
        ("größe,y\n1,ü\n", {"größe": [1], "y": ["ü"]}),
    ],
)
def test_csv_as_people_write_it(tmp_path, text, columns):
    assert read_arrow(write_csv(tmp_path / "t.csv", text)).to_pydict() == columns


def test_dates_without_dashes(tmp_path):
    table = read_arrow(write_csv(tmp_path / "t.csv", "day,y\n20141013T000000,1\n"))
    assert table["day"].to_pylist()[0].isoformat() == "2014-10-13T00:00:00"


def test_a_row_longer_than_a_block(tmp_path):
    names = ",".join(f"c{i}" + "x" * 100_000 for i in range(20))
    path = write_csv(tmp_path / "t.csv", names + "\n" + ",".join("1" * 20) + "\n")
    assert read_arrow(path).num_columns == 20
    text = "word " * 500_000
    for name in ("t.csv", "t.csv.gz"):
        table = read_arrow(write_csv(tmp_path / name, f"x,y\n1,{text}\n"))
        assert table["y"].to_pylist() == [text]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "", "t.csv is empty"),
        ("t.csv", "\n \n", "t.csv is empty"),
        ("t.csv.gz", "", "t.csv.gz is empty"),
        ("t.parquet", "", "t.parquet is empty"),
        ("t.csv", "x,y\n", r"has columns \(x, y\) but no rows"),
        ("t.csv", "x,y,x\n1,2,3\n", "has 2 columns named 'x'"),
        ("t.csv", "x,y\n1,2\n\n3\n", "data row 2 has 1 field where the first line has 2"),
        (
            "t.csv",
            "x,y\n1,2\n3,4,5\n",
            "data row 2 has 3 fields where .*commas or line ends.* needs quotes",
        ),
        ("t.csv", "x;y\n1;2\n3\n", "data row 2 has 1 field .*semicolons"),
        ("t.csv", b"x,y\n1,a\n2,b\xe9\n", "not UTF-8: byte 0xe9 in column 'y', data row 2"),
        ("t.csv", b"x,b\xe9\n1,2\n", "not UTF-8: byte 0xe9 in its first line"),
        ("t.csv", "x,y\n1,2\n".encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        ("t.csv", 'x,y\n1,a\n2,"b\n3,c\n', "a quote opened in data row 2 is never closed"),
        ("t.csv", b"PAR1....", r"named as a CSV but holds Parquet \(.parquet\)"),
        ("t.csv", b"PK\x03\x04..", "named as a CSV but holds a zip archive"),
        (
            "t.csv",
            gzip.compress(b"x,y\n1,2\n", mtime=0),
            r"named as a CSV but holds gzip \(.csv.gz\)",
        ),
        ("t.parquet", "x,y\n1,2\n", "is not Parquet, whatever its name says"),
        ("t.arrow", "x,y\n1,2\n", "is not an Arrow file, whatever its name says"),
    ],
)
def test_bad_text_is_named(tmp_path, name, text, words):
    with pytest.raises(DataError, match=words) as caught:
        read_arrow(write_csv(tmp_path / name, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["t.csv.gz", "t.parquet", "t.arrow", "stream.arrow", "t.npz", "t.npy"]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_file_that_is_cut_is_named(tmp_path, name, share):
    path = tmp_path / name
    if name == "t.npy":
        np.save(path, np.eye(20))
    else:
        FORMATS[name](path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DataError, match=f"{name} .*(cut or damaged|is not .* its name)") as caught:
        read_arrow(path)
    assert "\n" not in str(caught.value)


def test_no_damage_gets_past_as_another_error(tmp_path):
    rng = np.random.default_rng(0)
    for name in FORMATS:
        path = tmp_path / name
        FORMATS[name](path)
        data = bytearray(path.read_bytes())
        for _ in range(40):
            broken = bytearray(data)
            for place in rng.integers(0, len(data), 3):
                broken[place] = rng.integers(0, 256)
            path.write_bytes(broken)
            try:
                read_arrow(path)
            except DataError as error:
                assert "\n" not in str(error)  # noqa: PT017


def test_paths_that_lead_nowhere(tmp_path):
    write_csv(tmp_path / "houses.csv", "x,y\n1,2\n")
    with pytest.raises(DataError, match=r"house.csv does not exist.*houses.csv is there"):
        read_arrow(tmp_path / "house.csv")
    with pytest.raises(DataError, match=r"does not exist.*nor does its folder"):
        read_arrow(tmp_path / "no" / "house.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_arrow(tmp_path)
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"has the suffix .xlsx.*\.csv, .*\.parquet.*\.npz"):
        read_arrow(tmp_path / "t.xlsx")
    (tmp_path / "t").write_bytes(b"x")
    with pytest.raises(UsageError, match="has no suffix"):
        read_arrow(tmp_path / "t")


def test_arrays_that_are_no_table(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(DataError, match="'x' has 1 dimensions: a table is made of 2"):
        read_arrow(tmp_path / "a.npy")
    np.save(tmp_path / "o.npy", np.array([[object()]]), allow_pickle=True)
    np.savez(tmp_path / "o.npz", a=np.arange(1), o=np.array([object()]))
    for name in ("o.npy", "o.npz"):
        with pytest.raises(DataError, match=rf"{name} holds objects of Python.*save numbers"):
            read_arrow(tmp_path / name)
    np.savez(tmp_path / "l.npz", a=np.arange(3), b=np.arange(4))
    with pytest.raises(DataError, match="column 'b' has 4 rows but 'a' has 3"):
        read_arrow(tmp_path / "l.npz")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ([[1, 2]], "a builtins.list cannot be read as a table"),
        (None, "NoneType cannot be read"),
        (pl.DataFrame({"x": [1]}).lazy(), "call .collect"),
        (pl.Series([1, 2]), "polars.Series is no table of columns"),
        (FRAME["x"], "pandas.Series is no table of columns"),
    ],
)
def test_what_is_no_frame_is_refused(frame, words):
    with pytest.raises(UsageError, match=words):
        read_arrow(frame)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({}, "the table has no columns"),
        ({"x": []}, "but no rows"),
        (FRAME[:0], "but no rows"),
        ({"x": [1, 2], "y": [1]}, "column 'y' has 1 rows but 'x' has 2"),
        ({"x": 3}, "column 'x' is a single value"),
        ({"x": "abc"}, "column 'x' is a single value"),
        ({"x": np.eye(2)}, "column 'x' has 2 dimensions"),
        ({"x": [1, "a"]}, "column 'x' cannot be read .*all numbers or all text"),
        (pd.DataFrame({"x": [1, "a"]}), "column 'x' cannot be read .*all numbers or all text"),
        (pd.DataFrame(np.eye(2), columns=["a", "a"]), "has 2 columns named 'a'"),
        (pd.DataFrame(np.eye(2), columns=[1, "1"]), "has 2 columns named '1'"),
        (pa.table([[1], [2]], names=["a", "a"]), "has 2 columns named 'a'"),
    ],
)
def test_bad_frames_are_named(frame, words):
    with pytest.raises(DataError, match=words):
        read_arrow(frame)


def test_a_table_is_read_without_heavy_imports(tmp_path):
    """Pandas alone would take longer to import than the rest of a small fit."""
    paths = []
    for name in ("t.csv", "t.parquet", "t.arrow"):
        FORMATS[name](tmp_path / name)
        paths.append(str(tmp_path / name))
    program = (
        "import sys; from leastwise.sources.table import table\n"
        f"for path in {paths}: table(path, target='y')\n"
        "heavy = ['pandas', 'polars', 'pyarrow.dataset', 'scipy.stats', 'sklearn', 'numba']\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
