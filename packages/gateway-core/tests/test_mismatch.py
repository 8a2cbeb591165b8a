"""Which protocol the first bytes give away, and what is said on each port of each other protocol."""

from __future__ import annotations

import pytest

from gateway_core.errors import PeerMismatch
from gateway_core.mismatch import ENOUGH, http_refusal, mismatch, recognise

FIRST = [
    # first bytes, protocol, what they do
    (b"GET / HTTP/1.1\r\n", "HTTP", "spell 'GET '"),
    (b"HEAD / HTTP/1.1\r\n", "HTTP", "spell 'HEAD'"),
    (b"POST / HTTP/1.1\r\n", "HTTP", "spell 'POST'"),
    (b"PUT / HTTP/1.1\r\n", "HTTP", "spell 'PUT '"),
    (b"DELETE / HTTP/1.1\r\n", "HTTP", "spell 'DELE', as in DELETE"),
    (b"CONNECT a:1 HTTP/1.1\r\n", "HTTP", "spell 'CONN', as in CONNECT"),
    (b"OPTIONS * HTTP/1.1\r\n", "HTTP", "spell 'OPTI', as in OPTIONS"),
    (b"TRACE / HTTP/1.1\r\n", "HTTP", "spell 'TRAC', as in TRACE"),
    (b"PATCH / HTTP/1.1\r\n", "HTTP", "spell 'PATC', as in PATCH"),
    (b"QUERY / HTTP/1.1\r\n", "HTTP", "spell 'QUER', as in QUERY"),
    (b"PROPFIND / HTTP/1.1\r\n", "HTTP", "spell 'PROP', as in PROPFIND"),
    (b"MKCOL / HTTP/1.1\r\n", "HTTP", "spell 'MKCO', as in MKCOL"),
    (b"PRI * HTTP/2.0\r\n", "HTTP/2", "spell 'PRI '"),
    (b"\x16\x03\x01\x02\x00\x01", "TLS", "open a TLS handshake"),
    (b"\x16\x03\x03\x00\x7a", "TLS", "open a TLS handshake"),
    (b"\x01\x01\x00\x01\x00\x08\x00\x00", "FastCGI", "open a FastCGI record"),
    (b"\x01\x01\xff\xff\x00\x08\x00\x00", "FastCGI", "open a FastCGI record"),
    (b"\x01\x09\x00\x00\x00\x00\x00\x00", "FastCGI", "open a FastCGI record"),
    (b"\x01\x01\x0a\x0a", "FastCGI", "open a FastCGI record"),
    (b"\x01\x06\x00\x01", "FastCGI", "open a FastCGI record"),
    (b"\x01\x0b\x00\x00", "FastCGI", "open a FastCGI record"),
    (b"70:CONTENT_LENGTH\0", "SCGI", "begin a netstring"),
    (b"823:CONTENT_LENGTH\0", "SCGI", "begin a netstring"),
    (b"1234:CONTENT_LENGTH\0", "SCGI", "begin a netstring"),
    (b"12345:CONTENT_LENGTH\0", "SCGI", "begin a netstring"),
    (b"\x00\xb2\x01\x00\x0e\x00", "uwsgi", "are a uwsgi packet header"),
    (b"\x00\xff\xff\x00", "uwsgi", "are a uwsgi packet header"),
    (b"\x64\x00\x00\x00", "uwsgi", "are a uwsgi ping"),
    (b"\x12\x34\x01\x00", "AJP13", "open an AJP13 packet"),
    (b"PROXY TCP4 ", "the PROXY protocol", "are a PROXY protocol header"),
    (b"\r\n\r\n\0\r\nQUIT\n", "the PROXY protocol", "are a PROXY protocol header"),
]
PORTS = ["HTTP", "FastCGI", "SCGI", "uwsgi"]


@pytest.mark.parametrize(("first", "protocol", "evidence"), FIRST)
def test_what_is_recognised(first, protocol, evidence):
    assert recognise(first) == recognise(first[:ENOUGH]) == (protocol, evidence)
    assert recognise(bytearray(first)) == (protocol, evidence)
    for few in range(ENOUGH):
        assert recognise(first[:few]) is None


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(("first", "protocol", "evidence"), FIRST)
def test_every_protocol_on_every_port(port, first, protocol, evidence):
    error = mismatch(first, port, "!")
    if protocol == port:
        assert error is None
        return
    assert type(error) is PeerMismatch
    article = "an" if port in ("HTTP", "SCGI") else "a"
    assert str(error) == f"these bytes {evidence}: this is {protocol} on {article} {port} port!"
    assert error.status == 400


@pytest.mark.parametrize(
    "first",
    [
        b"", b"HTTP", b"get ", b"GETX", b"FOO ", b"070:", b"0:,\0", b"7\0\0\0", b"1a34", b"\0\0\0\0", b"\0\x05\0\x01",
        b"\x01\x00\x00\x01", b"\x01\x05\x00\x01", b"\x01\x06\x00\x00", b"\x01\x09\x00\x01",
        b"\x01\x0c\x00\x01", b"\x02\x01\x00\x01", b"\x16\x02\x00\x00", b"\x64\x00\x00\x01",
        b"\x64\x01\x00\x00", b"\xff\xff\xff\xff", b"AB\0\x03", b"\r\nGE", b"SSH-",
    ],
)  # fmt: skip
def test_what_is_not(first):
    assert recognise(first) is None
    assert mismatch(first, "SCGI") is None


def test_a_refusal_in_http():
    head, _, body = http_refusal(400, "caf\xe9 \u20ac").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert head.endswith(b"Connection: close")
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert body == b"caf\xe9 \\u20ac\n"
