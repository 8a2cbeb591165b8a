"""What is measured of a row, how it is shown, and when two rows tie in it.

Two rows tie if the record cannot tell them apart: the interval of their ratio meets the band of chance, which is what
a row and the same row again came to in this run. Where the record has that ratio, it was taken round by round and
decides. Elsewhere the ratio is that of the two medians, with the intervals of both against each other. A run without
such a pair of rows has no band; differences below `UNPROVED` are then not believed. One repeat is a look and not a
measurement: what it shows is only believed from `A_LOOK` on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway_bench.record.document import Band, Document, Estimate, Ratio, Result
from gateway_bench.record.statistics import UNPROVED
from gateway_bench.record.ties import band_for
from gateway_bench.report.units import duration, duration_tick, figure, rate, size

__all__ = ["MEASURES", "Measure", "bands_of", "level", "measure_named", "reference_of", "sound", "tie"]

A_LOOK = 0.25
"""A difference that is taken for chance where there is one repeat, which has no interval."""


def _count_tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _size_tick(value: float) -> str:
    return f"{value / 2**20:g} MiB" if value else "0"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a result. `band` names it in the record's bands, "" if it has none there.

    `verb` and `noun` make sentences: somebody `takes` the `least` `server CPU for a request`. A scale has round
    numbers of `unit`.
    """

    name: str
    key: str
    words: str
    verb: str
    noun: str
    least: str = "the least"
    most: str = "the most"
    more_is_better: bool = False
    band: str = ""
    show: Callable[[float], str] = duration
    tick: Callable[[float], str] = duration_tick
    unit: float = 1.0

    def of(self, result: Result) -> Estimate | None:
        """Return the estimate, None where the record has none."""
        found: Estimate | None = result[self.key]  # type: ignore[literal-required]
        return found

    def middle(self, result: Result) -> float:
        """Return the median; 0 where there is none."""
        found = self.of(result)
        return found["median"] if found else 0.0

    def bounded(self, result: Result) -> bool:
        """Tell whether the generator set the limit, so that the figure is a lower bound."""
        return self.more_is_better and result["lower_bound"]

    def shown(self, result: Result) -> str:
        """Return the median in its unit, with a mark where it is a lower bound."""
        found = self.of(result)
        return f"{'≥ ' if self.bounded(result) else ''}{self.show(found['median'])}" if found else "not known"


_ALL = (
    Measure("throughput", "throughput_rps", "Right answers a second", "answers", "requests a second", "the fewest",
            more_is_better=True, band="throughput", show=rate, tick=_count_tick),
    Measure("cpu", "cpu_us_per_request", "Server CPU for a request, all its processes counted", "takes",
            "server CPU for a request", band="cpu"),
    Measure("p50", "p50_us", "Half of the requests wait no longer", "keeps half of its visitors waiting", "",
            band="p50"),
    Measure("p90", "p90_us", "9 of 10 requests wait no longer", "keeps 9 of 10 visitors waiting", ""),
    Measure("p99", "p99_us", "99 of 100 requests wait no longer", "keeps 99 of 100 visitors waiting", "", band="p99"),
    Measure("memory", "memory_peak_bytes", "Memory of all processes of the server together, its peak", "needs",
            "memory", show=size, tick=_size_tick, unit=2**20),
    Measure("front_memory", "front_memory_peak_bytes", "Memory of the front, its peak", "needs", "memory for its front",
            show=size, tick=_size_tick, unit=2**20),
    Measure("spawned", "spawned_per_request", "Processes started for a request", "starts", "processes for a request",
            "the fewest", show=figure, tick=_count_tick),
    Measure("switches", "switches_per_request", "Context switches of the server for a request", "makes",
            "context switches for a request", "the fewest", show=figure, tick=_count_tick),
    Measure("faults", "faults_per_request", "Page faults of the server for a request", "takes",
            "page faults for a request", "the fewest", show=figure, tick=_count_tick),
    Measure("queue_wait", "queue_wait_us", "How long a request stood ready before a worker took it",
            "lets requests wait for a worker", "", "for the shortest time", "for the longest"),
)  # fmt: skip
MEASURES = {measure.name: measure for measure in _ALL}


def measure_named(name: str) -> Measure:
    """Return the measure of that name, or of that key in a result."""
    return MEASURES.get(name) or next(measure for measure in _ALL if measure.key == name)


def sound(results: Sequence[Result], measure: Measure) -> list[Result]:
    """Return those that can be compared: known, without errors, and no lower bounds."""
    return [result for result in results if measure.of(result) and not result["errors"] and not measure.bounded(result)]


def bands_of(document: Document, result: Result, measure: Measure) -> list[Band]:
    """Return the bands of chance for a figure of this scenario and question, one for each row that was run twice."""
    place = result["scenario"], result["question"], measure.band
    return [band for band in document["bands"] if measure.band and _place(band) == place]


def reference_of(document: Document, results: Sequence[Result], measure: Measure) -> tuple[Result, Band] | None:
    """Return the row that was measured twice, with its band, if it is among these and can be compared."""
    for result in sound(results, measure):
        for band in bands_of(document, result, measure):
            if band["gateway"] == result["gateway"]:
                return result, band
    return None


def tie(document: Document, one: Result, other: Result, measure: Measure) -> bool:
    """Tell whether the record can not tell two results apart in this figure."""
    a, b = measure.of(one), measure.of(other)
    if a is None or b is None or a["median"] == b["median"]:
        return a is not None and b is not None
    for ratio in document["ratios"]:
        pair = {ratio["gateway"], ratio["against"]}
        here = (ratio["scenario"], ratio["question"]) == (one["scenario"], one["question"])
        if here and pair == {one["gateway"], other["gateway"]} and ratio["ties"] is not None and measure.band:
            return measure.band in ratio["ties"]
    if not a["low"] or not b["low"]:
        return a["low"] <= b["high"] and b["low"] <= a["high"]
    band = band_for(document["bands"], one["scenario"], one["question"], measure.band)
    low, high = band or _believed(min(len(a["values"]), len(b["values"])))
    return a["low"] / b["high"] <= high and low <= a["high"] / b["low"]


def level(ratio: Ratio, name: str) -> bool:
    """Tell whether a ratio of two rows ("throughput", "cpu", "p50", "p99") is within the band of chance."""
    if ratio["ties"] is not None:
        return name in ratio["ties"]
    found: Estimate | None = ratio[name]  # type: ignore[literal-required]
    if found is None:
        return False
    low, high = _believed(len(found["values"]))
    return found["low"] <= high and found["high"] >= low


def _believed(repeats: int) -> tuple[float, float]:
    """Return what stands for a band where the run has none."""
    most = UNPROVED if repeats > 1 else A_LOOK
    return 1 / (1 + most), 1 + most


def _place(band: Band) -> tuple[str, str, str]:
    return band["scenario"], band["question"], band["figure"]
