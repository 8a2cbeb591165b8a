"""The look, the words and the keys of free play, measured on a feed of our own (classroom_feed.py).

::

    sizes  1024x768 ... 4K  x  two, three, four lanes   type of 28 pt and up, on the canvas too; all in one window;
    two                     x  all languages            nothing cut, nothing on top of another; one largest number
    a phone                                             may scroll; targets for a finger
    each state, by day and by night                     the rules of axe-core
    each control                                        by Tab and by its key; the focus comes back

Whether the page shows what gateways do is tested elsewhere: nothing here waits for a process.
"""

import classroom_window
import pytest
from axe_playwright_python.sync_playwright import Axe
from classroom_feed import pretend, snapshot, tell
from classroom_window import LANGUAGES, speak

POINTS_28 = 28 / 72 * 96
"""CSS pixels."""
FINGER = 44
"""CSS pixels that a finger hits."""
SIZES = [(1024, 768), (1280, 720), (1280, 800), (1920, 1080), (3840, 2160)]
SMALL = SIZES[:2]
LANES = {2: ("cgi", "fastcgi"), 3: ("cgi", "fastcgi", "uwsgi"), 4: ("cgi", "fastcgi", "uwsgi", "wsgi")}
CROWDED = {"a": {"waiting": 480, "queue": 100}}
TROUBLED = {
    "a": {"trouble": "The gateway of this lane has ended by itself: start it again."},
    "b": {"broken": True, "failures": {"no answer in 20 s": 12}},
}
ALIKE = {"A", "B", "Kill", "CPU", "Bytes", "Escape"}
"""Words that are the same in English and in another language."""

CANVAS = """
    window.canvasType = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (...its) {
        window.canvasType.push(parseFloat(/([\\d.]+)px/.exec(this.font)[1]));
        if (window.canvasType.length > 400) window.canvasType.splice(0, 200);
        return write.apply(this, its);
    };
"""

MEASURE = """(within) => {
    const root = document.querySelector(within);
    const shown = (node) => node.checkVisibility({visibilityProperty: true}) &&
        !node.closest(".unseen, .rest, caption, option") && (!node.closest(".twin") || node.closest(".tables"));
    const scrolls = (node) => node.closest(".content, pre, .twin");
    const size = (node) => parseFloat(getComputedStyle(node).fontSize);
    const texts = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement;
        if (!node.data.trim() || !shown(parent)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const boxes = [...range.getClientRects()].filter((box) => box.width > 1);
        if (boxes.length) texts.push({text: node.data.trim(), size: size(parent), boxes, node: parent});
    }
    for (const node of [...root.querySelectorAll("select")].filter(shown))
        texts.push({text: node.value, size: size(node), boxes: [node.getBoundingClientRect()], node});
    const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.3 * Math.min(a.height, b.height);
    const still = texts.filter(({node}) => !scrolls(node));
    const hits = still.flatMap((one, i) => still.slice(i + 1)
        .filter((other) => one.boxes.some((a) => other.boxes.some((b) => over(a, b))))
        .map((other) => `${one.text} / ${other.text}`));
    const window_ = {left: 0, top: 0, right: innerWidth, bottom: innerHeight};
    const outside = [...root.querySelectorAll("*")].filter((one) => shown(one) && !scrolls(one)).filter((one) => {
        const box = one.getBoundingClientRect();
        const frame = one.closest(".lane")?.getBoundingClientRect() ?? window_;
        return box.width && (box.left < frame.left - 1 || box.top < frame.top - 1 ||
            box.right > frame.right + 1 || box.bottom > frame.bottom + 1);
    }).map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 40)}`);
    const whole = ".quantiles, .news.quiet, button, h2, pre, .what, .stages li";
    const cut = [...root.querySelectorAll(whole)].filter(shown)
        .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent);
    const page = document.scrollingElement;
    const bars = page.scrollWidth > innerWidth + 1 || page.scrollHeight > innerHeight + 1;
    return {texts: texts.map(({text, size}) => [text, size]), hits, outside, cut, bars};
}"""

NAMES = """() => {
    const controls = ["#play", "dialog:not(.keys)"].map((root) => `${root} :is(button, select, input, canvas)`).join();
    const name = (one) => one.getAttribute("aria-label") ??
        ([...one.labels ?? []].map((label) => label.textContent.trim()).join(" ") || one.textContent.trim());
    return [...document.querySelectorAll(controls)].filter((one) => !one.closest(".twin, .screen"))
        .map((one) => [one.id || one.className || one.dataset.do || one.value, name(one)]);
}"""

LEAVES = """async () => {
    const { PLAY } = await import("/static/words_play.js");
    const says = (node) => (typeof node === "function" ? String(node("1", "2", "3")) : node);
    const leaves = (node, path) => (typeof node === "object"
        ? Object.keys(node).flatMap((key) => leaves(node[key], `${path}.${key}`)) : [[path, says(node)]]);
    return Object.fromEntries(Object.entries(PLAY).map(([name, words]) => [name, leaves(words, "")]));
}"""

SIZE = "(one) => parseFloat(getComputedStyle(one).fontSize)"
NOW = "() => [...document.querySelectorAll('.stages li')].findIndex((one) => one.className === 'now')"


@pytest.fixture
def play(classroom, windows):
    """Opens free play, with lanes that are made up; `page.asked` fills with what it asks for."""

    def play(many, rate=20, told=None, **options):
        page = windows.open(classroom, "play", **options)
        page.add_init_script(CANVAS)
        page.asked = pretend(page, snapshot(LANES.get(many, ()), rate, **(told or {})))
        return page

    return play


def drawn(page):
    """Wait until the page is laid out and drawn with what it has been told."""
    page.wait_for_function("() => document.getAnimations().every((one) => one.playState === 'finished')")
    page.evaluate("""() => new Promise((drawn) => {
        window.canvasType = [];
        requestAnimationFrame(() => requestAnimationFrame(drawn));
    })""")


def faults(page, within="#play", least=POINTS_28):
    """Return what is wrong with what a window shows; nothing, if all is well."""
    drawn(page)
    told = page.evaluate(MEASURE, within)
    assert told["texts"]
    told["small"] = [one for one in told.pop("texts") if one[1] < least - 0.01]
    told["small on canvas"] = [size for size in page.evaluate("() => window.canvasType") if size < least - 0.5]
    return {what: found for what, found in told.items() if found}


def resize(page, size):
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))


WINDOWS = [*((2, size) for size in SIZES), (3, SIZES[0]), *((4, size) for size in SIZES[:4])]


@pytest.mark.parametrize(("many", "size"), WINDOWS)
def test_everything_is_read_from_ten_metres_in_one_window(play, many, size):
    page = play(many, told=CROWDED, size=size)
    for language in LANGUAGES if size in SMALL else LANGUAGES[:1]:
        speak(page, "html", language)
        assert not faults(page), language
    ratio = page.locator("#ratio strong")
    assert ratio.inner_text().endswith("\N{MULTIPLICATION SIGN}")
    sizes = page.locator("#play *").evaluate_all(f"all => all.map({SIZE})")
    assert sorted(sizes)[-2] < ratio.evaluate(SIZE) == max(sizes)
    assert page.locator(".lane:visible canvas.stage:visible").count() == many
    classroom_window.shot(page, f"play-{many}-{size[0]}x{size[1]}")


OPENED = {
    "life": (("Enter", "Enter"), "#life"),
    "motion": (("z", "o"), "#motion"),
    "help": (("?", "?"), "#keys"),
}
"""What opens a dialog, at first and then (slow motion is a switch: while it is on, one request is stretched)."""


@pytest.mark.parametrize("name", OPENED)
def test_a_dialog_is_read_from_ten_metres_and_gives_the_focus_back(play, name):
    keys, dialog = OPENED[name]
    page = play(2, reduced_motion="reduce")
    stage = ".lane[data-lane=b] canvas.stage"
    for key, size in zip(keys, SMALL, strict=True):
        resize(page, size)
        page.focus(stage)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press(key)
        page.wait_for_selector(f"{dialog}[open]")
        for _ in range(2 if name == "motion" else 1):
            assert not faults(page, dialog), size
            page.keyboard.press("ArrowRight")
        classroom_window.shot(page, f"play-{name}-{size[0]}")
        page.keyboard.press("Escape")
        page.wait_for_selector(f"{dialog}[open]", state="detached")
        assert page.evaluate("(stage) => document.activeElement === document.querySelector(stage)", stage)
    assert page.url.endswith("#play")  # Escape closed the dialog, and no more


@pytest.mark.parametrize("state", ["empty", "more", "table", "trouble"])
def test_other_states_are_read_from_ten_metres(play, state):
    many, told = {"empty": (0, {}), "trouble": (2, TROUBLED)}.get(state, (4, {}))
    page = play(many, told=told)
    for size in SMALL:
        resize(page, size)
        if state == "more":
            page.keyboard.press(".")
            page.wait_for_selector("#rare:popover-open")
        if state == "table" and size == SMALL[0]:
            page.keyboard.press("t")
        for language in LANGUAGES:
            speak(page, "html", language)
            found = faults(page, "#rare" if state == "more" else "#play")
            assert not found, (size, language)
        classroom_window.shot(page, f"play-{state}-{size[0]}")
        page.evaluate("() => document.querySelector('#rare').hidePopover()")


def test_a_phone_scrolls_and_is_hit_by_a_finger(play):
    page = play(2, size="phone", has_touch=True, is_mobile=True)
    for language in LANGUAGES:
        speak(page, "html", language)
        found = faults(page, least=17)
        assert set(found) <= {"bars", "outside"}, found
        assert page.evaluate("() => document.scrollingElement.scrollWidth <= innerWidth")
        ask = """all => all.filter((one) => one.checkVisibility()).map((one) => [one, one.getBoundingClientRect()])
            .map(([one, {width, height}]) => [Math.min(width, height), one.outerHTML])"""
        targets = page.locator("#play :is(button, select, fieldset label)").evaluate_all(ask)
        assert not [one for one in targets if one[0] < FINGER]
    classroom_window.shot(page, "play-phone")


def rules(page, name):
    """Hold what the page shows to the rules of axe-core, by day and by night."""
    for theme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
        results = Axe().run(page, options={"resultTypes": ["violations"], **options})
        assert results.violations_count == 0, (name, theme, results.generate_report())
    classroom_window.shot(page, f"play-{name}-dark")


@pytest.mark.parametrize("many", [0, 2, 4])
def test_the_rules_of_axe_by_day_and_by_night(play, many):
    page = play(many, size=(1280, 720), reduced_motion="reduce")
    rules(page, f"{many} lanes")
    if many != 2:
        return
    for name, ((key, _), dialog) in OPENED.items():
        page.focus(".lane[data-lane=b] canvas.stage")
        page.keyboard.press("ArrowRight")
        page.keyboard.press(key)
        page.wait_for_selector(f"{dialog}[open]")
        rules(page, name)
        page.keyboard.press("Escape")
    page.keyboard.press("t")
    rules(page, "table")
    page.keyboard.press("t")
    page.keyboard.press(".")
    page.wait_for_selector("#rare:popover-open")
    rules(page, "more")
    page.keyboard.press("Escape")
    tell(page, snapshot(LANES[2], **TROUBLED), "snapshot")
    page.wait_for_selector(".lane.troubled")
    rules(page, "trouble")
    page.evaluate("() => window.hangUp()")
    page.wait_for_selector("#link:not(:empty)")
    rules(page, "gone")


KEYS = [
    ("o", {"do": "once"}), ("b", {"do": "burst", "count": 40}), ("s", {"do": "slow"}), ("m", {"do": "leak"}),
    ("c", {"do": "crash"}), ("i", {"do": "break"}), ("k", {"do": "kill"}), ("r", {"do": "reload"}),
    ("]", {"do": "rate", "rate": 50}), ("[", {"do": "rate", "rate": 20}),
    ("+", {"do": "workers", "more": 1}), ("-", {"do": "workers", "more": -1}),
]  # fmt: skip


def asked(page, count):
    """Wait until the page has asked for so many things; return what, lane by lane."""
    for _ in range(classroom_window.LIMIT * 60):
        if len(page.asked) >= count:
            break
        page.evaluate("() => new Promise(requestAnimationFrame)")
    return sorted(page.asked, key=lambda one: one["lane"])


def test_every_key_acts_where_it_is_aimed_and_every_button_says_its_key(play):
    page = play(2)
    for aim, lanes in (("0", "ab"), ("1", "a"), ("2", "b")):
        page.keyboard.press(aim)
        assert page.locator("#targets input:checked").get_attribute("value") == {"0": "all"}.get(aim, lanes)
        for key, action in KEYS if aim == "0" else KEYS[:1]:
            page.asked.clear()
            page.keyboard.press(key)
            assert asked(page, len(lanes)) == [{**action, "lane": lane} for lane in lanes], key
    ask = "all => all.map((one) => [one.getAttribute('aria-keyshortcuts'), one.dataset.do])"
    said = page.locator("[data-do]").evaluate_all(ask)
    assert dict(said) == {key.upper(): action["do"] for key, action in KEYS if key.isalpha()}
    page.asked.clear()
    page.keyboard.press("n")
    assert asked(page, 1) == [{"do": "lane.start", "lane": "c", "kind": "uwsgi", "workers": 2}]
    page.keyboard.press("t")
    assert page.get_attribute("#table", "aria-pressed") == "true"
    theme = page.get_attribute("html", "data-theme")
    page.keyboard.press("d")
    assert page.get_attribute("html", "data-theme") != theme
    page.keyboard.press("Escape")
    page.wait_for_function("() => location.hash === '#script'")


def test_every_control_is_reached_by_tab(play):
    for size in ((1280, 800), (1024, 768)):  # all buttons in a row; the rarer behind one
        page = play(2, size=size)
        if size[0] == 1024:
            page.keyboard.press(".")
            page.wait_for_selector("#rare:popover-open button:focus")
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate("() => [...document.querySelectorAll('#play *')].indexOf(document.activeElement)")
            )
        ask = """() => [...document.querySelectorAll("#play *")].flatMap((one, i) =>
            one.matches("button, select, input:not([type=radio]), [type=radio]:checked, canvas.stage")
            && !one.closest(".twin") && one.checkVisibility() ? [[i, one.outerHTML.slice(0, 80)]] : [])"""
        missed = [what for i, what in page.evaluate(ask) if i not in reached]
        assert not missed, size
        if size[0] == 1024:
            page.focus("#rare button")
            page.keyboard.press("Escape")
            page.wait_for_selector("#rare:popover-open", state="detached")
            assert page.url.endswith("#play")


def test_every_language_has_all_words_and_none_is_left_in_english(play):
    page = play(2)
    leaves = page.evaluate(LEAVES)
    assert tuple(leaves) == LANGUAGES
    page.keyboard.press("z")  # a dialog's own words
    page.wait_for_selector("#motion[open]")
    page.keyboard.press("Escape")
    names = {}
    for language in LANGUAGES:
        speak(page, "html", language)
        names[language] = page.evaluate(NAMES)
        assert all(name for _, name in names[language]), names[language]
        if language == "en":
            continue
        assert [path for path, _ in leaves[language]] == [path for path, _ in leaves["en"]]
        for here, english in ((leaves[language], leaves["en"]), (names[language], names["en"])):
            pairs = zip(here, english, strict=True)
            left = {words for (what, words), (_, other) in pairs if words == other and any(map(str.isalpha, words))}
            assert left <= ALIKE


def test_the_script_and_free_play_speak_the_same_language(play):
    page = play(2)
    page.keyboard.press("Escape")
    page.wait_for_selector("#script[lang=en]")
    page.evaluate("() => (location.hash = '#play')")
    page.wait_for_selector("#play:not([hidden])")
    page.keyboard.press("l")
    page.keyboard.press("Escape")
    page.wait_for_selector("#script[lang=de]")
    page.keyboard.press("l")
    page.keyboard.press("p")
    page.wait_for_selector("html[lang=zh-Hans] #play:not([hidden])")
    page.reload(wait_until="commit")  # the browser has kept it
    page.wait_for_selector("html[lang=zh-Hans] #play:not([hidden])")


def test_numbers_are_written_as_the_language_writes_them(play):
    page = play(2, rate=50)
    for language, born, cpu in (("en", "3,050", "8.2 s"), ("de", "3.050", "8,2 s"), ("zh-Hans", "3,050", "8.2 s")):
        speak(page, "html", language)
        for where, text in (("[data-lane=a] [data-count=born]", born), ("[data-lane=b] [data-count=cpu]", cpu)):
            ask = "([where, text]) => document.querySelector(where).textContent === text"
            page.wait_for_function(ask, arg=[where, text])


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_slow_motion_runs_by_itself_only_for_who_wants_motion(classroom, windows, motion):
    page = windows.open(classroom, "play", reduced_motion=motion)
    page.clock.install()
    pretend(page, snapshot(LANES[2], 0))
    page.keyboard.press("z")
    page.wait_for_selector("#motion[open] .stages li.now")
    moves = page.evaluate("() => document.getAnimations().length")
    page.clock.fast_forward(60_000)
    at = page.evaluate(NOW)
    assert (moves > 0, at > 0) == ((False, False) if motion == "reduce" else (True, True))
    page.keyboard.press("ArrowRight")  # and steps for everybody
    assert page.evaluate(NOW) == at + 1
