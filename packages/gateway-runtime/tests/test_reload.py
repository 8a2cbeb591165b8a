"""A reload (HUP): whole servers, and every other event in the middle of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from http.client import HTTPException
from pathlib import Path

import pytest

from gateway_runtime.testing import DEADLINE, run_to_end, wait_until
from master_world import (
    APP,
    QUIET,
    SLOW,
    TWO,
    Asking,
    Http,
    Regular,
    Visitor,
    answers_to,
    change,
    get,
    go,
    open_files,
    open_files_of_worker,
    serve,
)

pytestmark = pytest.mark.usefixtures("served")


@pytest.mark.parametrize("workers", [1, 2])
def test_hup_loads_changed_code_and_loses_no_request(workers):
    with serve("--workers", str(workers)) as server:
        before = server.workers()
        visitor = Visitor(server)
        wait_until(lambda: len(visitor.answers) > 5)
        change(TWO)
        server.signal(signal.SIGHUP)
        server.wait_for_line(f"reloaded: {workers} new workers serve, {workers} old ones finish")
        wait_until(lambda: visitor.answers[-1] == "two")
        wait_until(lambda: not set(before) & set(server.workers()), "the old workers have ended")
        assert answers_to(visitor) == {"one", "two"}
        assert len(server.workers()) == workers


def test_hup_lets_requests_of_the_old_code_finish():
    with serve() as server:
        asking = Asking(server, "hold")
        change(APP.replace('"hello"', '"changed"'))
        server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded")
        wait_until(lambda: get(server, "hello") == "changed", "the old one accepts no more")
        go("hold")
        assert asking.result() == "hello"
        wait_until(lambda: len(server.workers()) == 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_hup_with_a_broken_module_keeps_the_old_workers(workers):
    with serve("--workers", str(workers)) as server:
        before = server.workers()
        change("def app(:\n")
        for count in (1, 2):
            server.signal(signal.SIGHUP)
            wait_until(lambda count=count: server.stderr.count("the reload is given up") == count)
        assert server.stderr.count("a new worker cannot start: the module 'served' cannot be imported: SyntaxErr") == 2
        wait_until(lambda: server.workers() == before, "only the old workers are left")
        assert get(server, "version") == "one"
        change(TWO)
        server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded")
        wait_until(lambda: not set(before) & set(server.workers()), "the old workers have ended")
        assert get(server, "version") == "two"


def test_many_hups():
    with serve("--workers", "2") as server:
        for number in range(5):
            change(APP.replace('"one"', f'"{number}"'))
            server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded")
        wait_until(lambda: get(server, "version") == "4")
        wait_until(lambda: len(server.workers()) == 2)
        assert {get(server, "version") for _ in range(5)} == {"4"}


def test_kept_connections():
    """Those under way get their answer; every connection can be used or is closed, and none is broken."""
    with serve("--threads", "3") as server:
        kept = [Http(server) for _ in range(2)]
        for number, http in enumerate(kept):
            http.request("GET", "/version")
            assert http.getresponse().read() == b"one"
            http.request("GET", f"/hold{number}")
            wait_until(Path(f"hold{number}.begun").exists)
        change(TWO)
        server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded")
        for number, http in enumerate(kept):
            go(f"hold{number}")
            assert http.getresponse().read() == b"hello"
            http.close()
        wait_until(lambda: len(server.workers()) == 1, "the old worker has ended")
        assert get(server, "version") == "two"


@pytest.mark.parametrize("threads", ["1", "3"])
def test_no_request_on_a_kept_connection_is_lost(threads):
    """Not one crosses its connection's end, over several reloads."""
    with serve("--workers", "2", "--threads", threads) as server:
        regulars = [Regular(server) for _ in range(6)]
        for number in range(1, 4):
            wait_until(lambda number=number: all(len(one.answers) > 20 * number for one in regulars), "all are served")
            server.signal(signal.SIGHUP)
            wait_until(lambda number=number: server.stderr.count("reloaded") == number, "it is reloaded")
        for one in regulars:
            assert answers_to(one) == {"one"}


def loading(server, code=TWO):
    """Begin a reload that does not get on until `Path("go")` is there; return the pids of the new workers."""
    before = set(server.workers())
    change(SLOW + code)
    server.signal(signal.SIGHUP)
    everybody = "x" * len(before)
    wait_until(lambda: Path("importing").exists() and Path("importing").read_text() == everybody, "all load")
    return set(server.workers()) - before


@pytest.mark.parametrize(
    "arguments", [[], ["--preload"], ["--manager", "dynamic", "--min-workers", "2"], ["--status", "unix:s.sock"]]
)
def test_no_descriptor_is_left_behind(arguments):
    with serve("--workers", "2", *arguments) as server:
        master, worker = open_files(server.pid), open_files_of_worker(server.workers()[0])
        for number in range(1, 4):
            os.kill(server.workers()[0], signal.SIGKILL)
            wait_until(lambda number=number: server.stderr.count("takes its place") == number)
            server.signal(signal.SIGHUP)
            wait_until(lambda number=number: server.stderr.count("reloaded") == number)
            wait_until(lambda: len(server.workers()) == 2, "the old ones have ended")
        wait_until(lambda: open_files(server.pid) == master, "the master holds what it has held")
        for pid in server.workers():
            wait_until(lambda pid=pid: open_files(pid) == worker, "and so does each worker")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("busy", [False, True])
def test_the_end_meanwhile(number, busy):
    with serve("--workers", "2", bind="unix:x.sock") as server:
        asking = Asking(server, "hold") if busy else None
        loading(server)
        server.signal(number)
        if number == signal.SIGTERM:  # requests are finished, and so is the import
            go("hold")
            Path("go").touch()
        assert server.wait() == 0
        if asking:
            assert asking.result() == "hello" if number == signal.SIGTERM else isinstance(asking.answer, Exception)
    assert not Path("x.sock").exists()
    assert "reloaded" not in server.stderr


def test_hup_again_meanwhile():
    """The newest code is what counts."""
    with serve("--workers", "2") as server:
        middle = loading(server, APP.replace('"one"', '"never"'))
        visitor = Visitor(server)
        change(TWO)
        server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded: 2 new workers serve, 2 old ones finish")
        wait_until(lambda: visitor.answers and visitor.answers[-1] == "two")
        assert answers_to(visitor) <= {"one", "two"}
        assert middle <= set(server.workers())  # they still load
        Path("go").touch()
        wait_until(lambda: not middle & set(server.workers()), "they have ended")
        assert len(server.workers()) == 2
        assert {get(server, "version") for _ in range(5)} == {"two"}


def test_a_new_worker_is_killed_while_it_loads():
    with serve("--workers", "2") as server:
        before = server.workers()
        new = loading(server)
        os.kill(min(new), signal.SIGKILL)
        server.wait_for_line(
            "a new worker cannot start: a worker was killed by SIGKILL before it could serve; the reload is given up"
        )
        Path("go").touch()
        wait_until(lambda: server.workers() == before, "the others of them end too")
        assert get(server, "version") == "one"


def test_an_old_worker_is_killed_meanwhile():
    with serve("--workers", "2") as server:
        new = loading(server)
        killed = min(set(server.workers()) - new)
        Path("importing").unlink()
        os.kill(killed, signal.SIGKILL)
        server.wait_for_line(f"worker {killed} was killed by SIGKILL.*; another takes its place")
        wait_until(Path("importing").exists, "another loads in its place")
        assert get(server, "version") == "one"
        Path("go").touch()
        server.wait_for_line("reloaded")
        wait_until(lambda: set(server.workers()) == new, "those of the old code end")
        assert get(server, "version") == "two"


ONE_WAITS = """
import os, time
try:
    os.mkdir("first")
except FileExistsError:
    open("importing", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.002)
"""


def test_a_new_worker_is_killed_after_it_was_ready():
    """It is replaced, and the reload goes on."""
    with serve("--workers", "2") as server:
        before = set(server.workers())
        change(ONE_WAITS + TWO)
        server.signal(signal.SIGHUP)
        wait_until(Path("importing").exists, "the second loads")
        wait_until(lambda: get(server, "version") == "two", "the first serves")
        killed = before.copy()
        while killed & before:
            killed = {int(get(server, "pid"))}
        os.kill(*killed, signal.SIGKILL)
        server.wait_for_line(f"worker {min(killed)} was killed by SIGKILL.*; another takes its place")
        Path("go").touch()
        server.wait_for_line("reloaded: 2 new workers serve, 2 old ones finish")
        wait_until(lambda: len(server.workers()) == 2, "the old ones have ended")
        assert not (before | killed) & set(server.workers())
        assert get(server, "version") == "two"


def test_an_old_worker_that_does_not_end_is_killed():
    with serve("--grace-timeout", "0.1") as server:
        (old,) = server.workers()
        asking = Asking(server, "hold")
        server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded")
        server.wait_for_line(f"worker {old} is killed because it has not ended in time; lost: GET /hold, for .* s")
        assert isinstance(asking.result(), (OSError, HTTPException))
        wait_until(lambda: old not in server.workers())
        assert "another takes its place" not in server.stderr


def test_ttin_meanwhile():
    with serve() as server:
        loading(server)
        server.signal(signal.SIGTTIN)
        server.wait_for_line("TTIN: workers from now on: 2")
        Path("go").touch()
        server.wait_for_line("reloaded")
        wait_until(lambda: len(server.workers()) == 2, "there are two of the new code")
        assert {get(server, "version") for _ in range(5)} == {"two"}


def test_hup_before_all_serve():
    """The start begins anew."""
    change(SLOW + APP)
    command = [sys.executable, "-m", "wsgi_server", "served:app", "--workers", "2", "--bind", "127.0.0.1:0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | QUIET, text=True)
    try:
        wait_until(Path("importing").exists, "it loads")
        change(APP)
        process.send_signal(signal.SIGHUP)
        assert "HUP: 2 new workers load the application" in process.stderr.readline()
        assert process.stderr.readline().startswith("ready http://")
        Path("go").touch()
        process.terminate()
        _, errors = process.communicate(timeout=DEADLINE)
        assert (process.returncode, errors) == (0, "")
    finally:
        Path("go").touch()  # for workers that still load: without their master, they end then
        process.kill()


# -- with --preload ---------------------------------------------------------------------------------------------------


def test_preload_shares_what_was_loaded():
    with serve("--preload", "--workers", "3") as server:
        change("def app(:\n")
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: server.stderr.count("another takes its place") == 3)
        assert get(server, "version") == "one"
        server.signal(signal.SIGHUP)
        server.wait_for_line(
            r"HUP: 3 new workers, of what was loaded at the start \(--preload\): USR2 loads the application anew"
        )
        server.wait_for_line("reloaded: 3 new workers serve, 3 old ones finish")
        assert get(server, "version") == "one"


def test_preload_cannot_start():
    for code, sentence in [
        ("def app(:\n", "the module 'served' cannot be imported: SyntaxError"),
        ("", "has no 'app'"),
    ]:
        change(code)
        code, said = run_to_end("wsgi_server", "served:app", "--preload", "--bind", "unix:x.sock", env=QUIET)
        assert code == 2
        assert sentence in said
        assert said.count("\n") == 1
        assert not Path("x.sock").exists()


def test_preload_says_that_threads_do_not_survive_a_fork():
    change("import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n" + APP)
    with serve("--preload", interpreter=["-W", "ignore::DeprecationWarning"]) as server:
        server.wait_for_line("the application has started 1 threads while it was loaded; workers will not have them")
        assert get(server, "hello") == "hello"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_the_end_while_the_master_loads(number):
    change(SLOW + APP)
    command = [sys.executable, "-m", "wsgi_server", "served:app", "--preload", "--bind", "unix:x.sock"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | QUIET)
    try:
        wait_until(Path("importing").exists)
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE)
        assert (process.returncode, errors) == (0, b"")
        assert not Path("x.sock").exists()
    finally:
        Path("go").touch()  # for workers that still load: without their master, they end then
        process.kill()
