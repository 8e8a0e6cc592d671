"""The command: what it prints and what it writes."""

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leastwise
from cli_cases import FIT, lw, rents
from leastwise.cli.progress import Progress
from leastwise.cli.text import number, share
from leastwise.fit import Record
from leastwise.model import Model

__all__ = ["lw", "rents"]

PRICES = Path(leastwise.__file__).parent / "data" / "house_prices.parquet"
SAME = 1e-12  # JSON and repr keep every bit; what is left is the order of sums


def test_fit_says_what_matters(rents: Path, lw: Any) -> None:
    code, out, err = lw("fit", "rents.csv", "--target", "rent", "--weight", "weight")
    assert (code, err) == (0, "")
    assert out.startswith("Least squares: rent from 4 columns of 200 rows\n")
    assert "rows         200 read from rents.csv, 200 used\n" in out
    assert "(1/sum_i s_i) sum_i s_i/2 (y_i - b - x_i·w)^2" in out
    assert "  - town: 3 levels, base Bonn\n" in out
    assert re.search(r"\ntown \(base Bonn\)\n  Kiel  +\S+ .*\n  Ulm  ", out)
    assert re.search(r"\n +coefficient +per sd +std error +t +p +95% from +to\n", out)
    assert re.search(r"\nR2 +0\.99\d+ on the rows used, adjusted 0\.99\d+\n", out)
    assert re.search(r"\nF +[\d,.]+ on 4 and 195 degrees of freedom, p < 0.0001\n", out)
    assert re.search(r"\nsigma +2\d\.\d+ ", out)
    assert re.search(r"certified: relative gap \S+ <= 1e-9 \(objective \S+, no solution is", out)
    assert re.search(r"\nsolver +closed-form \(cholesky.*\): the cheapest of", out)
    assert re.search(r"\ntime +\S+ s reading, \S+ s fitting", out)
    assert max(map(len, out.splitlines())) <= 120


def test_numbers_stand_aligned(rents: Path, lw: Any) -> None:
    _, out, _ = lw("fit", "rents.csv", "--target", "rent")
    table = re.search(r"\n( +coefficient.*?)\n\n", out, re.DOTALL)
    assert table is not None
    rows = [line for line in table[1].splitlines()[1:] if not line.startswith("town")]
    firsts = {line[: line.index(".")].rstrip("0123456789,-") for line in rows}
    points = {line.index(".") for line in rows}
    assert len(rows) == 6
    assert len(points) == 1, firsts


def test_penalised_fit_says_why_there_are_no_errors(rents: Path, lw: Any) -> None:
    code, out, _ = lw("fit", "rents.csv", "--target", "rent", "--l1", "400")
    assert code == 0
    assert "std error" not in out
    assert "no standard errors: a penalised estimate is biased" in out
    assert re.search(r"\n\d of 5 coefficients not zero\n", out)
    assert out.startswith("Least squares with an l1 penalty (lasso)")


def test_long_tables_show_the_largest(tmp_path: Path, lw: Any) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 60))
    X *= np.arange(1, 61) / X.std(axis=0)
    np.savez(tmp_path / "wide.npz", x=X, y=X @ np.arange(1, 61.0))
    command = ("fit", str(tmp_path / "wide.npz"), "--target", "y")
    _, out, _ = lw(*command)
    assert re.findall(r"\n(x\d+) ", out) == [f"x{j}" for j in range(35, 60)]
    assert "\nintercept " in out
    assert "\nthe 25 largest per standard deviation of 61 coefficients; --all shows all, " in out
    assert lw(*command, "--all")[1].count("\nx") == 60
    _, out, _ = lw(*command, "--l1", "100000")
    assert out.count("\nx") < 25
    assert re.search(r"\nthe \d+ that are not zero, of 61 coefficients; --all shows all", out)


def test_names_are_split_at_commas_unless_a_column_is_called_so(tmp_path: Path, lw: Any) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"a,b",a,b,y\n' + "\n".join(f"{i},{i * i},{i % 3},{i}" for i in range(9)))
    columns = {
        ("a,b",): ["a,b"],
        ("a, b",): ["a", "b"],
        ("b", "a"): ["b", "a"],
        ("a,b", "b"): ["a,b", "b"],
    }
    for given, expected in columns.items():
        options = [part for name in given for part in ("--features", name)]
        code, out, _ = lw("fit", str(path), "--target", "y", "--json", *options)
        assert code == 0
        assert json.loads(out)["columns"] == expected


def test_json_is_the_model_and_nothing_else(rents: Path, lw: Any) -> None:
    command = ("fit", "rents.csv", "--target", "rent", "--holdout", "0.2", "--json")
    code, out, err = lw(*command, "--save", "model.json")
    assert (code, err) == (0, "")
    assert out == (rents / "model.json").read_text()
    model = Model.from_dict(json.loads(out, parse_constant=pytest.fail))
    assert (
        model.command
        == "leastwise fit rents.csv --target rent --holdout 0.2 --json --save model.json"
    )
    assert model.holdout is not None
    assert (model.rows_used, model.holdout.rows) == (160, 40)
    assert model.versions["leastwise"] == leastwise.__version__


def test_command_is_quoted(rents: Path, lw: Any) -> None:
    (rents / "my rents.csv").write_bytes((rents / "rents.csv").read_bytes())
    _, out, _ = lw("fit", "my rents.csv", "--target", "rent", "--json")
    assert json.loads(out)["command"] == "leastwise fit 'my rents.csv' --target rent --json"


def test_two_runs_write_the_same_bytes(rents: Path, lw: Any) -> None:
    texts: list[str] = []
    for _ in range(2):
        lw("fit", "rents.csv", "--target", "rent", "--holdout", "0.3", "--save", "model.json")
        texts.append(re.sub(r'"seconds": [^,}]+', "", (rents / "model.json").read_text()))
    assert texts[0] == texts[1]


def test_holdout_is_scored_about_its_own_mean(rents: Path, lw: Any) -> None:
    from leastwise.sources.table import table

    code, out, _ = lw(
        "fit", "rents.csv", "--target", "rent", "--holdout", "0.25", "--seed", "3",
        "--save", "model.json",
    )  # fmt: skip
    assert code == 0
    model = Model.load("model.json")
    held = np.sort(np.random.default_rng(3).permutation(200)[:50])
    rows = table("rents.csv", target="rent").take(held)
    y, eta = rows.y[:, 0], model.predict(rows.X)
    r2 = 1.0 - ((y - eta) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert model.holdout is not None
    assert model.holdout.explained[0] == pytest.approx(r2, rel=1e-12)
    assert f"R2 holdout   {r2:.4f} on 50 rows held out, about the mean of these rows" in out
    assert "150 used, 50 held out (seed 3)" in out


def test_house_prices(tmp_path: Path, lw: Any) -> None:
    page = tmp_path / "houses.html"
    code, out, err = lw(
        "fit", str(PRICES), "--target", "price", "--category", "zipcode", "--report", str(page)
    )
    assert (code, err) == (0, "")
    assert "  - exact combination: sqft_living = sqft_above + sqft_basement\n" in out
    assert "the 25 largest per standard deviation of 89 coefficients; --all shows all" in out
    gap = re.search(r"certified: relative gap (\S+) <= 1e-9", out)
    assert gap is not None
    assert float(gap[1]) <= 1e-9
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")
    assert f"wrote        the page to {page}" in out
    _, everything, _ = lw("fit", str(PRICES), "--target", "price", "--category", "zipcode", "--all")
    assert "largest per standard deviation" not in everything
    assert everything.count("\n  98") == 69


def test_several_targets(rents: Path, lw: Any) -> None:
    code, out, _ = lw("fit", "rents.csv", "--target", "rent,area")
    assert code == 0
    assert out.startswith("Least squares: rent and area from")
    assert re.search(r"\nrent: R2 0\.\d+\n(.*\n)+area: R2 0\.\d+\n", out)


def test_constant_target_is_a_fit_with_a_warning(rents: Path, lw: Any) -> None:
    (rents / "flat.csv").write_text("x,y\n" + "\n".join(f"{i * i % 7},5" for i in range(30)))
    code, out, _ = lw("fit", "flat.csv", "--target", "y")
    assert code == 0
    assert "the target y is constant (5): nothing is left to explain" in out
    assert "certified: relative gap 0 <= 1e-9" in out
    assert "R2           not defined" in out


def test_not_converged_prints_and_writes_all_and_exits_with_3(rents: Path, lw: Any) -> None:
    code, out, err = lw(
        "fit", "rents.csv", "--target", "rent", "--solver", "gradient-descent", "--max-iter", "3",
        "--save", "model.json", "--report", "page.html",
    )  # fmt: skip
    assert code == 3
    assert re.search(
        r"certificate  NOT CONVERGED: relative gap \S+ > 1e-9 .*: max_iter: allow", out
    )
    assert err.startswith("leastwise: not converged: max_iter")
    assert err.count("\n") == 1
    assert not Model.load("model.json").fit.certificate.converged
    assert (rents / "page.html").exists()


def test_a_fit_starts_light_and_pipes_plain(rents: Path) -> None:
    code = (
        "import sys; from leastwise.cli import run\n"
        "code = run(sys.argv[1:])\n"
        "heavy = ('sklearn', 'numba', 'pandas', 'scipy.stats', 'jinja2', 'rich')\n"
        "print(code, [name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *FIT, "--save", "m.json"],
        capture_output=True, text=True, timeout=120, env={**os.environ, "FORCE_COLOR": "1"},
    )  # fmt: skip
    assert done.stderr == "0 []\n"
    assert "\x1b" not in done.stdout


def test_hostile_names_do_not_steer_the_terminal(rents: Path, lw: Any) -> None:
    name = "\x1b[31mred\r[bold]x[/]"
    rows = "\n".join(f"{i},{i % 5}" for i in range(20))
    (rents / "odd.csv").write_text(f'"{name}",y\n{rows}\n', newline="")
    code, out, _ = lw("fit", "odd.csv", "--target", "y")
    assert code == 0
    assert "\x1b" not in out
    assert "\r" not in out
    assert "[bold]x[/]" in out


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_predictions_are_the_models(suffix: str, rents: Path, lw: Any) -> None:
    from leastwise.sources.readers import read_arrow

    assert lw(*FIT, "--save", "m.json")[0] == 0
    code, out, err = lw("predict", "m.json", "rents.csv", "-o", f"p.{suffix}")
    assert (code, out) == (0, "")
    found = read_arrow(rents / f"p.{suffix}")
    assert found.column_names == ["rent"]
    expected = Model.load("m.json").predict("rents.csv")
    np.testing.assert_allclose(found.column("rent").to_numpy(), expected, rtol=SAME)
    assert f"200 rows predicted (rent), written to p.{suffix}" in err
    assert re.search(r"R2 of rent 0\.99\d+ on 200 rows, about the mean of these rows", err)


def test_predictions_of_missing_and_unseen_values(rents: Path, lw: Any) -> None:
    from leastwise.sources.readers import read_arrow

    assert lw(*FIT, "--save", "m.json")[0] == 0
    (rents / "new.csv").write_text("rooms,town,area,weight\n1,Ulm,50,1\n2,Bonn,,1\n3,Rom,80,1\n")
    code, out, err = lw("predict", "m.json", "new.csv")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "rent"
    assert lines[2] == "nan"
    assert len(lines) == 4
    assert "3 rows predicted (rent), 1 of them nan for missing values (area 1)" in err
    assert "warning: column 'town' has 1 level that the fit never saw ('Rom') in 1 row" in err
    assert "R2" not in err
    assert lw("predict", "m.json", "new.csv", "-o", "p.parquet")[0] == 0
    assert read_arrow("p.parquet").column("rent").null_count == 1


def test_predictions_of_two_targets(rents: Path, lw: Any) -> None:
    options = ("fit", "rents.csv", "--target", "rent", "--target", "area")
    assert lw(*options, "--save", "m.json")[0] == 0
    code, out, err = lw("predict", "m.json", "rents.csv")
    assert code == 0
    assert out.splitlines()[0] == "rent,area"
    assert len(out.splitlines()) == 201
    assert "R2 of rent" in err
    assert "R2 of area" in err


def test_help_shows_examples(lw: Any) -> None:
    for arguments in ((), ("--help",), ("-h",)):
        code, out, _ = lw(*arguments)
        assert code == 0
        assert "fit" in out
        assert "predict" in out
    for command in ("fit", "path", "predict"):
        code, out, _ = lw(command, "--help")
        assert code == 0
        assert f"  leastwise {command} " in out
        assert "Examples:" in out
    assert lw("--version")[:2] == (0, f"leastwise, version {leastwise.__version__}\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(iteration: int, gap: float) -> Record:
    return Record(iteration, 1.0, gap, gap, 0.1, 3)


def wait_for(stream: Terminal, words: str) -> None:
    end = time.monotonic() + 30.0
    while words not in stream.getvalue():
        assert time.monotonic() < end, stream.getvalue()
        time.sleep(0.02)


def test_progress_shows_on_a_terminal_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Progress(1e-9, stream, delay=0.0) as progress:
        progress.say("reading [red]rents.csv")
        wait_for(stream, "reading [red]rents.csv")
        for iteration, gap in enumerate((np.inf, 1.0, np.nan, 1e-4, 0.0)):
            progress.watch(record(iteration, gap))
        wait_for(stream, "relative gap 0")
        progress.follow(4)
        progress.watch(record(5, 1e-10))
        progress.watch(record(6, 1e-2))
        wait_for(stream, "1 of 4 strengths")
        progress.folds(2, 10)
        wait_for(stream, "fold 3 of 10")
        progress.folds(10, 10)
        wait_for(stream, "fitting all rows")
    shown = len(stream.getvalue())
    progress.watch(record(9, 1e-9))
    assert len(stream.getvalue()) == shown
    quick = Terminal()
    with Progress(1e-9, quick, delay=60.0) as progress:
        progress.watch(record(1, 1.0))
    assert quick.getvalue() == ""
    piped = io.StringIO()
    with Progress(0.0, piped, delay=0.0) as progress:
        progress.watch(record(1, 1.0))
    assert piped.getvalue() == ""


def test_numbers_in_words() -> None:
    shown = [number(value) for value in (1.5, -0.00012345678, 1e12, np.nan, np.inf, 123456.789)]
    assert shown == ["1.5000", "-0.00012346", "1.0000e12", "-", "inf", "123,457"]
    assert [share(value) for value in (0.5, 0.99999999, 1.0, -2.0, np.nan)] == [
        "0.5000", "0.99999999", "1", "-2.0000", "not defined",
    ]  # fmt: skip
