"""The small parts: memo, dates."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.errors import RemoteProtocolError
from gateway_core.http1 import http_date, imf_fixdate
from gateway_core.http1.grammar import REQUEST_FIELDS
from gateway_core.memo import ENTRIES_MAX, KEY_MAX, Memo


def test_a_memo_makes_each_value_once_and_stays_small():
    made = []
    memo = Memo(lambda key: made.append(key) or key.upper(), len)
    assert [memo["a"], memo["a"], memo["b"]] == ["A", "A", "B"]
    assert made == ["a", "b"]
    for number in range(3 * ENTRIES_MAX):
        assert memo[f"key{number}"] == f"KEY{number}"
        assert len(memo) <= ENTRIES_MAX
    long = "x" * (KEY_MAX + 1)
    assert memo[long] == long.upper()
    assert long not in memo


def test_what_cannot_be_made_is_not_remembered():
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            REQUEST_FIELDS[b"no colon"]
    assert b"no colon" not in REQUEST_FIELDS


@pytest.mark.parametrize("name", [b"Cookie", b"authorization", b"Proxy-Authorization"])
def test_secrets_are_not_remembered(name):
    line = name + b": secret"
    assert REQUEST_FIELDS[line] == (name.decode().lower(), "secret")
    assert line not in REQUEST_FIELDS


@given(st.integers(0, 4102444800))
def test_dates_are_those_of_the_standard_library(seconds):
    assert imf_fixdate(seconds).decode() == formatdate(seconds, usegmt=True)


def test_a_date_is_made_once_a_second():
    now = [784111777.0]
    date = http_date(lambda: now[0])
    first = date()
    assert first == b"Sun, 06 Nov 1994 08:49:37 GMT"
    now[0] += 0.9
    assert date() is first
    now[0] += 0.1
    assert date() == b"Sun, 06 Nov 1994 08:49:38 GMT"
