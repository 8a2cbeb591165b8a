"""A classroom in which the same happens every time: the page as it is, fed with generated frames in place of gateways.

::

    Lane (made by rule, no chance in it) --a frame each 50 ms--> Hub --> /feed     as the floor does it
    everything else                                               --> classroom_demo.app

What a page does with a frame does not depend on who made it, so its speed can be measured again and again, and no
gateway takes part of the machine away meanwhile. CROWDED says how full the stages are: under CGI 100 processes a second
that live for two seconds each are 200 at a time; real visitors come no quicker, and their processes end much sooner.

    CLASSROOM_STEADY=two python -m wsgi_server steady:app --threads 16
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from classroom_demo import app as page
from classroom_demo.feed import Hub
from classroom_demo.floor import FRAME, KINDS, PATHS, SAMPLE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

__all__ = ["CROWDED", "STEADY", "app"]

STEADY: Final = "CLASSROOM_STEADY"
"""The variable that says which of CROWDED it is."""
CROWDED: Final[Mapping[str, Mapping[str, str]]] = {
    "two": {"a": "cgi", "b": "fastcgi"},
    "four": {"a": "cgi", "b": "fastcgi", "c": "uwsgi", "d": "wsgi"},
}
"""The lanes of each, and their gateways."""
RATE: Final = 100
"""Requests a second of each lane."""
LIFE: Final = 2.0
"""Seconds for which a process per request lives."""
WORKERS: Final = 16
CALL: Final = 0.02
"""Seconds for which a worker holds a request."""
WAITING: Final = 40
FIRST: Final = {"a": 10_000, "b": 20_000, "c": 30_000, "d": 40_000}
"""Process ids of a lane begin here."""
FLOW: Final = 1_000_000
"""And those of its processes per request follow, one for each request."""


class Lane:
    """One lane: what has happened in it by a moment is a function of that moment alone."""

    def __init__(self, name: str, kind: str, began: float) -> None:
        self.kind, self.began, self.told = kind, began, 0
        self.first = FIRST[name]
        self.live: dict[int, tuple[float, str]] = {}
        self.sampled = 0.0

    def snapshot(self, now: float) -> dict[str, Any]:
        """Return all that a new window must know."""
        lives = [self._life(self.first, "master", self.began - 1)]
        lives += [self._life(self.first + 1 + i, "worker", self.began - 1) for i in range(self._workers)]
        lives += [self._life(pid, "cgi", born, request) for pid, (born, request) in self.live.items()]
        return {
            "kind": self.kind,
            "url": f"{self.kind}://127.0.0.1:1",
            "lives": lives,
            **self._usage(),
            **self._now(now),
        }

    def frame(self, now: float) -> dict[str, Any]:
        """Return what has happened since the last frame."""
        found: dict[str, list[Any]] = {"born": [], "begun": [], "finished": [], "ended": [], "latency": []}
        upto = int((now - self.began) * RATE)
        for n in range(self.told, upto):
            (self._come_and_go if self.kind == "cgi" else self._serve)(n, self.began + n / RATE, found)
            found["latency"].append(1_000 + 37 * n % 9_000)
        for pid in [pid for pid, (born, _) in self.live.items() if born + LIFE <= now]:
            found["ended"].append([pid, "ended", self.live.pop(pid)[0] + LIFE])
        self.told = upto
        usage = self._usage() if now - self.sampled > SAMPLE else {}
        self.sampled = now if usage else self.sampled
        return {**{kind: what for kind, what in found.items() if what}, **usage, **self._now(now)}

    def _come_and_go(self, n: int, at: float, found: Mapping[str, list[Any]]) -> None:
        pid, request = FLOW + n, "GET /hello"
        self.live[pid] = (at, request)
        found["born"].append([pid, "cgi", at, request])
        runner = self.first + 1 + n % self._workers
        found["begun"].append([runner, request, at])
        found["finished"].append([runner, n // self._workers + 1, at + CALL])

    def _serve(self, n: int, at: float, found: Mapping[str, list[Any]]) -> None:
        pid = self.first + 1 + n % WORKERS
        found["begun"].append([pid, "GET /hello", at])
        found["finished"].append([pid, n // WORKERS + 1, at + CALL])

    @property
    def _workers(self) -> int:
        return 2 if self.kind == "cgi" else WORKERS

    def _life(self, pid: int, role: str, born: float, request: str = "") -> dict[str, Any]:
        return {
            "pid": pid, "role": role, "born": born, "ready": born, "ended": None, "how": "", "served": 0,
            "now": request, "since": born, "last": [], "cpu": 0.0, "memory": 0,
        }  # fmt: skip

    def _usage(self) -> dict[str, Any]:
        stay = [self.first + i for i in range(1 + self._workers)]
        return {
            "usage": {
                pid: [round(self.told / 1e4 + i / 100, 3), 20_000_000 + 1_000 * self.told]
                for i, pid in enumerate([*stay, *self.live])
            }
        }

    def _now(self, now: float) -> dict[str, Any]:
        served = max(0, self.told - len(self.live))
        return {
            "counts": {
                "born": self._workers + (self.told if self.kind == "cgi" else 0), "served": served, "failed": 0,
                "crashed": 0, "cpu": round(served / 100, 3), "turned_away": 0, "unheard": 0,
            },
            "workers": self._workers, "broken": False, "trouble": "", "failures": {},
            "waiting": WAITING + round(now) % 20, "rate": RATE, "path": "/hello", "queue": WAITING // 2,
        }  # fmt: skip


class Floor:
    """Frames for all windows, 20 a second, as long as the process lives."""

    def __init__(self, crowded: str) -> None:
        self.hub = Hub()
        self._began = time.time() - 2 * LIFE
        self._lanes = {name: Lane(name, kind, self._began) for name, kind in CROWDED[crowded].items()}
        threading.Thread(target=self._run, name="floor", daemon=True).start()

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            now = time.time()
            lanes = {name: lane.frame(now) for name, lane in self._lanes.items()}
            self.hub.publish({"t": now, "lanes": lanes})
            self.hub.refresh(lambda now=now: self._snapshot(now))  # type: ignore[misc]  # called at once
            due = max(due + FRAME, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def _snapshot(self, now: float) -> dict[str, Any]:
        return {
            "t": now, "began": self._began, "kinds": KINDS, "paths": PATHS, "rate_max": 500, "crowd": 500,
            "lanes": {name: lane.snapshot(now) for name, lane in self._lanes.items()}, "screen": None, "ballots": {},
        }  # fmt: skip


_floor: Floor | None = None
_lock = threading.Lock()


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request (PEP 3333): the feed from here, all else from the page."""
    if environ.get("PATH_INFO") != "/feed":
        return page.app(environ, start_response)
    global _floor
    with _lock:
        _floor = _floor or Floor(os.environ[STEADY])
    start_response("200 OK", [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")])
    return _floor.hub.window()
