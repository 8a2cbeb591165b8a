"""A hundred requests at once on one FastCGI connection: do they end when their own work does?

All are sent before the first can end, in random order; each is told at which moment its work is over, one `SPACING`
after the other, and one in the middle is aborted while it works. A server that takes one request of a connection at a
time would end them in the order in which they came; one that multiplexes ends them in the order of their work.
"""

from __future__ import annotations

import itertools
import random
import socket
import time

from fastcgi_server.records import (
    ABORT_REQUEST,
    BEGIN_REQUEST,
    END_REQUEST,
    PARAMS,
    STDIN,
    STDOUT,
    RecordReader,
    encode_pairs,
    encode_record,
)
from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.record.document import Reading
from gateway_core.events import Variables

__all__ = ["prove"]

NUMBER = 100
"""The protocol allows 65,535; one connection of ours 64 unless it is told otherwise."""
HEAD_START = 2.0
"""Seconds from the first request to the end of the first work: by then all are at work."""
SPACING = 0.05
"""Seconds between the ends of two works."""
TIME_LIMIT = 30.0
RECEIVE = 65_536


def prove(ground: Ground) -> Findings:
    """Return `out-of-order` (ends before an earlier work's), `lost`, `wait` (from work's end to ours), `aborted`."""
    found = Findings()
    ground.doing(f"interleaved: {NUMBER} requests on one connection")
    options = ("--threads", str(NUMBER + 1), "--max-requests-per-connection", str(NUMBER))
    with (
        ground.server(*options, app="proof_app:app", module="fastcgi_server") as running,
        running.address.connect(TIME_LIMIT) as connection,
    ):
        ends, works, aborted = _ask(connection)
        again = _listen(connection, _request(1, time.monotonic()), {1}, [])  # it still takes requests
    done = [request for request, _, right in ends if right and request != aborted]
    moments = [works[request] for request in done]
    waits = [at - works[request] for request, at, _ in ends if request != aborted]
    backward = sum(second < first for first, second in itertools.pairwise(moments))
    found.readings += [_reading(request, at, works[request], right, aborted) for request, at, right in ends]
    stopped = [at for request, at, _ in ends if request == aborted]
    lost = NUMBER - 1 - len(done) + (not again)
    found.add("out-of-order", backward, "", "requests that ended before one whose work ended earlier")
    found.add("lost", lost, "", "requests without their right answer, the aborted one aside")
    found.add("wait", 1e6 * max(waits, default=0.0), "us", "from the end of a work to that of its request, at most")
    found.add("aborted", len(stopped), "", "requests aborted, and ended by the server")
    return found


def _ask(connection: socket.socket) -> tuple[list[tuple[int, float, bool]], dict[int, float], int]:
    """Send all, abort one, and return (request, moment, right) in order of their ends, the works' ends, and the one."""
    dice = random.Random(1)  # noqa: S311  # an order, not a secret
    first = time.monotonic() + HEAD_START
    works = {
        request: first + number * SPACING for number, request in enumerate(dice.sample(range(1, NUMBER + 1), NUMBER))
    }
    for request in range(1, NUMBER + 1):
        connection.sendall(_request(request, works[request]))
    if time.monotonic() > first:
        raise ProofFailed(f"this machine takes more than {HEAD_START:g} s to send {NUMBER} requests")
    aborted = sorted(works, key=lambda request: works[request])[NUMBER // 2]
    ends = _listen(connection, encode_record(ABORT_REQUEST, aborted, b""), set(works), [])
    return ends, works, aborted


def _request(request: int, until: float) -> bytes:
    """Return the records of one request, whose work is over at `until`."""
    variables: Variables = [
        ("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", ""), ("PATH_INFO", "/until"), ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("QUERY_STRING", f"us={until * 1e6:.0f}"), ("SERVER_NAME", "x"), ("SERVER_PORT", "80"),
    ]  # fmt: skip
    begin = encode_record(BEGIN_REQUEST, request, b"\0\1\1\0\0\0\0\0")
    params = encode_record(PARAMS, request, encode_pairs(variables)) + encode_record(PARAMS, request, b"")
    return begin + params + encode_record(STDIN, request, b"")


def _listen(
    connection: socket.socket, last: bytes, waited_for: set[int], ends: list[tuple[int, float, bool]]
) -> list[tuple[int, float, bool]]:
    """Send `last`, and take records until all have ended: (request, moment, whether its answer was right) each."""
    reader, said, left = RecordReader(), dict.fromkeys(waited_for, b""), set(waited_for)
    connection.sendall(last)
    while left:
        interrupts.check()
        data = connection.recv(RECEIVE)
        if not data:
            break
        reader.receive(data)
        while (record := reader.next()) is not None:
            if record.type == STDOUT:
                said[record.request_id] += record.content
            elif record.type == END_REQUEST:
                left.discard(record.request_id)
                right = said[record.request_id].endswith(b"\r\n\r\ndone\n")
                ends.append((record.request_id, time.monotonic(), right))
    return ends


def _reading(request: int, at: float, work: float, right: bool, aborted: int) -> Reading:
    return {"request": request, "end_after_work_us": round((at - work) * 1e6), "right": right,
            "aborted": request == aborted}  # fmt: skip
