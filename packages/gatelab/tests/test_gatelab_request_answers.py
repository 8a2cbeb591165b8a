"""`gatelab request` against backends that follow a script: good answers, bad ones, none."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from fastcgi_server import records
from gatelab import request_output
from gatelab_request_samples import Backend, ask, start

FULL = bytes(range(256)) * 4


def reading(answer):
    """Return a script: read something, answer, close once the peer has."""

    def script(sock):
        sock.recv(65536)
        sock.sendall(answer)

    return script


def http(content=b"hello\n", status="200 OK", fields="", length=None):
    head = f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(content) if length is None else length}\r\n\r\n"
    return head.encode() + content


def fastcgi(stdout=b"Content-Type: text/plain\r\n\r\nhello\n", stderr=b"", end=(0, 0)):
    streams = records.encode_stream(records.STDERR, 1, stderr) + records.encode_stream(records.STDOUT, 1, stdout)
    return streams + records.encode_end(1, *end)


CGI = b"Status: 418 I'm a teapot\r\nContent-Type: text/plain\r\n\r\nshort and stout\n"


@pytest.mark.parametrize(
    ("scheme", "answer", "head"),
    [
        ("http", http(fields="X: 1\r\nConnection: close\r\n"), b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 6\r\n\r\n"),
        ("uwsgi", http(status="404 Nix"), b"HTTP/1.1 404 Nix\r\nContent-Length: 6\r\n\r\n"),
        ("fastcgi", fastcgi(), b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"),
        ("scgi", b"X: y\n\nhello\n", b"Status: 200 OK\r\nX: y\r\n\r\n"),
    ],
)
def test_an_answer(capfdbinary, tmp_path, scheme, answer, head):
    with Backend(reading(answer)) as backend:
        done = ask(capfdbinary, "-i", f"{scheme}://{backend.place}/")
    assert (done.code, done.out, done.err) == (0, head + b"hello\n", "")
    with Backend(reading(answer), tmp_path / "a") as backend:
        done = ask(capfdbinary, f"{scheme}+unix:{tmp_path}/a:/")
    assert (done.code, done.out, done.err) == (0, b"hello\n", "")


def test_head_asks_for_no_content_and_prints_the_head(capfdbinary):
    with Backend(reading(http(b"", length=99))) as backend:
        done = ask(capfdbinary, "-I", f"http://{backend.place}/")
    assert (done.code, done.out) == (0, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")


@pytest.mark.parametrize(
    ("scheme", "answer", "code", "said"),
    [
        ("http", b"", 52, "it closed without an answer: does it speak HTTP?"),
        ("fastcgi", b"", 52, "it closed without an answer: does it speak FastCGI?"),
        ("http", b"HTTP/1.1 200 OK\r\nX: ", 8, "the answer is not HTTP: the connection ended in the middle of"),
        ("http", http(length=9), 18, "the answer breaks off: the connection ended in the middle of"),
        (
            "scgi",
            b"Content-Length: 9\n\nhello\n",
            18,
            "breaks off: not a response: the output ended 3 bytes",
        ),
        ("fastcgi", fastcgi()[:-16], 18, "the answer breaks off: the application closed before the end"),
        ("fastcgi", b"\1\6", 8, "the answer is not FastCGI: the application closed before the end"),
        ("fastcgi", http(), 8, "it answers in HTTP, not in FastCGI: change the scheme of the URL"),
        ("scgi", http(), 8, "it answers in HTTP, not in SCGI: change the scheme of the URL"),
        ("http", fastcgi(), 8, "it answers in FastCGI, not in HTTP: change the scheme of the URL"),
        ("uwsgi", fastcgi(), 8, "it answers in FastCGI, not in uwsgi: change the scheme of the URL"),
        ("http", CGI, 8, "the answer is not HTTP: the response does not begin with a status line"),
        ("scgi", CGI[:20], 8, "the answer is not SCGI: not a response: the output ended before the blank line"),
        ("scgi", b"Status: 20\n\n", 8, "'20' is not a status from 200 to 599"),
        ("uwsgi", FULL, 8, "the answer is not uwsgi: "),
        ("scgi", FULL, 8, "the answer is not SCGI: "),
        ("fastcgi", FULL, 8, "the answer is not FastCGI: "),
        ("http", FULL, 8, "the answer is not HTTP: "),
        ("fastcgi", records.encode_end(1, 0, records.OVERLOADED), 8, "OVERLOADED"),
        ("fastcgi", records.encode_end(1, 0, records.UNKNOWN_ROLE), 8, "UNKNOWN_ROLE"),
        ("fastcgi", records.encode_record(records.STDOUT, 7, b"x"), 8, "request id 7, which was not asked for"),
    ],
)
def test_a_bad_answer(capfdbinary, scheme, answer, code, said):
    with Backend(reading(answer)) as backend:
        url = f"{scheme}://{backend.place}/"
        done = ask(capfdbinary, url)
    assert done.code == code
    assert done.err.startswith(f"gatelab: {url}: ")
    assert said in done.err
    assert done.err.count("\n") == 1
    with Backend(reading(answer)) as backend:
        document = ask(capfdbinary, "--json", f"{scheme}://{backend.place}/").json
    assert document["exit_code"] == code
    assert said in document["error"]


VALUES = records.encode_record(
    records.GET_VALUES_RESULT, 0, records.encode_pairs([("FCGI_MAX_CONNS", "4"), ("FCGI_MPXS_CONNS", "1")])
)
UNKNOWN = records.encode_record(records.UNKNOWN_TYPE, 0, b"\x09" + bytes(7))


@pytest.mark.parametrize(
    ("scheme", "option", "answer", "code", "out", "said"),
    [
        ("uwsgi", "--ping", b"\x64\0\0\1", 0, b"pong\n", ""),
        ("uwsgi", "--ping", b"\x64\0", 8, b"", "the pong breaks off"),
        ("uwsgi", "--ping", b"HTTP/1.1 400 Bad Request\r\n\r\n", 8, b"", "a pong is 64 00 00 01, and other bytes came"),
        ("uwsgi", "--ping", b"", 52, b"", "it closed without an answer: does it speak uwsgi?"),
        ("fastcgi", "--values", VALUES, 0, b"FCGI_MAX_CONNS=4\nFCGI_MPXS_CONNS=1\n", ""),
        ("fastcgi", "--values", VALUES[:9], 8, b"", "the application closed before the end"),
        (
            "fastcgi",
            "--values",
            records.encode_record(records.UNKNOWN_TYPE, 0, b"\x09" + bytes(7)),
            8,
            b"",
            "UNKNOWN_TYPE",
        ),
        ("fastcgi", "--values", http(), 8, b"", "it answers in HTTP, not in FastCGI"),
    ],
)
def test_a_question_that_needs_no_request(capfdbinary, scheme, option, answer, code, out, said):
    with Backend(reading(answer)) as backend:
        done = ask(capfdbinary, option, f"{scheme}://{backend.place}/")
    assert (done.code, done.out) == (code, out)
    assert said in done.err
    with Backend(reading(answer)) as backend:
        document = ask(capfdbinary, option, "--json", f"{scheme}://{backend.place}/").json
    assert (document["body"] or "", document["status"]) == (out.decode(), None)


def test_other_roles_of_fastcgi(capfdbinary, tmp_path):
    (tmp_path / "file").write_bytes(b"to be filtered\n" * 10_000)
    os.utime(tmp_path / "file", (1_000_000_000, 1_000_000_000))
    for options, role, end in (
        (["--authorizer"], records.AUTHORIZER, (records.STDIN, b"")),
        (["--filter", tmp_path / "file", "-d", "a=b"], records.FILTER, (records.DATA, b"")),
    ):
        came = []

        def script(sock, end=end, came=came):
            data = b""
            while not came or came[-1] != end:
                data += sock.recv(65536)
                came[:] = []
                reader = records.RecordReader()
                reader.receive(data)
                while record := reader.next():
                    came.append((record.type, record.content))
            sock.sendall(fastcgi(b"Status: 200 OK\r\nVariable-REMOTE_USER: ada\r\n\r\n"))

        with Backend(script) as backend:
            done = ask(capfdbinary, "-i", *options, f"fastcgi://{backend.place}/a")
        assert (done.code, done.out) == (0, b"Status: 200 OK\r\nVariable-REMOTE_USER: ada\r\n\r\n")
        assert records.decode_begin(came[0][1])[0] == role
        variables = dict(records.decode_pairs(b"".join(content for kind, content in came if kind == records.PARAMS)))
        streams = {kind: b"".join(content for one, content in came if one == kind) for kind, _ in came}
        if role == records.AUTHORIZER:
            assert {"CONTENT_LENGTH", "SCRIPT_NAME"} & set(variables) == set()
        else:
            assert (variables["FCGI_DATA_LENGTH"], variables["FCGI_DATA_LAST_MOD"]) == ("150000", "1000000000")
            assert (streams[records.STDIN], streams[records.DATA]) == (b"a=b", (tmp_path / "file").read_bytes())


def test_a_connection_that_breaks(capfdbinary):
    def script(sock):
        sock.recv(65536)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset

    with Backend(script) as backend:
        done = ask(capfdbinary, f"scgi://{backend.place}/")
    assert done.code == 56
    assert "the connection broke before an answer: does it speak SCGI? (Connection reset by peer)" in done.err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "there was no answer within 0.3 s"),
        (b"HTTP/1.1 200", "the head of the answer was not complete within 0.3 s"),
        (http(length=9), "the answer was not complete within 0.3 s"),
    ],
)
def test_a_backend_that_hangs(capfdbinary, answer, said):
    def script(sock):
        sock.sendall(answer)
        while sock.recv(65536):
            pass

    with Backend(script) as backend:
        done = ask(capfdbinary, "-m", "0.3", f"http://{backend.place}/")
    assert done.code == 28
    assert said in done.err


def test_a_backend_that_does_not_accept(capfdbinary):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        for _ in range(4):  # fill the queue
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        done = ask(capfdbinary, "--connect-timeout", "0.05", f"scgi://127.0.0.1:{listener.getsockname()[1]}/")
    assert done.code == 28
    assert "no connection within 0.05 s" in done.err


def test_a_name_server_that_does_not_answer(capfdbinary, monkeypatch):
    over = threading.Event()

    def silence(*_, **__):
        over.wait(20)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", silence)
    done = ask(capfdbinary, "-m", "0.05", "scgi://museum.test:4000/")
    over.set()
    assert done.code == 28
    assert "museum.test:4000: no connection within 0.05 s" in done.err


def test_a_backend_with_a_full_queue(capfdbinary, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(tmp_path / "a"))
        listener.listen(0)
        first.connect(str(tmp_path / "a"))
        done = ask(capfdbinary, "--connect-timeout", "0.05", f"scgi+unix:{tmp_path}/a")
    assert done.code in (7, 28)  # Linux says so at once
    assert "its queue is full" in done.err or "no connection within" in done.err


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("+unix:{}/none:/", 7, "there is no such socket"),
        ("+unix:{}:/", 7, "nobody listens there"),
        ("://127.0.0.1:1/", 7, "127.0.0.1:1: nobody listens there"),
        ("://no.such.host.invalid:80/", 6, "nobody knows the host 'no.such.host.invalid'"),
        ("://" + "x" * 64 + ":80/", 6, "nobody knows the host"),
    ],
)
def test_nobody_there(capfdbinary, tmp_path, place, code, said):
    done = ask(capfdbinary, "scgi" + place.format(tmp_path))
    assert (done.code, done.out) == (code, b"")
    assert said in done.err


def test_an_answer_before_the_whole_request_is_read(capfdbinary, tmp_path):
    """It refuses a large upload after the head, and reads no more of it."""
    with (tmp_path / "large").open("wb") as large:
        large.truncate(64 * 1024 * 1024)  # far more than the kernel takes for somebody who does not read
    with Backend(reading(http(status="413 Content Too Large"))) as backend:
        done = ask(capfdbinary, "--json", "--data-binary", f"@{tmp_path}/large", f"http://{backend.place}/")
    assert done.code == 0 or "reset" in done.err  # the kernel may take the answer back with a reset
    if not done.code:
        assert done.json["status"] == 413
        assert done.json["timings_ms"]["sent"] is None
        assert done.json["bytes"]["sent"] < 64 * 1024 * 1024


def test_both_ways_at_once(capfdbinary, tmp_path):
    """A backend that answers while it reads, with more than sockets hold, and takes no more until that is read."""
    (tmp_path / "large").write_bytes(bytes(8 * 1024 * 1024))

    def script(sock):
        sock.recv(1)
        sock.sendall(http(b"", length=8 * 1024 * 1024))
        left = 8 * 1024 * 1024
        while left and (data := sock.recv(65536)):
            data = data[:left]
            sock.sendall(data)
            left -= len(data)

    with Backend(script) as backend:
        done = ask(
            capfdbinary,
            "-m",
            "20",
            "-o",
            tmp_path / "b",
            "--data-binary",
            f"@{tmp_path}/large",
            f"http://{backend.place}/",
        )
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "b").stat().st_size == 8 * 1024 * 1024


def test_the_error_stream_cannot_command_the_terminal(capfdbinary):
    words = b"one\ntwo\t\x1b[2J\xc3\xa9\r\nlast"
    with Backend(reading(fastcgi(stderr=words))) as backend:
        done = ask(capfdbinary, f"fastcgi://{backend.place}/")
    assert (done.code, done.out) == (0, b"hello\n")
    assert done.err == "one\ntwo\t\\x1b[2J\\xc3\\xa9\nlast\n"
    with Backend(reading(fastcgi(stderr=words))) as backend:
        done = ask(capfdbinary, "--json", f"fastcgi://{backend.place}/")
    assert done.json["stderr"] == "one\ntwo\t\\x1b[2J\\xc3\\xa9\nlast"
    assert done.err == ""


def test_arguments_that_are_no_text(capfdbinary, tmp_path):
    sent = []

    def script(sock):
        sent.append(sock.recv(65536))
        sock.sendall(fastcgi())

    with Backend(script) as backend:
        url = f"fastcgi://{backend.place}/\udcff"
        done = ask(capfdbinary, "--json", "--root", "/é\udcfe", "-H", "X: \udcfd", "-d", "\udcfc", url)
    assert (done.code, done.json["url"]) == (0, url)
    for part in ("/é".encode() + b"\xfe/\xff", b"\xfd", b"\xfc", b"/%FF"):
        assert part in sent[0]


def test_a_field_that_no_front_passes_on(capfdbinary):
    with Backend(reading(fastcgi())) as backend:
        done = ask(capfdbinary, "-H", "Proxy: x", "-H", "X-Y: z", f"fastcgi://{backend.place}/")
    assert done.err == "gatelab: no front makes a variable of the field Proxy, so it is left out; --param can set one\n"


def test_silence(capfdbinary):
    with Backend(reading(fastcgi(stderr=b"words")[:-16])) as backend:
        done = ask(capfdbinary, "-s", "-H", "Proxy: x", f"fastcgi://{backend.place}/")
    assert (done.code, done.out, done.err) == (18, b"hello\n", "")


def test_fail(capfdbinary, tmp_path):
    (tmp_path / "kept").write_text("as it was")
    for option, out in ([], b""), (["-o", tmp_path / "kept"], b""):
        with Backend(reading(CGI)) as backend:
            done = ask(capfdbinary, "-f", *option, f"scgi://{backend.place}/")
        assert (done.code, done.out) == (22, out)
        assert "the status is 418 I'm a teapot" in done.err
    assert (tmp_path / "kept").read_text() == "as it was"
    with Backend(reading(CGI)) as backend:
        document = ask(capfdbinary, "-f", "--json", f"scgi://{backend.place}/").json
    assert (document["exit_code"], document["body"]) == (22, "short and stout\n")
    with Backend(reading(http())) as backend:
        assert ask(capfdbinary, "-f", f"http://{backend.place}/").code == 0


def test_json(capfdbinary):
    with Backend(reading(http("é\n".encode(), fields="X: é\r\nX: 2\r\n"))) as backend:
        url = f"http://{backend.place}/a?b"
        done = ask(capfdbinary, "--json", "-d", "abc", url)
    assert (done.code, done.err, done.out.count(b"\n")) == (0, "", 1)
    document = done.json
    times = document.pop("timings_ms")
    assert list(times.values()) == sorted(times.values())
    assert document.pop("bytes")["body"] == 3
    assert document == {
        "url": url,
        "protocol": "HTTP",
        "status": 200,
        "reason": "OK",
        "fields": [["X", "Ã©"], ["X", "2"], ["Content-Length", "3"]],
        "body": "é\n",
        "encoding": "utf-8",
        "stderr": "",
        "error": None,
        "exit_code": 0,
    }


def test_json_of_what_is_no_text(capfdbinary, tmp_path):
    with Backend(reading(http(FULL))) as backend:
        document = ask(capfdbinary, "--json", f"http://{backend.place}/").json
    assert document["encoding"] == "base64"
    assert len(document["body"]) == 4 * -(-len(FULL) // 3)
    with Backend(reading(http(FULL))) as backend:
        document = ask(capfdbinary, "--json", "-o", tmp_path / "a", f"http://{backend.place}/").json
    assert (document["body"], document["encoding"], document["bytes"]["body"]) == (None, None, len(FULL))
    assert (tmp_path / "a").read_bytes() == FULL


def test_json_of_too_much(capfdbinary, monkeypatch):
    monkeypatch.setattr(request_output, "JSON_BODY_MAX", 1 << 20)
    with Backend(reading(http(bytes((1 << 20) + 1)))) as backend:
        done = ask(capfdbinary, "--json", f"http://{backend.place}/")
    assert (done.code, done.json["status"]) == (63, 200)
    assert "longer than 1 MiB: write it to a file with -o" in done.json["error"]


def test_timing(capfdbinary):
    with Backend(reading(http())) as backend:
        done = ask(capfdbinary, "--timing", f"http://{backend.place}/")
    times, amounts = done.err.strip().split("; ")
    assert [part.rpartition(" ")[0] for part in times.split(", ")] == ["connect", "sent", "first byte", "head", "total"]
    assert amounts.endswith(" bytes sent, 44 received")


@pytest.mark.parametrize("where", ["none/a", "."])
def test_a_file_that_cannot_be_written(capfdbinary, tmp_path, where):
    with Backend(reading(http())) as backend:
        done = ask(capfdbinary, "-o", tmp_path / where, f"http://{backend.place}/")
    assert done.code == 23
    assert f"{tmp_path / where}: " in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http//x"], "'http//x' is not a URL"),
        (["-H", "x", "http://x"], "-H 'x' is not a field"),
        (["-d", "a", "--data-binary", "b", "http://x"], "from -d or from --data-binary, not from both"),
        (["--root", "/a", "--script-name", "/b", "fastcgi://x:1"], "the path cannot be both"),
        (["--param", "A=b", "http://x"], "use -H for a field"),
        (["--root", "/a", "http://x"], "leave --root and --script-name out"),
        (["--script-name", "", "cgi:/bin/true"], "leave --root and --script-name out"),
        (["-X", "A B", "http://x:1"], "method or target has a character that no request line may have"),
        (["--param", "A=" + "x" * 70000, "uwsgi://x:1"], "A is longer than 65535 bytes"),
        (["--param", "CONTENT_LENGTH=3", "scgi://x:1"], "the content has 0 bytes, CONTENT_LENGTH promises 3"),
        (["--ping", "fastcgi://x:1"], "--ping is a question to uwsgi, not to fastcgi"),
        (["--values", "cgi:/bin/true"], "--values is a question to fastcgi, not to cgi"),
        (["--filter", "x", "scgi://x:1"], "--filter is a question to fastcgi, not to scgi"),
        (["--authorizer", "--values", "fastcgi://x:1"], "there can be one"),
        (["--authorizer", "-d", "x", "fastcgi://x:1"], "an authorizer gets no content"),
        (["--param", "A", "scgi://x:1"], "there is no such variable to remove"),
    ],
)
def test_a_mistake(capfdbinary, arguments, said):
    done = ask(capfdbinary, *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, b"", 1)
    assert said in done.err


def on_a_terminal(stream, *arguments, **environment):
    """Run the command with one of its streams on a terminal; return what stands there, and the exit code."""
    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "COLUMNS")}
    started = start(*arguments, env={**environ, "TERM": "xterm-256color", **environment}, **{stream: theirs})
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # Linux's way to say that nobody has the other end any more
        pass
    os.close(ours)
    started.communicate(timeout=30)
    return shown, started.returncode


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_every_byte_in_colour(environment):
    with Backend(reading(fastcgi())) as backend:
        shown, code = on_a_terminal("stderr", "-v", f"fastcgi://{backend.place}/", **environment)
    assert code == 0
    assert b"> 1: BEGIN_REQUEST, responder" in shown
    assert b"REQUEST_METHOD" in shown
    assert b"< 1: END_REQUEST, REQUEST_COMPLETE" in shown
    assert (b"\x1b[3" in shown) == (not environment)  # colours
    assert b"hello\n" not in shown


@pytest.mark.parametrize(
    ("scheme", "answer", "lines"),
    [
        ("http", http(), ["> request head", "< response head"]),
        ("uwsgi", http(), ["> packet, WSGI request", "< response head"]),
        ("scgi", CGI, ["> netstring", "< response head"]),
        ("fastcgi", http(), ["> 1: PARAMS", "< undecoded", "it answers in HTTP"]),
        ("scgi", b"", ["> netstring", "it closed without an answer"]),
    ],
)
def test_every_byte(capfdbinary, scheme, answer, lines):
    with Backend(reading(answer)) as backend:
        done = ask(capfdbinary, "-v", f"{scheme}://{backend.place}/path")
    assert [line for line in lines if line not in done.err] == []
    assert "\x1b" not in done.err
    hexadecimal = "".join(re.findall(r"^  ((?:[0-9a-f]{2} )+)", done.err, re.MULTILINE))
    assert b"/path".hex(" ") in hexadecimal.replace("  ", " ")


@pytest.mark.parametrize(
    ("option", "content", "code", "shown"),
    [
        ([], FULL, 23, b""),
        (["-o", "-"], b"\0\1\2", 0, b"\0\1\2"),
        ([], "é\t".encode(), 0, "é\t".encode()),
    ],
)
def test_what_may_be_shown_on_a_terminal(option, content, code, shown):
    with Backend(reading(http(content))) as backend:
        assert on_a_terminal("stdout", *option, f"http://{backend.place}/") == (shown, code)


def test_a_reader_who_has_enough():
    def script(sock):
        sock.recv(65536)
        sock.sendall(http(b"", length=10**9))
        while True:
            sock.sendall(b"line\n" * 1000)

    with Backend(script) as backend:
        started = start(f"http://{backend.place}/")
        assert started.stdout.read(5) == b"line\n"
        started.stdout.close()
        assert started.wait(30) == 23
        assert started.stderr.read() == b""
        started.stderr.close()


@pytest.mark.parametrize(
    ("options", "closed", "code", "left"),
    [
        ("", ">&-", 23, "standard output is closed"),
        ("--json", ">/dev/full", 23, "the answer cannot be written: No space left on device"),
        ("-f", "2>&-", 0, "hello\n"),
        ("-v --timing", "2>/dev/full", 0, "hello\n"),
        ("-v --timing", "2> >(:)", 0, "hello\n"),
    ],
)
def test_streams_that_take_nothing(options, closed, code, left):
    """The answer matters, and what is said beside it does not."""
    with Backend(reading(http())) as backend:
        line = f"{sys.executable} -W error -m gatelab request {options} http://{backend.place}/ {closed}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, left in done.stdout + done.stderr) == (code, True)
    assert "Traceback" not in done.stderr


def test_an_interrupt():
    def script(sock):
        sock.sendall(http(b"begun", length=9))
        while sock.recv(65536):
            pass

    with Backend(script) as backend:
        started = start("--json", "-o", "/dev/stderr", f"http://{backend.place}/")
        assert started.stderr.read(5) == b"begun"
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=30)
    assert (started.returncode, err) == (130, b"")
    assert json.loads(out)["error"] == "interrupted"
