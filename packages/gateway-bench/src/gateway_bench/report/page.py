"""The report: one HTML file that needs nothing else, made from a document alone.

    the headline, what the run was, what is to be known before any figure
    for each chart: its sentence, the chart, a caption, the command that draws it, its figures as a table
    promises, ratios, proofs, all figures
    the method: noise, chance, warm-ups, machine, commands, failures
    the record and the tables, to download

The charts are inline SVG whose colours are the page's variables, so they are light or dark as the page is; style and
script are inline, the record is a `data:` link. A Content-Security-Policy in the page forbids it to load anything. All
of it is there without the script, which only switches between light and dark and shows one chart a screen.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway_bench.record.csv_table import to_csv
from gateway_bench.record.document import Document, Ratio, Result
from gateway_bench.record.statistics import interval_name
from gateway_bench.record.summary import cpu_us, throughput
from gateway_bench.report import findings, method, units
from gateway_bench.report.chart_style import THEME, themed
from gateway_bench.report.charts import Chart

if TYPE_CHECKING:
    from gateway_bench.suites.suite import Suite

__all__ = ["render_report"]

WORDS = ("scenario", "group", "row", "promise", "by name", "remark", "verdict", "connections")
"""Headings of columns of words in the tables of charts; the others are figures, and stand to the right."""
OPTIONAL = ("front_cpu_us_per_request", "spawned_per_request", "switches_per_request", "queue_wait_us")
"""Figures that get a column only where some row has them."""

_IDS = re.compile(r'(\bid="|href="#|url\(#)')
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_HEAD = re.compile(r'<svg[^>]*? viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', re.DOTALL)
_GROUND = re.compile(r'<g id="patch_1">.*?</g>', re.DOTALL)


def render_report(suite: Suite, document: Document, charts: Mapping[str, Chart]) -> str:
    """Return the report as HTML, with the charts that were drawn from the same document."""
    environment = Environment(
        loader=PackageLoader("gateway_bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        cpu_us=cpu_us, throughput=throughput, duration=units.duration, rate=units.rate, ratio=units.ratio,
        size=units.size, interval=units.interval, figure=units.figure, per_request=units.per_request,
        value=units.shown, words=" ".join, interval_name=interval_name, band_words=method.band_words,
    )  # fmt: skip
    measured = bool(document["results"] or document["proofs"])
    shown = [units.unbroken(said) for find in suite.findings if (said := find(document))] if measured else []
    return environment.get_template("report.html.j2").render(
        document=document,
        title=suite.title,
        theme=THEME,
        shown=[*dict.fromkeys(shown)],
        words_in=WORDS,
        labels=findings.labels(document),
        titles={scenario["name"]: scenario["title"] for scenario in document["scenarios"]},
        charts=[_placed(name, chart, suite.captions.get(name, "")) for name, chart in charts.items()],
        warnings=method.warnings(document),
        missing=[gateway for gateway in document["gateways"] if gateway["status"] != "ok"],
        rate_words=findings.rate_words(document),
        noise=method.noise_verdict(document),
        unsettled=method.unsettled(document),
        machine=method.machine_facts(document),
        ratios=_ratios(document),
        questions={name: _asked(document, name) for name in ("capacity", "latency")},
        has={key: any(_has(result, key) for result in document["results"]) for key in OPTIONAL},
        record=_data_link("application/json", json.dumps(document, ensure_ascii=False, separators=(",", ":"))),
        csv=_data_link("text/csv", to_csv(document)),
    )


def _has(result: Result, key: str) -> bool:
    return result[key] is not None  # type: ignore[literal-required]


def _asked(document: Document, question: str) -> list[Result]:
    """Return the results of a question, scenario by scenario."""
    order = _order(document)
    results = [result for result in document["results"] if result["question"] == question]
    return sorted(results, key=lambda result: order.get(result["scenario"], 0))


def _ratios(document: Document) -> list[Ratio]:
    """Return the ratios scenario by scenario, and in each question by question."""
    order = _order(document)
    return sorted(document["ratios"], key=lambda ratio: (order.get(ratio["scenario"], 0), ratio["question"]))


def _order(document: Document) -> dict[str, int]:
    return {scenario["name"]: place for place, scenario in enumerate(document["scenarios"])}


def _placed(name: str, chart: Chart, caption: str) -> dict[str, object]:
    """Return a chart as the page shows it: the sentence as text, the drawing below it, its size for the screen."""
    drawing, across, down = _inline(name, chart)
    return {
        "name": name,
        "sentence": units.unbroken(chart.sentence),
        "subtitle": units.unbroken(chart.subtitle),
        "svg": drawing,
        "caption": caption,
        "shape": f"{across / down:.3f}",
        "headings": chart.headings,
        "rows": chart.rows,
    }


def _inline(name: str, chart: Chart) -> tuple[Markup, float, float]:
    """Return SVG that can stand in a page beside others, with its width and height.

    Its ids are its own, its colours the page's, its size is left to the page. It has no ground, and its view is
    what lies between the words above and below it. The sentence is its alternative text.
    """
    bare = _METADATA.sub("", _PROLOGUE.sub("", chart.svg, count=1))
    head = _HEAD.search(bare)
    assert head, "matplotlib says how large a drawing is"
    across, down = float(head[1]), float(head[2]) - chart.heading_points - chart.footing_points
    label = Markup.escape(chart.sentence)
    opening = f'<svg viewBox="0 {chart.heading_points:g} {across:g} {down:g}" role="img" aria-label="{label}">'
    body = themed(_GROUND.sub("", bare[head.end() :], count=1))
    named = _IDS.sub(rf"\g<1>{name}-", body)
    return Markup(opening + named), across, down  # noqa: S704  # drawn by us


def _data_link(kind: str, content: str) -> str:
    return f"data:{kind};base64," + base64.b64encode(content.encode()).decode("ascii")
