"""URLs: where, and what for."""

from __future__ import annotations

import pytest

from gatelab.request_errors import BadRequest
from gatelab.request_url import parse
from gateway_runtime.addresses import Address

TCP = Address(host="127.0.0.1", port=9000)


@pytest.mark.parametrize(
    ("text", "scheme", "address", "host", "path", "query"),
    [
        ("http://localhost", "http", Address(host="localhost", port=80), "localhost", "/", ""),
        ("HTTP://localhost/a", "http", Address(host="localhost", port=80), "localhost", "/a", ""),
        ("http://[::1]:8000/a?b=c?d", "http", Address(host="::1", port=8000), "[::1]:8000", "/a", "b=c?d"),
        ("http://[::1]/a", "http", Address(host="::1", port=80), "[::1]", "/a", ""),
        ("http://x:1?q", "http", Address(host="x", port=1), "x:1", "/", "q"),
        ("fastcgi://127.0.0.1:9000/status?full&json", "fastcgi", TCP, "127.0.0.1:9000", "/status", "full&json"),
        ("scgi://127.0.0.1:9000/%2e%2E/../x", "scgi", TCP, "127.0.0.1:9000", "/%2e%2E/../x", ""),
        ("uwsgi://127.0.0.1:9000//a//", "uwsgi", TCP, "127.0.0.1:9000", "//a//", ""),
        ("uwsgi://127.0.0.1:9000/a#part?x", "uwsgi", TCP, "127.0.0.1:9000", "/a", ""),
        ("uwsgi://127.0.0.1:9000/é?ü", "uwsgi", TCP, "127.0.0.1:9000", "/%C3%A9", "%C3%BC"),
        ("uwsgi://127.0.0.1:9000/\udcff", "uwsgi", TCP, "127.0.0.1:9000", "/%FF", ""),
        ("fastcgi+unix:/run/x.sock", "fastcgi", Address(path="/run/x.sock"), "localhost", "/", ""),
        ("http+unix:x.sock:/a:b/c?d:/e", "http", Address(path="x.sock"), "localhost", "/a:b/c", "d:/e"),
        ("cgi:./a.py/b?c", "cgi", Address(), "localhost", "./a.py/b", "c"),
        ("cgi:/srv/my prog", "cgi", Address(), "localhost", "/srv/my prog", ""),
        ("cgi:a", "cgi", Address(), "localhost", "a", ""),
    ],
)
def test_url(text, scheme, address, host, path, query):
    url = parse(text)
    assert (url.scheme, url.address, url.host, url.path, url.query) == (scheme, address, host, path, query)
    assert str(url) == text


def test_another_way_to_the_host():
    url = parse("fastcgi://example.org/a", "/run/x.sock")
    assert (url.address, url.host, url.path) == (Address(path="/run/x.sock"), "example.org", "/a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a URL: write SCHEME://HOST:PORT/PATH"),
        ("localhost:9000/a", "is not a URL"),
        ("/a", "is not a URL"),
        ("cgi:", "is not a URL"),
        ("cgi:?a", "is not a URL"),
        ("http://x/a\nb", "is not a URL"),
        ("https://x/", "gateways speak plain HTTP"),
        ("ftp://x/", "'ftp' is none of http, fastcgi, scgi, uwsgi, cgi"),
        ("cgi://x/", "a program has no host: write cgi:./PROGRAM/PATH"),
        ("http:///a", "has no host"),
        ("scgi://:4000/a", "has no host"),
        ("fastcgi://x/a", "has no port, and FastCGI has none of its own"),
        ("fastcgi://x:0/a", "port 0"),
        ("fastcgi://x:99999/a", "'x:99999' is not HOST:PORT"),
        ("http://1::1/a", "'1::1' is not HOST:PORT or [IPV6]:PORT"),
        ("http://me:secret@x/", "use -H 'Authorization: Basic ...'"),
        ("http://x/a b", "write a blank as %20"),
        ("http://x/a\tb", "a character that no URL may have"),
        ("cgi:./a\x1bb", "a character that no URL may have"),
    ],
)
def test_what_is_no_url(text, said):
    with pytest.raises(BadRequest) as refused:
        parse(text)
    assert said in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("text", ["cgi:./a", "http+unix:/a:/b"])
def test_one_place_only(text):
    with pytest.raises(BadRequest, match="leave --unix-socket out"):
        parse(text, "/run/x.sock")
