"""The figures as CSV, for spreadsheets: a line for each result, each repeat, or each figure of a proof."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from gateway_bench.record.document import Document, Repeat, Usage
from gateway_bench.record.goals import PROVED
from gateway_bench.record.summary import cpu_us, throughput

__all__ = ["repeats_to_csv", "to_csv"]

PLAIN = ("gateway", "scenario", "question", "users", "repeats", "requests", "lower_bound", "ranked")
ESTIMATES = (
    "rate", "throughput_rps", "cpu_us_per_request", "front_cpu_us_per_request", "generator_cpu_us_per_request",
    "p50_us", "p90_us", "p99_us", "p999_us", "lateness_p99_us", "spawned_per_request", "switches_per_request",
    "faults_per_request", "queue_wait_us", "memory_median_bytes", "memory_peak_bytes", "front_memory_peak_bytes",
)  # fmt: skip
PARTS = ("median", "low", "high", "min", "max")
PROOF = ("proof", "figure", "value", "unit", "about")
REPEAT = (
    "gateway", "scenario", "question", "shape", "round", "position", "started", "engine", "users", "rate", "seconds",
    "requests",
)  # fmt: skip
USAGE = (
    "cpu_seconds", "system_seconds", "minor_faults", "major_faults", "voluntary_switches", "involuntary_switches",
)  # fmt: skip
PERCENTILES = ("p50", "p90", "p99", "p999", "max")

Cell = str | int | float | bool | None


def to_csv(document: Document) -> str:
    """Return the results with a heading line, or the figures of proofs. What was not measured is empty."""
    if document["suite"] in PROVED:
        return _table(PROOF, ([proof["name"], *(figure[key] for key in ("name", "value", "unit", "about"))]
                              for proof in document["proofs"] for figure in proof["figures"]))  # fmt: skip
    headings = [*PLAIN, "errors", *(f"{name}_{part}" for name in ESTIMATES for part in PARTS)]
    lines = []
    for result in document["results"]:
        found = [result[name] for name in ESTIMATES]  # type: ignore[literal-required]
        figures = [estimate[part] if estimate else None for estimate in found for part in PARTS]
        plain = [result[name] for name in PLAIN]  # type: ignore[literal-required]
        lines.append([*plain, sum(result["errors"].values()), *figures])
    return _table(headings, lines)


def repeats_to_csv(document: Document) -> str:
    """Return every measurement, in the order in which they were made, with a heading line."""
    headings = [
        *REPEAT, "errors", "throughput_rps", "cpu_us_per_request", *(f"{name}_us" for name in PERCENTILES),
        *(f"{who}_{name}" for who in ("server", "front", "generator") for name in (*USAGE, "memory_peak_bytes")),
        "generator_share", "saturated", "spawned", "queue_wait_ms", "warmup_seconds", "warmup_settled", "others_share",
    ]  # fmt: skip
    return _table(headings, map(_repeat, document["repeats"]))


def _repeat(repeat: Repeat) -> list[Cell]:
    wait, generator = repeat["queue_wait"], repeat["generator"]
    return [
        *(repeat[key] for key in REPEAT),  # type: ignore[literal-required]
        sum(repeat["errors"].values()),
        throughput(repeat),
        cpu_us(repeat) if repeat["server"] else None,
        *(repeat["latency"][name] for name in PERCENTILES),  # type: ignore[literal-required]
        *(cell for usage in (repeat["server"], repeat["front"], generator) for cell in _usage(usage)),
        generator["share"],
        generator["saturated"],
        repeat["spawned"],
        wait["recent_ms"] if wait else None,
        repeat["warmup"]["seconds"],
        repeat["warmup"]["settled"],
        repeat["others_share"],
    ]


def _usage(usage: Usage | None) -> list[Cell]:
    if usage is None:
        return [None] * (len(USAGE) + 1)
    memory = usage["memory"]
    return [*(usage[key] for key in USAGE), memory["peak"] if memory else None]  # type: ignore[literal-required]


def _table(headings: Sequence[str], lines: Iterable[Sequence[Cell]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(lines)
    return text.getvalue()
