"""From raw repeats to the figures of the tables: medians, with the smallest and largest repeat beside them.

The median of a few repeats is not thrown off by one that met a busy moment of the machine, and the range shows
that there was one. There is no interval of confidence here and no claim that a small difference means anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from gateway_bench.record.document import Range, Ratio, Repeat, Result

__all__ = ["SATURATED", "disturbed", "range_of", "ratios_of", "results_of"]

SATURATED = 0.9
"""Share of one core from which on the generator counts as the bottleneck."""
DISTURBED = 0.1
"""Share of all processors that others may use, in the median of the repeats, before the record complains."""


def disturbed(repeats: Sequence[Repeat]) -> bool:
    """Did others use so much of the processors that throughput and latency say less than they seem to?"""
    return bool(repeats) and median(repeat["others_share"] for repeat in repeats) >= DISTURBED


def range_of(values: Sequence[float]) -> Range:
    """Return median, minimum and maximum of at least one value."""
    return Range(median=float(median(values)), min=float(min(values)), max=float(max(values)))


def results_of(repeats: Iterable[Repeat]) -> list[Result]:
    """Return one result for each gateway and scenario, in the order in which they first come."""
    groups: dict[tuple[str, str], list[Repeat]] = {}
    for repeat in repeats:
        groups.setdefault((repeat["gateway"], repeat["scenario"]), []).append(repeat)
    return [_result(gateway, scenario, group) for (gateway, scenario), group in groups.items()]


def _result(gateway: str, scenario: str, group: list[Repeat]) -> Result:
    errors: Counter[str] = Counter()
    for repeat in group:
        errors.update(repeat["errors"])
    lower_bound = any(repeat["generator"]["saturated"] for repeat in group)
    result = Result(
        gateway=gateway,
        scenario=scenario,
        repeats=len(group),
        requests=sum(repeat["requests"] for repeat in group),
        errors=dict(sorted(errors.items())),
        lower_bound=lower_bound,
        ranked=not errors and not lower_bound,
        throughput_rps=range_of([throughput(repeat) for repeat in group]),
        cpu_us_per_request=range_of([cpu_us(repeat) for repeat in group]),
        p50_us=range_of([repeat["latency"]["p50"] for repeat in group]),
        p99_us=range_of([repeat["latency"]["p99"] for repeat in group]),
        spawned_per_request=_spawned(group),
        memory_median_bytes=range_of([repeat["memory"]["median"] for repeat in group]),
        memory_peak_bytes=range_of([repeat["memory"]["peak"] for repeat in group]),
    )
    parts = {name: [repeat["exchanges"][name]["p99"] for repeat in group] for name in _exchanges(group)}
    if len(parts) > 1:
        result["exchanges_p99_us"] = {name: range_of(values) for name, values in parts.items()}
    return result


def _exchanges(group: list[Repeat]) -> list[str]:
    """Return the kinds of request that every repeat met."""
    return [name for name in group[0]["exchanges"] if all(name in repeat["exchanges"] for repeat in group)]


def throughput(repeat: Repeat) -> float:
    """Return right answers a second."""
    return (repeat["requests"] - sum(repeat["errors"].values())) / repeat["seconds"]


def cpu_us(repeat: Repeat) -> float:
    """Return the server's processor time for each request, in microseconds; 0 when there was no request."""
    return repeat["cpu_seconds"] * 1e6 / repeat["requests"] if repeat["requests"] else 0.0


def _spawned(group: list[Repeat]) -> Range | None:
    counted = [
        repeat["spawned"] / repeat["requests"]
        for repeat in group
        if repeat["spawned"] is not None and repeat["requests"]
    ]
    return range_of(counted) if counted else None


def ratios_of(repeats: Iterable[Repeat], pairs: Iterable[tuple[str, str, str]]) -> list[Ratio]:
    """Compare gateways pair by pair (scenario, ours, theirs), round by round, then take the median of the ratios.

    Two repeats of the same round lie seconds apart, so a slow minute of the machine slows both and cancels out.
    """
    rounds: dict[tuple[str, str], dict[int, Repeat]] = {}
    for repeat in repeats:
        rounds.setdefault((repeat["scenario"], repeat["gateway"]), {})[repeat["round"]] = repeat
    ratios = []
    for scenario, ours, theirs in dict.fromkeys(pairs):
        own, others = rounds.get((scenario, ours), {}), rounds.get((scenario, theirs), {})
        both = [(own[number], others[number]) for number in own if number in others]
        sound = [pair for pair in both if _comparable(*pair)]
        if sound and ours != theirs:
            ratios.append(_ratio(scenario, ours, theirs, sound))
    return ratios


def _ratio(scenario: str, ours: str, theirs: str, both: list[tuple[Repeat, Repeat]]) -> Ratio:
    return Ratio(
        scenario=scenario,
        gateway=ours,
        against=theirs,
        throughput=range_of([throughput(own) / throughput(other) for own, other in both]),
        cpu=range_of([cpu_us(own) / cpu_us(other) for own, other in both]),
        lower_bound=any(own["generator"]["saturated"] for own, _ in both),
    )


def _comparable(own: Repeat, theirs: Repeat) -> bool:
    return all(not repeat["errors"] and repeat["requests"] and cpu_us(repeat) > 0 for repeat in (own, theirs))
