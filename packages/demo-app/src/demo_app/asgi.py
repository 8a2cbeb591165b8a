"""The experiment endpoints as an ASGI application: ``demo_app.asgi:app``, for a server that speaks ASGI.

An endpoint that computes is the very function that WSGI calls; one that waits is written again, to await where its twin
sleeps. The answers are the same, byte for byte. Three more say what WSGI cannot:

- ``/wait``: a long poll, answered when somebody asks for ``/wait?wake=1``, or after ``ms``.
- ``/ticks``: server-sent events, one every ``ms``, until the client leaves.
- ``/echo-socket`` and ``/chat``: WebSockets; one speaks to itself, the other to everybody in this process.

``/cpu`` shows the price: it never awaits, so nobody else in the process is served meanwhile.

Pages are not here: an application of another kind for the same museum would be another museum.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from demo_app import bodies, experiments, served
from demo_app.exchange import BadValueError, RefusalError, Request
from demo_app.router import HELLO, HELLO_HEADERS, READ

if TYPE_CHECKING:
    from demo_app.exchange import Handler, Headers

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: HELLO_HEADERS as ASGI wants them.
HELLO_PAIRS = [(name.lower().encode(), value.encode()) for name, value in HELLO_HEADERS]

#: Messages that may wait for a member of the chat who does not read; then the member is dropped.
MAX_UNREAD = 100


class _EnoughError(Exception):
    """The answer to HEAD is complete; what the endpoint would go on to say is not wanted."""


class Exchange:
    """One request: what an endpoint is given, and the few ways to answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.request = Request(_as_environ(scope), served.next_number(), time.perf_counter())
        self._receive = receive
        self._send = send

    async def start(self, headers: "Headers", code: int = 200) -> None:
        """Begin the answer."""
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": code, "headers": pairs})

    async def body(self, data: bytes = b"", *, more: bool = False) -> None:
        """Send a piece of the answer; the last one unless there is `more`."""
        only_head = self.request.method == "HEAD"
        await self._send({"type": "http.response.body", "body": data, "more_body": more and not only_head})
        if more and only_head:
            raise _EnoughError

    async def text(self, text: str, code: int = 200, headers: "Headers" = ()) -> None:
        """Answer with plain text, a line end added."""
        await self.whole("text/plain; charset=utf-8", f"{text}\n".encode(), code, headers)

    async def whole(self, kind: str, data: bytes, code: int = 200, headers: "Headers" = ()) -> None:
        """Answer with a whole body of media type ``kind``."""
        await self.start([("Content-Type", kind), ("Content-Length", str(len(data))), *headers], code)
        await self.body(data)

    async def content(self) -> AsyncIterator[bytes]:
        """Yield the request's body as it comes; break off if the client does."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ConnectionError("the client has left within its request")
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def left(self) -> None:
        """Return when the client has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _as_environ(scope: Scope) -> dict[str, str]:
    """Return what the two kinds of application have in common, under its names in WSGI."""
    root = scope.get("root_path", "")
    cookies = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root.encode().decode("latin-1"),
        "PATH_INFO": scope["path"].removeprefix(root).encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "HTTP_COOKIE": "; ".join(cookies),
    }


# -- endpoints that have a twin ------------------------------------------------------------------------------------


def at_once(handler: "Handler") -> Callable[[Exchange], Awaitable[None]]:
    """Return an endpoint that is its own twin: it computes its answer and waits for nobody."""

    async def endpoint(exchange: Exchange) -> None:
        started: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: "Headers", _exc_info: object = None) -> Callable[[bytes], object]:
            started.append((status, headers))
            return lambda _data: None

        pieces = handler(exchange.request, start_response)
        status, headers = started[0]
        await exchange.start(headers, int(status[:3]))
        if isinstance(pieces, list):
            await exchange.body(b"".join(pieces))
            return
        for piece in pieces:
            await exchange.body(piece, more=True)
        await exchange.body()

    return endpoint


async def hello(exchange: Exchange) -> None:
    """Answer with fourteen constant bytes."""
    await exchange.start(HELLO_HEADERS)
    await exchange.body(HELLO)


async def show_scope(exchange: Exchange) -> None:
    """List the scope, one ``key = repr`` a line, or as JSON with ``?format=json``."""
    layout, scope = exchange.request.word("format", "text"), exchange.scope
    if layout == "text":
        await exchange.text("\n".join(f"{key} = {scope[key]!r}" for key in sorted(scope)))
    elif layout == "json":
        body = json.dumps(scope, default=repr, sort_keys=True, indent=2)
        await exchange.whole("application/json", body.encode() + b"\n")
    else:
        raise BadValueError("The value 'format' must be 'text' or 'json'.")


async def echo(exchange: Exchange) -> None:
    """Send the request's body back as it comes in, under the media type that it came with."""
    fields = {name: value.decode("latin-1") for name, value in exchange.scope["headers"]}
    headers = bodies.echo_headers(fields.get(b"content-type", ""))
    if b"content-length" in fields:
        headers.append(("Content-Length", fields[b"content-length"]))
    await exchange.start(headers)
    async for block in exchange.content():
        await exchange.body(block, more=True)
    await exchange.body()


async def stream(exchange: Exchange) -> None:
    """Send ``n`` chunks, ``ms`` milliseconds apart, without saying how many bytes will come."""
    chunks, pause = experiments.chunks_and_pause(exchange.request)
    await exchange.start([("Content-Type", "text/plain")])
    for number in range(1, chunks + 1):
        if number > 1 and pause:
            await asyncio.sleep(pause)
        await exchange.body(experiments.chunk(number, chunks), more=True)
    await exchange.body()


async def sleep(exchange: Exchange) -> None:
    """Wait ``ms`` milliseconds, as an application waits for its database, and let others be served."""
    pause = exchange.request.number_in("ms", 100, 0, experiments.MAX_SLEEP)
    await asyncio.sleep(pause / 1000)
    await exchange.text(f"slept {pause} ms")


# -- what WSGI cannot say ------------------------------------------------------------------------------------------

_bell = asyncio.Event()


async def wait(exchange: Exchange) -> None:
    """Answer when somebody wakes us with ``wake=1``, or after ``ms`` milliseconds; who has left needs no answer.

    A thread that did this would be held all the while. Here it is one more thing that the loop waits for.
    """
    global _bell
    bell = _bell
    pause = exchange.request.number_in("ms", 10_000, 0, experiments.MAX_SLEEP)
    if exchange.request.number_in("wake", 0, 0, 1):
        _bell = asyncio.Event()
        bell.set()
        await exchange.text("rung")
        return
    async with _both(bell.wait(), exchange.left()) as (rung, left):
        await asyncio.wait((rung, left), timeout=pause / 1000, return_when=asyncio.FIRST_COMPLETED)
        if not left.done():
            await exchange.text("woken" if rung.done() else f"nothing for {pause} ms")


async def ticks(exchange: Exchange) -> None:
    """Send an event every ``ms`` milliseconds, ``n`` of them, while the client is there (server-sent events)."""
    number = exchange.request.number_in("n", experiments.MAX_CHUNKS, 1, experiments.MAX_CHUNKS)
    pause = exchange.request.number_in("ms", 1000, 1, experiments.MAX_SLEEP)
    await exchange.start([("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")])
    async with _both(exchange.left()) as (left,):
        for tick in range(1, number + 1):
            await exchange.body(b"data: tick %d\n\n" % tick, more=True)
            if tick < number:
                await asyncio.wait((left,), timeout=pause / 1000)
            if left.done():
                return
        await exchange.body()


@contextlib.asynccontextmanager
async def _both(*calls: Coroutine[Any, Any, object]) -> AsyncIterator[list[asyncio.Task[object]]]:
    """Let calls run while a block does; at its end, end those that have not."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def echo_socket(receive: Receive, send: Send) -> None:
    """Send each message back."""
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")})


Inbox = asyncio.Queue[str | None]

_members: set[Inbox] = set()


async def chat(receive: Receive, send: Send) -> None:
    """Send what each member says to all, in this process. Who does not read is dropped, and holds up nobody."""
    inbox: Inbox = asyncio.Queue(MAX_UNREAD)
    _members.add(inbox)  # before the door opens: who is in hears all that is said from then on
    try:
        await send({"type": "websocket.accept"})
        async with _both(_deliver(inbox, send)):
            while (message := await receive())["type"] == "websocket.receive":
                _say(message.get("text") or "")
    finally:
        _members.discard(inbox)


async def _deliver(inbox: Inbox, send: Send) -> None:
    """Send what comes into an inbox; None is the end."""
    while (text := await inbox.get()) is not None:
        await send({"type": "websocket.send", "text": text})
    await send({"type": "websocket.close", "code": 1008, "reason": "you do not read"})


def _say(text: str) -> None:
    for inbox in list(_members):
        if inbox.full():
            _members.discard(inbox)
            inbox.get_nowait()  # room for the end
            inbox.put_nowait(None)
        else:
            inbox.put_nowait(text)


# -- from a scope to an endpoint -----------------------------------------------------------------------------------

Endpoint = Callable[[Exchange], Awaitable[None]]

READERS: dict[str, Endpoint] = {
    "/hello": hello,
    "/environ": show_scope,
    "/stream": stream,
    "/sleep": sleep,
    "/cpu": at_once(experiments.burn),
    "/crash": at_once(experiments.crash),
    "/counter": at_once(experiments.answer_count),
    "/cookies": at_once(experiments.cookies),
    "/leak": at_once(experiments.leak),
    "/health": at_once(experiments.health),
    "/wait": wait,
    "/ticks": ticks,
}
"""What answers GET and HEAD. `/echo` answers every method."""

SOCKETS = {"/echo-socket": echo_socket, "/chat": chat}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request, hold one WebSocket, or say that we are ready (ASGI 3.0).

    As in the twin, `/hello` comes first and costs next to nothing, for benchmarks.
    """
    if scope.get("path") == "/hello" and scope.get("method") == "GET":
        served.next_number()
        await send({"type": "http.response.start", "status": 200, "headers": HELLO_PAIRS})
        await send({"type": "http.response.body", "body": HELLO})
    elif scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await _open(scope, receive, send)
    else:
        await _answer(Exchange(scope, receive, send))


async def _live(receive: Receive, send: Send) -> None:
    for _ in range(2):
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})


async def _open(scope: Scope, receive: Receive, send: Send) -> None:
    """Hold a WebSocket; one that asks for another path is turned away before it is open."""
    await receive()
    talk = SOCKETS.get(scope["path"].removeprefix(scope.get("root_path", "")))
    if talk is None:
        await send({"type": "websocket.close"})
        return
    await talk(receive, send)


async def _answer(exchange: Exchange) -> None:
    try:
        await _find(exchange.request)(exchange)
    except RefusalError as refusal:
        await exchange.text(refusal.sentence, refusal.status, refusal.headers)
    except _EnoughError:
        pass


def _find(request: Request) -> Endpoint:
    """Return the endpoint of a path. Raises `RefusalError` (404, 405)."""
    path = request.path
    if path == "/echo":
        return echo
    endpoint = at_once(experiments.answer_status) if path.startswith(experiments.STATUS_PREFIX) else READERS.get(path)
    if endpoint is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "There is no page at this address.")
    if request.method not in READ:
        allowed = ", ".join(READ)
        raise RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, f"This address answers {allowed}.", [("Allow", allowed)])
    return endpoint
