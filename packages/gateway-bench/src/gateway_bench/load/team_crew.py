"""The body of `gateway-bench worker`: several workers of a team on this host, watched until the run ends.

One worker fills one core, so a host takes as many as it has cores to spare. Each is a process of its own
(`gateway_bench.load.team_worker`), which says for itself what it does. This one waits until the bench can be reached
(workers are often started before it), starts them, and ends them: with the run, and with Ctrl-C.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time

from gateway_bench import interrupts
from gateway_bench.errors import BenchError
from gateway_bench.load.team_hello import parse_master

__all__ = ["REACH_LIMIT", "run_workers"]

REACH_LIMIT = 300.0
"""Seconds to wait for a bench that is not there yet, as long as the bench waits for its workers."""
CONNECT_LIMIT = 3.0
"""Seconds for one try: a host that drops our packets gives no answer at all."""
AGAIN = 0.5
"""Seconds between two tries."""
END_LIMIT = 5.0
"""Seconds that workers have to end after TERM."""
MOST = 256
"""Processes on one host: more are a slip of the pen."""


def run_workers(master: str, processes: int, limit: float = REACH_LIMIT) -> None:
    """Run so many workers for the bench at `master` (HOST or HOST:PORT), until its run ends. Raises BenchError."""
    host, port = parse_master(master)
    if not 1 <= processes <= MOST:
        raise BenchError(f"a host runs 1 to {MOST} workers, not {processes}")
    with interrupts.noted():
        _reach(host, port, limit)
        workers: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(processes):
                workers += [_start(host, port)]  # one by one: if one cannot be started, the others are to be ended
            failed = _watch(workers)
        finally:
            _end(workers)
    if failed:
        raise BenchError(f"{failed} of {processes} workers did not see the end of the run; what they said is above")


def _reach(host: str, port: int, limit: float) -> None:
    """Return when the port takes connections."""
    deadline, told = time.monotonic() + limit, False
    while True:
        interrupts.check()
        try:
            socket.create_connection((host, port), CONNECT_LIMIT).close()
        except socket.gaierror:
            raise BenchError(f"nobody knows a host named {host!r}") from None
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchError(
                    f"no bench at {host}:{port} in {limit:.0f} s ({error.strerror or 'no answer'}): start it there "
                    "with --expect-workers, and let its firewall pass that port"
                ) from None
            if not told:
                told = True
                print(f"no bench at {host}:{port} yet; trying for {limit:.0f} s", flush=True)
            time.sleep(AGAIN)
        else:
            return


def _start(host: str, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway_bench.load.team_worker", host, str(port)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for this process, which ends the workers itself
    )


def _watch(workers: list[subprocess.Popen[bytes]]) -> int:
    """Return when all have ended: how many of them failed. Raises KeyboardInterrupt."""
    while any(worker.poll() is None for worker in workers):
        interrupts.check()
        time.sleep(interrupts.STEP)
    return sum(worker.returncode != 0 for worker in workers)


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + END_LIMIT
    for worker in workers:
        try:
            worker.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
