"""The server half of PEP 3333 for one request: one implementation for every gateway.

::

    app(environ, start_response) -> iterable        bytes on the wire
    ----------------------------------------        -----------------
    start_response(status, fields)                  nothing yet
    first non-empty bytestring, or write()          head + data
    each further bytestring                         data, before the next one is asked for
    end of the iterable                             end
    an exception before the head                    our own 500
    an exception after the head                     no end: the connection is cut, so that the peer can tell

A gateway differs by its *encoder*, a few functions from values to bytes. The *transport* says when it is full; then the
iterable rests, and a slow reader costs memory for one block, not a thread. `interfaces` has what both must do.

An application that knows the protocol itself, such as the host of a CGI program that does (RFC 3875 section 5), calls
`environ["gatelab.raw_response"]()` in place of start_response, where there is such a key. What it gives then is sent as
it is, head and all, and the connection closes behind it.

An application that has more to do than its visitor needs to wait for calls `environ["gatelab.finish_response"]()`: what
it has given so far is the whole response, the peer gets the end of it now, and the call goes on.
"""

from __future__ import annotations

from .errors import ApplicationError, BackendError, LocalProtocolError
from .file_wrapper import FileWrapper
from .response_checks import CHECKED, check_head

TYPE_CHECKING = False  # a CGI program imports this module for each request: `typing` would double what that costs
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any

    from .events import Fields
    from .interfaces import Application, Encoder, Transport

__all__ = ["Response"]

_ERROR_BODY = b"Internal Server Error: the application failed. The server's log says why.\n"
_ERROR_HEAD = check_head("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])

_BACKEND_STATUS = {503: "503 Service Unavailable", 504: "504 Gateway Timeout"}

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}  # so that no path forges a line

_RAW = "raw"
"""The status of a response whose status we do not know."""

_FINISHED: dict[str, Any] = {}  # in the place of an environ that leads back to its response: no cycle is left
_REQUEST_MAX = 500
"""Characters of a request that stand before an error of its application."""


class Response:
    """One response, from the call of the application to the last byte.

    `encoder` turns values into bytes, `transport` takes them, `method` is REQUEST_METHOD (HEAD has no content).
    After `respond` or `resume`: `paused` says that the transport is full and `resume` is wanted when it has drained;
    otherwise the response is over, completely or not. What the application gives is an `object` until it was looked at.
    """

    __slots__ = (
        "_bare", "_encoder", "_environ", "_errors", "_fields", "_iterable", "_iterator", "_left", "_length",
        "_no_content", "_over", "_status", "_transport", "head_sent", "paused",
    )  # fmt: skip

    def __init__(self, encoder: Encoder, transport: Transport, method: str) -> None:
        self._encoder = encoder
        self._transport = transport
        self._no_content = method == "HEAD"
        self._status: str | None = None  # not None, once start_response was called
        self._fields: Fields = []
        self._length: int | None = None  # Content-Length as declared
        self._bare = False  # the status allows no content
        self._left: int | None = None  # of that, bytes still to come
        self._iterable: Iterable[object] | None = None
        self._iterator: Iterator[object] | None = None
        self._environ: dict[str, Any] = {}
        self._errors: Any = None
        self._over = False
        self.head_sent = False
        self.paused = False

    # -- what the application is given ---------------------------------------------------------------------------

    def start_response(
        self,
        status: object,
        headers: object,
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None = None,
    ) -> Callable[[bytes], None]:
        """PEP 3333's start_response. Stores the head, sends nothing. Raises ApplicationError."""
        if exc_info:
            try:
                if self.head_sent:
                    late = ApplicationError("start_response comes too late: the head is sent")
                    raise (exc_info[1] or late).with_traceback(exc_info[2])
            finally:
                exc_info = None  # PEP 3333, "start_response": no reference cycle through the traceback
        elif self._status is not None:
            raise ApplicationError("start_response was called again without exc_info")
        self._status = ""  # called, even if the checks below raise
        try:
            head = CHECKED[status, tuple(headers)] if type(headers) is list else check_head(status, headers)
        except (KeyError, TypeError):  # not seen before, or not even hashable
            head = check_head(status, headers)
        self._status, self._fields, self._length, self._bare = head
        return self.write

    def write(self, data: object) -> None:
        """PEP 3333's write(): as if `data` had been yielded. Raises ConnectionError when the peer has gone."""
        if self._over:  # what is sent now would be taken for a part of the next response
            raise ApplicationError("write() comes too late: the response is over")
        if not isinstance(data, bytes):
            raise ApplicationError(f"write() takes bytes, not {type(data).__name__}")
        if data and not self._send(data) and not self._no_content:
            raise ApplicationError("the application writes more than its Content-Length")
        if self._transport.full:  # an iterable would rest now, but whoever calls us cannot
            self._transport.drain()

    def finish(self) -> None:
        """End the response with what was given so far; the call goes on, and may give nothing more.

        Raises ApplicationError before start_response, and when it is over already; ConnectionError when the peer has
        gone, like write().
        """
        if self._over:
            raise ApplicationError("finish_response() comes too late: the response is over")
        self._finish()
        self._over = self._no_content = True  # whatever comes now is dropped
        self._transport.finish(close=self._encoder.close_after)

    def raw(self) -> None:
        """Send what the application gives from now on unchanged. The encoder must have `begin_raw`, as HTTP's has.

        Raises ApplicationError after start_response.
        """
        if self._over or self._status is not None:
            raise ApplicationError("raw_response() comes too late: the response has a head")
        self._encoder.begin_raw()  # type: ignore[attr-defined]  # whoever offers this to the application knows it has it
        self._status = _RAW
        self._no_content = False  # the answer to HEAD is the application's, too
        self.head_sent = True

    # -- what the session calls ----------------------------------------------------------------------------------

    def respond(self, application: Application, environ: dict[str, Any]) -> None:
        """Call the application and send what it gives, to the end or until the transport is full. Never raises."""
        self._environ, self._errors = environ, environ["wsgi.errors"]
        environ["gatelab.finish_response"] = self.finish
        try:
            iterable = self._iterable = application(environ, self.start_response)
            if (type(iterable) is list or type(iterable) is tuple) and len(iterable) == 1 and not self.head_sent:
                self._send_whole(iterable[0])
                self._over = True  # neither a list nor a tuple has a close()
                self._environ = _FINISHED
                return
            self._iterator = self._file(iterable) if type(iterable) is FileWrapper else iter(iterable)
        except BaseException as error:
            self._fail(error)
            return
        self.resume()

    def resume(self) -> None:
        """Go on after a pause. Never raises."""
        self.paused = False
        assert self._iterator is not None
        try:
            for data in self._iterator:
                if not isinstance(data, bytes):
                    raise ApplicationError(f"the application must yield bytes, not {type(data).__name__}")
                if data and not self._send(data):
                    break
                if self._transport.full and not self._over:
                    self.paused = True
                    return
            self._finish()
        except BaseException as error:
            self._fail(error)
            return
        self._close()

    def abandon(self) -> None:
        """The peer has gone, or the server ends: close the iterable, send nothing more. Never raises."""
        self.paused = False
        self._close()

    # -- sending -------------------------------------------------------------------------------------------------

    def _head(self, known_length: int | None) -> bytes:
        """Encode the head; from here on the status cannot change."""
        if not self._status:
            raise ApplicationError("the application gave data before it called start_response")
        length = self._length if self._length is not None else known_length
        self._left = length
        if self._bare or (self._no_content and not length):
            length = self._length  # that no bytes come here says nothing about the answer to a GET
        head = self._encoder.head(self._status, self._fields, length)
        self._no_content = self._no_content or self._bare
        self.head_sent = True
        return head

    def _send_whole(self, data: object) -> None:
        """The common case, a list of one bytestring: its length is known, so head, content and end are one write."""
        if type(data) is not bytes and not isinstance(data, bytes):
            raise ApplicationError(f"the application must return bytes, not {type(data).__name__}")
        status, length = self._status, self._length
        exact = length is None or length == len(data)
        if exact and data and status and not self._no_content and not self._bare:
            out = self._encoder.whole(status, self._fields, data)
            self.head_sent = True
            self._transport.write(out)
            return
        out = self._head(len(data))
        if data and not self._no_content:
            self._transport.write(out)
            self._send(data)
            out = b""
        self._end(out)

    def _send(self, data: bytes) -> bool:
        """Send a piece of content, after the head if that is still to go. False: no more content may follow."""
        out = b"" if self.head_sent else self._head(None)
        if self._no_content:
            if out:
                self._transport.write(out)
            return False
        left = self._left
        over = False
        if left is not None:
            over = len(data) > left
            if over:
                data = data[:left]
            self._left = left - len(data)
        if data:
            out += self._encoder.data(data)
        if out:
            self._transport.write(out)
        if over:
            self._log("the application gave more than its Content-Length; the rest was cut")
        return not over

    def _file(self, file: FileWrapper) -> Iterator[bytes]:
        """Let the kernel send a file, if it can; give the blocks that must be sent otherwise."""
        part = file.part()
        if part is not None and self._length is None and not self.head_sent and not self._bare:
            self._length = part[2]
        length = self._left if self.head_sent else self._length
        if self._bare or self._no_content:
            return
        if part is None or length is None or not self._encoder.raw or not self._transport.can_send_file:
            yield from file.blocks(length)
            return
        if not self.head_sent:
            self._transport.write(self._head(None))
        fd, position, count = part
        count = min(count, length)
        self._left = length - count
        if count:
            self._encoder.skip(count)
            self._transport.send_file(fd, position, count)
            yield b""  # rest until all is sent: only then may the file be closed

    def _finish(self) -> None:
        """The iterable has ended (or no more of it may be sent)."""
        self._end(b"" if self.head_sent else self._head(0))

    def _end(self, out: bytes) -> None:
        """Send `out` and the end of the response; or cut the connection if content is missing."""
        if self._over:  # since finish()
            return
        if self._left and not self._no_content:
            if out:
                self._transport.write(out)
            self._log(f"the application gave {self._left} bytes fewer than its Content-Length; the connection is cut")
            self._transport.abort()
            return
        out += self._encoder.end()
        if out:
            self._transport.write(out)

    # -- the end -------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Call the iterable's close(), exactly once (PEP 3333, "Specification Details")."""
        self._over = True
        iterable, self._iterable, self._iterator = self._iterable, None, None
        try:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self._log_traceback(error)
        self._environ = _FINISHED

    def _fail(self, error: BaseException) -> None:
        """Log what went wrong. If nothing was sent yet, answer 500, or 502 for a backend; else cut the connection."""
        if self._transport.lost:
            self._close()
            return
        if isinstance(error, BackendError):
            self._log(str(error))  # not a fault of the application's code, so its traceback would tell nothing
        else:
            self._log_traceback(error)
        try:
            if self._over:
                pass  # since finish(): the peer has all of it
            elif self.head_sent:
                self._transport.abort()
            else:
                body = _ERROR_BODY
                self._status, self._fields, self._length, self._bare = _ERROR_HEAD
                if isinstance(error, BackendError):
                    self._status = _BACKEND_STATUS.get(error.status, "502 Bad Gateway")
                    body = f"{error}\n".encode()
                self._send_whole(body)
        except ConnectionError:
            pass  # the peer left while we were telling it
        except LocalProtocolError:  # a defect of ours: it costs this request, not the worker
            self._transport.abort()
        self._close()

    def _log(self, sentence: str) -> None:
        """Write a sentence, or a traceback, with the request in front. A broken error stream is survived."""
        get = self._environ.get
        try:
            request = f"{get('REQUEST_METHOD')} {get('SCRIPT_NAME', '')}{get('PATH_INFO', '')}".translate(_ESCAPES)
            note = f"{request[:_REQUEST_MAX]}: {sentence}\n"
            report = getattr(self._errors, "report", None)  # of a stream that leads elsewhere than to the server's log
            if report is not None:
                report(note)
                return
            self._errors.write(note)
            self._errors.flush()
        except Exception:  # noqa: S110 - it must not take the worker with it
            pass

    def _log_traceback(self, error: BaseException) -> None:
        import traceback  # here: only failures need it, and it is slow to import

        try:
            text = "".join(traceback.format_exception(error))
        except Exception as broken:
            text = f"{type(error).__name__}, which cannot be shown: {type(broken).__name__}"
        error.__traceback__ = None
        self._log("the application raised an exception\n" + text.rstrip("\n"))
