"""The record: schema, round trip, CSV, charts, report, comparison. All from one small stored document."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from rich.console import Console

from gateway_bench.errors import BenchError
from gateway_bench.record.compare import changes_between, print_comparison
from gateway_bench.record.csv_table import to_csv
from gateway_bench.record.document import Document, GatewayRecord, load_document, save_document, schema_path
from gateway_bench.record.goals import Goal, judge
from gateway_bench.record.outcome import folder_for, point_latest, save_all, save_reference
from gateway_bench.record.summary import ratios_of, results_of
from gateway_bench.report import findings
from gateway_bench.report.charts import CHARTS, draw_charts
from gateway_bench.report.page import render_report
from gateway_bench.terminal.tables import print_document

STORED = Path(__file__).parent / "data" / "evolution.json"
VOID = {"meta", "link", "br", "img", "input", "hr", "path", "use", "rect"}


@pytest.fixture(scope="module")
def stored() -> Document:
    return load_document(STORED)


@pytest.fixture
def document(stored: Document) -> Document:
    return copy.deepcopy(stored)


@pytest.fixture
def peers(document: Document) -> Document:
    """The stored run as one of the suite "peers": the gateway "wsgi" is ours."""
    document["suite"] = "peers"
    document["repeats"] = [repeat for repeat in document["repeats"] if repeat["scenario"] == "hello"]
    for repeat in document["repeats"]:
        repeat["spawned"] = None
        repeat["generator"]["saturated"] = False
    document["results"] = results_of(document["repeats"])
    others = ("cgi", "fastcgi", "scgi", "uwsgi")
    document["ratios"] = ratios_of(document["repeats"], [("hello", "wsgi", other) for other in others])
    return document


@pytest.fixture
def backends(document: Document) -> Document:
    """The stored run as one of the suite "backends"; "scgi" stands for uWSGI, and a promise is missed."""
    document["suite"] = "backends"
    document["versions"]["nginx"] = "1.22.1"
    document["repeats"] = [repeat for repeat in document["repeats"] if repeat["scenario"] == "hello"]
    document["results"] = results_of(document["repeats"])
    names = {"scgi": "fastcgi-uwsgi"}
    for row in (*document["repeats"], *document["results"]):
        row["gateway"] = names.get(row["gateway"], row["gateway"])
    for gateway in document["gateways"]:
        gateway["name"] = names.get(gateway["name"], gateway["name"])
    goal = Goal(
        "backends", "fastcgi", "cpu", "over uWSGI", scenario="hello", over=("fastcgi-uwsgi",), most=0.01, aim=0.005
    )
    document["ratios"] = ratios_of(document["repeats"], goal.pairs())
    document["goals"] = judge([goal], document["repeats"])
    return document


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    content = json.loads(schema_path().read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)


def test_the_stored_document_fits_the_schema(schema: Any, document: Document, peers: Document) -> None:
    schema.validate(json.loads(json.dumps(document)))
    schema.validate(json.loads(json.dumps(peers)))


def test_the_schema_names_exactly_the_keys_of_the_types(schema: Any) -> None:
    from gateway_bench.record import document as types
    from gateway_bench.load.latency import Latency
    from gateway_bench.samples.processes import Memory

    definitions = schema.schema["$defs"]
    pairs = {
        "parameters": types.Parameters, "gateway": types.GatewayRecord, "scenario": types.ScenarioRecord,
        "latency": Latency, "memory": Memory, "generator": types.Generator, "repeat": types.Repeat,
        "failure": types.Failed, "range": types.Range, "result": types.Result, "ratio": types.Ratio,
        "figure": types.Figure, "proof": types.Proof, "verdict": types.Verdict,
    }  # fmt: skip
    assert set(schema.schema["properties"]) == set(Document.__annotations__)
    for name, type_ in pairs.items():
        assert set(definitions[name]["properties"]) == set(type_.__annotations__), name


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("schema_version",), 2), (("suite",), "speed"), (("repeats", 0, "seconds"), 0),
        (("repeats", 0, "spawned"), -1), (("repeats", 0, "memory", "kind"), "vms"),
        (("results", 0, "p50_us", "median"), "fast"),
        (("gateways", 0, "status"), "maybe"), (("started",), "yesterday"),
    ],
)  # fmt: skip
def test_the_schema_refuses(schema: Any, document: Document, path: tuple[Any, ...], wrong: object) -> None:
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = wrong
    assert not schema.is_valid(json.loads(json.dumps(document)))


def test_round_trip(document: Document, tmp_path: Path) -> None:
    save_document(document, tmp_path / "result.json")
    assert load_document(tmp_path / "result.json") == document
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{", "is not JSON"), ("[]", "schema version None"), ('{"schema_version": 99}', "schema version 99")],
)
def test_a_file_that_is_no_record_is_refused_in_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(BenchError, match=sentence):
        load_document(path)
    with pytest.raises(BenchError, match="No such file"):
        load_document(tmp_path / "none.json")


def test_csv_has_a_line_for_each_result(peers: Document, stored: Document) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(stored))))
    assert len(rows) == len(stored["results"]) == 15
    assert float(rows[0]["cpu_us_per_request_median"]) == stored["results"][0]["cpu_us_per_request"]["median"]
    assert rows[0]["spawned_per_request_median"] == "1.0"
    assert next(csv.DictReader(io.StringIO(to_csv(peers))))["spawned_per_request_median"] == ""


def test_the_results_follow_from_the_repeats(document: Document) -> None:
    told = {(result["gateway"], result["scenario"]): result for result in document["results"]}
    assert {(result["gateway"], result["scenario"]): result for result in results_of(document["repeats"])} == told


def test_findings_say_what_the_figures_say(document: Document, peers: Document) -> None:
    stored = load_document(STORED)
    assert re.fullmatch(
        r"A process for each request costs 2\d\d ms of CPU; one that stays alive answers the same for 1\d\d µs, "
        r"1,\d\d0 times less", findings.headline(stored),
    )  # fmt: skip
    assert findings.spawned_finding(stored) == "CGI starts exactly one process for each request, the others none"
    assert "as many requests a second as" in findings.peers_finding(peers)


def test_findings_claim_nothing_about_wrong_answers(stored: Document) -> None:
    document = copy.deepcopy(stored)
    for result in document["results"]:
        result["errors"] = {"content": 1}
    assert "costs" not in findings.headline(document)
    assert "times" not in findings.cpu_finding(document)
    document["results"][0]["spawned_per_request"] = {"median": 0.5, "min": 0.5, "max": 0.5}
    assert "exactly" not in findings.spawned_finding(document)


def test_the_same_document_gives_the_same_bytes(stored: Document) -> None:
    names = ["spawned"]
    once, again = draw_charts(stored, names), draw_charts(copy.deepcopy(stored), names)
    assert list(once) == names
    assert once == again
    for chart in once.values():
        ElementTree.fromstring(chart.svg)  # our own
        assert chart.png.startswith(b"\x89PNG")
        assert "dc:date" not in chart.svg


def mark(gateway: GatewayRecord, status: str, reason: str) -> None:
    gateway["status"], gateway["reason"] = status, reason


class Page(HTMLParser):
    """Checks that elements nest, and collects ids, links and what would be fetched."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        self.fetched += [value for key, value in attrs if value and key in ("src", "href") and value[:1] not in "#d"]
        self.references += re.findall(r"url\(#([^)]+)\)", " ".join(value or "" for _, value in attrs))
        self.references += [
            value[1:] for key, value in attrs if key.endswith("href") and value and value.startswith("#")
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_outcome_is_whole_and_the_report_stands_alone(document: Document, tmp_path: Path) -> None:
    mark(document["gateways"][1], "failed", "it ended with <exit> code 2")
    document["failures"] = [
        {"gateway": "fastcgi", "scenario": "", "round": 1, "reason": "it ended", "output": "<b>no such app</b>"}
    ]
    document["complete"] = False
    report = save_all(document, tmp_path / "out")
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    charts = {f"charts/{name}.{kind}" for name in CHARTS["evolution"] for kind in ("svg", "png")}
    assert found == {"result.json", "result.csv", "report.html"} | charts

    page = Page()
    page.feed(report.read_text("utf-8"))
    page.close()
    words = " ".join(page.text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert set(page.references) <= set(page.ids)
    assert page.fetched == []
    for expected in ("broken off", "it ended with <exit> code 2", "<b>no such app</b>", "WSGI over HTTP", "seed"):
        assert expected in words


def test_a_run_without_any_result_still_has_a_report(document: Document, tmp_path: Path) -> None:
    document["repeats"], document["results"] = [], []
    page = Page()
    page.feed(save_all(document, tmp_path).read_text("utf-8"))
    assert page.open == []


def test_the_report_of_the_peers(peers: Document) -> None:
    page = Page()
    page.feed(render_report(peers, draw_charts(peers, ["throughput"])))
    assert page.open == []
    assert "One over another" in " ".join(page.text)


def test_a_reference_is_the_record_and_the_charts_of_the_readme(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_bench.record.outcome.README_CHARTS", {"evolution": ["spawned"]})
    (tmp_path / "benchmarks").mkdir()
    folder = save_reference(document, tmp_path)
    assert load_document(folder / "evolution.json") == document
    assert (folder / "evolution.csv").read_text().startswith("gateway,scenario,")
    assert sorted(path.name for path in (folder / "evolution").iterdir()) == ["spawned.png", "spawned.svg"]


def test_latest_follows_the_last_run(document: Document, tmp_path: Path) -> None:
    first = folder_for(document, tmp_path)
    assert first == tmp_path / "results" / "20261120T100000Z"
    for folder in (first, first.with_name("20261121T100000Z")):
        folder.mkdir(parents=True)
        point_latest(folder)
        assert (tmp_path / "results" / "latest").resolve() == folder.resolve()


def printed(show: Any, *arguments: Any) -> str:
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    show(*arguments, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_marks_bounds_errors_and_absence(document: Document) -> None:
    document["results"][2]["errors"] = {"status 500": 3}
    mark(document["gateways"][1], "absent", "it is not installed")
    document["gateways"][1]["install"] = "pip install it"
    text = printed(print_document, document)
    assert "≥" in text
    assert "3 status 500" in text
    assert "absent: FastCGI: it is not installed; to install: pip install it" in text
    assert "…" not in text  # nothing is cut at this width


def test_the_table_of_ratios(peers: Document) -> None:
    text = printed(print_document, peers)
    assert text.count("x ") >= 8
    assert "one over another" in text
    assert "what is promised" not in text


def test_comparing_two_runs(document: Document) -> None:
    later = copy.deepcopy(document)
    later["machine"]["python"] = "3.14.0"
    result = later["results"][0]
    for key in ("median", "min", "max"):
        result["cpu_us_per_request"][key] *= 3
    changes = {(change.gateway, change.scenario, change.figure): change for change in changes_between(document, later)}
    changed = changes[result["gateway"], result["scenario"], "cpu_us_per_request"]
    assert changed.factor == pytest.approx(3)
    assert not changed.overlaps
    same = changes[result["gateway"], result["scenario"], "p50_us"]
    assert same.factor == 1
    assert same.overlaps
    text = printed(print_comparison, document, later)
    assert "3.00x" in text
    assert "python was 3.11.9 and is 3.14.0" in text
    later["suite"] = "proofs"
    with pytest.raises(BenchError, match="one run at a time"):
        printed(print_comparison, document, later)


def test_backends_are_drawn_with_what_is_promised(backends: Document, schema: Any) -> None:
    schema.validate(json.loads(json.dumps(backends)))
    assert backends["goals"][0]["verdict"] == "missed"
    assert backends["goals"][0]["aim_reached"] is False
    assert re.fullmatch(
        r"Behind nginx a FastCGI request takes our server [\d.]+ µs of CPU, [\d.]+ of what uWSGI takes",
        findings.backends_finding(backends),
    )
    charts = draw_charts(backends)
    assert list(charts) == ["cpu", "goals"]
    for chart in charts.values():
        ElementTree.fromstring(chart.svg)
    report = render_report(backends, charts)
    assert "nginx 1.22.1 with one worker stands before each" in report
    assert "missed, aim missed" in report
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    print_document(backends, console)
    assert isinstance(console.file, io.StringIO)
    assert "missed, aim missed" in console.file.getvalue()
