"""The examples, run straight: a process, a CGI environment, standard input. What a host makes of them is not asked."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_core.cgi import ResponseParser
from gateway_core.events import Data, EndOfMessage, Response

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = sorted(file.name for file in EXAMPLES.iterdir() if os.access(file, os.X_OK) and file.is_file())
NEEDS = {".pl": "perl", ".php": "php-cgi", ".c": "cc", ".sh": "sh", ".py": "env"}

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=here"


def each(*names: str) -> list[object]:
    """For parametrize: the programs, each skipped where its language is missing."""
    return [pytest.param(name, marks=pytest.mark.real(NEEDS[Path(name).suffix])) for name in names]


def run(
    name: str | Path, content: bytes = b"", method: str = "GET", **variables: str | bytes
) -> subprocess.CompletedProcess[bytes]:
    """Run an example as a web server does."""
    program = EXAMPLES / name
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    given: dict[str, str | bytes] = {
        "PATH": path, "GATEWAY_INTERFACE": "CGI/1.1", "REDIRECT_STATUS": "200", "REQUEST_METHOD": method,
        "QUERY_STRING": "", "SCRIPT_NAME": f"/{program.name}", "SCRIPT_FILENAME": str(program),
        "REMOTE_ADDR": "192.0.2.1", "SERVER_PROTOCOL": "HTTP/1.1",
    }  # fmt: skip
    if content:
        given["CONTENT_LENGTH"] = str(len(content))
    return subprocess.run(
        [program], cwd=program.parent, env={**given, **variables}, input=content, capture_output=True, timeout=30,
        check=False,
    )  # fmt: skip


def answer(
    name: str | Path, content: bytes = b"", method: str = "GET", **variables: str | bytes
) -> tuple[int, dict[str, str], bytes]:
    """Run an example that has nothing to complain of; return status, fields and content."""
    done = run(name, content, method, **variables)
    assert (done.returncode, done.stderr) == (0, b"")
    parser = ResponseParser()
    parser.receive_data(done.stdout)
    parser.receive_data(b"")
    head, body = parser.next_event(), b""
    assert isinstance(head, Response)
    while not isinstance(event := parser.next_event(), EndOfMessage):
        assert isinstance(event, Data)
        body += event.data
    return head.status, {name.lower(): value for name, value in head.fields}, body


# -- all of them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", each(*(name for name in PROGRAMS if not name.startswith("nph-"))))
def test_who_asks_for_the_head_gets_no_content(name: str) -> None:
    """RFC 3875 section 4.3.3. The server drops it, too; but some programs are slow, and some servers are not ours."""
    done = run(name, method="HEAD")
    assert (done.returncode, done.stderr) == (0, b"")
    head, _, body = done.stdout.replace(b"\r\n", b"\n").partition(b"\n\n")
    assert body == b""
    assert re.search(rb"^(Content-Type|Location): ", head, re.IGNORECASE | re.MULTILINE)


GONE = {"cgi", "cgitb", "crypt", "imp", "imghdr", "mailcap", "nntplib", "pipes", "sndhdr", "telnetlib", "uu"}
"""Of what PEP 594 has taken out of Python 3.13 (`imp`: 3.12), what CGI scripts liked to import."""


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.name)
def test_nothing_is_imported_that_newer_pythons_lack(file: Path) -> None:
    tree = list(ast.walk(ast.parse(file.read_text())))
    names = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in tree if isinstance(node, ast.ImportFrom)}
    assert names
    assert not {name.partition(".")[0] for name in names} & GONE


# -- hello, in five languages ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile hello.c as its first lines say."""
    program = tmp_path_factory.mktemp("compiled") / "hello.cgi"
    command = next(line for line in (EXAMPLES / "hello.c").read_text().splitlines() if " cc " in line)
    words = command.strip(" *").replace("hello.cgi", str(program)).split()
    subprocess.run([words[0], "-Werror", *words[1:]], cwd=EXAMPLES, check=True, timeout=60)
    return program


@pytest.mark.parametrize("name", each("hello.sh", "hello.py", "hello.pl", "hello.php", "hello.c"))
def test_hello(name: str, request: pytest.FixtureRequest) -> None:
    program = request.getfixturevalue("compiled") if name == "hello.c" else EXAMPLES / name
    status, fields, body = answer(program, PATH_INFO="/rooms/caf\u00e9")
    assert (status, fields["content-type"].lower()) == (200, "text/plain; charset=utf-8")
    first, second, third = body.decode().splitlines()
    assert first == "Hello, 192.0.2.1!"
    assert second == f"You asked with GET for /{program.name}, and behind that stood '/rooms/caf\u00e9'."
    assert third.startswith("I am process ")
    assert run(program, method="HEAD").stdout.endswith((b"\n\n", b"\r\n\r\n"))


@pytest.mark.parametrize("name", each("hello.sh", "hello.py", "hello.pl", "hello.php", "hello.c"))
def test_hello_to_a_path_that_is_not_utf_8(name: str, request: pytest.FixtureRequest) -> None:
    program = request.getfixturevalue("compiled") if name == "hello.c" else EXAMPLES / name
    assert b"'/caf\xe9'" in answer(program, PATH_INFO=b"/caf\xe9")[2]


# -- a form, of 1995 and of today --------------------------------------------------------------------------------------

FORM = each("form.py", "form.pl")


@pytest.mark.parametrize("name", FORM)
@pytest.mark.parametrize(
    ("query", "greeted"),
    [
        ("", "stranger"),
        ("name=Ada", "Ada"),
        ("a=b&name=Gr%C3%A4ce+H.&name=two", "Gr\u00e4ce H."),
        ("name=%3Cscript%3E%22%27%26", "&lt;script&gt;&quot;&#X27;&amp;"),
    ],
)
def test_the_form_reads_a_query(name: str, query: str, greeted: str) -> None:
    status, fields, body = answer(name, QUERY_STRING=query)
    assert (status, fields["content-type"]) == (200, "text/html; charset=utf-8")
    assert int(fields["content-length"]) == len(body)
    assert f"Hello, {greeted}!".replace("&#X27;", "&#39;") in body.decode().replace("&#x27;", "&#39;")


@pytest.mark.parametrize("name", FORM)
@pytest.mark.parametrize("kind", ["", URLENCODED, f"{URLENCODED}; charset=utf-8"])
def test_the_form_takes_a_post_and_not_its_query(name: str, kind: str) -> None:
    _, _, body = answer(name, b"name=Ada", "POST", QUERY_STRING="name=Eve", CONTENT_TYPE=kind)
    assert b"Hello, Ada!" in body


@pytest.mark.parametrize("name", FORM)
@pytest.mark.parametrize(
    ("status", "method", "content", "variables"),
    [
        (404, "GET", b"", {"PATH_INFO": "/more"}),
        (405, "PUT", b"", {}),
        (400, "POST", b"name=Ada", {"CONTENT_LENGTH": "-1"}),
        (400, "POST", b"name=Ada", {"CONTENT_LENGTH": "9"}),
        (413, "POST", b"name=" + b"x" * 10_000, {}),
        (413, "POST", b"name=Ada", {"CONTENT_LENGTH": "9" * 5000}),
        (415, "POST", b"{}", {"CONTENT_TYPE": "application/json"}),
    ],
)
def test_the_form_refuses(name: str, status: int, method: str, content: bytes, variables: dict[str, str]) -> None:
    found, fields, body = answer(name, content, method, **{"CONTENT_TYPE": URLENCODED, **variables})
    assert (found, fields["content-type"]) == (status, "text/plain; charset=utf-8")
    assert body.count(b"\n") == 1
    assert ("allow" in fields) == (status == 405)


@pytest.mark.real("perl")
@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("name=Ada", b"<P>Hello, Ada!</P>"),
        ("name=%3CSCRIPT%3E", b"<P>Hello, <SCRIPT>!</P>"),  # (6)
        (",=-&buffer=x&name=Ada", b"<P>Hello, Ada!</P>"),  # (5)
    ],
)
def test_the_form_of_1995_does_what_its_comments_say(query: str, part: bytes) -> None:
    done = subprocess.run(
        ["perl", "form-1995.pl"], cwd=EXAMPLES, env={"QUERY_STRING": query, "PATH": os.defpath},
        stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    assert part in done.stdout


def test_no_server_runs_the_form_of_1995() -> None:
    assert "form-1995.pl" not in PROGRAMS


# -- a file in a form --------------------------------------------------------------------------------------------------


def parts(*fields: tuple[str, str, bytes]) -> bytes:
    """Return content of type MULTIPART, from names, file names ("": text) and values."""
    lines = []
    for name, file, value in fields:
        more = f'; filename="{file}"' if file else ""
        lines.append(f'--here\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value)
    return b"\r\n".join([*lines, b"--here--\r\n"])


FILE = bytes(range(256)) * 400
SHOWN = f"a&amp;b.bin: {len(FILE)} bytes, SHA-256 {hashlib.sha256(FILE).hexdigest()}".encode()

GOOD = [
    ("GET", "", b"", "", b"Hello, stranger!"),
    ("GET", "name=Gr%C3%A4ce+%3CH%3E", b"", "", "Hello, Gr\u00e4ce &lt;H&gt;!".encode()),
    ("POST", "", b"name=Ada&x=", URLENCODED, b"Hello, Ada!"),
    ("POST", "", b"name=one&name=two", URLENCODED, b"Hello, one!"),
    ("POST", "", parts(("name", "", b"Ada"), ("file", "a&b.bin", FILE)), MULTIPART, SHOWN),
    ("POST", "", parts(("name", "", b"Ada"), ("file", "", b"")), MULTIPART, b"Hello, Ada!</p><form"),
]
"""Method, query, content, its type, a part of the page: what a script with `cgi.FieldStorage` answers as well."""


@pytest.mark.parametrize(("method", "query", "content", "kind", "part"), GOOD)
def test_upload(method: str, query: str, content: bytes, kind: str, part: bytes) -> None:
    status, _, body = answer("upload.py", content, method, QUERY_STRING=query, CONTENT_TYPE=kind)
    assert status == 200
    assert part in body


@pytest.mark.parametrize(
    ("status", "content", "variables"),
    [
        (405, b"", {"REQUEST_METHOD": "DELETE"}),
        (415, b"{}", {"CONTENT_TYPE": "application/json"}),
        (415, b"name=Ada", {"CONTENT_TYPE": ""}),
        (400, b"name=\xff", {}),
        (400, b"name=Ada", {"CONTENT_LENGTH": "9"}),
        (400, b"name=Ada", {"CONTENT_LENGTH": "eight"}),
        (400, parts(("name", "", b"Ada"))[:-8], {"CONTENT_TYPE": MULTIPART}),
        (400, parts(("name", "", b"Ada")), {"CONTENT_TYPE": "multipart/form-data"}),
        (413, b"name=Ada", {"CONTENT_LENGTH": "10100001"}),
        (413, b"name=Ada", {"CONTENT_LENGTH": "9" * 5000}),
        (413, b"name=" + b"x" * 100_000, {}),
        (413, parts(*[("name", "", b"x")] * 1000), {"CONTENT_TYPE": MULTIPART}),
        (413, parts(("file", "a", bytes(10_050_000))), {"CONTENT_TYPE": MULTIPART}),
    ],
)
def test_upload_refuses(status: int, content: bytes, variables: dict[str, str]) -> None:
    given = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": URLENCODED, **variables}
    found, fields, body = answer("upload.py", content, **given)
    assert (found, fields["content-type"]) == (status, "text/plain; charset=utf-8")
    assert body.count(b"\n") == 1


# -- a WSGI application ------------------------------------------------------------------------------------------------


def test_the_three_lines() -> None:
    assert answer("wsgi.py", PATH_INFO="/hello")[2] == b"Hello, world!\n"
