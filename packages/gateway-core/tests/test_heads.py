"""Heads that come again: decoded once, bounded, and never one with a secret."""

from __future__ import annotations

import io

import pytest

from gateway_core import heads
from gateway_core.environ import base_environ, environ_from_variables
from gateway_core.errors import RemoteProtocolError
from gateway_core.heads import BLOCK_MAX, KEPT_MAX, Heads


class Decoder:
    """Blocks such as b"A=1,B=2"; `decoded` counts."""

    def __init__(self):
        self.decoded = 0

    def __call__(self, block):
        self.decoded += 1
        if block == b"bad":
            raise RemoteProtocolError("bad")
        return [tuple(pair.split("=")) for pair in block.decode("latin-1").split(",")]


@pytest.fixture
def decoder():
    return Decoder()


def base(**variables):
    return base_environ(
        protocol="uwsgi", software="s", server_name="n", server_port="80", errors=io.StringIO(), multithread=False,
        multiprocess=False, variables=variables,
    )  # fmt: skip


GET = b"REQUEST_METHOD=GET,PATH_INFO=/a,HTTP_X=1"


def test_a_block_is_kept_when_it_comes_again(decoder):
    known = Heads(decoder)
    found = [known[GET] for _ in range(4)]
    assert found == [[("REQUEST_METHOD", "GET"), ("PATH_INFO", "/a"), ("HTTP_X", "1")]] * 4
    assert decoder.decoded == 2  # the first time, and the second
    assert found[1] is found[2] is found[3]


def test_a_block_that_comes_once_is_not_kept(decoder):
    known = Heads(decoder)
    for number in range(1000):
        assert known[b"A=%d" % number] == [("A", str(number))]
    assert not known


@pytest.mark.parametrize("name", ["HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION"])
def test_a_secret_is_not_kept(decoder, name):
    known = Heads(decoder)
    for _ in range(4):
        assert known[f"A=1,{name}=x".encode()] == [("A", "1"), (name, "x")]
    assert not known


@pytest.mark.parametrize(("size", "kept"), [(BLOCK_MAX, 1), (BLOCK_MAX + 1, 0)])
def test_a_large_block_is_not_kept(decoder, size, kept):
    known = Heads(decoder)
    for _ in range(3):
        assert known[b"A=" + b"x" * (size - 2)]
    assert len(known) == kept


def test_no_more_is_kept_than_there_is_room_for(decoder, monkeypatch):
    monkeypatch.setattr(heads, "NOTED_MAX", 2 * KEPT_MAX)
    known = Heads(decoder)
    for number in range(5 * KEPT_MAX):
        for _ in range(2):
            assert known[b"A=%d" % number] == [("A", str(number))]
        assert len(known) <= KEPT_MAX
        assert len(known._noted) <= 2 * KEPT_MAX
    assert known


def test_an_error_is_raised_each_time(decoder):
    known = Heads(decoder)
    for _ in range(3):
        with pytest.raises(RemoteProtocolError, match="bad"):
            known[b"bad"]
    assert decoder.decoded == 3
    assert not known


def test_the_environ_is_made_once_and_belongs_to_the_request(decoder):
    known = Heads(decoder)
    template = base()
    expected = environ_from_variables(template, Decoder()(GET))
    for _ in range(4):
        environ = environ_from_variables(template, known[GET])
        assert environ == expected
        environ["PATH_INFO"] = "/changed"
        environ["wsgi.input"] = io.BytesIO()
    assert known[GET].made is not None


def test_another_template_makes_another_environ(decoder):
    known = Heads(decoder)
    one, two = base(MINE="1"), base(MINE="2")
    for _ in range(3):
        for template in (one, two, two, one):
            assert environ_from_variables(template, known[GET])["MINE"] == template["MINE"]


def test_variables_that_contradict_each_other_are_refused_each_time(decoder):
    known = Heads(decoder)
    for _ in range(4):
        with pytest.raises(RemoteProtocolError, match="PATH_INFO comes more than once"):
            environ_from_variables(base(), known[b"REQUEST_METHOD=GET,PATH_INFO=/a,PATH_INFO=/b"])
