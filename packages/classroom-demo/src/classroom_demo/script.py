"""The script: seven screens, one key forward, one back. It knows where the lesson is, and lets each step happen once.

::

    show(next screen) --> its first step          show(the same screen) --> its next step
    show(one that was seen) --> as it was left    show, while a step runs --> no more pauses
    back() --> the step before, as it was seen; one that runs is broken off, and begins anew when somebody comes back

    step:  waiting --run--> running --> done
                               |------> failed --show--> running

A step that needs processes is replayed from a recording on a machine that cannot start one within two seconds; then the
screen is stamped with the day and the machine that the recording is from. All this happens on the floor's loop.
"""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gateway_lab.errors import LabError

from . import REPLAY
from .asking import Unanswered
from .backstage import Backstage, Wanted
from .bill import BillError
from .recording import BadRecording, Recorder, Recording, Segment, bundled
from .refusals import Refused
from .scenes import AGAIN_WORKERS, QUESTIONS, SCREENS, WORKERS
from .stage import ASK, Screen, Step
from .votes import BadVote

if TYPE_CHECKING:
    from .floor import Floor
    from .lanes import Lane
    from .votes import Box

__all__ = ["CANNOT", "QUESTIONS", "SCREENS", "Script"]

AHEAD: Final[Mapping[tuple[str, str], Sequence[Wanted]]] = {
    ("vote", "ask"): [("a", "cgi", WORKERS)],
    ("cgi", "run"): [("b", "fastcgi", WORKERS), ("c", "uwsgi", WORKERS), ("d", "wsgi", WORKERS)],
    ("break", "answer"): [("d", "wsgi", AGAIN_WORKERS)],
}
"""Gateways that are started after a step, while the class looks or talks: the next screen needs them."""
CANNOT: Final = "This machine cannot start processes, or not within two seconds."
FAILURES: Final = (LabError, Unanswered, BillError, BadRecording, Refused, OSError)
"""What a step can end with; each says what is wrong in one sentence."""


class Script:
    """The lesson on one floor. It is the `Stage` of its scenes."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._screens = {name: Screen(name, tuple(steps)) for name, steps in SCREENS.items()}
        self._at = self._screens["vote"]
        self._on = self._at  # the screen whose step runs, or has run last
        self._task: asyncio.Task[None] | None = None
        self._plays = False  # is what runs a recording?
        self._turn = asyncio.Lock()  # two windows, or two quick keys: one after the other
        self._news = False
        self._measured: set[str] = set()
        self._said: set[str] = set()  # why recordings are played
        self._backstage = Backstage(floor)
        self._recorder = Recorder()
        floor.hub.taps.append(self._recorder.take)
        self.hurry = asyncio.Event()
        self.holds = self._backstage.holds

    # -- for the floor ------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Is there a step that runs, or something that no frame has told yet?"""
        return self._news or (self._task is not None and not self._task.done())

    def told(self) -> dict[str, Any]:
        """Return the screen as JSON, for a window that is new."""
        return self._at.told()

    def news(self) -> dict[str, Any] | None:
        """Return the screen if it has changed since the last call."""
        news, self._news = self._news, False
        return self._at.told() if news else None

    def say(self, sentence: str) -> None:
        """Say something on the screen that is shown."""
        self._at.sentence, self._news = sentence, True

    async def show(self, name: str) -> None:
        """Go to a screen; or, if it is shown already, on to its next step. Raises Refused."""
        if name not in SCREENS:
            raise Refused(f"The screens are {', '.join(SCREENS)}.")
        screen = self._screens[name]
        if self._busy and screen is self._on:
            self.hurry.set()
            return
        async with self._turn:
            await self._break_off()
            again = screen is self._at
            self._at, self._news = screen, True
            if screen.state == "failed":
                self._on_to(screen, screen.step)
            elif screen.more and (again or not screen.step):
                self._on_to(screen, screen.more)

    async def back(self) -> None:
        """Go back to the step before, or to the screen before, as it was left."""
        async with self._turn:
            await self._break_off()
            screen, names = self._at, list(SCREENS)
            if screen.before:
                self._on_to(screen, screen.before)
            elif screen is not self._screens[names[0]]:
                self._at, self._news = self._screens[names[names.index(screen.name) - 1]], True

    async def replay(self, name: str) -> None:
        """Play a screen as it was recorded: a while ago, or for the package. Raises Refused."""
        async with self._turn:
            screen = self._screens.get(name)
            found = self._recorded(screen) if screen else None
            if screen is None or found is None:
                raise Refused("There is no recording of this screen.")
            step, recording, segment = found
            await self._break_off()
            for later in screen.steps[screen.steps.index(step) :]:  # they are to be shown with the data of then
                screen.seen.pop(later, None)
            self._at, self._news = screen, True
            work = partial(self._play, screen, SCREENS[name][step], recording, segment)
            self._start(screen, step, work, plays=True)

    async def close(self) -> None:
        """End what runs."""
        async with self._turn:
            await self._cancel()
        await self._backstage.close()

    # -- for the scenes -----------------------------------------------------------------------------------------------

    @property
    def data(self) -> dict[str, Any]:
        """The data of the screen whose step runs."""
        return self._on.data

    @property
    def box(self) -> Box:
        """The votes."""
        return self._floor.votes

    def seen(self, screen: str) -> dict[str, Any]:
        """Return the data of another screen. If they are of another day, so is what is shown of them: it is stamped."""
        other = self._screens[screen]
        if other.replay and other.replay != self._recorder.recording.stamp():
            self._on.replay = other.replay
        return other.data

    def tell(self, **data: Any) -> None:
        """Change the data of the screen."""
        self._on.data = {**self._on.data, **data}
        self._news = True

    def lock(self, question: str, truth: str) -> None:
        """Let the votes on a question change no more."""
        try:
            self.box.lock(question, truth)
        except BadVote as error:  # they count all the same, if they cannot be saved
            self._on.sentence = str(error)
        self._floor.hub.publish({"t": time.time(), "ballots": {question: self.box.ballots[question].told()}})

    async def lane(self, name: str, kind: str, workers: int, *, fresh: bool = False) -> Lane:
        """Return a lane with this gateway and no other visitors, started if need be. Raises LabError, Refused."""
        return await self._backstage.lane(name, kind, workers, fresh=fresh)

    # -- steps --------------------------------------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def _on_to(self, screen: Screen, name: str) -> None:
        """Go to a step: begin it, or show it as it was seen."""
        if name in screen.seen:
            screen.step, screen.state, screen.sentence = name, SCREENS[screen.name][name].ends, ""
            screen.data, self._news = screen.seen[name], True
        else:
            self._start(screen, name, partial(self._perform, screen, SCREENS[screen.name][name]))

    def _start(self, screen: Screen, name: str, work: Callable[[], Awaitable[None]], *, plays: bool = False) -> None:
        step = SCREENS[screen.name][name]
        screen.step, screen.state, screen.sentence = name, "running" if step != ASK else step.ends, ""
        if step.live:
            screen.replay = None  # what only reckons leaves the stamp of what it reckons with
            screen.data = screen.seen.get(screen.before, {})  # and nothing of an attempt that was broken off
            self._recorder.forget(screen.name, name)
        self._on, self._plays, self._news = screen, plays, True
        self.hurry.clear()
        self._task = asyncio.get_running_loop().create_task(self._guarded(screen, step, work))

    async def _guarded(self, screen: Screen, step: Step, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of a step; whatever happens, the screen says how it ended."""
        try:
            try:
                await work()
            except FAILURES as error:
                await self._instead(screen, step, error)
            screen.state = step.ends
            screen.seen[screen.step] = screen.data
            if step.live:
                self._keep(screen)
            self._look_ahead(screen)
        except FAILURES as error:
            screen.state, screen.sentence = "failed", str(error)
        except Exception as error:  # a fault of ours must not leave a class before a screen that waits for ever
            screen.state, screen.sentence = "failed", f"This screen has failed: {error!r}."
            traceback.print_exception(error)
        finally:
            self._backstage.release()
            self._news = True

    async def _perform(self, screen: Screen, step: Step) -> None:
        if step.live:
            if not await self._backstage.able():
                raise BadRecording(CANNOT)
            await step.live(self)
        if step.then:
            await step.then(self)

    async def _instead(self, screen: Screen, step: Step, error: Exception) -> None:
        """Play the recording of a step that has failed; raise its error if there is none."""
        recording = bundled() if step.live else None
        segment = recording.segments.get((screen.name, screen.step)) if recording else None
        if recording is None or segment is None:
            raise error
        why = str(error)
        screen.sentence = "" if os.environ.get(REPLAY) or why in self._said else why  # once; never, if it was asked for
        self._said.add(why)
        await self._play(screen, step, recording, segment)

    async def _play(self, screen: Screen, step: Step, recording: Recording, segment: Segment) -> None:
        """Tell a step as it was recorded, each moment at its time."""
        self._plays = True
        screen.replay = recording.stamp()
        began = asyncio.get_running_loop().time()
        for at, data in segment.moments:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.hurry.wait(), max(0.0, began + at - asyncio.get_running_loop().time()))
            screen.data, self._news = data, True
        if step.then:
            await step.then(self)

    def _recorded(self, screen: Screen) -> tuple[str, Recording, Segment] | None:
        """Return the last step up to the one that is shown that was recorded: today, or for the package."""
        shown = list(SCREENS[screen.name])[: list(SCREENS[screen.name]).index(screen.step or screen.more) + 1]
        for recording in (self._recorder.recording, bundled()):
            for name in reversed(shown):
                segment = recording.segments.get((screen.name, name)) if recording else None
                if recording and segment and SCREENS[screen.name][name].live:
                    return name, recording, segment
        return None

    def _keep(self, screen: Screen) -> None:
        """Save what was measured, with the votes. What was measured here is not replaced by a recording."""
        if not screen.replay:
            self._measured.add(screen.name)
        elif screen.name in self._measured:
            return
        try:
            self.box.keep(screen.name, {**screen.data, "replay": screen.replay})
        except BadVote as error:
            screen.sentence = str(error)

    async def _break_off(self) -> None:
        """End what runs. How a recording ends is known, so it is shown to its end; all else begins anew."""
        if self._busy and self._plays and self._task:
            self.hurry.set()
            await asyncio.wait([self._task])
        await self._cancel()

    async def _cancel(self) -> None:
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if self._on.state == "running":
                self._on.state = "failed"

    def _look_ahead(self, screen: Screen) -> None:
        """Start what the next screen needs, while this one is looked at."""
        lanes = AHEAD.get((screen.name, screen.step))
        if lanes and not screen.replay:
            self._backstage.start_ahead(lanes)
