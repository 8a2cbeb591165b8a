"""The record of a run: one JSON document from which everything else is made.

Tables, CSV, charts and report read this document and nothing else, so an old run can be drawn again on another
machine, and anybody can check a figure against the raw repeats beside it. `result.schema.json` in this package
describes it; a change that an old reader would misunderstand raises `SCHEMA_VERSION`. Records of version 1 are read
too: `gateway_bench.record.older` brings them up to date.

The types below are that schema in Python. Units are in the names: `_us` microseconds, `_seconds`, `_bytes`, `_rps`
requests a second. None is what was not, or could not be, measured; it is never a guess.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

from gateway_bench.errors import BenchError
from gateway_bench.load.job import Member, Moment, Warmup
from gateway_bench.load.latency import Latency
from gateway_bench.load.shapes import Shape
from gateway_bench.record.check import check
from gateway_bench.record.files import write_whole
from gateway_bench.samples.processes import Memory

__all__ = [
    "QUESTIONS",
    "SCHEMA_VERSION",
    "Band",
    "Document",
    "Estimate",
    "Failed",
    "Figure",
    "GatewayRecord",
    "Generator",
    "Moment",
    "Noise",
    "Parameters",
    "Proof",
    "QueueWait",
    "Ratio",
    "Reading",
    "Repeat",
    "Result",
    "ScenarioRecord",
    "Syscalls",
    "Usage",
    "Verdict",
    "Warmup",
    "load_document",
    "save_document",
    "schema_path",
]

SCHEMA_VERSION = 2

QUESTIONS = ("capacity", "latency", "shape")
"""What a measurement asks. capacity: a closed loop, how much can it do? latency: an open loop at a set rate, how long
do visitors wait? shape: an open loop whose rate changes with time, what becomes of it?"""


class Parameters(TypedDict):
    """What was asked for, where a row does not say otherwise. Times are in seconds.

    `engine` is what made the load of capacity: "locust", "wrk" (with "crowd" where it cannot), "crowd" or "team".
    `fraction` is the part of a row's own capacity at which latency is asked, for `latency_seconds`. `hosts` is the
    number of load processes on other machines, 0 when the load is made here.
    """

    quick: bool
    engine: str
    users: int
    warmup_seconds: float
    seconds: float
    latency_seconds: float
    fraction: float
    min_requests: int
    max_seconds: float
    repeats: int
    pinned: bool
    hosts: int


class GatewayRecord(TypedDict):
    """One row of the table of gateways. `status` is "ok", "failed" or "absent", `reason` says why it is not "ok".

    `front` stands before it ("" for none). `again` is the row that this one repeats, for the band of chance. `base` and
    `varied` are for one of several rows that differ in a number: "wsgi" and {"workers": 4}. `connections` is the number
    of visitors if it is not that of the run. `target` is the address of a server that somebody else started.
    """

    name: str
    label: str
    about: str
    command: list[str]
    version: str
    workers: int
    threads: int
    keep_alive: bool
    front: str
    again: str
    base: str
    varied: dict[str, int]
    connections: int | None
    target: str
    status: str
    reason: str
    install: str


class ScenarioRecord(TypedDict):
    """What the visitors did."""

    name: str
    title: str
    about: str


class Usage(TypedDict):
    """What a tree of processes used during a repeat.

    `cpu_seconds` is user and system time, ended children included; `system_seconds` is the part of the latter. Page
    faults are minor (no disk) and major. Context switches are those of the threads that lived on, and of all where the
    kernel told of births and ends: voluntary ones waited for something, involuntary ones had to make way.
    """

    cpu_seconds: float
    system_seconds: float | None
    minor_faults: int | None
    major_faults: int | None
    voluntary_switches: int | None
    involuntary_switches: int | None
    memory: Memory | None


class Generator(Usage):
    """The load generator during a repeat; `share` of one core, and whether that was all that it could get.

    A front that shares its core has its time in the share.
    """

    share: float
    saturated: bool


class QueueWait(TypedDict):
    """How long requests stood ready before a worker took them, from the scoreboard, in milliseconds."""

    recent_ms: float
    max_ms: float


class Repeat(TypedDict):
    """One measurement, as it came. `round` and `position` count from 1.

    `question` is one of `QUESTIONS`; `rate` is the visits a second that were intended, None in a closed loop, and
    `lateness` by how much the generator itself was late to send them. `shape` is the name of one ("" for none), and
    `offered` its rates as they were. `server` is None where somebody else runs it, `front` where nothing stands before
    it. `spawned` is None where nobody counts; `births_from` says who did. `others_share` is the part of all processors
    that neither server, front nor generator used: a quiet machine has next to none. `team` are the load processes on
    other machines, if there were any; `generator` is then their master. `connections` are those opened, if
    the generator knows.
    """

    gateway: str
    scenario: str
    question: str
    rate: float | None
    shape: str
    offered: Shape | None
    users: int
    round: int
    position: int
    started: str
    engine: str
    warmup: Warmup
    seconds: float
    requests: int
    errors: dict[str, int]
    content_bytes: int
    latency: Latency
    exchanges: dict[str, Latency]
    lateness: Latency | None
    timeline: list[Moment]
    server: Usage | None
    front: Usage | None
    generator: Generator
    spawned: int | None
    births_from: str
    lost_events: int
    processes: int
    others_share: float
    queue_wait: QueueWait | None
    connections: int | None
    team: list[Member]


class Syscalls(TypedDict):
    """System calls of a server's tree in a short run of its own, by name; `reason` says why there are none."""

    gateway: str
    scenario: str
    requests: int
    calls: dict[str, int]
    reason: str


class Noise(TypedDict):
    """What the machine was like before the run: fixed slices of work, by turns on each processor.

    `spread` is the distance of the 90th from the 10th percentile of their times, over the median. `stolen_share` and
    `governor` are what the system tells, None and "" where it does not. `reasons` say why the machine is not `fit`.
    """

    seconds: float
    slices: int
    slice_us: float
    spread: float
    stolen_share: float | None
    others_share: float
    throttled: int | None
    governor: str
    fit: bool
    reasons: list[str]


class Failed(TypedDict):
    """A gateway that did not start, or a repeat that gave no answer (`scenario` "" means the start)."""

    gateway: str
    scenario: str
    round: int
    reason: str
    output: str


class Estimate(TypedDict):
    """A figure over all repeats: the median, its interval, the extremes, and each value in the order of the repeats.

    `low` and `high` bound the median with 95 % confidence; of five repeats or fewer they are the range, and
    `gateway_bench.record.statistics.coverage` tells how much to trust that.
    """

    median: float
    low: float
    high: float
    min: float
    max: float
    values: list[float]


class Result(TypedDict):
    """A gateway under a scenario and a question. `lower_bound`: the generator was the limit, the server may do more.

    `ranked`: no errors, and no lower bound. `exchanges_p99_us` has p99 of each kind of request where a visit has
    several. Percentiles that too few requests support are None.
    """

    gateway: str
    scenario: str
    question: str
    users: int
    repeats: int
    requests: int
    errors: dict[str, int]
    lower_bound: bool
    ranked: bool
    rate: Estimate | None
    throughput_rps: Estimate
    cpu_us_per_request: Estimate | None
    front_cpu_us_per_request: Estimate | None
    generator_cpu_us_per_request: Estimate
    p50_us: Estimate
    p90_us: Estimate | None
    p99_us: Estimate | None
    p999_us: Estimate | None
    lateness_p99_us: Estimate | None
    spawned_per_request: Estimate | None
    switches_per_request: Estimate | None
    faults_per_request: Estimate | None
    queue_wait_us: Estimate | None
    memory_median_bytes: Estimate | None
    memory_peak_bytes: Estimate | None
    front_memory_peak_bytes: Estimate | None
    exchanges_p99_us: dict[str, Estimate]


class Band(TypedDict):
    """What no difference looks like: a row and the same row again, round by round, as ratios of one `figure`.

    Two rows tie in that figure if the interval of their ratio meets `low` to `high`. `figure` is "throughput", "cpu",
    "front_cpu", "p50" or "p99".
    """

    gateway: str
    again: str
    scenario: str
    question: str
    figure: str
    ratio: Estimate
    low: float
    high: float


class Ratio(TypedDict):
    """One row over another, round by round: `throughput` above 1 is faster, `cpu` and `p99` below 1 are better.

    `ties` are the figures whose difference is within the band of chance; None where the run has no band.
    """

    scenario: str
    question: str
    gateway: str
    against: str
    throughput: Estimate
    cpu: Estimate | None
    p50: Estimate
    p99: Estimate | None
    ties: list[str] | None
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
    found: Estimate | None
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
    noise: Noise | None
    repeats: list[Repeat]
    failures: list[Failed]
    syscalls: list[Syscalls]
    results: list[Result]
    bands: list[Band]
    ratios: list[Ratio]
    proofs: list[Proof]
    goals: list[Verdict]
    notes: list[str]


def save_document(document: Document, path: Path) -> None:
    """Write the document as JSON, whole or not at all. Raises OSError."""
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, text.encode("utf-8", "replace"))  # a command may hold bytes that are no text


def load_document(path: Path) -> Document:
    """Read a document, or what a run that was killed has left of one.

    Raises BenchError for a file that is not one, or of a version that nobody here reads.
    """
    from gateway_bench.record.older import upgraded  # these build on the types above
    from gateway_bench.record.partial import recovered

    if path.suffix == ".jsonl":
        return recovered(path)
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BenchError(f"{path} is not JSON, or was cut off: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        newer = "; a newer gateway-bench reads it" if type(version) is int and version > SCHEMA_VERSION else ""
        known = f"this program reads versions 1 and {SCHEMA_VERSION}{newer}"
        raise BenchError(f"{path} is no record of a run, or has schema version {version}: {known}")
    check(content, version, path)
    if version == 1:
        try:
            content = upgraded(content)
        except BenchError as error:
            raise BenchError(f"{path} is damaged: {error}") from error
    return cast(Document, content)  # the schema says the same; the tests hold the two together


def schema_path() -> Path:
    """Return the path of the published JSON schema."""
    return Path(__file__).with_name("result.schema.json")
