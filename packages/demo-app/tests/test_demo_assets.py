"""The application's own files: media types, tags, 304, and nothing else from the disk."""

import re

import pytest

from demo_app import assets


@pytest.mark.parametrize(
    ("name", "kind", "begins"),
    [("style.css", "text/css; charset=utf-8", b"/*"), ("favicon.svg", "image/svg+xml", b"<svg")],
)
def test_an_asset_has_its_type_and_a_tag(ask, name, kind, begins):
    answer = ask(f"/static/{name}")
    assert answer.code == 200
    assert answer.one("Content-Type") == kind
    assert answer.one("Content-Length") == str(len(answer.body))
    assert re.fullmatch(r'"[0-9a-f]{16}"', answer.one("ETag"))
    assert "max-age=" in answer.one("Cache-Control")
    assert answer.body.startswith(begins)


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('"other",{tag},"more"', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
        ('"', 200),
        ("{tag}x", 200),
        ('*, "other"', 200),
    ],
)
def test_who_has_it_gets_304(ask, condition, code):
    tag = ask("/static/style.css").one("ETag")
    answer = ask("/static/style.css", HTTP_IF_NONE_MATCH=condition.format(tag=tag))
    assert answer.code == code
    assert answer.one("ETag") == tag
    if code == 304:
        assert answer.body == b""
        assert answer.all("Content-Length") == []
        assert answer.all("Content-Type") == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nothing.css",
        "../router.py",
        "../static/style.css",
        "./style.css",
        "style.css/",
        "/style.css",
        "a/../style.css",
    ],
)
def test_nothing_else_is_served(ask, name):
    answer = ask("/static/" + name)
    assert answer.code == 404
    assert b"import" not in answer.body


def test_pages_name_the_style_sheet_by_its_content(ask):
    assert f'/static/style.css?{assets.stamp()}"' in ask("/").text
    assert assets.stamp() in ask("/static/style.css").one("ETag")


def test_assets_fetch_nothing_from_elsewhere(ask):
    for name in assets.table():
        text = ask(f"/static/{name}").text
        assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)
