"""Measure the classroom's page: how many frames a second with 200 processes on screen, and what each costs.

::

    steady.py (generated frames of the feed) --> Chromium, without a window of its own --> this table, and a record

    python benchmarks/classroom/frames.py                       all windows, two lanes and four; some two minutes
    python benchmarks/classroom/frames.py --seconds 5 --only two-1920x1080
    python benchmarks/classroom/frames.py --save-reference      keep it in benchmarks/results/

For each window size: the time from one animation frame to the next (median, p95, p99, and the share of those that came
more than half a frame late), the page's own script for a frame (p95, as the page itself tells in body[data-frame]), the
processor's time for a frame (of the page's process, and of the process that puts the picture together), and by how much
the memory in use has grown after a garbage collection.

Without a graphics processor Chromium paints with the CPU, and with it on a machine that has one. So what is measured in
a container is the worst case, and the processor's time is the figure to compare: it does not depend on who else is there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
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
REFERENCE: Final = ROOT / "benchmarks" / "results" / "classroom-frames.json"
SIZES: Final = ((1024, 768), (1920, 1080), (3840, 2160))
SECONDS: Final = 8.0
WARM: Final = 3.0
"""Seconds before anything is measured: the page's code is compiled, and the stages are full by then."""
FRAME: Final = 1000 / 60
LATE: Final = 1.5 * FRAME
"""Milliseconds: an interval that long has left a frame of the screen out. Less is the clock's jitter."""
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
        used = _used(browser)
        intervals = page.evaluate(INTERVALS, seconds)
        spent = {kind: value - used[kind] for kind, value in _used(browser).items()}
        after = _metrics(devtools)
        frames = len(intervals)
        each = {name: 1000 * (after[name] - before[name]) / frames for name in before}
        return {
            **spread(intervals), "script_p95": float(page.get_attribute("body", "data-frame") or "nan"),
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
        "frames": len(intervals), "median": statistics.median(intervals), "p95": cuts[94], "p99": cuts[98],
        "late": sum(one > LATE for one in intervals) / len(intervals),
    }  # fmt: skip


def _metrics(devtools: CDPSession) -> dict[str, float]:
    names = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
    told = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    return {name: told[name] for name in names}


def _heap(devtools: CDPSession) -> int:
    """Return the bytes that scripts hold, rubbish not counted."""
    devtools.send("HeapProfiler.collectGarbage")
    return int(devtools.send("Runtime.getHeapUsage")["usedSize"])


def _used(_browser: Browser) -> dict[str, float]:
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
    print(HEAD)
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


HEAD: Final = f"""\
{"":16}{"--- ms from frame to frame ---":>36}{"--- ms of the processor for a frame ---":>50}{"memory":>16}
{"":16}{"median":>9}{"p95":>9}{"p99":>9}{"late":>9}{"script":>10}{"layout":>10}{"page":>10}{"process":>10}{"compositor":>12}{"kB":>8}{"grown":>8}"""


def _line(name: str, row: dict[str, Any]) -> str:
    times = "".join(f"{row[key]:9.1f}" for key in ("median", "p95", "p99"))
    costs = f"{row['script']:10.2f}{row['layout'] + row['style']:10.2f}{row['task']:10.2f}{row['renderer']:10.2f}"
    memory = f"{row['heap'] / 1e3:8.0f}{row['grown'] / 1e3:+8.0f}"
    return f"{name:16}{times}{row['late']:9.1%}{costs}{row['compositor']:12.2f}{memory}"


if __name__ == "__main__":
    sys.exit(main())
