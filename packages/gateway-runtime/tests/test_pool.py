"""How many workers there should be, as a table: no process is forked here."""

from __future__ import annotations

import pytest

from gateway_runtime.pool import FASTEST, Counts, Kind, Pool, Step

STATIC = Pool(Kind.STATIC, 4, 4, 4)
DYNAMIC = Pool(Kind.DYNAMIC, 3, 2, 10, 2, 4)
ONDEMAND = Pool(Kind.ONDEMAND, 0, 0, 6, idle_timeout=10)


@pytest.mark.parametrize(
    ("counts", "rate", "step"),
    [
        (Counts(idle=4), 1, Step()),
        (Counts(busy=4), 1, Step()),
        (Counts(starting=1, idle=1, busy=2), 1, Step()),
        (Counts(), 1, Step(spawn=4, lacking=4)),
        (Counts(starting=1, busy=2), 1, Step(spawn=1, lacking=1)),
        (Counts(idle=2, busy=4), 1, Step(retire=2)),
        (Counts(waiting=True, busy=4), 1, Step()),
    ],
)
def test_static(counts, rate, step):
    assert STATIC.step(counts, rate) == step


@pytest.mark.parametrize(
    ("counts", "rate", "step"),
    [
        # within its bounds, and as many idle as there should be
        (Counts(idle=2), 1, Step()),
        (Counts(idle=4, busy=3), 8, Step()),
        (Counts(idle=2, busy=8), 1, Step()),
        # below the least: at once, whatever the rate
        (Counts(), 1, Step(spawn=2, lacking=2)),
        (Counts(busy=1), 4, Step(spawn=1, lacking=1, rate=4)),
        # spare ones lack: no faster than the rate, which doubles
        (Counts(busy=3), 1, Step(spawn=1, rate=2, lacking=2)),
        (Counts(busy=3), 2, Step(spawn=2, rate=4, lacking=2)),
        (Counts(idle=1, busy=3), 16, Step(spawn=1, rate=32, lacking=1)),
        (Counts(idle=1, busy=3), 32, Step(spawn=1, rate=FASTEST, lacking=1)),
        # some are on their way: wait for them, at the same rate
        (Counts(starting=2, busy=3), 4, Step(rate=4)),
        (Counts(starting=1, idle=1, busy=3), 4, Step(rate=4)),
        (Counts(starting=1, busy=3), 4, Step(spawn=1, rate=8, lacking=1)),
        # the most
        (Counts(idle=1, busy=8), 4, Step(spawn=1, rate=8, lacking=1)),
        (Counts(busy=9), 4, Step(spawn=1, rate=8, lacking=1)),
        (Counts(busy=10), 4, Step(rate=8, full=True)),
        (Counts(idle=1, busy=9), 1, Step(rate=2, full=True)),
        (Counts(starting=1, busy=9), 1, Step(rate=2, full=True)),
        (Counts(idle=5, busy=7), 1, Step(retire=2)),
        # too many are idle: one a look, down to the least
        (Counts(idle=5), 1, Step(retire=1)),
        (Counts(idle=9, busy=1), 4, Step(retire=1)),
    ],
)
def test_dynamic(counts, rate, step):
    assert DYNAMIC.step(counts, rate) == step


def test_a_dynamic_pool_keeps_its_least_though_all_are_idle():
    pool = Pool(Kind.DYNAMIC, 5, 5, 10, 1, 3)
    assert pool.step(Counts(idle=5), 1) == Step()
    assert pool.step(Counts(idle=6), 1) == Step(retire=1)


@pytest.mark.parametrize(
    ("counts", "rate", "step"),
    [
        (Counts(), 1, Step()),
        (Counts(waiting=True), 1, Step(spawn=1, rate=2, lacking=1)),
        (Counts(waiting=True, busy=1), 2, Step(spawn=2, rate=4, lacking=2)),
        (Counts(waiting=True, busy=5), 4, Step(spawn=1, rate=8, lacking=1)),
        (Counts(waiting=True, busy=6), 4, Step(rate=8, full=True)),
        # somebody will accept it, or is about to be able to
        (Counts(waiting=True, idle=1), 4, Step()),
        (Counts(waiting=True, starting=1), 4, Step(rate=4)),
        (Counts(waiting=True, starting=1, busy=2), 4, Step(rate=4)),
        # nobody asks
        (Counts(busy=3), 4, Step(rate=4)),
        (Counts(idle=3, busy=1), 4, Step()),
        (Counts(idle=3, expired=2), 1, Step(retire=2)),
        (Counts(idle=3, expired=3), 1, Step(retire=3)),
        (Counts(idle=8), 1, Step(retire=2)),
        # one is to be replaced: another is there first
        (Counts(due=1), 1, Step(spawn=1, rate=2, lacking=1)),
        (Counts(due=1, starting=1), 1, Step()),
        (Counts(due=1, idle=1), 1, Step()),
        (Counts(due=1, busy=1), 1, Step(spawn=1, rate=2, lacking=1)),
        (Counts(due=3, idle=1), 1, Step(spawn=1, rate=2, lacking=2)),
    ],
)
def test_ondemand(counts, rate, step):
    assert ONDEMAND.step(counts, rate) == step


@pytest.mark.parametrize("pool", [STATIC, DYNAMIC, ONDEMAND])
@pytest.mark.parametrize("rate", [1, 2, FASTEST])
def test_no_step_leads_out_of_the_bounds(pool, rate):
    for starting in range(13):
        for idle in range(13):
            for busy in range(13):
                for waiting in (False, True):
                    counts = Counts(starting, idle, busy, expired=idle // 2, due=busy // 3, waiting=waiting)
                    step = pool.step(counts, rate)
                    after = counts.alive + step.spawn - step.retire
                    assert pool.least <= after <= pool.most
                    assert not (step.spawn and step.retire)
                    assert 1 <= step.rate <= FASTEST
                    assert step.lacking >= step.spawn
                    repair = pool.repair(counts)
                    assert repair.spawn == max(0, pool.least - counts.alive)
                    assert repair.retire == max(0, counts.alive - pool.most)


def test_growth_is_exponential():
    """A load that keeps every worker busy, looked at once a second."""
    pool = Pool(Kind.DYNAMIC, 1, 1, 200, 100, 100)
    alive, rate, sizes = 1, 1, []
    for _ in range(9):
        step = pool.step(Counts(busy=alive), rate)
        alive, rate = alive + step.spawn, step.rate
        sizes.append(alive)
    assert sizes == [2, 4, 8, 16, 32, 64, 96, 128, 160]


@pytest.mark.parametrize(
    ("pool", "number", "after"),
    [
        (STATIC, 7, Pool(Kind.STATIC, 7, 7, 7)),
        (STATIC, 1, Pool(Kind.STATIC, 1, 1, 1)),
        (DYNAMIC, 20, Pool(Kind.DYNAMIC, 3, 2, 20, 2, 4)),
        (DYNAMIC, 1, Pool(Kind.DYNAMIC, 3, 1, 1, 2, 4)),
        (ONDEMAND, 9, Pool(Kind.ONDEMAND, 0, 0, 9, idle_timeout=10)),
    ],
)
def test_resizing(pool, number, after):
    assert pool.resized(number) == after


@pytest.mark.parametrize(
    ("pool", "by", "after"),
    [
        (STATIC, 1, Pool(Kind.STATIC, 5, 5, 5)),
        (STATIC, -1, Pool(Kind.STATIC, 3, 3, 3)),
        (Pool(), -1, Pool()),
        (DYNAMIC, 1, Pool(Kind.DYNAMIC, 3, 3, 11, 2, 4)),
        (DYNAMIC, -1, Pool(Kind.DYNAMIC, 3, 1, 9, 2, 4)),
        (Pool(Kind.DYNAMIC, 1, 1, 1), -1, Pool(Kind.DYNAMIC, 1, 1, 1)),
        (Pool(Kind.DYNAMIC, 1, 1, 2), -1, Pool(Kind.DYNAMIC, 1, 1, 1)),
        (ONDEMAND, 1, Pool(Kind.ONDEMAND, 0, 0, 7, idle_timeout=10)),
        (Pool(Kind.ONDEMAND, 0, 0, 1), -1, Pool(Kind.ONDEMAND, 0, 0, 1)),
    ],
)
def test_one_more_or_one_fewer(pool, by, after):
    assert pool.moved(by) == after
