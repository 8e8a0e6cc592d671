"""Every failure of the command: one line that names the thing, an exit code, nothing written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_cases import FIT, MAIN, PLAN, Bad, full_disk, lw, refused, rents
from leastwise.cli import run

__all__ = ["full_disk", "lw", "rents"]

MAKE = {
    "empty.csv": "",
    "header.csv": "a,y\n",
    "missing.csv": "a,y\n,1\n,2\n",
    "text.csv": "a,y\n1,1\n2,2\noops,3\n4,1\n",
    "infinite.csv": "a,y\n1,1\ninf,2\n3,3\n",
    "twice.csv": "a,a,y\n1,2,3\n2,2,2\n3,1,2\n",
    "negative.csv": "a,w,y\n1,1,1\n2,-1,2\n3,1,3\n",
    "zero.csv": "a,w,y\n1,0,1\n2,0,2\n3,0,3\n",
    "alone.csv": "y\n1\n2\n3\n",
    "one.csv": "a,y\n1,2\n",
    "cut.parquet": b"PAR1 and then nothing",
    "ragged.csv": "a,y\n1,2\n3\n4,5\n",
    "unknown.xyz": "a,y\n1,2\n",
}

BAD: dict[str, Bad] = {
    "an option of other programs": (
        2,
        (*FIT, "--quantile", "0.9"),
        'no such option \'--quantile\': say --loss "quantile(0.9)"',
    ),
    "a number for --cv": (2, (*FIT, "--cv", "5"), "say --cv --folds 5"),
    "nothing alike": (1, ("fit", "rents.csv", "--target", "nope"), "the columns are 'area'"),
    "no feature named": (
        2,
        ("fit", "rents.csv", "--target", "rent", "--features", ","),
        "--features names no column",
    ),
    "no weight named": (
        2,
        ("fit", "rents.csv", "--target", "rent", "--weight", ""),
        "--weight names no column",
    ),
    "missing file": (1, ("fit", "nope.csv", "--target", "y"), "nope.csv does not exist"),
    "empty file": (1, ("fit", "empty.csv", "--target", "y"), "empty.csv is empty"),
    "no rows": (1, ("fit", "header.csv", "--target", "y"), "no rows"),
    "no such target": (1, ("fit", "rents.csv", "--target", "rnt"), "did you mean 'rent'"),
    "no such feature": (1, (*FIT, "--features", "aera"), "did you mean 'area'"),
    "no target": (2, ("fit", "rents.csv"), "columns 'area', 'rooms', 'town', 'weight', 'rent'"),
    "all missing": (1, ("fit", "missing.csv", "--target", "y"), "all rows have a missing value"),
    "missing refused": (
        1, ("fit", "missing.csv", "--target", "y", "--missing", "error"), "values are missing in",
    ),
    "text in numbers": (1, ("fit", "text.csv", "--target", "y"), "'oops' in data row 3"),
    "text target": (
        1,
        ("fit", "rents.csv", "--target", "town", "--loss", "squared"),
        "'town' is text",
    ),
    "infinite": (1, ("fit", "infinite.csv", "--target", "y"), "infinite value in data row 2"),
    "duplicate names": (1, ("fit", "twice.csv", "--target", "y"), "2 columns named 'a'"),
    "mismatched lengths": (1, ("fit", "ragged.csv", "--target", "y"), "ragged.csv"),
    "arrays of two lengths": (1, ("fit", "arrays.npz", "--target", "y"), "has 2 rows but"),
    "negative weight": (1, ("fit", "negative.csv", "-t", "y", "--weight", "w"), "negative (-1)"),
    "zero weights": (1, ("fit", "zero.csv", "-t", "y", "--weight", "w"), "0 in every row"),
    "p = 0": (1, ("fit", "alone.csv", "--target", "y"), "no column is left to predict from"),
    "one row": (1, ("fit", "one.csv", "--target", "y"), "too few rows: 1"),
    "negative l1": (2, (*FIT, "--l1", "-1"), "leastwise: --l1 must be a number"),
    "nan l2": (2, (*FIT, "--l2", "nan"), "l2 must be a number of at least 0"),
    "negative tol": (2, (*FIT, "--tol", "-1"), "--tol must be a number of at least 0"),
    "not a number": (2, (*FIT, "--tol", "small"), "'small' is not a valid float"),
    "no iterations": (2, (*FIT, "--max-iter", "0"), "--max-iter"),
    "unknown solver": (2, (*FIT, "--solver", "choleski"), "did you mean cholesky?"),
    "unfit solver": (2, (*FIT, "--solver", "qr", "--l1", "1"), "an l1 penalty has no closed form"),
    "unknown option": (2, (*FIT, "--sovler", "qr"), "--solver"),
    "unknown command": (2, ("fti", "rents.csv"), "there are check, fit, path, plan and predict"),
    "no file": (2, ("fit",), "missing argument 'FILE'"),
    "quantiles planned": (2, (*PLAN, "--loss", "quantile(0.1,0.9)"), "name one"),
    "no memory": (2, (*FIT, "--memory", "much"), "memory must be an amount"),
    "all held out": (2, (*FIT, "--holdout", "1"), "--holdout must be a share between 0 and 1"),
    "too few held out": (1, (*FIT, "--holdout", "0.005"), "199 to fit and 1 held out"),
    "cut file": (1, ("fit", "cut.parquet", "--target", "y"), "cut.parquet cannot be read"),
    "unknown suffix": (2, ("fit", "unknown.xyz", "--target", "y"), "suffix .xyz"),
    "no folder to save": (1, (*FIT, "--save", "no/m.json"), "the folder no does not exist"),
    "no folder for page": (1, (*FIT, "--report", "no/r.html"), "the folder no does not exist"),
    "page is a folder": (1, (*FIT, "--report", "."), "it is a folder"),
    "output is input": (2, (*FIT, "--save", "./rents.csv"), "would overwrite the data"),
    "one file twice": (2, (*FIT, "--save", "x", "--report", "./x"), "both name ./x"),
    "model missing": (1, ("predict", "nope.json", "rents.csv"), "nope.json does not exist"),
    "not a model": (1, ("predict", "rents.csv", "rents.csv"), "rents.csv is not a leastwise"),
    "cut model": (1, ("predict", "cut.json", "rents.csv"), "cut.json is cut or damaged"),
    "predict lacks a column": (1, ("predict", "ok.json", "text.csv"), "no column 'area'"),
    "predict suffix": (2, ("predict", "ok.json", "rents.csv", "-o", "a.txt"), ".csv or .parquet"),
    "predict folder": (1, ("predict", "ok.json", "rents.csv", "-o", "no/a.csv"), "folder no does"),
    "predict over data": (
        2, ("predict", "ok.json", "rents.csv", "-o", "rents.csv"), "would overwrite the data",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_writes_nothing(case: str, rents: Path, lw: Any) -> None:
    for name, content in MAKE.items():
        if isinstance(content, str):
            (rents / name).write_text(content)
        else:
            (rents / name).write_bytes(content)
    np.savez(rents / "arrays.npz", a=np.arange(3.0), y=np.arange(2.0))
    assert run([*FIT, "--json", "--save", "ok.json"]) == 0
    text = (rents / "ok.json").read_text()
    (rents / "cut.json").write_text(text[: len(text) // 2])
    lw("--version")  # takes what has been captured so far
    refused(lw, BAD[case])


@pytest.mark.parametrize("option", ["--save", "--report"])
def test_full_disk(option: str, rents: Path, lw: Any, full_disk: None) -> None:
    code, out, err = lw(*FIT, option, "out")
    assert code == 1
    assert err == (
        "leastwise: cannot write out: the disk is full; free some space or choose another folder\n"
    )
    assert "certified" in out  # the work is not lost
    assert [path.name for path in rents.iterdir()] == ["rents.csv"]


def test_full_disk_for_predictions(rents: Path, lw: Any, request: pytest.FixtureRequest) -> None:
    assert lw(*FIT, "--save", "m.json")[0] == 0
    request.getfixturevalue("full_disk")
    code, out, err = lw("predict", "m.json", "rents.csv", "-o", "out.parquet")
    assert (code, out) == (1, "")
    assert "cannot write out.parquet: the disk is full" in err
    assert sorted(path.name for path in rents.iterdir()) == ["m.json", "rents.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full to write to")
def test_full_stdout(rents: Path) -> None:
    with open("/dev/full", "w") as stream:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *FIT, "--json"],
            stdout=stream,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("leastwise: cannot write to the standard output: No space left")
    assert done.stderr.count("\n") == 1


def test_folder_without_permission(rents: Path, lw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leastwise.cli.outputs.os.access", lambda *_: False)
    code, out, err = lw(*FIT, "--save", "m.json")
    assert (code, out) == (1, "")
    assert "the folder . is not writable" in err


def test_reader_that_leaves(rents: Path) -> None:
    line = f'{sys.executable} -c "{MAIN}" fit rents.csv --target rent --json | head -c 1'
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120)
    assert done.stdout == "{"
    assert done.stderr == ""


def test_interrupt_ends_with_one_line(
    rents: Path, lw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leastwise.cli.fitting.fit_source", interrupted)
    assert lw(*FIT, "--save", "m.json") == (130, "", "leastwise: interrupted\n")
    assert [path.name for path in rents.iterdir()] == ["rents.csv"]


def test_interrupt_within_cross_validation(
    rents: Path, lw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Any, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("leastwise.cli.progress.Progress.folds", interrupted)
    command = (*FIT, "--cv", "--save", "m.json", "--report", "p.html")
    assert lw(*command) == (130, "", "leastwise: interrupted\n")
    assert [path.name for path in rents.iterdir()] == ["rents.csv"]


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on POSIX")
def test_interrupt_of_a_process(rents: Path) -> None:
    slow = (*FIT, "--solver", "gradient-descent", "--tol", "0", "--max-iter", "1000000000")
    code = (
        "import leastwise.cli.fitting as f, leastwise.fit as g; g.PATIENCE = 10**9\n"
        "real = f.fit_source\n"
        "def told(*a, **k): print('fitting', flush=True); return real(*a, **k)\n"
        "f.fit_source = told\n" + MAIN
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *slow, "--save", "m.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "fitting\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "leastwise: interrupted\n")
    assert [path.name for path in rents.iterdir()] == ["rents.csv"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError("Unable to allocate 3 TiB"), 1, "not enough memory: Unable to allocate 3 TiB"),
        (ZeroDivisionError("oh"), 70, "internal error: ZeroDivisionError: oh (please report"),
    ],
)
def test_what_nobody_expected(
    error: Exception, code: int, words: str, rents: Path, lw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("leastwise.cli.fitting.fit_source", failing)
    found, out, err = lw(*FIT)
    assert (found, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1
    if code == 70:
        monkeypatch.setenv("LEASTWISE_DEBUG", "1")
        with pytest.raises(ZeroDivisionError):
            run(FIT)
