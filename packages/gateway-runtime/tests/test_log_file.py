"""Standard error in a file, and files that are moved away under a running server (USR1)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_runtime import log
from gateway_runtime.errors import StartupError
from gateway_runtime.testing import DEADLINE, run_to_end, wait_until
from master_world import APP, QUIET, TWO, Asking, change, get, go, serve

pytestmark = pytest.mark.usefixtures("served")

SPEAKING = APP.replace('    path = environ["PATH_INFO"][1:]', '''    path = environ["PATH_INFO"][1:]
    if path.startswith("say"):
        print(path, file=environ["wsgi.errors"])
        os.write(2, b"and more\\n")''')  # fmt: skip


def test_all_goes_to_the_file_and_the_ready_line_to_both():
    change(SPEAKING)
    with serve("--log-file", "x.log", "--workers", "2") as server:
        get(server, "say1")
        os.kill(server.workers()[0], signal.SIGKILL)
        wait_until(lambda: "takes its place" in Path("x.log").read_text())
        assert server.stderr == f"\nready {server.url}"
    lines = Path("x.log").read_text().splitlines()
    assert lines[0] == f"ready {server.url}"
    assert lines[1:3] == ["say1", "and more"]
    assert re.search(r"worker [0-9]+ was killed by SIGKILL.*; another takes its place$", lines[3])
    assert server.stderr == f"\nready {server.url}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no_such:app"], "there is no module 'no_such'"),
        (["no_such:app", "--preload"], "there is no module 'no_such'"),
    ],
)
def test_whoever_has_started_it_hears_why_it_cannot(arguments, sentence):
    code, said = run_to_end("wsgi_server", *arguments, "--bind", "127.0.0.1:0", "--log-file", "x.log", env=QUIET)
    assert code == 2
    assert said.startswith(f"wsgi_server: {sentence}")
    assert said.count("\n") == 1
    assert Path("x.log").read_text() == said


def test_what_is_there_is_kept():
    Path("x.log").write_text("before\n")
    with serve("--log-file", "x.log"):
        pass
    assert Path("x.log").read_text().startswith("before\nready ")


def test_files_that_are_moved_away():
    change(SPEAKING)
    with serve("--log-file", "x.log", "--access-log", "a.log", "--workers", "2", "--threads", "2") as server:
        get(server, "say1")
        for name in ("x.log", "a.log"):
            Path(name).rename(f"{name}.1")
        get(server, "say2")
        wait_until(lambda: Path("a.log.1").read_text().count("\n") == 2)
        assert not Path("x.log").exists()
        server.signal(signal.SIGUSR1)
        wait_until(lambda: Path("x.log").exists() and "USR1" in Path("x.log").read_text(), "the master has a new one")
        fds = [Path(f"/proc/{pid}/fd/2") for pid in server.workers()]
        if fds[0].is_symlink():
            wait_until(lambda: {fd.readlink() for fd in fds} == {Path("x.log").absolute()}, "each worker has it too")
        for _ in range(8):
            get(server, "say3")
    assert Path("x.log.1").read_text().splitlines()[1:] == ["say1", "and more", "say2", "and more"]
    assert Path("x.log").read_text().splitlines()[1:] == ["say3", "and more"] * 8
    assert [len(Path(name).read_text().splitlines()) for name in ("a.log.1", "a.log")] == [2, 8]


def test_a_worker_that_is_in_the_middle_of_a_request():
    with serve("--log-file", "x.log", "--threads", "2") as server:
        asking = Asking(server, "hold")
        Path("x.log").rename("x.log.1")
        server.signal(signal.SIGUSR1)
        wait_until(lambda: Path("x.log").exists() and "USR1" in Path("x.log").read_text())
        go("hold")
        assert asking.result() == "hello"


def test_a_file_that_cannot_be_opened_again_is_kept(served):
    folder = served / "logs"
    folder.mkdir()
    with serve("--log-file", "logs/x.log") as server:
        folder.rename("moved")
        server.signal(signal.SIGUSR1)
        moved = served / "moved" / "x.log"
        wait_until(lambda: "cannot write the log file" in moved.read_text())
        wait_until(lambda: moved.read_text().count("this one is kept") == 2, "so does the worker")
        assert get(server, "hello") == "hello"


def test_without_a_file_there_is_nothing_to_open():
    with serve() as server:
        server.signal(signal.SIGUSR1)
        server.wait_for_line("USR1: log files are opened anew")
        assert get(server, "hello") == "hello"


def test_an_upgrade_writes_to_the_same_file():
    with serve("--log-file", "x.log") as server:
        change(TWO)
        server.signal(signal.SIGUSR2)
        wait_until(lambda: "the new program serves" in Path("x.log").read_text())
        assert server.wait() == 0
        assert get(server, "version") == "two"
        assert Path("x.log").read_text().count(f"ready {server.url}\n") == 2
        os.kill(int(re.search("serves, as process ([0-9]+)", Path("x.log").read_text())[1]), signal.SIGTERM)
        wait_until(lambda: not server.alive())
    assert server.stderr == f"\nready {server.url}"


@pytest.mark.parametrize("closed", ["", "2>&-", ">&- 2>&-"])
def test_standard_error_may_be_closed(closed):
    command = f"exec {sys.executable} -m wsgi_server served:app --bind unix:x.sock --log-file x.log {closed}"
    process = subprocess.Popen(["/bin/sh", "-c", command], env=os.environ | QUIET, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: Path("x.log").exists() and "ready " in Path("x.log").read_text())
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "USR1" in Path("x.log").read_text())
        process.terminate()
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait(DEADLINE)


@pytest.mark.parametrize("path", ["no/x.log", "."])
def test_what_is_no_log_file(path):
    with pytest.raises(StartupError, match="cannot write the log file"):
        log.open_file(path)
