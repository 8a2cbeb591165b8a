"""The self-proof of the counts: a server's hidden children are counted exactly, whoever counts."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from bench_world import an_order
from gateway_bench.load.address import Address
from gateway_bench.run.engines import Engines
from gateway_bench.run.measure import Place, measure
from gateway_bench.run.plan import Task
from gateway_bench.run.subject import ready
from gateway_bench.samples import births as module
from gateway_bench.samples import connector, ended, procfs
from gateway_bench.samples.births import BirthCounter, KernelBirths
from gateway_bench.samples.ended import Ended, Exit
from gateway_bench.samples.inbox import Inbox
from gateway_bench.samples.processes import Tree
from gateway_bench.samples.spawns import Births, SpawnListener
from gateway_bench.samples.strace import why_not
from gateway_bench.samples.syscalls import counting_births, parse_births
from gateway_bench.samples.usage import read_usage, usage_between
from gateway_bench.servers.gateways import Gateway
from gateway_bench.servers.service import started

SERVER = Path(__file__).parent / "data" / "spawning_server.py"
READY = re.compile(r"ready (\S+)")
REQUESTS = 20
EACH = 3
WORK = 0.004
HELLO = b"Hello, world!\n"


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[Tree, Address]]:
    argv = [sys.executable, str(SERVER), *arguments]
    with started(argv, READY, dict(os.environ), Path.cwd()) as (service, address):
        yield Tree(service.pid), address


def ask(address: Address, times: int = REQUESTS) -> None:
    for _ in range(times):
        connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
        connection.request("GET", "/")
        assert connection.getresponse().read() == HELLO
        connection.close()


@contextmanager
def kernel() -> Iterator[KernelBirths]:
    with KernelBirths().listening() as births:
        if births.reason:
            pytest.skip(births.reason)
        yield births


@pytest.mark.parametrize(("mode", "lost"), [("telling", 0), ("lossy", 13)])
def test_births_that_are_reported_are_counted_also_when_reports_are_lost(mode: str, lost: int, tmp_path: Path) -> None:
    with SpawnListener(tmp_path / "events").listening() as listener:
        with serving(mode, str(listener.path)) as (_, address):
            before = listener.count()
            ask(address)
            after = listener.count()
        assert after == Births(before.spawned + EACH * REQUESTS, lost)
    assert not listener.path.exists()


def test_births_that_nobody_reports_are_counted_by_the_kernels_word() -> None:
    with kernel() as births, serving("hiding") as (tree, address):
        ask(address, 1)
        assert births.count() == Births(0, 0), "it follows nobody yet"
        births.follow(tree.pids())
        ask(address)
        assert births.count() == Births(EACH * REQUESTS, 0)
        ask(address, 1)
        assert births.count().spawned == EACH * (REQUESTS + 1)


def test_births_of_others_and_threads_are_not_counted() -> None:
    with kernel() as births, serving("hiding") as (tree, address):
        births.follow(tree.pids())
        subprocess.run([sys.executable, "-S", "-c", ""], check=True)
        assert births.count().spawned == 0
        births.follow({os.getpid()})
        ask(address, 1)
        threads = [threading.Thread(target=len, args=("",)) for _ in range(5)]
        for thread in threads:
            thread.start()
            thread.join()
        assert births.count().spawned == 0
        subprocess.run([sys.executable, "-S", "-c", ""], check=True)
        assert births.count().spawned == 1


def test_births_that_nobody_reports_are_counted_under_strace() -> None:
    if why_not():
        pytest.skip(why_not())
    with serving("hiding") as (tree, address):
        with counting_births(tree) as births:
            if births.reason:
                pytest.skip(births.reason)
            ask(address, 5)
        ask(address, 1)
        assert tree.alive(), "strace has let go of it"
    assert births.spawned == EACH * 5


@pytest.mark.skipif(not procfs.LINUX, reason="macOS does not tell the time of ended children")
def test_the_time_of_children_that_live_for_milliseconds_is_in_the_account() -> None:
    with serving("hiding") as (tree, address):
        before = read_usage(tree)
        ask(address)
        used = usage_between(before, read_usage(tree), None)
        assert len(tree.pids()) == 1
    assert used["cpu_seconds"] >= REQUESTS * WORK


def test_nothing_that_has_ended_is_lost_where_the_kernel_tells_of_the_ends() -> None:
    with kernel() as births, serving("hiding") as (tree, address):
        births.follow(tree.pids())
        before, told = read_usage(tree, births), read_usage(tree)
        ask(address)
        used = usage_between(before, read_usage(tree, births), None)
        inherited = usage_between(told, read_usage(tree), None)
        time, living, ended = births.accounts()
        assert living is None or living == tree.pids(), "whoever has ended is no member any more"
    # Two of three work, and one of these two is nobody's child when it ends: the tree's own account has but the other.
    if time is not None:
        assert used["cpu_seconds"] >= 2 * REQUESTS * WORK
        assert used["cpu_seconds"] > inherited["cpu_seconds"]
    if ended is not None:
        assert (used["minor_faults"] or 0) > (inherited["minor_faults"] or 0)


def test_what_the_ended_leave_behind_is_summed_up() -> None:
    births = KernelBirths()
    end = Exit(10, False, 7, 1, 5, 2)  # a thread: its faults come with those of its process
    silent, other = socket.socketpair()
    with silent, other:
        births._ends = Inbox(silent, lambda _: None, births._lock)
        births.follow({10, 20})
        births._exits += [end, end._replace(process=99, last=True)]  # a stranger
        assert births.accounts() == (None, {10, 20}, Ended(voluntary=5, involuntary=2))
        births._exits.append(end._replace(last=True))
        assert births.accounts() == (None, {20}, Ended(14, 2, 10, 4))
        births._exits.append(end._replace(last=True))
        assert births.accounts() == (None, {20}, Ended(14, 2, 10, 4)), "it was no member any more"


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "deafness", lambda: ("the kernel is silent",) * 2)
    with KernelBirths().listening() as births:
        assert births.reason == "the kernel is silent"
        assert len(births.shortcomings()) == 3
        assert all("the kernel is silent" in sentence for sentence in births.shortcomings())
        births.follow({os.getpid()})
        assert births.count() == Births(0, 0)
        with SpawnListener(tmp_path / "events").listening() as listener:
            assert BirthCounter(births, listener).source == "events"
        assert BirthCounter(births).source == ""
        assert BirthCounter(births).count() == Births(0, 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with counting_births(Tree(os.getpid())) as traced:
        pass
    assert traced.spawned is None
    assert traced.reason


@pytest.mark.skipif(not procfs.LINUX, reason="only Linux has netlink")
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (31, "this kernel tells nobody of births"),  # no such family
        (0, "the kernel tells nobody in this container of births"),  # routes: an order for births is not answered
    ],
)
def test_a_kernel_that_does_not_tell(number: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = psutil.Process().num_fds()
    monkeypatch.setattr(connector, "NETLINK_CONNECTOR", number)
    monkeypatch.setattr(connector, "ANSWER_LIMIT_MS", 1)
    births, ends = module.deafness.__wrapped__()
    assert reason in births
    assert ends == births
    assert psutil.Process().num_fds() == descriptors


@pytest.mark.parametrize("what", ["parse_birth", "parse_exit"])
def test_a_kernel_that_tells_other_numbers_is_not_believed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with kernel() as listening:
        if listening.deaf_to_ends:
            pytest.skip(listening.deaf_to_ends)
    assert module.deafness.__wrapped__() == ("", "")
    monkeypatch.setattr(connector if what == "parse_birth" else ended, what, lambda _: None)
    births, ends = module.deafness.__wrapped__()
    assert bool(births) is (what == "parse_birth")
    assert ends


def test_the_kernel_is_believed_before_the_server(tmp_path: Path) -> None:
    with kernel() as births, SpawnListener(tmp_path / "events").listening() as listener:
        counter = BirthCounter(births, listener)
        assert counter.source == "kernel"
        with serving("lossy", str(listener.path)) as (tree, address):
            counter.follow(tree)
            ask(address, 3)
            assert counter.count() == Births(EACH * 3, 0)


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    births = KernelBirths()
    births.follow({10})

    def born(parent: int, child: int) -> None:
        event = connector.EVENT.pack(connector.PROC_EVENT_FORK, 0, parent, parent, child, child)
        births._take_birth(bytes(connector.EVENT_AT) + event)

    born(10, 11)
    born(11, 12)
    assert births.count().spawned == 2
    born(1, 11)  # a stranger, with the id of our child that has ended
    born(11, 13)
    assert births.count().spawned == 2
    born(12, 13)
    assert births.count().spawned == 3
    births._take_birth(b"cut off")
    births._take_birth(bytes(connector.EVENT_AT) + connector.EVENT.pack(connector.PROC_EVENT_NONE, 0, 10, 10, 99, 99))
    assert births.count().spawned == 3


def test_a_report_that_waits_in_the_queue_is_counted(tmp_path: Path) -> None:
    outbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with SpawnListener(tmp_path / "events").listening() as listener, outbox:
        for number in range(1, 500):
            event = {"event": "spawn", "t": 0.0, "pid": 1, "ppid": 7, "role": "cgi", "n": number}
            outbox.sendto(json.dumps(event).encode(), str(listener.path))
            assert listener.count() == Births(number, 0)


@pytest.mark.parametrize(
    ("text", "born"),
    [
        ("", 0),
        ("7 vfork() = 8", 1),
        ("7 vfork()                           = 8\n8 +++ exited with 0 +++\n", 1),
        ("7 fork() = -1 EAGAIN (Resource temporarily unavailable)", 0),
        ("7 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 9", 1),
        ("7 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0} => {parent_tid=[9]}, 88) = 9", 0),
        ("7 clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD, stack_size=0x9000}, 88) = 9", 1),
        (
            "7 fork( <unfinished ...>\n8 fork( <unfinished ...>\n7 <... fork resumed>) = 9\n8 <... fork resumed>) = 10",
            2,
        ),
        ("7 clone3({flags=CLONE_THREAD} <unfinished ...>\n8 fork() = 9\n7 <... clone3 resumed> => {}, 88) = 9", 1),
        ("7 clone3({flags=CLONE_VFORK} <unfinished ...>\n7 <... clone3 resumed>, 88) = 9", 1),
        ("7 fork( <unfinished ...>\n7 <... fork resumed>) = -1 ENOMEM (Cannot allocate memory)", 0),
        ("7 fork( <unfinished ...>\n", 0),  # let go before it was born
        ("8 <... vfork resumed>) = 10", 0),  # born before we came
    ],
)
def test_what_strace_wrote_is_read(text: str, born: int) -> None:
    assert parse_births(text) == born


@pytest.mark.parametrize(("mode", "believed"), [("hiding", "kernel"), ("telling", "events")])
def test_a_measurement_of_a_server_that_spawns_counts_exactly(mode: str, believed: str) -> None:
    command = ("{python}", str(SERVER), mode, "{events}")
    row = Gateway("spawning", "Spawning", command, READY, keep_alive=False, events=mode == "telling")
    order = an_order("evolution", [row], ["hello"], seconds=0.3)
    with ExitStack() as stack:
        births = stack.enter_context(kernel()) if believed == "kernel" else None
        subject = stack.enter_context(ready(row, order, "hello", births))
        engines = stack.enter_context(Engines(None, None, lambda *_: None))
        repeat = measure(subject, Task("hello"), order.parameters, Place(1, 1, 1), engines, "crowd")
    assert repeat["errors"] == {}
    assert repeat["births_from"] == believed
    assert repeat["requests"] > 0
    assert repeat["spawned"] == EACH * repeat["requests"]
    assert repeat["lost_events"] == 0
    if births and subject.births.complete:
        assert repeat["server"] is not None
        assert repeat["server"]["cpu_seconds"] >= 2 * WORK * repeat["requests"]
