"""`gatelab request cgi:PROGRAM`: the program answers, hangs, dies, is not there; and it never stays behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gatelab.request_errors import Failed
from gatelab.request_program import find_program
from gatelab_request_samples import ask, start
from gateway_runtime.testing import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # a thread of pytest's is no danger

SHELL = "#!/bin/sh\n"
PLAIN = SHELL + "echo Content-Type: text/plain; echo\n"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write an executable file `prog`, in a folder that becomes the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text, mode=0o755, name="prog"):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)

    return write


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").exists() or ") Z " not in Path(f"/proc/{pid}/stat").read_text()


@pytest.mark.parametrize(
    ("url", "file", "script_name", "extra"),
    [
        ("a.py", "a.py", "/a.py", ""),
        ("./a.py/", "a.py", "/a.py", "/"),
        ("{}/a.py/x%20y//z", "a.py", "/a.py", "/x y//z"),
        ("folder/b c/d", "folder/b c", "/b c", "/d"),
        ("folder/b%20c", "folder/b c", "/b c", ""),
        ("./folder/../a.py/é", "a.py", "/a.py", "/é"),
    ],
)
def test_the_program_in_a_path(program, tmp_path, url, file, script_name, extra):
    (tmp_path / "folder").mkdir()
    program(SHELL, name="a.py")
    program(SHELL, name="folder/b c")
    found, division = find_program(url.replace("é", "%C3%A9").format(tmp_path))
    assert found.samefile(tmp_path / file)
    more = dict(division.more)
    assert (division.script_name, division.path_info) == (script_name, extra.encode().decode("latin-1"))
    assert more["SCRIPT_FILENAME"] == str(found)
    assert more.get("PATH_TRANSLATED", "").endswith(division.path_info)


@pytest.mark.parametrize(
    ("url", "said"), [("none/x", "no part of this path is a file"), ("..", "no part"), ("plain/x", "not executable")]
)
def test_no_program(program, url, said):
    program("", 0o644, "plain")
    with pytest.raises(Failed, match=said) as failed:
        find_program(url)
    assert failed.value.code == 7


def test_the_request_in_its_environment(capfdbinary, program, monkeypatch):
    monkeypatch.setenv("SECRET", "of the shell")
    program(PLAIN + "env | sort; cat; echo one >&2; echo two >&2; pwd\n")
    done = ask(
        capfdbinary, "-d", "a=b", "-H", "X-Y: z", "--param", "HTTP_PROXY=p", "--param", "LANG=C", "cgi:./prog/x%20y?q=1"
    )
    assert done.code == 0
    assert done.err == "one\ntwo\n"
    lines = done.out.decode().splitlines()
    assert lines[-1] == f"a=b{Path.cwd()}"
    variables = dict(line.split("=", 1) for line in lines[:-1])
    assert "SECRET" not in variables
    folder = str(Path.cwd())
    for name, value in {
        "CONTENT_LENGTH": "3", "CONTENT_TYPE": "application/x-www-form-urlencoded", "DOCUMENT_ROOT": folder,
        "GATEWAY_INTERFACE": "CGI/1.1", "HTTP_PROXY": "p", "HTTP_X_Y": "z", "LANG": "C", "PATH_INFO": "/x y",
        "PATH_TRANSLATED": f"{folder}/x y", "QUERY_STRING": "q=1", "REQUEST_METHOD": "POST",
        "REQUEST_URI": "/prog/x y?q=1", "SCRIPT_FILENAME": f"{folder}/prog", "SCRIPT_NAME": "/prog",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }.items():  # fmt: skip
        assert variables[name] == value, name


def test_every_byte_of_a_program(capfdbinary, program):
    program(PLAIN + "cat\n")
    done = ask(capfdbinary, "-v", "-d", "a=b", "cgi:./prog/x")
    shown = [line for line in done.err.splitlines() if line.startswith(("> ", "< "))]
    starts = ["> environment, ", "> content, 3 bytes", "< response head", "< content, 3 bytes"]
    assert all(line.startswith(start) for line, start in zip(shown, starts, strict=True)), shown
    assert "PATH_INFO" in done.err
    assert done.out == b"a=b"


@pytest.mark.parametrize(
    ("text", "code", "status", "said"),
    [
        (PLAIN + "echo hello", 0, 200, None),
        (SHELL + "echo Status: 404 Nix; echo", 0, 404, None),
        (SHELL + "echo Location: /there; echo", 0, 302, None),
        (PLAIN + "exit 3", 0, 200, None),
        (SHELL, 8, None, "the answer is not CGI: the output is empty"),
        (SHELL + "echo hello", 8, None, "the answer is not CGI: the output ended before the blank line"),
        (SHELL + "echo hello; echo", 8, None, "the answer is not CGI: the header line 'hello' has no colon"),
        (SHELL + "kill -9 $$", 8, None, "the answer is not CGI: the output is empty"),
        (PLAIN + "kill -9 $$", 18, 200, "the answer breaks off: the program died"),
        (SHELL + "echo Content-Length: 9; echo; echo x", 18, 200, "the answer breaks off: the output ended 7 bytes"),
        ("#!/no/such/shell\n", 7, None, "its #! line names a program that is not there"),
        ("\1\2\3", 7, None, "it has no #! line"),
    ],
)
def test_what_a_program_may_do(capfdbinary, program, text, code, status, said):
    program(text)
    done = ask(capfdbinary, "--json", "cgi:prog")
    assert (done.code, done.err) == (code, "")
    document = done.json
    assert document["status"] == status
    assert said in document["error"] if said else document["error"] is None
    assert ("exit status 3" in document["stderr"]) is ("exit 3" in text)
    assert ("killed by SIGKILL" in document["stderr"]) is ("kill" in text)


STUBBORN = "trap '' TERM\nsleep 60 &\necho $$ $! >pids\necho begun\nwait\nwait\n"
PATIENT = "echo $$ >pids\necho begun\nexec sleep 60\n"


@pytest.mark.parametrize(
    ("text", "number", "code"),
    [(STUBBORN, None, 28), (PATIENT, signal.SIGINT, 130), (PATIENT, signal.SIGKILL, -signal.SIGKILL)],
    ids=["limit", "Ctrl-C", "KILL"],
)
def test_nothing_stays_behind(program, text, number, code):
    """However the command ends: the program ends, and so does what it has started, with TERM or with KILL."""
    program(PLAIN + text)
    started = start(*([] if number else ["-m", "0.5"]), "cgi:prog")
    assert started.stdout.read(6) == b"begun\n"
    group = [int(word) for word in Path("pids").read_text().split()]
    if number:
        started.send_signal(number)
    _, err = started.communicate(timeout=30)
    assert started.returncode == code
    if code == 28:
        assert b"the answer was not complete within 0.5 s" in err
    wait_until(lambda: not any(map(lives, group)), "the program ends")


def test_a_program_that_never_answers(capfdbinary, program):
    program(SHELL + "exec sleep 60\n")
    done = ask(capfdbinary, "-m", "0.5", "cgi:prog")  # long enough for it to be started, on a busy machine too
    assert done.code == 28
    assert "there was no answer within 0.5 s" in done.err


def test_a_program_that_works_on_after_its_answer(capfdbinary, program):
    program(PLAIN + "echo done\nexec >&- 2>&-\nsleep 0.2\ntouch later\n")
    done = ask(capfdbinary, "cgi:prog")
    assert (done.code, done.out, Path("later").exists()) == (0, b"done\n", True)


def test_a_program_that_reads_and_writes_much(capfdbinary, program, tmp_path):
    (tmp_path / "large").write_bytes(bytes(4 * 1024 * 1024))
    program(PLAIN + "cat\n")
    done = ask(capfdbinary, "-o", "back", "--data-binary", "@large", "cgi:prog")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "back").read_bytes() == bytes(4 * 1024 * 1024)
    program(PLAIN + "echo enough\n")
    done = ask(capfdbinary, "--data-binary", "@large", "cgi:prog")
    assert (done.code, done.out, done.err) == (0, b"enough\n", "")
