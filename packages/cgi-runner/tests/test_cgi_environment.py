"""The environment of a CGI program: a row for each requirement of RFC 3875 section 4.1, and what must never get in."""

from __future__ import annotations

import pytest

from cgi_runner import environment
from cgi_runner.environment import BadEnvironment, cgi_environment, own_variables
from cgi_runner.variables import DE_FACTO, META_VARIABLES
from gateway_core.memo import ENTRIES_MAX

REQUEST = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "gatelab/0.1",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "gatelab.protocol": "HTTP",
}


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [
        ({}, "GATEWAY_INTERFACE", "CGI/1.1"),  # 4.1.4
        ({"GATEWAY_INTERFACE": "CGI/9.9"}, "GATEWAY_INTERFACE", "CGI/1.1"),
        ({}, "REQUEST_METHOD", "GET"),  # 4.1.12
        ({"REQUEST_METHOD": "pUrGe"}, "REQUEST_METHOD", "pUrGe"),
        ({}, "QUERY_STRING", ""),  # 4.1.7: always set
        ({"QUERY_STRING": "a=%41&b=+?x"}, "QUERY_STRING", "a=%41&b=+?x"),
        ({}, "SCRIPT_NAME", ""),  # 4.1.13: always set
        ({"PATH_INFO": "/Ä B"}, "PATH_INFO", "/Ä B"),  # 4.1.5: decoded, case kept
        ({"PATH_INFO": ""}, "PATH_INFO", None),
        ({}, "SERVER_NAME", "localhost"),  # 4.1.14
        ({}, "SERVER_PORT", "8000"),  # 4.1.15
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, "SERVER_PROTOCOL", "HTTP/1.0"),  # 4.1.16
        ({}, "SERVER_SOFTWARE", "gatelab/0.1"),  # 4.1.17
        ({}, "REMOTE_ADDR", "127.0.0.1"),  # 4.1.8
        ({}, "REMOTE_USER", None),  # 4.1.11
        ({"REMOTE_USER": "ada", "AUTH_TYPE": "Basic"}, "REMOTE_USER", "ada"),
        ({"REMOTE_USER": "ada", "AUTH_TYPE": "Basic"}, "AUTH_TYPE", "Basic"),  # 4.1.1
        ({}, "CONTENT_LENGTH", None),  # 4.1.2: set only with content
        ({"CONTENT_LENGTH": "5"}, "CONTENT_LENGTH", "5"),
        ({"CONTENT_LENGTH": ""}, "CONTENT_LENGTH", None),
        ({"CONTENT_TYPE": "text/x; a=b"}, "CONTENT_TYPE", "text/x; a=b"),  # 4.1.3
        ({"HTTP_ACCEPT_LANGUAGE": "de, en"}, "HTTP_ACCEPT_LANGUAGE", "de, en"),  # 4.1.18
        ({"HTTP_COOKIE": "a=1; b=2"}, "HTTP_COOKIE", "a=1; b=2"),
        ({"HTTP_X_EMPTY": ""}, "HTTP_X_EMPTY", ""),
        ({"HTTPS": "on"}, "HTTPS", "on"),
        ({"REQUEST_URI": "/?x"}, "REQUEST_URI", "/?x"),
        # what never gets in
        ({"HTTP_PROXY": "http://evil/"}, "HTTP_PROXY", None),  # httpoxy
        ({"HTTP_AUTHORIZATION": "Basic x"}, "HTTP_AUTHORIZATION", None),
        ({"HTTP_PROXY_AUTHORIZATION": "Basic x"}, "HTTP_PROXY_AUTHORIZATION", None),
        ({"HTTP_CONTENT_LENGTH": "1"}, "HTTP_CONTENT_LENGTH", None),
        ({"HTTP_CONTENT_TYPE": "a/b"}, "HTTP_CONTENT_TYPE", None),
        ({"HTTP_CONNECTION": "close"}, "HTTP_CONNECTION", None),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, "HTTP_TRANSFER_ENCODING", None),
        ({"HTTP_EXPECT": "100-continue"}, "HTTP_EXPECT", None),
        ({"HTTP_a.b": "x"}, "HTTP_a.b", None),
        ({"http_lower": "x"}, "http_lower", None),
        ({"REDIRECT_STATUS": "302"}, "REDIRECT_STATUS", "200"),  # a marker that only the server may set
        ({"LD_PRELOAD": "/tmp/x.so"}, "LD_PRELOAD", None),
        ({"my.key": "x"}, "my.key", None),
    ],
)
def test_variable(more: dict[str, str], name: str, value: str | None) -> None:
    made = cgi_environment({**REQUEST, **more}).get(name.encode())
    assert made == (None if value is None else value.encode("latin-1"))


def test_server_s_own_variables_and_those_of_the_program_are_added() -> None:
    made = cgi_environment(
        REQUEST, {b"PATH": b"/bin"}, {b"PATH_TRANSLATED": b"/srv/x", b"SCRIPT_NAME": b"/p.cgi", b"PATH_INFO": b""}
    )
    assert made[b"PATH"] == b"/bin"
    assert made[b"PATH_TRANSLATED"] == b"/srv/x"
    assert made[b"SCRIPT_NAME"] == b"/p.cgi"
    assert b"PATH_INFO" not in made


def test_authorization_is_passed_on_only_when_asked() -> None:
    request = {**REQUEST, "HTTP_AUTHORIZATION": "Basic x", "HTTP_PROXY_AUTHORIZATION": "Basic y"}
    assert b"HTTP_AUTHORIZATION" not in cgi_environment(request)
    assert cgi_environment(request, authorization=True)[b"HTTP_AUTHORIZATION"] == b"Basic x"
    assert b"HTTP_PROXY_AUTHORIZATION" not in cgi_environment(request, authorization=True)


def test_a_request_cannot_replace_what_the_server_set() -> None:
    made = cgi_environment({**REQUEST, "PATH": "/evil"}, {b"PATH": b"/bin"})
    assert made[b"PATH"] == b"/bin"


def test_names_are_remembered_but_not_for_ever() -> None:
    for number in range(5000):
        assert f"HTTP_X{number}".encode() in cgi_environment({**REQUEST, f"HTTP_X{number}": "x", f"a{number}": "x"})
    assert len(environment._NAMES) <= ENTRIES_MAX


def test_only_bytes_and_no_two_names_that_differ_by_case() -> None:
    made = cgi_environment(REQUEST)
    assert all(type(name) is type(value) is bytes for name, value in made.items())
    assert len({name.lower() for name in made}) == len(made)
    assert not any(b"." in name for name in made)


@pytest.mark.parametrize("name", ["PATH_INFO", "QUERY_STRING", "HTTP_X", "REQUEST_URI"])
def test_nul_is_refused(name: str) -> None:
    with pytest.raises(BadEnvironment, match=f"{name} has a NUL"):
        cgi_environment({**REQUEST, name: "a\0b"})


def test_own_variables_are_only_those_allowed() -> None:
    inherited = {"PATH": "/bin", "SECRET": "s", "LANG": "C.UTF-8", "NAME": "Zoë"}
    assert own_variables([], inherited) == {b"PATH": b"/bin"}
    assert own_variables(["LANG", "ABSENT", "A=1", "B="], inherited) == {
        b"PATH": b"/bin", b"LANG": b"C.UTF-8", b"A": b"1", b"B": b"",
    }  # fmt: skip
    assert own_variables(["NAME"], inherited)[b"NAME"] == "Zoë".encode()
    assert own_variables(["PATH=/x"], inherited)[b"PATH"] == b"/x"


def test_a_server_without_path_gives_a_usual_one() -> None:
    assert b"/usr/bin" in own_variables([], {})[b"PATH"]


@pytest.mark.parametrize(
    "item",
    [
        "",
        "=x",
        "A B",
        "1A",
        "HTTP_PROXY=x",
        "REQUEST_METHOD",
        "HTTPS=on",
        "REMOTE_USER=root",
        "REDIRECT_STATUS=1",
        "request_method=x",
        "http_x=1",
    ],
)
def test_own_variables_that_are_refused(item: str) -> None:
    with pytest.raises(ValueError, match=r"is not the name|is set by each request"):
        own_variables([item], {})


def test_the_constants_stand_in_the_order_of_the_specification() -> None:
    assert list(META_VARIABLES) == sorted(META_VARIABLES)  # RFC 3875 lists them by the alphabet
    assert not set(META_VARIABLES) & set(DE_FACTO)
