"""The teacher's card: one page to print in each language, with a sentence for every wrong answer."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from classroom_demo import scenes

PAPERS = ({"prefer_css_page_size": True}, {"format": "Letter"})
TRUE = {"born": f"{scenes.REQUESTS} {scenes.WORKERS}", "where": "imports", "again": str(scenes.AGAIN_WORKERS)}
LANGUAGES = ("en", "de", "zh-Hans")


@pytest.fixture
def card(classroom, windows):
    """Open the card; a test fails if it complained, or asked another host for anything."""

    def open_card(query="", **options):
        page = windows.open(classroom, **options)
        page.goto(f"{classroom.url}/card{query}")
        page.wait_for_selector("table.wrong")
        return page

    return open_card


def test_in_every_language_of_the_script_it_is_whole(card):
    page = card()
    assert page.evaluate("import('/static/words.js').then((words) => words.LANGUAGES)") == list(LANGUAGES)
    for language in LANGUAGES:
        page.goto(re.sub(r"/card.*", f"/card?lang={language}", page.url))
        page.wait_for_selector("table.wrong")
        assert page.get_attribute("html", "lang") == language
        assert page.locator("table.run tbody tr").count() == len(scenes.SCREENS)
        for question, options in scenes.QUESTIONS.items():
            rows = page.locator(f'table.wrong tr[data-question="{question}"]')
            said = dict(rows.evaluate_all("rows => rows.map((row) => [row.dataset.option, row.lastChild.textContent])"))
            assert set(said) == set(options) - {TRUE[question]}, (language, question)
            assert all(said.values())
        for number in (scenes.REQUESTS, scenes.WORKERS, scenes.AGAIN, scenes.AGAIN_WORKERS):
            assert re.search(rf"\b{number}\b", page.inner_text("main")), (language, number)
        assert not page.locator("text=/undefined|=>|NaN/").count()
        for paper in PAPERS:
            assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(**paper))) == 1, (language, paper)
        assert not (found := Axe().run(page)).violations_count, found.generate_report()


@pytest.mark.parametrize(
    ("locale", "query", "language"),
    [("de-AT", "", "de"), ("zh-CN", "", "zh-Hans"), ("fr", "", "en"), ("en", "?lang=de-DE", "de"),
     ("de", "?lang=x", "en")],
)  # fmt: skip
def test_the_browser_chooses_the_language_and_the_address_before_it(card, locale, query, language):
    assert card(query, locale=locale).get_attribute("html", "lang") == language


def test_links_lead_to_the_other_languages_and_are_not_printed(card):
    page = card()
    page.click("nav >> text=Deutsch")
    page.wait_for_selector('html[lang="de"] table.wrong')
    page.emulate_media(media="print")
    assert not page.is_visible("nav")
