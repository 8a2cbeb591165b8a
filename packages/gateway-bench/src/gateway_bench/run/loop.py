"""A row that is no server: a program that repeats something by itself for some seconds, and says what came of it.

It is server and generator in one, so there is one account: the time of its processes, ended ones included.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed
from gateway_bench.load.job import Yield
from gateway_bench.record.document import Generator, Parameters, Repeat
from gateway_bench.run.measure import Place, only_time
from gateway_bench.samples.processes import MemorySampler, Tree, machine_busy_seconds

__all__ = ["measure_loop"]

PATIENCE = 30.0
"""Seconds beside its own before it is given up."""
ENGINE = "loop"


def measure_loop(gateway: str, argv: Sequence[str], scenario: str, parameters: Parameters, place: Place) -> Repeat:
    """Let the program repeat itself, with as many processes as there are visitors. Raises LoadFailed.

    Its processes are server and generator in one: all that they used stands with the server.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    command = [*argv, "--processes", str(parameters["users"]), "--seconds", str(parameters["seconds"])]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        busy, began = machine_busy_seconds(), time.monotonic()
        with MemorySampler({ENGINE: Tree(process.pid)}).running() as sampler:
            told = _told(process, parameters["seconds"] + PATIENCE)
        passed, busy = time.monotonic() - began, machine_busy_seconds() - busy
    finally:
        _end(process)
    others = (busy - told["generator_cpu"]) / (passed * (os.cpu_count() or 1))
    used = round(told["generator_cpu"], 6)
    clients = told.get("connections")  # a loop of clients starts no process for a request, as the others do
    return Repeat(
        gateway=gateway,
        scenario=scenario,
        question="capacity",
        rate=None,
        shape="",
        offered=None,
        users=parameters["users"],
        round=place.round,
        position=place.position,
        started=started,
        engine=ENGINE,
        warmup=told["warmup"],
        seconds=told["seconds"],
        requests=told["requests"],
        errors=told["errors"],
        content_bytes=told["content_bytes"],
        latency=told["latency"],
        exchanges=told["exchanges"],
        lateness=None,
        timeline=[],
        server=only_time(used) | {"memory": sampler.result(ENGINE)},
        front=None,
        generator=Generator(**only_time(0.0), share=0.0, saturated=False),
        spawned=None if clients else told["requests"],
        births_from="events",
        lost_events=0,
        processes=1 + parameters["users"],
        others_share=round(min(1.0, max(0.0, others)), 4),
        queue_wait=None,
        connections=clients["opened"] if clients else None,
        team=[],
    )


def _told(process: subprocess.Popen[str], limit: float) -> Yield:
    """Wait for its end and return what it said. Raises LoadFailed."""
    deadline, output = time.monotonic() + limit, None
    while output is None:
        try:
            output, _ = process.communicate(timeout=interrupts.STEP)
        except subprocess.TimeoutExpired:
            interrupts.check()
            if time.monotonic() > deadline:
                raise LoadFailed(f"the loop did not end within {limit:.0f} s") from None
    last = output.strip().rpartition("\n")[2]
    if process.returncode != 0 or not last.startswith("{"):
        raise LoadFailed(f"the loop ended with exit code {process.returncode}", output)
    return cast("Yield", json.loads(last))


def _end(process: subprocess.Popen[str]) -> None:
    """Kill what is left of it: it has a session, and so a process group, of its own."""
    with process:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of ended processes
            pass
