"""From raw repeats to the figures of the tables: an estimate of each, over the repeats of a row; bands, ratios, ranks.

The median of a few repeats is not thrown off by one that met a busy moment of the machine; its interval and the
extremes show that there was one, and no repeat is dropped: outliers are in `values`.

Rows are compared round by round. Two repeats of the same round lie seconds apart, so a slow minute of the machine slows
both and cancels out of their ratio. Whether a ratio is a difference is decided by the band of an A/A pair, as
`gateway_bench.record.statistics` says: that of the same scenario, question and figure. A scenario in which no row was
measured twice takes the widest band of the same question and figure; a question without any has no ties and no ranks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from gateway_bench.load.latency import Latency
from gateway_bench.record.document import Band, Estimate, GatewayRecord, Ratio, Repeat, Result, Usage
from gateway_bench.record.statistics import band_of, estimate, meets

__all__ = [
    "FIGURES", "SATURATED", "SUPPORT", "band_for", "bands_of", "cpu_us", "disturbed", "ranks", "ratios_of",
    "results_of", "throughput",
]  # fmt: skip

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
        p90_us=_all([_percentile(repeat["latency"], "p90", 10) for repeat in group]),
        p99_us=_all([_percentile(repeat["latency"], "p99", 100) for repeat in group]),
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


def _spawned(group: list[Repeat]) -> Estimate | None:
    counted = [
        repeat["spawned"] / repeat["requests"]
        for repeat in group
        if repeat["spawned"] is not None and repeat["requests"]
    ]
    return estimate(counted) if counted else None


def bands_of(repeats: Iterable[Repeat], gateways: Iterable[GatewayRecord]) -> list[Band]:
    """Return what no difference looks like: a band for each A/A pair, scenario, question and figure."""
    rounds = _by_row(repeats)
    bands = []
    for row in gateways:
        for scenario, question in _places(rounds, row["name"]) if row["again"] else ():
            both = _both(rounds, scenario, question, row["again"], row["name"])
            for figure, values in _compared(question, both).items():
                if band := band_of(values):
                    bands.append(Band(gateway=row["again"], again=row["name"], scenario=scenario, question=question,
                                      figure=figure, ratio=estimate(values), low=band[0], high=band[1]))  # fmt: skip
    return bands


def band_for(bands: Iterable[Band], scenario: str, question: str, figure: str) -> tuple[float, float] | None:
    """Return the band that decides there: the widest of its own, else the widest of other scenarios, else None."""
    fitting = [band for band in bands if (band["question"], band["figure"]) == (question, figure)]
    own = [band for band in fitting if band["scenario"] == scenario] or fitting
    widest = max(own, key=lambda band: band["high"], default=None)
    return (widest["low"], widest["high"]) if widest else None


def ratios_of(
    repeats: Iterable[Repeat], pairs: Iterable[tuple[str, str, str]], bands: Sequence[Band] = ()
) -> list[Ratio]:
    """Compare gateways pair by pair (scenario, ours, theirs), round by round, in each question that both were asked."""
    rounds = _by_row(repeats)
    ratios = []
    for scenario, ours, theirs in dict.fromkeys(pairs):
        for question in COMPARED:
            both = _both(rounds, scenario, question, ours, theirs)
            if both and ours != theirs:
                ratios.append(_ratio(both, bands))
    return ratios


def ranks(
    repeats: Iterable[Repeat], bands: Sequence[Band], scenario: str, question: str, figure: str
) -> dict[str, int]:
    """Return the place of each row that can have one: 1, and 1 more for every row that is surely better.

    Rows that tie with the best are thus all first. In a chain, where one ties with the next but not with the one
    behind it, a row shares the place of those that it ties with as far as nobody comes between. Rows with errors have
    no place, nor have lower bounds, of anything but CPU; but a bound that is surely better than a row's figure stands
    before that row all the same. Without a band nobody has a place.
    """
    band = band_for(bands, scenario, question, figure)
    rounds = {
        name: row for (place, asked, name), row in _by_row(repeats).items() if (place, asked) == (scenario, question)
    }
    sound = {name: row for name, row in rounds.items() if not any(repeat["errors"] for repeat in row.values())}
    if band is None:
        return {}

    def surely_better(one: str, other: str) -> bool:
        both = [(sound[one][number], sound[other][number]) for number in sound[one] if number in sound[other]]
        values = _compared(question, [pair for pair in both if _comparable(*pair)]).get(figure)
        if not values:
            return False
        found = estimate(values)
        return not meets(found, band) and (found["median"] > 1) == (figure == "throughput")

    placed = [name for name, row in sound.items() if figure in CPU or not any(map(_bounded, row.values()))]
    return {name: 1 + sum(surely_better(other, name) for other in sound if other != name) for name in placed}


Rounds = dict[tuple[str, str, str], dict[int, Repeat]]
"""By scenario, question and gateway: the repeats of a row by their round."""
Pairs = list[tuple[Repeat, Repeat]]


def _by_row(repeats: Iterable[Repeat]) -> Rounds:
    rounds: Rounds = {}
    for repeat in repeats:
        place = repeat["scenario"], repeat["question"], repeat["gateway"]
        rounds.setdefault(place, {})[repeat["round"]] = repeat
    return rounds


def _places(rounds: Rounds, gateway: str) -> list[tuple[str, str]]:
    """Return the scenarios and questions that a gateway was asked."""
    return [(scenario, question) for scenario, question, name in rounds if name == gateway and question in COMPARED]


def _both(rounds: Rounds, scenario: str, question: str, ours: str, theirs: str) -> Pairs:
    """Return the repeats of each round in which both gave right answers alone."""
    own, others = rounds.get((scenario, question, ours), {}), rounds.get((scenario, question, theirs), {})
    both = [(own[number], others[number]) for number in own if number in others]
    return [pair for pair in both if _comparable(*pair)]


def _comparable(own: Repeat, theirs: Repeat) -> bool:
    return all(not repeat["errors"] and repeat["requests"] and repeat["latency"]["p50"] for repeat in (own, theirs))


def _bounded(repeat: Repeat) -> bool:
    return repeat["question"] == "capacity" and repeat["generator"]["saturated"]


FIGURES: dict[str, Callable[[Repeat], float | None]] = {
    "throughput": throughput,
    "cpu": lambda repeat: cpu_us(repeat) or None,
    "front_cpu": lambda repeat: _share(repeat, repeat["front"], "cpu_seconds", 1e6) or None,
    "p50": lambda repeat: repeat["latency"]["p50"],
    "p99": lambda repeat: _percentile(repeat["latency"], "p99", 100),
}
"""What is compared, by the names of the bands. A row without a front has no figure of one."""
CPU = ("cpu", "front_cpu")
"""Figures that do not depend on who asks, and how fast."""
COMPARED = {"capacity": tuple(FIGURES), "latency": ("cpu", "front_cpu", "p50", "p99")}
"""By question. Of an open loop throughput is what was asked for, and says nothing."""


def _compared(question: str, both: Pairs) -> dict[str, list[float]]:
    """Return the ratios of each figure that every repeat has, round by round."""
    found = {}
    for figure in COMPARED[question]:
        values = [(FIGURES[figure](own), FIGURES[figure](other)) for own, other in both]
        known = [own / other for own, other in values if own and other]
        if known and len(known) == len(values):
            found[figure] = known
    return found


def _ratio(both: Pairs, bands: Sequence[Band]) -> Ratio:
    (own, other), *_ = both
    scenario, question = own["scenario"], own["question"]
    found = {figure: estimate(values) for figure, values in _compared(question, both).items()}
    known = {figure: band for figure in found if (band := band_for(bands, scenario, question, figure))}
    return Ratio(
        scenario=scenario,
        question=question,
        gateway=own["gateway"],
        against=other["gateway"],
        throughput=found.get("throughput") or estimate([throughput(own) / throughput(other) for own, other in both]),
        cpu=found.get("cpu"),
        p50=found["p50"],
        p99=found.get("p99"),
        ties=[figure for figure, band in known.items() if meets(found[figure], band)] if known else None,
        lower_bound=any(_bounded(own) for own, _ in both),
    )
