"""Local redirects (RFC 3875 section 6.2.2): what request follows, what it must not carry, and where it cannot lead."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cgi_host_world import HEAD, Host, nothing_left
from cgi_runner.programs import Programs
from cgi_runner.redirects import REDIRECTS_MAX, NotFollowed, follow
from gateway_runtime.testing import wait_until

REQUEST: dict[str, Any] = {
    "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/a", "QUERY_STRING": "old", "REQUEST_URI": "/a?old",
    "CONTENT_LENGTH": "7", "CONTENT_TYPE": "a/b", "HTTP_CONTENT_ENCODING": "gzip", "HTTP_EXPECT": "100-continue",
    "HTTP_COOKIE": "a=b", "HTTP_HOST": "museum.test", "SERVER_PORT": "80", "wsgi.input": io.BytesIO(b"content"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with nothing_left(monkeypatch):
        yield


def programs(tmp_path: Path, **scripts: str) -> Host:
    for name, script in scripts.items():
        (tmp_path / name).write_text("#!/bin/sh\n" + script)
        (tmp_path / name).chmod(0o755)
    return Host([], choose=Programs(tmp_path))


def to(location: str, *others: str, more: str = "") -> str:
    """Return a script that redirects."""
    fields = "".join(f"{field}\\n" for field in (f"Location: {location.replace('%', '%%')}", *others))
    return f"printf '{fields}\\n'{more}"


# -- the request that follows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/b", "/b", ""), ("/b?", "/b", ""), ("/b?x=1&y=/c", "/b", "x=1&y=/c"), ("/b?a?b", "/b", "a?b"),
        ("/?x", "/", "x"), ("//b", "//b", ""), ("/b%20c/%3f?%41", "/b c/?", "%41"), ("/b%252e", "/b%2e", ""),
        ("/caf%c3%a9", "/caf\xc3\xa9", ""),
    ],
)  # fmt: skip
def test_path_and_query(target: str, path: str, query: str) -> None:
    onward = follow(REQUEST, target)
    assert onward is not None
    assert (onward["PATH_INFO"], onward["QUERY_STRING"], onward["REQUEST_URI"]) == (path, query, target)
    assert onward["SCRIPT_NAME"] == ""


def test_what_no_request_could_have_is_encoded() -> None:
    onward = follow(REQUEST, "/b c\xe9\x9b?d e\xe9%20")
    assert onward is not None
    assert (onward["PATH_INFO"], onward["QUERY_STRING"]) == ("/b c\xe9\x9b", "d%20e%E9%20")
    assert onward["REQUEST_URI"] == "/b%20c%E9%9B?d%20e%E9%20"


@pytest.mark.parametrize(
    ("method", "onward"), [("GET", "GET"), ("HEAD", "HEAD"), ("POST", "GET"), ("DELETE", "GET"), ("head", "GET")]
)
def test_the_method(method: str, onward: str) -> None:
    followed = follow({**REQUEST, "REQUEST_METHOD": method}, "/b")
    assert followed is not None
    assert followed["REQUEST_METHOD"] == onward


def test_the_client_is_the_same_and_the_content_is_gone() -> None:
    before = dict(REQUEST)
    onward = follow(REQUEST, "/b")
    assert before == REQUEST  # it may be the server's template
    assert onward is not None
    assert onward["wsgi.input"].read() == b""
    assert (onward["HTTP_COOKIE"], onward["HTTP_HOST"], onward["SERVER_PORT"]) == ("a=b", "museum.test", "80")
    assert not [name for name in onward if "CONTENT" in name or "EXPECT" in name]


@pytest.mark.parametrize("target", ["/cgi/b", "/cgi", "/cgi/", "/cgi?x", "/cgi/../b"])
def test_below_the_mount(target: str) -> None:
    onward = follow({**REQUEST, "SCRIPT_NAME": "/cgi"}, target)
    assert onward is not None
    assert onward["SCRIPT_NAME"] == "/cgi"
    assert "/cgi" + onward["PATH_INFO"] == target.partition("?")[0]


@pytest.mark.parametrize("target", ["/", "/b", "/cgi-bin/b", "/CGI/b", "/x/cgi/b", "/?/cgi/b"])
def test_outside_of_the_mount_is_for_the_client(target: str) -> None:
    assert follow({**REQUEST, "SCRIPT_NAME": "/cgi"}, target) is None


@pytest.mark.parametrize("target", ["//evil.test/x", "///evil.test", "/\\evil.test", "/\t/evil.test", "//cgi/b"])
def test_another_host_is_for_nobody(target: str) -> None:
    with pytest.raises(NotFollowed, match="another host"):
        follow({**REQUEST, "SCRIPT_NAME": "/cgi"}, target)


# -- through the host -------------------------------------------------------------------------------------------------

SHOW = HEAD + "; echo $REQUEST_METHOD $PATH_INFO $QUERY_STRING $CONTENT_LENGTH$CONTENT_TYPE$HTTP_CONTENT_ENCODING; cat"


def test_head_stays_head(tmp_path: Path) -> None:
    host = programs(tmp_path, a=to("/b"), b=SHOW + "; echo $REQUEST_METHOD >seen")
    assert host.get("HEAD", PATH_INFO="/a", REQUEST_URI="/a") == b""
    assert host.status == "200 OK"
    assert (tmp_path / "seen").read_text() == "HEAD\n"


@pytest.mark.parametrize("depth", [1, REDIRECTS_MAX, REDIRECTS_MAX + 1])
def test_a_chain_of(tmp_path: Path, depth: int) -> None:
    scripts = {f"p{number}": to(f"/p{number + 1}") for number in range(depth)}
    host = programs(tmp_path, **scripts, **{f"p{depth}": SHOW})
    host.get(PATH_INFO="/p0", REQUEST_URI="/p0")
    assert host.status == ("200 OK" if depth <= REDIRECTS_MAX else "502 Bad Gateway")
    assert len(host.pids) == min(depth, REDIRECTS_MAX) + 1
    wait_until(host.gone)


@pytest.mark.parametrize(
    "more", ["; yes", "; exit 3", "; kill -9 $$", "; exec >&-; sleep 0.3", "; echo ignored", "; cat >/dev/null"]
)
def test_what_the_program_does_besides_counts_for_nothing(tmp_path: Path, more: str) -> None:
    host = programs(tmp_path, a=to("/b/x?y", more=more), b=SHOW)
    request = {"PATH_INFO": "/a", "REQUEST_URI": "/a", "CONTENT_TYPE": "a/b", "HTTP_CONTENT_ENCODING": "gzip"}
    assert host.get("POST", b"content", **request) == b"GET /x y\n"
    assert host.status == "200 OK"
    wait_until(host.gone)


@pytest.mark.parametrize(
    ("location", "others", "status"),
    [
        ("/b", ("Set-Cookie: a=b",), "302"), ("/b#part", (), "302"), ("/b", ("Status: 303 See Other",), "303"),
        ("//evil.test/", ("Set-Cookie: a=b",), "502"), ("//evil.test/#part", (), "502"), ("/%5cevil.test/", (), "404"),
        ("/\\\\evil.test/#part", (), "502"), ("//evil.test/", ("Status: 303 See Other",), "303"),
    ],
)  # fmt: skip
def test_others_are_for_the_client(tmp_path: Path, location: str, others: tuple[str, ...], status: str) -> None:
    """With another field or a fragment it is no local redirect. Only a Status may say that another host is meant."""
    host = programs(tmp_path, a=to(location, *others), b=SHOW)
    host.get(PATH_INFO="/a", REQUEST_URI="/a")
    assert host.status[:3] == status
    assert ("Location" in host.fields) is status.startswith("3")
    assert len(host.pids) == 1


def test_no_client_is_sent_to_another_host_from_below_a_mount(tmp_path: Path) -> None:
    host = programs(tmp_path, a=to("//evil.test/b"))
    host.get(SCRIPT_NAME="/cgi", PATH_INFO="/a", REQUEST_URI="/cgi/a")
    assert (host.status, "Location" in host.fields) == ("502 Bad Gateway", False)
    assert ["another host" in line for line in host.log] == [True]
    wait_until(host.gone)
