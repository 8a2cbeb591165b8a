"""The suite autopsy: one flag between two rows, what was published in 2016, and what is said of what comes back."""

from __future__ import annotations

import importlib
import socket
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

import pytest

from bench_suite_records import drawn_twice, record_of, retold
from bench_world import ROOT
from gateway_bench.load.address import parse_address
from gateway_bench.record.document import Document
from gateway_bench.report import charts_autopsy as charts
from gateway_bench.report import figures_2016 as published
from gateway_bench.run.loop import measure_loop
from gateway_bench.run.measure import Place
from gateway_bench.run.plan import parameters_for
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.suites import suite_named
from gateway_runtime.testing import Server

SUITE = suite_named("autopsy")
ROWS = {row.name: row for row in load_gateways(ROOT / "benchmarks" / SUITE.table)}
USERS = 100


def came_back(
    errors: dict[str, dict[str, int]], connections: int | None = None, p50: int = 5_000, rate: float = 10_000.0
) -> Document:
    """A record of all rows asked by wrk and by the crowd: of 1,000 requests so many failed, so."""
    asked = {name: (charts.DEAF,) if row.loop else (charts.WRK, charts.CROWD) for name, row in ROWS.items()}
    document = record_of(
        "autopsy", [*ROWS.values()], {(name, scenario): 100.0 for name in ROWS for scenario in asked[name]}
    )
    for repeat in document["repeats"]:
        wrk = repeat["scenario"] == charts.WRK
        engines = {charts.WRK: "wrk", charts.CROWD: "crowd", charts.DEAF: "loop"}
        repeat["engine"], repeat["users"], repeat["requests"] = engines[repeat["scenario"]], USERS, 1_000
        repeat["seconds"] = 1_000 / rate
        repeat["errors"] = errors.get(repeat["gateway"], {})
        repeat["latency"]["p50"] = p50
        repeat["connections"] = None if wrk else connections
    return retold(document)


def deaf_client() -> ModuleType:
    """The load generator that is as wrk was in 2015."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        return importlib.import_module("deaf_client")


def test_one_flag_is_between_the_two_rows() -> None:
    wrong, mended = ROWS[charts.DEAF_MISTAKE], ROWS[charts.DEAF_MENDED]
    assert mended.command[-1].replace(f" {charts.FLAG}", "") == wrong.command[-1]
    wrong, mended = ROWS[charts.MISTAKE], ROWS[charts.MENDED]
    assert [word for word in mended.command if word not in wrong.command] == [charts.FLAG]
    assert [word for word in wrong.command if word not in mended.command] == []
    assert (wrong.workers, wrong.threads, wrong.keep_alive) == (mended.workers, mended.threads, mended.keep_alive)
    assert all(row.keep_alive for row in ROWS.values())  # all are asked alike
    assert ROWS["uwsgi-keepalive-again"].again == charts.MENDED
    assert SUITE.scenarios == (charts.WRK, charts.CROWD, charts.DEAF)
    assert SUITE.full.users == published.CONNECTIONS[0] == USERS


def test_a_connection_of_2016_carried_one_answer() -> None:
    assert len(published.CONNECTIONS) == len(published.UWSGI) == len(published.BJOERN) == len(published.UWSGI_MS)
    assert len(published.UWSGI_ERRORS) == len(published.CONNECTIONS)
    assert all(1.0 < answers < 1.25 for answers in published.ANSWERS)
    assert published.at_work(3.475, 0.008065) == pytest.approx(0.028, abs=0.001)
    assert "1.01 to 1.22 answers in 30 s" in charts.published_finding(came_back({}))


def test_the_raw_logs_of_2016_add_up() -> None:
    assert "115 = 100 + 15 and 1,074 = 1,000 + 74" in charts.cause_finding(came_back({}))


@pytest.fixture
def closing() -> Iterator[tuple[str, int]]:
    """A server that closes after each answer, in an orderly way, and has no field that says so."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.settimeout(0.05)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5.0)
                    connection.recv(65_536)
                    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        ended.set()
        thread.join()


def test_a_deaf_client_gets_one_answer_of_a_connection(closing: tuple[str, int]) -> None:
    count = deaf_client().ask(closing, connections=20, seconds=30.0, until_deaf=True)
    assert count.deaf == 20
    assert count.answers == 20 + count.resets


def test_the_bench_takes_the_deaf_client_for_a_loop() -> None:
    """As a row of the table, but with a server that everybody has."""
    server = f"'{sys.executable}' -m wsgi_server demo_app:app --bind 127.0.0.1:PORT"
    argv = [
        sys.executable,
        str(ROOT / "benchmarks" / "deaf_client.py"),
        "--json",
        "--ready",
        "ready http",
        "--server",
        server,
    ]
    parameters = parameters_for(SUITE, quick=True, seconds=0.2) | {"users": 4}
    repeat = measure_loop("deaf", argv, charts.DEAF, parameters, Place(1, 1, 1))
    assert repeat["requests"] > 4
    assert (repeat["errors"], repeat["connections"], repeat["spawned"]) == ({}, 4, None)
    assert repeat["latency"]["p50"] <= repeat["latency"]["p99"] <= repeat["latency"]["max"]


def test_what_a_deaf_client_counts_is_told() -> None:
    told = charts.deaf_finding(came_back({}, rate=500.0))
    assert "counts 500 answers a second without --http-keepalive, which is 1,000 over 100 connections in all" in told


def test_a_deaf_client_is_none_where_connections_are_kept() -> None:
    with Server("wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0") as server:
        address = parse_address(server.url)
        count = deaf_client().ask((address.host, address.port), connections=4, seconds=1.0, path="/hello")
    assert (count.deaf, count.resets) == (0, 0)
    assert count.answers > 4


def test_the_flag_is_told_by_what_got_no_answer() -> None:
    told = charts.flag_finding(came_back({charts.MISTAKE: {"closed": 500}}))
    assert told == (
        "Without --http-keepalive these requests got no right answer from uWSGI's router: 50.0 % of those of wrk and "
        "50.0 % of those of the crowd; with it, none"
    )
    both = charts.flag_finding(came_back({charts.MISTAKE: {"closed": 500}, charts.MENDED: {"timeout": 10}}))
    assert both.endswith("with it, 1.00 % of those of wrk and 1.00 % of those of the crowd")
    assert charts.flag_finding(came_back({})).count("none") == 3
    document = came_back({})
    document["results"] = []
    assert charts.flag_finding(document) == charts.TITLE


@pytest.mark.parametrize(
    ("errors", "opened", "words"),
    [({charts.MISTAKE: {"closed": 500}}, 500, ("1.00 connections", "were lost (closed)", "no field of the answer")),
     ({}, 1_000, ("1.00 connections", "nothing was lost", "no field of the answer")),
     ({}, 100, ("opened 0.100 connections", "nothing was lost"))],
)  # fmt: skip
def test_what_became_of_connections(errors: dict[str, dict[str, int]], opened: int, words: tuple[str, ...]) -> None:
    told = charts.today_finding(came_back(errors, opened))
    assert all(word in told for word in words), told
    assert charts.today_finding(came_back(errors, None)) == ""


@pytest.mark.parametrize(
    ("rate", "errors", "end"),
    [(10_000.0, {charts.MISTAKE: {"closed": 500}}, "does not happen with this wrk, and the flag still matters"),
     (10_000.0, {}, "does not happen with this wrk, nor does the flag matter"),
     (4.0, {}, "the figure of 2016 comes again")],
)  # fmt: skip
def test_the_figure_of_2016_comes_again_or_not(rate: float, errors: dict[str, dict[str, int]], end: str) -> None:
    told = charts.again_finding(came_back(errors, rate=rate))
    assert told.endswith(end)
    assert "where 3.48 were published" in told


def test_visitors_who_are_never_served_are_found_by_arithmetic() -> None:
    assert charts.little_finding(came_back({}, p50=9_000)) == ""  # 90 of 100 at work
    told = charts.little_finding(came_back({}, p50=300))
    assert "uWSGI --http11-socket: 3.00 of 100" in told
    assert charts.MISTAKE not in charts.little_finding(came_back({name: {"closed": 1} for name in ROWS}, p50=300))


def test_errors_refuse_a_rank() -> None:
    document = came_back({charts.MISTAKE: {"closed": 500}})
    assert charts.ranks_finding(document) == "Errors refuse a rank to uWSGI --http, as in 2016"
    assert [row["ranked"] for row in document["results"] if row["gateway"] == charts.MISTAKE] == [False, False]
    assert charts.ranks_finding(came_back({})).startswith("No row met an error")


def test_the_charts_are_drawn_and_stable() -> None:
    document = came_back({charts.MISTAKE: {"closed": 500}, "uwsgi-http11": {"timeout": 700}}, 500)
    assert drawn_twice(document) == list(SUITE.charts) == list(SUITE.captions)
    assert all(find(document) for find in SUITE.findings if find is not charts.little_finding)
