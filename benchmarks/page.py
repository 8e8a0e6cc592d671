"""Results as one self-contained page: convergence curves and tables, in the report's own dress."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import table
from benchmarks.peers import PEERS
from benchmarks.results import Described, Results, Run
from leastwise import report
from leastwise.report.figure import Figure, plain

HERE = Path(__file__).parent / "templates"
REPORT = Path(report.__file__).parent
LEAST_GAP = 1e-17  # where smaller gaps are drawn


def write(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(results), encoding="utf-8")


def html(results: Results) -> str:
    """The whole page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def asset(path: Path) -> Markup:
        return Markup(path.read_text(encoding="utf-8").strip())  # our own files only

    sections = [
        (
            figure(results, problem, threads),
            table.make(results, problem, threads),
        )
        for problem in results.problems
        for threads in results.threads(problem.name)
    ]
    specs = [drawn.spec() for drawn, _ in sections if drawn.data]
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        sections=sections,
        machine=results.machine,
        versions=results.versions,
        left_out=table.left_out(results).splitlines(),
        style=asset(REPORT / "templates" / "style.css") + "\n" + asset(HERE / "page.css"),
        vendor=asset(REPORT / "vendor" / "plotly-cartesian.min.js"),
        script=asset(REPORT / "templates" / "page.js"),
        figures=Markup(json.dumps(specs, allow_nan=False).replace("<", "\\u003c")),
    )


def figure(results: Results, problem: Described, threads: int) -> Figure:
    """Time against the worst gap, a line a solver, a point a tolerance."""
    id = f"curve-{problem.name}-{threads}"
    runs = [run for run in results.of(problem.name, threads) if run.why is None]
    traces = tuple(
        _trace(peer, [run for run in runs if run.peer == peer])
        for peer in dict.fromkeys(run.peer for run in runs)
    )
    title = "Seconds of a later call against the worst gap along the strengths"
    if not traces:
        return Figure(id, title, "No solver came to an end.")
    axes = {
        "xaxis": {"type": "log", "title": {"text": "seconds"}, "exponentformat": "power"},
        "yaxis": {
            "type": "log",
            "title": {"text": "worst relative gap"},
            "exponentformat": "power",
        },
    }
    summary = "Lower and further left is better; each point is a run at its own tolerance."
    return Figure(id, title, summary, traces, {**axes, "height": 420, "showlegend": True})


def _trace(peer: str, runs: list[Run]) -> dict[str, Any]:
    colour = f"@series-{list(PEERS).index(peer)}"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": peer,
        "x": plain(run.seconds for run in runs),
        "y": plain(max(run.worst, LEAST_GAP) for run in runs),
        "text": [f"tolerance {run.tol:g}" for run in runs],
        "hovertemplate": f"{peer}, %{{text}}<br>%{{x:.3~g}} s, gap %{{y:.1e}}<extra></extra>",
        "line": {"width": 2, "color": colour},
        "marker": {"size": 8, "color": colour},
    }
