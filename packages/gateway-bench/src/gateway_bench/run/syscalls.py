"""System calls a request, counted after all else: counting slows a server down, so no figure of time stands beside it.

Each server is started once more and asked a little, by one visitor, while strace counts. How many calls a request takes
does not depend on how fast they are made; it does depend on how busy a server is, since one that is kept busy finds
several requests at a look. So the figure is that of a lone visitor, and says so.
"""

from __future__ import annotations

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.job import Job
from gateway_bench.record.document import Document, Syscalls
from gateway_bench.run.engines import Engines
from gateway_bench.run.order import Order, Watcher
from gateway_bench.run.subject import HELLO, Subject, ready
from gateway_bench.samples.syscalls import counting, why_not
from gateway_bench.servers.gateways import Gateway

__all__ = ["count_system_calls"]

SECONDS = 0.6
LEAST = 8
"""Requests: for CGI, a few; whatever is faster makes hundreds in the time."""
MOST = 6.0


def count_system_calls(order: Order, document: Document, watcher: Watcher, engines: Engines) -> None:
    """Count those of every row that the suite wants counted, and write them down, or the reason why there are none."""
    wanted = [] if order.parameters["quick"] or not order.strace else [*order.suite.syscalls]
    sound = {row["name"] for row in document["gateways"] if row["status"] == "ok"}
    for gateway in order.gateways:
        if gateway.name not in sound or gateway.name not in wanted:
            continue
        interrupts.check()
        watcher.doing(f"{gateway.label}: system calls")
        document["syscalls"].append(_counted(gateway, order, engines))


def _counted(gateway: Gateway, order: Order, engines: Engines) -> Syscalls:
    reason = why_not()
    if reason:
        return Syscalls(gateway=gateway.name, scenario=HELLO, requests=0, calls={}, reason=reason)
    try:
        with ready(gateway, order, HELLO) as subject:
            return _count(subject, engines)
    except (NotReady, LoadFailed) as error:
        return Syscalls(gateway=gateway.name, scenario=HELLO, requests=0, calls={}, reason=str(error))


def _count(subject: Subject, engines: Engines) -> Syscalls:
    assert subject.tree
    engine = "crowd" if subject.address.scheme == "http" else "locust"
    job: Job = {
        "address": str(subject.address),
        "keep_alive": subject.keep_alive,
        "scenario": HELLO,
        "users": 1,
        "warmup": 0.3,
        "seconds": SECONDS,
        "min_requests": LEAST,
        "max_seconds": MOST,
        "rate": 0.0,
        "seed": 1,
    }
    with engines.using(engine) as load:
        load.prepare(job)
        load.warm_up()
        with counting(subject.tree) as counts:
            requests = load.go()["requests"]
    return Syscalls(
        gateway=subject.gateway.name, scenario=HELLO, requests=requests, calls=counts.calls, reason=counts.reason
    )
