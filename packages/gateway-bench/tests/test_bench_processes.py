"""What a process tree costs: CPU with dead children, memory, births; and servers that start, fail and end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from gateway_bench.errors import NotReady
from gateway_bench.samples.cores import can_pin, on_core, two_cores
from gateway_bench.samples.processes import HighWater, MemorySampler, Tree
from gateway_bench.samples.spawns import Births, SpawnListener
from gateway_bench.servers.service import server_environment, started

BURN = "import time\nwhile time.process_time() < {seconds}: pass\n"

PARENT = """
import subprocess, sys, time
print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        subprocess.run([sys.executable, "-S", "-c", {burn!r}], check=True)
    print("done", flush=True)
"""


@contextmanager
def talking(program: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program that answers each line with a line; it ends with the block."""
    argv = [sys.executable, "-S", "-c", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process


def ask(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not tell the time of ended children")
def test_the_cpu_of_dead_children_is_counted() -> None:
    with talking(PARENT.format(burn=BURN.format(seconds=0.1))) as process:
        tree = Tree(process.pid)
        before = tree.cpu_seconds()
        assert ask(process, "4") == "done"
        assert len(tree.pids()) == 1  # the children are gone...
        used = tree.cpu_seconds() - before
    # ...and what they burnt (0.1 s each, and their start) is not, but for a tick or two that are rounded away.
    assert 0.37 <= used < 1.2


def test_the_cpu_of_living_children_is_counted() -> None:
    program = """
import subprocess, sys
print("ready", flush=True)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time\\nwhile time.process_time() < 0.2: pass\\n"
                          "print('burnt', flush=True)\\ninput()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print("done", flush=True)
input()
child.communicate()
"""
    with talking(program) as process:
        assert process.stdout
        assert process.stdout.readline() == "done\n"
        tree = Tree(process.pid)
        assert len(tree.pids()) == 2
        assert tree.cpu_seconds() >= 0.19
        kind, size, alive = tree.memory()
        assert kind in ("pss", "uss", "rss")
        assert size > 2_000_000
        assert alive == 2


def test_a_tree_that_has_ended_costs_nothing_more() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    tree = Tree(process.pid)
    assert tree.alive()
    process.communicate()
    assert not tree.alive()
    assert tree.pids() == set()
    assert tree.cpu_seconds() == 0
    assert tree.memory()[1:] == (0, 0)


def test_settling_waits_for_the_last_child() -> None:
    program = """
import subprocess, sys
children = [subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
print("ready", flush=True)
input()
for child in children:
    child.communicate()
print("done", flush=True)
input()
"""
    with talking(program) as process:
        tree = Tree(process.pid)
        assert not tree.settle({process.pid}, limit=0.05)
        assert ask(process, "end them") == "done"
        assert tree.settle({process.pid})
        assert tree.pids() == {process.pid}


def test_memory_of_several_trees_is_sampled_while_the_block_runs() -> None:
    with talking(PARENT.format(burn="")) as process:
        trees = {"ours": Tree(os.getpid()), "small": Tree(process.pid)}
        with MemorySampler(trees, interval=0.01).running() as sampler:
            deadline = time.monotonic() + 5
            while min(len(sampler.result(name)["samples"]) for name in trees) < 3:
                assert time.monotonic() < deadline
                time.sleep(0.005)
    ours, small = sampler.result("ours"), sampler.result("small")
    assert small["peak"] >= small["median"] > 1_000_000
    assert ours["median"] > small["median"], "pytest is larger than its child, and has it in its tree"
    assert {processes for _, _, processes in small["samples"]} == {1}
    assert "memory" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere another kind is counted")
def test_a_child_that_has_ended_and_was_not_waited_for_changes_no_kind() -> None:
    program = """
import os
child = os.fork()
if not child:
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
print("ready", flush=True)
input()
"""
    with talking(program) as process:
        tree = Tree(process.pid)
        assert len(tree.pids()) == 2
        kind, size, alive = tree.memory()
        assert (kind, alive) == ("pss", 1)
        assert size > 1_000_000
        process.communicate("\n")


GROWING = """
print("ready", flush=True)
import sys
for line in sys.stdin:
    held = bytearray(int(line))
    held[::4096] = b"x" * len(held[::4096])
    del held
    print("done", flush=True)
"""


@pytest.mark.parametrize("kernel_tells", [True, False])
def test_the_high_water_mark_remembers_what_is_gone_again(kernel_tells: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernel_tells:
        monkeypatch.setattr("gateway_bench.samples.processes._reset_peak", lambda _: False)
    with talking(GROWING) as process:
        mark = HighWater(Tree(process.pid))
        with mark.watching():
            for _ in range(1 if kernel_tells else 40):  # long enough for somebody who looks now and then
                assert ask(process, str(32 << 20)) == "done"
        assert (24 << 20) < mark.growth < (64 << 20)
        with mark.watching():
            assert ask(process, "1") == "done"
        assert mark.growth < 4 << 20


def tell(path: Path, *events: dict[str, object] | bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outbox:
        outbox.connect(str(path))
        for event in events:
            outbox.send(event if isinstance(event, bytes) else json.dumps(event).encode())


def spawn(ppid: int, number: int) -> dict[str, object]:
    return {"event": "spawn", "t": 1.0, "pid": 1, "ppid": ppid, "role": "cgi", "n": number}


@pytest.mark.parametrize(
    ("events", "births"),
    [
        ([], Births(0, 0)),
        ([spawn(7, 1), spawn(7, 2), spawn(8, 1)], Births(3, 0)),
        ([spawn(7, 1), spawn(7, 4)], Births(4, 2)),  # two datagrams were lost
        ([spawn(7, 2), spawn(7, 1)], Births(2, 0)),  # told out of order by two threads
        ([spawn(7, 1), spawn(7, 1)], Births(2, 0)),  # a spawner that counts badly is still believed
        ([{"event": "exit", "pid": 1, "ppid": 7, "n": 9}, spawn(7, 1)], Births(1, 0)),
        ([b"{", b"[1]", b'{"event": "spawn"}', spawn(7, 1)], Births(1, 0)),
    ],
)
def test_births_are_counted(tmp_path: Path, events: list[dict[str, object]], births: Births) -> None:
    listener = SpawnListener(tmp_path / "events")
    with listener.listening():
        tell(listener.path, *events, spawn(99, 1))  # the last one says that all were read
        deadline = time.monotonic() + 5
        while 99 not in listener._received:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    assert listener.count() == Births(births.spawned + 1, births.lost)
    assert not listener.path.exists()


READY = re.compile(r"ready (\S+)")
STUBBORN = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c",
    "import signal, time\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\nprint('up', flush=True)\\ntime.sleep(60)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
print("noise before")
print("ready http://127.0.0.1:1 child", child.pid, flush=True)
signal.sigwait([signal.SIGTERM])
"""


def start(program: str, limit: float = 10.0) -> object:
    argv = [sys.executable, "-S", "-u", "-c", program]
    return started(argv, READY, dict(os.environ), Path.cwd(), limit)


def test_a_server_takes_its_children_along() -> None:
    with start(STUBBORN) as (service, address):  # type: ignore[attr-defined]
        assert str(address) == "http://127.0.0.1:1"
        assert "noise before" in service.output
        child = psutil.Process(int(service.output.split()[-1]))
        root = psutil.Process(service.pid)
        assert child.is_running()
    assert not root.is_running()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("program", "sentence", "output"),
    [
        ("raise SystemExit('no such app')", "ended with exit code 1 before it was ready", "no such app"),
        ("print('hm')\nimport time\ntime.sleep(60)", "was not ready within 0.5 s", "hm"),
        (
            "print('ready soon')\nimport time\ntime.sleep(60)",
            "its ready line is of no use: 'soon' is not an address",
            "",
        ),
        ("import os, time\nos.close(1), os.close(2)\ntime.sleep(60)", "it closed its output before it was ready", ""),
    ],
)
def test_a_server_that_does_not_get_ready(
    program: str, sentence: str, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_bench.servers.service.STOP_LIMIT", 0.5)
    with pytest.raises(NotReady, match=sentence) as raised, start(program, 0.5):  # type: ignore[attr-defined]
        pytest.fail("it was taken for ready")
    assert output in raised.value.output
    assert [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE] == []


PHOENIX = """
import os, signal, subprocess, sys
def rise(*_):
    subprocess.Popen([sys.executable, "-S", "-u", "-c", os.environ["PHOENIX"]])
    os._exit(0)
signal.signal(signal.SIGUSR2, rise)
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended as asked"))
print("ready http://127.0.0.1:1", os.getpid(), flush=True)
while True:
    signal.pause()
"""


def test_a_server_that_another_process_took_over_ends_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOENIX", PHOENIX)
    with start(PHOENIX) as (service, _):  # type: ignore[attr-defined]
        assert service.chief() == service.pid
        os.kill(service.pid, signal.SIGUSR2)
        deadline = time.monotonic() + 10
        while service.output.count("ready") < 2 or service.chief() == service.pid:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        heir = psutil.Process(service.chief())
        assert heir.is_running()
    assert not heir.is_running() or heir.status() == psutil.STATUS_ZOMBIE
    assert "ended as asked" in service.output


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(NotReady, match="does not start"), started(["/no/such"], READY, {}, Path.cwd()):
        pytest.fail("it started")


def test_a_server_does_not_inherit_what_disturbs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDEVMODE", "1")
    monkeypatch.setenv("KEPT", "yes")
    environment = server_environment(Path("/x/guestbook"))
    assert "PYTHONDEVMODE" not in environment
    assert environment["KEPT"] == "yes"
    assert environment["DEMO_APP_DB"] == "/x/guestbook"


def test_a_child_is_kept_on_its_processor() -> None:
    if not can_pin():
        pytest.skip("this system cannot pin, or has one processor")
    server, generator = two_cores(apart=True)
    assert server != generator
    before = os.sched_getaffinity(0)
    with on_core(server):
        told = subprocess.run(
            [sys.executable, "-S", "-c", "import os; print(os.sched_getaffinity(0))"], capture_output=True, text=True
        )
    assert told.stdout.strip() == str({server})
    assert os.sched_getaffinity(0) == before
    assert two_cores(apart=False) == (None, None)
