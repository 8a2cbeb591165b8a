"""Backstage: the lanes that the script plays on, started before they are needed and nobody else's while they are.

::

    start_ahead(lanes) --> started, while a class looks or talks --+
    lane(name, ...) ----------------------------------------------> the lane, held for a step --release--> free play's
        another gateway is in it, or it is broken or has ended:  started anew
        `fresh`, and somebody has asked something there:         started anew: counters begin at 1, and nobody waits

The lanes are those of free play as well. What a step counts must be what the class has been told to count, so a pupil
who plays cannot send visitors into a lane that a step runs on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway_lab.errors import LabError

from .lives import CGI
from .refusals import Refused, unable

if TYPE_CHECKING:
    from .floor import Floor
    from .lanes import Lane

__all__ = ["Backstage", "Wanted"]

SPAWN: Final = 2.0
"""Seconds for Python to start. A machine that needs longer would leave a class waiting for each of forty of them."""
Wanted = tuple[str, str, int]
"""A lane by its name, its gateway and how many workers it has."""


class Backstage:
    """The lanes of one floor, as the script uses them. It lives on the floor's loop."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._ahead: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._able: bool | None = None
        self._held: set[str] = set()
        self._used: dict[str, Lane] = {}

    async def able(self) -> bool:
        """Can this machine start a Python process before a class becomes restless? Found out once."""
        if self._able is None:
            self._able = not unable() and await _starts()
        return self._able

    async def lane(self, name: str, kind: str, workers: int, *, fresh: bool = False) -> Lane:
        """Return a lane with this gateway and no other visitors, and hold it. Raises LabError, Refused."""
        self._held.add(name)
        lane = await self._lane((name, kind, workers), fresh=fresh)
        self._used[name] = lane
        return lane

    def holds(self, name: str) -> bool:
        """Does a step run on this lane?"""
        return name in self._held

    def release(self) -> None:
        """Leave all lanes to whoever wants them: the step is over."""
        self._held.clear()

    def start_ahead(self, lanes: Sequence[Wanted]) -> None:
        """Begin to start what will be needed."""
        task = asyncio.get_running_loop().create_task(self._start_ahead(lanes))
        self._ahead.add(task)
        task.add_done_callback(self._ahead.discard)

    async def close(self) -> None:
        """Start nothing more."""
        for task in list(self._ahead):
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)

    async def _start_ahead(self, lanes: Sequence[Wanted]) -> None:
        if await self.able():
            with suppress(LabError, Refused, OSError):  # the screen that needs it will try again, and say so
                for wanted in lanes:
                    await self._lane(wanted)

    async def _lane(self, wanted: Wanted, *, fresh: bool = False) -> Lane:
        name, kind, workers = wanted
        async with self._starting:
            lane = self._floor.lanes.get(name)
            if lane is None or not _fits(lane, kind, workers) or (fresh and not self._fresh(lane)):
                lane = await self._floor.put(name, kind, workers)
            if lane.crowd and lane.crowd.rate:
                lane.crowd.set_rate(0)
            return lane

    def _fresh(self, lane: Lane) -> bool:
        """Has nobody asked anything in this lane: neither the script, nor a visitor of free play?"""
        lane.listen()
        served = any(life.served or life.held for life in lane.lives.living.values())
        visitors = lane.crowd is not None and lane.crowd.waiting > 0
        return lane is not self._used.get(lane.name) and not (served or visitors or lane.lives.births[CGI])


def _fits(lane: Lane, kind: str, workers: int) -> bool:
    return (lane.kind, lane.workers, lane.broken) == (kind, workers, False) and lane.server.alive


async def _starts() -> bool:
    """Does Python start here, within SPAWN?"""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", "pass", stdin=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return False
    try:
        return await asyncio.wait_for(process.wait(), SPAWN) == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
