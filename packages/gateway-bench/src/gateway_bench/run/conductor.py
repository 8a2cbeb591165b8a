"""A run from beginning to end: each gateway started, measured and ended, turn by turn, and one document of it all.

What goes wrong with one gateway stays with it: it is marked failed, its output is kept, and the run goes on. Ctrl-C
(and TERM) ends the current turn, with every process of it, and keeps what was measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.shapes import scaled
from gateway_bench.record.document import Document, Failed, Repeat, Result
from gateway_bench.record.goals import Goal, judge
from gateway_bench.record.outcome import Keeper
from gateway_bench.record.statistics import estimate
from gateway_bench.record.summary import disturbed, results_of, throughput
from gateway_bench.record.ties import bands_of, ratios_of
from gateway_bench.run.blank import blank, now
from gateway_bench.run.engines import Engines
from gateway_bench.run.loop import measure_loop
from gateway_bench.run.measure import OPEN_MOST, Place, measure
from gateway_bench.run.order import Order, Watcher
from gateway_bench.run.plan import Task, Turn, engine_for, expected_seconds, tasks_of, turns_of
from gateway_bench.run.subject import HELLO, WORK, Subject, ready
from gateway_bench.run.syscalls import count_system_calls
from gateway_bench.samples.births import KernelBirths
from gateway_bench.samples.cores import two_cores
from gateway_bench.samples.noise import probe
from gateway_bench.servers.cgi_programs import write_programs
from gateway_bench.servers.gateways import Gateway, Places

__all__ = ["planned", "run"]

One = Callable[[Task, Place], Repeat]
"""Makes one measurement of a server that stands ready."""


def planned(order: Order, document: Document) -> list[Turn]:
    """Return the turns of an order: those of every gateway that is there."""
    present = {record["name"] for record in document["gateways"] if record["status"] == "ok"}
    tasks = {
        gateway.name: tasks_of(order.suite, gateway, order.scenarios, order.parameters)
        for gateway in order.gateways
        if gateway.name in present
    }
    return turns_of(tasks, order.parameters["repeats"], order.seed)


def run(order: Order, watcher: Watcher, keeper: Keeper | None = None) -> Document:
    """Carry out an order and return its document, complete or (after Ctrl-C) not. `keeper` gets each repeat at once."""
    document = blank(order)
    turns = planned(order, document)
    seconds = expected_seconds(order.suite, turns, order.parameters, order.gateways)
    watcher.planned(sum(len(turn.tasks) for turn in turns), seconds)
    if keeper:
        keeper.begin(document)
    try:
        with (
            interrupts.noted(),
            KernelBirths().listening() as kernel,
            Engines(two_cores(order.parameters["pinned"])[1], order.team, watcher.waiting) as engines,
        ):
            _look_at_the_machine(document, watcher)
            document["notes"] += kernel.shortcomings()
            conductor = _Conductor(order, document, watcher, engines, kernel, keeper)
            for turn in turns:
                conductor.take(turn)
            count_system_calls(order, document, watcher, engines)
            document["complete"] = True
    except KeyboardInterrupt:
        document["notes"].append("The run was broken off; the figures are those measured until then.")
    document["finished"] = now()
    _sum_up(order, document)
    return document


def _look_at_the_machine(document: Document, watcher: Watcher) -> None:
    watcher.doing("how quiet is this machine?")
    noise = document["noise"] = probe()
    for reason in noise["reasons"]:
        watcher.noticed(reason)


def _sum_up(order: Order, document: Document) -> None:
    """Make the figures from the repeats."""
    document["notes"] += _disturbances(document)
    document["results"] = _in_order(order, document)
    document["bands"] = bands_of(document["repeats"], document["gateways"])
    document["ratios"] = ratios_of(document["repeats"], _pairs(order), document["bands"])
    document["goals"] = judge(_goals_of_the_run(order), document["repeats"])


class _Conductor:
    """What all turns of a run have in common."""

    def __init__(
        self,
        order: Order,
        document: Document,
        watcher: Watcher,
        engines: Engines,
        kernel: KernelBirths,
        keeper: Keeper | None,
    ) -> None:
        self._order = order
        self._document = document
        self._watcher = watcher
        self._engines = engines
        self._kernel = kernel
        self._keeper = keeper
        self._gateways = {row.name: row for row in order.gateways}
        self._records = {row["name"]: row for row in document["gateways"]}

    def take(self, turn: Turn) -> None:
        """Start one gateway, carry out each task of the turn, end it."""
        gateway, record = self._gateways[turn.gateway], self._records[turn.gateway]
        if record["status"] != "ok":
            self._watcher.skipped(len(turn.tasks))
            return
        left = list(turn.tasks)
        scenario = ""
        try:
            interrupts.check()
            self._watcher.doing(f"{gateway.label}: starting")
            with self._measuring(gateway, left[0].scenario) as one:
                while left:
                    scenario = left[0].scenario
                    self._watcher.doing(f"{gateway.label}: {SCENARIOS[scenario].title}, {left[0].question}")
                    self._keep(one(left[0], self._place(turn.round)))
                    left.pop(0)
        except (NotReady, LoadFailed) as error:
            self._note_failure(gateway, scenario, turn.round, error)
            self._watcher.skipped(len(left))

    def _place(self, round_: int) -> Place:
        position = len(self._document["repeats"]) + 1
        return Place(round_, position, self._order.seed + position)

    def _keep(self, repeat: Repeat) -> None:
        self._document["repeats"].append(repeat)
        if self._keeper:
            self._keeper.add(repeat)
        self._watcher.measured(repeat)

    def _note_failure(self, gateway: Gateway, scenario: str, round_: int, error: NotReady | LoadFailed) -> None:
        reason = str(error)
        failure = Failed(gateway=gateway.name, scenario=scenario, round=round_, reason=reason, output=error.output)
        self._document["failures"].append(failure)
        record = self._records[gateway.name]
        record["status"], record["reason"] = "failed", reason
        self._watcher.failed(failure)

    @contextmanager
    def _measuring(self, gateway: Gateway, first: str) -> Iterator[One]:
        """Give what makes one measurement; a server stands ready for the block.

        What it is asked then is hello, as every application has it; of programs it is the `first` scenario.
        """
        if not gateway.loop:
            scenario = first if gateway.starts_programs else HELLO
            with ready(gateway, self._order, scenario, self._kernel) as subject:
                yield lambda task, place: self._measure(subject, task, place)
            return
        with tempfile.TemporaryDirectory(prefix="gatelab-bench-") as folder:
            work = Path(folder, WORK)
            write_programs(work)
            argv = gateway.argv(self._order.pythons[gateway.environment], Places(work=work))
            parameters = self._order.parameters
            yield lambda task, place: measure_loop(gateway.name, argv, task.scenario, parameters, place)

    def _measure(self, subject: Subject, task: Task, place: Place) -> Repeat:
        order, rate, shape = self._order, 0.0, None
        engine = engine_for(order, subject.gateway, task, subject.address.scheme)
        if task.question != "capacity":
            capacity = self._capacity(subject.gateway.name, task.scenario)
            rate = min(OPEN_MOST, order.parameters["fraction"] * capacity)
            if task.shape:
                rate, shape = 0.0, scaled(order.suite.shapes[task.shape], min(OPEN_MOST, capacity))
        return measure(subject, task, order.parameters, place, self._engines, engine, order.wrk, rate, shape)

    def _capacity(self, gateway: str, scenario: str) -> float:
        """Return what is known so far of how many visits a second a gateway can answer. Raises LoadFailed."""
        found = [
            throughput(repeat)
            for repeat in self._document["repeats"]
            if (repeat["gateway"], repeat["scenario"], repeat["question"]) == (gateway, scenario, "capacity")
        ]
        capacity = median(found) if found else 0.0
        if not capacity:
            raise LoadFailed("it answered nothing right, so there is no rate at which to ask for its latency")
        return capacity


def _pairs(order: Order) -> list[tuple[str, str, str]]:
    """Return whom to compare in each scenario, and what goals ask for.

    It is one row of ours with every other one: that which is there again, and has the band of chance; else the first.
    A row that says beside whom it belongs is compared with that one, where it takes part.
    Behind a front the rows speak different protocols, so there it is what goals ask for alone.
    """
    pairs = []
    for scenario in order.scenarios:
        rows = [row for row in order.gateways if row.takes_part(scenario) and not row.front and not row.loop]
        repeated = {row.again for row in rows}
        own = [row.name for row in rows if row.environment == "own"]
        ours = next((name for name in own if name in repeated), next(iter(own), ""))
        there = {row.name for row in rows}
        partners = [(row.beside if row.beside in there else ours, row.name) for row in rows]
        pairs += [(scenario, one, other) for one, other in partners if one not in ("", other)]
    return pairs + [pair for goal in _goals_of_the_run(order) for pair in goal.pairs()]


def _goals_of_the_run(order: Order) -> list[Goal]:
    """Return the goals that this run could have something to say of: their row and scenario were asked for."""
    names = {gateway.name for gateway in order.gateways}
    return [
        goal
        for goal in order.goals
        if goal.suite == order.suite.name
        and goal.of in names
        and goal.scenario in order.scenarios
        and (not goal.over or names & {*goal.over})
    ]


def _disturbances(document: Document) -> list[str]:
    if not disturbed(document["repeats"]):
        return []
    others = estimate([repeat["others_share"] for repeat in document["repeats"]])
    used = f"Other programs used {others['median']:.0%} of the processors (up to {others['max']:.0%})"
    return [f"{used}: throughput and latency are worse than on a quiet machine, CPU a request less so."]


def _in_order(order: Order, document: Document) -> list[Result]:
    rank = {gateway.name: number for number, gateway in enumerate(order.gateways)}
    turn = {name: number for number, name in enumerate(order.scenarios)}
    results = results_of(document["repeats"])
    return sorted(results, key=lambda result: (turn[result["scenario"]], result["question"], rank[result["gateway"]]))
