"""What the comparison of 2016 published, and what follows from it by arithmetic alone.

K. Goldberg, "A Performance Analysis of Python WSGI Servers: Part 2", AppDynamics, 11 May 2016. The commands and the
figures are those of its repository, github.com/omedhabib/WSGI_Benchmarks (`benchmark.sh`, `src/uWSGI.sh`,
`results.csv`): wrk for 30 seconds from 4 threads, averages of the rounds but the best and the worst. Each answer was
"OK" with its Content-Length, and HTTP/1.1 keeps a connection unless somebody says otherwise.

Three sums show that uWSGI's figure is not a speed:

* requests a second, times 30 seconds, over the connections: how many answers each connection carried in all;
* requests a second, times the mean latency: how many connections were at work at any moment (Little's law);
* requests less the connections, in the raw logs of wrk: just the number of its read errors.

The last one tells the cause. Each connection gave one answer, and one more for each time that wrk had to make it anew.
wrk did so after a reset alone. When a server closed in an orderly way it read the end of the connection, took it for no
answer yet, and read again for ever (github.com/wg/wrk, pull requests 167 and 179 of 2015). `benchmarks/deaf_client.py`
does the same on purpose.
"""

from __future__ import annotations

__all__ = [
    "ANSWERS",
    "BJOERN",
    "CONNECTIONS",
    "LOGS",
    "SECONDS",
    "SOURCE",
    "UWSGI",
    "UWSGI_ERRORS",
    "UWSGI_MS",
    "at_work",
]

SOURCE = "AppDynamics, 11 May 2016 (github.com/omedhabib/WSGI_Benchmarks, results.csv)"
SECONDS = 30
"""Of each run of wrk."""
CONNECTIONS = (
    100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000,
)  # fmt: skip
UWSGI = (
    3.475, 7.265, 11.77, 16.325, 20.075, 21.63, 27.02, 28.385, 32.155, 36.495, 69.75, 106.1, 138.485, 170.36, 204.115,
    239.905, 273.96, 306.36, 336.225,
)  # fmt: skip
"""Requests a second, as published."""
UWSGI_MS = (
    8.065, 6.73, 73.045, 42.12, 47.395, 37.29, 62.77, 197.875, 59.765, 295.93, 423.995, 726.94, 667.505, 611.83, 596.94,
    741.71, 728.7, 747.145, 881.165,
)  # fmt: skip
"""Mean latency in milliseconds, as published."""
UWSGI_ERRORS = (
    4, 29, 54, 91, 104, 79, 113, 54, 67, 119, 151, 819, 1_265, 1_508, 1_311, 2_298, 3_382, 3_970, 3_437,
)  # fmt: skip
"""Socket errors, as published; they were in no chart."""
BJOERN = (
    61_476.445, 128_594.775, 56_013.075, 111_486.39, 105_241.825, 102_233.64, 99_782.15, 100_013.52, 96_742.22,
    96_561.15, 89_824.7, 80_815.04, 65_394.995, 58_352.365, 68_084.015, 76_935.605, 81_163.475, 67_023.45, 82_331.875,
)  # fmt: skip
"""The winner, in requests a second, as published."""
LOGS = ((100, 115, 15), (1_000, 1_074, 74))
"""Connections, requests and read errors of two raw logs (`round1/uWSGI.100.log` and `round1/uWSGI.1000.log`)."""
ANSWERS = tuple(rate * SECONDS / number for rate, number in zip(UWSGI, CONNECTIONS, strict=True))
"""Answers that one connection carried in 30 seconds."""


def at_work(per_second: float, latency_seconds: float) -> float:
    """Return how many visitors are being served at any moment (Little's law)."""
    return per_second * latency_seconds
