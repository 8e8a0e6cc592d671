"""Laws of the page, held over a registry of fits: structure, escaping, silence, honest words."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from leastwise.report import diagnostics
from leastwise.report.diagnostics import weighted_quantiles
from leastwise.report.words import aligned, in_plot, number, probability, r_squared
from report_cases import HOSTILE, PAGES, fitted, page_of, sample
from report_reader import Reader

LARGEST_PAGE = 6_000_000  # bytes: 1.5 MB are Plotly's, the rest must not grow with the columns


@pytest.mark.parametrize("name", PAGES)
def test_structure(name: str) -> None:
    page = page_of(name)
    assert len(page.encode()) < LARGEST_PAGE
    reader = Reader(page)
    ids = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(ids) == len(set(ids))
    referred = [a["href"][1:] for a in reader.all("a")]
    referred += [a["aria-labelledby"] for _, a in reader.elements if "aria-labelledby" in a]
    assert set(referred) <= set(ids)
    levels = [int(tag[1]) for tag, _ in reader.elements if tag in {"h1", "h2", "h3", "h4", "h5"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels)), levels
    assert reader.all("html")[0]["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert len(reader.all(landmark)) == 1, landmark
    assert len(reader.all("table")) == len(reader.all("caption"))
    assert all("scope" in a for a in reader.all("th"))
    canvases = [a for a in reader.all("div") if a.get("class") == "canvas"]
    assert all(a["role"] == "img" and len(a["aria-label"]) > 40 for a in canvases)
    figures = json.loads(next(t for t in reader.text["script"] if t.startswith("[")))
    assert [f["id"] for f in figures] == [a["id"] for a in canvases]
    for word in ("nan", "inf", "None"):
        assert f">{word}<" not in page


@pytest.mark.parametrize("name", PAGES)
def test_asks_for_nothing(name: str) -> None:
    """No attribute can fetch, no script runs but the two that the policy names by hash."""
    reader = Reader(page_of(name))
    for tag, attributes in reader.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form", "video"}
        for attribute, value in attributes.items():
            assert not attribute.startswith("on"), (tag, attribute)
            assert attribute not in {"src", "srcset", "action", "data", "ping", "background"}
            if attribute == "href":
                assert value.startswith("#")
            assert not value.lower().startswith(("http:", "https:", "//", "javascript:"))
    scripts = reader.all("script")
    assert [a.get("type") for a in scripts] == ["application/json", None, None]
    policy = next(a["content"] for a in reader.all("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; ")
    runs = [text for text in reader.text["script"] if not text.startswith("[")]
    for text in runs:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    style = "".join(reader.text["style"])
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_names_are_text() -> None:
    reader = Reader(page_of("hostile names"))
    assert HOSTILE[0] in reader.text["bdi"]
    assert HOSTILE[1] in reader.text["bdi"]
    page = page_of("hostile names")
    assert "alert(1)</script>" not in page
    assert "{{ 7*7 }}" in page
    figures = next(t for t in reader.text["script"] if t.startswith("["))
    assert "<" not in figures
    ticks = json.loads(figures)[0]["layout"]["yaxis"]["ticktext"]
    assert not any("<" in tick for tick in ticks)
    page.encode("utf-8")


def test_says_at_the_top_that_it_did_not_converge() -> None:
    page = page_of("not converged")
    top = page[page.index("<header") : page.index("</header>")]
    assert "not converged</h1>" in top
    assert "Not converged." in top
    assert "max_iter: 40 iterations were too few; raise max_iter" in top
    assert "certified to" not in page


def test_headline_and_facts() -> None:
    reader = Reader(page_of("category"))
    title = reader.text["title"][0]
    assert title.startswith("price from 5 columns of 300 rows: R² ")
    assert title.endswith(", certified to 3×10⁻¹⁵")
    names = reader.text["dt"]
    for fact in ("Rows used", "Rows read", "Columns", "Non-zero coefficients", "R²", "R² adjusted",
                 "R² holdout", "Residual sigma", "F"):  # fmt: skip
        assert fact in names
    assert "town, against Aachen" in reader.text["bdi"]
    assert "sold: days since 1970-01-01" in reader.text["bdi"]


def test_a_penalised_fit_says_why_it_has_no_errors() -> None:
    page = page_of("penalised")
    assert "No errors: it is penalised." in page
    assert "Std. error" not in page
    assert "1×10<sup>−7</sup>" in page


def test_limits_are_stated() -> None:
    page = page_of("ten thousand columns")
    assert "The table holds the 500 largest per standard deviation of 10,001 coefficients" in page
    assert "The 30 largest of 10,000 non-zero coefficients" in page
    assert "9,800 more columns not shown" in page
    assert "20 more targets not shown" in page_of("forty targets")
    assert "A random sample of 2,000 of 6,000 rows (seed 0)" in page_of("many rows")


def test_a_real_fit_says_what_was_found() -> None:
    page = page_of("from a table")
    assert "exact combination" in page
    assert page.count("town: 3 levels, base Bonn") == 1
    assert "1 dropped for missing values" in page


def test_same_fit_same_page() -> None:
    assert page_of("category") == page_of("category")


def test_diagnostics_of_all_rows() -> None:
    model, source = fitted(*sample(5000))
    found = diagnostics(source, model, most=100)
    part = found.outputs[0]
    residual = source.y[:, 0] - source.X @ model.coef[0] - model.intercept[0]
    assert part.r2 == pytest.approx(model.explained[0], rel=1e-12)
    assert part.deviation == pytest.approx(residual.std(), rel=1e-9)
    assert part.quantiles[[0, -1]] == pytest.approx([residual.min(), residual.max()])
    assert part.quantiles[3] == pytest.approx(np.median(residual), rel=1e-9)
    assert part.shares.sum() + part.below + part.above == pytest.approx(1)
    assert (found.rows, found.shown, part.observed.size) == (5000, 100, 100)
    assert set(part.observed) <= set(source.y[:, 0])


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, np.asfortranarray])
def test_diagnostics_do_not_depend_on_the_format(kind: Any) -> None:
    model, source = fitted(*sample())
    other = SimpleNamespace(**{**vars(source), "X": kind(source.X)})
    a, b = (diagnostics(s, model).outputs[0] for s in (source, other))
    np.testing.assert_allclose(a.ordered, b.ordered, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(a.fitted, b.fitted, rtol=1e-12)


def test_a_weight_is_a_repeated_row() -> None:
    X, y = sample()
    times = np.arange(300) % 4
    model, once = fitted(X, y, weight=times.astype(float))
    many = SimpleNamespace(X=X.repeat(times, axis=0), y=y.repeat(times, axis=0), weight=None)
    a, b = (diagnostics(s, model).outputs[0] for s in (once, many))
    assert a.r2 == pytest.approx(b.r2, rel=1e-12)
    assert a.deviation == pytest.approx(b.deviation, rel=1e-12)
    assert a.rows == (times > 0).sum()


def test_weighted_quantiles_are_hazens() -> None:
    values = np.array([3.0, 1.0, 2.0, 5.0])
    wanted = np.quantile(values, [0.2, 0.5, 0.8], method="hazen")
    assert weighted_quantiles(values, np.full(4, 0.25), [0.2, 0.5, 0.8]) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234.5, 5, "1,234.5"),
        (-0.03125, 2, "−0.031"),
        (3.2e-15, 1, "3×10⁻¹⁵"),
        (-26890733.4, 4, "−26,890,733"),
        (0.99996, 3, "1"),
        (float("nan"), 4, "–"),
        (None, 4, "–"),
        (float("-inf"), 4, "−∞"),
        (0.0, 4, "0"),
        (1e300, 2, "1×10³⁰⁰"),
    ],
)
def test_numbers(value: Any, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_r_squared_never_claims_a_perfect_fit() -> None:
    assert r_squared(0.8096) == "0.810"
    assert r_squared(0.99999953) == "0.9999995"
    assert r_squared(1.0) == "1"
    assert r_squared(-0.25) == "−0.250"
    assert r_squared(float("nan")) == "–"


def test_small_words() -> None:
    assert probability(0.0) == "<0.0001"
    assert aligned(["1.25", "30", "4.5"]) == ["1.25", "30\u2008\u2007\u2007", "4.5\u2007"]
    assert in_plot("<b>&") == "&lt;b&gt;&amp;"
