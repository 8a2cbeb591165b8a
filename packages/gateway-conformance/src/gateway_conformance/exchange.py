"""One request to a gateway, driven as a case says, and what was seen of the answer."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

from gateway_core.client import ClientCodec
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Data, EndOfMessage, Fields, NotNow, Response
from gateway_runtime.addresses import Address, Channel, connect

from .case import Case, Drive
from .wire import codec_for, request_event

__all__ = ["End", "Seen", "exchange"]

TIMEOUT = 15.0
"""Seconds for each silence of the gateway. Only one that fails is silent so long."""

_RECEIVE = 64 * 1024


class End(enum.Enum):
    """How an exchange ended."""

    COMPLETE = "the response was complete"
    ABORTED = "the connection was cut"
    BROKEN = "what came breaks the protocol"
    LEFT = "the client left, as it was to"
    SILENT = f"nothing came for {TIMEOUT:g} seconds"
    REFUSED = "the gateway does not accept a connection"


@dataclass(slots=True)
class Seen:
    """What came back. `eof`: the gateway closed. `why` tells more of an end that was not expected."""

    end: End = End.COMPLETE
    status: int = 0
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    eof: bool = False
    why: str = ""


def exchange(address: Address, scheme: str, case: Case, target: str, record: Path) -> Seen:
    """Send the case's request to `target` and drive the client as the case says. `record`: the file for notes."""
    seen = Seen()
    try:
        channel = connect(address, TIMEOUT)
    except OSError as error:
        return Seen(End.REFUSED, why=str(error))
    codec = codec_for(scheme, case.method)
    try:
        _send(channel, _encode(scheme, case, target, codec))
        if case.drive is Drive.HALF:
            seen.end = End.LEFT
        else:
            _receive(channel, codec, case, record, seen)
    except TimeoutError:
        seen.end = End.SILENT
    except OSError as error:
        seen.end, seen.why = End.ABORTED, str(error)
    except RemoteProtocolError as error:
        seen.end, seen.why = End.ABORTED if seen.eof else End.BROKEN, str(error)
    finally:
        channel.close()
    return seen


def _encode(scheme: str, case: Case, target: str, codec: ClientCodec) -> bytes:
    """Encode the request with all of its content, or half of it."""
    if case.drive is Drive.HALF:
        return codec.send(request_event(scheme, case, target, case.body[: len(case.body) // 2], complete=False))
    if case.chunked:
        head = codec.send(request_event(scheme, case, target, b"", complete=False))
        half = len(case.body) // 2
        pieces = [Data(piece) for piece in (case.body[:half], case.body[half:]) if piece]
        return head + b"".join(map(codec.send, pieces)) + codec.send(EndOfMessage())
    return codec.send(request_event(scheme, case, target, case.body, complete=True))


def _send(channel: Channel, data: bytes) -> None:
    """Send; a gateway that answers before it has read all is no error."""
    try:
        channel.sendall(data)
    except ConnectionError:
        pass


def _receive(channel: Channel, codec: ClientCodec, case: Case, record: Path, seen: Seen) -> None:
    """Read the response to its end, or as far as the case wants it."""
    while True:
        event = codec.next_event()
        if isinstance(event, NotNow):
            data = channel.recv(_RECEIVE)
            seen.eof = not data
            codec.receive_data(data)
        elif isinstance(event, Response):
            seen.status, seen.fields = event.status, event.fields
        elif isinstance(event, EndOfMessage):
            return
        elif isinstance(event, Data):
            if case.drive is Drive.LEAVE:
                seen.end = End.LEFT
                return
            if case.drive is Drive.STEPWISE and not seen.body:
                with record.open("a") as notes:
                    notes.write("go\n")
            seen.body += event.data
