"""Sentences: they say what the figures say, and no order where the record has none."""

from __future__ import annotations

import copy

import pytest

from bench_record_maker import FIVE, made_up, row
from gateway_bench.record.document import Document, Estimate, Ratio, Result
from gateway_bench.report import findings, method
from gateway_bench.report.charts_backends import backends_finding
from gateway_bench.report.charts_cgi import cgi_finding, zygote_finding
from gateway_bench.report.charts_evolution import switches_finding
from gateway_bench.report.charts_latency import latency_sentence
from gateway_bench.report.charts_peers import peers_finding
from gateway_bench.report.charts_split import split_finding
from gateway_bench.report.measures import MEASURES, level, tie
from gateway_bench.report.units import interval, unbroken
from gateway_bench.suites import suite_named


@pytest.fixture(scope="module")
def made() -> Document:
    return made_up(scenarios=("hello",), requests=100)


@pytest.fixture
def document(made: Document) -> Document:
    return copy.deepcopy(made)


def estimate(median: float, low: float | None = None, high: float | None = None) -> Estimate:
    low, high = median if low is None else low, median if high is None else high
    return Estimate(median=median, low=low, high=high, min=low, max=high, values=[low, median, high])


def of(document: Document, **medians: float) -> list[Result]:
    """Return results of a closed loop with these requests a second, a sharp interval, and no bands."""
    document["bands"], document["ratios"] = [], []
    results = findings.of_scenario(document, "hello")
    chosen = [result for result in results if result["gateway"] in medians]
    for result in chosen:
        result["throughput_rps"] = estimate(medians[result["gateway"]])
    return chosen


def ranked(document: Document, results: list[Result]) -> str:
    return findings.ranking(document, results, MEASURES["throughput"])


def test_the_best_and_the_last(document: Document) -> None:
    results = of(document, fastcgi=1000, scgi=800, wsgi=1200)
    assert ranked(document, results) == "WSGI over HTTP answers the most requests a second, 1,200; SCGI the fewest, 800"
    said = findings.ranking(document, results, MEASURES["throughput"], "Hello")
    assert said.startswith("WSGI over HTTP answers the most requests a second (Hello), 1,200")


def test_no_order_among_those_that_tie(document: Document) -> None:
    results = of(document, fastcgi=1000, scgi=1010, wsgi=1200, uwsgi=1195)
    assert ranked(document, results) == (
        "WSGI over HTTP answers the most requests a second, 1,200 (a tie with uwsgi); FastCGI the fewest, 1,000"
    )
    alike = of(document, fastcgi=1000, scgi=1010)
    assert ranked(document, alike) == "Right answers a second: all 2 rows tie"


def test_no_order_with_errors(document: Document) -> None:
    results = of(document, fastcgi=1000, scgi=800, wsgi=5000)
    results[-1]["errors"] = {"status 500": 1}
    assert "5,000" not in ranked(document, results)
    for result in results:
        result["errors"] = {"content": 2}
    assert ranked(document, results) == "Right answers a second: no order, for there were errors"


def test_no_order_for_lower_bounds(document: Document) -> None:
    results = of(document, fastcgi=1000, scgi=800, uwsgi=900, wsgi=5000)
    results[-1]["lower_bound"] = True
    assert ranked(document, results) == (
        "Of the rows that can be ranked FastCGI answers the most requests a second, 1,000; SCGI the fewest, 800"
    )
    results[-1]["throughput_rps"] = estimate(700)  # it may be slower than SCGI, or quicker
    assert "the fewest" not in ranked(document, results)
    for result in results:
        result["lower_bound"] = True
    assert ranked(document, results) == "Right answers a second: no order, for the generator was the limit"


def test_a_lower_bound_of_capacity_is_none_of_the_cost(document: Document) -> None:
    results = of(document, fastcgi=1000, cgi=20)
    for result in results:
        result["lower_bound"] = True
    assert findings.ranking(document, results, MEASURES["cpu"]).startswith("FastCGI takes the least server CPU")


@pytest.mark.parametrize(
    ("one", "other", "band", "tied"),
    [((100, 100), (104, 104), None, True), ((100, 100), (106, 106), None, False), ((90, 112), (106, 120), None, True),
     ((100, 100), (104, 104), (0.99, 1.01), False), ((100, 100), (112, 112), (0.85, 1.17), True)],
)  # fmt: skip
def test_two_rows_tie_within_the_band(
    document: Document,
    one: tuple[float, float],
    other: tuple[float, float],
    band: tuple[float, float] | None,
    tied: bool,
) -> None:
    bands = document["bands"]
    first, second = of(document, fastcgi=1, scgi=1)
    for result, (low, high) in ((first, one), (second, other)):
        result["throughput_rps"] = estimate((low + high) / 2, low, high)
    if band:
        kept = next(one for one in bands if (one["figure"], one["question"]) == ("throughput", "capacity"))
        document["bands"] = [{**kept, "low": band[0], "high": band[1]}]
    assert tie(document, first, second, MEASURES["throughput"]) == tied
    assert tie(document, second, first, MEASURES["throughput"]) == tied


def test_a_ratio_of_the_record_decides_over_the_medians(document: Document) -> None:
    ratio = next(one for one in document["ratios"] if one["gateway"] == "scgi")
    first, second = of(document, fastcgi=1000, scgi=2000)
    document["ratios"] = [{**ratio, "ties": ["throughput"]}]
    assert tie(document, first, second, MEASURES["throughput"])
    document["ratios"] = [{**ratio, "ties": []}]
    second["throughput_rps"] = estimate(1001)
    assert not tie(document, first, second, MEASURES["throughput"])


def test_one_repeat_ranks_nobody_who_is_near(document: Document) -> None:
    results = of(document, fastcgi=1000, scgi=790, wsgi=1200)
    for result in results:
        result["throughput_rps"]["values"] = [result["throughput_rps"]["median"]]
    assert ranked(document, results) == (
        "WSGI over HTTP answers the most requests a second, 1,200 (a tie with FastCGI); SCGI the fewest, 790"
    )


def test_a_front_whose_cost_the_clock_cannot_tell_is_in_no_sentence(document: Document) -> None:
    results = findings.of_scenario(document, "hello")
    for result in results:
        if result["front_cpu_us_per_request"]:
            result["front_cpu_us_per_request"] = estimate(0 if result["gateway"] == "cgi-behind" else 80)
            result["requests"] = 10 if result["gateway"] == "cgi-behind" else 5_000
    assert split_finding(document, results) == "A front adds 80.0 µs of processor time to a request"


def test_a_ratio_within_chance() -> None:
    def ratio(low: float, high: float, ties: list[str] | None) -> Ratio:
        found = estimate((low + high) / 2, low, high)
        return Ratio(scenario="hello", question="capacity", gateway="a", against="b", throughput=found, cpu=None,
                     p50=found, p99=found, ties=ties, lower_bound=False)  # fmt: skip

    assert level(ratio(1.01, 1.2, None), "throughput")
    assert not level(ratio(1.06, 1.2, None), "throughput")
    assert level(ratio(1.06, 1.2, ["throughput"]), "throughput")
    assert not level(ratio(1.0, 1.0, []), "throughput")
    assert not level(ratio(1.0, 1.0, None), "cpu")


# -- evolution ---------------------------------------------------------------------------------------------------------


def test_the_headline_ranks_nobody_who_stays_alive(document: Document) -> None:
    said = findings.headline(document)
    assert said.startswith("A process for each request costs 6")
    assert " to " in said
    assert "times less" in said
    assert not any(label in said for label in ("FastCGI", "SCGI", "uwsgi", "front"))


def test_findings_claim_nothing_about_wrong_answers(document: Document) -> None:
    for result in document["results"]:
        result["errors"] = {"status 500": 1}
    assert findings.headline(document) == "Server CPU for one request (hello)"
    assert "times" not in findings.cpu_finding(document)
    assert "no order" in findings.throughput_finding(document)


def test_processes_for_each_request(document: Document) -> None:
    assert findings.spawned_finding(document) == "CGI starts exactly one process for each request, the others none"
    for result in document["results"]:
        if result["gateway"] == "scgi":
            result["spawned_per_request"] = estimate(1)
    assert findings.spawned_finding(document).startswith("CGI and SCGI start exactly one process")
    document["results"][0]["spawned_per_request"] = estimate(1.5)
    assert findings.spawned_finding(document) == "Processes started for a request"


def test_latency_is_that_at_a_rate_where_there_is_one(document: Document) -> None:
    said = findings.latency_finding(document)
    assert said.startswith("Coming at 50 % of what each can do, half of the visitors wait ")
    for result in document["results"]:
        if result["gateway"] == "wsgi" and result["rate"]:
            result["rate"] = estimate(1000)
    assert findings.latency_finding(document).startswith("Coming at 50 % of what each can do, 1,000 a second at most, ")
    document["results"] = findings.capacity(document)
    assert findings.latency_finding(document).startswith("At full load ")


def test_a_percentile_is_only_claimed_where_all_rows_have_the_requests_for_it() -> None:
    def said(requests: int, *names: str) -> str:
        document = made_up({name: FIVE[name] for name in names}, scenarios=("hello",), requests=requests)
        return latency_sentence(document, findings.of_scenario(document, "hello", "latency"))

    assert "99 of 100 visitors" in said(1_500, "fastcgi", "scgi")
    assert "9 of 10 visitors" in said(100, "fastcgi", "scgi")
    assert "half of its visitors" in said(1_500, "fastcgi", "cgi")


def test_no_order_of_switches_with_rows_whose_programs_tell_of_none(document: Document) -> None:
    for result in document["results"]:
        result["switches_per_request"] = estimate({"cgi": 0.5, "wsgi": 1.0}.get(result["gateway"], 2.0))
    said = switches_finding(document)
    assert said.startswith("WSGI over HTTP makes the fewest context switches for a request, 1.00")
    assert "CGI the" not in said.replace("FastCGI", "").replace("SCGI", "")


def test_fewest_system_calls(document: Document) -> None:
    assert findings.calls_finding(document, "hello").startswith(
        "WSGI over HTTP makes 5.45 system calls for a request, "
    )
    for one in document["syscalls"]:
        one["calls"] = {"read": 200}
    assert findings.calls_finding(document, "hello") == "Each of them makes 1.00 system calls for a request"


# -- other suites ------------------------------------------------------------------------------------------------------


@pytest.fixture
def peers() -> Document:
    rows = {
        name: (row(name, label), cost)
        for name, label, cost in (("gatelab", "wsgi_server", 100.0), ("bjoern", "bjoern", 40.0),
                                  ("waitress", "waitress", 500.0), ("cheroot", "cheroot", 101.0))
    }  # fmt: skip
    document = made_up(rows, "peers", ("hello",), requests=50)
    document["ratios"] = [
        Ratio(scenario="hello", question="capacity", gateway="gatelab", against=name, throughput=estimate(times),
              cpu=None, p50=estimate(1), p99=estimate(1), ties=ties, lower_bound=False)
        for name, times, ties in (("bjoern", 0.5, []), ("waitress", 3.0, []), ("cheroot", 1.01, ["throughput"]))
    ]  # fmt: skip
    return document


def test_ours_between_the_next_of_the_others(peers: Document) -> None:
    assert peers_finding(peers) == (
        "On one core wsgi_server answers 3.00 times as many requests a second as waitress, and 0.500 of those of "
        "bjoern, the next of the others; wsgi_server ties with cheroot"
    )


def test_peers_that_the_generator_or_errors_limit_are_not_next(peers: Document) -> None:
    limited = copy.deepcopy(peers)
    for result in limited["results"]:
        result["lower_bound"] = result["gateway"] in ("bjoern", "waitress")
    said = peers_finding(limited)
    assert "waitress" not in said  # it might be quicker than we are
    assert "at most 0.500 of those of bjoern" in said
    broken = copy.deepcopy(peers)
    for result in broken["results"]:
        result["errors"] = {"timeout": 1} if result["gateway"] == "waitress" else {}
    assert "waitress" not in peers_finding(broken)


def test_hosts_of_programs() -> None:
    costs = {"ours": 350.0, "apache": 850.0, "lighttpd": 360.0, "app-zygote": 2_000.0, "app-fork-exec": 20_000.0}
    rows = {name: (row(name, name), cost) for name, cost in costs.items()}
    document = made_up(rows, "cgi", ("sh", "app"), requests=20)
    speeds = {"ours": 2_000.0, "app-zygote": 80.0, "app-fork-exec": 8.0}
    for result in document["results"]:
        result["throughput_rps"] = estimate(speeds.get(result["gateway"], 1_000.0))
    document["ratios"] = [
        Ratio(scenario="sh", question="capacity", gateway="ours", against=name, throughput=estimate(times), cpu=None,
              p50=estimate(1), p99=estimate(1), ties=None, lower_bound=False)
        for name, times in (("apache", 2.0), ("lighttpd", 1.04))
    ]  # fmt: skip
    assert (
        cgi_finding(document) == "cgi_runner starts 2,000 programs a second: 2.00 times Apache and as many as lighttpd"
    )
    assert zygote_finding(document) == (
        "A zygote answers 10.0 times as many requests as a new Python for each: 80.0 and 8.00 a second"
    )


def test_other_suites_without_their_rows_say_what_is_shown(document: Document) -> None:
    document["gateways"], document["results"] = [], []
    assert backends_finding(document) == "CPU of a backend for each request, behind nginx"
    assert cgi_finding(document) == "Requests a second, a program for each"
    assert zygote_finding(document) == "The demo application, a process for each request"
    assert findings.goals_finding(document) == "What is promised"


@pytest.mark.parametrize("name", ["evolution", "peers", "backends", "cgi", "proofs", "targets"])
def test_no_finding_fails_on_an_empty_run(name: str) -> None:
    nothing = made_up({}, name, ())
    assert all(isinstance(find(nothing), str) for find in suite_named(name).findings)


# -- the run -----------------------------------------------------------------------------------------------------------


def test_what_is_to_be_read_before_any_figure(document: Document) -> None:
    assert method.warnings(document) == []
    assert document["noise"]
    document["noise"]["fit"], document["noise"]["reasons"] = False, ["the clock of the processor changes"]
    document["complete"] = False
    for repeat in document["repeats"]:
        repeat["others_share"] = 0.4
    broken_off, unfit, others = method.warnings(document)
    assert broken_off.startswith("This run was broken off")
    assert unfit == "The machine was not fit to measure on: the clock of the processor changes."
    assert "do not trust small differences" in others
    assert "not fit: the clock" in method.noise_verdict(document)


def test_one_repeat_is_called_a_look() -> None:
    assert "a look and not a measurement" in method.warnings(made_up(scenarios=("hello",), repeats=1, requests=20))[0]


def test_the_noise_that_nobody_looked_at(document: Document) -> None:
    document["noise"] = None
    assert method.noise_verdict(document) == "Nobody looked at the noise of the machine before this run."


def test_the_band_in_words(document: Document) -> None:
    band = {**document["bands"][0], "low": 0.98, "high": 1.025}
    assert method.band_words(document, band) == (  # type: ignore[arg-type]
        "FastCGI, Hello, closed loop: requests a second from -2.0 % to +2.5 %"
    )


def test_warm_ups_that_did_not_settle(document: Document) -> None:
    assert method.unsettled(document) == ["SCGI, hello, closed loop: 3 of 3", "SCGI, hello, at a set rate: 3 of 3"]


def test_no_line_ends_between_a_figure_and_its_unit() -> None:
    assert unbroken("in 12 ms, 3 s and 5 % of 7 rows") == "in 12\xa0ms, 3\xa0s and 5\xa0% of 7 rows"


def test_an_interval_says_its_unit_once() -> None:
    assert interval(estimate(120, 100, 140)) == "100..140 µs"
    assert interval(estimate(120)) == ""
