"""Whether a built page asks for anything from the network, which is a warning; and SVG figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.logging import getLogger
from sphinx_gallery.scrapers import matplotlib_scraper

log = getLogger(__name__)

LOADED = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']((?:https?:)?//[^"']+)""")
LINKED = re.compile(r"""<link\b(?=[^>]*\brel=["'](?:stylesheet|preload|icon))[^>]*//[^>]*>""")


def svg(block: Any, variables: Any, gallery: Any) -> str:
    """A page's figures as drawings, which stay sharp at any size."""
    return matplotlib_scraper(block, variables, gallery, format="svg", metadata={"Date": None})


def check(app: Sphinx, error: Exception | None) -> None:
    """Name every page that loads something from elsewhere."""
    for path in sorted(Path(app.outdir).rglob("*.html")) if error is None else ():
        text = path.read_text(encoding="utf-8")
        for found in LOADED.findall(text) + LINKED.findall(text):
            log.warning("%s needs the network: %s", path.relative_to(app.outdir), found)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
