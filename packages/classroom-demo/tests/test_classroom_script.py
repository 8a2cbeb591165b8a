"""The script: one key forward, each step once; what is told of it; and what happens where nothing can be started."""

import asyncio
import contextlib
import json
from types import SimpleNamespace

import pytest

from classroom_demo import REPLAY, backstage, bill, scenes, script, stage
from classroom_demo.asking import Unanswered
from classroom_demo.recording import BadRecording, Recording, Segment, record
from classroom_demo.refusals import Refused
from classroom_stage import Floor, Threaded, hang_up
from gateway_lab.errors import LabError

TIMES = {"process": 0.001, "interpreter": 0.011, "site": 0.021, "imports": 0.121, "request": 0.125}
STAMP = {"date": "2026-05-04T08:00:00+00:00", "machine": "another"}


async def measure():
    for name, seconds in TIMES.items():
        yield name, seconds


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    async def starts():
        return True

    monkeypatch.setattr(scenes, "PACE_CGI", (0, 0))
    monkeypatch.setattr(scenes, "PACE_STAY", (0, 0))
    monkeypatch.setattr(scenes, "AGAIN_PACE", 0)
    monkeypatch.setattr(scenes, "EVENTS", 0.2)
    monkeypatch.setattr(bill, "measure", measure)
    monkeypatch.setattr(script, "bundled", lambda: None)
    monkeypatch.setattr(backstage, "_starts", starts)
    monkeypatch.delenv(REPLAY, raising=False)


def lesson(tmp_path, monkeypatch, go):
    """Run `go(floor)` on a floor whose frames are told, and end everything."""

    async def run():
        floor = Floor(tmp_path)
        monkeypatch.setattr(scenes, "ask", floor.ask)
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        floor.port = server.sockets[0].getsockname()[1]
        pump = asyncio.create_task(floor.pump())
        try:
            async with asyncio.timeout(20):
                await go(floor)
        finally:
            await floor.script.close()
            server.close()
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump

    asyncio.run(run())


async def press(floor, name):
    await floor.script.show(name)
    await floor.over()
    return floor.script.told()


def test_one_key_goes_through_the_whole_lesson(tmp_path, monkeypatch):
    async def go(floor):
        seen = []
        for name, steps in scenes.SCREENS.items():
            for step in steps:
                told = await press(floor, name)
                seen.append((told["name"], told["step"]))
                assert told["state"] == ("waiting" if scenes.SCREENS[name][step] == stage.ASK else "done"), told
                assert told["replay"] is None
            assert told["more"] == ""
        assert seen == [(name, step) for name, steps in scenes.SCREENS.items() for step in steps]

    lesson(tmp_path, monkeypatch, go)


def test_what_the_screens_have_found(tmp_path, monkeypatch):
    async def go(floor):
        found = {}
        floor.votes.count("born", "40 40", 3)
        floor.votes.count("born", "40 2", 1)
        for name, steps in scenes.SCREENS.items():
            if name == "again":
                await press(floor, name)
                floor.votes.count("again", "4", 4)
                steps = list(steps)[1:]  # the first was taken just now
            for _ in steps:
                found[name] = (await press(floor, name))["data"]
        rows = found["cgi"]["rows"]
        assert [row["n"] for row in rows] == list(range(1, 41))
        assert (len({row["pid"] for row in rows}), {row["counter"] for row in rows}) == (40, {1})
        assert found["stay"]["born"] == {"cgi": 40, "fastcgi": 2, "uwsgi": 2, "wsgi": 2}
        assert found["stay"]["before"] == rows
        assert len(found["stay"]["rows"]) == 120
        assert max(row["counter"] for row in found["stay"]["rows"]) == 20
        assert set(found["stay"]["hash"]) == {"cgi", "fastcgi", "uwsgi", "wsgi"}
        assert len(set(found["stay"]["hash"].values())) == 1
        assert found["where"]["truth"] == "imports"
        assert (found["break"]["number"], [one["number"] for one in found["break"]["others"]]) == (
            21573,
            [21327, 16709],
        )
        assert found["break"]["hex"] == "47 45 54 20"
        assert (found["again"]["answered"], found["again"]["born"]) == (1000, {"wsgi": 4})
        assert sum(found["again"]["answered_by"].values()) == 1000
        assert found["again"]["gain"] == {"before": 0.25, "after": 1.0, "gained": 1.0}
        truths = {name: ballot.truth for name, ballot in floor.votes.ballots.items()}
        assert truths == {"born": "40 2", "where": "imports", "again": "4"}

    lesson(tmp_path, monkeypatch, go)


def test_votes_lock_when_the_truth_is_told_and_not_before(tmp_path, monkeypatch):
    async def go(floor):
        born = floor.votes.ballots["born"]
        await press(floor, "cgi")
        await press(floor, "stay")
        assert not born.locked
        await press(floor, "stay")
        assert born.locked
        assert {"t", "ballots"} in [set(frame) for frame in floor.frames]

    lesson(tmp_path, monkeypatch, go)


def test_going_back_shows_what_was_seen_and_runs_nothing(tmp_path, monkeypatch):
    async def go(floor):
        first = await press(floor, "cgi")
        await press(floor, "stay")
        started = list(floor.started)
        assert await press(floor, "cgi") == first
        assert floor.started == started

    lesson(tmp_path, monkeypatch, go)


async def back(floor):
    await floor.script.back()
    await floor.over()
    told = floor.script.told()
    return told["name"], told["step"], told["state"]


def test_back_goes_step_by_step_and_forward_again_runs_nothing(tmp_path, monkeypatch):
    async def go(floor):
        there = [await press(floor, name) for name, steps in scenes.SCREENS.items() for _ in steps]
        started, measured = list(floor.started), floor.votes.file.read_bytes()
        states = [(one["name"], one["step"], one["state"]) for one in there]
        assert [await back(floor) for _ in states[1:]] == states[-2::-1]
        assert await back(floor) == states[0]
        again = [await press(floor, one["name"]) for one in there[1:]]
        assert again == there[1:]
        assert (floor.started, floor.votes.file.read_bytes()) == (started, measured)

    lesson(tmp_path, monkeypatch, go)


def test_back_from_a_step_that_runs_breaks_it_off(tmp_path, monkeypatch):
    async def go(floor):
        await press(floor, "where")
        monkeypatch.setattr(bill, "measure", stuck)
        await floor.script.show("where")
        assert await back(floor) == ("where", "ask", "waiting")
        assert not floor.votes.ballots["where"].locked
        monkeypatch.setattr(bill, "measure", measure)
        told = await press(floor, "where")
        assert (told["step"], told["state"]) == ("run", "done")

    lesson(tmp_path, monkeypatch, go)


async def stuck():
    yield "process", 0.001
    await asyncio.Event().wait()


def test_two_windows_at_once_run_one_step(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "PACE_CGI", (60, 60))

    async def go(floor):
        await floor.script.show("cgi")
        await asyncio.gather(*(floor.script.show("break") for _ in range(3)), floor.script.show("cgi"))
        await floor.script.show("cgi")
        await floor.over()
        told = floor.script.told()
        assert (told["name"], told["state"], [row["n"] for row in told["data"]["rows"]]) == (
            "cgi",
            "done",
            list(range(1, 41)),
        )

    lesson(tmp_path, monkeypatch, go)


def test_a_second_press_takes_the_pauses_away(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "PACE_CGI", (60, 60))

    async def go(floor):
        await floor.script.show("cgi")
        await floor.script.show("cgi")
        await floor.over()
        assert len(floor.script.told()["data"]["rows"]) == 40

    lesson(tmp_path, monkeypatch, go)


def test_counters_begin_at_one_whoever_has_asked_before(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "PACE_STAY", (0, 60))

    async def go(floor):
        await press(floor, "cgi")
        await floor.script.show("stay")
        while len(floor.script.told()["data"].get("rows", [])) < 5:
            await asyncio.sleep(0.001)
        assert floor.script.holds("b")
        await press(floor, "columns")
        assert not floor.script.holds("b")
        monkeypatch.setattr(scenes, "PACE_STAY", (0, 0))
        told = await press(floor, "stay")
        for kind in ("fastcgi", "uwsgi", "wsgi"):
            counts = {row["pid"]: row["counter"] for row in told["data"]["rows"] if row["kind"] == kind}
            assert sum(counts.values()) == 40, kind

    lesson(tmp_path, monkeypatch, go)


@pytest.mark.parametrize("used", [{"broken": True}, {"crowd": SimpleNamespace(rate=0, waiting=3)}, {"workers": 3}])
def test_a_lane_that_free_play_has_left_is_started_anew(tmp_path, monkeypatch, used):
    async def go(floor):
        lane = await floor.put("a", "cgi", scenes.WORKERS)
        vars(lane).update(used)
        await press(floor, "cgi")
        assert floor.lanes["a"] is not lane

    lesson(tmp_path, monkeypatch, go)


def test_a_screen_that_was_left_begins_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "PACE_CGI", (0, 60))

    async def go(floor):
        await floor.script.show("cgi")
        while not floor.script.told()["data"].get("rows"):
            await asyncio.sleep(0.001)
        await press(floor, "columns")
        await floor.script.show("cgi")
        assert floor.script.told()["data"] == {}  # nothing of the first attempt is told any more
        await back(floor)
        monkeypatch.setattr(scenes, "PACE_CGI", (0, 0))
        told = await press(floor, "cgi")
        assert (told["state"], len(told["data"]["rows"])) == ("done", 40)

    lesson(tmp_path, monkeypatch, go)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (LabError("It did not start."), "It did not start."),
        (Unanswered("No answer."), "No answer."),
        (OSError(24, "Too many open files"), "[Errno 24] Too many open files"),
    ],
)
def test_a_failure_is_a_sentence_and_the_next_press_tries_again(tmp_path, monkeypatch, fault, sentence):
    async def go(floor):
        floor.fault = fault
        told = await press(floor, "cgi")
        assert (told["state"], told["sentence"]) == ("failed", sentence)
        floor.fault = None
        told = await press(floor, "cgi")
        assert (told["state"], told["sentence"]) == ("done", "")

    lesson(tmp_path, monkeypatch, go)


def test_a_fault_of_ours_leaves_no_screen_that_waits_for_ever(tmp_path, monkeypatch, capsys):
    async def go(floor):
        floor.fault = ZeroDivisionError("ours")
        told = await press(floor, "cgi")
        assert (told["state"], told["sentence"]) == ("failed", "This screen has failed: ZeroDivisionError('ours').")
        assert "ZeroDivisionError" in capsys.readouterr().err

    lesson(tmp_path, monkeypatch, go)


def test_an_unknown_screen_is_refused(tmp_path, monkeypatch):
    async def go(floor):
        with pytest.raises(Refused, match="The screens are vote, cgi"):
            await floor.script.show("coffee")

    lesson(tmp_path, monkeypatch, go)


def recorded():
    rows = [{"lane": "a", "kind": "cgi", "n": n, "pid": n, "counter": 1} for n in (1, 2)]
    moments = [(0.0, {"rows": rows[:1]}), (0.001, {"rows": rows})]
    return Recording(**STAMP, segments={("cgi", "run"): Segment(moments)})


def test_where_nothing_can_be_started_a_recording_is_played_and_stamped(tmp_path, monkeypatch):
    monkeypatch.setenv(REPLAY, "1")
    monkeypatch.setattr(script, "bundled", recorded)

    async def go(floor):
        told = await press(floor, "cgi")
        assert (told["state"], told["replay"], told["data"]) == (
            "done",
            STAMP,
            recorded().segments["cgi", "run"].last(),
        )
        assert floor.started == []
        told = await press(floor, "columns")
        assert (told["state"], told["replay"]) == ("done", None)  # needs no process
        told = await press(floor, "break")
        assert (told["state"], told["sentence"]) == ("failed", script.CANNOT)

    lesson(tmp_path, monkeypatch, go)


def test_a_gateway_that_fails_has_its_recording_played_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "bundled", recorded)

    async def go(floor):
        floor.fault = LabError("It did not start.")
        told = await press(floor, "cgi")
        assert (told["state"], told["replay"], told["sentence"]) == ("done", STAMP, "It did not start.")

    lesson(tmp_path, monkeypatch, go)


def test_why_recordings_are_played_is_said_once(tmp_path, monkeypatch):
    async def never():
        return False

    found = recorded()
    found.segments["stay", "run"] = Segment([(0.0, {"rows": [], "born": {}})])
    monkeypatch.setattr(script, "bundled", lambda: found)
    monkeypatch.setattr(backstage, "_starts", never)

    async def go(floor):
        told = [await press(floor, name) for name in ("cgi", "stay")]
        assert [(one["state"], one["sentence"]) for one in told] == [("done", script.CANNOT), ("done", "")]

    lesson(tmp_path, monkeypatch, go)


def test_replay_plays_what_was_seen_a_while_ago(tmp_path, monkeypatch):
    async def go(floor):
        with pytest.raises(Refused, match="no recording"):
            await floor.script.replay("cgi")
        live = await press(floor, "cgi")
        await floor.script.replay("cgi")
        await floor.script.show("cgi")  # no pauses
        await floor.over()
        told = floor.script.told()
        assert told["replay"]["machine"]
        assert {**told, "replay": None} == live

    lesson(tmp_path, monkeypatch, go)


def test_what_is_still_running_is_not_replayed_and_what_was_broken_off_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "PACE_CGI", (0, 60))

    async def go(floor):
        await floor.script.show("cgi")
        while len(floor.script.told()["data"].get("rows", [])) < scenes.SLOW_ROWS:
            await asyncio.sleep(0.001)
        with pytest.raises(Refused, match="no recording"):
            await floor.script.replay("cgi")
        await press(floor, "columns")
        monkeypatch.setattr(scenes, "PACE_CGI", (0, 0))
        live = await press(floor, "cgi")
        monkeypatch.setattr(floor, "fault", LabError("nothing may be started"))
        await floor.script.replay("cgi")
        seen = []
        while floor.script.running:
            seen.append(len(floor.script.told()["data"].get("rows", [])))
            await floor.script.show("cgi")
            await asyncio.sleep(0)
        assert floor.script.told()["data"] == live["data"]
        assert (seen, seen[0]) == (sorted(seen), 0)

    lesson(tmp_path, monkeypatch, go)


def test_a_replay_that_is_left_is_shown_to_its_end_and_replaces_nothing_measured(tmp_path, monkeypatch):
    late = Recording(**STAMP, segments={("cgi", "run"): Segment([(0.0, {"rows": []}), (60.0, {"rows": [1]})])})
    monkeypatch.setattr(script, "bundled", lambda: late)

    async def go(floor):
        floor.fault = LabError("It did not start.")
        await floor.script.show("cgi")
        while not floor.script.told()["replay"]:
            await asyncio.sleep(0)
        assert await back(floor) == ("vote", "", "waiting")
        told = await press(floor, "cgi")
        assert (told["state"], told["data"], told["replay"]) == ("done", {"rows": [1]}, STAMP)
        assert saved(floor)["cgi"] == {"rows": [1], "replay": STAMP}
        floor.fault = None
        live = await press(floor, "break")
        await floor.script.replay("break")
        await floor.over()
        assert floor.script.told()["replay"]
        assert saved(floor)["break"] == {**live["data"], "replay": None}

    lesson(tmp_path, monkeypatch, go)


def saved(floor):
    return json.loads(floor.votes.file.read_text("utf-8"))["measured"]


def test_a_screen_that_shows_what_another_day_had_is_stamped(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "bundled", recorded)

    async def go(floor):
        floor.fault = LabError("It did not start.")
        assert (await press(floor, "cgi"))["replay"] == STAMP
        floor.fault = None
        told = await press(floor, "stay")
        assert (told["state"], len(told["data"]["before"]), told["replay"]) == ("done", 2, STAMP)

    lesson(tmp_path, monkeypatch, go)


def test_a_replay_does_not_give_away_what_is_still_voted_on(tmp_path, monkeypatch):
    found = Recording(**STAMP, segments={("where", "run"): Segment([(0.0, {"parts": []})])})
    monkeypatch.setattr(script, "bundled", lambda: found)

    async def go(floor):
        await press(floor, "where")
        with pytest.raises(Refused, match="no recording"):
            await floor.script.replay("where")

    lesson(tmp_path, monkeypatch, go)


def test_a_lesson_is_recorded_and_played_back_the_same(tmp_path, monkeypatch):
    floor = Floor(tmp_path)
    monkeypatch.setattr(scenes, "ask", floor.ask)
    with Threaded(floor) as threaded:
        made = record(threaded, tmp_path / "lesson.jsonl.gz")
    assert Recording.load(tmp_path / "lesson.jsonl.gz").segments.keys() == made.segments.keys()
    live = {(name, step) for name, steps in scenes.SCREENS.items() for step in steps if steps[step].live}
    assert live <= made.segments.keys()
    assert len(made.segments["cgi", "run"].last()["rows"]) == 40


def test_a_lesson_with_another_day_in_it_is_no_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "bundled", recorded)
    floor = Floor(tmp_path)
    floor.fault = LabError("It did not start.")
    with Threaded(floor) as threaded, pytest.raises(BadRecording, match="'cgi' has failed: It did not start"):
        record(threaded, tmp_path / "lesson.jsonl.gz")
    assert not (tmp_path / "lesson.jsonl.gz").exists()
