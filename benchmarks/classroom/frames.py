"""Measure the classroom's page: how many frames a second with 200 processes on screen, and what each costs.

::

    steady.py (generated frames of the feed) --> Chromium, without a window of its own --> this table, and a record

    python benchmarks/classroom/frames.py                       all windows, two lanes and four; some two minutes
    python benchmarks/classroom/frames.py --seconds 5 --only two-1920x1080
    python benchmarks/classroom/frames.py --save-reference      keep it in benchmarks/results/

For each window size: frames a second; the time from one to the next (median, p95, p99, and the share of those that
came more than half a frame late); the processor's time for a frame, of the page's process and of the one that puts the
picture together (the compositor); the memory that scripts hold, and by how much it has grown, rubbish not counted. The
record has also the 95th percentile of what drawing takes, as the page itself tells in body[data-frame].

Headless Chromium paints with the processor alone, on a machine that has a graphics processor too: what is found here is
the worst case. On a busy machine compare the processor's time for a frame, which depends least on who else is there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil
from playwright.sync_api import Browser, CDPSession, sync_playwright
from steady import CROWDED, STEADY

from gateway_bench.samples.machine import describe_machine, describe_source
from gateway_lab.servers import Server

ROOT: Final = Path(__file__).resolve().parents[2]
FOUND: Final = ROOT / "results" / "classroom-frames.json"
REFERENCE: Final = ROOT / "benchmarks" / "results" / "classroom" / "frames.json"
SIZES: Final = ((1024, 768), (1920, 1080), (3840, 2160))
SECONDS: Final = 8.0
WARM: Final = 3.0
"""Seconds before anything is measured: the page's code is compiled, and the stages are full by then."""
FRAME: Final = 1000 / 60
LATE: Final = 1.5 * FRAME
"""Milliseconds: an interval that long has left a frame of the screen out. Less is the clock's jitter."""
METRICS: Final = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
INTERVALS: Final = """(seconds) => new Promise((done) => {
    const times = [];
    const next = (now) => {
        times.push(now);
        if (now - times[0] < 1000 * seconds) requestAnimationFrame(next);
        else done(times.slice(1).map((time, i) => time - times[i]));
    };
    requestAnimationFrame(next);
})"""


def measure(browser: Browser, url: str, size: tuple[int, int], seconds: float) -> dict[str, Any]:
    """Open the page in a window of this size, look at it for some seconds, and return what was found."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    try:
        page = context.new_page()
        page.goto(f"{url}/?theme=dark#play")
        page.wait_for_selector(".lane .stage")
        devtools = context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.evaluate(INTERVALS, WARM)
        before, heap = _metrics(devtools), _heap(devtools)
        used = _used()
        intervals = page.evaluate(INTERVALS, seconds)
        spent = {kind: value - used[kind] for kind, value in _used().items()}
        after = _metrics(devtools)
        frames = len(intervals)
        each = {name: 1000 * (after[name] - before[name]) / frames for name in METRICS}
        return {
            **spread(intervals), "draw_p95": float(page.get_attribute("body", "data-frame") or 0) or None,
            "task": each["TaskDuration"], "script": each["ScriptDuration"], "layout": each["LayoutDuration"],
            "style": each["RecalcStyleDuration"], **{kind: 1000 * value / frames for kind, value in spent.items()},
            "heap": heap, "grown": _heap(devtools) - heap, "picture": page.screenshot(),
        }  # fmt: skip
    finally:
        context.close()


def spread(intervals: Sequence[float]) -> dict[str, float]:
    """Return how the milliseconds between frames are spread."""
    cuts = statistics.quantiles(intervals, n=100, method="inclusive")
    return {
        "per_second": 1000 * len(intervals) / sum(intervals), "median": statistics.median(intervals),
        "p95": cuts[94], "p99": cuts[98], "late": sum(one > LATE for one in intervals) / len(intervals),
    }  # fmt: skip


def _metrics(devtools: CDPSession) -> dict[str, float]:
    """Return the seconds of the processor that the page's main thread has spent on what."""
    told = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    return {name: told[name] for name in METRICS}


def _heap(devtools: CDPSession) -> int:
    """Return the bytes that scripts hold, rubbish not counted."""
    devtools.send("HeapProfiler.collectGarbage")
    return int(devtools.send("Runtime.getHeapUsage")["usedSize"])


def _used() -> dict[str, float]:
    """Return the processor's seconds by kind of the browser's processes."""
    used = {"renderer": 0.0, "compositor": 0.0}
    for process in psutil.Process().children(recursive=True):
        try:
            words, times = process.cmdline(), process.cpu_times()
        except psutil.Error:
            continue
        if "--type=renderer" in words:
            used["renderer"] += times.user + times.system
        elif "--type=gpu-process" in words:
            used["compositor"] += times.user + times.system
    return used


@contextmanager
def steady(crowded: str) -> Iterator[str]:
    """Serve the page with generated frames; yield its URL."""
    command = [sys.executable, "-m", "wsgi_server", "steady:app", "--bind", "127.0.0.1:0", "--threads", "16"]
    here = str(Path(__file__).parent)
    with Server(command, {STEADY: crowded, "PYTHONPATH": here}) as server:
        yield server.url


def main() -> int:
    """Measure, print a table, and keep the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"to look at each window ({SECONDS:g})")
    parser.add_argument("--only", metavar="ROW", help="one row, such as two-1920x1080")
    parser.add_argument("--save-reference", action="store_true", help="keep the record in benchmarks/results/")
    arguments = parser.parse_args()
    rows = {f"{crowded}-{size[0]}x{size[1]}": (crowded, size) for crowded in CROWDED for size in SIZES}
    if arguments.only and arguments.only not in rows:
        parser.error(f"there is no row {arguments.only!r}; there are {', '.join(rows)}")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        parser.error("this needs Chromium; on Debian: apt install chromium")
    machine, started = describe_machine(), datetime.now(UTC).isoformat(timespec="seconds")
    found: dict[str, dict[str, Any]] = {}
    print(_head())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for crowded in CROWDED:
            with steady(crowded) as url:
                for name, (whose, size) in rows.items():
                    if whose == crowded and arguments.only in (None, name):
                        found[name] = measure(browser, url, size, arguments.seconds)
                        (FOUND.parent / "classroom").mkdir(parents=True, exist_ok=True)
                        (FOUND.parent / "classroom" / f"frames-{name}.png").write_bytes(found[name].pop("picture"))
                        print(_line(name, found[name]), flush=True)
        record = {
            "started": started, "seconds": arguments.seconds, "browser": f"Chromium {browser.version}, headless",
            "machine": machine, "source": describe_source(ROOT), "rows": found,
        }  # fmt: skip
        browser.close()
    for file in (FOUND, *([REFERENCE] if arguments.save_reference else [])):
        file.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        print(f"kept in {file}")
    return 0


COLUMNS: Final[Sequence[tuple[str, int, Callable[[dict[str, Any]], str]]]] = (
    ("a second", 10, lambda row: f"{row['per_second']:.1f}"),
    ("median", 8, lambda row: f"{row['median']:.1f}"),
    ("p95", 8, lambda row: f"{row['p95']:.1f}"),
    ("p99", 8, lambda row: f"{row['p99']:.1f}"),
    ("late", 8, lambda row: f"{row['late']:.1%}"),
    ("script", 10, lambda row: f"{row['script']:.2f}"),
    ("layout", 8, lambda row: f"{row['layout'] + row['style']:.2f}"),
    ("page", 8, lambda row: f"{row['task']:.2f}"),
    ("process", 9, lambda row: f"{row['renderer']:.2f}"),
    ("compositor", 12, lambda row: f"{row['compositor']:.2f}"),
    ("MB", 8, lambda row: f"{row['heap'] / 1e6:.1f}"),
    ("grown kB", 10, lambda row: f"{row['grown'] / 1e3:+.0f}"),
)
"""Of the table: a title, how wide it is, and what it says of a row. Frames; then milliseconds of the processor for a
frame (`script` and `layout` are parts of `page`, the main thread, which is part of `process`); then what scripts hold.
"""


def _head() -> str:
    return f"{'':16}" + "".join(f"{title:>{wide}}" for title, wide, _ in COLUMNS)


def _line(name: str, row: dict[str, Any]) -> str:
    return f"{name:16}" + "".join(f"{say(row):>{wide}}" for _, wide, say in COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
