"""Where a run ends up: `results/<UTC time>/` with the record and all that is made from it, and `results/latest`."""

from __future__ import annotations

from pathlib import Path

from gateway_bench.errors import BenchError
from gateway_bench.proofs.run import PROOFS
from gateway_bench.record.csv_table import to_csv
from gateway_bench.record.document import Document, save_document
from gateway_bench.record.summary import disturbed
from gateway_bench.report.charts import draw_charts, save_charts
from gateway_bench.report.page import render_report

__all__ = ["find_root", "folder_for", "is_reference", "make_folder", "point_latest", "save_all", "save_reference"]

OPTIONAL = "gatelab-compiled"
"""The row that may be absent from a run that is kept: the compiled build is an option."""
MARK = Path("benchmarks", "gateways.toml")
README_CHARTS = {"evolution": ["overview", "cpu"], "peers": ["throughput", "goals", "cpu"], "proofs": ["idle"],
                 "backends": ["cpu", "goals"], "cgi": ["hello", "app", "loop"]}  # fmt: skip


def find_root(start: Path) -> Path:
    """Return the nearest folder above `start` (or above this file) that holds benchmarks/gateways.toml.

    Raises BenchError.
    """
    for place in (start, Path(__file__)):
        for folder in (place, *place.parents):
            if (folder / MARK).is_file():
                return folder
    raise BenchError(f"there is no {MARK} here or above; run this in a checkout of the repository")


def folder_for(document: Document, root: Path) -> Path:
    """Return a folder under results/ named after the start of the run: 20260131T235959Z."""
    return root / "results" / document["started"].replace("+00:00", "Z").replace("-", "").replace(":", "")


def make_folder(folder: Path) -> None:
    """Make a folder for results, before the work and not after it. Raises BenchError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"cannot make the folder {folder}: {error.strerror}") from error


def save_all(document: Document, folder: Path) -> Path:
    """Write result.json first, then CSV, charts and report; return the path of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    save_document(document, folder / "result.json")
    (folder / "result.csv").write_text(to_csv(document), "utf-8")
    charts = draw_charts(document)
    save_charts(charts, folder / "charts")
    report = folder / "report.html"
    report.write_text(render_report(document, charts), "utf-8")
    return report


def point_latest(folder: Path) -> None:
    """Let results/latest lead to `folder`, its sibling. Where links are not to be had, there is none."""
    link, beside = folder.parent / "latest", folder.parent / ".latest"
    try:
        beside.unlink(missing_ok=True)
        beside.symlink_to(folder.name, target_is_directory=True)
        beside.replace(link)
    except OSError:
        beside.unlink(missing_ok=True)


def is_reference(document: Document) -> bool:
    """Tell whether a run beside peers is worth the README's charts: all took part, without error, undisturbed."""
    return (
        document["suite"] in ("backends", "cgi", "peers")
        and document["complete"]
        and not document["failures"]
        and not disturbed(document["repeats"])
        and not any(result["errors"] for result in document["results"])
        and all(row["status"] == "ok" or row["name"] == OPTIONAL for row in document["gateways"])
    )


def save_reference(document: Document, root: Path) -> Path:
    """Keep a run as data in benchmarks/results/: the record, its figures as CSV, the charts that the README shows.

    Some of the proofs are kept under their own names, beside all of them and not in their place.
    """
    folder = root / "benchmarks" / "results"
    folder.mkdir(exist_ok=True)
    name, proved = document["suite"], [proof["name"] for proof in document["proofs"]]
    if name == "proofs" and proved != list(PROOFS):
        name = "-".join([name, *proved])
    save_document(document, folder / f"{name}.json")
    (folder / f"{name}.csv").write_text(to_csv(document), "utf-8")
    charts = draw_charts(document, README_CHARTS[document["suite"]])
    if charts:
        save_charts(charts, folder / name)
    return folder
