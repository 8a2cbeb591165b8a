"""`python -m classroom_demo`: start the page, open the browser, and end everything with one Ctrl-C.

::

    this process --leash--> wsgi_server --fork--> classroom_demo.app --leash--> a gateway for each lane

Each leash ends what it holds when whoever holds the leash is gone, however that ends. So does this process: nothing is
left of a killed classroom but its folder, and that goes when the next one starts. The browser is the user's own: it is
opened, and neither waited for nor ended.

The first INT, TERM or HUP (a terminal that closes) interrupts whatever is being done, the start as well; those that
come while everything ends change nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as long as it loads, there is nothing to end

import psutil

from gateway_lab.errors import LabError
from gateway_lab.servers import Server
from gateway_runtime.addresses import parse
from gateway_runtime.errors import StartupError

from . import REPLAY, VOTES_IN
from .refusals import unable

__all__ = ["main"]

STOPPED, FAILED, REFUSED = 0, 1, 2
"""Exit codes: ended as asked, failed while running, could not start (one sentence says why)."""
SERVER: Final = "wsgi_server"
APP: Final = "classroom_demo.app:app"
THREADS: Final = 16
"""Of the page: twelve windows (`feed.WINDOWS`), and four for files and actions."""
GRACE: Final = 1
"""Seconds for requests under way when the page ends. A window's feed would have no end."""
STEP: Final = 0.2
"""Seconds between two looks at whether the page's server is still there."""
LAST: Final = 8.0
"""Seconds for all processes to end: what their leashes give them, and some more."""
FOLDER: Final = "classroom-"
DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""One of these says where a browser can show itself, or which one can."""
ENDS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that end everything."""
SHORT: Final = Path("/tmp")  # noqa: S108  # a folder of our own in it; unix sockets want short paths


def main(words: Sequence[str] | None = None) -> int:
    """Run the classroom until it is ended; return the exit code."""
    options = _options(words)
    try:
        with _ended_by_signals(), _folder() as folder:
            return _record(options.record) if options.record else _run(options, folder)
    except KeyboardInterrupt:
        return FAILED if options.record else STOPPED
    except _Refusal as refusal:
        print(f"classroom_demo: {refusal}", file=sys.stderr)
        return REFUSED


class _Refusal(Exception):
    """It cannot be done as asked; the text is one sentence."""


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="classroom_demo",
        description="Show a class what a process per request is: five minutes, then free play. Ctrl-C ends everything.",
        epilog="Exit codes: 0 ended as asked; 1 ended by itself; 2 could not start, and one sentence says why.",
    )
    add = parser.add_argument
    add("--bind", default="127.0.0.1:0", metavar="HOST:PORT",
        help="where the page is, on this machine alone; port 0, the default: a free one")  # fmt: skip
    add("--no-browser", action="store_true", help="only say where the page is")
    add("--votes", type=Path, metavar="DIRECTORY", help="where votes are saved; default: the user's own data directory")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--replay", action="store_true", help="show the script as recorded, and start no gateway")
    either.add_argument("--record", type=Path, metavar="FILE", help="run the script once, record it there, and end")
    return parser.parse_args(words)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have the first signal raise KeyboardInterrupt, and those after it do nothing."""
    numbers = [getattr(signal, name) for name in ENDS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    if before.get(getattr(signal, "SIGHUP", None)) == signal.SIG_IGN:  # nohup
        numbers.remove(signal.SIGHUP)

    def end(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            if signal.getsignal(number) is end:  # once one has come, there is only the end
                signal.signal(number, before[number])


def _run(options: argparse.Namespace, folder: Path) -> int:
    """Start the page's server, wait for the end, and end everything. Raises _Refusal, KeyboardInterrupt."""
    more = {"TMPDIR": str(folder)}
    if options.votes:
        more[VOTES_IN] = str(options.votes.absolute())
    if options.replay:
        more[REPLAY] = "1"
    page = Server(_command(options.bind), more)
    try:
        with page:
            print(f"ready {page.url}/", flush=True)
            if not options.no_browser:
                _open(f"{page.url}/")
            while page.alive:
                time.sleep(STEP)
            words = _last(page)
    except LabError as error:
        raise _Refusal(_why(_last(page), options.bind) or str(error)) from None
    finally:
        _see_off(folder)
    print(f"classroom_demo: the page's server has ended: {words or 'it said nothing'}", file=sys.stderr)
    return FAILED


def _command(bind: str) -> list[str]:
    """Return what starts the page's server. Raises _Refusal."""
    if not hasattr(os, "fork"):
        raise _Refusal("this system cannot fork processes, which is what is shown: on Windows, use WSL")
    try:
        address = parse(bind)
    except StartupError:
        raise _Refusal(f"--bind: {bind!r} is not an address: write 127.0.0.1:PORT") from None
    if not address.host:
        raise _Refusal(f"--bind {bind}: a browser cannot open that: write 127.0.0.1:PORT")
    if address.public:
        raise _Refusal(
            f"--bind {bind}: the page can start and kill processes, so no other machine may reach it: write "
            "127.0.0.1:PORT (and from the other machine: ssh -L PORT:127.0.0.1:PORT this-one)"
        )
    counts = ["--workers", "1", "--threads", str(THREADS), "--grace-timeout", str(GRACE)]
    return [sys.executable, "-m", SERVER, APP, "--bind", bind, *counts]


def _last(server: Server) -> str:
    """Return the last thing that a server said."""
    return (server.log.splitlines() or [""])[-1]


def _why(words: str, bind: str) -> str:
    """Return why the page's server did not start, from its last words, and what to do about a port that is taken."""
    why = words.removeprefix(f"{SERVER}: ")
    return f"{why}; choose another, or leave out --bind for one that is free" if bind in why else why


def _open(url: str) -> None:
    """Open the browser beside all else: some of them keep whoever opens them waiting."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, DISPLAYS)):
        # What is left would be one for the terminal, which cannot draw the page, and would take the keys.
        print(f"No browser can be opened here: open {url} in one on this machine. Ctrl-C ends everything.", flush=True)
        return
    print("Your browser opens it. If it does not, open that address in one. Ctrl-C ends everything.", flush=True)

    def open_it() -> None:
        import webbrowser

        with suppress(webbrowser.Error, OSError):
            if webbrowser.open(url):
                return
        print(f"No browser could be opened: open {url} in one.", flush=True)

    threading.Thread(target=open_it, name="browser", daemon=True).start()


def _see_off(folder: Path) -> None:
    """Wait until all that we have started has ended, whoever its parent is by now: each knows our folder."""
    for left in psutil.wait_procs([one for one in psutil.process_iter() if _knows(one, folder)], LAST)[1]:
        with suppress(psutil.Error):
            left.kill()


def _knows(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("TMPDIR") == str(folder)
    except (psutil.Error, OSError):  # another user's, or one that has just ended
        return False


@contextmanager
def _folder() -> Iterator[Path]:
    """Make the folder for all temporary files of this classroom; remove those of classrooms that were killed."""
    where = SHORT if SHORT.is_dir() else Path(tempfile.gettempdir())
    for old in where.glob(f"{FOLDER}*-*"):
        pid = old.name.removeprefix(FOLDER).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(old, ignore_errors=True)  # another user's stays
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-", dir=where, ignore_cleanup_errors=True) as made:
        tempfile.tempdir = made
        try:
            yield Path(made)
        finally:
            tempfile.tempdir = before


def _record(file: Path) -> int:
    """Run the script without a page, and write down what one would have been told. Raises _Refusal."""
    from .floor import Floor
    from .recording import BadRecording, record

    if sentence := unable():
        raise _Refusal(sentence)
    with tempfile.TemporaryDirectory() as votes:
        floor = Floor(Path(votes))
        floor.open()
        try:
            record(floor, file)
        except BadRecording as error:
            raise _Refusal(str(error)) from None
        finally:
            floor.close()
    print(f"recorded {file}")
    return STOPPED


if __name__ == "__main__":
    sys.exit(main())
