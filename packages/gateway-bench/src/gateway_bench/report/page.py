"""The report: one HTML file that needs nothing else, made from a document alone.

The charts are inline SVG, the style is inline CSS, the record is in the file too, as a link to download. It reads
in light and dark, on paper, and on the machine of somebody who has never installed this.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway_bench.record.document import Document, GatewayRecord
from gateway_bench.record.summary import cpu_us, throughput
from gateway_bench.report import findings, units
from gateway_bench.report.charts import Chart

__all__ = ["render_report"]

TITLES = {
    "evolution": "Five ways to reach one program: what each request costs",
    "peers": "Our WSGI server beside others: what each request costs",
    "backends": "Behind nginx: what each protocol and each server costs",
    "cgi": "A program for each request: what each CGI host makes of it",
    "proofs": "What our servers promise, and what was found",
}
FINDINGS: dict[str, list[Callable[[Document], str]]] = {
    "evolution": [findings.headline, findings.spawned_finding, findings.latency_finding, findings.memory_finding],
    "peers": [findings.peers_finding, findings.goals_finding],
    "backends": [findings.backends_finding, findings.goals_finding],
    "cgi": [findings.cgi_finding, findings.zygote_finding, findings.goals_finding],
    "proofs": [findings.goals_finding],
}
CAPTIONS = {
    "evolution": {
        "overview": "Both panels start at zero. The left one is why persistence was invented; the right one is all "
        "that is left to argue about afterwards.",
        "cpu": "A step of the scale is a factor of ten. The dot is the median, the line behind it reaches from the "
        "smallest to the largest repeat.",
        "spawned": "The gateway itself reports each process that it starts, so none is too short-lived to be seen.",
        "latency": "Visitors who ask again at once queue behind each other: this is the wait at full load, not that "
        "of a lone visitor.",
        "memory": "Pages that several processes share are counted once, divided among them.",
        "throughput": "Read this one last. Where bars are hatched, it shows the load generator.",
    },
    "peers": {
        "throughput": "The server has one core to itself and the generator another. Each bar is of the same run, the "
        "servers taking turns.",
        "goals": "Ratios are taken round by round, where the two runs lie seconds apart. Where a peer is here with "
        "several settings, the best of them counts.",
        "cpu": "What one request takes of a core, whatever the generator could have asked for.",
    },
    "backends": {
        "cpu": "Backend and nginx have a core each, the generator shares that of nginx. What nginx spends is not "
        "in the bars. Of FastCGI, “ours” is compared over kept connections, which uWSGI cannot have.",
        "goals": "Left is better: ratios of CPU a request, taken round by round, where the two runs lie seconds apart.",
    },
    "cgi": {
        "hello": "Host, programs and generator share the processors. What is left of a request is a process: its "
        "start, its end, and the output in between.",
        "app": "A step of the scale is a factor of ten. The zygote has imported the application before the first "
        "request; each of the others starts Python for every one.",
        "loop": "The loop starts and waits for the same program with the same variables, and serves nobody. Four "
        "connections and four processes: a request that takes 1 ms here may take 4 ms for its visitor.",
        "goals": "Ratios are taken round by round, where the two runs lie seconds apart.",
    },
    "proofs": {
        "idle": "Each dot is one reading. Open connections that say nothing are to cost memory, and no time.",
    },
}

_IDS = re.compile(r'(\bid="|href="#|url\(#)')
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*"', re.DOTALL)
_HEIGHT = re.compile(r'(<svg[^>]*?) height="[^"]*"', re.DOTALL)


def render_report(document: Document, charts: Mapping[str, Chart]) -> str:
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
        size=units.size, spread=units.spread, per_request=units.per_request, value=units.shown, words=" ".join,
    )  # fmt: skip
    return environment.get_template("report.html.j2").render(
        document=document,
        title=TITLES[document["suite"]],
        shown=[find(document) for find in FINDINGS[document["suite"]]]
        if document["results"] or document["proofs"]
        else [],
        labels=findings.labels(document),
        titles={scenario["name"]: scenario["title"] for scenario in document["scenarios"]},
        charts=[(name, _inline(name, chart.svg), CAPTIONS[document["suite"]][name]) for name, chart in charts.items()],
        missing=[gateway for gateway in document["gateways"] if _is_missing(gateway)],
        counted=any(result["spawned_per_request"] for result in document["results"]),
        record=_data_link(document),
    )


def _is_missing(gateway: GatewayRecord) -> bool:
    return gateway["status"] != "ok"


def _inline(name: str, svg: str) -> Markup:
    """Return SVG that can stand in a page beside others: its ids are its own, its width is the page's."""
    bare = _METADATA.sub("", _PROLOGUE.sub("", svg, count=1))
    flexible = _HEIGHT.sub(r"\1", _SIZE.sub(r"\1", bare, count=1), count=1)
    named = _IDS.sub(rf"\g<1>{name}-", flexible)
    return Markup(named.replace("<svg", '<svg role="img" aria-label="chart"', 1))  # noqa: S704  # drawn by us


def _data_link(document: Document) -> str:
    record = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return "data:application/json;base64," + base64.b64encode(record).decode("ascii")
