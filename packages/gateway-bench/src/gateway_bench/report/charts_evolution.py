"""The charts of the suite "evolution": one question each.

`overview`    what does a process for each request cost, and what does staying alive save?
`cpu`         the same for every scenario, on a scale on which a step is a factor of ten
`split`       what do server, front and generator take of it?
`latency`     how long do visitors wait who come at their own pace, most of them and the unlucky ones?
`spawned`     how many processes are started for a request?
`switches`    how often does the system put one thread in the place of another?
`calls`       what is the system asked to do, and how often?
`memory`      how much memory does the process tree hold?
`queue`       how long does a request stand ready before a worker takes it?
`throughput`  how many requests a second? Last, because it depends on the generator.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway_bench.record.document import Document, Result
from gateway_bench.report import findings
from gateway_bench.report.charts_common import also, comparison, system_calls
from gateway_bench.report.charts_latency import latency_curves
from gateway_bench.report.charts_split import cpu_split
from gateway_bench.report.measures import MEASURES

__all__ = [
    "calls", "cpu", "latency", "memory", "overview", "queue", "spawned", "split", "switches", "switches_finding",
    "throughput",
]  # fmt: skip

KERNEL = "kernel"
"""Who tells of births, and then of what ended processes have used."""


def switches_finding(document: Document) -> str:
    """Say who makes the fewest context switches, of those of which all are told."""
    results = findings.direct(document, findings.of_scenario(document, "hello"))
    return findings.ranking(document, [row for row in results if _all_told(document, row)], MEASURES["switches"])


def _without_programs(document: Document, results: Sequence[Result]) -> dict[str, str]:
    return {row["gateway"]: ", and those of its programs" for row in results if not _all_told(document, row)}


def _all_told(document: Document, row: Result) -> bool:
    """Tell whether the switches of a row are all in the account: those of ended processes only the kernel tells."""
    here = [one for one in document["repeats"] if one["gateway"] == row["gateway"]]
    starts = row["spawned_per_request"] is not None and row["spawned_per_request"]["median"] > 0
    return not starts or all(one["births_from"] == KERNEL for one in here)


overview = cpu_split(generator=False, title=findings.headline)
cpu = comparison("cpu", title=findings.cpu_finding, logarithmic=True)
split = cpu_split("hello")
latency = latency_curves()
spawned = comparison("spawned", ("hello",), title=findings.spawned_finding)
switches = comparison("switches", ("hello",), title=switches_finding, remarks=_without_programs)
calls = system_calls
memory = comparison("memory", ("hello",), remarks=also("front_memory", "in the front"))
queue = comparison("queue_wait", ("hello",), logarithmic=True)
throughput = comparison("throughput", title=findings.throughput_finding)
