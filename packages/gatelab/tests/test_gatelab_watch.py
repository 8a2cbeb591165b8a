"""One server over time."""

from __future__ import annotations

from gatelab.errors import Unreachable
from gatelab.target import parse_target
from gatelab.watch import CURVE, Watch
from gatelab_samples import report, thread, worker


def at(second, requests, **changes):
    return report([worker(threads=[thread(requests)], age_s=second)], uptime_s=float(second), **changes)


def watching(*reports):
    watch = Watch(parse_target("unix:/run/app.status"))
    for one in reports:
        watch.take(one)
    return watch


def test_before_and_after_the_first_report():
    watch = watching()
    assert (watch.report, watch.rate, watch.trouble) == (None, None, "")
    assert watch.take(at(1, 0)) is False
    assert (watch.rate, list(watch.curve)) == (None, [])


def test_rates_and_their_curve():
    watch = watching(at(1, 0), at(2, 10), at(4, 60))
    assert (watch.rate, list(watch.curve)) == (25.0, [10.0, 25.0])


def test_the_same_report_again_changes_nothing():
    watch = watching(at(1, 0), at(2, 10), at(2, 10))
    assert (watch.rate, list(watch.curve)) == (10.0, [10.0])


def test_a_silence_and_its_end():
    watch = watching(at(1, 0), at(2, 10))
    watch.miss(Unreachable("nobody listens there"))
    assert (watch.trouble, watch.rate, watch.report) == ("nobody listens there", None, at(2, 10))
    assert watch.take(at(4, 30)) is False
    assert (watch.trouble, watch.rate, list(watch.curve)) == ("", 10.0, [10.0, 10.0])


def test_another_process_begins_anew():
    watch = watching(at(100, 0), at(101, 10))
    assert watch.take(at(1, 5, pid=5000)) is True
    assert (watch.rate, list(watch.curve)) == (None, [])
    assert watch.take(at(2, 7, pid=5000)) is False
    assert watch.rate == 2.0


def test_another_process_with_the_pid_of_the_first():
    watch = watching(at(100, 0), at(101, 10))
    assert watch.take(at(1, 500)) is True
    assert watch.rate is None


def test_the_curve_has_an_end():
    watch = watching(*(at(second, 10 * second) for second in range(CURVE + 10)))
    assert list(watch.curve) == [10.0] * CURVE
