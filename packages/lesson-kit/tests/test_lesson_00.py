"""Lesson 0: what is read from a run, and the grid with any guess."""

from __future__ import annotations

import pytest

from gateway_lab.who import Call, Hop, Process, Who
from lesson_kit.lessons.lesson_00.figures import draw_grid
from lesson_kit.lessons.lesson_00.names import BOXES, NAMES, RIGHT, SHOWS, TYPICAL, seen_in
from lesson_kit.lessons.lesson_00.tables import bytes_between, processes

RUN = Who(
    (Process("http_front", "nginx", (5, 6), ("127.0.0.1:80",)), Process("scgi_server", "", (7,), ())),
    (Hop("visitor, pid 3", "http_front", "HTTP", b"GET / HTTP", b"HTTP/1.1", 0), Hop("a", "b", "?", b"", b"", 0)),
    (Call("wsgi_server", 9, False, 10), Call("cgi_runner", 11, True, 8)),
)
NOTHING = Who((), (), ())


def test_what_a_run_shows():
    seen = seen_in(RUN)
    assert {name: shows for name, (shows, _) in seen.items()} == {
        "HTTP": SHOWS[0], "nginx": SHOWS[1], "WSGI": SHOWS[2], "Flask": SHOWS[2]}  # fmt: skip
    assert seen["HTTP"][1] == "from visitor to http_front"
    assert "pid 9" in seen["WSGI"][1]


def test_wsgi_on_a_wire_would_not_be_called_a_call():
    shouted = Who(RUN.processes, (Hop("a", "b", "HTTP", b"", b"", 1),), RUN.calls)
    assert "WSGI" not in seen_in(shouted)
    assert seen_in(NOTHING) == {}


def test_every_name_has_one_right_box():
    assert len(NAMES) == len(RIGHT) == len(TYPICAL) == 14
    assert set(RIGHT) == set(BOXES)
    assert RIGHT != TYPICAL


@pytest.mark.parametrize("run", [RUN, NOTHING])
@pytest.mark.parametrize("answer", [TYPICAL, RIGHT, (BOXES[3],) * 14])
def test_the_grid_has_a_row_for_each_name(run, answer):
    figure = draw_grid(seen_in(run), {"boxes": dict(zip(NAMES, answer, strict=True))})
    (axis,) = figure.axes
    assert sorted(label.get_text() for label in axis.get_yticklabels()) == sorted(NAMES)
    assert sum("not seen" in text.get_text() for text in axis.texts) == 14 - len(seen_in(run))


def test_tables_in_markdown():
    assert "| http_front | nginx | 5, 6 | 127.0.0.1:80 |" in processes(RUN)
    assert "| `GET / HTTP` |" in bytes_between(RUN)
