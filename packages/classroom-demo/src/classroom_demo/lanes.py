"""A lane: one real gateway with its visitors, and what is known of its processes.

::

    gateway --events, over a datagram socket--> Lives --changes()--> a frame of the feed
    Crowd   --how each visit went-------------> Lane --------------->
    psutil, twice a second: CPU, memory ------>
    the kernel: connections that wait -------->

Nothing is simulated: a process that is drawn is one that the gateway has told of, by its id. The application is a file
in the lane's own folder: the demo application, and an address that ends its process. So it can be broken and mended, as
files are.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from gateway_lab.errors import LabError
from gateway_lab.servers import Server, serve
from gateway_runtime.addresses import Address, parse_url

from .clocks import cpu_of
from .lives import MASTER, UNHEARD, Life, Lives
from .queues import waiting_at
from .refusals import Refused
from .status import served_by
from .visitors import Crowd, Visit

__all__ = ["WORKERS_MAX", "Lane"]

WORKERS_MAX: Final = 16
OPTIONS: Final[Mapping[str, Sequence[str]]] = {"cgi": ("--max-children", "8", "--queue", "500")}
"""A machine for a lesson is small: who comes while eight programs of a worker run waits, rather than is refused."""
VISITS: Final = 256
"""Visits that are kept with their bytes, for a look at them."""
LATENCIES: Final = 2_000
"""Of a frame. There can be no more visitors than that within one."""
DATAGRAM: Final = 65_536
STEP: Final = 0.2
"""Seconds after which who listens for events looks whether the lane has ended."""
UNSEEN: Final = 1.0
"""Seconds for the news of an end to come, after the process has gone, or the visitor."""
WHOLE: Final = """\
import os

from demo_app import app as demo
from demo_app import experiments


def app(environ, start_response):
    if environ["PATH_INFO"] == "/crash":
        os._exit(1)  # at once, as a fault in a library ends it: an exception would be an answer, and end nothing
    if environ["PATH_INFO"] == "/file":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [fingerprint(experiments.__file__)]
    return demo(environ, start_response)


def fingerprint(file):
    import hashlib  # not for each program of CGI

    with open(file, "rb") as code:
        return hashlib.file_digest(code, "sha256").hexdigest().encode()
"""
BROKEN: Final = f"{WHOLE}\n\nraise RuntimeError('somebody has saved a mistake')\n"
"""The application's file, in order and not. /file answers with the hash of the code that this process has loaded."""
SERVER_ERROR: Final = 500


class Lane:
    """A lane called `name` (a, b, ...), in a folder of its own. It lives on the floor's loop."""

    def __init__(self, name: str, kind: str, folder: Path, workers: int = 2) -> None:
        self.name, self.kind, self.workers = name, kind, workers
        self.broken = False
        self._app = folder / "shown.py"
        self._app.write_text(WHOLE, "utf-8")
        self._status = folder / "status"
        self._events = folder / "events"
        self._events.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(STEP)
        self._socket.bind(str(self._events))
        self._heard: deque[bytes] = deque()
        self._stopped = threading.Event()
        self._ears = threading.Thread(target=self._hear, name=f"events of {name}", daemon=True)
        self._ears.start()
        options = [*OPTIONS.get(kind, ()), "--events", str(self._events), "--status", f"unix:{self._status}"]
        self.server: Server = serve(kind, "shown:app", workers=workers, options=options, folder=folder)
        self.lives = Lives()
        self.crowd: Crowd | None = None
        self.visits: deque[Visit] = deque(maxlen=VISITS)
        self.scheme = ""
        """What the gateway speaks: that of its URL."""
        self.trouble = ""
        """A sentence, once the gateway has ended by itself."""
        self._counts = Counter(served=0, failed=0)
        self._failures: Counter[str] = Counter()
        self._latency: deque[int] = deque(maxlen=LATENCIES)
        self._cpu = 0.0
        self._sampled = False
        self._missed: dict[int, float] = {}
        self._served: dict[int, int] = {}
        self._settled = 0

    # -- life of the lane ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the gateway, and let visitors come once it can serve. Raises LabError."""
        try:
            await asyncio.to_thread(self.server.__enter__)
        except BaseException:
            await self.stop()
            raise
        self.scheme, self._address = parse_url(self.server.url)
        self.crowd = Crowd(self.scheme, self._address, self._visited)
        self.listen()
        await asyncio.to_thread(self.sample)  # so that what the start has cost is not in the bill of the first visitors

    async def stop(self) -> None:
        """End the gateway and its visitors."""
        if self.crowd:
            await self.crowd.leave()
        await asyncio.to_thread(self.server.stop)
        self._stopped.set()
        await asyncio.to_thread(self._ears.join)
        self._socket.close()
        self._events.unlink(missing_ok=True)

    @property
    def address(self) -> Address:
        """Where the gateway listens."""
        return self._address

    # -- what can be done to it ---------------------------------------------------------------------------------------

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the gateway's first process. Raises Refused."""
        try:
            os.kill(self.server.pid, number)
        except (LabError, ProcessLookupError):
            raise Refused("The gateway of this lane has ended: start it again.") from None

    def kill(self, pid: int | None) -> None:
        """Kill a process of this lane and nobody else's: by default the youngest that serves. Raises Refused."""
        pids = [life.pid for life in self.lives.living.values() if life.role != MASTER]
        chosen = pid if pid is not None else (pids[-1] if pids else 0)
        if chosen not in pids or chosen not in self.server.pids:
            raise Refused("This process is not of this lane, or has ended.")
        try:
            os.kill(chosen, signal.SIGKILL)
        except ProcessLookupError:
            raise Refused("This process has just ended by itself.") from None

    def resize(self, more: int) -> None:
        """Have one worker more, or fewer. Raises Refused."""
        if more not in (1, -1) or not 1 <= self.workers + more <= WORKERS_MAX:
            raise Refused(f"A lane has 1 to {WORKERS_MAX} workers.")
        self.signal(signal.SIGTTIN if more > 0 else signal.SIGTTOU)
        self.workers += more

    def reload(self, *, broken: bool = False) -> None:
        """Save the application's file, with a mistake or without, and have it loaded anew. Raises Refused."""
        self._app.write_text(BROKEN if broken else WHOLE, "utf-8")
        self.broken = broken
        self.signal(signal.SIGHUP)

    # -- what happens -------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        """Take events as they come, in a thread: the kernel keeps ten of them, or some hundreds, and drops the rest."""
        while not self._stopped.is_set():
            with suppress(TimeoutError):
                self._heard.append(self._socket.recv(DATAGRAM))

    def listen(self) -> None:
        """Learn from all events that have come."""
        while self._heard:
            self.lives.hear(self._heard.popleft())

    def _visited(self, visit: Visit) -> None:
        good = 0 < visit.status < SERVER_ERROR and not visit.failure
        self._counts["served" if good else "failed"] += 1
        if not good:
            self._failures[visit.failure or f"status {visit.status}"] += 1
        self._latency.append(round(1e6 * visit.seconds))
        self.visits.append(visit)

    def sample(self) -> None:
        """Look at CPU and memory of the living, and whether they live. To be called in a thread.

        What the dead have used is in the sums of their parents, who have waited for them; macOS does not tell these.
        """
        total, now = 0.0, time.time()
        for life in list(self.lives.living.values()):
            try:
                process = psutil.Process(life.pid)
                with process.oneshot():
                    times, life.cpu, life.memory = process.cpu_times(), cpu_of(process), process.memory_info().rss
            except psutil.Error:
                self._missed.setdefault(life.pid, now)
                continue
            self._missed.pop(life.pid, None)
            total += life.cpu + times.children_user + times.children_system
        # A process that has ended and is not yet waited for is missing in the sum for a moment.
        self._cpu = max(self._cpu, total)
        self._sampled = True
        if self.lives.unheard != self._settled and self._at_rest(now):
            self._served = served_by(self._status)

    def _at_rest(self, now: float) -> bool:
        """Tell whether nobody waits, and has not for so long that each event has come that will."""
        last = self.visits[-1].closed if self.visits else now
        return self.crowd is not None and not self.crowd.waiting and now - last > UNSEEN

    def look(self) -> None:
        """Notice what no event tells: that the gateway has ended, and ends that were not heard."""
        now = time.time()
        if not self.trouble and not self.server.alive:
            self.trouble = "The gateway of this lane has ended by itself: start it again."
            if self.crowd:
                self.crowd.set_rate(0)
            for pid in list(self.lives.living):
                self.lives.bury(pid, "ended with its gateway", now)
        if self._served and self._at_rest(now):
            self.lives.settle(self._served, now)
            self._settled = self.lives.unheard
        self._served = {}
        for pid, since in list(self._missed.items()):
            if pid not in self.lives.living:
                del self._missed[pid]
            elif now - since > UNSEEN:
                self.lives.bury(pid, UNHEARD, now)

    # -- what is told -------------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """Return what has happened since the last call, and the counts as they are."""
        found = {**self.lives.changes(), "latency": list(self._latency)}
        self._latency.clear()
        usage = self._usage() if self._sampled else {}
        self._sampled = False
        return {**{kind: what for kind, what in found.items() if what}, **usage, **self._now()}

    def snapshot(self) -> dict[str, Any]:
        """Return all that a new window must know."""
        return {
            "kind": self.kind, "url": self.server.url, "lives": [life.told() for life in self.lives],
            **self._usage(), **self._now(),
        }  # fmt: skip

    def _usage(self) -> dict[str, Any]:
        lives = self.lives.living.values()
        return {"usage": {life.pid: [round(life.cpu, 6), life.memory] for life in lives if life.memory}}

    def _now(self) -> dict[str, Any]:
        crowd = self.crowd
        assert crowd
        born = sum(self.lives.births.values())
        queue = waiting_at(self._address.port)
        return {
            "counts": {
                "born": born, **self._counts, "crashed": self.lives.crashed, "cpu": round(self._cpu, 6),
                "came": crowd.came, "turned_away": crowd.turned_away, "unheard": self.lives.unheard,
            },
            "workers": self.workers, "broken": self.broken, "trouble": self.trouble, "failures": self._failures,
            "waiting": crowd.waiting, "rate": crowd.rate, "path": crowd.path,
            **({} if queue is None else {"queue": queue}),
        }  # fmt: skip

    def life(self, pid: int) -> Life | None:
        """Return what is known of a process, whether it lives or not."""
        return self.lives.find(pid)
