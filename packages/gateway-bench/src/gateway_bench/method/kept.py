"""Nothing is lost, and nothing is left: runs that are killed at a random moment, and one that is asked to end.

A run of many short repeats is a process of its own here. KILL leaves it no time for anything: what counts is whether
each repeat that it had shown as finished is in what can be read afterwards. What a killed run has started nobody but us
can end then. INT (Ctrl-C) it has to obey: a whole record, its exit code, and neither a process nor a file that stays.

Everything of such a run has a temporary folder of its own (TMPDIR), by which all of its processes are known.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import BenchError
from gateway_bench.proofs.ground import Findings, Ground, wait_for
from gateway_bench.record.document import Document, load_document
from gateway_bench.record.partial import PARTIAL
from gateway_bench.samples.cgroup import read_text
from gateway_bench.samples.group import MOUNTS

__all__ = ["prove"]

COMMAND = (
    "-m", "gateway_bench", "run", "--suite", "evolution", "--only", "wsgi", "--scenario", "hello",
    "--repeats", "50", "--duration", "0.1", "--no-strace", "--no-save-reference", "--out",
)  # fmt: skip
KILLS, QUICK_KILLS = 5, 1
LATEST = 2.5
"""Seconds after the first finished repeat until which it is killed."""
START_LIMIT, END_LIMIT = 60.0, 60.0
"""Seconds for the first repeat, and for the report of a run that was asked to end."""
HEARD_LIMIT = 1.0
"""Seconds in which the lines of a run that has ended are read."""
RECORD = "result.json"
UNSET = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables by which a run would take a pipe for a terminal, and show a bar in place of lines."""

_GROUP = re.compile(r"^0::/(.*gatelab-[^/\n]+)$", re.MULTILINE)
_SHOWN = re.compile(r"^\[[0-9]+/[0-9]+, .* requests, ")


class Run:
    """A run as a process of ours, in a folder of its own. `shown` counts the repeats that it said were finished."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.shown = 0
        self.record, self.temporary = folder / "out", folder / "tmp"
        self.temporary.mkdir()
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        self.process = subprocess.Popen(
            [sys.executable, *COMMAND, str(self.record)],
            cwd=root,
            env=kept | {"TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="shown", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.shown += bool(_SHOWN.match(line))

    def ended(self) -> bool:
        """Tell whether it has ended."""
        return self.process.poll() is not None

    def hear_out(self) -> None:
        """Hear all that it has said. Whoever it left behind may hold its output open, and so is not waited for."""
        self._reader.join(HEARD_LIMIT)

    def members(self) -> list[psutil.Process]:
        """Return all processes that live and have its temporary folder, its own included."""
        return [process for process in psutil.process_iter() if self._is_of(process)]

    def _is_of(self, process: psutil.Process) -> bool:
        try:
            mine = process.environ().get("TMPDIR") == str(self.temporary)
            return mine and bool(process.status() != psutil.STATUS_ZOMBIE)
        except (psutil.Error, OSError):  # another user's, or ended meanwhile
            return False

    def end(self) -> None:
        """Kill what lives of it, until nothing does, and remove the control groups that it could not remove."""
        groups: set[Path] = set()
        while members := self.members():
            for process in members:
                groups |= groups_in(read_text(Path(f"/proc/{process.pid}/cgroup")))
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
            psutil.wait_procs(members, 1.0)
        self.process.wait()
        self.hear_out()
        for group in groups:
            with suppress(OSError):  # the run has done so itself
                group.rmdir()


def groups_in(told: str) -> set[Path]:
    """Return the control groups of a run (`gateway_bench.samples.group`) that /proc/PID/cgroup names."""
    return {mount / path for path in _GROUP.findall(told) for mount in MOUNTS if (mount / path).is_dir()}


def prove(ground: Ground) -> Findings:
    """Return how many repeats that had been shown are `missing` after KILL, and what INT leaves."""
    found, dice = Findings(), random.Random()  # noqa: S311  # a moment, not a secret
    ground.commands.append(["python", *COMMAND, "FOLDER"])
    for number in range(1, (QUICK_KILLS if ground.quick else KILLS) + 1):
        ground.doing(f"kept: a run that is killed, {number}")
        _kill(ground, found, dice.uniform(0.0, LATEST))
    ground.doing("kept: a run that is asked to end")
    _interrupt(ground, found)
    return found


@contextmanager
def _running(ground: Ground) -> Iterator[Run]:
    """Start a run, which has finished a repeat when the block begins; it and all of it has ended with the block."""
    with tempfile.TemporaryDirectory(prefix="gatelab-kept-") as folder:
        run = Run(Path(folder), ground.home.parent)
        try:
            wait_for(lambda: run.shown > 0 or run.ended(), START_LIMIT, "the run finishes a repeat")
            yield run
        finally:
            run.end()


def _kill(ground: Ground, found: Findings, after: float) -> None:
    with _running(ground) as run:
        moment = time.monotonic() + after
        while time.monotonic() < moment:
            interrupts.check()
            time.sleep(min(interrupts.STEP, max(0.0, moment - time.monotonic())))
        run.process.kill()
        run.end()
        kept = len(_read(run.record / PARTIAL)["repeats"])
        missing = max(0, run.shown - kept)
        found.readings.append(
            {"signal": "KILL", "after": round(after, 3), "shown": run.shown, "kept": kept, "missing": missing}
        )
    killed = [row for row in found.readings if row["signal"] == "KILL"]
    found.figures.clear()
    for name, key in (("killed-shown", "shown"), ("killed-kept", "kept"), ("missing", "missing")):
        found.add(name, sum(int(row[key]) for row in killed), "", f"repeats of {len(killed)} runs that were killed")


def _interrupt(ground: Ground, found: Findings) -> None:
    with _running(ground) as run:
        run.process.send_signal(signal.SIGINT)
        wait_for(run.ended, END_LIMIT, "the run ends")
        run.hear_out()
        code, left, files = run.process.returncode, len(run.members()), len([*run.temporary.iterdir()])
        document = _read(run.record / RECORD)
        missing = max(0, run.shown - len(document["repeats"]))
        found.readings.append({
            "signal": "INT", "shown": run.shown, "kept": len(document["repeats"]), "missing": missing, "exit": code,
            "processes": left, "files": files, "report": (run.record / "report.html").exists(),
        })  # fmt: skip
    found.add("asked-missing", missing, "", "repeats of a run that was asked to end")
    found.add("asked-exit", code, "", "its exit code")
    found.add("asked-processes", left, "", "processes that it left")
    found.add("asked-files", files, "", "temporary files and folders that it left")


def _read(path: Path) -> Document:
    """Read a record, or what is left of one; an empty one where there is none."""
    try:
        return load_document(path)
    except BenchError:
        empty: Document = {"repeats": []}  # type: ignore[typeddict-item]  # nothing else is asked for
        return empty
