"""The script in a window: keys as a teacher presses them, and all that the window says, as text and numbers.

::

    press(page, "PageDown")     as often as a test likes: it waits until the page does not take it for a bounce
    go_on(page, screen, step)   on to this step, without its pauses
    read(page)                  what eyes and screen readers find: words, tallies, dots, bars
    told(page)                  what the server tells a new window: for what is not written on the screen

What is read is found by its role, its tag or its label where it has one, rather than by how it is styled.
"""

import classroom_window

FORWARD = ("Space", "PageDown", "ArrowRight")
"""The space bar, and what presenters' remotes send."""
BACK = ("Backspace", "PageUp", "ArrowLeft")
PACED = {("cgi", "run"), ("stay", "run"), ("again", "run")}
"""Steps with pauses of some seconds in all. At the end of others, a press would already mean the next step."""
PATIENCE = 90
"""Seconds for a step: forty processes one after another, on a machine that has ten other things to do."""
BOUNCE = 300
"""Milliseconds between two presses; the page takes what comes sooner for the same one."""

SNAPSHOT = """() => new Promise((resolve) => {
    const feed = new EventSource("/feed");
    feed.addEventListener("snapshot", (event) => {
        feed.close();
        resolve(JSON.parse(event.data));
    });
})"""

READ = """() => {
    const root = document.querySelector("#script");
    const all = (query, from = root) => [...from.querySelectorAll(query)];
    const text = (one) => (one?.checkVisibility() ? one.innerText.trim() : "");
    const wide = (one) => one?.getBoundingClientRect().width ?? 0;
    const share = (one) => Number(one?.style.getPropertyValue("--share") ?? 0);
    return {
        title: text(root.querySelector("h1")), prompt: text(root.querySelector(".prompt")),
        replay: text(root.querySelector(".replay")), state: root.querySelector(".screen").dataset.state,
        language: root.lang, drawing: text(root.querySelector(".drawing")),
        place: root.querySelector("footer [role=img]").getAttribute("aria-label"),
        heads: all("table thead th").map(text), sides: all("table tbody th").map(text),
        cells: all("table tbody td").map(text),
        rows: all("tr[aria-label]").map((one) => ({
            label: one.getAttribute("aria-label"), hands: text(one.lastElementChild),
            marked: one.getAttribute("aria-current") === "true", true: one.classList.contains("true")})),
        charts: all("svg[role=img]").map((one) => ({
            label: one.getAttribute("aria-label"), texts: all("text", one).map((label) => label.textContent),
            dots: all("circle", one).map((dot) => ["cx", "cy"].map((at) => parseFloat(dot.getAttribute(at))))})),
        counters: all("ol li").map(text),
        sections: all("section").map((one) => ({
            name: text(one.querySelector("h2")), text: text(one), bytes: all("code", one).map(text),
            tiles: all(".tile", one).map((tile) => text(tile).split(/\\s+/)), lit: all(".tile.lit b", one).map(text)})),
        log: text(root.querySelector("code:has(mark)")), mark: text(root.querySelector("mark")),
        parts: all("[role=img][aria-label]:has(.bar)").map((one) => ({
            label: one.getAttribute("aria-label"), text: text(one), true: one.classList.contains("true"),
            bar: share(one.querySelector(".bar")), wide: wide(one.querySelector(".bar")),
            ghost: share(one.querySelector(".ghost")), ghostWide: wide(one.querySelector(".ghost"))})),
    };
}"""

HANDS = """([index, hands]) => {
    const row = document.querySelectorAll("#script tr[aria-label]")[index];
    return row && Number(row.lastElementChild.innerText) === hands;
}"""


STILL = "() => document.getAnimations().every((one) => one.playState !== 'running')"


def press(page, key):
    """Press a key, once the page does not take it for the one before any more."""
    page.wait_for_function(f"() => performance.now() - (window.pressed ?? -{BOUNCE}) >= {BOUNCE}")
    page.keyboard.press(key)
    page.evaluate("window.pressed = performance.now()")


def go_on(page, screen, step, key="Space"):
    """Go on to this step, and press once more if it takes its time."""
    press(page, key)
    at_its_end(page, screen, step)


def at_its_end(page, screen, step):
    """Wait until a step is over; a press takes its pauses away."""
    classroom_window.screen_is(page, screen, step, "running", "waiting", "done")
    if (screen, step) in PACED and page.get_attribute("#script .screen", "data-state") == "running":
        press(page, "Space")
    page.wait_for_selector(
        f'.screen[data-screen="{screen}"][data-step="{step}"]:is([data-state="done"], [data-state="waiting"])',
        timeout=1000 * PATIENCE,
    )


def vote(page, *hands, beside=()):
    """Count hands for each answer in turn, by digits and Enter or an arrow; wait until all windows show each."""
    for index, number in enumerate(hands):
        if index:
            page.keyboard.press(("Enter", "ArrowDown")[index % 2])
        for digit in str(number):
            page.keyboard.press(digit)
        for window in (page, *beside):
            window.wait_for_function(HANDS, arg=[index, number])


def read(page):
    """Return all that the script's view says."""
    return page.evaluate(READ)


def told(page):
    """Return all that a new window is told."""
    return page.evaluate(SNAPSHOT)
