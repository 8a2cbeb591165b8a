"""The suite of fronts: its table, its charts and sentences from records made up, and a run of a few rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench_world import ROOT, Notebook, an_order
from gateway_bench.load.latency import Latency
from gateway_bench.record.document import Document, Generator, Repeat, Usage
from gateway_bench.record.outcome import save_all
from gateway_bench.record.statistics import estimate
from gateway_bench.record.summary import results_of
from gateway_bench.record.ties import bands_of
from gateway_bench.report import findings_fronts
from gateway_bench.report.chart_style import styled
from gateway_bench.run.conductor import run
from gateway_bench.run.plan import expected_seconds, parameters_for, tasks_of, turns_of
from gateway_bench.samples.processes import Memory
from gateway_bench.servers.fronts import FRONTS
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.suites.fronts import SUITE

TABLE = ROOT / "benchmarks" / SUITE.table
ROWS = {row.name: row for row in load_gateways(TABLE)}
SERVERS = {"http": "wsgi_server", "fastcgi": "fastcgi_server", "scgi": "scgi_server", "uwsgi": "uwsgi_gateway"}


# -- its table ---------------------------------------------------------------------------------------------------------


def test_each_front_has_a_row_before_each_protocol_that_it_speaks() -> None:
    plain = {name for name, row in ROWS.items() if name.count("-") == 1 and row.front}
    assert plain == {f"{scheme}-{name}" for name, front in FRONTS.items() for scheme in front.speaks}
    for name in plain:
        scheme, _, front = name.partition("-")
        assert ROWS[name].front == front
        assert SERVERS[scheme] in ROWS[name].command
        assert ROWS[name].keep_alive == (scheme in FRONTS[front].keeps)


def test_a_label_says_if_no_connection_is_kept_that_others_keep() -> None:
    for name, row in ROWS.items():
        assert row.label.endswith("none kept") == (not row.keep_alive and name.startswith(("http-", "fastcgi-"))), name


def test_only_nginx_is_there_without_kept_connections_too_and_once_more_as_it_is() -> None:
    assert {name for name in ROWS if name.count("-") == 2} == {"fastcgi-close-nginx", "fastcgi-again-nginx"}
    assert ROWS["fastcgi-again-nginx"].again == "fastcgi-nginx"
    assert not ROWS["fastcgi-close-nginx"].keep_alive


@pytest.mark.parametrize(("quick", "most"), [(True, 75), (False, 430)])
def test_it_takes_no_longer_than_it_says(quick: bool, most: float) -> None:
    parameters = parameters_for(SUITE, quick=quick)
    tasks = {name: tasks_of(SUITE, row, SUITE.scenarios, parameters) for name, row in ROWS.items()}
    assert expected_seconds(SUITE, turns_of(tasks, parameters["repeats"], 1), parameters) < most


# -- charts and sentences ----------------------------------------------------------------------------------------------

REQUESTS = 1_000
MIB = 2**20


def usage(microseconds: float, memory: float) -> Usage:
    """Return what so many microseconds for each request come to."""
    return Usage(
        cpu_seconds=microseconds * REQUESTS / 1e6,
        system_seconds=None,
        minor_faults=None,
        major_faults=None,
        voluntary_switches=None,
        involuntary_switches=None,
        memory=Memory(kind="pss", samples=[], median=round(memory * MIB), peak=round(memory * MIB)),
    )


def repeat(name: str, round_: int, front: float | None, backend: float, errors: int = 0) -> Repeat:
    latency = Latency(count=REQUESTS, p50=1, p90=2, p99=3, p999=4, max=5, histogram="")
    memory = {"nginx": 4.0, "caddy": 37.0, "lighttpd": 1.0}.get(name.rpartition("-")[2], 11.0)
    return Repeat(
        gateway=name,
        scenario="hello",
        question="capacity",
        shape="",
        rate=None,
        offered=None,
        users=32,
        round=round_,
        position=1,
        started="2026-01-01T00:00:00+00:00",
        engine="wrk",
        warmup={"seconds": 0.0, "rates": [], "settled": True},
        seconds=1.0,
        requests=REQUESTS,
        errors={"status": errors} if errors else {},
        content_bytes=0,
        latency=latency,
        exchanges={},
        lateness=None,
        timeline=[],
        server=usage(backend, 20.0),
        front=None if front is None else usage(front, memory),
        generator=Generator(**usage(10.0, 5.0), share=0.5, saturated=False),
        spawned=None,
        births_from="",
        lost_events=0,
        processes=2,
        others_share=0.0,
        queue_wait=None,
        team=[],
        connections=None,
    )


def record(costs: Mapping[str, tuple[float | None, float]], errors: str = "") -> Document:
    """Return the record of a run in which each request cost so much of (front, backend), in microseconds.

    Repeats differ by 1 %, which is less than any difference that counts.
    """
    repeats = [
        repeat(name, round_, None if front is None else front * factor, backend * factor, int(name == errors))
        for round_, factor in enumerate((0.99, 1.0, 1.01), start=1)
        for name, (front, backend) in costs.items()
    ]
    gateways: list[Any] = [
        {"name": name, "label": ROWS[name].label, "front": ROWS[name].front, "again": ROWS[name].again, "base": ""}
        for name in costs
    ]
    document: dict[str, Any] = {
        "suite": "fronts",
        "started": "2026-01-01T00:00:00+00:00",
        "parameters": parameters_for(SUITE, quick=False),
        "machine": {"cpu": "a processor", "threads": 2, "system": "Linux", "kernel": "6", "implementation": "CPython",
                    "python": "3.11"},
        "source": {"commit": "", "dirty": False},
        "gateways": gateways,
        "scenarios": [{"name": "hello", "title": "hello", "about": ""}],
        "repeats": repeats,
        "results": results_of(repeats),
        "bands": bands_of(repeats, gateways),
        "ratios": [],
    }  # fmt: skip
    return document  # type: ignore[return-value]  # of a record, what a chart reads


WHOLE = {
    "http-direct": (None, 90.0),
    "http-nginx": (20.0, 80.0),
    "fastcgi-nginx": (21.0, 95.0),
    "fastcgi-lighttpd": (30.0, 150.0),
    "fastcgi-haproxy": (21.2, 95.0),
    "fastcgi-caddy": (110.0, 160.0),
    "fastcgi-close-nginx": (35.0, 150.0),
    "scgi-nginx": (33.0, 120.0),
}


def drawn(document: Document) -> dict[str, Any]:
    with styled():
        figures = {name: draw(document) for name, draw in SUITE.charts.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}


def words_in(figure: Any) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in (*axis.texts, *axis.get_yticklabels())]


def test_a_request_is_drawn_as_the_front_s_part_and_the_backend_s_behind_it() -> None:
    figure = drawn(record(WHOLE))["cpu"]
    words = words_in(figure)
    assert "front 21.0 µs + backend 95.0 µs" in words
    assert "backend 90.0 µs" in words
    names = ["HTTP", "no front", "nginx", "FastCGI", "nginx", "lighttpd, none kept", "HAProxy", "Caddy, none kept",
             "nginx, none kept", "SCGI", "nginx"]  # fmt: skip
    assert words[-len(names) :] == names
    (axis,) = figure.axes
    bars = [(round(bar.get_x(), 1), round(bar.get_width(), 1)) for bar in axis.patches]
    assert bars[:3] == [(0.0, 90.0), (0.0, 20.0), (20.0, 80.0)]
    assert len(bars) == 2 * len(WHOLE) - 1
    assert ("FastCGI: nginx", "21.0 µs", "20.8..21.2 µs", "95.0 µs", "94.0..96.0 µs") in figure.rows


def test_memory_is_that_of_each_front_before_the_protocol_of_most() -> None:
    figure = drawn(record(WHOLE))["memory"]
    assert {row[1]: row[2] for row in figure.rows} == {
        "nginx": "4.00 MiB", "lighttpd, none kept": "1.00 MiB", "HAProxy": "11.0 MiB", "Caddy, none kept": "37.0 MiB",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rates", "words"),
    [((1000.0, 1000.0), "; 1,000 came in a second;"), ((1000.0, 800.0), "; 800 to 1,000 came in a second;")],
)
def test_latency_says_at_which_rate(rates: tuple[float, float], words: str) -> None:
    document = record({name: WHOLE[name] for name in ("http-direct", "http-nginx")})
    asked: Any = [
        {**result, "question": "latency", "rate": estimate([rate])}
        for result, rate in zip(document["results"], rates, strict=True)
    ]
    document["results"] += asked
    figure = drawn(document)["latency"]
    assert words in " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    assert [row[1:3] for row in figure.rows] == [("no front", "3.00 µs"), ("nginx", "3.00 µs")]


def test_a_run_without_latency_or_fronts_has_charts_of_what_there_is() -> None:
    assert {*drawn(record(WHOLE))} == {"cpu", "memory"}
    assert {*drawn(record({"http-direct": (None, 90.0)}))} == {"cpu"}
    empty = record({})
    assert drawn(empty) == {}
    assert [find(empty) for find in SUITE.findings if find(empty)] == [
        "CPU of a front and of the backend behind it, for one request", "Memory of a front at its peak",
    ]  # fmt: skip


DIRECTLY = "Asked directly our HTTP server takes 90.0 µs of CPU a request; behind nginx it takes"
KEPT = "Kept connections between nginx and our FastCGI server"
FOUND: dict[str, list[tuple[Mapping[str, tuple[float | None, float]], str, str]]] = {
    "fronts_finding": [
        (WHOLE, "", ("As fronts of FastCGI, nginx and HAProxy take the least CPU a request, about 21.0 µs; "
         "Caddy takes the most, 110 µs")),
        ({name: WHOLE[name] for name in ("fastcgi-nginx", "fastcgi-haproxy")}, "",
         "CPU of a front and of the backend behind it, for one request"),
    ],
    "backend_finding": [
        (WHOLE, "", ("Our FastCGI server takes about 95.0 µs of CPU a request behind nginx and HAProxy, "
         "and about 160 µs behind lighttpd and Caddy")),
        ({name: WHOLE[name] for name in ("fastcgi-nginx", "fastcgi-haproxy")}, "", ""),
        ({"fastcgi-nginx": (1.0, 95.0), "fastcgi-haproxy": (1.0, 100.0), "fastcgi-caddy": (1.0, 105.0)}, "",
         "Our FastCGI server takes 95.0 µs of CPU a request behind nginx, and 105 µs behind Caddy"),
    ],
    "kept_finding": [
        (WHOLE, "", (f"{KEPT} bring the server's CPU a request from 150 µs to 95.0 µs, "
         "and bring that of nginx from 35.0 µs to 21.0 µs")),
        ({**WHOLE, "fastcgi-close-nginx": (21.1, 150.0)}, "",
         (f"{KEPT} bring the server's CPU a request from 150 µs to 95.0 µs, "
         "and make no difference to that of nginx that can be told from chance")),
        (WHOLE, "fastcgi-close-nginx", ""),
        ({"fastcgi-nginx": (21.0, 95.0)}, "", ""),
    ],
    "direct_finding": [
        (WHOLE, "", f"{DIRECTLY} 80.0 µs, and nginx 20.0 µs"),
        ({**WHOLE, "http-nginx": (20.0, 90.5)}, "", f"{DIRECTLY} 90.5 µs (a tie), and nginx 20.0 µs"),
        (WHOLE, "http-direct", ""),
    ],
    "memory_finding": [
        (WHOLE, "", "As fronts of FastCGI, lighttpd needs the least memory, 1.00 MiB; Caddy needs the most, 37.0 MiB"),
        (WHOLE, "fastcgi-caddy",
         "As fronts of FastCGI, lighttpd needs the least memory, 1.00 MiB; HAProxy needs the most, 11.0 MiB"),
    ],
}  # fmt: skip
"""By finding: costs, a row with errors ("" for none), the sentence."""


def test_the_row_that_is_there_twice_says_what_is_a_tie_of_fronts() -> None:
    costs = {"fastcgi-nginx": (20.0, 95.0), "fastcgi-haproxy": (23.0, 95.0), "fastcgi-again-nginx": (20.1, 95.0)}
    quiet, noisy = record(costs), record({**costs, "fastcgi-again-nginx": (24.0, 95.0)})
    for document in (quiet, noisy):
        assert [band["again"] for band in document["bands"] if band["figure"] == "front_cpu"] == ["fastcgi-again-nginx"]
    assert findings_fronts.fronts_finding(quiet).startswith("As fronts of FastCGI, nginx takes the least CPU a request")
    assert findings_fronts.fronts_finding(noisy) == "CPU of a front and of the backend behind it, for one request"


@pytest.mark.parametrize(
    ("name", "costs", "errors", "sentence"), [(name, *row) for name, rows in FOUND.items() for row in rows]
)
def test_sentences(name: str, costs: Mapping[str, tuple[float | None, float]], errors: str, sentence: str) -> None:
    assert getattr(findings_fronts, name)(record(costs, errors)) == sentence


# -- a run -------------------------------------------------------------------------------------------------------------


def the_run(names: list[str]) -> tuple[Document, Notebook]:
    notebook = Notebook()
    return run(an_order("fronts", load_gateways(TABLE, names), ["hello"], seconds=0.2), notebook), notebook


@pytest.mark.real("nginx")
def test_a_front_has_an_account_of_its_own(tmp_path: Path) -> None:
    document, notebook = the_run(["fastcgi-close-nginx", "scgi-ours", "http-direct"])
    assert notebook.failures == []
    assert document["versions"]["nginx"] == FRONTS["nginx"].presence().version
    found = {repeat_["gateway"]: repeat_ for repeat_ in document["repeats"]}
    assert {*found} == {"fastcgi-close-nginx", "scgi-ours", "http-direct"}
    assert [repeat_["errors"] for repeat_ in found.values()] == [{}, {}, {}]
    assert found.pop("http-direct")["front"] is None
    for repeat_ in found.values():
        assert repeat_["front"]
        assert repeat_["front"]["memory"]
        assert repeat_["front"]["cpu_seconds"] > 0
    save_all(document, tmp_path / "out")
    assert {path.stem for path in (tmp_path / "out" / "charts").iterdir()} == {"cpu", "memory"}


def test_a_front_that_is_missing_or_dies_costs_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    dying = replace(FRONTS["ours"], argv=lambda place: [place.program, "-c", "raise SystemExit('no such directive')"])
    monkeypatch.setitem(FRONTS, "ours", dying)
    monkeypatch.setitem(FRONTS, "caddy", replace(FRONTS["caddy"], programs=("no-such-program",)))
    document, notebook = the_run(["http-ours", "http-caddy", "http-direct"])
    assert [(row["name"], row["status"]) for row in document["gateways"]] == [
        ("http-direct", "ok"), ("http-caddy", "absent"), ("http-ours", "failed"),
    ]  # fmt: skip
    absent = document["gateways"][1]
    assert (absent["reason"], absent["install"]) == ("no-such-program is not installed", "apt install caddy")
    (failure,) = document["failures"]
    assert failure["reason"].startswith("http_front (ours) before it did not start: it ended with exit code 1")
    assert failure["output"] == "no such directive"
    assert [repeat_["gateway"] for repeat_ in document["repeats"]] == ["http-direct"]
    assert notebook.failures == document["failures"]
