"""Figures: what they look like, and that they fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatelab import figures

SHORT = 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (7, "7"), (9999, "9999"), (10_000, "10.0k"), (12_345, "12.3k"), (99_950, "100k"), (123_456, "123k"),
        (999_499, "999k"), (999_500, "1.00M"), (1_234_567, "1.23M"), (999_500_000, "1.00G"), (10**12, "1T"),
    ],
)  # fmt: skip
def test_count(value, text):
    assert figures.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (0.0, "0"), (0.25, "0.25"), (7.1, "7.10"), (9.999, "10.0"), (34.56, "34.6"), (340.4, "340"),
        (999.4, "999"), (999.5, "1000"), (12_345.6, "12.3k"),
    ],
)  # fmt: skip
def test_rate(value, text):
    assert figures.rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.00012, "120µs"), (0.000_999_6, "1.0ms"), (0.0012, "1.2ms"), (0.00996, "10ms"), (0.45, "450ms"),
        (0.9996, "1.0s"), (1.24, "1.2s"), (9.94, "9.9s"), (9.96, "10s"), (59.4, "59s"), (59.6, "1m"), (180, "3m"),
        (3569, "59m"), (3571, "1h"), (47 * 3600, "47h"), (48 * 3600, "2d"), (400 * 86400, "400d"),
    ],
)  # fmt: skip
def test_seconds(value, text):
    assert figures.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (18_120, "5 h 2 min"),
        (86_399, "23 h 59 min"), (86_400, "1 d 0 h"), (1_047_600, "12 d 3 h"),
    ],
)  # fmt: skip
def test_uptime(value, text):
    assert figures.uptime(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (0, "0.00K"), (512 * 2**10, "512K"), (2**20, "1.00M"), (23 * 2**20, "23.0M"),
        (999 * 2**20, "999M"), (1000 * 2**20, "0.98G"), (3 * 2**29, "1.50G"), (128 * 2**30, "128G"),
    ],
)  # fmt: skip
def test_size(value, text):
    assert figures.size(value) == text


@given(st.floats(0, 1e14), st.floats(0, 3e8), st.integers(0, 2**43))
def test_whatever_the_value_a_column_is_wide_enough(number, time, memory):
    texts = [figures.count(number), figures.rate(number), figures.seconds(time), figures.size(memory)]
    assert max(map(len, texts)) <= SHORT, texts


@pytest.mark.parametrize(
    ("values", "width", "bars"),
    [
        ([], 10, ""),
        ([5], 10, ""),
        ([0, 0], 10, "▁▁"),
        ([0, 7], 10, "▁█"),
        ([0, 1, 2, 3, 4, 5, 6, 7], 10, "▁▂▃▄▅▆▇█"),
        ([9, 9, 1, 2], 2, "▅█"),
        ([4, None, 4], 10, "█ █"),
        ([None, None], 10, "  "),
        ([1, 2, 3], 0, ""),
    ],
)
def test_sparkline(values, width, bars):
    assert figures.sparkline(values, width) == bars


def test_a_request_cannot_command_the_terminal():
    assert figures.printable("GET /\x1b]0;owned\x07/\x9b2J/\u202e/é") == "GET /�]0;owned�/�2J/�/é"
