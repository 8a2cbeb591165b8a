"""New code (HUP) and a new program (USR2) under full load: which requests fail?

Two crowds ask all the time over kept connections: one without a pause, so the server is never idle, and a small one
that pauses, so some connections always are. A server that reloads may close a connection in three ways:

    announced   an answer says `Connection: close`: nothing is lost, ever
    idle        with no request under way: RFC 9112 section 9.5 allows it at any time
    crossing    as above, while the next request was on its way: no byte of an answer comes, and the client may make an
                idempotent request again (section 9.3.1). A kept connection only, and only once: then it has not failed

Everything else is a failed request. The crossings are counted too, since a server can do without them: that is the
strict count.
"""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import psutil

from gateway_bench.errors import ProofFailed
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Yield
from gateway_bench.proofs.ground import Findings, Ground, Running, row_of, wait_for
from gateway_bench.record.document import Reading

__all__ = ["prove"]

WORKERS = 2
USERS = 32
PAUSING = 8
PAUSE = 0.02
REPLACED_LIMIT = 60.0
"""Seconds for all old processes to have been replaced by new ones, with the machine busy."""
SIGNALS = {"hup": signal.SIGHUP, "usr2": signal.SIGUSR2}


def prove(ground: Ground) -> Findings:
    """Return, for each signal, the requests that failed, those that crossed a close, and those that were made."""
    found = Findings()
    times = 2 if ground.quick else 10
    for name, number in SIGNALS.items():
        with ground.server("--workers", str(WORKERS)) as running, ExitStack() as stack:
            crowds = [
                stack.enter_context(ground.crowd(running.address, "hello", USERS, retry=True, seconds=600.0)),
                stack.enter_context(
                    ground.crowd(running.address, "hello", PAUSING, retry=True, seconds=600.0, pause=PAUSE)
                ),
            ]
            for crowd in crowds:
                crowd.begin()
            for count in range(1, times + 1):
                ground.doing(f"reload: {name.upper()} {count} of {times}")
                _replace(running, number)
            told = [_end(crowd) for crowd in crowds]
        _conclude(found, name, times, told)
    return found


def _replace(running: Running, number: int) -> None:
    """Send the signal, and wait until the workers (after USR2 the first process too) are others."""
    chief = running.service.chief()
    old = running.workers() | ({chief} if number == signal.SIGUSR2 else set())
    os.kill(chief, number)

    def replaced() -> bool:
        if not running.alive():
            raise ProofFailed(f"the server ended after {signal.Signals(number).name}")
        return not any(map(_lives, old)) and len(running.workers()) == WORKERS

    wait_for(replaced, REPLACED_LIMIT, f"{signal.Signals(number).name} replaces every process")


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _end(crowd: LoadProcess) -> Yield:
    crowd.stop()
    return crowd.finish()


def _conclude(found: Findings, name: str, times: int, told: list[Yield]) -> None:
    shown = f"{times} times {name.upper()}"
    totals = {
        "failed": sum(sum(each["errors"].values()) for each in told),
        "crossed": sum(each["connections"]["retried"] for each in told),
        "announced": sum(each["connections"]["announced"] for each in told),
        "idle": sum(each["connections"]["idle"] for each in told),
        "requests": sum(each["requests"] for each in told),
    }
    about = {
        "failed": "requests that failed",
        "crossed": "requests that crossed a close, and were made again (the strict count adds them)",
        "announced": "connections closed as an answer announced",
        "idle": "connections closed while idle",
        "requests": "requests made",
    }
    for key, value in totals.items():
        found.add(f"{name}-{key}", value, "", f"{shown}: {about[key]}")
    for crowd, each in zip(("busy", "pausing"), told, strict=True):
        who: Reading = {"signal": name, "crowd": crowd}
        latency, opened = each["latency"], each["connections"]["opened"]
        whole: Reading = {
            "requests": each["requests"],
            "opened": opened,
            "p99_us": latency["p99"],
            "max_us": latency["max"],
        }
        found.readings.append(who | whole)
        found.readings += [who | row_of(loss) for loss in each["connections"]["losses"]]
