"""What a request gets of a file: RFC 9110 sections 13 and 14, as a table."""

from __future__ import annotations

import pytest

from gateway_core.selection import select, validators

TAG, DATE = '"tag"', "Wed, 25 Nov 2026 09:30:00 GMT"
BEFORE, AFTER = "Wed, 25 Nov 2026 09:29:59 GMT", "Wed, 25 Nov 2026 09:30:01 GMT"
ALL, SAME, NOT_SO, NO_PART = ("200", 0, 10), ("304", 0, 0), ("412", 0, 0), ("416", 0, 0)


def selected(method="GET", tag=TAG, changed=DATE, size=10, **fields):
    environ = {"REQUEST_METHOD": method} | {f"HTTP_{name.upper()}": value for name, value in fields.items()}
    status, start, length = select(environ, size, tag, changed)
    return status[:3], start, length


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-", ("206", 0, 10)), ("bytes=0-0", ("206", 0, 1)), ("bytes=3-5", ("206", 3, 3)),
        ("bytes=9-", ("206", 9, 1)), ("bytes=9-99", ("206", 9, 1)), ("bytes=-1", ("206", 9, 1)),
        ("bytes=-10", ("206", 0, 10)), ("bytes=-99", ("206", 0, 10)), ("BYTES= 3-5 ", ("206", 3, 3)),
        ("bytes=10-", NO_PART), ("bytes=10-20", NO_PART), ("bytes=-0", NO_PART),
        ("bytes=5-3", ALL), ("bytes=-", ALL), ("bytes=1-2,4-5", ALL), ("lines=1-2", ALL), ("bytes=a-b", ALL),
        ("bytes=1-" + "9" * 19, ALL), ("", ALL), ("bytes", ALL), ("bytes=+1-2", ALL), ("bytes=\u0661-", ALL),
    ],
)  # fmt: skip
def test_range(wanted, part):
    assert selected(range=wanted) == part
    assert selected("HEAD", range=wanted) == ALL


def test_nothing_has_no_part():
    assert selected(size=0) == ("200", 0, 0)
    assert selected(size=0, range="bytes=0-") == NO_PART


@pytest.mark.parametrize(
    ("wanted", "tag", "part"),
    [
        (TAG, TAG, True), (DATE, TAG, True), ('"another"', TAG, False), (AFTER, TAG, False), (BEFORE, TAG, False),
        (f"W/{TAG}", TAG, False), (f"W/{TAG}", f"W/{TAG}", False), ("", TAG, False), ("", "", False), ("*", TAG, False),
    ],
)  # fmt: skip
def test_if_range(wanted, tag, part):
    found = selected(tag=tag, changed=DATE if tag else "", range="bytes=3-5", if_range=wanted)
    assert found == (("206", 3, 3) if part else ALL)


@pytest.mark.parametrize(
    ("wanted", "tag", "strong", "weak"),
    [
        (TAG, TAG, True, True), (f'"a", {TAG}', TAG, True, True), ("*", TAG, True, True), (" * ", TAG, True, True),
        (f"W/{TAG}", TAG, False, True), (TAG, f"W/{TAG}", False, True), (f"W/{TAG}", f"W/{TAG}", False, True),
        ('"another"', TAG, False, False), ("tag", TAG, False, False), ("", TAG, False, False),
    ],
)  # fmt: skip
def test_tags(wanted, tag, strong, weak):
    assert selected(tag=tag, if_match=wanted) == (ALL if strong else NOT_SO)
    assert selected(tag=tag, if_none_match=wanted) == (SAME if weak else ALL)


@pytest.mark.parametrize(
    ("when", "unmodified", "modified"),
    [
        (BEFORE, NOT_SO, ALL), (DATE, ALL, SAME), (AFTER, ALL, SAME), ("yesterday", ALL, ALL), ("", ALL, ALL),
        ("Wed, 99 Nov 2026 09:30:00 GMT", ALL, ALL), ("Wed, 25 Nov 2026 09:30:00", ALL, ALL),
    ],
)  # fmt: skip
def test_dates(when, unmodified, modified):
    assert selected(if_unmodified_since=when) == unmodified
    assert selected(if_modified_since=when) == modified


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"if_match": TAG, "if_unmodified_since": BEFORE}, ALL),  # the tag decides, the date is not looked at
        ({"if_none_match": '"a"', "if_modified_since": AFTER}, ALL),
        ({"if_match": '"a"', "if_none_match": TAG}, NOT_SO),
        ({"if_none_match": TAG, "range": "bytes=3-5"}, SAME),
        ({"if_match": TAG, "range": "bytes=3-5"}, ("206", 3, 3)),
        ({"if_unmodified_since": BEFORE, "range": "bytes=99-"}, NOT_SO),
    ],
)
def test_the_order(fields, found):
    assert selected(**fields) == found


def test_validators_change_with_the_file():
    first, bigger, later = (dict(validators(*of)) for of in ((1, 10**18), (2, 10**18), (1, 10**18 + 1)))
    assert first["Last-Modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert len({found["ETag"] for found in (first, bigger, later)}) == 3
    assert first["Accept-Ranges"] == "bytes"
