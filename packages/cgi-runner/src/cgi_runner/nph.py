"""Programs that write the whole response themselves (RFC 3875 section 5): status line, fields and all.

::

    nph-clock.cgi   HTTP/1.1 200 OK CRLF ...   ---- unchanged ---->   client; and then the connection closes

"Non-parsed headers" was how a program of 1994 could answer as it pleased: send status codes that its server did not
know, or push one picture after another. Which programs they are is told by the beginning of the file's name, `nph-`,
as since NCSA httpd; what comes out is not looked at (section 5.1). Content goes to them as to all others, without what
HTTP has put around it, since no program could know how much of it to read otherwise.

What can be checked is that there is an answer at all: before its first byte, the server can still say 502 or 504.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway_core.errors import BadGateway

from .refused import Refused
from .run import DIED, Output

__all__ = ["Raw", "raw_response"]


def raw_response(environ: dict[str, Any]) -> Callable[[], None]:
    """Return what makes the response of a request a raw one. Raises Refused, 501, where the protocol has no such."""
    found: Callable[[], None] | None = environ.get("gatelab.raw_response")
    if found is None:
        raise Refused("501 Not Implemented", "Programs that write the whole response (nph-) need HTTP to the client.")
    return found


class Raw:
    """The raw response in an `output`: an iterable of bytes with close()."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._first = b""

    def wait(self) -> None:
        """Wait for the first bytes. Raises BackendError; the program has been seen to then."""
        try:
            self._first = self._output.read()
            if not self._first:
                self._output.died()
                self._output.judge("not a response: the output is empty")
                raise BadGateway("The program has not answered; the server's log says more.")
        except BaseException:
            self.close()
            raise
        self._output.head_has_come()

    def __iter__(self) -> Raw:
        return self

    def __next__(self) -> bytes:
        data, self._first = self._first or self._output.read(), b""
        if data:
            return data
        if self._output.died():
            raise BadGateway(DIED)
        raise StopIteration

    def close(self) -> None:
        """See to the program; see `Output.close`."""
        self._output.close()
