"""The load processes of a run: each engine started when it is first needed, and kept until the end.

Importing locust takes over a second; a run has dozens of measurements. A process that has failed is not believed any
more: it is ended, and the next measurement gets another one. A team (on other machines) looks after itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from gateway_bench.errors import LoadFailed
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.team_process import TeamProcess
from gateway_bench.run.order import Team
from gateway_bench.samples.cores import on_core

__all__ = ["Engines"]

MODULES = {"locust": "gateway_bench.load.locust_load", "crowd": "gateway_bench.load.crowd_load"}
"""By engine. wrk is no load process: it has its own (`gateway_bench.load.wrk`)."""
TEAM = "team"


class Engines:
    """Load processes by engine, on processor `core` if there is one for them. A context manager: it ends them.

    With a `team` that is gathered first, on other machines. Raises BenchError where it does not come.
    """

    def __init__(self, core: int | None, team: Team | None, tell: Callable[[str, int], None]) -> None:
        self._core = core
        self._team = team
        self._tell = tell
        self._running: dict[str, LoadProcess] = {}

    def __enter__(self) -> Self:
        if self._team:
            gathering = self._running[TEAM] = TeamProcess(self._team.size, self._team.host, self._team.port)
            try:
                gathering.gather(self._tell)
            except BaseException:
                gathering.close()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End all of them."""
        while self._running:
            self._running.popitem()[1].close()

    @contextmanager
    def using(self, engine: str) -> Iterator[LoadProcess]:
        """Give the process of an engine, which is started if there is none yet; one that has failed is thrown away."""
        if engine not in self._running:
            with on_core(self._core):
                self._running[engine] = LoadProcess(MODULES[engine])
        try:
            yield self._running[engine]
        except LoadFailed:
            if engine != TEAM:
                self._running.pop(engine).close()
            raise
