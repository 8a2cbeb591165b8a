"""One program at work on one request: the pump feeds the parser, and out come a head and pieces of content.

::

    program --bytes--> Pump --bytes--> ResponseParser --events--> head(), then an iterable of content
            '---- Output -----'        '---------------------- Run -----------------------------'

What can go wrong, and what the client then sees:

==========================================================  =========================================================
output that is not a CGI response, or none                  502
silence before the head                                     504
death by a signal, or silence, after the head               the connection is cut, so that the client can tell
an exit status other than 0 after the head                  the response as it is (shell programs do that all the time)
the client has left                                         nothing; the program is made to end
==========================================================  =========================================================

`close()` may come at any moment, also early, because the client has gone: then the program is made to end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from gateway_core.cgi import ResponseParser
from gateway_core.errors import BackendTimeout, BadGateway, RemoteProtocolError, VisitorFault
from gateway_core.events import Data, EndOfMessage, NotNow, Response

from .ending import let_finish, make_end, take_leave
from .pump import Left, Pump, Silence
from .spawn import Child, exit_words

__all__ = ["CLIENT_LEFT", "DIED", "Output", "Run"]

CLIENT_LEFT = 499
"""nginx's number for it. The client cannot see it: it stands in the access log."""

DIED = "The program died before its response was complete."

GATHER = 0.004
"""Seconds after the head in which a program is expected to end, as most do. Then its response has a known length and is
sent at once; otherwise what has come is sent now, and the rest as it comes."""


class Output:
    """What a running `child` gives by way of its `pump`, and how both end.

    `timeout` is the limit for silence, seconds. `note` takes one line for the log; `done` is called when the child is
    reaped, from any thread; `mark` is told "reaped" before.
    """

    def __init__(
        self,
        child: Child,
        pump: Pump,
        timeout: float,
        note: Callable[[str], None],
        done: Callable[[int], None],
        mark: Callable[[str], None],
    ) -> None:
        self._child = child
        self._pump = pump
        self._timeout = timeout
        self._done = done
        self._status: int | None = None
        self._closed = False
        self.note = note
        self.mark = mark
        self.promise_kept = False
        """All content that the response has promised has come: what else comes, or how it ends, is nobody's concern."""

    @property
    def ended(self) -> bool:
        """Has all come that will come?"""
        return self._pump.ended

    def read(self, until: float = math.inf) -> bytes:
        """Return what comes next, b"" at the end. With `until`, a monotonic time: all that is left, b"" if it goes on.

        Raises BackendTimeout when the program is silent, VisitorFault when the client has left.
        """
        try:
            return self._pump.read() if until == math.inf else self._pump.wait_for_the_end(until)
        except Silence:
            half = self._pump.size and not self._pump.answering
            what = "gave no whole head in" if half else "was silent for"
            self.note(f"{what} {self._timeout:g} seconds: it is made to end")
            raise BackendTimeout(f"The program {what} {self._timeout:g} seconds.") from None
        except Left:
            self.note("the client has left: it is made to end")
            raise VisitorFault("The client has left.", CLIENT_LEFT) from None

    def head_has_come(self) -> None:
        """From now on the time limit is for silence alone."""
        self._pump.answering = True
        self.mark("head")

    def drain(self) -> None:
        """Read and drop what still comes, for a moment."""
        self._pump.drain()

    def died(self) -> bool:
        """Has the program been ended by a signal? Reaps it, if it has ended."""
        if self._status is None and self._pump.ended:
            self._status = self._child.reap()
            self.mark("reaped")
            self._note_status(self._status)
        return self._status is not None and self._status < 0

    def close(self) -> None:
        """Close the pipes; the program is reaped, left to finish, or made to end. Does not wait for it."""
        if self._closed:
            return
        self._closed = True
        self._pump.close()
        if self._status is not None:
            self._done(self._status)
        elif self._pump.ended:
            take_leave(self._child, self._reaped)
        elif self._pump.output_ended or (self.promise_kept and not self._pump.exited):
            let_finish(self._child, self._timeout, self._reaped)
        else:
            make_end(self._child, self._reaped)

    def judge(self, sentence: str) -> None:
        """Note what is wrong with the program, behind all that it has said about that itself."""
        self._pump.log_last_words()
        self.note(sentence)

    def _note_status(self, status: int) -> None:
        if status != 0:
            self.judge(exit_words(status))

    def _reaped(self, status: int) -> None:
        self.mark("reaped")
        self._note_status(status)
        self._done(status)


class Run:
    """The response in an `output`: an iterable of bytes with close(), as for WSGI. `no_content`: it answers HEAD."""

    def __init__(self, output: Output, *, no_content: bool) -> None:
        self._output = output
        self._parser = ResponseParser(head=no_content)
        self._gathered: list[bytes] = []

    def head(self) -> Response:
        """Wait for the head of the response. Raises BackendError; the program has been seen to then."""
        try:
            self._parser.receive_data(self._output.read())
            event = self._next()
        except BaseException:
            self.close()
            raise
        assert isinstance(event, Response)
        self._output.head_has_come()
        return event

    def whole(self) -> bytes | None:
        """Return all content, if the program ends well within GATHER; else None: iterate.

        Either way `close` is to be called.
        """
        output, parser = self._output, self._parser
        if not output.ended:
            piece = output.read(time.monotonic() + GATHER)
            if piece:
                parser.receive_data(piece)
        if not output.ended or output.died():
            return None
        parser.receive_data(b"")
        try:
            while isinstance(event := parser.next_event(), Data):
                self._gathered.append(event.data)
        except RemoteProtocolError:
            return None  # the parser will say so again
        self._check_promise()
        return b"".join(self._gathered)

    def __iter__(self) -> Run:
        return self

    def __next__(self) -> bytes:
        if self._gathered:
            return self._gathered.pop(0)
        event = self._next()
        if isinstance(event, Data):
            return event.data
        raise StopIteration

    def drain(self) -> None:
        """Nobody wants the content, whatever the head has promised: drop what comes in a moment."""
        self._output.promise_kept = True
        self._output.drain()

    def close(self) -> None:
        """See to the program; see `Output.close`."""
        self._output.close()

    def _next(self) -> Response | Data | EndOfMessage:
        """Return the parser's next event, feeding it as it asks for more."""
        try:
            while isinstance(event := self._parser.next_event(), NotNow):
                if self._parser.complete:
                    event = self._keep_promise()
                    break
                self._parser.receive_data(self._output.read())
        except RemoteProtocolError as error:
            self._output.judge(str(error))
            raise BadGateway("The program's output is not a response; the server's log says why.") from None
        if isinstance(event, EndOfMessage) and self._output.died() and not self._output.promise_kept:
            raise BadGateway(DIED)  # nothing has said how much it would be, so this may not be all
        return event

    def _keep_promise(self) -> EndOfMessage:
        """All content that the head allows has come: what the program still gives is nobody's."""
        self._output.promise_kept = True
        self._check_promise()
        self._output.drain()
        return EndOfMessage()

    def _check_promise(self) -> None:
        if self._parser.overrun:
            self._output.note("it gave more than its Content-Length; the rest was cut")
