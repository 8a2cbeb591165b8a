"""Bills without programs: how moments become parts, what is believed of what a program tells, and who can tell."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgi_bill_world import no_pipe_left, put
from cgi_runner.bill import Account, Bill, Ledger
from cgi_runner.bill_account import understand
from cgi_runner.bill_parts import COARSE, FINE, FORKED, ORDER, add, assemble
from cgi_runner.bill_stamps import Stamps
from cgi_runner.bill_watch import START, watched
from cgi_runner.job import Job, each_request_runs


@pytest.fixture(autouse=True)
def _no_pipe_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_pipe_left(tmp_path, monkeypatch):
        yield


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Make a directory for programs."""
    (tmp_path / "programs").mkdir()
    return tmp_path / "programs"


# -- from moments to parts -------------------------------------------------------------------------------------------

SERVER = {"request": 100, "spawn": 110, "spawned": 130, "head": 700, "output": 800, "exited": 900, "closed": 910}
PROGRAM = {"first": 200, "site": 250, "begun": 260, "ready": 500, "given": 650, "written": 750}


@pytest.mark.parametrize(
    ("moments", "imports", "kind", "parts"),
    [
        (SERVER, {}, COARSE, {"wait": 10, "spawn": 20, "program": 570, "output": 100, "exit": 100, "reap": 10}),
        (
            SERVER | PROGRAM,
            {"a": 150, "b": 50},
            FINE,
            {
                "wait": 10, "spawn": 20, "interpreter start": 70, "site": 50, "bill": 10, "imports": 200,
                "app start": 40, "handler": 150, "output": 100, "exit": 150, "reap": 10,
            },
        ),
        (  # a program that is no application has no "ready"
            {name: at for name, at in (SERVER | PROGRAM).items() if name != "ready"},
            {"a": 90},
            FINE,
            {
                "wait": 10, "spawn": 20, "interpreter start": 70, "site": 50, "bill": 10, "imports": 90, "handler": 300,
                "output": 100, "exit": 150, "reap": 10,
            },
        ),
        (  # the server may hear of the start later than the program begins
            SERVER | PROGRAM | {"spawned": 240},
            {},
            FINE,
            {
                "wait": 10, "spawn": 90, "interpreter start": 0, "site": 50, "bill": 10, "imports": 0, "app start": 240,
                "handler": 150, "output": 100, "exit": 150, "reap": 10,
            },
        ),
        (
            SERVER | {"forked": 140, "ready": 500, "given": 650, "written": 750},
            {},
            FORKED,
            {
                "wait": 10, "spawn": 30, "interpreter start": 0, "site": 0, "imports": 0, "app start": 360,
                "handler": 150, "output": 100, "exit": 150, "reap": 10,
            },
        ),
        (  # what has not come is one with what comes next
            {name: SERVER[name] for name in ("request", "spawn", "spawned", "exited", "closed")},
            {},
            COARSE,
            {"wait": 10, "spawn": 20, "program": 770, "reap": 10},
        ),
        (  # it has ended before the server looked
            SERVER | {"head": 905, "output": 904},
            {},
            COARSE,
            {"wait": 10, "spawn": 20, "program": 770, "reap": 10},
        ),
        (  # of two that the server sees at once, either may be taken down first
            SERVER | {"output": 901},
            {},
            COARSE,
            {"wait": 10, "spawn": 20, "program": 570, "output": 201, "exit": 0, "reap": 9},
        ),
        ({"request": 100}, {}, COARSE, {}),
        (  # a package cannot have cost more than there was time
            SERVER | PROGRAM,
            {"liar": 10**18},
            FINE,
            {
                "wait": 10, "spawn": 20, "interpreter start": 70, "site": 50, "bill": 10, "imports": 240,
                "app start": 0, "handler": 150, "output": 100, "exit": 150, "reap": 10,
            },
        ),
    ],
)  # fmt: skip
def test_moments_become_parts_without_a_gap(
    moments: dict[str, int], imports: dict[str, int], kind: str, parts: dict[str, int]
) -> None:
    bill = assemble(moments, imports)
    assert (bill.kind, dict(bill.parts)) == (kind, parts)
    assert [name for name, _ in bill.parts] == [name for name in ORDER if name in parts]
    assert bill.unaccounted == 0
    assert bill.whole == max(moments.values()) - 100


def test_a_redirect_adds_two_bills() -> None:
    one = assemble(SERVER, {})
    two = assemble({name: at + 1000 for name, at in (SERVER | PROGRAM).items()}, {"a": 5})
    both = add(one, two)
    assert both.whole == one.whole + two.whole
    assert both.unaccounted == 0
    assert dict(both.parts)["spawn"] == 40
    assert [name for name, _ in both.parts] == [name for name in ORDER if name in dict(one.parts) | dict(two.parts)]


METRIC = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+;dur=[0-9]+\.[0-9]{3}"
"""server-timing-metric of W3C Server Timing section 3, with a token of RFC 9110 section 5.6.2."""


def test_server_timing_is_of_its_grammar() -> None:
    field = assemble(SERVER | PROGRAM, {"a": 1}).server_timing()
    assert re.fullmatch(rf"{METRIC}(?:, {METRIC})*", field)
    assert "interpreter-start;dur=0.000" in field
    assert Bill(COARSE, (("spawn", 1_234_567),), 2_000_000).server_timing() == "spawn;dur=1.235, total;dur=2.000"


def test_a_bill_as_json() -> None:
    bill = Bill(FINE, (("spawn", 5), ("site", 6)), 20, (("a", 3),))
    assert bill.as_json() == {
        "kind": "fine",
        "whole_ns": 20,
        "unaccounted_ns": 9,
        "parts_ns": {"spawn": 5, "site": 6},
        "imports_ns": {"a": 3},
    }


# -- what a program tells --------------------------------------------------------------------------------------------


def test_understand() -> None:
    told = b"first=1 site=2 import:a.b-c=3 import:d_e=4\nwritten=5\n"
    assert understand(told) == ({"first": 1, "site": 2, "written": 5}, {"a.b-c": 3, "d_e": 4})
    assert understand(b"first=1\nwritten=") == ({"first": 1}, {})  # the rest is on its way
    assert understand(b"") == ({}, {})


def test_a_line_is_short_whatever_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Ledger(tells=lambda argv: True).open({})
    account.mark("spawn")
    monkeypatch.setenv("CGI_RUNNER_BILL", os.fsdecode(account.variables(())[b"CGI_RUNNER_BILL"]))
    account.mark("spawned")
    stamps = Stamps(first=time.monotonic_ns())
    assert "CGI_RUNNER_BILL" not in os.environ
    costs = {f"{'p' * 96}{number:04}": 10**9 + number for number in range(1000)}
    costs |= {"ünï": 5, "has space": 6, "import:x=1\nfirst=2": 7, "p" * 101: 8, "short": 10**10}
    stamps.costs.update(costs)
    for name in ("site", "begun", "ready", "given", "given"):
        stamps.take(name)
    stamps.tell()
    stamps.tell()  # nothing new: no second line
    bill = account.bill()
    assert bill.kind == FINE
    assert dict(bill.imports)["short"] == 10**10
    assert len(bill.imports) == 25
    assert sum(cost for _, cost in bill.imports) == sum(costs.values())
    assert 24 * 121 + 6 * 30 < 4096  # what is told above, at most: less than a pipe takes whole
    account.close()


def test_nobody_is_told_without_a_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for pipe in (None, str(tmp_path / "gone"), str(tmp_path)):
        if pipe is not None:
            monkeypatch.setenv("CGI_RUNNER_BILL", pipe)
        stamps = Stamps(first=1)
        stamps.take("site")
        stamps.tell()


@pytest.mark.parametrize(
    "told",
    [
        b"spawned=1", b"first", b"first=", b"first=-1", b"first=1.5", b"first=0x1", b"first=" + b"9" * 20, b"FIRST=1",
        b"first=1 first=2", b"first=1\nfirst=1", b"import:a=1 import:a=1", b"import:=1", b"import:a\x1b[2J=1",
        b"\xff\xfe=1", b"\0" * 100, b"A" * 60_000, "first=\u0661".encode(),
    ],
)  # fmt: skip
def test_what_a_program_must_not_tell(told: bytes) -> None:
    with pytest.raises(ValueError):
        understand(told + b"\n")


def account_of(told: bytes, log: list[str]) -> Account:
    """Make an account whose program tells this."""
    accounts: list[Account] = []
    account = Ledger(accounts.append, tells=lambda argv: True, log=log.append).open({})
    account.mark("spawn")
    pipe = account.variables(("program",))[b"CGI_RUNNER_BILL"]
    account.mark("spawned")
    descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, told)
    os.close(descriptor)
    for name in ("head", "output", "exited", "reaped"):
        account.mark(name)
    account.close()
    assert accounts == [account]
    return account


@pytest.mark.parametrize(
    "told",
    [
        b"rubbish\n",
        b"\x1b[31m\r\nfirst=1\n" * 100,
        b"first=1 site=2\n",  # long before the request
        b"first=%d\n" % 2**62,  # long after
        b"x" * 65_536,  # as much as the pipe takes, and no end
    ],
)
def test_rubbish_is_one_line_in_the_log_and_no_part_of_the_bill(told: bytes) -> None:
    log: list[str] = []
    account = account_of(told, log)
    assert account.fields()
    bill = account.bill()
    assert bill.kind == COARSE
    assert bill.unaccounted == 0
    assert len(log) == told.endswith(b"\n")
    assert all(re.fullmatch(r"bill: a program has told what cannot be: [ -~]{1,100}", line) for line in log)


def test_moments_out_of_order_are_rubbish() -> None:
    log: list[str] = []
    account = Ledger(tells=lambda argv: True, log=log.append).open({})
    account.mark("spawn")
    pipe = account.variables(())[b"CGI_RUNNER_BILL"]
    now = int(account.bill().whole)  # any call: time passes
    account.mark("spawned")
    early = time.monotonic_ns()
    late = time.monotonic_ns()
    descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, b"first=%d site=%d\n" % (late + 1, early))
    os.close(descriptor)
    assert account.bill().kind == COARSE
    assert len(log) == 1
    assert now >= 0
    account.close()


def test_an_account_that_comes_to_nothing_leaves_nothing() -> None:
    accounts: list[Account] = []
    account = Ledger(accounts.append, tells=lambda argv: True).open({})
    account.mark("spawn")
    assert Path(os.fsdecode(account.variables(())[b"CGI_RUNNER_BILL"])).is_fifo()
    account.close()  # the program could not be started
    assert accounts == []
    forgotten = Ledger(tells=lambda argv: True).open({})
    forgotten.variables(())
    del forgotten


def test_without_a_place_for_pipes_bills_are_coarse(programs: Path) -> None:
    log: list[str] = []
    ledger = Ledger(directory="/nowhere", tells=lambda argv: True, log=log.append)
    for _ in range(2):
        assert ledger.open({}).variables(()) == {}
    assert log == ["bill: programs cannot tell their part: [Errno 2] No such file or directory"]


# -- which programs can tell -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first_line", "fine"),
    [
        (f"#!{sys.executable}", True),
        (f"#! {sys.executable} ", True),
        ("#!/usr/bin/env python3", True),
        (f"#!{sys.executable} -I", False),
        ("#!/usr/bin/env python3 -I", False),
        ("#!/usr/bin/env -S python3", False),
        ("#!/bin/sh", False),
        ("#!/nowhere/python3", False),
        ("", False),
    ],
)
def test_which_programs_can_tell(programs: Path, first_line: str, fine: bool) -> None:
    put(programs, "program", f"{first_line}\n")
    file = str(programs / "program")
    path = str(Path(sys.executable).parent)
    link = programs / "bin" / "python3"
    link.parent.mkdir()
    choose = watched(each_request_runs([file], "program"), path)
    argv = choose({}).argv
    assert (START in argv) == fine
    assert argv[-1] == file
    if fine:
        assert list(argv[:-4]) == first_line[2:].split()
    else:
        assert argv == (file,)


def test_an_interpreter_that_is_named_for_an_ending() -> None:
    choose = watched(lambda _: Job((sys.executable, "/x/a.py"), "/x", "a"), "")
    assert choose({}).argv == (sys.executable, "-S", START, "program", "/x/a.py")
