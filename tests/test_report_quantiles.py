"""The page of several quantiles: what it says and draws."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from leastwise import Quantile
from leastwise.report import diagnostics, render_quantiles
from report_cases import LOW, page_of, rows, several_quantiles
from report_reader import Reader
from test_report_path import SIX, figures


def test_the_coefficients_that_are_drawn_are_the_fits() -> None:
    several = several_quantiles(rows(300), (0.9, 0.1, 0.5))
    page = page_of("quantiles")
    drawn = figures(page)
    models = [several.models[k] for k in (1, 2, 0)]  # rising
    per_sd = np.array([model.inference[0].per_sd for model in models])
    names = models[0].inference[0].names
    curves = {curve["text"]: curve for curve in drawn["process"]["data"]}
    assert set(curves) == set(names) - {"intercept"}
    for name, curve in curves.items():
        np.testing.assert_allclose(curve["x"], [0.1, 0.5, 0.9])
        np.testing.assert_allclose(curve["y"], per_sd[:, names.index(name)], rtol=SIX)
    panel = drawn["coefficient-0"]["data"]  # the intercept, with its interval
    for curve, of in zip(panel, ("coef", "low", "high"), strict=True):
        wanted = [getattr(model.inference[0], of)[0] for model in models]
        np.testing.assert_allclose(curve["y"], wanted, rtol=SIX)
    cells = [a["title"] for a in Reader(page).all("td") if a.get("title")]
    for model in models:
        for value in model.inference[0].coef:
            assert f"{value:.12g}" in cells


def test_predictions_and_shares_below_are_those_of_the_rows() -> None:
    source = rows(300)
    model = Quantile((0.1, 0.5, 0.9)).fit(source.X, source.y[:, 0])
    eta = model.predict(source.X)
    drawn = figures(page_of("quantiles"))
    observed, *clouds = drawn["predictions"]["data"]
    np.testing.assert_allclose(observed["y"], source.y[:, 0], rtol=SIX)
    for k, cloud in enumerate(clouds):
        np.testing.assert_allclose(cloud["x"], eta[:, 1], rtol=SIX)
        np.testing.assert_allclose(cloud["y"], eta[:, k], rtol=SIX)
    below = (source.y < eta - 1e-6).mean(axis=0)
    np.testing.assert_allclose(drawn["reached"]["data"][0]["y"], below, rtol=SIX)


def test_what_all_quantiles_took_is_said() -> None:
    several = several_quantiles(rows(300), (0.9, 0.1, 0.5))
    page = render_quantiles(several, [diagnostics(rows(300), one) for one in several.models])
    fits = [model.fit for model in several.models]
    most, passes = max(fit.iterations for fit in fits), sum(fit.passes for fit in fits)
    assert f"It took {most} iterations at most, {passes:.3g} passes over the data and " in page


def top(page: str) -> str:
    return page[page.index("<header") : page.index("</header>")]


def test_the_page_counts_the_rows_in_which_they_cross() -> None:
    several = several_quantiles(rows(120), LOW)
    page = page_of("quantiles that cross")
    assert several.crossings > 1
    assert f"they cross in {several.crossings} rows" in top(page)
    assert "keeps them apart" in page
    for name in ("quantiles apart", "quantiles apart with l2"):
        page = page_of(name)
        assert "none cross" in top(page)
        assert "The certificate of all quantiles together" in page
        assert "Summed over all q" in page
        assert "No standard errors: " in page


def test_the_page_says_which_quantile_is_unfinished() -> None:
    page = page_of("quantiles not converged")
    assert "not converged</h1>" in top(page)
    assert "whose gap is the largest" in top(page)
    assert page.count(">not converged</td>") == 3  # each quantile, and the verdict


def test_many_quantiles_and_columns_are_cut_and_say_so() -> None:
    page = page_of("many quantiles")
    assert "A random sample of 1,000 of 2,500 rows" in page
    assert "7 of 19 quantiles are drawn" in page
    assert "12 of 31 coefficients are drawn" in page
    assert "Quantile regression (0.05 to 0.95)" in page


def test_one_and_several_are_reported_from_python(tmp_path: Any) -> None:
    source = rows(300)
    several = Quantile((0.9, 0.1, 0.5)).fit(source.X, source.y[:, 0])
    several.report(tmp_path / "several.html", source.X, source.y[:, 0])
    text = (tmp_path / "several.html").read_text()
    own = next(t for t in Reader(text).text["script"] if t.startswith("["))
    ids = {figure["id"] for figure in json.loads(own)}
    assert {"process", "predictions", "reached", "coefficient-0"} <= ids
    one = Quantile([0.5]).fit(source.X, source.y[:, 0])
    one.report(tmp_path / "one.html", source.X, source.y[:, 0])
    assert "Residuals against fitted" in (tmp_path / "one.html").read_text()
