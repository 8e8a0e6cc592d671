"""The page of a path and of a choice by cross-validation: what they say and draw."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from leastwise.model.chosen import fit_chosen
from leastwise.report import path_plots
from leastwise.report.choosing import curves
from leastwise.report.paths import SHOWN, chosen, steps
from report_cases import HOSTILE, PATHS, page_of, rows
from report_reader import Reader

SIX = 1e-5  # relative: figures hold six digits


def figures(page: str) -> dict[str, Any]:
    text = next(t for t in Reader(page).text["script"] if t.startswith("["))
    return {figure["id"]: figure for figure in json.loads(text)}


def test_the_path_that_is_drawn_is_the_path() -> None:
    paths = PATHS["path"]()
    (path,) = paths.paths
    figure = figures(page_of("path"))["path-0-coefficients"]
    curves = {trace["text"]: trace for trace in figure["data"] if "text" in trace}
    assert set(curves) == set(path.columns)
    for j, name in enumerate(path.columns):
        np.testing.assert_allclose(curves[name]["x"], path.strengths, rtol=SIX)
        effect = path.coef[j] * paths.sd[j]
        np.testing.assert_allclose(curves[name]["y"], effect, rtol=SIX)
    first, last = figure["layout"]["xaxis"]["range"]
    assert first > last  # the path begins at the largest strength, on the left
    marks = {t["name"]: t["x"][0] for t in figure["data"] if t.get("showlegend", True)}
    found = chosen(path)
    assert set(found) == {"AIC", "BIC", "EBIC"}
    for name, at in found.items():
        (mark,) = (x for words, x in marks.items() if name in re.split(", | and ", words))
        assert mark == pytest.approx(path.strengths[at], rel=SIX)


def test_names_stand_apart_at_the_ends_of_their_curves() -> None:
    figure = figures(page_of("path of many columns"))["path-0-coefficients"]
    names = figure["layout"]["names"]
    heights = np.array([name["y"] for name in names])
    low, high = figure["layout"]["yaxis"]["range"]
    assert len(names) == 14
    assert (np.diff(heights) <= -0.99 * 15.0 / 340.0 * (high - low)).all()
    assert low <= heights.min()
    assert heights.max() <= high
    coloured = {trace["text"]: trace["line"]["color"] for trace in figure["data"][:14]}
    assert all(coloured[name["text"]] == name["color"] for name in names)


def test_hostile_names_are_text_on_curves_and_in_the_table() -> None:
    for name in ("path of hostile names", "cross-validated hostile"):
        page = page_of(name)
        assert "alert(1)</script>" not in page
        drawn = list(figures(page).values())
        texts = [label["text"] for figure in drawn for label in figure["layout"].get("names", [])]
        traces = [trace for figure in drawn for trace in figure["data"]]
        texts += [trace["text"] for trace in traces if isinstance(trace.get("text"), str)]
        assert texts
        assert not any("<" in text for text in texts)
        assert not any("separator" in trace.get("hovertemplate", "") for trace in traces)
    assert HOSTILE[1] in Reader(page_of("path of hostile names")).text["bdi"]


def test_a_path_of_classes_draws_the_coefficients_of_each() -> None:
    paths = PATHS["path of three classes"]()
    (path,) = paths.paths
    page = page_of("path of three classes")
    drawn = figures(page)
    for k, name in enumerate(paths.outputs):
        figure = drawn.get(f"path-0-coefficients-{k}", {"data": []})  # none where all are zero
        curves = {trace["text"]: trace["y"] for trace in figure["data"] if "text" in trace}
        for j, column in enumerate(path.columns):
            effect = path.coef[k, j] * paths.sd[j]
            np.testing.assert_allclose(curves.get(column, 0.0 * effect), effect, rtol=SIX)
        assert f"Coefficients of {name} along the path" in page
        words = f"Each is the change in the score of {name} for one standard"
        assert (words in page) == bool(path.coef[k].any())
    assert np.count_nonzero(path.coef[:, :, -1]) > 4
    assert "3 classes along 8 strengths" in page
    assert "4 more figures not shown" in page_of("path of many classes")


def test_the_page_of_a_path_names_its_own_loss() -> None:
    for name in ("path of two classes", "path of three classes"):
        page = page_of(name)
        assert "squared residuals" not in page
        assert f"mean of the {'logistic losses' if 'two' in name else 'cross-entropies'}" in page
        assert page.count("<math") == 2  # the objective, and what its scores are
        assert ("<mi>y</mi><mi>i</mi></msub><msub><mi>η</mi><mi>i</mi></msub>" in page) == (
            name == "path of two classes"
        )


def test_the_page_says_what_did_not_converge() -> None:
    page = page_of("path not converged")
    top = page[page.index("<header") : page.index("</header>")]
    assert "0 of 2 certified</h1>" in top
    assert "2 strengths of 2 did not reach the tolerance" in top
    assert "Reason: max_iter." in top
    assert "leastwise path a.csv" in page


def test_what_is_missing_is_said() -> None:
    assert "There is one strength, and so there is nothing to draw." in page_of("one strength")
    assert "A strength of zero has no place on this axis." in page_of("strength zero")
    constant = page_of("path of a constant")
    assert "R² is not defined: the target does not vary." in constant
    assert "Every fit is saturated" in constant
    assert "The 14 largest are named." in page_of("path of many columns")


def test_short_tables_show_what_changes() -> None:
    (path,) = PATHS["path"]().paths
    shown = steps(path)
    places = [step.place for step in shown]
    assert places[0] == 0
    assert places[-1] == path.strengths.size - 1
    changes = np.flatnonzero((np.diff(path.coef != 0.0, axis=1)).any(axis=0)) + 1
    assert set(changes.tolist()) <= set(places)
    entered = [name for step in shown for name in step.entered]
    assert sorted(entered) == sorted(path.columns)
    assert {mark for step in shown for mark in step.chosen} == set(chosen(path))
    (wide,) = PATHS["path of many columns"]().paths
    assert SHOWN <= len(steps(wide)) <= SHOWN + 3
    assert len(steps(wide, None)) == wide.strengths.size
    now: set[str] = set()
    for step in steps(wide):
        now = (now | set(step.entered)) - set(step.left)
        assert now == {wide.columns[j] for j in np.flatnonzero(wide.coef[:, step.place])}


def test_r_squared_is_that_of_the_predictions() -> None:
    source = rows()
    (path,) = PATHS["path"]().paths
    residual = source.y - source.X @ path.coef - path.intercepts
    total = ((source.y - source.y.mean()) ** 2).sum()
    expected = 1.0 - (residual**2).sum(axis=0) / total
    np.testing.assert_allclose(path.r2, expected, atol=1e-9)


def test_the_curve_of_cross_validation_holds_its_errors() -> None:
    model = fit_chosen(rows(), cv=4, strengths=20, rule="1se")
    found = model.cross_validation
    assert found is not None
    drawn = figures(page_of("cross-validated"))
    traces = {trace["name"]: trace for trace in drawn["choice-errors"]["data"]}
    root = np.sqrt(found.mean)
    for at, ratio in enumerate(found.l1_ratios):
        np.testing.assert_allclose(traces[f"l1_ratio {ratio:g}"]["y"], root[at], rtol=SIX)
    bars = traces[f"l1_ratio {found.l1_ratio:g}"]["error_y"]["array"]
    np.testing.assert_allclose(bars, curves(model)[1][found.chosen[0]], rtol=SIX)
    for name, at in (("least error", found.minimum), ("1-SE rule", found.one_standard_error)):
        assert traces[name]["x"][0] == pytest.approx(found.strengths[at], rel=SIX)
        assert traces[name]["y"][0] == pytest.approx(root[at], rel=SIX)
    mark = next(t for t in drawn["choice-path-0"]["data"] if t.get("name") == "chosen")
    assert mark["x"][0] == pytest.approx(found.strength, rel=SIX)


def test_standard_errors_of_roots_are_those_of_small_changes() -> None:
    model = fit_chosen(rows(), cv=4, strengths=5)
    found = model.cross_validation
    assert found is not None
    mean, spread = curves(model)
    step = 1e-6
    slope = (np.sqrt(found.mean * (1 + step)) - np.sqrt(found.mean)) / (found.mean * step)
    np.testing.assert_allclose(mean**2, found.mean, rtol=1e-12)
    np.testing.assert_allclose(spread, slope * found.standard_error, rtol=1e-5)


def test_the_words_of_other_choices() -> None:
    assert "relative and summed over targets" in page_of("cross-validated targets")
    alone = page_of("leave one out")
    assert "leaving out each row in turn" in alone
    mae = page_of("no path drawn")
    assert "mean absolute error (y)" in mae
    assert "choice-path-0" not in mae


def test_no_two_curves_of_a_page_look_the_same() -> None:
    looks = [json.dumps(path_plots.stroke(place, 1.8)) for place in range(path_plots.MOST_NAMED)]
    assert len(set(looks)) == len(looks)
