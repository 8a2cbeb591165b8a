"""The floor: one thread with one asyncio loop, on which everything that moves is kept in order.

::

    page --POST /do--> act() --> an action, on the loop --> lanes, votes, screens
    gateways --events--> lanes   --twenty times a second, if anybody looks--> a frame --> Hub --> windows
    visitors --how it went--> lanes

Starting and ending a gateway takes as long as Python takes to start, so it happens in a thread beside; the floor goes
on. Only the floor touches lanes and votes, so none of it needs a lock.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway_lab.errors import LabError
from gateway_lab.folders import short_folder

from .feed import Hub
from .lanes import WORKERS_MAX, Lane
from .refusals import Refused, unable
from .script import QUESTIONS, Script
from .slow_motion import stretch, wire
from .visitors import CROWD, RATE_MAX
from .votes import BadVote, Box, Unsaved

__all__ = ["Floor", "Refused"]

FRAME: Final = 0.05
"""Seconds between two frames: what an eye takes for motion, and a page can draw between."""
SAMPLE: Final = 0.5
"""Seconds between two looks at CPU and memory: a look at 200 processes costs some milliseconds."""
LANES: Final = ("a", "b", "c", "d")
KINDS: Final = ("cgi", "fastcgi", "scgi", "uwsgi", "wsgi")
PATHS: Final = ("/hello", "/counter", "/fastcgi", "/sleep?ms=200", "/cpu?ms=20", "/stream?n=5&ms=100")
"""Endpoints that the page offers: nothing that it is not meant to do can be asked for."""
VISITS: Final[Mapping[str, str]] = {
    "once": "", "slow": "/sleep?ms=3000", "leak": "/leak?kb=16384", "crash": "/crash",
}  # fmt: skip
"""Actions that are one visitor, and the endpoint that it asks for; "": the lane's own."""
ACTION_LIMIT: Final = 40.0
"""Seconds for an action; a gateway that starts on a loaded machine takes the longest."""
PID_MAX: Final = 2**31

Action = Mapping[str, Any]


class Floor:
    """The classroom's state and its thread. `votes_in` is the folder for what is counted."""

    def __init__(self, votes_in: Path) -> None:
        self._folder = short_folder()
        self._began = time.time()
        self.lanes: dict[str, Lane] = {}
        self.votes = Box(votes_in, QUESTIONS)
        self.hub = Hub()
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._busy: set[str] = set()
        self._changed: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="floor", daemon=True)
        self._actions: dict[str, Callable[[Action], Awaitable[Any]]] = {
            "lane.start": self._start, "lane.stop": self._stop, "rate": self._rate, "burst": self._burst,
            "path": self._path, "kill": self._kill, "reload": self._reload, "break": self._break,
            "workers": self._workers, "life": self._life, "stretch": self._stretch,
            **dict.fromkeys(VISITS, self._visit),
            "vote": self._vote, "lock": self._lock, "save": self._save,
            "screen": self._screen, "back": self._back, "replay": self._replay,
        }  # fmt: skip
        self.script = Script(self)

    # -- from other threads -------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Does its thread run? Only a fault of ours ends it before `close`."""
        return self._thread.is_alive()

    def act(self, action: Action) -> Any:
        """Do what a page asks for, and return what there is to say. Raises Refused."""
        do = self._actions.get(str(action.get("do")))
        if do is None:
            raise Refused(f"There is no action {action.get('do')!r}.")
        future = asyncio.run_coroutine_threadsafe(self._guarded(do, action), self._loop)
        try:
            return future.result(ACTION_LIMIT)
        except TimeoutError:
            future.cancel()
            raise Refused("That took too long; the machine is busy with something else.") from None

    def close(self) -> None:
        """End all lanes and the thread."""
        self.hub.close()
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()
        self._folder.cleanup()

    # -- the loop -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        sampling = self._loop.create_task(self._sample())
        try:
            await self._tell()
        finally:
            sampling.cancel()
        await self.script.close()
        await asyncio.gather(sampling, *(self._end(name) for name in list(self.lanes)), return_exceptions=True)
        await self._loop.shutdown_default_executor()

    async def _tell(self) -> None:
        """Tell the windows what is new, frame by frame, until the end."""
        due = self._loop.time()
        while not self._stopped.is_set():
            for lane in self.lanes.values():
                lane.listen()
            if self.hub.windows or self.script.running:
                self.hub.publish(self._frame())
                self.hub.refresh(self._snapshot)
            due = max(due + FRAME, self._loop.time())
            await asyncio.sleep(due - self._loop.time())

    async def _sample(self) -> None:
        while True:
            for lane in list(self.lanes.values()):
                await asyncio.to_thread(lane.sample)
                lane.look()
            await asyncio.sleep(SAMPLE)

    def _snapshot(self) -> dict[str, Any]:
        """Return all that a new window must know."""
        return {
            "t": time.time(), "began": self._began, "kinds": KINDS, "paths": PATHS, "rate_max": RATE_MAX,
            "crowd": CROWD, "lanes": {name: lane.snapshot() for name, lane in self.lanes.items()},
            "screen": self.script.told(),
            "ballots": {name: self._ballot(name) for name in self.votes.ballots},
        }  # fmt: skip

    def _frame(self) -> dict[str, Any]:
        """Return what has changed since the last frame. A lane that is new is told as a whole."""
        changed, self._changed = self._changed, set()
        frame: dict[str, Any] = {"t": time.time(), "lanes": {name: lane.changes() for name, lane in self.lanes.items()}}
        for name in changed:
            frame["lanes"].pop(name, None)
            frame.setdefault("lane", {})[name] = self.lanes[name].snapshot() if name in self.lanes else None
        news = self.script.news()
        return {**frame, "screen": news} if news else frame

    async def _guarded(self, do: Callable[[Action], Awaitable[Any]], action: Action) -> Any:
        try:
            return await do(action)
        except (LabError, BadVote, OSError) as error:
            raise Refused(str(error)) from error

    # -- lanes --------------------------------------------------------------------------------------------------------

    async def put(self, name: str, kind: str, workers: int = 2) -> Lane:
        """Start a gateway in a lane, in the place of the one that is there. Raises LabError, Refused."""
        async with self._at_work_on(name):
            await self._end(name)
            folder = Path(self._folder.name) / name
            folder.mkdir(exist_ok=True)
            lane = Lane(name, kind, folder, workers)
            await lane.start()
            self.lanes[name] = lane
            self._changed.add(name)
            return lane

    def _at_work_on(self, name: str) -> _Busy:
        return _Busy(self._busy, name)

    async def _end(self, name: str) -> None:
        lane = self.lanes.pop(name, None)
        if lane:
            self._changed.add(name)
            await lane.stop()

    def _lane(self, action: Action) -> Lane:
        lane = self.lanes.get(str(action.get("lane")))
        if lane is None:
            raise Refused("Nothing runs in this lane: start a gateway first.")
        self._not_held(lane.name)
        if not lane.server.alive:
            raise Refused("The gateway of this lane has ended: start it again.")
        return lane

    def _not_held(self, name: str) -> None:
        if self.script.holds(name):
            raise Refused("The script uses this lane just now: wait until its screen is done, or take another one.")

    async def _start(self, action: Action) -> None:
        name, kind = action.get("lane"), action.get("kind")
        if name not in LANES or kind not in KINDS:
            raise Refused(f"A lane is one of {', '.join(LANES)}, its gateway one of {', '.join(KINDS)}.")
        workers = round(_number(action.get("workers", 2), 1, WORKERS_MAX, "workers"))
        if sentence := unable():
            raise Refused(sentence)
        self._not_held(str(name))
        await self.put(str(name), str(kind), workers)

    async def _stop(self, action: Action) -> None:
        name = str(action.get("lane"))
        self._not_held(name)
        async with self._at_work_on(name):
            await self._end(name)

    async def _rate(self, action: Action) -> None:
        rate = _number(action.get("rate"), 0, RATE_MAX, "visitors a second")
        _crowd(self._lane(action)).set_rate(rate)

    async def _burst(self, action: Action) -> None:
        count = round(_number(action.get("count"), 1, CROWD, "visitors"))
        _crowd(self._lane(action)).burst(count)

    async def _visit(self, action: Action) -> None:
        _crowd(self._lane(action)).burst(1, VISITS[action["do"]])

    async def _path(self, action: Action) -> None:
        path = action.get("path")
        if path not in PATHS:
            raise Refused(f"The endpoints are {', '.join(PATHS)}.")
        _crowd(self._lane(action)).path = str(path)

    async def _kill(self, action: Action) -> None:
        pid = action.get("pid")
        self._lane(action).kill(None if pid is None else round(_number(pid, 1, PID_MAX, "as a process id")))

    async def _reload(self, action: Action) -> None:
        self._lane(action).reload()

    async def _break(self, action: Action) -> None:
        self._lane(action).reload(broken=True)

    async def _workers(self, action: Action) -> None:
        self._lane(action).resize(round(_number(action.get("more"), -1, 1, "workers more")))

    async def _life(self, action: Action) -> dict[str, Any]:
        lane = self.lanes.get(str(action.get("lane")))
        life = lane.life(round(_number(action.get("pid"), 1, PID_MAX, "as a process id"))) if lane else None
        if lane is None or life is None:
            raise Refused("Nothing is known of this process any more.")
        return {**life.told(), "wire": await asyncio.to_thread(wire, lane, life)}

    async def _stretch(self, action: Action) -> dict[str, Any]:
        return await stretch(self._lane(action))

    # -- votes and screens --------------------------------------------------------------------------------------------

    async def _vote(self, action: Action) -> None:
        hands = action.get("hands")
        if not isinstance(hands, int):
            raise Refused("Hands are counted in whole numbers.")
        name = str(action.get("question"))
        self._counted(name, lambda: self.votes.count(name, str(action.get("option")), hands))

    async def _lock(self, action: Action) -> None:
        name = str(action.get("question"))
        self._counted(name, lambda: self.votes.lock(name))

    def _counted(self, name: str, change: Callable[[], None]) -> None:
        """Change a ballot and tell of it, even if it cannot be saved: a lesson does not end for a full disk."""
        try:
            change()
        except Unsaved as error:
            self.script.say(str(error))
        self.hub.publish({"t": time.time(), "ballots": {name: self._ballot(name)}})

    async def _screen(self, action: Action) -> None:
        await self.script.show(str(action.get("screen")))

    async def _back(self, _action: Action) -> None:
        await self.script.back()

    async def _replay(self, action: Action) -> None:
        await self.script.replay(str(action.get("name")))

    async def _save(self, _action: Action) -> str:
        self.votes.save()
        return str(self.votes.file)

    def _ballot(self, name: str) -> dict[str, Any]:
        return self.votes.ballots[name].told()


class _Busy:
    """A lane is started or stopped by one at a time; who comes second is told so, rather than made to wait."""

    def __init__(self, busy: set[str], name: str) -> None:
        self._busy, self._name = busy, name

    async def __aenter__(self) -> None:
        if self._name in self._busy:
            raise Refused("This lane is just starting or stopping.")
        self._busy.add(self._name)

    async def __aexit__(self, *_: object) -> None:
        self._busy.discard(self._name)


def _crowd(lane: Lane) -> Any:
    assert lane.crowd  # it is there once the lane has started
    return lane.crowd


def _number(value: Any, low: float, high: float, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refused(f"{value!r} {what} cannot be: {low:g} to {high:g}.")
    return value
