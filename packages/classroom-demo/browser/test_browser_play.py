"""Every button and key of free play does what it says: seen on the page, and in the operating system.

What a test does is done on the page, by a key or a click. What has come of it is read three times: on the page, at the
server's feed, and where neither has a say (psutil, a gateway's own status, the codecs).
"""

import contextlib
import importlib
import re

import play_window
import psutil
import pytest
from classroom_window import act, shot
from play_window import counted, drawn, rows, told, until, workers

from classroom_demo.asking import CODECS, request_of
from classroom_demo.floor import SAMPLE
from gateway_core.events import NEED_DATA, Data, EndOfMessage

KINDS = ("cgi", "fastcgi", "scgi", "uwsgi", "wsgi")
SCHEMES = {"cgi": "http", "wsgi": "http", "fastcgi": "fastcgi", "scgi": "scgi", "uwsgi": "uwsgi"}
BURST = 40
LEAK = 16 * 1024 * 1024
"""Bytes that the endpoint of the button keeps."""


@pytest.fixture
def page(classroom, windows):
    return windows.open(classroom, "play")


def lives(classroom, lane, role="worker"):
    """Return the living of a role as the server tells of them, by their ids."""
    return {one["pid"]: one for one in told(classroom, lane)["lives"] if one["role"] == role and one["ended"] is None}


def counts(classroom, lane):
    return told(classroom, lane)["counts"]


def rest(classroom, lane, served, failed=0):
    """Wait until so many visitors are served or have failed, and nobody waits; return the lane."""

    def at_rest():
        now = told(classroom, lane)
        done = (now["counts"]["served"], now["counts"]["failed"], now["waiting"]) == (served, failed, 0)
        return now if done and not any(life["now"] for life in now["lives"]) else None

    return until(at_rest, f"not {served} served and {failed} failed, but {told(classroom, lane)['counts']}")


def replaced(classroom, lane, gone, number=2):
    """Wait until there are so many workers, none of them of those that are to go, and all can serve; return the ids."""

    def new():
        living = lives(classroom, lane)
        ready = all(life["ready"] for life in living.values())
        return set(living) if len(living) == number and ready and not gone & set(living) else None

    found = until(new, f"no {number} workers in place of {gone}")
    assert found == workers(classroom, lane)
    assert not any(psutil.pid_exists(pid) for pid in gone)
    return found


def content_of(answer, front):
    """Return the content of an answer, as the client's half of a protocol reads it."""
    front.receive_data(answer)
    content = b""
    while not isinstance(event := front.next_event(), EndOfMessage):
        assert event is not NEED_DATA, f"the answer is cut: {answer}"
        content += event.data if isinstance(event, Data) else b""
    return content


def choose(page, lane, wanted):
    """Go through the processes of a stage by key, until one is described so; return the description."""
    stage = page.locator(f".lane[data-lane={lane}] canvas.stage")
    stage.focus()

    def chosen():
        page.keyboard.press("ArrowRight")
        words = page.text_content(f".lane[data-lane={lane}] .chosen")
        return words if re.search(wanted, words) else None

    return until(chosen, f"no process is {wanted}")


def pick(page, selector, value):
    """Choose in a list, and leave it, so that keys are the page's again."""
    page.select_option(selector, value)
    page.evaluate("document.activeElement.blur()")


@contextlib.contextmanager
def rare(page, selector):
    """Have a control within reach that a small window keeps behind a button."""
    if not page.locator(selector).is_visible():
        page.keyboard.press(".")
    yield
    if page.locator("#rare:popover-open").count():
        page.keyboard.press("Escape")
        page.wait_for_selector("#rare:not(:popover-open)", state="attached")


# -- each gateway -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_gateway_is_chosen_asked_looked_into_and_killed(classroom, page, kind):
    play_window.only(page, a=("wsgi" if kind == "cgi" else "cgi", 2))
    first = play_window.master(classroom, "a")
    pick(page, ".lane[data-lane=a] .kind", kind)
    until(lambda: (lane := told(classroom, "a")) and lane["kind"] == kind)
    play_window.lanes_are(page, "a")
    assert not first.is_running()
    assert act(page, do="path", lane="a", path="/counter")[0] == 200

    page.keyboard.press("o")
    rest(classroom, "a", 1)
    page.click("[data-do=once]")
    lane = rest(classroom, "a", 2)
    assert play_window.status(classroom, "a")["requests"] == 2
    assert lane["counts"]["born"] == drawn(page, "a") == (4 if kind == "cgi" else 2)
    role = "cgi" if kind == "cgi" else "worker"
    served = max((one for one in lane["lives"] if one["role"] == role and one["served"]), key=lambda one: one["born"])
    looked_into(page, kind, served)

    before = workers(classroom, "a")
    page.click("[data-do=kill]")
    until(lambda: counts(classroom, "a")["crashed"] == 1)
    (gone,) = before - (after := until(lambda: (now := workers(classroom, "a")) - before and len(now) == 2 and now))
    replaced(classroom, "a", {gone})
    until(lambda: rows(page, "a").get(gone, ("",))[0] == "killed")
    until(lambda: set(after) <= set(rows(page, "a")))
    until(lambda: drawn(page, "a") == lane["counts"]["born"] + 1)
    page.keyboard.press("o")
    rest(classroom, "a", 3)


def looked_into(page, kind, life):
    """The bytes of a process's last request say what it was asked, and its answer: how often it had been asked."""
    _, answer = act(page, do="life", lane="a", pid=life["pid"])
    assert answer["done"]["last"][-1][0] == "GET /counter"
    way = {"in": b"", "out": b""}
    for one in answer["done"]["wire"]:
        way[one["way"]] += bytes.fromhex(one["hex"])
    protocol = importlib.import_module(CODECS[SCHEMES[kind]])
    server = protocol.ServerConnection()
    server.receive_data(way["in"])
    request = server.next_event()
    asked = dict(request.variables)["REQUEST_URI"] if hasattr(request, "variables") else request.target
    assert asked in ("/counter", b"/counter")
    front = protocol.ClientConnection(keep_alive=False)
    front.send(request_of("/counter"))
    assert int(content_of(way["out"], front)) == life["served"]


# -- processes --------------------------------------------------------------------------------------------------------


def test_who_is_chosen_is_killed_and_only_its_own_request_fails(classroom, page):
    play_window.only(page, a=("fastcgi", 2))
    before = set(lives(classroom, "a"))
    page.keyboard.press("s")
    words = choose(page, "a", "GET /sleep")
    chosen = int(words.split(",")[0])
    held = lives(classroom, "a")
    assert {pid: one["now"] for pid, one in held.items()} == {
        pid: "GET /sleep" if pid == chosen else "" for pid in held
    }
    until(lambda: rows(page, "a")[chosen][0] == "busy")
    assert "GET /sleep" in rows(page, "a")[chosen][1][0]
    page.keyboard.press("o")
    rest_of = until(lambda: counts(classroom, "a")["served"] == 1 and counts(classroom, "a"))
    assert rest_of["failed"] == 0
    shot(page, "play-slow-held")

    page.keyboard.press("k")
    lane = rest(classroom, "a", 1, failed=1)
    assert lane["failures"] == {"hung up": 1}
    assert replaced(classroom, "a", {chosen}) & before == before - {chosen}
    until(lambda: rows(page, "a")[chosen][0] == "killed")
    assert re.search(r"9|SIGKILL", rows(page, "a")[chosen][1][0])
    until(lambda: (counted(page, "a", "failed"), drawn(page, "a"), counted(page, "a", "born")) == (1, 3, 3))
    shot(page, "play-killed")


def test_a_slow_request_takes_three_seconds_of_one_process(classroom, page):
    play_window.only(page, a=("wsgi", 1))
    page.keyboard.press("s")
    until(lambda: any(state == "busy" for state, _ in rows(page, "a").values()))
    lane = rest(classroom, "a", 1)
    (life,) = (one for one in lane["lives"] if one["role"] == "worker")
    ((request, seconds),) = life["last"]
    assert request == "GET /sleep"
    assert seconds >= 3


def test_a_crash_ends_one_process_and_its_request(classroom, page):
    play_window.only(page, a=("uwsgi", 2))
    before = workers(classroom, "a")
    page.keyboard.press("c")
    lane = rest(classroom, "a", 0, failed=1)
    assert lane["failures"] == {"hung up": 1}
    (gone,) = before - until(lambda: (now := workers(classroom, "a")) - before and len(now) == 2 and now)
    replaced(classroom, "a", {gone})
    until(lambda: rows(page, "a")[gone][0] == "killed")
    until(lambda: counted(page, "a", "failed") == 1)
    lane = told(classroom, "a")
    assert (lane["counts"]["crashed"], next(one["how"] for one in lane["lives"] if one["pid"] == gone)) == (
        1,
        "exit code 1",
    )
    page.keyboard.press("o")
    rest(classroom, "a", 1, failed=1)


def test_a_leak_stays_and_is_shown(classroom, page):
    play_window.only(page, a=("wsgi", 1))
    (pid,) = lives(classroom, "a")

    def shown():
        found = re.search(r"(\d+) MB", " ".join(rows(page, "a").get(pid, ("", []))[1]))
        return int(found[1]) if found else 0

    memory, before = psutil.Process(pid).memory_info().rss, until(shown)
    for n in (1, 2):
        page.keyboard.press("m")
        rest(classroom, "a", n)
        until(lambda n=n: shown() - before >= n * LEAK / 1e6 - 1)  # whole megabytes are shown
        assert psutil.Process(pid).memory_info().rss - memory >= n * LEAK
    assert set(lives(classroom, "a")) == {pid}


def test_workers_come_and_go_one_by_one(classroom, page):
    play_window.only(page, a=("scgi", 2))
    before = set(lives(classroom, "a"))
    for press, number in (
        (lambda: page.keyboard.press("+"), 3), (lambda: page.click(".lane[data-lane=a] .more"), 4),
        (lambda: page.keyboard.press("-"), 3), (lambda: page.click(".lane[data-lane=a] .fewer"), 2),
        (lambda: page.keyboard.press("-"), 1),
    ):  # fmt: skip
        press()
        until(lambda number=number: len(workers(classroom, "a")) == number == len(lives(classroom, "a")), number)
        until(lambda number=number: page.inner_text(".lane[data-lane=a] .workers output").strip()[0] == str(number))
    assert counts(classroom, "a")["born"] == 4
    assert counts(classroom, "a")["crashed"] == 0
    assert len(before) == 2


def test_a_mistake_stops_cgi_alone_and_a_reload_mends_it(classroom, page):
    play_window.only(page, a=("cgi", 1), b=("fastcgi", 2))
    old = set(lives(classroom, "b"))
    page.keyboard.press("i")
    until(lambda: counts(classroom, "b")["crashed"])  # new workers, which could not load it
    until(lambda: all(told(classroom, lane)["broken"] for lane in "ab"))
    page.keyboard.press("o")
    assert rest(classroom, "a", 0, failed=1)["failures"] == {"status 500": 1}
    rest(classroom, "b", 1)
    assert set(lives(classroom, "b")) >= old
    assert workers(classroom, "b") >= old
    until(lambda: counted(page, "a", "failed") == 1)
    shot(page, "play-broken")

    page.keyboard.press("r")
    assert not replaced(classroom, "b", old) & old
    page.keyboard.press("o")
    rest(classroom, "a", 1, failed=1)
    rest(classroom, "b", 2)
    assert not any(told(classroom, lane)["broken"] for lane in "ab")


def test_a_reload_loses_no_request(classroom, page):
    play_window.only(page, a=("fastcgi", 2))
    old = set(lives(classroom, "a"))
    page.evaluate(COLLECT)
    page.wait_for_function("() => window.frames_seen.length > 0")
    for _ in range(5):
        page.keyboard.press("]")
    until(lambda: counts(classroom, "a")["served"] >= 5)
    page.keyboard.press("r")
    replaced(classroom, "a", old)
    served = counts(classroom, "a")["served"]
    until(lambda: counts(classroom, "a")["served"] >= served + 5)
    play_window.set_rate(page, classroom, 0)
    final = until(lambda: (now := told(classroom, "a"))["waiting"] == 0 and now)
    assert final["failures"] == {}
    assert final["counts"]["served"] == final["counts"]["came"] == play_window.status(classroom, "a")["requests"]
    ends = {pid: how for frame in page.evaluate("frames_seen") for pid, how, _ in frame.get("ended", [])}
    assert {ends[pid] for pid in old} == {"ended"}
    until(lambda: drawn(page, "a") == counted(page, "a", "born") == 4)


# -- visitors ---------------------------------------------------------------------------------------------------------

COLLECT = """() => {
    window.frames_seen = [];
    new EventSource("/feed").addEventListener("frame", (event) => {
        const lane = JSON.parse(event.data).lanes.a;
        if (lane) window.frames_seen.push(lane);
    });
}"""
"""Keeps what the feed tells of lane a, beside the page."""


def test_a_burst_fills_the_queue_and_drains(classroom, page):
    play_window.only(page, a=("fastcgi", 1))
    with rare(page, "#path"):
        pick(page, "#path", "/counter")
    until(lambda: told(classroom, "a")["path"] == "/counter")
    page.evaluate(COLLECT)
    page.wait_for_function("() => window.frames_seen.length > 0")
    page.keyboard.press("s")  # the only worker is busy for three seconds
    until(lambda: any(life["now"] for life in lives(classroom, "a").values()))
    page.keyboard.press("b")
    until(lambda: play_window.status(classroom, "a")["listeners"][0]["queue"] == BURST)
    until(lambda: counted(page, "a", "waiting") == BURST + 1)
    shot(page, "play-burst")
    lane = rest(classroom, "a", BURST + 1)
    heard = "n => frames_seen.reduce((sum, { latency }) => sum + (latency ?? []).length, 0) === n"
    page.wait_for_function(heard, arg=BURST + 1)
    frames = page.evaluate("frames_seen")
    assert max(frame["waiting"] for frame in frames) == BURST + 1
    assert max(frame["queue"] for frame in frames) == BURST
    assert lane["queue"] == 0
    until(lambda: counted(page, "a", "waiting") == 0)
    until(lambda: [one["served"] for one in lives(classroom, "a").values()] == [BURST + 1])  # whatever was dropped
    words = page.locator(".lane[data-lane=a] .quantiles")
    until(lambda: len(re.findall(r"[\d.]+ s\b", words.text_content())) == 2)  # in seconds: they waited for the slow one
    assert ink(page, ".lane[data-lane=a] canvas.strip") > 100


def ink(page, canvas):
    """Return how many points of a canvas are drawn."""
    ask = """one => {
        const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
        return data.filter((value, i) => i % 4 === 3 && value).length;
    }"""
    return page.locator(canvas).evaluate(ask)


def test_the_ratio_is_that_of_its_parts(classroom, page):
    play_window.only(page, a=("cgi", 1), b=("wsgi", 1))
    began = {lane: counts(classroom, lane) for lane in "ab"}
    assert all(one["cpu"] > 0 for one in began.values())  # what the start has cost is no visitor's
    act(page, do="burst", lane="a", count=24)  # it takes twenty requests before there is a ratio
    act(page, do="burst", lane="b", count=200)  # and some milliseconds, which the cheap lane has to spend
    rest(classroom, "a", 24)
    rest(classroom, "b", 200)
    page.wait_for_function("() => document.querySelector('#ratio strong').textContent")
    settled = until(lambda: still(classroom))
    each = {
        lane: (settled[lane]["cpu"] - began[lane]["cpu"]) / (settled[lane]["served"] - began[lane]["served"])
        for lane in "ab"
    }
    until(lambda: abs(shown_ratio(page) / (each["a"] / each["b"]) - 1) < 0.15, (each, shown_ratio(page)))
    shot(page, "play-ratio")


def still(classroom):
    """Return the counts of both lanes if no CPU was spent between two samples of it."""
    first = told(classroom)
    last = until(lambda: (now := told(classroom))["t"] > first["t"] + 2 * SAMPLE and now)
    spent = [last["lanes"][lane]["counts"]["cpu"] - first["lanes"][lane]["counts"]["cpu"] for lane in "ab"]
    return {lane: last["lanes"][lane]["counts"] for lane in "ab"} if max(spent) < 0.02 else None


def shown_ratio(page):
    """Return the big number."""
    return float(re.search(r"[\d.,]+", page.inner_text("#ratio strong"))[0].replace(",", ""))


# -- lanes ------------------------------------------------------------------------------------------------------------


def test_lanes_come_and_go(classroom, page):
    play_window.only(page, a=("wsgi", 1))
    page.keyboard.press("n")
    play_window.lanes_are(page, "a", "b")
    with rare(page, "#add-lane"):
        page.click("#add-lane")
        play_window.lanes_are(page, "a", "b", "c")
    page.keyboard.press("n")
    play_window.lanes_are(page, "a", "b", "c", "d")
    assert page.locator("#add-lane").is_disabled()
    assert len({told(classroom, lane)["kind"] for lane in "abcd"}) == 4
    page.keyboard.press("o")  # to all
    for lane in "abcd":
        rest(classroom, lane, 1)
    page.keyboard.press("2")  # to b alone
    page.keyboard.press("o")
    rest(classroom, "b", 2)
    shot(page, "play-four-lanes")

    gone = [play_window.master(classroom, lane) for lane in "bcd"]
    gone += [child for one in gone for child in one.children(recursive=True)]
    for lane in "bcd":
        page.click(f".lane[data-lane={lane}] .remove")
    play_window.lanes_are(page, "a")
    assert not psutil.wait_procs(gone, 20)[1]
    page.keyboard.press("o")
    assert rest(classroom, "a", 2)["failures"] == {}
    assert counts(classroom, "a")["came"] == 2


# -- a closer look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["click", "keys", "table"])
def test_a_process_is_opened(classroom, page, way):
    play_window.only(page, a=("fastcgi", 1))
    (pid,) = lives(classroom, "a")
    page.keyboard.press("o")
    rest(classroom, "a", 1)
    stage = page.locator(".lane[data-lane=a] canvas.stage")
    if way == "click":
        box = stage.bounding_box()
        stage.click(position={"x": 0.6 * box["width"], "y": 0.35 * box["height"]})
    elif way == "keys":
        choose(page, "a", rf"^{pid}\b")
        page.keyboard.press("Enter")
    else:
        page.keyboard.press("t")
        page.click(f".lane[data-lane=a] .twin button:text-is('{pid}')")
    page.wait_for_selector("#life[open]")
    assert str(pid) in page.inner_text("#life h2")
    assert "GET /hello" in page.inner_text("#life ol")
    _, answer = act(page, do="life", lane="a", pid=pid)
    wire = answer["done"]["wire"]
    shown = page.locator("#life pre").all_inner_texts()
    assert len(shown) == len(wire) > 2
    for rows_of, message in zip(shown, wire, strict=True):
        assert message["hex"].startswith(re.match(r"(?:[0-9a-f]{2} ?)+", rows_of)[0].strip())
        assert str(message["length"]) in page.inner_text("#life .content").replace(",", "")
    assert "FCGI_BEGIN_REQUEST" in wire[0]["note"] or "BEGIN_REQUEST" in wire[0]["note"]
    shot(page, f"play-life-{way}")
    page.keyboard.press("Escape")
    page.wait_for_selector("#life:not([open])", state="attached")


@pytest.mark.parametrize("kind", ["cgi", "uwsgi"])
def test_slow_motion_shows_five_stages_and_their_bytes(classroom, windows, kind):
    page = windows.open(classroom, "play", reduced_motion="reduce")  # it steps then, and does not run
    play_window.only(page, a=(kind, 1))
    page.keyboard.press("z")
    page.wait_for_selector("#motion[open]")
    assert counts(classroom, "a")["served"] == play_window.status(classroom, "a")["requests"] == 1
    stages = page.locator("#motion .stages li")
    assert stages.count() == 5
    names, data = [], {}
    for i in range(5):
        page.wait_for_selector(f"#motion .stages li:nth-child({i + 1})[aria-current]")
        assert page.inner_text("#motion .what").strip()
        names.append(stages.nth(i).locator("b").inner_text())
        data[i] = page.inner_text("#motion pre")
        if i in (1, 3):
            shot(page, f"play-slow-motion-{kind}-{i}")
        page.keyboard.press("ArrowRight")
    assert names == ["accept", "decode", "call", "encode", "release"]
    first = {"cgi": b"GET /hello HTTP/1.1".hex(" ")[:30], "uwsgi": "00"}[kind]
    assert data[1].startswith(first), data[1]
    assert data[3].startswith(b"HTTP/1.1 200".hex(" ")[:30])
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#motion .stages li:nth-child(4)[aria-current]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#motion:not([open])", state="attached")


def test_the_table_says_the_same_as_the_picture(classroom, page):
    play_window.only(page, a=("cgi", 1), b=("fastcgi", 3))
    page.keyboard.press("o")
    for lane in "ab":
        rest(classroom, lane, 1)
    for lane in "ab":
        until(lambda lane=lane: in_the_picture(page, lane) == set(in_truth(classroom, lane)), in_truth(classroom, lane))
    page.keyboard.press("t")
    page.wait_for_selector("#lanes.tables")
    assert page.locator(".lane[data-lane=a] .twin table").is_visible()
    for lane in "ab":
        until(lambda lane=lane: in_words(page, lane) == in_truth(classroom, lane), in_truth(classroom, lane))
    shot(page, "play-tables")
    page.keyboard.press("t")
    page.wait_for_selector("#lanes:not(.tables)")


def in_words(page, lane):
    """Return what the table says: state, and how many were served."""
    return {pid: (state, cells[1]) for pid, (state, cells) in rows(page, lane).items()}


def in_truth(classroom, lane):
    known = told(classroom, lane)["lives"]
    return {one["pid"]: ("ended" if one["ended"] else "idle", str(one["served"])) for one in known}


def in_the_picture(page, lane):
    """Return the ids of the processes that the arrow keys lead to: once around."""
    page.locator(f".lane[data-lane={lane}] canvas.stage").focus()
    found = set()
    while (pid := arrow(page, lane)) not in found:
        found.add(pid)
    return found


def arrow(page, lane):
    """Go on to the next process of a stage; return its id."""
    page.keyboard.press("ArrowRight")
    return int(re.match(r"\d+", page.text_content(f".lane[data-lane={lane}] .chosen"))[0])
