"""What the events of a gateway say of its processes: births, requests, ends, and what was dropped on the way."""

import json

import pytest

from classroom_demo.lives import GONE, Lives


def hear(lives, *events):
    for event in events:
        lives.hear(json.dumps({"t": 1.0, "ppid": 1, **event}).encode())


def spawn(pid, n, role="worker", ppid=1):
    return {"event": "spawn", "pid": pid, "role": role, "ppid": ppid, "n": n}


def request(event, pid, n, t):
    return {"event": event, "pid": pid, "n": n, "t": t, "request": "GET /hello"}


def test_a_worker_is_born_serves_and_ends():
    lives = Lives()
    hear(lives, spawn(7, 1), {"event": "ready", "pid": 7, "role": "worker", "n": 1, "t": 2.0})
    hear(lives, request("begin", 7, 1, 3.0))
    assert lives.find(7).told()["now"] == "GET /hello"
    hear(lives, request("end", 7, 1, 3.5), {"event": "exit", "pid": 7, "n": 1, "t": 4.0, "code": -9})
    told = lives.find(7).told()
    assert (told["ready"], told["served"], told["now"], told["last"]) == (2.0, 1, "", [["GET /hello", 0.5]])
    assert (told["ended"], told["how"], lives.crashed, lives.unheard) == (4.0, "killed by signal 9", 1, 0)
    assert lives.changes() == {
        "born": [[7, "worker", 1.0, ""]], "ready": [7], "begun": [[7, "GET /hello", 3.0]],
        "finished": [[7, 1, 3.5]], "ended": [[7, "killed by signal 9", 4.0]],
    }  # fmt: skip
    assert lives.changes() == {}


def test_a_cgi_program_holds_the_request_of_who_started_it():
    lives = Lives()
    hear(lives, spawn(7, 1), request("begin", 7, 1, 2.0), spawn(8, 1, "cgi", 7))
    assert lives.find(8).told()["now"] == "GET /hello"
    hear(lives, {"event": "exit", "pid": 8, "ppid": 7, "n": 1, "t": 3.0, "status": 0})
    assert lives.find(8).told()["last"] == [["GET /hello", 2.0]]
    assert (lives.births, lives.crashed) == ({"worker": 1, "cgi": 1}, 0)


def test_births_are_counted_though_events_are_dropped():
    lives = Lives()
    hear(lives, spawn(7, 1), spawn(9, 3), spawn(10, 4))
    assert (lives.births["worker"], lives.unheard) == (4, 1)
    hear(lives, request("end", 9, 5, 2.0))
    assert (lives.find(9).served, lives.unheard) == (5, 5)


def test_an_id_that_is_used_again_is_another_process():
    lives = Lives()
    hear(lives, spawn(7, 1), request("end", 7, 1, 2.0), spawn(7, 2))
    assert (lives.living[7].served, [life.pid for life in lives.gone]) == (0, [7])
    hear(lives, request("end", 7, 1, 3.0))
    assert lives.unheard == 0


def test_the_dead_are_forgotten_in_time():
    lives = Lives()
    for pid in range(10, 20 + GONE):
        hear(lives, spawn(pid, pid - 9), {"event": "exit", "pid": pid, "n": pid - 9, "code": 0})
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
