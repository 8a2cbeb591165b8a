"""One call of the application, for a request or a WebSocket: what both kinds have in common.

A call is a coroutine between two parties that do not wait for each other. The application calls `receive` and `send`;
the connection calls what is under "what the connection tells". Neither may raise into the other, but for what `send`
raises into the application: ApplicationError for a message that may not come here, ClientGone when nobody is there.
"""

from __future__ import annotations

import asyncio
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway_core.http1 import HttpRequest
from gateway_runtime.line_stream import ERRORS

from .interfaces import Application, ClientGone, Message, Scope

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Call"]

_REQUEST_MAX = 500
"""Characters of a request that stand before an error of its application."""

_NAMES = {"referer": "HTTP_REFERER", "user-agent": "HTTP_USER_AGENT"}


class Call(ABC):
    """Whatever happens to a call, `run` does not raise, unless it is cancelled."""

    def __init__(self, connection: Connection, request: HttpRequest, scope: Scope) -> None:
        self.waiting = 0
        """Bytes that have come and the application has not received."""
        self._connection = connection
        self._scope = scope
        self._news = asyncio.Event()
        self._status = self._size = 0
        self._end_of_log: Callable[[int, int, bool], None] | None = None
        self.route = f"{request.method} {scope['path']}"
        """What logs and the scoreboard call it: "GET /path"."""
        if connection.site.access is not None:
            self._end_of_log = connection.site.access.begin(_for_the_log(request, scope))

    async def run(self, application: Application) -> None:
        """Call the application; see to it that the client is answered, or can tell that it is not."""
        failed = True
        try:
            await application(self._scope, self.receive, self.send)
            failed = False
            if self.is_open:
                self._returned_early()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                self._report("the call is cancelled: it has not ended in time")
                raise
            self._report("the application raised an exception", error)  # it has waited for what is cancelled
        except BaseException as error:
            if not _only_gone(error):
                self._report("the application raised an exception", error)
        finally:
            self._finish(failed=failed)

    @abstractmethod
    async def receive(self) -> Message:
        """ASGI's `receive`."""

    @abstractmethod
    async def send(self, message: Message) -> None:
        """ASGI's `send`."""

    # -- what the connection tells -------------------------------------------------------------------------------

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """May the application still say something?"""

    @property
    @abstractmethod
    def begun(self) -> bool:
        """Is a part of an answer sent, so that another one cannot be?"""

    @abstractmethod
    def left_alone(self) -> None:
        """The client has shut its side."""

    @abstractmethod
    def cut(self, status: int = 0) -> None:
        """The answer cannot be completed any more; `status` is what the client was told instead."""

    # -- the end -------------------------------------------------------------------------------------------------

    def _returned_early(self) -> None:
        """The application has returned, and something is open."""
        self._report("the application returned before its response was complete")

    @abstractmethod
    def _finish(self, *, failed: bool) -> None:
        """The call is over. What is open is ended for it."""

    def _over(self, *, complete: bool) -> None:
        """Write the line of the access log, once, and wake who waits."""
        self._news.set()
        end, self._end_of_log = self._end_of_log, None
        if end is not None:
            end(self._status, self._size, complete)

    def _report(self, sentence: str, error: BaseException | None = None) -> None:
        """Write a sentence about the call to the log, and the traceback of what was raised."""
        request = self.route.encode("unicode_escape").decode()[:_REQUEST_MAX]  # so that no path forges a line
        text = "".join(traceback.format_exception(error)) if error is not None else ""
        ERRORS.write(f"{request}: {sentence}\n{text}")


def _for_the_log(request: HttpRequest, scope: Scope) -> dict[str, str]:
    """Return what the access log wants to know of a request, as its meta-variables."""
    told = {
        "REQUEST_METHOD": request.method,
        "REQUEST_URI": request.target,
        "SERVER_PROTOCOL": request.version,
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
    }
    return told | {_NAMES[name]: value for name, value in request.fields if name in _NAMES}


def _only_gone(error: BaseException) -> bool:
    """Is this what `send` has raised, and nothing else? Task groups put it into a group."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(ClientGone)[1] is None
    return isinstance(error, ClientGone)
