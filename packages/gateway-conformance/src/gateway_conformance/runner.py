"""Run the table against a gateway."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from gateway_runtime.addresses import Address

from .app.tools import RECORD_PREFIX
from .case import Case
from .cases import CASES
from .exchange import exchange
from .outcome import Outcome, Verdict, judge
from .target import Target, serving, wait_for

__all__ = ["run", "run_case"]

JOBS = 4
"""Cases at a time. They do not disturb each other, and a program for each request takes its time to start."""

PATIENCE = 10.0
"""Seconds until the application must have noted what it notes at the end. Only a failing case waits so long."""

SETTLE = 0.05
"""Seconds in which a note that must not come would come: a second close(), or a call with half of its content."""


def run(target: Target, cases: Iterable[Case] = CASES, jobs: int = JOBS) -> list[Outcome]:
    """Start the gateway, run the cases, `jobs` at a time, and stop it. Raises TargetError if it cannot be started."""
    with serving(target) as address, ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda case: run_case(address, target.scheme, case), cases))


def run_case(address: Address, scheme: str, case: Case) -> Outcome:
    """Run one case against a gateway that serves at `address`."""
    if scheme in case.without:
        return Outcome(case, Verdict.LEFT_OUT, case.without[scheme])
    times = 1 if scheme == "cgi" else case.times
    for number in range(times):
        with tempfile.NamedTemporaryFile(prefix=RECORD_PREFIX) as file:
            fault = _once(address, scheme, case, Path(file.name))
        if fault:
            again = f" (request {number + 1} of {times})" if times > 1 else ""
            return Outcome(case, Verdict.FAIL, fault + again)
    return Outcome(case, Verdict.PASS)


def _once(address: Address, scheme: str, case: Case, record: Path) -> str:
    target = case.target.replace("{record}", quote(str(record), safe=""))
    fault = judge(case, exchange(address, scheme, case, target, record))
    return fault or _judge_record(case, record)


def _judge_record(case: Case, record: Path) -> str:
    """Wait for the lines that must come, then a moment for those that must not."""
    if case.expected.record is None:
        return ""
    wanted = list(case.expected.record)
    wait_for(lambda: len(record.read_text().splitlines()) >= len(wanted), PATIENCE)
    wait_for(lambda: len(record.read_text().splitlines()) > len(wanted), SETTLE)
    noted = record.read_text().splitlines()
    return "" if noted == wanted else f"the application noted {noted}, not {wanted}"
