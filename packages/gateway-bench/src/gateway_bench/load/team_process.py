"""The bench's side of a team: a load process that first has to gather its workers. See `gateway_bench.load.team`.

A worker that is lost costs a job and not the run, so the sentence for it does not end this process as other failures
do. If the process itself fails, the run has no load any more: its workers have lost their master, and end.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

from gateway_bench.errors import BenchError, LoadFailed
from gateway_bench.load.generator import START_LIMIT, LoadProcess
from gateway_bench.load.job import Job
from gateway_bench.load.team import DEFAULT_PORT, Settings
from gateway_bench.load.team_hello import invitation

__all__ = ["ANYWHERE", "GATHER_LIMIT", "TeamProcess"]

GATHER_LIMIT = 300.0
"""Seconds to wait for the workers: somebody walks from host to host and starts them."""
FAREWELL = 5.0
"""Seconds in which the master tells its workers that the run is over. Locust itself takes half of one."""
ANYWHERE = "*"
"""Every interface: who asks for workers on other machines wants to be reached by them."""
MOST = 1000
"""Workers: more are a slip of the pen."""


class TeamProcess(LoadProcess):
    """A load process whose jobs are done by `expected` workers elsewhere.

    Use it as a context manager, and `gather` before the first job. `host` and `port` are where the master listens;
    port 0 is a free one, and `port` says which. All methods raise LoadFailed, also where the team does not come: its
    sentence is for the person who asked for one.
    """

    def __init__(
        self, expected: int, host: str = ANYWHERE, port: int = DEFAULT_PORT, limit: float = GATHER_LIMIT
    ) -> None:
        if not 1 <= expected <= MOST:
            raise BenchError(f"a team has 1 to {MOST} workers, not {expected}")
        if not 0 <= port < 2**16:
            raise BenchError(f"{port} is no port; 0 takes a free one")
        super().__init__("gateway_bench.load.team_load")
        self._settings = Settings(expected=expected, host=host, port=port, limit=limit)
        self.port = 0

    def gather(self, tell: Callable[[str, int], None]) -> list[str]:
        """Wait for the workers, and return their names.

        `tell` is called with what is awaited, and how many of it are there, at first and whenever one has come.
        """
        if not self.pid:
            self._start()
        awaited = f"{self._settings['expected']} times `{invitation(self._settings['host'], self.port)}`"
        tell(awaited, 0)
        while True:
            told = self._hear(self._settings["limit"] + START_LIMIT)
            if told["phase"] == "gathered":
                return [str(name) for name in told["workers"]]
            tell(awaited, told["present"])

    def prepare(self, job: Job) -> None:
        """Give the team a job, for which it begins to warm up."""
        if not self.pid:
            raise LoadFailed("the master of the workers has ended, and the workers with it; start all of them again")
        super().prepare(job)

    def _start(self) -> None:
        super()._start()
        self._say(json.dumps(self._settings))
        self.port = self._hear(START_LIMIT)["port"]

    def _hear(self, limit: float) -> dict[str, Any]:
        told = super()._hear(limit)
        if "lost" in told:
            raise LoadFailed(told["lost"])
        return told

    def _kill(self) -> None:
        """Let the master say that the run is over, so that its workers end at once; then end it in any case."""
        if self._process:
            assert self._process.stdin
            self._process.stdin.close()
            try:
                self._process.wait(FAREWELL)
            except subprocess.TimeoutExpired:
                pass
        super()._kill()
