"""What the fuzz targets share: how an input is laid out, how a codec is fed, and what must be the same in the end.

An input is three bytes and a stream. Bit 0 of the first byte chooses the role (the application's side reads a front's
bytes, the web server's side a backend's), bit 1 an end of file, the others what a target likes; the second seeds the
cuts, the third is the target's. The stream is fed whole, byte by byte and at those cuts, and must come to the same each
time: adjacent pieces of content joined, an error at the same place with the same words, and nothing raised but errors
of the protocol.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import atheris

from gatelab.recording import Recording
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import ConnectionClosed, Data, EndOfMessage, NotNow, Request, Response

__all__ = ["HEADER", "ROOT", "captured", "client_outcome", "run", "server_outcome", "tell", "thrice"]

HEADER = 3
"""Bytes of an input that are not fed."""

LARGEST = 2000
"""Bytes of a seed: the fuzzer's own limit is about twice that."""

ROOT = Path(__file__).resolve().parent.parent
Outcome = tuple[list[tuple[Any, ...]], str]


def thrice(data: bytes, outcome: Callable[[Iterable[bytes]], Any]) -> Any:
    """Return the outcome of the stream in `data`. Raises AssertionError if it depends on the cuts."""
    stream = data[HEADER:]
    source = random.Random(data[1])  # noqa: S311 - it must be the same the next time
    whole = outcome([stream] if stream else [])
    for cuts in (range(len(stream)), source.sample(range(len(stream) + 1), min(len(stream), 4))):
        places = sorted({0, *cuts, len(stream)})
        pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
        assert outcome(pieces) == whole, (pieces, outcome(pieces), whole)
    return whole


def client_outcome(codec: Any, pieces: Iterable[bytes], eof: bool) -> Outcome:
    """Feed a backend's bytes to a client that has sent its request; return what came of it, and how it ended."""
    told: list[tuple[Any, ...]] = []
    try:
        for piece in [*pieces, b""] if eof else pieces:
            codec.receive_data(piece)
            while not isinstance(event := codec.next_event(), NotNow):
                tell(told, event)
    except RemoteProtocolError as error:
        return told, f"{error.status} {error}"
    return told, f"reusable: {codec.reusable}"


def server_outcome(codec: Any, pieces: Iterable[bytes], eof: bool) -> Outcome:
    """Feed a front's bytes to a server that carries one request; return what came of it, and how it ended."""
    told: list[tuple[Any, ...]] = []
    try:
        for piece in [*pieces, b""] if eof else pieces:
            codec.receive_data(piece)
            while not isinstance(event := codec.next_event(), NotNow):
                if isinstance(event, ConnectionClosed):
                    return told, f"closed {codec.data_to_send()!r}"
                tell(told, event)
    except RemoteProtocolError as error:
        return [one for one in told if one[0] is not Data], f"{error.status} {error} {codec.refusal(error)!r}"
    return told, "open"


def tell(told: list[tuple[Any, ...]], event: Any) -> None:
    """Note an event, so that it does not show in how many pieces content came."""
    if isinstance(event, Request):
        told.append((Request, tuple(event.variables)))
        event = Data(event.body)
    if isinstance(event, Data):
        if told and told[-1][0] is Data:
            event = Data(told.pop()[1] + event.data)
        if event.data:
            told.append((Data, event.data))
    elif isinstance(event, Response):
        told.append((type(event), event.status, event.reason, tuple(event.fields)))
    elif not isinstance(event, EndOfMessage):
        told.append((type(event), str(event)))


def captured(protocol: str, sender: Literal["front", "backend"]) -> list[bytes]:
    """Return what fronts or backends have really sent in that protocol, a connection each."""
    found = []
    for path in sorted(ROOT.glob("captures/*.json")):
        recording = Recording.load(path)
        if recording.protocol == protocol:
            found += [connection.bytes_from(sender) for connection in recording.connections]
    return found


def run(check: Callable[[bytes], None], seeds: Iterable[bytes]) -> None:
    """Run libFuzzer; the first argument that is no option is the corpus, begun from `seeds` if there is none yet.

    All options are libFuzzer's. On a failure it writes the input to a file, which it runs again when given as an
    argument.
    """
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    if folders and not folders[0].is_file() and not any(folders[0].glob("*")):
        folders[0].mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seed for seed in seeds if len(seed) < LARGEST):
            (folders[0] / f"seed-{number:03}").write_bytes(seed)

    def one_input(data: bytes) -> None:
        if len(data) >= HEADER:
            check(data)

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
