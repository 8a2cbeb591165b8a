"""Programs that do everything wrong, under every way to start them: the right status, a line in the log, nothing lost.

One server for each strategy runs all rows, several at a time; after each row the next request must be served. When all
are done, no process of any program is left, no zombie, and no descriptor that was not there before.
"""

from __future__ import annotations

import os
import re
import signal
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cgi_world import STRATEGIES, Answer, World, memory, program, world

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")

SILENCE = 2.5
"""Seconds that a program may be silent here."""

HEAD = r"printf 'Content-Type: text/plain\n\n'"
SLEEP = "sleep 60"
MIB = bytes(1 << 20)
LEAK = b"leak"
"""Stands in heads that are wrong: nothing of them may reach the client."""


@dataclass(frozen=True)
class Row:
    """A program, and what is to come of a request for it."""

    name: str
    script: str
    status: int
    log: tuple[str, ...] = ()
    """What stands in lines of the log behind the program's tag."""
    body: bytes | None = None
    cut: bool = False
    posted: bytes | None = None
    method: str = "GET"
    language: str = "sh"


def broken(name: str, output: str, why: str, *more: str) -> Row:
    """Return a program that prints no response."""
    return Row(name, f"printf '{output}'", 502, (f"not a response: .*{why}", *more))


def silent(name: str, script: str, *log: str, **more: Any) -> Row:
    return Row(name, script, 504, (f"silent for {SILENCE:g} seconds", *log), **more)


SLOW = [
    # name, script, status, log
    silent("says-nothing-at-all", SLEEP, "killed by SIGTERM"),
    Row("says-half-a-head-and-sleeps", rf"printf 'X-Leak: leak\n'; {SLEEP}", 504,
        (f"gave no whole head in {SILENCE:g} seconds", "killed by SIGTERM")),
    silent("ignores-term", "trap '' TERM; while :; do sleep 0.1; done", "killed by SIGKILL"),
    silent("stops-itself", "kill -STOP $$", "killed by SIGKILL"),
    silent("talks-to-the-log-only", "while :; do echo busy >&2; sleep 0.2; done", "busy"),
    silent("never-reads-and-never-answers", SLEEP, posted=MIB, method="POST"),
    silent("leaves-it-to-a-grandchild", "sleep 60 & wait", "killed by SIGTERM"),
    silent("has-a-grandchild-that-ignores-term", "(trap '' TERM; while :; do sleep 0.1; done) & wait"),
    Row("breaks-off-to-sleep", f"{HEAD}; echo some; {SLEEP}", 200, ("silent for", "SIGTERM"), b"some\n", True),
    Row("closes-its-output-and-sleeps", f"{HEAD}; echo all; exec >&- 2>&-; {SLEEP}", 200, ("SIGTERM",), b"all\n"),
    Row("closes-its-output-without-a-word", f"exec >&-; {SLEEP}", 502, ("output is empty", "SIGTERM")),
    Row("closes-its-output-after-half-a-head", rf"printf 'X-Leak: leak\n'; exec >&-; {SLEEP}", 502, ("blank line",)),
    Row("promises-keeps-and-stays", rf"printf 'Content-Length: 4\n\nall\n'; {SLEEP}", 200, ("SIGTERM",), b"all\n"),
    Row("promises-and-never-ends", r"printf 'Content-Length: 4\n\nall\nx'; yes", 200, ("more than its",), b"all\n"),
    Row("its-grandchild-keeps-the-pipe", f"{HEAD}; echo all; sleep 60 & exit 0", 200, (), b"all\n"),
    Row("its-grandchild-keeps-the-pipe-and-ignores-term",
        f"{HEAD}; echo all; (trap '' TERM; while :; do sleep 0.1; done) & exit 0", 200, (), b"all\n"),
    Row("its-grandchild-keeps-the-pipe-without-a-word", "sleep 60 & exit 0", 502, ("output is empty",)),
    Row("its-grandchild-keeps-only-stderr", f"{HEAD}; echo all; sleep 3 >&- & exit 0", 200, (), b"all\n"),
]  # fmt: skip
"""Rows that take a time limit or a grace."""

QUICK = [
    # no head, or a broken one
    Row("writes-nothing", "true", 502, ("the output is empty",)),
    Row("writes-nothing-and-fails", "exit 3", 502, ("the output is empty", "exit status 3")),
    Row("writes-to-the-log-only", "echo 'no such table' >&2; exit 1", 502, ("no such table", "the output is empty")),
    broken("writes-half-a-line", "X-Leak: leak", "before the blank line"),
    broken("writes-half-a-head", r"Content-Type: a/b\nX-Leak: leak\n", "before the blank line"),
    broken("writes-an-empty-head", r"\nleak", "no field"),
    broken("writes-a-page-at-once", r"<html>\n\nleak", "no colon"),
    broken("writes-two-statuses", r"Status: 200 OK\nStatus: 404 leak\n\nleak", "Status comes more than once"),
    broken("writes-two-types", r"Content-Type: a/b\ncontent-type: leak/b\n\n", "content-type comes more than once"),
    broken("writes-two-locations", r"Location: /leak\nLocation: /leak\n\n", "Location comes more than once"),
    broken("writes-two-lengths", r"X-Leak: leak\nContent-Length: 4\nContent-Length: 4\n\nleak", "more than once"),
    broken("writes-a-length-with-a-sign", r"X-Leak: leak\nContent-Length: -1\n\n", "Content-Length is '-1'"),
    broken("writes-a-length-in-words", r"X-Leak: leak\nContent-Length: four\n\nleak", "Content-Length is 'four'"),
    broken("writes-two-lengths-in-one", r"X-Leak: leak\nContent-Length: 4, 4\n\nleak", "Content-Length is"),
    broken("writes-a-huge-length", rf"X-Leak: leak\nContent-Length: {'9' * 19}\n\nleak", "Content-Length is"),
    *[broken(f"has-status-{number}", rf"Status: {status}\nX-Leak: leak\n\n", "is not a status") for number, status in
      enumerate(["30", "2000", "abc", "-200", "99", "101 Switching Protocols", "100 Continue", "600 Leak", "200OK"])],
    broken("has-nul-in-a-field", r"X-Leak: le\000ak\n\n", "control character"),
    broken("has-escape-in-a-field", r"X-Leak: le\033[2Jak\n\n", "control character"),
    broken("has-a-bare-cr-in-a-field", r"X-Leak: a\rSet-Cookie: leak\n\n", "control character"),
    broken("has-a-blank-before-a-colon", r"X-Leak : leak\n\n", "not the name"),
    broken("has-a-continued-line", r"X-Leak: leak\n leak: leak\n\n", "not the name"),
    broken("has-a-name-beyond-ascii", r"X-L\303\251ak: leak\n\n", "not the name"),
    broken("goes-nowhere", r"Location: leak/relative\n\n", "neither an absolute path"),
    Row("writes-binary", "cat /bin/sh", 502, ("not a response",)),
    Row("writes-zeros", "head -c 1000000 /dev/zero", 502, ("not a response",)),
    Row("writes-too-many-fields", "i=0; while [ $i -lt 300 ]; do echo X-Leak: leak; i=$((i+1)); done; echo", 502,
        ("more than 200 fields",)),
    Row("writes-a-gigabyte-of-head", "exec head -c 1073741824 /dev/zero", 502, ("the head is longer than 65536",)),
    Row("writes-lines-of-head-for-ever", "exec yes X-Leak: leak", 502, ("the head is longer than 65536",)),
    Row("writes-one-line-for-ever", "yes X-Leak: leak | tr -d '\\n'", 502, ("the head is longer than 65536",)),
    Row("dies-in-its-head", r"printf 'X-Leak: leak\n'; kill -9 $$", 502, ("before the blank line", "by SIGKILL")),
    # a head that is right
    Row("mixes-its-line-ends", r"printf 'X: y\r\nContent-Type: a/b\n\r\nall'", 200, (), b"all"),
    Row("writes-nothing-after-its-head", HEAD, 200, (), b""),
    Row("fails-after-its-response", f"{HEAD}; echo all; exit 3", 200, ("exit status 3",), b"all\n"),
    Row("gives-less-than-it-promised", r"printf 'Content-Length: 9\n\nshort'", 200,
        ("4 bytes before its Content-Length",), b"short", True),
    Row("gives-nothing-that-it-promised", r"printf 'Content-Length: 9\n\n'", 502,
        ("9 bytes before its Content-Length",)),
    Row("dies-right-after-its-head", f"{HEAD}; kill -9 $$", 502, ("killed by SIGKILL",)),
    Row("gives-more-than-it-promised", r"printf 'Content-Length: 3\n\nall, and more'", 200, ("the rest was cut",),
        b"all"),
    Row("gives-much-more-than-it-promised", r"printf 'Content-Length: 3\n\nall%9000s'; head -c 9000000 /dev/zero", 200,
        ("the rest was cut",), b"all"),
    Row("gives-content-with-204", r"printf 'Status: 204 No Content\nContent-Length: 3\n\nall'", 204, (), b""),
    Row("gives-content-with-304", r"printf 'Status: 304 Not Modified\n\nall'", 304, (), b""),
    Row("gives-content-for-head", f"{HEAD}; head -c 3000000 /dev/zero", 200, (), b"", method="HEAD"),
    # the other streams
    Row("fills-stderr", rf"{HEAD}; head -c 1000000 /dev/zero | tr '\0' x >&2; echo all", 200,
        ("x{1500}$", "the rest is dropped"), b"all\n"),
    Row("fills-stderr-with-control-characters", HEAD + r"; printf '\033]0;title\007\r\033[2Kforged: line\n' >&2", 200,
        (r"\\x1b\]0;title\\x07\\x0d\\x1b\[2Kforged: line$",), b""),
    Row("closes-stderr", f"exec 2>&-; {HEAD}; echo all", 200, (), b"all\n"),
    Row("never-reads", f"{HEAD}; echo all", 200, (), b"all\n", posted=MIB, method="POST"),
    Row("closes-its-input", f"exec <&-; {HEAD}; echo all", 200, (), b"all\n", posted=MIB, method="POST"),
    Row("reads-half", f"head -c 500000 >/dev/null; {HEAD}; echo all", 200, (), b"all\n", posted=MIB, method="POST"),
    Row("writes-before-it-reads", f"{HEAD}; head -c 1048576 /dev/zero; cat", 200, (), MIB + MIB, posted=MIB,
        method="POST"),
    Row("fills-stderr-before-it-reads", f"head -c 1048576 /dev/zero >&2; {HEAD}; cat", 200,
        (r"(\\x00){375}$", "is dropped"), MIB,
        posted=MIB, method="POST"),
    Row("reads-where-nothing-comes", f"{HEAD}; cat; echo all", 200, (), b"all\n"),
    Row("kills-its-group", f"{HEAD}; echo some; kill -9 0", 200, ("killed by SIGKILL",), b"some\n", True),
    Row("has-other-children", f"{HEAD}; sleep 3 >&- 2>&- <&- & true; echo all", 200, (), b"all\n"),
]  # fmt: skip

DEADLY = [
    number for number in signal.Signals
    if number not in (signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
                      signal.SIGURG, signal.SIGWINCH)
]  # fmt: skip
"""The signals that end a program which does nothing about them (POSIX.1-2017 section 2.4.3)."""

DYING = [
    row for number in DEADLY for row in (
        Row(f"dies-of-{number.name}", f"ulimit -c 0; kill -{int(number)} $$", 502,
            ("the output is empty", f"killed by {number.name}")),
        Row(f"dies-of-{number.name}-after-its-head", f"ulimit -c 0; {HEAD}; echo some; kill -{int(number)} $$", 200,
            (f"killed by {number.name}",), b"some\n", True),
    )
]  # fmt: skip

SAY = "sys.stdout.write('Content-Type: text/plain\\n\\n'); sys.stdout.flush(); "


def python(name: str, script: str, status: int, log: tuple[str, ...] = (), *more: Any, **others: Any) -> Row:
    return Row(f"python-{name}", script, status, log, *more, **others, language="python")


PYTHON = [
    python("ignores-term", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)", 504,
           ("silent for", "killed by SIGKILL")),
    python("sleeps", "time.sleep(60)", 504, ("silent for", "killed by SIGTERM")),
    python("stops-itself", "os.kill(os.getpid(), signal.SIGSTOP)", 504, ("silent for", "killed by SIGKILL")),
    python("breaks-off-to-sleep", SAY + "print('some', flush=True); time.sleep(60)", 200, ("silent for",), b"some\n",
           True),
    python("forks-and-leaves", SAY + "print('all', flush=True)\nif os.fork() == 0: time.sleep(60)", 200, (), b"all\n"),
    python("forks-and-sleeps", "os.fork(); time.sleep(60)", 504, ("silent for", "killed by SIGTERM")),
    python("writes-nothing", "", 502, ("the output is empty",)),
    python("raises", "raise ValueError('on purpose')", 502, ("ValueError: on purpose", "exit status 1")),
    python("raises-in-the-middle", SAY + "print('some')\nraise ValueError('on purpose')", 200,
           ("ValueError: on purpose", "exit status 1"), b"some\n"),
    python("is-no-python", "def:", 502, ("SyntaxError", "exit status 1")),
    python("exits", SAY + "print('all'); sys.exit(3)", 200, ("exit status 3",), b"all\n"),
    python("exits-with-a-sentence", "sys.exit('no such table')", 502, ("no such table", "exit status 1")),
    python("exits-at-once", SAY + "os._exit(4)", 200, ("exit status 4",), b""),
    python("closes-everything", SAY + "os.closerange(0, 100)", 200, (), b""),
    python("never-reads", SAY + "print('all')", 200, (), b"all\n", posted=MIB, method="POST"),
    python("writes-before-it-reads",
           SAY + "sys.stdout.buffer.write(bytes(1 << 20)); sys.stdout.buffer.write(sys.stdin.buffer.read())",
           200, (), MIB + MIB, posted=MIB, method="POST"),
    python("fills-stderr", SAY + "sys.stderr.write('x' * 1000000); print('all')", 200, ("x{1500}$", "is dropped"),
           b"all\n"),
    python("leaves-somebody-beyond-reach",
           SAY + "print('all', flush=True)\nif os.fork() == 0: os.setsid(); time.sleep(4)", 200, (), b"all\n"),
    *[python(f"dies-of-{number.name}-at-once", f"signal.signal({int(number)}, signal.SIG_DFL); "
             f"os.kill(os.getpid(), {int(number)}); time.sleep(9)", 502,
             ("output is empty", f"killed by {number.name}"))
      for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE)],
    *[python(f"dies-of-{number.name}-after-its-head", f"{SAY}print('some', flush=True); "
             f"os.kill(os.getpid(), {int(number)}); time.sleep(9)", 200, (f"killed by {number.name}",), b"some\n", True)
      for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1)],
]  # fmt: skip
"""Programs that a zygote copies, where there is one: the others it leaves to posix-spawn."""

ROWS = [*SLOW, *PYTHON, *QUICK, *DYING]

FILES = [
    # path, status, what the log has behind its name
    ("no-interpreter.cgi", 500, "cannot be started: No such file or directory"),
    ("carriage-return.cgi", 500, "cannot be started: No such file or directory"),
    ("a-directory-for-interpreter.cgi", 500, "cannot be started: Permission denied"),
    ("a-text-for-interpreter.cgi", 500, "cannot be started: Permission denied"),
    ("itself-for-interpreter.cgi", 500, "cannot be started: Too many levels of symbolic links"),
    ("no-first-line.cgi", 500, "cannot be started: it has no #! line"),
    ("empty.cgi", 500, "cannot be started: it has no #! line"),
    ("another-machine.cgi", 500, "cannot be started: it has no #! line, or one"),
    ("busy.cgi", 500, "cannot be started: Text file busy"),
    ("not-executable.cgi", 403, ""),
    ("out.cgi", 403, ""),
    ("out-by-two-links.cgi", 403, ""),
    ("out-by-a-relative-link.cgi", 403, ""),
    ("outside/outside.cgi", 403, ""),
    ("null", 403, ""),
    ("fifo", 403, ""),
    ("socket", 403, ""),
    ("directory", 404, ""),
    ("directory/", 404, ""),
    ("dangling.cgi", 404, ""),
    ("loop.cgi", 404, ""),
    ("loop.cgi/x", 404, ""),
    ("link.cgi", 200, ""),
    ("link-to-a-link.cgi/x", 200, ""),
    ("directory-link/inside.cgi", 200, ""),
]


def write_files(programs: Path, outside: Path) -> None:
    """Write what stands in FILES; `outside` is where links must not lead."""
    texts = {
        "no-interpreter.cgi": b"#!/no/such/interpreter\n",
        "carriage-return.cgi": b"#!/bin/sh\r\necho\r\n",
        "a-directory-for-interpreter.cgi": b"#!/usr\n",
        "a-text-for-interpreter.cgi": b"#!/etc/passwd\n",
        "itself-for-interpreter.cgi": b"#!" + os.fsencode(programs / "itself-for-interpreter.cgi") + b"\n",
        "no-first-line.cgi": b"echo\n",
        "empty.cgi": b"",
        "another-machine.cgi": b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\xff\x7f" + bytes(100),
        "busy.cgi": b"#!/bin/sh\necho; echo\n",
        "not-executable.cgi": b"#!/bin/sh\necho; echo leak\n",
    }
    for name, text in texts.items():
        (programs / name).write_bytes(text)
        (programs / name).chmod(0o644 if name == "not-executable.cgi" else 0o755)
    (programs / "directory").mkdir()
    program(programs / "directory", "inside.cgi", f"{HEAD}; echo hello")
    program(outside, "outside.cgi", f"{HEAD}; echo leak")
    links = {
        "out.cgi": outside / "outside.cgi",
        "out-by-two-links.cgi": "out.cgi",
        "out-by-a-relative-link.cgi": f"../{outside.name}/outside.cgi",
        "outside": outside,
        "null": "/dev/null",
        "dangling.cgi": "nothing.cgi",
        "loop.cgi": "loop.cgi",
        "link.cgi": "hello.cgi",
        "link-to-a-link.cgi": "link.cgi",
        "directory-link": "directory",
    }
    for name, target in links.items():
        (programs / name).symlink_to(target)
    os.mkfifo(programs / "fifo", 0o755)
    os.mknod(programs / "socket", 0o755 | stat.S_IFSOCK)


@pytest.fixture(scope="module", params=STRATEGIES)
def hosts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A host, and what came of every row."""
    folder = tmp_path_factory.mktemp("hostile")
    programs, outside = folder / "programs", folder / "outside"
    programs.mkdir()
    outside.mkdir()
    program(programs, "hello.cgi", f"{HEAD}; echo hello")
    for row in ROWS:
        program(programs, f"{row.name}.cgi", row.script, row.language)
    write_files(programs, outside)
    options = ("--max-children", "24", "--timeout", f"{SILENCE:g}")
    with world(folder, programs, request.param, *options) as host, ThreadPoolExecutor(12) as pool:
        answers = pool.map(lambda row: one(host, row), ROWS)
        yield Hosts(host, programs, {row.name: answer for row, answer in zip(ROWS, answers, strict=True)})


@dataclass(frozen=True)
class Hosts:
    host: World
    programs: Path
    answers: dict[str, Answer]


def one(host: World, row: Row) -> Answer:
    """Ask for a row's program, and then for one that does everything right."""
    answer = host.ask(f"/{row.name}.cgi", method=row.method, body=row.posted)
    assert host.ask("/hello.cgi").body == b"hello\n"
    return answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_program(hosts: Hosts, row: Row) -> None:
    answer = hosts.answers[row.name]
    assert (answer.status, answer.cut) == (row.status, row.cut)
    if row.body is not None:
        assert answer.body == row.body
    if row.status >= 500:
        assert LEAK not in answer.body
        assert "x-leak" not in answer.fields
        assert answer.body.count(b"\n") == 1
    for words in row.log:
        hosts.host.said(rf" /{row.name}\.cgi\[\d+\]: .*{words}")
    hosts.host.said(rf'"{row.method} /{row.name}\.cgi HTTP/1\.1" {row.status} ')


@pytest.mark.parametrize(("path", "status", "words"), FILES, ids=[row[0] for row in FILES])
def test_file(hosts: Hosts, path: str, status: int, words: str) -> None:
    lines = len(hosts.host.log())
    with (hosts.programs / "busy.cgi").open("ab"):  # somebody is still writing it
        answer = hosts.host.ask(f"/{path}")
    assert (answer.status, answer.cut) == (status, False)
    assert LEAK not in answer.body
    assert answer.body.count(b"\n") == 1
    if status != 200:
        hosts.host.said(f" /{path}: {words or status}", lines)
    hosts.host.said(rf'"GET /{path} HTTP/1\.1" {status} ', lines)
    assert hosts.host.ask("/hello.cgi").body == b"hello\n"


def test_nothing_else_is_said(hosts: Hosts) -> None:
    """A program that did nothing wrong has no line; none has a line that no row expects; no traceback is there."""
    tag = re.compile(r"\S+ \S+ cgi_runner\[\d+\] /(?P<name>[^ \[]+)\.cgi\[\d+\]: (?P<words>.*)")
    quiet = {row.name for row in ROWS if not row.log}
    lines = hosts.host.server.stderr.splitlines()
    spoken = [found for line in lines if (found := tag.match(line))]
    wrong = [found[0] for found in spoken if found["name"] in quiet and not found["words"].startswith("killed by")]
    assert wrong == []
    assert [line for line in lines if "Traceback" in line and not tag.match(line)] == []
    assert [line for line in lines if not (line.isascii() and line.isprintable())] == []
    assert max(map(len, lines)) < 1700
    assert sum(found["name"] == "fills-stderr" for found in spoken) < 100


def test_the_worker_is_the_same_and_small(hosts: Hosts) -> None:
    (worker,) = hosts.host.server.workers()
    assert memory(worker) < 120 << 20  # a gigabyte of head is cut off at its limit
    assert "another takes its place" not in hosts.host.server.stderr


def test_nothing_is_left(hosts: Hosts) -> None:
    hosts.host.nothing_left()
