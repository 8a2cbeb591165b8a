"""From raw repeats to the figures of the tables: an estimate of each, over the repeats of one row.

The median of a few repeats is not thrown off by one that met a busy moment of the machine; its interval and the extremes
show that there was one, and no repeat is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from gateway_bench.record.document import Estimate, Ratio, Repeat, Result, Usage
from gateway_bench.record.statistics import estimate

__all__ = ["SATURATED", "SUPPORT", "cpu_us", "disturbed", "ratios_of", "results_of", "throughput"]

SATURATED = 0.9
"""Share of one core from which on the generator counts as the bottleneck."""
DISTURBED = 0.1
"""Share of all processors that others may use, in the median of the repeats, before the record complains."""
SUPPORT = 10
"""Values that must lie beyond a percentile in every repeat, else it is one of luck and left out."""


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
    lower_bound = first["question"] == "capacity" and any(repeat["generator"]["saturated"] for repeat in group)
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
        front_cpu_us_per_request=_all([_share(repeat, repeat["front"], "cpu_seconds", 1e6) for repeat in group]),
        generator_cpu_us_per_request=estimate([_share(repeat, repeat["generator"], "cpu_seconds", 1e6) or 0.0
                                               for repeat in group]),
        p50_us=estimate([repeat["latency"]["p50"] for repeat in group]),
        p90_us=estimate([repeat["latency"]["p90"] for repeat in group]),
        p99_us=estimate([repeat["latency"]["p99"] for repeat in group]),
        p999_us=_all([_p999(repeat) for repeat in group]),
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


def _p999(repeat: Repeat) -> float | None:
    latency = repeat["latency"]
    return latency["p999"] if latency["count"] >= SUPPORT * 1000 else None


def _memory(usages: Sequence[Usage | None], which: str) -> Estimate | None:
    return _all([usage["memory"][which] if usage and usage["memory"] else None for usage in usages])  # type: ignore[literal-required]


def _exchanges(group: list[Repeat]) -> dict[str, Estimate]:
    """Return p99 of each kind of request that every repeat met, where there are several."""
    names = [name for name in group[0]["exchanges"] if all(name in repeat["exchanges"] for repeat in group)]
    if len(names) < 2:
        return {}
    return {name: estimate([repeat["exchanges"][name]["p99"] for repeat in group]) for name in names}


def throughput(repeat: Repeat) -> float:
    """Return right answers a second."""
    return (repeat["requests"] - sum(repeat["errors"].values())) / repeat["seconds"]


def cpu_us(repeat: Repeat) -> float:
    """Return the server's processor time for each request, in microseconds; 0 when there was no request."""
    return _share(repeat, repeat["server"], "cpu_seconds", 1e6) or 0.0


def _spawned(group: list[Repeat]) -> Estimate | None:
    counted = [
        repeat["spawned"] / repeat["requests"]
        for repeat in group
        if repeat["spawned"] is not None and repeat["requests"]
    ]
    return estimate(counted) if counted else None


def ratios_of(
    repeats: Iterable[Repeat], pairs: Iterable[tuple[str, str, str]], question: str = "capacity"
) -> list[Ratio]:
    """Compare gateways pair by pair (scenario, ours, theirs), round by round, then take the median of the ratios.

    Two repeats of the same round lie seconds apart, so a slow minute of the machine slows both and cancels out.
    """
    rounds: dict[tuple[str, str], dict[int, Repeat]] = {}
    for repeat in repeats:
        if repeat["question"] == question:
            rounds.setdefault((repeat["scenario"], repeat["gateway"]), {})[repeat["round"]] = repeat
    ratios = []
    for scenario, ours, theirs in dict.fromkeys(pairs):
        own, others = rounds.get((scenario, ours), {}), rounds.get((scenario, theirs), {})
        both = [(own[number], others[number]) for number in own if number in others]
        sound = [pair for pair in both if _comparable(*pair)]
        if sound and ours != theirs:
            ratios.append(_ratio(scenario, question, ours, theirs, sound))
    return ratios


def _ratio(scenario: str, question: str, ours: str, theirs: str, both: list[tuple[Repeat, Repeat]]) -> Ratio:
    known = all(cpu_us(repeat) > 0 for pair in both for repeat in pair)
    return Ratio(
        scenario=scenario,
        question=question,
        gateway=ours,
        against=theirs,
        throughput=estimate([throughput(own) / throughput(other) for own, other in both]),
        cpu=estimate([cpu_us(own) / cpu_us(other) for own, other in both]) if known else None,
        p50=estimate([own["latency"]["p50"] / other["latency"]["p50"] for own, other in both]),
        p99=estimate([own["latency"]["p99"] / other["latency"]["p99"] for own, other in both]),
        ties=None,
        lower_bound=question == "capacity" and any(own["generator"]["saturated"] for own, _ in both),
    )


def _comparable(own: Repeat, theirs: Repeat) -> bool:
    return all(not repeat["errors"] and repeat["requests"] and repeat["latency"]["p50"] for repeat in (own, theirs))
