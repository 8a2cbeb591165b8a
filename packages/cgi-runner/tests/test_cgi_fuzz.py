"""Fuzzing what a CGI host takes from both sides: responses of programs, and paths, fields and words in the log.

Each property has a few dozen examples in an ordinary run. `GATELAB_FUZZ=100000` asks for so many:

    GATELAB_FUZZ=100000 python -m pytest -o timeout=0 packages/cgi-runner/tests/test_cgi_fuzz.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgi_runner.environment import BadEnvironment, cgi_environment
from cgi_runner.job import Job
from cgi_runner.programs import Programs
from cgi_runner.refused import Refused
from cgi_runner.stderr_log import LINE_MAX, StderrLog
from cgi_runner.variables import DE_FACTO, META_VARIABLES
from fuzzing import CUTS, changes_of, cut, fuzzed, spoil
from gateway_core import cgi
from gateway_core.cgi import LocalRedirect, ResponseParser
from gateway_core.environ import variable_name
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Data, EndOfMessage, NotNow, Response

# -- responses --------------------------------------------------------------------------------------------------------

STATUSES = [
    "200 OK",
    "404",
    "204 No Content",
    "304 Not Modified",
    "302 Found",
    "",
    "30",
    "2000",
    "101 Switching",
    "abc",
]
FIELDS = st.sampled_from([
    *(f"Status: {status}" for status in STATUSES), "Content-Type: text/plain", "content-type:a", "Location: /a?b",
    "Location: //host/x", "Location: http://a/", "Location: x", "Location:", "Content-Length: 3", "Content-Length: 0",
    "Content-Length: x", "Connection: close", "Transfer-Encoding: chunked", "Set-Cookie: a=b", "X-Any:  \xe9 ", "X : a",
    " folded", "HTTP/1.1 200 OK", "HTTP/1.1 404", "no colon",
])  # fmt: skip
LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])
SNIPPETS = [b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b":", b" ", b"\t", b"\xff", b"Status: 200\n", b"9", b"", b"A" * 90]


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """What a program may have meant by a response, mostly a good one."""
    end = draw(LINE_ENDS)
    lines = draw(st.lists(FIELDS, min_size=1, max_size=4, unique_by=lambda line: line.partition(":")[0].lower()))
    return end.join(line.encode("latin-1") for line in lines) + end + draw(LINE_ENDS) + draw(st.binary(max_size=15))


def outcome(pieces: list[bytes], **options: bool) -> tuple[Any, ...]:
    """Return (head, content, overrun), or (what is wrong,) with the head if that was good."""
    parser = ResponseParser(**options)
    head, content = None, b""
    try:
        for piece in [*pieces, b""]:
            parser.receive_data(piece)
            while not isinstance(event := parser.next_event(), NotNow):
                if isinstance(event, EndOfMessage):
                    assert parser.complete
                    return head, content, parser.overrun
                if isinstance(event, Data):
                    assert head is not None
                    assert event.data
                    content += event.data
                else:
                    assert head is None
                    head = event
    except RemoteProtocolError as error:
        assert error.status == 502
        assert str(error).isascii()
        assert str(error).isprintable()
        return head, str(error)
    raise AssertionError("an end of file that ends nothing")


def is_sane(whole: tuple[Any, ...], *, answers_head: bool) -> None:
    """Nothing of a head can break HTTP, the content is what it allows, and both can be sent on."""
    if len(whole) < 3:
        return
    head, content, _ = whole
    assert 200 <= head.status <= 599
    once = [name.lower() for name, _ in head.fields if name.lower() in ("location", "content-type", "content-length")]
    assert len(once) == len(set(once))
    for name, value in head.fields:
        assert re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name)
        assert name.lower() not in ("status", "connection", "transfer-encoding", "upgrade", "trailer", "te")
        assert re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value)
        assert value == value.strip(" \t")
    fields = {name.lower(): value for name, value in head.fields}
    if answers_head or head.status in (204, 304) or isinstance(head, LocalRedirect):
        assert content == b""
    elif "content-length" in fields:
        assert len(content) == int(fields["content-length"])
    assert (head.status, "content-length" in fields) != (204, True)
    if isinstance(head, LocalRedirect):
        assert head.target.startswith("/")
        assert len(head.fields) == 1
    if len(head.fields) < cgi.MAX_FIELDS:  # a Status comes to them
        assert Response(head.status, head.reason, head.fields) == again(head)


def again(head: Response) -> Response:
    """Encode a head, and decode that."""
    parser = ResponseParser()
    parser.receive_data(cgi.encode_head(f"{head.status} {head.reason}", head.fields))
    found = parser.next_event()
    assert isinstance(found, Response)
    return found


@fuzzed
@given(responses(), changes_of(SNIPPETS), CUTS, st.booleans(), st.booleans())
def test_a_spoilt_response_comes_to_the_same_however_it_is_cut(data, changes, cuts, head, status_line):
    data = spoil(data, changes)
    whole = outcome([data] if data else [], head=head, status_line=status_line)
    for pieces in (cut(data, cuts), [data[i : i + 1] for i in range(len(data))]):
        assert outcome(pieces, head=head, status_line=status_line) == whole
    is_sane(whole, answers_head=head)


# -- paths ------------------------------------------------------------------------------------------------------------

NAMES = ["a.cgi", "sub/b.cgi", "sub/index.py", "index.sh", "%2e.cgi", "\xe9.cgi", "a b.cgi"]
SEGMENTS = st.sampled_from([
    "a.cgi", "sub", "b.cgi", "index.py", "..", ".", "", "%2e%2e", "%2E", ".%2e", "%252e", "x", "%ff", "%c3%a9.cgi",
    "a%20b.cgi", "%252e.cgi", "out", "in", "loop", "%00", "%2f", "%5C", "%", "%zz", "\\", "a.cgi%20", "a.cgi.", "A.CGI",
    "..;", "text", ".a",
])  # fmt: skip
TARGETS = st.lists(SEGMENTS, max_size=6).map(lambda segments: "/" + "/".join(segments)) | st.text(
    "/.%25eEfF\\0a", max_size=12
).map("/".__add__)


def plant(folder: Path) -> Programs:
    """Make a directory of programs, and links that lead about in it and out of it."""
    root = folder / "programs"
    for name in NAMES:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o755)
    (root / "text").touch(0o644)
    (folder / "outside.cgi").touch(0o755)
    for name, target in [("out", folder), ("in", "sub"), ("loop", "loop")]:
        (root / name).symlink_to(target)
    return Programs(root)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return plant(tmp_path_factory.mktemp("fuzz"))


def find(programs: Programs, target: str, prefix: str = "") -> Job | None:
    path = unquote_to_bytes(target).decode("latin-1")
    try:
        return programs({"REQUEST_URI": prefix + target, "SCRIPT_NAME": prefix, "PATH_INFO": path})
    except Refused as refused:
        assert refused.status.startswith(("400 ", "403 ", "404 "))
        assert str(refused).isprintable()
        return None


def is_right(programs: Programs, target: str, prefix: str) -> None:
    """A path runs what lies in the directory, or nothing; and the rebuilt path runs the same (RFC 3875 section 3.3)."""
    found = find(programs, target, prefix)
    if found is None:
        return
    (file,) = found.argv
    assert file in {os.path.realpath(f"{programs.root}/{name}") for name in NAMES}
    script, extra = found.variables[b"SCRIPT_NAME"], found.variables[b"PATH_INFO"]
    assert extra == b"" or extra.startswith(b"/")
    assert not {b".", b".."} & set((script + extra).split(b"/"))
    assert found.variables[b"PATH_TRANSLATED"] == (os.fsencode(programs.root) + extra if extra else b"")
    rebuilt = quote(script + extra, safe="/")
    assert rebuilt.startswith(f"{prefix}/")
    if b"\\" not in extra:  # which is refused once it is encoded
        assert find(programs, rebuilt.removeprefix(prefix), prefix) == found


@fuzzed
@given(TARGETS, st.sampled_from(["", "/cgi-bin"]))
def test_a_path_runs_what_lies_in_the_directory_or_nothing(programs, target, prefix):
    is_right(programs, target, prefix)


# -- variables --------------------------------------------------------------------------------------------------------

FIELD = st.sampled_from(
    ["Proxy", "pROXY", "Proxy_", "X_A", "X-A", "Content_Length", "Content-Length", "Te", "A.b", "a"]
)
FIELD_NAMES = FIELD | st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=10)
FIELD_VALUES = st.text("() {:;}\t\xff\x80a=,", max_size=12)


@fuzzed
@given(st.lists(st.tuples(FIELD_NAMES, FIELD_VALUES), max_size=6), st.text("/\0a\xff", max_size=5))
def test_fields_become_variables_of_the_client_only(fields, path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.input": None}
    environ |= {name: value for field, value in fields if (name := variable_name(field))}
    try:
        made = cgi_environment(environ, {b"PATH": b"/bin"})
    except BadEnvironment:
        assert "\0" in path
        return
    assert b"\0" not in b"".join(made.values())
    ours = {name.encode() for name in (*META_VARIABLES, *DE_FACTO, "PATH", "REDIRECT_STATUS")}
    for name in made.keys() - ours:
        assert re.fullmatch(rb"HTTP_[A-Z0-9_]+", name)
        assert name not in (b"HTTP_PROXY", b"HTTP_CONTENT_LENGTH", b"HTTP_CONTENT_TYPE", b"HTTP_AUTHORIZATION")
    assert made[b"PATH"] == b"/bin"


# -- the log ----------------------------------------------------------------------------------------------------------


def logged(pieces: list[bytes]) -> list[str]:
    lines: list[str] = []
    log = StderrLog(lines.append)
    for piece in pieces:
        log.feed(piece)
    log.close()
    return lines


@fuzzed
@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\x1b[2J", b"\0", b"\xff", b"\\x1b", b"b" * 90])), CUTS)
def test_words_of_a_program_are_lines_of_text_however_they_are_cut(words, cuts):
    data = b"".join(words)
    lines = logged([data])
    assert all(line.isascii() and line.replace("\t", "").isprintable() and len(line) <= LINE_MAX for line in lines)
    if len(data) < LINE_MAX // 4:
        assert logged(cut(data, cuts)) == lines
        assert len(lines) == len(data.removesuffix(b"\n").split(b"\n")) if data else lines == []
