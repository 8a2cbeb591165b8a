"""Whole servers: how they start, fail to start, lose workers, reload and end. The gateway is the plain HTTP one."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path

import pytest

from gateway_runtime.testing import DEADLINE, Server, run_to_end, wait_until
from master_world import APP, QUIET, SLOW, Asking, Http, change, get, go, serve

pytestmark = pytest.mark.usefixtures("served")


# -- starting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_ready_means_that_it_serves(workers):
    with serve("--workers", str(workers)) as server:
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", server.url)
        assert len(server.workers()) == workers
        assert get(server, "hello") == "hello"
        assert int(get(server, "pid")) in server.workers()
        address = server.address
    assert server.stderr == f"\nready {server.url}"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port))


def test_every_address_has_its_line():
    with socket.create_server(("127.0.0.1", 0)) as given:
        fd = given.fileno()
        binds = ["--bind", "unix:x.sock", "--bind", "127.0.0.1:0", "--bind", f"fd:{fd}"]
        with serve(*binds, pass_fds=[fd]) as server:
            assert [str(address.path or address.port > 0) for address in server.addresses] == [
                "True", "x.sock", "True", "True",
            ]  # fmt: skip
            assert server.addresses[3].port == given.getsockname()[1]
            for address in list(server.addresses):
                server.addresses.insert(0, address)
                assert get(server, "hello") == "hello"
    assert not Path("x.sock").exists()


def test_an_adopted_socket_s_file_stays():
    with socket.socket(socket.AF_UNIX) as given:
        given.bind("given.sock")
        given.listen()
        with serve(bind=f"fd:{given.fileno()}", pass_fds=[given.fileno()]) as server:
            assert server.url == "http+unix:given.sock"
            assert get(server, "hello") == "hello"
    assert Path("given.sock").exists()


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        ([], [False, False, False]),
        (["--threads", "2"], [True, False, False]),
        (["--workers", "2"], [False, True, False]),
    ],
)
def test_the_environ_tells_the_truth(arguments, flags):
    with serve(*arguments) as server:
        assert get(server, "flags") == str(flags)


BROKEN = {
    "broken": "def app(:\n",
    "raising": "raise ValueError('first line\\nsecond line')\n",
    "exiting": "import sys\nsys.exit(7)\n",
    "needy": "import no_such_library\n",
    "dying": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "quitting": "import os\nos._exit(0)\n",
}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no_such_module:app"], "there is no module 'no_such_module' in .* or on the import path"),
        (["broken:app"], r"the module 'broken' cannot be imported: SyntaxError: .* \(.*broken\.py, line 1\)"),
        (["raising:app"], r"the module 'raising' cannot be imported: ValueError: first line \(.*, line 1\)"),
        (["exiting:app"], "the module 'exiting' cannot be imported: SystemExit: 7 .*"),
        (["needy:app"], "the module 'needy' needs 'no_such_library', which is not installed"),
        (["dying:app"], "a worker was killed by SIGKILL before it could serve"),
        (["quitting:app"], "a worker exited with code 0 before it could serve"),
        (["served:nope"], "the module 'served' has no 'nope'"),
        (["served:VERSION"], "'served:VERSION' is of type str, which cannot be called"),
        (["served:app", "--bind", "PORT"], "cannot listen on 127.0.0.1:[0-9]+: it is in use already"),
        (["served:app", "--bind", "127.0.0.1:0", "--bind", "PORT"], "cannot listen on .*: it is in use already"),
        (["served:app", "--bind", "unix:served.py"], "cannot listen on unix:served.py: a file that is no socket is .*"),
        (["served:app", "--bind", "unix:x.sock", "--bind", "PORT"], "cannot listen on .*: it is in use already"),
        (["served:app", "--bind", "nowhere"], "'nowhere' is not an address: write HOST:PORT, .*"),
        (["served:app", "--nope"], r"unrecognized arguments: --nope \(--help lists what there is\)"),
        (["served:app", "--events", "no.sock"], "nobody listens for events at no.sock: No such file or directory"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(arguments, sentence):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"127.0.0.1:{taken.getsockname()[1]}"
        arguments = [port if argument == "PORT" else argument for argument in arguments]
        if arguments and "--bind" not in arguments:
            arguments += ["--bind", "127.0.0.1:0"]
        cannot_start(arguments, sentence)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("broken", "the module 'broken' cannot be imported: .*"),
        ("dying", "a worker was killed by SIGKILL before it could serve"),
        ("quitting", "a worker exited with code 0 before it could serve"),
    ],
)
def test_several_workers_that_cannot_start_are_one_line_too(module, sentence):
    cannot_start([f"{module}:app", "--bind", "127.0.0.1:0", "--workers", "4"], sentence)


def cannot_start(arguments, sentence):
    for name, source in BROKEN.items():
        Path(f"{name}.py").write_text(source)
    code, said = run_to_end("wsgi_server", *arguments, env=QUIET)
    assert code == 2
    assert re.fullmatch(f"wsgi_server: {sentence}\n", said), said
    assert not Path("x.sock").exists()


GUARDED = """
import dataclasses, sys
from gateway_runtime.cli import main
from wsgi_server.server import GATEWAY
sys.exit(main(dataclasses.replace(GATEWAY, program="guarded", guarded=True)))
"""


def test_a_protocol_that_trusts_its_peers_wants_to_know_who_they_are():
    Path("guarded.py").write_text(GUARDED)
    sentence = (
        "can be reached from other machines, and HTTP trusts whoever connects: say who may, with --allow-from CIDR"
    )
    code, said = run_to_end("guarded", "served:app", "--bind", "0.0.0.0:0")
    assert code == 2
    assert re.fullmatch(rf"guarded: 0\.0\.0\.0:[0-9]+ {sentence}\n", said), said
    with socket.create_server(("0.0.0.0", 0)) as given:
        arguments = ["-m", "guarded", "served:app", "--bind", f"fd:{given.fileno()}"]
        done = subprocess.run(
            [sys.executable, *arguments], pass_fds=[given.fileno()], capture_output=True, text=True, timeout=DEADLINE
        )
    assert done.returncode == 2
    assert sentence in done.stderr
    for arguments in (["0.0.0.0:0", "--allow-from", "192.0.2.0/24", "--allow-from", "::1"], ["127.0.0.1:0"]):
        with Server("guarded", "served:app", "--bind", *arguments) as server:
            assert get(server, "hello") == "hello"
    code, said = run_to_end("guarded", "served:app", "--allow-from", "10.0.0.1/8")
    assert code == 2
    assert said.startswith("guarded: argument --allow-from: '10.0.0.1/8' is not a network such as 10.0.0.0/8")


# -- workers ----------------------------------------------------------------------------------------------------------


def test_a_killed_worker_loses_one_request_and_is_replaced():
    with serve() as server:
        (worker,) = server.workers()
        asking = Asking(server, "hold")
        os.kill(worker, signal.SIGKILL)
        assert isinstance(asking.result(), (OSError, HTTPException))
        line = server.wait_for_line(f"worker {worker} ")
        assert re.search(
            rf"wsgi_server\[{server.pid}\] worker {worker} was killed by SIGKILL while it served GET /hold, "
            r"for [0-9]+\.[0-9]{3} s; another takes its place$",
            line,
        )
        assert get(server, "hello") == "hello"
        assert worker not in server.workers()
        assert len(server.workers()) == 1


def test_idle_workers_that_end_are_replaced():
    ends = {
        signal.SIGSEGV: "was killed by SIGSEGV;",
        signal.SIGTERM: "exited with code 0;",
        signal.SIGQUIT: "exited with code 0;",
        getattr(signal, "SIGRTMIN", 33) + 1: "was killed by signal [0-9]+;",
    }
    with serve("--workers", "5") as server:
        before = server.workers()
        for worker, number in zip(before, ends, strict=False):
            os.kill(worker, number)
        for worker, said in zip(before, ends.values(), strict=False):
            server.wait_for_line(f"worker {worker} {said} another takes its place")
        server.wait_for_line("Segmentation fault$")  # written piece by piece: others may write in between
        assert get(server, "hello") == "hello"
        wait_until(lambda: len(server.workers()) == 5, "others have taken their place")
        assert before[-1] in server.workers()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_a_worker_ignores(number):
    """Ctrl-C and the end of a terminal reach every process of the group; the master decides."""
    with serve() as server:
        before = server.workers()
        os.kill(before[0], number)
        assert get(server, "pid") == str(before[0])
        assert server.workers() == before
    assert server.stderr.count("\n") == 1


def test_two_workers_share_the_load():
    with serve("--workers", "2") as server:
        asking = Asking(server, "hold")
        pids = {get(server, "pid") for _ in range(5)}
        go("hold")
        assert asking.result() == "hello"
        assert len(pids) == 1  # of the one that was free
        (free,) = pids
        (held,) = set(server.workers()) - {int(free)}
        other = Asking(server, "hold2")
        pids = {get(server, "pid") for _ in range(5)}
        go("hold2")
        assert other.result() == "hello"
        assert pids <= {free, str(held)}
        assert len(pids) == 1


def test_four_threads_call_four_times_at_once():
    with serve("--threads", "4") as server:
        asking = [Asking(server, f"barrier{number}") for number in range(4)]
        assert [one.result() for one in asking] == ["hello"] * 4


def test_a_crash_loop_is_braked():
    with serve() as server:
        for _ in range(2):
            with pytest.raises((OSError, HTTPException)):
                get(server, "crash")
        server.wait_for_line("exited with code 3 while it served GET /crash, for .* s; another takes its place$")
        server.wait_for_line("exited with code 3 while it served GET /crash, for .* s; another takes its place in 1 s$")
        assert get(server, "hello") == "hello"


# -- ending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--workers", "2", "--threads", "2"]])
def test_term_lets_requests_finish(arguments):
    with serve(*arguments, bind="unix:x.sock") as server:
        idle = Http(server)
        idle.request("GET", "/hello")
        assert idle.getresponse().read() == b"hello"
        asking = Asking(server, "hold")
        server.signal(signal.SIGTERM)
        if arguments:
            wait_until(lambda: len(server.workers()) == 1, "the idle worker has ended")
        go("hold")
        assert asking.result() == "hello"
        assert server.wait() == 0
        idle.close()
    assert not Path("x.sock").exists()
    assert server.stderr == f"\nready {server.url}"


def test_term_does_not_wait_for_ever():
    with serve("--grace-timeout", "0.1") as server:
        asking = Asking(server, "hold")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert isinstance(asking.result(), (OSError, HTTPException))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("whole_group", [False, True])
def test_int_ends_at_once(number, whole_group):
    with serve("--workers", "2", bind="unix:x.sock") as server:
        asking = Asking(server, "hold")
        if whole_group and number == signal.SIGINT:
            os.killpg(server.pid, number)
        else:
            server.signal(number)
        assert server.wait() == 0
        assert isinstance(asking.result(), (OSError, HTTPException))
    assert not Path("x.sock").exists()
    assert server.stderr == f"\nready {server.url}"


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_int_after_another_signal_kills(first):
    with serve("--workers", "2", bind="unix:x.sock") as server:
        asking = Asking(server, "deaf")
        server.signal(first)
        wait_until(lambda: len(server.workers()) == 1, "the idle worker has ended")
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        assert isinstance(asking.result(), (OSError, HTTPException))
    assert not Path("x.sock").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("moment", ["at once", "x.sock", "importing"])
def test_a_signal_at_any_moment_of_the_start(number, moment):
    change(SLOW + APP)
    command = [sys.executable, "-m", "wsgi_server", "served:app", "--bind", "unix:x.sock", "--workers", "3"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, env=os.environ | QUIET)
    try:
        if moment != "at once":
            wait_until(Path(moment).exists)
        process.send_signal(number)
        if number == signal.SIGTERM:
            Path("go").touch()  # a graceful end waits for the import
        _, errors = process.communicate(timeout=DEADLINE)
        if moment != "at once":
            assert process.returncode == 0
            assert errors == b""
        assert not Path("x.sock").exists()
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.mark.parametrize("busy", [False, True])
def test_workers_do_not_survive_their_master(busy):
    with serve("--workers", "2", "--threads", "2") as server:
        asking = Asking(server, "hold") if busy else None
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        if asking:
            wait_until(lambda: len(server.alive()) == 1, "the idle worker has ended")
            go("hold")
            assert asking.result() == "hello"
        wait_until(lambda: not server.alive(), "the workers end")
    assert server.stderr == f"\nready {server.url}"


def test_a_worker_that_cannot_be_replaced_is_tried_again():
    with serve() as server:
        change("def app(:\n")
        os.kill(server.workers()[0], signal.SIGKILL)
        server.wait_for_line("a new worker cannot start: the module 'served' cannot be imported")
        change(APP.replace('"one"', '"two"'))
        assert get(server, "version") == "two"


# -- events -----------------------------------------------------------------------------------------------------------


def test_events_tell_the_life_of_a_server():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as watcher:
        watcher.bind("events")
        watcher.settimeout(DEADLINE)
        with serve("--events", "events", bind="unix:x.sock") as server:
            (worker,) = server.workers()
            get(server, "hello")
        events = []
        while not events or events[-1]["event"] != "exit":
            events.append(json.loads(watcher.recv(65536)))
    assert [(event["event"], event.get("role"), event["pid"]) for event in events] == [
        ("spawn", "worker", worker),
        ("ready", "worker", worker),
        ("ready", "master", server.pid),
        ("begin", None, worker),
        ("end", None, worker),
        ("exit", "worker", worker),
    ]
    assert [event["n"] for event in events] == [1] * 6
    assert events[0]["ppid"] == events[-1]["ppid"] == server.pid
    assert events[3]["request"] == events[4]["request"] == "GET /hello"
    assert events[-1]["code"] == 0
    assert all(first["t"] <= second["t"] for first, second in pairwise(events[3:]))


def test_only_the_kinds_that_were_asked_for():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as watcher:
        watcher.bind("events")
        watcher.settimeout(DEADLINE)
        with serve("--events", "events", "--event-kinds", "spawn,exit") as server:
            get(server, "hello")
        events = [json.loads(watcher.recv(65536))["event"] for _ in range(2)]
        watcher.setblocking(False)
        with pytest.raises(BlockingIOError):
            watcher.recv(1)
    assert events == ["spawn", "exit"]
