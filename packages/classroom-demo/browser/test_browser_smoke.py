"""The page opens, and can be looked at."""

import classroom_window


def test_the_first_screen(classroom, windows):
    page = windows.open(classroom)
    classroom_window.screen_is(page, "vote", "ask")
    assert "40" in page.inner_text("h1")
    classroom_window.shot(page, "smoke")
