"""The zygote: its copies behave like programs that were executed, and nothing of it is left behind.

Most tests run a program twice, once executed by `posix_spawn` and once copied, and compare all that can be seen.
"""

from __future__ import annotations

import errno
import io
import os
import resource
import select
import signal
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from cgi_runner.bill_stamps import VARIABLE
from cgi_runner.environment import own_variables
from cgi_runner.spawn import Child, Command, Spawn, TryAgain, World
from cgi_runner.spawn import zygote as module
from cgi_runner.spawn.posix_spawn import strategy as posix_spawn
from cgi_runner.spawn.pythons import PythonPrograms
from cgi_runner.spawn.zygote import ZygoteStrategy, strategy
from gateway_runtime.errors import StartupError
from gateway_runtime.testing import Server, wait_until

PROC = Path("/proc/self/fd").exists()

OWN = own_variables(["COLOUR=blue", "SHAPE=round"])

APP = r"""
import json, os, random, sys, time

COUNT = 0

os.environ["COLOUR"] = "red"
os.environ.setdefault("SETTINGS", "case.settings")
os.environ.setdefault("REMOTE_USER", "nobody")
os.environ.pop("SHAPE", None)

def app(environ, start_response):
    global COUNT
    COUNT += 1
    path = environ["PATH_INFO"]
    if path == "/exit":
        sys.exit(3)
    if path == "/wait":
        with open("pid.tmp", "w") as file:
            file.write(str(os.getpid()))
        os.rename("pid.tmp", "pid")
        time.sleep(99)
    if path == "/after":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return after()
    start_response("200 OK", [("Content-Type", "application/json")])
    if path == "/environ":
        shown = {k: v for k, v in environ.items() if isinstance(v, (str, bool, tuple))}
        known = dict(os.environ)
        return [json.dumps([shown, known, sys.argv[1:], sys.path[0], os.getcwd()], sort_keys=True).encode()]
    if path == "/print":
        print("printed")
        os.system("echo from a shell")
        return [b"clean"]
    if path == "/state":
        return [json.dumps([COUNT, os.getpid(), random.random()]).encode()]
    return [environ["wsgi.input"].read()]

def after():
    yield b"some"
    raise ValueError("after the head")
"""

CGI = {
    b"GATEWAY_INTERFACE": b"CGI/1.1", b"REQUEST_METHOD": b"GET", b"SCRIPT_NAME": b"/prog", b"QUERY_STRING": b"",
    b"SERVER_NAME": b"localhost", b"SERVER_PORT": b"80", b"SERVER_PROTOCOL": b"HTTP/1.1",
}  # fmt: skip


def talk(child: Child, content: bytes = b"") -> tuple[int, bytes, bytes]:
    """Give a program its content and take all of its output. Returns its status, output and error output."""
    output = {child.stdout: b"", child.stderr: b""}
    stdout, stderr = output
    look = select.poll()
    for descriptor in output:
        look.register(descriptor, select.POLLIN)
    if child.stdin >= 0:
        look.register(child.stdin, select.POLLOUT)
    left = {child.stdin, *output} - {-1}
    while left:
        for descriptor, _ in look.poll():
            if descriptor != child.stdin:
                data = os.read(descriptor, 65536)
                output[descriptor] += data
                done = not data
            else:
                try:
                    content = content[os.write(descriptor, content) :]
                except BrokenPipeError:
                    content = b""
                done = not content
            if done:
                look.unregister(descriptor)
                os.close(descriptor)
                left.remove(descriptor)
    return child.reap(), output[stdout], output[stderr]


def drop(child: Child) -> None:
    """Close our ends of a program's pipes."""
    for descriptor in (child.stdin, child.stdout, child.stderr):
        if descriptor >= 0:
            os.close(descriptor)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return not PROC or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descriptors(pid: int | str = "self") -> int:
    return len(list(Path(f"/proc/{pid}/fd" if PROC else "/dev/fd").iterdir()))


class Programs:
    """A folder of Python programs, and the two ways to start them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copied: ZygoteStrategy = strategy(World(), own=OWN)
        self.executed = posix_spawn(World())

    def write(self, source: str | bytes, name: str = "prog.py", interpreter: str = sys.executable) -> Command:
        file = self.folder / name
        text = source if isinstance(source, bytes) else source.encode()
        file.write_bytes(f"#!{interpreter}\n".encode() + text)
        file.chmod(0o755)
        return Command((str(file),), {**OWN, b"QUERY_STRING": b"a=b&\xff"}, str(self.folder))

    def both(self, source: str | bytes, content: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a program both ways; return what came, which is the same."""
        command = self.write(source)
        pid = (child := self.copied(command)).pid
        copied = talk(child, content)
        executed = talk(self.executed(command), content)
        assert copied == executed
        assert not alive(pid)
        return copied


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    made = Programs(tmp_path_factory.mktemp("programs"))
    assert made.copied._zygote is not None
    before = descriptors(), descriptors(made.copied._zygote.pid if PROC else "self")
    yield made
    wait_until(lambda: (descriptors(), descriptors(made.copied._zygote.pid if PROC else "self")) == before)
    assert children(made.copied) == []
    made.copied.close()


def children(spawn: ZygoteStrategy) -> list[int]:
    """Processes that come from the zygote, zombies too."""
    assert spawn._zygote is not None
    found = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in found.splitlines()]
    return [pid for pid, parent in rows if parent == spawn._zygote.pid]


# -- a copy is like a program that was executed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "status", "output"),
    [
        ("print('hello')", 0, b"hello\n"),
        ("import os; os.write(1, b'raw')", 0, b"raw"),
        ("import sys; sys.exit()", 0, b""),
        ("import sys; sys.exit(3)", 3, b""),
        ("import sys; print('some'); sys.exit(-1)", 255, b"some\n"),
        ("import sys; sys.exit(1 << 8)", 0, b""),
        ("import sys; sys.exit('words')", 1, b""),
        ("import sys; sys.exit((1, 2))", 1, b""),
        ("import os; print('lost'); os._exit(9)", 9, b""),
        ("raise ValueError('no')", 1, b""),
        ("def f():\n  1 / 0\ntry:\n  f()\nexcept ZeroDivisionError as e:\n  raise KeyError('then') from e", 1, b""),
        ("raise KeyboardInterrupt", -2, b""),
        ("print('some'); raise BaseExceptionGroup('all', [ValueError(1), KeyboardInterrupt()])", 1, b"some\n"),
        ("this is no Python", 1, b""),
        (b"# coding: latin-1\nprint(ascii('\xe4'))", 0, b"'\\xe4'\n"),
        (b"a = 1\0", 1, b""),
        ("def f(a: nothing): pass", 1, b""),  # no future of ours reaches into the program
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15, b""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, b""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGUSR1)", -10, b""),
        ("import sys; sys.stdout.close()", 0, b""),
        ("import sys; sys.stdout = sys.stderr = None", 0, b""),
        ("import atexit; atexit.register(print, 'at the end')", 0, b"at the end\n"),
        ("import atexit; atexit.register(print, 'at the end'); 1 / 0", 1, b"at the end\n"),
        ("import weakref; class_ = type('C', (), {}); c = class_(); weakref.finalize(c, print, 'end')", 0, b"end\n"),
        ("import threading, time; threading.Timer(0.01, print, ['late']).start(); print('early')", 0, b"early\nlate\n"),
        (
            "import os; f=open('left', 'w'); f.write('x')\nif os.fork(): os.wait(); print(open('left').read())",
            0,
            None,
        ),
        ("import os\nclass C:\n  def __del__(self): print('gone', os.sep)\nc = C(); d = {'c': c}", 0, b"gone /\n"),
        ("import sys; out = open(1, 'w', closefd=False); out.write('own')", 0, b"own"),
        ("import warnings; warnings.warn('old', DeprecationWarning)", 0, b""),
        ("import sys; print('to the log', file=sys.stderr)", 0, b""),
        ("import pickle\nclass C: pass\nprint(type(pickle.loads(pickle.dumps(C()))) is C)", 0, b"True\n"),
        ("import dataclasses\n@dataclasses.dataclass\nclass C:\n  a: int\nprint(C(1))", 0, b"C(a=1)\n"),
        ("import multiprocessing as m; m.get_context('fork').Process(target=print, args=(1,)).start()", 0, b"1\n"),
    ],
)
def test_ends_as_if_executed(programs: Programs, source: str | bytes, status: int, output: bytes | None) -> None:
    got = programs.both(source)
    assert got[0] == status
    assert output is None or got[1] == output
    assert (status in (1, -2)) <= bool(got[2])


def test_output_that_cannot_be_written(programs: Programs) -> None:
    """Each version of Python says it in other words."""
    for spawn in (programs.copied, programs.executed):
        status, output, errors = talk(spawn(programs.write("import os; os.close(1); print('nowhere')")))
        assert (status, output) == (120, b"")
        assert errors.splitlines()[-1] == b"OSError: [Errno 9] Bad file descriptor"


@pytest.mark.parametrize("source", [b"\xff", b"# coding: nothing\n", b"(" * 300])
def test_what_cannot_be_compiled(programs: Programs, source: bytes) -> None:
    """The words differ, for Python reads a file in another way than bytes."""
    for spawn in (programs.copied, programs.executed):
        status, output, errors = talk(spawn(programs.write(source)))
        assert (status, output) == (1, b"")
        assert errors.splitlines()[-1].startswith(b"SyntaxError: ")


LOOK = r"""
import os, resource, signal, sys
print(sorted(os.environb.items()))
sys.stdout.flush()
os.system("env | sort")
import __main__
print(sorted((name, str(value).partition(" at ")[0]) for name, value in vars(__main__).items()))
print(sys.argv, sys.path, sys.flags, sys.warnoptions, sys.gettrace(), sys.getrecursionlimit())
print(os.getcwd(), oct(os.umask(0)), signal.getitimer(signal.ITIMER_REAL))
print([resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")])
print(os.getpid() == os.getpgid(0) == os.getsid(0), os.getpid() == os.getppid())
print({number: str(signal.getsignal(number)).partition(" at ")[0] for number in signal.valid_signals()})
print(signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.set_wakeup_fd(-1))
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream, stream.name, stream.mode, stream.fileno(), stream.encoding, stream.errors, stream.line_buffering)
    print(stream.write_through, stream.newlines, stream.closed, stream.isatty(), stream.seekable(), stream.buffer)
print(sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
import atexit, gc, threading
print(atexit._ncallbacks(), gc.isenabled(), gc.get_threshold(), [thread.name for thread in threading.enumerate()])
"""

FILES = """
import os
for name in sorted(os.listdir('/proc/self/fd'))[:-1]:
    print(name, os.readlink(f'/proc/self/fd/{name}').partition(':')[0])
for line in open("/proc/self/status"):
    if line.startswith(("SigBlk", "SigCgt", "ShdPnd", "Groups", "Uid", "Umask")):
        print(line)
    if line.startswith("SigIgn"):
        print(hex(int(line[7:], 16) & 0x7FFFFFFF))  # the C library's own signals are left out
"""


def test_finds_what_an_executed_program_finds(programs: Programs) -> None:
    status, output, errors = programs.both(LOOK)
    assert (status, errors) == (0, b"")
    assert output.count(b"COLOUR") == 2
    assert b"\\xff" in output


@pytest.mark.skipif(not PROC, reason="reads Linux's /proc")
def test_has_no_other_descriptors_and_default_signals(programs: Programs) -> None:
    _, output, _ = programs.both(FILES)
    assert output.startswith(b"0 pipe\n1 pipe\n2 pipe\nUmask")


@pytest.mark.parametrize("size", [0, 1, 65536, 1 << 20])
def test_content_and_output_move_at_once(programs: Programs, size: int) -> None:
    content = os.urandom(size)
    source = "import sys\nsys.stdout.buffer.write(b'-' * (1 << 20))\nsys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert programs.both(source, content) == (0, b"-" * (1 << 20) + content, b"")


def test_no_content_is_an_empty_file(programs: Programs) -> None:
    command = programs.write("import os, sys\nprint(repr(input()) if sys.argv[1:] else repr(sys.stdin.read()))")
    command = Command(command.argv, command.environment, command.directory, content=False)
    child = programs.copied(command)
    assert child.stdin == -1
    assert talk(child) == talk(programs.executed(command)) == (0, b"''\n", b"")


def test_imports_what_lies_beside_the_program_and_sees_an_edit(programs: Programs) -> None:
    (programs.folder / "beside.py").write_text("WORD = 'first'")
    command = programs.write("import beside; print(beside.WORD)", "importing.py")
    link = programs.folder / "elsewhere" / "link.py"
    link.parent.mkdir()
    link.symlink_to(programs.folder / "importing.py")
    assert talk(programs.copied(command))[1] == b"first\n"
    assert talk(programs.copied(Command((str(link),), OWN, "/")))[1] == b"first\n"
    (programs.folder / "beside.py").write_text("WORD = 'another'")
    assert talk(programs.copied(command))[1] == b"another\n"
    programs.write("print('edited')", "importing.py")
    assert talk(programs.copied(command))[1] == b"edited\n"


def test_a_temporary_file_is_removed(programs: Programs) -> None:
    programs.both("import tempfile; file = tempfile.NamedTemporaryFile(dir='.', prefix='temporary-')")
    assert not list(programs.folder.glob("temporary-*"))


def test_the_reader_may_leave(programs: Programs) -> None:
    child = programs.copied(programs.write("import sys\nfor _ in range(99): print('-' * 99999)"))
    drop(child)
    assert child.reap() in (1, 120)


def test_a_grandchild_may_keep_the_output(programs: Programs) -> None:
    child = programs.copied(programs.write("import os, time\nif not os.fork():\n  time.sleep(99)\nprint('done')"))
    assert child.has_exited(20)
    assert os.read(child.stdout, 99) == b"done\n"
    with pytest.raises(BlockingIOError):
        os.read(child.stdout, 99)
    child.signal_group(signal.SIGKILL)
    assert child.reap() == 0
    wait_until(lambda: os.read(child.stdout, 99) == b"" if select.select([child.stdout], [], [], 0)[0] else False)
    drop(child)


def test_a_signal_reaches_the_whole_group_and_the_pid_stays_taken(programs: Programs) -> None:
    child = programs.copied(programs.write("import time\ntime.sleep(99)"))
    assert child.poll() is None
    assert not child.has_exited(0)
    child.signal_group(signal.SIGTERM)
    assert child.has_exited(20)
    os.kill(child.pid, 0)  # a zombie: nobody else can have this number
    assert child.reap() == -signal.SIGTERM
    assert child.poll() == -signal.SIGTERM
    wait_until(lambda: not children(programs.copied))
    drop(child)


def test_umask_and_limits(programs: Programs) -> None:
    world = World(0o027, ((resource.RLIMIT_NOFILE, 77), (resource.RLIMIT_CPU, 9), (resource.RLIMIT_FSIZE, 1000)))
    source = """
import os, resource as r
open('masked', 'w').close()
print([r.getrlimit(x) for x in (r.RLIMIT_NOFILE, r.RLIMIT_CPU, r.RLIMIT_FSIZE)])
"""
    command = programs.write(source)
    with closing(strategy(world, own=OWN)) as spawn:
        for _ in range(2):
            assert talk(spawn(command)) == (0, b"[(77, 77), (9, 9), (1000, 1000)]\n", b"")
            file = programs.folder / "masked"
            assert stat.S_IMODE(file.stat().st_mode) == 0o640
            file.unlink()


def test_what_cannot_be_prepared_is_an_oserror(programs: Programs) -> None:
    command = programs.write("print(1)")
    with pytest.raises(FileNotFoundError):
        programs.copied(Command(command.argv, OWN, str(programs.folder / "nowhere")))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with closing(ZygoteStrategy(World(limits=((resource.RLIMIT_NOFILE, hard),)), None, OWN)) as spawn:
        spawn._limits = ((resource.RLIMIT_NOFILE, -5),)
        with pytest.raises(OSError):
            spawn(command)


@pytest.mark.parametrize(
    ("text", "mode", "number"),
    [
        (b"#!/bin/no/such/python\n", 0o755, errno.ENOENT),
        (b"no line that says what\n", 0o755, errno.ENOEXEC),
        (f"#!{sys.executable}\nprint(1)\n".encode(), 0o644, errno.EACCES),
        (None, 0o755, errno.ENOENT),
    ],
)
def test_what_cannot_be_executed(programs: Programs, text: bytes | None, mode: int, number: int) -> None:
    file = programs.folder / "bad"
    file.unlink(missing_ok=True)
    if text is not None:
        file.write_bytes(text)
        file.chmod(mode)
    before = descriptors()
    for spawn in (programs.copied, programs.executed):
        with pytest.raises(OSError) as failed:
            spawn(Command((str(file),), OWN, "/"))
        assert failed.value.errno == number
    assert descriptors() == before


def test_a_large_environment(programs: Programs) -> None:
    """Linux executes nothing with a variable of 128 KiB. A copy has no such limit."""
    large = {**OWN, b"LARGE": b"x" * (1 << 20)}
    command = programs.write("import os; print(len(os.environ['LARGE']))")
    assert talk(programs.copied(Command(command.argv, large, "/")))[1] == b"1048576\n"
    with pytest.raises(OSError) as failed:
        programs.copied(Command(("/bin/sh", "-c", "true"), large, "/"))
    assert failed.value.errno == errno.E2BIG


def test_other_programs_are_executed(programs: Programs) -> None:
    shell = Command(("/bin/sh", "-c", "echo $0 $COLOUR; cat; exit 3", "me"), OWN, "/")
    assert talk(programs.copied(shell), b"content") == (3, b"me blue\ncontent", b"")
    flags = programs.write("import sys; print(sys.flags.no_site)", interpreter=f"{sys.executable} -S")
    assert talk(programs.copied(flags))[1] == b"1\n"


def test_an_archive(programs: Programs) -> None:
    """An archive with a `#!` line is a program too (PEP 441), but nothing to compile."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("__main__.py", "import beside, sys; print(beside.WORD, sys.argv[1:])")
        archive.writestr("beside.py", "WORD = 'archived'")
    assert programs.both(buffer.getvalue()) == (0, b"archived []\n", b"")


def test_a_file_named_to_the_interpreter(programs: Programs) -> None:
    programs.write("import sys; print(sys.argv[1:])")
    file = str(programs.folder / "prog.py")
    command = Command((sys.executable, file, "a", "-b"), OWN, "/")
    assert talk(programs.copied(command)) == talk(programs.executed(command)) == (0, b"['a', '-b']\n", b"")
    (programs.folder / "prog.py").unlink()
    status, output, errors = talk(programs.copied(command))
    assert (status, output, errors) == talk(programs.executed(command))
    assert b"can't open file" in errors


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        (sys.executable, True),
        (f" {sys.executable}\t", True),
        (f"{sys.executable}\r", False),
        (f"{sys.executable} -I", False),
        (f"/usr/bin/env {Path(sys.executable).name}", True),
        ("/usr/bin/env no-such-python", False),
        (f"/usr/bin/env -S {sys.executable} -I", False),
        (f"/usr/bin/env A=B {sys.executable}", False),
        ("/bin/sh", False),
        ("", False),
    ],
)
def test_which_programs_are_this_pythons(tmp_path: Path, line: str, ours: bool) -> None:
    file = tmp_path / "prog"
    file.write_bytes(f"#!{line}\nprint(1)\n".encode())
    known = PythonPrograms(str(Path(sys.executable).parent))
    assert known.argv([str(file)]) is None  # not executable
    file.chmod(0o755)
    expected = [str(file)] if ours else None
    assert known.argv([str(file)]) == known.argv([str(file)]) == expected
    assert known.argv([str(tmp_path / "nothing")]) is None
    assert known.argv([sys.executable, "-c", "1"]) is None


def test_a_python_by_another_way_is_another_python(tmp_path: Path) -> None:
    """A virtual environment is a link to the same file from another directory, with other libraries."""
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    file = tmp_path / "prog"
    file.write_text(f"#!{link}\n")
    file.chmod(0o755)
    assert PythonPrograms("").argv([str(file)]) is None
    assert PythonPrograms("").argv([str(link), str(file)]) is None


# -- an application ----------------------------------------------------------------------------------------------------


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "case.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "RESTART_SECONDS", 0.0)
    return tmp_path


@pytest.fixture()
def spawn(folder: Path) -> Iterator[ZygoteStrategy]:
    before = descriptors()
    with closing(ZygoteStrategy(World(), "case:app", OWN, NOTES.append)) as made:
        NOTES.clear()
        made.start()
        yield made
        wait_until(lambda: not children(made))
    assert descriptors() == before


NOTES: list[str] = []


def ask(
    spawn: Spawn, path: str, content: bytes = b"", argv: tuple[str, ...] = ("the app",),
    more: Mapping[bytes, bytes] | None = None,
) -> tuple[int, bytes, bytes]:  # fmt: skip
    length = {b"CONTENT_LENGTH": str(len(content)).encode()} if content else {}
    environment: Mapping[bytes, bytes] = {**OWN, **CGI, **length, **(more or {}), b"PATH_INFO": path.encode()}
    return talk(spawn(Command(argv, environment, str(Path.cwd()), bool(content))), content)


def test_an_application_answers_as_if_executed(spawn: ZygoteStrategy, folder: Path) -> None:
    executed = posix_spawn(World())
    command = (sys.executable, "-m", "cgi_runner.child", "case:app")
    for path, content in (
        ("/environ", b""), ("/environ", b"1"), ("/print", b""), ("/exit", b""), ("/after", b""),
        ("/echo", b"x"), ("/echo", os.urandom(1 << 20)), ("/echo", b""),
    ):  # fmt: skip
        more = {b"REMOTE_USER": b"somebody"} if content else {}
        expected = ask(executed, path, content, command, more)
        got = ask(spawn, path, content, more=more)
        assert got[:2] == expected[:2], path
        assert path != "/environ" or (b'"red"' in got[1] and b"case.settings" in got[1] and b"round" not in got[1])
        assert (b"Traceback" in got[2]) == (b"Traceback" in expected[2]), got[2]


def test_no_state_is_carried_over(spawn: ZygoteStrategy) -> None:
    answers = {ask(spawn, "/state")[1].partition(b"\r\n\r\n")[2] for _ in range(5)}
    assert len(answers) == 5  # another pid, another number at random
    assert all(answer.startswith(b"[1, ") for answer in answers)


def test_a_copy_tells_its_bill(spawn: ZygoteStrategy, programs: Programs, tmp_path: Path) -> None:
    fifo = tmp_path / "bill"
    os.mkfifo(fifo)
    bill = {VARIABLE.encode(): os.fsencode(fifo)}
    pipe = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert VARIABLE.encode() not in ask(spawn, "/environ", more=bill)[1]
        lines = os.read(pipe, 9999).decode().splitlines()
        assert [word.partition("=")[0] for word in " ".join(lines).split()] == ["forked", "ready", "given", "written"]
        command = programs.write(f"import os; print('{VARIABLE}' in os.environ); 1 / 0")
        status, output, _ = talk(programs.copied(Command(command.argv, {**OWN, **bill}, "/")))
        assert (status, output) == (1, b"False\n")
        assert os.read(pipe, 9999).startswith(b"forked=")
    finally:
        os.close(pipe)


def test_many_at_once(spawn: ZygoteStrategy) -> None:
    contents = [str(number).encode() * 1000 * (number % 7 + 1) for number in range(64)]
    large = {b"LARGE": b"x" * 500_000}  # more than the socket takes at once, while signals come
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda content: ask(spawn, "/echo", content, more=large), contents))
    for (status, output, errors), content in zip(answers, contents, strict=True):
        assert (status, output.partition(b"\r\n\r\n")[2], errors) == (0, content, b"")


@pytest.mark.skipif(not PROC, reason="reads Linux's /proc")
def test_nothing_is_left_after_requests_of_every_kind(spawn: ZygoteStrategy) -> None:
    assert spawn._zygote is not None
    ours, its = descriptors(), descriptors(spawn._zygote.pid)
    for path in ("/environ", "/exit", "/after", "/echo") * 5:
        ask(spawn, path)
        with pytest.raises(FileNotFoundError):
            spawn(Command(("the app",), OWN, "/no/such/directory"))
        child = spawn(Command(("the app",), OWN, "/"))
        child.signal_group(signal.SIGKILL)
        drop(child)
        child.reap()
    wait_until(lambda: not children(spawn))
    wait_until(lambda: (descriptors(), descriptors(spawn._zygote.pid)) == (ours, its))


def memory(pid: int) -> bytes:
    """All that a process can write to."""
    process = Path(f"/proc/{pid}")
    with (process / "maps").open() as maps, (process / "mem").open("rb") as whole:
        found = []
        for line in maps:
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                begin, end = (int(number, 16) for number in span.split("-"))
                whole.seek(begin)
                found.append(whole.read(end - begin))
    return b"".join(found)


@pytest.mark.skipif(not PROC, reason="reads Linux's /proc")
def test_no_request_is_ever_in_the_zygotes_memory(spawn: ZygoteStrategy) -> None:
    assert spawn._zygote is not None
    secret = os.urandom(16).hex().encode()
    assert secret in ask(spawn, "/environ", more={b"HTTP_COOKIE": secret})[1]
    assert ask(spawn, "/echo", secret)[1].endswith(secret)
    try:
        there = memory(spawn._zygote.pid)
    except PermissionError:
        pytest.skip("this system does not let us read the memory of another process")
    assert b"case.settings" in there  # what the import has set
    assert secret not in there


WITHOUT_WAITID = "import os\nif hasattr(os, 'waitid'): del os.waitid\n" + APP


def test_where_there_is_no_waitid(folder: Path) -> None:
    (folder / "older.py").write_text(WITHOUT_WAITID)
    with closing(strategy(World(), "older:app", OWN)) as spawn:
        assert ask(spawn, "/echo", b"1")[0] == 0
        assert ask(spawn, "/after")[0] == -signal.SIGTERM
        wait_until(lambda: not children(spawn))


IMPORT = """
import atexit, os, signal, sys, threading, time
kept = open("kept.txt", "a")
kept.write("import ")
atexit.register(lambda: kept.write("end "))
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
threading.Thread(target=time.sleep, args=(99,)).start()
out = sys.stdout
def app(environ, start_response):
    kept.write("request ")
    out.write("printed")
    start_response("200 OK", [])
    return [str(threading.active_count()).encode()]
"""


def test_what_an_import_leaves_is_shared_and_said(folder: Path) -> None:
    """Buffers are written once by each that has filled them; exit handlers of the import run once, at the very end."""
    (folder / "leaving.py").write_text(IMPORT)
    NOTES.clear()
    with closing(ZygoteStrategy(World(), "leaving:app", OWN, NOTES.append)) as spawn:
        spawn.start()
        for _ in range(2):
            status, output, errors = ask(spawn, "/")
            assert (status, output[-1:], errors) == (0, b"1", b"printed")
    assert (folder / "kept.txt").read_text() == "import request request end "
    descriptors_left, threads_left = NOTES
    assert "left descriptors open (4)" in descriptors_left
    assert "started threads (1)" in threads_left


# -- the zygote itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (None, "there is no module 'broken'"),
        ("import nothing_of_this_name", "needs 'nothing_of_this_name', which is not installed"),
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("other = 1", "has no 'app'"),
        ("app = 1", "cannot be called"),
        ("import os; os._exit(3)", "broken:app ended it: exit status 3"),
        ("import os; os.kill(os.getpid(), 11)", "broken:app ended it: killed by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 14)", "broken:app was not imported within 60 seconds"),
    ],
)
def test_an_application_that_cannot_be_imported(folder: Path, source: str | None, why: str) -> None:
    if source is not None:
        (folder / "broken.py").write_text(source)
    before = descriptors()
    with pytest.raises(StartupError) as failed:
        strategy(World(), "broken:app", OWN)
    assert why in str(failed.value)
    assert "\n" not in str(failed.value)
    assert descriptors() == before


def test_it_is_not_for_the_hand() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cgi_runner.zygote"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"usage: ")
    assert done.stderr.count(b"\n") == 1


def end_zygote(spawn: ZygoteStrategy, number: int = signal.SIGKILL) -> int:
    assert spawn._zygote is not None
    pid = spawn._zygote.pid
    os.kill(pid, number)
    wait_until(lambda: not alive(pid))
    return pid


def test_its_death_ends_what_it_was_the_parent_of(spawn: ZygoteStrategy) -> None:
    environment = {**OWN, **CGI, b"PATH_INFO": b"/echo", b"CONTENT_LENGTH": b"9"}
    child = spawn(Command(("the app",), environment, "/"))
    os.write(child.stdin, b"some")
    pid = end_zygote(spawn)
    assert child.has_exited(20)
    assert child.reap() == -signal.SIGKILL
    wait_until(lambda: not alive(child.pid))
    drop(child)
    (note,) = NOTES
    assert note == f"the zygote [{pid}] is lost: killed by SIGKILL; the next request starts another"
    assert ask(spawn, "/state")[0] == 0


def test_a_request_after_its_death_starts_another(spawn: ZygoteStrategy) -> None:
    for _ in range(3):
        end_zygote(spawn)
        assert ask(spawn, "/echo", b"content")[1].endswith(b"content")
    assert len(NOTES) == 3


def test_its_death_in_the_midst_of_many(spawn: ZygoteStrategy) -> None:
    """Each request is answered, or seen to die; none waits for ever and none is answered with another's content."""
    halfway = threading.Event()

    def one(number: int) -> tuple[int, bytes, bytes]:
        if number == 40:
            halfway.set()
        return ask(spawn, "/echo", b"%d" % number)

    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(one, range(80))
        halfway.wait(20)
        os.kill(spawn._zygote.pid, signal.SIGKILL)  # type: ignore[union-attr]  # it is there
        for number, (status, output, _) in enumerate(answers):
            assert status == -signal.SIGKILL or (status, output.partition(b"\r\n\r\n")[2]) == (0, b"%d" % number)
    assert ask(spawn, "/state")[0] == 0


def test_starts_are_a_second_apart(spawn: ZygoteStrategy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_SECONDS", 1000.0)
    end_zygote(spawn)
    assert ask(spawn, "/state")[0] == 0
    end_zygote(spawn)
    before = descriptors()
    for _ in range(2):
        with pytest.raises(TryAgain, match="has ended"):
            ask(spawn, "/state")
    assert descriptors() == before - 1  # the socket
    spawn._next_start = 0.0
    assert ask(spawn, "/state")[0] == 0


def test_an_edit_that_broke_it_is_found_at_the_next_start(spawn: ZygoteStrategy, folder: Path) -> None:
    (folder / "case.py").write_text("raise RuntimeError('not today')")
    assert ask(spawn, "/state")[0] == 0
    end_zygote(spawn)
    for _ in range(2):
        with pytest.raises(TryAgain, match="not today"):
            ask(spawn, "/state")
    (folder / "case.py").write_text(APP + "\n# mended\n")
    assert ask(spawn, "/state")[0] == 0


def test_one_that_was_stopped_is_replaced(spawn: ZygoteStrategy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.05)
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0.05)
    assert spawn._zygote is not None
    os.kill(spawn._zygote.pid, signal.SIGSTOP)
    child = None
    while child is None:
        try:
            child = spawn(Command(("the app",), {**OWN, **CGI, b"PATH_INFO": b"/state"}, "/", content=False))
        except TryAgain:
            pass
        monkeypatch.setattr(module, "START_SECONDS", 10.0)
    assert talk(child)[0] == 0
    assert "is lost: killed by SIGKILL" in NOTES[0]


WORKER = """
import sys
from cgi_runner.bill_stamps import VARIABLE
from cgi_runner.environment import own_variables
from cgi_runner.spawn import Command, World
from cgi_runner.spawn.zygote import strategy
own = own_variables()
spawn = strategy(World(), "case:app", own)
cgi = {b"REQUEST_METHOD": b"POST", b"GATEWAY_INTERFACE": b"CGI/1.1", b"CONTENT_LENGTH": b"9", b"PATH_INFO": b"/"}
child = spawn(Command(("the app",), {**own, **cgi}, "/"))
print(spawn._zygote.pid, child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, None])
def test_it_leaves_when_the_worker_does(folder: Path, number: signal.Signals | None) -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        zygote, child = map(int, worker.stdout.readline().split())
        assert alive(zygote)
        assert alive(child)
        if number is not None:
            worker.send_signal(number)
    wait_until(lambda: not alive(zygote))
    try:
        os.killpg(child, signal.SIGKILL)  # the host's guard would
    except ProcessLookupError:
        pass
    wait_until(lambda: not alive(child))


# -- a server ----------------------------------------------------------------------------------------------------------


def get(server: Server, path: str, *statuses: int) -> bytes:
    with server.connect() as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert int(answer[9:12]) in (statuses or (200,)), answer
    return answer.partition(b"\r\n\r\n")[2]


def zygotes(server: Server) -> list[int]:
    """Zygotes of a server's workers. They have sessions of their own, so the server's test does not count them."""
    found = subprocess.run(["ps", "-axo", "pid=,ppid=,command="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in found.splitlines()]
    workers = {str(pid) for pid in server.workers()}
    return [int(pid) for pid, parent, command in rows if parent in workers and "cgi_runner.zygote" in command]


def test_a_server_with_zygotes(folder: Path) -> None:
    with Server("cgi_runner", "--app", "case:app", "--bind", "127.0.0.1:0", "--spawn", "zygote", cwd=folder) as server:
        assert get(server, "/state").startswith(b"[1, ")
        (first,) = zygotes(server)
        (folder / "case.py").write_text(APP.replace("COUNT += 1", "COUNT += 1 + 1"))
        assert get(server, "/state").startswith(b"[1, ")  # as promised: an edit is not seen
        server.signal(signal.SIGHUP)
        wait_until(lambda: not alive(first))
        assert get(server, "/state").startswith(b"[2, ")
        (second,) = zygotes(server)
        os.kill(second, signal.SIGKILL)
        wait_until(lambda: not alive(second))
        wait_until(lambda: get(server, "/state", 200, 503).startswith(b"[2, "))
        server.wait_for_line("the zygote .* is lost: killed by SIGKILL")
        (third,) = zygotes(server)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        wait_until(lambda: not alive(third))


def test_a_request_whose_zygote_dies_is_502(folder: Path) -> None:
    with Server("cgi_runner", "--app", "case:app", "--bind", "127.0.0.1:0", "--spawn", "zygote", cwd=folder) as server:
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(get, server, "/wait", 502)
            wait_until((folder / "pid").exists)
            os.kill(zygotes(server)[0], signal.SIGKILL)
            assert answer.result() == b"The program's output is not a response; the server's log says why.\n"
        server.wait_for_line("the zygote .* is lost: killed by SIGKILL")
        wait_until(lambda: not alive(int((folder / "pid").read_text())))


def test_a_server_that_is_killed_leaves_no_zygote(folder: Path) -> None:
    with Server("cgi_runner", "--app", "case:app", "--bind", "127.0.0.1:0", "--spawn", "zygote", cwd=folder) as server:
        (zygote,) = zygotes(server)
        for pid in (server.pid, *server.workers()):
            os.kill(pid, signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        wait_until(lambda: not alive(zygote))
