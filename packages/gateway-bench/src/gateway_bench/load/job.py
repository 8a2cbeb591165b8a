"""What the bench says to a load process, and what it hears back: lines of JSON, for one job after another.

::

    in    the job                           (see `Job`)
    out   {"phase": "warm"}                 the warm-up is over, every visitor has its answer and waits
    in    "go"
    in    "stop"                            if it is to end before its time (`gateway_bench.load.crowd_load` only)
    out   the answer                        (see `Yield`)
    in    the next job, or the end of the input, which ends the process
    out   {"failed": "one sentence"}        in place of either of these; then it ends

One process does many jobs, because to import locust takes longer than many a stretch of load.

Between "warm" and "go" nothing is in flight. The bench reads the server's accounts then, and again after the
answer, so they cover exactly the requests that the answer counts: no request is cut in two by a reading.

There are two kinds of stretch. In a *closed loop* (`rate` 0) each visitor makes one visit after another, as fast as it
is answered; what comes out is capacity. In an *open loop* visits begin at intended times, whatever becomes of those
before; what comes out is how long visitors wait. Both are bounded: at least `seconds` and at least `min_requests`
(open: visits), never longer than `max_seconds`. A fast gateway runs out the clock; a slow one (CGI) gets the time to
answer often enough.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from typing import NotRequired, TypedDict

from gateway_bench.errors import BenchError
from gateway_bench.load.latency import Latency
from gateway_bench.load.shapes import Shape

__all__ = ["STOP", "Connections", "Job", "Loss", "Member", "Moment", "Warmup", "Yield", "lasting", "serve_jobs"]

STOP = "stop"


class Job(TypedDict):
    """What to do. Times are in seconds.

    `warmup` bounds the warm-up (`gateway_bench.load.warming`), 0 is none, and `least_warmup` bounds it from below.
    `rate` is visits a second, 0 a closed loop; `seed` rules the intended times, and `shape`
    (`gateway_bench.load.shapes`) gives them in place of `rate`: these three are for locust. The rest is for the crowd
    (`gateway_bench.load.crowd`): `max_visits` bounds their number, exactly; `pause` is between a visitor's visits;
    `retry` asks again over a new connection where HTTP allows it.
    """

    address: str
    keep_alive: bool
    scenario: str
    users: int
    warmup: float
    seconds: float
    min_requests: int
    max_seconds: float
    rate: NotRequired[float]
    seed: NotRequired[int]
    shape: NotRequired[Shape]
    least_warmup: NotRequired[float]
    max_visits: NotRequired[int]
    pause: NotRequired[float]
    retry: NotRequired[bool]


class Warmup(TypedDict):
    """What was thrown away: its length, requests a second in each window of it, and whether the rate had settled."""

    seconds: float
    rates: list[float]
    settled: bool


class Moment(TypedDict):
    """A window of a shape, from `at` seconds on: requests a second offered and answered, latencies, errors."""

    at: float
    offered: float
    answered: float
    p50: int
    p99: int
    errors: int


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


class Member(TypedDict):
    """What one worker of a team did (`gateway_bench.load.team`): what a sum of all of them does not tell.

    `cpu_seconds` and `wait_seconds` are its `generator_cpu` and `generator_wait`.
    """

    worker: str
    users: int
    seconds: float
    requests: int
    cpu_seconds: float
    wait_seconds: float | None


class Yield(TypedDict):
    """What came of it. `requests` counts every attempt; `errors` those of them that failed, by kind.

    `seconds` of an open loop is the span of its schedule. `lateness` is the generator's own error there: by how much a
    visit began after its intended time although a visitor was free for it; it is within the latency, and None in a
    closed loop. `timeline` is empty without a shape. `generator_wait` are the seconds in which the generator was ready
    to run and had no processor; who never rests spends all `seconds` on it and on `generator_cpu`.
    """

    seconds: float
    requests: int
    errors: dict[str, int]
    content_bytes: int
    latency: Latency
    exchanges: dict[str, Latency]
    generator_cpu: float
    warmup: Warmup
    lateness: Latency | None
    timeline: list[Moment]
    generator_wait: NotRequired[float | None]
    connections: NotRequired[Connections]
    team: NotRequired[list[Member]]


def lasting(seconds: float, enough: Callable[[], bool], max_seconds: float) -> Callable[[], bool]:
    """Return a question: does it still last? It does until `seconds` passed and it is enough, or `max_seconds`."""
    began = time.monotonic()

    def lasts() -> bool:
        passed = time.monotonic() - began
        return passed < seconds or (passed < max_seconds and not enough())

    return lasts


def serve_jobs(drive: Callable[[Job, Callable[[], None]], Yield], hear: Callable[[], str]) -> int:
    """Do the jobs that `hear` gives, line by line, until it gives "": the whole life of a load process.

    `drive` does one job, and calls what it is given when it is warm. Returns the exit code.
    """

    def wait_for_go() -> None:
        _say({"phase": "warm"})
        if not hear():
            raise SystemExit(0)  # whoever started it has gone

    while line := hear():
        if line.strip() == STOP:
            continue  # it was on its way when the job ended by itself
        try:
            told = drive(json.loads(line), wait_for_go)
        except BenchError as error:
            _say({"failed": str(error)})
            return 1
        except Exception as error:
            traceback.print_exc()  # for those who mend it; before the answer, after which nobody may listen
            _say({"failed": f"{type(error).__name__}: {error}"})
            return 1
        _say(told)
    return 0


def _say(message: object) -> None:
    print(json.dumps(message), flush=True)
