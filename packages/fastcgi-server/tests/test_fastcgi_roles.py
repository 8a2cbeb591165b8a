"""Authorizers and filters, the README's examples first; what an application says on its error stream."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from fastcgi_peer import Peer, answer_of, request
from fastcgi_server import records
from fastcgi_server.error_stream import ErrorStream
from fastcgi_server.records import encode_record, encode_stream
from gateway_runtime.testing import Server, run_to_end

AUTHORIZER, FILTER = records.AUTHORIZER, records.FILTER
README = (Path(__file__).parents[1] / "README.md").read_text()


def example(word):
    """Return the application that the README shows for a role."""
    names = {}
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in code]
    exec(code, names)
    return names["app"]


def stdout(sent, request_id=1):
    return b"".join(content for type_, owner, content in sent if (type_, owner) == (records.STDOUT, request_id))


def filtered(content=b"", file=b"", request_id=1, **more):
    """Encode a filter's request."""
    data = request(request_id, "/page", content, role=FILTER, FCGI_DATA_LAST_MOD="794448000", **more)
    return data + encode_stream(records.DATA, request_id, file) + encode_record(records.DATA, request_id)


@pytest.mark.parametrize(
    ("given", "begins"),
    [("Basic YWRhOmxvdmVsYWNl", b"Status: 200 OK\r\nVariable-REMOTE_USER: ada\r\n"), ("", b"Status: 401 Unauthorized")],
)
@pytest.mark.parametrize("length", ["", "5"])
@pytest.mark.parametrize("end", [b"", encode_record(records.STDIN, 1)], ids=["as lighttpd sends it", "with STDIN"])
def test_the_authorizer_of_the_readme(given, begins, length, end):
    peer = Peer(example("Variable-"), roles=(AUTHORIZER,))
    pairs = [("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/hall?a=b"), ("CONTENT_LENGTH", length)]
    pairs.append(("HTTP_AUTHORIZATION", given))
    data = records.encode_begin(1, AUTHORIZER, True)
    data += encode_record(records.PARAMS, 1, records.encode_pairs(pairs)) + encode_record(records.PARAMS, 1)
    peer.feed(data + end)
    assert stdout(peer.wire.records()).startswith(begins)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
@pytest.mark.parametrize("step", [None, 50_001])
def test_the_filter_of_the_readme(size, step):
    peer = Peer(example("fastcgi.data"), roles=(FILTER,))
    data = filtered(b"content", b"ab" * (size // 2) + b"c" * (size % 2), FCGI_DATA_LENGTH=str(size))
    for at in range(0, len(data), step or len(data)):
        peer.feed(data[at : at + (step or len(data))])
    assert answer_of(peer.wire.records()) == (200, b"AB" * (size // 2) + b"C" * (size % 2))


def seen(environ, start_response):
    start_response("200 OK", [])
    return [environ["fastcgi.role"].encode(), b" ", environ["wsgi.input"].read(), b" ", environ["fastcgi.data"].read()]


@pytest.mark.parametrize(
    ("length", "status", "content"),
    [("4", 200, b"filter in file"), ("", 200, b"filter in file"), ("2", 200, b"filter in fi"),
     ("5", 400, b"the file ends 1 bytes before FCGI_DATA_LENGTH\n"),
     ("x", 400, b"FCGI_DATA_LENGTH is not a number of bytes, given once\n")],
)  # fmt: skip
@pytest.mark.parametrize("step", [None, 1, 30])
def test_the_length_of_a_file(length, status, content, step):
    peer = Peer(seen, roles=(FILTER,))
    data = filtered(b"in", b"file", FCGI_DATA_LENGTH=length)
    for at in range(0, len(data), step or len(data)):
        peer.feed(data[at : at + (step or len(data))])
    assert answer_of(peer.wire.records()) == (status, content)
    peer.feed(filtered(b"in", b"next"))
    assert answer_of(peer.wire.records()) == (200, b"filter in next")


def test_a_filter_is_called_when_both_inputs_are_complete():
    peer = Peer(seen, roles=(FILTER,))
    data = filtered(b"in", b"file")
    peer.feed(data[:-8])
    assert peer.wire.records() == []
    peer.feed(data[-8:])
    assert answer_of(peer.wire.records()) == (200, b"filter in file")


def test_a_file_beyond_the_limit_is_refused():
    peer = Peer(seen, roles=(FILTER,), max_body=10)
    peer.feed(filtered(b"in", b"x" * 11))
    assert answer_of(peer.wire.records())[0] == 413
    peer.feed(filtered(b"in", b"x" * 10))
    assert answer_of(peer.wire.records()) == (200, b"filter in " + b"x" * 10)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (request(end=False) + encode_record(records.DATA, 1, b"x"), "a web server sends a responder no DATA record"),
        (request(role=FILTER, end=False) + encode_record(records.DATA, 1, b"x"), "DATA of request 1 before the end"),
    ],
)
def test_data_out_of_place(data, sentence):
    peer = Peer(seen, roles=(records.RESPONDER, FILTER))
    peer.feed(data)
    assert peer.wire.closed
    assert len(peer.log) == 1
    assert sentence in peer.log[0]


def test_abort_of_a_filter_before_its_file_is_complete():
    peer = Peer(seen, roles=(FILTER,))
    peer.feed(filtered(b"in", b"file")[:-8] + encode_record(records.ABORT_REQUEST, 1))
    assert [record[0] for record in peer.wire.records()] == [records.END_REQUEST]


# -- the error stream ----------------------------------------------------------------------------------------------


def errors_of(app):
    """Return what an application has said on STDERR, record by record, and in the server's log."""
    peer = Peer(app)
    peer.feed(request())
    sent = peer.wire.records()
    assert answer_of(sent)[0] in (200, 500)
    assert sent[-1][0] == records.END_REQUEST
    return [content for type_, _, content in sent if type_ == records.STDERR], peer.errors.getvalue()


def saying(*words):
    """Return an application that writes words; None flushes."""

    def app(environ, start_response):
        errors = environ["wsgi.errors"]
        for word in words:
            if word is None:
                errors.flush()
            else:
                errors.write(word)
        start_response("200 OK", [])
        return [b"x"]

    return app


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ((), []),
        (("",), []),
        ((None, None), []),
        (("one, ", "two\n"), [b"one, two\n", b""]),
        (("a\nb\nc",), [b"a\nb\n", b"c", b""]),
        (("half", None, "\n"), [b"half", b"\n", b""]),
        (("\u20ac\udcff\n",), [b"\xe2\x82\xac\\udcff\n", b""]),
        (("x" * 8193, "y"), [b"x" * 8193, b"y", b""]),
        (("x" * 70_000 + "\n",), [b"x" * 65_528, b"x" * (70_000 - 65_528) + b"\n", b""]),
    ],
)
def test_the_error_stream(words, sent):
    assert errors_of(saying(*words)) == (sent, "")


def test_a_traceback_goes_to_both_logs():
    def broken(environ, start_response):
        raise LookupError("on purpose")

    sent, logged = errors_of(broken)
    assert b"".join(sent).decode() == logged
    assert "LookupError: on purpose" in logged
    assert sent[-1] == b""


def test_text_is_asked_for():
    sent, logged = errors_of(saying(b"bytes"))
    assert "wsgi.errors takes str, not bytes" in logged
    assert sent


def test_what_comes_late_or_from_elsewhere_goes_to_the_server_s_log():
    kept = []

    def app(environ, start_response):
        errors = environ["wsgi.errors"]
        kept.append(errors)
        other = threading.Thread(target=print, args=("another thread",), kwargs={"file": errors})
        other.start()
        other.join()
        start_response("200 OK", [])
        return [b"x"]

    peer = Peer(app)
    peer.feed(request())
    assert answer_of(peer.wire.records()) == (200, b"x")
    kept[0].writelines(["la", "te\n"])
    kept[0].close()
    assert peer.wire.records() == []
    assert peer.errors.getvalue() == "another thread\nlate\n"
    assert isinstance(kept[0], ErrorStream)
    assert (kept[0].writable(), kept[0].isatty()) == (True, False)


def test_a_peer_that_has_gone_is_told_nothing():
    def app(environ, start_response):
        peer.wire.lost = True
        environ["wsgi.errors"].write("alone\n")
        return []

    peer = Peer(app)
    peer.feed(request())
    assert peer.errors.getvalue().startswith("alone\n")


# -- the command line ----------------------------------------------------------------------------------------------


def test_options(tmp_path):
    code, said = run_to_end("fastcgi_server", "demo_app:app", "--role", "king")
    assert (code, "--role" in said, said.count("\n")) == (2, True, 1)
    options = ("--role", "authorizer", "--max-params", "1K", "--max-pairs", "5", "--max-requests-per-connection", "2")
    with Server("fastcgi_server", "demo_app:app", "--bind", f"unix:{tmp_path}/s", *options) as server:
        with server.connect() as sock, sock.makefile("rb") as stream:
            ends = []
            too_long = encode_record(records.PARAMS, 2, b"x" * 1025)
            too_many = encode_record(records.PARAMS, 3, b"\x01\x01Ab" * 6) + encode_record(records.PARAMS, 3)
            for data in (
                records.encode_begin(1, records.RESPONDER, True),
                records.encode_begin(2, AUTHORIZER, True) + too_long,
                records.encode_begin(3, AUTHORIZER, True) + too_many,
                b"".join(records.encode_begin(number, AUTHORIZER, True) for number in (4, 5, 6)),
            ):
                sock.sendall(data)
                (record,) = records.read_records(stream.read(16))
                ends.append((record.request_id, records.decode_end(record.content)[1]))
        unknown, overloaded = records.UNKNOWN_ROLE, records.OVERLOADED
        assert ends == [(1, unknown), (2, overloaded), (3, overloaded), (6, overloaded)]


def test_standard_error_outside_requests_is_the_server_s_own(tmp_path):
    (tmp_path / "loud.py").write_text("import sys\nfrom demo_app import app\nprint('loaded', file=sys.stderr)\n")
    with Server("fastcgi_server", "loud:app", "--bind", f"unix:{tmp_path}/s", cwd=tmp_path) as server:
        server.wait_for_line("loaded")
