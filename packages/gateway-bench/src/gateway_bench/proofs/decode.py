"""How long each codec takes for a request as nginx really sends it, from bytes to an event.

The bytes are those of `captures/`, which were recorded from nginx; the request is its first GET. A new codec takes them
whole, as they come from one `recv`, and gives the request. It is the fullest of them: with cookies, a language, a field
that comes twice. The loop's own time is in the figure, and the median of many rounds is taken.
"""

from __future__ import annotations

import base64
import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.samples.cores import on_core, two_cores
from gateway_core.events import NotNow

__all__ = ["prove"]

CODECS = {
    "fastcgi": ("fastcgi_server.protocol", "nginx-fastcgi"),
    "scgi": ("scgi_server.protocol", "nginx-scgi"),
    "uwsgi": ("uwsgi_gateway.protocol", "nginx-uwsgi"),
}
"""Its module, and the recording."""
LOOPS = 2_000
ROUNDS = 51


def prove(ground: Ground) -> Findings:
    """Return `slowest`, and the time of each protocol, in microseconds."""
    found = Findings()
    rounds = 3 if ground.quick else ROUNDS
    with on_core(two_cores(apart=True)[0]):
        for protocol, (module, recording) in CODECS.items():
            ground.doing(f"decode: {protocol}")
            wire = _first_request(ground.home.parent / "captures" / f"{recording}.json")
            decode = _decoder(importlib.import_module(module).ServerConnection, wire)
            times = [_time(decode) for _ in range(rounds)]
            found.add(protocol, median(times), "us", f"to decode the {len(wire)} bytes of a GET of nginx")
            found.readings += [{"protocol": protocol, "us": round(value, 3)} for value in times]
    found.add("slowest", max(figure["value"] for figure in found.figures), "us", "the slowest of them")
    return found


def _first_request(path: Path) -> bytes:
    """Return what nginx sent first in a recording: a GET without content. Raises ProofFailed."""
    try:
        recording = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ProofFailed(f"cannot read {path}: {error.strerror}") from error
    segments = recording["connections"][0]["segments"]
    return base64.b64decode(segments[0]["data"])


def _decoder(codec: Callable[[], object], wire: bytes) -> Callable[[], None]:
    """Return what decodes the request once. Raises ProofFailed if it is not one."""

    def decode() -> None:
        connection: Any = codec()
        connection.receive_data(wire)
        connection.next_event()

    connection: Any = codec()
    connection.receive_data(wire)
    event = connection.next_event()
    if isinstance(event, NotNow) or not getattr(event, "complete", True):
        raise ProofFailed("the recording does not begin with a whole request")
    return decode


def _time(decode: Callable[[], None]) -> float:
    """Return microseconds of processor time for one, over many: what others take in between does not count."""
    interrupts.check()
    began = time.thread_time()
    for _ in range(LOOPS):
        decode()
    return (time.thread_time() - began) * 1e6 / LOOPS
