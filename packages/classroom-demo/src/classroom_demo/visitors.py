"""Visitors: requests that arrive at a rate, whatever the server does, each from the moment at which it was due.

::

    arrivals (open loop, from the clock) --> waiting --> connection --> answer
                                              |  at most CROWD; who comes beyond that is turned away, and counted

Visitors do not wait for each other, as people do not. So a lane that cannot keep up shows it: they pile up. Each has a
connection of its own, in the protocol of the lane's gateway, with the client half of our own codec.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import NEED_DATA, Data, EndOfMessage, Response
from gateway_runtime.addresses import Address

from .asking import CODECS, PATIENCE, Codec, request_of
from .refusals import Refused

__all__ = ["CROWD", "KEPT", "RATE_MAX", "Crowd", "Visit"]

CROWD: Final = 500
"""Visitors of a lane at a time. A machine that cannot serve them must not be drowned in its own demonstration."""
RATE_MAX: Final = 500.0
"""Visitors a second of a lane: beyond that the picture is a blur, and this loop the limit."""
LATE: Final = 1.0
"""Seconds by which arrivals may be behind the clock: a machine that has slept owes nobody an hour of visitors."""
KEPT: Final = 4_096
"""Bytes of an answer that are kept: a head, and what fits a screen."""


@dataclass(slots=True, eq=False)
class Visit:
    """One visitor. `due`, `sent`, `answered` and `closed` are times in seconds since 1970.

    `status` 0 and `failure` say that no answer came. `out` are the bytes that were sent, `back` the first of those that
    came; `head` and `content` are what these say.
    """

    request: str
    due: float
    sent: float = 0.0
    answered: float = 0.0
    closed: float = 0.0
    status: int = 0
    failure: str = ""
    out: bytes = b""
    back: bytearray = field(default_factory=bytearray)
    head: Response | None = None
    content: bytearray = field(default_factory=bytearray)

    @property
    def seconds(self) -> float:
        """How long it took, from the moment at which it was meant to come."""
        return self.answered - self.due


class Crowd:
    """The visitors of one lane. `seen` is called with each visit when it is over."""

    def __init__(self, scheme: str, address: Address, seen: Callable[[Visit], None]) -> None:
        self._codec: Callable[..., Codec] = importlib.import_module(CODECS[scheme]).ClientConnection
        self._address = address
        self._seen = seen
        self._visits: set[asyncio.Task[Visit]] = set()
        self._arrivals: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.rate = 0.0
        self.path = "/hello"
        self.came = 0
        """Visitors so far. Each is served, fails or is turned away, or still waits."""
        self.turned_away = 0

    @property
    def waiting(self) -> int:
        """How many visitors have come and have no answer yet."""
        return len(self._visits)

    def set_rate(self, rate: float) -> None:
        """Let so many visitors a second arrive from now on, 0 to RATE_MAX."""
        self.rate = rate
        self._changed.set()
        if self._arrivals is None:
            self._arrivals = asyncio.get_running_loop().create_task(self._arrive())

    def burst(self, count: int, path: str = "") -> None:
        """Let so many visitors come at once; `path` is for these alone."""
        for _ in range(count):
            self._welcome(path or self.path, time.time())

    async def one(self, path: str = "") -> Visit:
        """Let one visitor come, and return how that went. Raises Refused if the lane ends before."""
        coming = self._come(path or self.path, time.time())
        await asyncio.wait([coming])
        if coming.cancelled():
            raise Refused("The lane was stopped before the visitor had an answer.")
        return coming.result()

    async def leave(self) -> None:
        """Let nobody come any more, and everybody go."""
        tasks = [*self._visits, *([self._arrivals] if self._arrivals else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._arrivals = None

    async def _arrive(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due if self.rate else None):
                    await self._changed.wait()
            now = loop.time()
            if self._changed.is_set():  # another rate, from now; it may have come in the turn in which one was due
                self._changed.clear()
                due = now + 1 / self.rate if self.rate else now
            while self.rate and due <= now:
                self._welcome(self.path, time.time() - (now - due))
                due = max(due + 1 / self.rate, now - LATE)

    def _welcome(self, path: str, due: float) -> None:
        if self.waiting >= CROWD:
            self.came += 1
            self.turned_away += 1
        else:
            self._come(path, due)

    def _come(self, path: str, due: float) -> asyncio.Task[Visit]:
        self.came += 1
        task = asyncio.get_running_loop().create_task(self._visit(path, due))
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)
        return task

    async def _visit(self, path: str, due: float) -> Visit:
        visit = Visit(f"GET {path.partition('?')[0]}", due)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ask(visit, path)
        except TimeoutError:
            visit.failure = "gave up"
        except RemoteProtocolError:
            visit.failure = "not understood"
        except OSError as error:
            visit.failure = error.strerror or "hung up"
        visit.closed = time.time()
        visit.answered = visit.answered or visit.closed
        self._seen(visit)
        return visit

    async def _ask(self, visit: Visit, path: str) -> None:
        loop, where = asyncio.get_running_loop(), self._address
        codec = self._codec(keep_alive=False)

        def talk() -> _Talk:
            return _Talk(visit, codec, codec.send(request_of(path)), loop.create_future())

        if where.path:
            transport, talking = await loop.create_unix_connection(talk, where.path)
        else:
            transport, talking = await loop.create_connection(talk, where.host, where.port)
        try:
            await talking.over
        finally:
            transport.abort()


class _Talk(asyncio.Protocol):
    """The visitor's side of a connection. `over` is done when the gateway has answered and hung up, or has failed."""

    def __init__(self, visit: Visit, codec: Codec, out: bytes, over: asyncio.Future[None]) -> None:
        self.over = over
        over.add_done_callback(lambda over: over.cancelled() or over.exception())  # who left as he came hears of no end
        self._visit, self._codec = visit, codec
        visit.out = out

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._visit.sent = time.time()
        cast("asyncio.Transport", transport).write(self._visit.out)

    def data_received(self, data: bytes) -> None:
        self._visit.back += data[: max(0, KEPT - len(self._visit.back))]
        self._hear(data)

    def eof_received(self) -> None:
        self._hear(b"")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            if self._visit.answered:
                self.over.set_result(None)
            else:
                self.over.set_exception(error or ConnectionResetError())

    def _hear(self, data: bytes) -> None:
        if self.over.done() or self._visit.answered:
            return
        try:
            self._codec.receive_data(data)
            while (event := self._codec.next_event()) is not NEED_DATA:
                if isinstance(event, Response):
                    self._visit.status, self._visit.head = event.status, event
                elif isinstance(event, Data):
                    self._visit.content += event.data[: max(0, KEPT - len(self._visit.content))]
                elif isinstance(event, EndOfMessage):
                    self._visit.answered = time.time()
                    return
        except RemoteProtocolError as error:  # at the end of file: whoever answered has died, or was killed
            self.over.set_exception(error if data else ConnectionResetError())
