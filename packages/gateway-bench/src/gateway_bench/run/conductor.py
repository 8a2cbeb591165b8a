"""A run from beginning to end: each gateway started, measured and ended, turn by turn, and one document of it all.

What goes wrong with one gateway stays with it: it is marked failed, its output is kept, and the run goes on.
Ctrl-C (and TERM) ends the current turn, with every process of it, and keeps what was measured.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.address import Address, free_port
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.record.document import (
    SCHEMA_VERSION,
    Document,
    Failed,
    GatewayRecord,
    Parameters,
    Repeat,
    Result,
    ScenarioRecord,
)
from gateway_bench.record.goals import Goal, judge
from gateway_bench.record.summary import disturbed, range_of, ratios_of, results_of
from gateway_bench.run.loop import measure_loop
from gateway_bench.run.measure import Subject, check_answer, measure
from gateway_bench.run.plan import Turn, ends_by_closing, engine_of, expected_seconds, turns_of
from gateway_bench.samples.cores import can_pin, on_core, two_cores
from gateway_bench.samples.machine import describe_machine, describe_source, describe_versions
from gateway_bench.samples.processes import Tree
from gateway_bench.samples.spawns import SpawnListener
from gateway_bench.servers.cgi_programs import write_programs
from gateway_bench.servers.gateways import Gateway
from gateway_bench.servers.nginx import nginx_before, nginx_version
from gateway_bench.servers.presence import look_for, look_for_programs
from gateway_bench.servers.service import READY_LIMIT, server_environment, started

__all__ = ["Order", "Watcher", "blank", "run"]

COMPARING = ("backends", "cgi", "peers")
"""Suites that compare servers with each other."""
WORK = "work"
"""The folder with CGI programs, beside everything else of a server."""
HELLO = "hello"
LISTEN_LIMIT = 3.0
"""Seconds for a server to listen after it has said that it is ready: granian's worker says so a little early."""


@dataclass(frozen=True)
class Order:
    """What was ordered. `root` is the checkout. With `nginx`, its path, that stands before each gateway.

    By environment ("own", "peers", "compiled"): `pythons` are the interpreters, `remedies` the commands that install
    all of it.
    """

    suite: str
    gateways: Sequence[Gateway]
    scenarios: Sequence[str]
    parameters: Parameters
    seed: int
    root: Path
    pythons: dict[str, str]
    command: Sequence[str] = ()
    wrk: str | None = None
    nginx: str | None = None
    ready_limit: float = READY_LIMIT
    remedies: Mapping[str, str] = field(default_factory=dict)
    goals: Sequence[Goal] = ()


class Watcher(Protocol):
    """Whoever watches the run; `gateway_bench.terminal.console` shows it on a terminal."""

    def planned(self, steps: int, seconds: float) -> None:
        """Take note of the number of measurements to come, and about how long they will take, in seconds."""

    def doing(self, what: str) -> None:
        """Show what happens now."""

    def measured(self, repeat: Repeat) -> None:
        """Show a finished measurement."""

    def failed(self, failure: Failed) -> None:
        """Show a failure, with what the gateway printed."""

    def skipped(self, steps: int) -> None:
        """Count measurements that will not take place."""


def run(order: Order, watcher: Watcher) -> Document:
    """Carry out an order and return its document, complete or (after Ctrl-C) not."""
    document = blank(order)
    present = {record["name"] for record in document["gateways"] if record["status"] == "ok"}
    turns = turns_of(
        {
            gateway.name: [scenario for scenario in order.scenarios if gateway.takes_part(scenario)]
            for gateway in order.gateways
            if gateway.name in present
        },
        order.parameters["repeats"],
        order.seed,
    )
    watcher.planned(sum(len(turn.scenarios) for turn in turns), expected_seconds(turns, order.parameters))
    try:
        with interrupts.noted():
            for turn in turns:
                _take(turn, order, document, watcher)
            document["complete"] = True
    except KeyboardInterrupt:
        document["notes"].append("The run was broken off; the figures are those measured until then.")
    document["finished"] = _now()
    document["notes"] += _disturbances(document)
    document["results"] = _in_order(order, document)
    if order.suite in COMPARING:
        document["ratios"] = ratios_of(document["repeats"], _pairs(order))
        document["goals"] = judge(_goals_of_the_run(order), document["repeats"])
    return document


def _pairs(order: Order) -> list[tuple[str, str, str]]:
    """Return whom to compare in each scenario: our first row there with every other one, and what goals ask for.

    Behind nginx the rows speak different protocols, so there it is what goals ask for alone.
    """
    pairs = []
    for scenario in order.scenarios if order.nginx is None else ():
        rows = [row for row in order.gateways if row.takes_part(scenario)]
        ours = next((row.name for row in rows if row.environment == "own"), "")
        pairs += [(scenario, ours, row.name) for row in rows if ours and row.name != ours]
    return pairs + [pair for goal in _goals_of_the_run(order) for pair in goal.pairs()]


def _goals_of_the_run(order: Order) -> list[Goal]:
    """Return the goals that this run could have something to say of: their row and scenario were asked for."""
    names = {gateway.name for gateway in order.gateways}
    return [
        goal
        for goal in order.goals
        if goal.suite == order.suite
        and goal.of in names
        and goal.scenario in order.scenarios
        and (not goal.over or names & {*goal.over})
    ]


def _take(turn: Turn, order: Order, document: Document, watcher: Watcher) -> None:
    """Start one gateway, measure each scenario of the turn, end it."""
    gateway = next(row for row in order.gateways if row.name == turn.gateway)
    record = next(row for row in document["gateways"] if row["name"] == turn.gateway)
    if record["status"] != "ok":
        watcher.skipped(len(turn.scenarios))
        return
    left = list(turn.scenarios)
    scenario = ""
    try:
        interrupts.check()
        watcher.doing(f"{gateway.label}: starting")
        with _measuring(gateway, order, turn.scenarios[0]) as one:
            while left:
                scenario = left[0]
                watcher.doing(f"{gateway.label}: {SCENARIOS[scenario].title}")
                repeat = one(scenario, (turn.round, len(document["repeats"]) + 1))
                document["repeats"].append(repeat)
                watcher.measured(repeat)
                left.pop(0)
    except (NotReady, LoadFailed) as error:
        reason = str(error)
        failure = Failed(gateway=gateway.name, scenario=scenario, round=turn.round, reason=reason, output=error.output)
        document["failures"].append(failure)
        record["status"], record["reason"] = "failed", reason
        watcher.failed(failure)
        watcher.skipped(len(left))


@contextmanager
def _measuring(gateway: Gateway, order: Order, first: str) -> Iterator[Callable[[str, tuple[int, int]], Repeat]]:
    """Give what makes one measurement, of a scenario at a place in the run; a server stands ready for the block.

    What it is asked then is hello, as every application has it; of programs it is the `first` scenario.
    """
    if not gateway.loop:
        with _ready(gateway, order, first if gateway.starts_programs else HELLO) as subject:

            def ask(scenario: str, place: tuple[int, int]) -> Repeat:
                engine = engine_of(order.suite, scenario, order.wrk, gateway.keep_alive)
                return measure(subject, scenario, order.parameters, place, engine, order.wrk)

            yield ask
        return
    with tempfile.TemporaryDirectory(prefix="gatelab-bench-") as folder:
        work = Path(folder, WORK)
        write_programs(work)
        argv = gateway.argv(order.pythons[gateway.environment], Path(folder, "events"), work=work)
        yield lambda scenario, place: measure_loop(gateway.name, argv, scenario, order.parameters, place)


@contextmanager
def _ready(gateway: Gateway, order: Order, scenario: str) -> Iterator[Subject]:
    """Run a gateway for the length of a block, with a folder, a guestbook and a listener of its own.

    It gives a right answer to that scenario by then.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatelab-bench-")))
        socket, work = folder / "socket", folder / WORK
        if gateway.starts_programs:
            write_programs(work)
        inbox = SpawnListener(folder / "events")
        listener = stack.enter_context(inbox.listening()) if gateway.events else None
        port = str(free_port())
        argv = gateway.argv(order.pythons[gateway.environment], inbox.path, port, socket, work)
        environment = server_environment(folder / "guestbook.sqlite3")
        with on_core(two_cores(order.parameters["pinned"])[0]):
            listens_at = gateway.listens_at(port, socket)
            service, address = stack.enter_context(
                started(argv, gateway.ready, environment, order.root, order.ready_limit, listens_at)
            )
        tree = Tree(service.pid)
        at_rest = tree.pids()
        try:
            loose = ends_by_closing(order.suite, gateway.keep_alive)
            check_answer(address, scenario, LISTEN_LIMIT, loose)
            at_rest |= tree.pids()  # some say that they are ready before all of their processes are there
            front = None
            if order.nginx is not None:
                front, address = stack.enter_context(_behind_nginx(order.nginx, gateway, address, order, folder))
            yield Subject(gateway, address, tree, frozenset(at_rest), listener, front)
        except (NotReady, LoadFailed) as error:
            error.output = error.output or service.output
            raise


@contextmanager
def _behind_nginx(
    nginx: str, gateway: Gateway, address: Address, order: Order, folder: Path
) -> Iterator[tuple[Tree, Address]]:
    """Run nginx before a gateway, on the generator's processor; gives its processes and its address."""
    kept = order.parameters["users"] if gateway.keep_alive else 0
    with ExitStack() as stack:
        with on_core(two_cores(order.parameters["pinned"])[1]):
            service, before = stack.enter_context(nginx_before(nginx, address, kept, folder / "nginx"))
        check_answer(before)
        yield Tree(service.pid), before


def blank(order: Order) -> Document:
    """Return a document in which nothing is measured yet: machine, versions, and what of the order is there."""
    return Document(
        schema_version=SCHEMA_VERSION,
        suite=order.suite,
        complete=False,
        started=_now(),
        finished="",
        command=list(order.command),
        seed=order.seed,
        parameters=order.parameters,
        machine=describe_machine(),
        versions=describe_versions() | ({"nginx": nginx_version(order.nginx)} if order.nginx else {}),
        source=describe_source(order.root),
        gateways=[_gateway_record(gateway, order) for gateway in order.gateways],
        scenarios=[_scenario_record(name) for name in order.scenarios],
        repeats=[],
        failures=[],
        results=[],
        ratios=[],
        proofs=[],
        goals=[],
        notes=_notes(order),
    )


def _gateway_record(gateway: Gateway, order: Order) -> GatewayRecord:
    python = order.pythons[gateway.environment]
    if gateway.programs or gateway.has:
        presence = look_for_programs(gateway.programs, gateway.has, gateway.install)
    else:
        presence = look_for(gateway.package, python, order.root, compiled=gateway.environment == "compiled")
    remedy = order.remedies.get(gateway.environment, presence.install)
    return GatewayRecord(
        name=gateway.name,
        label=gateway.label,
        about=gateway.about,
        command=gateway.shown(),
        version=presence.version,
        workers=gateway.workers,
        threads=gateway.threads,
        keep_alive=gateway.keep_alive,
        status="absent" if presence.reason else "ok",
        reason=presence.reason,
        install=remedy if presence.reason else "",
    )


def _scenario_record(name: str) -> ScenarioRecord:
    scenario = SCENARIOS[name]
    return ScenarioRecord(name=scenario.name, title=scenario.title, about=scenario.about)


def _notes(order: Order) -> list[str]:
    notes = []
    if order.parameters["pinned"] and not can_pin():
        notes.append("Server and generator shared the processors: this system has no sched_setaffinity, or one core.")
    if order.suite in COMPARING and not order.wrk:
        notes.append("wrk was not found: our own crowd made the load of hello, which it can do less fast.")
    if sys.platform == "darwin":
        notes.append("macOS does not tell the processor time of ended children: that of CGI is missing here.")
    return notes


def _disturbances(document: Document) -> list[str]:
    if not disturbed(document["repeats"]):
        return []
    others = range_of([repeat["others_share"] for repeat in document["repeats"]])
    used = f"Other programs used {others['median']:.0%} of the processors (up to {others['max']:.0%})"
    return [f"{used}: throughput and latency are worse than on a quiet machine, CPU a request less so."]


def _in_order(order: Order, document: Document) -> list[Result]:
    rank = {gateway.name: number for number, gateway in enumerate(order.gateways)}
    turn = {name: number for number, name in enumerate(order.scenarios)}
    results = results_of(document["repeats"])
    return sorted(results, key=lambda result: (turn[result["scenario"]], rank[result["gateway"]]))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
