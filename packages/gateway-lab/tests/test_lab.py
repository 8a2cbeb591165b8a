"""The laboratory: whatever becomes of a block, a server or the kernel, nothing is left of the experiment."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway_lab import ending, happenings, servers
from gateway_lab.asking import Talk, ask
from gateway_lab.errors import LabError
from gateway_lab.folders import PATH_LIMIT, short_folder
from gateway_lab.happenings import Listener
from gateway_lab.servers import Server, serve, stop_all

READY = "import sys, os, signal, time; say = lambda *w: print(*w, file=sys.stderr, flush=True)\n"
SERVING = "say('ready http://127.0.0.1:4000/'); signal.pause()"
STUBBORN = (
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); say('ready http://127.0.0.1:4000')\nwhile True: signal.pause()"
)


def program(code: str, **more: Any) -> Server:
    """Return a server that is a few lines of Python: it starts in no time."""
    return Server([sys.executable, "-I", "-S", "-c", READY + code], **more)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # of the test's own container, which reaps late
    except psutil.NoSuchProcess:
        return True


def wait_gone(*pids: int) -> None:
    end = time.monotonic() + 20
    while not all(map(gone, pids)):
        assert time.monotonic() < end, f"{[pid for pid in pids if not gone(pid)]} still run"
        time.sleep(0.01)


def descriptors() -> int:
    return psutil.Process().num_fds()


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: list[Path] = []

    def noted() -> tempfile.TemporaryDirectory[str]:
        folder = short_folder()
        made.append(Path(folder.name))
        return folder

    monkeypatch.setattr(servers, "short_folder", noted)
    monkeypatch.setattr(happenings, "short_folder", noted)
    threads, open_before = set(threading.enumerate()), descriptors()
    yield
    assert not servers._running
    assert set(threading.enumerate()) <= threads
    assert descriptors() <= open_before
    assert not [folder for folder in made if folder.exists()]


# -- a server ends ----------------------------------------------------------------------------------------------------


def test_with_the_block() -> None:
    with program(SERVING) as server:
        pids = server.pids
        assert server.alive
        assert (server.url, server.host, server.port) == ("http://127.0.0.1:4000", "127.0.0.1", 4000)
        assert server.pid == pids[0]
    assert not server.alive
    assert server.pids == []
    wait_gone(*pids)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_with_a_block_that_raises(error: type[BaseException]) -> None:
    with pytest.raises(error), program(SERVING) as server:
        pids = server.pids
        raise error
    wait_gone(*pids)


def test_with_stop_all_in_the_middle_of_the_block() -> None:
    with program(SERVING) as one, program(SERVING) as other:
        pids = [*one.pids, *other.pids]
        assert stop_all() == 2
        assert stop_all() == 0
        assert not one.alive
        with pytest.raises(LabError, match="runs no more"):
            _ = one.pid
    wait_gone(*pids)


def test_with_an_interrupt_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []

    def interrupted(server: Server) -> None:
        assert server.wait_for_line("mine")
        pids.extend(server.pids)
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "_wait_ready", interrupted)
    with pytest.raises(KeyboardInterrupt), program("say('mine'); signal.pause()"):
        pytest.fail("never ready")
    wait_gone(*pids)


def test_with_an_interrupt_while_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    with program(SERVING) as server:
        pids = server.pids
        waits: list[float] = []
        wait = subprocess.Popen.wait

        def interrupted(process: subprocess.Popen[str], timeout: float | None = None) -> int:
            waits.append(0)
            if len(waits) == 1:
                raise KeyboardInterrupt
            return wait(process, timeout)

        monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            server.stop()
        assert not server.alive
    wait_gone(*pids)


def test_though_it_ignores_that_it_is_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "STOP_LIMIT", 0.2)  # the leash has not given up on it by then
    with program(STUBBORN) as server:
        pids = server.pids
    wait_gone(*pids)


@pytest.mark.parametrize("whom", ["server", "leash"])
def test_when_it_is_killed_by_hand(whom: str) -> None:
    with program("say('before'); say('ready http://127.0.0.1:4000'); signal.pause()") as server:
        pids = server.pids
        assert server._process
        os.kill(server.pid if whom == "server" else server._process.pid, signal.SIGKILL)
        wait_gone(server._process.pid)
        assert not server.alive
        assert "before" in server.log
        if whom == "server":
            with pytest.raises(LabError, match=r"runs no more \(before / ready .*\): run the cell"):
                _ = server.pid
    wait_gone(*pids)


KERNEL = """
import sys, threading
from pathlib import Path
from gateway_lab.asking import ask
from gateway_lab.servers import Server, serve
folder, *command = sys.argv[1:]
one, other = serve("cgi", "slow:app", folder=Path(folder)).__enter__(), Server(command).__enter__()
threading.Thread(target=ask, args=[one.url], daemon=True).start()
child = one.wait_for_line("child [0-9]+").split()[-1]
print(child, *one.pids, *other.pids, one._process.pid, other._process.pid, flush=True)
sys.stdin.readline()
"""
SLOW = """
import os, sys, time
def app(environ, start_response):
    print("child", os.getpid(), file=sys.stderr, flush=True)
    time.sleep(600)
"""


def test_with_the_kernel_when_that_is_killed(tmp_path: Path) -> None:
    """Even a CGI program in the middle of a request, which is in a session of its own."""
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, "-c", KERNEL, str(tmp_path), sys.executable, "-I", "-S", "-c", READY + SERVING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout
        pids = [int(word) for word in kernel.stdout.readline().split()]
        assert len(pids) >= 6
        kernel.kill()
    wait_gone(*pids)


# -- starting ---------------------------------------------------------------------------------------------------------


STARTS: list[tuple[Callable[[], Server], str]] = [
    (
        lambda: program("say('no'); say('such'); say('application'); sys.exit(2)"),
        "before it was ready: no / such / appl",
    ),
    (lambda: program("sys.exit(2)"), "it said nothing"),
    (lambda: Server(["/no/such/program"]), "ended before it was ready"),
    (lambda: Server([sys.executable], folder=Path("/no/such/folder")), "cannot be started: No such file"),
    (lambda: serve("wsgi", "no_such_module:app"), "no_such_module"),
    (lambda: serve("gopher"), "There is no gateway 'gopher': they are cgi, "),
]


@pytest.mark.parametrize(("make", "words"), STARTS, ids=range(len(STARTS)))
def test_what_does_not_start_says_so_in_a_sentence(make: Callable[[], Server], words: str) -> None:
    with pytest.raises(LabError, match=words), make():
        pytest.fail("it has started")


def test_a_server_that_is_never_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "READY_LIMIT", 0.3)
    with pytest.raises(LabError, match=r"not ready within 0\.3 s"), program("signal.pause()"):
        pytest.fail("it is ready")


def test_the_same_server_once_more_but_not_twice_at_a_time() -> None:
    server = program("say('pid', os.getpid()); " + SERVING)
    pids = []
    for _ in range(2):
        with server:
            pids.append(server.pid)
            with pytest.raises(LabError, match="runs already"), server:
                pytest.fail("twice")
            assert server.alive
            assert server.log.count("pid") == 1
    assert pids[0] != pids[1]


def test_without_a_port_there_is_a_sentence() -> None:
    with program("say('ready http+unix:/tmp/x'); signal.pause()") as server, pytest.raises(LabError, match="no port"):
        _ = server.port
    with pytest.raises(LabError, match="nothing yet"):
        _ = program(SERVING).host


# -- what it says -----------------------------------------------------------------------------------------------------


def test_a_server_that_says_a_lot_is_heard_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "LINES_KEPT", 5000)
    chatty = "for n in range(7000): say('line', n)\nsay('x' * 9000); say('done'); signal.pause()"
    with program("say('ready http://127.0.0.1:4000')\n" + chatty) as server:
        assert server.wait_for_line("^done$") == "done"
        lines = server.log.splitlines()
    assert len(lines) == 5000
    assert max(map(len, lines)) == servers.LINE_KEPT


def test_waiting_for_a_line_ends_with_the_server() -> None:
    with program("say('ready http://127.0.0.1:4000'); say('bye')") as server:
        assert server.wait_for_line("never", limit=600) == ""
        assert server.wait_for_line("bye") == "bye"
    assert program(SERVING).wait_for_line("never", limit=600) == ""


# -- happenings -------------------------------------------------------------------------------------------------------


def tell(listener: Listener, *told: Any) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
        for one in told:
            teller.sendto(one if isinstance(one, bytes) else json.dumps(one).encode(), str(listener.path))


def event(kind: str, n: int, pid: int = 1) -> dict[str, Any]:
    return {"event": kind, "t": 1.5, "pid": pid, "ppid": 2, "n": n, "role": "cgi"}


def test_what_is_told_is_heard_even_at_the_end() -> None:
    listener = Listener()
    tell(listener, event("spawn", 1), b"\xff", b"{}", b"[]", {**event("exit", 1), "n": None}, event("spawn", 2))
    assert [one.more for one in listener.wait_for("spawn", 2)] == [{"n": 1, "role": "cgi"}, {"n": 2, "role": "cgi"}]
    tell(listener, event("exit", 1))
    listener.close()
    assert [one.kind for one in listener.heard()] == ["spawn", "spawn", "exit"]
    assert listener.lost == 0


def test_what_was_told_and_not_heard_is_counted() -> None:
    listener = Listener()
    tell(listener, event("begin", 1), event("begin", 4), event("begin", 2, pid=7))
    listener.wait_for("begin", 3)
    assert listener.lost == 3
    listener.close()


def test_a_server_without_events_says_that_it_tells_nothing() -> None:
    with program(SERVING) as server, pytest.raises(LabError, match="events=True"):
        server.heard()
    assert program(SERVING, events=True).heard() == []


def test_folders_have_short_paths_wherever_temporary_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for where in (tmp_path / "short", tmp_path / ("long" * 30)):
        where.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(where))
        with short_folder() as folder:
            assert len(f"{folder}/control.socket".encode()) < PATH_LIMIT
        listener = Listener()
        listener.close()


# -- asking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", servers.KINDS)
def test_every_gateway_answers_and_leaves_nothing(kind: str) -> None:
    app = "demo_app.asgi:app" if kind == "asgi" else "demo_app:app"
    with serve(kind, app, events=True) as server:
        answer = ask(f"{server.url}/echo?a=1", "POST", b"two words", {"X-Name": "value"})
        assert answer.status == 200
        assert "two words" in answer.text
        with Talk(server.url) as talk:
            assert [talk.ask("/hello").status for _ in range(3)] == [200] * 3
        assert len(server.heard("end", 4)) == 4


def test_a_unix_socket_is_asked_in_the_same_way() -> None:
    with short_folder() as folder:
        path = f"{folder}/socket"
        with serve("fastcgi", bind=f"unix:{path}") as server:
            assert server.url == f"fastcgi+unix:{path}"
            assert ask(f"{server.url}:/hello?x=1").status == 200
            with Talk(server.url) as talk:
                assert talk.ask("/hello").status == 200


def test_a_server_that_is_gone_gives_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(LabError, match=rf"fastcgi://127\.0\.0\.1:{port} gave no answer .* run the cell"):
        ask(f"fastcgi://127.0.0.1:{port}/")
    with pytest.raises(LabError, match="gave no answer"):
        ask("scgi+unix:/no/such/socket:/")


@pytest.mark.parametrize(
    "url", ["", "hello", "gopher://127.0.0.1:70/", "http://", "http:///path", "http://127.0.0.1/", "http://127.0.0.1:x/",
            "http+unix:", "fastcgi:/tmp/socket"],
)  # fmt: skip
def test_what_is_no_address_gives_a_sentence(url: str) -> None:
    with pytest.raises(LabError, match="is no address of a gateway"):
        ask(url)
