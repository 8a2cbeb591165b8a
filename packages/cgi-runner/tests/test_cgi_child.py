"""A WSGI application as a CGI program: started here as any web server would start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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
    if path == "/header":
        start_response("200 OK", [("X", "a\r\nSet-Cookie: b")])
        return [b""]
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"nothing"]

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
    return tmp_path


def start(
    folder: Path, *arguments: str, content: bytes = b"", variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "cgi_runner.child", *arguments],
        cwd=folder, input=content, capture_output=True, env=variables or {}, check=False, timeout=30,
    )  # fmt: skip


def request(folder: Path, path: str, content: bytes = b"", **variables: str) -> tuple[Response, bytes, str]:
    more = {"CONTENT_LENGTH": str(len(content))} if content else {}
    done = start(folder, "case:app", content=content, variables={**BASE, "PATH_INFO": path, **more, **variables})
    assert done.returncode == 0, done.stderr
    parser = ResponseParser(head=variables.get("REQUEST_METHOD") == "HEAD")
    parser.receive_data(done.stdout)
    parser.receive_data(b"")
    head, body = parser.next_event(), b""
    assert isinstance(head, Response)
    while not isinstance(event := parser.next_event(), EndOfMessage):
        assert isinstance(event, Data)
        body += event.data
    return head, body, done.stderr.decode()


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


@pytest.mark.parametrize("length", ["x", "-1", "1.5"])
def test_a_length_that_is_no_number(folder: Path, length: str) -> None:
    assert request(folder, "/echo", CONTENT_LENGTH=length)[0].status == 400


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


def test_what_is_printed_goes_to_the_log(folder: Path) -> None:
    _, body, words = request(folder, "/print")
    assert body == b"clean"
    assert "printed" in words
    assert "from a shell" in words


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


def test_check_only_imports(folder: Path) -> None:
    done = start(folder, "--check", "case:app")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_three_lines_make_a_program(folder: Path) -> None:
    program = folder / "prog.py"
    program.write_text("from cgi_runner.child import run\nfrom case import app\nrun(app)\n")
    done = subprocess.run([sys.executable, program], env={**BASE, "PATH_INFO": "/x"}, capture_output=True, check=True)
    assert done.stdout.endswith(b"\r\n\r\nnothing")


@pytest.mark.parametrize("length", [None, 0, 12])
@pytest.mark.parametrize("fields", [[], [("A", "b"), ("Set-Cookie", "é=1"), ("A", "c")]])
def test_the_head_is_the_one_of_the_codec(fields: list[tuple[str, str]], length: int | None) -> None:
    declared = [] if length is None else [("Content-Length", str(length))]
    assert Encoder().head("404 Not Found", fields, length) == encode_head("404 Not Found", [*fields, *declared])


def test_a_program_imports_little(folder: Path) -> None:
    """What a request pays for. Not the network, nor the command line, nor threads, nor the decoders."""
    script = "import sys; from cgi_runner.child import run; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path = {sys.path!r}; {script}"],
                          cwd=folder, capture_output=True, text=True, check=True)  # fmt: skip
    loaded = set(done.stdout.split())
    heavy = {
        "argparse", "asyncio", "email", "http", "json", "logging", "selectors", "signal", "socket", "subprocess",
        "tempfile", "threading", "traceback", "urllib", "urllib.parse",
        "gateway_core.cgi", "gateway_core.environ", "gateway_core.http1",
        "cgi_runner.host", "gateway_runtime.engine", "gateway_runtime.loader",
    }  # fmt: skip
    assert not loaded & heavy
