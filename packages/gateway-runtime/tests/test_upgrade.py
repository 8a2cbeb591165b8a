"""A new program in place of the running one (USR2): whole servers, and every other event in the middle of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from http.client import HTTPException
from pathlib import Path

import pytest

from gateway_runtime import upgrade
from gateway_runtime.testing import DEADLINE, Server, wait_until
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


def begin(server):
    """Have a server upgrade itself; return the new master's pid."""
    before = server.stderr.count("starts the program anew")
    server.signal(signal.SIGUSR2)
    wait_until(lambda: server.stderr.count("starts the program anew") > before, "the upgrade begins")
    return int(re.findall(r"process ([0-9]+) starts the program anew", server.stderr)[-1])


def finish(server, pid):
    """Wait until the new master serves and the old one has ended."""
    server.wait_for_line(f"the new program serves, as process {pid}; this one finishes and ends")
    assert server.wait() == 0
    wait_until(lambda: masters(server) == {pid}, "only workers of the new program are left")


def masters(server):
    """Return the masters that are left."""
    alive = server.alive()
    return {pid for pid in alive if pid == server.pid or parent(pid) not in alive}


def parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def end(server, pid, number=signal.SIGTERM):
    """End the new master, and see that nothing is left."""
    os.kill(pid, number)
    wait_until(lambda: not server.alive(), "all have ended")


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:x.sock"])
@pytest.mark.parametrize("arguments", [[], ["--workers", "2", "--threads", "2"], ["--preload"]])
def test_no_request_is_lost(bind, arguments):
    with serve(*arguments, bind=bind) as server:
        visitors = [Visitor(server) for _ in range(3)]
        wait_until(lambda: all(len(one.answers) > 3 for one in visitors), "they have been served")
        change(TWO)
        pid = begin(server)
        finish(server, pid)
        wait_until(lambda: all(one.answers[-1] == "two" for one in visitors), "the new code serves")
        for one in visitors:
            assert answers_to(one) == {"one", "two"}
        assert server.stderr.count(f"\nready {server.url}") == 2
        assert bind != "unix:x.sock" or Path("x.sock").exists()
        end(server, pid)
    assert not Path("x.sock").exists()


def test_one_after_another():
    with serve(bind="unix:x.sock") as server:
        master = server.pid
        for number in range(3):
            change(APP.replace('"one"', f'"{number}"'))
            before = server.stderr.count("starts the program anew")
            os.kill(master, signal.SIGUSR2)
            wait_until(lambda before=before: server.stderr.count("starts the program anew") > before)
            master = int(re.findall(r"process ([0-9]+) starts", server.stderr)[-1])
            server.wait_for_line(f"the new program serves, as process {master};")
            wait_until(lambda master=master: masters(server) == {master}, "the old program has ended")
            assert get(server, "version") == str(number)
        end(server, master)


@pytest.mark.parametrize("arguments", [[], ["--status", "unix:s.sock", "--control", "unix:c.sock"]])
def test_no_descriptor_is_left_behind(arguments):
    with serve(*arguments, bind="unix:x.sock") as server:
        old, worker = open_files(server.pid), open_files_of_worker(server.workers()[0])
        change("def app(:\n")
        begin(server)
        server.wait_for_line("this one goes on")
        wait_until(lambda: open_files(server.pid) == old, "the old master holds what it has held")
        change(TWO)
        pid = begin(server)
        finish(server, pid)
        wait_until(lambda: open_files(pid) == old, "the new one holds the same")
        (child,) = set(server.alive()) - {pid}
        wait_until(lambda: open_files(child) == worker, "and its worker what the other one had")
        end(server, pid)


def test_a_request_under_way_is_finished_by_the_old_program():
    with serve() as server:
        asking = Asking(server, "hold")
        change(TWO.replace('"hello"', '"changed"'))
        pid = begin(server)
        server.wait_for_line("the new program serves")
        assert get(server, "hello") == "changed"
        assert server.pid in server.alive()
        go("hold")
        assert asking.result() == "hello"
        finish(server, pid)
        end(server, pid)


def test_kept_connections():
    """Those under way get their answer, and hear that the connection ends with it."""
    with serve("--threads", "4") as server:
        kept = [Http(server) for _ in range(3)]
        for number, http in enumerate(kept):
            http.request("GET", "/version")
            assert http.getresponse().read() == b"one"
            http.request("GET", f"/hold{number}")
            wait_until(Path(f"hold{number}.begun").exists)
        change(TWO)
        pid = begin(server)
        server.wait_for_line("the new program serves")
        for number, http in enumerate(kept):
            go(f"hold{number}")
            response = http.getresponse()
            assert response.read() == b"hello"
            http.close()
        finish(server, pid)
        assert get(server, "version") == "two"
        end(server, pid)


def test_no_request_on_a_kept_connection_is_lost():
    with serve("--workers", "2") as server:
        regulars = [Regular(server) for _ in range(6)]
        wait_until(lambda: all(len(one.answers) > 20 for one in regulars), "all are served")
        change(TWO)
        pid = begin(server)
        finish(server, pid)
        wait_until(lambda: all(one.answers[-1] == "two" for one in regulars), "the new code serves")
        for one in regulars:
            assert answers_to(one) == {"one", "two"}
        end(server, pid)


def test_all_sockets_go_along():
    with socket.create_server(("127.0.0.1", 0)) as given, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("given.sock")
        unix.listen()
        fds = [given.fileno(), unix.fileno()]
        binds = [word for fd in fds for word in ("--bind", f"fd:{fd}")] + ["--bind", "unix:mine.sock"]
        with serve(*binds, pass_fds=fds) as server:
            pid = begin(server)
            finish(server, pid)
            for address in list(server.addresses):
                server.addresses.insert(0, address)
                assert get(server, "hello") == "hello"
            end(server, pid)
        assert Path("given.sock").exists()
        assert not Path("mine.sock").exists()


def test_status_and_control_go_along():
    with serve("--status", "unix:s.sock", "--control", "unix:c.sock", bind="unix:x.sock") as server:
        pid = begin(server)
        finish(server, pid)
        for path in ("s.sock", "c.sock"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)
                sock.sendall(b"GET /status?format=json HTTP/1.0\r\n\r\n")
                sock.settimeout(DEADLINE)
                answer = b""
                while data := sock.recv(65536):
                    answer += data
                assert b'"pid": %d,' % pid in answer
        end(server, pid)
    assert not any(Path(name).exists() for name in ("x.sock", "s.sock", "c.sock"))


def test_the_pid_file_names_who_serves():
    with serve("--pid-file", "x.pid") as server:
        assert Path("x.pid").read_text() == f"{server.pid}\n"
        change(SLOW + TWO)
        pid = begin(server)
        wait_until(Path("importing").exists)
        assert Path("x.pid").read_text() == f"{server.pid}\n"
        Path("go").touch()
        finish(server, pid)
        assert Path("x.pid").read_text() == f"{pid}\n"
        end(server, pid)
        assert not Path("x.pid").exists()


def test_a_link_to_another_release(served):
    """The directory is found by the name that the shell has for it."""
    for name, code in (("first", APP), ("second", TWO)):
        Path(name).mkdir()
        Path(name, "served.py").write_text(code)
    Path("current").symlink_to("first")
    with serve(cwd="current") as plain:  # as it would be without that name
        assert get(plain, "version") == "one"
    environ = QUIET | {"PWD": str(served / "current")}
    with Server("wsgi_server", "served:app", "--bind", "127.0.0.1:0", cwd="current", env=environ) as server:
        assert get(server, "version") == "one"
        Path("current").unlink()
        Path("current").symlink_to("second")
        pid = begin(server)
        finish(server, pid)
        assert get(server, "version") == "two"
        end(server, pid)


# -- it does not succeed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--preload"], ["--workers", "3"]])
def test_a_program_that_cannot_start(arguments):
    with serve(*arguments, bind="unix:x.sock") as server:
        change("def app(:\n")
        for count in (1, 2):
            begin(server)
            words = "the new program exited with code 2 before it could serve; this one goes on"
            wait_until(lambda count=count: server.stderr.count(words) == count)  # noqa: B023
            assert server.stderr.count("\nwsgi_server: the module 'served' cannot be imported: SyntaxError") == count
            assert get(server, "version") == "one"
        wait_until(lambda: set(server.alive()) == {server.pid, *server.workers()}, "only the old program is left")
        assert Path("x.sock").exists()
        change(TWO)
        pid = begin(server)
        finish(server, pid)
        assert get(server, "version") == "two"
        end(server, pid)


def test_a_program_that_is_killed_while_it_loads():
    with serve(bind="unix:x.sock") as server:
        change(SLOW + TWO)
        pid = begin(server)
        wait_until(Path("importing").exists)
        os.kill(pid, signal.SIGKILL)
        server.wait_for_line("the new program was killed by SIGKILL before it could serve; this one goes on")
        Path("go").touch()
        wait_until(lambda: set(server.alive()) == {server.pid, *server.workers()}, "its worker ends too")
        assert get(server, "version") == "one"


def test_a_python_that_cannot_be_executed(monkeypatch, capfd):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    pid, pipe = upgrade.start([], lambda pid: {}, ".")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    assert os.read(pipe, 10) == b""
    os.close(pipe)
    assert "cannot execute /no/such/python: No such file or directory" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["", "1:3:4", "x", "99999999:3:4", ":3:4"])
def test_what_was_left_for_another_process(text):
    environ = {"GATEWAY_RUNTIME_UPGRADE": text}
    assert upgrade.inherit(environ) is None
    assert environ == {}


# -- and something else besides ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("preload", [False, True])
def test_a_signal_that_ends_both(number, preload):
    with serve(*["--preload"] * preload, bind="unix:x.sock") as server:
        change(SLOW + TWO)
        begin(server)
        wait_until(Path("importing").exists)
        server.signal(number)
        if number == signal.SIGTERM:
            Path("go").touch()  # a graceful end waits for the import
        assert server.wait() == 0
        wait_until(lambda: not server.alive(), "both programs have ended")
    assert not Path("x.sock").exists()
    assert "the new program serves" not in server.stderr


def test_ctrl_c_reaches_both():
    with serve(bind="unix:x.sock") as server:
        change(SLOW + TWO)
        begin(server)
        wait_until(Path("importing").exists)
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait() == 0
        wait_until(lambda: not server.alive(), "both programs have ended")
    assert not Path("x.sock").exists()


def test_a_second_one_is_refused():
    with serve() as server:
        change(SLOW + TWO)
        pid = begin(server)
        server.signal(signal.SIGUSR2)
        server.wait_for_line(f"USR2 is refused: an upgrade is under way already, in process {pid}")
        Path("go").touch()
        finish(server, pid)
        end(server, pid)


def test_one_is_refused_while_the_server_ends():
    with serve() as server:
        asking = Asking(server, "hold")
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGUSR2)
        server.wait_for_line("USR2 is refused: the server does not serve")
        server.signal(signal.SIGHUP)
        server.wait_for_line("HUP is refused: the server is ending")
        go("hold")
        assert asking.result() == "hello"
        assert server.wait() == 0


def test_hup_meanwhile_is_made_up_for_by_the_new_program():
    with serve() as server:
        change(SLOW + APP)
        pid = begin(server)
        wait_until(Path("importing").exists)
        change(TWO)  # too late for the upgrade
        server.signal(signal.SIGHUP)
        server.wait_for_line(f"HUP: process {pid}, which upgrades the server, will do so when it serves")
        Path("go").touch()
        finish(server, pid)
        server.wait_for_line(rf"\[{pid}\] reloaded: 1 new workers serve, 1 old ones finish")
        assert get(server, "version") == "two"
        end(server, pid)


def test_hup_meanwhile_is_made_up_for_by_the_old_program():
    with serve() as server:
        change(SLOW + "raise ValueError('not yet')")
        begin(server)
        wait_until(Path("importing").exists)
        change(TWO)
        server.signal(signal.SIGHUP)
        server.wait_for_line("HUP: process")
        Path("go").touch()
        server.wait_for_line("the new program exited with code 2")
        server.wait_for_line("reloaded: 1 new workers serve, 1 old ones finish")
        wait_until(lambda: get(server, "version") == "two", "the old one accepts no more")


def test_in_the_middle_of_a_reload():
    with serve() as server:
        change(SLOW + TWO)
        server.signal(signal.SIGHUP)
        wait_until(Path("importing").exists)
        pid = begin(server)
        Path("go").touch()
        finish(server, pid)
        assert get(server, "version") == "two"
        end(server, pid)


def test_the_old_master_is_killed_meanwhile():
    """Then the new one is the only one, and serves."""
    with serve(bind="unix:x.sock") as server:
        change(SLOW + TWO)
        pid = begin(server)
        wait_until(Path("importing").exists)
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        Path("go").touch()
        wait_until(lambda: masters(server) == {pid}, "the old workers have ended")
        wait_until(lambda: server.stderr.count(f"\nready {server.url}") == 2, "the new program serves")
        assert get(server, "version") == "two"
        end(server, pid)
    assert not Path("x.sock").exists()


def test_a_worker_dies_meanwhile():
    with serve("--workers", "2") as server:
        change(SLOW + TWO)
        pid = begin(server)
        wait_until(Path("importing").exists)
        asking = Asking(server, "hold")
        (busy,) = {int(get(server, "pid")) for _ in range(3)} ^ set(server.workers()) - {pid}
        os.kill(busy, signal.SIGKILL)
        server.wait_for_line(f"worker {busy} was killed by SIGKILL while it served GET /hold")
        assert isinstance(asking.result(), (OSError, HTTPException))
        Path("go").touch()
        finish(server, pid)
        end(server, pid)


# -- systemd ----------------------------------------------------------------------------------------------------------


def test_systemd_hears_who_serves():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("notify.sock")
        systemd.settimeout(DEADLINE)

        def word():
            while (text := systemd.recv(4096).decode()).startswith(("STATUS", "WATCHDOG")):
                pass
            return text

        environ = QUIET | {"NOTIFY_SOCKET": "notify.sock"}
        with Server("wsgi_server", "served:app", "--bind", "127.0.0.1:0", env=environ) as server:
            assert word() == "READY=1"
            change("def app(:\n")
            begin(server)
            assert word().startswith("RELOADING=1\nMONOTONIC_USEC=")
            assert word() == "READY=1"  # it goes on
            change(TWO)
            pid = begin(server)
            assert word().startswith("RELOADING=1\n")
            assert sorted([word(), word()]) == ["READY=1", f"READY=1\nMAINPID={pid}"]
            finish(server, pid)
            end(server, pid)
            assert word() == "STOPPING=1"


def test_a_passed_socket_goes_along():
    code = """
import fcntl, os, sys
os.dup2(fcntl.fcntl(int(sys.argv[1]), fcntl.F_DUPFD, 100), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.executable, [sys.executable, "-m", *sys.argv[2:]])
"""
    Path("activator.py").write_text(code)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("x.sock")
        unix.listen()
        fd = unix.fileno()
        with Server("activator", str(fd), "wsgi_server", "served:app", pass_fds=[fd], env=QUIET) as server:
            change(TWO)
            pid = begin(server)
            finish(server, pid)
            assert get(server, "version") == "two"
            end(server, pid)
        assert Path("x.sock").exists()
