"""leastwise check: on a table and on random rows; what it prints, and its exit codes."""

import json
from dataclasses import replace

import pytest

from cli_cases import lw, refused, rents  # noqa: F401 (fixtures)
from leastwise.cli import checking
from leastwise.losses import LOSSES


def test_random_rows_check_every_loss(lw, rents):  # noqa: F811
    code, out, err = lw("check", "--rows", "50", "--columns", "2", "--l2", "0.1")
    assert (code, err) == (0, "")
    assert out.startswith("gradients on 50 random rows of 2 columns, at a random point (seed 0)")
    lines = [line for line in out.splitlines() if line.endswith("right")]
    assert len(lines) == len(LOSSES)
    assert lw("check", "--rows", "50", "--columns", "2", "--l2", "0.1")[1] == out


def test_a_table_checks_the_losses_that_suit_its_target(lw, rents):  # noqa: F811
    code, out, _ = lw("check", "rents.csv", "--target", "rent", "--rows", "100")
    assert code == 0
    assert "rents.csv: rent from 100 rows of 5 columns, drawn of 200" in out
    assert "absolute" in out
    assert "logistic" not in out
    code, out, _ = lw("check", "rents.csv", "--target", "town", "--json")
    assert code == 0
    found = json.loads(out)
    assert [check["loss"] for check in found["checks"]] == ["multinomial"]
    assert len(found["checks"][0]["curve"]) == len(found["checks"][0]["steps"]) == 12


def test_a_wrong_gradient_is_exit_code_3(lw, rents, monkeypatch):  # noqa: F811
    real = checking.check_gradient
    wrong = {"ok": False, "verdict": "the gradient is off by 0.5"}
    monkeypatch.setattr(checking, "check_gradient", lambda *a, **k: replace(real(*a, **k), **wrong))
    code, out, _ = lw("check", "--loss", "huber(2)", "--rows", "9", "--no-intercept")
    assert code == 3
    assert "WRONG" in out
    assert "huber(2.0): the gradient is off by 0.5" in out


@pytest.mark.parametrize(
    "case",
    [
        (2, ("check", "--target", "rent"), "--target names columns of a table"),
        (2, ("check", "rents.csv"), "name the column to predict"),
        (2, ("check", "rents.csv", "--target", "rent", "--columns", "3"), "--columns is for"),
        (2, ("check", "--loss", "cubic"), "unknown loss 'cubic'"),
        (2, ("check", "--l2", "-1"), "l2 must be a number of at least 0"),
        (1, ("check", "absent.csv", "--target", "rent"), "absent.csv does not exist"),
        (1, ("check", "rents.csv", "--target", "rent", "--loss", "logistic"), "not whole"),
    ],
)
def test_refusals(lw, rents, case):  # noqa: F811
    refused(lw, case)


@pytest.mark.parametrize("command", ["check", "plan"])
def test_one_quantile_is_checked_and_planned_and_columns_need_their_table(lw, command):  # noqa: F811
    sizes = ("--rows", "50", "--columns", "2")
    code, out, err = lw(command, *sizes, "--loss", "quantile(0.1,0.9)")
    assert (code, out) == (2, "")
    assert "is of one quantile; name one" in err
    code, out, err = lw(command, *sizes, "--target", "rent")
    assert (code, out) == (2, "")
    assert "--target names columns of a table: name its FILE as well" in err


def test_a_strength_whose_square_is_no_number_is_refused(lw):  # noqa: F811
    code, out, err = lw("check", "--l2", "1e308")
    assert (code, out) == (2, "")
    assert err.startswith("leastwise: l1 and l2, times their factors, must be at most 1e+150")
