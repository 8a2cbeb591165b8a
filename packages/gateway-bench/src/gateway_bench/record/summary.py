"""From raw repeats to the figures of the tables: an estimate of each, over the repeats of one row.

The median of a few repeats is not thrown off by one that met a busy moment of the machine; its interval and the
extremes show that there was one, and no repeat is dropped: outliers are in `values`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from gateway_bench.load.latency import Latency
from gateway_bench.record.document import Estimate, Repeat, Result, Usage
from gateway_bench.record.statistics import estimate

__all__ = [
    "SATURATED",
    "SUPPORT",
    "cpu_us",
    "disturbed",
    "front_cpu_us",
    "limited",
    "p99_us",
    "results_of",
    "throughput",
]

SATURATED = 0.9
"""Share of one core from which on the generator counts as the bottleneck."""
DISTURBED = 0.1
"""Share of all processors that others may use, in the median of the repeats, before the record complains."""
SUPPORT = 10
"""Values that must lie beyond a percentile in every repeat, else it is one of luck and left out. The median is given
for any number: of a few requests it is as good a figure as there is."""


def disturbed(repeats: Sequence[Repeat]) -> bool:
    """Did others use so much of the processors that throughput and latency say less than they seem to?"""
    return bool(repeats) and median(repeat["others_share"] for repeat in repeats) >= DISTURBED


def results_of(repeats: Iterable[Repeat]) -> list[Result]:
    """Return one result for each gateway, scenario and question, in the order in which they first come.

    Shapes have none: their load changes, so no one figure stands for it.
    """
    groups: dict[tuple[str, str, str], list[Repeat]] = {}
    for repeat in repeats:
        if repeat["question"] != "shape":
            groups.setdefault((repeat["gateway"], repeat["scenario"], repeat["question"]), []).append(repeat)
    return [_result(group) for group in groups.values()]


def _result(group: list[Repeat]) -> Result:
    errors: Counter[str] = Counter()
    for repeat in group:
        errors.update(repeat["errors"])
    first = group[0]
    lower_bound = any(map(limited, group))
    servers, fronts = [repeat["server"] for repeat in group], [repeat["front"] for repeat in group]
    return Result(
        gateway=first["gateway"],
        scenario=first["scenario"],
        question=first["question"],
        users=first["users"],
        repeats=len(group),
        requests=sum(repeat["requests"] for repeat in group),
        errors=dict(sorted(errors.items())),
        lower_bound=lower_bound,
        ranked=not errors and not lower_bound,
        rate=_all([repeat["rate"] for repeat in group]),
        throughput_rps=estimate([throughput(repeat) for repeat in group]),
        cpu_us_per_request=_all([cpu_us(repeat) if repeat["server"] else None for repeat in group]),
        front_cpu_us_per_request=_all([front_cpu_us(repeat) for repeat in group]),
        generator_cpu_us_per_request=estimate([_share(repeat, repeat["generator"], "cpu_seconds", 1e6) or 0.0
                                               for repeat in group]),
        p50_us=estimate([repeat["latency"]["p50"] for repeat in group]),
        p90_us=_all([_percentile(repeat["latency"], "p90", 10) for repeat in group]),
        p99_us=_all([p99_us(repeat) for repeat in group]),
        p999_us=_all([_percentile(repeat["latency"], "p999", 1000) for repeat in group]),
        lateness_p99_us=_all([repeat["lateness"]["p99"] if repeat["lateness"] else None for repeat in group]),
        spawned_per_request=_spawned(group),
        switches_per_request=_all([_switches(repeat) for repeat in group]),
        faults_per_request=_all([_share(repeat, repeat["server"], "minor_faults") for repeat in group]),
        queue_wait_us=_all([repeat["queue_wait"]["recent_ms"] * 1e3 if repeat["queue_wait"] else None
                            for repeat in group]),
        memory_median_bytes=_memory(servers, "median"),
        memory_peak_bytes=_memory(servers, "peak"),
        front_memory_peak_bytes=_memory(fronts, "peak"),
        exchanges_p99_us=_exchanges(group),
    )  # fmt: skip


def _all(values: Sequence[float | None]) -> Estimate | None:
    """Return an estimate if every repeat has a value, else None: half of them would be another sample."""
    known = [value for value in values if value is not None]
    return estimate(known) if known and len(known) == len(values) else None


def _share(repeat: Repeat, usage: Usage | None, what: str, scale: float = 1.0) -> float | None:
    """Return what one request took of something that is counted for all of them."""
    total = usage[what] if usage else None  # type: ignore[literal-required]
    return total * scale / repeat["requests"] if total is not None and repeat["requests"] else None


def _switches(repeat: Repeat) -> float | None:
    parts = [_share(repeat, repeat["server"], f"{kind}_switches") for kind in ("voluntary", "involuntary")]
    return None if None in parts else sum(part or 0.0 for part in parts)


def _percentile(latency: Latency | None, name: str, one_in: int) -> float | None:
    """Return a percentile of a repeat, None where too few values lie beyond it, or where it is not known (0)."""
    value: int = latency[name] if latency else 0  # type: ignore[literal-required]
    return float(value) if latency and value and latency["count"] >= SUPPORT * one_in else None


def _memory(usages: Sequence[Usage | None], which: str) -> Estimate | None:
    return _all([usage["memory"][which] if usage and usage["memory"] else None for usage in usages])  # type: ignore[literal-required]


def _exchanges(group: list[Repeat]) -> dict[str, Estimate]:
    """Return p99 of each kind of request, where there are several; of kinds that were asked for too rarely, nothing."""
    if len(group[0]["exchanges"]) < 2:
        return {}
    found = {}
    for name in group[0]["exchanges"]:
        values = [_percentile(repeat["exchanges"].get(name), "p99", 100) for repeat in group]
        if p99 := _all(values):
            found[name] = p99
    return found


def throughput(repeat: Repeat) -> float:
    """Return right answers a second."""
    return (repeat["requests"] - sum(repeat["errors"].values())) / repeat["seconds"]


def cpu_us(repeat: Repeat) -> float:
    """Return the server's processor time for each request, in microseconds; 0 when there was no request."""
    return _share(repeat, repeat["server"], "cpu_seconds", 1e6) or 0.0


def front_cpu_us(repeat: Repeat) -> float | None:
    """Return the front's processor time for each request, in microseconds; None where there is no front."""
    return _share(repeat, repeat["front"], "cpu_seconds", 1e6)


def p99_us(repeat: Repeat) -> float | None:
    """Return the 99th percentile, None where too few requests support it."""
    return _percentile(repeat["latency"], "p99", 100)


def limited(repeat: Repeat) -> bool:
    """Tell whether the generator was the limit of a closed loop: then the server might do more."""
    return repeat["question"] == "capacity" and repeat["generator"]["saturated"]


def _spawned(group: list[Repeat]) -> Estimate | None:
    counted = [
        repeat["spawned"] / repeat["requests"]
        for repeat in group
        if repeat["spawned"] is not None and repeat["requests"]
    ]
    return estimate(counted) if counted else None
