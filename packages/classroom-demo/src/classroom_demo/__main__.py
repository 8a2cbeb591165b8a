"""`python -m classroom_demo`: start the page, open the browser, and end everything with one Ctrl-C.

::

    this process --leash--> wsgi_server --fork--> classroom_demo.app --leash--> a gateway for each lane

Each leash ends what it holds when whoever holds the leash is gone, however that ends. So does this process: nothing is
left of a killed classroom but its folder, and that goes when the next one starts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from gateway_lab.errors import LabError
from gateway_lab.servers import Server
from gateway_runtime.addresses import parse
from gateway_runtime.errors import StartupError

from . import VOTES_IN

__all__ = ["main"]

STOPPED, FAILED, REFUSED = 0, 1, 2
"""Exit codes: ended as asked, failed while running, could not start (one sentence says why)."""
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
SHORT: Final = Path("/tmp")  # noqa: S108  # a folder of our own in it; unix sockets want short paths


def main(words: Sequence[str] | None = None) -> int:
    """Run the classroom until it is ended; return the exit code."""
    options = _options(words)
    try:
        if options.record:
            return _record(options.record)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        with _folder() as folder:
            return _run(options, folder, stopped)
    except KeyboardInterrupt:
        return FAILED
    except _Refusal as refusal:
        print(f"classroom_demo: {refusal}", file=sys.stderr)
        return REFUSED


class _Refusal(Exception):
    """It cannot be done as asked; the text is one sentence."""


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="classroom_demo", description="Show a class what a process per request is: five minutes, then free play."
    )
    parser.add_argument("--bind", default="127.0.0.1:0", metavar="HOST:PORT",
                        help="where the page is; port 0: a free one (127.0.0.1:0)")  # fmt: skip
    parser.add_argument("--no-browser", action="store_true", help="only say where the page is")
    parser.add_argument("--record", type=Path, metavar="FILE", help="run the script once, record it there, and end")
    parser.add_argument("--votes", type=Path, metavar="DIRECTORY", help="where votes are saved")
    return parser.parse_args(words)


def _run(options: argparse.Namespace, folder: Path, stopped: threading.Event) -> int:
    """Start the page's server, wait for the end, and end everything."""
    more = {"TMPDIR": str(folder)}
    if options.votes:
        more[VOTES_IN] = str(options.votes.absolute())
    page = Server(_command(options.bind), more)
    try:
        with page:
            print(f"ready {page.url}/", flush=True)
            if not options.no_browser:
                _open(f"{page.url}/")
            while page.alive and not stopped.wait(STEP):
                pass
            failed = not stopped.is_set()
            words = page.log.splitlines()[-1:]
            there = psutil.Process().children(recursive=True)
    except LabError as error:
        raise _Refusal(_last(page) or str(error)) from None
    _see_off(there)
    if failed:
        print(f"classroom_demo: the page's server has ended: {' '.join(words) or 'it said nothing'}", file=sys.stderr)
    return FAILED if failed else STOPPED


def _command(bind: str) -> list[str]:
    try:
        address = parse(bind)
    except StartupError as error:
        raise _Refusal(f"--bind: {error}") from None
    if address.public or not address.host:
        raise _Refusal(f"--bind {bind}: the page can start processes, so it is for this machine: write 127.0.0.1:PORT")
    counts = ["--workers", "1", "--threads", str(THREADS), "--grace-timeout", str(GRACE)]
    return [sys.executable, "-m", "wsgi_server", APP, "--bind", bind, *counts]


def _last(server: Server) -> str:
    """Return the last thing that a server said, which is why it could not start."""
    return (server.log.splitlines() or [""])[-1]


def _open(url: str) -> None:
    """Open the browser beside all else: some of them keep whoever opens them waiting."""

    def open_it() -> None:
        import webbrowser

        if not webbrowser.open(url):
            print(f"No browser could be opened: open {url} in one.", flush=True)

    threading.Thread(target=open_it, name="browser", daemon=True).start()


def _see_off(processes: Sequence[psutil.Process]) -> None:
    """Wait until all that we have started has ended, gateways on their leashes included."""
    for left in psutil.wait_procs(processes, LAST)[1]:
        with suppress(psutil.NoSuchProcess):
            left.kill()


@contextmanager
def _folder() -> Iterator[Path]:
    """Make the folder for all temporary files of this classroom; remove those of classrooms that were killed."""
    where = SHORT if SHORT.is_dir() else Path(tempfile.gettempdir())
    for old in where.glob(f"{FOLDER}*-*"):
        pid = old.name.removeprefix(FOLDER).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(old, ignore_errors=True)  # another user's stays
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-", dir=where, ignore_cleanup_errors=True) as made:
        yield Path(made)


def _record(file: Path) -> int:
    """Run the script without a page, and write down what one would have been told."""
    from .floor import Floor
    from .recording import BadRecording, record

    with tempfile.TemporaryDirectory(prefix=FOLDER) as votes:
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
