"""Units, latencies, summaries and ratios: the arithmetic between raw repeats and what people read."""

from __future__ import annotations

import copy
import random

import pytest

from gateway_bench.load.latency import HIGHEST_US, Latencies, summarize
from gateway_bench.record.document import Range, Repeat
from gateway_bench.record.summary import cpu_us, range_of, ratios_of, results_of, throughput
from gateway_bench.report import units

BLANK: Repeat = {
    "gateway": "cgi",
    "scenario": "hello",
    "round": 1,
    "position": 1,
    "started": "2026-01-31T00:00:00+00:00",
    "seconds": 2.0,
    "requests": 100,
    "errors": {},
    "content_bytes": 1400,
    "latency": Latencies().together(),
    "exchanges": {},
    "cpu_seconds": 0.5,
    "spawned": 100,
    "lost_events": 0,
    "processes": 2,
    "others_share": 0.0,
    "memory": {"kind": "pss", "samples": [], "median": 10, "peak": 20},
    "generator": {"cpu_seconds": 0.1, "share": 0.05, "saturated": False},
}


PAIR = ("hello", "ours", "peer")
ROWS = {name: ["hello", "page"] for name in "abcde"}


def repeat(**fields: object) -> Repeat:
    return copy.deepcopy(BLANK) | fields  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(0, "0 µs"), (0.4, "0.400 µs"), (85.44, "85.4 µs"), (999.4, "999 µs"), (999.6, "1.00 ms"), (1000, "1.00 ms"),
     (12_345, "12.3 ms"), (214_000, "214 ms"), (999_400, "999 ms"), (999_600, "1.00 s"), (61_000_000, "61.0 s")],
)  # fmt: skip
def test_duration(microseconds: float, text: str) -> None:
    assert units.duration(microseconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (0.9999, "1.00"), (9.999, "10.0"), (99.96, "100"), (12_345, "12,300")],
)
def test_figure_has_three_digits(value: float, text: str) -> None:
    assert units.figure(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(100.0, 100.2, ""), (61.8, 65.5, "61.8..65.5 µs"), (900.0, 1100.0, "900 µs..1.10 ms")],
)
def test_spread_says_the_unit_once(low: float, high: float, text: str) -> None:
    assert units.spread(Range(median=low, min=low, max=high)) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0, "bytes", "0 B"), (12_288, "bytes", "12.0 KiB"), (-5_000_000, "bytes", "-4.77 MiB"), (61.2, "us", "61.2 µs"),
     (0.6, "x", "0.600x"), (5760, "requests/s", "5,760/s"), (0, "", "0"), (1_000_000, "", "1,000,000"),
     (998.4, "", "998")],
)  # fmt: skip
def test_a_figure_is_shown_in_its_unit(value: float, unit: str, text: str) -> None:
    assert units.shown(value, unit) == text


@pytest.mark.parametrize(("value", "text"), [(None, "?"), (1.0, "1"), (0.0, "0"), (1.0625, "1.062")])
def test_per_request(value: float | None, text: str) -> None:
    assert units.per_request(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (20, "20 µs"), (500_000, "500 ms"), (2_000_000, "2 s")])
def test_ticks_are_short(value: float, text: str) -> None:
    assert units.duration_tick(value) == text


def test_percentiles_are_right_to_a_thousandth() -> None:
    dice = random.Random(1)
    values = sorted(int(dice.lognormvariate(7, 1)) + 1 for _ in range(20_000))
    latencies = Latencies()
    for value in values:
        latencies.record("GET /", value)
    told = latencies.together()
    assert told["count"] == len(values)
    for key, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        assert told[key] == pytest.approx(values[int(share * len(values)) - 1], rel=2e-3)  # type: ignore[literal-required]
    assert told["max"] == pytest.approx(values[-1], rel=1e-3)


def test_histograms_add_up_to_the_same_as_counting_together() -> None:
    apart, together = Latencies(), Latencies()
    for value in range(1, 5000):
        apart.record("GET /" if value % 3 else "POST /", value)
        together.record("all", value)
    assert summarize(apart.by_name().values()) == together.together()
    assert list(apart.by_name()) == ["GET /", "POST /"]


def test_a_latency_out_of_bounds_is_counted_at_the_bound() -> None:
    latencies = Latencies()
    latencies.record("x", 0)
    latencies.record("x", 10 * HIGHEST_US)
    told = latencies.together()
    assert told["count"] == 2
    assert told["max"] == pytest.approx(HIGHEST_US, rel=1e-3)


def test_no_latency_at_all() -> None:
    assert {key: value for key, value in Latencies().together().items() if key != "histogram"} == dict.fromkeys(
        ("count", "p50", "p90", "p99", "max"), 0
    )


def test_results_are_medians_with_the_range_beside_them() -> None:
    group = [repeat(cpu_seconds=seconds, round=number) for number, seconds in enumerate((0.5, 0.9, 0.6), 1)]
    (result,) = results_of(group)
    assert result["cpu_us_per_request"] == {"median": 6000.0, "min": 5000.0, "max": 9000.0}
    assert result["spawned_per_request"] == {"median": 1.0, "min": 1.0, "max": 1.0}
    assert (result["repeats"], result["requests"], result["ranked"]) == (3, 300, True)
    assert result["throughput_rps"]["median"] == 50.0


def test_errors_are_no_throughput_and_take_the_rank() -> None:
    (result,) = results_of([repeat(errors={"status 500": 40}), repeat(errors={"content": 1, "status 500": 1})])
    assert result["errors"] == {"content": 1, "status 500": 41}
    assert result["throughput_rps"]["min"] == 30.0
    assert not result["ranked"]


def test_a_saturated_generator_makes_a_lower_bound() -> None:
    busy = {"cpu_seconds": 1.9, "share": 0.95, "saturated": True}
    (result,) = results_of([repeat(), repeat(generator=busy), repeat()])
    assert result["lower_bound"]
    assert not result["ranked"]


def test_the_kinds_of_request_of_a_visit_are_told_apart() -> None:
    def of(hello: int, sleep: int) -> Repeat:
        latencies = Latencies()
        latencies.record("GET /hello", hello, 19)
        latencies.record("GET /sleep", sleep)
        return repeat(exchanges=latencies.by_name())

    (result,) = results_of([of(100, 1000), of(200, 900), of(300, 800)])
    assert {name: range_["median"] for name, range_ in result["exchanges_p99_us"].items()} == {
        "GET /hello": 200, "GET /sleep": 900,
    }  # fmt: skip
    assert "exchanges_p99_us" not in results_of([repeat()])[0]


def test_nobody_counted_is_not_zero() -> None:
    (result,) = results_of([repeat(spawned=None)])
    assert result["spawned_per_request"] is None


def test_no_request_divides_by_nothing() -> None:
    assert cpu_us(repeat(requests=0)) == 0
    assert throughput(repeat(requests=0)) == 0
    (result,) = results_of([repeat(requests=0)])
    assert result["spawned_per_request"] is None


def test_groups_keep_their_order() -> None:
    results = results_of([repeat(gateway="b"), repeat(gateway="a"), repeat(gateway="b", scenario="page")])
    assert [(result["gateway"], result["scenario"]) for result in results] == [
        ("b", "hello"), ("a", "hello"), ("b", "page"),
    ]  # fmt: skip


def test_ratios_pair_the_repeats_of_one_round() -> None:
    # In the second round the machine is ten times slower for both: paired, that does not show.
    fast = [repeat(gateway="ours", round=1, requests=1000), repeat(gateway="peer", round=1, requests=200)]
    slow = [repeat(gateway="ours", round=2, requests=100), repeat(gateway="peer", round=2, requests=20)]
    (ratio,) = ratios_of([*fast, *slow], [PAIR, PAIR, ("page", "ours", "peer")])
    assert ratio["throughput"] == range_of([5.0, 5.0])
    assert ratio["cpu"]["median"] == pytest.approx(0.2)
    assert ratio["against"] == "peer"


@pytest.mark.parametrize("broken", [{"errors": {"timeout": 1}}, {"requests": 0}, {"cpu_seconds": 0.0}, {"round": 2}])
def test_no_ratio_with_a_repeat_that_is_no_measurement(broken: dict[str, object]) -> None:
    assert ratios_of([repeat(gateway="ours"), repeat(gateway="peer", **broken)], [PAIR]) == []
