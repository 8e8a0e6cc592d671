"""Fills a template: the page holds its style, scripts and figures, and fetches nothing.

Everything that is not markup of our own goes through Jinja's escaping. The scripts are allowed by
their hashes, nothing may be fetched, and the figures stand in the page as JSON without any `<`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leastwise.report.figure import Figure
from leastwise.report.words import level, powers

HERE = Path(__file__).parent


def fill(template: str, figures: Sequence[Figure], **values: Any) -> str:
    """The page that a template makes of these values, and of those figures that have data."""
    vendor, script = _asset("vendor/plotly-cartesian.min.js"), _asset("templates/page.js")
    specs = [figure.spec() for figure in figures if figure.data]
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            policy=_policy(vendor, script),
            style=_markup(_asset("templates/style.css")),
            vendor=_markup(vendor),
            script=_markup(script),
            figures=_markup(_json(specs)),
        )
    )


def _json(value: Any) -> str:
    """JSON that can stand inside a script element: no character of markup, no line separators."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(*scripts: str) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@functools.lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8").strip()


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)  # our own files and escaped JSON only


def _powers(text: str) -> Any:
    from markupsafe import escape

    return _markup(powers(str(escape(text))))


@functools.lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["powers"] = _powers
    environment.filters["level"] = level
    return environment
