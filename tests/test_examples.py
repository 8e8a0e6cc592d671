"""Every page of the gallery runs, from any folder, and what it states of the studies holds."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import matplotlib
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PAGES = sorted(EXAMPLES.glob("plot_*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A page asks, checks at least one row, and says at its end what it found."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, "studies", raising=False)
    monkeypatch.chdir(tmp_path)
    try:
        with matplotlib.rc_context():
            runpy.run_path(str(page))
    finally:
        pyplot.close("all")
    records = sys.modules.pop("studies").records
    assert records, "no row of the studies is recorded"
    assert {record.page for record in records} == {page.stem}
    assert all(
        f"{record.row} {record.verdict}: " in capsys.readouterr().out for record in records[:1]
    )
    text = page.read_text(encoding="utf-8")
    assert "\n# What was found\n" in text[len(text) // 2 :]
    assert list(tmp_path.iterdir()) == [], "a page leaves nothing behind"
