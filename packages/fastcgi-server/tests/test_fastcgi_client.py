"""The web server's side towards applications that are wrong in every way, and the roles besides the responder."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcgi_server import records
from fastcgi_server.authorizer import Authorizer
from fastcgi_server.client import ask_values, client
from fastcgi_server.records import encode_end, encode_pairs, encode_record, encode_stream, read_records
from fastcgi_server.webserver import ClientConnection
from gateway_core import events
from gateway_core.errors import BackendTimeout, BackendUnavailable, BadGateway, LocalProtocolError
from gateway_runtime.addresses import Address
from gateway_runtime.channel import Patience

OUT, ERR, END = records.STDOUT, records.STDERR, records.END_REQUEST
HEAD = b"Content-Type: text/plain\r\n\r\n"
LAST = encode_record(records.STDIN, 1)
DONE = encode_record(OUT, 1) + encode_end(1, 0, 0)


def out(data: bytes, type_: int = OUT, request_id: int = 1) -> bytes:
    return encode_stream(type_, request_id, data)


@contextlib.contextmanager
def application(*answers: bytes, hold: bool = False) -> Iterator[tuple[Address, list[bytes]]]:
    """An application that gives an answer on each connection when it has read something; what it got is kept."""
    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []
    over = threading.Event()

    def run() -> None:
        with contextlib.suppress(OSError):
            for answer in answers:
                sock, _ = listener.accept()
                with sock:
                    got.append(sock.recv(1 << 20))
                    while got[-1][1] == records.BEGIN_REQUEST and not got[-1].endswith(LAST):
                        got[-1] += sock.recv(1 << 20)
                    sock.sendall(answer)
                    if hold:
                        over.wait(20)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield Address(host="127.0.0.1", port=listener.getsockname()[1]), got
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def environ(method: str = "GET", body: bytes = b"", **more: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "/s", "PATH_INFO": "/x", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body), **more,
    }  # fmt: skip
    if body:
        made["CONTENT_LENGTH"] = str(len(body))
    return made


def ask(address: Address, log: list[str] | None = None, **more: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    heads: list[Any] = []
    asks = client(address, timeout=5, log=log.append if log is not None else None)
    body = b"".join(asks(environ(**more), lambda status, fields: heads.extend((status, fields))))
    asks.close()
    return heads[0], heads[1], body


@pytest.mark.parametrize("cut", range(1, len(HEAD)))
def test_a_head_may_be_cut_anywhere_and_errors_come_in_between(cut: int) -> None:
    answer = out(b"oh", ERR) + out(HEAD[:cut]) + out(b"no\n", ERR) + out(HEAD[cut:] + b"hello") + DONE
    log: list[str] = []
    with application(answer) as (address, _):
        assert ask(address, log) == ("200 OK", [("Content-Type", "text/plain")], b"hello")
    assert log == ["GET /x: oh", "GET /x: no"]


def test_errors_in_any_amount_are_not_kept() -> None:
    answer = out(b"x" * 3_000_000, ERR) + out(HEAD) + DONE
    log: list[str] = []
    with application(answer) as (address, _):
        assert ask(address, log)[0] == "200 OK"
    assert len(log) <= 100
    assert all(len(line) < 1100 for line in log)


FAULTS = {
    "closes at once": (b"", 502, "closed before the end"),
    "ends before a head": (DONE, 502, "output is empty"),
    "ends in a head": (out(b"Content-Type: te") + DONE, 502, "before the blank line"),
    "closes in a head": (out(b"Content-Type: te"), 502, "closed before the end"),
    "closes in a record": (out(HEAD)[:10], 502, "closed before the end"),
    "a broken head": (out(b"no colon here\r\n\r\n") + DONE, 502, "has no colon"),
    "a blank in a name": (out(b"X Y: 1\r\n\r\n") + DONE, 502, "not the name of a header field"),
    "a folded line": (out(b"X: 1\r\n y\r\n\r\n") + DONE, 502, "has no colon"),
    "NUL in a value": (out(b"X: a\0b\r\n\r\n") + DONE, 502, "control character"),
    "CR in a value": (out(b"X: a\rb\r\n\r\n") + DONE, 502, "control character"),
    "two Status lines": (out(b"Status: 200 OK\r\nStatus: 201 Made\r\n\r\n") + DONE, 502, "Status comes more than once"),
    "two Locations": (out(b"Location: /a\r\nlocation: /b\r\n\r\n") + DONE, 502, "more than once"),
    "two Content-Types": (out(b"Content-Type: a/b\r\nContent-type: a/c\r\n\r\n") + DONE, 502, "more than once"),
    "two Content-Lengths": (out(b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx") + DONE, 502, "more than once"),
    "status 99": (out(b"Status: 99\r\n\r\n") + DONE, 502, "not a status"),
    "status 101": (out(b"Status: 101 Switching\r\n\r\n") + DONE, 502, "not a status"),
    "status 2000": (out(b"Status: 2000\r\n\r\n") + DONE, 502, "not a status"),
    "status in words": (out(b"Status: fine\r\n\r\n") + DONE, 502, "not a status"),
    "a length in words": (out(b"Content-Length: ten\r\n\r\n") + DONE, 502, "not a number of bytes"),
    "a length of -1": (out(b"Content-Length: -1\r\n\r\n") + DONE, 502, "not a number of bytes"),
    "a length beyond 64 bits": (out(b"Content-Length: " + b"9" * 19 + b"\r\n\r\n") + DONE, 502, "not a number"),
    "a head without end": (out(b"X: 1\r\n" * 20_000), 502, "longer than"),
    "too many fields": (out(b"X: 1\r\n" * 300 + b"\r\n") + DONE, 502, "more than 200 fields"),
    "a long line": (out(b"X: " + b"1" * 9000 + b"\r\n\r\n") + DONE, 502, "longer than 8192"),
    "a relative Location": (out(b"Location: there\r\n\r\n") + DONE, 502, "neither an absolute path"),
    "OVERLOADED": (encode_end(1, 0, records.OVERLOADED), 503, "OVERLOADED"),
    "CANT_MPX_CONN": (encode_end(1, 0, records.CANT_MPX_CONN), 502, "CANT_MPX_CONN"),
    "UNKNOWN_ROLE": (encode_end(1, 0, records.UNKNOWN_ROLE), 502, "UNKNOWN_ROLE"),
    "protocol status 77": (encode_end(1, 0, 77), 502, "77"),
    "a short END_REQUEST": (encode_record(END, 1, b"\0" * 7), 502, "has 8 bytes, not 7"),
    "another id": (out(HEAD, request_id=2), 502, "request id 2"),
    "id 0": (out(HEAD, request_id=0), 502, "request id 0"),
    "a record of a web server": (encode_record(records.STDIN, 1, b"x"), 502, "sends no STDIN record"),
    "a question of a web server": (encode_record(records.GET_VALUES, 0), 502, "GET_VALUES"),
    "version 2": (b"\x02" + out(HEAD)[1:], 502, "has version 1, not 2"),
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", 502, "(it speaks HTTP, and was asked in FastCGI)"),
    "output after its end": (out(HEAD) + encode_record(OUT, 1) + out(b"x"), 502, "sends no STDOUT record here"),
    "a pair of 2 GiB": (encode_record(10, 0, b"\x0f\xff\xff\xff\xff" + b"x" * 15), 502, "longer than what is there"),
    "a pair of two times 2 GiB": (encode_record(10, 0, b"\xff\xff\xff\xff" * 2 + b"xy"), 502, "longer than"),
    "half a length": (encode_record(10, 0, b"\xff\xff"), 502, "inside a length"),
}


@pytest.mark.parametrize(("answer", "status", "sentence"), FAULTS.values(), ids=FAULTS)
def test_an_application_that(answer: bytes, status: int, sentence: str) -> None:
    log: list[str] = []
    with application(answer) as (address, _):
        found, _, text = ask(address, log)
    assert int(found[:3]) == status
    assert sentence in text.decode()
    assert log == [f"GET /x: {text.decode().strip()}"]


BROKEN_OFF = {
    "closes in the content": out(HEAD + b"some"),
    "closes before END_REQUEST": out(HEAD + b"all") + encode_record(OUT, 1),
    "sends less than its length": out(b"Content-Length: 9\r\n\r\nsome") + DONE,
    "sends rubbish": out(HEAD + b"some") + b"what is this?",
    "says it is overloaded": out(HEAD + b"some") + encode_end(1, 0, records.OVERLOADED),
}


@pytest.mark.parametrize("answer", BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_a_response_that_breaks_off_is_not_ended(answer: bytes) -> None:
    with application(answer) as (address, _), pytest.raises((BadGateway, BackendUnavailable)):
        ask(address)


@pytest.mark.parametrize(
    ("answer", "content", "kept"),
    [
        (out(HEAD + b"ok") + DONE, b"ok", 1),
        (out(b"Content-Length: 2\r\n\r\nok") + DONE, b"ok", 1),
        (out(b"Content-Length: 2\r\n\r\nok and more") + DONE, b"ok", 0),
        (out(HEAD + b"ok") + DONE + b"\0", b"ok", 0),
        (out(HEAD + b"ok") + DONE + out(b"late"), b"ok", 0),
        (out(b"Status: 204 None\r\n\r\nok") + DONE, b"", 1),
        (out(HEAD + b"ok") + out(b"oh", ERR) + encode_record(ERR, 1) + DONE, b"ok", 1),
        (encode_record(10, 0, encode_pairs([("A", "1")])) + out(HEAD + b"ok") + DONE, b"ok", 1),
        (encode_record(11, 0, b"\x0a" + bytes(7)) + out(HEAD + b"ok") + DONE, b"ok", 1),
    ],
)
def test_when_a_connection_is_kept(answer: bytes, content: bytes, kept: int) -> None:
    with application(answer, hold=True) as (address, _):
        asks = client(address, timeout=5)
        assert b"".join(asks(environ(), lambda status, fields: None)) == content
        assert asks.channels.idle == kept  # type: ignore[attr-defined]
        asks.close()


def test_variables_beyond_one_record() -> None:
    cookie = "c" * 150_000
    with application(out(HEAD) + DONE) as (address, got):
        assert ask(address, HTTP_COOKIE=cookie)[0] == "200 OK"
    params = [record for record in read_records(got[0]) if record.type == records.PARAMS]
    assert len(params) > 3
    assert params[-1].content == b""
    assert ("HTTP_COOKIE", cookie) in records.decode_pairs(b"".join(record.content for record in params))


def test_the_order_on_the_wire() -> None:
    with application(out(HEAD) + DONE) as (address, got):
        ask(address, method="POST", body=b"content")
    sent = list(read_records(got[0]))
    types = [records.BEGIN_REQUEST, records.PARAMS, records.PARAMS, records.STDIN, records.STDIN]
    assert [record.type for record in sent] == types
    assert {record.request_id for record in sent} == {1}


def test_a_silent_application_is_504() -> None:
    heads: list[str] = []
    with application(b"", hold=True) as (address, _):
        asks = client(address, timeout=Patience(silence=0.05))
        assert b"in time" in b"".join(asks(environ(), lambda status, fields: heads.append(status)))
    assert heads == ["504 Gateway Timeout"]


# -- GET_VALUES -------------------------------------------------------------------------------------------------------


def values(*pairs: tuple[str, str]) -> bytes:
    return encode_record(records.GET_VALUES_RESULT, 0, encode_pairs(list(pairs)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (values(("FCGI_MAX_CONNS", "7"), ("FCGI_MPXS_CONNS", "0")), {"FCGI_MAX_CONNS": 7, "FCGI_MPXS_CONNS": 0}),
        (values(), {}),
        (values(("FCGI_MAX_CONNS", "many"), ("FCGI_MAX_REQS", "-1"), ("X", "9" * 50)), {}),
    ],
)
def test_what_it_says_of_itself(answer: bytes, said: dict[str, int]) -> None:
    with application(answer) as (address, got):
        assert ask_values(address) == said
    (record,) = read_records(got[0])
    names = [name for name, _ in records.decode_pairs(record.content)]
    assert (record.type, record.request_id) == (records.GET_VALUES, 0)
    assert names == ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 400 \r\n\r\n", encode_record(11, 0, b"\x09" + bytes(7)), encode_record(10, 0, b"\xff" * 8),
     out(HEAD), values(("A", "1"))[:9]],
)  # fmt: skip
def test_an_answer_that_says_nothing(answer: bytes) -> None:
    with application(answer) as (address, _), pytest.raises(BadGateway):
        ask_values(address)


def test_nobody_to_ask(tmp_path: Any) -> None:
    with pytest.raises(BackendUnavailable):
        ask_values(Address(path=f"{tmp_path}/none"))
    with application(b"", hold=True) as (address, _), pytest.raises(BackendTimeout):
        ask_values(address, 0.05)


# -- the other roles --------------------------------------------------------------------------------------------------


def test_what_a_filter_is_sent() -> None:
    codec = ClientConnection(role=records.FILTER)
    sent = codec.send(events.Request([("FCGI_DATA_LENGTH", "4")], b"content"))
    sent += codec.send(events.Data(b"fi")) + codec.send(events.Data(b"le")) + codec.send(events.EndOfMessage())
    streams = [(record.type, record.content) for record in read_records(sent)]
    assert streams[0] == (records.BEGIN_REQUEST, bytes([0, records.FILTER, 0, 0, 0, 0, 0, 0]))
    assert streams[3:] == [
        (records.STDIN, b"content"), (records.STDIN, b""), (records.DATA, b"fi"), (records.DATA, b"le"),
        (records.DATA, b""),
    ]  # fmt: skip
    with pytest.raises(LocalProtocolError, match="complete"):
        codec.send(events.Data(b"x"))


def test_a_filter_s_content_may_come_in_pieces() -> None:
    codec = ClientConnection(role=records.FILTER)
    sent = codec.send(events.Request([], b"a", complete=False)) + codec.send(events.Data(b"b"))
    sent += codec.send(events.EndOfMessage()) + codec.send(events.Data(b"c")) + codec.send(events.EndOfMessage())
    content = [(record.type, record.content) for record in read_records(sent)][2:]
    assert content == [(5, b"a"), (5, b"b"), (5, b""), (8, b"c"), (8, b"")]


def test_what_an_authorizer_is_sent() -> None:
    codec = ClientConnection(role=records.AUTHORIZER)
    variables = [("CONTENT_LENGTH", "0"), ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/x"), ("SCRIPT_NAME", "")]
    sent = list(read_records(codec.send(events.Request(variables))))
    assert sent[0].content[1] == records.AUTHORIZER
    assert records.decode_pairs(sent[1].content) == [("REQUEST_METHOD", "GET")]
    assert [record.type for record in sent] == [1, 4, 4, 5]
    for request in (events.Request([], b"x"), events.Request([], complete=False)):
        with pytest.raises(LocalProtocolError, match="no content"):
            ClientConnection(role=records.AUTHORIZER).send(request)


def guard(answer: bytes) -> tuple[list[Any], dict[str, Any] | None, list[bytes], list[tuple[str, str]]]:
    """Ask an authorizer that answers so; return the head, what the application saw, the content, what was asked."""
    seen: list[dict[str, Any]] = []
    head: list[Any] = []

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [("X-From", "the application")])
        return [b"inside"]

    with application(answer) as (address, got):
        asks = client(address, timeout=5, role=records.AUTHORIZER)
        request = environ("POST", b"content", HTTP_COOKIE="a=1")
        content = list(Authorizer(asks, guarded)(request, lambda status, fields: head.extend((status, fields))))
        asks.close()
    asked = records.decode_pairs(b"".join(one.content for one in read_records(got[0]) if one.type == records.PARAMS))
    assert not seen or seen[0]["wsgi.input"].read() == b"content"
    return head, seen[0] if seen else None, content, asked


@pytest.mark.parametrize("text", [b"", b"nobody's" * 9])
def test_an_authorizer_that_allows(text: bytes) -> None:
    fields = b"Variable-USER: ada\r\nVariable-auth_method: db\r\nX-Other: 1\r\nVariable-REQUEST_METHOD: PUT\r\n"
    more = b"Variable-HTTP_X: 1\r\nVariable-a.b: 1\r\nVariable-: 1\r\nSet-Cookie: a=1\r\n"
    answer = out(b"Status: 200 OK\r\n" + fields + more + b"\r\n" + text) + DONE
    head, seen, content, asked = guard(answer)
    assert head == ["200 OK", [("X-From", "the application")]]
    assert content == [b"inside"]
    assert seen is not None
    assert (seen["USER"], seen["AUTH_METHOD"], seen["REQUEST_METHOD"]) == ("ada", "db", "POST")
    assert not {"HTTP_X", "A.B", "", "HTTP_SET_COOKIE"} & set(seen)
    names = {name for name, _ in asked}
    assert "HTTP_COOKIE" in names
    assert not {"CONTENT_LENGTH", "PATH_INFO", "SCRIPT_NAME", "PATH_TRANSLATED"} & names


@pytest.mark.parametrize("status", ["403 Forbidden", "401 Unauthorized", "302 Found", "201 Created", "204 No"])
def test_an_authorizer_that_denies(status: str) -> None:
    text = b"" if status.startswith("204") else b"no"
    head, seen, content, _ = guard(
        out(f"Status: {status}\r\nX-Why: so\r\nLocation: /in\r\n\r\n".encode() + text) + DONE
    )
    assert head == [status, [("X-Why", "so"), ("Location", "/in")]]
    assert seen is None
    assert b"".join(content) == text


@pytest.mark.parametrize("answer", [b"", DONE, encode_end(1, 0, records.UNKNOWN_ROLE), out(b"Status: 20\r\n\r\n")])
def test_an_authorizer_that_cannot_be_asked_lets_nobody_pass(answer: bytes) -> None:
    head, seen, _, _ = guard(answer)
    assert head[0] == "502 Bad Gateway"
    assert seen is None
