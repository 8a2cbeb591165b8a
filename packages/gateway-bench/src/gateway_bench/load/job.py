"""What the bench says to a load process, and what it hears back: lines of JSON.

::

    in    the job                           (see `Job`)
    out   {"phase": "warm"}                 the warm-up is over, every visitor has its answer and waits
    in    "go"
    in    "stop"                            if it is to end before its time (`gateway_bench.load.crowd_load` only)
    out   the answer                        (see `Yield`); then it ends

Between "warm" and "go" nothing is in flight. The bench reads the server's accounts then, and again after the
answer, so they cover exactly the requests that the answer counts: no request is cut in two by a reading.

A stretch of load is bounded both ways: at least `seconds` and at least `min_requests`, never longer than
`max_seconds`. A fast gateway runs out the clock; a slow one (CGI) gets the time to answer often enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NotRequired, TypedDict

from gateway_bench.load.latency import Latency

__all__ = ["Connections", "Job", "Loss", "Yield", "lasting"]


class Job(TypedDict):
    """What to do. Times are in seconds. What is not required is for the crowd (`gateway_bench.load.crowd`) alone.

    `max_visits` bounds their number, exactly. `pause` is between a visitor's visits. `retry`: ask again over a new
    connection where HTTP allows it.
    """

    address: str
    keep_alive: bool
    scenario: str
    users: int
    warmup: float
    seconds: float
    min_requests: int
    max_seconds: float
    max_visits: NotRequired[int]
    pause: NotRequired[float]
    retry: NotRequired[bool]


class Loss(TypedDict):
    """A request without a right answer. `began` and `lost` are of the monotonic clock, which all processes share.

    `worker` is the process that the connection's earlier answers came from, 0 when it is not known.
    """

    kind: str
    began: float
    lost: float
    worker: int
    retried: bool


class Connections(TypedDict):
    """What became of the connections: how many were opened, and who closed them how.

    `announced`: after an answer with `Connection: close`. `idle`: by the server, with no request under way. `retried`:
    before the first byte of an answer, on a connection that had been kept; the request was then made again.
    """

    opened: int
    announced: int
    idle: int
    retried: int
    losses: list[Loss]


class Yield(TypedDict):
    """What came of it. `requests` counts every attempt; `errors` those of them that failed, by kind."""

    seconds: float
    requests: int
    errors: dict[str, int]
    content_bytes: int
    latency: Latency
    exchanges: dict[str, Latency]
    generator_cpu: float
    connections: NotRequired[Connections]


def lasting(seconds: float, enough: Callable[[], bool], max_seconds: float) -> Callable[[], bool]:
    """Return a question: does it still last? It does until `seconds` passed and it is enough, or `max_seconds`."""
    began = time.monotonic()

    def lasts() -> bool:
        passed = time.monotonic() - began
        return passed < seconds or (passed < max_seconds and not enough())

    return lasts
