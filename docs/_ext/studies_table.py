"""The table of all rows of the studies, made of what the pages of the gallery recorded.

The gallery has run when the documents are read. `{studies-table}` is the table; the same records
are written to studies.json. A row without a record is a warning, unless `studies_complete` is
False, as it is where only some pages are run:

    python -m sphinx -D studies_complete=0 -D sphinx_gallery_conf.filename_pattern=plot_01 ...
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

import studies

log = getLogger(__name__)

TEXTS = {
    "S0": "Ordinary, ridge and lasso regressions on MNIST",
    "S1": "Linear regression from the ground up",
    "S2": "Gradients for linear regression",
    "S3": "Linear regression, in matrices",
}
HEADS = ("row", "what was checked", "obtained", "expected", "verdict", "page")
WIDTHS = (6, 34, 20, 20, 10, 10)


def by_row() -> dict[str, list[studies.Record]]:
    """The records of every row, in the order of the rows; an empty list where there are none."""
    found: dict[str, list[studies.Record]] = {row: [] for row in studies.ROWS}
    for record in studies.records:
        found[record.row].append(record)
    return found


def verdict(records: list[studies.Record]) -> str:
    """What is said of a row: the gravest verdict of its checks."""
    return max((record.verdict for record in records), key=studies.VERDICTS.index)


class StudiesTable(SphinxDirective):
    """One table a text: id, what was checked, obtained, expected, verdict, page."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        rows = {row: records for row, records in by_row().items() if records}
        counts = [
            f"{sum(verdict(records) == word for records in rows.values())} {word}"
            for word in studies.VERDICTS
        ]
        words = f"{len(rows)} of {len(studies.ROWS)} rows, in {len(studies.records)} checks: "
        summary = nodes.paragraph(text=words + ", ".join(counts) + ". As a file: ")
        summary += nodes.reference("", "studies.json", refuri="studies.json", internal=False)
        found: list[nodes.Node] = [summary]
        for text, members in groupby(rows, key=lambda row: row.partition(".")[0]):
            section = nodes.section(ids=[text.lower()])
            section += nodes.title(text=f"{text}: {TEXTS[text]}")
            section += self._table([record for row in members for record in rows[row]])
            found.append(section)
        return found

    def _table(self, records: list[studies.Record]) -> nodes.table:
        group = nodes.tgroup(cols=len(HEADS))
        group += [nodes.colspec(colwidth=width) for width in WIDTHS]
        group += nodes.thead("", _line(nodes.paragraph(text=head) for head in HEADS))
        group += nodes.tbody("", *(_line(self._cells(record)) for record in records))
        return nodes.table("", group, classes=["studies"])

    def _cells(self, record: studies.Record) -> Iterator[nodes.Node]:
        yield nodes.paragraph("", "", nodes.strong(text=record.row))
        said = f" (the text: {record.text})" if record.text else ""
        yield nodes.paragraph(text=record.what + said)
        yield nodes.paragraph(text=record.words("obtained"))
        near = f" ({record.tolerance})" if record.tolerance else ""
        yield nodes.paragraph(text=record.words("expected") + near)
        yield nodes.paragraph(text=record.verdict)
        link = nodes.paragraph()
        number = record.page.split("_")[1]
        lines = StringList([f"{{doc}}`{number} </gallery/{record.page}>`"])
        self.state.nested_parse(lines, 0, link)
        yield from link.children


def _line(cells: Iterator[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def check(app: Sphinx, _docnames: object = None) -> None:
    """Name the rows that no page has shown."""
    missing = [row for row, records in by_row().items() if not records]
    if missing and app.config.studies_complete:
        log.warning("no page of the gallery records %s", ", ".join(missing))
    elif missing:
        log.info("studies: %d of %d rows have no record", len(missing), len(studies.ROWS))


def write(app: Sphinx, error: Exception | None) -> None:
    """All records, keyed by row, to studies.json beside the pages."""
    if error is None:
        rows = {
            row: [record.stored() for record in records]
            for row, records in by_row().items()
            if records
        }
        text = json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)
        (Path(app.outdir) / "studies.json").write_text(text + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("studies_complete", True, "env", bool)
    app.add_directive("studies-table", StudiesTable)
    app.connect("env-updated", check)
    app.connect("build-finished", write)
    return {"parallel_read_safe": False}
