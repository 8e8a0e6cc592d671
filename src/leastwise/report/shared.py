"""What every page ends with: missing values, notes, encoding, the command, the versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from leastwise.report import facts
from leastwise.report.words import clean, count

if TYPE_CHECKING:
    from leastwise.encoding import Encoding
    from leastwise.model import Model
    from leastwise.model.along import Paths

MOST_TARGETS = 20  # drawn in full; R2 is given for all
MOST_ENTRIES = 200  # of a list of notes, missing values or levels


def sections(of: Model | Paths, said: Iterable[str]) -> dict[str, Any]:
    """What `data.html` needs of a fit or of paths, and of what was `said` of them."""
    encoded = of.encoding.notes() if of.encoding is not None else ()
    notes = [clean(note) for note in dict.fromkeys(said) if note not in encoded]
    missing = [(clean(name), count(rows)) for name, rows in of.missing.items() if rows]
    return {
        "rows": facts.rows(of),
        "missing": missing[:MOST_ENTRIES],
        "missing_left_out": left_out(len(missing), MOST_ENTRIES, "column"),
        "notes": notes[:MOST_ENTRIES],
        "notes_left_out": left_out(len(notes), MOST_ENTRIES, "note"),
        "encoding": _encoding(of.encoding),
        "command": clean(of.command) if of.command else "",
        "versions": [(clean(name), clean(text)) for name, text in of.versions.items()],
    }


def left_out(total: int, shown: int, noun: str) -> str:
    """How many of a list are not shown."""
    if total <= shown:
        return ""
    return f"{count(total - shown, f'more {noun}')} not shown; the saved model holds all."


def _encoding(encoding: Encoding | None) -> dict[str, Any]:
    if encoding is None:
        return {"notes": [], "left_out": "", "levels": []}
    notes = [clean(note) for note in encoding.notes()]
    levels: list[dict[str, Any]] = []
    for feature in encoding.features:
        names = feature.levels
        if names:
            levels.append(
                {
                    "name": clean(feature.name),
                    "base": clean(names[0]),
                    "levels": [clean(name) for name in names[:MOST_ENTRIES]],
                    "left_out": left_out(len(names), MOST_ENTRIES, "level"),
                }
            )
    return {
        "notes": notes[:MOST_ENTRIES],
        "left_out": left_out(len(notes), MOST_ENTRIES, "column"),
        "levels": levels[:MOST_ENTRIES],
    }
