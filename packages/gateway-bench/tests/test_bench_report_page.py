"""The page: it stands alone, is complete without its script, can be read by anybody, and hides nothing."""

from __future__ import annotations

import base64
import copy
import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from bench_record_maker import made_up
from gateway_bench.record.csv_table import to_csv
from gateway_bench.record.document import Document
from gateway_bench.report.chart_style import THEME
from gateway_bench.report.charts import Chart, draw_charts
from gateway_bench.report.page import render_report
from gateway_bench.suites import suite_named

VOID = ("meta", "path", "use", "rect", "br", "img", "link", "input")
READABLE = 4.5
"""The contrast that text needs (WCAG 2.2, success criterion 1.4.3)."""


class Page(HTMLParser):
    """Takes a page apart: elements with their attributes, the text in each kind, where tags do not fit."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        for tag in {*self.open}:
            self.texts[tag][-1] += data

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def document() -> Document:
    return made_up(scenarios=("hello", "page"), saturated=("wsgi",), broken=("uwsgi",), requests=300)


@pytest.fixture(scope="module")
def charts(document: Document) -> dict[str, Chart]:
    return draw_charts(suite_named("evolution"), document)


@pytest.fixture(scope="module")
def text(document: Document, charts: dict[str, Chart]) -> str:
    return render_report(suite_named("evolution"), document, charts)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def rendered(document: Document) -> str:
    return render_report(suite_named(document["suite"]), document, {})


def test_every_element_ends_where_it_should(page: Page) -> None:
    assert page.wrong == []
    assert page.open == []


def test_the_page_loads_nothing(text: str, page: Page) -> None:
    links = [
        attributes[key] for _, attributes in page.elements
        for key in ("src", "href", "xlink:href", "srcset", "action", "data", "poster") if key in attributes
    ]  # fmt: skip
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not page.all("link", "iframe", "object", "embed", "base")
    assert not [attributes for attributes in page.all("script") if attributes]
    assert "@import" not in text
    assert not re.findall(r"url\((?!#)", text)
    (policy,) = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_no_two_elements_have_one_id_and_every_reference_is_met(text: str, page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len({*ids})
    meant = {*re.findall(r'href="#([^"]+)"', text), *re.findall(r"url\(#([^)]+)\)", text)}
    assert meant <= {*ids}


def test_the_headline_is_first_and_headings_go_down_by_one(text: str, page: Page, charts: dict[str, Chart]) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    said = [charts[name].sentence.replace("\xa0", " ") for name in charts]
    assert [one.replace("\xa0", " ") for one in page.texts["h2"]][: len(said)] == said
    assert text.index('class="headline"') < text.index("<svg")


def test_each_chart_has_its_sentence_caption_command_and_figures(
    text: str, page: Page, charts: dict[str, Chart]
) -> None:
    drawings = [attributes for attributes in page.all("svg") if attributes.get("role") == "img"]
    assert [one["aria-label"] for one in drawings] == [chart.sentence for chart in charts.values()]
    for name, chart in charts.items():
        section = text[text.index(f'<section class="screen" id="chart-{name}">') :]
        section = section[: section.index("</section>")]
        assert f"gateway-bench draw result.json --chart {name}</code>" in section
        assert "python -m gateway_bench run --suite evolution" in section
        assert section.count("<tr>") == len(chart.rows) + 1
        assert "<details><summary>Figures</summary>" in section


def test_charts_take_the_colours_of_the_page_and_leave_its_words_to_it(text: str, charts: dict[str, Chart]) -> None:
    drawing = text[text.index("<svg") : text.index("</svg>")]
    assert "var(--ink)" in drawing
    assert "#1c2430" not in drawing
    top = float(re.findall(r'viewBox="0 ([\d.]+) ', drawing)[0])
    assert top == pytest.approx(charts["overview"].heading_points, abs=0.01)
    assert '<g id="overview-patch_1">' not in drawing  # a white ground would be one in the dark, too


def test_tables_say_what_they_are(page: Page) -> None:
    tables = page.all("table")
    assert len(tables) > 8
    assert len(page.all("caption")) == len(tables)
    assert all(caption.strip() for caption in page.texts["caption"])
    assert all("scope" in heading for heading in page.all("th"))
    assert all(one["tabindex"] == "0" and one["aria-label"] for one in page.all("div") if one.get("class") == "wide")


@pytest.mark.parametrize("which", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "muted", "bad"])
def test_words_can_be_read(which: int, ink: str, text: str) -> None:
    grounds = {"paper": THEME["paper"][which], "ground": ("#f5f6f8", "#12161c")[which]}
    assert f"--ground: {grounds['ground']}" in text
    for ground in grounds.values():
        assert contrast(THEME[ink][which], ground) >= READABLE


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_record_and_table_are_in_the_page(document: Document, page: Page) -> None:
    links = {one["download"]: one["href"].split(",", 1)[1] for one in page.all("a") if "download" in one}
    assert json.loads(base64.b64decode(links["result.json"])) == json.loads(json.dumps(document))
    assert base64.b64decode(links["result.csv"]).decode() == to_csv(document)


def test_light_dark_paper_and_projector_are_all_there(text: str) -> None:
    assert "prefers-color-scheme: dark" in text
    assert ":root[data-theme=dark]" in text
    assert "@media print" in text
    assert text.count('class="screen"') == 1 + text.count('<section class="screen"')
    assert '<p class="controls" hidden>' in text  # without the script there are no buttons that do nothing


def test_no_words_are_markup(document: Document) -> None:
    hostile = copy.deepcopy(document)
    hostile["gateways"][0]["label"] = "<script>alert(1)</script>"
    hostile["notes"] = ['"><img src=x>']
    charts = draw_charts(suite_named("evolution"), hostile, ["cpu", "memory"])
    page = Page(render_report(suite_named("evolution"), hostile, charts))
    assert len(page.all("script")) == 1
    assert not page.all("img")


# -- what must not be hidden -------------------------------------------------------------------------------------------


def test_noise_bands_and_warm_ups_are_told(text: str) -> None:
    assert "The machine was fit to measure on." in text
    assert "requests a second from -" in text
    assert "SCGI, hello, closed loop: 3 of 3" in text
    assert "9 status 500" in text


def test_a_run_without_an_answer_says_why(document: Document) -> None:
    failed = copy.deepcopy(document)
    failed["results"], failed["repeats"], failed["ratios"], failed["bands"] = [], [], [], []
    failed["complete"] = False
    failed["gateways"][0] |= {
        "status": "absent",
        "reason": "there is no bjoern",
        "install": "python3 noxfile.py -s peers",
    }
    failed["failures"] = [
        {"gateway": "cgi", "scenario": "hello", "round": 2, "reason": "it ended", "output": "Traceback: <boom>"},
        {"gateway": "scgi", "scenario": "", "round": 1, "reason": "it never was ready", "output": ""},
    ]
    text = rendered(failed)
    assert "This run was broken off" in text
    assert "there is no bjoern" in text
    assert "<code>python3 noxfile.py -s peers</code>" in text
    assert "CGI failed in round 2 (hello): it ended" in text
    assert "Traceback: &lt;boom&gt;" in text
    assert "It said nothing." in text
    assert Page(text).wrong == []


def test_a_machine_that_was_not_fit_is_said_before_any_chart(document: Document, charts: dict[str, Chart]) -> None:
    unfit = copy.deepcopy(document)
    assert unfit["noise"]
    unfit["noise"] |= {"fit": False, "reasons": ["others took 30 % of the processors"]}
    text = render_report(suite_named("evolution"), unfit, charts)
    assert text.index("others took 30 % of the processors") < text.index("<svg")


@pytest.mark.parametrize("name", ["evolution", "peers", "backends", "cgi", "proofs", "targets"])
def test_an_empty_run_has_a_page(name: str) -> None:
    page = Page(rendered(made_up({}, name, ())))
    assert page.wrong == []
    assert page.texts["h1"] == [suite_named(name).title]
