"""What a reader must know about a run before its figures, in words made from the record.

Whether the machine was fit, how far chance goes, what was not settled, what is missing and what went wrong: a report
that hides these is an advertisement.
"""

from __future__ import annotations

from gateway_bench.record.document import Band, Document, Noise
from gateway_bench.record.summary import disturbed
from gateway_bench.report import findings
from gateway_bench.report.units import duration

__all__ = ["band_words", "machine_facts", "noise_verdict", "unsettled", "warnings"]

FIGURES = {
    "throughput": "requests a second",
    "cpu": "server CPU a request",
    "front_cpu": "front CPU a request",
    "p50": "p50",
    "p99": "p99",
}
QUESTIONS = {"capacity": "closed loop", "latency": "at a set rate", "shape": "under a shape"}


def noise_verdict(document: Document) -> str:
    """Say what the probe before the run found."""
    noise = document["noise"]
    if noise is None:
        return "Nobody looked at the noise of the machine before this run."
    measured = (
        f"{noise['slices']} slices of the same work, about {duration(noise['slice_us'])} each, were timed before the "
        f"run: the 90th percentile of their times lies {100 * noise['spread']:.1f} % of the median above the 10th"
    )
    told = ", ".join(_told(noise))
    verdict = "The machine was fit to measure on." if noise["fit"] else f"The machine was not fit: {_reasons(noise)}."
    return f"{measured}{f' ({told})' if told else ''}. {verdict}"


def _told(noise: Noise) -> list[str]:
    words = [f"others used {100 * noise['others_share']:.0f} % of the processors"]
    if noise["stolen_share"] is not None:
        words.append(f"{100 * noise['stolen_share']:.1f} % were stolen by other machines")
    if noise["governor"]:
        words.append(f"governor {noise['governor']}")
    return words


def _reasons(noise: Noise) -> str:
    return "; ".join(noise["reasons"]) or "the probe does not say why"


def warnings(document: Document) -> list[str]:
    """Return what is to be read before any figure; none for a whole run on a quiet machine."""
    found = []
    if not document["complete"]:
        found.append("This run was broken off. What is here was measured before that.")
    noise = document["noise"]
    if noise and not noise["fit"]:
        found.append(f"The machine was not fit to measure on: {_reasons(noise)}.")
    if disturbed(document["repeats"]):
        found.append("Other programs used much of the processors while this ran: do not trust small differences.")
    if document["repeats"] and document["parameters"]["repeats"] == 1:
        found.append("One repeat of each is a look and not a measurement: there are no intervals.")
    return found


def band_words(document: Document, band: Band) -> str:
    """Say how far chance went in a figure: between two rows that are one and the same."""
    known = findings.labels(document)
    titles = {row["name"]: row["title"] for row in document["scenarios"]}
    where = f"{titles.get(band['scenario'], band['scenario'])}, {QUESTIONS[band['question']]}"
    low, high = 100 * (band["low"] - 1), 100 * (band["high"] - 1)
    return (
        f"{known.get(band['gateway'], band['gateway'])}, {where}: {FIGURES.get(band['figure'], band['figure'])} from "
        f"{low:+.1f} % to {high:+.1f} %"
    )


def unsettled(document: Document) -> list[str]:
    """Return the rows whose rate had not settled when their warm-up ended, with how often."""
    known = findings.labels(document)
    counts: dict[str, list[int]] = {}
    for repeat in document["repeats"]:
        if repeat["warmup"]["rates"]:  # records of version 1 do not know
            place = f"{known[repeat['gateway']]}, {repeat['scenario']}, {QUESTIONS[repeat['question']]}"
            counts.setdefault(place, [0, 0])
            counts[place][0] += not repeat["warmup"]["settled"]
            counts[place][1] += 1
    return [f"{place}: {times} of {of}" for place, (times, of) in counts.items() if times]


def machine_facts(document: Document) -> list[tuple[str, str]]:
    """Return all that the record says of the machine, in words."""
    return [(name.replace("_", " "), str(value)) for name, value in document["machine"].items() if value != ""]
