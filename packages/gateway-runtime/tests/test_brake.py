"""The brake on crash loops. Its clock is a number."""

from __future__ import annotations

from gateway_runtime.brake import Brake


def crash_at_once(brake, now, times):
    """Have every worker die as soon as it may start; return what the brake says of each."""
    said = []
    for _ in range(times):
        said.append(brake.died_young(now))
        now = brake.until
    return said


def test_the_delay_doubles_up_to_a_bound():
    assert crash_at_once(Brake(), 100.0, 9) == [0, 1, 2, 4, 8, 16, 32, 32, 32]


def test_one_death_is_an_accident():
    brake = Brake()
    assert not brake.holds(100.0)
    assert brake.died_young(100.0) == 0
    assert not brake.holds(100.0)
    assert brake.died_young(100.5) == 1
    assert brake.holds(101.4)
    assert not brake.holds(101.5)


def test_many_deaths_at_once_are_one_step():
    brake = Brake()
    crash_at_once(brake, 100.0, 3)  # the next may start at 103
    assert [brake.died_young(now) for now in (101.0, 102.0, 102.9)] == [None] * 3
    assert brake.until == 103
    assert brake.died_young(103.0) == 4


def test_a_worker_that_lives_ends_it():
    brake = Brake()
    crash_at_once(brake, 100.0, 4)
    assert brake.until == 107
    brake.lived(started=90.0)  # it is older than the trouble, and proves nothing
    assert brake.holds(106.0)
    brake.lived(started=107.0)
    assert crash_at_once(brake, 200.0, 3) == [0, 1, 2]


def test_something_new_may_start_at_once():
    brake = Brake()
    crash_at_once(brake, 100.0, 5)
    assert brake.holds(110.0)
    brake.release()
    assert not brake.holds(110.0)
    assert brake.died_young(110.0) == 0


def test_years_of_crashing():
    brake = Brake()
    assert crash_at_once(brake, 0.0, 10_000)[-1] == 32
