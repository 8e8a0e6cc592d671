"""What docstrings of plain text need to be read as reStructuredText.

A formula, which stands indented under a docstring's first lines, is shown as it is typed, and the
bars of |w_j| and the underscore of coef_ in prose are themselves.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

# Not inside ``literal`` text, which is kept as the first alternative.
MARKS = re.compile(r"(``.*?``|`[^`]*`_*)|(?<!\\)(\||(?<=\w)_(?!\w))")


def formulas(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Open a literal block before each indented block above the first section."""
    found: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        if set(line) == {"-"}:
            found.extend(lines[number:])
            break
        indented = line.startswith("    ")
        begins = indented and not inside and found[-1:] == [""]
        if begins and not found[-2].endswith("::"):
            found.extend(["::", ""])
        inside = indented or (inside and not line.strip())
        found.append(line)
    lines[:] = found


def marks(_app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Escape what would be markup, outside of literal blocks and examples."""
    literal: int | None = None
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and depth <= literal:
            literal = None
        if literal is None and line.rstrip().endswith("::"):
            literal = depth
        elif literal is None and not line.lstrip().startswith((">>>", "...", "..", ":")):
            lines[number] = MARKS.sub(lambda found: found[1] or "\\" + found[2], line)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", formulas, priority=100)  # before numpydoc
    app.connect("autodoc-process-docstring", marks, priority=900)  # after it
    return {"parallel_read_safe": True}
