"""What one request costs a server: the processor time of its worker, in microseconds.

Linux tells it to the nanosecond (/proc/PID/schedstat of each thread); elsewhere it comes in hundredths of a second, and
a stretch has to be long enough for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psutil

from gateway_lab.errors import LabError
from gateway_lab.servers import Server
from lesson_kit.visitors import Visitors

__all__ = ["PROGRAMS", "cost_of", "costs"]

PROGRAMS = Path(__file__).with_name("programs")
LEAST = 200
"""Requests of a stretch, at least."""


def costs(servers: Mapping[str, Server], rounds: int, seconds: float) -> list[dict[str, float]]:
    """Return for each round what a request to each server costs, the first one first and last in turn."""
    found = []
    with Visitors() as visitors:
        for name in servers:  # what is imported and learnt at the first requests is nobody's cost here
            cost_of(servers[name], visitors, seconds / 2)
        for number in range(rounds):
            order = list(servers) if number % 2 else list(servers)[::-1]
            told = {name: cost_of(servers[name], visitors, seconds) for name in order}
            found.append({name: told[name] for name in servers})
    return found


def cost_of(server: Server, visitors: Visitors, seconds: float) -> float:
    """Return the microseconds of processor time that a request costs, asked for so many seconds. Raises LabError."""
    used: list[float] = []
    told = visitors.ask(
        server.url, "/", seconds=seconds, least=LEAST, before=lambda: used.append(_processor_seconds(server))
    )
    used.append(_processor_seconds(server))
    return round(1e6 * (used[1] - used[0]) / told["requests"], 2)


def _processor_seconds(server: Server) -> float:
    try:
        workers = psutil.Process(server.pid).children()
        files = [file for one in workers for file in Path(f"/proc/{one.pid}/task").glob("*/schedstat")]
        if files:
            return sum(int(file.read_text("ascii").split()[0]) for file in files) / 1e9
        return float(sum(sum(one.cpu_times()[:2]) for one in workers))
    except (psutil.Error, OSError, ValueError):
        raise LabError("The server has ended meanwhile: run the cell again.") from None
