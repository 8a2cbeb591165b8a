"""Count the instructions of each step of the hot path with valgrind: the same figure each time, on a busy machine too.

A step is made FEW times in one process and MANY times in another; the difference is the step's alone, without the start
of the interpreter. Hashes are not random here, so even dictionaries behave alike. What remains is about one in a
thousand: the Date field is made anew whenever a second has passed.

    python benchmarks/micro/instructions.py [STEP]...           count, and compare with the reference
    python benchmarks/micro/instructions.py --save-reference    count, and keep it as the reference

Exit code 1: a step takes more than 3 % more instructions than in the reference, of the same Python.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from steps import STEPS

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "micro-instructions.json"
FEW, MANY = 500, 2_500
WARM_UP = 200
TOLERANCE = 1.03
TIME_LIMIT = 600.0

_COUNTED = re.compile(r"I +refs: +([0-9,]+)")


def count(step: str) -> int:
    """Return the instructions of one step. Raises RuntimeError when valgrind tells none."""
    few, many = _run(step, FEW), _run(step, MANY)
    return round((many - few) / (MANY - FEW))


def _run(step: str, loops: int) -> int:
    argv = [
        "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
        sys.executable, str(Path(__file__).resolve()), "--make", step, str(loops),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    return read_count(done.stderr)


def read_count(output: str) -> int:
    """Return the instructions that valgrind tells of. Raises RuntimeError."""
    found = _COUNTED.search(output)
    if found is None:
        raise RuntimeError(f"valgrind told no number of instructions: {output[-500:]}")
    return int(found[1].replace(",", ""))


def compare(counts: dict[str, int], reference: dict[str, int]) -> list[str]:
    """Return the steps that have become dearer than the tolerance allows."""
    return [name for name, value in counts.items() if name in reference and value > reference[name] * TOLERANCE]


def main() -> int:
    """Count, print, and compare or keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(STEPS)} (all)")
    parser.add_argument("--save-reference", action="store_true", help="keep the counts in benchmarks/results/")
    parser.add_argument("--make", nargs=2, metavar=("STEP", "LOOPS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        run = STEPS[arguments.make[0]]()
        run(WARM_UP)
        run(int(arguments.make[1]))
        return 0
    unknown = sorted(set(arguments.steps) - set(STEPS))
    if unknown:
        parser.error(f"there is no step {unknown[0]!r}; there are {', '.join(STEPS)}")
    if shutil.which("valgrind") is None:
        parser.error("this needs valgrind; on Debian: apt install valgrind")
    counts = {}
    known: dict[str, Any] = {"python": "", "instructions": {}}
    if REFERENCE.exists():
        known = json.loads(REFERENCE.read_text("utf-8"))
    for name in arguments.steps or STEPS:
        counts[name] = count(name)
        print(_line(name, counts[name], known["instructions"].get(name)), flush=True)
    python = f"{platform.python_implementation()} {platform.python_version()} {platform.machine()}"
    if arguments.save_reference:
        kept = {"python": python, "instructions": {**known["instructions"], **counts}}
        REFERENCE.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(f"kept in {REFERENCE}")
        return 0
    if known["python"] != python:
        print(f"The reference was made with {known['python'] or 'nothing yet'}, this is {python}: no verdict.")
        return 0
    dearer = compare(counts, known["instructions"])
    if dearer:
        print(f"More than {TOLERANCE - 1:.0%} dearer than the reference: {', '.join(dearer)}")
    return 1 if dearer else 0


def _line(name: str, value: int, before: int | None) -> str:
    change = f"{value / before - 1:+8.1%}  against {before:,}" if before else ""
    return f"{name:10}{value:>12,} instructions{change}"


if __name__ == "__main__":
    sys.exit(main())
