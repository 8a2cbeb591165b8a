"""A relay: it listens, connects for each connection to a backend, and passes on what comes, both ways.

::

    front --- listen | Relay | to --- backend
                         |
                       watch: what has passed, when, on which connection

One thread does all of it, with one `poll`. It can be the caller's (`run`, ended by `stop`), or one of its own::

    with Relay(parse("127.0.0.1:0"), parse("unix:/run/app.sock"), Keeper()) as relay:
        ...                                        # relay.address is where fronts are to connect

`watch` is called from that thread, when the bytes have gone on: whoever takes his time there slows what passes.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import select
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from gateway_runtime import log
from gateway_runtime.addresses import Address, listen

from .recording import Sender
from .relay_call import Call, Progress, no_delay, resolve
from .relay_pair import UNWATCHED, End, Pair

__all__ = ["Relay", "Watch"]

_TICK = 50
"""Milliseconds between two looks at what poll does not tell: full queues of unix sockets, and time."""

_REST = 0.5
"""Seconds without accepting when descriptors or memory have run out."""

_WAITED_FOR = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Watch(Protocol):
    """Hears of everything; `number` counts connections from 1, times are of `time.monotonic`."""

    def opened(self, number: int, client: str, at: float) -> None:
        """A front has connected, from the address `client`, "" if it has none."""

    def passed(self, number: int, sender: Sender, data: bytes, reset: bool, at: float) -> None:
        """Bytes have passed; b"" is the end of that side, `reset` if its connection broke."""

    def closed(self, number: int, at: float) -> None:
        """The connection is over."""


class Relay:
    """See above. `allowed(ip)`: may that peer connect? Raises StartupError if it cannot listen, or `to` is unknown."""

    def __init__(self, at: Address, to: Address, watch: Watch, allowed: Callable[[str], bool] | None = None) -> None:
        self._targets = resolve(to)
        self._to = to
        self._listener = listen(at)
        self.address = self._listener.address
        self._watch = watch
        self._allowed = allowed
        self._numbers = itertools.count(1)
        self._calls: dict[int, Call] = {}  # by number
        self._pairs: dict[Pair, int] = {}  # and their numbers
        self._ends: dict[int, End | Call] = {}  # by descriptor, those that poll watches
        self._poll = select.poll()
        self._accept_again = 0.0
        self._wake, self._alarm = socket.socketpair()
        self._alarm.setblocking(False)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.run, name="relay")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        assert self._thread is not None
        self._thread.join()

    def stop(self) -> None:
        """End; from any thread, or from a signal handler."""
        with contextlib.suppress(OSError):  # it has ended already
            self._alarm.send(b"!")

    def close(self) -> None:
        """Close everything that is open: `run` does so at its end."""
        for call in list(self._calls.values()):
            self._give_up(call)
        for pair in list(self._pairs):
            pair.close()
            self._update(pair)
        self._listener.close()
        self._wake.close()
        self._alarm.close()

    # -- the loop ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Relay until `stop` is called."""
        listener, wake = self._listener.sock.fileno(), self._wake.fileno()
        self._poll.register(listener, select.POLLIN)
        self._poll.register(wake, select.POLLIN)
        try:
            ended = False
            while not ended:  # what came before the end is still told
                for fd, events in self._poll.poll(_TICK if self._calls or self._accept_again else None):
                    if fd == wake:
                        ended = True
                    elif fd == listener:
                        self._accept()
                    elif fd in self._ends:  # else its connection has ended a moment ago
                        self._act(self._ends[fd], events)
                self._look_at_the_clock()
        finally:
            self.close()

    def _act(self, end: End | Call, events: int) -> None:
        """Something has happened at one end, or to a call."""
        if isinstance(end, Call):
            self._proceed(end)
            return
        end.pair.act(end, events)
        if not end.pair.closed and events & select.POLLHUP and not end.readable:
            self._unwatch(end)  # it would be told again and again, and nothing can be done before we can read
        self._update(end.pair)

    def _update(self, pair: Pair) -> None:
        """Wait for what both ends want now; if the connection is over, forget it."""
        for end in (pair.front, pair.backend):
            if pair.closed:
                self._unwatch(end)
            elif end.wanted != end.polled and (end.wanted or end.polled != UNWATCHED):
                self._poll.register(end.fd, end.wanted)
                self._ends[end.fd] = end
                end.polled = end.wanted
        if pair.closed:
            self._watch.closed(self._pairs.pop(pair), time.monotonic())

    def _unwatch(self, end: End) -> None:
        if end.polled != UNWATCHED:
            self._poll.unregister(end.fd)
            del self._ends[end.fd]
            end.polled = UNWATCHED

    def _look_at_the_clock(self) -> None:
        """Do what poll does not tell of."""
        now = time.monotonic()
        if self._accept_again and now >= self._accept_again:
            self._accept_again = 0.0
            self._poll.register(self._listener.sock.fileno(), select.POLLIN)
        for call in list(self._calls.values()):
            if call.progress is Progress.AGAIN or now > call.deadline:
                self._proceed(call)

    # -- connections -------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        """Accept everybody who waits."""
        while True:
            try:
                sock, peer = self._listener.sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _WAITED_FOR:
                    log.line(f"cannot accept connections: {error.strerror}; waiting before the next one")
                    self._poll.unregister(self._listener.sock.fileno())
                    self._accept_again = time.monotonic() + _REST
                    return
                continue  # it is the connection's own (accept(2)): the next one may be fine
            address = Address(*peer[:2]) if isinstance(peer, tuple) else None
            if address is not None and self._allowed is not None and not self._allowed(address.host):
                log.line(f"{address.host} is not among those whom --allow-from lets in; the connection is closed")
                sock.close()
            else:
                self._open(sock, str(address or ""))

    def _open(self, sock: socket.socket, client: str) -> None:
        """A front has come: call the backend."""
        sock.setblocking(False)
        no_delay(sock)
        call = Call(next(self._numbers), sock, self._targets)
        self._calls[call.number] = call
        self._watch.opened(call.number, client, time.monotonic())
        self._proceed(call)

    def _proceed(self, call: Call) -> None:
        """Go on with a call: it waits, it has become a pair, or it has failed."""
        before = self._ends.pop(-1 if call.sock is None else call.sock.fileno(), None)
        if before is not None and call.sock is not None:
            self._poll.unregister(call.sock.fileno())
        try:
            progress = call.proceed()
        except OSError as error:
            log.line(f"connection {call.number}: {self._to} cannot be reached: {error.strerror}")
            self._give_up(call)
            return
        assert call.sock is not None
        if progress is Progress.WAIT:
            self._poll.register(call.sock.fileno(), select.POLLOUT)
            self._ends[call.sock.fileno()] = call
        elif progress is Progress.CONNECTED:
            del self._calls[call.number]
            pair = Pair(call.front, call.sock, partial(self._passed, call.number))
            self._pairs[pair] = call.number
            self._update(pair)

    def _passed(self, number: int, sender: Sender, data: bytes, reset: bool) -> None:
        self._watch.passed(number, sender, data, reset, time.monotonic())

    def _give_up(self, call: Call) -> None:
        """Close what the front has opened in vain."""
        call.close()
        del self._calls[call.number]
        self._watch.closed(call.number, time.monotonic())
