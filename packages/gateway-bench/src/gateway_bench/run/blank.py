"""A document in which nothing is measured yet: machine, versions, and what of the order is there."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.record.document import SCHEMA_VERSION, Document, GatewayRecord, ScenarioRecord
from gateway_bench.run.order import Order
from gateway_bench.samples.cores import can_pin
from gateway_bench.samples.machine import describe_machine, describe_source, describe_versions
from gateway_bench.servers.fronts import FRONTS
from gateway_bench.servers.gateways import Gateway
from gateway_bench.servers.presence import Presence, look_for, look_for_programs

__all__ = ["blank", "now"]


def blank(order: Order) -> Document:
    """Return the document of an order before its first measurement."""
    fronts = dict.fromkeys(gateway.front for gateway in order.gateways if gateway.front)
    present = {name: FRONTS[name].presence() for name in fronts}
    return Document(
        schema_version=SCHEMA_VERSION,
        suite=order.suite.name,
        complete=False,
        started=now(),
        finished="",
        command=[word.encode("utf-8", "replace").decode() for word in order.command],  # a path may be no text
        seed=order.seed,
        parameters=order.parameters,
        machine=describe_machine(),
        versions=describe_versions() | {name: found.version for name, found in present.items() if found.version},
        source=describe_source(order.root),
        gateways=[_gateway_record(gateway, order, present) for gateway in order.gateways],
        scenarios=[_scenario_record(name) for name in order.scenarios],
        noise=None,
        repeats=[],
        failures=[],
        syscalls=[],
        results=[],
        bands=[],
        ratios=[],
        proofs=[],
        goals=[],
        notes=_notes(order),
    )


def _gateway_record(gateway: Gateway, order: Order, fronts: dict[str, Presence]) -> GatewayRecord:
    presence = Presence("") if gateway.target else _presence(gateway, order)
    remedy = order.remedies.get(gateway.environment, presence.install)
    if not presence.reason and gateway.front:
        before = fronts[gateway.front]
        presence, remedy = Presence(presence.version, before.reason, before.install), before.install
    return GatewayRecord(
        name=gateway.name,
        label=gateway.label,
        about=gateway.about,
        command=gateway.shown(),
        version=presence.version,
        workers=gateway.workers,
        threads=gateway.threads,
        keep_alive=gateway.keep_alive,
        front=gateway.front,
        again=gateway.again,
        base=gateway.base,
        varied=dict(gateway.varied),
        connections=gateway.connections,
        target=gateway.target,
        status="absent" if presence.reason else "ok",
        reason=presence.reason,
        install=remedy if presence.reason else "",
    )


def _presence(gateway: Gateway, order: Order) -> Presence:
    if gateway.programs or gateway.has:
        return look_for_programs(gateway.programs, gateway.has, gateway.install)
    python = order.pythons[gateway.environment]
    return look_for(gateway.package, python, order.root, compiled=gateway.environment == "compiled")


def _scenario_record(name: str) -> ScenarioRecord:
    scenario = SCENARIOS[name]
    return ScenarioRecord(name=scenario.name, title=scenario.title, about=scenario.about)


def _notes(order: Order) -> list[str]:
    notes = []
    if order.parameters["pinned"] and not can_pin():
        notes.append("Server and generator shared the processors: this system has no sched_setaffinity, or one core.")
    if order.parameters["engine"] == "wrk" and not order.wrk:
        notes.append("wrk was not found: our own crowd made the load of hello, which it can do less fast.")
    if sys.platform == "darwin":
        notes.append("macOS does not tell the processor time of ended children: that of CGI is missing here.")
    return notes


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
