"""Routes that answer in every way that PEP 3333 allows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from .tools import Environ, Route, StartResponse, note, noted, query, text

__all__ = ["ROUTES"]

_PLAIN = [("Content-Type", "text/plain")]
_PATIENCE = "10"
"""Seconds that a streaming route waits for the word that its last block has arrived."""


def _hello(environ: Environ, start_response: StartResponse) -> object:
    return text(start_response, "Hello, world!\n", "200 OK", ("X-Method", environ["REQUEST_METHOD"]))


class _Items:
    """An iterable of the old kind: it has only __getitem__."""

    def __init__(self, items: list[bytes]) -> None:
        self._items = items

    def __getitem__(self, index: int) -> bytes:
        return self._items[index]


def _kind(environ: Environ, start_response: StartResponse) -> object:
    """Give "abc" as the kind of iterable that the query names."""
    kinds: dict[str, Callable[[list[bytes]], object]] = {
        "list": lambda items: items,
        "tuple": tuple,
        "iterator": iter,
        "generator": lambda items: (item for item in items),
        "getitem": _Items,
        "blanks": lambda items: [b"", items[0], b"", b"", *items[1:], b""],
        "one": lambda items: [b"".join(items)],
        "empty-list": lambda items: [],
        "empty-generator": lambda items: iter(()),
        "blank": lambda items: [b""],
    }
    start_response("200 OK", list(_PLAIN))
    return kinds[query(environ, "of")]([b"a", b"b", b"c"])


def _late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Call start_response only when the iteration has begun."""
    start_response("200 Late", list(_PLAIN))
    yield b"late"


def _write(environ: Environ, start_response: StartResponse) -> object:
    """Use write(), and then give an iterable too."""
    write = start_response("200 OK", list(_PLAIN))
    write(b"one,")
    write(b"")
    write(b"two,")
    return [b"three,", b"four"] if query(environ, "then") else []


def _cookies(environ: Environ, start_response: StartResponse) -> object:
    """Set two, and show those that came."""
    cookies = ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")
    return text(start_response, environ.get("HTTP_COOKIE", ""), "200 OK", *cookies)


def _bare(environ: Environ, start_response: StartResponse) -> object:
    """Give content with a status that has none."""
    start_response(query(environ, "status"), [("ETag", '"v1"')])
    return [b"this must not be sent", b"nor this"]


def _wait_for(environ: Environ, line: str) -> str:
    deadline = time.monotonic() + float(query(environ, "patience", _PATIENCE))
    while not noted(environ, line):
        if time.monotonic() > deadline:
            return "withheld"
        time.sleep(0.002)
    return "arrived"


def _stream(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Give a block, wait until it has arrived, say whether it did."""
    start_response("200 OK", list(_PLAIN))
    yield b"first,"
    yield _wait_for(environ, "go").encode()


def _write_stream(environ: Environ, start_response: StartResponse) -> object:
    """The same with write()."""
    write = start_response("200 OK", list(_PLAIN))
    write(b"first,")
    write(_wait_for(environ, "go").encode())
    return []


def _big(environ: Environ, start_response: StartResponse) -> object:
    """Give 1 MiB in so many blocks as the query says."""
    blocks = int(query(environ, "blocks"))
    start_response("200 OK", list(_PLAIN))
    return [bytes([65 + number % 26]) * ((1 << 20) // blocks) for number in range(blocks)]


def _bytes(environ: Environ, start_response: StartResponse) -> object:
    """Give every byte there is, line ends and all."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [bytes(range(256)) + b"\r\n\n\r0\r\n\r\n"]


def _exc_info(environ: Environ, start_response: StartResponse) -> object:
    """Replace a head that has not been sent; or try to, when it has."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-First", "yes")])
    late = query(environ, "late")

    def iterate() -> Iterator[bytes]:
        if late:
            yield b"sent,"
        try:
            raise ValueError("on purpose")
        except ValueError:
            start_response("503 Replaced", [("Content-Type", "text/plain")], sys.exc_info())
        yield b"replaced"

    return iterate()


class _Shy:
    """An iterable that notes which of its attributes the server looks for, besides those that PEP 3333 names."""

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"shy"])

    def __getattr__(self, name: str) -> object:
        if name != "close" and not name.startswith("__"):
            note(self._environ, name)
        raise AttributeError(name)


def _shy(environ: Environ, start_response: StartResponse) -> object:
    start_response("200 OK", list(_PLAIN))
    return _Shy(environ)


def _own(environ: Environ, start_response: StartResponse) -> object:
    """Give fields that the server would else add, in a spelling of our own; change the list afterwards."""
    fields = [*_PLAIN, ("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("SERVER", "mine"), ("Content-LENGTH", "3")]
    start_response("200 OK", fields)
    fields.append(("X-Late", "a\r\nX-Injected: b"))
    return [b"own"]


ROUTES: dict[str, Route] = {
    "bare": _bare,
    "big": _big,
    "bytes": _bytes,
    "cookies": _cookies,
    "exc-info": _exc_info,
    "hello": _hello,
    "kind": _kind,
    "late": _late,
    "own": _own,
    "shy": _shy,
    "stream": _stream,
    "write": _write,
    "write-stream": _write_stream,
}
