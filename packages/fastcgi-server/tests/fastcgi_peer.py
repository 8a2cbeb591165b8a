"""A FastCGI connection without sockets: what a test sends, and what comes back."""

from __future__ import annotations

import io

from fastcgi_server import records, server
from fastcgi_server.options import Options
from fastcgi_server.protocol import ClientConnection, Stderr
from fastcgi_server.records import encode_pairs, encode_record, read_records
from gateway_core import events
from gateway_core.environ import base_environ
from gateway_core.events import NEED_DATA
from gateway_core.session import Service


class Wire:
    """A transport that keeps what is written, and is full when a test says so."""

    peer = "192.0.2.1"

    def __init__(self):
        self.sent = b""
        self.full = False
        self.lost = False
        self.closed = False

    def write(self, data):
        assert not self.lost
        self.sent += data

    def close(self, *, linger=False):
        self.closed = True

    def abort(self):
        self.lost = True

    def records(self):
        """Return what was written since the last call."""
        sent, self.sent = self.sent, b""
        return [record[:3] for record in read_records(sent)]


class Peer:
    """A session with its wire and its log; `app` is a WSGI application."""

    def __init__(self, app, roles=(records.RESPONDER,), **options):
        self.wire, self.log, self.errors = Wire(), [], io.StringIO()
        base = base_environ(
            protocol="FastCGI", software="test", server_name="localhost", server_port="80", errors=self.errors,
            multithread=False, multiprocess=False,
        )  # fmt: skip
        self.session = server.FastCgiSession(
            Service(app, base, self.log.append, **options), self.wire, Options(9, roles=roles)
        )

    def feed(self, data):
        """Do as the engine does: serve while something stands ready."""
        more = self.session.receive(data)
        while more:
            more = self.session.serve()


def hello(environ, start_response):
    body = environ["PATH_INFO"].encode() + b" " + environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


def request(request_id=1, path="/", content=b"", *, keep=True, end=True, role=records.RESPONDER, **more):
    """Encode a request, as a client would, but with any id."""
    pairs = [("REQUEST_METHOD", "POST" if content else "GET"), ("PATH_INFO", path), ("SERVER_PROTOCOL", "HTTP/1.1")]
    data = records.encode_begin(request_id, role, keep)
    data += encode_record(records.PARAMS, request_id, encode_pairs([*pairs, *more.items()]))
    data += encode_record(records.PARAMS, request_id) + records.encode_stream(records.STDIN, request_id, content)
    return data + encode_record(records.STDIN, request_id) if end else data


def answer_of(sent, request_id=1):
    """Return status, content and protocol status of the response to one of the requests."""
    client = ClientConnection()
    client.send(events.Request([]))
    status, content = 0, b""
    for type_, owner, data in sent:
        if owner == request_id:
            client.receive_data(encode_record(type_, 1, data))
    while (event := client.next_event()) is not NEED_DATA:
        if isinstance(event, events.Response):
            status = event.status
        elif isinstance(event, events.Data):
            content += event.data
        elif isinstance(event, Stderr):
            pass
        else:
            return status, content
    raise AssertionError("no end of the response")
