"""How long a worker lives, and how much memory a process holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_runtime import lifetime
from gateway_runtime.lifetime import Bound, Lifetime, Span, resident


@pytest.mark.parametrize("bound", [Bound(), Bound(0, 100)])
def test_no_limit_has_no_jitter_either(bound):
    assert bound.draw() == 0


def test_a_limit_is_exact_without_jitter():
    assert Bound(10).draw() == 10


@pytest.mark.parametrize(("octets", "drawn"), [(b"\x00" * 4, 1000), (b"\xff" * 4, 1500), (b"\x80" + b"\x00" * 3, 1250)])
def test_jitter_is_on_top_of_a_limit(monkeypatch, octets, drawn):
    monkeypatch.setattr(lifetime.os, "urandom", lambda size: octets)
    assert Bound(1000, 500).draw() == pytest.approx(drawn)


def test_workers_draw_different_limits():
    draws = {Lifetime(Bound(1000, 100_000), Bound(60, 60), Bound(1 << 20, 1 << 20)).draw() for _ in range(20)}
    assert len({span.requests for span in draws}) > 1
    assert len({span.age for span in draws}) > 1
    assert all(isinstance(span.requests, int) and 1000 <= span.requests <= 101_000 for span in draws)
    assert all(60 <= span.age <= 120 for span in draws)
    assert Lifetime().draw() == Span()


@pytest.mark.parametrize(
    ("span", "age", "held", "why"),
    [
        (Span(), 1e9, 1 << 40, ""),
        (Span(requests=5), 1e9, 1 << 40, ""),
        (Span(age=60), 60, 0, ""),
        (Span(age=60), 60.5, 0, "is 60 s old"),
        (Span(rss=100 << 20), 0, 100 << 20, ""),
        (Span(rss=100 << 20), 0, (100 << 20) + 1, "holds 100.0 MiB of memory"),
        (Span(rss=100 << 20), 0, 0, ""),
        (Span(age=1, rss=1), 2, 2, "is 2 s old"),
    ],
)
def test_what_is_exceeded(monkeypatch, span, age, held, why):
    monkeypatch.setattr(lifetime, "resident", lambda pid: held)
    assert span.exceeded(1, age) == why


@pytest.mark.parametrize("proc", [True, False])
def test_the_memory_of_a_process(monkeypatch, proc):
    if not proc:  # as on a system without /proc
        monkeypatch.setattr(lifetime, "_STATM", "/no/such/{}/statm")
    elif not Path("/proc/self/statm").exists():
        pytest.skip("this system has no /proc")
    assert 5 << 20 < resident(os.getpid()) < 10 << 30
    child = subprocess.Popen([sys.executable, "-c", "x = b'x' * (64 << 20); print(flush=True); input()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    with child:
        child.stdout.readline()
        assert resident(child.pid) > 64 << 20
        child.stdin.close()
        child.stdout.read()
    assert resident(child.pid) == 0
