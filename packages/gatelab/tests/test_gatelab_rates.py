"""Requests a second from two reports."""

from __future__ import annotations

import pytest

from gatelab.rates import SERVER, rates_between
from gatelab_samples import report, thread, worker


def at(second, *workers, **changes):
    return report(workers, uptime_s=float(second), **changes)


def one(pid, age, *requests):
    return worker(pid, [thread(number) for number in requests], age_s=float(age))


ROWS = {
    "two seconds of work": (
        at(10, one(1, 9, 100, 50)), at(12, one(1, 11, 300, 60)),
        {(): 105.0, (1,): 105.0, (1, 0): 100.0, (1, 1): 5.0},
    ),
    "nothing to do": (at(10, one(1, 9, 7)), at(12, one(1, 11, 7)), {(): 0.0, (1,): 0.0, (1, 0): 0.0}),
    "part of a second": (at(10, one(1, 9, 0)), at(10.5, one(1, 9.5, 50)), {(): 100.0, (1,): 100.0, (1, 0): 100.0}),
    "a worker that was started between": (
        at(10, one(1, 9, 100)), at(12, one(1, 11, 100), one(2, 1, 8), requests=108),
        {(): 4.0, (1,): 0.0, (1, 0): 0.0, (2,): 4.0, (2, 0): 4.0},
    ),
    "a worker in place of another, whose requests stay in the total": (
        at(10, one(1, 9, 100)), at(12, one(2, 1, 6), requests=110),
        {(): 5.0, (2,): 3.0, (2, 0): 3.0},
    ),
    "another worker that was given the same pid": (
        at(10, one(1, 9, 4)), at(12, one(1, 1, 6), requests=10),
        {(): 3.0, (1,): 3.0, (1, 0): 3.0},
    ),
    "a counter of a living worker that was begun anew": (
        at(10, one(1, 9, 100), requests=100), at(12, one(1, 11, 4), requests=104),
        {(): 2.0},
    ),
    "a total that fell": (
        at(10, one(1, 9, 5), requests=500), at(12, one(1, 11, 9), requests=9),
        {(1,): 2.0, (1, 0): 2.0},
    ),
    "more threads than before": (
        at(10, one(1, 9, 5)), at(12, one(1, 11, 5, 4)),
        {(): 2.0, (1,): 2.0, (1, 0): 0.0, (1, 1): 2.0},
    ),
    "no worker at all": (at(10), at(12), {(): 0.0}),
    "the same moment": (at(10, one(1, 9, 100)), at(10, one(1, 9, 100)), {}),
    "the same moment, and yet a difference": (at(10, one(1, 9, 100)), at(10, one(1, 9, 101)), {}),
    "an earlier moment: started anew under the same pid": (at(10, one(1, 9, 100)), at(2, one(1, 1, 500)), {}),
    "another server": (at(10, one(1, 9, 100)), at(12, one(1, 11, 300), pid=5), {}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "rates"), ROWS.values(), ids=ROWS)
def test_rates(before, after, rates):
    assert rates_between(before, after) == rates


def test_the_key_of_the_server_is_the_shortest():
    assert SERVER == ()
