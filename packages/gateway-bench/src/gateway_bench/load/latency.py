"""Latencies in whole microseconds, kept in HDR histograms.

A histogram with three significant figures keeps any value to 0.1 %, in a few kilobytes, for any number of
requests. An average hides the slow ones, and the rounding of locust's own statistics (to two figures, or to
milliseconds) hides everything that happens below one millisecond, where these gateways live.

Histograms add up without loss; percentiles do not. So the record keeps the encoded histogram, in the
interchange format of hdrhistogram.org (base64 of zlib), and any later percentile can be taken from it (`curve`).

To find the bucket of a value takes Python longer than to count the value itself. So values are counted in a dictionary
while the load runs, and go into the histogram when it is over, or when there are too many different ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from hdrh.histogram import HdrHistogram

__all__ = ["PERCENTILES", "Latencies", "Latency", "counted", "curve", "described", "summarize"]

LOWEST_US = 1
HIGHEST_US = 120_000_000
"""Two minutes: more than twice any time limit of the load, so no value is ever refused."""
FIGURES = 3
DIFFERENT_MAX = 50_000
"""Different values of a name that are counted before they go into its histogram: a few megabytes."""
BEYOND = 10
"""Values that must lie beyond a percentile for it to be believed: fewer are single events and not a distribution."""
PERCENTILES = (0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99)
"""Where a curve is drawn through."""


class Latency(TypedDict):
    """A distribution of latencies in microseconds; all zero when `count` is 0.

    `p999` is the 99.9th percentile. It is there for any count; whether enough values lie beyond it, `curve` knows.
    """

    count: int
    p50: int
    p90: int
    p99: int
    p999: int
    max: int
    histogram: str


class Latencies:
    """Collects latencies by the name of the exchange."""

    def __init__(self) -> None:
        self._histograms: dict[str, HdrHistogram] = {}
        self._counts: dict[str, dict[int, int]] = {}

    def record(self, name: str, microseconds: int, count: int = 1) -> None:
        """Count a latency, `count` times; values outside of [1, 120 000 000] are moved to the nearer end."""
        counts = self._counts.get(name)
        if counts is None:
            counts = self._counts[name] = {}
        counts[microseconds] = counts.get(microseconds, 0) + count
        if len(counts) > DIFFERENT_MAX:
            self._fold(name)

    def by_name(self) -> dict[str, Latency]:
        """Return a distribution for each name, sorted by name."""
        return {name: _describe(self._fold(name)) for name in sorted(self._counts)}

    def together(self) -> Latency:
        """Return the distribution of all of them."""
        whole = _empty()
        for name in self._counts:
            whole.add(self._fold(name))
        return _describe(whole)

    def _fold(self, name: str) -> HdrHistogram:
        """Put what was counted into the histogram of a name, and return that."""
        histogram = self._histograms.get(name)
        if histogram is None:
            histogram = self._histograms[name] = _empty()
        _add(histogram, self._counts[name].items())
        self._counts[name].clear()
        return histogram


def described(counts: Iterable[tuple[int, int]]) -> Latency:
    """Return the distribution of values, each with how often it came."""
    histogram = _empty()
    _add(histogram, counts)
    return _describe(histogram)


def summarize(parts: Iterable[Latency]) -> Latency:
    """Return the distribution of all values of several distributions, as if counted together."""
    whole = _empty()
    for part in parts:
        whole.decode_and_add(part["histogram"])
    return _describe(whole)


def curve(latency: Latency, percentiles: Sequence[float] = PERCENTILES) -> list[tuple[float, int]]:
    """Return (percentile, microseconds) for those of `percentiles` (0 to 100) that the count supports.

    That is where at least `BEYOND` values lie beyond it: the median takes 20 values, p99 1,000 and p99.9 10,000.
    """
    believed = [percent for percent in percentiles if latency["count"] * (100.0 - percent) >= BEYOND * 100.0 - 1e-6]
    if not believed or not latency["histogram"]:
        return []
    histogram = _empty()
    histogram.decode_and_add(latency["histogram"])
    values = _percentiles(histogram, believed)
    return [(percent, values[percent]) for percent in believed]


def counted(latency: Latency) -> list[tuple[int, int]]:
    """Return (microseconds, count) of each value that the histogram tells apart: every one below 2 ms."""
    histogram = _empty()
    histogram.decode_and_add(latency["histogram"])
    return [
        (int(item.value_iterated_to), int(item.count_added_in_this_iter_step))
        for item in histogram.get_recorded_iterator()
    ]


def _empty() -> HdrHistogram:
    return HdrHistogram(LOWEST_US, HIGHEST_US, FIGURES)


def _add(histogram: HdrHistogram, counts: Iterable[tuple[int, int]]) -> None:
    for microseconds, count in counts:
        histogram.record_value(min(max(microseconds, LOWEST_US), HIGHEST_US), count)


def _describe(histogram: HdrHistogram) -> Latency:
    count = histogram.get_total_count()
    values = _percentiles(histogram, (50.0, 90.0, 99.0, 99.9))
    return Latency(
        count=count,
        p50=values[50.0],
        p90=values[90.0],
        p99=values[99.0],
        p999=values[99.9],
        max=int(histogram.get_max_value()) if count else 0,
        histogram=histogram.encode().decode("ascii"),
    )


def _percentiles(histogram: HdrHistogram, percentiles: Sequence[float]) -> dict[float, int]:
    if not histogram.get_total_count():
        return dict.fromkeys(percentiles, 0)
    return {percent: int(value) for percent, value in histogram.get_percentile_to_value_dict(list(percentiles)).items()}
