"""Cases about what the application gives, as long as it keeps to PEP 3333: heads, content, streaming, close()."""

from __future__ import annotations

from .case import FRONTED, Case, Drive, Expected

__all__ = ["RESPONSE_CASES"]

_KILLED = {"cgi": "the program is ended by a signal when its reader has gone: no line of it runs any more"}

_HEADS = (
    Case("head: GET", ("HTTP-79", "WSGI-1"), "/hello", Expected(body=b"Hello, world!\n", fields=(
        ("content-type", "text/plain"), ("content-length", "14"), ("x-method", "GET"))), times=2),
    Case("head: HEAD has the same fields and no content", ("HTTP-69", "HTTP-71", "WSGI-74"), "/hello",
    Expected(body=b"", fields=(
        ("content-type", "text/plain"), ("content-length", "14"), ("x-method", "HEAD"))), "HEAD", times=2),
    Case("head: several cookies stay several lines", ("WSGI-48",), "/cookies", Expected(body=b"",
    count={"set-cookie": 2})),
    Case("head: status and reason are the application's", ("WSGI-41",), "/status?how=299%20Odd", Expected(299, b"out")),
    Case("head: 404", ("WSGI-41",), "/no-such-route", Expected(404, b"no route 'no-such-route'")),
    *[Case(f"head: {status} has no content", ("HTTP-67", "HTTP-69", "WSGI-74"), f"/bare?status={status}%20Bare",
        Expected(
        status, b"", (("etag", '"v1"'),), absent=("content-length", "transfer-encoding")),
        times=2) for status in (204, 304)],
    Case("head: HEAD of a status without content", ("WSGI-74",), "/bare?status=204%20Bare", Expected(
        204, b"", absent=("content-length",)), "HEAD"),
    Case("head: fields that the server would add are the application's", ("WSGI-43", "WSGI-48", "WSGI-83"), "/own",
         Expected(body=b"own", fields=(("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("server", "mine"),
         ("content-length", "3")), absent=("x-late", "x-injected")), times=2),
    Case("head: Date is there", ("WSGI-48",), "/hello", Expected(body=b"Hello, world!\n", count={"date": 1}),
         without=dict.fromkeys(FRONTED, "the front adds what HTTP needs")),
    Case("head: HEAD through write()", ("WSGI-74",), "/write?then=1", Expected(body=b""), "HEAD", times=2),
    Case("head: the length of a single block is known", ("WSGI-70",), "/kind?of=one",
         Expected(body=b"abc", fields=(("content-length", "3"),))),
    Case("head: HEAD of an unknown length declares none that differs", ("HTTP-70",), "/kind?of=empty-list",
         Expected(body=b"", absent=("transfer-encoding",)), "HEAD"),
)  # fmt: skip

_CONTENT = (
    *[Case(f"content: {kind}", ("WSGI-57",), f"/kind?of={kind}", Expected(body=b"abc"))
      for kind in ("list", "tuple", "iterator", "generator", "getitem", "one")],
    Case("content: empty bytestrings are skipped", ("WSGI-66", "HTTP-73"), "/kind?of=blanks", Expected(body=b"abc"),
    times=2),
    *[Case(f"content: {kind}", ("WSGI-49", "WSGI-57"), f"/kind?of={kind}", Expected(body=b""), times=2)
      for kind in ("empty-list", "empty-generator", "blank")],
    Case("content: nothing else of the iterable is looked at", ("WSGI-64",), "/shy?record={record}",
         Expected(body=b"shy", record=())),
    Case("content: a generator that calls start_response late", ("WSGI-58",), "/late", Expected(body=b"late")),
    Case("content: write()", ("WSGI-40", "WSGI-55"), "/write", Expected(body=b"one,two,")),
    Case("content: write(), then an iterable", ("WSGI-56",), "/write?then=1", Expected(body=b"one,two,three,four")),
    Case("content: every byte arrives unchanged", ("WSGI-60",), "/bytes", Expected(
        body=bytes(range(256)) + b"\r\n\n\r0\r\n\r\n")),
    *[Case(f"content: 1 MiB in {blocks} blocks", ("WSGI-59",), f"/big?blocks={blocks}", Expected(
        body=b"".join(bytes([65 + n % 26]) * (2**20 // blocks) for n in range(blocks)))) for blocks in (1, 16, 4096)],
    Case("content: a block arrives before the next one is asked for", ("WSGI-59",), "/stream?record={record}",
         Expected(body=b"first,arrived"), drive=Drive.STEPWISE),
    Case("content: what write() got arrives before it returns", ("WSGI-55",), "/write-stream?record={record}",
         Expected(body=b"first,arrived"), drive=Drive.STEPWISE),
    Case("content: exactly as long as declared", ("HTTP-72",), "/length?declared=5&given=5&how=many", Expected(
        body=b"xxxxx", fields=(("content-length", "5"),)), times=2),
)  # fmt: skip

_EXC_INFO = (
    Case(
        "exc_info: replaces a head that was not sent",
        ("WSGI-49", "WSGI-51"),
        "/exc-info",
        Expected(503, b"replaced", absent=("x-first",)),
    ),
    Case("exc_info: too late", ("WSGI-52",), "/exc-info?late=1", Expected(aborted=True)),
)


def _closing(name: str, how: str, expected: Expected, method: str = "GET", drive: Drive = Drive.WHOLE) -> Case:
    proves = ("WSGI-62", "WSGI-67") if how == "close-raises" else ("WSGI-62",)
    return Case(f"close(): {name}", proves, f"/close?how={how}&record={{record}}", expected, method, drive=drive,
                without=_KILLED if drive is Drive.LEAVE else {})  # fmt: skip


_ONCE = ("closed",)

_CLOSING = (
    _closing("at the normal end", "normal", Expected(body=b"closing", record=_ONCE)),
    _closing("with a declared length", "declared", Expected(body=b"closing", record=_ONCE)),
    _closing("for HEAD", "normal", Expected(body=b"", record=_ONCE), "HEAD"),
    _closing("for 304", "not-modified", Expected(304, b"", record=_ONCE)),
    _closing("when more comes than was declared", "over", Expected(body=b"closing", record=_ONCE)),
    _closing("when the first block raises", "raises", Expected(500, record=_ONCE)),
    _closing("when a later block raises", "raises-late", Expected(aborted=True, record=_ONCE)),
    _closing("when it raises itself the response stands", "close-raises", Expected(body=b"closing", record=_ONCE)),
    _closing("when the client leaves", "endless", Expected(body=None, record=_ONCE), drive=Drive.LEAVE),
    Case("close(): of a generator", ("WSGI-62",), "/generator?record={record}", Expected(body=b"closing",
    record=_ONCE)),
    Case("close(): of a generator when the client leaves", ("WSGI-62", "WSGI-79"),
    "/generator?how=endless&record={record}",
         Expected(record=_ONCE), drive=Drive.LEAVE, without=_KILLED),
)  # fmt: skip

RESPONSE_CASES = (*_HEADS, *_CONTENT, *_EXC_INFO, *_CLOSING)
"""All of them."""
