"""The common command line: what it reads, and one sentence for what it cannot. No process is forked here."""

from __future__ import annotations

import ipaddress
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from gateway_runtime import cli, events, log
from gateway_runtime.addresses import Address
from gateway_runtime.cli import main
from gateway_runtime.engine import Limits
from gateway_runtime.errors import StartupError
from gateway_runtime.lifetime import Bound, Lifetime
from gateway_runtime.pool import Kind, Pool
from gateway_runtime.settings import Gateway, Settings
from gateway_runtime.signals import HELD


def gateway(**changes):
    values = {
        "program": "prog", "protocol": "Lines", "scheme": "lines", "description": "A test.",
        "sessions": lambda application, settings, address: None, "default_bind": "127.0.0.1:0",
    }  # fmt: skip
    return Gateway(**(values | changes))


class NoMaster:
    """Takes the master's place, and keeps what it was given."""

    made = None

    def __init__(self, gateway, settings, sockets, load, prepare, inheritance):
        type(self).made = self
        self.sockets, self.load, self.prepare, self.settings = sockets, load, prepare, settings
        assert inheritance is None
        self.names = (gateway.program, gateway.scheme)

    def run(self):
        self.blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        for listener in self.sockets:
            listener.close()
        return 0


@pytest.fixture(autouse=True)
def world(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "Master", NoMaster)
    monkeypatch.setattr(log, "_name", "gateway")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def settings(*arguments, **changes):
    """Return the settings that a command line comes to."""
    assert main(gateway(**changes), ["m:app", *arguments]) == 0
    return NoMaster.made.settings


def test_what_nobody_says():
    assert settings() == Settings(backlog=1024)
    assert settings().bind == ()
    assert NoMaster.made.sockets.serving[0].address.host == "127.0.0.1"
    assert settings(default_threads=4).threads == 4


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--workers", "3"], "workers", 3),
        (["--workers", "1024"], "workers", 1024),
        (["--workers", "3"], "pool", Pool(Kind.STATIC, 3, 3, 3)),
        (["--manager", "static"], "pool", Pool(Kind.STATIC, 1, 1, 1)),
        (["--manager", "dynamic"], "pool", Pool(Kind.DYNAMIC, 1, 1, 1, 1, 3)),
        (["--manager", "dynamic", "--workers", "4"], "pool", Pool(Kind.DYNAMIC, 4, 1, 4, 1, 3)),
        (
            ["--manager", "dynamic", "--workers", "4", "--min-workers", "2", "--max-workers", "8", "--spare", "2:5"],
            "pool",
            Pool(Kind.DYNAMIC, 4, 2, 8, 2, 5),
        ),
        (["--manager", "ondemand"], "pool", Pool(Kind.ONDEMAND, 0, 0, 1, idle_timeout=10)),
        (["--manager", "ondemand", "--workers", "4"], "pool", Pool(Kind.ONDEMAND, 0, 0, 4, idle_timeout=10)),
        (
            ["--manager", "ondemand", "--max-workers", "7", "--idle-worker-timeout", "0.5"],
            "pool",
            Pool(Kind.ONDEMAND, 0, 0, 7, idle_timeout=0.5),
        ),
        (["--max-requests", "1000"], "lifetime", Lifetime(requests=Bound(1000))),
        (["--max-requests", "1000:50"], "lifetime", Lifetime(requests=Bound(1000, 50))),
        (["--max-age", "3600:60.5"], "lifetime", Lifetime(age=Bound(3600, 60.5))),
        (["--max-rss", "200M:10M"], "lifetime", Lifetime(rss=Bound(200 << 20, 10 << 20))),
        (["--max-rss", "0"], "lifetime", Lifetime()),
        (["--request-timeout", "30"], "request_timeout", 30),
        (["--slow-log", "0.5"], "slow_log", 0.5),
        (["--preload"], "preload", True),
        (["--pid-file", "x.pid"], "pid_file", "x.pid"),
        (["--threads", "2"], "threads", 2),
        (["--backlog", "7"], "backlog", 7),
        (["--bind", "unix:x", "--bind", ":0"], "bind", (Address(path="x"), Address(host="0.0.0.0", port=0))),
        (["--idle-timeout", "0"], "limits", Limits(idle=0)),
        (["--head-timeout", "1.5"], "limits", Limits(head=1.5)),
        (["--body-timeout", "2"], "limits", Limits(body=2)),
        (["--send-timeout", "3"], "limits", Limits(send=3)),
        (["--grace-timeout", "86400"], "limits", Limits(grace=86400)),
        (["--max-connections", "5"], "limits", Limits(connections=5)),
        (["--max-body", "0"], "max_body", 0),
        (["--max-body", "10K"], "max_body", 10 << 10),
        (["--max-body", "2M"], "max_body", 2 << 20),
        (["--max-body", "1G"], "max_body", 1 << 30),
        (["--mount", "/"], "mount", ""),
        (["--mount", ""], "mount", ""),
        (["--mount", "/app/"], "mount", "/app"),
    ],
)
def test_what_can_be_said(arguments, name, value):
    assert getattr(settings(*arguments), name) == value


def test_auto_is_a_worker_for_each_core():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert settings("--workers", "auto").workers == cores


def test_who_may_connect():
    found = settings("--allow-from", "10.0.0.0/8", "--allow-from", "2001:db8::/32", guarded=True)
    assert found.allow_from == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))
    for ip, allowed in [
        ("10.1.2.3", True), ("2001:db8::1", True), ("127.0.0.1", True), ("::1", True), ("11.1.2.3", False),
        ("2001:db9::1", False), ("::ffff:11.0.0.1", False), ("fe80::1%eth0", False),
    ]:  # fmt: skip
        assert found.allowed(ip) is allowed


@pytest.mark.parametrize(
    ("workers", "threads", "multiprocess", "multithread"),
    [(1, 1, False, False), (2, 1, True, False), (1, 2, False, True)],
)
def test_what_the_environ_is_told(workers, threads, multiprocess, multithread):
    found = settings("--workers", str(workers), "--threads", str(threads))
    assert (found.multiprocess, found.multithread) == (multiprocess, multithread)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: MODULE:APP"),
        (["m:app", "--nope"], "unrecognized arguments: --nope"),
        (["m:app", "more"], "unrecognized arguments: more"),
        (["m:app", "--bind"], "argument --bind: expected one argument"),
        (["m:app", "--workers", "0"], "argument --workers: '0' is not a number from 1 to 1024"),
        (["m:app", "--workers", "1025"], "argument --workers: '1025' is not a number from 1 to 1024"),
        (["m:app", "--workers", "many"], "argument --workers: 'many' is not a number from 1 to 1024"),
        (["m:app", "--threads", "-1"], "argument --threads: '-1' is not a number from 1 to 1024"),
        (["m:app", "--threads", "1.5"], "argument --threads: '1.5' is not a number from 1 to 1024"),
        (["m:app", "--backlog", "x"], "argument --backlog: 'x' is not a number from 1 to 1024"),
        (["m:app", "--idle-timeout", "nan"], "argument --idle-timeout: 'nan' is not a number of seconds"),
        (["m:app", "--head-timeout", "inf"], "argument --head-timeout: 'inf' is not a number of seconds"),
        (["m:app", "--body-timeout", "-1"], "argument --body-timeout: '-1' is not a number of seconds"),
        (["m:app", "--send-timeout", "soon"], "argument --send-timeout: 'soon' is not a number of seconds"),
        (["m:app", "--max-body", "1T"], "argument --max-body: '1T' is not a number of bytes, such as 1000000, 200M or"),
        (["m:app", "--max-body", "M"], "argument --max-body: 'M' is not a number of bytes"),
        (["m:app", "--max-body", ""], "argument --max-body: '' is not a number of bytes"),
        (["m:app", "--max-body", "\u0661"], "argument --max-body: '\u0661' is not a number of bytes"),
        (["m:app", "--manager", "prefork"], "argument --manager: invalid choice: 'prefork'"),
        (["m:app", "--min-workers", "0"], "argument --min-workers: '0' is not a number from 1 to 1024"),
        (["m:app", "--max-workers", "many"], "argument --max-workers: 'many' is not a number from 1 to 1024"),
        (["m:app", "--spare", "2"], "argument --spare: '2' is not MIN:MAX, such as 1:3"),
        (["m:app", "--spare", "0:1"], "argument --spare: '0' is not a number from 1 to 1024"),
        (["m:app", "--spare", "3:2"], "argument --spare: '3:2' is not MIN:MAX, such as 1:3"),
        (["m:app", "--idle-worker-timeout", "0"], "argument --idle-worker-timeout: '0' is not a number of seconds"),
        (["m:app", "--max-requests", "-1"], "argument --max-requests: '-1' is not a number from 0 to 1000000000"),
        (["m:app", "--max-requests", "5:"], "argument --max-requests: '' is not a number from 0 to 1000000000"),
        (["m:app", "--max-requests", "1:2:3"], "argument --max-requests: '2:3' is not a number from 0 to 1000000000"),
        (["m:app", "--max-age", "week"], "argument --max-age: 'week' is not a number of seconds"),
        (["m:app", "--max-rss", "200MB"], "argument --max-rss: '200MB' is not a number of bytes"),
        (["m:app", "--max-rss", "1G:x"], "argument --max-rss: 'x' is not a number of bytes"),
        (["m:app", "--request-timeout", "-1"], "argument --request-timeout: '-1' is not a number of seconds"),
        (["m:app", "--slow-log", "x"], "argument --slow-log: 'x' is not a number of seconds"),
        (["m:app", "--max-body", "-1"], "argument --max-body: '-1' is not a number of bytes"),
        (["m:app", "--max-connections", "0"], "argument --max-connections: '0' is not a number from 1 to 1000000"),
        (["m:app", "--mount", "app"], "argument --mount: 'app' does not begin with a slash"),
        (["m:app", "--allow-from", "all"], "argument --allow-from: 'all' is not a network such as 10.0.0.0/8"),
        (["m:app", "--allow-from", "10.0.0.1/8"], "argument --allow-from: '10.0.0.1/8' is not a network such as"),
    ],
)
def test_a_command_line_that_makes_no_sense(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as caught:
        main(gateway(guarded=True), arguments)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"prog: {sentence}")
    assert said.endswith("(--help lists what there is)\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bind", "nowhere"], "'nowhere' is not an address: write HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N"),
        (["--bind", "fd:9999"], "cannot listen on fd:9999: Bad file descriptor"),
        (["--bind", "192.0.2.1:0"], f"cannot listen on 192.0.2.1:0: {os.strerror(99)}"),
        (["--bind", "unix:x", "--bind", "unix:y/z"], "cannot listen on unix:y/z: No such file or directory"),
        (["--events", "x"], "nobody listens for events at x: No such file or directory"),
        (["--events", "x", "--event-kinds", "all"], "--event-kinds knows spawn, ready, begin, end, exit, not all"),
        (["--min-workers", "1"], "--min-workers is for --manager dynamic, not for static"),
        (["--max-workers", "9"], "--max-workers is for --manager dynamic or ondemand, not for static"),
        (["--spare", "1:2"], "--spare is for --manager dynamic, not for static"),
        (["--idle-worker-timeout", "1"], "--idle-worker-timeout is for --manager ondemand, not for static"),
        (["--manager", "ondemand", "--spare", "1:2"], "--spare is for --manager dynamic, not for ondemand"),
        (
            ["--manager", "dynamic", "--idle-worker-timeout", "1"],
            "--idle-worker-timeout is for --manager ondemand, not for dynamic",
        ),
        (
            ["--manager", "dynamic", "--min-workers", "2"],
            "--workers 1 is not between --min-workers 2 and --max-workers 1",
        ),
        (
            ["--manager", "dynamic", "--workers", "3", "--max-workers", "2"],
            "--workers 3 is not between --min-workers 1 and --max-workers 2",
        ),
        (
            ["--manager", "dynamic", "--workers", "3", "--spare", "4:5"],
            "--spare 4:5 asks for more idle workers than --max-workers 3",
        ),
        (["--user", "no-such-user"], "there is no user 'no-such-user'"),
        (["--user", "99999999"], "there is no user '99999999'"),
        (["--group", "no-such-group"], "there is no group 'no-such-group'"),
        (["--pid-file", "no/x.pid"], f"--pid-file {Path('no/x.pid')}: cannot write in no"),
        (["--log-file", "no/x.log"], "cannot write the log file no/x.log: No such file or directory"),
        (["--access-log", "no/x.log"], "cannot write the access log no/x.log: No such file or directory"),
    ],
)
def test_what_cannot_be(arguments, sentence, capsys):
    if "192.0.2.1:0" in arguments and os.strerror(99) != "Cannot assign requested address":
        pytest.skip("other systems have other numbers")
    NoMaster.made = None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert main(gateway(), ["m:app", *arguments]) == 2
    here = f"{Path.cwd()}/"
    assert capsys.readouterr().err.replace(here, "") == f"prog: {sentence}\n"
    assert NoMaster.made is None
    assert not Path("x").exists()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_a_check_comes_before_anything_is_bound(capsys):
    def check(arguments):
        assert arguments.application == "m:app"
        raise StartupError("not today")

    assert main(gateway(check=check), ["m:app", "--bind", "unix:x"]) == 2
    assert capsys.readouterr().err == "prog: not today\n"
    assert not Path("x").exists()


@pytest.mark.parametrize("bind", ["0.0.0.0:0", ":0", "fd"])
def test_a_protocol_that_trusts_its_peers(bind, capsys):
    with socket.create_server(("0.0.0.0", 0)) as given:
        if bind == "fd":
            bind = f"fd:{given.fileno()}"
        assert main(gateway(guarded=True), ["m:app", "--bind", "unix:x", "--bind", bind]) == 2
        said = capsys.readouterr().err
        assert re.fullmatch(
            r"prog: 0\.0\.0\.0:[0-9]+ can be reached from other machines, and Lines trusts whoever connects: "
            r"say who may, with --allow-from CIDR\n",
            said,
        )
        assert not Path("x").exists()
        assert main(gateway(guarded=True), ["m:app", "--bind", bind, "--allow-from", "192.0.2.0/24"]) == 0
        assert main(gateway(), ["m:app", "--bind", bind]) == 0


def test_a_protocol_that_trusts_nobody_has_no_list(capsys):
    with pytest.raises(SystemExit):
        main(gateway(), ["m:app", "--allow-from", "10.0.0.0/8"])
    assert "unrecognized arguments" in capsys.readouterr().err


def test_the_application_is_loaded_by_the_workers():
    Path("loaded_by_cli.py").write_text("loaded = True\ndef app(environ, start_response): pass\n")
    seen = []

    def sessions(application, settings, address):
        seen.append((application.__name__, settings.workers, address.path))
        return "factory"

    assert main(gateway(sessions=sessions), ["loaded_by_cli:app", "--workers", "3", "--bind", "unix:x"]) == 0
    assert seen == []
    master = NoMaster.made
    assert master.names == ("prog", "lines")
    assert master.prepare() == [(master.sockets.serving[0], "factory")]
    assert seen == [("app", 3, "x")]


def test_a_gateway_may_have_arguments_and_an_application_of_its_own():
    def application(environ, start_response):
        pass

    seen = []
    own = gateway(
        sessions=lambda application, settings, address: seen.append(application),
        load=lambda arguments: application if arguments.folder == "f" else None,
        add_arguments=lambda parser: parser.add_argument("folder"),
    )
    assert main(own, ["f"]) == 0
    NoMaster.made.prepare()
    assert seen == [application]


def test_signals_wait_until_the_master_can_act():
    settings()
    assert NoMaster.made.blocked >= HELD


def test_events_are_configured(monkeypatch):
    told = []
    monkeypatch.setattr(events, "configure", lambda *arguments: told.append(arguments))
    settings("--events", "x", "--event-kinds", "spawn")
    settings("--event-kinds", "spawn")
    assert told == [("x", "spawn")]


def test_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(gateway(guarded=True), ["--help"])
    assert caught.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    for word in (
        "MODULE:APP",
        "--bind",
        "--allow-from",
        "--events",
        "spawn, ready, begin, end, exit",
        "HUP",
        "127.0.0.1:0",
    ):
        assert word in said
