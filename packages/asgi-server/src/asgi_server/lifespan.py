"""The application's own beginning and end ("Lifespan Protocol", version 2.0): once a process, beside all requests.

::

    worker                                                application(scope, receive, send), scope["type"] "lifespan"
    ------                                                ----------------------------------------------------------
    before it accepts          lifespan.startup   -->     connects to its database
                           <-- lifespan.startup.complete  ... or .failed: the worker cannot start, and says why
    serves                                                awaits receive()
    after the last connection  lifespan.shutdown  -->     disconnects
                           <-- lifespan.shutdown.complete

An application that knows no lifespan raises, or returns; then it is served without. What it puts into scope["state"]
before it is complete, every request finds in its own scope, in a shallow copy.
"""

from __future__ import annotations

import asyncio
import enum
from typing import Any

from gateway_core.errors import ApplicationError
from gateway_runtime.errors import StartupError
from gateway_runtime.log import line

from .answers import message_type
from .interfaces import Application, Message, Receive, Scope, Send

__all__ = ["Lifespan"]

_LAST_WORDS = 0.2
"""Seconds that a lifespan has to end when it is cancelled, whatever it answered."""


class _Stage(enum.Enum):
    """How far the application has come."""

    STARTING = "it was told to start up"
    STARTED = "it has said that it is ready"
    STOPPING = "it was told to shut down"
    OVER = "nothing more is to be told to it"


_ANSWERS = {
    (_Stage.STARTING, "lifespan.startup.complete"): _Stage.STARTED,
    (_Stage.STARTING, "lifespan.startup.failed"): _Stage.OVER,
    (_Stage.STOPPING, "lifespan.shutdown.complete"): _Stage.OVER,
    (_Stage.STOPPING, "lifespan.shutdown.failed"): _Stage.OVER,
}
"""What an application may send, when, and what follows."""


class Lifespan:
    """An application and its life in this process. `start` once, then `stop` once, both in the same loop."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.state: dict[str, Any] = {}
        """What the application keeps for its requests."""
        self._stage = _Stage.STARTING
        self._failure: str | None = None  # in the application's words
        self._task: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[Message]
        self._answered: asyncio.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        await self.application(scope, receive, send)

    async def start(self) -> None:
        """Tell the application to start up, and wait until it has. Raises StartupError if it says that it cannot."""
        self._events = asyncio.Queue()
        self._answered = asyncio.Event()
        self._events.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._answered.wait()
        if self._failure is not None:
            raise StartupError(self._failure or "the application says that its start-up has failed")

    async def stop(self, patience: float) -> None:
        """Tell it to shut down, if it listens, and wait for that for at most `patience` seconds."""
        if self._task is None or self._task.done():
            return
        if self._stage is _Stage.STARTED:
            self._stage = _Stage.STOPPING
            self._answered.clear()
            self._events.put_nowait({"type": "lifespan.shutdown"})
            try:
                await asyncio.wait_for(self._answered.wait(), patience)
            except TimeoutError:
                line(f"the application has not shut down within {patience:.1f} s; it is left as it is")
            if self._failure is not None:
                line(f"the application's shut-down has failed: {self._failure or 'it does not say why'}")
        self._stage = _Stage.OVER
        self._task.cancel()
        await asyncio.wait((self._task,), timeout=_LAST_WORDS)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self.application(scope, self._events.get, self._send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if self._stage is _Stage.STARTING:
                line(f"the application is served without lifespan events: {type(error).__name__}: {error}")
            elif self._stage is not _Stage.OVER:
                line(f"the application's lifespan has ended early: {type(error).__name__}: {error}")
        finally:
            self._stage = _Stage.OVER
            self._answered.set()

    async def _send(self, message: Message) -> None:
        """Take the application's answer. Raises ApplicationError for any other message."""
        kind = message_type(message)
        stage = _ANSWERS.get((self._stage, kind))
        if stage is None:
            raise ApplicationError(f"a lifespan does not send {kind!r} now: {self._stage.value}")
        self._stage = stage
        if kind.endswith(".failed"):
            self._failure = str(message.get("message", ""))
        self._answered.set()
