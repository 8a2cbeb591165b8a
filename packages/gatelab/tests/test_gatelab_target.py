"""Addresses of reports."""

from __future__ import annotations

import pytest

from gatelab.errors import BadAddress
from gatelab.target import Target, parse_target

STATUS = "/status?format=json"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("unix:/run/app.status", ("/run/app.status", "", 0, STATUS)),
        ("unix:app.status", ("app.status", "", 0, STATUS)),
        ("unix:a b:c", ("a b:c", "", 0, STATUS)),
        ("http://127.0.0.1:8000/status", ("", "127.0.0.1", 8000, STATUS)),
        ("http://localhost/-/status", ("", "localhost", 80, "/-/status?format=json")),
        ("http://[::1]:8000/status", ("", "::1", 8000, STATUS)),
        ("http://a:1/s?format=html", ("", "a", 1, "/s?format=json")),
        ("http://a:1/s?key=1&format=text&x", ("", "a", 1, "/s?key=1&x&format=json")),
        ("HTTP://A:1/s#top", ("", "a", 1, "/s?format=json")),
    ],
)
def test_addresses(text, where):
    target = parse_target(text)
    assert (target.path, target.host, target.port, target.resource) == where
    assert str(target) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not an address: write unix:PATH"),
        ("unix:", "is not an address"),
        ("/run/app.status", "is not an address"),
        ("127.0.0.1:8000", "is not an address"),
        ("ftp://a/status", "is not an address"),
        ("http:///status", "is not an address"),
        ("http://a:x/status", "is not an address"),
        ("http://a:99999/status", "is not an address"),
        ("http://[::1/status", "is not an address"),
        ("http://a/st atus", "is not an address"),
        ("http://a/st\tatus", "is not an address"),
        ("http://a/st\xe4tus", "is not an address"),
        ("http://a:8000", "does not say where the status page is"),
        ("http://a:8000/", "does not say where the status page is"),
        ("https://a/status", "speak plain HTTP"),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(text, said):
    with pytest.raises(BadAddress, match=said) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        (Target("", path="/x"), "localhost"),
        (Target("", host="a", port=80), "a:80"),
        (Target("", host="::1", port=81), "[::1]:81"),
    ],
)
def test_the_host_field(target, authority):
    assert target.authority == authority
