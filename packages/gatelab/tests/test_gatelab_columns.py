"""Rows, their order, and how they are shown."""

from __future__ import annotations

import pytest

from gatelab.columns import COLUMNS, LONG, VERY_LONG, Row, cells, rows_of
from gatelab_samples import report, thread, worker

NAMES = [column.name for column in COLUMNS]
TERMINAL = 80

THREE = report(
    [
        worker(30, [thread(5, "GET /b", 0.5), thread(6, "GET /old")], age_s=100, rss_bytes=3, connections=1,
               generation=2),
        worker(10, [thread(70, "GET /a", 12.0), thread(2, "GET /c", 1.0)], age_s=300, rss_bytes=1, connections=3),
        worker(20, [thread(900, "GET /old"), thread(0)], age_s=200, rss_bytes=None, connections=2, state="retiring",
               queue_wait_ms={"recent": 9.0, "max": 9.0}),
    ]
)  # fmt: skip
RATES = {(): 9.0, (10,): 5.0, (10, 0): 4.0, (30,): 7.0}


@pytest.mark.parametrize(
    ("name", "pids"),
    [
        ("PID", [10, 20, 30]),
        ("STATE", [10, 30, 20]),
        ("GEN", [30, 10, 20]),
        ("AGE", [10, 20, 30]),
        ("REQS", [20, 10, 30]),
        ("REQ/S", [30, 10, 20]),
        ("CONN", [10, 20, 30]),
        ("RSS", [30, 10, 20]),
        ("WAIT", [20, 10, 30]),
        ("FOR", [10, 30, 20]),
        ("DOING", [10, 30, 20]),
    ],
)
def test_every_column_sorts_its_more_interesting_end_first(name, pids):
    column = COLUMNS[NAMES.index(name)]
    rows = rows_of(THREE, RATES, column, False, ())
    assert [row.worker.pid for row in rows] == pids
    turned = rows_of(THREE, RATES, column, True, ())
    assert [column.sort(row) for row in turned] == [column.sort(row) for row in reversed(rows)]


def test_no_column_is_left_out_of_the_table_above():
    assert len(NAMES) == 11


def test_equal_ones_stay_in_the_order_of_their_pids_both_ways():
    equal = report([worker(pid) for pid in (3, 1, 2)])
    for turned in (False, True):
        rows = rows_of(equal, {}, COLUMNS[NAMES.index("RSS")], turned, ())
        assert [row.worker.pid for row in rows] == [1, 2, 3]


def shown(row: Row) -> list[str]:
    return [text.plain.strip() for text in cells(row)]


def test_what_a_row_says():
    first = rows_of(THREE, RATES, COLUMNS[0], False, ())[0]
    assert shown(first) == ["10", "busy", "1", "5m", "72", "5.00", "3", "0.00K", "100µs", "12s", "GET /a"]


def test_an_unfolded_worker_shows_its_threads():
    rows = rows_of(THREE, RATES, COLUMNS[0], False, {10, 999})
    assert [shown(row)[0] for row in rows] == ["10", "├ 0", "└ 1", "20", "30"]
    assert shown(rows[1]) == ["├ 0", "busy", "", "", "70", "4.00", "", "", "", "12s", "GET /a"]
    assert shown(rows[2]) == ["└ 1", "busy", "", "", "2", "-", "", "", "", "1.0s", "GET /c"]


def test_an_idle_one_does_nothing_now():
    idle = rows_of(THREE, RATES, COLUMNS[0], False, {20})[1:3]
    assert [shown(row)[-2:] for row in idle] == [["", ""], ["", ""]]


@pytest.mark.parametrize(
    ("busy", "style"),
    [(0.0, ""), (LONG - 0.1, ""), (LONG, "yellow"), (VERY_LONG - 0.1, "yellow"), (VERY_LONG, "bold red")],
)
def test_what_takes_long_stands_out(busy, style):
    (row,) = rows_of(report([worker(threads=[thread(1, "GET /", busy)])]), {}, COLUMNS[0], False, ())
    assert [[str(span.style) for span in text.spans] for text in cells(row)[-2:]] == [[style] if style else []] * 2


def test_the_widest_row_leaves_room_for_the_request_on_a_small_terminal():
    widest = report(
        [
            worker(4194304, [thread(10**14, "x", 3e9)], state="starting", generation=999, age_s=9e6, connections=99999,
                   rss_bytes=2**43, queue_wait_ms={"recent": 59_000.0, "max": 0})
        ]
    )  # fmt: skip
    *fixed, doing = cells(rows_of(widest, {(4194304,): 99999.0}, COLUMNS[0], False, ())[0])
    assert [len(text) for text in fixed] == [column.width + 1 for column in COLUMNS[:-1]]
    assert all(text.plain.startswith(" ") for text in [*fixed, doing])
    assert sum(map(len, fixed)) <= TERMINAL - len(" GET /0123456789")


def test_a_request_cannot_command_the_terminal():
    (row,) = rows_of(report([worker(threads=[thread(1, "GET /\x1b[2J", 1)])]), {}, COLUMNS[0], False, ())
    assert shown(row)[-1] == "GET /�[2J"
