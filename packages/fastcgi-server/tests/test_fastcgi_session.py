"""A FastCGI connection between a codec and an application, without sockets."""

from __future__ import annotations

import pytest

from fastcgi_peer import Peer, answer_of, hello, request
from fastcgi_server import records, server
from fastcgi_server.records import encode_pairs, encode_record
from gateway_core.access import Access
from gateway_core.events import Phase

END = (records.END_REQUEST, bytes(8))
ABORTED = (records.END_REQUEST, bytes([0, 0, 0, 1, 0, 0, 0, 0]))


def test_requests_one_after_another():
    peer = Peer(hello)
    for path in ("/a", "/b"):
        peer.feed(request(1, path))
        assert answer_of(peer.wire.records()) == (200, path.encode() + b" ")
        assert peer.session.phase is Phase.IDLE
    assert not peer.wire.closed
    peer.feed(request(1, "/c", keep=False))
    assert answer_of(peer.wire.records()) == (200, b"/c ")
    assert peer.wire.closed


def test_requests_side_by_side_are_served_as_they_become_complete():
    peer = Peer(hello)
    peer.feed(request(1, "/a", b"xy", end=False) + request(2, "/b"))
    sent = peer.wire.records()
    assert answer_of(sent, 2) == (200, b"/b ")
    assert {record[1] for record in sent} == {2}
    peer.feed(request(3, "/c", b"z") + encode_record(records.STDIN, 1, b"yx") + encode_record(records.STDIN, 1))
    sent = peer.wire.records()
    assert answer_of(sent, 3) == (200, b"/c z")
    assert answer_of(sent, 1) == (200, b"/a xyyx")
    assert [record[1] for record in sent if record[0] == records.END_REQUEST] == [3, 1]
    assert peer.session.phase is Phase.IDLE


def test_content_without_a_length_gets_one():
    seen = []

    def app(environ, start_response):
        seen.append((environ["CONTENT_LENGTH"], environ["wsgi.input"].read()))
        start_response("200 OK", [])
        return []

    peer = Peer(app)
    peer.feed(request(content=b"abc"))
    peer.feed(request(content=b"abc", end=False))
    peer.feed(encode_record(records.STDIN, 1))
    assert seen == [("3", b"abc")] * 2


@pytest.mark.parametrize(
    ("wrong", "status", "sentence"),
    [
        (request(1, REQUEST_METHOD="PUT"), 400, "REQUEST_METHOD comes more than once"),
        (request(1, content=b"x" * 11), 413, "larger than 10 bytes"),
        (request(1, CONTENT_LENGTH="11", end=False), 413, "larger than 10 bytes"),
        (request(1, content=b"x" * 11, end=False), 413, "larger than 10 bytes"),
        (request(1, CONTENT_LENGTH="x", content=b"y"), 400, "not a number"),
    ],
)
@pytest.mark.parametrize("keep", [True, False])
def test_a_wrong_request_is_refused_alone(wrong, status, sentence, keep):
    if not keep:
        wrong = wrong.replace(records.encode_begin(1, 1, True), records.encode_begin(1, 1, False))
    peer = Peer(hello, max_body=10)
    peer.feed(request(2, "/two", b"ab", end=False))
    peer.feed(wrong)
    answered, content = answer_of(peer.wire.records())
    assert (answered, sentence.encode() in content) == (status, True)
    assert not peer.wire.closed  # the other one is still active
    peer.feed(encode_record(records.STDIN, 1, b"late") + encode_record(records.STDIN, 1))
    peer.feed(encode_record(records.STDIN, 2))
    assert answer_of(peer.wire.records(), 2) == (200, b"/two ab")
    assert peer.wire.closed is not keep


class AccessLog:
    form, pid = "common", 1

    def __init__(self):
        self.lines = []

    def now(self):
        return 0.0

    ticks = now

    def write(self, line):
        self.lines.append(line.partition("] ")[2])


def test_what_is_refused_and_what_is_served_is_logged():
    log = AccessLog()
    peer = Peer(hello, max_body=10, access=Access(log))
    peer.feed(request(2, "/two", b"ab", end=False))
    peer.feed(request(1, content=b"x" * 11))
    peer.feed(encode_record(records.STDIN, 2))
    assert log.lines == ['"-" 413 -', '"POST /two HTTP/1.1" 200 7']


def test_an_aborted_response_is_logged_as_cut():
    log = AccessLog()
    peer = Peer(lambda environ, start: start("200 OK", []) and iter([b"abc", b"def"]), access=Access(log))
    peer.wire.full = True
    peer.feed(request(1))
    assert log.lines == []
    peer.feed(encode_record(records.ABORT_REQUEST, 1))
    assert log.lines == ['"GET / HTTP/1.1" 200 3 cut']


def test_content_that_grows_too_large_on_the_way():
    peer = Peer(hello, max_body=10)
    peer.feed(request(1, content=b"x" * 9, end=False))
    assert peer.session.phase is Phase.BODY
    peer.feed(encode_record(records.STDIN, 1, b"xx"))
    assert answer_of(peer.wire.records())[0] == 413
    assert peer.session.phase is Phase.IDLE
    assert len(peer.log) == 1
    peer.feed(encode_record(records.STDIN, 1) + request(1, "/next"))
    assert answer_of(peer.wire.records()) == (200, b"/next ")


def test_abort_while_content_arrives():
    peer = Peer(hello)
    peer.feed(request(1, content=b"ab", end=False) + request(2, "/two", b"x", end=False))
    peer.feed(encode_record(records.ABORT_REQUEST, 1))
    assert [(type_, content) for type_, owner, content in peer.wire.records() if owner == 1] == [ABORTED]
    peer.feed(encode_record(records.STDIN, 1) + encode_record(records.STDIN, 2))
    assert answer_of(peer.wire.records(), 2) == (200, b"/two x")


def test_abort_of_what_is_not_known_yet():
    peer = Peer(hello)
    peer.feed(records.encode_begin(1, 1, True) + encode_record(records.ABORT_REQUEST, 1))
    assert [(type_, content) for type_, _, content in peer.wire.records()] == [ABORTED]
    assert peer.session.phase is Phase.IDLE
    peer.feed(records.encode_begin(1, 1, False) + encode_record(records.ABORT_REQUEST, 1))
    assert peer.wire.closed


class Pieces:
    """An iterable that says whether it was closed."""

    def __init__(self, count):
        self.count = count
        self.closed = 0

    def __iter__(self):
        return iter([b"x" * 10] * self.count)

    def close(self):
        self.closed += 1


def streaming(pieces):
    def app(environ, start_response):
        if environ["PATH_INFO"] != "/stream":
            return hello(environ, start_response)
        start_response("200 OK", [])
        return pieces

    return app


def test_a_paused_response_goes_before_the_next_request():
    pieces = Pieces(3)
    peer = Peer(streaming(pieces))
    peer.wire.full = True
    peer.feed(request(1, "/stream"))
    peer.feed(request(2, "/two"))
    assert {record[1] for record in peer.wire.records()} == {1}
    peer.wire.full = False
    assert peer.session.resume()
    while peer.session.serve():
        pass
    sent = peer.wire.records()
    assert [record[1] for record in sent if record[0] == records.END_REQUEST] == [1, 2]
    assert answer_of(sent, 2) == (200, b"/two ")
    assert pieces.closed == 1


@pytest.mark.parametrize("keep", [True, False])
def test_abort_of_a_paused_response(keep):
    pieces = Pieces(3)
    peer = Peer(streaming(pieces))
    peer.wire.full = True
    peer.feed(request(1, "/stream", keep=keep))
    peer.feed(encode_record(records.ABORT_REQUEST, 1))
    assert pieces.closed == 1
    assert peer.wire.records()[-1] == (records.END_REQUEST, 1, ABORTED[1])
    assert peer.wire.closed is not keep
    if keep:
        peer.wire.full = False
        assert not peer.session.resume()
        peer.feed(request(1, "/next"))
        assert answer_of(peer.wire.records()) == (200, b"/next ")


def test_the_web_server_closes_in_the_middle():
    pieces = Pieces(3)
    peer = Peer(streaming(pieces))
    peer.wire.full = True
    peer.feed(request(1, "/stream") + request(2, content=b"x", end=False))
    peer.wire.sent = b""
    peer.feed(b"")
    assert pieces.closed == 1
    assert peer.wire.closed
    assert peer.wire.sent == b""
    assert peer.log == []


def test_what_needs_no_application():
    peer = Peer(hello)
    ask = encode_record(records.GET_VALUES, 0, encode_pairs([("FCGI_MAX_CONNS", ""), ("FCGI_MPXS_CONNS", "")]))
    told = (records.GET_VALUES_RESULT, 0, encode_pairs([("FCGI_MAX_CONNS", "9"), ("FCGI_MPXS_CONNS", "0")]))
    peer.feed(ask)
    assert peer.wire.records() == [told]
    assert peer.session.phase is Phase.IDLE
    peer.feed(ask + request(1, keep=False))  # not lost, although the connection ends with the request
    sent = peer.wire.records()
    assert told in sent
    assert answer_of(sent) == (200, b"/ ")
    assert peer.wire.closed


def test_a_refused_role():
    peer = Peer(hello)
    peer.feed(records.encode_begin(1, records.FILTER, keep=False))
    assert peer.wire.records() == [(records.END_REQUEST, 1, bytes([0, 0, 0, 0, 3, 0, 0, 0]))]
    assert peer.wire.closed


@pytest.mark.parametrize("data", [b"\x02" * 8, b"GET / HTTP/1.1\r\n\r\n", encode_record(records.STDIN, 0)])
def test_rubbish_closes_and_is_logged_in_one_line(data):
    peer = Peer(hello)
    peer.feed(data)
    assert peer.wire.closed
    assert len(peer.log) == 1
    assert peer.log[0].startswith("192.0.2.1: ")
    assert "\n" not in peer.log[0]
    assert peer.wire.sent.startswith(b"HTTP/1.1 400 ") is data.startswith(b"GET")


def test_time_limits():
    for start in (records.encode_begin(1, 1, True), request(1, content=b"ab", end=False)):
        peer = Peer(hello)
        peer.feed(start)
        assert peer.session.phase in (Phase.HEAD, Phase.BODY)
        peer.session.expire()
        assert peer.wire.closed
        assert peer.wire.sent == b""
        assert "time limit" in peer.log[0]


def test_a_stranger_is_not_listened_to():
    peer = Peer(hello)
    stranger = server.Stranger(peer.session.service, peer.wire, peer.session.codec)
    assert not stranger.receive(request())
    assert peer.wire.lost
    assert peer.wire.sent == b""


def test_an_application_that_fails_leaves_the_connection():
    def broken(environ, start_response):
        raise RuntimeError("on purpose")

    peer = Peer(broken)
    peer.feed(request())
    assert answer_of(peer.wire.records())[0] == 500
    assert not peer.wire.closed
    peer.feed(request())
    assert answer_of(peer.wire.records())[0] == 500
