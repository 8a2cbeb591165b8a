"""One server under watch: its latest report, what changed since the one before, and whether it still answers.

::

           take(report)                       miss(why)
    ────────────────────────▶ it answers ◀───────────────▶ it is silent: the latest report stays, to be looked at
                                 │  ▲                       take(report)
                                 ▼  │ another process answers: rates and curve begin anew

Reports are put in, nothing is fetched here, so all of it can be tested without a clock or a server.
"""

from __future__ import annotations

from collections import deque

from .errors import Unreachable
from .rates import SERVER, Rates, rates_between, same_server
from .report import Report
from .target import Target

__all__ = ["Watch"]

CURVE = 240
"""Rates that are kept for the curve: more than the widest terminal has columns for it."""


class Watch:
    """What is known of the server at `target`. `trouble` says why there is no report now; "" while there is.

    `control` is the address of its control socket, if that was told.
    """

    def __init__(self, target: Target, control: Target | None = None) -> None:
        self.target = target
        self.control = control
        self.report: Report | None = None
        self.rates: Rates = {}
        self.curve: deque[float | None] = deque(maxlen=CURVE)
        self.trouble = ""

    @property
    def rate(self) -> float | None:
        """Requests a second of the whole server, if known."""
        return self.rates.get(SERVER)

    def take(self, report: Report) -> bool:
        """A report has come. Is it of another process than the one before?"""
        before, self.report, self.trouble = self.report, report, ""
        if before is None:
            return False
        if not same_server(before, report):
            self.rates = {}
            self.curve.clear()
            return True
        if report.uptime_s > before.uptime_s:  # else it is the same report again
            self.rates = rates_between(before, report)
            self.curve.append(self.rate)
        return False

    def miss(self, why: Unreachable) -> None:
        """No report has come."""
        self.trouble = str(why)
        self.rates = {}
