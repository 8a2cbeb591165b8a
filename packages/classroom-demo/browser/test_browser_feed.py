"""The feed as the page folds it: a table of events and states, chance against what the server knows, and the clock.

There is no server here: the module is loaded from its file, and given events.
"""

import json
import random
from importlib import resources

import pytest

from classroom_demo.lives import Lives

STATIC = resources.files("classroom_demo") / "static"
HOME = "http://127.0.0.1:9"
"""Nobody is asked there: the browser is answered from STATIC."""
FOLD = """(events) => events.reduce((state, [kind, data]) => feed.reduce(state, {kind, data}), feed.EMPTY)"""
LIVES = """(events) => events.map((told) => {
    let state = feed.EMPTY;
    for (const [kind, data] of told) state = feed.reduce(state, {kind, data});
    return [...state.lanes.a.lives.values()];
})"""


@pytest.fixture(scope="module")
def page(chromium):
    """A blank page that has feed.js as `feed`."""
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/*", lambda route: answer(route))
    page.goto(f"{HOME}/")
    page.evaluate("async () => { window.feed = await import('/static/feed.js'); }")
    yield page
    context.close()


def answer(route):
    name = route.request.url.rpartition("/")[2]
    if name:
        route.fulfill(content_type="text/javascript", body=(STATIC / name).read_text("utf-8"))
    else:
        route.fulfill(content_type="text/html", body="<!doctype html><title>feed</title>")


def lane(*lives, **more):
    return {"kind": "fastcgi", "url": "u", "workers": 1, "lives": list(lives), "usage": {}, **more}


def snapshot(*lives, **more):
    return ["snapshot", {"t": 10.0, "began": 1.0, "rate_max": 500, "crowd": 500, "lanes": {"a": lane(*lives)}, **more}]


def frame(t=11.0, **news):
    return ["frame", {"t": t, "lanes": {"a": news}}]


def life(pid=7, role="worker", **more):
    return {
        "pid": pid, "role": role, "born": 1.0, "ready": 2.0, "ended": None, "how": "", "served": 0, "now": "",
        "since": 0.0, "last": [], "cpu": 0.0, "memory": 0, **more,
    }  # fmt: skip


BORN = frame(born=[[7, "worker", 3.0, ""]])
CGI = frame(born=[[8, "cgi", 3.0, "GET /a"]])
TABLE = {
    "a birth": ([snapshot(), BORN], 7, {"role": "worker", "born": 3.0, "ready": None, "ended": None, "served": 0}),
    "a birth that the snapshot has": (
        [snapshot(life(served=4)), frame(born=[[7, "worker", 1.0, ""]])], 7, {"served": 4},
    ),
    "a birth told twice": ([snapshot(), BORN, frame(born=[[7, "worker", 3.5, ""]])], 7, {"born": 3.0}),
    "ready before born": (
        [snapshot(), frame(born=[[7, "worker", 3.0, ""]], ready=[7]), frame(born=[[7, "worker", 2.5, ""]])],
        7, {"ready": 11.0, "born": 3.0},
    ),
    "ready of nobody": ([snapshot(), frame(ready=[7])], 7, None),
    "an id that is used again": (
        [snapshot(life(served=4)), frame(ended=[[7, "ended", 3.0]]), frame(born=[[7, "worker", 4.0, ""]])],
        7, {"born": 4.0, "served": 0, "ended": None, "how": ""},
    ),
    "an id that is used again, within a frame": (
        [snapshot(life()), frame(born=[[7, "worker", 3.0, ""]], ended=[[7, "exit code 1", 2.9]])],
        7, {"born": 3.0, "ended": None, "how": ""},
    ),
    "one of whom only the end was heard": (
        [snapshot(), frame(born=[[7, "worker", 3.0, ""]], ended=[[7, "ended", 3.0]])], 7, {"born": 3.0, "ended": 3.0},
    ),
    "a request held": ([snapshot(life()), frame(begun=[[7, "GET /a", 3.0]])], 7, {"now": "GET /a", "since": 3.0}),
    "a request served": (
        [snapshot(life(ready=None)), frame(begun=[[7, "GET /a", 3.0]], finished=[[7, 1, 3.5]])],
        7, {"now": "", "served": 1, "last": [["GET /a", 0.5]], "ready": 3.0},
    ),
    "one ends as another begins": (
        [snapshot(life(now="GET /a", since=2.0)), frame(begun=[[7, "GET /b", 3.0]], finished=[[7, 1, 3.0]])],
        7, {"now": "GET /b", "served": 1, "last": [["GET /a", 1.0]]},
    ),
    "an end that the snapshot has counted": (
        [snapshot(life(served=2)), frame(finished=[[7, 2, 3.0]])], 7, {"served": 2, "last": []},
    ),
    "an end whose beginning was not heard": (
        [snapshot(life()), frame(finished=[[7, 2, 3.0]])], 7, {"served": 2, "now": "", "last": []},
    ),
    "ready was not heard": ([snapshot(life(ready=None)), frame(begun=[[7, "GET /a", 3.0]])], 7, {"ready": 3.0}),
    "eight requests are remembered": (
        [
            snapshot(life()),
            frame(begun=[[7, f"GET /{n}", n] for n in range(9)], finished=[[7, n + 1, n + 0.5] for n in range(9)]),
        ],
        7, {"served": 9, "last": [[f"GET /{n}", 0.5] for n in range(1, 9)]},
    ),
    "a process per request holds its own": ([snapshot(), CGI], 8, {"now": "GET /a", "ready": 3.0, "since": 3.0}),
    "and has served one when it ends": (
        [snapshot(), CGI, frame(ended=[[8, "ended", 3.5]])],
        8, {"now": "", "served": 1, "ended": 3.5, "last": [["GET /a", 0.5]]},
    ),
    "or none that is known": (
        [snapshot(), frame(born=[[8, "cgi", 3.0, ""]], ended=[[8, "ended", 3.5]])], 8, {"served": 1, "last": []},
    ),
    "a killed worker": (
        [snapshot(life(now="GET /a")), frame(ended=[[7, "killed by signal 9", 3.0]])],
        7, {"ended": 3.0, "how": "killed by signal 9", "now": ""},
    ),
    "the end of nobody": ([snapshot(), frame(ended=[[7, "ended", 3.0]])], 7, None),
    "CPU and memory": ([snapshot(life()), frame(usage={"7": [0.5, 9], "9": [1, 1]})], 7, {"cpu": 0.5, "memory": 9}),
}  # fmt: skip


@pytest.mark.parametrize(("events", "pid", "wanted"), TABLE.values(), ids=TABLE)
def test_what_a_process_is_after_events(page, events, pid, wanted):
    (lives,) = page.evaluate(LIVES, [events])
    found = [one for one in lives if one["pid"] == pid]
    assert len(found) == (wanted is not None)
    for one in found:
        assert {name: one[name] for name in wanted} == wanted


def test_what_a_lane_is_after_events(page):
    told = page.evaluate(
        FOLD, [snapshot(), frame(rate=5, counts={"born": 2}), ["frame", {"t": 12.0, "lanes": {"b": {}}}]]
    )
    assert told["lanes"]["a"]["rate"] == 5
    assert told["lanes"]["a"]["counts"] == {"born": 2}
    assert list(told["lanes"]) == ["a"]  # nothing is known of b
    assert (told["t"], told["link"], told["rateMax"]) == (12.0, "live", 500)
    told = page.evaluate(FOLD, [snapshot(), ["frame", {"t": 12.0, "lane": {"a": None, "b": lane(kind="cgi")}}]])
    assert {name: one["kind"] for name, one in told["lanes"].items()} == {"b": "cgi"}


def test_what_the_rest_is_after_events(page):
    told = page.evaluate(FOLD, [
        snapshot(screen={"name": "vote"}, ballots={"q": {"hands": 1}, "p": {}}),
        ["frame", {"t": 11.0, "ballots": {"q": {"hands": 2}}}], ["gone", "Too many windows."],
    ])  # fmt: skip
    assert (told["screen"], told["ballots"]) == ({"name": "vote"}, {"q": {"hands": 2}, "p": {}})
    assert (told["link"], told["why"]) == ("gone", "Too many windows.")
    told = page.evaluate(FOLD, [snapshot(), ["gone", None], ["frame", {"t": 11.0}]])
    assert (told["link"], told["why"]) == ("live", "")


def test_nothing_is_changed_in_a_state_that_a_view_keeps(page):
    kept = """([first, ...events]) => {
        const before = feed.reduce(feed.EMPTY, {kind: first[0], data: first[1]});
        const told = () => JSON.stringify([before, [...before.lanes.a.lives]]);
        const as = told();
        let state = before;
        for (const [kind, data] of events) state = feed.reduce(state, {kind, data});
        return [as === told(), state.lanes.a.lives.size];
    }"""
    events = [
        frame(born=[[9, "cgi", 2.0, "GET /"]], begun=[[7, "GET /", 2.0]], usage={"7": [1, 1]}, ended=[[7, "", 3.0]])
    ]
    assert page.evaluate(kept, [snapshot(life()), *events]) == [True, 2]


def test_the_dead_are_forgotten_in_the_order_in_which_they_were_born(page):
    born = [[n, "cgi", float(n), ""] for n in range(1, 451)]
    ended = [[n, "ended", n + 0.5] for n in range(2, 451)]
    (lives,) = page.evaluate(LIVES, [[snapshot(), frame(born=born, ended=ended)]])
    assert [one["pid"] for one in lives] == [1, *range(51, 451)]


def test_events_of_a_frame_in_their_order(page):
    news = {
        "born": [[1, "cgi", 2.0, ""]], "begun": [[1, "a", 1.0], [2, "b", 2.0]],
        "finished": [[1, 1, 2.0], [1, 2, 4.0]], "ended": [[1, "", 2.0]], "latency": [5],
    }  # fmt: skip
    found = page.evaluate("(news) => feed.inOrder(news).map(([kind, [, , t]]) => [kind, t])", news)
    assert found == [["begun", 1], ["born", 2], ["finished", 2], ["begun", 2], ["ended", 2], ["finished", 4]]


# -- chance against what the server knows ------------------------------------------------------------------------------


class Gateway:
    """A gateway that does anything, by chance: a state of the server that has heard it, and the frames that tell it."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.lives, self.t = Lives(), 100.0
        self.numbers, self.holds, self.unready, self.runs = {}, {}, set(), set()
        self.events = []  # [snapshot of this moment, the frame after it]

    def tell(self, event, pid, by=None, **more):
        teller = by or pid
        n = self.numbers[teller, event] = self.numbers.get((teller, event), 0) + 1
        self.t += self.chance.choice((1e-6, 0.001, 0.25))
        told = {"event": event, "pid": pid, "ppid": by or 1, "t": self.t, "n": n, **more}
        if self.chance.random() > 0.05:  # the kernel drops some
            self.lives.hear(json.dumps(told).encode())

    def happen(self):
        """Let something happen to somebody."""
        what = self.chance.choice(("spawn", "cgi", "cgi", "ready", "begin", "begin", "end", "end", "exit"))
        pid = self.chance.randrange(10, 24)
        alive = pid in self.holds
        if what in ("spawn", "cgi") and not alive and pid not in self.runs:
            for key in [key for key in self.numbers if key[0] == pid]:
                del self.numbers[key]
            role = "cgi" if what == "cgi" else "worker"
            self.runs.add(pid) if role == "cgi" else self.holds.update({pid: ""})
            self.unready.add(pid)
            late = role == "worker" and self.chance.random() < 0.2
            if late:
                self.tell("ready", pid, role=role)
            self.tell("spawn", pid, by=1, role=role, **({"request": "GET /cgi"} if role == "cgi" else {}))
        elif what == "ready" and alive and pid in self.unready:
            self.unready.discard(pid)
            self.tell("ready", pid, role="worker")
        elif what == "begin" and alive and not self.holds[pid]:
            self.holds[pid] = f"GET /{self.chance.randrange(3)}"
            self.tell("begin", pid, request=self.holds[pid])
        elif what == "end" and alive and self.holds[pid]:
            self.tell("end", pid, request=self.holds[pid])
            self.holds[pid] = ""
        elif what == "exit" and (alive or pid in self.runs):
            self.holds.pop(pid, None)
            self.runs.discard(pid)
            self.tell("exit", pid, by=1, role="worker", code=self.chance.choice((0, 0, 1, -9)))

    def frame(self):
        """Tell what has happened since the last frame, as the floor does: in JSON."""
        at = ["snapshot", {"t": self.t, "began": 1.0, "lanes": {"a": lane(*(one.told() for one in self.lives))}}]
        news = {kind: what for kind, what in self.lives.changes().items() if what}
        self.events.append(json.loads(json.dumps([at, frame(self.t, **news)])))


def seen(lives):
    """What a page shows of them. When a process was ready it is told to the frame, and shown as whether."""
    found = {}
    for one in lives:  # of one id, the last
        held = {} if one["now"] else {"since": None}
        last = [[request, round(seconds, 6)] for request, seconds in one["last"]]
        found[one["pid"]] = {**one, **held, "ready": one["ready"] is not None, "last": last}
    return found


def test_a_window_that_comes_later_sees_what_all_others_see(page):
    gateways = [Gateway(seed) for seed in range(40)]
    told = []
    for gateway in gateways:
        for _ in range(30):
            for _ in range(gateway.chance.randrange(8)):
                gateway.happen()
            gateway.frame()
        snapshots, frames = zip(*gateway.events, strict=True)
        come = gateway.chance.randrange(30)
        told += [[snapshot(), *frames], [snapshots[come], *frames[come + 1 :]]]
    found = page.evaluate(LIVES, told)
    for gateway, first, later in zip(gateways, found[::2], found[1::2], strict=True):
        truth = seen(json.loads(json.dumps([one.told() for one in gateway.lives])))
        for lives in (first, later):
            wrong = [(one, truth.get(pid)) for pid, one in seen(lives).items() if one != truth.get(pid)]
            assert not wrong, json.dumps(wrong[0])
            assert len(seen(lives)) == len(truth)


# -- the clock ---------------------------------------------------------------------------------------------------------

CLOCKS = {
    "nothing heard: the browser's own": ([], 5.0, 1005.0),
    "one event": ([(0.0, 500.0)], 2.0, 502.0),
    "the least delayed tells": ([(0.0, 499.9), (1.0, 501.0), (2.0, 501.8)], 3.0, 502.9995),
    "a delay moves it by half a millisecond at most": ([(0.0, 500.0), (1.0, 500.5)], 1.0, 500.9995),
    "a jump is believed": ([(0.0, 500.0), (1.0, 300.0)], 1.0, 300.0),
}  # fmt: skip


@pytest.mark.parametrize(("heard", "at", "wanted"), CLOCKS.values(), ids=CLOCKS)
def test_the_clock(page, heard, at, wanted):
    """`heard` are (seconds by the browser's clock, seconds that the event tells)."""
    found = page.evaluate(
        """([heard, at]) => {
            const [steady, date] = [performance.now, Date.now];
            try {
                const clock = new feed.Clock();
                for (const [now, t] of heard) performance.now = () => 1000 * now, clock.hear(t);
                performance.now = () => 1000 * at;
                Date.now = () => 1000 * (1000 + at);
                return clock.now();
            } finally {
                [performance.now, Date.now] = [steady, date];
            }
        }""",
        [heard, at],
    )
    assert found == pytest.approx(wanted)
