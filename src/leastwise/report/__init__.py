"""A fitted model, or a path, as one self-contained HTML page.

`diagnostics` summarises the residuals, `render` makes the page's text, `write` puts it in a file;
`render_paths` and `write_paths` are those of paths, `render_quantiles` and `write_quantiles` those
of several quantiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leastwise.report.diagnostics import Diagnostics, Residuals, diagnostics

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from leastwise.model import Model
    from leastwise.model.along import Paths
    from leastwise.model.saved_quantiles import Quantiles

__all__ = [
    "Diagnostics",
    "Residuals",
    "diagnostics",
    "render",
    "render_paths",
    "render_quantiles",
    "write",
    "write_paths",
    "write_quantiles",
]


def render(model: Model, diagnostics: Diagnostics, paths: Paths | None = None) -> str:
    """The page of `model` as HTML: no other file, no request, the same text for the same fit.

    `paths` are drawn where cross-validation chose the penalty: those of the ratio it chose.
    """
    from leastwise.report.page import page

    return page(model, diagnostics, paths)


def render_paths(paths: Paths) -> str:
    """The page of `paths` as HTML, in the same way."""
    from leastwise.report.path_page import path_page

    return path_page(paths)


def write_paths(paths: Paths, file: str | os.PathLike[str]) -> None:
    """Write the page of `paths` to `file`, as `write` does."""
    from leastwise.files import write_atomically

    write_atomically(file, render_paths(paths))


def render_quantiles(several: Quantiles, parts: Sequence[Diagnostics]) -> str:
    """The page of several quantiles as HTML; `parts` are the diagnostics of each, in order."""
    from leastwise.report.quantile_page import quantile_page

    return quantile_page(several, parts)


def write_quantiles(
    several: Quantiles, parts: Sequence[Diagnostics], file: str | os.PathLike[str]
) -> None:
    """Write the page of several quantiles to `file`, as `write` does."""
    from leastwise.files import write_atomically

    write_atomically(file, render_quantiles(several, parts))


def write(
    model: Model,
    diagnostics: Diagnostics,
    path: str | os.PathLike[str],
    paths: Paths | None = None,
) -> None:
    """Write the page of `model` to `path`, whole or not at all.

    Raises
    ------
    DataError
        The folder is missing or not writable, or the disk is full; nothing is left behind.
    """
    from leastwise.files import write_atomically

    write_atomically(path, render(model, diagnostics, paths))
