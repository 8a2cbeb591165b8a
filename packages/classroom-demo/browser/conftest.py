"""Fixtures of the tests in a browser: Debian's Chromium, driven by Playwright, without a window of its own."""

import shutil

import classroom_window
import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items):
    """Every test here needs the browser."""
    for item in items:
        item.add_marker(pytest.mark.real("chromium"))


@pytest.fixture(scope="session")
def chromium():
    """The browser, one for all tests."""
    program = next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])  # a container's root
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A classroom for all tests of a file."""
    started = classroom_window.Classroom(tmp_path_factory.mktemp("votes"))
    yield started
    started.close()


@pytest.fixture
def windows(chromium):
    """Opens windows; a test fails if one of them complained, or asked anybody else for anything."""
    opened = classroom_window.Windows(chromium)
    yield opened
    opened.close()
    assert not opened.strangers
    assert not opened.complaints
