"""One worker of a team, a process of its own: `python -m gateway_bench.load.team_worker HOST PORT`.

It registers at the master of a bench, does jobs until the master says that the run is over, and ends. Locust brings
the messages and the heartbeats; what is done in a job is what every load process does (`locust_load.drive`). Around it
there is one loop that reads what the master says::

    job    a greenlet begins to drive; when its warm-up is over it says "warm" and waits
    go     the greenlet goes on; at its end it says "yield", or "failed" with a sentence
    drop   the greenlet is ended

It ends by itself too when the master has been silent for too long, and when whoever started it has gone: a worker on a
machine that nobody looks at must not outlive its run. With TERM it tells the master first, which else would learn it
only from heartbeats that do not come.
"""

from __future__ import annotations

from gateway_bench.load.locust_load import drive  # first: it imports locust, and says how gevent is to wait

# isort: split
import itertools
import logging
import os
import signal
import sys
import time
from typing import Any

import gevent
from gevent.event import Event
from gevent.queue import Empty, Queue
from locust.env import Environment
from locust.runners import WorkerRunner

from gateway_bench.errors import BenchError
from gateway_bench.load import users
from gateway_bench.load.job import Job
from gateway_bench.load.team_hello import Hello, Message, hello

__all__ = ["Worker", "main"]

JOIN_LIMIT = 20.0
"""Seconds for the master's welcome. That its port is open has been seen before."""
MASTER_SILENCE = 15.0
"""Seconds without a heartbeat, which comes each second, after which the master is taken for gone."""
LOOK = 0.5
"""Seconds between two looks at the master's heartbeat and at whoever started this."""
LINGER = 500
"""Milliseconds that a last message may take; to a master that has gone it would take for ever."""
VISITORS = 1_000_000
"""Numbers of visitors that are a worker's own: what visitors write is told apart by them."""
END = "end"
"""What TERM puts among the messages."""

OVER, FAILED = 0, 1
"""Exit codes: the run is over; it ended otherwise."""


class Worker:
    """A worker and the job it is at. `join`, then `work` until the run ends."""

    def __init__(self, host: str, port: int, me: Hello) -> None:
        self._master = f"{host}:{port}"
        self._address = host, port
        self._me = me
        self._inbox: Queue[tuple[str, Any]] = Queue()
        self._parent = os.getppid()
        self._job: gevent.Greenlet | None = None
        self._go = Event()
        self._jobs = self._requests = 0
        self._heartbeat = time.monotonic()

    def join(self) -> None:
        """Register at the master. Raises BenchError."""
        limit = gevent.Timeout(JOIN_LIMIT)
        limit.start()
        try:
            environment = Environment(user_classes=[])
            environment.events.heartbeat_received.add_listener(self._feel)  # type: ignore[no-untyped-call]  # locust's own gap
            self._runner: WorkerRunner = environment.create_worker_runner(*self._address)
            for kind in (Message.WELCOME, Message.REFUSED, Message.JOB, Message.GO, Message.DROP):
                self._runner.register_message(kind, self._hear)
            self._runner.send_message(Message.HELLO, dict(self._me))
            kind, data = self._inbox.get()
        except gevent.Timeout as ended:
            if ended is not limit:
                raise
            raise BenchError(
                f"{self._master} takes connections but gave no answer in {JOIN_LIMIT:.0f} s: is it a bench, and "
                "locust there the same as here?"
            ) from None
        finally:
            limit.close()
        self._feel()
        users.numbers = itertools.count(1 + VISITORS * max(self._runner.worker_index, 0))
        if kind != Message.WELCOME:
            self._leave()
            self._do(kind, data)

    def work(self) -> str:
        """Do what the master says until the run ends, and return in a sentence what was done. Raises BenchError."""
        gevent.signal_handler(signal.SIGTERM, self._inbox.put, (END, None))
        try:
            while self._runner.greenlet:  # locust ends all of this group when the master says "quit"
                self._check()
                try:
                    kind, data = self._inbox.get(timeout=LOOK)
                except Empty:
                    continue
                self._do(kind, data)
        finally:
            self._drop()
            self._leave()
        return f"the run is over: {self._jobs} jobs, {self._requests} requests"

    def _hear(self, environment: Environment, msg: Any) -> None:
        self._inbox.put((msg.type, msg.data))

    def _feel(self, **_: Any) -> None:
        self._heartbeat = time.monotonic()

    def _leave(self) -> None:
        """Tell the master, unless it was the master who said so, and close the connection."""
        if self._runner.greenlet:
            self._runner.send_message("quit")  # locust's own
            self._runner.quit()
        self._runner.client.close(linger=LINGER)  # type: ignore[no-untyped-call]  # locust's own gap

    def _check(self) -> None:
        if os.getppid() != self._parent:
            raise BenchError("whoever started this worker has gone")
        if time.monotonic() - self._heartbeat > MASTER_SILENCE:
            raise BenchError(f"the bench at {self._master} has been silent for {MASTER_SILENCE:.0f} s; it has gone")

    def _do(self, kind: str, data: Any) -> None:
        if kind == Message.JOB:
            self._drop()
            self._go = Event()
            self._job = gevent.spawn(self._drive, data["number"], data["job"], self._go)
        elif kind == Message.GO:
            self._go.set()
        elif kind == Message.DROP:
            self._drop()
        elif kind == Message.REFUSED:
            raise BenchError(data["sentence"])
        elif kind == END:
            raise BenchError("ended before the run was over")

    def _drop(self) -> None:
        if self._job is not None:
            self._job.kill()
            self._job = None

    def _drive(self, number: int, job: Job, go: Event) -> None:
        def wait_for_go() -> None:
            self._runner.send_message(Message.WARM, {"number": number})
            go.wait()

        try:
            yielded = drive(job, wait_for_go)
        except Exception as error:  # whatever it is, the master is to know, and the next job may go well
            sentence = f"the worker {self._me['name']} could not do it: {type(error).__name__}: {error}"
            self._runner.send_message(Message.FAILED, {"number": number, "sentence": sentence})
            return
        self._jobs, self._requests = self._jobs + 1, self._requests + yielded["requests"]
        self._runner.send_message(Message.YIELD, {"number": number, "yield": dict(yielded)})


def main(host: str, port: int) -> int:
    """Work for the master there; print in one sentence how it ended."""
    logging.getLogger("locust").setLevel(logging.CRITICAL)  # what matters of it is said below, in our words
    me = hello()
    worker = Worker(host, port, me)
    try:
        worker.join()
        print(f"{me['name']}: joined {host}:{port}", flush=True)
        print(f"{me['name']}: {worker.work()}", flush=True)
    except BenchError as error:
        print(f"{me['name']}: {error}", file=sys.stderr, flush=True)
        return FAILED
    return OVER


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
