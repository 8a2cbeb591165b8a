"""From the words of a command line to an `Order`, or to one sentence that says why there is none."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway_bench.errors import BenchError
from gateway_bench.load.address import parse_address
from gateway_bench.load.team_reach import neighbours
from gateway_bench.load.wrk import find_wrk
from gateway_bench.proofs.run import choose
from gateway_bench.record.goals import load_goals
from gateway_bench.run.order import Order, Team
from gateway_bench.run.plan import parameters_for
from gateway_bench.servers.gateways import LOOPBACK, Gateway, load_gateways
from gateway_bench.suites import suite_named
from gateway_bench.suites.suite import Suite

__all__ = ["ENVIRONMENTS", "Choice", "order_of"]

GOALS = "goals.toml"
ENVIRONMENTS = ("peers", "compiled")
"""Those that a session of nox with the same name makes."""
OURS = "gatelab"
"""The row of peers.toml that stands in the record of the proofs, which are about our server."""
TARGETS = "targets"
"""The suite whose rows are not those of a table."""


@dataclass(frozen=True)
class Choice:
    """What the command line chooses: rows (or proofs) and scenarios by name, and the interpreters that it names."""

    suite: str
    quick: bool = False
    only: Sequence[str] = ()
    scenarios: Sequence[str] = ()
    repeats: int | None = None
    duration: float | None = None
    seed: int | None = None
    pythons: dict[str, Path | None] = field(default_factory=dict)
    listen: str = LOOPBACK
    team: Team | None = None
    targets: Sequence[str] = ()
    strace: bool = True

    @property
    def whole(self) -> bool:
        """Is nothing of the suite left out or made shorter, and nothing elsewhere?"""
        return not (
            self.quick or self.only or self.scenarios or self.repeats or self.duration or self.team or self.targets
        )


def order_of(choice: Choice, root: Path) -> Order:
    """Return what was ordered. Raises BenchError."""
    suite = suite_named(TARGETS if choice.targets else choice.suite)
    if suite.name == TARGETS and not choice.targets:
        raise BenchError("the suite targets needs to know whom to ask: --target http://HOST:PORT, once or more")
    hosts = choice.team.size if choice.team else 0
    neighbours(choice.listen)  # says so now if servers cannot listen there
    scenarios = _scenarios(suite, choice)
    if suite.promises:
        choose(suite, choice.only)  # says so now if there is none of that name
    return Order(
        suite=suite,
        gateways=_rows(suite, choice, root),
        scenarios=scenarios,
        parameters=parameters_for(suite, choice.quick, choice.repeats, choice.duration, hosts),
        seed=secrets.randbelow(2**31) if choice.seed is None else choice.seed,
        root=root,
        pythons={"own": sys.executable} | {name: _python_of(name, choice.pythons, root) for name in ENVIRONMENTS},
        command=["python", "-m", "gateway_bench", *sys.argv[1:]],
        wrk=find_wrk(),
        strace=choice.strace,
        remedies=_remedies(choice.pythons, root),
        goals=load_goals(root / "benchmarks" / GOALS),
        listen=choice.listen,
        team=choice.team,
    )


def _rows(suite: Suite, choice: Choice, root: Path) -> list[Gateway]:
    if choice.targets:
        return [_target(word, number) for number, word in enumerate(choice.targets, 1)]
    named = [OURS] if suite.promises else [*choice.only]
    return load_gateways(root / "benchmarks" / suite.table, named)


def _target(word: str, number: int) -> Gateway:
    """Read `[NAME=]ADDRESS`."""
    name, equals, address = word.partition("=")
    if not equals:
        name, address = f"target-{number}", word
    parse_address(address)
    return Gateway.elsewhere(name, address)


def _scenarios(suite: Suite, choice: Choice) -> list[str]:
    for name in choice.scenarios:
        if name not in suite.scenarios:
            there = f"it has {', '.join(suite.scenarios)}" if suite.scenarios else "each proof has its own"
            raise BenchError(f"the suite {suite.name} has no scenario {name!r}; {there}")
    pace = suite.quick if choice.quick else suite.full
    wanted = choice.scenarios or pace.scenarios or suite.usual or suite.scenarios
    return [name for name in suite.scenarios if name in wanted]


def _python_of(environment: str, given: dict[str, Path | None], root: Path) -> str:
    """Return the interpreter of an environment: the one given, else that of `nox`; for peers also this one."""
    chosen = given.get(environment)
    if chosen is not None:
        return str(chosen)
    made = root / ".nox" / environment / "bin" / "python"
    return sys.executable if environment == "peers" and not made.exists() else str(made)


def _remedies(given: dict[str, Path | None], root: Path) -> dict[str, str]:
    """Return the command that makes each environment, if it is ours to make."""
    if not (root / "noxfile.py").is_file():
        return {}
    return {name: f"python3 noxfile.py -s {name}" for name in ENVIRONMENTS if given.get(name) is None}
