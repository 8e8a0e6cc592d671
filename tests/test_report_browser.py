"""What a browser makes of the page with the network off. Skipped where there is no Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import Browser, Page, chromium
from report_cases import CASES, PAGES, page_of

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
QUIET = ("two rows", "no rows", "long history")  # as others, to a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


@pytest.fixture
def load(browser: Browser, tmp_path: Path) -> Callable[..., Page]:
    def opened(name: str, **settings: Any) -> Page:
        path = tmp_path / "page.html"
        path.write_text(page_of(name), encoding="utf-8", errors="backslashreplace")
        return browser.open(path, **settings)

    return opened


@pytest.mark.parametrize("name", [name for name in PAGES if name not in QUIET])
def test_draws_every_plot_offline(load: Callable[..., Page], name: str) -> None:
    """On a phone: a silent console, one request (the file), every plot there, no side scroll."""
    page = load(name, width=360, height=740)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.wait("[...document.querySelectorAll('.canvas')].every(c => c.querySelector('.main-svg'))")
    assert page.console == []
    assert [url.partition("#")[0][-9:] for url in page.requests] == ["page.html"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.querySelectorAll('.undrawn').length") == 0
    widths = page.evaluate("[...document.querySelectorAll('.main-svg')].map(s => s.clientWidth)")
    assert max(widths, default=0) <= 360
    assert page.evaluate("document.querySelectorAll('svg a, #main a').length") == 0


def test_follows_dark_mode(load: Callable[..., Page]) -> None:
    """Page and plots change together when the system does, and back."""
    page = load("category")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    point = "getComputedStyle(document.querySelector('.canvas .point')).fill"
    light = page.evaluate(f"[{paper}, {point}]")
    page.prefer("dark")
    page.wait(f"{paper} !== '{light[0]}' && {point} !== '{light[1]}'")
    page.prefer("light")
    page.wait(f"{paper} === '{light[0]}' && {point} === '{light[1]}'")
    assert page.console == []


def test_prints_light_and_narrow(load: Callable[..., Page], tmp_path: Path) -> None:
    page = load("three targets", scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.documentElement).color") == "rgb(28, 33, 38)"
    widths = page.evaluate("[...document.querySelectorAll('.main-svg')].map(s => s.clientWidth)")
    assert max(widths) <= 660
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 2
    page.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert page.console == []


def test_reads_without_scripts(load: Callable[..., Page]) -> None:
    page = load("category", scripts=False)
    text = page.evaluate("document.body.innerText")
    assert "JavaScript is off" in text
    assert "This plot needs JavaScript" in text
    assert "town=Bonn" in text
    assert "All 300 rows." in text


def test_sorts_the_coefficients(load: Callable[..., Page]) -> None:
    page = load("category")
    names = (
        "[...document.querySelectorAll('.coefficients tbody th[scope=row]')].map(t => t.innerText)"
    )
    before = page.evaluate(names)
    press = "document.querySelectorAll('.coefficients th button')[1].click()"
    page.evaluate(press)
    model, _ = CASES["category"]()
    values = dict(zip(model.inference[0].names, model.inference[0].coef, strict=True))
    assert page.evaluate(names) == sorted(before, key=lambda name: -values[name])
    page.evaluate(press)
    assert page.evaluate(names) == sorted(before, key=lambda name: values[name])
    page.evaluate(press)
    assert page.evaluate(names) == before
