"""What a run shows, in words made from its figures. Titles of charts and the report come from here.

A sentence is only said when the record supports it: figures with errors are left out, and where the generator was
the limit, no order of throughput is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway_bench.record.document import Document, Result
from gateway_bench.report.measures import MEASURES, Measure, sound, tie
from gateway_bench.report.units import duration, figure

__all__ = [
    "calls_finding", "capacity", "cpu_finding", "cpu_of", "direct", "goals_finding", "headline", "labels",
    "latency_finding", "listed", "main_scenario", "memory_finding", "of_scenario", "ranking", "rate_words", "span",
    "spawned_finding", "throughput_finding",
]  # fmt: skip

ONE_PROCESS_EACH = "cgi"
"""The gateway that starts a process for each request."""
CAPPED = 0.9
"""Part of the rate that was meant, below which something else than the row's capacity has set it."""
NAMED = 3
"""Rows that a sentence names; of more it says how many."""


def labels(document: Document) -> dict[str, str]:
    """Return the label of each gateway by its name."""
    return {gateway["name"]: gateway["label"] for gateway in document["gateways"]}


def of_scenario(document: Document, scenario: str, question: str = "capacity") -> list[Result]:
    """Return the results of one scenario, in the order of the gateways."""
    return [
        result for result in document["results"] if (result["scenario"], result["question"]) == (scenario, question)
    ]


def capacity(document: Document) -> list[Result]:
    """Return the results of all closed loops."""
    return [result for result in document["results"] if result["question"] == "capacity"]


def cpu_of(result: Result) -> float:
    """Return the server's CPU for a request in microseconds, 0 where nobody could tell."""
    return result["cpu_us_per_request"]["median"] if result["cpu_us_per_request"] else 0.0


def direct(document: Document, results: Iterable[Result]) -> list[Result]:
    """Return the results of rows that stand for themselves: without a front, and no other row again."""
    plain = {row["name"] for row in document["gateways"] if not row["front"] and not row["again"]}
    return [result for result in results if result["gateway"] in plain]


def main_scenario(document: Document) -> str:
    """Return the scenario that stands for all: "page" where it was run, else the first; "" when there is none."""
    names = [result["scenario"] for result in document["results"]]
    return "page" if "page" in names else next(iter(names), "")


def ranking(document: Document, results: Sequence[Result], measure: Measure, where: str = "") -> str:
    """Say who is best in a figure and who ties with that row, and who is the last; of those that can be compared.

    `where` names the scenario, if there are several.
    """
    able, where = sound(results, measure), f" ({where})" if where else ""
    if not able:
        return f"{measure.words}: no order{where}, for {_reason(results, measure)}"
    known = labels(document)
    ordered = sorted(able, key=measure.middle, reverse=measure.more_is_better)
    first, last = ordered[0], ordered[-1]
    level = [known[one["gateway"]] for one in ordered[1:] if tie(document, first, one, measure)]
    if len(level) == len(able) - 1 and level:
        those = "rows" if len(able) == len(results) else "rows that can be ranked"
        return f"{measure.words}: all {len(able)} {those} tie{where}"
    best, worst = (measure.most, measure.least) if measure.more_is_better else (measure.least, measure.most)
    words = f"{known[first['gateway']]} {_claim(measure, best)}{where}, {measure.shown(first)}"
    if level:
        words += f" (a tie with {_counted(level)})"
    hidden = [one for one in results if measure.bounded(one)]
    if any(measure.middle(one) < measure.middle(last) for one in hidden):
        last = first  # the last may be another one
    if last is not first and not tie(document, first, last, measure):
        words += f"; {known[last['gateway']]} {worst}, {measure.shown(last)}"
    return f"Of the rows that can be ranked {words}" if hidden else words


def _reason(results: Sequence[Result], measure: Measure) -> str:
    """Say why none of these can be compared."""
    if any(measure.bounded(result) for result in results):
        return "the generator was the limit"
    return "there were errors" if any(result["errors"] for result in results) else "nobody could tell"


def _claim(measure: Measure, most: str) -> str:
    return f"{measure.verb} {most} {measure.noun}".rstrip()


def calls_finding(document: Document, scenario: str) -> str:
    """Say who makes the fewest system calls for a request, and who the most."""
    known = labels(document)
    counts = {
        known[one["gateway"]]: figure(sum(one["calls"].values()) / one["requests"])
        for one in document["syscalls"]
        if one["scenario"] == scenario and one["requests"] and one["calls"]
    }
    if len(counts) < 2:
        return "System calls for a request"
    fewest = min(counts, key=lambda name: _number(counts[name]))
    most = max(counts, key=lambda name: _number(counts[name]))
    if counts[fewest] == counts[most]:
        return f"Each of them makes {counts[most]} system calls for a request"
    return f"{fewest} makes {counts[fewest]} system calls for a request, {most} {counts[most]}"


def _number(shown: str) -> float:
    return float(shown.replace(",", ""))


def _counted(names: list[str]) -> str:
    """Return up to three names, or how many they are."""
    return (
        listed(names)
        if len(names) <= NAMED
        else f"{listed(names[:2])} and {len(names) - 2} others".replace(" and ", ", ", 1)
    )


def headline(document: Document) -> str:
    """Say what a process for each request costs, and what staying alive saves."""
    scenario = main_scenario(document)
    born, stays = _split(document, scenario)
    if born is None or not stays:
        return f"Server CPU for one request ({scenario})" if scenario else "Nothing was measured"
    least, most = min(map(cpu_of, stays)), max(map(cpu_of, stays))
    return (
        f"A process for each request costs {duration(cpu_of(born))} of CPU; one that stays alive answers the same for "
        f"{span(duration(least), duration(most))}, {span(figure(cpu_of(born) / most), figure(cpu_of(born) / least))} "
        "times less"
    )


def cpu_finding(document: Document) -> str:
    """Say between which factors the scenarios put CGI and the cheapest persistent gateway apart."""
    factors = []
    for scenario in document["scenarios"]:
        born, stays = _split(document, scenario["name"])
        if born is not None and stays:
            factors.append(cpu_of(born) / min(map(cpu_of, stays)))
    if not factors:
        return "Server CPU for each request"
    between = span(figure(min(factors)), figure(max(factors)))
    return f"Under CGI a request takes {between} times the CPU of the cheapest gateway that stays alive"


def spawned_finding(document: Document) -> str:
    """Say who starts a process for each request, and who starts none."""
    known = labels(document)
    counts: dict[str, set[float]] = {}
    for result in direct(document, document["results"]):
        if result["spawned_per_request"]:
            counts.setdefault(known[result["gateway"]], set()).add(result["spawned_per_request"]["median"])
    ones = [label for label, values in counts.items() if values == {1}]
    zeros = [label for label, values in counts.items() if values == {0}]
    if not counts or len(ones) + len(zeros) < len(counts):
        return "Processes started for a request"
    if not ones:
        return "Not one process was started for a request"
    rest = ", the others none" if zeros else ""
    return f"{listed(ones)} {'starts' if len(ones) == 1 else 'start'} exactly one process for each request{rest}"


def rate_words(document: Document) -> str:
    """Say at what rate visitors came: a part of what each row can do, and the most that was asked of the quick ones."""
    fraction = document["parameters"]["fraction"]
    can = {(row["gateway"], row["scenario"]): row["throughput_rps"]["median"] for row in capacity(document)}
    rates = [
        (row["rate"]["median"], can.get((row["gateway"], row["scenario"]), 0.0))
        for row in document["results"]
        if row["question"] == "latency" and row["rate"]
    ]
    capped = [rate for rate, most in rates if rate < CAPPED * fraction * most]
    most = f", {figure(max(capped))} a second at most" if capped else ""
    return f"at {100 * fraction:g} % of what each can do{most}"


def latency_finding(document: Document) -> str:
    """Say how long half of the requests take at most, with a process for each and without."""
    at_rate = [result["scenario"] for result in document["results"] if result["question"] == "latency"]
    question = "latency" if at_rate else "capacity"
    scenario = at_rate[0] if at_rate else main_scenario(document)
    born, stays = _split(document, scenario, question)
    if born is None or not stays:
        return "Half of the requests are quicker than p50, one in a hundred is slower than p99"
    slowest = max(stays, key=lambda result: result["p50_us"]["median"])
    load = f"Coming {rate_words(document)}," if at_rate else "At full load"
    return (
        f"{load} half of the visitors wait {duration(born['p50_us']['median'])} or less for {scenario} under CGI, "
        f"{duration(slowest['p50_us']['median'])} or less elsewhere"
    )


def memory_finding(document: Document) -> str:
    """Say who needs the least memory at the peak, and who the most."""
    results = direct(document, of_scenario(document, main_scenario(document)))
    return ranking(document, results, MEASURES["memory"])


def throughput_finding(document: Document) -> str:
    """Say how many requests a second CGI answers, and what is (not) known of the others."""
    scenario = main_scenario(document)
    born, stays = _split(document, scenario)
    if born is None or not stays:
        return ranking(document, direct(document, of_scenario(document, scenario)), MEASURES["throughput"])
    few, slowest = born["throughput_rps"]["median"], min(result["throughput_rps"]["median"] for result in stays)
    bound = "at least " if born["lower_bound"] else ""
    return (
        f"CGI answers {bound}{figure(few)} requests a second ({scenario}), each of the others {figure(slowest)} or more"
    )


def goals_finding(document: Document) -> str:
    """Say how many promises are kept."""
    judged = [row for row in document["goals"] if row["verdict"] in ("kept", "missed")]
    kept = sum(row["verdict"] == "kept" for row in judged)
    if not judged:
        return "What is promised"
    if kept == len(judged):
        return f"All {kept} promises that were looked at are kept"
    return f"{kept} of {len(judged)} promises that were looked at are kept"


def _split(document: Document, scenario: str, question: str = "capacity") -> tuple[Result | None, list[Result]]:
    """Return the gateway with a process for each request, and those that stay alive; none with errors or a front."""
    here = direct(document, of_scenario(document, scenario, question))
    able = [result for result in here if not result["errors"] and cpu_of(result) > 0]
    born = next((result for result in able if result["gateway"] == ONE_PROCESS_EACH), None)
    return born, [result for result in able if result["gateway"] != ONE_PROCESS_EACH]


def span(low: str, high: str) -> str:
    """Return "low to high", with a unit that both have said once."""
    if low == high:
        return low
    number, _, unit = low.partition(" ")
    return f"{number if unit == high.partition(' ')[2] else low} to {high}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
