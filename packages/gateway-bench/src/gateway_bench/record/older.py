"""Records of version 1, brought up to date: what they did not measure is None or empty, and nothing is made up.

A version 1 knew closed loops alone, told of the server no more than processor time and memory, and of the front no more
than the former. Its tables had ranges and no intervals. So results and ratios are made again from the repeats, which
are what was measured: medians and ranges come out as they stood there.
"""

from __future__ import annotations

import zlib
from typing import Any, cast

from hdrh.codec import HdrCookieException, HdrLengthException

from gateway_bench.errors import BenchError
from gateway_bench.load.latency import Latency, summarize
from gateway_bench.record.summary import results_of
from gateway_bench.record.ties import ratios_of

__all__ = ["upgraded"]


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return a document that fits the schema of version 1 as one of version 2. Raises BenchError."""
    parameters = content["parameters"]
    repeats = [_repeat(repeat, parameters) for repeat in content["repeats"]]
    places = [(row["scenario"], row["gateway"]) for row in content["results"]]
    pairs = [(row["scenario"], row["gateway"], row["against"]) for row in content["ratios"]]
    return content | {
        "schema_version": 2,
        "parameters": parameters | {"latency_seconds": 0.0, "fraction": 0.0, "hosts": 0},
        "gateways": [_gateway(row) for row in content["gateways"]],
        "noise": None,
        "repeats": repeats,
        "syscalls": [],
        "results": sorted(results_of(repeats), key=lambda row: places.index((row["scenario"], row["gateway"]))),
        "bands": [],
        "ratios": ratios_of(repeats, pairs),
        "proofs": content.get("proofs", []),
        "goals": [_verdict(row) for row in content.get("goals", [])],
    }


def _gateway(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"front": "", "again": "", "base": "", "varied": {}, "connections": None, "target": ""}


def _repeat(repeat: dict[str, Any], parameters: dict[str, Any]) -> Any:
    repeat = dict(repeat)
    front = repeat.pop("front_cpu_seconds", None)
    generator = repeat["generator"]
    return repeat | {
        "question": "capacity",
        "rate": None,
        "shape": "",
        "offered": None,
        "users": parameters["users"],
        "engine": repeat.get("engine", parameters["engine"]),
        "warmup": {"seconds": parameters["warmup_seconds"], "rates": [], "settled": False},
        "latency": _latency(repeat["latency"]),
        "exchanges": {name: _latency(latency) for name, latency in repeat["exchanges"].items()},
        "lateness": None,
        "timeline": [],
        "server": _usage(repeat.pop("cpu_seconds"), repeat.pop("memory")),
        "front": None if front is None else _usage(front, None),
        "generator": _usage(generator["cpu_seconds"], None)
        | {"share": generator["share"], "saturated": generator["saturated"]},
        "births_from": "" if repeat["spawned"] is None else "events",
        "queue_wait": None,
        "connections": None,
        "team": [],
    }


def _usage(cpu_seconds: float, memory: Any) -> dict[str, Any]:
    return {
        "cpu_seconds": cpu_seconds,
        "system_seconds": None,
        "minor_faults": None,
        "major_faults": None,
        "voluntary_switches": None,
        "involuntary_switches": None,
        "memory": memory,
    }


def _latency(latency: dict[str, Any]) -> dict[str, Any]:
    """Add p99.9, from the histogram; of wrk there was none, and then it is 0, which is "not known"."""
    if not latency["histogram"]:
        return latency | {"p999": 0}
    try:
        return latency | {"p999": summarize([cast("Latency", latency)])["p999"]}
    except (ValueError, zlib.error, HdrCookieException, HdrLengthException) as error:
        raise BenchError(f"a histogram in it cannot be read: {error}") from error


def _verdict(row: dict[str, Any]) -> dict[str, Any]:
    """Let the interval be the range, which it is of so few repeats; their values were not kept."""
    found = row["found"]
    return row | {"found": found and found | {"low": found["min"], "high": found["max"], "values": []}}
