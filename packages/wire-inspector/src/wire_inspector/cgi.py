r"""CGI: what a program gets and what it gives (RFC 3875).

::

    execve()   REQUEST_METHOD=GET \0 PATH_INFO=/a \0 ...     no wire at all: `environment` shows it as Linux keeps it
    stdin      the request's content                         in pieces
    stdout     Status: 200 OK LF ... LF content              head, and content in pieces
"""

from __future__ import annotations

from gateway_core.events import Variables

from . import meanings
from .cgi_head import response
from .content import content
from .message import FRONT, Field, Message, size_of
from .stream import Steps, Stream

__all__ = ["CGI", "environment"]


class CGI:
    """The decoder of one program's standard input and output."""

    name = "CGI"

    def front(self, stream: Stream) -> Steps[None]:
        """Decode standard input: nothing but content."""
        return content(stream, None)

    def backend(self, stream: Stream) -> Steps[None]:
        """Decode standard output."""
        if (yield from stream.more()):
            yield from response(stream)


def environment(variables: Variables) -> Message:
    """Return the environment of a program, as its memory and /proc/PID/environ hold it, as one message.

    It is on no wire, so it stands at offset 0, before standard input. Text that is not latin-1 is taken as UTF-8.
    """
    data = b""
    fields = []
    for name, value in variables:
        fields.append(_string(_encode(name), _encode(value), len(data)))
        data += b"%b=%b\0" % (_encode(name), _encode(value))
    title = f"environment, {len(variables)} variables, {size_of(len(data))}"
    return Message(CGI.name, FRONT, 0, data, title, tuple(fields))


def _encode(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _string(name: bytes, value: bytes, start: int) -> Field:
    text, middle = name.decode("latin-1"), start + len(name)
    end = middle + 1 + len(value)
    children = (
        Field("name", start, middle, text),
        Field("=", middle, middle + 1, ""),
        Field("value", middle + 1, end, value.decode("latin-1")),
        Field("NUL", end, end + 1, ""),
    )
    return Field(text, start, end + 1, value.decode("latin-1"), meanings.of_variable(text), children)
