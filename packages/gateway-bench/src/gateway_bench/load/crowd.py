"""A crowd of visitors in one loop, over plain sockets: the light generator, and the one that sees connections.

Locust costs more for a request than the server that it asks. wrk costs little, but it cannot tell the answers of two
paths apart, nor say what became of a connection. This stands between them: HTTP/1.1 only, a few microseconds for
each request, every answer checked, and every connection accounted for.

A visitor has one request under way, or none::

              connect, send                     the whole answer
    ABSENT ------------------> ASKING ------------------------------> RESTING ---> the next request of its visit
       ^                         |                                       |
       |                         |  closed, refused, silent, wrong       |  closed by the server: `idle`
       +-------------------------+---------------------------------------+

Whoever closes a connection between two requests does no wrong (RFC 9112, sections 9.3 and 9.5): the visitor opens
another. Where the request was on its way already, and not one byte of an answer came, HTTP lets a client make an
idempotent request again, once, over a new connection. That is only believed of a connection that has carried an answer
before, it is only done when asked for (`retry`), and it is counted. Everything else that breaks off is an error.

A visit is never cut short: when time is up each visitor ends its own. So a visitor's rate is its requests over *its*
time, and the crowd's is the sum of those. The time that ends with the last straggler would tell less than was done.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import time
from collections.abc import Callable, Iterator

from gateway_bench.load.address import Address
from gateway_bench.load.http_bytes import Head, read_head, request_bytes, split_head
from gateway_bench.load.job import Loss
from gateway_bench.load.scenarios import Answer, Exchange, Scenario
from gateway_bench.load.tally import Tally
from gateway_bench.load.visitor import REQUEST_LIMIT

__all__ = ["Crowd"]

RECEIVE = 65_536
HEAD_MAX = 65_536
"""Bytes of a head beyond which it is no head."""
BACK_OFF = 0.05
"""Seconds that a visitor rests after an error: a server that refuses everything must not become a spin loop."""
LOOK = 0.1
"""Seconds between two looks at the clock when nothing comes."""
HEADS_MAX = 4_096
"""Heads remembered, which repeat until the second in their Date passes; then all are forgotten."""
LOSSES_MAX = 10_000
"""Losses written down one by one; beyond, they are only counted."""


class _Visitor:
    """One visitor: its connection, the request under way (`exchange`, else None), and its own clock."""

    __slots__ = ("again", "answered", "began", "exchange", "number", "pending", "requests", "sock", "start", "visit",
                 "visits", "worker")  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.sock: socket.socket | None = None
        self.visit: Iterator[Exchange] = iter(())
        self.visits = 0
        self.exchange: Exchange | None = None
        self.began = 0
        self.again = False  # the request under way is made for the second time
        self.pending = b""  # what has come of its answer
        self.answered = 0  # on this connection
        self.worker = 0  # whose connection it is
        self.start = 0
        self.requests = 0


class Crowd:
    """`users` visitors of `address`. `run` may be called again and again; `close` at the end."""

    def __init__(
        self,
        address: Address,
        scenario: Scenario,
        users: int,
        *,
        keep_alive: bool = True,
        pause: float = 0.0,
        retry: bool = False,
    ) -> None:
        self._address = address
        self._host = f"{address.host}:{address.port}"
        self._scenario = scenario
        self._keep_alive = keep_alive
        self._pause = pause
        self._retry = retry
        self._visitors = [_Visitor(number) for number in range(1, users + 1)]
        self._selector = selectors.DefaultSelector()
        self._wire: dict[Exchange, bytes] = {}
        self._heads: dict[bytes, Head] = {}
        self._resting: list[tuple[float, int, _Visitor]] = []
        self._lasts: Callable[[], bool] = lambda: False
        self._tally = Tally()
        self._under_way = 0

    def run(self, lasts: Callable[[], bool], tally: Tally | None = None) -> Tally:
        """Let everybody make visits as long as `lasts()`; return when the last one is back. `tally` may be watched."""
        self._tally, self._lasts = tally or Tally(), lasts
        self._under_way = len(self._visitors)
        start = time.monotonic_ns()
        for visitor in self._visitors:
            visitor.start, visitor.requests = start, 0
            self._begin_visit(visitor)
        next_look = time.monotonic() + 1.0
        while self._under_way:
            for key, _ in self._selector.select(self._patience()):
                self._readable(key.data)
            now = time.monotonic()
            while self._resting and self._resting[0][0] <= now:
                self._begin_visit(heapq.heappop(self._resting)[2])
            if now >= next_look:
                next_look = now + 1.0
                self._give_up_on_the_silent()
        return self._tally

    def close(self) -> None:
        """Close every connection."""
        for visitor in self._visitors:
            self._hang_up(visitor)
        self._selector.close()

    def _patience(self) -> float:
        if not self._resting:
            return LOOK
        return min(LOOK, max(0.0, self._resting[0][0] - time.monotonic()))

    # -- a visit -------------------------------------------------------------------------------------------------

    def _begin_visit(self, visitor: _Visitor) -> None:
        """Begin another visit, or go home and add the visitor's own rate to that of the crowd."""
        if self._lasts():
            visitor.visits += 1
            self._tally.visits += 1
            visitor.visit = iter(self._scenario.visit(f"{visitor.number}-{visitor.visits}"))
            self._next_request(visitor)
            return
        self._under_way -= 1
        self._tally.rate += visitor.requests * 1e9 / max(1, time.monotonic_ns() - visitor.start)

    def _next_request(self, visitor: _Visitor) -> None:
        """Make the next request of the visit; at its end begin another one, at once or after a pause."""
        visitor.exchange = next(visitor.visit, None)
        if visitor.exchange is not None:
            visitor.again = False
            visitor.began = time.monotonic_ns()
            self._ask(visitor, visitor.exchange)
        elif self._pause:
            self._rest(visitor, self._pause)
        else:
            self._begin_visit(visitor)

    def _rest(self, visitor: _Visitor, seconds: float) -> None:
        heapq.heappush(self._resting, (time.monotonic() + seconds, visitor.number, visitor))

    def _ask(self, visitor: _Visitor, exchange: Exchange) -> None:
        """Send the request, over a new connection if there is none."""
        wire = self._wire.get(exchange)
        if wire is None:
            wire = self._wire[exchange] = request_bytes(exchange, self._host, self._keep_alive)
        if visitor.sock is None and not self._connect(visitor):
            self._fail(visitor, exchange, "connect")
            return
        assert visitor.sock is not None
        try:
            visitor.sock.send(wire)  # shorter than any socket's buffer: never in part
        except OSError:
            self._broken(visitor, exchange)

    # -- an answer -----------------------------------------------------------------------------------------------

    def _readable(self, visitor: _Visitor) -> None:
        """Take bytes of an answer, or the end of the connection."""
        assert visitor.sock is not None
        exchange = visitor.exchange
        try:
            data = visitor.sock.recv(RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if exchange is None:  # nothing was asked: only an end is in order, and what else there may be ends it too
            self._tally.connections["idle"] += 1
            self._hang_up(visitor)
        elif not data:
            self._broken(visitor, exchange)
        else:
            visitor.pending = visitor.pending + data if visitor.pending else data
            self._read_answer(visitor, exchange, visitor.pending)

    def _read_answer(self, visitor: _Visitor, exchange: Exchange, data: bytes) -> None:
        """Go on when the answer is whole and right."""
        end, start = split_head(data)
        if end < 0:
            if len(data) > HEAD_MAX:
                self._fail(visitor, exchange, "protocol")
            return
        head = self._heads.get(data[:end]) or self._new_head(data[:end])
        if head is None or (head.length is not None and len(data) > start + head.length):
            self._fail(visitor, exchange, "protocol")
        elif head.length is not None and len(data) == start + head.length:
            self._judge(visitor, exchange, head, data[start:])

    def _judge(self, visitor: _Visitor, exchange: Exchange, head: Head, content: bytes) -> None:
        """Go on when the answer, which is whole, is right."""
        complaint = exchange.check(Answer(head.status, content))
        if complaint:
            self._fail(visitor, exchange, complaint)
        else:
            self._right(visitor, exchange, head, len(content))

    def _right(self, visitor: _Visitor, exchange: Exchange, head: Head, size: int) -> None:
        """Count a right answer, see to the connection, and make the next request."""
        tally = self._tally
        tally.requests += 1
        tally.content_bytes += size
        tally.latencies_ns[exchange.name].append(time.monotonic_ns() - visitor.began)
        visitor.requests += 1
        visitor.pending = b""
        visitor.answered += 1
        visitor.worker = head.worker
        if head.closes or not self._keep_alive:
            tally.connections["announced"] += head.closes
            self._hang_up(visitor)
        self._next_request(visitor)

    def _new_head(self, data: bytes) -> Head | None:
        head = read_head(data)
        if head is not None:
            if len(self._heads) >= HEADS_MAX:
                self._heads.clear()
            self._heads[data] = head
        return head

    # -- what goes wrong -----------------------------------------------------------------------------------------

    def _broken(self, visitor: _Visitor, exchange: Exchange) -> None:
        """The connection ended with a request under way, which may be how its answer ends."""
        data = visitor.pending
        end, start = split_head(data)
        head = self._heads.get(data[:end]) or self._new_head(data[:end]) if end >= 0 else None
        if head is not None and head.length is None:
            self._judge(visitor, exchange, head, data[start:])
        elif data:
            self._fail(visitor, exchange, "cut off")
        elif self._retry and visitor.answered and not visitor.again:
            self._tally.connections["retried"] += 1
            self._write_down(visitor, "closed", retried=True)
            self._hang_up(visitor)
            visitor.again = True
            self._ask(visitor, exchange)
        else:
            self._fail(visitor, exchange, "closed")

    def _fail(self, visitor: _Visitor, exchange: Exchange, kind: str) -> None:
        """Count an error; the visit ends here, and the next one begins after a rest."""
        self._tally.requests += 1
        self._tally.errors[kind] += 1
        self._write_down(visitor, kind, retried=False)
        visitor.requests += 1
        visitor.exchange = None
        self._hang_up(visitor)
        self._rest(visitor, BACK_OFF)

    def _write_down(self, visitor: _Visitor, kind: str, retried: bool) -> None:
        losses = self._tally.connections["losses"]
        if len(losses) < LOSSES_MAX:
            losses.append(
                Loss(
                    kind=kind,
                    began=visitor.began / 1e9,
                    lost=time.monotonic_ns() / 1e9,
                    worker=visitor.worker,
                    retried=retried,
                )
            )

    def _give_up_on_the_silent(self) -> None:
        limit = time.monotonic_ns() - round(REQUEST_LIMIT * 1e9)
        for visitor in self._visitors:
            if visitor.exchange is not None and visitor.began < limit:
                self._fail(visitor, visitor.exchange, "timeout")

    # -- connections ---------------------------------------------------------------------------------------------

    def _connect(self, visitor: _Visitor) -> bool:
        """Open a connection. On one machine that takes no time unless the server's queue is full."""
        try:
            sock = self._address.connect(REQUEST_LIMIT)
        except OSError:
            return False
        sock.setblocking(False)
        visitor.sock = sock
        visitor.answered = visitor.worker = 0
        self._selector.register(sock, selectors.EVENT_READ, visitor)
        self._tally.connections["opened"] += 1
        return True

    def _hang_up(self, visitor: _Visitor) -> None:
        visitor.pending = b""
        if visitor.sock is not None:
            self._selector.unregister(visitor.sock)
            visitor.sock.close()
            visitor.sock = None
