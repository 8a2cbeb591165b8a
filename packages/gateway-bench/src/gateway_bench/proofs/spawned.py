"""Twenty thousand requests of every kind to our CGI host: is anything of them left?

Good programs and bad ones, in sh and in Python, with content and without; paths that name nothing; programs that write
no head, die in the middle, keep quiet, or leave somebody behind; and clients that go away at every moment. Each answer
is checked. Then, at rest, three things are counted:

    zombies        processes of the host that have ended, and that nobody has waited for
    programs       living processes, of whomever, that stand in the folder of the programs, as each program does
    descriptors    that a process of the host (master, workers, guards, zygotes) has more than before

"Before" is after a round of every kind: by then whatever is made once has been made. First by `posix-spawn`, then,
with a quarter as many requests, by a `zygote`.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.proofs.ground import Findings, Ground, Running, wait_for
from gateway_bench.servers.cgi_programs import open_to_all

__all__ = ["KINDS", "prove"]

REQUESTS = {"posix-spawn": 20_000, "zygote": 5_000}
QUICK = 40
"""Of these, one in so many for a look."""
USERS = 8
SILENT = {"posix-spawn": 12, "zygote": 4}
"""Requests that take the whole time limit."""
TIMEOUT = 2.0
"""Seconds that a program may be silent."""
CALM_LIMIT = 15.0
"""Seconds for the host to end what its clients have left behind."""
CLIENT_LIMIT = 15.0
WRONG_MAX = 50
"""Wrong answers after which there is no more to be learnt: each may take a client its whole time limit."""

HEAD = r"printf 'Content-Type: text/plain\n\n'"
SCRIPTS = {
    "hello": f"{HEAD}; echo hello",
    "echo": f"{HEAD}; cat",
    "long": f"{HEAD}; head -c 300000 /dev/zero",
    "endless": f"{HEAD}; exec yes",
    "moved": r"printf 'Location: /hello.cgi\n\n'",
    "away": r"printf 'Status: 303 See Other\nLocation: http://elsewhere.example/\n\n'",
    "nph-hello": r"printf 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello\n'",
    "broken": "echo nonsense; echo",
    "nothing": "exit 0",
    "twice": r"printf 'Status: 200 OK\nStatus: 404 Not Found\n\n'",
    "length": r"printf 'Content-Type: text/plain\nContent-Length: many\n\n'",
    "dies": f"{HEAD}; echo some; kill -9 $$",
    "dies-early": "kill -9 $$",
    "words": f"{HEAD}; echo busy busy >&2; echo hello",
    "keeps": f"{HEAD}; echo hello; sleep 60 & exit",
    "silent": "exec sleep 60",
}
PYTHON = """\
#!{python}
print("Content-Type: text/plain\\n\\nhello")
"""
HELLO, CONTENT, LONG = b"hello\n", bytes(range(256)) * 256, bytes(300_000)
CUT = -1
"""In place of a status: the answer broke off."""

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Kind:
    """A request, how often it comes for each other one, and the answer that it must get (None: any, or none)."""

    name: str
    weight: int
    make: Callable[[Address], Answer | None]
    expected: Answer | None


def _asks(name: str, weight: int, path: str, status: int, content: bytes = b"", **how: object) -> Kind:
    method, body = str(how.get("method", "GET")), how.get("body")
    assert body is None or isinstance(body, bytes)
    return Kind(name, weight, lambda address: _ask(address, method, path, body), (status, content))


def _leaves(name: str, weight: int, path: str, reads: bool) -> Kind:
    return Kind(name, weight, lambda address: _leave(address, path, reads), None)


KINDS = (
    _asks("hello", 30, "/hello.cgi", 200, HELLO),
    _asks("HEAD", 3, "/hello.cgi", 200, method="HEAD"),
    _asks("in Python", 1, "/python.py", 200, HELLO),
    _asks("content, echoed", 4, "/echo.cgi", 200, CONTENT, method="POST", body=CONTENT),
    _asks("content, unread", 3, "/hello.cgi", 200, HELLO, method="POST", body=CONTENT),
    _asks("300 kB", 2, "/long.cgi", 200, LONG),
    _asks("local redirect", 3, "/moved.cgi", 200, HELLO),
    _asks("redirect", 2, "/away.cgi", 303),
    _asks("whole response", 2, "/nph-hello.cgi", 200, HELLO),
    _asks("words on stderr", 2, "/words.cgi", 200, HELLO),
    _asks("404", 4, "/no-such.cgi", 404),
    _asks("403", 4, "/plain.cgi", 403),
    _asks("400", 2, "/../hello.cgi", 400),
    _asks("no interpreter", 2, "/no-interpreter.cgi", 500),
    _asks("no head", 2, "/broken.cgi", 502),
    _asks("no output", 2, "/nothing.cgi", 502),
    _asks("two statuses", 2, "/twice.cgi", 502),
    _asks("bad length", 2, "/length.cgi", 502),
    _asks("killed before its head", 2, "/dies-early.cgi", 502),
    _asks("killed in the middle", 2, "/dies.cgi", CUT),
    _leaves("client leaves at once", 3, "/hello.cgi", reads=False),
    _leaves("client leaves in the middle", 2, "/endless.cgi", reads=True),
    _leaves("client leaves an endless one at once", 1, "/endless.cgi", reads=False),
    _asks("leaves somebody behind", 1, "/keeps.cgi", 200, HELLO),
)
SILENCE = _asks("silent", 0, "/silent.cgi", 504)


def prove(ground: Ground) -> Findings:
    """Return `wrong`, `zombies`, `programs` and `descriptors`, over both strategies, and the number of requests."""
    found, totals = Findings(), Counter[str]()
    for strategy, requests in REQUESTS.items():
        with tempfile.TemporaryDirectory(prefix="gatelab-spawned-") as folder:
            programs = Path(folder, "programs")
            _write(programs)
            options = ("--spawn", strategy, "--workers", "2", "--timeout", f"{TIMEOUT:g}")
            with ground.server(*options, app=str(programs), module="cgi_runner", apart=False) as running:
                ground.doing(f"spawned: {requests:,} requests by {strategy}")
                totals.update(_asked(ground, running, programs, strategy, requests, found))
    found.add("wrong", totals["wrong"], "", "answers that were not what they had to be")
    found.add("zombies", totals["zombies"], "", "zombies at the end")
    found.add("programs", totals["programs"], "", "programs that were left at the end")
    found.add("descriptors", totals["descriptors"], "", "descriptors gained, over all processes of the host")
    found.add("requests", totals["requests"], "", f"requests, of {len(KINDS) + 1} kinds")
    return found


def _asked(
    ground: Ground, running: Running, programs: Path, strategy: str, requests: int, found: Findings
) -> dict[str, int]:
    """Make the requests by one strategy; return what of it counts."""
    chance = random.Random(strategy)  # noqa: S311  # an order, not a secret
    number = requests // QUICK if ground.quick else requests
    silent = [SILENCE] * (1 if ground.quick else SILENT[strategy])
    mixed = [*silent, *chance.choices(KINDS, [kind.weight for kind in KINDS], k=number - len(silent))]
    chance.shuffle(mixed)
    members = {process.pid for process in running.tree.processes()}
    wrong = _all(running.address, [*KINDS * 2, SILENCE])
    _come_to_rest(running, members, programs)
    before = _descriptors(running)
    wrong += _all(running.address, mixed)
    _come_to_rest(running, members, programs)
    after = _descriptors(running)
    kinds = Counter(kind.name for kind in mixed)
    found.readings += [
        {"spawn": strategy, "kind": name, "requests": count, "wrong": wrong[name]} for name, count in kinds.items()
    ]
    found.notes += [f"{strategy}: {name}: {count} wrong answers" for name, count in wrong.items()]
    return {
        "requests": len(mixed),
        "wrong": wrong.total(),
        "zombies": len(_zombies(running)),
        "programs": len(_standing_in(programs) - members),
        "descriptors": sum(max(0, count - before.get(pid, 0)) for pid, count in after.items()),
    }


def _write(programs: Path) -> None:
    """Write all programs, and what only looks like one."""
    programs.mkdir()
    texts = {f"{name}.cgi": f"#!/bin/sh\n{script}\n" for name, script in SCRIPTS.items()}
    texts |= {"python.py": PYTHON.format(python=sys.executable), "no-interpreter.cgi": "#!/no/such/interpreter\n"}
    for name, text in texts.items():
        (programs / name).write_text(text, "utf-8")
        (programs / name).chmod(0o755)
    (programs / "plain.cgi").write_text("not executable\n", "ascii")
    open_to_all(programs)


# -- requests ----------------------------------------------------------------------------------------------------------


def _all(address: Address, kinds: Sequence[Kind]) -> Counter[str]:
    """Make requests from several threads at once; return how many wrong answers there were, by kind.

    Raises ProofFailed when it is no use to go on.
    """
    wrong = Counter[str]()

    def one(kind: Kind) -> None:
        interrupts.check()
        if wrong.total() > WRONG_MAX:
            raise ProofFailed(f"it was given up after so many wrong answers: {dict(wrong)}")
        answer = kind.make(address)
        if kind.expected is not None and not _right(answer, kind.expected):
            wrong[kind.name] += 1

    pool = ThreadPoolExecutor(USERS)
    try:
        for _ in pool.map(one, kinds):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
    return wrong


def _right(answer: Answer | None, expected: Answer) -> bool:
    """Is it the answer that was expected? The content of what the host says by itself is its own affair."""
    return answer is not None and answer[0] == expected[0] and (expected[0] >= 400 or answer[1] == expected[1])


def _ask(address: Address, method: str, path: str, body: bytes | None) -> Answer:
    """Make a request on a connection of its own; return status (CUT if it broke off) and content."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=CLIENT_LIMIT)
    try:
        connection.request(method, path, body, {"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return CUT, b""
    finally:
        connection.close()


def _leave(address: Address, path: str, reads: bool) -> None:
    """Make a request and be gone: at once, or with a reset as soon as something has come."""
    with address.connect(CLIENT_LIMIT) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        if reads:
            sock.recv(100)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# -- what is left ------------------------------------------------------------------------------------------------------


def _come_to_rest(running: Running, members: set[int], programs: Path) -> None:
    """Wait until nobody but the host's own processes is there. What does not go is counted, not waited for."""
    limit = time.monotonic() + CALM_LIMIT
    last: dict[int, int] = {}

    def calm() -> bool:
        nonlocal last
        now = _descriptors(running)
        same, last = now == last, now
        return time.monotonic() > limit or (same and set(now) <= members and _standing_in(programs) <= members)

    wait_for(calm, 2 * CALM_LIMIT, "the host comes to rest")


def _descriptors(running: Running) -> dict[int, int]:
    """Return how many descriptors each process of the host has open."""
    counts = {}
    for process in running.tree.processes():
        try:
            counts[process.pid] = int(process.num_fds())
        except psutil.Error:  # it has ended meanwhile, or is a zombie
            continue
    return counts


def _zombies(running: Running) -> list[int]:
    found = []
    for process in running.tree.processes():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def _standing_in(programs: Path) -> set[int]:
    """Return the living processes whose working directory is that of the programs, whoever their parent is now.

    The workers of the host are among them.
    """
    place, found = str(programs.resolve()), set()
    for process in psutil.process_iter():
        try:
            if process.cwd() == place and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        except psutil.Error:  # it has ended, or is none of our business
            continue
    return found
