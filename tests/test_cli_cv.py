"""`leastwise fit --cv`: what it chooses, prints and keeps."""

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leastwise as lw_python
from cli_cases import FIT, Bad, lw, refused, rents
from leastwise.model import Model

__all__ = ["lw", "rents"]

CV = (*FIT, "--cv", "--strengths", "20", "--l1-ratio", "0.5,1")
SAME = 1e-12  # JSON keeps every bit; what is left is the order of sums
SHOWN = 1e-4  # five digits are printed


def in_python(exclude: str = "", groups: Any = None, **how: Any) -> lw_python.LeastSquaresCV:
    houses = lw_python.table("rents.csv", target="rent", exclude=exclude or ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lw_python.LeastwiseWarning)  # the edge of a grid
        return lw_python.LeastSquaresCV(**{"l1_ratio": (0.5, 1.0), "strengths": 20, **how}).fit(
            houses, groups=groups
        )


@pytest.mark.parametrize("rule", ["min", "1se"])
def test_the_choice_is_that_of_the_estimator(rule: str, rents: Path, lw: Any) -> None:
    options = ("--rule", rule, "--folds", "5", "--seed", "3", "--standardize", "--positive")
    code, out, err = lw(*CV, *options, "--save", "m.json")
    assert (code, err) == (0, "")
    chosen = in_python(rule=rule, cv=5, seed=3, standardize=True, bounds=(0, None))
    model = Model.load("m.json")
    assert model.l1 == chosen.strength_ * chosen.l1_ratio_
    assert model.l2 == chosen.strength_ * (1.0 - chosen.l1_ratio_)
    np.testing.assert_allclose(model.coef[0], chosen.coef_, rtol=SAME, atol=SAME)
    for name, at in (("min", chosen.cv_.minimum), ("1se", chosen.cv_.one_standard_error)):
        line = re.search(
            rf"\n{name} +strength (\S+) at l1_ratio (\S+): RMSE (\S+) ± (\S+) in units of rent", out
        )
        assert line is not None
        strength, ratio, mean, spread = (float(text.replace(",", "")) for text in line.groups())
        assert strength == pytest.approx(chosen.cv_.strengths[at], rel=SHOWN)
        assert ratio == chosen.cv_.l1_ratios[at[0]]
        assert mean == pytest.approx(np.sqrt(chosen.cv_.mean[at]), rel=SHOWN)
        expected = chosen.cv_.standard_error[at] / (2.0 * np.sqrt(chosen.cv_.mean[at]))
        assert spread == pytest.approx(expected, rel=1e-2)  # three digits are printed
    assert re.search(rf"\nchosen +strength \S+ at l1_ratio \S+: by the rule {rule}, l1 = ", out)
    assert "\njudged by    5 folds of 40 rows, 2 ratios × " in out
    assert re.search(r"\ncertificate  certified: ", out)


def test_the_model_keeps_its_cross_validation(rents: Path, lw: Any) -> None:
    code, out, _ = lw(*CV, "--json", "--save", "m.json")
    assert code == 0
    assert out == (rents / "m.json").read_text()
    saved = json.loads(out, parse_constant=pytest.fail)
    model = Model.from_dict(saved)
    found, expected = model.cross_validation, in_python().cv_
    assert found is not None
    assert found.chosen == expected.chosen
    assert (found.folds, found.route, found.rule) == (expected.folds, expected.route, "min")
    np.testing.assert_array_equal(found.strengths, expected.strengths)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=SAME)
    np.testing.assert_allclose(found.standard_error, expected.standard_error, rtol=1e-9)
    assert found.notes == expected.notes
    assert model.to_dict() == saved
    assert lw("predict", "m.json", "rents.csv", "-o", "p.csv")[0] == 0


def test_a_damaged_cross_validation_is_refused(rents: Path, lw: Any) -> None:
    _, out, _ = lw(*CV, "--json")
    for name, value in (
        ("minimum", [0, 99]), ("minimum", [0.5, 0]), ("rule", "best"), ("strengths", [[1.0]]),
        ("mean", "none"), ("folds", [-1]), ("l1_ratios", [0.5]), ("notes", 3), ("strengths", []),
    ):  # fmt: skip
        saved = json.loads(out)
        saved["cross_validation"][name] = value
        (rents / "bad.json").write_text(json.dumps(saved))
        code, _, err = lw("predict", "bad.json", "rents.csv")
        assert code == 1, name
        assert "bad.json: this is not a leastwise model" in err
        assert err.count("\n") == 1


def test_an_edge_is_noted(rents: Path, lw: Any) -> None:
    _, out, _ = lw(*FIT, "--cv", "--l1-ratio", "1", "--strengths", "5", "--smallest", "0.5")
    assert "  - the least error was at the smallest strength: the grids were widened once" in out
    assert in_python().cv_.scoring == "mse"


def test_groups_stay_in_one_fold(rents: Path, lw: Any) -> None:
    from leastwise.sources.readers import read_arrow

    text = (rents / "rents.csv").read_text().splitlines()
    holed = [text[0], *(line.replace(line.split(",")[0], "") if i % 50 == 7 else line
                        for i, line in enumerate(text[1:]))]  # fmt: skip
    (rents / "rents.csv").write_text("\n".join(holed) + "\n")
    options = ("--cv", "--folds", "3", "--group", "weight", "--strengths", "8", "--l1-ratio", "1")
    code, out, _ = lw(*FIT, *options, "--json")
    assert code == 0
    model = Model.from_dict(json.loads(out))
    assert "weight" not in model.columns
    assert model.rows_dropped == 4
    labels = np.array(read_arrow("rents.csv").column("weight").to_pylist())
    kept = np.array(
        [value is not None for value in read_arrow("rents.csv").column("area").to_pylist()]
    )
    assert model.cross_validation is not None
    assert sorted(model.cross_validation.folds) == sorted(
        np.unique(labels[kept], return_counts=True)[1]
    )
    expected = in_python("weight", labels[kept], l1_ratio=1.0, strengths=8, cv=3)
    assert model.l1 == expected.strength_


@pytest.mark.parametrize(
    ("folds", "words"), [("loo", "leaving out each row in turn"), ("gcv", "GCV")]
)
def test_a_ridge_without_folds(folds: str, words: str, rents: Path, lw: Any) -> None:
    options = ("--cv", "--folds", folds, "--l1-ratio", "0", "--report", "p.html")
    code, out, err = lw(*FIT, *options, "--save", "m.json")
    assert (code, err) == (0, "")
    assert f"\njudged by    {words}, 1 ratio × " in out
    model, chosen = Model.load("m.json"), in_python(l1_ratio=0.0, strengths=100, cv=folds)
    assert (model.l1, model.l2) == (0.0, chosen.strength_)
    np.testing.assert_allclose(model.coef[0], chosen.coef_, rtol=SAME)
    assert words in (rents / "p.html").read_text(encoding="utf-8")


def test_unpenalised_and_standardised_fits(rents: Path, lw: Any) -> None:
    options = ("--l1", "1e6", "--unpenalised", "town", "--standardize", "--json")
    code, out, _ = lw(*FIT, *options)
    assert code == 0
    model = Model.from_dict(json.loads(out))
    assert model.factors == (1.0, 1.0, 0.0, 0.0, 1.0)
    assert model.standardize
    assert (model.coef[0] != 0.0).tolist() == [False, False, True, True, False]
    code, out, _ = lw(*FIT, "--positive", "--json")
    assert (np.asarray(json.loads(out)["coef"]) >= 0.0).all()


def test_the_page_shows_the_choice(rents: Path, lw: Any) -> None:
    assert lw(*CV, "--rule", "1se", "--report", "p.html")[0] == 0
    page = (rents / "p.html").read_text(encoding="utf-8")
    for words in ("Choice of the penalty", "Error on rows left out", "1-SE rule", "choice-path-0"):
        assert words in page


BAD: dict[str, Bad] = {
    "l1 and cv": (2, (*FIT, "--cv", "--l1", "1"), "--cv chooses the penalty: leave --l1 out"),
    "l2 and cv": (2, (*FIT, "--cv", "--l2", "0"), "--cv chooses the penalty: leave --l2 out"),
    "folds alone": (2, (*FIT, "--folds", "5"), "--folds is of cross-validation: add --cv"),
    "ratio alone": (2, (*FIT, "--l1-ratio", "1"), "--l1-ratio is of cross-validation: add --cv"),
    "one fold": (2, (*FIT, "--cv", "--folds", "1"), "--folds"),
    "folds in words": (2, (*FIT, "--cv", "--folds", "ten"), "at least 2, loo or gcv, not 'ten'"),
    "loo of a lasso": (
        2, (*FIT, "--cv", "--folds", "loo", "--l1-ratio", "1"), "--folds loo is for a ridge: add",
    ),
    "gcv of the default": (2, (*FIT, "--cv", "--folds", "gcv"), "--folds gcv is for a ridge: add"),
    "loo within bounds": (
        2, (*FIT, "--cv", "--folds", "loo", "--l1-ratio", "0", "--positive"), "has no bounds",
    ),
    "gcv by 1se": (
        2, (*FIT, "--cv", "--folds", "gcv", "--l1-ratio", "0", "--rule", "1se"),
        "has no standard errors",
    ),
    "unknown rule": (2, (*FIT, "--cv", "--rule", "best"), "--rule"),
    "too many folds": (1, (*FIT, "--cv", "--folds", "500"), "500 folds need as many rows"),
    "ratio above 1": (2, (*FIT, "--cv", "--l1-ratio", "0.5,2"), "takes numbers from 0 to 1"),
    "no ratio": (2, (*FIT, "--cv", "--l1-ratio", ","), "--l1-ratio is empty"),
    "no such group": (1, (*FIT, "--cv", "--group", "twon"), "did you mean 'town'"),
    "no such group, and no target": (
        1, ("fit", "rents.csv", "-t", "rnt", "--cv", "--group", "twon"),
        "no column 'twon', which was named as the group: did you mean 'town'",
    ),
    "holes in groups": (
        1, ("fit", "holes.csv", "-t", "y", "--cv", "--group", "g"), "in 1 row, first in data row 2",
    ),
    "few groups": (1, (*FIT, "--cv", "--group", "weight"), "take fewer (--folds)"),
    "groups and holdout": (
        2, (*FIT, "--cv", "--group", "town", "--holdout", "0.2"), "--holdout takes single rows out",
    ),
    "unfit solver": (2, (*CV, "--solver", "qr"), "closed form"),
    "no folder": (1, (*CV, "--save", "no/m.json"), "the folder no does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_writes_nothing(case: str, rents: Path, lw: Any) -> None:
    rows = "\n".join(f"{i},{'' if i == 1 else i % 4},{i * i % 7}" for i in range(30))
    (rents / "holes.csv").write_text(f"a,g,y\n{rows}\n")
    refused(lw, BAD[case])
