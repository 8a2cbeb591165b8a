"""The record of a run: one JSON document from which everything else is made.

Tables, CSV, charts and report read this document and nothing else, so an old run can be drawn again on another
machine, and anybody can check a figure against the raw repeats beside it. `result.schema.json` in this package
describes it; a change that an old reader would misunderstand raises `SCHEMA_VERSION`. What was only added since
(`goals`, `proofs`, the `engine` of a repeat, the percentiles of single exchanges) may be absent in an old record, and
`load_document` fills it in.

The types below are that schema in Python. Units are in the names: `_us` microseconds, `_seconds`, `_bytes`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from gateway_bench.errors import BenchError
from gateway_bench.load.latency import Latency
from gateway_bench.samples.processes import Memory

__all__ = [
    "SCHEMA_VERSION",
    "Document",
    "Failed",
    "Figure",
    "GatewayRecord",
    "Generator",
    "Parameters",
    "Proof",
    "Range",
    "Ratio",
    "Reading",
    "Repeat",
    "Result",
    "ScenarioRecord",
    "Verdict",
    "load_document",
    "save_document",
    "schema_path",
]

SCHEMA_VERSION = 1


class Parameters(TypedDict):
    """What was asked for. `engine` is what made the load: "locust", "wrk" or "crowd"."""

    quick: bool
    engine: str
    users: int
    warmup_seconds: float
    seconds: float
    min_requests: int
    max_seconds: float
    repeats: int
    pinned: bool


class GatewayRecord(TypedDict):
    """One row of the table of gateways. `status` is "ok", "failed" or "absent", `reason` says why it is not "ok"."""

    name: str
    label: str
    about: str
    command: list[str]
    version: str
    workers: int
    threads: int
    keep_alive: bool
    status: str
    reason: str
    install: str


class ScenarioRecord(TypedDict):
    """What the visitors did."""

    name: str
    title: str
    about: str


class Generator(TypedDict):
    """The load generator during a repeat; `share` of one core, and whether that was all that it could get.

    nginx, where it stands before the server, shares that core, and its time is in the share.
    """

    cpu_seconds: float
    share: float
    saturated: bool


class Repeat(TypedDict):
    """One measurement, as it came. `round` and `position` count from 1, `spawned` is None where nobody counts.

    `others_share` is the part of all processors that neither server, front nor generator used: a quiet machine has
    next to none. `engine` is what made the load, if it differs from scenario to scenario. `front_cpu_seconds` is the
    time of nginx, if it stood before the server; `cpu_seconds` has none of it.
    """

    gateway: str
    scenario: str
    round: int
    position: int
    started: str
    seconds: float
    requests: int
    errors: dict[str, int]
    content_bytes: int
    latency: Latency
    exchanges: dict[str, Latency]
    cpu_seconds: float
    spawned: int | None
    lost_events: int
    processes: int
    others_share: float
    memory: Memory
    generator: Generator
    engine: NotRequired[str]
    front_cpu_seconds: NotRequired[float]


class Failed(TypedDict):
    """A gateway that did not start, or a repeat that gave no answer (`scenario` "" means the start)."""

    gateway: str
    scenario: str
    round: int
    reason: str
    output: str


class Range(TypedDict):
    """The median of the repeats, with the smallest and the largest of them."""

    median: float
    min: float
    max: float


class Result(TypedDict):
    """A gateway under a scenario. `lower_bound`: the generator was saturated, the server may be faster than this.

    `exchanges_p99_us` has p99 of each kind of request where a visit has several.
    """

    gateway: str
    scenario: str
    repeats: int
    requests: int
    errors: dict[str, int]
    lower_bound: bool
    ranked: bool
    throughput_rps: Range
    cpu_us_per_request: Range
    p50_us: Range
    p99_us: Range
    spawned_per_request: Range | None
    memory_median_bytes: Range
    memory_peak_bytes: Range
    exchanges_p99_us: NotRequired[dict[str, Range]]


class Ratio(TypedDict):
    """Our server over a peer, round by round: `throughput` above 1 is faster, `cpu` below 1 is cheaper."""

    scenario: str
    gateway: str
    against: str
    throughput: Range
    cpu: Range
    lower_bound: bool


Reading = dict[str, str | int | float]
"""A row of raw figures, by name."""


class Figure(TypedDict):
    """A figure of a proof. `unit` is "bytes", "us", "x" (a factor), "requests/s" or "" (a count)."""

    name: str
    about: str
    value: float
    unit: str


class Proof(TypedDict):
    """What was found about one promise. `readings` are the raw figures, a row each; `status` is "ok" or "failed"."""

    name: str
    title: str
    about: str
    status: str
    reason: str
    output: str
    started: str
    seconds: float
    commands: list[list[str]]
    figures: list[Figure]
    readings: list[Reading]
    notes: list[str]


class Verdict(TypedDict):
    """A promise of `goals.toml` beside what was found: at `least` this, or at `most` that; `aim` is what we would like.

    `of` is a gateway or a proof, `over` the gateway that it is compared with ("" for none). `found` is None, and the
    verdict "unknown", where it was not measured; else the verdict is "kept", "missed", or "" for a mere aim.
    """

    of: str
    scenario: str
    figure: str
    exchange: str
    over: str
    unit: str
    about: str
    least: float | None
    most: float | None
    aim: float | None
    found: Range | None
    verdict: str
    aim_reached: bool | None


class Document(TypedDict):
    """A run. `complete` is false when it was broken off; what had been measured by then is here."""

    schema_version: int
    suite: str
    complete: bool
    started: str
    finished: str
    command: list[str]
    seed: int
    parameters: Parameters
    machine: dict[str, str | int | float]
    versions: dict[str, str]
    source: dict[str, str | bool]
    gateways: list[GatewayRecord]
    scenarios: list[ScenarioRecord]
    repeats: list[Repeat]
    failures: list[Failed]
    results: list[Result]
    ratios: list[Ratio]
    proofs: list[Proof]
    goals: list[Verdict]
    notes: list[str]


def save_document(document: Document, path: Path) -> None:
    """Write the document as JSON, whole or not at all."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(path)


def load_document(path: Path) -> Document:
    """Read a document. Raises BenchError for a file that is not one, or of another schema version."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BenchError(f"{path} is not JSON: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise BenchError(f"{path} has schema version {version}; this program reads version {SCHEMA_VERSION}")
    for added in ("proofs", "goals"):
        content.setdefault(added, [])
    return cast(Document, content)  # the schema says the same; the tests hold the two together


def schema_path() -> Path:
    """Return the path of the published JSON schema."""
    return Path(__file__).with_name("result.schema.json")
