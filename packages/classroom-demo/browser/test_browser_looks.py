"""The look of the seven screens, measured: what eyes ten metres away, colour-blind eyes and no eyes at all need.

::

    sizes  1024x768 ... 3840x2160   x   one language      at each step of the script: type of 28 pt and up, nothing
    two                             x   all languages     outside the window, no two texts on top of each other
    a phone                                               the same, with type for an arm's length; it may scroll
    day, night                                            at each step: the rules of axe-core
    less motion                                           at each step: nothing that moves

The script is gone through once; at each step the window takes every size, language and light in turn. Everything is
replayed, so no process is waited for. Sizes of text are as they are seen: with every transformation in them.
"""

import classroom_window
import pytest
from axe_playwright_python.sync_playwright import Axe
from classroom_window import LANGUAGES, speak
from script_window import press, vote

from classroom_demo.scenes import SCREENS

POINTS_28 = 28 / 72 * 96
"""CSS pixels."""
PHONE, PHONE_TYPE = (390, 844), 17
"""At arm's length, less is enough; and a finger scrolls."""
SIZES = [(1024, 768), (1280, 720), (1280, 800), (1920, 1080), (3840, 2160)]
SMALL = SIZES[:2]
"""The narrowest and the lowest window, measured in its type: what fits there fits everywhere."""
LONG = 200
"""Seconds for a walk of a good ten, on a machine that has a lot else to do."""
STEPS = [(screen, step) for screen, steps in SCREENS.items() for step in steps]
LONG_STEPS = [("cgi", "run"), ("stay", "run"), ("again", "run")]
ALL_RULES = {"resultTypes": ["violations"]}
COLOURS = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
"""By night only the colours are others."""
HANDS = {"vote": (0, 7, 200, 88), "where": (200, 0, 0, 0), "again": (0, 0, 0, 0)}
"""Tallies of every length, and a last vote in which nobody raised a hand."""

TEXTS = """() => {
    const root = document.querySelector("#script");
    const found = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement;
        const shown = parent.checkVisibility({visibilityProperty: true});
        if (!node.data.trim() || !shown || parent.closest(".unseen, dialog:not([open])")) continue;
        const matrix = parent.getScreenCTM?.();
        const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
        const range = document.createRange();
        range.selectNodeContents(node);
        const boxes = parent instanceof SVGElement ? [parent.getBoundingClientRect()] : [...range.getClientRects()];
        found.push({
            text: node.data.trim(), size: scale * parseFloat(getComputedStyle(parent).fontSize),
            boxes: boxes.filter((box) => box.width).map(({left, top, right, bottom}) => [left, top, right, bottom]),
        });
    }
    return found;
}"""

OUTSIDE = """(scrolls) => {
    const [wide, high] = [innerWidth + 1, scrolls ? Infinity : innerHeight + 1];
    const all = [...document.querySelectorAll("#script *")];
    const seen = all.filter((one) => !one.closest(".unseen, dialog:not([open])") && one.checkVisibility());
    const out = seen.filter((one) => {
        const {left, top, right, bottom} = one.getBoundingClientRect();
        return left < -1 || top < -1 || right > wide || bottom > high;
    });
    const cut = seen.filter((one) => !(one instanceof SVGElement) && getComputedStyle(one).overflow !== "visible"
        && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1));
    const page = document.scrollingElement;
    const bars = page.scrollHeight >= high || page.scrollWidth >= wide ? [page] : [];
    return [...out, ...cut, ...bars].map((one) => one.cloneNode(false).outerHTML + one.textContent.slice(0, 40));
}"""

WATCH = """() => {
    window.moved = [];
    window.said = [];
    for (const name of ["animationstart", "transitionrun"])
        addEventListener(name, (event) => window.moved.push(event.animationName ?? event.propertyName), true);
    new MutationObserver(() => {
        const now = document.querySelector("#script [role=status]").textContent;
        if (now !== window.said.at(-1)) window.said.push(now);
    }).observe(document.querySelector("#script"), {subtree: true, childList: true, characterData: true});
}"""


def at_rest(page):
    """Wait until what is drawn has its last place: bars grow, dots land."""
    page.wait_for_function("() => document.getAnimations().every((one) => one.playState === 'finished')")
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def clashes(texts):
    """Return the pairs of texts that stand on top of each other: letters on letters, not a line's space on the next."""
    flat = [(one["text"], index, box) for index, one in enumerate(texts) for box in one["boxes"]]
    found = []
    for position, (text, owner, (left, top, right, bottom)) in enumerate(flat):
        for other, other_owner, (left2, top2, right2, bottom2) in flat[position + 1 :]:
            wide = min(right, right2) - max(left, left2)
            high = min(bottom, bottom2) - max(top, top2)
            if owner != other_owner and wide > 1 and high > 0.25 * min(bottom - top, bottom2 - top2):
                found.append((text, other, round(wide), round(high)))
    return found


def faults(page, least, scrolls):
    """Return what is wrong with what a window shows now."""
    texts = page.evaluate(TEXTS)
    assert len(texts) > 3, texts
    small = [(one["text"], one["size"]) for one in texts if one["size"] < least - 0.01]
    return {"small": small, "outside": page.evaluate(OUTSIDE, scrolls), "on top of each other": clashes(texts)}


def resize(page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_function("([wide, high]) => innerWidth === wide && innerHeight === high", arg=size)


def go_on_to(page, screen, step):
    """Go on to this step. Only one that takes seconds is hurried: a key that comes after its end would go on."""
    press(page, "Space")
    if (screen, step) in LONG_STEPS:
        classroom_window.screen_is(page, screen, step, "running")
        press(page, "Space")
    classroom_window.screen_is(page, screen, step)


def walk(page):
    """Go through the script, with the votes of HANDS; yield at the end of each step."""
    for screen, step in STEPS:
        if (screen, step) == STEPS[0]:
            classroom_window.screen_is(page, screen, step)
        else:
            go_on_to(page, screen, step)
        if step == "ask":
            vote(page, *HANDS[screen])
        page.evaluate("document.querySelector('#sentence').textContent = ''")  # it would be gone in a few seconds
        at_rest(page)
        yield screen, step


@pytest.fixture
def replayed(tmp_path):
    """A classroom of its own, at the beginning of its lesson, that starts no process."""
    started = classroom_window.Classroom(tmp_path / "votes", CLASSROOM_REPLAY="1")
    yield started
    started.close()


class Eyes:
    """Look at a window in one size after another, and keep what is wrong, with a picture of it."""

    def __init__(self, page):
        self.page = page
        self.wrong = {}

    def look(self, size, *where, least=POINTS_28, scrolls=False):
        resize(self.page, size)
        here = {what: which for what, which in faults(self.page, least, scrolls).items() if which}
        if here:
            name = "-".join([*where, f"{size[0]}x{size[1]}"])
            self.wrong[name] = here
            classroom_window.shot(self.page, f"wrong-{name}")


@pytest.mark.timeout(LONG)
def test_type_of_28_points_in_every_window_and_language(replayed, windows):
    page = windows.open(replayed, size=SMALL[0], reduced_motion="reduce")
    page.evaluate(WATCH)
    eyes = Eyes(page)
    for where in walk(page):
        for size in reversed(SIZES):
            eyes.look(size, *where)
        classroom_window.shot(page, "-".join(["looks", *where]))
        for language in LANGUAGES[1:]:
            speak(page, "#script", language)
            for size in SMALL:
                eyes.look(size, *where, language)
        eyes.look(PHONE, *where, language, least=PHONE_TYPE, scrolls=True)
        speak(page, "#script", LANGUAGES[0])
    assert not eyes.wrong
    assert page.evaluate("window.moved") == []  # whoever asks for less motion gets none


@pytest.mark.timeout(LONG)
def test_for_eyes_that_see_otherwise_and_for_ears(replayed, windows):
    page = windows.open(replayed, size=SMALL[0])
    page.evaluate(WATCH)
    broken, said = {}, {}
    for screen, step in walk(page):
        said[screen, step] = page.evaluate("window.said.splice(0)")
        assert page.locator("#script :is([aria-live], output, [role=log], [role=alert])").count() == 0
        for light, rules in (("day", ALL_RULES), ("night", COLOURS)):
            found = Axe().run(page, options=rules).response["violations"]
            if found:
                broken[screen, step, light] = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
            page.keyboard.press("d")
        if step != "ask":  # there the last tally is told last
            assert page.inner_text(".prompt") in said[screen, step][-1]
    assert not broken
    # What is told: that it begins, perhaps that it goes on, and how it ended; where hands are counted, each tally.
    for (screen, step), words in said.items():
        assert len(words) <= (sum(1 + len(str(hands)) for hands in HANDS[screen]) if step == "ask" else 3), words
    assert "40 answers from 40 processes" in said["cgi", "run"][-1]
    assert "first vote 68 % 200 of 295 last vote no hands" in said["again", "run"][-1]
    assert {"land", "come", "light", "width"} <= set(page.evaluate("window.moved"))  # motion for who wants it


def test_the_keyboard_alone_and_its_focus_is_seen(replayed, windows):
    page = windows.open(replayed, size=SMALL[0])
    classroom_window.screen_is(page, *STEPS[0])
    page.keyboard.press("Tab")
    focused = page.evaluate("""() => {
        const {outlineStyle, outlineWidth} = getComputedStyle(document.activeElement);
        return [document.activeElement.tagName, outlineStyle, parseFloat(outlineWidth)];
    }""")
    assert focused[:2] == ["BUTTON", "solid"]
    assert focused[2] >= 3
    page.keyboard.press("Enter")  # the button's own key
    classroom_window.screen_is(page, *STEPS[1], "running", "done")
    for language in LANGUAGES:
        speak(page, "#script", language)
        page.keyboard.press("?")
        page.wait_for_selector("#script dialog[open]")
        assert page.evaluate("document.querySelector('#script dialog').contains(document.activeElement)")
        for size in SMALL:
            resize(page, size)
            found = faults(page, POINTS_28, scrolls=False)
            assert not found["small"] + found["outside"]
        assert not Axe().run(page, options=ALL_RULES).response["violations"]
        page.keyboard.press("Escape")
        page.wait_for_selector("#script dialog:not([open])", state="attached")


BEFORE_AND_AFTER = """async ([first, last]) => {
    const [{DRAWINGS}, {WORDS}] = [await import("/static/drawings.js"), await import("/static/words.js")];
    const tally = (options, hands) => Object.fromEntries(options.map((option, index) => [option, hands[index]]));
    const ballot = (options, hands, truth) => ({options, truth, locked: true, hands: tally(options, hands)});
    const drawing = DRAWINGS["again/run"]({words: WORDS.en});
    document.querySelector("#script .drawing").replaceChildren(drawing.root);
    const data = {workers: 4, requests: 8, answered: 8, answered_by: {7: 2, 8: 2, 9: 2, 10: 2}, truth: "4"};
    const born = ballot(["1 1", "1 2", "40 2", "40 40"], first, "40 2");
    drawing.update({state: "done", data}, {born, again: ballot(["1", "4", "250", "1000"], last, "4")});
    const wide = (one) => one.getBoundingClientRect().width;
    return [...drawing.root.querySelectorAll(".growth tr")].map((row) => {
        const bar = row.querySelector(".meter i");
        const words = row.innerText.replace(/\\s+/g, " ").trim();
        return [words, bar && Math.round(100 * wide(bar) / bar.parentElement.clientWidth)];
    });
}"""


@pytest.mark.parametrize(
    ("first", "last", "before", "after"),
    [
        ((1, 2, 6, 3), (1, 9, 1, 1), ["first vote 50 % 6 of 12", 50], ["last vote 75 % 9 of 12", 75]),
        ((9, 0, 0, 1), (0, 200, 0, 0), ["first vote 0 % 0 of 10", 0], ["last vote 100 % 200 of 200", 100]),
        ((0, 0, 0, 0), (1, 9, 0, 0), ["first vote no hands were counted", None], ["last vote 90 % 9 of 10", 90]),
        ((0, 0, 5, 0), (0, 0, 0, 0), ["first vote 100 % 5 of 5", 100], ["last vote no hands were counted", None]),
    ],
)
def test_the_class_before_and_after(classroom, windows, first, last, before, after):
    page = windows.open(classroom, size="projector", reduced_motion="reduce")
    assert page.evaluate(BEFORE_AND_AFTER, [first, last]) == [before, after]
