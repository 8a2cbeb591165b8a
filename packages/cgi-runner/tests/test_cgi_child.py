"""A WSGI application as a CGI program: started here as any web server would start it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgi_runner.child import Encoder
from gateway_core.cgi import ResponseParser, encode_head
from gateway_core.events import Data, EndOfMessage, Response

APP = r"""
import json, os, sys

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/environ":
        shown = {k: v for k, v in environ.items() if isinstance(v, (str, bool, tuple))}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(shown).encode()]
    if path == "/echo":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read()]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter(lambda: environ["wsgi.input"].read(10000), b"")
    if path == "/backwards":
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"x" * 300000)
        write(environ["wsgi.input"].read(7))
        write(b"x" * 300000)
        return [environ["wsgi.input"].read()]
    if path == "/unread":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * 300000]
    if path == "/lines":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"|".join(environ["wsgi.input"])]
    if path == "/print":
        print("printed")
        os.system("echo from a shell")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"clean"]
    if path == "/generator":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"a", b"", b"b"])
    if path == "/write":
        start_response("200 OK", [("Content-Type", "text/plain")])(b"written ")
        return [b"returned"]
    if path == "/none":
        start_response("204 No Content", [])
        return []
    if path == "/before":
        raise ValueError("before the head")
    if path == "/after":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return after()
    if path == "/short":
        start_response("200 OK", [("Content-Length", "10")])
        return [b"short"]
    if path == "/finish":
        start_response("200 OK", [("Content-Type", "text/plain")])(b"all of it")
        environ["gatelab.finish_response"]()
        wait(environ)
        print("worked on")
        return []
    if path == "/wait":
        start_response("200 OK", [("Content-Type", "text/plain")])(b"some")
        wait(environ)
        return []
    if path == "/fields":
        start_response("200 OK", [tuple(field) for field in json.loads(environ["QUERY_STRING"])])
        return [b"fields"]
    if path == "/arguments":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"|".join(os.fsencode(word) for word in sys.argv[1:])]
    if path == "/header":
        start_response("200 OK", [("X", "a\r\nSet-Cookie: b")])
        return [b""]
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"nothing"]

def wait(environ):
    with open(environ["QUERY_STRING"]) as fifo:
        fifo.read()

def after():
    yield b"some"
    raise ValueError("after the head")

class Closing:
    def __iter__(self):
        for _ in range(1000):
            yield b"x" * 100000
    def close(self):
        sys.stderr.write("closed\n")

def large(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Closing()
"""

BASE = {
    "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/prog", "QUERY_STRING": "",
    "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "test/1",
}  # fmt: skip


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    (tmp_path / "case.py").write_text(APP)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "raises.py").write_text("raise RuntimeError('not today')\n")
    (tmp_path / "talks.py").write_text(
        "import os\nprint('hello from the import', flush=True)\nos.system('echo and a shell')\n"
        "from case import app\napplication = app\n"
    )
    return tmp_path


def start(
    folder: Path, *arguments: str, content: bytes = b"", variables: Mapping[str, str | bytes] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "cgi_runner.child", *arguments],
        cwd=folder, input=content, capture_output=True, env=variables or {}, check=False, timeout=30,
    )  # fmt: skip


def request(folder: Path, path: str, content: bytes = b"", **variables: str | bytes) -> tuple[Response, bytes, str]:
    more = {"CONTENT_LENGTH": str(len(content))} if content else {}
    done = start(folder, "case:app", content=content, variables={**BASE, "PATH_INFO": path, **more, **variables})
    assert done.returncode == 0, done.stderr
    return *parsed(done.stdout, head=variables.get("REQUEST_METHOD") == "HEAD"), done.stderr.decode()


def parsed(output: bytes, *, head: bool = False) -> tuple[Response, bytes]:
    """Read the output of a program as our host does: strictly."""
    parser = ResponseParser(head=head)
    parser.receive_data(output)
    parser.receive_data(b"")
    response, body = parser.next_event(), b""
    assert isinstance(response, Response)
    while not isinstance(event := parser.next_event(), EndOfMessage):
        assert isinstance(event, Data)
        body += event.data
    return response, body


@contextmanager
def running(folder: Path, path: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program that waits in its handler, until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "cgi_runner.child", "case:app"],
        cwd=folder, env={**BASE, "PATH_INFO": path, **variables},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/echo", 200, b""),
        ("/generator", 200, b"ab"),
        ("/write", 200, b"written returned"),
        ("/none", 204, b""),
        ("/print", 200, b"clean"),
        ("/nothing", 404, b"nothing"),
    ],
)
def test_responses(folder: Path, path: str, status: int, body: bytes) -> None:
    head, content, _ = request(folder, path)
    assert (head.status, content) == (status, body)


def test_a_known_length_is_told(folder: Path) -> None:
    head, _, _ = request(folder, "/nothing")
    assert ("Content-Length", "7") in head.fields
    head, _, _ = request(folder, "/generator")
    assert "Content-Length" not in dict(head.fields)


@pytest.mark.parametrize("size", [1, 65537, 1 << 20])
def test_echo(folder: Path, size: int) -> None:
    body = os.urandom(size)
    assert request(folder, "/echo", body, REQUEST_METHOD="POST")[1] == body


def test_content_ends_at_content_length(folder: Path) -> None:
    assert request(folder, "/echo", b"12345 more", CONTENT_LENGTH="5", REQUEST_METHOD="POST")[1] == b"12345"
    assert request(folder, "/lines", b"a\nb\nc", REQUEST_METHOD="POST")[1] == b"a\n|b\n|c"


def test_content_that_is_cut_off_is_an_error_of_the_application(folder: Path) -> None:
    head, _, words = request(folder, "/echo", b"123", CONTENT_LENGTH="5", REQUEST_METHOD="POST")
    assert head.status == 500
    assert "ended 2 bytes early" in words


@pytest.mark.parametrize(
    "length",
    ["x", "-1", "+1", "1.5", " 5", "5 ", "5,5", "1_0", "0x5", "\u0665", "9" * 19, "9" * 5000, b"\xff"],
    ids=lambda length: repr(length[:8]),
)
def test_a_length_that_is_no_number(folder: Path, length: str | bytes) -> None:
    assert request(folder, "/echo", b"12345", CONTENT_LENGTH=length)[0].status == 400


@pytest.mark.parametrize(("length", "body"), [("", b""), ("0", b""), ("003", b"123")])
def test_a_length_that_is_one(folder: Path, length: str, body: bytes) -> None:
    assert request(folder, "/echo", b"12345", CONTENT_LENGTH=length)[1] == body


def test_what_stands_behind_the_content_stays_in_the_pipe(folder: Path) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"12345 and what is not for it")
    os.close(theirs)
    done = subprocess.run(
        [sys.executable, "-m", "cgi_runner.child", "case:app"],
        cwd=folder, env={**BASE, "PATH_INFO": "/echo", "CONTENT_LENGTH": "5"}, stdin=ours, capture_output=True,
        check=True, timeout=30,
    )  # fmt: skip
    with os.fdopen(ours, "rb") as rest:
        assert rest.read() == b" and what is not for it"
    assert parsed(done.stdout)[1] == b"12345"


CONTENT = os.urandom(1 << 20)
XS = b"x" * 300_000


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/stream", CONTENT), ("/backwards", XS + CONTENT[:7] + XS + CONTENT[7:]), ("/unread", XS)],
)
def test_a_server_that_writes_all_content_before_it_reads(folder: Path, path: str, expected: bytes) -> None:
    """Apache and fcgiwrap do: a program that waited for its output to be taken would wait for ever."""
    variables = {**BASE, "PATH_INFO": path, "CONTENT_LENGTH": str(len(CONTENT))}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "cgi_runner.child", "case:app"],
        cwd=folder, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(CONTENT)
        process.stdin.close()
        output = process.stdout.read()
        assert process.wait(30) == 0
    assert parsed(output)[1] == expected


@pytest.mark.parametrize(("path", "expected"), [("/nothing", b"nothing"), ("/echo", CONTENT), ("/unread", XS)])
def test_a_server_whose_pipe_is_a_socket(folder: Path, path: str, expected: bytes) -> None:
    """mod_cgid: a socket that is closed with content in it is reset, and the end of the response with it."""
    ours, theirs = socket.socketpair()
    variables = {**BASE, "PATH_INFO": path, "CONTENT_LENGTH": str(len(CONTENT))}
    with ours, subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "cgi_runner.child", "case:app"],
        cwd=folder, env=variables, stdin=theirs, stdout=theirs,
    ) as process:  # fmt: skip
        theirs.close()
        ours.settimeout(30)
        ours.sendall(CONTENT)
        ours.shutdown(socket.SHUT_WR)
        output = b"".join(iter(lambda: ours.recv(65536), b""))
        assert process.wait(30) == 0
    assert parsed(output)[1] == expected


@pytest.mark.parametrize(("coding", "body"), [("chunked", b"12345"), ("Chunked", b"12345"), ("gzip", b""), ("", b"")])
def test_content_in_chunks_without_a_length_goes_to_the_end(folder: Path, coding: str, body: bytes) -> None:
    variables = {"HTTP_TRANSFER_ENCODING": coding, "REQUEST_METHOD": "POST"}
    done = start(folder, "case:app", content=b"12345", variables={**BASE, "PATH_INFO": "/echo", **variables})
    assert parsed(done.stdout)[1] == body


def test_content_that_is_cut_off_while_output_waits(folder: Path) -> None:
    ours, theirs = os.pipe()
    variables = {**BASE, "PATH_INFO": "/backwards", "CONTENT_LENGTH": "100000"}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "cgi_runner.child", "case:app"],
        cwd=folder, env=variables, stdin=ours, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(ours)
        os.write(theirs, b"123456789")
        os.close(theirs)
        output, words = process.communicate(timeout=30)
    assert output.endswith(XS + b"1234567" + XS)
    assert b"ended 99991 bytes early" in words
    assert process.returncode == -signal.SIGTERM


def test_content_may_be_left_unread(folder: Path) -> None:
    head, body, words = request(folder, "/nothing", os.urandom(1 << 20), REQUEST_METHOD="POST")
    assert (head.status, body, words) == (404, b"nothing", "")


def test_environ(folder: Path) -> None:
    _, body, _ = request(
        folder, "/environ", HTTP_PROXY="http://evil/", HTTP_X="ü", HTTPS="on", SSL_CIPHER="x", SECRET="s"
    )
    environ = json.loads(body)
    assert environ["wsgi.run_once"] is True
    assert environ["wsgi.multithread"] is False
    assert environ["wsgi.multiprocess"] is True
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["wsgi.version"] == [1, 0]
    assert environ["gatelab.protocol"] == "CGI"
    assert environ["HTTP_X"] == "ü".encode().decode("latin-1")
    assert environ["SCRIPT_NAME"] == "/prog"
    assert environ["SSL_CIPHER"] == "x"
    assert not {"HTTP_PROXY", "SECRET", "PATH", "LC_CTYPE"} & set(environ)


@pytest.mark.parametrize(
    ("variables", "scheme"),
    [
        ({}, "http"),
        ({"HTTPS": "on"}, "https"),
        ({"HTTPS": "ON"}, "https"),
        ({"HTTPS": "1"}, "https"),
        ({"HTTPS": "off"}, "http"),
        ({"HTTPS": ""}, "http"),
        ({"REQUEST_SCHEME": "https"}, "https"),
        ({"HTTP_HTTPS": "on"}, "http"),
    ],
)
def test_scheme(folder: Path, variables: dict[str, str], scheme: str) -> None:
    assert json.loads(request(folder, "/environ", **variables)[1])["wsgi.url_scheme"] == scheme


def test_bytes_of_the_environment_are_one_character_each(folder: Path) -> None:
    variables = {
        "HTTP_X": b"\xff\xfe",
        "QUERY_STRING": b"\xe9",
        "SCRIPT_NAME": "/caf\u00e9",
        "REMOTE_USER": b"J\xfcrgen",
    }
    environ = json.loads(request(folder, "/environ", **variables)[1])
    assert environ["HTTP_X"] == "\xff\xfe"
    assert environ["QUERY_STRING"] == "\xe9"
    assert environ["SCRIPT_NAME"] == "/caf\xc3\xa9"
    assert environ["REMOTE_USER"] == "J\xfcrgen"


def test_what_apache_says_of_an_internal_redirect_is_there(folder: Path) -> None:
    variables = {"REDIRECT_STATUS": "404", "REDIRECT_URL": "/gone", "REDIRECT_HTTP_PROXY": "x", "UNIQUE_ID": "y"}
    environ = json.loads(request(folder, "/environ", **variables)[1])
    assert (environ["REDIRECT_STATUS"], environ["REDIRECT_URL"]) == ("404", "/gone")
    assert "UNIQUE_ID" not in environ


def test_what_is_printed_goes_to_the_log(folder: Path) -> None:
    _, body, words = request(folder, "/print")
    assert body == b"clean"
    assert "printed" in words
    assert "from a shell" in words


def test_what_is_printed_by_the_import_does_too(folder: Path) -> None:
    done = start(folder, "talks", variables={**BASE, "PATH_INFO": "/nothing"})
    assert parsed(done.stdout)[1] == b"nothing"
    assert done.stderr == b"hello from the import\nand a shell\n"


def test_an_exception_before_the_head_is_500(folder: Path) -> None:
    head, body, words = request(folder, "/before")
    assert head.status == 500
    assert b"before the head" not in body
    assert "ValueError: before the head" in words


@pytest.mark.parametrize("path", ["/after", "/short"])
def test_a_response_that_breaks_off_ends_the_process_by_a_signal(folder: Path, path: str) -> None:
    done = start(folder, "case:app", variables={**BASE, "PATH_INFO": path})
    assert done.returncode == -signal.SIGTERM
    assert done.stdout.endswith(b"some" if path == "/after" else b"short")


def test_a_header_with_a_line_break_is_500(folder: Path) -> None:
    head, _, _ = request(folder, "/header")
    assert head.status == 500
    assert "Set-Cookie" not in dict(head.fields)


@pytest.mark.parametrize(
    "fields",
    [
        [["Status", "200 OK"]],
        [["Content-Type", "text/plain"], ["content-type", "text/html"]],
        [["Location", "/a"], ["Location", "/b"]],
        [["Connection", "close"]],
        [["Transfer-Encoding", "chunked"]],
        [["Content-Length", "6"], ["Content-Length", "6"]],
        [["Content-Length", "+6"]],
        [["Content-Length", "9" * 19]],
        [["X y", "z"]],
        [["", "z"]],
    ],
    ids=str,
)
def test_fields_that_are_not_the_program_s_to_send_are_500(folder: Path, fields: list[list[str]]) -> None:
    head, body, words = request(folder, "/fields", QUERY_STRING=json.dumps(fields))
    assert (head.status, b"Internal Server Error" in body) == (500, True)
    assert "ApplicationError" in words


def test_head_has_no_content(folder: Path) -> None:
    done = start(folder, "case:app", variables={**BASE, "PATH_INFO": "/nothing", "REQUEST_METHOD": "HEAD"})
    assert done.stdout.endswith(b"\r\n\r\n")
    assert b"Content-Length: 7" in done.stdout


def test_the_server_goes_away_in_the_middle(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "cgi_runner.child", "case:large"],
        cwd=folder, env=BASE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10) == b"Status: 20"
    process.stdout.close()
    assert process.stderr.read() == b"closed\n"
    process.stderr.close()
    assert process.wait(20) == 0


def test_a_response_may_end_before_its_program(folder: Path) -> None:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    with running(folder, "/finish", QUERY_STRING=str(fifo)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert parsed(process.stdout.read())[1] == b"all of it"  # end of file, while the program waits
        assert process.poll() is None
        fifo.write_text("go on")
        assert process.stderr.read() == b"worked on\n"
        assert process.wait(30) == 0


def test_a_program_that_is_told_to_end_does_at_once_and_leaves_nothing(folder: Path) -> None:
    fifo, temporary = folder / "fifo", folder / "tmp"
    os.mkfifo(fifo)
    temporary.mkdir()
    with running(folder, "/wait", QUERY_STRING=str(fifo), TMPDIR=str(temporary)) as process:
        assert process.stdout is not None
        assert process.stdout.read(10) == b"Status: 20"
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
        assert process.stdout.read().endswith(b"some")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("closed", "body", "words"),
    [
        ("<&-", b"clean", b"from a shell\nprinted\n"),
        ("2>&-", b"clean", b""),
        (">&-", b"", b"from a shell\n"),  # there is nowhere to print to, either
        ("<&- >&- 2>&-", b"", b""),
    ],
)
def test_a_server_that_closes_descriptors(folder: Path, closed: str, body: bytes, words: bytes) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "cgi_runner.child", "case:app"],
        cwd=folder, env={**BASE, "PATH_INFO": "/print"}, capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, words)
    assert body == (parsed(done.stdout)[1] if done.stdout else b"")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["case:app"], "this is a CGI program"),
        ([], "usage:"),
        (["--help"], "usage:"),
        (["--check"], "usage:"),
        (["case:app", "x"], "usage:"),
        (["--check", "nowhere:app"], "no module 'nowhere'"),
        (["--check", "case:nothing"], "has no 'nothing'"),
        (["--check", "case:json"], "cannot be called"),
        (["--check", "broken:app"], "needs 'nothing_of_this_name'"),
        (["--check", "raises:app"], "RuntimeError: not today"),
        (["--check", ":app"], "does not name an application"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(folder: Path, arguments: list[str], sentence: str) -> None:
    done = start(folder, *arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    words = done.stderr.decode()
    assert words.count("\n") == 1
    assert sentence in words


@pytest.mark.parametrize("spec", ["nowhere:app", "raises:app", "case:nothing"])
def test_an_application_that_cannot_be_loaded_is_500(folder: Path, spec: str) -> None:
    done = start(folder, spec, variables=BASE)
    head, body = parsed(done.stdout)
    assert (head.status, done.returncode) == (500, 2)
    assert b"cannot be loaded" in body
    assert done.stderr.startswith(b"cgi_runner.child: ")
    assert done.stderr.count(b"\n") == 1


def test_check_only_imports(folder: Path) -> None:
    done = start(folder, "--check", "case:app")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_three_lines_make_a_program(folder: Path) -> None:
    program = folder / "prog.py"
    program.write_text("from cgi_runner.child import run\nfrom case import app\nrun(app)\n")
    for words in ([], ["--help"], ["--check", "nowhere:app"]):  # an old server passes on what the query says
        done = subprocess.run(
            [sys.executable, program, *words],
            env={**BASE, "PATH_INFO": "/arguments"}, cwd="/", capture_output=True, check=True, timeout=30,
        )  # fmt: skip
        assert parsed(done.stdout)[1] == "|".join(words).encode()


@pytest.mark.parametrize("length", [None, 0, 12])
@pytest.mark.parametrize("fields", [[], [("A", "b"), ("Set-Cookie", "é=1"), ("A", "c")]])
def test_the_head_is_the_one_of_the_codec(fields: list[tuple[str, str]], length: int | None) -> None:
    declared = [] if length is None else [("Content-Length", str(length))]
    assert Encoder().head("404 Not Found", fields, length) == encode_head("404 Not Found", [*fields, *declared])


OURS = {
    "cgi_runner", "cgi_runner.child", "cgi_runner.variables",
    "gateway_core", "gateway_core.errors", "gateway_core.file_wrapper", "gateway_core.response",
    "gateway_core.response_checks",
}  # fmt: skip


def test_a_program_imports_little(folder: Path) -> None:
    """What each request pays for beyond a bare Python. Whoever adds to this list makes every request slower."""
    (folder / "bare.py").write_text(
        "import sys\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [' '.join(sys.modules).encode()]\n"
    )
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], env=BASE, capture_output=True, text=True, check=True
    )
    done = subprocess.run(
        [sys.executable, "-c", "from cgi_runner.child import main; main()", "bare:app"],
        cwd=folder, env={**BASE, "PATH_INFO": "/"}, capture_output=True, check=True,
    )  # fmt: skip
    more = set(parsed(done.stdout)[1].decode().split()) - set(bare.stdout.split())
    assert more == {*OURS, "__future__", "bare", "gc"}
