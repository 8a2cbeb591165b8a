"""The least that a request to a CGI host can take: a bare loop of posix_spawn and wait, without any server.

    python -m gateway_bench.servers.bare_loop --processes 4 --seconds 2 --output pipe PROGRAM

So many processes start the program again and again, each with one at a time, as so many connections would have a host
do. The program gets the variables that our host gives for `GET /cgi-bin/hello.sh`, an empty input, and its output goes

::

    pipe    into a pipe, read to its end and compared: there is an answer, as there is behind a host
    null    to /dev/null: nothing but posix_spawn and wait

What came of it is printed as one line of JSON, a `gateway_bench.load.job.Yield`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from array import array
from collections import Counter

from gateway_bench.load.job import Yield
from gateway_bench.load.latency import Latencies
from gateway_bench.load.scenarios import HELLO
from gateway_bench.load.warming import no_warmup

__all__ = ["OUTPUTS", "main", "variables_for"]

OUTPUTS = ("pipe", "null")
END = HELLO
"""Of a right output: what stands before it is the program's head."""
BLOCK = 65_536
NAME = "posix_spawn"


def variables_for(program: str) -> dict[str, str]:
    """Return the environment that our host gives a program for a plain GET: as many names, about as long."""
    path = "/cgi-bin/" + os.path.basename(program)  # noqa: PTH119  # text, not a file
    root = program.removesuffix(path)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "QUERY_STRING": "",
        "SCRIPT_NAME": path,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REDIRECT_STATUS": "200",
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_SOFTWARE": "wsgi_server/0.1.0",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "DOCUMENT_ROOT": root,
        "SCRIPT_FILENAME": program,
    }


def _to_pipe(program: str, environment: dict[str, str]) -> str:
    """Run it once with its output in a pipe; return what is wrong, or ""."""
    ours, theirs = os.pipe()
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, theirs, 1)]
    pid = os.posix_spawn(program, [program], environment, file_actions=actions)
    os.close(theirs)
    output = b""
    while block := os.read(ours, BLOCK):
        output += block
    os.close(ours)
    _, status = os.waitpid(pid, 0)
    if status:
        return f"status {status}"
    return "" if output.endswith(END) else "content"


def _to_nowhere(program: str, environment: dict[str, str]) -> str:
    """Run it once with its output thrown away; return what is wrong, or ""."""
    actions = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, flag, 0) for fd, flag in ((0, os.O_RDONLY), (1, os.O_WRONLY))]
    pid = os.posix_spawn(program, [program], environment, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    return f"status {status}" if status else ""


WAYS = dict(zip(OUTPUTS, (_to_pipe, _to_nowhere), strict=True))


def loop(program: str, output: str, seconds: float) -> dict[str, object]:
    """Run the program one time after the other for so long; return latencies (ns), errors and seconds."""
    once, environment = WAYS[output], variables_for(program)
    times, errors = array("q"), Counter[str]()
    began = now = time.monotonic_ns()
    end = began + round(seconds * 1e9)
    while now < end:
        wrong = once(program, environment)
        then, now = now, time.monotonic_ns()
        if wrong:
            errors[wrong] += 1
        else:
            times.append(now - then)
    return {"times": times.tolist(), "errors": errors, "seconds": (now - began) / 1e9}


def _forked(program: str, output: str, seconds: float) -> tuple[int, int]:
    """Loop in a process of its own; return its id, and where its result will come."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return pid, ours
    status = 1
    try:
        with os.fdopen(theirs, "w", encoding="ascii") as file:
            json.dump(loop(program, output, seconds), file)
        status = 0
    finally:
        os._exit(status)


def run(program: str, output: str, processes: int, seconds: float) -> Yield:
    """Let so many processes loop; the rate is the sum of theirs."""
    latencies, errors, rate, before = Latencies(), Counter[str](), 0.0, _children_cpu()
    for pid, source in [_forked(program, output, seconds) for _ in range(processes)]:
        with os.fdopen(source, encoding="ascii") as file:
            told = json.load(file)
        os.waitpid(pid, 0)
        errors.update(told["errors"])
        rate += len(told["times"]) / told["seconds"]
        for nanoseconds in told["times"]:
            latencies.record(NAME, nanoseconds // 1000)
    together = latencies.together()
    right = together["count"]
    return Yield(
        seconds=right / rate if rate else seconds,
        requests=right + errors.total(),
        errors=dict(sorted(errors.items())),
        content_bytes=0,
        latency=together,
        exchanges={},
        generator_cpu=_children_cpu() - before,
        warmup=no_warmup(),
        lateness=None,
        timeline=[],
    )


def _children_cpu() -> float:
    """Return the processor seconds of the children that this process has waited for, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """Loop as the command line says."""
    parser = argparse.ArgumentParser(prog="bare_loop", description=__doc__, add_help=False)
    parser.add_argument("program")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--output", choices=OUTPUTS, default="pipe")
    asked = parser.parse_args()
    print(json.dumps(run(asked.program, asked.output, asked.processes, asked.seconds)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
