"""leastwise fit --loss, and predict, for every loss: words, files, exit codes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from cli_cases import lw, refused, rents  # noqa: F401 (fixtures)
from leastwise import table
from leastwise.losses import Huber, Multinomial
from leastwise.model import Model, fit_source
from leastwise.solvers import SOLVERS


@pytest.fixture
def flowers(rents):  # noqa: F811
    """Also flowers.csv: targets of text, of true and false, and of whole numbers."""
    data = load_iris()
    lines = ["length,width,petal,kind,setosa,code"]
    for row, code in zip(data.data, data.target, strict=True):
        kind = data.target_names[code]
        lines.append(f"{row[0]},{row[1]},{row[2]},{kind},{str(code == 0).lower()},{code}")
    (rents / "flowers.csv").write_text("\n".join(lines) + "\n")
    return rents


def fit(*options):
    return ("fit", "flowers.csv", "--features", "length,width,petal", *options)


def test_text_asks_for_the_logistic_loss_and_says_so(lw, flowers):  # noqa: F811
    code, out, err = lw(*fit("--target", "kind", "--l2", "0.01", "--save", "m.json"))
    assert (code, err) == (0, "")
    assert out.startswith("Multinomial logistic regression with an l2 penalty (ridge): kind from 3")
    assert "the target kind is of classes, so that --loss logistic was taken" in out
    assert "\nD2 " in out
    assert "\naccuracy " in out
    assert "R2" not in out
    assert "kind=setosa" in out
    model = Model.load("m.json")
    assert model.classes is not None
    assert model.classes.labels == ("setosa", "versicolor", "virginica")


def test_what_holds_for_every_class_is_said_once(lw, flowers):  # noqa: F811
    _, out, _ = lw(*fit("--target", "kind", "--l2", "0.01"))
    said = "no standard errors: a penalised estimate"
    assert out.count(said) == 1
    assert out.index("kind=virginica") < out.index(said) < out.index("\nD2 ")


def test_odds_ratios_have_the_digits_that_tell_them_from_one(lw, flowers):  # noqa: F811
    lines = Path("flowers.csv").read_text().splitlines()
    head, *rows = ((*line.split(",")[:2], line.split(",")[-1]) for line in lines)
    far = [(str(float(length) * 1e6), width, str(code == "2")) for length, width, code in rows]
    Path("far.csv").write_text("\n".join(map(",".join, (head, *far))) + "\n")
    _, out, _ = lw("fit", "far.csv", "--target", "code", "--save", "m.json")
    table = Model.load("m.json").inference[0]
    (row,) = (line.split() for line in out.splitlines() if line.startswith("length"))
    for shown, value in zip(row[-3:], (table.coef[1], table.low[1], table.high[1]), strict=True):
        assert 0.0 < abs(np.exp(value) - 1.0) < 1e-4
        np.testing.assert_allclose(float(shown) - 1.0, np.expm1(value), rtol=0.05)
    (row,) = (line.split() for line in out.splitlines() if line.startswith("intercept"))
    assert row[-3:] == ["-", "-", "-"]


def test_predict_writes_labels_and_probabilities(lw, flowers):  # noqa: F811
    lw(*fit("--target", "kind", "--l2", "0.01", "--save", "m.json"))
    lines = Path("flowers.csv").read_text().splitlines()
    lines[1] = "," + lines[1].partition(",")[2]
    Path("new.csv").write_text("\n".join(lines) + "\n")
    code, _, err = lw("predict", "m.json", "new.csv", "-o", "p.csv")
    assert code == 0
    assert "150 rows predicted (kind), 1 of them nan for missing values (length 1)" in err
    assert "accuracy of kind 0.9" in err
    with open("p.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["kind", "kind=setosa", "kind=versicolor", "kind=virginica"]
    assert rows[0] == ["", "nan", "nan", "nan"]
    likely = np.array([row[1:] for row in rows[1:]], float)
    np.testing.assert_allclose(likely.sum(axis=1), 1.0)
    names = np.array(["setosa", "versicolor", "virginica"])
    assert [row[0] for row in rows[1:]] == names[likely.argmax(axis=1)].tolist()
    assert lw("predict", "m.json", "new.csv", "-o", "p.parquet")[0] == 0
    import pandas as pd

    frame = pd.read_parquet("p.parquet")
    assert list(frame.columns) == head
    assert frame["kind"].isna().tolist() == [True] + [False] * 149


def test_two_classes_show_z_and_odds_ratios(lw, flowers):  # noqa: F811
    rng = np.random.default_rng(0)
    lines = ["a,b,bought"]
    for a, b, u in zip(rng.normal(size=300), rng.normal(size=300), rng.random(300), strict=True):
        lines.append(f"{a},{b},{'yes' if u < 1 / (1 + np.exp(-a)) else 'no'}")
    Path("bought.csv").write_text("\n".join(lines) + "\n")
    arguments = ("fit", "bought.csv", "--target", "bought", "--loss", "logistic")
    code, out, _ = lw(*arguments, "--save", "m.json", "--report", "m.html", "--holdout", "0.2")
    assert code == 0
    assert out.startswith("Logistic regression: bought from 2 columns of 240 rows")
    assert "so that --loss logistic was taken" not in out
    head = next(line for line in out.splitlines() if "coefficient" in line)
    assert head.split()[-7:] == ["z", "p", "odds", "ratio", "95%", "from", "to"]
    table_of = Model.load("m.json").inference[0]
    row = next(line for line in out.splitlines() if line.startswith("a "))
    assert f"{np.exp(table_of.coef[1]):.3f}" in row
    assert f"{np.exp(table_of.low[1]):.3f}" in row
    assert "standard errors: inverse Fisher information" in out
    assert "about the best constant of these rows, accuracy 0." in out
    assert "Logistic regression" in Path("m.html").read_text(encoding="utf-8")


def test_true_and_false_are_classes_unless_a_loss_is_named(lw, flowers):  # noqa: F811
    code, out, _ = lw(*fit("--target", "setosa", "--l2", "0.1"))
    assert code == 0
    assert out.startswith("Logistic regression with an l2 penalty (ridge): setosa")
    code, out, _ = lw(*fit("--target", "setosa", "--loss", "squared"))
    assert code == 0
    assert out.startswith("Least squares: setosa")
    assert "the target setosa takes 2 whole numbers and nothing between" in out


def test_whole_numbers_are_classes_when_asked_for(lw, flowers):  # noqa: F811
    code, out, _ = lw(*fit("--target", "code", "--loss", "logistic", "--l2", "0.1"))
    assert code == 0
    assert "code=2" in out
    code, out, _ = lw(*fit("--target", "code"))
    assert code == 0
    assert "the target code takes 3 whole numbers" in out


def test_a_robust_fit_says_d2(lw, rents):  # noqa: F811
    arguments = ("fit", "rents.csv", "--target", "rent", "--loss", "huber(15)", "--save", "m.json")
    code, out, _ = lw(*arguments)
    assert code == 0
    assert out.startswith("Huber regression (width 15): rent from 5 columns of 200 rows")
    assert "sum_i huber(15.0)(y_i, b + x_i·w)" in out
    assert "standard errors: Huber's sandwich (1973, H1)" in out
    assert "R2" not in out
    same = fit_source(table("rents.csv", target="rent"), loss=Huber(15.0))
    np.testing.assert_allclose(Model.load("m.json").coef, same.coef)
    _, _, err = lw("predict", "m.json", "rents.csv", "-o", "p.csv")
    assert "D2 of rent 0.9" in err
    assert "about the best constant of these rows" in err


@pytest.mark.skipif("interior-point" not in SOLVERS, reason="kinked losses wait for interior-point")
@pytest.mark.parametrize("loss", ["absolute", "quantile(0.9)"])
def test_kinked_losses(lw, rents, loss):  # noqa: F811
    code, out, _ = lw("fit", "rents.csv", "--target", "rent", "--loss", loss)
    assert code == 0
    assert "\nD2 " in out


LOO = ("--folds", "loo", "--l1-ratio", "0")


@pytest.mark.parametrize(
    "case",
    [
        (2, ("--target", "code", "--loss", "cubic"), "unknown loss 'cubic'; there is squared"),
        (2, ("--target", "code", "--loss", "huber(-1)"), "width must be a positive, finite number"),
        (2, ("--target", "code", "--loss", "quantile(2)"), "q must be a number between 0 and 1"),
        (2, ("--target", "kind", "--cv", *LOO), "is for squared loss: give a number of folds"),
        (1, ("--target", "length", "--loss", "logistic"), "holds numbers that are not whole"),
        (1, ("--target", "kind", "--loss", "squared"), "and the squared loss needs numbers"),
        (1, ("--target", "kind,code"), "only a single target may be classes"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(lw, flowers, case):  # noqa: F811
    code, options, words = case
    refused(lw, (code, ("fit", "flowers.csv", *options), words))


def test_the_page_of_many_classes_shows_each(lw, flowers):  # noqa: F811
    code, out, _ = lw(*fit("--target", "kind", "--l2", "0.1", "--report", "k.html"))
    assert code == 0
    assert "the page to k.html" in out
    page = (flowers / "k.html").read_text()
    assert 'id="classes"' in page
    assert all(f"kind={name}" in page for name in ("setosa", "versicolor", "virginica"))


def test_the_path_of_many_classes_has_a_table_and_files(lw, flowers):  # noqa: F811
    arguments = ("path", *fit("--target", "kind", "--strengths", "4", "--smallest", "0.05")[1:])
    code, out, _ = lw(*arguments, "--save", "p.csv")
    assert code == 0
    assert "+petal" in out
    assert "all 4 strengths certified" in out
    with (flowers / "p.csv").open() as held:
        rows = list(csv.DictReader(held))
    assert [row["target"] for row in rows[::4]] == [
        "kind=setosa",
        "kind=versicolor",
        "kind=virginica",
    ]
    features = ["length", "width", "petal"]
    kinds = table("flowers.csv", target="kind", features=features).classified()
    for place in range(4):
        own = [row for row in rows if row["strength"] == rows[place]["strength"]]
        alone = fit_source(kinds, loss=Multinomial(), l1=float(own[0]["strength"]))
        coef = [[float(row[name]) for name in features] for row in own]
        np.testing.assert_allclose(coef, alone.coef, atol=1e-3)
        assert [int(row["non_zero"]) for row in own] == np.count_nonzero(coef, axis=1).tolist()
    code, out, _ = lw(*arguments, "--json")
    assert [path["target"] for path in json.loads(out)["paths"]][-1] == "kind=virginica"
    assert lw(*arguments, "--report", "p.html")[0] == 0
    page = (flowers / "p.html").read_text()
    assert "3 classes along" in page
    assert "Coefficients of kind=virginica along the path" in page
