"""How the gallery's pages state the rows of the studies: `examples/studies.py`."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    module = importlib.reload(importlib.import_module("studies"))
    monkeypatch.setattr(module, "records", [])
    return module


def test_there_are_112_rows(studies: ModuleType) -> None:
    assert len(studies.ROWS) == len(set(studies.ROWS)) == 112
    assert (studies.ROWS[0], studies.ROWS[-1]) == ("S0.1", "S3.20")


def test_what_agrees_is_printed_and_kept(
    studies: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    studies.shown("S2.10", "slope", np.float64(2.46906797), 2.469067972, digits=7)
    studies.corrected("S3.18", "GiB", 74.5058, 74.5, text="37", rtol=1e-3)
    studies.refuted("S1.19", "zeros", np.array([0, 0]), [0, 0], text="some")
    studies.shown("S0.40", "finite", np.True_, True)
    studies.shown("S1.3", "convention", "B", "B")
    assert [(each.row, each.verdict) for each in studies.records] == [
        ("S2.10", "shown"),
        ("S3.18", "corrected"),
        ("S1.19", "refuted"),
        ("S0.40", "shown"),
        ("S1.3", "shown"),
    ]
    assert studies.records[0].stored() == {
        "what": "slope",
        "obtained": 2.46906797,
        "expected": 2.469067972,
        "verdict": "shown",
        "text": "",
        "page": Path(__file__).stem,
        "tolerance": "to 7 decimals",
    }
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "S2.10 shown: slope: 2.4690680 (expected 2.4690680, to 7 decimals)"
    assert lines[1].endswith("GiB: 74.506 (expected 74.5, within 0.001 of it); the text says: 37")
    assert lines[2].startswith("S1.19 refuted: zeros: 0, 0 (expected 0, 0)")


@pytest.mark.parametrize(
    ("obtained", "expected", "near"),
    [
        (1.0, 1.0 + 1e-15, {}),
        (1.2, 1.0, {"digits": 1}),
        (1.11, 1.0, {"rtol": 0.1}),
        (0.11, 0.0, {"atol": 0.1}),
        ([1, 2], [1, 3], {}),
        ([1, 2], [1, 2, 3], {}),
        (True, 1, {}),
        (1, True, {"atol": 1.0}),
        ("a", "b", {}),
        (float("nan"), 0.0, {"atol": 1.0}),
        (float("inf"), 0.0, {"atol": 1.0}),
    ],
)
def test_what_disagrees_is_an_error_and_not_kept(
    studies: ModuleType, obtained: object, expected: object, near: dict[str, float]
) -> None:
    with pytest.raises(AssertionError, match="they disagree"):
        studies.shown("S2.10", "slope", obtained, expected, **near)
    assert studies.records == []


def test_calls_that_say_too_little_or_too_much_are_named(studies: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"there is no row 'S2\.25'"):
        studies.shown("S2.25", "slope", 1, 1)
    with pytest.raises(ValueError, match=r"S2\.10: say in text= what the text claims"):
        studies.refuted("S2.10", "slope", 1, 1, text="")
    with pytest.raises(ValueError, match="one of digits, rtol and atol"):
        studies.shown("S2.10", "slope", 1, 1, digits=3, atol=0.1)
    with pytest.raises(TypeError, match="a number, a truth value"):
        studies.shown("S2.10", "slope", np.eye(2), 1)
