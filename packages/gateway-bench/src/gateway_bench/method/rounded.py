"""What locust's own statistics keep of latencies: a process of its own, `python -m gateway_bench.method.rounded`.

It takes a list of [microseconds, count] as JSON, gives each to locust's own class as locust does after a request (in
milliseconds, with a fraction), and prints what that has kept: a list of [milliseconds, count]. It is a process because
importing locust replaces Python's blocking calls.
"""

from __future__ import annotations

import json
import sys

from locust.stats import RequestStats, StatsEntry

__all__ = ["main"]


def main() -> int:
    """Read, keep as locust keeps, and print."""
    entry = StatsEntry(RequestStats(), "hello", "GET")
    for microseconds, count in json.load(sys.stdin):
        for _ in range(count):
            entry.log(microseconds / 1e3, 0)
    print(json.dumps(sorted(entry.response_times.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
