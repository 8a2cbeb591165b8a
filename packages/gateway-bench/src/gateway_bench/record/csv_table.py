"""The figures as CSV, a line for each gateway and scenario, or for each figure of a proof: for spreadsheets."""

from __future__ import annotations

import csv
import io

from gateway_bench.record.document import Document, Estimate

__all__ = ["to_csv"]

RANGES = ("throughput_rps", "cpu_us_per_request", "p50_us", "p99_us", "spawned_per_request", "memory_median_bytes",
          "memory_peak_bytes")  # fmt: skip
PLAIN = ("gateway", "scenario", "repeats", "requests", "lower_bound", "ranked")


def to_csv(document: Document) -> str:
    """Return the results with a heading line. A figure that nobody counted is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if document["suite"] == "proofs":
        writer.writerow(["proof", "figure", "value", "unit", "about"])
        for proof in document["proofs"]:
            for figure in proof["figures"]:
                writer.writerow([proof["name"], figure["name"], figure["value"], figure["unit"], figure["about"]])
        return text.getvalue()
    parts = ("median", "min", "max")
    writer.writerow([*PLAIN, "errors", *(f"{name}_{part}" for name in RANGES for part in parts)])
    for result in document["results"]:
        ranges: list[Estimate | None] = [result[name] for name in RANGES]  # type: ignore[literal-required]
        figures = [range_[part] if range_ else "" for range_ in ranges for part in parts]  # type: ignore[literal-required]
        plain = [result[name] for name in PLAIN]  # type: ignore[literal-required]
        writer.writerow([*plain, sum(result["errors"].values()), *figures])
    return text.getvalue()
