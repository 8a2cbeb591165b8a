"""Several requests of one connection in the application at the same time, each in a thread of its own.

The connection's session stays with the loop: it reads, and makes of each complete request a session of its own, on a
branch of the connection (`gateway_runtime.trunk`). Ends come in the order of the work::

    {1: BEGIN..STDIN ""} {2: BEGIN..STDIN ""}        loop: reads both, lines up two branches
                                                     thread A: serves 1          thread B: serves 2
    {2: STDOUT ...} {2: END_REQUEST}                                             is quick
    {1: ABORT_REQUEST}                               loop: 1 is not wanted any more
                                                     thread A: write() or the next yield fails, close() is called
    {1: END_REQUEST, 1}                              loop: A has come back

Nobody can stop a thread, so an application that computes on and gives nothing notices at its end, and END_REQUEST
follows then (section 5.4: it says that the application has stopped). An id belongs to `_branches` until its thread has
come back, and only the loop touches that.
"""

from __future__ import annotations

from typing import Any

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import ConnectionClosed, Phase
from gateway_core.response import Response
from gateway_core.session import Service, Session
from gateway_runtime.connection import Connection
from gateway_runtime.trunk import Branch, Trunk

from .error_stream import ErrorStream
from .options import Options
from .records import REQUEST_COMPLETE, encode_end
from .request import ABORTED, Encoder
from .session import FastCgiSession

__all__ = ["MultiplexedSession"]


class _RequestSession(Session):
    """One request. `serve` and `resume` are called in any thread, the rest in the loop."""

    __slots__ = ("_errors", "_owner", "branch", "encoder")

    encoder: Encoder

    def __init__(self, owner: MultiplexedSession, request: Any) -> None:
        self.branch = Branch(owner.trunk, self)
        super().__init__(owner.service, self.branch, owner.codec)
        self._owner = owner
        self._ready.append(request)
        self.encoder = request.encoder
        self._errors: ErrorStream = request.environ["wsgi.errors"]
        self._errors.transport = self.branch

    def serve(self) -> bool:
        self._errors.take()
        return super().serve()

    def resume(self) -> bool:
        self._errors.take()
        return super().resume()

    def _after(self, _response: Response) -> bool:
        return False  # what is to be done then is the loop's business: `rest`

    def rest(self) -> bool:
        """A call is over. True: the response is paused, and still wanted."""
        if self._response is not None and self._response.paused and not self.branch.lost:
            return True
        self.end()
        return False

    def abort(self) -> None:
        """Nobody wants the response any more. A thread that is at it finds out when it reads on, writes or yields."""
        self.branch.lost = True
        if not self.branch.away:
            self.end()
            return
        for request in (*self._ready, self._serving):
            if request is not None:
                request.close()

    def end(self) -> None:
        """Clear up, and say that the request is over."""
        self.abandon()
        self._owner.ended(self)


class MultiplexedSession(FastCgiSession):
    """One FastCGI connection, of a server with threads."""

    __slots__ = ("_branches", "trunk")

    multiplexed = True
    transport: Connection

    def __init__(self, service: Service, connection: Connection, options: Options) -> None:
        super().__init__(service, connection, options)
        self.trunk = connection.trunk = Trunk(connection)
        self._branches: dict[int, _RequestSession] = {}

    # -- what the engine calls -----------------------------------------------------------------------------------

    def receive(self, data: bytes) -> bool:
        """Take bytes; line up the requests that are complete. False, always: the line is the loop's own."""
        if not data:  # section 5.4: so a web server aborts all of them
            for one in self._branches.values():
                one.branch.lost = True
        super().receive(data)
        self._set_phase()
        return False

    def expire(self) -> None:
        """The time limit has passed of requests that are on their way in; those in the application have none."""
        if not self._branches:
            super().expire()
        elif self.phase is not Phase.BUSY:
            late = RemoteProtocolError("the request did not arrive within the time limit", 408)
            for request_id in list(self._incoming):
                self._refuse_one(request_id, self.codec.encoder(request_id), late)
            self.codec.give_up()
            self._answer()
            self._set_phase()

    def abandon(self) -> None:
        """The connection is gone, and with it whatever is being served."""
        branches = list(self._branches.values())
        with self.trunk.lock:  # whoever is writing has finished: now the descriptor may be closed
            for one in branches:
                one.branch.lost = True
        for one in branches:
            one.abort()
        super().abandon()

    # -- branches --------------------------------------------------------------------------------------------------

    def ended(self, request: _RequestSession) -> None:
        """A request is over: say so if its thread could not, and close if it was the last one."""
        encoder, branch = request.encoder, request.branch
        if self._branches.get(encoder.request_id) is request:  # else it ended long ago, and the id is used again
            del self._branches[encoder.request_id]
        if not self.transport.lost:
            if branch.cut and not self._branches and not self._incoming:
                self.transport.abort()  # the plainest way to say that something is missing, while it hurts nobody else
            elif not encoder.ended:
                self._write(encoder.abort())
            elif branch.refused:  # it has ended in the moment when it was aborted
                self._write(encode_end(encoder.request_id, ABORTED, REQUEST_COMPLETE))
            if self.codec.over and not self._branches:
                self.transport.close()
        self._set_phase()

    def _collect(self) -> bool:
        while super()._collect():
            for request in self._ready:
                session = _RequestSession(self, request)
                self._branches[session.encoder.request_id] = session
                self.trunk.line_up(session.branch, resuming=False)
            self._ready.clear()
        return False

    def _take(self, event: Any) -> None:
        if isinstance(event, ConnectionClosed) and any(not one.branch.lost for one in self._branches.values()):
            return  # all have ended, and the last bytes of one are about to be written: `ended` will close
        super()._take(event)

    def _abort(self, request_id: int) -> None:
        request = self._branches.get(request_id)
        if request is not None:
            request.abort()
        else:
            super()._abort(request_id)

    def _write(self, data: bytes) -> None:
        with self.trunk.lock:
            super()._write(data)

    def _set_phase(self) -> None:
        if self._incoming:
            self.phase = Phase.BODY
        elif self.codec.active > len(self._branches):
            self.phase = Phase.HEAD
        elif self._branches:
            self.phase = Phase.BUSY
        else:
            self.phase = Phase.IDLE if self.codec.idle else Phase.HEAD
