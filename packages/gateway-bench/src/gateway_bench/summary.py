"""From raw repeats to the figures of the tables: medians, with the smallest and largest repeat beside them.

The median of a few repeats is not thrown off by one that met a busy moment of the machine, and the range shows
that there was one. There is no interval of confidence here and no claim that a small difference means anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from gateway_bench.document import Range, Ratio, Repeat, Result

__all__ = ["SATURATED", "range_of", "ratios_of", "results_of"]

SATURATED = 0.9
"""Share of one core from which on the generator counts as the bottleneck."""


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
    return Result(
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


def ratios_of(repeats: Iterable[Repeat], ours: str) -> list[Ratio]:
    """Compare the gateway named `ours` with each other one, round by round, then take the median of the ratios.

    Two repeats of the same round lie seconds apart, so a slow minute of the machine slows both and cancels out.
    """
    by_place = {(repeat["scenario"], repeat["gateway"], repeat["round"]): repeat for repeat in repeats}
    pairs: dict[tuple[str, str], list[tuple[Repeat, Repeat]]] = {}
    for (scenario, gateway, round_), theirs in by_place.items():
        own = by_place.get((scenario, ours, round_))
        if own is not None and gateway != ours and _comparable(own, theirs):
            pairs.setdefault((scenario, gateway), []).append((own, theirs))
    return [
        Ratio(
            scenario=scenario,
            gateway=ours,
            against=peer,
            throughput=range_of([throughput(own) / throughput(theirs) for own, theirs in group]),
            cpu=range_of([cpu_us(own) / cpu_us(theirs) for own, theirs in group]),
            lower_bound=any(own["generator"]["saturated"] for own, _ in group),
        )
        for (scenario, peer), group in pairs.items()
    ]


def _comparable(own: Repeat, theirs: Repeat) -> bool:
    return all(not repeat["errors"] and repeat["requests"] and cpu_us(repeat) > 0 for repeat in (own, theirs))
