"""The bench's side of a load process: start it, give it its job, wait for its words. See `gateway_bench.load.job`."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from typing import Any, Self, cast

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed
from gateway_bench.load.job import Job, Yield
from gateway_bench.load.visitor import REQUEST_LIMIT

__all__ = ["LoadProcess"]

START_LIMIT = 20.0
"""Seconds for the load process to import locust on a busy machine."""
BLOCK = 65_536
KEPT = 4_000
"""Characters of a failed process's output that are kept."""


class LoadProcess:
    """A load process with its job. Use it as a context manager: it has ended when the block has.

    `module` is what it runs: `gateway_bench.load.locust_load` (locust) or `gateway_bench.load.crowd_load`.

    A LoadFailed that leaves the block carries what the process printed.
    """

    def __init__(self, job: Job, module: str = "gateway_bench.load.locust_load") -> None:
        self._job = job
        self._pending = b""
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # __exit__ closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the bench, which ends this one itself
        )

    def __enter__(self) -> Self:
        """Hand the job over. Raises LoadFailed."""
        try:
            self._say(json.dumps(self._job))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """End the process."""
        if isinstance(error, LoadFailed):
            self._process.kill()
            self._process.wait()
            self._words.seek(0)
            error.output = self._words.read().decode("utf-8", "replace")[-KEPT:]
        self.close()

    def close(self) -> None:
        """Kill the process, which holds nothing that this could harm, and close its pipes."""
        self._process.kill()
        with self._words, self._process:  # waits for it
            pass

    def warm_up(self) -> None:
        """Wait until the warm-up is over and nothing is in flight. Raises LoadFailed."""
        self._hear(START_LIMIT + self._job["warmup"] + 2 * REQUEST_LIMIT)

    def go(self) -> Yield:
        """Let it load, and return what it counted. Raises LoadFailed."""
        self.begin()
        return self.finish()

    def begin(self) -> None:
        """Let it load, and do not wait. Raises LoadFailed."""
        self._say("go")

    def stop(self) -> None:
        """Let it end before its time. The crowd does; locust has only its time. Raises LoadFailed."""
        self._say("stop")

    def finish(self) -> Yield:
        """Wait until it has ended, and return what it counted. Raises LoadFailed."""
        return cast("Yield", self._hear(self._job["max_seconds"] + 4 * REQUEST_LIMIT))

    def _say(self, line: str) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(line.encode() + b"\n")  # shorter than a pipe's buffer: never in part
        except BrokenPipeError:
            raise LoadFailed("the load generator has ended early") from None

    def _hear(self, limit: float) -> dict[str, Any]:
        assert self._process.stdout
        source, deadline = self._process.stdout.fileno(), time.monotonic() + limit
        with selectors.DefaultSelector() as selector:  # select() knows no descriptors beyond 1023
            selector.register(source, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                interrupts.check()
                if time.monotonic() > deadline:
                    raise LoadFailed(f"the load generator was silent for {limit:.0f} s")
                if not selector.select(interrupts.STEP):
                    continue
                block = os.read(source, BLOCK)
                if not block:
                    raise LoadFailed("the load generator ended without an answer")
                self._pending += block
        line, _, self._pending = self._pending.partition(b"\n")
        return cast("dict[str, Any]", json.loads(line))
