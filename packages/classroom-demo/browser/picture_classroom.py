"""Two pictures of the classroom, of a real run on this machine. Run it where nothing else runs; it takes a minute.

::

    $ python packages/classroom-demo/browser/picture_classroom.py
    docs/figures/classroom-script.png    the script: the same file in processes that stay, over the staircase of CGI
    docs/figures/classroom-play.png      free play: CGI beside FastCGI, under the same load

A picture that is larger than its bound is not kept: every reader of the first page would load it.
"""

import io
import shutil
import sys
import tempfile
from http import HTTPStatus
from pathlib import Path

import classroom_window
from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import NAMES
from gateway_runtime.testing import wait_until

FOLDER = Path(__file__).parents[3] / "docs" / "figures"
SIZE = (1280, 800)
LIMIT = 120
"""Seconds for a screen of the script, on a machine that is not as quiet as it should be."""
COLOURS = 128
LARGEST = 150_000
"""Bytes of a picture."""
RATE = 10
BORN = 150
"""Processes of CGI before the picture: a quarter of a minute."""


def free_play(windows, classroom):
    """Let visitors come until the ratio is known."""
    page = windows.open(classroom, "play", SIZE)
    page.set_default_timeout(1000 * LIMIT)
    page.click("#start")
    born = page.locator("[data-count=born]")
    wait_until(lambda: page.locator("#lanes .lane").count() == 2)
    for lane in ("a", "b"):
        wait_until(lambda lane=lane: classroom_window.act(page, do="rate", lane=lane, rate=RATE)[0] == HTTPStatus.OK)
    wait_until(lambda: int(born.first.text_content()) >= BORN, deadline=LIMIT)
    return page


def script(windows, classroom):
    """Go to the screen that has all three kinds of process in it."""
    page = windows.open(classroom, "script", SIZE)
    page.set_default_timeout(1000 * LIMIT)
    for screen, step in (("vote", "ask"), ("cgi", "run"), ("stay", "run")):
        classroom_window.screen_is(page, screen, step)
        if screen != "stay":
            page.keyboard.press(" ")
    return page


def picture(browser, scene):
    """Return the picture of a scene in a classroom of its own."""
    with tempfile.TemporaryDirectory() as votes:
        classroom = classroom_window.Classroom(votes)
        windows = classroom_window.Windows(browser)
        try:
            return scene(windows, classroom).screenshot()
        finally:
            windows.close()
            classroom.close()


def small(picture):
    """Return a picture with a palette: of flat colours and black type nothing is lost that is seen."""
    with Image.open(io.BytesIO(picture)) as image, io.BytesIO() as written:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        return written.getvalue()


def main():
    """Take both."""
    with sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, NAMES)))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, scene in (("classroom-script", script), ("classroom-play", free_play)):
            taken = small(picture(browser, scene))
            if len(taken) > LARGEST:
                sys.exit(f"{name}: {len(taken):,} bytes, and {LARGEST:,} is the bound")
            (FOLDER / f"{name}.png").write_bytes(taken)
            print(f"{name}.png: {len(taken):,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
