"""The host with real programs: streams, limits, redirects, ends. Every test checks that nothing is left behind."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cgi_runner.environment import own_variables
from cgi_runner.host import CgiApplication
from cgi_runner.job import each_request_runs
from cgi_runner.programs import Programs
from cgi_runner.spawn import STRATEGIES, Child, Command, TryAgain, World, exit_words, strategy
from gateway_core.errors import BackendTimeout, BadGateway
from gateway_runtime.testing import wait_until

HEAD = r"printf 'Content-Type: text/plain\n\n'"


def alive(pid: int) -> bool:
    """Does the process run? It may end while we look, so every failure to see it means no."""
    try:
        os.kill(pid, 0)
        if Path("/proc/self/stat").exists():
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
    return True


class Host:
    """A CgiApplication that runs one program, started `by` a strategy, and what came of it."""

    by = "posix-spawn"

    def __init__(self, argv: list[str], **options: Any) -> None:
        self.log: list[str] = []
        self.pids: list[int] = []
        options.setdefault("timeout", 10.0)
        options.setdefault("own", own_variables())
        self._strategy = strategy(Host.by, options.pop("world", World()))
        choose = options.pop("choose", None) or each_request_runs(argv, "prog", "/")
        self.app = CgiApplication(choose, log=self.log.append, spawn=self._spawn, **options)
        self.status = ""
        self.fields: dict[str, str] = {}

    def _spawn(self, command: Command) -> Child:
        child = self._strategy(command)
        self.pids.append(child.pid)
        return child

    def start(self, method: str = "GET", body: bytes = b"", **environ: Any) -> Any:
        """Call the application; return the iterable."""

        def start_response(status: str, fields: list[tuple[str, str]], exc_info: object = None) -> Callable[..., None]:
            self.status, self.fields = status, dict(fields)
            return lambda data: None

        request: dict[str, Any] = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": ""}
        request |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO()}
        if body:
            request["CONTENT_LENGTH"] = str(len(body))
        return self.app({**request, **environ}, start_response)

    def get(self, method: str = "GET", body: bytes = b"", **environ: Any) -> bytes:
        """Make a whole request; return the content."""
        iterable = self.start(method, body, **environ)
        try:
            return b"".join(iterable)
        finally:
            if hasattr(iterable, "close"):
                iterable.close()

    def gone(self) -> bool:
        """No program is left, not even as a zombie."""
        return not any(Path(f"/proc/{pid}").exists() or alive(pid) for pid in self.pids)


@pytest.fixture(autouse=True, params=STRATEGIES)
def _by_each_strategy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "by", request.param)


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("cgi_runner.ending.KILL_AFTER", 0.15)
    monkeypatch.setattr("cgi_runner.pump.EXIT_GRACE", 0.2)
    before = descriptors()
    yield
    wait_until(lambda: not any(thread.name.startswith("cgi-") for thread in threading.enumerate()))
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd").iterdir()))


def shell(script: str, **options: Any) -> Host:
    return Host(["/bin/sh", "-c", script], **options)


def python(script: str, **options: Any) -> Host:
    return Host([sys.executable, "-S", "-c", script], **options)


# -- responses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "status", "content"),
    [
        (r"Content-Type: a/b\n\nhello", "200 OK", b"hello"),
        (r"Content-Type: a/b\r\n\r\nhello", "200 OK", b"hello"),
        (r"Status: 404 Nowhere\nContent-Type: a/b\n\nno", "404 Nowhere", b"no"),
        (r"Status: 404\nContent-Type: a/b\n\nno", "404 Not Found", b"no"),
        (r"Content-Type: a/b\n\n", "200 OK", b""),
        (r"Status: 204 No Content\n\n", "204 No Content", b""),
        (r"Location: http://example.org/\n\n", "302 Found", b""),
        (r"Status: 301 Moved\nLocation: /x\nContent-Type: a/b\n\nthere", "301 Moved", b"there"),
        (r"Content-Type: a/b\nContent-Length: 2\n\nhello", "200 OK", b"he"),
    ],
)
def test_responses(output: str, status: str, content: bytes) -> None:
    host = shell(f"printf '{output}'")
    assert host.get() == content
    assert host.status == status
    assert host.gone()
    cut = ["it gave more than its Content-Length; the rest was cut"] if content == b"he" else []
    assert [line.partition(": ")[2] for line in host.log] == cut


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("true", "the output is empty"),
        ("exit 3", "the output is empty"),
        ("echo hello; echo", "no colon"),
        ("echo 'Content-Type: a/b'", "before the blank line"),
        ("printf 'Status: 30\\n\\n'", "not a status"),
        ("printf 'Status: 101 Switch\\n\\n'", "not a status"),
        ("printf 'A b: c\\n\\n'", "not the name"),
        ("printf 'Content-Type: a\\nContent-Type: b\\n\\n'", "more than once"),
        ("printf 'Content-Length: -1\\n\\n'", "Content-Length"),
        ("printf 'X: a\\001b\\n\\n'", "control character"),
        ("kill -9 $$", "the output is empty"),
        ("i=0; while [ $i -lt 300 ]; do echo a: b; i=$((i+1)); done; echo", "more than 200 fields"),
    ],
)
def test_output_that_is_no_response_is_502(script: str, why: str) -> None:
    host = shell(script)
    text = host.get()
    assert host.status == "502 Bad Gateway"
    assert text.count(b"\n") == 1
    assert any(why in line for line in host.log)
    wait_until(host.gone)


def test_connection_fields_of_a_program_are_removed() -> None:
    host = shell(r"printf 'Content-Type: a/b\nConnection: close\nTrailers: x\nTransfer-Encoding: chunked\nX-A: 1\n\n'")
    host.get()
    assert host.fields == {"Content-Type": "a/b", "X-A": "1"}


def test_head_has_no_content_even_if_the_program_sends_some() -> None:
    host = shell(HEAD + "; echo content")
    assert host.get("HEAD") == b""
    assert host.status == "200 OK"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_program_that_never_ends_does_not_hold_what_is_complete(method: str) -> None:
    host = shell(r"printf 'Content-Type: a/b\nContent-Length: 2\n\n'; yes", timeout=1.0)
    began = time.monotonic()
    assert host.get(method) == (b"y\n" if method == "GET" else b"")
    assert time.monotonic() - began < 2
    wait_until(host.gone)  # yes has nowhere to write any more


def test_the_program_gets_method_content_and_environment_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SECRET", "s3cret")
    host = shell(HEAD + "; env; cat", own=own_variables(["COLOUR=blue"]))
    text = host.get("POST", b"the content", HTTP_X_A="1", CONTENT_TYPE="text/x", HTTP_PROXY="http://evil").decode()
    names = {line.partition("=")[0] for line in text.splitlines() if "=" in line} - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert names == {
        "COLOUR", "CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "HTTP_X_A", "PATH", "PATH_INFO",
        "QUERY_STRING", "REDIRECT_STATUS", "REQUEST_METHOD", "SCRIPT_NAME",
    }  # fmt: skip
    assert text.endswith("the content")
    assert "s3cret" not in text


def test_no_argument_comes_from_the_query() -> None:
    host = shell(HEAD + '; echo "$#:$*"')
    assert host.get(QUERY_STRING="-s+--version") == b"0:\n"


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


# -- the pump ---------------------------------------------------------------------------------------------------------

ECHO = "import sys, shutil; sys.stdout.write('Content-Type: a/b\\n\\n'); sys.stdout.flush(); "


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3_000_000])
def test_echo(size: int) -> None:
    body = os.urandom(size)
    assert python(ECHO + "shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)").get("POST", body) == body


def test_a_program_may_write_everything_before_it_reads() -> None:
    script = ECHO + "sys.stdout.write('x' * 1_000_000); sys.stdout.flush(); n = len(sys.stdin.read()); print(n)"
    text = python(script).get("POST", b"y" * 1_000_000)
    assert text == b"x" * 1_000_000 + b"1000000\n"


def test_a_program_may_fill_stderr_before_it_reads() -> None:
    script = "import sys; sys.stderr.write('words of warning\\n' * 60_000); " + ECHO + "print(len(sys.stdin.read()))"
    host = python(script)
    assert host.get("POST", b"y" * 1_000_000) == b"1000000\n"
    assert host.log[0].endswith(": words of warning")
    assert "the rest is dropped" in host.log[-1]
    assert sum(map(len, host.log)) < 200_000


@pytest.mark.parametrize("script", [HEAD + "; echo no", "exec <&-; " + HEAD + "; sleep 0.05; echo no"])
def test_a_program_need_not_read_its_content(script: str) -> None:
    assert shell(script).get("POST", b"x" * 3_000_000) == b"no\n"


def test_content_ends_after_content_length() -> None:
    host = shell(HEAD + "; cat")
    iterable = host.start("POST", b"12345", **{"wsgi.input": io.BytesIO(b"12345 and the next request")})
    assert b"".join(iterable) == b"12345"


def test_output_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "seen"  # the second half comes only after the first has been seen
    host = shell(HEAD + f"; echo one; while [ ! -e {file} ]; do sleep 0.02; done; echo two")
    iterable = host.start()
    assert next(iterable) == b"one\n"
    file.touch()
    assert b"".join(iterable) == b"two\n"
    iterable.close()


def test_stderr_is_logged_by_lines_with_control_bytes_escaped() -> None:
    host = shell(HEAD + r"; printf 'one\n\033[31mred\\\r\ntail' >&2")
    host.get()
    tag = f"prog[{host.pids[0]}]"
    assert host.log == [f"{tag}: one", f"{tag}: \\x1b[31mred\\\\", f"{tag}: tail"]


def test_a_long_line_of_stderr_becomes_several() -> None:
    host = shell(HEAD + "; head -c 4000 /dev/zero | tr '\\0' 'x' >&2")
    host.get()
    assert [len(line.partition(": ")[2]) for line in host.log] == [1500, 1500, 1000]


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
    assert bool(host.log) == ("exit 3" in script or "exec" in script)


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


def test_an_environment_string_of_more_than_128_kib_is_no_hang() -> None:
    host = shell(HEAD + "; echo fine")
    host.get(HTTP_X_LONG="x" * 200_000)
    assert host.status in ("500 Internal Server Error", "200 OK")  # Linux says E2BIG, others have another limit


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
    host = shell(HEAD + "; echo one; sleep 60", max_children=1, queue_seconds=0.1)
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


# -- redirects --------------------------------------------------------------------------------------------------------


def programs(tmp_path: Path, **scripts: str) -> Host:
    for name, script in scripts.items():
        (tmp_path / name).write_text("#!/bin/sh\n" + script)
        (tmp_path / name).chmod(0o755)
    return Host([], choose=Programs(tmp_path))


SHOW = (
    HEAD + r"; echo $REQUEST_METHOD $SCRIPT_NAME $PATH_INFO q=$QUERY_STRING len=$CONTENT_LENGTH $PATH_TRANSLATED; cat"
)


def test_a_local_redirect_is_a_fresh_get(tmp_path: Path) -> None:
    host = programs(tmp_path, a=r"printf 'Location: /b/x%%20y?q=1\n\nignored'", b=SHOW)
    text = host.get("POST", b"content", PATH_INFO="/a", REQUEST_URI="/a", CONTENT_TYPE="a/b").decode()
    assert text == f"GET /b /x y q=q=1 len= {tmp_path}/x y\n"
    assert host.status == "200 OK"
    assert len(host.pids) == 2


@pytest.mark.parametrize(
    ("location", "status"),
    [("/nothing", "404"), ("//a", "404"), ("/../x", "400"), ("/%zz", "400"), ("/b%2fc", "404")],
)
def test_a_local_redirect_is_checked_like_any_path(tmp_path: Path, location: str, status: str) -> None:
    host = programs(tmp_path, a=f"printf 'Location: %s\\n\\n' '{location}'")
    host.get(PATH_INFO="/a", REQUEST_URI="/a")
    assert host.status.startswith(status)


def test_a_circle_of_redirects_ends(tmp_path: Path) -> None:
    host = programs(tmp_path, a=r"printf 'Location: /a\n\n'")
    host.get(PATH_INFO="/a", REQUEST_URI="/a")
    assert host.status == "502 Bad Gateway"
    assert len(host.pids) == 11


def test_a_local_redirect_below_a_mount(tmp_path: Path) -> None:
    host = programs(tmp_path, a=r"printf 'Location: /cgi/b/x\n\n'", b=SHOW, c=r"printf 'Location: /elsewhere\n\n'")
    assert host.get(SCRIPT_NAME="/cgi", PATH_INFO="/a").startswith(b"GET /cgi/b /x q=")
    host.get(SCRIPT_NAME="/cgi", PATH_INFO="/c")  # not ours to answer: the client may ask for it
    assert (host.status, host.fields) == ("302 Found", {"Location": "/elsewhere"})


def test_a_program_starts_in_its_own_directory(tmp_path: Path) -> None:
    host = programs(tmp_path, a=HEAD + "; pwd")
    assert host.get(PATH_INFO="/a") == f"{tmp_path}\n".encode()


def test_many_requests_of_every_kind_leave_nothing(tmp_path: Path) -> None:
    host = programs(tmp_path, good=HEAD + "; echo x", bad="echo x", dies="kill -9 $$", early=HEAD + "; yes")
    before = descriptors()
    for name in ("good", "bad", "dies", "early", "missing") * 8:
        iterable = host.start(PATH_INFO=f"/{name}")
        next(iter(iterable), None)
        if hasattr(iterable, "close"):
            iterable.close()
    wait_until(host.gone)
    wait_until(lambda: descriptors() == before)
