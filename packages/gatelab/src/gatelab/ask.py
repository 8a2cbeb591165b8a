"""One question to a server: connect, send a request without content, read the answer to its end.

The HTTP is the client half of our own codec, so an answer with a length, in chunks, or until the end of file are all
the same here. A connection for each question: a report a second is no load, and a server that has restarted is
found again without any thought.
"""

from __future__ import annotations

import asyncio
import errno
import os
from typing import NamedTuple

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Data, EndOfMessage, NotNow, Response
from gateway_core.http1 import ClientConnection, HttpRequest

from . import figures
from .errors import Refused, Unreachable
from .report import Report, read_report
from .target import Target

__all__ = ["PATIENCE", "Answer", "ask", "command", "report_of"]

PATIENCE = 2.0
"""Seconds for a question and its answer. The master of a server answers within milliseconds, unless it is stuck."""

ANSWER_MAX = 16 * 1024 * 1024
"""Bytes of an answer. A thousand workers with a hundred threads make half of it."""

BLOCK = 64 * 1024

OK = 200

REASONS = {
    errno.ENOENT: "there is no such socket",
    errno.ECONNREFUSED: "nobody listens there",
    errno.EACCES: "this user may not connect there",
    errno.EPERM: "this user may not connect there",
    errno.ENOTSOCK: "that is no socket",
}
"""What an error number means for an address. Other errors say it themselves."""


async def report_of(target: Target) -> Report:
    """Return the report that is to be had at `target`. Raises Unreachable."""
    return read_report(await ask(target))


async def ask(target: Target) -> bytes:
    """Return what `target` answers when it is asked for the report. Raises Unreachable."""
    answer = await _exchange("GET", target, target.resource)
    if answer.status != OK:
        raise Unreachable(f"it answers {f'{answer.status} {answer.reason}'.rstrip()}, not with a report")
    return answer.content


async def command(target: Target, what: str) -> str:
    """Have a server do something through its control socket; return its sentence. Raises Refused, Unreachable."""
    answer = await _exchange("POST", target, what)
    sentence = figures.printable(answer.content.decode("utf-8", "replace").strip())
    if answer.status != OK:
        raise Refused(sentence or f"it answers {answer.status} {answer.reason}".rstrip())
    return sentence


class Answer(NamedTuple):
    """A response whose content has come whole."""

    status: int
    reason: str
    content: bytes


async def _exchange(method: str, target: Target, resource: str) -> Answer:
    """Ask, whatever it takes; what goes wrong, or takes too long, becomes Unreachable."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await _connect(target)
            connection = ClientConnection()
            writer.write(connection.send(HttpRequest(method, resource, "HTTP/1.1", [("host", target.authority)])))
            return await _read(connection, reader)
    except TimeoutError:
        raise Unreachable(f"it does not answer within {PATIENCE:g} s") from None
    except RemoteProtocolError as error:
        raise Unreachable(f"what answers there is no HTTP: {error}") from None
    except UnicodeError:
        raise Unreachable("that is no host name") from None
    except OSError as error:
        raise Unreachable(_reason(error)) from None
    finally:
        if writer is not None:
            writer.close()


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.path:
        return await asyncio.open_unix_connection(target.path)
    return await asyncio.open_connection(target.host, target.port)


async def _read(connection: ClientConnection, reader: asyncio.StreamReader) -> Answer:
    status, reason = 0, ""
    content = bytearray()
    while True:
        match connection.next_event():
            case NotNow():
                connection.receive_data(await reader.read(BLOCK))
            case Response(status=status, reason=reason):
                pass
            case Data(data=data):
                content += data
                if len(content) > ANSWER_MAX:
                    raise Unreachable(f"its answer is longer than {ANSWER_MAX >> 20} MiB")
            case EndOfMessage():
                return Answer(status, reason, bytes(content))


def _reason(error: OSError) -> str:
    if error.errno in REASONS:
        return REASONS[error.errno]
    # A host name that nobody knows has a number from another list; several addresses make one error without a number.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
