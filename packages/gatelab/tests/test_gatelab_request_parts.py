"""What a request is made of: fields, variables, content; and the meter beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gatelab.request_content import BLOCK, IN_MEMORY, Content
from gatelab.request_errors import BadRequest, Exit, Failed
from gatelab.request_fields import FORM, PROGRAM, request_fields
from gatelab.request_meter import Meter
from gatelab.request_url import parse
from gatelab.request_variables import Division, divide, lost_fields, meta_variables, with_params

OWN = [("Host", "h"), ("User-Agent", PROGRAM), ("Accept", "*/*")]


@pytest.mark.parametrize(
    ("wanted", "content_type", "fields"),
    [
        ([], "", OWN),
        ([], FORM, [*OWN, ("Content-Type", FORM)]),
        (["content-type: a/b"], FORM, [*OWN, ("content-type", "a/b")]),
        (["X-A: 1", "X-A:2", "X-B:\t x y "], "", [*OWN, ("X-A", "1"), ("X-A", "2"), ("X-B", "x y")]),
        (["Accept:", "user-agent:", "X-None:"], "", [("Host", "h")]),
        (["Accept;", "X-Empty;"], "", [*OWN[:2], ("Accept", ""), ("X-Empty", "")]),
        (["HOST: other"], "", [("HOST", "other"), *OWN[1:]]),
        (["Host:"], "", OWN[1:]),
        (["X-É: é".replace("É", "E")], "", [*OWN, ("X-E", "Ã©")]),
    ],
)
def test_fields(wanted, content_type, fields):
    assert request_fields(wanted, "h", content_type) == fields


@pytest.mark.parametrize(
    "text", ["", "X", ": x", "X y: z", "X\r\nY: z", "X: a\nb", "X: a\0", "X;y", "Content-Length: 3", "é: x"]
)
def test_what_is_no_field(text):
    with pytest.raises(BadRequest, match=r"^-H "):
        request_fields([text], "h")


def below(script):
    return (("SCRIPT_FILENAME", "/srv" + script), ("DOCUMENT_ROOT", "/srv"))


@pytest.mark.parametrize(
    ("url", "options", "division"),
    [
        ("scgi://x:1/a%20b/c", {}, Division("", "/a b/c")),
        ("uwsgi://x:1/", {}, Division("", "/")),
        ("uwsgi://x:1/app/c", {"script_name": "/app"}, Division("/app", "/c")),
        ("uwsgi://x:1/app", {"script_name": "/app/"}, Division("/app", "")),
        ("fastcgi://x:1/a", {"script_name": ""}, Division("", "/a")),
        ("fastcgi://x:1/a", {"script_name": "/"}, Division("", "/a")),
        ("fastcgi://x:1/a/b", {}, Division("/a/b", None, (("SCRIPT_FILENAME", "/a/b"),))),
        *[
            ("fastcgi://x:1" + path, {"root": root}, Division(script, info, below(script)))
            for root in ("/srv", "/srv/")
            for path, script, info in [
                ("/a.php", "/a.php", None),
                ("/a.php/b.php/c", "/a.php", "/b.php/c"),
                ("/a/", "/a/index.php", None),
                ("/", "/index.php", None),
                ("/plain/b", "/plain/b", None),
            ]
        ],
    ],
)  # fmt: skip
def test_a_path_is_divided(url, options, division):
    assert divide(parse(url), **options) == division


@pytest.mark.parametrize("path", ["/application", "/", "/ap"])
def test_a_path_that_is_not_below_the_prefix(path):
    with pytest.raises(BadRequest, match="does not begin with the --script-name '/app'"):
        divide(parse(f"scgi://x:1{path}"), "/app")


def variables(url="scgi://h:4000/a%20b?c=d", fields=(), length=0, method="GET", **options):
    url = parse(url)
    return meta_variables(url, method, request_fields(fields, url.host), length, divide(url, **options))


def test_the_variables_of_a_request():
    assert variables(fields=["X-Y: z", "x-y: w", "Cookie: a=1", "Cookie: b=2"], length=7, method="PUT") == [
        ("CONTENT_LENGTH", "7"),
        ("REQUEST_METHOD", "PUT"),
        ("REQUEST_URI", "/a%20b?c=d"),
        ("QUERY_STRING", "c=d"),
        ("SCRIPT_NAME", ""),
        ("DOCUMENT_URI", "/a b"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_SOFTWARE", PROGRAM),
        ("SERVER_NAME", "h"),
        ("SERVER_PORT", "4000"),
        ("REQUEST_SCHEME", "http"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("REDIRECT_STATUS", "200"),
        ("PATH_INFO", "/a b"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("HTTP_HOST", "h:4000"),
        ("HTTP_USER_AGENT", PROGRAM),
        ("HTTP_ACCEPT", "*/*"),
        ("HTTP_X_Y", "z, w"),
        ("HTTP_COOKIE", "a=1; b=2"),
    ]


@pytest.mark.parametrize(
    ("fields", "name", "port"),
    [
        ([], "127.0.0.1", "9000"),
        (["Host: example.org"], "example.org", "80"),
        (["Host: example.org:8080"], "example.org", "8080"),
        (["Host: [::1]:8080"], "[::1]", "8080"),
        (["Host:"], "127.0.0.1", "9000"),
        (["Host: a:b:c"], "a:b:c", "80"),
    ],
)
def test_the_server_that_a_request_is_for(fields, name, port):
    made = dict(variables("fastcgi://127.0.0.1:9000/", fields))
    assert (made["SERVER_NAME"], made["SERVER_PORT"]) == (name, port)
    assert "PATH_INFO" not in made


def test_fields_that_no_front_would_pass_on():
    made = variables(fields=(wanted := ["Proxy: x", "X_Y: z", "Connection: close", "X-Z: 1"]))
    assert lost_fields(request_fields(wanted, "h"), made) == ["Proxy", "X_Y", "Connection"]


@pytest.mark.parametrize(
    ("params", "made"),
    [
        (["A=b"], [("A", "b"), ("B", "2")]),
        (["C=", "D=x=y"], [("A", "1"), ("B", "2"), ("C", ""), ("D", "x=y")]),
        (["A"], [("B", "2")]),
        (["A=3", "A=4", "B"], [("A", "4")]),
        (["E=é\udcff"], [("A", "1"), ("B", "2"), ("E", "Ã©ÿ")]),
    ],
)
def test_params(params, made):
    assert with_params([("A", "1"), ("B", "2")], params) == made


@pytest.mark.parametrize(("text", "said"), [("", "write NAME=VALUE"), ("=x", "write NAME=VALUE"), ("C", "to remove")])
def test_what_is_no_param(text, said):
    with pytest.raises(BadRequest, match=said):
        with_params([("A", "1")], [text])


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two files to send, and bytes on standard input."""
    (tmp_path / "form").write_bytes(b"a=1\r\n&b=2\n")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "large").write_bytes(bytes(IN_MEMORY + 1))
    monkeypatch.chdir(tmp_path)
    theirs, ours = os.pipe()
    os.write(ours, b"from\nstdin\0")
    os.close(ours)
    with os.fdopen(theirs) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield


@pytest.mark.parametrize(
    ("items", "binary", "sent"),
    [
        ([], False, b""),
        (["a=b"], False, b"a=b"),
        (["a=b", "c=é", ""], False, "a=b&c=é&".encode()),
        (["a\nb"], False, b"a\nb"),
        (["@form"], False, b"a=1&b=2"),
        (["x=0", "@form", "@-"], False, b"x=0&a=1&b=2&fromstdin"),
        (["@form"], True, b"a=1\r\n&b=2\n"),
        (["@empty"], True, b""),
        (["@-"], True, b"from\nstdin\0"),
        (["a\nb"], True, b"a\nb"),
        (["@large"], False, b""),
        (["@large"], True, bytes(IN_MEMORY + 1)),
        (["@large", "x"], True, bytes(IN_MEMORY + 1) + b"&x"),
    ],
)
def test_content(files, items, binary, sent):
    with Content(items, binary=binary) as content:
        pieces = list(content.pieces())
    assert (content.length, b"".join(pieces)) == (len(sent), sent)
    assert all(0 < len(piece) <= BLOCK for piece in pieces)


@pytest.mark.parametrize(("name", "why"), [("none", "No such file"), (".", "Is a directory")])
def test_content_that_cannot_be_read(files, name, why):
    for binary in (False, True):
        with pytest.raises(Failed, match=f"^{name}: {why}") as failed:
            Content(["x", f"@{name}"], binary=binary)
        assert failed.value.code == Exit.NOT_READ


def test_standard_input_that_is_a_file(files, monkeypatch):
    with Path("form").open() as stdin:
        stdin.buffer.read(3)
        monkeypatch.setattr(sys, "stdin", stdin)
        with Content(["@-"], binary=True) as content:
            assert (content.length, b"".join(content.pieces())) == (7, b"\r\n&b=2\n")


def test_standard_input_that_is_closed(files, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Failed, match="standard input is closed"):
        Content(["@-"])


def test_a_file_that_becomes_shorter(files):
    with Content(["@form"], binary=True) as content:
        os.truncate("form", 4)
        with pytest.raises(Failed, match="6 bytes shorter") as failed:
            list(content.pieces())
    assert failed.value.code == Exit.NOT_READ


def test_the_meter():
    now = [10.0]
    seen = []
    meter = Meter(2.0, lambda *what: seen.append(what), lambda: now[0])
    said = []
    for part in ("connect", "sent", "head"):
        now[0] += 0.25
        said.append(str(meter.over()))
        meter.mark(part)
        meter.mark(part)
    meter.took(b"abc")
    meter.gave(b"de")
    meter.gave(b"")
    said.append(str(meter.over()))
    assert said == [
        "there was no connection within 2 s",
        "there was no answer within 2 s",
        "there was no answer within 2 s",
        "the answer was not complete within 2 s",
    ]
    assert meter.marks == {"connect": 0.25, "sent": 0.5, "head": 0.75, "first_byte": 0.75}
    assert (meter.sent, meter.received) == (3, 2)
    assert seen == [("front", b"abc"), ("backend", b"de"), ("backend", b"")]
    assert meter.left() == 1.25
    now[0] += 1.25
    with pytest.raises(Failed) as failed:
        meter.left()
    assert failed.value.code == Exit.TIMED_OUT
    assert Meter().left() is None
