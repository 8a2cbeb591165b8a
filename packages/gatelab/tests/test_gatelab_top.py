"""The live view, driven as a user does: reports come in, keys and clicks go in, and the screen is read."""

from __future__ import annotations

import asyncio
import io
import json
import re
from contextlib import asynccontextmanager

import pytest
from rich.console import Console
from textual.widgets import Tab

from gatelab.ask import report_of
from gatelab.columns import COLUMNS
from gatelab.dialogs import Question
from gatelab.errors import Unreachable
from gatelab.target import parse_target
from gatelab.top import INTERVALS, Top
from gatelab.watch import Watch
from gatelab_samples import Fake, document, http, report, thread, worker

NAMES = [column.name for column in COLUMNS]


def at(second, *workers, **changes):
    """Return a report of `second`, with three workers if none are given."""
    workers = workers or (
        worker(30, [thread(100 * second, "GET /old"), thread(0)], age_s=100.0 + second),
        worker(10, [thread(10, "GET /a", 2.0), thread(5, "GET /b", 12.0)], age_s=50.0 + second),
        worker(20, [thread(7, "GET /old"), thread(0)], age_s=10.0 + second),
    )
    return report(workers, uptime_s=float(second), **changes)


class View:
    """A `Top` under test: `feed(report or error)` is what its server says next."""

    def __init__(self, addresses, controls, size, monkeypatch=None):
        self._said = {parse_target(text): asyncio.Queue() for text in addresses}
        watches = [Watch(target, control) for target, control in zip(self._said, controls, strict=True)]
        self.app = Top(watches, self._source, interval=0)
        self.size = size

    async def _source(self, target):
        said = await self._said[target].get()
        if isinstance(said, Exception):
            raise said
        return said

    async def feed(self, *said, server=0):
        queue = list(self._said.values())[server]
        watch = self.app.watches[server]
        for one in said:
            queue.put_nowait(one)
            wanted = str(one) if isinstance(one, Exception) else ""
            await self.until(lambda w=wanted, o=one: watch.trouble == w and (w or watch.report is o))
        await self.pilot.pause()

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                await self.pilot.pause(0.001)

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def drawn(self, styles=False):
        """Return what is on the terminal, as textual's screenshots do; with `styles`, and the codes of its colours."""
        width, height = self.app.size
        console = Console(
            width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True
        )  # fmt: skip
        compositor = self.app.screen._compositor
        console.print(compositor.render_update(full=True, screen_stack=self.app._background_screens))
        return console.export_text(styles=styles)

    @property
    def screen(self):
        """What is on the terminal, a line each."""
        return [line.rstrip() for line in self.drawn().splitlines()]

    @property
    def table(self):
        """The lines below the heading, without the blank ones and the footer."""
        lines = self.screen
        heading = next(at for at, line in enumerate(lines) if "PID" in line and "DOING" in line)
        return [line for line in lines[heading + 1 : -1] if line]

    @property
    def pids(self):
        return [line.split()[0] for line in self.table]

    @property
    def toasts(self):
        return [one.message for one in self.app._notifications]


def shows(view, text):
    return any(text in line for line in view.screen)


@asynccontextmanager
async def viewing(*said, addresses=("unix:/run/app.status",), controls=None, size=(80, 24)):
    view = View(addresses, controls or [None] * len(addresses), size)
    async with view.app.run_test(size=size, notifications=True) as view.pilot:
        await view.feed(*said)
        yield view


async def test_header_and_rows():
    async with viewing(at(1), at(2)) as view:
        assert view.screen[0].startswith("wsgi_server 0.1.0   pid 4200   up 2 s")
        assert shows(view, "requests  100/s")
        assert view.pids == ["10", "20", "30"]
        assert view.table[0].split() == [
            "10",
            "busy",
            "1",
            "52s",
            "15",
            "0",
            "12",
            "21.9M",
            "100µs",
            "12s",
            "GET",
            "/b",
        ]
        assert "100" in view.table[2].split()


async def test_before_anything_is_known():
    async with viewing() as view:
        await view.until(lambda: shows(view, "Asking unix:/run/app.status ..."))
        await view.press("enter", "t", "o", "greater_than_sign", "a", "plus", "down", "i", "p", "p")
        await view.feed(at(1))
        assert not shows(view, "Asking")


async def test_the_footer_says_what_the_keys_do():
    async with viewing(at(1)) as view:
        assert all(word in view.screen[-1] for word in ("threads", "quit", "pause", "speed", "sort"))
        assert not any(word in view.screen[-1] for word in ("reload", "resize", "trace", "upgrade"))


async def test_q_ends_it():
    async with viewing(at(1)) as view:
        await view.press("q")
    assert view.app.return_code == 0


# -- a server that goes and comes ---------------------------------------------------------------------------------


async def test_a_server_that_falls_silent_stays_in_view_and_comes_back():
    async with viewing(at(1), at(2)) as view:
        await view.feed(Unreachable("nobody listens there"))
        assert shows(view, "No report from unix:/run/app.status: nobody listens there; asking again")
        assert view.pids == ["10", "20", "30"]
        assert shows(view, "requests  222 in all")
        await view.feed(at(4))
        assert not shows(view, "No report")
        assert shows(view, "requests  100/s")
        assert view.toasts == []


async def test_a_server_that_is_not_there_yet():
    async with viewing(Unreachable("there is no such socket")) as view:
        assert shows(view, "No report from unix:/run/app.status: there is no such socket")
        await view.feed(at(1))
        assert view.pids == ["10", "20", "30"]


async def test_a_restart_is_told():
    async with viewing(at(100), Unreachable("nobody listens there"), at(1, worker(77), pid=5000)) as view:
        assert view.toasts == ["unix:/run/app.status was started anew: another process answers."]
        assert view.pids[0] == "77"


async def test_workers_come_and_go_under_the_cursor():
    many, few = [worker(pid) for pid in range(100, 140)], [worker(7)]
    async with viewing(at(1, *many)) as view:
        await view.press("ctrl+end")
        assert "139" in view.pids
        await view.feed(at(2, *few))
        assert view.pids == ["7"]
        await view.press("enter")
        assert view.pids == ["7", "└"]
        await view.feed(report(uptime_s=3.0))
        assert view.table == []
        await view.press("enter", "down", "t")
        await view.feed(at(4, *many))
        assert view.pids[0] == "100"


# -- order, threads, pause ----------------------------------------------------------------------------------------


async def test_sorting_with_the_keyboard():
    async with viewing(at(1)) as view:
        assert shows(view, "▲PID STATE")
        await view.press("o")
        assert (view.pids, shows(view, "▼PID STATE")) == (["30", "20", "10"], True)
        for name in NAMES[1:]:
            await view.press("greater_than_sign")
            mark = "▼" if COLUMNS[NAMES.index(name)].largest_first else "▲"
            assert shows(view, f"{mark}{name}")
        await view.press("less_than_sign")
        assert (view.pids, shows(view, "▼FOR DOING")) == (["10", "20", "30"], True)
        await view.press("greater_than_sign", "greater_than_sign")
        assert shows(view, "▲PID STATE")


async def test_sorting_with_the_mouse():
    async with viewing(at(1)) as view:
        heading = next(y for y, line in enumerate(view.screen) if "▲PID" in line)
        x = view.screen[heading].index("REQS")
        await view.pilot.click(offset=(x, heading))
        await view.pilot.pause()
        assert (view.pids, shows(view, "▼REQS")) == (["30", "10", "20"], True)
        await view.pilot.click(offset=(x, heading))
        await view.pilot.pause()
        assert (view.pids, shows(view, "▲REQS")) == (["20", "10", "30"], True)


async def test_another_order_is_looked_at_from_its_first_row():
    async with viewing(at(1, *(worker(pid) for pid in range(100, 150)))) as view:
        await view.press("ctrl+end")
        assert view.pids[-1] == "149"
        await view.press("o")
        assert view.pids[0] == "149"


async def test_the_cursor_keeps_its_place_when_the_order_changes():
    def second(number, *slow):
        workers = [worker(pid, [thread(1, "GET /", float(slow.index(pid) + 1))]) for pid in slow]
        return at(number, *workers)

    async with viewing(second(1, 1, 2, 3)) as view:
        await view.press("less_than_sign", "less_than_sign")
        assert view.pids == ["3", "2", "1"]
        await view.press("down")
        await view.feed(second(2, 2, 3, 1))
        assert view.pids == ["1", "3", "2"]
        assert view.app._table.selected.worker.pid == 3


async def test_threads_unfold_for_one_worker_and_for_all():
    async with viewing(at(1)) as view:
        await view.press("down", "enter")
        assert view.pids == ["10", "20", "├", "└", "30"]
        await view.press("down", "enter")  # a thread's line is its worker's
        assert view.pids == ["10", "20", "30"]
        await view.press("a")
        assert len(view.pids) == 9
        await view.press("a")
        assert len(view.pids) == 3


async def test_pause_keeps_the_view_and_asks_nobody():
    async with viewing(at(1)) as view:
        await view.press("p")
        assert shows(view, "Paused. Press p to go on.")
        queue = next(iter(view._said.values()))
        queue.put_nowait(at(2))
        await view.until(queue.empty)  # this question had been asked before the key
        await view.pilot.pause()
        queue.put_nowait(at(3))
        for _ in range(20):
            await view.pilot.pause(0.001)
        assert queue.qsize() == 1
        assert view.app.chosen.report == at(2)
        await view.press("p")
        await view.until(queue.empty)
        await view.until(lambda: view.app.chosen.report == at(3))
        assert not shows(view, "Paused")


async def test_the_interval_goes_round():
    async with viewing(at(1)) as view:
        seen = []
        for _ in range(len(INTERVALS) + 1):
            await view.press("i")
            seen.append(view.app.interval)
        assert seen == [*INTERVALS, INTERVALS[0]]
        assert view.toasts[-1] == "A report every 0.5 s."


# -- terminals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 10), (20, 5), (2, 2)])
async def test_any_size_of_terminal(size):
    async with viewing(at(1), at(2), size=size) as view:
        await view.press("a", "down", "greater_than_sign", "end", "home")
        await view.feed(at(3))


async def test_another_size_of_the_terminal():
    async with viewing(at(1, worker(1, [thread(1, f"GET /{'x' * 60}", 1.0)]))) as view:
        await view.press("down")
        assert view.table[0].endswith("…")
        await view.pilot.resize_terminal(160, 40)
        await view.until(lambda: view.table[0].endswith("xxx"))
        await view.pilot.resize_terminal(60, 12)
        await view.until(lambda: len(view.screen) == 12)


@pytest.mark.parametrize("no_color", [False, True])
async def test_colours_are_of_the_terminals_palette_and_not_needed(monkeypatch, no_color):
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    async with viewing(at(1), at(2, died=3)) as view:
        codes = set(";".join(re.findall(r"\x1b\[([0-9;]*)m", view.drawn(styles=True))).split(";"))
    emphasis, default, palette = {"", "0", "1", "2", "4", "7"}, {"39", "49"}, {str(code) for code in range(30, 37)}
    assert codes <= emphasis | default | palette
    assert bool(codes & palette) is not no_color


async def test_a_request_that_has_become_long_changes_its_colour():
    def busy(second, seconds):
        return at(second, worker(1, [thread(1, "GET /slow", seconds)]), worker(2))

    yellow = r"\x1b\[(?:[0-9]+;)*33(?:;[0-9]+)*m *GET /slow"
    async with viewing(busy(1, 0.5)) as view:
        await view.press("ctrl+end")  # the cursor's line has colours of its own
        assert shows(view, "GET /slow")
        assert not re.search(yellow, view.drawn(styles=True))
        await view.feed(busy(2, 1.5))
        assert re.search(yellow, view.drawn(styles=True))


# -- several servers ----------------------------------------------------------------------------------------------


async def test_several_servers_have_tabs():
    addresses = ("unix:/a", "unix:/b")
    async with viewing(at(1), at(2), addresses=addresses) as view:
        assert shows(view, "wsgi_server 100/s  unix:/b")
        await view.feed(at(1, worker(77), program="scgi_server", pid=9), server=1)
        assert view.pids == ["10", "20", "30"]
        await view.press("tab")
        await view.until(lambda: view.pids == ["77"])
        await view.feed(Unreachable("nobody listens there"), server=0)
        assert shows(view, "wsgi_server silent  scgi_server -/s")
        assert not shows(view, "No report")
        await view.press("tab")
        await view.until(lambda: shows(view, "No report from unix:/a"))
        await view.pilot.click("#server-1")
        await view.until(lambda: view.pids == ["77"])


async def test_a_single_server_has_none():
    async with viewing(at(1)) as view:
        assert view.app.query_one(Tab).region.height == 0
        await view.press("tab")
        assert view.pids == ["10", "20", "30"]


# -- control ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def controlling(tmp_path, answer):
    """A view of a server that takes orders, and that server."""
    with Fake(tmp_path / "c", answer) as fake:
        async with viewing(at(1), controls=[parse_target(f"unix:{tmp_path}/c")]) as view:
            fake.orders = lambda: [head.split(b" HTTP")[0].decode() for head in fake.asked]
            yield view, fake


@pytest.mark.parametrize(
    ("key", "question", "order"),
    [
        ("plus", "Run 4 workers instead of 3?", "POST /workers?n=4"),
        ("minus", "Run 2 workers instead of 3?", "POST /workers?n=2"),
        ("r", "Load the application anew", "POST /reload"),
        ("u", "Start the program anew", "POST /upgrade"),
    ],
)
async def test_an_order_is_given_after_a_yes(tmp_path, key, question, order):
    async with controlling(tmp_path, http(b"it is begun\n")) as (view, fake):
        await view.press(key)
        assert shows(view, question)
        await view.press("y")
        await view.until(lambda: view.toasts == ["it is begun"])
        assert fake.orders() == [order]
        assert not shows(view, question)


async def test_a_pool_that_sizes_itself_is_given_another_limit(tmp_path):
    async with controlling(tmp_path, http(b"from now on 1 to 9 workers")) as (view, fake):
        numbers = {
            "configured": 2,
            "least": 1,
            "most": 8,
            "alive": 3,
            "idle": 3,
            "busy": 0,
            "starting": 0,
            "retiring": 0,
        }
        await view.feed(at(2, workers=numbers))
        await view.press("plus")
        assert shows(view, "Run at most 9 workers instead of 8?")
        await view.press("y")
        await view.until(lambda: fake.orders() == ["POST /workers?n=9"])


async def test_every_way_to_say_yes_or_no(tmp_path):
    async with controlling(tmp_path, http(b"it is begun\n")) as (view, fake):
        for answer in (["n"], ["escape"], ["q"], ["enter"], ["left", "right", "enter"]):
            await view.press("r", *answer)
            assert not isinstance(view.app.screen, Question)
        assert fake.asked == []
        for number, answer in enumerate((["y"], ["left", "enter"], ["tab", "enter"]), 1):
            await view.press("r", *answer)
            await view.until(lambda n=number: len(view.toasts) == n)
        await view.press("r")
        await view.pilot.click("#yes")
        await view.until(lambda: fake.orders() == ["POST /reload"] * 4)


async def test_the_traceback_of_the_worker_under_the_cursor(tmp_path):
    async with controlling(tmp_path, http(b"worker 20 writes it to the log\n")) as (view, fake):
        await view.press("down", "t")
        await view.until(lambda: view.toasts == ["worker 20 writes it to the log"])
        assert fake.orders() == ["POST /traceback?pid=20"]
        await view.until(lambda: shows(view, "worker 20 writes it to the log"))


async def test_reports_come_in_behind_a_question_and_keys_do_not(tmp_path):
    async with controlling(tmp_path, http(b"done")) as (view, fake):
        await view.press("r", "p", "o", "plus", "t")
        assert isinstance(view.app.screen, Question)
        assert not view.app.paused
        await view.feed(at(2, worker(77)))
        await view.press("y")
        assert view.pids[0] == "77"
        await view.until(fake.orders)
        assert fake.orders() == ["POST /reload"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http(b"another reload is under way\n", "409 Conflict"), "another reload is under way"),
        (http(b"", "404 Not Found"), "it answers 404 Not Found"),
        (http(b"[red]no\x1b[2J", "400 Bad Request"), "[red]no�[2J"),
        (b"", "what answers there is no HTTP"),
    ],
)
async def test_an_order_that_is_refused(tmp_path, answer, said):
    async with controlling(tmp_path, answer) as (view, _):
        await view.press("r", "y")
        await view.until(lambda: view.toasts)
        assert view.toasts[0].startswith(f"unix:{tmp_path}/c: {said}")


async def test_an_order_to_a_server_that_has_gone(tmp_path):
    async with viewing(at(1), controls=[parse_target(f"unix:{tmp_path}/none")]) as view:
        await view.press("t")
        await view.until(lambda: view.toasts == [f"unix:{tmp_path}/none: there is no such socket"])


async def test_without_a_control_socket_no_key_gives_orders():
    async with viewing(at(1)) as view:
        await view.press("plus", "minus", "r", "t", "u")
        assert view.toasts == []
        assert not isinstance(view.app.screen, Question)


async def test_the_footer_knows_which_server_takes_orders(tmp_path):
    controls = [None, parse_target(f"unix:{tmp_path}/c")]
    async with viewing(at(1), addresses=("unix:/a", "unix:/b"), controls=controls) as view:
        assert "reload" not in view.screen[-1]
        await view.press("tab")
        await view.until(lambda: "reload" in view.screen[-1])
        assert "upgrade" in view.screen[-1]
        await view.press("tab")
        await view.until(lambda: "reload" not in view.screen[-1])


async def test_reports_of_a_real_socket(tmp_path):
    with Fake(tmp_path / "a", http(json.dumps(document([worker()])).encode())):
        app = Top([Watch(parse_target(f"unix:{tmp_path}/a"))], report_of, 0.01)
        async with app.run_test() as pilot, asyncio.timeout(20):
            while app.chosen.report is None:
                await pilot.pause(0.001)
