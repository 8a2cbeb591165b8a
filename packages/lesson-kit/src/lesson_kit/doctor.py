"""What the lessons need on this machine, and what of it is here: said first, in one line, not at the tenth cell.

Each finding says what was looked at and what was found; its `trouble` is "" or a sentence about what to do. Nothing is
started and no gateway is imported, so it takes no time that anybody would notice.

A machine that is busy, or that has no nginx, is no reason to stop: it is said, and the lesson goes on.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from packaging.requirements import Requirement

from gateway_bench.samples.machine import usable_cores
from gateway_bench.servers.presence import find_program
from gateway_lab.folders import short_folder
from gateway_lab.servers import KINDS
from lesson_kit.errors import SENTENCES
from lesson_kit.lesson import Lesson
from lesson_kit.record import ELSEWHERE, record_path

__all__ = ["Finding", "examination", "examine_machine"]

KIT: Final = "lesson-kit"
AGAIN: Final = "`python3 noxfile.py -s learn` installs what is missing"
BUSY: Final = 1.0
"""Processes that want to run, for each core: above that, some wait, and what is measured has their waits in it."""
ROOM: Final = 1_000_000
"""Bytes that must be free for the answers of all lessons."""


class Finding(NamedTuple):
    """What was looked at, what was found, and a sentence if that is in the way of something."""

    what: str
    found: str
    trouble: str = ""


def examination(lesson: Lesson, file: Path | None = None) -> str:
    """Return in Markdown whether a lesson has what it needs: one line if so, else one more for each trouble."""
    python, *others, load = examine_machine(file)
    troubles = [one.trouble for one in (python, *others) if one.trouble]
    troubles += [
        f"`{tool.partition('|')[0]}` was not found, so {use} is left out."
        for tool, use in lesson.tools.items()
        if not find_program(tool)
    ]
    first = f"{python.what} {python.found}: {'not all' if troubles else 'all'} that this lesson needs is here."
    lines = "\n".join(f"- {trouble}" for trouble in (*troubles, load.trouble) if trouble)
    return f"{first}\n\n{lines}" if lines else first


def examine_machine(file: Path | None = None) -> list[Finding]:
    """Return what there is to say about this machine. `file` is where answers are kept, if not in the usual place."""
    return [_python(), _packages(), _sockets(), _answers(file), _load()]


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()}, {usable_cores()} cores"
    if hasattr(os, "fork"):
        return Finding("Python", found)
    return Finding("Python", found, "The gateways need Unix: what starts one cannot be run here. Everything else can; "
                   "for all of it, open the lessons in WSL.")  # fmt: skip


def _packages() -> Finding:
    """Look for the gateways, in the versions that this kit was made for."""
    try:
        needed = [Requirement(text) for text in metadata.requires(KIT) or ()]
    except metadata.PackageNotFoundError:  # run from its sources: then the others are, too
        needed = []
    wrong = [
        f"{one.name} {_version(one.name) or 'is missing'}, and must be {one.specifier}"
        for one in needed
        if (one.marker is None or one.marker.evaluate({"extra": ""})) and _version(one.name) not in one.specifier
    ]
    wrong += [f"{module} cannot be imported" for module, *_ in KINDS.values() if find_spec(module) is None]
    found = f"the {len(needed)} that {KIT} {_version(KIT)} needs"
    return Finding("Packages", found, f"Not as it must be: {'; '.join(wrong)}: {AGAIN}." if wrong else "")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _sockets() -> Finding:
    """Open what every experiment opens: a port of loopback, and a unix socket in a folder of its own."""
    try:
        with socket.create_server(("127.0.0.1", 0)):
            pass
    except OSError as error:
        return Finding("Sockets", "none", f"No port can be opened on 127.0.0.1 ({error.strerror}), so no server runs "
                       "here: is this a sandbox?")  # fmt: skip
    if not hasattr(socket, "AF_UNIX"):
        return Finding("Sockets", "ports of 127.0.0.1, no unix sockets")
    try:
        with short_folder() as folder, socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{folder}/events")
    except OSError as error:
        where = tempfile.gettempdir()
        return Finding("Sockets", "ports of 127.0.0.1", f"No unix socket can be made in {where} ({error}): set TMPDIR "
                       "to another folder of yours, with a short path.")  # fmt: skip
    return Finding("Sockets", "ports of 127.0.0.1, unix sockets")


def _answers(file: Path | None) -> Finding:
    """Look whether the answers can be kept."""
    try:
        path = file or record_path()
        folder = next(one for one in path.parents if one.exists())
        writable = os.access(folder, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.R_OK))
        free = shutil.disk_usage(folder).free
    except (*SENTENCES, OSError) as error:
        return Finding("Answers", "not kept", f"Your answers cannot be kept: {error}")
    if not writable:
        return Finding("Answers", str(path), f"Your answers cannot be written to {path}: {ELSEWHERE}.")
    if free < ROOM:
        return Finding("Answers", str(path), f"The disk of {folder} is full: make room, or your answers are not kept.")
    return Finding("Answers", str(path))


def _load() -> Finding:
    try:
        waiting = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows, and some sandboxes
        return Finding("Load", "unknown")
    found = f"{waiting:.1f} on {usable_cores()} cores"
    if waiting <= BUSY * usable_cores():
        return Finding("Load", found)
    return Finding("Load", found, f"This machine is busy (load {found}): what you measure now scatters more "
                   "than usual. Counts and bytes stay what they are.")  # fmt: skip
