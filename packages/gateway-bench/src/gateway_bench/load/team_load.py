"""The load process that is a team: `python -m gateway_bench.load.team_load`.

It is the master of workers elsewhere (`gateway_bench.load.team` has the figure), and speaks to the bench as every load
process does (`gateway_bench.load.job`). Before the first job it needs its team::

    in    {"expected": 4, "host": "*", "port": 0, "limit": 300}     see `team.Settings`
    out   {"phase": "listening", "port": 41873}
    out   {"phase": "joined", "worker": "b/4711", "present": 2}     for each worker that comes
    out   {"phase": "gathered", "workers": ["a/815", "b/4711"]}     when all have come

In place of any answer there may come {"lost": "one sentence"}. If it was a job that failed the next one may be given;
without a team the process ends.

A job needs as many workers as were expected. One more than that stands by, and takes the place of one that is lost.
What goes wrong with a worker in a job costs that job, never the run: everybody else drops it, the bench hears one
sentence, and the next job is done if there are enough workers for it.
"""

from __future__ import annotations

# isort: split
import locust  # noqa: F401  # first: it replaces blocking calls, and must do so before others take hold of them

# isort: split
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import gevent
from gevent.queue import Empty, Queue
from gevent.socket import wait_read
from locust.env import Environment
from locust.runners import HEARTBEAT_LIVENESS, MasterRunner

from gateway_bench.errors import LoadFailed
from gateway_bench.load.address import parse_address
from gateway_bench.load.job import Job, Yield
from gateway_bench.load.team import Settings, shares, together
from gateway_bench.load.team_hello import Hello, Message, hello, invitation, refusal
from gateway_bench.load.team_reach import within_reach
from gateway_bench.load.visitor import REQUEST_LIMIT

__all__ = ["Master", "main"]

LOOK = 0.1
"""Seconds between two looks at who is still there, the bench among them. Locust's own look is once a second."""
BLOCK = 65_536


class BenchGone(Exception):
    """The bench has closed its end, or was killed: the run is over."""


class Bench:
    """The lines from and to the bench, read by a greenlet of its own: heartbeats go on, and its end is seen at once."""

    def __init__(self) -> None:
        self.gone = False
        self._lines: Queue[str] = Queue()
        gevent.spawn(self._read)

    def say(self, words: object) -> None:
        """Write a line."""
        print(json.dumps(words), flush=True)

    def hear(self) -> str:
        """Return the next line; "" when the bench has gone."""
        return str(self._lines.get())

    def _read(self) -> None:
        source, pending = sys.stdin.fileno(), b""
        while not self.gone:
            wait_read(source)
            block = os.read(source, BLOCK)
            self.gone = not block
            *lines, pending = (pending + block).split(b"\n")
            for line in lines:
                self._lines.put(line.decode())
        self._lines.put("")


class Master:
    """The team's side of the bench: who is there, and what they are at."""

    def __init__(self, runner: MasterRunner, expected: int, bench: Bench) -> None:
        self._runner = runner
        self._bench = bench
        self._expected = expected
        self._me = hello()
        self._known: dict[str, Hello] = {}
        self._refused = ""
        self._inbox: Queue[tuple[str, str, Any]] = Queue()
        self._number = 0
        self._team: list[tuple[str, Job]] = []
        runner.register_message(Message.HELLO, self._meet)
        for kind in (Message.WARM, Message.YIELD, Message.FAILED):
            runner.register_message(kind, self._hear)

    def gather(self, limit: float) -> Iterator[str]:
        """Yield the name of each worker that comes, until enough are there. Raises LoadFailed after so many seconds."""
        deadline, told = time.monotonic() + limit, set[str]()
        while True:
            here = self._present()
            for worker in here:
                if worker not in told:
                    told.add(worker)
                    yield self._name(worker)
            if len(here) >= self._expected:
                return
            if time.monotonic() > deadline:
                raise LoadFailed(f"{len(here)} of {self._expected} workers came in {limit:.0f} s; {self._advice()}")
            self._listen()

    def names(self) -> list[str]:
        """Return who does the jobs, in the order in which they came."""
        return [self._name(worker) for worker in self._present()[: self._expected]]

    def prepare(self, job: Job) -> None:
        """Hand out the shares, and return when everybody's warm-up is over. Raises LoadFailed."""
        here = self._present()[: self._expected]
        if len(here) < self._expected:
            raise LoadFailed(f"{len(here)} of {self._expected} workers are left; {self._advice()}")
        address = parse_address(job["address"])
        for worker in here:
            if not within_reach(address, self._known[worker]["place"], self._me["place"]):
                raise LoadFailed(
                    f"the worker {self._name(worker)} cannot reach {address}, which is good on this machine alone: "
                    "let servers listen at an address of this machine that others see, with --listen"
                )
        self._number += 1
        self._team = list(zip(here, shares(job, len(here)), strict=False))
        for worker, share in self._team:
            self._runner.send_message(Message.JOB, {"number": self._number, "job": share}, worker)
        self._gathered(Message.WARM, job["warmup"] + 2 * REQUEST_LIMIT)

    def go(self) -> Yield:
        """Let all load, and return what came of it. Raises LoadFailed."""
        limit = max(share["max_seconds"] for _, share in self._team) + 3 * REQUEST_LIMIT  # less than the bench waits
        for worker, _ in self._team:
            self._runner.send_message(Message.GO, {"number": self._number}, worker)
        found = self._gathered(Message.YIELD, limit)
        return together([(self._name(worker), share, found[worker]["yield"]) for worker, share in self._team])

    def drop(self) -> None:
        """End the job at all who are at it."""
        for worker, _ in self._team:
            self._runner.send_message(Message.DROP, {"number": self._number}, worker)
        self._team = []

    def _gathered(self, wanted: str, limit: float) -> dict[str, Any]:
        """Return what each of the team says of that kind, by worker. Raises LoadFailed."""
        deadline, found = time.monotonic() + limit, dict[str, Any]()
        while len(found) < len(self._team):
            here = self._present()
            for worker, _ in self._team:
                if worker not in here:
                    raise LoadFailed(self._loss(worker))
                if worker not in found and time.monotonic() > deadline:
                    raise LoadFailed(f"the worker {self._name(worker)} gave no answer in {limit:.0f} s")
            heard = self._listen()
            if heard is None:
                continue
            kind, worker, data = heard
            if data["number"] != self._number:
                continue  # of a job that was dropped
            if kind == Message.FAILED:
                raise LoadFailed(data["sentence"])
            if kind == wanted:
                found[worker] = data
        return found

    def _listen(self) -> tuple[str, str, Any] | None:
        """Return the next thing that a worker says, if one says anything soon. Raises BenchGone."""
        if self._bench.gone:
            raise BenchGone
        try:
            heard: tuple[str, str, Any] = self._inbox.get(timeout=LOOK)
        except Empty:
            return None
        return heard

    def _hear(self, environment: Environment, msg: Any) -> None:
        self._inbox.put((msg.type, msg.node_id, msg.data))

    def _meet(self, environment: Environment, msg: Any) -> None:
        sentence = refusal(msg.data, self._me)
        if sentence:
            self._refused = sentence
            self._runner.send_message(Message.REFUSED, {"sentence": sentence}, msg.node_id)
            return
        self._known[msg.node_id] = msg.data
        self._runner.send_message(Message.WELCOME, {}, msg.node_id)

    def _present(self) -> list[str]:
        """Return who said hello and is there, in the order in which they came."""
        missing = {node.id for node in self._runner.clients.missing}
        return [worker for worker in self._known if worker in self._runner.clients and worker not in missing]

    def _loss(self, worker: str) -> str:
        gone = worker not in self._runner.clients
        how = "has ended" if gone else f"has been silent for {HEARTBEAT_LIVENESS} s"
        return f"the worker {self._name(worker)} {how} in the middle of a job"

    def _name(self, worker: str) -> str:
        return self._known[worker]["name"]

    def _advice(self) -> str:
        start = f"start one with: {invitation(self._runner.master_bind_host, self._runner.server.port)}"
        return self._refused or start


def serve(master: Master, bench: Bench, limit: float) -> None:
    """Gather the team, then do one job after another until the bench has gone. Raises LoadFailed without a team."""
    for present, worker in enumerate(master.gather(limit), 1):
        bench.say({"phase": "joined", "worker": worker, "present": present})
    bench.say({"phase": "gathered", "workers": master.names()})
    while line := bench.hear():
        try:
            master.prepare(json.loads(line))
            bench.say({"phase": "warm"})
            if not bench.hear():
                return
            bench.say(master.go())
        except LoadFailed as error:
            master.drop()
            bench.say({"lost": str(error)})


def main() -> int:
    """Be the master until the bench has gone; then every worker is told that the run is over."""
    logging.getLogger("locust").setLevel(logging.CRITICAL)  # what matters of it is said in our words
    bench = Bench()
    line = bench.hear()
    if not line:
        return 0
    settings: Settings = json.loads(line)
    host, port = settings["host"], settings["port"]
    try:
        runner: MasterRunner = Environment(user_classes=[]).create_master_runner(host, port)
    except (SystemExit, Exception) as error:  # a port that is taken, an address that is not ours: of several kinds
        bench.say(
            {
                "lost": f"workers cannot be waited for at {host}, port {port} ({error}): "
                "--master-host takes an address of this machine, --master-port another port"
            }
        )
        return 1
    master = Master(runner, settings["expected"], bench)
    bench.say({"phase": "listening", "port": runner.server.port})
    try:
        serve(master, bench, settings["limit"])
    except BenchGone:
        pass
    except LoadFailed as error:
        bench.say({"lost": str(error)})
        return 1
    finally:
        runner.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
