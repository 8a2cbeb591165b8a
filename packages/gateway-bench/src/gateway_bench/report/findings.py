"""What a run shows, in words made from its figures. Titles of charts and the report come from here.

A sentence is only said when the record supports it: figures with errors are left out, and where the generator was
the limit, no order of throughput is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway_bench.record.document import Document, Estimate, Ratio, Result
from gateway_bench.report.units import duration, figure, size

__all__ = [
    "backends_finding", "cgi_finding", "cost", "cpu_finding", "cpu_of", "goals_finding", "headline", "is_ours",
    "labels", "latency_finding", "memory_finding", "memory_kinds", "memory_of", "peers_finding", "spawned_finding",
    "throughput_finding", "zygote_finding",
]  # fmt: skip

ONE_PROCESS_EACH = "cgi"
"""The gateway that starts a process for each request."""
OURS = "gatelab"
"""How the names of our own rows begin in the suite peers."""


def labels(document: Document) -> dict[str, str]:
    """Return the label of each gateway by its name."""
    return {gateway["name"]: gateway["label"] for gateway in document["gateways"]}


def of_scenario(document: Document, scenario: str, question: str = "capacity") -> list[Result]:
    """Return the results of one scenario, in the order of the gateways."""
    return [
        result for result in document["results"] if (result["scenario"], result["question"]) == (scenario, question)
    ]


def cpu_of(result: Result) -> float:
    """Return the server's CPU for a request in microseconds, 0 where nobody could tell."""
    return result["cpu_us_per_request"]["median"] if result["cpu_us_per_request"] else 0.0


def main_scenario(document: Document) -> str:
    """Return the scenario that stands for all: "page" where it was run, else the first; "" when there is none."""
    names = [result["scenario"] for result in document["results"]]
    return "page" if "page" in names else next(iter(names), "")


def cost(result: Result) -> Estimate:
    """Return the estimate of the server's CPU for a request; zeros where nobody could tell."""
    return result["cpu_us_per_request"] or Estimate(median=0.0, low=0.0, high=0.0, min=0.0, max=0.0, values=[])


def memory_of(result: Result, which: str = "peak") -> float:
    """Return the server's memory in bytes, 0 where nobody could tell."""
    found = result["memory_peak_bytes" if which == "peak" else "memory_median_bytes"]
    return found["median"] if found else 0.0


def memory_kinds(document: Document) -> list[str]:
    """Return what is meant by memory in this run: PSS, RSS."""
    usages = [repeat["server"] for repeat in document["repeats"]]
    return sorted({usage["memory"]["kind"].upper() for usage in usages if usage and usage["memory"]})


def headline(document: Document) -> str:
    """Say what a process for each request costs, and what staying alive saves."""
    scenario = main_scenario(document)
    results = of_scenario(document, scenario)
    born, stays = _split(results)
    if born is None or not stays:
        return f"Server CPU for one request ({scenario})"
    cheapest = min(stays, key=cpu_of)
    return (
        f"A process for each request costs {duration(cpu_of(born))} of CPU; "
        f"one that stays alive answers the same for {duration(cpu_of(cheapest))}, {_times(born, cheapest)} less"
    )


def cpu_finding(document: Document) -> str:
    """Say between which factors the scenarios put CGI and the cheapest persistent gateway apart."""
    factors = []
    for scenario in document["scenarios"]:
        born, stays = _split(of_scenario(document, scenario["name"]))
        if born is not None and stays:
            factors.append(cpu_of(born) / min(map(cpu_of, stays)))
    if not factors:
        return "Server CPU for each request"
    low, high = figure(min(factors)), figure(max(factors))
    span = f"{low} times" if low == high else f"{low} to {high} times"
    return f"Under CGI a request takes {span} the CPU of the cheapest gateway that stays alive"


def spawned_finding(document: Document) -> str:
    """Say who starts a process for each request, and who starts none."""
    known = labels(document)
    counts: dict[str, set[float]] = {}
    for result in document["results"]:
        if result["spawned_per_request"]:
            counts.setdefault(known[result["gateway"]], set()).add(result["spawned_per_request"]["median"])
    ones = [label for label, values in counts.items() if values == {1}]
    zeros = [label for label, values in counts.items() if values == {0}]
    if not counts or len(ones) + len(zeros) < len(counts):
        return "Processes started for 100 requests"
    if not ones:
        return "Not one process was started for a request"
    rest = ", the others none" if zeros else ""
    return f"{_listed(ones)} starts exactly one process for each request{rest}"


def latency_finding(document: Document) -> str:
    """Say how long half of the requests take at most, with a process for each and without."""
    born, stays = _split(of_scenario(document, main_scenario(document)))
    if born is None or not stays:
        return "Half of the requests are quicker than p50, one in a hundred is slower than p99"
    slowest = max(stays, key=lambda result: result["p50_us"]["median"])
    return (
        f"At full load a visitor waits {duration(born['p50_us']['median'])} for a page under CGI, "
        f"{duration(slowest['p50_us']['median'])} or less elsewhere (medians)"
    )


def memory_finding(document: Document) -> str:
    """Say who needs the most memory at the peak, and who the least."""
    results = [row for row in of_scenario(document, main_scenario(document)) if row["memory_peak_bytes"]]
    if len(results) < 2:
        return "Memory of the process tree"
    known = labels(document)
    most = max(results, key=memory_of)
    least = min(results, key=memory_of)
    return (
        f"{known[most['gateway']]} needs the most memory at its peak, {size(memory_of(most))}; "
        f"{known[least['gateway']]} the least, {size(memory_of(least))}"
    )


def throughput_finding(document: Document) -> str:
    """Say how many requests a second CGI answers, and what is (not) known of the others."""
    born, stays = _split(of_scenario(document, main_scenario(document)))
    if born is None or not stays:
        return "Requests a second"
    few, slowest = born["throughput_rps"]["median"], min(result["throughput_rps"]["median"] for result in stays)
    return f"CGI answers {figure(few)} pages a second, each of the others {figure(slowest)} or more"


def peers_finding(document: Document) -> str:
    """Say how our server compares in requests a second with the next slower and the next faster of the others."""
    compared = [ratio for ratio in document["ratios"] if not is_ours(ratio["against"])]
    if not compared:
        return "Requests a second, one core for the server"
    first = compared[0]["scenario"], compared[0]["gateway"]
    compared = [ratio for ratio in compared if (ratio["scenario"], ratio["gateway"]) == first]
    known = labels(document)
    slower = [ratio for ratio in compared if ratio["throughput"]["median"] >= 1]
    faster = [ratio for ratio in compared if ratio["throughput"]["median"] < 1]
    parts = []
    if slower:
        next_ = min(slower, key=lambda ratio: ratio["throughput"]["median"])
        at_least = "at least " if next_["lower_bound"] else ""
        times = figure(next_["throughput"]["median"])
        parts.append(f"{at_least}{times} times as many requests a second as {known[next_['against']]}")
    if faster:
        next_ = max(faster, key=lambda ratio: ratio["throughput"]["median"])
        parts.append(f"{figure(next_['throughput']['median'])} of those of {known[next_['against']]}")
    return f"On one core {known[first[1]]} answers {', and '.join(parts)}, the next of the others"


def backends_finding(document: Document) -> str:
    """Say what a request costs our FastCGI server behind nginx, and what uWSGI's."""
    costs = {result["gateway"]: cpu_of(result) for result in document["results"] if not result["errors"]}
    if "fastcgi" not in costs:
        return "CPU of a backend for each request, behind nginx"
    compared = {
        row["against"]: row["cpu"]["median"] for row in document["ratios"] if row["gateway"] == "fastcgi" and row["cpu"]
    }
    known = {"fastcgi-uwsgi": "uWSGI", "fastcgi-flup": "flup"}
    others = [f"{figure(compared[name])} of what {label} takes" for name, label in known.items() if name in compared]
    words = f"Behind nginx a FastCGI request takes our server {duration(costs['fastcgi'])} of CPU"
    return ", ".join((words, " and ".join(others))) if others else words


def cgi_finding(document: Document) -> str:
    """Say how many requests a second our CGI host makes of a hello in sh, and how that compares."""
    ours = next((row for row in of_scenario(document, "sh") if row["gateway"] == "ours" and not row["errors"]), None)
    if ours is None:
        return "Requests a second, a program for each"
    compared = {row["against"]: row["throughput"]["median"] for row in document["ratios"] if _is_hello_in_sh(row)}
    known = {"http-server": "http.server", "apache": "Apache", "lighttpd": "lighttpd"}
    others = [f"{figure(compared[name])} times {label}" for name, label in known.items() if name in compared]
    words = f"cgi_runner starts {figure(ours['throughput_rps']['median'])} programs a second"
    return f"{words}: {_listed(others)}" if others else words


def _is_hello_in_sh(row: Ratio) -> bool:
    return (row["scenario"], row["gateway"]) == ("sh", "ours")


def zygote_finding(document: Document) -> str:
    """Say how many times as many requests a zygote answers as a new interpreter for each."""
    found = {row["gateway"]: row["throughput_rps"]["median"] for row in of_scenario(document, "app")
             if not row["errors"]}  # fmt: skip
    zygote, plain = found.get("app-zygote"), found.get("app-fork-exec")
    if not zygote or not plain:
        return "The demo application, a process for each request"
    return (
        f"A zygote answers {figure(zygote / plain)} times as many requests as a new Python for each: "
        f"{figure(zygote)} and {figure(plain)} a second"
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


def is_ours(gateway: str) -> bool:
    """Tell a row of our own server from a peer's."""
    return gateway.startswith(OURS)


def _split(results: Iterable[Result]) -> tuple[Result | None, list[Result]]:
    """Return the gateway with a process for each request, and those that stay alive; none with errors."""
    sound = [result for result in results if not result["errors"] and cpu_of(result) > 0]
    born = next((result for result in sound if result["gateway"] == ONE_PROCESS_EACH), None)
    return born, [result for result in sound if result["gateway"] != ONE_PROCESS_EACH]


def _times(more: Result, less: Result) -> str:
    return f"{figure(cpu_of(more) / cpu_of(less))} times"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
