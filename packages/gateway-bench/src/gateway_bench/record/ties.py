"""Row beside row: what no difference looks like, ratios with their ties, and places.

Rows are compared round by round. Two repeats of the same round lie seconds apart, so a slow minute of the machine slows
both and cancels out of their ratio. Whether a ratio is a difference is decided by the band of an A/A pair, as
`gateway_bench.record.statistics` says: that of the same scenario, question and figure. A scenario in which no row was
measured twice takes the widest band of the same question and figure; a question without any has no ties and no places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway_bench.record.document import Band, GatewayRecord, Ratio, Repeat
from gateway_bench.record.statistics import UNPROVED, band_of, estimate, meets
from gateway_bench.record.summary import cpu_us, front_cpu_us, limited, p99_us, throughput

__all__ = ["COMPARED", "FIGURES", "band_for", "bands_of", "ranks", "ratios_of"]

FIGURES: dict[str, Callable[[Repeat], float | None]] = {
    "throughput": throughput,
    "cpu": lambda repeat: cpu_us(repeat) or None,
    "front_cpu": lambda repeat: front_cpu_us(repeat) or None,
    "p50": lambda repeat: repeat["latency"]["p50"],
    "p99": p99_us,
}
"""What is compared, by the names of the bands. A row without a front has no figure of one."""
CPU = ("cpu", "front_cpu")
"""Figures that do not depend on who asks, and how fast."""
COMPARED = {"capacity": tuple(FIGURES), "latency": ("cpu", "front_cpu", "p50", "p99")}
"""By question. Of an open loop throughput is what was asked for, and says nothing."""

BELIEVED = 1 / (1 + UNPROVED), 1 + UNPROVED
"""What stands for the band of a figure that the A/A pair did not have: a percentile of too few requests."""

Rounds = dict[tuple[str, str, str], dict[int, Repeat]]
"""By scenario, question and gateway: the repeats of a row by their round."""
Pairs = list[tuple[Repeat, Repeat]]


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

    Whoever ties with the best is thus first too. To tie is not to be equal, so places need not come in groups: where c
    ties with b and b with a, but not c with a, then a and b are first and c is second.

    Rows with errors have no place, nor have lower bounds, of anything but CPU; but a bound that is surely better than
    a row's figure stands before that row all the same. Without a band nobody has a place.
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

    placed = [name for name, row in sound.items() if figure in CPU or not any(map(limited, row.values()))]
    return {name: 1 + sum(surely_better(other, name) for other in sound if other != name) for name in placed}


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
    known = {figure: band_for(bands, scenario, question, figure) for figure in found}
    ties = [figure for figure, band in known.items() if meets(found[figure], band or BELIEVED)]
    return Ratio(
        scenario=scenario,
        question=question,
        gateway=own["gateway"],
        against=other["gateway"],
        throughput=found.get("throughput") or estimate([throughput(own) / throughput(other) for own, other in both]),
        cpu=found.get("cpu"),
        p50=found["p50"],
        p99=found.get("p99"),
        ties=ties if any(known.values()) else None,
        lower_bound=any(limited(own) for own, _ in both),
    )
