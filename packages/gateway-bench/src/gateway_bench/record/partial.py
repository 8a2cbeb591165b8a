"""A run that grows on the disk, line by line, so that what was measured outlives whoever measured it.

`result.partial.jsonl` has one JSON object a line, in the order in which they came:

    {"document": {...}}      the document as it stood before the first measurement; always the first line
    {"repeat": {...}}        a measurement, written when it was finished
    {"failure": {...}}       a gateway that failed

A line is handed to the system as soon as it is there, so it survives the death of this process in any form. Where the
disk is full, the lines wait in memory and are offered again with the next one; a line that went in by half is cut off
again, and one that was cut off by the end of the process is left out when the file is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from gateway_bench.errors import BenchError
from gateway_bench.record.check import check
from gateway_bench.record.document import SCHEMA_VERSION, Document
from gateway_bench.record.summary import results_of
from gateway_bench.record.ties import bands_of

__all__ = ["PARTIAL", "PartialFile", "recovered"]

PARTIAL = "result.partial.jsonl"
LOST = (
    "The run was killed: these are the measurements that were finished by then. Ratios and promises are left out, as "
    "only the end of a run says which were asked for."
)


class PartialFile:
    """Writes such a file. `lost` is the last OSError, None while all lines are on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[bytes] = []
        self.lost: OSError | None = None

    def begin(self, document: Mapping[str, Any]) -> None:
        """Write the first line, in the place of what an earlier run may have left there."""
        self._waiting.clear()
        with suppress(OSError):  # which the next write meets again
            self.remove()
        self.add(document=document)

    def add(self, **line: Mapping[str, Any]) -> None:
        """Write a line, and those that are still waiting."""
        self._waiting.append(json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n")
        try:
            self._write()
        except OSError as error:
            self.lost = error
        else:
            self.lost = None

    def _write(self) -> None:
        # Opened for each line: there are seconds between two, and nothing is left open whatever becomes of the run.
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            while self._waiting:
                line, end = self._waiting[0], os.fstat(file).st_size
                try:
                    written = os.write(file, line)
                    while written < len(line):
                        written += os.write(file, line[written:])
                except OSError:
                    os.ftruncate(file, end)
                    raise
                self._waiting.pop(0)
        finally:
            os.close(file)

    def remove(self) -> None:
        """Remove the file: the whole record is safe elsewhere."""
        self._path.unlink(missing_ok=True)


def recovered(path: Path) -> Document:
    """Return the document of a run that never ended, from what it had written. Raises BenchError."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what stands behind the last line break was cut off
        first, *added = (json.loads(line) for line in lines)
        content = first["document"] | {
            "repeats": [line["repeat"] for line in added if "repeat" in line],
            "failures": [line["failure"] for line in added if "failure" in line],
            "complete": False,
        }
        content["finished"] = max([repeat["started"] for repeat in content["repeats"]], default=content["started"])
        content["notes"] = [*content["notes"], LOST]
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise BenchError(
            f"{path} is not what a run of gateway-bench writes as it goes, or has no whole line"
        ) from error
    check(content, SCHEMA_VERSION, path)
    content["results"] = results_of(content["repeats"])
    content["bands"] = bands_of(content["repeats"], content["gateways"])
    return cast("Document", content)
