"""What each experiment does to the answer and to the process."""

import hashlib
import io
import json
import os
import time

import pytest

from demo_app import app, bodies, experiments


def test_hello_is_fourteen_constant_bytes(ask):
    answer = ask("/hello")
    assert answer.body == b"Hello, world!\n"
    assert answer.headers == [("Content-Type", "text/plain"), ("Content-Length", "14")]


def test_hello_gives_the_server_a_list_of_its_own(ask):
    ask("/hello").headers.clear()
    assert ask("/hello").one("Content-Length") == "14"


def test_environ_lists_every_variable_sorted(ask):
    lines = ask("/environ?a=%20b", HTTP_X_THING="höst".encode().decode("latin-1")).text.splitlines()
    keys = [line.partition(" = ")[0] for line in lines]
    assert keys == sorted(keys)
    assert "QUERY_STRING = 'a=%20b'" in lines
    assert "wsgi.version = (1, 0)" in lines
    assert any(line.startswith("HTTP_X_THING = ") for line in lines)


def test_environ_as_json(ask):
    answer = ask("/environ?format=json")
    assert answer.one("Content-Type") == "application/json"
    found = json.loads(answer.body)
    assert found["REQUEST_METHOD"] == "GET"
    assert found["wsgi.multiprocess"] is True
    assert found["wsgi.version"] == [1, 0]


def test_environ_keeps_the_process_environment_to_itself(ask, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "swordfish")
    assert "swordfish" not in ask("/environ").text
    # as a server does that merges its own environment in, such as wsgiref's
    merged = {"DATABASE_PASSWORD": "swordfish", "HTTP_X": "kept"}
    text = ask("/environ", **merged).text
    assert "swordfish" not in text
    assert "HTTP_X = 'kept'" in text
    # under CGI that environment is the request
    assert "swordfish" in ask("/environ", **merged, **{"wsgi.run_once": True}).text


BODIES = [b"x", b"\0\xff\r\n" * 7, b"a" * bodies.BLOCK, b"b" * (bodies.BLOCK * 2 + 1)]


@pytest.mark.parametrize("body", BODIES, ids=len)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_echo_sends_the_body_back(ask, method, body):
    answer = ask("/echo", method, body, CONTENT_TYPE="image/x-thing; a=b")
    assert answer.code == 200
    assert answer.body == body
    assert answer.one("Content-Type") == "image/x-thing; a=b"
    assert answer.one("Content-Length") == str(len(body))
    assert max(map(len, answer.chunks)) <= bodies.BLOCK


@pytest.mark.parametrize("length", [None, "", "0"])
def test_echo_of_nothing_is_nothing(ask, length):
    answer = ask("/echo", "POST", CONTENT_LENGTH=length, **{"wsgi.input": io.BytesIO(b"the next request")})
    assert answer.body == b""
    assert answer.one("Content-Length") == "0"
    assert answer.one("Content-Type") == "application/octet-stream"


def test_echo_stops_at_the_content_length(ask):
    stream = io.BytesIO(b"mine" + b"the next request")
    assert ask("/echo", "POST", CONTENT_LENGTH="4", **{"wsgi.input": stream}).body == b"mine"
    assert stream.tell() == 4


def test_echo_of_a_chunked_body_has_no_length(ask):
    extra = {"wsgi.input": io.BytesIO(b"to the end"), "wsgi.input_terminated": True}
    answer = ask("/echo", "POST", **extra)
    assert answer.body == b"to the end"
    assert answer.all("Content-Length") == []


def test_echo_streams_as_the_body_comes():
    """The first block is out before the last has been read."""
    read = []

    class Slow(io.BytesIO):
        def read(self, size=-1):
            block = super().read(min(size, 3))
            read.append(block)
            return block

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/echo",
        "CONTENT_LENGTH": "6",
        "wsgi.input": Slow(b"onetwo"),
    }
    answer = iter(app(environ, lambda status, headers: None))
    assert next(answer) == b"one"
    assert read == [b"one"]
    assert list(answer) == [b"two"]


@pytest.mark.parametrize("length", ["+5", "5_0", " 5", "5 5", "0x5", "٣"])
@pytest.mark.parametrize("target", ["/echo", "/guestbook", "/upload"])
def test_a_content_length_that_is_no_number_is_400(target, length):
    """Without the validator: it would stop this environ itself."""
    started = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": target,
        "CONTENT_LENGTH": length,
        "CONTENT_TYPE": "multipart/form-data; boundary=x"
        if target == "/upload"
        else "application/x-www-form-urlencoded",
        "wsgi.input": io.BytesIO(b"12345"),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    list(app(environ, lambda status, headers: started.append(status)))
    assert started == ["400 Bad Request"]


@pytest.mark.parametrize("kind", ["text/plain\r\nX-Evil: 1", "\0", "a\tb", "\x7f"])
def test_echo_does_not_repeat_a_type_with_control_characters(ask, kind):
    assert ask("/echo", "POST", b"x", CONTENT_TYPE=kind).one("Content-Type") == "application/octet-stream"


def multipart(*parts: tuple[str, str | None, bytes], boundary: str = "frontier") -> bytes:
    body = b""
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


MULTIPART = "multipart/form-data; boundary=frontier"
PARTS = [
    ("note", None, "Grüße".encode()),
    ("file", "a.bin", bytes(range(256)) * 1000),
    ("file", "ü.txt", b""),
]


@pytest.mark.parametrize("chunked", [False, True])
def test_upload_describes_each_part_in_order(ask, chunked):
    body = multipart(*PARTS)
    if chunked:
        more = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
        answer = ask("/upload", "POST", CONTENT_TYPE=MULTIPART, **more)
    else:
        answer = ask("/upload", "POST", body, CONTENT_TYPE=MULTIPART)
    assert answer.code == 200
    assert json.loads(answer.body) == [
        {"name": name, "filename": filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, filename, content in PARTS
    ]


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("text/plain", b"x", 415),
        (None, b"x", 415),
        ("multipart/mixed; boundary=frontier", b"x", 415),
        ("multipart/form-data", b"x", 400),
        (MULTIPART, b"", 400),
        (MULTIPART, b"--frontier\r\n", 400),
        (MULTIPART, multipart(*PARTS)[:-8], 400),
        (MULTIPART, b"--frontier\r\nX: 1\r\n\r\nno name\r\n--frontier--\r\n", 400),
        (MULTIPART, multipart(*[("a", None, b"")] * (bodies.MAX_PARTS + 1)), 413),
    ],
)
def test_upload_refuses_what_is_not_such_a_form(ask, kind, body, code):
    answer = ask("/upload", "POST", body, CONTENT_TYPE=kind)
    assert answer.code == code
    assert "Traceback" not in answer.text


def test_upload_refuses_a_large_form_before_it_reads_it(ask):
    stream = io.BytesIO(b"x")
    length = str(bodies.MAX_UPLOAD + 1)
    answer = ask("/upload", "POST", CONTENT_TYPE=MULTIPART, CONTENT_LENGTH=length, **{"wsgi.input": stream})
    assert answer.code == 413
    assert stream.tell() == 0


def test_upload_stops_reading_a_chunked_form_that_grows_too_large(ask, monkeypatch):
    monkeypatch.setattr(bodies, "MAX_UPLOAD", 100_000)
    body = multipart(("file", "big", b"x" * 500_000))
    more = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    assert ask("/upload", "POST", CONTENT_TYPE=MULTIPART, **more).code == 413


def test_stream_yields_its_chunks_with_pauses(ask):
    before = time.monotonic()
    answer = ask("/stream?n=3&ms=30")
    assert time.monotonic() - before >= 0.06
    assert answer.chunks == [b"chunk 1 of 3\n", b"chunk 2 of 3\n", b"chunk 3 of 3\n"]
    assert answer.all("Content-Length") == []
    assert ask("/stream?n=0").body == b""


def test_what_is_written_comes_before_what_is_returned(ask):
    answer = ask("/write?n=2")
    assert answer.chunks == [b"written 1 of 2\n", b"written 2 of 2\n", b"returned\n"]


def test_sleep_and_cpu_take_their_time(ask):
    before = time.monotonic()
    assert ask("/sleep?ms=40").text == "slept 40 ms\n"
    assert time.monotonic() - before >= 0.04
    used = time.thread_time()
    assert ask("/cpu?ms=40").text == "used 40 ms of processor time\n"
    assert time.thread_time() - used >= 0.04


@pytest.mark.parametrize("code", [200, 201, 202, 203, 206, 226, 299, 300, 400, 404, 418, 451, 499, 500, 503, 599])
def test_any_status(ask, code):
    answer = ask(f"/status/{code}")
    assert answer.code == code
    assert answer.text == f"{answer.status}\n"


@pytest.mark.parametrize("code", [204, 205, 304])
def test_a_status_without_a_body(ask, code):
    answer = ask(f"/status/{code}")
    assert answer.code == code
    assert answer.chunks == []
    assert answer.all("Content-Length") == (["0"] if code == 205 else [])


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        (201, "Location", "/m/hello"),
        (301, "Location", "/m/hello"),
        (303, "Location", "/m/hello"),
        (308, "Location", "/m/hello"),
        (401, "WWW-Authenticate", 'Basic realm="demo"'),
        (405, "Allow", "GET, HEAD"),
        (429, "Retry-After", "1"),
        (503, "Retry-After", "1"),
    ],
)
def test_a_status_brings_its_header(ask, code, name, value):
    assert ask(f"/status/{code}", SCRIPT_NAME="/m").one(name) == value


def test_cookies_are_two_lines_and_come_back(ask):
    answer = ask("/cookies", HTTP_COOKIE="first=1; second=2; name=Gr\xc3\xbc\xc3\x9fe")
    assert [line.partition(";")[0] for line in answer.all("Set-Cookie")] == ["first=1", "second=2"]
    assert answer.text == "Cookie: first=1; second=2; name=Grüße\n"


def test_crash_before_the_answer(ask):
    with pytest.raises(experiments.CrashError):
        ask("/crash")


def test_crash_within_the_answer():
    started = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/crash", "QUERY_STRING": "after=1"}
    answer = iter(app(environ, lambda status, headers: started.append(status)))
    assert next(answer) == b"the first chunk\n"
    assert started == ["200 OK"]
    with pytest.raises(experiments.CrashError):
        next(answer)


def test_leak_keeps_and_counts_and_has_a_bound(ask, monkeypatch):
    monkeypatch.setattr(experiments, "_leaked", [])
    monkeypatch.setattr(experiments, "MAX_LEAKED", 100)
    assert ask("/leak?kb=64").text == "64 KiB kept by this process\n"
    assert ask("/leak?kb=36").text == "100 KiB kept by this process\n"
    assert ask("/leak?kb=1").code == 507
    assert sum(map(len, experiments._leaked)) == 100 * 1024


def test_counter_counts_its_own_answers(ask):
    first = int(ask("/counter").text)
    ask("/hello")
    assert int(ask("/counter").text) == first + 1
    assert ask("/counter?who=1").text == f"{os.getpid()} {first + 2}\n"
    assert ask("/counter?who=2").code == 400


def test_health(ask):
    assert ask("/health").text == "ok\n"
