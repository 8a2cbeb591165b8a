"""Several servers that do the same: who gets the next request, who is out for now, and who is asked instead.

The next request goes to the server with the fewest requests, by turns if there are several. Whether a server is well is
seen from what becomes of requests::

              a failure, the `fails`-th in a row
     in  ------------------------------------------>  out, for `rest` seconds
     ^                                                 |
     | it works                                        v
     '------------------------------------------  on trial: one request, no more
                                    it fails: out

A server is asked in another's place only if nobody can have acted on the request (`BackendError.again`). One that has
no room is well. If all are out, any is better than none; so a single server is never out.

With `check` every server is also asked each so many seconds, by a question that needs no application: uwsgi's ping,
FastCGI's GET_VALUES (which also says how many connections it takes), a connection for the others. A server that does
not answer is out until it does.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from gateway_core.client import Client, Content
from gateway_core.environ import Environ
from gateway_core.errors import BackendBusy, BackendError, VisitorFault
from gateway_core.events import Response
from gateway_runtime.channels import Channels

__all__ = ["Health", "Server", "Upstream"]


class Server:
    """One of the servers: its client, its connections, and how it has done. `check()` raises BackendError."""

    def __init__(self, client: Client, channels: Channels, check: Callable[[], None]) -> None:
        self.client = client
        self.channels = channels
        self.check = check
        self.failures = 0  # in a row
        self.out_until = 0.0
        self.on_trial = False

    @property
    def name(self) -> str:
        """What the log calls it."""
        return self.client.name


@dataclass(frozen=True, slots=True)
class Health:
    """A server is out after `fails` failures in a row, for `rest` seconds; asked each `check` seconds, or never."""

    fails: int = 3
    rest: float = 10.0
    check: float = 0.0


class Upstream:
    """Sends each request to one of `servers`. Any thread may ask."""

    def __init__(
        self,
        servers: Sequence[Server],
        health: Health = Health(),
        *,
        log: Callable[[str], None],
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.servers = tuple(servers)
        self._health = health
        self._log = log
        self._now = now
        self._lock = threading.Lock()
        self._turn = 0
        self._next_check = 0.0

    def request(self, environ: Environ) -> tuple[Response, Content]:
        """Send a request on; return head and content of the response. Raises BackendError."""
        tried: list[Server] = []
        while True:
            server = self._choose(tried)
            try:
                answer = server.client.request(environ)
            except BackendError as error:
                self._judge(server, None if isinstance(error, (BackendBusy, VisitorFault)) else error)
                tried.append(server)
                if not error.again or len(tried) == len(self.servers):
                    raise
            except BaseException:
                server.on_trial = False  # the visitor's fault, so nobody knows more than before
                raise
            else:
                self._judge(server, None)
                return answer

    def tend(self) -> None:
        """To be called about once a second: close connections that have rested too long, ask servers how they are."""
        for server in self.servers:
            server.channels.sweep()
        if self._health.check and self._now() >= self._next_check:
            self._next_check = self._now() + self._health.check
            for server in self.servers:
                self._ask(server)

    def close(self) -> None:
        """Close all idle connections."""
        for server in self.servers:
            server.client.close()

    def _choose(self, tried: list[Server]) -> Server:
        with self._lock:
            now = self._now()
            left = [server for server in self.servers if server not in tried]
            fit = [server for server in left if server.out_until <= now and not server.on_trial] or left
            self._turn += 1
            turn = self._turn % len(fit)
            server = min(fit[turn:] + fit[:turn], key=lambda one: one.channels.in_use)
            server.on_trial = server.failures >= self._health.fails
            return server

    def _judge(self, server: Server, error: BackendError | None) -> None:
        """Note what has become of a request; None: the server is well."""
        with self._lock:
            was_out = server.failures >= self._health.fails
            server.on_trial = False
            server.failures = server.failures + 1 if error is not None else 0
            is_out = server.failures >= self._health.fails and len(self.servers) > 1
            server.out_until = self._now() + self._health.rest if is_out else 0.0
        if is_out and not was_out:
            self._log(f"{server.name} is out for {self._health.rest:g} s after {server.failures} failures: {error}")
        elif was_out and error is None and len(self.servers) > 1:
            self._log(f"{server.name} is back")

    def _ask(self, server: Server) -> None:
        """Ask one server how it is."""
        try:
            server.check()
        except BackendError as error:
            if server.out_until != math.inf:
                self._log(f"{server.name} is out until it answers: {error}")
            server.failures, server.out_until = max(server.failures, self._health.fails), math.inf
        else:
            if server.out_until == math.inf:
                self._log(f"{server.name} is back")
                server.failures, server.out_until = 0, 0.0
