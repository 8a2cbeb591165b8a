"""Charts from a document: SVG for pages, PNG for slides. The same document always gives the same SVG bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from gateway_bench.record.document import Document
from gateway_bench.report import charts_backends, charts_cgi, charts_evolution, charts_peers, charts_proofs
from gateway_bench.report.chart_style import styled

__all__ = ["CHARTS", "Chart", "draw_charts", "save_charts"]

PNG_DPI = 160

CHARTS: dict[str, dict[str, Callable[[Document], Figure | None]]] = {
    "evolution": {
        "overview": charts_evolution.overview,
        "cpu": charts_evolution.cpu,
        "spawned": charts_evolution.spawned,
        "latency": charts_evolution.latency,
        "memory": charts_evolution.memory,
        "throughput": charts_evolution.throughput,
    },
    "peers": {
        "throughput": charts_peers.peers_throughput,
        "goals": charts_peers.peers_goals,
        "cpu": charts_peers.peers_cpu,
    },
    "backends": {
        "cpu": charts_backends.backends_cpu,
        "goals": charts_backends.backends_goals,
    },
    "cgi": {
        "hello": charts_cgi.cgi_hello,
        "app": charts_cgi.cgi_app,
        "loop": charts_cgi.cgi_loop,
        "goals": charts_cgi.cgi_goals,
    },
    "proofs": {
        "idle": charts_proofs.idle_connections,
    },
}
"""By suite and name, in the order of the report. None is a chart that the document has nothing for."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart: SVG as text, PNG as bytes."""

    svg: str
    png: bytes


def draw_charts(document: Document, names: Collection[str] | None = None) -> dict[str, Chart]:
    """Draw the charts of the document's suite, or those named; none when the document has no results."""
    if not document["results"] and not document["proofs"]:
        return {}
    chosen = {name: draw for name, draw in CHARTS[document["suite"]].items() if names is None or name in names}
    with styled():
        figures = {name: draw(document) for name, draw in chosen.items()}
        return {name: _drawn(figure) for name, figure in figures.items() if figure is not None}


def save_charts(charts: Mapping[str, Chart], folder: Path) -> None:
    """Write each chart as NAME.svg and NAME.png to `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in charts.items():
        (folder / f"{name}.svg").write_text(chart.svg, "utf-8")
        (folder / f"{name}.png").write_bytes(chart.png)


def _drawn(figure: Figure) -> Chart:
    svg, png = io.StringIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return Chart(svg.getvalue(), png.getvalue())
