"""The bench's side of a load process: start it, give it jobs, wait for its words. See `gateway_bench.load.job`.

::

    prepare(job)     warm_up()     begin()     stop()?     finish()      and again: prepare(job) ...
                                   '-------- go() ---------'

A load process that has failed is not believed any more: it is killed, the LoadFailed carries what it printed, and the
next `prepare` starts another one.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from typing import Any, NoReturn, Self, cast

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed
from gateway_bench.load.job import STOP, Job, Yield
from gateway_bench.load.visitor import REQUEST_LIMIT
from gateway_bench.samples.cores import on_core

__all__ = ["LoadProcess"]

START_LIMIT = 20.0
"""Seconds for the load process to import locust on a busy machine."""
BLOCK = 65_536
KEPT = 4_000
"""Bytes of a failed process's output that are kept."""


class LoadProcess:
    """A load process. Use it as a context manager: it has ended when the block has.

    `module` is what it runs: `gateway_bench.load.locust_load` (locust), `crowd_load`, or another that keeps to
    `gateway_bench.load.job`. It runs on the processor `core`, if that is given. All methods raise LoadFailed.
    """

    def __init__(self, module: str = "gateway_bench.load.locust_load", core: int | None = None) -> None:
        self._module = module
        self._core = core
        self._job: Job | None = None
        self._pending = b""
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # close() closes it
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process, or 0 while there is none."""
        return self._process.pid if self._process else 0

    def close(self) -> None:
        """End the process, and let go of what it printed."""
        self._kill()
        self._words.close()

    def prepare(self, job: Job) -> None:
        """Give it a job, for which it begins to warm up."""
        if not self._process:
            self._start()
        self._job = job
        self._say(json.dumps(job))

    def warm_up(self) -> None:
        """Wait until the warm-up is over and nothing is in flight."""
        self._hear(START_LIMIT + self._prepared["warmup"] + 2 * REQUEST_LIMIT)

    def go(self) -> Yield:
        """Let it load, and return what it counted."""
        self.begin()
        return self.finish()

    def begin(self) -> None:
        """Let it load, and do not wait."""
        self._say("go")

    def stop(self) -> None:
        """Let it end before its time. The crowd does; locust has only its time."""
        self._say(STOP)

    def finish(self) -> Yield:
        """Wait until it has ended, and return what it counted."""
        return cast("Yield", self._hear(self._prepared["max_seconds"] + 4 * REQUEST_LIMIT))

    @property
    def _prepared(self) -> Job:
        if not self._job:
            raise LoadFailed("the load generator has no job")
        return self._job

    def _start(self) -> None:
        self._pending = b""
        with on_core(self._core):
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the bench, which ends this one itself
            )

    def _kill(self) -> None:
        """Kill the process, which holds nothing that this could harm, and close its pipes."""
        process, self._process, self._job = self._process, None, None
        if process:
            process.kill()
            with process:  # waits for it
                pass

    def _say(self, line: str) -> None:
        if not self._process:
            raise LoadFailed("the load generator has ended early")
        assert self._process.stdin
        rest = memoryview(line.encode() + b"\n")
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
        except BrokenPipeError:
            self._fail("the load generator has ended early")

    def _hear(self, limit: float) -> dict[str, Any]:
        """Return the next thing that it says."""
        if not self._process:
            raise LoadFailed("the load generator has ended early")
        told: dict[str, Any] = json.loads(self._line(limit))
        if "failed" in told:
            self._fail(f"the load generator could not do it: {told['failed']}")
        return told

    def _line(self, limit: float) -> bytes:
        """Return the next line. A long one comes in many blocks, and the process waits while the pipe is full."""
        assert self._process
        assert self._process.stdout
        source, deadline = self._process.stdout.fileno(), time.monotonic() + limit
        blocks = [self._pending]
        with selectors.DefaultSelector() as selector:  # select() knows no descriptors beyond 1023
            selector.register(source, selectors.EVENT_READ)
            while b"\n" not in blocks[-1]:
                interrupts.check()
                if time.monotonic() > deadline:
                    self._fail(f"the load generator was silent for {limit:.0f} s")
                if not selector.select(interrupts.STEP):
                    continue
                blocks.append(os.read(source, BLOCK))
                if not blocks[-1]:
                    self._fail("the load generator ended without an answer")
        line, _, self._pending = b"".join(blocks).partition(b"\n")
        return line

    def _fail(self, reason: str) -> NoReturn:
        """End the process, and say why."""
        self._kill()
        self._words.seek(max(0, self._words.seek(0, os.SEEK_END) - KEPT))
        raise LoadFailed(reason, self._words.read().decode("utf-8", "replace"))
