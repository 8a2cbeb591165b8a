"""Requests: tables of bytes, each fed whole, byte by byte and at random splits, always with the same result."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import NEED_DATA, PAUSED, Data, EndOfMessage, Phase
from gateway_core.http1 import Limits, ServerConnection, chunked
from http1_reading import CHUNKED, HOST, H, everywhere, get, read, splits

SMALL = Limits(request_line=64, field_line=48, fields=4, head=160, body=40)


GOOD = [
    # checklist, bytes, method, target, version, fields but Host: a, content
    ("HTTP-8", get(), "GET", "/", "HTTP/1.1", [], b""),
    ("HTTP-5", b"\r\n" + get(), "GET", "/", "HTTP/1.1", [], b""),
    ("HTTP-5", b"\r\n" * 4 + get(), "GET", "/", "HTTP/1.1", [], b""),
    ("HTTP-10", get(version=b"HTTP/1.2"), "GET", "/", "HTTP/1.1", [], b""),
    ("HTTP-10", get(version=b"HTTP/1.9"), "GET", "/", "HTTP/1.1", [], b""),
    ("HTTP-12", b"get / HTTP/1.1\r\n" + H + b"\r\n", "get", "/", "HTTP/1.1", [], b""),
    ("HTTP-13", b"!#$%&'*+-.^_`|~ / HTTP/1.1\r\n" + H + b"\r\n", "!#$%&'*+-.^_`|~", "/", "HTTP/1.1", [], b""),
    ("HTTP-13", b"M" * 32 + b" / HTTP/1.1\r\n" + H + b"\r\n", "M" * 32, "/", "HTTP/1.1", [], b""),
    ("HTTP-14", get(b"/" + b"a" * 7985), "GET", "/" + "a" * 7985, "HTTP/1.1", [], b""),
    ("HTTP-15", get(b"/%00?a=b&c[]=\"<>\\^`{|}"), "GET", "/%00?a=b&c[]=\"<>\\^`{|}", "HTTP/1.1", [], b""),
    ("HTTP-17", get(b"//a//b?"), "GET", "//a//b?", "HTTP/1.1", [], b""),
    ("HTTP-20", b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n", "OPTIONS", "*", "HTTP/1.1", [], b""),
    ("HTTP-28", get(fields=H + b"X-A:\t 1 \t2 \t\r\n"), "GET", "/", "HTTP/1.1", [("x-a", "1 \t2")], b""),
    ("HTTP-28", get(fields=H + b"X-Empty:\r\n"), "GET", "/", "HTTP/1.1", [("x-empty", "")], b""),
    ("HTTP-1", get(fields=H + b"X: a\x85Y: b\xa0\r\n"), "GET", "/", "HTTP/1.1", [("x", "a\x85Y: b\xa0")], b""),
    ("HTTP-33", get(fields=H + b"X: \xa0\x85 \r\n"), "GET", "/", "HTTP/1.1", [("x", "\xa0\x85")], b""),
    ("HTTP-34", get(fields=H + b"X: \x80\xff\r\n"), "GET", "/", "HTTP/1.1", [("x", "\x80\xff")], b""),
    ("HTTP-36", get(fields=H + b"X: 1\r\nX: 2\r\n"), "GET", "/", "HTTP/1.1", [("x", "1"), ("x", "2")], b""),
    ("HTTP-40", get(fields=H + b"Connection: , ,keep-alive,\r\n"), "GET", "/", "HTTP/1.1",
     [("connection", ", ,keep-alive,")], b""),
    ("HTTP-41", get(fields=H + b"Content-Length: 3\r\n") + b"abc", "GET", "/", "HTTP/1.1", [("content-length", "3")],
     b"abc"),
    ("HTTP-49", get(fields=H + b"Content-Length: 00003\r\n") + b"abc", "GET", "/", "HTTP/1.1",
     [("content-length", "00003")], b"abc"),
    ("HTTP-49", get(fields=H + b"Content-Length: 0\r\n"), "GET", "/", "HTTP/1.1", [("content-length", "0")], b""),
    ("HTTP-82", get(fields=H + b"Expect: 200-maybe\r\n", version=b"HTTP/1.0"), "GET", "/", "HTTP/1.0",
     [("expect", "200-maybe")], b""),
    ("HTTP-87", get(fields=H + b"Expect: ,100-Continue,\r\n"), "GET", "/", "HTTP/1.1", [("expect", ",100-Continue,")],
     b""),
    *[("HTTP-41", get(method=method, fields=H + b"Content-Length: 1\r\n") + b"z", method.decode(), "/", "HTTP/1.1",
       [("content-length", "1")], b"z") for method in (b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"POST", b"ODD")],
    *[("HTTP-54", get(method=method), method.decode(), "/", "HTTP/1.1", [], b"") for method in (b"POST", b"PUT")],
    ("HTTP-53", get(method=b"POST", fields=CHUNKED) + b"1\r\nz\r\n0\r\n\r\n", "POST", "/", "HTTP/1.1",
     [("transfer-encoding", "chunked")], b"z"),
    ("HTTP-48", get(fields=H + b"Transfer-Encoding:\t Chunked \r\n") + b"0\r\n\r\n", "GET", "/", "HTTP/1.1",
     [("transfer-encoding", "Chunked")], b""),
    *[("HTTP-89", get(fields=H + b"Upgrade: " + other + b"\r\nContent-Length: 1\r\n") + b"z", "GET", "/", "HTTP/1.1",
       [("upgrade", other.decode()), ("content-length", "1")], b"z") for other in (b"h2c", b"websocket", b"TLS/1.0")],
    ("HTTP-88", get(fields=H + b"Upgrade: h2c\r\n", version=b"HTTP/1.0"), "GET", "/", "HTTP/1.0",
     [("upgrade", "h2c")], b""),
]  # fmt: skip


@pytest.mark.parametrize(("item", "data", "method", "target", "version", "fields", "content"), GOOD)
def test_good_request(item, data, method, target, version, fields, content):
    end = "closed" if version == "HTTP/1.0" else "open"
    assert everywhere(data) == ([(method, target, version, [HOST, *fields], content)], end)


HOSTS = [
    # checklist, target, Host, allow_missing_host, target and Host as given (None: refused with 400)
    ("HTTP-18", b"http://b.example:8080/x?y", b"Host: a\r\n", False, ("/x?y", "b.example:8080")),
    ("HTTP-18", b"HTTP://b", b"Host: a\r\n", False, ("/", "b")),
    ("HTTP-18", b"http://b?q", b"Host: a\r\n", False, ("/?q", "b")),
    ("HTTP-18", b"http://b/", b"", False, None),
    ("HTTP-18", b"http://b/", b"", True, ("/", "b")),
    ("HTTP-18", b"http:///x", H, False, None),
    ("HTTP-18", b"http://u@b/", H, False, None),
    ("HTTP-26", b"https://b/", H, False, None),
    ("HTTP-26", b"ftp://b/", H, False, None),
    ("HTTP-21", b"/", b"", False, None),
    ("HTTP-21", b"/", b"", True, ("/", None)),
    ("HTTP-22", b"/", b"Host: a\r\nHost: a\r\n", False, None),
    ("HTTP-22", b"/", b"Host: a\r\nhost: b\r\n", True, None),
    ("HTTP-24", b"/", b"Host:\r\n", False, None),
    ("HTTP-24", b"/", b"Host: \r\n", True, None),
    *[("HTTP-23", b"/", b"Host: " + host + b"\r\n", False, ("/", host.decode())) for host in (
        b"a", b"a:", b"a:0", b"a:65535", b"127.0.0.1:80", b"[::1]", b"[::1]:8080", b"[2001:db8::1.2.3.4]", b"a_b-c.d~e",
        b"%61", b"xn--nxasmq6b", b"a!$&'()*+;=",
    )],
    *[("HTTP-23", b"/", b"Host: " + host + b"\r\n", False, None) for host in (
        b"u@a", b"a/", b"a b", b"a,b", b"a, a", b"a:65536", b"a:123456", b"a:-1", b"a:x", b"a:80:80", b"::1", b"[::1",
        b"::1]",
        b"[]", b"[1:2]", b"[:::]", b"[::1]x", b"[::1%25eth0]", b"\xe9", b"a?b", b"a#b", b"a\\b", b"<a>", b"\"a\"",
        b"%6", b":80",
    )],
]  # fmt: skip


@pytest.mark.parametrize(("item", "target", "host", "allow", "expected"), HOSTS)
def test_host(item, target, host, allow, expected):
    requests, end = everywhere(get(target, fields=b"X: y\r\n" + host), allow_missing_host=allow)
    if expected is None:
        assert (requests, end) == ([], 400)
    else:
        ((_, seen, _, fields, _),) = requests
        assert (seen, dict(fields).get("host")) == expected
        assert len(fields) == 1 + (expected[1] is not None)


def test_http10_without_host_is_accepted():  # HTTP-25
    assert everywhere(get(version=b"HTTP/1.0", fields=b"")) == ([("GET", "/", "HTTP/1.0", [], b"")], "closed")


TE = b"Transfer-Encoding: "

BAD = [
    # checklist, bytes, status
    ("HTTP-2", b"GET / HTTP/1.1\n" + H + b"\r\n", 400),
    ("HTTP-2", b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    ("HTTP-2", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    ("HTTP-2", b"GET / HTTP/1.1\r\nHost: a\n\n", 400),
    ("HTTP-2", b"\n" + get(), 400),
    ("HTTP-4", b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
    ("HTTP-4", get(fields=H + b"X: a\rb\r\n"), 400),
    ("HTTP-4", get(fields=H + b"X: a\r\r\n"), 400),
    ("HTTP-4", get(version=b"HTTP/1.1\r"), 400),
    ("HTTP-4", b"\rGET / HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("HTTP-5", b"\r\n" * 5, 400),
    ("HTTP-6", get(fields=b" " + H), 400),
    ("HTTP-6", get(fields=b"\t\r\n" + H), 400),
    *[("HTTP-8", line + b"\r\n" + H + b"\r\n", 400) for line in (
        b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1", b"GET\t/ HTTP/1.1",
        b"GET /\tHTTP/1.1",
        b"GET /\x0bHTTP/1.1", b"GET /a b HTTP/1.1", b"GET /\x0c HTTP/1.1", b"GET", b"GET ", b"/ HTTP/1.1",
    )],
    *[("HTTP-9", get(version=version), 400) for version in (
        b"http/1.1", b"HTTP/1", b"HTTP/1.11", b"HTTP/01.1", b"HTTP/1. 1", b"HTTP/1.1x", b"HTTP/11", b"HTTP/.1",
        b"HTTP/1,1",
        b"HTTPS/1.1", b"HTTP /1.1", b"HTTP/", b"HTTP/1.\xb2",
    )],
    ("HTTP-10", get(version=b"HTTP/2.0"), 505),
    ("HTTP-10", get(version=b"HTTP/0.9"), 505),
    ("HTTP-10", get(version=b"HTTP/9.9"), 505),
    ("HTTP-11", b"GET /\r\n\r\n", 400),
    *[("HTTP-12", method + b" / HTTP/1.1\r\n" + H + b"\r\n", 400) for method in (
        b"G(T", b"G@T", b"G\x00T", b"GET:", b"\"GET\"", b"G\xc9T", b"", b"G\x7fT", b"[GET]",
    )],
    ("HTTP-13", b"M" * 33 + b" / HTTP/1.1\r\n" + H + b"\r\n", 501),
    ("HTTP-13", b"M" * 9000 + b" / HTTP/1.1\r\n" + H + b"\r\n", 501),
    ("HTTP-14", get(b"/" + b"a" * 8192), 414),
    *[("HTTP-15", get(target), 400) for target in (b"/#a", b"/a#", b"/\x00", b"/\x7f", b"/\x80", b"/\xc3\xa9",
        b"/a\x1b")],
    *[("HTTP-17", get(target), 400) for target in (b"a", b"a/b", b"?a", b".", b"a:80", b"mailto:a", b"http:/a")],
    ("HTTP-19", b"CONNECT a:443 HTTP/1.1\r\n" + H + b"\r\n", 501),
    ("HTTP-19", b"CONNECT a HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("HTTP-19", b"CONNECT a: HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("HTTP-19", b"CONNECT a:99999 HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("HTTP-19", b"CONNECT / HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("HTTP-20", get(b"*"), 400),
    ("HTTP-80", b"TRACE / HTTP/1.1\r\n" + H + b"\r\n", 501),
    *[("HTTP-29", get(fields=H + line + b"\r\n"), 400) for line in (b"X : 1", b"X\t: 1", b"Content-Length : 1")],
    *[("HTTP-30", get(fields=H + line + b"\r\n"), 400) for line in (
        b"X", b": 1", b"X Y: 1", b"X\x00: 1", b"(X): 1", b"X\xe9: 1", b"X@: 1", b"X=1",
    )],
    *[("HTTP-31", get(fields=H + b"X: 1\r\n" + line + b"\r\n"), 400) for line in (b" 2", b"\t2", b" ", b" Y: 2")],
    *[("HTTP-32", get(fields=H + b"X: a" + bytes([byte]) + b"b\r\n"), 400)
      for byte in (*range(9), 11, 12, *range(14, 32), 127)],
    ("HTTP-37", get(fields=H + b"X: " + b"a" * 8192 + b"\r\n"), 431),
    ("HTTP-37", get(fields=H + b"X" * 9000 + b"\r\n"), 431),
    ("HTTP-38", get(fields=H + b"X: 1\r\n" * 100), 431),
    ("HTTP-38", get(fields=H + (b"X: " + b"a" * 8000 + b"\r\n") * 9), 431),
    ("HTTP-39", get(fields=H + b"Content-Type: a\r\nContent-Type: a\r\n"), 400),
    *[("HTTP-43", get(fields=H + TE + value + b"\r\n") + b"0\r\n\r\n", 400) for value in (
        b"chunked, gzip", b"gzip", b"identity", b"chunked, identity", b"xchunked", b"chunke", b"chunked x",
    )],
    ("HTTP-44", get(fields=H + TE + b"gzip, chunked\r\n") + b"0\r\n\r\n", 501),
    ("HTTP-44", get(fields=H + TE + b"gzip\r\n" + TE + b"chunked\r\n") + b"0\r\n\r\n", 501),
    ("HTTP-45", get(fields=H + TE + b"chunked, chunked\r\n") + b"0\r\n\r\n", 400),
    ("HTTP-45", get(fields=CHUNKED + TE + b"chunked\r\n") + b"0\r\n\r\n", 400),
    ("HTTP-46", get(fields=CHUNKED + b"Content-Length: 5\r\n") + b"0\r\n\r\n", 400),
    ("HTTP-46", get(fields=H + b"Content-Length: 0\r\ntransfer-ENCODING: chunked\r\n") + b"0\r\n\r\n", 400),
    ("HTTP-47", get(fields=CHUNKED, version=b"HTTP/1.0") + b"0\r\n\r\n", 400),
    *[("HTTP-48", get(fields=H + TE + value + b"\r\n") + b"0\r\n\r\n", 400) for value in (
        b"\x0bchunked", b'"chunked"', b",chunked", b"chunked,", b"chunked;q=1", b"", b"chunked\xa0", b"\x00chunked",
        b"chunked\x0c",
    )],
    *[("HTTP-49", get(fields=H + b"Content-Length: " + value + b"\r\n"), 400) for value in (
        b"+5", b"-0", b"-5", b"0x5", b"5_0", b"5 5", b"5,", b"5, 5", b"", b"\xd9\xa3", b"\xb2", b"5.0", b"1e1", b"five",
    )],
    ("HTTP-50", get(fields=H + b"Content-Length: 1\r\nContent-Length: 1\r\n") + b"a", 400),
    ("HTTP-50", get(fields=H + b"Content-Length: 1\r\nContent-length: 2\r\n") + b"a", 400),
    ("HTTP-51", get(fields=H + b"Content-Length: " + b"9" * 19 + b"\r\n"), 413),
    ("HTTP-51", get(fields=H + b"Content-Length: " + b"9" * 5000 + b"\r\n"), 413),
    ("HTTP-87", get(fields=H + b"Expect: 200-maybe\r\n"), 417),
    ("HTTP-87", get(fields=H + b"Expect: 100-continue\r\nExpect: more\r\n"), 417),
    ("HTTP-105", get(fields=H + b"Content-Length: 1073741825\r\n"), 413),
]  # fmt: skip


@pytest.mark.parametrize(("item", "data", "status"), BAD)
def test_bad_request(item, data, status):
    # Garbage that looks like a request comes behind it, and must never be one (HTTP-96).
    whole = read([data + get(b"/smuggled")])
    assert whole == ([], status)
    cuts = splits(data) if len(data) < 1000 else [[data], [data[i : i + 999] for i in range(0, len(data), 999)]]
    for pieces in cuts:
        assert read([*pieces, get(b"/smuggled")]) == ([], status)


SENTENCES = [
    # what somebody may get wrong by hand, and what the refusal says about it
    (b"GET /\r\n\r\n", "does not end with a version"),
    (b"GET /a#b HTTP/1.1\r\n\r\n", "has a fragment"),
    (b"GET  / HTTP/1.1\r\n\r\n", "with one blank between"),
    (b"GET /\x01 HTTP/1.1\r\n\r\n", "a control character"),
    (b"GET / HTTP/1.1\nHost: a\n\n", "a line ends with LF, not CRLF"),
    (b"GET / HTTP/3.0\r\n\r\n", "only HTTP/1.0 and HTTP/1.1"),
    (b"G(T / HTTP/1.1\r\n\r\n", "does not begin with a method"),
    (get(b"a"), "neither a path nor a URI"),
    (get(b"*"), "for OPTIONS only"),
    (get(b"ftp://a/"), "scheme is not http"),
    (get(b"http://a:x/"), "the authority in the target is not a host"),
    (get(fields=b""), "must have a Host"),
    (get(fields=b"Host:\r\n"), "Host is empty"),
    (get(fields=H + H), "Host comes more than once"),
    (get(fields=b"Host: [1:2]\r\n"), "no IPv6 address"),
    (get(fields=H + b"X\r\n"), "no colon"),
    (get(fields=H + b"X : 1\r\n"), "a blank between a field name and its colon"),
    (get(fields=H + b" X: 1\r\n"), "folded"),
    (get(fields=H + b"X: \x01\r\n"), "the value of the field X"),
    (get(fields=H + b"X Y: 1\r\n"), "a field name is empty or has a character"),
    (get(fields=H + b"X: 1\nY: 2\r\n"), "a line ends with LF, not CRLF"),
]


@pytest.mark.parametrize(("data", "words"), SENTENCES)
def test_a_refusal_says_what_is_wrong(data, words):  # HTTP-7
    conn = ServerConnection()
    conn.receive_data(data)
    with pytest.raises(RemoteProtocolError, match=words):
        conn.next_event()


STRANGERS = [
    # first bytes, the protocol that the sentence names, status
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS", 400),
    (b"\r\n\r\n\r\n\r\n\x16\x03\x01\x02\x00\x01", "TLS", 400),
    (b"\x01\x01\x00\x01\x00\x08\x00\x00", "FastCGI", 400),
    (b"70:CONTENT_LENGTH\x0027\x00", "SCGI", 400),
    (b"\x00\xb2\x01\x00\x0e\x00REQUEST_METHOD", "uwsgi", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2", 505),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get(), "the PROXY protocol", 400),
    (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", "the PROXY protocol", 400),
]


@pytest.mark.parametrize(("data", "name", "status"), STRANGERS)
def test_other_protocols_are_named_at_once(data, name, status):  # HTTP-116, HTTP-117
    for pieces in splits(data):
        conn = ServerConnection()
        with pytest.raises(RemoteProtocolError, match=f"this is {name} on an HTTP port") as caught:
            for piece in pieces:
                conn.receive_data(piece)
                conn.next_event()
        assert caught.value.status == status


def test_nothing_is_given_before_the_whole_head_is_here():  # HTTP-35, HTTP-103
    head = get(b"/a", fields=H + b"X: 1\r\nContent-Length: 2\r\n")
    for at in range(1, len(head)):
        conn = ServerConnection()
        conn.receive_data(head[:at])
        assert conn.next_event() is NEED_DATA
        conn.receive_data(head[at:])
        assert conn.next_event().target == "/a"


HOPELESS = [
    # half a head that can never become a request, and the status it is refused with before its end
    (b"GET / HTTP/1.1\nH", 400),
    (b"GET / HTTP/1.1\r\nHost: a\n", 400),
    (b"G" * 33, 501),
    (b"GET /" + b"a" * 9000, 414),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000, 431),
    (b"GET / HTTP/1.1\r\n" + (b"X: " + b"a" * 8000 + b"\r\n") * 9, 431),
    (b"\x00\x00\x00\x00", 400),
    (b"\r\n" * 5, 400),
]


@pytest.mark.parametrize(("data", "status"), HOPELESS)
def test_half_a_head_is_refused_early(data, status):
    assert read([data]) == ([], status)
    assert read([data[:3], data[3:]]) == ([], status)


CHUNKS = [
    # checklist, chunked content, decoded (None: 400)
    ("HTTP-42", b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    ("HTTP-42", b"0\r\n\r\n", b""),
    ("HTTP-42", b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
    ("HTTP-42", b"6\r\n1\r\nx\r\n\r\n0\r\n\r\n", b"1\r\nx\r\n"),  # chunks within a chunk are content
    ("HTTP-58", b"0\r\n1\r\nx\r\n0\r\n\r\n", None),  # and behind the last one there are none
    ("HTTP-55", b"0000A\r\n0123456789\r\n000\r\n\r\n", b"0123456789"),
    ("HTTP-55", b"a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n" * 5),
    ("HTTP-59", b"1;a\r\nx\r\n0;b=c\r\n\r\n", b"x"),
    ("HTTP-59", b'1 ; a = "b;\\"c\t\xff" ;d\r\nx\r\n0\r\n\r\n', b"x"),
    ("HTTP-60", b"1;" + b"a" * 4000 + b"\r\nx\r\n0\r\n\r\n", b"x"),
    ("HTTP-61", b"1\r\nx\r\n0\r\nX-Checksum: 1\r\nExpires: 0\r\n\r\n", b"x"),
    ("HTTP-3", b"1\nx\r\n0\r\n\r\n", None),
    ("HTTP-3", b"1\r\nx\n0\r\n\r\n", None),
    ("HTTP-3", b"1\r\nx\r\n0\n\r\n", None),
    ("HTTP-3", b"1\r\nx\r\n0\r\n\n", None),
    *[("HTTP-55", size + b"\r\nhello\r\n0\r\n\r\n", None) for size in (
        b"0x5", b"+5", b"-5", b"5_0", b"", b" 5", b"5 ", b"5\t", b"g", b"5\x00", b"5,", b"\xb2", b"5 5",
        b"00000000000000005",
    )],
    ("HTTP-57", b"5\r\nhelloX\r\n0\r\n\r\n", None),
    ("HTTP-57", b"5\r\nhello0\r\n\r\n", None),
    ("HTTP-57", b"5\r\nhello\r0\r\n\r\n", None),
    ("HTTP-57", b"4\r\nhello\r\n0\r\n\r\n", None),
    *[("HTTP-59", b"1" + extension + b"\r\nx\r\n0\r\n\r\n", None) for extension in (
        b";", b";;a", b";=a", b";a=", b"; ", b";a\x00", b";a=\rb", b';a="b', b';a="b"c', b";a b", b";\xe9",
        b";a='\x01'", b' "a"',
        b";a=b\n", b';a="\\\x00"',
    )],
    ("HTTP-60", b"1;" + b"a" * 4096 + b"\r\nx\r\n0\r\n\r\n", None),
    ("HTTP-60", (b"1;" + b"a" * 4000 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n", None),
    *[("HTTP-62", b"0\r\n" + name + b": 1\r\n\r\n", None) for name in (
        b"Content-Length", b"transfer-encoding", b"HOST", b"Content-Type", b"Authorization", b"Trailer", b"Cookie",
        b"Connection", b"TE", b"Expect", b"Set-Cookie", b"Upgrade", b"Content-Encoding", b"Content-Range",
        b"Proxy-Authorization", b"Keep-Alive",
    )],
    ("HTTP-61", b"0\r\n X: 1\r\n\r\n", None),
    ("HTTP-61", b"0\r\nX\r\n\r\n", None),
    ("HTTP-61", b"0\r\nX: \x00\r\n\r\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("item", "chunks", "content"), CHUNKS)
def test_chunked_content(item, chunks, content):
    head = get(fields=CHUNKED)
    if len(chunks) > 1000:
        results = [
            read([head, *pieces]) for pieces in ([chunks], [chunks[i : i + 7] for i in range(0, len(chunks), 7)])
        ]
        result = results[0]
        assert results[1] == result
    else:
        result = everywhere(head + chunks + get(b"/next"))
    requests, end = result
    if content is None:
        assert (requests, end) == ([], 400)
    else:
        assert end == "open"
        assert requests[0][4] == content
        assert [request[1] for request in requests[1:]] == ([] if len(chunks) > 1000 else ["/next"])


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        (b"29\r\n", 413),
        (b"1\r\nx\r\n0\r\nA: 1\r\nB: 1\r\nC: 1\r\nTE: 1\r\n\r\n", 400),
        (b"14\r\n" + b"a" * 20 + b"\r\n15\r\n", 413),
        (b"ffffffffffffffff\r\n", 413),
        (b"0\r\n" + b"X: 1\r\n" * 4 + b"\r\n", "open"),
        (b"0\r\n" + b"X: 1\r\n" * 5, 431),
        (b"0\r\nX: " + b"a" * 48 + b"\r\n", 431),
        (b"0\r\n" + (b"X: " + b"a" * 44 + b"\r\n") * 4, 431),
        (b"28\r\n" + b"a" * 40 + b"\r\n0\r\n\r\n", "open"),
    ],
)
def test_limits_of_chunked_content(chunks, status):  # HTTP-56, HTTP-63, HTTP-37
    assert everywhere(get(fields=CHUNKED) + chunks, limits=SMALL)[1] == status


@pytest.mark.parametrize(("count", "end"), [(2, "open"), (3, 400)])
def test_the_limit_of_framing_around_little_content(count, end, monkeypatch):  # HTTP-60, HTTP-63
    monkeypatch.setattr(chunked, "CHUNK_OVERHEAD", 15)
    monkeypatch.setattr(chunked, "CHUNK_OVERHEAD_RATIO", 0)
    stream = get(fields=CHUNKED) + b"1\r\nx\r\n" * count + b"0\r\n\r\n"  # five bytes each time
    assert everywhere(stream)[1] == end


LIMITS = [
    # bytes, result with SMALL: the last thing allowed, and the first thing not
    (get(b"/" + b"a" * 50), "open"),  # 64 bytes
    (get(b"/" + b"a" * 51), 414),
    (get() + get(b"/" + b"a" * 50), "open"),
    (get() + get(b"/" + b"a" * 51), 414),
    (get(fields=H + b"X: " + b"a" * 45 + b"\r\n"), "open"),  # 48 bytes
    (get(fields=H + b"X: " + b"a" * 46 + b"\r\n"), 431),
    (get(fields=H + b"X: 1\r\n" * 3), "open"),
    (get(fields=H + b"X: 1\r\n" * 4), 431),
    (
        get(fields=H + b"X: " + b"a" * 40 + b"\r\n" + b"Y: " + b"a" * 40 + b"\r\n" + b"Z: " + b"a" * 40 + b"\r\n"),
        "open",
    ),
    (
        get(fields=H + b"X: " + b"a" * 42 + b"\r\n" + b"Y: " + b"a" * 42 + b"\r\n" + b"Z: " + b"a" * 38 + b"\r\n"),
        "open",
    ),
    (get(fields=H + b"X: " + b"a" * 42 + b"\r\n" + b"Y: " + b"a" * 42 + b"\r\n" + b"Z: " + b"a" * 39 + b"\r\n"), 431),
    (get(fields=H + b"Content-Length: 40\r\n") + b"a" * 40, "open"),
    (get(fields=H + b"Content-Length: 41\r\n") + b"a" * 41, 413),
    # two faults: the first in the stream counts, however it is split
    (get(fields=H + b"X: " + b"a" * 46 + b"\r\nY : 1\r\n"), 431),
    (get(fields=b"Y : 1\r\nX: " + b"a" * 46 + b"\r\n"), 400),
    (get(b"/" + b"a" * 51, fields=b"Y\n\r\n"), 414),
    (get(version=b"HTTP/2.0", fields=b"Y\n\r\n"), 505),
    (get(fields=b"Y\n\r\n" + b"X: 1\r\n" * 9), 400),
    (get(fields=b"X: 1\r\n" * 9 + b"Y\n\r\n"), 431),
    (get(fields=b"X: 1\r\n" * 4 + b"Y\n" + b"a" * 60 + b"\r\n"), 431),
    (b"\r\n" * 5 + b"HEAD ", 400),
]


@pytest.mark.parametrize(("data", "result"), LIMITS)
def test_limits(data, result):
    assert everywhere(data, limits=SMALL)[1] == result


def test_pipelined_requests_come_one_at_a_time():  # HTTP-54, HTTP-95
    data = (
        get(b"/1") + b"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" + get(b"/3") + b"\r\n" + get(b"/4")
    )
    requests, end = everywhere(data)
    assert [(method, target, content) for method, target, _, _, content in requests] == [
        ("GET", "/1", b""), ("POST", "/2", b"hi"), ("GET", "/3", b""), ("GET", "/4", b""),
    ]  # fmt: skip
    assert end == "open"


SAME_LINES = [
    # a request, then one with the same field lines, which the connection remembers: target or status of the second
    (get(b"/1"), get(b"/2"), "/2"),
    (get(b"/1"), b"\r\n" + get(b"/2"), "/2"),
    (get(b"/1"), get(b"/2", version=b"HTTP/1.0"), "/2"),
    (get(b"/1"), get(b"http://b/2"), "/2"),
    (get(b"http://b/1"), get(b"/2"), "/2"),
    (get(b"/1", version=b"HTTP/1.0", fields=H + b"Connection: keep-alive\r\n"), get(b"/2", fields=b""), 400),
    (get(b"/1"), get(b"/2\x00"), 400),
    (get(b"/1"), get(b"/" + b"a" * 8192), 414),
    (get(b"/1"), get(b"/2", version=b"HTTP/2.0"), 505),
    (get(b"/1", fields=H + b"Connection: keep-alive\r\n"), get(b"/2", fields=H + b"Connection: keep-alive\r\n"), "/2"),
    (get(b"/1"), get(b"/2", fields=H + b"Content-Length: 1\r\n") + b"x", "/2"),
    (get(b"/1", fields=H + b"X: 1\r\n"), get(b"/2"), "/2"),
    (get(b"/1"), get(b"/2", fields=H[:-3] + b"b\r\n"), "/2"),
]


@pytest.mark.parametrize(("first", "second", "result"), SAME_LINES)
def test_remembered_lines_change_nothing(first, second, result):
    cuts = splits(first + second) if len(second) < 1000 else [[first, second]]
    alone = read([second])
    for pieces in cuts:
        requests, end = read(pieces)
        assert (requests[1:], end) == alone
        assert result in (end, requests[-1][1])


def test_remembered_lines_are_within_the_limit_of_the_head():
    limits = Limits(request_line=60, field_line=60, head=90)
    fields = H + b"X: " + b"a" * 44 + b"\r\n"  # 9 + 49, and the request line with its CRLF: 16
    first, second = get(fields=fields), get(b"/" + b"a" * 20, fields=fields)
    assert everywhere(first, limits=limits)[1] == "open"
    assert everywhere(first + second, limits=limits)[1] == 431


def test_paused_until_the_response_has_ended():
    conn = ServerConnection()
    conn.receive_data(get(b"/1") + get(b"/2"))
    assert conn.next_event().target == "/1"
    assert conn.next_event() is PAUSED
    conn.receive_data(get(b"/3"))
    assert conn.next_event() is PAUSED
    conn.head("200 OK", [], 0)
    assert conn.next_event() is PAUSED
    conn.end()
    assert conn.next_event().target == "/2"


def test_nothing_is_read_after_the_last_response():  # HTTP-91, HTTP-92
    first = get(b"/1", fields=H + b"Connection: close\r\n")
    assert everywhere(first + get(b"/2")) == (
        [("GET", "/1", "HTTP/1.1", [HOST, ("connection", "close")], b"")],
        "closed",
    )


EOF = [
    # bytes before the end of file, result
    (b"", "closed"),
    (b"\r\n", "closed"),
    (get(), "closed"),
    (b"G", 400),
    (b"\r", 400),
    (get()[:-1], 400),
    (get(fields=H + b"Content-Length: 3\r\n") + b"ab", 400),
    (get(fields=CHUNKED) + b"2\r\nab\r\n0\r\n", 400),
    (get(fields=CHUNKED), 400),
]


@pytest.mark.parametrize(("data", "result"), EOF)
def test_end_of_file(data, result):  # HTTP-52, HTTP-58, HTTP-98, HTTP-103
    assert everywhere(data, eof=True)[1] == result


EXPECT = [
    # checklist, version, Expect, content at once, is 100 sent
    ("HTTP-83", b"HTTP/1.1", b"100-continue", b"", True),
    ("HTTP-83", b"HTTP/1.1", b"100-CONTINUE", b"", True),
    ("HTTP-84", b"HTTP/1.1", b"100-continue", b"a", False),
    ("HTTP-84", b"HTTP/1.1", b"100-continue", b"abc", False),
    ("HTTP-82", b"HTTP/1.0", b"100-continue", b"", False),
]


@pytest.mark.parametrize(("item", "version", "expect", "at_once", "sent"), EXPECT)
def test_expect_continue(item, version, expect, at_once, sent):
    codings = [(b"Content-Length: 3", b"abc")]
    if version == b"HTTP/1.1":
        codings.append((b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"))
    for framing, content in codings:
        conn = ServerConnection()
        fields = H + framing + b"\r\nExpect: " + expect + b"\r\n"
        conn.receive_data(get(version=version, fields=fields) + content[: len(at_once)])
        conn.next_event()
        assert conn.data_to_send() == (b"HTTP/1.1 100 Continue\r\n\r\n" if sent else b"")
        assert conn.data_to_send() == b""


def test_no_continue_without_content_or_when_refused():  # HTTP-84, HTTP-86
    conn = ServerConnection()
    conn.receive_data(get(fields=H + b"Expect: 100-continue\r\n"))
    assert conn.next_event().complete
    assert conn.data_to_send() == b""
    conn = ServerConnection(limits=SMALL)
    conn.receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\nExpect: 100-continue\r\n\r\n")
    with pytest.raises(RemoteProtocolError) as caught:
        conn.next_event()
    assert caught.value.status == 413
    assert conn.data_to_send() == b""


def test_large_content_comes_in_pieces():
    conn = ServerConnection()
    conn.receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
    assert conn.next_event()[4:] == (b"ab", False)
    assert conn.next_event() is NEED_DATA
    conn.receive_data(b"cd")
    assert conn.next_event() == Data(b"cd")
    conn.receive_data(b"eGET")
    assert [conn.next_event() for _ in range(3)] == [Data(b"e"), EndOfMessage(), PAUSED]


def test_phase_says_what_the_peer_is_to_send():
    conn = ServerConnection()
    phases = [conn.phase]
    for piece in (b"P", b"UT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", b"a", b"b"):
        conn.receive_data(piece)
        conn.next_event()
        phases.append(conn.phase)
    conn.next_event()
    phases.append(conn.phase)
    assert phases == [Phase.IDLE, Phase.HEAD, Phase.BODY, Phase.BODY, Phase.BODY, Phase.BUSY]
