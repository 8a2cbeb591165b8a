"""Lesson 5: the wire that notes its records, the rush over connections, golden connections, and figures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcgi_server.records import PARAMS, RESPONDER, STDIN, encode_begin, encode_pairs, encode_record, encode_stream
from gateway_lab.errors import LabError
from gateway_lab.servers import Server, serve
from lesson_kit.lessons.lesson_05 import LESSON, Passed, Wire, rush, talked
from lesson_kit.lessons.lesson_05.figures import draw_lanes, draw_ratios
from lesson_kit.lessons.lesson_05.golden import Talked

ROOT = Path(__file__).resolve().parents[3]
WAYS = ("one connection, 4 ids", "kept connections", "a new connection each")
LANE = [
    Passed(0.0, True, "BEGIN_REQUEST", 1, 1, b""),
    Passed(0.3, False, "STDOUT", 1, 1, b"x"),
    Passed(0.3, False, "END_REQUEST", 1, 1, b""),
    Passed(0.4, True, "BEGIN_REQUEST", 1, 2, b""),
    Passed(0.5, False, "END_REQUEST", 1, 2, b""),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("fastcgi", threads=2) as running:
        yield running


def _hello(request_id: int) -> bytes:
    variables = [
        ("REQUEST_METHOD", "GET"),
        ("PATH_INFO", "/hello"),
        ("SCRIPT_NAME", ""),
        ("QUERY_STRING", ""),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "x"),
        ("SERVER_PORT", "80"),
    ]
    return (
        encode_begin(request_id, RESPONDER, keep=True)
        + encode_stream(PARAMS, request_id, encode_pairs(variables))
        + encode_record(PARAMS, request_id)
        + encode_record(STDIN, request_id)
    )


@pytest.mark.parametrize("one", talked(), ids=lambda one: str(one.capture))
def test_golden_connections_are_those_of_the_recording(one: Talked) -> None:
    told = json.loads((ROOT / one.capture).read_text("utf-8"))
    segments = told["connections"][one.connection]["segments"]
    assert one.segments == tuple((part["from"], base64.b64decode(part["data"])) for part in segments)
    assert (told["front"], told["backend"]) == (one.front, one.backend)


def test_a_wire_counts_requests_that_share_an_id(server: Server) -> None:
    with Wire(server) as wire:
        for _ in range(2):
            wire.send(_hello(1))
            wire.wait_for_ends(1)
    ends = [one for one in wire.passed if one.kind == "END_REQUEST"]
    assert [(one.request_id, one.number, one.sent) for one in ends] == [(1, 1, False), (1, 2, False)]


def test_a_wire_without_a_server_is_a_sentence() -> None:
    with serve("fastcgi") as gone:
        pass
    with pytest.raises(LabError, match="cannot be reached"), Wire(gone):
        pass


@pytest.mark.parametrize(
    "way",
    [
        {"connections": 1, "ids": 3},
        {"connections": 3, "ids": 1},
        {"connections": 2, "ids": 1, "keep": False},
        {"connections": 9, "ids": 9},
    ],
)
def test_a_rush_ends_when_all_have_their_answers(server: Server, way: dict[str, Any]) -> None:
    sent: list[int] = []

    def request(request_id: int) -> bytes:
        sent.append(request_id)
        return _hello(request_id)

    assert rush(server, request, 7, **way) > 0
    assert len(sent) == 7
    assert max(sent) <= way["ids"]


def test_a_request_that_is_refused_is_not_taken_for_a_quick_one() -> None:
    options = ["--max-requests-per-connection", "2"]
    with serve("fastcgi", options=options, threads=2) as small, pytest.raises(LabError, match="refuses"):
        rush(small, _hello, 40, connections=1, ids=20)


def test_a_wire_sends_whole_records_alone(server: Server) -> None:
    with Wire(server) as wire, pytest.raises(LabError, match="no whole records"):
        wire.send(_hello(1)[:-1])


def test_a_rush_refuses_ids_on_connections_that_are_not_kept(server: Server) -> None:
    with pytest.raises(LabError, match="ids=1"):
        rush(server, _hello, 1, connections=1, ids=2, keep=False)


@pytest.mark.parametrize("lanes", [{}, {"a": []}, {"a": LANE[:1]}, {"a": LANE, "b": LANE, "c": LANE}])
@pytest.mark.parametrize("guess", [0, 10_000])
def test_lanes_are_drawn_whatever_was_found(lanes: dict[str, Any], guess: int) -> None:
    draw_lanes(lanes, {"first": "the quick one", "quick_after": guess})


@pytest.mark.parametrize("seconds", [{}, {WAYS[1]: []}, {name: [0.1] for name in WAYS}, {WAYS[0]: [0.0], WAYS[1]: [1]}])
@pytest.mark.parametrize("guess", [0.01, 1000])
def test_ratios_are_drawn_whatever_was_found(seconds: dict[str, Any], guess: float) -> None:
    draw_ratios(seconds, {"speed": guess})


def test_each_expectation_can_fail() -> None:
    orders = ("slow", "quick", "quick")
    firsts = dict(
        zip(("ids 1 and 2, 4 threads", "ids 1 and 2, 1 thread", "always id 1, 4 threads"), orders, strict=True)
    )
    wrong = {"first": firsts, "speed": {WAYS[0]: 4.0, WAYS[1]: 1.0, WAYS[2]: 2.0}}
    assert not any(expected.holds(wrong) for expected in LESSON.expected)
