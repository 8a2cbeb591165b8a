"""What was ordered, and who watches it being carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway_bench.record.document import Failed, Parameters, Repeat
from gateway_bench.record.goals import Goal
from gateway_bench.servers.gateways import LOOPBACK, Gateway
from gateway_bench.servers.service import READY_LIMIT
from gateway_bench.suites.suite import Suite

__all__ = ["Order", "Team", "Watcher"]


@dataclass(frozen=True)
class Team:
    """Load processes on other machines: how many to wait for, and where the bench waits for them."""

    size: int
    host: str
    port: int


@dataclass(frozen=True)
class Order:
    """What was ordered. `root` is the checkout, `listen` the address at which servers listen.

    By environment ("own", "peers", "compiled"): `pythons` are the interpreters, `remedies` the commands that install
    all of it.
    """

    suite: Suite
    gateways: Sequence[Gateway]
    scenarios: Sequence[str]
    parameters: Parameters
    seed: int
    root: Path
    pythons: Mapping[str, str]
    command: Sequence[str] = ()
    wrk: str | None = None
    strace: bool = False
    ready_limit: float = READY_LIMIT
    remedies: Mapping[str, str] = field(default_factory=dict)
    goals: Sequence[Goal] = ()
    listen: str = LOOPBACK
    team: Team | None = None


class Watcher(Protocol):
    """Whoever watches the run; `gateway_bench.terminal.console` shows it on a terminal."""

    def planned(self, steps: int, seconds: float) -> None:
        """Take note of the number of measurements to come, and about how long they will take, in seconds."""

    def doing(self, what: str) -> None:
        """Show what happens now."""

    def waiting(self, what: str, there: int) -> None:
        """Show what the run waits for before it begins, and how many of it are there."""

    def noticed(self, what: str) -> None:
        """Show a sentence about the run itself, such as that the machine is not fit for it."""

    def measured(self, repeat: Repeat) -> None:
        """Show a finished measurement."""

    def failed(self, failure: Failed) -> None:
        """Show a failure, with what the gateway printed."""

    def skipped(self, steps: int) -> None:
        """Count measurements that will not take place."""
