"""The bill of a CGI request: do its parts add up, and what does it cost to make one out?

The parts are taken by the host and by the program; the whole is measured from outside, around the call of the host. The
cost is processor time, of host and program together, with the bill over without, by requests that alternate.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.servers.cgi_programs import write_programs

__all__ = ["prove"]

TIME_LIMIT = 120.0


@dataclass(frozen=True)
class Row:
    """What is billed: the application or a program, by which strategy, how often, and pairs for the cost."""

    name: str
    about: str
    target: dict[str, str]
    requests: int
    pairs: int = 0


APP, SH = {"app": "demo_app:app", "path": "/hello"}, {"path": "/cgi-bin/hello.sh"}
ROWS = (
    Row("app", "the demo application", APP, 20, 80),
    Row("app-zygote", "the demo application by a zygote", {**APP, "spawn": "zygote"}, 50),
    Row("sh", "hello in sh", SH, 200, 400),
)


def prove(ground: Ground) -> Findings:
    """Return `gap`, the largest, `cost`, that of the demo application, and those of each row."""
    found = Findings()
    with tempfile.TemporaryDirectory(prefix="gatelab-bill-") as folder:
        work = Path(folder, "work")
        write_programs(work)
        told = {row.name: _told(ground, row, work) for row in ROWS}
    for row in ROWS:
        one = told[row.name]
        found.add(f"gap-{row.name}", one["gap"], "x", f"{row.about}: what the parts leave of the whole, in 95 of 100")
        found.add(f"worst-{row.name}", one["worst"], "x", f"the same of the request in {row.requests} that is worst")
        if row.pairs:
            found.add(f"cost-{row.name}", one["cost"], "x", f"{row.about}: processor time with the bill, over without")
        found.readings.append({"of": row.name, **one})
    found.add("gap", max(one["gap"] for one in told.values()), "x", "the largest of these, in 95 of 100 requests")
    found.add("cost", told["app"]["cost"], "x", "processor time of the demo application with the bill, over without")
    return found


def _told(ground: Ground, row: Row, work: Path) -> dict[str, Any]:
    """Ask a process of its own for the bills of one row. Raises ProofFailed."""
    ground.doing(f"bill: {row.about}")
    target = row.target if "app" in row.target else {**row.target, "directory": str(work)}
    asked = {
        "target": target,
        "requests": max(2, row.requests // 10) if ground.quick else row.requests,
        "pairs": min(2, row.pairs) if ground.quick else row.pairs,
    }
    command = [sys.executable, "-m", "gateway_bench.servers.bill_probe"]
    if not ground.commands:
        ground.commands.append(["python", *command[1:]])
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        cwd=ground.home,
    )  # fmt: skip
    output, errors = _answer(process, json.dumps(asked) + "\n")
    if process.returncode != 0:
        words = errors.strip().splitlines() or [f"it ended with exit code {process.returncode}"]
        raise ProofFailed(f"no bill of {row.about}: {words[-1]}", errors)
    answer: dict[str, Any] = json.loads(output)
    return answer


def _answer(process: subprocess.Popen[str], question: str) -> tuple[str, str]:
    """Wait for its end; it is killed if that does not come, or Ctrl-C does."""
    deadline, sent = time.monotonic() + TIME_LIMIT, question
    with process:
        try:
            while time.monotonic() < deadline:
                try:
                    return process.communicate(sent, timeout=interrupts.STEP)
                except subprocess.TimeoutExpired:
                    sent = ""
                    interrupts.check()
            raise ProofFailed(f"no bill within {TIME_LIMIT:.0f} s")
        finally:
            process.kill()
