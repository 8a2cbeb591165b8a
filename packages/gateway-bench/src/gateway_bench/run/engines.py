"""The load processes of a run: each engine started when it is first needed, and kept until the end.

Importing locust takes over a second; a run has dozens of measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.team_process import TeamProcess
from gateway_bench.run.order import Team

__all__ = ["Engines"]

MODULES = {"locust": "gateway_bench.load.locust_load", "crowd": "gateway_bench.load.crowd_load"}
"""By engine. wrk is no load process: it has its own (`gateway_bench.load.wrk`)."""


class Engines:
    """Load processes by engine, on processor `core` if there is one for them. A context manager: it ends them.

    With a `team` that is gathered first, on other machines. Raises BenchError where it does not come.
    """

    def __init__(self, core: int | None, team: Team | None, tell: Callable[[str, int], None]) -> None:
        self._core = core
        self._team = team
        self._tell = tell
        self._stack = ExitStack()
        self._running: dict[str, LoadProcess] = {}

    def __enter__(self) -> Self:
        with self._stack as stack:
            if self._team:
                gathering = TeamProcess(self._team.size, self._team.host, self._team.port)
                self._running["team"] = stack.enter_context(gathering)
                gathering.gather(self._tell)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End all of them."""
        self._stack.close()
        self._running.clear()

    def process(self, engine: str) -> LoadProcess:
        """Return the process of an engine, which is started if there is none yet."""
        if engine not in self._running:
            self._running[engine] = self._stack.enter_context(LoadProcess(MODULES[engine], core=self._core))
        return self._running[engine]
