"""Whom X-Forwarded fields are believed from, and how far."""

from __future__ import annotations

import pytest

from gateway_core import forwarded

FRONTS = {"192.0.2.1", "192.0.2.2", "::1", ""}

FOR = [
    # the peer, X-Forwarded-For, REMOTE_ADDR then
    ("192.0.2.1", "203.0.113.9", "203.0.113.9"),
    ("192.0.2.1", "2001:db8::9", "2001:db8::9"),
    ("192.0.2.1", "2001:DB8:0::9", "2001:db8::9"),
    ("", "203.0.113.9", "203.0.113.9"),
    ("::1", "\t203.0.113.9 ", "203.0.113.9"),
    # several fronts, each vouches for the one that it has seen
    ("192.0.2.1", "203.0.113.9, 192.0.2.2", "203.0.113.9"),
    ("192.0.2.1", "203.0.113.9,192.0.2.2,192.0.2.1", "203.0.113.9"),
    ("192.0.2.1", "192.0.2.2", "192.0.2.2"),
    # what a client has invented
    ("192.0.2.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
    ("192.0.2.1", "127.0.0.1, 203.0.113.9, 192.0.2.2", "203.0.113.9"),
    ("203.0.113.9", "127.0.0.1", "203.0.113.9"),
    ("203.0.113.9", "127.0.0.1, 192.0.2.2", "203.0.113.9"),
    # what is no address
    ("192.0.2.1", None, "192.0.2.1"),
    ("192.0.2.1", "", "192.0.2.1"),
    ("192.0.2.1", "unknown", "192.0.2.1"),
    ("192.0.2.1", "203.0.113.9, unknown", "192.0.2.1"),
    ("192.0.2.1", "203.0.113.9, unknown, 192.0.2.2", "192.0.2.2"),
    ("192.0.2.1", "203.0.113.9:1234", "192.0.2.1"),
    ("192.0.2.1", "[2001:db8::9]", "192.0.2.1"),
    ("192.0.2.1", "203.0.113.9,", "192.0.2.1"),
    ("192.0.2.1", "<script>", "192.0.2.1"),
    ("192.0.2.1", "\xe9", "192.0.2.1"),
]


@pytest.mark.parametrize(("peer", "field", "client"), FOR)
def test_the_client(peer, field, client):
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    if field is not None:
        environ["HTTP_X_FORWARDED_FOR"] = field
    forwarded.apply(environ, FRONTS.__contains__)
    assert environ["REMOTE_ADDR"] == client
    assert environ["wsgi.url_scheme"] == "http"
    assert environ.get("HTTP_X_FORWARDED_FOR") == field


PROTO = [
    # the peer, X-Forwarded-Proto, the scheme then
    ("192.0.2.1", "https", "https"),
    ("192.0.2.1", " HTTPS\t", "https"),
    ("192.0.2.1", "http", "http"),
    ("192.0.2.1", "http, https", "https"),
    ("192.0.2.1", "https, http", "http"),
    ("192.0.2.1", "ftp", "http"),
    ("192.0.2.1", "", "http"),
    ("192.0.2.1", "https,", "http"),
    ("203.0.113.9", "https", "http"),
]


@pytest.mark.parametrize(("peer", "field", "scheme"), PROTO)
def test_the_scheme(peer, field, scheme):
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_X_FORWARDED_PROTO": field}
    forwarded.apply(environ, FRONTS.__contains__)
    assert environ["wsgi.url_scheme"] == scheme
    assert environ.get("HTTPS") == ("on" if scheme == "https" else None)
    assert environ["REMOTE_ADDR"] == peer


def test_nothing_else_is_believed():
    fields = {f"HTTP_X_FORWARDED_{name}": "evil" for name in ("HOST", "PORT", "PREFIX", "SERVER")}
    environ = {"REMOTE_ADDR": "192.0.2.1", "wsgi.url_scheme": "http", "HTTP_FORWARDED": "for=203.0.113.9", **fields}
    before = environ.copy()
    forwarded.apply(environ, FRONTS.__contains__)
    assert environ == before
