"""An ASGI twin of the demo application, as far as the bench asks: `uvicorn asgi_site:app`.

::

    /hello          the same 14 bytes under the same two fields
    /fastcgi        the museum's page, by the museum's own function: rendered once and kept, a footer for each request
    /sleep?ms=200   the wait is the event loop's, so nobody waits for a thread

What differs from `demo_app:app` is how it is called, and that it can wait without a thread. Two ways of the same server
to run the same work are compared here, not two applications.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from demo_app import pages, served
from demo_app.exchange import Request

__all__ = ["app"]

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

TEXT = "text/plain; charset=utf-8"
ENVIRON = {
    "SCRIPT_NAME": "",
    "gatelab.protocol": "ASGI",
    "wsgi.run_once": False,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
}
"""What a page of the museum wants to know of the server: one process, one thread."""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request, or go along with the server's start and end."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http":
        number, started = served.next_number(), time.perf_counter()
        if scope["path"] == "/hello":
            await _answer(send, 200, [("Content-Type", "text/plain")], b"Hello, world!\n")
        elif scope["path"] == "/sleep":
            await _sleep(scope, send)
        else:
            await _page(scope["path"], Request(ENVIRON, number, started), send)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _sleep(scope: Message, send: Send) -> None:
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("ms", ["100"])[0]
    if not (asked.isascii() and asked.isdigit() and int(asked) <= 10_000):
        await _answer(send, 400, [("Content-Type", TEXT)], b"The value 'ms' must be a whole number up to 10000.\n")
        return
    await asyncio.sleep(int(asked) / 1000)
    await _answer(send, 200, [("Content-Type", TEXT)], f"slept {int(asked)} ms\n".encode())


async def _page(path: str, request: Request, send: Send) -> None:
    show = pages.find(path)
    if show is None:
        await _answer(send, 404, [("Content-Type", TEXT)], b"There is no such page.\n")
        return
    head: list[Any] = []
    content = b"".join(show(request, lambda *words: head.extend(words)))  # type: ignore[arg-type]  # nobody writes here
    await _answer(send, 200, [field for field in head[1] if field[0] != "Content-Length"], content)


async def _answer(send: Send, status: int, fields: list[tuple[str, str]], content: bytes) -> None:
    """Send a whole answer. Names of fields are in small letters here, as ASGI wants them."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
    headers.append((b"content-length", str(len(content)).encode("ascii")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
