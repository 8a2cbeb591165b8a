"""Cases about what the application is given: environ and content."""

from __future__ import annotations

from .case import FRONTED, Case, Drive, Expected

__all__ = ["REQUEST_CASES"]

_MIB = bytes(range(256)) * 4096

_JOINED = dict.fromkeys(FRONTED, "the front has dropped or joined such fields: two spellings are one variable")
_NO_CHUNKS = dict.fromkeys(FRONTED, "the protocol carries CONTENT_LENGTH: the front must know the length")


def _shows(line: str) -> Expected:
    return Expected(body=line.encode("latin-1", "backslashreplace"))


def _input(name: str, plan: str, body: bytes, *results: str, proves: str = "WSGI-29", method: str = "POST") -> Case:
    """Make a case of a plan for wsgi.input and the reprs that its steps must give."""
    expected = Expected(body="\n".join(results).encode())
    return Case(f"input: {name}", (proves,), f"/input?plan={plan}", expected, method, body=body)


_FORWARDED = (("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=203.0.113.9"))

_ENVIRON = (
    Case("environ: keys and types", ("WSGI-4", "WSGI-6", "WSGI-10", "WSGI-15", "WSGI-16", "WSGI-22", "WSGI-24",
         "WSGI-28", "WSGI-29"), "/environ", Expected(body=b"good")),
    Case("environ: also with content", ("WSGI-9",), "/environ", Expected(body=b"good"), "POST",
         (("Content-Type", "text/x-test"),), b"content"),
    Case("environ: fresh for each request", ("WSGI-4",), "/fresh", Expected(body=b"fresh"), times=3),
    Case("environ: method", ("WSGI-6",), "/show?keys=REQUEST_METHOD", _shows("REQUEST_METHOD='PURGE'"), "PURGE"),
    Case("environ: root application", ("WSGI-7",), "/show/a/b?keys=SCRIPT_NAME,PATH_INFO",
         _shows("SCRIPT_NAME=''\nPATH_INFO='/show/a/b'")),
    Case("environ: path is decoded once, as latin-1", ("WSGI-16",), "/show/%D0%BF%2541+%2f?keys=PATH_INFO",
         _shows("PATH_INFO='/show/\xd0\xbf%41+/'")),
    Case("environ: bytes that are not UTF-8", ("WSGI-16",), "/show/%FF%e9?keys=PATH_INFO",
    _shows("PATH_INFO='/show/\xff\xe9'")),
    Case("environ: query is not decoded", ("WSGI-8",), "/show?keys=QUERY_STRING&a=%20+%C3%A9?/",
         _shows("QUERY_STRING='keys=QUERY_STRING&a=%20+%C3%A9?/'")),
    Case("environ: query of a question mark alone", ("WSGI-8",), "/environ?", Expected(body=b"good")),
    Case("environ: protocol version", ("WSGI-11",), "/show?keys=SERVER_PROTOCOL", _shows("SERVER_PROTOCOL='HTTP/1.1'")),
    Case("environ: content type and length", ("WSGI-9",), "/show?keys=CONTENT_TYPE,CONTENT_LENGTH,HTTP_CONTENT_TYPE",
         _shows("CONTENT_TYPE='text/x-test; a=b'\nCONTENT_LENGTH='3'\nHTTP_CONTENT_TYPE absent"), "POST",
         (("Content-Type", "text/x-test; a=b"),), b"abc"),
    Case("environ: fields as they came", ("WSGI-12",), "/show?keys=HTTP_X_ONE,HTTP_X_EMPTY,HTTP_X_OTHER",
         _shows("HTTP_X_ONE='a,  b; \"c\"'\nHTTP_X_EMPTY=''\nHTTP_X_OTHER absent"), "GET",
         (("X-One", 'a,  b; "c"'), ("x-empty", ""))),
    Case("environ: bytes of fields as latin-1", ("WSGI-16", "HTTP-34"), "/show?keys=HTTP_X_ONE",
         _shows("HTTP_X_ONE='\xc3\xa9'"), "GET", (("X-One", "\xc3\xa9"),)),
    Case("environ: repeated fields are joined in order", ("WSGI-18", "HTTP-36"), "/show?keys=HTTP_X_ONE",
         _shows("HTTP_X_ONE='b, a, c'"), "GET", (("X-One", "b"), ("x-one", "a"), ("X-ONE", "c"))),
    Case("environ: cookies are joined with semicolons", ("WSGI-18", "HTTP-36"), "/cookies",
    Expected(body=b"a=1; b=2"), "GET",
         (("Cookie", "a=1"), ("Cookie", "b=2"))),
    Case("environ: no HTTP_PROXY", ("WSGI-20",), "/show?keys=HTTP_PROXY", _shows("HTTP_PROXY absent"), "GET",
         (("Proxy", "http://evil.test/"),)),
    Case("environ: names with underscores are dropped", ("WSGI-19",), "/show?keys=HTTP_X_ONE,HTTP_X_TWO",
         _shows("HTTP_X_ONE='good'\nHTTP_X_TWO absent"), "GET",
         (("X_One", "evil"), ("X-One", "good"), ("X_Two", "evil")), without=_JOINED),
    Case("environ: URL reconstruction", ("WSGI-94",), "/url/a%20b/%C3%A9?x=%20",
         Expected(body=b"http://museum.test:81/url/a%20b/%C3%A9?x=%20")),
    Case("environ: the peer and the scheme", ("WSGI-13", "WSGI-21", "WSGI-23"),
         "/show?keys=REMOTE_ADDR,wsgi.url_scheme,HTTPS",
         _shows("REMOTE_ADDR='127.0.0.1'\nwsgi.url_scheme='http'\nHTTPS absent"), "GET", _FORWARDED,
         without=dict.fromkeys(FRONTED, "the front says who its client is, and another case shows it")),
    Case("environ: the peer and the scheme behind a front", ("WSGI-13", "WSGI-21", "WSGI-23"),
         "/show?keys=REMOTE_ADDR,wsgi.url_scheme,HTTPS",
         _shows("REMOTE_ADDR='192.0.2.1'\nwsgi.url_scheme='http'\nHTTPS absent"), "GET", _FORWARDED,
         without=dict.fromkeys(("cgi", "http"), "there is no front: the peer is the client")),
    Case("environ: run_once and multiprocess are told", ("WSGI-25", "WSGI-26", "WSGI-27"), "/show?keys=wsgi.run_once",
         _shows("wsgi.run_once=False"), without={"cgi": "the opposite is true here, and another case says so"}),
    Case("environ: run_once in a program for each request", ("WSGI-26", "WSGI-27"),
         "/show?keys=wsgi.run_once,wsgi.multiprocess,wsgi.multithread",
         _shows("wsgi.run_once=True\nwsgi.multiprocess=True\nwsgi.multithread=False"),
         without=dict.fromkeys(("http", *FRONTED), "the process serves many requests")),
)  # fmt: skip

_CONTENT = (
    Case("content: echo", ("WSGI-24",), "/echo", Expected(body=b"hello"), "POST", body=b"hello"),
    Case("content: with GET", ("HTTP-41",), "/echo", Expected(body=b"hello"), "GET", body=b"hello"),
    Case("content: POST without any", ("WSGI-32",), "/echo", Expected(body=b""), "POST"),
    Case("content: 1 MiB of every byte", ("WSGI-60",), "/echo", Expected(body=_MIB), "PUT", body=_MIB),
    Case("content: chunked", ("WSGI-37", "WSGI-82"), "/echo", Expected(body=b"hello"), "POST", body=b"hello",
    chunked=True,
         without=_NO_CHUNKS),
    Case("content: 1 MiB chunked", ("WSGI-37", "WSGI-82"), "/echo", Expected(body=_MIB), "POST", body=_MIB,
    chunked=True,
         without=_NO_CHUNKS),
    Case("content: chunked and empty", ("WSGI-37",), "/echo", Expected(body=b""), "POST", chunked=True,
    without=_NO_CHUNKS),
    Case("content: the end of it is told", ("WSGI-37",), "/show?keys=wsgi.input_terminated",
         _shows("wsgi.input_terminated=True"), "POST", body=b"x"),
    Case("content: chunked, and the application need not know", ("WSGI-37", "WSGI-82"),
         "/show?keys=CONTENT_LENGTH,HTTP_TRANSFER_ENCODING,HTTP_TRAILER",
         _shows("CONTENT_LENGTH='5'\nHTTP_TRANSFER_ENCODING absent\nHTTP_TRAILER absent"), "POST", body=b"hello",
         chunked=True, without=_NO_CHUNKS),
    Case("content: after Expect: 100-continue", ("WSGI-80",), "/echo", Expected(body=b"hello"), "POST",
         (("Expect", "100-continue"),), b"hello", times=2,
         without=dict.fromkeys(FRONTED, "the front has answered it: such a field is of the client's connection")),
    Case("content: left unread", ("HTTP-94",), "/unread", Expected(body=b"unread"), "POST", body=b"x" * 5000, times=2),
    Case("content: 1 MiB left unread", ("HTTP-94",), "/unread", Expected(body=b"unread"), "POST", body=_MIB, times=2),
    Case("content: that breaks off is never passed off as complete", ("WSGI-36", "HTTP-52"), "/unread?record={record}",
         Expected(record=()), "POST", body=b"x" * 5000, drive=Drive.HALF),
    Case("content: errors take any text", ("WSGI-38",), "/errors", Expected(body=b"written")),
    _input("read everything", "read,read", b"ab\ncd", "b'ab\\ncd'", "b''", proves="WSGI-31"),
    _input("read(-1) and read(None)", "read:2,read:-1,read:None", b"abcdef", "b'ab'", "b'cdef'", "b''",
    proves="WSGI-35"),
    _input("read(0)", "read:0,read:1,read:0", b"ab", "b''", "b'a'", "b''", proves="WSGI-35"),
    _input("read never gives more than it is asked for", "read:1,read:2,read:99", b"abcdef", "b'a'", "b'bc'",
    "b'def'", proves="WSGI-35"),
    _input("end of file is simulated, again and again", "read:3,read:1,read,readline,readlines,iter", b"abc",
           "b'abc'", "b''", "b''", "b''", "[]", "[]", proves="WSGI-30"),
    _input("no content", "read,read:9,readline,readlines,iter", b"", "b''", "b''", "b''", "[]", "[]",
    proves="WSGI-32", method="GET"),
    _input("readline", "readline,readline,readline,readline", b"a\n\nb", "b'a\\n'", "b'\\n'", "b'b'", "b''"),
    _input("readline(size)", "readline:2,readline:9,readline:-1,readline:0", b"abc\nd", "b'ab'", "b'c\\n'", "b'd'",
    "b''", proves="WSGI-33"),
    _input("readlines", "readlines", b"a\nb\r\nc", "[b'a\\n', b'b\\r\\n', b'c']"),
    _input("readlines(hint)", "readlines:100", b"a\nb", "[b'a\\n', b'b']", proves="WSGI-34"),
    _input("iteration", "next,iter", b"a\nb\nc", "b'a\\n'", "[b'b\\n', b'c']"),
    _input("line ends are not changed", "read", b"a\r\nb\rc\n\x1a\x00", repr(b"a\r\nb\rc\n\x1a\x00"), proves="WSGI-60"),
    _input("a long line", "readline", b"x" * 100_000 + b"\n", repr(b"x" * 100_000 + b"\n")),
    Case("input: closing it does no harm", ("WSGI-39",), "/input?plan=close", Expected(body=b"None"), "POST",
    body=b"x", times=2),
)  # fmt: skip

REQUEST_CASES = (*_ENVIRON, *_CONTENT)
"""All of them."""
