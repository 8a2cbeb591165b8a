"""Cases about files as content: `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

A server that has no such thing is given an iterator over the same blocks, so it is judged by what arrives.
"""

from __future__ import annotations

from .app.files import CONTENT, POSITION
from .case import Case, Drive, Expected

__all__ = ["FILE_CASES"]

_REST = CONTENT[POSITION:]
_CLOSED = ("closed",)
_KILLED = {"cgi": "the program is ended by a signal when its reader has gone: no line of it runs any more"}


def _length(content: bytes) -> tuple[tuple[str, str], ...]:
    return (("content-length", str(len(content))),)


_KINDS = (
    Case("file: on the disk, from its position on", ("WSGI-86", "WSGI-90"), "/file?of=disk", Expected(body=_REST),
         times=2),
    Case("file: its length is known", ("WSGI-91",), "/file?of=disk", Expected(body=_REST, fields=_length(_REST)),
         times=2),
    Case("file: in memory", ("WSGI-89",), "/file?of=memory", Expected(body=_REST), times=2),
    Case("file: that has only read()", ("WSGI-89",), "/file?of=only-read", Expected(body=_REST), times=2),
    Case("file: in a pipe", ("WSGI-90",), "/file?of=pipe", Expected(body=CONTENT[POSITION:4096])),
    Case("file: whose descriptor leads to other bytes", ("WSGI-90",), "/file?of=compressed", Expected(body=_REST)),
    Case("file: of text is an error", ("WSGI-65",), "/file?of=text", Expected(500)),
)  # fmt: skip

_PARTS = (
    *[Case(f"file: a part of one, {kind}", ("WSGI-90",), f"/file?of={kind}&length=1000",
           Expected(body=_REST[:1000], fields=_length(_REST[:1000])), times=2)
      for kind in ("disk", "memory")],
    *[Case(f"file: shorter than was declared, {kind}", ("WSGI-69", "WSGI-90"), f"/file?of={kind}&length=300000",
           Expected(aborted=True), times=2)
      for kind in ("disk", "memory")],
    *[Case(f"file: after write(), {kind}", ("WSGI-56", "WSGI-90"), f"/file?of={kind}&written=abc",
           Expected(body=b"abc" + _REST), times=2)
      for kind in ("disk", "memory")],
    Case("file: after write(), with a length", ("WSGI-56", "WSGI-90"), "/file?of=disk&written=abc&length=1003",
         Expected(body=b"abc" + _REST[:1000]), times=2),
    Case("file: for HEAD", ("WSGI-74", "WSGI-91"), "/file?of=disk", Expected(body=b"", fields=_length(_REST)), "HEAD",
         times=2),
    Case("file: wrapped and not returned", ("WSGI-87",), "/file?of=disk&unused=1", Expected(body=b"something else"),
         times=2),
)  # fmt: skip


def _closing(name: str, more: str, expected: Expected, method: str = "GET", drive: Drive = Drive.WHOLE) -> Case:
    target = f"/file?of=memory{more}&record={{record}}"
    without = {"cgi": _KILLED["cgi"]} if drive is Drive.LEAVE else {}
    return Case(f"file: close() {name}", ("WSGI-62", "WSGI-88"), target, expected, method, drive=drive, without=without)


_CLOSING = (
    _closing("at the end", "", Expected(body=_REST, record=_CLOSED)),
    _closing("at its declared length", "&length=10", Expected(body=_REST[:10], record=_CLOSED)),
    _closing("when it is too short", "&length=300000", Expected(aborted=True, record=_CLOSED)),
    _closing("for HEAD", "", Expected(body=b"", record=_CLOSED), "HEAD"),
    _closing("when the client leaves", "", Expected(record=_CLOSED), drive=Drive.LEAVE),
)

FILE_CASES = (*_KINDS, *_PARTS, *_CLOSING)
"""All of them."""
