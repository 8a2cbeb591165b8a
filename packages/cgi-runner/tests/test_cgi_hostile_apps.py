"""WSGI applications that do to their process what only a process of its own survives: the next request never knows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cgi_world import Answer, World, world

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")

APP = r"""
import os, signal, sys, threading, time

def app(environ, start_response):
    with open(os.environ["PIDS"], "a") as pids:
        pids.write(f"{os.getpid()}\n")
    what = environ["PATH_INFO"].strip("/").replace("-", "_")
    before = globals().get(f"before_{what}", lambda: None)()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return globals().get(f"after_{what}", lambda: [b"all\n"])()

def before_exits(): os._exit(4)
def before_raises_system_exit(): sys.exit(3)
def before_raises_keyboard_interrupt(): raise KeyboardInterrupt
def before_aborts(): os.abort()
def before_kills_itself(): os.kill(os.getpid(), signal.SIGKILL)
def before_kills_its_group(): os.killpg(0, signal.SIGKILL)
def before_recurses(): before_recurses()
def before_reads_where_nothing_is():
    import ctypes
    ctypes.string_at(0)
def before_closes_everything(): os.closerange(0, 100)
def before_closes_standard_streams():
    for stream in (sys.stdin, sys.stdout, sys.stderr): stream.close()
def before_forks(): os.fork()
def before_leaves_a_thread(): threading.Thread(target=time.sleep, args=(60,)).start()
def before_leaves_a_daemon(): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
def before_leaves_a_child():
    if os.fork() == 0: time.sleep(60)
def before_blocks_all_signals(): signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); time.sleep(60)
def before_moves_away(): os.chdir("/"); os.umask(0); os.environ.clear(); sys.path.clear(); sys.modules.clear()
def after_gives_nothing(): return []
def after_gives_too_much(): return [b"all\n", b"and more"]
def after_gives_text(): return ["all\n"]
def after_raises(): yield b"a"; raise ValueError("on purpose")
def after_exits_in_the_middle(): yield b"a"; os._exit(0)
"""


@dataclass(frozen=True)
class Row:
    """What is to come of a path. `status` 0: nothing comes at all."""

    path: str
    status: int
    body: bytes | None = None
    cut: bool = False
    log: tuple[str, ...] = field(default=())


ROWS = [
    Row("/does-nothing-wrong", 200, b"all\n"),
    Row("/exits", 502, log=("the output is empty", "exit status 4")),
    Row("/raises-system-exit", 500, log=("SystemExit: 3",)),
    Row("/raises-keyboard-interrupt", 500, log=("KeyboardInterrupt",)),
    Row("/aborts", 502, log=("killed by SIGABRT",)),
    Row("/kills-itself", 502, log=("killed by SIGKILL",)),
    Row("/kills-its-group", 502, log=("killed by SIGKILL",)),
    Row("/recurses", 500, log=("RecursionError",)),
    Row("/reads-where-nothing-is", 502, log=("killed by SIGSEGV",)),
    Row("/closes-everything", 502, log=("the output is empty",)),
    Row("/closes-standard-streams", 200, b"all\n"),
    Row("/forks", 200, b"all\n"),
    Row("/leaves-a-thread", 200, b"all\n", log=("killed by SIGTERM",)),
    Row("/leaves-a-daemon", 200, b"all\n"),
    Row("/leaves-a-child", 200, b"all\n"),
    Row("/blocks-all-signals", 504, log=("silent for", "killed by SIGKILL")),
    Row("/moves-away", 200, b"all\n"),
    Row("/gives-nothing", 502, log=("4 bytes before its Content-Length",)),
    Row("/gives-too-much", 200, b"all\n"),
    Row("/gives-text", 500),
    Row("/raises", 200, b"a", True, log=("ValueError: on purpose",)),
    Row("/exits-in-the-middle", 200, b"a", True, log=("3 bytes before its Content-Length",)),
]


@dataclass(frozen=True)
class Asked:
    host: World
    answers: dict[str, Answer]


@pytest.fixture(scope="module", params=["posix-spawn", "zygote"])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("apps")
    (folder / "hostile.py").write_text(APP)
    with world(folder, "hostile:app", request.param, "--timeout", "2") as host, ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda row: host.ask(row.path), ROWS)
        yield Asked(host, {row.path: answer for row, answer in zip(ROWS, answers, strict=True)})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_application(asked: Asked, row: Row) -> None:
    answer = asked.answers[row.path]
    assert (answer.status, answer.cut) == (row.status, row.cut)
    assert row.body is None or answer.body == row.body
    for words in row.log:
        asked.host.said(rf" hostile:app\[\d+\]: .*{words}")
    assert asked.host.ask("/does-nothing-wrong").body == b"all\n"


def test_nothing_is_left(asked: Asked) -> None:
    asked.host.nothing_left()
