"""The suite `method`: charts and sentences from made-up findings, what they say when it went wrong, and its goals."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bench_method_maker import method_document, proof_of
from bench_record_maker import made_up
from bench_world import ROOT
from gateway_bench.method.table import PROMISES
from gateway_bench.proofs.run import choose
from gateway_bench.record.document import Document
from gateway_bench.record.goals import judge, load_goals
from gateway_bench.record.outcome import save_reference
from gateway_bench.report import findings_method as findings
from gateway_bench.report.chart_style import Picture, styled
from gateway_bench.report.charts import Chart, draw_charts
from gateway_bench.report.page import render_report
from gateway_bench.suites import suite_named

SUITE = suite_named("method")
GOALS = [goal for goal in load_goals(ROOT / "benchmarks" / "goals.toml") if goal.suite == "method"]
FLAT = 4.2
"""Inches: a chart is to stand among words."""
MOST_SECONDS, MOST_QUICK = 240, 40


@pytest.fixture(scope="module")
def made() -> Document:
    return method_document()


@pytest.fixture(scope="module")
def charts(made: Document) -> dict[str, Chart]:
    return draw_charts(SUITE, made)


@pytest.fixture
def document(made: Document) -> Document:
    return copy.deepcopy(made)


def set_figure(document: Document, proof: str, name: str, value: float) -> None:
    next(row for row in proof_of(document, proof)["figures"] if row["name"] == name)["value"] = value


# -- charts ----------------------------------------------------------------------------------------------------------


def drawn(document: Document) -> dict[str, Picture]:
    """Return what is drawn of a record, before it becomes a file."""
    with styled():
        figures = {name: draw(document) for name, draw in SUITE.charts.items()}
    return {name: figure for name, figure in figures.items() if isinstance(figure, Picture)}


def words_of(figure: Picture) -> list[Text]:
    """Return all words of a chart, but for the figures below its scales: some of these are beyond and not drawn."""
    beside = [[*axis.texts, axis.title, axis.yaxis.label, *axis.get_yticklabels()] for axis in figure.axes]
    return [text for part in (figure.texts, *beside) for text in part if text.get_text().strip()]


def test_every_point_has_its_chart_the_same_each_time(document: Document, charts: dict[str, Chart]) -> None:
    again = draw_charts(SUITE, document)
    assert tuple(charts) == SUITE.kept == tuple(SUITE.charts)
    assert {promise.name for promise in PROMISES} | {"cpu"} == {*charts}
    for name, chart in charts.items():
        ElementTree.fromstring(chart.svg)  # our own
        assert again[name].svg == chart.svg
        assert chart.rows, name
        assert all(len(row) == len(chart.headings) for row in chart.rows), name


def test_every_chart_is_flat_and_says_what_is_found(document: Document) -> None:
    said = [find(document) for find in SUITE.findings]
    for name, figure in drawn(document).items():
        assert figure.get_figheight() <= FLAT, name
        assert figure.sentence in said, name
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # only then names of axes have their place
        for text in words_of(figure):
            box = text.get_window_extent(canvas.get_renderer())
            assert figure.bbox.x0 - 1 <= box.x0, (name, text.get_text())
            assert box.x1 <= figure.bbox.x1 + 1, (name, text.get_text())
    assert len({*said}) == len(SUITE.charts)


@pytest.mark.parametrize("name", list(SUITE.charts))
def test_what_was_not_looked_at_has_neither_chart_nor_sentence(name: str) -> None:
    empty = made_up({}, "method", ())
    assert SUITE.charts[name](empty) is None
    assert [find(empty) for find in SUITE.findings] == [""] * len(SUITE.findings)


def test_a_point_that_failed_is_left_out(document: Document) -> None:
    proof_of(document, "chance")["status"] = "failed"
    assert "chance" not in drawn(document)
    assert findings.chance_finding(document) == ""
    proof_of(document, "suspect")["readings"] = []
    assert not {"suspect", "cpu"} & {*drawn(document)}


def test_a_quick_run_is_drawn_too(document: Document) -> None:
    """One round, few requests, one kill, values beyond the scale, a system that tells little."""
    for name, key in (("difference", "round"), ("suspect", "round")):
        proof = proof_of(document, name)
        proof["readings"] = [row for row in proof["readings"] if row[key] == 1]
    proof = proof_of(document, "kept")
    proof["readings"] = [proof["readings"][0], proof["readings"][-1]]
    proof = proof_of(document, "record")
    proof["readings"] = [row for row in proof["readings"] if row["kind"] not in ("memory", "births")]
    proof = proof_of(document, "rounding")
    proof["readings"].append({"kept": "locust", "ms": 4_300, "count": 60})
    figures = drawn(document)
    assert {*figures} == {*SUITE.charts}
    assert "one round" in figures["difference"].subtitle


def test_the_report_is_whole(document: Document, charts: dict[str, Chart]) -> None:
    text = render_report(SUITE, document, charts)
    assert "Why the bench measures as it does" in text
    assert all(SUITE.captions[name] for name in SUITE.charts)


def test_a_whole_run_is_kept_under_its_name(
    document: Document, charts: dict[str, Chart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_already = lambda _, __, kept: {name: charts[name] for name in kept}  # noqa: E731
    monkeypatch.setattr("gateway_bench.record.outcome.draw_charts", drawn_already)
    (tmp_path / "benchmarks").mkdir()
    folder = save_reference(document, SUITE, tmp_path)
    names = {path.name for path in folder.iterdir()}
    assert names == {"method.json", "method.csv", "method"}
    assert {path.name for path in (folder / "method").glob("*.svg")} == {f"{name}.svg" for name in SUITE.kept}


# -- sentences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("find", "words"),
    [
        (findings.difference_finding, "The front takes 108 µs for a request, in an account of its own"),
        (findings.questions_finding, "waits more than 8.00 ms at 50 % of the capacity, and more than 31.0 ms at 90 %"),
        (findings.omission_finding, "stalls for 200 ms: p99 is 110 µs to a closed loop, and 195 ms to visitors"),
        (findings.rounding_finding, "Of 102 different latencies locust's statistics leave 2, and 100 % of all"),
        (findings.suspect_finding, "3 capacities, by who asks: 11,800 to 76,000 requests a second; 2 of 3 generators"),
        (
            findings.cpu_finding,
            "a factor of 6.44, the server's CPU for a hello by 2.00, and that for a page by 1.05",
        ),
        (findings.chance_finding, "19 of 20 pairs are unlike when measured once, 1 by over 10 %; by the rule 0 of 20"),
        (findings.wrong_finding, "is worth 1.44 times the right one; here it has no place"),
        (findings.record_finding, "ended after 550 ms, as the rate had stopped rising; then 6,000 requests a second"),
        (findings.kept_finding, "Of 15 finished repeats of 5 killed runs none is missing; a run that is asked to end"),
    ],
)
def test_a_sentence_says_what_was_found(document: Document, find: Callable[[Document], str], words: str) -> None:
    assert words in find(document)


@pytest.mark.parametrize(
    ("proof", "figure", "value", "find", "words"),
    [
        ("wrong", "ranked", 1, findings.wrong_finding, "a place, which it should not have"),
        ("record", "settled", 0, findings.record_finding, "at its limit: the rate was still rising"),
        ("kept", "missing", 1, findings.kept_finding, "1 is missing"),
        ("kept", "missing", 2, findings.kept_finding, "2 are missing"),
        ("kept", "asked-processes", 3, findings.kept_finding, "leaves 3 processes and 0 files"),
        ("chance", "ties", 17, findings.chance_finding, "by the rule 3 of 20 differ"),
        ("suspect", "flagged", 1, findings.suspect_finding, "1 of 3 generators was the limit"),
        ("suspect", "flagged", 0, findings.suspect_finding, "0 of 3 generators were the limit"),
    ],
)
def test_a_sentence_does_not_say_what_was_not_so(
    document: Document, proof: str, figure: str, value: float, find: Callable[[Document], str], words: str
) -> None:
    set_figure(document, proof, figure, value)
    assert words in find(document)


# -- goals -----------------------------------------------------------------------------------------------------------


def test_what_the_bench_promises_of_itself_is_judged(document: Document) -> None:
    verdicts = judge(GOALS, [], document["proofs"])
    assert len(verdicts) >= 9
    assert {row["verdict"] for row in verdicts} == {"kept"}


@pytest.mark.parametrize(
    ("proof", "figure", "value"),
    [
        ("kept", "missing", 1), ("kept", "asked-missing", 1), ("kept", "asked-processes", 1),
        ("kept", "asked-files", 1), ("wrong", "ranked", 1), ("suspect", "flagged", 0), ("omission", "open-p99", 40_000),
        ("omission", "closed-p99", 60_000), ("questions", "capacity_error", 0.06),
        ("questions", "latency_error", 0.06), ("chance", "ties", 18),
    ],
)  # fmt: skip
def test_a_promise_of_the_bench_can_be_missed(document: Document, proof: str, figure: str, value: float) -> None:
    set_figure(document, proof, figure, value)
    missed = [(row["of"], row["figure"]) for row in judge(GOALS, [], document["proofs"]) if row["verdict"] == "missed"]
    assert missed == [(proof, figure)]


def test_a_run_takes_as_long_as_the_page_says() -> None:
    chosen = choose(SUITE, [])
    assert tuple(chosen) == PROMISES
    assert sum(promise.seconds for promise in chosen) <= MOST_SECONDS
    assert sum(promise.quick_seconds for promise in chosen) <= MOST_QUICK
