"""What one stretch of a crowd's load came to, kept raw: a number appended costs less than one in a histogram."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from gateway_bench.load.job import Connections
from gateway_bench.load.latency import Latencies

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts, latencies in nanoseconds by the name of the exchange, and `rate`, the sum of the visitors' own."""

    requests: int = 0
    visits: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    content_bytes: int = 0
    latencies_ns: defaultdict[str, array[int]] = field(default_factory=lambda: defaultdict(lambda: array("q")))
    rate: float = 0.0
    connections: Connections = field(
        default_factory=lambda: Connections(opened=0, announced=0, idle=0, retried=0, losses=[])
    )

    def latencies(self) -> Latencies:
        """Return the latencies as histograms."""
        latencies = Latencies()
        for name, values in self.latencies_ns.items():
            for microseconds, count in Counter(value // 1000 for value in values).items():
                latencies.record(name, microseconds, count)
        return latencies
