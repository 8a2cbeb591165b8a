"""Whatever a backend sends, `gatelab request` ends with an answer or with one of its exit codes; so does -v."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fastcgi_server import records
from gatelab.request_content import Content
from gatelab.request_errors import Exit, Failed
from gatelab.request_meter import Meter
from gatelab.request_output import Answer, Output, as_json
from gatelab.request_question import Question
from gatelab.request_run import Order, run
from gatelab.request_url import parse
from gatelab.request_watch import Watcher
from gateway_runtime.channel import Channel, Patience

GOOD = {
    "http": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "uwsgi": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "scgi": b"Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "fastcgi": records.encode_stream(records.STDERR, 1, b"words")
    + records.encode_stream(records.STDOUT, 1, b"X: y\r\n\r\nhello")
    + records.encode_end(1, 0, 0),
}


@st.composite
def answers(draw, good):
    """Draw an answer with bytes changed, put in, or taken away."""
    data = bytearray(good)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


def end_of(scheme, sent, question=None):
    """Run a request whose backend sends these bytes and closes; return its exit code."""
    ours, theirs = socket.socketpair()
    with theirs, pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatelab.request_run.connect", lambda *_: Channel(ours, Patience(silence=20)))
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        url = parse(f"{scheme}://127.0.0.1:1/")
        answer = Answer(Meter(20, Watcher(url.protocol, Console(quiet=True))))
        variables = [("CONTENT_LENGTH", "0"), ("REQUEST_METHOD", "GET")]
        order = Order(url, "GET", [("Host", "x")], variables, question=question, keep=True)
        try:
            with Content([]) as content, Output("") as output:
                run(order, content, output, answer)
        except Failed as failed:
            answer.code, answer.error = failed.code, str(failed)
        assert as_json(url, answer, body=True).endswith(b"}\n")
        assert (answer.error == "") is (answer.code == Exit.ANSWERED)
        return answer.code


CODES = {Exit.ANSWERED, Exit.BROKEN, Exit.CUT_SHORT, Exit.NO_ANSWER}


@pytest.mark.parametrize("scheme", GOOD)
def test_rubbish(scheme):
    seen = set()

    @settings(max_examples=150, deadline=None)
    @given(answers(GOOD[scheme]) | st.binary(max_size=40))
    def try_it(sent):
        seen.add(end_of(scheme, sent))

    try_it()
    assert end_of(scheme, GOOD[scheme]) == Exit.ANSWERED
    assert seen <= CODES
    assert {Exit.BROKEN, Exit.NO_ANSWER} <= seen


@pytest.mark.parametrize(("scheme", "good"), [("uwsgi", b"\x64\0\0\1"), ("fastcgi", records.encode_record(10, 0, b""))])
def test_rubbish_for_a_question(scheme, good):
    @settings(max_examples=60, deadline=None)
    @given(answers(good) | st.binary(max_size=12))
    def try_it(sent):
        assert end_of(scheme, sent, Question(scheme)) in CODES

    try_it()
    assert end_of(scheme, good, Question(scheme)) == Exit.ANSWERED
