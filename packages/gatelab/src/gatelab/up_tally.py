"""What the processes of one gateway have done, by its own events: births, requests, and what came to a bad end.

::

    {"event": "spawn", "pid", "ppid", "role", "n"}           born += 1
    {"event": "begin", "pid", "n"}                           the process holds n - (number of its last "end") requests
    {"event": "end", "pid", "n"}                             requests += 1
    {"event": "exit", "pid", "ppid", "role", "code", "n"}    not 0: failed += what it held ("status" of a CGI program)

`n` counts what a process has told of a kind, so the sums are right even if the kernel has dropped some datagrams.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Tally", "how"]

CGI: Final = "cgi"


class Tally:
    """The sums; `note` is told of the births and ends of workers, once `begun_well` was called."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.born = 0
        self.requests = 0
        self.failed = 0
        """Requests whose process ended before it had answered."""
        self._note = note
        self._silent = True
        self._told: dict[tuple[int, str], int] = {}

    def begun_well(self) -> None:
        """From here on a worker that is born or ends is worth a word."""
        self._silent = False

    def ends(self) -> None:
        """All workers are about to end, as asked."""
        self._silent = True

    def lost(self) -> None:
        """The gateway has ended with all its workers, and nobody was left to tell of it."""
        self.failed += sum(self._held(pid) for pid, kind in list(self._told) if kind == "begin")
        self._told.clear()

    def hear(self, datagram: bytes) -> None:
        """Take an event. Words that are none are somebody else's: there is nothing to learn from them."""
        try:
            told = json.loads(datagram)
            kind, pid, number = told["event"], int(told["pid"]), int(told["n"])
            teller = int(told["ppid"]) if kind in ("spawn", "exit") else pid
            role = str(told.get("role", ""))
            code = int(told.get("code", told.get("status", 0)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        new = self._new(teller, kind, number)
        if kind == "spawn":
            self.born += new
            self._say(role, f"worker {pid} is born")
        elif kind == "end":
            self.requests += new
        elif kind == "exit":
            self._bury(pid, role, code)

    def _new(self, teller: int, kind: str, number: int) -> int:
        """Return how many events this one stands for: itself, and those before it that were dropped."""
        before = self._told.get((teller, kind), 0)
        self._told[teller, kind] = number
        return number - before if number > before else number  # a smaller one: another process with an old id

    def _held(self, pid: int) -> int:
        return max(0, self._told.get((pid, "begin"), 0) - self._told.get((pid, "end"), 0))

    def _bury(self, pid: int, role: str, code: int) -> None:
        held = self._held(pid)
        for kind in ("begin", "end"):
            self._told.pop((pid, kind), None)
        if role == CGI:
            self.failed += code != 0
        elif code:
            self.failed += held
        lost = f", and {held} {'request' if held == 1 else 'requests'} with it" if held and code else ""
        self._say(role, f"worker {pid} {how(code)}{lost}")

    def _say(self, role: str, sentence: str) -> None:
        if not self._silent and role != CGI:  # CGI programs come and go: they are in the sums
            self._note(sentence)


def how(code: Any) -> str:
    """Return what an exit code says, a negative one being the signal."""
    if not code:
        return "has ended"
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
