"""What backends are told of the visitor, by whose word."""

from __future__ import annotations

import pytest

from front_world import environ
from http_front.forwarding import forward

FRONTS = ("10.0.0.1", "10.0.0.2", "")
XFF, XFP, XFH, FWD = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED"
CLAIM = [
    ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "shop.test"),
    ("Forwarded", "for=203.0.113.9"),
]  # fmt: skip


@pytest.mark.parametrize("fields", [[], CLAIM])
@pytest.mark.parametrize("trusted", [None, FRONTS.__contains__])
def test_nobody_is_believed_who_is_no_front_of_ours(fields, trusted):
    seen = environ("/", fields=fields, peer="192.0.2.9")
    forward(seen, trusted)
    assert seen["REMOTE_ADDR"] == "192.0.2.9"
    assert seen["wsgi.url_scheme"] == "http"
    assert (seen[XFF], seen[XFP], seen[XFH]) == ("192.0.2.9", "http", "museum.test")
    assert seen[FWD] == 'for=192.0.2.9;proto=http;host="museum.test"'


def test_a_front_of_ours_is_believed_and_added_to():
    seen = environ("/", fields=CLAIM, peer="10.0.0.1")
    forward(seen, FRONTS.__contains__)
    assert seen["REMOTE_ADDR"] == "203.0.113.9"
    assert seen["wsgi.url_scheme"] == "https"
    assert (seen[XFF], seen[XFP], seen[XFH]) == ("203.0.113.9, 10.0.0.1", "https", "shop.test")
    assert seen[FWD] == 'for=203.0.113.9, for=10.0.0.1;proto=https;host="museum.test"'


def test_a_front_that_says_nothing():
    seen = environ("/", peer="10.0.0.1")
    forward(seen, FRONTS.__contains__)
    assert (seen["REMOTE_ADDR"], seen[XFF], seen[XFP], seen[XFH]) == ("10.0.0.1", "10.0.0.1", "http", "museum.test")


def test_what_the_visitor_invented_counts_as_far_as_fronts_vouch_for_it():
    fields = [("X-Forwarded-For", "127.0.0.1, 203.0.113.9, 10.0.0.2")]
    seen = environ("/", fields=fields, peer="10.0.0.1")
    forward(seen, FRONTS.__contains__)
    assert seen["REMOTE_ADDR"] == "203.0.113.9"
    assert seen[XFF] == "127.0.0.1, 203.0.113.9, 10.0.0.2, 10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "said", "node"),
    [("", "unknown", "unknown"), ("2001:db8::1", "2001:db8::1", '"[2001:db8::1]"'), ("192.0.2.9",) * 3],
)
def test_every_kind_of_peer(peer, said, node):
    seen = environ("/", peer=peer)
    forward(seen, None)
    assert seen[XFF] == said
    assert seen[FWD].startswith(f"for={node};")


@pytest.mark.parametrize("host", ['a"b', "a\\b", ""])
def test_a_host_that_cannot_be_quoted_is_left_out(host):
    seen = environ("/")
    seen["HTTP_HOST"] = host
    forward(seen, None)
    assert "host=" not in seen[FWD]


def test_without_a_host_there_is_no_field():
    seen = environ("/", fields=CLAIM)
    del seen["HTTP_HOST"]
    forward(seen, None)
    assert XFH not in seen
