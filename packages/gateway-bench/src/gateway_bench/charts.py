"""Charts from a document: SVG for pages, PNG for slides. The same document always gives the same SVG bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from gateway_bench import charts_evolution, charts_peers
from gateway_bench.chart_style import styled
from gateway_bench.document import Document

__all__ = ["CHARTS", "draw_svg", "save_charts"]

PNG_DPI = 160

CHARTS: dict[str, dict[str, Callable[[Document], Figure]]] = {
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
        "cpu": charts_peers.peers_cpu,
    },
}
"""By suite and name, in the order of the report."""


def draw_svg(document: Document) -> dict[str, str]:
    """Return each chart as SVG text by its name; none when the document has no results."""
    return {name: _svg(figure) for name, figure in _figures(document).items()}


def save_charts(document: Document, folder: Path, names: list[str] | None = None) -> list[Path]:
    """Write the charts (or those named) as SVG and PNG to `folder`, made if need be; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in _figures(document).items():
        if names is not None and name not in names:
            continue
        svg, png = folder / f"{name}.svg", folder / f"{name}.png"
        svg.write_text(_svg(figure), "utf-8")
        with styled():
            figure.savefig(png, dpi=PNG_DPI, metadata={"Software": None})
        paths += [svg, png]
    return paths


def _figures(document: Document) -> dict[str, Figure]:
    if not document["results"]:
        return {}
    with styled():
        return {name: draw(document) for name, draw in CHARTS[document["suite"]].items()}


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    with styled():
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
