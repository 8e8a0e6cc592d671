"""A fitted model as one self-contained HTML page.

`diagnostics` summarises the residuals, `render` makes the page's text, `write` puts it in a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leastwise.report.diagnostics import Diagnostics, Residuals, diagnostics

if TYPE_CHECKING:
    import os

    from leastwise.model import Model

__all__ = ["Diagnostics", "Residuals", "diagnostics", "render", "write"]


def render(model: Model, diagnostics: Diagnostics) -> str:
    """The page of `model` as HTML: no other file, no request, the same text for the same fit."""
    from leastwise.report.page import page

    return page(model, diagnostics)


def write(model: Model, diagnostics: Diagnostics, path: str | os.PathLike[str]) -> None:
    """Write the page of `model` to `path`, whole or not at all.

    Raises
    ------
    DataError
        The folder is missing or not writable, or the disk is full; nothing is left behind.
    """
    from leastwise.files import write_atomically

    write_atomically(path, render(model, diagnostics))
