"""Two runs side by side: which figures changed, by what factor, and which of that is more than noise.

The repeats of two runs have nothing to do with each other, so a factor is the ratio of the two medians, and its
interval the bootstrap's, which draws from both. It is *beyond noise* if all of it lies outside of the bands of both
runs' A/A pairs. By simulation (repeats that vary by 5 %, log-normal) an unchanged figure is called changed in 6 of
1,000 comparisons of three repeats with three, in 2 of 1,000 of five with five; one that changed by 20 % is seen in 71
and in 89 of 100. That is chance within a run. What differs from run to run and not from round to round, another kernel
or a warmer room, no repeat can show: so the runs have to be made alike, and `warnings` says where they were not.

A figure that the generator limited, that had errors, or that was taken fewer than three times is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

from gateway_bench.errors import BenchError
from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.record.goals import PROVED
from gateway_bench.record.statistics import ROUNDS, UNPROVED, ratio_interval
from gateway_bench.record.summary import disturbed
from gateway_bench.record.ties import band_for

__all__ = ["COMPARED", "Change", "Comparison", "Side", "comparison"]

COMPARED = {
    "cpu_us_per_request": "cpu",
    "front_cpu_us_per_request": "front_cpu",
    "throughput_rps": "throughput",
    "p50_us": "p50",
    "p99_us": "p99",
    "memory_peak_bytes": "",
    "spawned_per_request": "",
}
"""Figures of a result, and what their bands are called. Of all but throughput, less is better."""
PACE = 1.1
"""By what factor the rates of two open loops may differ: latency at another rate is another figure."""
PACED = ("users", "warmup_seconds", "seconds", "latency_seconds", "fraction", "repeats", "engine", "pinned", "hosts",
         "quick")  # fmt: skip
PASSING = ("load_before",)
"""Of the machine: what is another figure each time."""
MEASURED = ("command", "version", "workers", "threads", "keep_alive", "front", "connections", "target")
"""Of a row: what makes it another server than the one of that name in the other run."""


class Side(TypedDict):
    """One of the two runs: when it was made, of which commit, and whether that was all ("dirty": it was not)."""

    suite: str
    started: str
    commit: str | bool
    dirty: str | bool


class Change(TypedDict):
    """One figure in both runs. `factor` is after over before with its interval `low` to `high`, None when before is 0.

    It changed `beyond` noise, or did not; None is "not judged", and `reason` says why. `better` is None where nothing
    changed. `band` is what it was held against.
    """

    gateway: str
    scenario: str
    question: str
    figure: str
    before: float
    after: float
    factor: float | None
    low: float | None
    high: float | None
    band: tuple[float, float]
    beyond: bool | None
    better: bool | None
    reason: str


class Comparison(TypedDict):
    """`changes` are sorted by their size, those beyond noise first; `missing` are rows that one of the runs lacks."""

    sentence: str
    before: Side
    after: Side
    warnings: list[str]
    changes: list[Change]
    missing: list[str]


def comparison(before: Document, after: Document) -> Comparison:
    """Set two runs side by side. Raises BenchError for proofs, and for runs that have nothing in common."""
    if {before["suite"], after["suite"]} & {*PROVED}:
        raise BenchError("proofs are judged one run at a time: look at their reports")
    old, new = _by_place(before), _by_place(after)
    changes = [
        _change(old[place], result, figure, before, after)
        for place, result in new.items()
        if place in old
        for figure in COMPARED
        if _says_something(old[place], result, figure)
    ]
    if not changes:
        raise BenchError("the two runs have no figure in common: they measured other rows, scenarios or questions")
    return Comparison(
        sentence=_sentence(changes),
        before=_side(before),
        after=_side(after),
        warnings=[*_warnings(before, after)],
        changes=sorted(changes, key=_order),
        missing=[" ".join(place) for place in (*old, *new) if place not in old or place not in new],
    )


def _by_place(document: Document) -> dict[tuple[str, str, str], Result]:
    return {(row["gateway"], row["scenario"], row["question"]): row for row in document["results"]}


def _says_something(old: Result, new: Result, figure: str) -> bool:
    """Tell whether both have the figure and it is a finding: throughput of an open loop is none, nor is 0 in both."""
    one: Estimate | None = old[figure]  # type: ignore[literal-required]
    other: Estimate | None = new[figure]  # type: ignore[literal-required]
    asked_for = figure == "throughput_rps" and new["question"] != "capacity"
    return one is not None and other is not None and not asked_for and bool(one["max"] or other["max"])


def _change(old: Result, new: Result, figure: str, before: Document, after: Document) -> Change:
    one: Estimate = old[figure]  # type: ignore[literal-required]
    other: Estimate = new[figure]  # type: ignore[literal-required]
    band = _band(new, figure, before, after)
    change = Change(
        gateway=new["gateway"], scenario=new["scenario"], question=new["question"], figure=figure,
        before=one["median"], after=other["median"], factor=None, low=None, high=None, band=band, beyond=None,
        better=None, reason=_not_judged(old, new, figure),
    )  # fmt: skip
    if min(one["values"], default=0) > 0:
        low, high = ratio_interval(one["values"], other["values"])
        change |= {"factor": other["median"] / one["median"], "low": low, "high": high}
        beyond = low > band[1] or high < band[0]
    else:
        beyond = max(one["values"], default=0) < min(other["values"], default=0)
    if not change["reason"]:
        change["beyond"] = beyond
        change["better"] = (other["median"] > one["median"]) == (figure == "throughput_rps") if beyond else None
    return change


def _band(result: Result, figure: str, before: Document, after: Document) -> tuple[float, float]:
    """Return the band that holds those of both runs; of figures that have none, what is not believed anyway."""
    name, place = COMPARED[figure], (result["scenario"], result["question"])
    bands = [band for run in (before, after) if name and (band := band_for(run["bands"], *place, name))]
    if len(bands) < 2:
        bands.append((1 / (1 + UNPROVED), 1 + UNPROVED))
    return min(low for low, _ in bands), max(high for _, high in bands)


def _not_judged(old: Result, new: Result, figure: str) -> str:
    if old["errors"] or new["errors"]:
        return "errors"
    if figure == "throughput_rps" and (old["lower_bound"] or new["lower_bound"]):
        return "lower bound"
    return "too few repeats" if min(old["repeats"], new["repeats"]) < ROUNDS else ""


def _order(change: Change) -> tuple[int, float]:
    """Sort by what is known, then by size; a figure that was 0 before comes first of its kind."""
    certainty = {True: 0, False: 1, None: 2}[change["beyond"]]
    factor = change["factor"]
    if factor is None:
        return certainty, -math.inf if change["after"] else 0.0
    return certainty, -abs(math.log(factor)) if factor else -math.inf


def _sentence(changes: list[Change]) -> str:
    beyond = sum(change["beyond"] is True for change in changes)
    within = sum(change["beyond"] is False for change in changes)
    better = sum(change["better"] is True for change in changes)
    split = f" ({better} for the better, {beyond - better} for the worse)" if beyond else ""
    unknown = len(changes) - beyond - within
    rest = f"; {unknown} cannot be judged" if unknown else ""
    return f"{beyond or 'none'} of {len(changes)} figures changed beyond noise{split}; {within} did not{rest}"


def _side(document: Document) -> Side:
    source = document["source"]
    return Side(
        suite=document["suite"], started=document["started"], commit=source["commit"], dirty=source["dirty"]
    )  # fmt: skip


def _warnings(before: Document, after: Document) -> Iterator[str]:
    """Give a sentence for each way in which the runs were not made alike, or one of them is not to be trusted."""
    yield from _unlike("the ", _some(before, ("suite",)), _some(after, ("suite",)))
    yield from _unlike("the machine's ", _lasting(before), _lasting(after))
    yield from _unlike("", _some(before["parameters"], PACED), _some(after["parameters"], PACED))
    yield from _unlike("the version of ", before["versions"], after["versions"])
    rows = {row["name"]: row for row in before["gateways"]}
    for row in after["gateways"]:
        if row["name"] in rows and "absent" not in (row["status"], rows[row["name"]]["status"]):
            yield from _unlike(f"{row['name']}'s ", _some(rows[row["name"]], MEASURED), _some(row, MEASURED))
    yield from _paces(before, after)
    for when, run in (("before", before), ("after", after)):
        noise = run["noise"]
        if noise and not noise["fit"]:
            yield f"the machine was not fit for the run {when}: {'; '.join(noise['reasons'])}"
        if disturbed(run["repeats"]):
            yield f"the run {when} was disturbed by other programs"
        if not run["complete"]:
            yield f"the run {when} was broken off"
        if not run["bands"]:
            yield f"the run {when} has no A/A pair, so no difference below {UNPROVED:.0%} is believed"


def _some(whole: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: whole[key] for key in keys}


def _lasting(document: Document) -> dict[str, Any]:
    return {key: value for key, value in document["machine"].items() if key not in PASSING}


def _unlike(whose: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for key in one:
        if key in other and one[key] != other[key]:
            yield f"not alike: {whose}{key.replace('_', ' ')}: {_word(one[key])} before, {_word(other[key])} after"


def _word(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value) or "none"


def _paces(before: Document, after: Document) -> Iterator[str]:
    """Name the rows whose latency was asked at another rate, which is part of their own capacity in that run."""
    old = _by_place(before)
    for place, result in _by_place(after).items():
        then, now = old[place]["rate"] if place in old else None, result["rate"]
        if then and now and not 1 / PACE < now["median"] / then["median"] < PACE:
            yield (
                f"not alike: {place[0]} was asked {then['median']:.0f} times a second in {place[1]} "
                f"and is asked {now['median']:.0f} times: their latencies are different figures"
            )
