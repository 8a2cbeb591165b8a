"""The processes of one gateway, from its own events: who is born, ready, at work, gone.

::

    {"event": "spawn", "pid", "ppid", "role", "t", "n"}     born        told by the parent
    {"event": "ready", "pid", "role", "t", "n"}             can serve   told by itself
    {"event": "begin", "pid", "request", "t", "n"}          holds a request
    {"event": "end", "pid", "request", "t", "n"}            is rid of it
    {"event": "exit", "pid", "ppid", "t", "n", "code"}      gone        told by the parent ("status" of a CGI program)

`n` counts what a process has told of a kind. So births and requests are counted right even if the kernel has dropped a
datagram, and how many were dropped is known. A CGI program tells nothing: its spawn names the request that it holds.

Events come in any order: a worker may be ready before its parent has told of it, and of two threads that count, the
second may send first. What is known of a process follows from what has come, not from the order::

    spawn ------------------> born --exit--> gone         a birth is noted once, whoever tells of the process first;
    ready, begin, end, exit -> born, spawn is still due    what is told of the dead changes nothing
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

__all__ = ["CGI", "GONE", "LAST", "MASTER", "UNHEARD", "Held", "Life", "Lives", "Served"]

LAST: Final = 8
"""Requests that a process is remembered by."""
GONE: Final = 400
"""Processes that have ended and can still be asked about: two seconds of the busiest lane."""
KEPT: Final = 2_000
"""Entries of a kind between two frames; beyond it the oldest are not drawn, but counted. A frame must stay a frame."""
LATE: Final = 2_000
"""Numbers by which an event may come after later ones: the threads of a process are fewer."""
CGI: Final = "cgi"
MASTER: Final = "master"
WORKER: Final = "worker"
UNHEARD: Final = "ended unheard"
"""How a process ended of whose end no event has come."""


class Held(NamedTuple):
    """A request, and since when a process has held it."""

    request: str
    since: float


class Served(NamedTuple):
    """A request that a process has held, and from when to when."""

    request: str
    since: float
    until: float


@dataclass(slots=True)
class Life:
    """One process; times are in seconds since 1970. `held` are its requests now, the oldest first.

    `spawned`: has its parent told of it? If not, `born` is when it was first heard of.
    """

    pid: int
    role: str
    born: float
    ready: float | None = None
    ended: float | None = None
    how: str = ""
    served: int = 0
    held: list[Held] = field(default_factory=list)
    last: deque[Served] = field(default_factory=lambda: deque(maxlen=LAST))
    cpu: float = 0.0
    memory: int = 0
    spawned: bool = False

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        now = self.held[-1] if self.held else Held("", 0.0)
        return {
            "pid": self.pid, "role": self.role, "born": self.born, "ready": self.ready, "ended": self.ended,
            "how": self.how, "served": self.served, "now": now.request, "since": now.since,
            "last": [[one.request, one.until - one.since] for one in self.last],
            "cpu": round(self.cpu, 3), "memory": self.memory,
        }  # fmt: skip


@dataclass(slots=True)
class Numbers:
    """The numbers of one kind of event that one process has told: the greatest, and which below it have not come."""

    top: int = 0
    missing: set[int] = field(default_factory=set)

    def take(self, number: int) -> int | None:
        """Return how many events more are known of now: 0 if this one comes late, None if it has come before."""
        if number > self.top:
            new, self.top = number - self.top, number
            self.missing.update(range(max(number - new + 1, number - LATE), number))
            if len(self.missing) > LATE:
                self.missing = {one for one in self.missing if one >= number - LATE}
            return new
        if number not in self.missing:
            return None
        self.missing.remove(number)
        return 0


class Lives:
    """All processes of a gateway, and what has changed since somebody last asked."""

    def __init__(self) -> None:
        self.living: dict[int, Life] = {}
        self.gone: deque[Life] = deque(maxlen=GONE)
        self.births: Counter[str] = Counter()
        """By role. A gateway's first process is born of nobody who tells events, so it is not counted."""
        self.crashed = 0
        """Processes that ended as none should: killed, or with an exit code. CGI programs among them."""
        self.unheard = 0
        """Events that were told and dropped on the way."""
        self._numbers: defaultdict[tuple[int, str], Numbers] = defaultdict(Numbers)
        self._changes: dict[str, deque[Any]] = {}
        self._take: dict[str, Callable[[Mapping[str, Any], int], None]] = {
            "spawn": self._spawn, "ready": self._ready, "begin": self._begin, "end": self._end, "exit": self._exit,
        }  # fmt: skip

    def __iter__(self) -> Iterator[Life]:
        """Iterate over those that have ended and are remembered, and those that live."""
        yield from self.gone
        yield from self.living.values()

    def hear(self, datagram: bytes) -> None:
        """Take an event. Words that are none are somebody else's: there is nothing to learn from them."""
        try:
            told = json.loads(datagram)
            kind = told["event"]
            take = self._take[kind]
            new = self._numbers[told["ppid" if kind in ("spawn", "exit") else "pid"], kind].take(told["n"])
            if new is None:
                return
            take(told, new)
        except (ValueError, KeyError, TypeError):
            return
        self.unheard += new - 1

    def find(self, pid: int) -> Life | None:
        """Return what is known of a process, whether it lives or not."""
        return self.living.get(pid) or next((one for one in reversed(self.gone) if one.pid == pid), None)

    def changes(self) -> dict[str, list[Any]]:
        """Return what has happened since the last call, by kind."""
        found = {kind: list(what) for kind, what in self._changes.items()}
        self._changes.clear()
        return found

    def note(self, kind: str, what: Any) -> None:
        """Let the next call of `changes` say this, too."""
        self._changes.setdefault(kind, deque(maxlen=KEPT)).append(what)

    def bury(self, pid: int, how: str, now: float) -> None:
        """Take leave of a process."""
        life = self.living.pop(pid, None)
        if life is None:
            return
        life.ended, life.how = now, how
        if life.role == CGI:
            life.served = 1
            life.last.extend(Served(request, life.born, now) for request, _ in life.held)
        life.held.clear()
        if len(self.gone) == GONE and self.gone[0].pid not in self.living:
            self._forget(self.gone[0].pid)
        self.gone.append(life)
        self.note("ended", [pid, how, now])

    def settle(self, served: Mapping[int, int], now: float) -> None:
        """Take what each process has served from who knows, and let it hold nothing: everybody has been answered."""
        for life in self.living.values():
            exact = max(life.served, served.get(life.pid, 0))
            if life.role != CGI and (life.held or exact != life.served):
                life.served = exact
                life.held.clear()
                self.note("finished", [life.pid, exact, now])

    # -- events -------------------------------------------------------------------------------------------------------

    def _spawn(self, told: Mapping[str, Any], new: int) -> None:
        pid, role, born = told["pid"], told["role"], told["t"]
        self.births[role] += new
        life = self.find(pid)
        if life and not life.spawned:  # it has spoken first
            life.spawned = True
            return
        if life:
            self._forget(pid)  # another process has its id now, and counts from the start
        self._welcome(pid, role, born, told.get("request", "")).spawned = True

    def _ready(self, told: Mapping[str, Any], _new: int) -> None:
        life = self._teller(told, told["role"])
        if life:
            life.ready = told["t"]
            self.note("ready", life.pid)

    def _begin(self, told: Mapping[str, Any], _new: int) -> None:
        life = self._teller(told)
        if life:
            life.ready = life.ready or told["t"]  # who holds a request can, even if that was not heard
            life.held.append(Held(told["request"], told["t"]))
            self.note("begun", [life.pid, told["request"], told["t"]])

    def _end(self, told: Mapping[str, Any], _new: int) -> None:
        life = self._teller(told)
        if life is None:
            return
        request, until = told["request"], told["t"]
        life.ready = life.ready or until
        held = next((one for one in life.held if one.request == request), None)
        if held:
            life.held.remove(held)
            life.last.append(Served(request, held.since, until))
        life.served = max(life.served, told["n"])
        under_way = max(0, self._numbers[life.pid, "begin"].top - self._numbers[life.pid, "end"].top)
        del life.held[: max(0, len(life.held) - under_way)]  # whose ends were dropped
        self.note("finished", [life.pid, life.served, until])

    def _exit(self, told: Mapping[str, Any], _new: int) -> None:
        how = _how(told.get("code", told.get("status")))
        self.crashed += how != "ended"
        if self.find(told["pid"]) is None:
            self._welcome(told["pid"], told["role"], told["t"])
        self.bury(told["pid"], how, told["t"])

    def _forget(self, pid: int) -> None:
        for kind in self._take:
            self._numbers.pop((pid, kind), None)

    def _teller(self, told: Mapping[str, Any], role: str = WORKER) -> Life | None:
        """Return the process that tells of itself, whether its birth was heard or not; None if it is gone."""
        life = self.find(told["pid"]) or self._welcome(told["pid"], role, told["t"])
        return life if life.ended is None else None

    def _welcome(self, pid: int, role: str, born: float, request: str = "") -> Life:
        self.bury(pid, UNHEARD, math.nextafter(born, 0.0))  # whose id is used again: one has gone before the next came
        life = self.living[pid] = Life(pid, role, born)
        if role == CGI:
            life.ready, life.held = born, [Held(request, born)]
        self.note("born", [pid, role, born, request])
        return life


def _how(code: Any) -> str:
    if not code:
        return "ended"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
