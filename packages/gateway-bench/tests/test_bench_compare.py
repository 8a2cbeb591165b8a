"""Two runs side by side: what is called a change, what is not, and what is said of runs that were not made alike."""

from __future__ import annotations

import copy
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench_record_maker import FIVE, made_up, row
from gateway_bench.__main__ import app
from gateway_bench.errors import BenchError
from gateway_bench.record.compare import COMPARED, Change, Comparison, comparison
from gateway_bench.record.document import Document, save_document
from gateway_bench.record.statistics import band_of, estimate, ratio_interval
from gateway_bench.record.summary import results_of
from gateway_bench.record.ties import bands_of
from gateway_bench.terminal.changes import SHOWN, print_comparison

ROWS = {name: FIVE[name] for name in ("fastcgi", "wsgi", "fastcgi-again", "fastcgi-behind")}


def made(seed: int = 1, repeats: int = 5, **costs: float) -> Document:
    """Return a run with these costs, others as usual."""
    rows = {name: (gateway, costs.get(name, cost)) for name, (gateway, cost) in ROWS.items()}
    document = made_up(rows, scenarios=("hello",), repeats=repeats, seed=seed)
    document["bands"] = bands_of(document["repeats"], document["gateways"])
    return document


@pytest.fixture(scope="module")
def runs() -> tuple[Document, Document]:
    """Two runs of which the second has a WSGI server that costs a third more."""
    return made(1), made(2, wsgi=240.0)


@pytest.fixture
def pair(runs: tuple[Document, Document]) -> tuple[Document, Document]:
    return copy.deepcopy(runs)


def find(found: Comparison, gateway: str, figure: str, question: str = "capacity") -> Change:
    """Return the one change of that figure."""
    (change,) = (
        change for change in found["changes"]
        if (change["gateway"], change["figure"], change["question"]) == (gateway, figure, question)
    )  # fmt: skip
    return change


# -- what is a change -----------------------------------------------------------------------------------------------


def test_what_changed_comes_first_and_says_by_how_much(pair: tuple[Document, Document]) -> None:
    found = comparison(*pair)
    first = find(found, "wsgi", "cpu_us_per_request")
    assert first["factor"] == pytest.approx(4 / 3, rel=0.05)
    assert (first["beyond"], first["better"]) == (True, False)
    assert first["low"]
    assert first["band"][1] < first["low"] < first["factor"]
    assert {change["gateway"] for change in found["changes"] if change["beyond"]} == {"wsgi"}
    order = [(change["beyond"], abs(math.log(change["factor"] or 1))) for change in found["changes"]]
    assert order == sorted(order, key=lambda key: (not key[0], -key[1]))


def test_the_first_sentence_counts(pair: tuple[Document, Document]) -> None:
    found = comparison(*pair)
    kinds = [change["beyond"] for change in found["changes"]]
    worse = kinds.count(True)
    assert found["sentence"] == (
        f"{worse} of {len(kinds)} figures changed beyond noise (0 for the better, {worse} for the worse); "
        f"{kinds.count(False)} did not"
    )
    same = comparison(pair[0], copy.deepcopy(pair[0]))
    assert same["sentence"] == f"none of {len(kinds)} figures changed beyond noise; {len(kinds)} did not"
    assert same["warnings"] == []


def test_back_is_the_other_way_round(pair: tuple[Document, Document]) -> None:
    there, back = comparison(*pair), comparison(*reversed(pair))
    for change in there["changes"]:
        other = find(back, change["gateway"], change["figure"], change["question"])
        assert other["beyond"] == change["beyond"]
        assert other["better"] is (None if change["better"] is None else not change["better"])
        if change["factor"]:
            assert other["factor"] == pytest.approx(1 / change["factor"])


def test_more_requests_a_second_are_better() -> None:
    found = comparison(made(1), made(2, wsgi=90.0))
    for figure in ("throughput_rps", "cpu_us_per_request", "p50_us"):
        assert find(found, "wsgi", figure)["better"] is True


def test_throughput_of_an_open_loop_is_no_finding(pair: tuple[Document, Document]) -> None:
    asked = {change["figure"] for change in comparison(*pair)["changes"] if change["question"] == "latency"}
    assert "throughput_rps" not in asked
    assert {"p50_us", "p99_us"} & asked


def test_a_change_is_held_against_the_bands_of_both_runs(pair: tuple[Document, Document]) -> None:
    before, after = pair
    for run, high in ((before, 1.1), (after, 1.5)):
        for band in run["bands"]:
            band |= {"low": 1 / high, "high": high}
    change = find(comparison(before, after), "wsgi", "cpu_us_per_request")
    assert change["band"] == (1 / 1.5, 1.5)
    assert change["beyond"] is False
    after["bands"] = []
    found = comparison(before, after)
    assert find(found, "wsgi", "cpu_us_per_request")["beyond"] is True
    assert find(found, "wsgi", "memory_peak_bytes")["band"] == (1 / 1.05, 1.05)  # memory has no band
    assert "the run after has no A/A pair, so no difference below 5% is believed" in found["warnings"]


@pytest.mark.parametrize(
    ("before", "after", "beyond", "better", "factor"),
    [
        ([0, 0, 0], [1, 1, 1], True, False, None),
        ([0, 0, 0], [0, 1, 1], False, None, None),
        ([1, 1, 1], [1, 1, 1], False, None, 1.0),
        ([1, 1, 1], [0, 0, 0], True, True, 0.0),
        ([1, 1, 1], [2, 2, 2], True, False, 2.0),
    ],
)
def test_counts_that_may_be_zero(
    pair: tuple[Document, Document], before: list[float], after: list[float], beyond: bool, better: bool | None,
    factor: float | None,
) -> None:  # fmt: skip
    for run, values in zip(pair, (before, after), strict=True):
        run["results"][0] |= {"repeats": 3, "spawned_per_request": estimate(values)}
    change = find(comparison(*pair), pair[0]["results"][0]["gateway"], "spawned_per_request")
    assert (change["beyond"], change["better"], change["factor"]) == (beyond, better, factor)


@pytest.mark.parametrize(
    ("spoil", "figures", "reason"),
    [
        ({"errors": {"content": 1}}, {"throughput_rps", "cpu_us_per_request", "p50_us"}, "errors"),
        ({"lower_bound": True}, {"throughput_rps"}, "lower bound"),
        ({"repeats": 2}, {"throughput_rps", "cpu_us_per_request", "p50_us"}, "too few repeats"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_not_judged(
    pair: tuple[Document, Document], spoil: dict[str, Any], figures: set[str], reason: str, which: int
) -> None:
    result = pair[which]["results"][0]
    result |= spoil  # type: ignore[typeddict-item]
    found = comparison(*pair)
    for figure in ("throughput_rps", "cpu_us_per_request", "p50_us"):
        change = find(found, result["gateway"], figure)
        assert (change["reason"], change["beyond"] is None) == ((reason, True) if figure in figures else ("", False))
    assert "cannot be judged" in found["sentence"]
    assert found["changes"][-1]["beyond"] is None  # at the end


def test_an_unchanged_figure_is_called_changed_in_fewer_than_1_of_100() -> None:
    dice, rounds, runs = np.random.default_rng(3), 3, 600
    seen = dict.fromkeys((1.0, 1.2), 0)
    for before, again, after, other in np.exp(dice.normal(0, 0.05, (runs, 4, rounds))):
        bands = [band_of([*(one / two)]) for one, two in ((before, again), (after, other))]
        reach = max(band[1] for band in bands if band)
        for factor in seen:
            low, high = ratio_interval([*before], [*(after * factor)])
            seen[factor] += low > reach or high < 1 / reach
    assert seen[1.0] / runs < 0.02  # found: 6 in 1,000
    assert seen[1.2] / runs == pytest.approx(0.7, abs=0.08)


def test_what_is_zero_in_both_runs_is_no_figure(pair: tuple[Document, Document]) -> None:
    assert {change["figure"] for change in comparison(*pair)["changes"]} == {*COMPARED} - {"spawned_per_request"}


# -- runs that were not made alike ----------------------------------------------------------------------------------


def spoiled(after: Document) -> Iterator[tuple[str, str]]:
    """Change one thing after another, and give it back; say what is to be read of it."""
    places: list[tuple[Any, str, Any, str]] = [
        (after["machine"], "kernel", "7.0", "not alike: the machine's kernel: 6.12.1 before, 7.0 after"),
        (after["machine"], "load_before", 9.0, ""),
        (after["parameters"], "seconds", 9.0, "not alike: seconds: 1.0 before, 9.0 after"),
        (after["parameters"], "engine", "wrk", "not alike: engine: locust before, wrk after"),
        (after["versions"], "nginx", "1.29", "not alike: the version of nginx: 1.26.0 before, 1.29 after"),
        (after["gateways"][1], "version", "2.0", "not alike: wsgi's version: 1.0 before, 2.0 after"),
        (after["gateways"][1], "command", ["x", "y"], "not alike: wsgi's command: python -m wsgi before, x y after"),
        (after["gateways"][1], "workers", 8, "not alike: wsgi's workers: 2 before, 8 after"),
        (after, "suite", "fronts", "not alike: the suite: evolution before, fronts after"),
        (after, "complete", False, "the run after was broken off"),
        (after["noise"], "fit", False, "the machine was not fit for the run after: it was busy"),
        (after, "bands", [], "the run after has no A/A pair, so no difference below 5% is believed"),
    ]
    assert after["noise"]
    after["noise"]["reasons"] = ["it was busy"]
    for where, key, value, sentence in places:
        kept, where[key] = where[key], value
        yield key, sentence
        where[key] = kept


def test_each_way_in_which_runs_were_not_alike_is_said(pair: tuple[Document, Document]) -> None:
    before = pair[0]
    before["machine"]["load_before"] = 1.0
    after = copy.deepcopy(before)
    for key, sentence in spoiled(after):
        assert comparison(before, after)["warnings"] == ([sentence] if sentence else []), key


def test_latencies_at_other_rates_are_other_figures(pair: tuple[Document, Document]) -> None:
    before = pair[0]
    after = copy.deepcopy(before)
    for repeat in after["repeats"]:
        if repeat["gateway"] == "wsgi" and repeat["rate"]:
            repeat["rate"] *= 1.5
    after["results"] = results_of(after["repeats"])
    (warning,) = comparison(before, after)["warnings"]
    assert warning.startswith("not alike: wsgi was asked ")
    assert "latencies are different figures" in warning


def test_rows_of_one_run_alone_are_named(pair: tuple[Document, Document]) -> None:
    before, after = pair
    after["results"] = [result for result in after["results"] if result["gateway"] != "wsgi"]
    found = comparison(before, after)
    assert found["missing"] == ["wsgi hello capacity", "wsgi hello latency"]
    assert all(change["gateway"] != "wsgi" for change in found["changes"])


def test_what_cannot_be_compared_is_refused_in_one_sentence(pair: tuple[Document, Document]) -> None:
    before, after = pair
    with pytest.raises(BenchError, match="no figure in common"):
        comparison(before, made_up({"other": (row("other", "Other"), 300.0)}, scenarios=("hello",)))
    after["suite"] = "proofs"
    for one, other in ((before, after), (after, before)):
        with pytest.raises(BenchError, match="one run at a time"):
            comparison(one, other)


# -- how it is shown ------------------------------------------------------------------------------------------------


def test_every_figure_that_is_compared_can_be_shown() -> None:
    assert list(SHOWN) == list(COMPARED)


def test_the_comparison_is_printed(pair: tuple[Document, Document]) -> None:
    before, after = pair
    after["machine"]["kernel"] = "7.0"
    after["results"].pop()
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    print_comparison(before, after, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in ("figures changed beyond noise", "worse", "within noise", "not alike: the machine's kernel: 6.12.1",
                  "in one of the runs alone: ", "0123456789ab"):  # fmt: skip
        assert words in text
    assert "…" not in text  # nothing is cut at this width


def test_the_comparison_is_data_too(pair: tuple[Document, Document], tmp_path: Any) -> None:
    for document, name in zip(pair, ("before", "after"), strict=True):
        (tmp_path / name).mkdir()
        save_document(document, tmp_path / name / "result.json")
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "before"), str(tmp_path / "after"), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(json.dumps(comparison(*pair)))
