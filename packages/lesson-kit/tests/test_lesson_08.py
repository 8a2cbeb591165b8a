"""Lesson 8: the golden packets against our codec, what is read from a log, and figures of odd data."""

from __future__ import annotations

import os
import random
import sys

import pytest

from lesson_kit.checking import NotYet
from lesson_kit.lessons.lesson_08.check import GOLDEN, check_decode, check_encode
from lesson_kit.lessons.lesson_08.figures import draw_four_bytes, draw_pairs
from lesson_kit.lessons.lesson_08.knocking import has_uwsgi, knock, promised, uwsgi_itself
from uwsgi_gateway.protocol import HEADER_SIZE, decode_packet_header, decode_vars

GUESSES = {"post": 20307, "head": 17729}


@pytest.mark.parametrize(("variables", "packet"), GOLDEN)
def test_golden_packets_are_what_our_gateway_reads(variables, packet):
    assert decode_packet_header(packet) == (0, len(packet) - HEADER_SIZE, 0)
    found = {name: value.encode("latin-1").decode() for name, value in decode_vars(packet[HEADER_SIZE:])}
    assert found == variables


def test_promised():
    log = (
        "... these bytes spell 'PUT ': this is HTTP on a uwsgi port (read as a packet header they promise 21589 bytes)"
    )
    assert promised(log) == {"PUT ": 21589}
    assert promised("ready uwsgi://127.0.0.1:1") == {}


STANDS_IN = """#!{python} -I
import socket, sys
sock, _ = socket.socket(fileno=int(sys.argv[2].removeprefix("fd://"))).accept()
sock.sendall(" ".join(sys.argv[3:]).encode())
"""


def test_uwsgi_itself_is_given_a_socket_that_listens(tmp_path, monkeypatch):
    program = tmp_path / "uwsgi"
    program.write_text(STANDS_IN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert has_uwsgi()
    with uwsgi_itself() as server:
        assert knock(server, b"") == b"--master --die-on-term"


def raises(_):
    raise KeyError


def once_whole(value):
    """Return a decoder that gives this for a whole packet, and None before."""
    return lambda data: value if len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[1:3], "little") else None


@pytest.mark.parametrize(
    ("answer", "idea"), [(lambda _: "text", "text"), (lambda _: b"", "packet"), (lambda _: GOLDEN[0][1], "packet")]
)
def test_encode_says_what_is_wrong(answer, idea):
    with pytest.raises(NotYet) as refused:
        check_encode(answer, random.Random(1))
    assert refused.value.idea == idea


@pytest.mark.parametrize(
    ("answer", "idea"),
    [(lambda _: None, "blank"), (raises, "half_packet"), (once_whole({}), "type"), (once_whole(({}, b"")), "packet")],
)
def test_decode_says_what_is_wrong(answer, idea):
    with pytest.raises(NotYet) as refused:
        check_decode(answer, random.Random(1))
    assert refused.value.idea == idea


@pytest.mark.parametrize(
    "rows", [[], [(b"GET ", 21573)], [(b"POST", 21327), (b"\0\xfc\1\0", 508)], [(b"\x16\x03\x01\x02", 259)]]
)
def test_four_bytes(rows):
    figure = draw_four_bytes(rows, GUESSES)
    (axis,) = figure.axes
    words = [text.get_text() for text in axis.texts]
    assert all(str(size) in words for _, size in rows)
    assert ("your guess: 20307" in words) == any(first == b"POST" for first, _ in rows)


@pytest.mark.parametrize("pairs", [{}, {"http to http": 200}, {"http to uwsgi": 400, "uwsgi to uwsgi": 200}])
def test_pairs(pairs):
    figure = draw_pairs(pairs, {"fitting": 4})
    assert figure.sentence.startswith(f"{sum(status == 200 for status in pairs.values())} of {len(pairs)} pairs")
