"""What the events of a gateway say of its processes: births, requests, ends, and what was dropped on the way."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom_demo.lives import GONE, LATE, Lives

EXAMPLES = 60


def hear(lives, *events):
    for event in events:
        lives.hear(json.dumps({"t": 1.0, "ppid": 1, **event}).encode())


def spawn(pid, n, role="worker", ppid=1, **more):
    return {"event": "spawn", "pid": pid, "role": role, "ppid": ppid, "n": n, **more}


def ready(pid, t=2.0):
    return {"event": "ready", "pid": pid, "role": "worker", "n": 1, "t": t}


def exit_of(pid, n, t=4.0, role="worker", ppid=1, code=0):
    return {"event": "exit", "pid": pid, "role": role, "ppid": ppid, "n": n, "t": t, "code": code}


def request(event, pid, n, t):
    return {"event": event, "pid": pid, "n": n, "t": t, "request": "GET /hello"}


def test_a_worker_is_born_serves_and_ends():
    lives = Lives()
    hear(lives, spawn(7, 1), ready(7))
    hear(lives, request("begin", 7, 1, 3.0))
    assert lives.find(7).told()["now"] == "GET /hello"
    hear(lives, request("end", 7, 1, 3.5), exit_of(7, 1, code=-9))
    told = lives.find(7).told()
    assert (told["ready"], told["served"], told["now"], told["last"]) == (2.0, 1, "", [["GET /hello", 0.5]])
    assert (told["ended"], told["how"], lives.crashed, lives.unheard) == (4.0, "killed by signal 9", 1, 0)
    assert lives.changes() == {
        "born": [[7, "worker", 1.0, ""]], "ready": [7], "begun": [[7, "GET /hello", 3.0]],
        "finished": [[7, 1, 3.5]], "ended": [[7, "killed by signal 9", 4.0]],
    }  # fmt: skip
    assert lives.changes() == {}


def test_a_cgi_program_holds_the_request_that_it_was_started_for():
    lives = Lives()
    hear(lives, spawn(7, 1), request("begin", 7, 1, 2.0), request("begin", 7, 2, 2.0))
    hear(lives, spawn(8, 1, "cgi", 7, request="GET /sleep"))
    assert lives.find(8).told()["now"] == "GET /sleep"
    hear(lives, {"event": "exit", "pid": 8, "ppid": 7, "n": 1, "t": 3.0, "status": 0})
    assert lives.find(8).told()["last"] == [["GET /sleep", 2.0]]
    assert (lives.births, lives.crashed) == ({"worker": 1, "cgi": 1}, 0)


def test_births_are_counted_though_events_are_dropped():
    lives = Lives()
    hear(lives, spawn(7, 1), spawn(9, 3), spawn(10, 4))
    assert (lives.births["worker"], lives.unheard) == (4, 1)
    hear(lives, request("end", 9, 5, 2.0))
    assert (lives.find(9).served, lives.unheard) == (5, 5)


def test_a_worker_that_is_ready_before_its_parent_tells_of_it_is_one_worker():
    lives = Lives()
    hear(lives, ready(7), spawn(7, 1))
    assert (lives.births, lives.living[7].ready) == ({"worker": 1}, 2.0)
    assert lives.changes() == {"born": [[7, "worker", 2.0, ""]], "ready": [7]}


def test_a_number_that_comes_after_a_greater_one_counts_once():
    lives = Lives()
    hear(lives, spawn(7, 1), spawn(8, 2), spawn(10, 4))
    assert (lives.births["worker"], lives.unheard) == (4, 1)
    hear(lives, spawn(9, 3), spawn(9, 3), spawn(11, 5))
    assert (lives.births["worker"], lives.unheard, len(lives.changes()["born"])) == (5, 0, 5)
    hear(lives, spawn(12, 10 + 2 * LATE), spawn(13, 6))  # so late that nothing waits for it any more
    assert 13 not in lives.living


def test_who_is_heard_of_only_at_the_end_was_born():
    lives = Lives()
    hear(lives, exit_of(7, 1, code=-9), exit_of(8, 2, role="cgi"), ready(7))
    assert [entry[:2] for entry in lives.changes()["born"]] == [[7, "worker"], [8, "cgi"]]
    assert (lives.living, lives.crashed, lives.find(7).how) == ({}, 1, "killed by signal 9")


def test_a_request_whose_end_was_dropped_is_not_held_for_ever():
    lives = Lives()
    hear(lives, spawn(7, 1), request("begin", 7, 1, 2.0), {**request("begin", 7, 2, 3.0), "request": "GET /next"})
    assert lives.living[7].told()["now"] == "GET /next"
    hear(lives, {**request("end", 7, 2, 4.0), "request": "GET /next"})
    assert lives.living[7].told()["now"] == ""


def test_what_was_dropped_is_made_up_for():
    lives = Lives()
    hear(lives, spawn(7, 1), request("begin", 7, 1, 3.0), spawn(8, 2), request("end", 8, 4, 5.0))
    hear(lives, spawn(9, 1, "cgi", 7, request="GET /"))
    lives.changes()
    lives.settle({7: 41, 8: 4, 99: 1}, 6.0)
    assert {life.pid: (life.served, life.told()["now"]) for life in lives} == {7: (41, ""), 8: (4, ""), 9: (0, "GET /")}
    assert lives.changes() == {"finished": [[7, 41, 6.0]]}


STORY = [
    event
    for i, pid in enumerate(range(20, 25), 1)
    for event in (
        spawn(pid, i), ready(pid), request("begin", pid, 1, 3.0), request("end", pid, 1, 3.5),
        spawn(100 + pid, 1, "cgi", pid, request="GET /"), exit_of(100 + pid, 1, role="cgi", ppid=pid),
        exit_of(pid, i, code=-9),
    )
]  # fmt: skip
"""Five workers: each is born, serves once, starts a program, which ends, and is killed."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.permutations(STORY), st.sets(st.integers(0, len(STORY) - 1)), st.booleans())
def test_in_any_order_each_is_born_once_and_ends(story, dropped, twice):
    lives = Lives()
    hear(lives, *story, *(story if twice else ()))
    assert lives.births == {"worker": 5, "cgi": 5}
    assert sorted(entry[0] for entry in lives.changes()["born"]) == [*range(20, 25), *range(120, 125)]
    assert (lives.living, lives.unheard, lives.crashed) == ({}, 0, 5)
    some = [event for i, event in enumerate(story) if i not in dropped]
    hear(fewer := Lives(), *some, *(some if twice else ()))
    pids = {event["pid"] for event in some}
    assert sorted(entry[0] for entry in fewer.changes().get("born", [])) == sorted(pids)
    assert pids.isdisjoint({event["pid"] for event in some if event["event"] == "exit"} & set(fewer.living))
    assert 0 <= fewer.unheard <= len(dropped)


def test_an_id_that_is_used_again_is_another_process():
    lives = Lives()
    hear(lives, spawn(7, 1), request("end", 7, 1, 2.0), spawn(7, 2))
    assert (lives.living[7].served, [life.how for life in lives.gone]) == (0, ["ended unheard"])
    hear(lives, request("end", 7, 1, 3.0))
    assert lives.unheard == 0


def test_the_dead_are_forgotten_in_time():
    lives = Lives()
    for pid in range(10, 20 + GONE):
        hear(lives, spawn(pid, pid - 9), exit_of(pid, pid - 9))
    assert lives.find(10) is None
    assert lives.find(19 + GONE).how == "ended"
    assert (len(list(lives)), lives.births["worker"]) == (GONE, GONE + 10)


@pytest.mark.parametrize(
    "words", [b"", b"\xff", b"7", b"[]", b"{}", b'{"event": "spawn"}', b'{"event": "close", "pid": 1, "n": 1}',
              b'{"event": "spawn", "pid": 1, "ppid": 2, "n": "x", "t": 1, "role": "worker"}'],
)  # fmt: skip
def test_words_of_others_change_nothing(words):
    lives = Lives()
    lives.hear(words)
    assert (list(lives), lives.unheard, lives.changes()) == ([], 0, {})
