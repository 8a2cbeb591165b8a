"""Where a run ends up: `results/<UTC time>/` with the record and all that is made from it, and `results/latest`.

What was measured is worth more than what is drawn of it. So the record goes to the disk as it grows, each measurement
when it is finished; at the end it is written whole or not at all; and what cannot be written beside it is said, not
raised. A record that does not fit where it belongs goes to the system's temporary folder, and at last to the standard
output.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gateway_bench.errors import BenchError
from gateway_bench.proofs.run import promises_of
from gateway_bench.record.csv_table import repeats_to_csv, to_csv
from gateway_bench.record.document import Document, Repeat, save_document
from gateway_bench.record.files import write_whole
from gateway_bench.record.partial import PARTIAL, PartialFile
from gateway_bench.record.summary import disturbed
from gateway_bench.report.charts import draw_charts, save_charts
from gateway_bench.report.page import render_report
from gateway_bench.suites import suite_named
from gateway_bench.suites.suite import Suite

__all__ = [
    "RECORD", "Keeper", "draw_again", "find_root", "folder_for", "is_reference", "make_folder", "point_latest",
    "save_all", "save_reference",
]  # fmt: skip

RECORD, REPORT = "result.json", "report.html"
OPTIONAL = "gatelab-compiled"
"""The row that may be absent from a run that is kept: the compiled build is an option."""
MARK = Path("benchmarks", "gateways.toml")


class Keeper:
    """Keeps a run in a folder, from its first measurement to its report.

    `notices` are sentences about what could not be written, for whoever shows them; `printed`: the record went to the
    standard output.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = PartialFile(folder / PARTIAL)
        self._document: Document | None = None
        self._begun = False
        self._failures = 0
        self.notices: list[str] = []
        self.printed = False

    def begin(self, document: Document) -> None:
        """Take note of the document that will grow. Its first line is written with its first measurement."""
        self._document, self._begun, self._failures = document, False, 0

    def add(self, repeat: Repeat) -> None:
        """Write a measurement, and the failures that the document has got before it."""
        document = self._document
        if document is None:
            return
        if not self._begun:
            self._begun = True
            self._partial.begin({**document, "repeats": [], "failures": []})
        for failure in document["failures"][self._failures :]:
            self._partial.add(failure=failure)
        self._failures = len(document["failures"])
        self._partial.add(repeat=repeat)

    def finish(self, document: Document) -> Path:
        """Write the record, then CSV, charts and report; return the path to open: the report, or the record."""
        folder = self._folder
        try:
            save_document(document, folder / RECORD)
        except OSError as error:
            said = f"the record cannot be written to {folder}: {error.strerror}"
            elsewhere = _saved_elsewhere(document)
            if elsewhere is None:
                self.notices.append(f"{said}; it was printed instead")
                self.printed = True
                return folder
            self.notices.append(f"{said}; it is in {elsewhere}")
            folder = elsewhere
        else:
            with suppress(OSError):  # then it stays, and does no harm
                self._partial.remove()
        undrawn = _draw(document, folder)
        self.notices += undrawn
        return folder / RECORD if undrawn else folder / REPORT


def _saved_elsewhere(document: Document) -> Path | None:
    """Write the record to a new folder among the temporary ones and return that; or print it, and return None."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="gatelab-bench-"))
        try:
            save_document(document, folder / RECORD)
        except OSError:
            folder.rmdir()
            raise
    except OSError:
        json.dump(document, sys.stdout)
        print(flush=True)
        return None
    return folder


def save_all(document: Document, folder: Path) -> Path:
    """Write the record, then CSV, charts and report; return the path of the report. Raises OSError, BenchError."""
    make_folder(folder)
    save_document(document, folder / RECORD)
    notices = _draw(document, folder)
    if notices:
        raise BenchError("; ".join(notices))
    return folder / REPORT


def draw_again(document: Document, folder: Path, charts: Sequence[str] = ()) -> list[Path]:
    """Write CSV, charts and report of a document to a folder, or some charts alone. Raises BenchError."""
    if charts:
        drawn = draw_charts(suite_named(document["suite"]), document, charts)
        notices = _tried("charts", lambda: save_charts(drawn, folder / "charts"))
        paths = [folder / "charts" / f"{name}.svg" for name in drawn]
    else:
        notices = _draw(document, folder)
        paths = [folder / REPORT]
    if notices:
        raise BenchError("; ".join(notices))
    return paths


def _draw(document: Document, folder: Path) -> list[str]:
    """Write all that is made from a record beside it; return a sentence about each part that cannot be written."""
    suite = suite_named(document["suite"])
    charts = draw_charts(suite, document)
    parts: dict[str, Callable[[], None]] = {
        "the tables": lambda: _write_tables(document, folder, Path(RECORD).stem),
        "the charts": lambda: save_charts(charts, folder / "charts"),
        "the report": lambda: write_whole(folder / REPORT, render_report(suite, document, charts).encode()),
    }
    return [sentence for what, write in parts.items() for sentence in _tried(what, write)]


def _tried(what: str, write: Callable[[], None]) -> list[str]:
    try:
        write()
    except OSError as error:
        return [f"{what} cannot be written: {error.strerror}"]
    return []


def _write_tables(document: Document, folder: Path, name: str) -> None:
    write_whole(folder / f"{name}.csv", to_csv(document).encode())
    if document["repeats"]:
        write_whole(folder / f"{name}-repeats.csv", repeats_to_csv(document).encode())


def find_root(start: Path) -> Path:
    """Return the nearest folder above `start` (or above this file) that holds benchmarks/gateways.toml.

    Raises BenchError.
    """
    for place in (start, Path(__file__)):
        for folder in (place, *place.parents):
            if (folder / MARK).is_file():
                return folder
    raise BenchError(f"there is no {MARK} here or above; run this in a checkout of the repository")


def folder_for(started: str, root: Path) -> Path:
    """Return a folder under results/ named after the start of the run: 20260131T235959Z."""
    return root / "results" / started.replace("+00:00", "Z").replace("-", "").replace(":", "")


def make_folder(folder: Path) -> None:
    """Make a folder for results, before the work and not after it. Raises BenchError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"cannot make the folder {folder}: {error.strerror}") from error


def point_latest(folder: Path) -> None:
    """Let results/latest lead to `folder`, its sibling. Where links are not to be had, there is none."""
    link, beside = folder.parent / "latest", folder.parent / ".latest"
    try:
        beside.unlink(missing_ok=True)
        beside.symlink_to(folder.name, target_is_directory=True)
        beside.replace(link)
    except OSError:
        beside.unlink(missing_ok=True)


def is_reference(document: Document, suite: Suite) -> bool:
    """Tell whether a run is worth being kept: whole, on a fit machine, undisturbed, with all rows and no error.

    Proofs are kept when somebody says so: each is about one promise, and most runs make some of them.
    """
    return (
        bool(suite.kept and document["results"])
        and document["complete"]
        and not document["parameters"]["quick"]
        and not document["failures"]
        and document["noise"] is not None
        and document["noise"]["fit"]
        and not disturbed(document["repeats"])
        and not any(result["errors"] for result in document["results"])
        and all(row["status"] == "ok" or row["name"] == OPTIONAL for row in document["gateways"])
    )


def save_reference(document: Document, suite: Suite, root: Path) -> Path:
    """Keep a run as data in benchmarks/results/: the record, its tables, the charts that the README shows.

    Some of the proofs are kept under their own names, beside all of them and not in their place. Raises BenchError.
    """
    folder = root / "benchmarks" / "results"
    name, proved = document["suite"], [proof["name"] for proof in document["proofs"]]
    if proved and proved != list(promises_of(suite)):
        name = "-".join([name, *proved])
    charts = draw_charts(suite, document, suite.kept)
    make_folder(folder)
    try:
        save_document(document, folder / f"{name}.json")
        _write_tables(document, folder, name)
        if charts:
            save_charts(charts, folder / name)
    except OSError as error:
        raise BenchError(f"the run cannot be kept in {folder}: {error.strerror}") from error
    return folder
