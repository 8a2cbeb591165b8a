"""The programs of `gatelab up`: started side by side, looked at, started again if one has ended, and ended.

::

            start                  ready                      ends by itself
    "starts" ----> a leash ------------------> "" (it runs) ------------------> "was killed by SIGKILL"
                     |  LabError: open() raises it              again() <---------- on its old port, so that
                     +--> nothing else stays                                        the front still finds it

CPU and memory are those of the first process and all below it. What a process used that has ended is in the sum of its
parent, who has waited for it; macOS does not tell that sum, so nothing is said there about CGI.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from gateway_lab.errors import LabError
from gateway_lab.folders import short_folder
from gateway_lab.servers import Server, serve

from .up_ears import Ears
from .up_table import CGI, FRONT, Row
from .up_tally import Tally, how

__all__ = ["ROUTES", "Together"]

ROUTES: Final = ("fastcgi", "uwsgi", "scgi", "wsgi", CGI)
SCHEMES: Final = {"wsgi": "http", CGI: "http"}
"""What the front speaks to a gateway, where that is not the gateway's own name."""
ANY_PORT: Final = "127.0.0.1:0"
RATE_OVER: Final = 2.0
"""Seconds over which requests a second are counted."""
STEP: Final = 0.01
"""Seconds after which whoever waits for a process looks again."""
STARTS: Final = "starts ..."
ENDS: Final = "ends ..."
ENDED: Final = "has ended"


@dataclass(slots=True)
class Program:
    """One of them: how it is started at an address, and what is known of it."""

    name: str
    make: Callable[[str], Server]
    bind: str
    tally: Tally
    server: Server | None = None
    first: int = 0
    url: str = ""
    state: str = STARTS
    cpu: float = 0.0
    cpu_before: float | None = None
    """What it had used when it was ready; None: not looked at yet."""
    recent: deque[tuple[float, int]] = field(default_factory=deque)
    lock: threading.Lock = field(default_factory=threading.Lock)
    starting: bool = False
    over: bool = False
    """It is to end, and not to start any more."""

    def start(self) -> None:
        """Start it, and return once it can serve. Raises LabError."""
        with self.lock:
            if self.over:
                raise LabError(f"{self.name}: it was to end before it had begun.")
            self.state, self.starting = STARTS, True
            server = self.server = self.make(self.bind)
        try:
            server.__enter__()
            self.first, self.url = server.pid, server.url
        except LabError as error:
            self.state = "did not start"
            raise LabError(f"{self.name}: {error}") from None
        finally:
            self.starting = False
        self.bind = server.url.partition("://")[2]
        self.cpu_before, self.state = None, ""
        self.tally.begun_well()

    def end(self) -> None:
        """End it, also while it starts."""
        with self.lock:
            self.over = True
        self.tally.ends()
        if self.server:
            while self.starting and not self.server.pids:  # its leash is not there yet, to be let go of
                time.sleep(STEP)
            self.state = self.state or ENDS
            self.server.stop()
            self.state = ENDED if self.state == ENDS else self.state

    def rate(self, now: float) -> float | None:
        """Return how many requests a second it has answered lately."""
        self.recent.append((now, self.tally.requests))
        while len(self.recent) > 2 and self.recent[1][0] <= now - RATE_OVER:
            self.recent.popleft()
        (since, before), (_, after) = self.recent[0], self.recent[-1]
        return (after - before) / (now - since) if now > since else None


class Together(contextlib.ExitStack):
    """The five gateways and their front; `notes` are what has happened to them, with its time."""

    def __init__(self, workers: int, bind: str, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note
        self._workers = workers
        self._folder = Path(self.enter_context(short_folder()))
        self._ears = self.enter_context(Ears())
        self._plan = self._folder / "front.toml"
        self.gateways = [self._program(route, self._gateway(route), ANY_PORT) for route in ROUTES]
        self.front = self._program(FRONT, self._front, bind)
        self.programs = [self.front, *self.gateways]
        self.callback(self._end_all)

    def open(self) -> None:
        """Start the gateways side by side, then the front, which needs to know where they are. Raises LabError."""
        if wrong := _at_once([one.start for one in self.gateways]):
            raise wrong[0]
        routes = (
            f'[[route]]\nprefix = "/{one.name}"\nto = ["{SCHEMES.get(one.name, one.name)}://{one.bind}"]\n'
            for one in self.gateways
        )
        self._plan.write_text("".join(routes), "utf-8")
        self.front.start()

    def look(self) -> None:
        """Notice which have ended by themselves."""
        for one in self.programs:
            if not (one.state or one.over) and one.server and not one.server.alive:
                one.state = how(one.server.code)
                one.tally.lost()
                self._note(f"{one.name}: process {one.first} {one.state}, and all its workers with it")

    def again(self) -> None:
        """Start those again that have ended."""
        for one in self.programs:
            if one.state and not one.starting and one.server and not one.server.alive:
                one.server.stop()
                try:
                    one.start()
                except LabError as error:
                    one.state = "did not start"
                    self._note(str(error))
                else:
                    self._note(f"{one.name}: runs again, as process {one.first}")

    def rows(self) -> list[Row]:
        """Return what is known of each."""
        below = _children()
        return [self._row(one, below) for one in self.programs]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _program(self, name: str, make: Callable[[str], Server], bind: str) -> Program:
        tally = Tally(lambda sentence: self._note(f"{name}: {sentence}"))
        self._ears.listen(self._folder / name, tally.hear)
        return Program(name, make, bind, tally)

    def _gateway(self, route: str) -> Callable[[str], Server]:
        """Return how the gateway of a route is started, which answers below /ROUTE."""
        options = ("--mount", f"/{route}", "--events", str(self._folder / route))
        return lambda bind: serve(route, workers=self._workers, options=options, bind=bind)

    def _front(self, bind: str) -> Server:
        command = [sys.executable, "-m", "http_front", "--config", str(self._plan), "--bind", bind]
        return Server([*command, "--events", str(self._folder / FRONT)])

    def _end_all(self) -> None:
        _at_once([one.end for one in self.programs])

    def _row(self, one: Program, below: Mapping[int, Sequence[int]]) -> Row:
        pids = () if one.state else tuple(_tree(one.first, below))
        cpu, memory = _use(pids)
        if pids:
            before = one.cpu_before = cpu if one.cpu_before is None else one.cpu_before
            one.cpu = max(one.cpu, cpu - before)  # who has ended is missing in the sum until his parent knows
        tells = psutil.LINUX or one.name != CGI
        base = self.front.url
        through = f"{base}/" if one is self.front else f"{base}/{one.name}/"
        return Row(
            one.name, through if base else "", "" if one is self.front else one.url, pids, one.tally.born,
            one.tally.requests, one.rate(time.monotonic()), one.tally.failed, one.cpu if tells else None,
            memory if pids else None, one.state,
        )  # fmt: skip


def _at_once(calls: Iterable[Callable[[], None]]) -> list[LabError]:
    """Make all calls side by side, and return what went wrong, once all are done."""
    wrong: list[LabError] = []

    def make(call: Callable[[], None]) -> None:
        try:
            call()
        except LabError as error:
            wrong.append(error)

    threads = [threading.Thread(target=make, args=[call], daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def _children() -> dict[int, list[int]]:
    """Return the children of every process: one look at the system for all programs."""
    found: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid"]):
        found.setdefault(process.info["ppid"], []).append(process.pid)
    return found


def _tree(pid: int, below: Mapping[int, Sequence[int]]) -> Iterable[int]:
    yield pid
    for child in sorted(below.get(pid, ())):
        yield from _tree(child, below)


def _use(pids: Iterable[int]) -> tuple[float, int]:
    """Return seconds of CPU, of those included who have ended, and bytes of memory."""
    cpu, memory = 0.0, 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            with process.oneshot():
                cpu += sum(process.cpu_times()[:4])  # user, system, and both of the children
                memory += process.memory_info().rss
    return cpu, memory
