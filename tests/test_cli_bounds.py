"""`--lower`, `--upper` and `--positive`: what they mean, and how they fail."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leastwise as lw_python
from cli_cases import FIT, Bad, lw, refused, rents
from leastwise.model import Model

__all__ = ["lw", "rents"]

NONE = np.inf
SAME = 1e-12  # JSON keeps every bit; what is left is the order of sums

# The columns are area, rooms, town=Kiel, town=Ulm, weight.
GIVEN: dict[str, tuple[tuple[str, ...], list[float] | None, list[float] | None]] = {
    "one for all": (("--lower", "0"), [0.0] * 5, None),
    "positive": (("--positive",), [0.0] * 5, None),
    "both sides": (("--lower", "-2", "--upper", "30"), [-2.0] * 5, [30.0] * 5),
    "pairs": (("--upper", "area=5,rooms=20"), None, [5.0, 20.0, NONE, NONE, NONE]),
    "a category": (("--lower", "town=-1"), [-NONE, -NONE, -1.0, -1.0, -NONE], None),
    "all but one": (("--lower", "0", "--lower", "town=-9"), [0.0, 0.0, -9.0, -9.0, 0.0], None),
    "positive to": (("--positive", "--upper", "8"), [0.0] * 5, [8.0] * 5),
}


@pytest.mark.parametrize("case", GIVEN)
@pytest.mark.parametrize("more", [(), ("--cv", "--folds", "3", "--strengths", "8")])
def test_bounds_are_those_of_python(case: str, more: tuple[str, ...], rents: Path, lw: Any) -> None:
    options, lower, upper = GIVEN[case]
    code, out, err = lw(*FIT, *options, *more, "--json")
    assert code == 0, err
    model = Model.from_dict(json.loads(out))
    assert model.bounds is not None
    sides = (lower or [-NONE] * 5, upper or [NONE] * 5)
    assert [list(side) for side in model.bounds] == list(sides)
    if not more:
        rows = lw_python.table("rents.csv", target="rent")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lw_python.LeastwiseWarning)  # of the certificate's box
            expected = lw_python.LeastSquares(bounds=(lower, upper)).fit(rows)
        np.testing.assert_allclose(model.coef[0], expected.coef_, rtol=SAME, atol=SAME)
        assert "within bounds" in (model.inference[0].why or "")


def test_a_path_keeps_its_bounds(rents: Path, lw: Any) -> None:
    path = ("path", "rents.csv", "--target", "rent", "--strengths", "5", "--json")
    code, out, _ = lw(*path, "--upper", "area=5,rooms=0")
    assert code == 0
    (one,) = json.loads(out)["paths"]
    assert max(row["coef"].get("area", 0.0) for row in one["strengths"]) == 5.0
    assert all("rooms" not in row["coef"] for row in one["strengths"])


def test_names_may_hold_what_separates(rents: Path, lw: Any) -> None:
    rows = "\n".join(f"{i % 7},{i * i % 11},{i % 7 + i % 3}" for i in range(40))
    (rents / "odd.csv").write_text(f'"a,b","c=d",y\n{rows}\n')
    options = ("--upper", "a,b=0.5", "--upper", "c=d=0")
    code, out, _ = lw("fit", "odd.csv", "-t", "y", *options, "--json")
    assert code == 0
    model = Model.from_dict(json.loads(out))
    assert model.bounds is not None
    assert model.bounds[1] == (0.5, 0.0)


BAD: dict[str, Bad] = {
    "no such column": (1, (*FIT, "--lower", "aera=0"), "'aera', which was given to --lower: did"),
    "no number": (2, (*FIT, "--upper", "area=much"), "--upper: 'much' is not a number"),
    "no pair": (2, (*FIT, "--lower", "area"), "--lower: 'area' is not a number"),
    "nan": (2, (*FIT, "--lower", "nan"), "the lower bound of column 'area' is nan"),
    "lower above 0": (2, (*FIT, "--lower", "rooms=1"), "the lower bound of column 'rooms' is 1"),
    "upper below 0": (2, (*FIT, "--upper", "rooms=-1"), "the upper bound of column 'rooms' is -1"),
    "two for all": (2, (*FIT, "--lower", "0,-1"), "--lower has two numbers for all columns"),
    "two for one": (2, (*FIT, "--upper", "area=0,area=1"), "--upper has two numbers for area"),
    "nothing": (2, (*FIT, "--lower", ","), "--lower names no bound"),
    "positive twice": (2, (*FIT, "--positive", "--lower", "0"), "--positive is --lower 0 in short"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_bounds_are_refused(case: str, rents: Path, lw: Any) -> None:
    refused(lw, BAD[case])
