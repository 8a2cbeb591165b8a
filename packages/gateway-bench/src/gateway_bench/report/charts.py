"""Charts from a document: SVG for pages, PNG for slides. The same document always gives the same SVG bytes."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from gateway_bench.errors import BenchError
from gateway_bench.record.document import Document
from gateway_bench.record.files import write_whole
from gateway_bench.report.chart_style import Picture, styled

if TYPE_CHECKING:
    from gateway_bench.suites.suite import Suite

__all__ = ["Chart", "draw_charts", "save_charts"]

PNG_DPI = 160


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart: SVG as text, PNG as bytes; what it shows as a sentence, and as a table.

    Sentence and subtitle take `heading_points` of its top, the line about the machine `footing_points` of its bottom: a
    page that shows them as text leaves these out.
    """

    svg: str
    png: bytes
    sentence: str
    subtitle: str
    heading_points: float
    footing_points: float
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def draw_charts(suite: Suite, document: Document, names: Collection[str] | None = None) -> dict[str, Chart]:
    """Draw the charts of a suite, or those named, for which the document has something. Raises BenchError."""
    for name in names or ():
        if name not in suite.charts:
            there = f"it has {', '.join(suite.charts)}" if suite.charts else "it has none"
            raise BenchError(f"the suite {suite.name} has no chart {name!r}; {there}")
    if not document["results"] and not document["proofs"]:
        return {}
    chosen = {name: draw for name, draw in suite.charts.items() if names is None or name in names}
    with styled():
        figures = {name: draw(document) for name, draw in chosen.items()}
        return {name: _drawn(figure) for name, figure in figures.items() if figure is not None}


def save_charts(charts: Mapping[str, Chart], folder: Path) -> None:
    """Write each chart as NAME.svg and NAME.png to `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in charts.items():
        write_whole(folder / f"{name}.svg", chart.svg.encode())
        write_whole(folder / f"{name}.png", chart.png)


def _drawn(figure: Figure) -> Chart:
    assert isinstance(figure, Picture), "a chart begins with chart_style.page"
    svg, png = io.StringIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return Chart(
        svg=svg.getvalue(),
        png=png.getvalue(),
        sentence=figure.sentence,
        subtitle=figure.subtitle,
        heading_points=figure.heading_points,
        footing_points=figure.footing_points,
        headings=figure.headings,
        rows=tuple(figure.rows),
    )
