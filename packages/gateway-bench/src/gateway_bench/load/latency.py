"""Latencies in whole microseconds, kept in HDR histograms.

A histogram with three significant figures keeps any value to 0.1 %, in a few kilobytes, for any number of
requests. An average hides the slow ones, and the rounding of locust's own statistics (to two figures, or to
milliseconds) hides everything that happens below one millisecond, where these gateways live.

Histograms add up without loss; percentiles do not. So the record keeps the encoded histogram, in the
interchange format of hdrhistogram.org (base64 of zlib), and any later percentile can be taken from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from hdrh.histogram import HdrHistogram

__all__ = ["Latencies", "Latency", "summarize"]

LOWEST_US = 1
HIGHEST_US = 120_000_000
"""Two minutes: more than twice any time limit of the load, so no value is ever refused."""
FIGURES = 3


class Latency(TypedDict):
    """A distribution of latencies in microseconds; all zero when `count` is 0."""

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
        self._by_name: dict[str, HdrHistogram] = {}

    def record(self, name: str, microseconds: int, count: int = 1) -> None:
        """Count a latency, `count` times; values outside of [1, 120 000 000] are moved to the nearer end."""
        histogram = self._by_name.get(name)
        if histogram is None:
            histogram = self._by_name[name] = _empty()
        histogram.record_value(min(max(microseconds, LOWEST_US), HIGHEST_US), count)

    def by_name(self) -> dict[str, Latency]:
        """Return a distribution for each name, sorted by name."""
        return {name: _describe(histogram) for name, histogram in sorted(self._by_name.items())}

    def together(self) -> Latency:
        """Return the distribution of all of them."""
        return summarize(self.by_name().values())


def summarize(parts: Iterable[Latency]) -> Latency:
    """Return the distribution of all values of several distributions, as if counted together."""
    whole = _empty()
    for part in parts:
        whole.decode_and_add(part["histogram"])
    return _describe(whole)


def _empty() -> HdrHistogram:
    return HdrHistogram(LOWEST_US, HIGHEST_US, FIGURES)


def _describe(histogram: HdrHistogram) -> Latency:
    count = histogram.get_total_count()
    return Latency(
        count=count,
        p50=_percentile(histogram, 50.0),
        p90=_percentile(histogram, 90.0),
        p99=_percentile(histogram, 99.0),
        p999=_percentile(histogram, 99.9),
        max=int(histogram.get_max_value()) if count else 0,
        histogram=histogram.encode().decode("ascii"),
    )


def _percentile(histogram: HdrHistogram, percent: float) -> int:
    return int(histogram.get_value_at_percentile(percent)) if histogram.get_total_count() else 0
