"""A program's life, by each way to start it: what it inherits, how it ends. Nothing is left behind."""

from __future__ import annotations

import errno
import io
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgi_host_world import HEAD, Host, alive, nothing_left, python, shell
from cgi_runner.host import CgiApplication
from cgi_runner.job import each_request_runs
from cgi_runner.spawn import STRATEGIES, Child, Command, TryAgain, World, exit_words
from gateway_core.errors import BackendTimeout, BadGateway
from gateway_runtime.testing import wait_until


@pytest.fixture(autouse=True, params=STRATEGIES)
def _by_each_strategy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Host, "by", request.param)
    with nothing_left(monkeypatch):
        yield


# -- the process ------------------------------------------------------------------------------------------------------

LOOK = """
import os, signal
print("Content-Type: text/plain\\n")
print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1])
print(os.getpid() == os.getpgid(0) == os.getsid(0))
internal = 3 << 31  # of the C library, 32 and 33: posix_spawn ignores them in the new process
print([int(line.split()[1], 16) & ~internal for line in open("/proc/self/status") if line[:6] in ("SigBlk", "SigIgn")])
print(os.getcwd())
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads Linux's /proc")
def test_what_a_program_inherits() -> None:
    ours = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    inherited = os.open("/", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    host = python(LOOK)
    try:
        fds, own_group, signals, directory = host.get().decode().splitlines()
    finally:
        os.close(inherited)
        for number, handler in ours.items():
            signal.signal(number, handler)
    assert fds == "[0, 1, 2]"
    assert own_group == "True"
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25) when it starts: nothing else may be ignored, nothing blocked.
    assert signals == str([0, 1 << 12 | 1 << 24])
    assert directory == "/"


LIMITS = """
import os, resource
print("Content-Type: text/plain\\n")
print([resource.getrlimit(which) for which in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)], oct(os.umask(0)))
"""


def test_limits_and_umask() -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU), os.umask(0o022)
    limits = (resource.RLIMIT_CPU, 7), (resource.RLIMIT_FSIZE, 1 << 20)
    host = python("import time; time.sleep(0.05)\n" + LIMITS, world=World(umask=0o027, limits=limits))
    assert host.get() == b"[(7, 7), (1048576, 1048576)] 0o27\n"
    assert (resource.getrlimit(resource.RLIMIT_CPU), os.umask(before[1])) == (before[0], 0o022)  # ours are untouched


def test_a_program_that_takes_more_than_it_may() -> None:
    host = shell("while :; do :; done", world=World(limits=((resource.RLIMIT_CPU, 1),)))
    host.get()
    assert host.status == "502 Bad Gateway"
    assert any("killed by SIGKILL" in line or "killed by SIGXCPU" in line for line in host.log)


def test_the_directory_is_the_program_s_and_ours_stays(tmp_path: Path) -> None:
    here = Path.cwd()
    host = Host([], choose=each_request_runs(["/bin/sh", "-c", HEAD + "; pwd"], "prog", str(tmp_path)))
    assert host.get() == f"{tmp_path}\n".encode()
    assert Path.cwd() == here
    gone = Host([], choose=each_request_runs(["/bin/sh", "-c", "true"], "prog", str(tmp_path / "gone")))
    gone.get()
    assert gone.status == "500 Internal Server Error"
    assert "No such file" in gone.log[0]
    assert Path.cwd() == here


def test_exit_status_is_logged_and_the_response_stands() -> None:
    host = shell(HEAD + "; echo all; exit 3")
    assert host.get() == b"all\n"
    assert [line.partition(": ")[2] for line in host.log] == ["exit status 3"]


def test_death_by_a_signal_after_the_head_breaks_the_response_off() -> None:
    host = shell(HEAD + "; echo some; kill -9 $$")
    with pytest.raises(BadGateway, match="died"):
        host.get()
    assert any("SIGKILL" in line for line in host.log)


def test_fewer_bytes_than_promised_break_the_response_off() -> None:
    host = shell(r"printf 'Content-Type: a/b\nContent-Length: 9\n\nshort'")
    with pytest.raises(BadGateway):
        host.get()


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (-9, "killed by SIGKILL"), (-77, "killed by signal 77")]
)
def test_exit_words(status: int, words: str) -> None:
    assert exit_words(status) == words


# -- time limits and other ends ---------------------------------------------------------------------------------------


def test_silence_before_the_head_is_504_and_ends_the_whole_group(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    host = shell(f"sleep 60 & echo $! > {file}; sleep 60", timeout=0.3)
    text = host.get()
    assert host.status == "504 Gateway Timeout"
    assert b"silent for 0.3 seconds" in text
    grandchild = int(file.read_text())
    wait_until(lambda: host.gone() and not alive(grandchild))
    wait_until(lambda: "killed by SIGTERM" in host.log[-1])


def test_who_ignores_term_is_killed() -> None:
    host = shell("trap '' TERM; while :; do sleep 0.05; done", timeout=0.3)
    host.get()
    wait_until(host.gone)
    wait_until(lambda: "killed by SIGKILL" in host.log[-1])


def test_silence_in_the_middle_breaks_the_response_off() -> None:
    host = shell(HEAD + "; echo some; sleep 60", timeout=0.3)
    with pytest.raises(BackendTimeout):
        host.get()
    wait_until(host.gone)


def test_a_program_that_goes_on_giving_is_not_silent() -> None:
    host = shell(HEAD + "; for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done", timeout=0.4)
    assert host.get() == b"1\n2\n3\n4\n5\n6\n"


def test_a_head_that_drips_has_no_more_time_than_one_that_does_not_come() -> None:
    host = shell("while :; do printf a; sleep 0.05; done", timeout=0.3)
    host.get()
    assert host.status == "504 Gateway Timeout"
    assert any("gave no whole head in 0.3 seconds" in line for line in host.log)
    wait_until(host.gone)


def test_words_on_stderr_are_not_output() -> None:
    host = shell("while :; do echo busy >&2; sleep 0.05; done", timeout=0.3)
    host.get()
    assert host.status == "504 Gateway Timeout"


def test_the_client_leaves_and_the_group_ends(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    host = shell(f"sleep 60 & echo $! > {file}; {HEAD}; echo one; sleep 60")
    iterable = host.start()
    assert next(iterable) == b"one\n"
    began = time.monotonic()
    iterable.close()
    assert time.monotonic() - began < 0.5  # nobody waits for a program to end
    grandchild = int(file.read_text())
    wait_until(lambda: host.gone() and not alive(grandchild))


def test_a_grandchild_that_holds_the_output_does_not_hold_the_response(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    host = shell(f"{HEAD}; echo all; sleep 60 & echo $! > {file}")
    assert host.get() == b"all\n"
    grandchild = int(file.read_text())
    wait_until(lambda: host.gone() and not alive(grandchild))


def test_a_grandchild_that_has_let_go_of_the_output_may_live(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    host = shell(f"{HEAD}; echo all; sleep 60 >/dev/null 2>&1 </dev/null & echo $! > {file}")
    assert host.get() == b"all\n"
    assert host.gone()
    grandchild = int(file.read_text())
    assert alive(grandchild)
    os.kill(grandchild, signal.SIGKILL)


def test_a_program_may_close_its_output_and_go_on(tmp_path: Path) -> None:
    file = tmp_path / "done"
    host = shell(f"{HEAD}; echo all; exec >&- 2>&-; sleep 0.8; touch {file}")
    began = time.monotonic()
    assert host.get() == b"all\n"
    assert time.monotonic() - began < 0.75
    assert not file.exists()
    wait_until(file.exists)
    wait_until(host.gone)


def test_a_program_that_goes_on_is_ended_at_the_time_limit() -> None:
    host = shell(f"{HEAD}; echo all; exec >&- 2>&-; sleep 60", timeout=0.3)
    assert host.get() == b"all\n"
    wait_until(host.gone)


def test_all_content_came_and_the_output_stays_open() -> None:
    host = shell(r"printf 'Content-Type: a/b\nContent-Length: 4\n\nall\n'; sleep 60", timeout=0.5)
    began = time.monotonic()
    assert host.get() == b"all\n"
    assert time.monotonic() - began < 1.5
    wait_until(host.gone)


@pytest.mark.parametrize(
    ("script", "status", "content"),
    [
        ("; echo all", "200 OK", b"all\n"),
        ("; echo all; exit 3", "200 OK", b"all\n"),
        ("; echo all; sleep 60 & true", "200 OK", b"all\n"),
        ("; echo all; exec >&- 2>&-; sleep 60", "200 OK", b"all\n"),
    ],
)
def test_without_a_descriptor_that_tells_the_end(
    monkeypatch: pytest.MonkeyPatch, script: str, status: str, content: bytes
) -> None:
    monkeypatch.setattr("cgi_runner.spawn.pipes.exit_descriptor", lambda pid: None)  # as on macOS
    host = shell(HEAD + script, timeout=0.4)
    assert host.get() == content
    assert host.status == status
    wait_until(host.gone)
    if "exit 3" in script or "exec" in script:
        wait_until(lambda: host.log, "its end is noted")
    else:
        assert host.log == []


def test_silence_without_a_descriptor_that_tells_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgi_runner.spawn.pipes.exit_descriptor", lambda pid: None)
    host = shell("sleep 60", timeout=0.2)
    host.get()
    assert host.status == "504 Gateway Timeout"
    wait_until(host.gone)


# -- starting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        ("echo no shebang", "500 ", "no #! line"),
        ("#!/no/such/interpreter\n", "500 ", "No such file"),
    ],
)
def test_a_program_that_cannot_be_started(tmp_path: Path, content: str, status: str, why: str) -> None:
    file = tmp_path / "prog"
    file.write_text(content)
    file.chmod(0o755)
    host = Host([str(file)])
    host.get()
    assert host.status.startswith(status)
    assert why in host.log[0]


@pytest.mark.parametrize(("number", "status"), [(errno.EAGAIN, "503 "), (errno.ENOMEM, "503 "), (errno.E2BIG, "500 ")])
def test_a_shortage_is_503(monkeypatch: pytest.MonkeyPatch, number: int, status: str) -> None:
    def fail(*_args: object, **_options: object) -> int:
        raise OSError(number, os.strerror(number))

    for function in ("os.posix_spawn", "os.fork", "subprocess.Popen"):
        monkeypatch.setattr(function, fail)
    host = shell("true")
    host.get()
    assert host.status.startswith(status)
    assert ("Retry-After" in host.fields) == (status == "503 ")


def test_spawn_is_a_parameter() -> None:
    def never(command: Command) -> Child:
        raise TryAgain(errno.EAGAIN, f"not today, {command.argv[0]}")

    log: list[str] = []
    app = CgiApplication(each_request_runs(["/bin/x"], "x"), spawn=never, log=log.append)
    environ = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()}
    assert b"".join(app(environ, lambda *_: None)) == b"The program cannot be started just now.\n"
    assert "not today, /bin/x" in log[0]


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), TryAgain(errno.EAGAIN, "no"), ValueError("no")])
def test_a_start_that_fails_gives_its_place_back(error: Exception) -> None:
    def never(command: Command) -> Child:
        raise error

    app = CgiApplication(each_request_runs(["/bin/x"], "x"), spawn=never, log=lambda _: None, max_children=1, queue=0)
    environ = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()}
    for _ in range(2):
        try:
            assert b"Too many" not in b"".join(app(environ, lambda *_: None))
        except ValueError:
            assert isinstance(error, ValueError)


def test_an_environment_string_of_more_than_128_kib_is_no_hang() -> None:
    host = shell(HEAD + "; echo fine")
    host.get(HTTP_X_LONG="x" * 200_000)
    if sys.platform == "linux":
        assert host.status == "500 Internal Server Error"
        assert host.log[0].endswith("cannot be started: Argument list too long")
    else:
        assert host.status in ("500 Internal Server Error", "200 OK")  # others have another limit


@pytest.mark.parametrize("length", ["x", "-1", "1.5", "²"])
def test_a_length_that_is_no_number_is_400(length: str) -> None:
    host = shell("true")
    host.get(CONTENT_LENGTH=length)
    assert host.status.startswith("400 ")
    assert host.pids == []


def test_nul_in_the_path_is_400() -> None:
    host = shell("true")
    host.get(PATH_INFO="/a\0b")
    assert host.status.startswith("400 ")
    assert host.pids == []


def test_more_than_max_children_wait_and_then_are_refused() -> None:
    host = shell(HEAD + "; echo one; sleep 60", max_children=1, queue=0)
    first = host.start()
    assert next(first) == b"one\n"
    host.get()
    assert host.status == "503 Service Unavailable"
    assert host.fields["Retry-After"] == "5"
    assert len(host.pids) == 1
    first.close()
    wait_until(lambda: "killed by SIGTERM" in host.log[-1])
    second = host.start()  # the place is free again
    assert host.status == "200 OK"
    second.close()
