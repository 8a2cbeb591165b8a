"""Units, latencies, summaries and ratios: the arithmetic between raw repeats and what people read."""

from __future__ import annotations

import copy
import random

import pytest

from gateway_bench.load.latency import HIGHEST_US, Latencies, described, summarize
from gateway_bench.record.document import GatewayRecord, Generator, Repeat, Usage
from gateway_bench.record.statistics import estimate
from gateway_bench.record.summary import cpu_us, results_of, throughput
from gateway_bench.record.ties import band_for, bands_of, ranks, ratios_of
from gateway_bench.report import units

USED: Usage = {
    "cpu_seconds": 0.5, "system_seconds": 0.2, "minor_faults": 300, "major_faults": 0, "voluntary_switches": 150,
    "involuntary_switches": 50, "memory": {"kind": "pss", "samples": [], "median": 10, "peak": 20},
}  # fmt: skip
IDLE: Generator = {**USED, "cpu_seconds": 0.1, "share": 0.05, "saturated": False}
BLANK: Repeat = {
    "gateway": "cgi",
    "scenario": "hello",
    "question": "capacity",
    "rate": None,
    "shape": "",
    "offered": None,
    "users": 4,
    "round": 1,
    "position": 1,
    "started": "2026-01-31T00:00:00+00:00",
    "engine": "locust",
    "warmup": {"seconds": 0.5, "rates": [50.0], "settled": True},
    "seconds": 2.0,
    "requests": 100,
    "errors": {},
    "content_bytes": 1400,
    "latency": described([(1_000, 50), (3_000, 50)]),
    "exchanges": {},
    "lateness": None,
    "timeline": [],
    "server": USED,
    "front": None,
    "generator": IDLE,
    "spawned": 100,
    "births_from": "events",
    "lost_events": 0,
    "processes": 2,
    "others_share": 0.0,
    "queue_wait": None,
    "connections": None,
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
    assert units.spread(estimate([low, high])) == text


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
        ("count", "p50", "p90", "p99", "p999", "max"), 0
    )


def used(cpu_seconds: float) -> Usage:
    return {**USED, "cpu_seconds": cpu_seconds}


def row(name: str, again: str = "") -> GatewayRecord:
    return {"name": name, "again": again}  # type: ignore[typeddict-item]  # nothing else is asked


def test_results_are_medians_with_interval_and_range_beside_them() -> None:
    group = [repeat(server=used(seconds), round=number) for number, seconds in enumerate((0.5, 0.9, 0.6), 1)]
    (result,) = results_of(group)
    assert result["cpu_us_per_request"] == {
        "median": 6000.0, "low": 5000.0, "high": 9000.0, "min": 5000.0, "max": 9000.0,
        "values": [5000.0, 9000.0, 6000.0],
    }  # fmt: skip
    assert result["spawned_per_request"] == estimate([1, 1, 1])
    assert (result["repeats"], result["requests"], result["ranked"]) == (3, 300, True)
    assert result["throughput_rps"]["median"] == 50.0
    assert result["switches_per_request"] == estimate([2, 2, 2])
    assert result["faults_per_request"] == estimate([3, 3, 3])
    assert result["generator_cpu_us_per_request"]["median"] == 1000.0


def test_what_the_system_did_not_tell_of_every_repeat_has_no_figure() -> None:
    silent: Usage = {**USED, "voluntary_switches": None, "memory": None}
    (result,) = results_of([repeat(), repeat(server=silent)])
    assert result["switches_per_request"] is result["memory_peak_bytes"] is None
    assert result["cpu_us_per_request"] is not None
    (elsewhere,) = results_of([repeat(server=None)])
    assert elsewhere["cpu_us_per_request"] is elsewhere["faults_per_request"] is None


def test_a_front_has_figures_of_its_own() -> None:
    (result,) = results_of([repeat(front=used(0.3))])
    assert result["front_cpu_us_per_request"] == estimate([3000])
    assert result["front_memory_peak_bytes"] == estimate([20])
    (direct,) = results_of([repeat()])
    assert direct["front_cpu_us_per_request"] is direct["front_memory_peak_bytes"] is None


@pytest.mark.parametrize(
    ("count", "known"),
    [(20, []), (99, []), (100, ["p90"]), (999, ["p90"]), (1_000, ["p90", "p99"]), (10_000, ["p90", "p99", "p999"])],
)
def test_a_percentile_that_too_few_requests_support_is_left_out(count: int, known: list[str]) -> None:
    enough, few = repeat(latency=described([(500, 20_000)])), repeat(latency=described([(500, count)]))
    (result,) = results_of([enough, few])
    assert [name for name in ("p90", "p99", "p999") if result[f"{name}_us"]] == known  # type: ignore[literal-required]
    assert result["p50_us"]["values"] == pytest.approx([500, 500], rel=1e-3)


def test_a_percentile_that_nobody_kept_is_left_out() -> None:
    (result,) = results_of([repeat(latency={**described([(500, 20_000)]), "p999": 0})])
    assert result["p99_us"]
    assert result["p999_us"] is None


def test_an_outlier_is_kept_and_moves_no_median() -> None:
    (result,) = results_of([repeat(server=used(seconds)) for seconds in (0.5, 0.5, 5.0, 0.5, 0.5)])
    cpu = result["cpu_us_per_request"]
    assert cpu
    assert (cpu["median"], cpu["max"], cpu["values"][2]) == (5_000, 50_000, 50_000)


def test_questions_are_never_mixed() -> None:
    asked = repeat(question="latency", rate=25.0, lateness=described([(7, 1_000)]))
    capacity, latency = results_of([repeat(), asked, repeat(question="shape", shape="spike")])
    assert (capacity["question"], capacity["rate"], capacity["lateness_p99_us"]) == ("capacity", None, None)
    assert (latency["question"], latency["rate"], latency["lateness_p99_us"]) == (
        "latency", estimate([25.0]), estimate([7.0]),
    )  # fmt: skip


def test_errors_are_no_throughput_and_take_the_rank() -> None:
    (result,) = results_of([repeat(errors={"status 500": 40}), repeat(errors={"content": 1, "status 500": 1})])
    assert result["errors"] == {"content": 1, "status 500": 41}
    assert result["throughput_rps"]["min"] == 30.0
    assert not result["ranked"]


@pytest.mark.parametrize(("question", "bound"), [("capacity", True), ("latency", False)])
def test_a_saturated_generator_makes_a_lower_bound(question: str, bound: bool) -> None:
    busy = {**IDLE, "cpu_seconds": 1.9, "share": 0.95, "saturated": True}
    (result,) = results_of([repeat(question=question, **more) for more in ({}, {"generator": busy}, {})])
    assert result["lower_bound"] is bound
    assert result["ranked"] is not bound


def test_the_kinds_of_request_of_a_visit_are_told_apart() -> None:
    def of(hello: int, sleep: int, often: int = 1_000) -> Repeat:
        latencies = Latencies()
        latencies.record("GET /hello", hello, 1_900)
        latencies.record("GET /sleep", sleep, often)
        return repeat(exchanges=latencies.by_name())

    def p99(*group: Repeat) -> dict[str, float]:
        (result,) = results_of(group)
        return {name: found["median"] for name, found in result["exchanges_p99_us"].items()}

    assert p99(of(100, 1000), of(200, 900), of(300, 800)) == {"GET /hello": 200, "GET /sleep": 900}
    assert p99(of(100, 1000), of(200, 900, often=100)) == {"GET /hello": 150}  # the other was asked for too rarely
    assert p99(repeat()) == {}


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
    assert ratio["throughput"] == estimate([5.0, 5.0])
    assert ratio["cpu"]
    assert ratio["cpu"]["median"] == pytest.approx(0.2)
    assert ratio["p99"] is None
    assert (ratio["question"], ratio["against"], ratio["ties"]) == ("capacity", "peer", None)


def test_each_question_that_both_were_asked_has_a_ratio() -> None:
    asked = [
        repeat(gateway=name, question=question, rate=9.0) for name in PAIR[1:] for question in ("latency", "shape")
    ]
    assert [ratio["question"] for ratio in ratios_of(asked, [PAIR])] == ["latency"]
    both = [*asked, *(repeat(gateway=name) for name in PAIR[1:])]
    assert [ratio["question"] for ratio in ratios_of(both, [PAIR])] == ["capacity", "latency"]


@pytest.mark.parametrize("broken", [{"errors": {"timeout": 1}}, {"requests": 0}, {"round": 2}])
def test_no_ratio_with_a_repeat_that_is_no_measurement(broken: dict[str, object]) -> None:
    assert ratios_of([repeat(gateway="ours"), repeat(gateway="peer", **broken)], [PAIR]) == []


def test_no_ratio_of_cpu_that_was_too_little_to_count() -> None:
    (ratio,) = ratios_of([repeat(gateway="ours"), repeat(gateway="peer", server=used(0.0))], [PAIR])
    assert ratio["cpu"] is None


def run(**requests: tuple[int, ...]) -> list[Repeat]:
    """Rows of capacity that made so many requests in each round, in the same time with the same CPU."""
    return [
        repeat(gateway=name, round=number, requests=made)
        for name, rounds in requests.items()
        for number, made in enumerate(rounds, 1)
    ]


TWICE = {"a": (100, 100, 100), "a2": (110, 100, 95)}
A_ROWS = [row("a"), row("a2", again="a")]


def test_a_row_measured_twice_has_bands() -> None:
    bands = {band["figure"]: band for band in bands_of(run(**TWICE), A_ROWS)}
    assert set(bands) == {"throughput", "cpu", "p50"}  # p99 has too few requests
    speed = bands["throughput"]
    assert (speed["gateway"], speed["again"], speed["scenario"], speed["question"]) == ("a", "a2", "hello", "capacity")
    assert speed["ratio"]["values"] == pytest.approx([100 / 110, 1.0, 100 / 95])
    assert (speed["low"], speed["high"]) == pytest.approx((95 / 100, 100 / 95))
    assert bands_of(run(**TWICE), [row("a"), row("a2")]) == []
    assert bands_of(run(a=(100, 100), a2=(100, 90)), A_ROWS) == []


def test_an_open_loop_has_no_band_of_throughput() -> None:
    asked = [one | {"question": "latency"} for one in run(**TWICE)]
    assert {band["figure"] for band in bands_of(asked, A_ROWS)} == {"cpu", "p50"}


def test_a_band_decides_in_its_scenario_and_the_widest_elsewhere() -> None:
    wide = [one | {"scenario": "page"} for one in run(a=(100, 100, 100), a2=(120, 120, 90))]
    bands = bands_of([*run(**TWICE), *wide], A_ROWS)
    assert band_for(bands, "hello", "capacity", "throughput") == pytest.approx((95 / 100, 100 / 95))
    assert band_for(bands, "page", "capacity", "throughput") == pytest.approx((100 / 120, 120 / 100))
    assert band_for(bands, "journey", "capacity", "throughput") == pytest.approx((100 / 120, 120 / 100))
    assert band_for(bands, "hello", "latency", "throughput") is band_for([], "hello", "capacity", "cpu") is None


def test_a_ratio_says_in_which_figures_it_is_a_tie() -> None:
    repeats = run(**TWICE, b=(104, 99, 103), c=(150, 150, 150))
    near, far = ratios_of(repeats, [("hello", "b", "a"), ("hello", "c", "a")], bands_of(repeats, A_ROWS))
    assert near["ties"] == ["throughput", "cpu", "p50"]
    assert far["ties"] == ["p50"]


def test_a_figure_that_the_pair_did_not_have_is_held_against_what_is_believed_without() -> None:
    rows = [*run(**TWICE), *run(b=(100, 100, 100), c=(100, 100, 100), d=(100, 100, 100))]
    for one in rows:  # a and a2 were asked too few times for a p99
        p99 = {"b": 5_000, "c": 5_200, "d": 6_000}.get(one["gateway"])
        one["latency"] = described([(1_000, 2_000), (p99, 100)]) if p99 else described([(1_000, 99)])
    bands = bands_of(rows, A_ROWS)
    assert "p99" not in {band["figure"] for band in bands}
    near, far = ratios_of(rows, [("hello", "c", "b"), ("hello", "d", "b")], bands)
    assert near["ties"] == ["throughput", "cpu", "p50", "p99"]
    assert far["ties"] == ["throughput", "cpu", "p50"]


def places(repeats: list[Repeat], figure: str = "throughput") -> dict[str, int]:
    return ranks(repeats, bands_of(repeats, A_ROWS), "hello", "capacity", figure)


def test_rows_that_tie_share_a_place() -> None:
    repeats = run(**TWICE, b=(104, 99, 103), c=(150, 150, 150), d=(50, 50, 50))
    assert places(repeats) == {"a": 2, "a2": 2, "b": 2, "c": 1, "d": 5}
    assert places(repeats, "cpu") == {"a": 2, "a2": 2, "b": 2, "c": 1, "d": 5}


def test_in_a_chain_of_ties_a_place_is_1_more_for_each_row_that_is_surely_better() -> None:
    # b ties with a2, and c with b, but b not with a, nor c with a or a2.
    repeats = run(a=(100, 100, 100), a2=(95, 95, 95), b=(93, 93, 94), c=(89, 89, 89))
    assert places(repeats) == {"a": 1, "a2": 1, "b": 2, "c": 3}


def test_errors_and_lower_bounds_have_no_place() -> None:
    busy = {**IDLE, "saturated": True}
    broken, bounded = repeat(gateway="broken", errors={"content": 1}), run(bounded=(500, 500, 500))
    for one in bounded:
        one["generator"] = busy  # type: ignore[typeddict-item]
    repeats = [*run(**TWICE), broken, *bounded]
    assert places(repeats) == {"a": 2, "a2": 2}  # somebody is surely better, by how much nobody knows
    assert places(repeats, "cpu") == {"bounded": 1, "a": 2, "a2": 2}  # which does not depend on the generator


def test_without_a_band_nobody_has_a_place() -> None:
    assert places(run(a=(100, 100), b=(50, 50))) == {}
