"""Charts: the same bytes for the same record, nothing dropped, nothing outside the paper, no order out of nothing."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from bench_record_maker import FIVE, made_up, row
from gateway_bench.errors import BenchError
from gateway_bench.record.document import Document, GatewayRecord
from gateway_bench.record.summary import results_of
from gateway_bench.report import charts_peers
from gateway_bench.report.chart_style import LIGHT, THEME, Picture, colours, styled, themed, width_of
from gateway_bench.report.charts import draw_charts
from gateway_bench.report.charts_common import comparison, system_calls
from gateway_bench.report.charts_latency import curve_of, latency_curves
from gateway_bench.report.charts_split import cpu_split
from gateway_bench.report.charts_versus import lines_of, spaced, versus
from gateway_bench.report.measures import measure_named
from gateway_bench.report.page import render_report
from gateway_bench.suites import suite_named

Draw = Callable[[Document], "Figure | None"]
EVOLUTION = dict(suite_named("evolution").charts)


@pytest.fixture(scope="module")
def document() -> Document:
    return made_up(scenarios=("hello", "page", "journey"), saturated=("wsgi",), broken=("uwsgi",), requests=1_200)


@pytest.fixture(scope="module")
def varied() -> Document:
    rows: dict[str, tuple[GatewayRecord, float]] = {}
    for base, label, cost in (("wsgi", "WSGI", 200.0), ("fastcgi", "FastCGI", 230.0)):
        for number in (1, 2, 4):
            words = f"{label}, {number} worker{'s' if number > 1 else ''}"
            made = row(f"{base}-workers-{number}", words, base=base, varied={"workers": number}, workers=number)
            rows[made["name"]] = made, (cost if base == "fastcgi" else cost / number)
    return made_up(rows, "workers", ("hello",), saturated=("wsgi-workers-4",), requests=300)


def drawn(draw: Draw, document: Document) -> Picture:
    with styled():
        figure = draw(document)
    assert isinstance(figure, Picture)
    return figure


def words_of(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("name", EVOLUTION)
def test_every_chart_has_a_sentence_a_table_and_its_words_on_the_paper(name: str, document: Document) -> None:
    figure = drawn(EVOLUTION[name], document)
    assert figure.sentence
    assert figure.rows
    assert all(len(cells) == len(figure.headings) for cells in figure.rows)
    renderer = FigureCanvasAgg(figure).get_renderer()
    paper = figure.bbox
    for text in words_of(figure):
        box = text.get_window_extent(renderer)
        assert box.x0 >= paper.x0 - 1, text.get_text()
        assert box.x1 <= paper.x1 + 1, text.get_text()
        assert box.y0 >= paper.y0 - 1, text.get_text()
        assert box.y1 <= paper.y1 + 1, text.get_text()


@pytest.mark.usefixtures("full_size")
def test_the_same_record_gives_the_same_bytes(document: Document) -> None:
    suite = suite_named("evolution")
    once, again = draw_charts(suite, document), draw_charts(suite, copy.deepcopy(document))
    assert [*once] == [*again]
    assert all(once[name].svg == again[name].svg and once[name].png == again[name].png for name in once)


def test_a_chart_that_a_suite_has_not_is_refused(document: Document) -> None:
    with pytest.raises(BenchError, match="the suite evolution has no chart 'pie'; it has overview, "):
        draw_charts(suite_named("evolution"), document, ["pie"])


@pytest.mark.parametrize("name", ["evolution", "peers", "backends", "cgi", "proofs"])
def test_a_run_without_a_measurement_has_no_charts(name: str) -> None:
    nothing = made_up({}, name, ())
    suite = suite_named(name)
    assert draw_charts(suite, nothing) == {}
    assert {*suite.charts} == {*suite.captions}
    assert {*suite.kept} <= {*suite.charts}


def test_bars_of_a_limited_generator_are_hatched_and_marked() -> None:
    plain, limited = made_up(scenarios=("hello",)), made_up(scenarios=("hello",), saturated=("wsgi",))
    draw = comparison("throughput")
    hatches = [bar.get_hatch() for axis in drawn(draw, limited).axes for bar in axis.patches]
    assert [hatch for hatch in hatches if hatch] == ["///"]
    assert not any(bar.get_hatch() for axis in drawn(draw, plain).axes for bar in axis.patches)
    figures = {cells[1]: cells[2] for cells in drawn(draw, limited).rows}
    assert figures["WSGI over HTTP"].startswith("≥ ")
    assert not figures["FastCGI"].startswith("≥ ")


def test_every_repeat_is_drawn_and_told_however_far_out() -> None:
    document = made_up(scenarios=("hello",), repeats=5)
    result = next(one for one in document["results"] if one["gateway"] == "scgi" and one["question"] == "capacity")
    result["throughput_rps"]["values"][2] = 9_000.0
    result["throughput_rps"]["max"] = 9_000.0
    figure = drawn(comparison("throughput"), document)
    dots = [line.get_xdata() for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    assert [*result["throughput_rps"]["values"]] in [list(values) for values in dots]
    told = next(cells[4] for cells in figure.rows if cells[1] == "SCGI")
    assert told.count(",") >= 4
    assert "9,000" in told
    assert figure.axes[0].get_xlim()[1] > 9_000.0


def test_intervals_are_those_of_the_record(document: Document) -> None:
    figure = drawn(comparison("cpu", ("hello",)), document)
    result = next(one for one in document["results"] if one["gateway"] == "fastcgi")
    found = result["cpu_us_per_request"]
    assert found
    lines = [list(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "|"]
    assert [found["low"], found["high"]] in lines


def test_the_band_of_chance_is_drawn_around_the_row_that_was_measured_twice() -> None:
    document = made_up(scenarios=("hello",))
    strips = drawn(comparison("throughput"), document).axes[0].collections
    assert len(strips) == 2  # for the direct rows, and for those behind a front
    band = next(one for one in document["bands"] if (one["gateway"], one["question"], one["figure"]) == (
        "fastcgi", "capacity", "throughput"))  # fmt: skip
    middle = next(one["throughput_rps"]["median"] for one in document["results"] if one["gateway"] == "fastcgi")
    edges = strips[0].get_paths()[0].vertices[:, 0]
    assert (min(edges), max(edges)) == pytest.approx((middle * band["low"], middle * band["high"]))
    document["bands"] = []
    assert not drawn(comparison("throughput"), document).axes[0].collections


def test_a_row_that_ties_with_the_reference_says_so() -> None:
    rows = dict(FIVE)
    rows["scgi"] = (rows["scgi"][0], rows["fastcgi"][1])
    figure = drawn(comparison("cpu", ("hello",)), made_up(rows, scenarios=("hello",)))
    remarks = {cells[1]: cells[5] for cells in figure.rows}
    assert remarks["SCGI"] == "a tie"
    assert remarks["CGI"] == ""


def test_rows_that_are_there_twice_are_drawn_once(document: Document) -> None:
    figure = drawn(comparison("cpu", ("hello",)), document)
    assert not any("again" in cells[1] for cells in figure.rows)


def test_what_nobody_measured_is_left_out_and_not_zero() -> None:
    document = made_up(scenarios=("hello",))
    for result in document["results"]:
        result["switches_per_request"] = None
        if result["gateway"] == "scgi":
            result["cpu_us_per_request"] = None
    assert comparison("switches")(document) is None
    assert not any(cells[1] == "SCGI" for cells in drawn(comparison("cpu"), document).rows)
    assert not any(cells[0] == "SCGI" for cells in drawn(cpu_split(), document).rows)


@pytest.mark.parametrize("name", EVOLUTION)
def test_one_repeat_is_drawn_without_interval(name: str) -> None:
    figure = drawn(EVOLUTION[name], made_up(scenarios=("hello",), repeats=1, requests=300))
    assert not any(line.get_marker() == "|" for axis in figure.axes for line in axis.lines)


# -- records that are not as one would wish ----------------------------------------------------------------------------


def all_wrong(document: Document) -> None:
    for repeat in document["repeats"]:
        repeat["errors"] = {"timeout": repeat["requests"]}
        repeat["latency"] |= {"p50": 0, "p90": 0, "p99": 0, "p999": 0, "max": 0, "count": 0}
        assert repeat["server"]
        repeat["server"]["cpu_seconds"] = 0.0


def servers_elsewhere(document: Document) -> None:
    for repeat in document["repeats"]:
        repeat["server"], repeat["front"], repeat["spawned"], repeat["queue_wait"] = None, None, None, None


def one_row(document: Document) -> None:
    document["repeats"] = [repeat for repeat in document["repeats"] if repeat["gateway"] in ("wsgi", "gatelab", "ours")]


def no_hello(document: Document) -> None:
    for repeat in document["repeats"]:
        repeat["scenario"] = "page"
    document["scenarios"] = [{"name": "page", "title": "Page", "about": ""}]


def long_names(document: Document) -> None:
    for gateway in document["gateways"]:
        gateway["label"] = f"{gateway['label']}, as somebody set it up who likes long names"


ODD = (all_wrong, servers_elsewhere, one_row, no_hello, long_names)


@pytest.mark.parametrize("change", ODD)
@pytest.mark.parametrize("name", ["evolution", "peers", "backends", "cgi", "targets"])
def test_every_chart_and_sentence_of_an_odd_run(name: str, change: Callable[[Document], None]) -> None:
    names = {
        "peers": ("gatelab", "waitress", "gatelab-fastcgi"),
        "cgi": ("ours", "loop", "app-zygote", "app-fork-exec"),
    }
    front = {"front": "nginx"} if name == "backends" else {}
    rows = {one: (row(one, one, **front), 100.0) for one in names[name]} if name in names else dict(FIVE)
    scenarios = {"peers": ("hello", "sleep", "mixed"), "cgi": ("sh", "app")}.get(name, ("hello",))
    document = made_up(rows, name, scenarios, requests=60, repeats=1)
    change(document)
    document["results"] = results_of(document["repeats"])
    suite = suite_named(name)
    charts = draw_charts(suite, document)
    assert all(chart.sentence for chart in charts.values())
    assert render_report(suite, document, charts)
    if change is all_wrong:
        assert not any("the most" in chart.sentence or "the least" in chart.sentence for chart in charts.values())


# -- latency -----------------------------------------------------------------------------------------------------------


def test_a_latency_curve_goes_as_far_as_the_requests_support() -> None:
    document = made_up(scenarios=("hello",), requests=4_000)
    ends = {
        result["gateway"]: curve_of(document, result)[-1][0]
        for result in document["results"] if result["question"] == "latency"
    }  # fmt: skip
    count = 3 * 20  # CGI has the least that the maker makes
    assert ends["cgi"] <= 100 * (1 - 10 / count)
    assert 99.5 < ends["wsgi"] < 99.9
    assert ends["cgi"] < 90 < ends["fastcgi"]


def test_latency_says_rate_and_fraction_and_where_there_were_too_few() -> None:
    figure = drawn(latency_curves(), made_up(scenarios=("hello",), requests=1_200))
    assert "50 % of what each can do" in figure.subtitle
    cells = next(cells for cells in figure.rows if cells[1].startswith("CGI, "))
    assert re.fullmatch(r"CGI, [\d.]+/s", cells[1])
    assert cells[figure.headings.index("p99.9")] == "too few requests"


def test_without_an_open_loop_the_chart_says_closed() -> None:
    document = made_up(scenarios=("hello",), requests=300)
    document["results"] = [result for result in document["results"] if result["question"] == "capacity"]
    assert drawn(latency_curves(), document).subtitle.startswith("Closed loop")


def test_a_generator_that_tells_no_histogram_has_no_curve() -> None:
    document = made_up(scenarios=("hello",), requests=50)
    for repeat in document["repeats"]:
        repeat["latency"]["histogram"] = ""
    assert latency_curves()(document) is None


def test_names_at_the_ends_of_lines_do_not_overlap() -> None:
    found = spaced([0.1, 0.1, 0.11, 0.5, 0.9, 0.99, 0.99], 0.05)
    assert all(above - below >= 0.05 - 1e-9 for below, above in pairwise(found))
    assert 0 <= found[0] <= found[-1] <= 1
    assert spaced([0.2, 0.8], 0.05) == [0.2, 0.8]
    assert spaced([0.7], 0.05) == [0.7]


# -- over a number that was varied -------------------------------------------------------------------------------------


def test_lines_over_workers(varied: Document) -> None:
    lines = lines_of(varied, "workers", measure_named("throughput"), "hello")
    assert {name: [number for number, _ in line] for name, line in lines.items()} == {
        "WSGI": [1, 2, 4], "FastCGI": [1, 2, 4],
    }  # fmt: skip
    figure = drawn(lambda one: versus(one, "workers"), varied)
    said = r"From 1 to 4 workers 1 to at least 1\.\d+ times the requests a second \(Hello\)"
    assert re.fullmatch(said, figure.sentence)
    assert "hollow" in figure.subtitle
    assert len(figure.rows) == 6


def test_a_line_that_does_not_change_says_so(varied: Document) -> None:
    document = copy.deepcopy(varied)
    document["gateways"] = [one for one in document["gateways"] if one["base"] == "fastcgi"]
    figure = drawn(lambda one: versus(one, "workers", "cpu"), document)
    assert figure.sentence == "From 1 to 4 workers no change in server CPU for a request (Hello)"


def test_where_nothing_varies_there_is_no_line(document: Document) -> None:
    assert versus(document, "connections") is None


# -- split, calls, groups ----------------------------------------------------------------------------------------------


def test_the_parts_of_the_processor_time_add_up(document: Document) -> None:
    figure = drawn(cpu_split("hello"), document)
    assert figure.headings == ("row", "server", "front", "generator", "together")
    assert "A front adds 70.0 µs of processor time" in figure.sentence
    bars = [bar for bar in figure.axes[1].patches if round(bar.get_y() + bar.get_height() / 2) == 7]
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    assert [bar.get_x() for bar in bars[1:]] == pytest.approx(ends[:-1])  # each begins where the last one ends
    result = next(one for one in document["results"] if one["gateway"] == "fastcgi-behind")
    parts = (result["cpu_us_per_request"], result["front_cpu_us_per_request"], result["generator_cpu_us_per_request"])
    assert ends[-1] == pytest.approx(sum(part["median"] for part in parts if part))


def test_system_calls_are_counted_by_request_and_name(document: Document) -> None:
    figure = drawn(system_calls, document)
    cells = next(cells for cells in figure.rows if cells[0] == "FastCGI")
    assert cells == ("FastCGI", "5.53", "recvfrom 2.00, epoll_wait 2.00, sendto 1.00, accept4 0.525") or (
        cells[1] == "5.53" and "sendto 1.00" in cells[2]
    )
    empty = copy.deepcopy(document)
    empty["syscalls"] = [{**one, "calls": {}, "reason": "strace is not here"} for one in empty["syscalls"]]
    assert system_calls(empty) is None


@pytest.mark.parametrize(
    ("name", "front", "kind"),
    [("gatelab", "", "WSGI, in Python"), ("gatelab-compiled", "", "WSGI, compiled"),
     ("gatelab-cgi", "", "a process for each request"), ("gunicorn-gthread-32", "", "WSGI, in Python"),
     ("uwsgi-http", "", "WSGI, compiled"), ("uwsgi-fastcgi", "nginx", "behind nginx"),
     ("fcgiwrap", "nginx", "a process for each request"), ("tomcat-32", "", "other interfaces and languages"),
     ("gatelab-asgi", "", "ASGI, in Python"), ("hypercorn", "", "ASGI, in Python"),
     ("granian-32", "", "WSGI, compiled"), ("uvicorn-standard", "", "ASGI, with compiled parts"),
     ("granian-asgi", "", "ASGI, with compiled parts"), ("somebody-new", "", "other interfaces and languages")],
)  # fmt: skip
def test_peers_stand_beside_their_like(name: str, front: str, kind: str) -> None:
    assert charts_peers.kind_of(row(name, name, front=front)) == kind


def test_forty_rows_are_as_legible_as_four() -> None:
    rows = {f"peer-{number}": (row(f"peer-{number}", f"peer {number}"), 50.0 + number) for number in range(40)}
    few = drawn(
        charts_peers.throughput, made_up(dict([*rows.items()][:4]), "peers", ("hello",), requests=20, repeats=2)
    )
    many = drawn(charts_peers.throughput, made_up(rows, "peers", ("hello",), requests=20, repeats=2))
    assert many.get_figheight() - few.get_figheight() == pytest.approx(36 * 0.42, abs=0.4)


# -- colours -----------------------------------------------------------------------------------------------------------


def test_a_page_replaces_every_colour_of_the_house(document: Document) -> None:
    chart = draw_charts(suite_named("evolution"), document, ["throughput"])["throughput"]
    assert LIGHT["ink"] in chart.svg
    inside = themed(chart.svg)
    assert not [colour for colour in LIGHT.values() if colour in inside]
    used = {*re.findall(r"var\(--(\w+)\)", inside)}
    assert {"ink", "muted", "paper", "blue"} <= used <= {*THEME}
    assert not re.findall(r'(?:fill|stroke)="var', inside)  # variables are for styles
    assert not re.search(
        r"#(?!ffffff)[0-9a-f]{6}(?![0-9a-f])", re.sub(r'(?:id|href|path)="[^"]*"|url\([^)]*\)', "", inside)
    )


def test_rows_have_the_colour_of_the_row_that_they_repeat_or_vary() -> None:
    document = made_up(
        {**FIVE, "wsgi-workers-2": (row("wsgi-workers-2", "two", base="wsgi", varied={"workers": 2}), 90.0),
         "nobody": (row("nobody", "nobody"), 90.0)},
        scenarios=(),
    )  # fmt: skip
    found = colours(document)
    assert found["fastcgi-behind"] == found["fastcgi-again"] == found["fastcgi"] == LIGHT["blue"]
    assert found["wsgi-workers-2"] == found["wsgi"] == LIGHT["green"]
    assert found["nobody"] == LIGHT["grey"]
    assert colours(document, apart=True)["nobody"] not in {LIGHT["grey"], *(found[name] for name in FIVE)}


def test_the_width_of_words() -> None:
    assert width_of("") == 0
    assert width_of("CGI") < width_of("CGI behind a front") < width_of("CGI behind a front", bold=True)
