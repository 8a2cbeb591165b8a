"""The site of files: every link leads to a file, nothing comes from elsewhere, what only a server can do is gone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import pytest
from bs4 import BeautifulSoup

from lesson_kit.errors import KitError
from lesson_kit.site import build_site, freeze
from lesson_kit.site.readers import for_readers

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freeze, "_draw_report", _report)
        assert build_site(ROOT, out, lambda _: None) > 30
    return out


def _report(made: freeze.Site) -> str:
    """Put a report there: drawing one is the bench's own test."""
    (made.out / "report").mkdir()
    (made.out / "report" / "index.html").write_text("<!doctype html><title>Report</title>")
    return "a record"


def test_every_link_leads_to_a_file(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
        for tag in soup.select("[href], [src]"):
            target, fragment = urldefrag(str(tag.get("href") or tag.get("src")))
            if tag.name == "a" and urlsplit(target).scheme:
                continue
            assert not target.startswith("/"), f"{page}: {target}"
            found = page if not target else (page.parent / urlsplit(target).path).resolve()
            assert found.is_file(), f"{page}: {target}"
            assert found.is_relative_to(site), f"{page}: {target}"
            if fragment and found.suffix == ".html" and fragment != "main":
                ids = {str(one["id"]) for one in BeautifulSoup(found.read_text("utf-8"), "html.parser").select("[id]")}
                assert fragment in ids, f"{page}: #{fragment} of {target}"


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
        assert not soup.select("script[src], iframe, form")
        assert not [tag for tag in soup.select("img, link") if urlsplit(str(tag.get("src") or tag.get("href"))).scheme]
    assert not re.search(r"@import|url\((?!['\"]?data:)", (site / "static" / "style.css").read_text("utf-8"))


def test_a_lesson_is_written_for_readers(site: Path) -> None:
    page = (site / "lessons" / "01-a-request-before-anyone-helps.html").read_text("utf-8")
    text = BeautifulSoup(page, "html.parser").get_text()
    assert "Predict. The request comes in pieces of 7 bytes." in text
    assert "desk.predict" not in text
    assert "desk.check" not in text
    assert "Make. Read from stream until the head has ended." in text
    assert 'while b"\\r\\n\\r\\n" not in got' in text  # the worked scaffold, in a fold
    assert "Served" not in text
    assert "Guestbook" not in text


def test_cells_of_the_experiment_stay_as_they_are() -> None:
    text = "```{code-cell} ipython3\nx = 1\ndesk.measured(x=x)\n```\n\n```{code-cell} ipython3\ndesk.stop_all()\n```\n"
    written = for_readers(text, 1)
    assert "x = 1\ndesk.measured(x=x)" in written
    assert "stop_all" not in written


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(KitError, match="no site of ours"):
        build_site(ROOT, tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_picture_that_is_not_there_is_said(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    shutil.copytree(ROOT / "docs", root / "docs")
    (root / "lessons").mkdir(parents=True)
    (root / "lessons" / "index.md").write_text("![a chart](figures/gone.svg)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freeze, "_draw_report", _report)
        with pytest.raises(KitError, match=r"index\.md shows figures/gone\.svg, which is not there"):
            build_site(root, tmp_path / "site", lambda _: None)
