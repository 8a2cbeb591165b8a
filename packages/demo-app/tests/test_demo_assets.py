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


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of "#rrggbb"."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(ask, scheme):
    """WCAG 2.2 asks for a contrast of 4.5 : 1."""
    text = ask("/static/style.css").text
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))
    pairs = [(ink, ground) for ink in ("ink", "soft", "accent") for ground in ("paper", "card", "wash")]
    pairs += [(kind, "card") for kind in ("frame", "length", "name", "value", "body", "padding")]
    pairs += [("on-accent", "accent"), ("bad", "bad-wash")]
    for ink, ground in pairs:
        bright, dim = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, f"{ink} on {ground}"


def test_assets_fetch_nothing_from_elsewhere(ask):
    for name in assets.table():
        text = ask(f"/static/{name}").text
        assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)
