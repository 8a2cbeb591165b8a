"""What the harness itself takes: recording and sampling, at a thousand requests a second, as a share of one core.

Whoever measures on the machine that is measured takes part of it. Two things go on beside each run of the load:

* **Recording.** Each request is a latency in an HDR histogram, and in an open loop a lateness in another. Here a
  thousand of them come in each second, one by one, as they do from a server: between two of them the processor does
  something else, and so each finds its caches as cold as a real one does. Only the time within `record` counts. Turning
  the histograms into text, at the end of a run, is in it.
* **Sampling**, while locust asks a server of three processes through a front of two, in an open loop: the memory of all
  three trees; births and ends, by the kernel's word, and reports, of which there is one for each request (as CGI would
  make them); the accounts of all trees before and after; the server's scoreboard. All that this process uses counts.

A look at the memory of a process also costs that process: it can map no memory meanwhile. So the time of one look is
told too, and what part of all time it is.
"""

from __future__ import annotations

import json
import random
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from gateway_bench import interrupts
from gateway_bench.load.address import Address
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Job
from gateway_bench.load.latency import Latencies
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.samples import procfs
from gateway_bench.samples.births import KernelBirths
from gateway_bench.samples.cores import two_cores
from gateway_bench.samples.processes import INTERVAL, MemorySampler, Tree, machine_busy_seconds
from gateway_bench.samples.scoreboard import queue_wait
from gateway_bench.samples.spawns import SpawnListener
from gateway_bench.samples.usage import read_usage

__all__ = ["prove"]

RATE = 1_000
"""Requests a second."""
SECONDS = 5.0
"""As long as a repeat, since what is done once a repeat is to weigh as it does there."""
QUICK_SECONDS = 0.5
ROUNDS = 3
KINDS = ("GET /guestbook", "POST /guestbook", "GET /guestbook, signed")
"""A visit has up to three kinds of request, each with a histogram of its own."""
MEDIAN_US, SPREAD = 2_000, 1.0
"""Of the latencies: from tenths of a millisecond to a tenth of a second, as they come from a busy server."""
VISITORS = 32
MARGIN = 0.5
"""Seconds that the load lasts longer than a round."""
LOOKS = 20


def prove(ground: Ground) -> Findings:
    """Return `share`, of one core, and its two parts."""
    found = Findings()
    seconds, rounds = (QUICK_SECONDS, 1) if ground.quick else (SECONDS, ROUNDS)
    ground.doing("cost: recording")
    recording = [_recording(seconds) for _ in range(rounds)]
    ground.doing("cost: sampling")
    sampling = _sampling(ground, seconds, rounds, found)
    for one, other in zip(recording, sampling, strict=True):
        found.readings.append(
            {"rate": RATE, "seconds": seconds, "recording": round(one, 5), "sampling": round(other, 5)}
        )
    found.add("recording", median(recording), "x", f"of a core: {RATE:,} requests a second into HDR histograms")
    found.add("sampling", median(sampling), "x", f"of a core: memory each {INTERVAL:g} s, births, accounts")
    found.add("share", median(recording) + median(sampling), "x", "of a core: both together")
    return found


def _recording(seconds: float) -> float:
    """Record as many latencies and latenesses as come in so many seconds; return the share of a core that it took."""
    chance = random.Random(1)  # noqa: S311  # nothing secret
    requests = round(RATE * seconds)
    values = [(chance.choice(KINDS), round(MEDIAN_US * chance.lognormvariate(0, SPREAD))) for _ in range(requests)]
    latencies, lateness = Latencies(), Latencies()
    used, began = 0, time.perf_counter()
    for number, (name, microseconds) in enumerate(values):
        wait = began + number / RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        if number % 100 == 0:
            interrupts.check()
        clock = time.thread_time_ns()
        latencies.record(name, microseconds)
        lateness.record("late", microseconds // 10)
        used += time.thread_time_ns() - clock
    clock = time.thread_time_ns()
    for told in (latencies, lateness):
        told.by_name()
        told.together()
    used += time.thread_time_ns() - clock
    return used / 1e9 / seconds


def _sampling(ground: Ground, seconds: float, rounds: int, found: Findings) -> list[float]:
    """Sample server, front and generator under load for so many seconds; return the share of a core each time."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatelab-cost-")))
        status = folder / "status"
        server = stack.enter_context(ground.server("--workers", "2", "--status", f"unix:{status}"))
        front = stack.enter_context(ground.server("--to", str(server.address), app="", module="http_front"))
        load = stack.enter_context(LoadProcess(core=two_cores(apart=True)[1]))
        load.prepare(_job(front.address, rounds * (seconds + MARGIN)))
        load.warm_up()
        trees = {"server": server.tree, "front": front.tree, "generator": Tree(load.pid)}
        for name, tree in trees.items():
            _look(found, name, tree)
        load.begin()
        shares = [_round(trees, status, folder / "events", seconds) for _ in range(rounds)]
        answered = load.finish()
        found.readings.append({"answered": answered["requests"], "seconds": round(answered["seconds"], 3)})
        return shares


def _job(address: Address, seconds: float) -> Job:
    """Return an open loop of so many seconds."""
    return {
        "address": str(address),
        "keep_alive": True,
        "scenario": "hello",
        "users": VISITORS,
        "warmup": 0.0,
        "seconds": seconds,
        "min_requests": 1,
        "max_seconds": seconds,
        "rate": float(RATE),
        "seed": 1,
    }


def _round(trees: dict[str, Tree], status: Path, events: Path, seconds: float) -> float:
    """Sample for so many seconds, all that a repeat does; return the share of a core that it took."""
    told = _reports(seconds)
    with ExitStack() as stack:
        outbox = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        listener = stack.enter_context(SpawnListener(events).listening())
        kernel = stack.enter_context(KernelBirths().listening())
        outbox.connect(str(events))
        began, sending = time.process_time(), 0.0
        kernel.follow(trees["server"].pids())
        _account(trees, listener, kernel)
        with MemorySampler(trees).running():
            sending = _send(outbox, told)
        _account(trees, listener, kernel)
        queue_wait(status)
        return (time.process_time() - began - sending) / seconds


def _reports(seconds: float) -> list[bytes]:
    return [
        json.dumps({"event": "spawn", "t": time.time(), "pid": 2, "ppid": 1, "role": "cgi", "n": number}).encode()
        for number in range(1, round(RATE * seconds) + 1)
    ]


def _send(outbox: socket.socket, told: list[bytes]) -> float:
    """Send the reports, as many a second as there are requests; return what that took, which is not the harness's."""
    clock, began = time.thread_time(), time.perf_counter()
    for number, datagram in enumerate(told):
        wait = began + number / RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        if number % 100 == 0:
            interrupts.check()
        outbox.send(datagram)
    return time.thread_time() - clock


def _account(trees: dict[str, Tree], listener: SpawnListener, kernel: KernelBirths) -> None:
    """Do what is done before and after each load."""
    for name, tree in trees.items():
        read_usage(tree, kernel if name == "server" else None)
    listener.count()
    kernel.count()
    machine_busy_seconds()


def _look(found: Findings, name: str, tree: Tree) -> None:
    """Note how long a look at the memory of the largest process takes: it is disturbed for as long."""
    if not procfs.LINUX:
        return
    largest = max(tree.pids(), key=lambda pid: procfs.proportional_bytes(pid) or 0)
    times = []
    for _ in range(LOOKS):
        clock = time.perf_counter()
        procfs.proportional_bytes(largest)
        times.append(time.perf_counter() - clock)
    found.add(f"look-{name}", median(times) * 1e6, "us", f"for one look at the memory of its largest process: {name}")
    found.readings.append(
        {"tree": name, "look_us": round(median(times) * 1e6, 1), "of_time": round(median(times) / INTERVAL, 6)}
    )
