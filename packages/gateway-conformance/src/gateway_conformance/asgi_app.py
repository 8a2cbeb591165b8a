"""The application under test for servers of ASGI: `gateway_conformance.asgi_app:app`.

Routes that are named as one of `gateway_conformance.app` do the same, said in messages, and are asked the same
questions. The others are about what PEP 3333 has not: `cases_asgi` asks them. It imports nothing of ours but the tools
of its twin, since it must run behind servers of other people too; and some routes break the specification on purpose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .app.tools import note, noted, query
from .app.trouble import BAD_FIELDS

__all__ = ["MESSAGES", "ROUTES", "app"]

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Any], Awaitable[None]]
Route = Callable[[Scope, Receive, Send], Awaitable[None]]

_PLAIN = [(b"content-type", b"text/plain")]
_BLOCK = b"x" * (64 * 1024)
_ENDLESS = 2000
"""Blocks of a response that nobody takes: 125 MiB, more than any socket and server hold."""

_PATIENCE = 10.0
"""Seconds in which a block must have arrived at the client."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Pass the request on to the route that the first segment of its path names."""
    if scope["type"] == "lifespan":
        await receive()
        if "state" in scope:
            scope["state"]["word"] = "kept"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    name = scope["path"].lstrip("/").partition("/")[0]
    if name in ROUTES:
        await ROUTES[name](scope, receive, send)
    else:
        await _text(send, f"no route {name!r}", 404)


def _words(scope: Scope) -> dict[str, Any]:
    """Return what the tools of the twin look at."""
    return {"QUERY_STRING": scope["query_string"].decode("latin-1")}


async def _start(send: Send, status: object = 200, headers: object = _PLAIN) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _body(send: Send, data: object = b"", *, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def _text(send: Send, text: str, status: int = 200, *fields: tuple[bytes, bytes]) -> None:
    data = text.encode("utf-8", "backslashreplace")
    await _start(send, status, [*_PLAIN, (b"content-length", str(len(data)).encode()), *fields])
    await _body(send, data)


async def _content(receive: Receive) -> bytes:
    data, more = bytearray(), True
    while more:
        message = await receive()
        data += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(data)


# -- as in the twin --------------------------------------------------------------------------------------------------


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    fields = [(b"content-length", b"14"), (b"x-method", scope["method"].encode())]
    await _start(send, 200, [*_PLAIN, *fields])
    await _body(send, b"Hello, world!\n")


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    data = await _content(receive)
    await _start(send, 200, [*_PLAIN, (b"content-length", str(len(data)).encode())])
    await _body(send, data)


async def _unread(scope: Scope, receive: Receive, send: Send) -> None:
    await _text(send, "unread")


async def _cookies(scope: Scope, receive: Receive, send: Send) -> None:
    came = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    await _text(send, came, 200, (b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; Path=/"))


async def _bare(scope: Scope, receive: Receive, send: Send) -> None:
    await _start(send, int(query(_words(scope), "status")[:3]), [(b"etag", b'"v1"')])
    await _body(send, b"this must not be sent", more=True)
    await _body(send, b"nor this")


async def _own(scope: Scope, receive: Receive, send: Send) -> None:
    own = [(b"date", b"Sun, 06 Nov 1994 08:49:37 GMT"), (b"SERVER", b"mine"), (b"Content-LENGTH", b"3")]
    fields = [*_PLAIN, *own]
    await _start(send, 200, fields)
    fields.append((b"X-Late", b"a\r\nX-Injected: b"))
    await _body(send, b"own")


async def _big(scope: Scope, receive: Receive, send: Send) -> None:
    blocks = int(query(_words(scope), "blocks"))
    await _start(send)
    for number in range(blocks):
        await _body(send, bytes([65 + number % 26]) * ((1 << 20) // blocks), more=number + 1 < blocks)


async def _bytes(scope: Scope, receive: Receive, send: Send) -> None:
    await _start(send)
    await _body(send, bytes(range(256)) + b"\r\n\n\r0\r\n\r\n")


async def _stream(scope: Scope, receive: Receive, send: Send) -> None:
    words = _words(scope)
    await _start(send)
    await _body(send, b"first,", more=True)
    deadline = asyncio.get_running_loop().time() + float(query(words, "patience", str(_PATIENCE)))
    while not (arrived := noted(words, "go")) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.002)
    await _body(send, b"arrived" if arrived else b"withheld")


async def _length(scope: Scope, receive: Receive, send: Send) -> None:
    words = _words(scope)
    given = int(query(words, "given"))
    await _start(send, 200, [*_PLAIN, (b"content-length", query(words, "declared").encode())])
    for _ in range(given if query(words, "how") == "many" else 0):
        await _body(send, b"x", more=True)
    await _body(send, b"x" * given if query(words, "how") == "one" else b"")


_ERRORS: dict[str, type[BaseException]] = {
    "RuntimeError": RuntimeError, "SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit, "MemoryError": MemoryError, "BrokenPipeError": BrokenPipeError,
}  # fmt: skip


async def _raise(scope: Scope, receive: Receive, send: Send) -> None:
    words = _words(scope)
    error, when = _ERRORS[query(words, "error", "RuntimeError")], query(words, "when")
    if when != "call":
        await _start(send, 200, [*_PLAIN, (b"x-head", b"sent")])
    if when in ("later", "write"):
        await _body(send, b"first,", more=True)
    raise error("on purpose")


async def _fields(scope: Scope, receive: Receive, send: Send) -> None:
    words = _words(scope)
    bad = BAD_FIELDS[query(words, "how")]
    if isinstance(bad, list) and all(isinstance(pair, tuple) for pair in bad):
        bad = [tuple(map(_as_bytes, pair)) for pair in bad]
    try:
        await _start(send, 200, bad)
    except Exception:
        if not query(words, "try"):
            raise
        await _text(send, "told at once")
    else:
        await _body(send, b"not told" if query(words, "try") else b"out")


def _as_bytes(part: object) -> object:
    try:
        return part.encode("latin-1") if isinstance(part, str) else part
    except UnicodeEncodeError:
        return part


_NOT_BYTES: dict[str, object] = {"str": "text", "none": None, "int": 65, "list": [b"x"]}


async def _item(scope: Scope, receive: Receive, send: Send) -> None:
    words = _words(scope)
    await _start(send)
    if query(words, "when") == "later":
        await _body(send, b"first,", more=True)
    await _body(send, _NOT_BYTES[query(words, "how")])


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    how = query(_words(scope), "how")
    if how == "start":
        await _body(send, b"data without a head")
    elif how == "iterable":
        await _start(send)


async def _twice(scope: Scope, receive: Receive, send: Send) -> None:
    await _start(send)
    await _start(send, 200, [*_PLAIN, (b"x-injected", b"b")])
    await _body(send, b"out")


# -- of ASGI alone ---------------------------------------------------------------------------------------------------

_KINDS: dict[str, Callable[[Any], bool]] = {
    "type": lambda it: it == "http",
    "asgi": lambda it: it["version"].startswith("3.") and all(type(number) is str for number in it.values()),
    "http_version": lambda it: it == "1.1",
    "method": lambda it: it == "GET",
    "scheme": lambda it: it == "http",
    "path": lambda it: it == "/scope",
    "raw_path": lambda it: it is None or it == b"/scope",
    "query_string": lambda it: it == b"",
    "root_path": lambda it: it == "",
    "headers": lambda it: all(type(part) is bytes for pair in it for part in pair) and [*dict(it)] == [
        name.lower() for name in dict(it)
    ],
    "client": lambda it: it is None or (type(it[0]), type(it[1]), len(it)) == (str, int, 2),
    "server": lambda it: it is None or (type(it[0]), len(it)) == (str, 2),
}  # fmt: skip
"""What must be true of each part of the scope, where it is there."""

_NEEDED = ("type", "asgi", "http_version", "method", "path", "query_string", "headers")


async def _scope(scope: Scope, receive: Receive, send: Send) -> None:
    """Say what is wrong with the scope, or "good"."""
    missing = [f"no {name}" for name in _NEEDED if name not in scope]
    wrong = [f"{name} is {scope[name]!r}" for name, right in _KINDS.items() if name in scope and not right(scope[name])]
    await _text(send, "\n".join(missing + wrong) or "good")


async def _fresh(scope: Scope, receive: Receive, send: Send) -> None:
    """See whether a mark is there that an earlier call has left in its scope."""
    marked = "mark" in scope or "mark" in scope["asgi"] or "mark" in scope.get("state", ())
    for place in (scope, scope["asgi"], scope.get("state", {})):
        place["mark"] = True
    await _text(send, "marked" if marked else "fresh")


async def _part(scope: Scope, receive: Receive, send: Send) -> None:
    """Show a part of the scope, or all fields of a name."""
    words = _words(scope)
    name = query(words, "field").encode()
    values = [value for field, value in scope["headers"] if field == name]
    await _text(send, repr(values if name else scope[query(words, "of")]))


async def _state(scope: Scope, receive: Receive, send: Send) -> None:
    await _text(send, scope["state"]["word"])


async def _pieces(scope: Scope, receive: Receive, send: Send) -> None:
    """Send "abc" as the pieces that the query names."""
    await _start(send)
    *pieces, last = query(_words(scope), "of").split(",")
    for piece in pieces:
        await _body(send, piece.encode(), more=True)
    await _body(send, last.encode())


async def _least(scope: Scope, receive: Receive, send: Send) -> None:
    """Send messages with no more in them than there must be."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


async def _told(scope: Scope, receive: Receive, send: Send) -> None:
    """Note what comes when the client has left."""
    await _start(send)
    await _body(send, b"begun", more=True)
    while (message := await receive())["type"] == "http.request":
        pass
    note(_words(scope), message["type"])


async def _broken(scope: Scope, receive: Receive, send: Send) -> None:
    """Note what comes in place of the rest of the content."""
    while (message := await receive()).get("more_body"):
        pass
    note(_words(scope), message["type"])


async def _endless(scope: Scope, receive: Receive, send: Send) -> None:
    """Send until that raises, and note what."""
    await _start(send)
    try:
        for _ in range(_ENDLESS):
            await _body(send, _BLOCK, more=True)
    except OSError:
        note(_words(scope), "OSError")


async def _after(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive, and send, when the response is over."""
    await _content(receive)
    await _text(send, "over")
    note(_words(scope), (await receive())["type"])


MESSAGES: dict[str, object] = {
    "none": None,
    "untyped": {"status": 200},
    "unknown": {"type": "http.response.nonsense"},
    "websocket": {"type": "websocket.accept"},
    "no-status": {"type": "http.response.start"},
    "status-text": {"type": "http.response.start", "status": "200"},
    "status-low": {"type": "http.response.start", "status": 99},
    "status-interim": {"type": "http.response.start", "status": 100},
    "status-high": {"type": "http.response.start", "status": 1000},
    "no-pairs": {"type": "http.response.start", "status": 200, "headers": [b"x-injected: b"]},
    "texts": {"type": "http.response.start", "status": 200, "headers": [("x-injected", "b")]},
}
"""What is no message, or none that may begin a response."""


async def _message(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a bad message, and go on as if it were a good one."""
    await send(MESSAGES[query(_words(scope), "how")])
    await _body(send, b"out")


ROUTES: dict[str, Route] = {
    "after": _after, "bare": _bare, "big": _big, "broken": _broken, "bytes": _bytes, "cookies": _cookies,
    "echo": _echo, "endless": _endless, "fields": _fields, "fresh-scope": _fresh, "hello": _hello, "item": _item,
    "least": _least, "length": _length, "message": _message, "nothing": _nothing, "own": _own, "part": _part,
    "pieces": _pieces, "raise": _raise, "scope": _scope, "state": _state, "stream": _stream, "told": _told,
    "twice": _twice, "unread": _unread,
}  # fmt: skip
"""First segment of the path to what serves it."""
