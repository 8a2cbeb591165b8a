"""A load generator that does not notice when a server closes: what wrk was in 2015, made again for the autopsy.

    python benchmarks/deaf_client.py --address 127.0.0.1:9090 --connections 100 --seconds 2

It keeps its connections and sends the next request as soon as an answer is whole. A connection that is *reset* is made
anew, and counted; one that the server closes in an orderly way (`recv` returns b"") is left as it is, and waits for
ever for an answer to a request that nobody reads. So a server that closes after each answer, without a field that says
so, is good for one answer a connection, and for one more after each reset:

    answers = connections + resets             whatever the server can do, and however long it is asked

wrk read the end of a connection over and over and took it for no answer yet (github.com/wg/wrk, pull requests 167 of
October and 179 of November 2015); 4.1.0 treats it as an error and connects again. Taken out of 4.1.0, that one line
gives the same sum, with uWSGI 2.0.12, which is of 2015, and with 2.0.30 alike.

For the bench it is a row that is no server (`loop = true`): with `--server` it starts one itself, in which PORT stands
for a free port, and with `--json` it says what came of it as one line, a `gateway_bench.load.job.Yield`. It runs under
the interpreter of the peers, so it needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

__all__ = ["Count", "ask"]

RECEIVE = 65_536
LOOK = 0.05
"""Seconds between two looks at the clock."""
READY_LIMIT = 10.0
PATH = "/hello"

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]{1,9})\r\n", re.IGNORECASE)


@dataclass
class Count:
    """What came of it: whole answers, connections reset by the server, and those that it closed unnoticed."""

    answers: int = 0
    resets: int = 0
    deaf: int = 0
    content_bytes: int = 0
    waits_us: list[int] = field(default_factory=list)


class Connection:
    """One connection, and what has come of the answer under way."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.sock = socket.create_connection(address, 5.0)
        self.ask(request)

    def ask(self, request: bytes) -> None:
        """Send the next request."""
        self.pending, self.began = b"", time.monotonic_ns()
        self.sock.send(request)

    def answered(self, data: bytes) -> int | None:
        """Take bytes of an answer; return the length of its content when it is whole."""
        self.pending += data
        head, end, content = self.pending.partition(b"\r\n\r\n")
        found = _LENGTH.search(head + b"\r\n")
        return len(content) if end and found and len(content) >= int(found[1]) else None


def ask(
    address: tuple[str, int], connections: int, seconds: float, path: str = PATH, until_deaf: bool = False
) -> Count:
    """Ask over so many connections for so long, or `until_deaf`: until every one of them waits for nothing."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\n\r\n".encode("ascii")
    count, deadline = Count(), time.monotonic() + seconds
    opened: list[Connection] = []
    with selectors.DefaultSelector() as selector:

        def connect() -> None:
            opened.append(Connection(address, request))
            selector.register(opened[-1].sock, selectors.EVENT_READ, opened[-1])

        for _ in range(connections):
            connect()
        while time.monotonic() < deadline and not (until_deaf and count.deaf == connections):
            for key, _ in selector.select(LOOK):
                connection: Connection = key.data
                try:
                    ended = _read(connection, request, count)
                except OSError:
                    count.resets += 1
                    selector.unregister(connection.sock)
                    opened.remove(connection)
                    connection.sock.close()
                    connect()
                else:
                    if ended:  # here wrk reads again, and again; to look away comes to the same
                        count.deaf += 1
                        selector.unregister(connection.sock)
    for connection in opened:
        connection.sock.close()
    return count


def _read(connection: Connection, request: bytes, count: Count) -> bool:
    """Read once, and ask again where that was the end of an answer; tell whether it was that of the connection."""
    data = connection.sock.recv(RECEIVE)
    length = connection.answered(data) if data else None
    if length is not None:
        count.answers += 1
        count.content_bytes += length
        count.waits_us.append((time.monotonic_ns() - connection.began) // 1000)
        connection.ask(request)
    return not data


@contextmanager
def _server(command: str, ready: str) -> Iterator[tuple[str, int]]:
    """Run a server for the length of a block: gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    words = shlex.split(command.replace("PORT", str(port)))
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with process:
        try:
            assert process.stdout
            told = next((line for line in process.stdout if re.search(ready, line)), None)
            if told is None:
                sys.exit(f"the server ended before it said {ready!r}")
            _wait_for(port)
            yield "127.0.0.1", port
        finally:
            family = _descendants(process.pid)
            process.terminate()
            for pid in family:  # a router outlives a uWSGI without a master
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have, as far as they have a parent."""
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], stdout=subprocess.PIPE, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, told.splitlines())}
    found = [pid]
    for one in found:  # it grows while we look
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + READY_LIMIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"nobody listens at port {port}")
            time.sleep(0.01)
        else:
            return


def _as_json(count: Count, seconds: float, opened: int) -> str:
    """Return what came of it as wrk would have it: what still waits is in no figure."""
    waits = sorted(count.waits_us) or [0]
    part = {name: waits[min(len(waits) - 1, int(share * len(waits)))]
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))}  # fmt: skip
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return json.dumps({
        "seconds": seconds,
        "requests": count.answers + count.resets,
        "errors": {"closed": count.resets} if count.resets else {},
        "content_bytes": count.content_bytes,
        "latency": {"count": count.answers, **part, "max": waits[-1], "histogram": ""},
        "exchanges": {},
        "warmup": {"seconds": 0.0, "rates": [], "settled": False},
        "lateness": None,
        "timeline": [],
        "generator_cpu": sum(one.ru_utime + one.ru_stime for one in used),
        "connections": {"opened": opened, "announced": 0, "idle": count.deaf, "retried": 0, "losses": []},
    })  # fmt: skip


def main() -> None:
    """Ask a server and say what came back."""
    parser = argparse.ArgumentParser(description="Ask over kept connections, and do not notice when they are closed.")
    parser.add_argument("--address", help="HOST:PORT of a server that runs")
    parser.add_argument("--server", help="the command of one to start; PORT in it stands for a free port")
    parser.add_argument("--ready", default="", help="what a line of its output says when it can serve")
    parser.add_argument("--connections", "--processes", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--path", default=PATH)
    parser.add_argument("--json", action="store_true", help="one line for the bench")
    chosen = parser.parse_args()
    if chosen.server:
        with _server(chosen.server, chosen.ready) as address:
            count = ask(address, chosen.connections, chosen.seconds, chosen.path)
    elif chosen.address:
        host, _, port = chosen.address.rpartition(":")
        count = ask((host, int(port)), chosen.connections, chosen.seconds, chosen.path)
    else:
        parser.error("it needs --address or --server")
    if chosen.json:
        print(_as_json(count, chosen.seconds, chosen.connections + count.resets))
        return
    rate = count.answers / chosen.seconds
    print(f"{count.answers} answers over {chosen.connections} connections in {chosen.seconds:g} s, {rate:.2f} a second")
    print(f"{count.resets} connections were reset and made anew, {count.deaf} were closed and nobody noticed")


if __name__ == "__main__":
    main()
