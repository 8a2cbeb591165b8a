"""The crowd: right answers counted, and every connection that ends accounted for in its own kind."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway_bench.load.address import Address
from gateway_bench.load.crowd import Crowd
from gateway_bench.load.crowd_load import drive
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.http_bytes import Head, read_head, request_bytes
from gateway_bench.load.scenarios import DECK, NUMBERS, SCENARIOS, Answer, scenario_named
from gateway_bench.load.tally import Tally
from gateway_bench.load.wrk import drive_wrk, find_wrk
from gateway_bench.servers.service import started

SERVER = Path(__file__).parent / "data" / "small_server.py"
READY = re.compile(r"ready (\S+)")
HELLO = SCENARIOS["hello"]
RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n"


@contextmanager
def small_server(mode: str) -> Iterator[Address]:
    """The small server of data/, behaving as `mode` says."""
    with started([sys.executable, str(SERVER), mode], READY, dict(os.environ), SERVER.parent) as (_, address):
        yield address


@contextmanager
def scripted(*connections: list[bytes | None]) -> Iterator[Address]:
    """A server that answers the requests on its n-th connection by the n-th script; None: close instead.

    A script that is used up ends the connection at once. The last script is for all further connections.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        finished = threading.Event()

        def serve() -> None:
            number = 0
            while not finished.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    for answer in connections[min(number, len(connections) - 1)]:
                        if not connection.recv(65_536) or answer is None:
                            break
                        connection.sendall(answer)
                number += 1

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Address("http", "127.0.0.1", listener.getsockname()[1])
        finally:
            finished.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def visits(crowd: Crowd, number: int) -> Tally:
    """Let the crowd make that many visits, and close it."""
    tally = Tally()
    try:
        return crowd.run(lambda: tally.visits < number, tally)
    finally:
        crowd.close()


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 14", Head(200, 14, False, 0)),
        (b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length:7 \r\nWorker: 4242", Head(200, 7, False, 4242)),
        (b"HTTP/1.1 503 \r\nConnection: Close\r\nContent-Length: 0", Head(503, 0, True, 0)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1", Head(200, 1, True, 0)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive", Head(200, 1, False, 0)),
        (b"HTTP/1.1 200", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", None),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 1", None),
        (b"HTTP/1.1 200 OK\r\nX-Content-Length: 1", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1", None),
        (b"HTTP/2 200\r\nContent-Length: 1", None),
        (b"220 small.example ESMTP", None),
    ],
)
def test_heads(head: bytes, told: Head | None) -> None:
    assert read_head(head) == told


def test_requests() -> None:
    sign, _ = SCENARIOS["guestbook"].visit("7-1")
    told = request_bytes(sign, "x:1", keep_alive=False)
    head, _, content = told.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /guestbook HTTP/1.1", b"Host: x:1", b"Content-Type: application/x-www-form-urlencoded",
        b"Content-Length: %d" % len(sign.content), b"Connection: close",
    ]  # fmt: skip
    assert content == sign.content


def test_a_mixed_visit_has_one_sleep_at_a_place_that_its_token_rules() -> None:
    mixed = SCENARIOS["mixed"].visit
    places = set()
    for number in range(60):
        deck = [exchange.name for exchange in mixed(f"1-{number}")]
        assert len(deck) == DECK
        assert deck.count("GET /hello") == DECK - 1
        places.add(deck.index("GET /sleep?ms=100"))
    assert len(places) > DECK // 2
    assert mixed("3-4") == mixed("3-4")


def test_a_target_is_a_scenario_whose_numbers_come_in_turn() -> None:
    whole = scenario_named("/page?user={n}")
    asked = [whole.visit("any")[0] for _ in range(NUMBERS + 1)]
    assert [exchange.path for exchange in asked[:2]] == ["/page?user=0", "/page?user=1"]
    assert asked[NUMBERS] == asked[0]
    assert {exchange.name for exchange in asked} == {"GET /page?user={n}"}
    assert [asked[1].check(Answer(*told)) for told in ((200, b"for 1"), (200, b"for 2"), (404, b"1"))] == [
        None, "content", "status 404",
    ]  # fmt: skip
    assert scenario_named("/plain").visit("any")[0].check(Answer(200, b"")) is None
    assert scenario_named("hello") is SCENARIOS["hello"]
    with pytest.raises(KeyError):
        scenario_named("unheard-of")


@pytest.mark.parametrize("scenario", ["hello", "guestbook"])
def test_every_visit_is_made_and_whole(scenario: str) -> None:
    with small_server("good") as address:
        crowd = Crowd(address, SCENARIOS[scenario], 3)
        tally = visits(crowd, 50)
    each = 1 + (scenario == "guestbook")
    assert (tally.visits, tally.requests, dict(tally.errors)) == (50, 50 * each, {})
    assert sum(map(len, tally.latencies_ns.values())) == tally.requests
    assert (tally.connections["opened"], tally.connections["announced"], tally.connections["idle"]) == (3, 0, 0)
    assert tally.rate > 0
    if scenario == "hello":
        assert tally.content_bytes == 50 * 14


def test_a_server_that_closes_as_it_announced_makes_no_error() -> None:
    with small_server("closing") as address:
        tally = visits(Crowd(address, HELLO, 2), 20)
        leaving = visits(Crowd(address, HELLO, 2, keep_alive=False), 20)
    assert tally.errors == leaving.errors == {}
    assert tally.connections["opened"] == tally.connections["announced"] == leaving.connections["opened"] == 20


def test_every_answer_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_bench.load.crowd.BACK_OFF", 0.001)
    with small_server("bad") as address:
        tally = visits(Crowd(address, HELLO, 1), 8)
    assert tally.errors == {"content": 2, "status 500": 2, "protocol": 2, "closed": 2}
    assert tally.requests == 8
    assert len(tally.connections["losses"]) == 8
    with small_server("good") as address:
        pass  # and now nobody listens there
    assert visits(Crowd(address, HELLO, 2), 4).errors == {"connect": 4}


PART = RIGHT[:20]


@pytest.mark.parametrize(
    ("scripts", "retry", "errors", "retried"),
    [
        ([[RIGHT, None], [RIGHT] * 9], True, {}, 1),  # a kept connection, crossed: made again
        ([[RIGHT, None], [RIGHT] * 9], False, {"closed": 1}, 0),
        ([[None], [RIGHT] * 9], True, {"closed": 1}, 0),  # a new one is to be answered
        ([[RIGHT, None], [None], [RIGHT] * 9], True, {"closed": 1}, 1),  # once is enough
        ([[RIGHT, PART], [RIGHT] * 9], True, {"cut off": 1}, 0),  # an answer had begun
        ([[RIGHT, RIGHT + b"x"], [RIGHT] * 9], True, {"protocol": 1}, 0),
    ],
)
def test_a_connection_that_ends_with_a_request_under_way(
    scripts: list[list[bytes | None]], retry: bool, errors: dict[str, int], retried: int
) -> None:
    with scripted(*scripts) as address:
        tally = visits(Crowd(address, HELLO, 1, retry=retry), 4)
    assert dict(tally.errors) == errors
    assert tally.connections["retried"] == retried
    assert [loss["retried"] for loss in tally.connections["losses"]].count(True) == retried
    assert (tally.visits, tally.requests) == (4, 4)


def test_a_connection_that_ends_while_idle_is_no_error() -> None:
    first, second = Tally(), Tally()
    with scripted([RIGHT], [RIGHT] * 9) as address:
        crowd = Crowd(address, HELLO, 1, pause=0.05)
        crowd.run(lambda: first.visits < 3, first)
        crowd.run(lambda: second.visits < 1, second)
        crowd.close()
    assert first.errors == second.errors == {}
    assert (first.connections["opened"], first.connections["idle"]) == (2, 1)
    assert second.connections["opened"] == 0


def test_a_loss_names_the_worker_whose_connection_it_was() -> None:
    named = RIGHT.replace(b"\r\n\r\n", b"\r\nWorker: 77\r\n\r\n", 1)
    with scripted([named, None], [None], [named] * 9) as address:
        tally = visits(Crowd(address, HELLO, 1), 5)
    assert [loss["worker"] for loss in tally.connections["losses"]] == [77, 0]
    assert all(0 < loss["began"] <= loss["lost"] for loss in tally.connections["losses"])


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_bench.load.crowd.REQUEST_LIMIT", 0.2)
    with scripted([PART, PART]) as address:
        assert visits(Crowd(address, HELLO, 1), 1).errors == {"timeout": 1}


def job(address: Address, **fields: Any) -> Any:
    return {
        "address": str(address), "keep_alive": True, "scenario": "hello", "users": 2, "warmup": 0.05, "seconds": 60.0,
        "min_requests": 1, "max_seconds": 60.0,
    } | fields  # fmt: skip


def test_a_job_is_done_to_its_last_visit() -> None:
    waited: list[bool] = []
    with small_server("good") as address:
        told = drive(job(address, max_visits=100), lambda: waited.append(True))
    assert waited == [True]
    assert (told["requests"], told["errors"], told["latency"]["count"]) == (100, {}, 100)
    assert list(told["exchanges"]) == ["GET /hello"]
    assert told["seconds"] > 0 < told["generator_cpu"]


def test_the_crowd_is_a_process_that_stops_when_told() -> None:
    with small_server("good") as address, LoadProcess("gateway_bench.load.crowd_load") as load:
        for _ in range(2):  # and it may be told again, in its next job
            load.prepare(job(address))
            load.warm_up()
            load.begin()
            load.stop()
            told = load.finish()
            assert told["errors"] == {}
            assert told["requests"] >= 0
    assert psutil.Process().children() == []


@pytest.mark.real("wrk")
@pytest.mark.parametrize("mode", ["good", "closing"])
def test_wrk_takes_an_announced_close_for_none_of_its_errors(mode: str) -> None:
    wrk = find_wrk()
    assert wrk
    with small_server(mode) as address:
        told = drive_wrk(wrk, f"{address}/hello", 2, 1.0)
    assert told["errors"] == {}
    assert told["latency"]["count"] == told["requests"] > 0
    assert told["latency"]["p50"] <= told["latency"]["p999"] <= told["latency"]["max"]
    assert (told.get("generator_wait") is None) == (not sys.platform.startswith("linux"))


def test_a_crowd_leaves_no_descriptor_behind() -> None:
    def count() -> int:
        return psutil.Process().num_fds()

    with small_server("good") as address:
        before = count()
        visits(Crowd(address, HELLO, 10), 30)
        assert count() == before
