"""`leastwise path`: what it prints and writes, and how it fails."""

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leastwise as lw_python
from cli_cases import Bad, full_disk, lw, refused, rents
from leastwise.path_result import Path as Fits
from leastwise.sources.readers import read_arrow

__all__ = ["full_disk", "lw", "rents"]

PATH = ("path", "rents.csv", "--target", "rent")
SAME = 1e-12  # files keep every bit; what is left is the order of sums
SHOWN = 1e-4  # five digits are printed


def in_python(**how: Any) -> Fits:
    found = lw_python.path(lw_python.table("rents.csv", target="rent"), **how)
    assert isinstance(found, Fits)
    return found


def test_path_says_what_matters(rents: Path, lw: Any) -> None:
    code, out, err = lw(*PATH)
    assert (code, err) == (0, "")
    assert out.startswith("Lasso path: rent from 5 columns of 200 rows\n")
    assert "rows         200 read from rents.csv, 200 used\n" in out
    assert "(y_i - b - x_i·w)^2 + strength sum_j |w_j|\n" in out
    assert "  - town: 3 levels, base Bonn\n" in out
    assert re.search(r"\n +strength +non-zero +df +R2 +gap +entered \(\+\), left \(-\)\n", out)
    assert re.search(
        r"\ncertificate  all 100 strengths certified: worst relative gap \S+ <= 1e-9", out
    )
    assert re.search(
        r"\nBIC +least at strength \S+: \d non-zero, R2 0\.99\d+(, the last.*)?\n", out
    )
    assert re.search(r"\nsolver +\S+.*: ", out)
    assert re.search(r"\ntime +\S+ s reading, \S+ s fitting \(\S+ pass", out)
    table = out[out.index("  strength") : out.index("certificate")]
    assert max(map(len, table.splitlines())) <= 120


def test_printed_strengths_are_the_paths(rents: Path, lw: Any) -> None:
    _, out, _ = lw(*PATH, "--all", "--strengths", "30")
    path = in_python(strengths=30)
    rows = re.findall(r"^ *([\d.,e-]+) +(\d) +([\d.]+) +([\d.]+) +(\S+)(.*)$", out, re.MULTILINE)
    assert len(rows) == 30
    strengths = [float(row[0].replace(",", "")) for row in rows]
    np.testing.assert_allclose(strengths, path.strengths, rtol=SHOWN)
    assert [int(row[1]) for row in rows] == path.active.tolist()
    r2 = 1.0 - path.losses / path.null
    np.testing.assert_allclose([float(row[3]) for row in rows], r2, atol=SHOWN)
    now: set[str] = set()
    for place, row in enumerate(rows):
        now |= set(re.findall(r" \+(\S+)", row[5]))
        now -= set(re.findall(r" -(\S+)", row[5]))
        assert now == {path.columns[j] for j in np.flatnonzero(path.coef[:, place])}
    for name in ("aic", "bic", "ebic"):
        found = re.search(rf"\n{name.upper()} +least at strength (\S+):", out)
        assert found is not None
        expected = path.strengths[path.best(name)]
        assert float(found[1].replace(",", "")) == pytest.approx(expected, rel=SHOWN)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_saved_coefficients_are_a_row_a_strength(suffix: str, rents: Path, lw: Any) -> None:
    options = ("--l1-ratio", "0.5", "--strengths", "7", "--standardize", "--unpenalised", "town")
    code, out, _ = lw(*PATH, *options, "--save", f"path.{suffix}")
    assert code == 0
    assert out.endswith(f"wrote        the coefficients to path.{suffix}\n")
    factors = np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    path = in_python(l1_ratio=0.5, strengths=7, standardize=True, factors=factors)
    found = read_arrow(f"path.{suffix}")
    assert found.column_names == [
        "target", "strength", "l1", "l2", "non_zero", "degrees_of_freedom", "r2", "relative_gap",
        "converged", "intercept", *path.columns,
    ]  # fmt: skip
    np.testing.assert_allclose(found.column("strength").to_numpy(), path.strengths, rtol=SAME)
    np.testing.assert_allclose(found.column("l2").to_numpy(), 0.5 * path.strengths, rtol=SAME)
    np.testing.assert_allclose(found.column("intercept").to_numpy(), path.intercepts, rtol=SAME)
    for name, w in zip(path.columns, path.coef, strict=True):
        np.testing.assert_allclose(found.column(name).to_numpy(), w, rtol=SAME, atol=SAME)


def test_json_holds_the_path(rents: Path, lw: Any) -> None:
    code, out, err = lw(
        *PATH, "--strengths", "5,50,500", "--positive", "--json", "--save", "p.json"
    )
    assert (code, err) == (0, "")
    assert out == (rents / "p.json").read_text()
    found = json.loads(out, parse_constant=pytest.fail)
    path = in_python(strengths=[5, 50, 500], bounds=(0, None))
    assert found["format"] == "leastwise-path"
    assert found["command"].startswith(
        "leastwise path rents.csv --target rent --strengths 5,50,500"
    )
    (one,) = found["paths"]
    assert one["converged"] is True
    assert [row["strength"] for row in one["strengths"]] == [500.0, 50.0, 5.0]
    for place, row in enumerate(one["strengths"]):
        w = dict(zip(path.columns, path.coef[:, place], strict=True))
        assert row["coef"] == {name: value for name, value in w.items() if value != 0.0}
        assert all(value > 0.0 for value in row["coef"].values())


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_a_path_in_python_writes_the_same_file(suffix: str, rents: Path, lw: Any) -> None:
    assert lw(*PATH, "--strengths", "7", "--save", f"command.{suffix}")[0] == 0
    path = pickle.loads(pickle.dumps(in_python(strengths=7)))
    path.save(rents / f"python.{suffix}")
    ours, theirs = ((rents / f"{name}.{suffix}").read_bytes() for name in ("python", "command"))
    if suffix == "json":
        ours, theirs = (_without_clock(json.loads(content)) for content in (ours, theirs))
    assert ours == theirs


def _without_clock(saved: dict[str, Any]) -> dict[str, Any]:
    del saved["paths"][0]["solver"]["seconds"], saved["command"]
    return saved


def test_a_path_in_python_writes_its_page(rents: Path) -> None:
    in_python(strengths=7).report("path.html")
    page = Path("path.html").read_text(encoding="utf-8")
    assert "rent along 7 strengths, from 5 columns of 200 rows" in page


def test_paths_that_have_no_file_say_so(rents: Path) -> None:
    path = in_python(strengths=3)
    with pytest.raises(lw_python.UsageError, match=r"suffix of a path must be \.csv"):
        path.save("path.txt")
    relaxed = path.relaxed()
    relaxed.save("relaxed.json")
    (one,) = json.loads((rents / "relaxed.json").read_text())["paths"]
    assert (one["gamma"], one["strengths"][-1]["relative_gap"]) == (0.0, "nan")
    with pytest.raises(lw_python.UsageError, match="report the one it came from"):
        relaxed.report("relaxed.html")
    rows = lw_python.table("rents.csv", target=["rent", "weight"])
    joint = lw_python.path(rows, strengths=3, joint=True)
    assert isinstance(joint, Fits)
    joint.save("joint.csv")
    lines = (rents / "joint.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["target"] + ["rent"] * 3 + ["weight"] * 3
    with pytest.raises(lw_python.UsageError, match="joins several targets"):
        joint.report("joint.html")
    with pytest.raises(lw_python.UsageError, match="make it with leastwise"):
        replace(path, writer=None).save("path.csv")


def test_columns_named_as_ours_are_told_apart(rents: Path, lw: Any) -> None:
    lines = ["strength,r2,y"] + [f"{i % 7},{i * i % 11},{i % 7 + i % 3}" for i in range(40)]
    (rents / "odd.csv").write_text("\n".join(lines) + "\n")
    code, _, _ = lw("path", "odd.csv", "-t", "y", "--strengths", "4", "--save", "p.csv")
    assert code == 0
    assert (rents / "p.csv").read_text().splitlines()[0].endswith("intercept,coef strength,coef r2")


def test_several_targets(rents: Path, lw: Any) -> None:
    options = ("--target", "area", "--strengths", "6", "--report", "p.html", "--save", "p.csv")
    code, out, _ = lw(*PATH, *options)
    assert code == 0
    assert out.startswith("Lasso path: rent and area from")
    assert re.search(r"\nrent\n(.*\n)+area\n", out)
    lines = (rents / "p.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["target", *["rent"] * 6, *["area"] * 6]


def test_not_converged_prints_and_writes_all_and_exits_with_3(rents: Path, lw: Any) -> None:
    code, out, err = lw(
        *PATH, "--l1-ratio", "0", "--strengths", "1,2", "--solver", "gradient-descent",
        "--max-iter", "2", "--save", "p.csv", "--report", "p.html",
    )  # fmt: skip
    assert code == 3
    assert re.search(
        r"\ncertificate  NOT CONVERGED: 0 of 2 strengths certified; worst .*: (max_iter|stalled)",
        out,
    )
    assert err.startswith(
        "leastwise: not converged: 2 of 2 strengths of rent, the worst at strength"
    )
    assert re.search(r"\((max_iter: allow more iterations \(--max-iter\).*|stalled: .*)\)\n$", err)
    assert err.count("\n") == 1
    assert (rents / "p.csv").exists()
    assert "Not converged." in (rents / "p.html").read_text()


def test_the_page_is_written(rents: Path, lw: Any) -> None:
    code, out, _ = lw(*PATH, "--report", "path.html")
    assert code == 0
    assert out.endswith("wrote        the page to path.html\n")
    page = (rents / "path.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "leastwise path rents.csv --target rent --report path.html" in page


BAD: dict[str, Bad] = {
    "no target": (2, ("path", "rents.csv"), "name the column to predict with --target"),
    "missing file": (1, ("path", "nope.csv", "-t", "y"), "nope.csv does not exist"),
    "cut file": (1, ("path", "cut.parquet", "-t", "y"), "cut.parquet cannot be read"),
    "no such target": (1, ("path", "rents.csv", "-t", "rnt"), "did you mean 'rent'"),
    "no such column": (1, (*PATH, "--unpenalised", "aera"), "'aera', which was to be unpenalised"),
    "unpenalised nothing": (2, (*PATH, "--unpenalised", ","), "--unpenalised names no column"),
    "ratio above 1": (2, (*PATH, "--l1-ratio", "2"), "--l1-ratio must be from 0 (ridge) to 1"),
    "ratio not a number": (2, (*PATH, "--l1-ratio", "0.5,1"), "not a valid float"),
    "no strengths": (2, (*PATH, "--strengths", "0"), "strengths must be how many (1 to 100,000)"),
    "words as strengths": (2, (*PATH, "--strengths", "1,many"), "'many' is not a number"),
    "negative strengths": (2, (*PATH, "--strengths", "1,-2"), "takes numbers at least 0"),
    "smallest of a list": (
        2, (*PATH, "--strengths", "1,2", "--smallest", "0.1"), "smallest says where a grid ends",
    ),
    "smallest above 1": (2, (*PATH, "--smallest", "2"), "smallest must be a share"),
    "unknown solver": (2, (*PATH, "--solver", "working"), "did you mean working-set?"),
    "unfit solver": (2, (*PATH, "--solver", "qr"), "an l1 penalty has no closed form"),
    "unknown suffix": (2, (*PATH, "--save", "p.txt"), "must be .csv, .json or .parquet"),
    "no folder": (1, (*PATH, "--save", "no/p.csv"), "the folder no does not exist"),
    "no folder for page": (1, (*PATH, "--report", "no/p.html"), "the folder no does not exist"),
    "over the data": (2, (*PATH, "--save", "rents.csv"), "would overwrite the data"),
    "negative tol": (2, (*PATH, "--tol", "-1"), "--tol must be a number of at least 0"),
    "an option of fit": (2, (*PATH, "--l1", "1"), "no such option"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_writes_nothing(case: str, rents: Path, lw: Any) -> None:
    (rents / "cut.parquet").write_bytes(b"PAR1 and then nothing")
    refused(lw, BAD[case])


@pytest.mark.parametrize("option", [("--save", "p.parquet"), ("--report", "p.html")])
def test_full_disk(option: tuple[str, str], rents: Path, lw: Any, full_disk: None) -> None:
    code, out, err = lw(*PATH, "--strengths", "5", *option)
    assert code == 1
    assert f"cannot write {option[1]}: the disk is full" in err
    assert "certified" in out  # the work is not lost
    assert [path.name for path in rents.iterdir()] == ["rents.csv"]


def test_hostile_names_do_not_steer_the_terminal(rents: Path, lw: Any) -> None:
    rows = "\n".join(f"{i},{i % 5}" for i in range(20))
    (rents / "odd.csv").write_text(f'"\x1b[31mred\r[bold]x[/]",y\n{rows}\n', newline="")
    code, out, _ = lw("path", "odd.csv", "--target", "y", "--all")
    assert code == 0
    assert "\x1b" not in out
    assert "\r" not in out
    assert "[bold]x[/]" in out
