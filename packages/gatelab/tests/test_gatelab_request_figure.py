"""The picture in the documentation is what `gatelab request -v` shows today."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

FIGURES = Path(__file__).parents[3] / "docs" / "figures"


def words(picture):
    return re.sub(r"\s", "", html.unescape("".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture))))


def test_the_picture_is_what_is_shown():
    drawn = runpy.run_path(str(FIGURES / "draw_request.py"))["draw"]()
    kept = (FIGURES / "request-v.svg").read_text("utf-8")
    assert words(drawn) == words(kept), "draw it anew: python docs/figures/draw_request.py"
    assert "REQUEST_METHOD" in words(kept)
    assert "@font-face" not in kept  # it would be fetched from a far host
