"""Requests that want more than they may: paths, Shellshock, httpoxy, names that pose as others, and too much of all.

The program that is asked is one for sh, on purpose. It tells what it was given, byte for byte, and how it was called.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cgi_world import Answer, World, program, world

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")

SHOW = r"""printf 'Content-Type: application/octet-stream\n\n'
printf '%s\0' "$#" "$PPID"
cat /proc/$$/environ"""

LARGE = 80_000
"""Bytes of a variable that the server itself gives to every program here: with a large head it is more than 128 KiB."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("requests")
    programs = folder / "programs"
    (programs / "sub").mkdir(parents=True)
    for name in ("show.cgi", "hello.cgi", "sub/show.cgi", ".hidden.cgi", "%2e"):
        program(programs, name, SHOW)
    program(programs, "shock.cgi", SHOW).write_text(
        "#!/bin/bash\nprintf 'Content-Type: text/plain\\n\\n'; declare -F; x; X; :\n"
    )
    program(folder, "outside.cgi", SHOW)
    with world(folder, programs, "posix-spawn", "--env", f"LARGE={'x' * LARGE}") as found:
        yield found
        found.nothing_left()


def shown(answer: Answer) -> dict[bytes, bytes]:
    """Return the environment that show.cgi had; its parent is the worker itself, and it had no argument."""
    assert answer.status == 200, answer
    count, _, *variables = answer.body.rstrip(b"\0").split(b"\0")
    assert count == b"0"
    pairs = [variable.partition(b"=") for variable in variables]
    assert len({name.lower() for name, _, _ in pairs}) == len(pairs)  # RFC 3875 section 4.1: no two by case alone
    return {name: value for name, _, value in pairs}


# -- paths ------------------------------------------------------------------------------------------------------------

RUN = [
    # target, SCRIPT_NAME, PATH_INFO
    (b"/show.cgi/a/b", b"/show.cgi", b"/a/b"),
    (b"/show.cgi/", b"/show.cgi", b"/"),
    (b"/show.cgi//a//", b"/show.cgi", b"//a//"),
    (b"/show.cgi/A%20b", b"/show.cgi", b"/A b"),
    (b"/show.cgi/%ff%FE%c3%a9", b"/show.cgi", b"/\xff\xfe\xc3\xa9"),
    (b"/show.cgi/%252e%252e/%252f", b"/show.cgi", b"/%2e%2e/%2f"),
    (b"/show.cgi/..;/a;b=c", b"/show.cgi", b"/..;/a;b=c"),
    (b"/show.cgi/a%0ab%0d%09c", b"/show.cgi", b"/a\nb\r\tc"),
    (b"/show.cgi/$(id)/`id`/;id|id&&id", b"/show.cgi", b"/$(id)/`id`/;id|id&&id"),
    (b"/show.cgi/../show.cgi/x", b"/show.cgi", b"/x"),
    (b"/show.cgi/%2e%2e/sub/./show.cgi", b"/sub/show.cgi", b""),
    (b"/%73how.cgi", b"/show.cgi", b""),
    (b"/%252e", b"/%2e", b""),
    (b"http://museum.test/sub/../show.cgi/x", b"/show.cgi", b"/x"),
    (b"/show.cgi/" + b"a/" * 4000, b"/show.cgi", b"/" + b"a/" * 4000),
]


@pytest.mark.parametrize(("target", "script", "extra"), RUN, ids=[repr(row[0][:40]) for row in RUN])
def test_a_path_that_runs_a_program(host: World, target: bytes, script: bytes, extra: bytes) -> None:
    seen = shown(host.ask(target + b"?q=/../%00%2f"))
    assert (seen[b"SCRIPT_NAME"], seen.get(b"PATH_INFO", b"")) == (script, extra)
    root = seen[b"DOCUMENT_ROOT"]
    assert seen.get(b"PATH_TRANSLATED", b"") == (root + extra if extra else b"")
    assert seen[b"SCRIPT_FILENAME"].startswith(root + b"/")
    assert seen[b"QUERY_STRING"] == b"q=/../%00%2f"


_REFUSED: list[tuple[Any, ...]] = [
    (b"/..", 400), (b"/../outside.cgi", 400), (b"/%2e%2e/outside.cgi", 400), (b"/.%2E/outside.cgi", 400),
    (b"/sub/../../outside.cgi", 400), (b"/show.cgi/../../outside.cgi", 400), (b"/show.cgi/%2e%2e/%2e%2e/x", 400),
    (b"http://museum.test/../outside.cgi", 400),
    (b"/show.cgi%00", 400), (b"/show.cgi%00.txt", 400), (b"/show.cgi/%00", 400), (b"/%00", 400),
    (b"/show.cgi/%", 400), (b"/show.cgi/%2", 400), (b"/show.cgi/%zz", 400), (b"/%u002e%u002e/x", 400),
    (b"/show.cgi%2fx", 404), (b"/show.cgi/a%2Fb", 404), (b"/..%2f..%2fetc%2fpasswd", 404), (b"/sub%2fshow.cgi", 404),
    (b"/show.cgi/..%5c..", 404), (b"/%5c..%5coutside.cgi", 404), (b"/..\\outside.cgi", 404),
    (b"/%252e%252e/outside.cgi", 404), (b"/%c0%ae%c0%ae/outside.cgi", 404), (b"/%ff", 404),
    (b"//show.cgi", 404), (b"//sub/show.cgi", 404), (b"/sub//show.cgi", 404), (b"//", 404), (b"/sub", 404),
    (b"/sub/", 404), (b"/", 404),
    (b"/show.cgi%20", 404), (b"/show.cgi.", 404), (b"/show.cgi%0a", 404), (b"/show.cgi;x", 404), (b"/SHOW.CGI", 404),
    (b"/show.cgi~", 404), (b"/show.cgi::$DATA", 404), (b"/show", 404), (b"/show.cg", 404), (b"/show.cgi.bak", 404),
    (b"/.hidden.cgi", 404), (b"/sub/.hidden.cgi", 404), (b"/.git/config", 404),
    (b"/" + b"n" * 300, 404), (b"/" + b"a/" * 4000, 404), (b"/show.cgi/" + b"a" * 9000, 414, "longer than 8192 bytes"),
    (b"/show.cgi/\xc3\xa9", 400, "not ASCII"), (b"/show.cgi/\x01", 400, "control character"),
    (b"show.cgi", 400, "neither a path nor a URI"),
]  # fmt: skip
REFUSED = [(target, status, *(words or [rf"\] /\S*: {status}: .*\.$"])) for target, status, *words in _REFUSED]
"""What the log has: where HTTP is broken a sentence about that, else the path and why it runs nothing."""


@pytest.mark.parametrize(("target", "status", "words"), REFUSED, ids=[repr(row[0][:40]) for row in REFUSED])
def test_a_path_that_runs_none(host: World, target: bytes, status: int, words: str) -> None:
    programs, lines = host.started(), len(host.log())
    answer = host.ask(target)
    assert answer.status == status
    assert answer.body.count(b"\n") == 1
    assert b"outside" not in answer.body
    assert host.started() == programs
    host.said(words, lines)
    shown(host.ask("/show.cgi"))  # the next one is served


# -- what a client's bytes become --------------------------------------------------------------------------------------

SHOCK = b"() { :;}; echo; echo pwned; touch canary"
FIELDS = ["User-Agent", "Referer", "Cookie", "Accept", "X-Any", "Content-Type", "Forwarded", "X"]


@pytest.mark.parametrize("field", FIELDS)
def test_a_function_in_a_field_is_text(host: World, field: str) -> None:
    seen = shown(host.ask("/show.cgi", field.encode() + b": " + SHOCK, method="POST", body=b"x"))
    name = field.upper().replace("-", "_").encode()
    assert seen[name if name == b"CONTENT_TYPE" else b"HTTP_" + name] == SHOCK
    assert not list(host.folder.rglob("canary"))


def test_a_function_in_the_path_and_query_is_text(host: World) -> None:
    escaped = b"".join(b"%%%02x" % byte for byte in SHOCK)
    seen = shown(host.ask(b"/show.cgi/" + escaped + b"?" + escaped))
    assert seen[b"PATH_INFO"] == b"/" + SHOCK
    assert seen[b"QUERY_STRING"] == escaped  # never decoded
    assert not list(host.folder.rglob("canary"))


@pytest.mark.parametrize(
    "head",
    [
        b"() { :;} /show.cgi HTTP/1.1\r\nHost: x",
        b"GET /show.cgi () { :;}",
        b"GET /show.cgi?() { :;} HTTP/1.1\r\nHost: x",
        b"GET /show.cgi HTTP/1.1\r\nHost: () { :;}; touch canary",
        b"GET /show.cgi HTTP/1.1\r\nHost: x\r\n() { :;}: x",
        b"GET /show.cgi HTTP/1.1\r\nHost: x\r\nContent-Length: () { :;}",
        b"GET () { :;}; HTTP/1.1\r\nHost: x",
    ],
)
def test_a_function_where_the_grammar_has_none_is_400(host: World, head: bytes) -> None:
    programs, lines = host.started(), len(host.log())
    assert host.talk(head + b"\r\nConnection: close\r\n\r\n").status == 400
    assert host.started() == programs
    host.said(r" cgi_runner\[\d+\] 127\.0\.0\.1: ", lines)


@pytest.mark.real("bash")
@pytest.mark.parametrize("field", ["X: () { echo pwned; }", "BASH_FUNC_x%%: () { echo pwned; }", "x: () { :;}; x"])
def test_bash_itself_finds_no_function(host: World, field: str) -> None:
    assert host.ask("/shock.cgi?x=()", field).body == b""
    host.said("x: command not found")


PROXIES = {"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy", "cgi_http_proxy"}


@pytest.mark.parametrize(
    "field", ["Proxy", "PROXY", "proxy", "pRoXy", "Proxy_", "_Proxy", "Pro_xy", "HTTP_PROXY", "Http_Proxy", "Proxy."]
)
def test_httpoxy(host: World, field: str) -> None:
    seen = shown(host.ask("/show.cgi", f"{field}: http://evil.test/"))
    assert not {name.decode().lower() for name in seen} & PROXIES
    assert b"evil" not in b"".join(seen.values())


def test_httpoxy_twice_and_with_a_blank(host: World) -> None:
    seen = shown(host.ask("/show.cgi", "Proxy: http://evil.test/", "PROXY: http://evil.test/", "X: y"))
    assert b"evil" not in b"".join(seen.values())
    assert host.ask("/show.cgi", "Proxy : http://evil.test/").status == 400


@pytest.mark.parametrize(
    "field",
    ["X_Foo", "X-Foo_Bar", "Content_Length", "Content_Type", "Transfer_Encoding", "Remote_User", "x_foo", "X.Foo",
     "X~Foo", "X$Foo", "Authorization", "Proxy-Authorization", "Te_", "Keep-Alive", "Upgrade", "Proxy-Connection"],
)  # fmt: skip
def test_fields_that_do_not_come_in(host: World, field: str) -> None:
    seen = shown(host.ask("/show.cgi", f"{field}: 77"))
    assert b"77" not in seen.values()


def test_no_field_names_a_variable_of_the_server(host: World) -> None:
    names = ("Redirect-Status", "Remote-User", "Auth-Type", "Script-Filename", "Path", "Ld-Preload", "Document-Root",
             "Gateway-Interface", "Https", "Pids", "Request-Method", "Remote-Addr")  # fmt: skip
    plain = shown(host.ask("/show.cgi"))
    seen = shown(host.ask("/show.cgi", *[f"{name}: evil" for name in names]))
    assert {name for name in seen if seen[name] == b"evil"} == {
        f"HTTP_{name.upper().replace('-', '_')}".encode() for name in names
    }
    assert {name: value for name, value in seen.items() if value != b"evil" and name != b"REMOTE_PORT"} == {
        name: value for name, value in plain.items() if name != b"REMOTE_PORT"
    }
    assert seen[b"REDIRECT_STATUS"] == b"200"


def test_repeated_fields_are_one_variable(host: World) -> None:
    seen = shown(host.ask("/show.cgi", "X-A: 1", "x-a: 2", "Cookie: a=1", "COOKIE: b=2"))
    assert seen[b"HTTP_X_A"] == b"1, 2"
    assert seen[b"HTTP_COOKIE"] == b"a=1; b=2"


def test_bytes_beyond_ascii_come_as_they_are(host: World) -> None:
    assert shown(host.ask("/show.cgi", b"X-A: \xff\xfe\x80"))[b"HTTP_X_A"] == b"\xff\xfe\x80"


@pytest.mark.parametrize("query", ["-s", "-d+allow_url_include%3d1", "--version", "%ADs", "a+b+c", "+", "-", "%2d%73"])
def test_no_argument_comes_from_a_query(host: World, query: str) -> None:
    assert shown(host.ask(f"/show.cgi?{query}"))[b"QUERY_STRING"] == query.encode()  # `shown` has looked at $#


def test_the_worker_itself_starts_the_program(host: World) -> None:
    parent = host.ask("/show.cgi").body.split(b"\0")[1]
    assert int(parent) in host.server.workers()


# -- too much ---------------------------------------------------------------------------------------------------------


def test_many_fields(host: World) -> None:
    fields = [f"X-{number}: {number}" for number in range(95)]
    seen = shown(host.ask("/show.cgi", *fields))
    assert sum(name.startswith(b"HTTP_X_") for name in seen) == 95


@pytest.mark.parametrize(
    "fields", [[f"X-{number}: y" for number in range(300)], ["X: y"] * 300, ["X: " + "y" * 8000] * 9], ids=len
)
def test_too_many_fields_are_431(host: World, fields: list[str]) -> None:
    programs, lines = host.started(), len(host.log())
    assert host.ask("/show.cgi", *fields).status == 431
    assert host.started() == programs
    host.said(r" cgi_runner\[\d+\] 127\.0\.0\.1: ", lines)


def test_one_variable_of_nearly_all_that_a_head_may_hold(host: World) -> None:
    seen = shown(host.ask("/show.cgi", *["X: " + "y" * 8000] * 7))
    assert len(seen[b"HTTP_X"]) == 7 * 8000 + 6 * 2


def test_an_environment_that_the_kernel_refuses_is_500(host: World) -> None:
    """The kernel allows a quarter of the stack's limit, and 128 KiB at least."""
    (worker,) = host.server.workers()
    usual = resource.prlimit(worker, resource.RLIMIT_STACK)
    resource.prlimit(worker, resource.RLIMIT_STACK, (1 << 18, usual[1]))
    try:
        answer = host.ask("/show.cgi", *["X: " + "y" * 8000] * 7, *[f"Y{n}: " + "y" * 1000 for n in range(7)])
        assert (answer.status, answer.body.count(b"\n")) == (500, 1)
        host.said(r"/show\.cgi: cannot be started: Argument list too long")
        shown(host.ask("/show.cgi"))
    finally:
        resource.prlimit(worker, resource.RLIMIT_STACK, usual)
