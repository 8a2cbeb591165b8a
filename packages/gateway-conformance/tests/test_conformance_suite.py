"""The suite itself: that its table is sound, that it can fail, and what its command line says."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_conformance import CASES, Case, Drive, Expected, Target, TargetError, Verdict, asgi_app, run, runner
from gateway_conformance.__main__ import main
from gateway_conformance.app import ROUTES
from gateway_conformance.case import SCHEMES
from gateway_conformance.cases_asgi import ASGI_CASES, OTHERWISE
from gateway_conformance.exchange import End, Seen
from gateway_conformance.outcome import judge
from gateway_conformance.wire import request_event

MUTANTS = Path(__file__).with_name("conformance_mutants.py")
ASGI_MUTANTS = Path(__file__).with_name("conformance_mutants_asgi.py")
APP = "gateway_conformance.app:app"
HTTP = (sys.executable, "-m", "wsgi_server", APP, "--bind", "127.0.0.1:0")


def test_names_are_unique():
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case_is_sound(case):
    assert case.proves
    assert all(re.fullmatch(r"(?:ASGI|CGI|HTTP|WSGI)-[0-9]+", item) for item in case.proves)
    assert set(case.without) < set(SCHEMES)
    assert all(len(reason) > 20 for reason in case.without.values())
    assert case.target.startswith("/")
    routes = asgi_app.ROUTES if case in ASGI_CASES else {*ROUTES, "no-such-route"}
    assert case.target[1:].partition("?")[0].partition("/")[0] in routes
    if case.expected.record is not None or case.drive is Drive.STEPWISE:
        assert "{record}" in case.target
    # What a client half cannot send would never be asked.
    for scheme in set(SCHEMES) - set(case.without):
        request_event(scheme, case, case.target, case.body, complete=True)


def test_every_route_is_used():
    used = {case.target[1:].partition("?")[0].partition("/")[0] for case in CASES}
    assert set(ROUTES) | set(asgi_app.ROUTES) <= used


def test_what_is_left_out_for_asgi_is_there():
    names = {case.name for case in CASES}
    assert set(OTHERWISE) <= names
    assert sum("asgi" not in case.without for case in CASES) > 100


@pytest.fixture()
def impatient(monkeypatch):
    """Do not wait long for what will not come."""
    monkeypatch.setattr(runner, "PATIENCE", 0.5)


FAULTS = [
    # a fault of conformance_mutants, cases that must fail for it, others that must not
    ("forget_close", ["close(): at the normal end", "close(): of a generator when the client leaves"], ["head: GET"]),
    ("close_twice", ["close(): at the normal end", "close(): for HEAD"], ["content: echo"]),
    ("hold_blocks_back", ["content: a block arrives before the next one is asked for"], ["content: generator"]),
    ("end_what_failed", ["raise: later", "raise: SystemExit later", "item: str later"], ["content: echo"]),
    ("show_tracebacks", ["raise: call", "close(): when the first block raises"], ["head: 404"]),
    ("send_anything", ["fields: hop-connection, told at once", "fields: length-twice, told at once"], ["head: GET"]),
    ("pass_the_proxy_on", ["environ: no HTTP_PROXY"], ["environ: keys and types"]),
    ("decode_twice", ["environ: path is decoded once, as latin-1"], ["environ: root application"]),
    ("share_the_environ", ["environ: fresh for each request", "environ: keys and types"], []),
    ("content_for_head", ["head: HEAD has the same fields and no content"], ["head: GET"]),
    ("empty_chunks", ["content: generator", "content: empty bytestrings are skipped"], []),
    (
        "trust_every_descriptor",
        ["file: whose descriptor leads to other bytes"],
        ["file: on the disk, from its position on"],
    ),
    ("send_files_from_the_start", ["file: on the disk, from its position on"], ["file: in memory"]),
    ("leave_files_open", ["file: close() at the end", "file: close() for HEAD"], ["file: in memory"]),
    ("believe_everybody", ["environ: the peer and the scheme"], ["environ: keys and types"]),
    ("look_at_the_iterable", ["content: nothing else of the iterable is looked at"], ["content: getitem"]),
]


@pytest.mark.parametrize(("fault", "failing", "passing"), FAULTS)
def test_the_suite_sees_faults(fault, failing, passing, impatient):
    command = (sys.executable, str(MUTANTS), fault, APP, "--bind", "127.0.0.1:0")
    cases = [
        replace(case, target=f"{case.target}&patience=0.5") if case.drive is Drive.STEPWISE else case
        for case in CASES
        if case.name in failing or case.name in passing
    ]
    outcomes = run(Target(command, "http"), cases)
    verdicts = {outcome.case.name: outcome.verdict for outcome in outcomes}
    assert verdicts == dict.fromkeys(failing, Verdict.FAIL) | dict.fromkeys(passing, Verdict.PASS)
    assert all(outcome.why for outcome in outcomes if outcome.verdict is Verdict.FAIL)


ASGI_FAULTS = [
    # a fault of conformance_mutants_asgi, cases that must fail for it, others that must not
    ("join_fields", ["asgi: scope: repeated fields stay apart, in order"], ["asgi: scope: keys and types"]),
    ("decode_twice", ["asgi: scope: path is decoded once, as UTF-8"], ["asgi: scope: query is not decoded"]),
    ("share_the_scope", ["asgi: scope: fresh for each request"], ["asgi: scope: keys and types"]),
    ("lose_the_state", ["asgi: scope: what the lifespan has kept"], ["asgi: scope: keys and types"]),
    ("tell_nobody", ["asgi: disconnect: told to who waits for it", "asgi: disconnect: told after the response"], []),
    ("send_to_nobody", ["asgi: disconnect: send raises an OSError"], ["asgi: content: pieces"]),
    ("end_with_an_empty_piece", ["asgi: content: empty pieces end nothing"], ["content: echo", "head: GET"]),
]


@pytest.mark.parametrize(("fault", "failing", "passing"), ASGI_FAULTS)
def test_the_suite_sees_faults_of_asgi(fault, failing, passing, impatient):
    app = "gateway_conformance.asgi_app:app"
    options = ("--bind", "127.0.0.1:0", "--grace-timeout", "0.1")
    command = (sys.executable, str(ASGI_MUTANTS), fault, app, *options)
    cases = [case for case in CASES if case.name in failing or case.name in passing]
    verdicts = {one.case.name: one.verdict for one in run(Target(command, "asgi"), cases)}
    assert verdicts == dict.fromkeys(failing, Verdict.FAIL) | dict.fromkeys(passing, Verdict.PASS)


OK = Seen(status=200, fields=[("X-A", "1"), ("x-a", "2"), ("ETag", "v")], body=b"body")
JUDGED = [
    # expected, drive, seen, a word of the fault ("" for none)
    (Expected(), Drive.WHOLE, OK, ""),
    (Expected(body=b"body", fields=(("etag", "v"),), absent=("server",), count={"x-a": 2}), Drive.WHOLE, OK, ""),
    (Expected(201), Drive.WHOLE, OK, "the status is 200, not 201"),
    (Expected(body=b"other"), Drive.WHOLE, OK, "the content is b'body', not b'other'"),
    (Expected(fields=(("etag", "w"),)), Drive.WHOLE, OK, "etag"),
    (Expected(fields=(("x-a", "1"),)), Drive.WHOLE, OK, "x-a"),
    (Expected(absent=("etag",)), Drive.WHOLE, OK, "etag"),
    (Expected(absent=("x-injected",)), Drive.WHOLE, Seen(status=200, fields=[("X", "a X-Injected")]), "x-injected"),
    (Expected(count={"x-a": 1}), Drive.WHOLE, OK, "2 lines"),
    (Expected(aborted=True), Drive.WHOLE, OK, "expected a cut connection"),
    (Expected(aborted=True), Drive.WHOLE, Seen(End.ABORTED), ""),
    (Expected(aborted=True), Drive.WHOLE, Seen(End.SILENT), "nothing came"),
    (Expected(aborted=True), Drive.WHOLE, Seen(End.BROKEN, why="no colon"), "breaks the protocol (no colon)"),
    (Expected(aborted=True, instead=(500,)), Drive.WHOLE, Seen(End.ABORTED), ""),
    (Expected(aborted=True, instead=(500,)), Drive.WHOLE, Seen(status=500), ""),
    (Expected(aborted=True, instead=(500,)), Drive.WHOLE, OK, "expected a cut connection"),
    (Expected(), Drive.WHOLE, Seen(End.ABORTED, 200, why="reset"), "the connection was cut (reset)"),
    (Expected(), Drive.WHOLE, Seen(End.SILENT), "nothing came"),
    (Expected(500), Drive.WHOLE, Seen(status=500, body=b"Traceback (most"), "inside"),
    (Expected(), Drive.LEAVE, Seen(End.LEFT, 200), ""),
    (Expected(), Drive.LEAVE, OK, "complete"),
    (Expected(), Drive.HALF, Seen(End.REFUSED), "accept"),
]


@pytest.mark.parametrize(("expected", "drive", "seen", "fault"), JUDGED)
def test_judge(expected, drive, seen, fault):
    found = judge(Case("name", ("WSGI-1",), "/", expected, drive=drive), seen)
    assert fault in found
    assert bool(found) is bool(fault)


def test_a_case_left_out_is_not_asked():
    case = Case(
        "never", ("WSGI-1",), "/hello", Expected(599), without={"http": "because this is a test of leaving out"}
    )
    (outcome,) = run(Target(HTTP, "http"), [case])
    assert (outcome.verdict, outcome.why) == (Verdict.LEFT_OUT, "because this is a test of leaving out")


WRONG = [
    (Target(("/no/such/program",), "http"), "cannot be started"),
    (Target((sys.executable, "-c", "raise SystemExit('no luck')"), "http"), "ended with code 1: no luck"),
    (Target((), "http"), "must be an address"),
    (Target((), "http", "nowhere"), "not an address"),
    (Target(HTTP, "gopher"), "not a scheme"),
]


@pytest.mark.parametrize(("target", "words"), WRONG)
def test_what_cannot_be_tested(target, words):
    with pytest.raises(TargetError, match=words):
        run(target, [])


def test_nobody_listens():
    (outcome,) = run(Target((), "http", "unix:/nowhere"), CASES[:1])
    assert outcome.verdict is Verdict.FAIL
    assert "does not accept a connection" in outcome.why


def test_command_line_passes(capsys, tmp_path):
    path = tmp_path / "socket"
    command = " ".join((*HTTP[:-1], f"unix:{path}"))
    assert main(["--scheme", "http", "--command", command, "--only", "HTTP-79"]) == 0
    assert re.fullmatch(r"pass  head: GET  HTTP-79 WSGI-1\n1 passed, 0 failed, 0 left out\n", capsys.readouterr().out)
    assert not path.exists()


def test_command_line_with_an_address(capsys, tmp_path):
    path = f"unix:{tmp_path / 'socket'}"
    command = " ".join((*HTTP[:-1], path))
    assert main(["--scheme", "http", "--command", command, "--address", path, "--only", "head: HEAD has"]) == 0
    capsys.readouterr()


def test_command_line_fails(capsys, impatient):
    command = f"{sys.executable} {MUTANTS} forget_close {APP} --bind 127.0.0.1:0"
    assert main(["--scheme", "http", "--command", command, "--only", "close(): for HEAD", "--failed"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAIL  close(): for HEAD  WSGI-62\n      the application noted [], not ['closed']\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--scheme", "http", "--command", "/no/such/program"],
            "gateway_conformance: /no/such/program cannot be started",
        ),
        (["--scheme", "http", "--command", "'"], "gateway_conformance: No closing quotation"),
    ],
)
def test_command_line_says_what_is_wrong(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--scheme", "gopher"], ["--scheme", "http", "--only", "no such case"]])
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_list(capsys):
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(CASES)
