"""What an answer may ask of the front: local redirects, X-Accel-Redirect, X-Sendfile. With an upstream of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from front_world import ask, environ
from gateway_core.cgi import LocalRedirect
from gateway_core.client import Content
from gateway_core.errors import BackendTimeout
from gateway_core.events import Response
from http_front.proxy import REDIRECTS_MAX, Proxy
from http_front.scripts import Scripts
from http_front.static import StaticFiles


class World:
    """A front whose backend answers by path: `answers[path]` is a head, an error, or both of them and content."""

    def __init__(self, tmp_path, **options):
        (tmp_path / "inner").mkdir()
        (tmp_path / "inner" / "a b.txt").write_text("protected")
        (tmp_path / "inner" / ".x").write_text("hidden")
        (tmp_path / "secret.txt").write_text("secret")
        (tmp_path / "inner" / "out").symlink_to(tmp_path / "secret.txt")
        inner = StaticFiles(str(tmp_path / "inner"), "/protected")
        self.folder = tmp_path / "inner"
        self.answers = {}
        self.requests = []
        self.closed = 0
        self.log = []
        self.proxy = Proxy(
            self, internal=lambda path: inner if path.startswith("/protected/") else None, again=self.again,
            log=self.log.append, **options,
        )  # fmt: skip

    def again(self, environ, start_response):
        return self.proxy(environ, start_response)

    def request(self, environ):
        self.requests.append(environ)
        head = self.answers[environ["PATH_INFO"]]
        if isinstance(head, Exception):
            raise head

        def release(complete):
            self.closed += 1

        return head, Content(iter([b"from ", b"the backend"]), release, lambda other: True)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def redirect(target):
    return LocalRedirect(302, "Found", [("Location", target)])


def test_an_answer_passes(world):
    world.answers["/x"] = Response(201, "Made", [("X-A", "1")])
    seen = ask(world.proxy, "/x")
    assert seen == ("201 Made", {"x-a": "1"}, b"from the backend")
    assert world.closed == 1


def test_an_error_is_answered(world):
    world.answers["/x"] = BackendTimeout("the backend did not answer in time")
    seen = ask(world.proxy, "/x")
    assert (seen.status, seen.body) == ("504 Gateway Timeout", b"the backend did not answer in time\n")


def test_what_is_for_the_front_neither_comes_in_nor_goes_out(world):
    world.answers["/x"] = Response(200, "OK", [("X-Accel-Buffering", "no"), ("x-accel-expires", "5"), ("X-B", "1")])
    sent = [("X-Accel-Redirect", "/protected/"), ("X-Sendfile-Type", "X-Accel-Redirect"), ("X-Accel-Mapping", "/=/")]
    seen = ask(world.proxy, "/x", fields=[*sent, ("X-C", "1")])
    assert seen.fields == {"x-b": "1"}
    assert {name for name in world.requests[0] if name.startswith("HTTP_X_")} == {"HTTP_X_C"}


def test_a_head_that_the_server_refuses_closes_the_answer(world):
    world.answers["/x"] = Response(200, "OK", [])

    def refuse(status, fields):
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        world.proxy(environ("/x"), refuse)
    assert world.closed == 1


def test_params_go_to_the_backend(tmp_path):
    world = World(tmp_path, params=[("APP_ENV", "test")])
    world.answers["/x"] = Response(200, "OK", [])
    ask(world.proxy, "/x")
    assert world.requests[0]["APP_ENV"] == "test"


def test_a_script_that_is_not_there_is_404_and_nobody_is_asked(tmp_path):
    world = World(tmp_path, scripts=Scripts(str(tmp_path)))
    assert ask(world.proxy, "/none.php").status == "404 Not Found"
    (tmp_path / "x.php").touch()
    world.answers[""] = Response(200, "OK", [])
    assert ask(world.proxy, "/x.php").status == "200 OK"
    assert world.requests[0]["SCRIPT_FILENAME"] == f"{tmp_path}/x.php"


# -- local redirects --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "inner"), [("GET", "GET"), ("POST", "GET"), ("HEAD", "HEAD"), ("DELETE", "GET")])
def test_a_local_redirect_is_answered_as_a_new_request(world, method, inner):
    world.answers["/x"] = redirect("/a%20b?q=%41#f")
    world.answers["/a b"] = Response(200, "OK", [("X-A", "1")])
    content = [("Content-Type", "text/x")] if method == "POST" else []
    seen = ask(world.proxy, "/x?old", method, content, b"content" if method == "POST" else b"")
    assert (seen.status, seen.fields) == ("200 OK", {"x-a": "1"})
    asked = world.requests[1]
    assert (asked["REQUEST_METHOD"], asked["QUERY_STRING"], asked["REQUEST_URI"]) == (inner, "q=%41", "/a%20b?q=%41")
    assert not {"CONTENT_LENGTH", "CONTENT_TYPE"} & set(asked)
    assert asked["wsgi.input"].read() == b""
    assert world.closed == 2


def test_two_slashes_are_a_path_and_no_host(world):
    world.answers["/x"] = redirect("//evil.test/y")
    world.answers["//evil.test/y"] = Response(200, "OK", [])
    assert ask(world.proxy, "/x").status == "200 OK"


def test_an_explicit_redirect_passes(world):
    world.answers["/x"] = Response(302, "Found", [("Location", "/y")])
    assert ask(world.proxy, "/x")[:2] == ("302 Found", {"location": "/y"})


def test_a_redirect_to_itself_ends(world):
    world.answers["/x"] = redirect("/x")
    assert ask(world.proxy, "/x").status == "502 Bad Gateway"
    assert len(world.requests) == world.closed == REDIRECTS_MAX + 1
    assert world.log == ["GET /x: more than 10 local redirects, the last one to /x"]


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_protected_file_with_the_answer_s_fields(world):
    world.answers["/x"] = Response(
        200, "OK",
        [("X-Accel-Redirect", "/protected/a%20b.txt?v=1"), ("Content-Type", "text/x"), ("Content-Length", "0"),
         ("Content-Disposition", "attachment"), ("Set-Cookie", "a=1"), ("ETag", '"theirs"'), ("X-Other", "1")],
    )  # fmt: skip
    seen = ask(world.proxy, "/x")
    assert (seen.status, seen.body) == ("200 OK", b"protected")
    assert seen.fields["content-type"] == "text/x"
    assert seen.fields["content-disposition"] == "attachment"
    assert seen.fields["set-cookie"] == "a=1"
    assert seen.fields["etag"] != '"theirs"'
    assert not {"x-accel-redirect", "x-other"} & set(seen.fields)
    assert world.closed == 1
    part = ask(world.proxy, "/x", fields=[("Range", "bytes=0-3")])
    assert (part.status, part.fields["content-range"]) == ("206 Partial Content", "bytes 0-3/9")
    assert ask(world.proxy, "/x", fields=[("If-None-Match", seen.fields["etag"])]).status == "304 Not Modified"


@pytest.mark.parametrize("path", ["none", ".x", "out", "../secret.txt", "%2e%2e/secret.txt", "a b.txt%00"])
def test_a_protected_file_that_is_not_there(world, path):
    world.answers["/x"] = Response(200, "OK", [("X-Accel-Redirect", f"/protected/{path}"), ("Content-Type", "text/x")])
    seen = ask(world.proxy, "/x")
    assert (seen.status, seen.body) == ("404 Not Found", b"There is no such file.\n")
    assert seen.fields["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("uri", ["/x", "/", "http://evil.test/", "protected/a", "/etc/passwd", "/protectedx"])
def test_a_redirect_to_what_is_not_internal(world, uri):
    world.answers["/x"] = Response(200, "OK", [("X-Accel-Redirect", uri)])
    seen = ask(world.proxy, "/x")
    assert (seen.status, seen.body) == ("502 Bad Gateway", b"the backend leads to what there is not\n")
    assert uri in world.log[0]
    assert world.closed == 1


def test_x_sendfile(tmp_path: Path):
    world = World(tmp_path, sendfile=[str(tmp_path / "inner")])
    world.answers["/x"] = Response(200, "OK", [("X-Sendfile", f"{tmp_path}/inner/a b.txt"), ("Content-Type", "text/x")])
    seen = ask(world.proxy, "/x")
    assert (seen.status, seen.body, seen.fields["content-type"]) == ("200 OK", b"protected", "text/x")
    assert "x-sendfile" not in seen.fields
    world.answers["/x"] = Response(200, "OK", [("X-Sendfile", f"{tmp_path}/inner/none")])
    assert ask(world.proxy, "/x").status == "404 Not Found"
    world.answers["/x"] = Response(200, "OK", [("X-Sendfile", f"{tmp_path}/inner/out")])
    assert ask(world.proxy, "/x").status == "404 Not Found"


@pytest.mark.parametrize(
    "file", ["secret.txt", "inner/../secret.txt", "innersecret", "inner", "inner//a b.txt", "inner/"]
)
def test_x_sendfile_names_what_it_may_not(tmp_path: Path, file):
    world = World(tmp_path, sendfile=[str(tmp_path / "inner")])
    for path in (f"{tmp_path}/{file}", file):
        world.answers["/x"] = Response(200, "OK", [("X-Sendfile", path)])
        assert ask(world.proxy, "/x").status == "502 Bad Gateway"
    assert "X-Sendfile names" in world.log[0]


def test_x_sendfile_without_folders(world):
    world.answers["/x"] = Response(200, "OK", [("X-Sendfile", f"{world.folder}/a b.txt")])
    assert ask(world.proxy, "/x").status == "502 Bad Gateway"
