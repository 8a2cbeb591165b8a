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

from gateway_bench.report import findings
from gateway_bench.report.charts_common import also, comparison, system_calls
from gateway_bench.report.charts_latency import latency_curves
from gateway_bench.report.charts_split import cpu_split

__all__ = [
    "calls", "cpu", "latency", "memory", "overview", "queue", "spawned", "split", "switches", "throughput",
]  # fmt: skip

overview = cpu_split(generator=False, title=findings.headline)
cpu = comparison("cpu", title=findings.cpu_finding, logarithmic=True)
split = cpu_split("hello")
latency = latency_curves()
spawned = comparison("spawned", ("hello",), title=findings.spawned_finding)
switches = comparison("switches", ("hello",), logarithmic=True)
calls = system_calls
memory = comparison("memory", ("hello",), remarks=also("front_memory", "in the front"))
queue = comparison("queue_wait", ("hello",), logarithmic=True)
throughput = comparison("throughput", title=findings.throughput_finding)
