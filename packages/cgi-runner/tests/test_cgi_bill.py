"""Bills of real programs: that the parts add up, and that a program is what it is without a bill."""

from __future__ import annotations

import io
import json
import re
import sys
import textwrap
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgi_bill_world import no_pipe_left, put
from cgi_runner.bill import Account, Bill, Ledger, Measured, MeasureError, Target, bill_cost, measure
from cgi_runner.bill_parts import COARSE, FINE, FORKED
from cgi_runner.bill_watch import application_command, watched
from cgi_runner.environment import own_variables
from cgi_runner.host import CgiApplication
from cgi_runner.job import each_request_runs
from cgi_runner.spawn import STRATEGIES
from gateway_runtime.testing import Server

EXAMPLES = Path(__file__).parents[1] / "examples"

APP = """
    import fractions

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield ",".join(sorted(name for name in __import__("os").environ if "BILL" in name)).encode()

    def slow(environ, start_response):
        __import__("time").sleep(0.02)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"at last"]

    def dies(environ, start_response):
        __import__("os")._exit(3)

    def breaks(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"half"
        __import__("os").kill(__import__("os").getpid(), 9)
"""


@pytest.fixture(autouse=True)
def _no_pipe_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_pipe_left(tmp_path, monkeypatch):
        yield


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Make a directory for programs."""
    (tmp_path / "programs").mkdir()
    return tmp_path / "programs"


def python_program(directory: Path, name: str, text: str) -> None:
    put(directory, name, f"#!{sys.executable}\n{textwrap.dedent(text)}")


def app_in(directory: Path) -> tuple[str, ...]:
    """Put the application above there; return the environment that finds it."""
    put(directory, "billed_app.py", APP)
    return (f"PYTHONPATH={directory}",)


TAKES_ITS_TIME = "#!/bin/sh\nsleep 0.02\nprintf 'Content-Type: text/plain\\n\\nat last'\n"
"""A busy machine, or a tracer, may take a while between the two clocks: what is measured must be long beside that."""


def adds_up(measured: Measured) -> bool:
    """Do the parts of the best sample explain all but two per cent of its whole, and never more than it?"""
    assert all(bill.unaccounted >= 0 for bill in measured.samples)
    return min(bill.unaccounted / bill.whole for bill in measured.samples) < 0.02


METRIC = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+;dur=[0-9]+\.[0-9]{3}"
"""server-timing-metric of W3C Server Timing section 3, with a token of RFC 9110 section 5.6.2."""


# -- real programs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spawn", [*STRATEGIES, "zygote"])
def test_every_strategy_bills_an_application(programs: Path, spawn: str) -> None:
    measured = measure("billed_app:slow", spawn=spawn, requests=4, environment=app_in(programs))
    assert measured.kind == (FORKED if spawn == "zygote" else FINE)
    assert adds_up(measured)
    own = {"wait", "spawn", "handler", "output", "exit", "reap", "app start"}
    assert own <= set(measured.parts)
    for part in ("site", "imports"):
        assert all((cost > 0) == (spawn != "zygote") for cost in measured.costs(part))
    # On a busy machine the host may learn of the start only when the interpreter stands: then the spawn has all of it.
    started = list(zip(measured.costs("spawn"), measured.costs("interpreter start"), strict=True))
    assert all(spawning > 0 for spawning, _ in started)
    assert any(cost > 0 for _, cost in started) == (spawn != "zygote")
    costs = dict(measured.imports())
    assert ("fractions" in costs) == (spawn != "zygote")
    assert "billed_app" not in costs
    assert "decimal" not in costs  # whoever imports it first pays for it: fractions
    assert sum(costs.values()) <= measured.whole


@pytest.mark.parametrize("spawn", [*STRATEGIES, "zygote"])
def test_every_strategy_bills_a_program_in_another_language(programs: Path, spawn: str) -> None:
    put(programs, "slow", TAKES_ITS_TIME)
    measured = measure(directory=programs, path="/slow", spawn=spawn, requests=4)
    assert measured.kind == COARSE
    assert adds_up(measured)
    assert {"wait", "spawn", "program", "reap"} <= set(measured.parts)
    assert measured.imports() == []


@pytest.mark.parametrize("spawn", ["posix-spawn", "zygote"])
def test_a_python_program_in_a_directory(programs: Path, spawn: str) -> None:
    python_program(
        programs,
        "hello",
        """
        import fractions, time
        time.sleep(0.02)
        print("Content-Type: text/plain")
        print()
        print("hello")
        """,
    )
    measured = measure(directory=programs, path="/hello", spawn=spawn, requests=2)
    assert measured.kind == (FORKED if spawn == "zygote" else FINE)
    assert adds_up(measured)
    assert {"wait", "spawn", "handler", "output", "exit", "reap"} <= set(measured.parts)
    assert "program" not in measured.parts
    assert "fractions" in dict(measured.imports())  # the zygote of a directory has imported nothing for its programs
    assert min(measured.costs("imports")) > 0


def test_a_program_of_three_lines(programs: Path) -> None:
    app_in(programs)
    python_program(
        programs,
        "three",
        """
        from cgi_runner.child import run
        from billed_app import app; run(app)
        """,
    )
    measured = measure(directory=programs, path="/three", requests=2)
    assert measured.kind == FINE
    assert {"app start", "handler"} <= set(measured.parts)
    assert {"cgi_runner", "billed_app"} <= set(dict(measured.imports()))


def test_the_demo_app() -> None:
    measured = measure("demo_app:app", path="/hello", requests=2)
    assert measured.kind == FINE
    assert adds_up(measured)
    assert {"jinja2", "markdown", "multipart", "cgi_runner"} <= set(dict(measured.imports())) | {"multipart"}
    assert measured.median("imports") > measured.median("handler")


def test_a_local_redirect_has_one_bill(programs: Path) -> None:
    put(programs, "from", "#!/bin/sh\nsleep 0.02\nprintf 'Location: /to\\n\\n'\n")
    put(programs, "to", TAKES_ITS_TIME)
    measured = measure(directory=programs, path="/from", requests=3)
    assert adds_up(measured)
    # Both. A program is already at work when its start returns, so a part of each sleep may fall into the spawn.
    both = zip(measured.costs("spawn"), measured.costs("program"), strict=True)
    assert min(spawn + program for spawn, program in both) > 40_000_000


# -- a billed program is as it would be without a bill ---------------------------------------------------------------


def answer(command: tuple[str, ...], environment: dict[bytes, bytes], ledger: Ledger | None = None) -> bytes:
    """Run a command as a CGI program; return what it answers."""
    bill = {} if ledger is None else {"bill": ledger}
    host = CgiApplication(each_request_runs(command, "it", "/"), own=environment, log=lambda line: None, **bill)
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": ""}
    environ["wsgi.input"] = io.BytesIO()
    answers = host(environ, lambda status, fields, exc_info=None: lambda data: None)
    try:
        return b"".join(answers)
    finally:
        if hasattr(answers, "close"):
            answers.close()


LOOK = """
import json, os, sys

def look():
    flags = {name: getattr(sys.flags, name) for name in dir(sys.flags) if name.islower() and name[0] != "_"}
    flags.pop("no_site")
    main = sys.modules["__main__"]
    with os.popen("env") as pipe:  # closed, or its end would sometimes be a warning, and leave traces here
        putenv = sorted(pipe.read().splitlines())
    return json.dumps({
        "argv": sys.argv, "path": sys.path, "prefix": sys.prefix, "name": main.__name__,
        "flags": {name: value for name, value in flags.items() if not callable(value)},
        "environ": sorted(os.environ), "putenv": putenv,
        "finders": [str(finder).partition(" object at ")[0] for finder in sys.meta_path],
        "loader": type(main.__loader__).__name__,
        "fds": sorted(os.listdir("/dev/fd")), "stdout": repr(sys.stdout), "limit": sys.getrecursionlimit(),
        "user": str(__import__("site").ENABLE_USER_SITE), "exit": __import__("builtins").exit.__class__.__name__,
        "special": sorted(vars(main)) if main.__name__ == "__main__" and hasattr(main, "__file__") else None,
    }, sort_keys=True)
"""


def test_an_application_finds_all_as_without_a_bill(programs: Path) -> None:
    put(
        programs,
        "looking.py",
        LOOK
        + textwrap.dedent("""
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [look().encode()]
        """),
    )
    from cgi_runner.plan import child_command

    own = own_variables((f"PYTHONPATH={programs}",))
    plain = json.loads(answer(child_command("looking:app"), own))
    billed = json.loads(answer(application_command("looking:app"), own, Ledger()))
    for found in (plain, billed):
        del found["loader"], found["special"]  # of `-c`, and of a file
    assert billed == plain
    assert not any("BILL" in variable for variable in billed["environ"] + billed["putenv"])


def test_a_program_finds_all_as_without_a_bill(programs: Path) -> None:
    python_program(programs, "look", LOOK + "print('Content-Type: text/plain\\n')\nprint(look())\n")
    own = own_variables(())
    file = str(programs / "look")
    plain = json.loads(answer((file,), own))
    billed = json.loads(answer(watched(each_request_runs([file], "look"), "")({}).argv, own, Ledger()))
    assert billed.pop("finders")[1:] == plain.pop("finders")  # while it runs, its imports are looked at
    assert billed == plain


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("raise SystemExit(3)", "exit status 3"),
        ("1 / 0", "exit status 1"),
        ("import os; os._exit(4)", "exit status 4"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("def", "exit status 1"),
        ("import sys; sys.stdout.close()", None),
        ("import os; print(); os.close(1)", "exit status 120"),
    ],
)
def test_a_program_that_fails_fails_in_the_same_way(programs: Path, text: str, status: str | None) -> None:
    python_program(programs, "fails", f"print('Content-Type: text/plain\\n\\n', flush=True)\n{text}\n")
    lines: dict[bool, list[str]] = {}
    choose = each_request_runs([str(programs / "fails")], "fails")
    for fine in (False, True):
        log: list[str] = []
        host = CgiApplication(
            watched(choose, "") if fine else choose, own=own_variables(()), log=log.append, bill=Ledger(log=log.append)
        )
        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()}
        answers = host(environ, lambda status, fields, exc_info=None: lambda data: None)
        try:
            list(answers)
        except Exception as error:
            log.append(type(error).__name__)
        finally:
            if hasattr(answers, "close"):
                answers.close()
        lines[fine] = [re.sub(r"\[\d+\]", "", line) for line in log]
    assert lines[True] == lines[False]
    assert (f"fails: {status}" in lines[True]) == (status is not None)


def test_an_archive_is_run_by_python_itself(programs: Path) -> None:
    import zipapp

    (programs / "tree").mkdir()
    (programs / "tree" / "__main__.py").write_text("print('Content-Type: text/plain\\n\\nfrom an archive')\n")
    zipapp.create_archive(programs / "tree", programs / "archive", interpreter=sys.executable)
    measured = measure(directory=programs, path="/archive", requests=1)
    assert measured.kind == COARSE


@pytest.mark.parametrize(("app", "log_has"), [("dies", "exit status 3"), ("breaks", "SIGKILL")])
def test_a_child_that_dies_has_a_bill_of_what_is_known(programs: Path, app: str, log_has: str) -> None:
    log: list[str] = []
    accounts: list[Account] = []
    ledger = Ledger(accounts.append, log=log.append)
    host = CgiApplication(
        each_request_runs(application_command(f"billed_app:{app}"), "it", "/"),
        own=own_variables(app_in(programs)), log=log.append, bill=ledger,
    )  # fmt: skip
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()}
    answers = host(environ, lambda status, fields, exc_info=None: lambda data: None)
    try:
        list(answers)
    except Exception as error:
        log.append(str(error))
    finally:
        if hasattr(answers, "close"):
            answers.close()
    (account,) = accounts
    bill = account.bill()
    assert bill.unaccounted == 0
    assert bill.kind == (COARSE if app == "dies" else FINE)
    assert any(log_has in line for line in log)


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ('echo rubbish > "$CGI_RUNNER_BILL"', 1),
        ('printf "first=1 site=2\\n\\033[2J\\n\\n" > "$CGI_RUNNER_BILL"', 1),
        ('rm "$CGI_RUNNER_BILL"', 0),
        ('rm "$CGI_RUNNER_BILL"; echo gone > "$CGI_RUNNER_BILL"', 0),
        ('cat < /dev/null > "$CGI_RUNNER_BILL"', 0),
        ('head -c 60000 /dev/zero > "$CGI_RUNNER_BILL"', 0),  # never a whole line
    ],
)
def test_a_hostile_program_spoils_its_own_bill_only(programs: Path, script: str, lines: int) -> None:
    put(programs, "hostile", f"#!/bin/sh\n{script}\necho 'Content-Type: text/plain'\necho\necho hello\n")
    log: list[str] = []
    accounts: list[Account] = []
    ledger = Ledger(accounts.append, tells=lambda argv: True, log=log.append)
    assert answer((str(programs / "hostile"),), own_variables(()), ledger) == b"hello\n"
    (account,) = accounts
    assert account.bill().kind == COARSE
    assert account.bill().unaccounted == 0
    assert len(log) == lines
    assert all(line.isprintable() for line in log)


def test_two_requests_at_once_do_not_mix(programs: Path) -> None:
    python_program(programs, "json", "import fractions\nprint('Content-Type: a/b\\n')")
    python_program(programs, "html", "import zipfile\nprint('Content-Type: a/b\\n')")
    found: dict[str, list[set[str]]] = {"json": [], "html": []}

    def work(name: str) -> None:
        measured = measure(directory=programs, path=f"/{name}", requests=4)
        found[name] += [{package for package, _ in bill.imports} for bill in measured.samples]

    threads = [threading.Thread(target=work, args=(name,)) for name in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("fractions" in packages and "zipfile" not in packages for packages in found["json"])
    assert all("zipfile" in packages and "fractions" not in packages for packages in found["html"])
    assert [len(each) for each in found.values()] == [4, 4]


def test_server_timing_on_a_response(programs: Path) -> None:
    fields: list[tuple[str, str]] = []
    host = CgiApplication(
        each_request_runs(application_command("billed_app:app"), "it", "/"),
        own=own_variables(app_in(programs)), bill=Ledger(),
    )  # fmt: skip
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()}

    def start_response(status: str, given: list[tuple[str, str]], exc_info: object = None) -> Any:
        fields.extend(given)
        return lambda data: None

    answers = host(environ, start_response)
    list(answers)
    if hasattr(answers, "close"):
        answers.close()
    (timing,) = [value for name, value in fields if name == "Server-Timing"]
    assert re.fullmatch(rf"{METRIC}(?:, {METRIC})*", timing)
    names = [metric.partition(";")[0] for metric in timing.split(", ")]
    assert names[:7] == ["wait", "spawn", "interpreter-start", "site", "bill", "imports", "app-start"]
    assert "handler" in names
    assert names[-1] == "total"


# -- measuring -------------------------------------------------------------------------------------------------------


def test_a_path_that_does_not_exist() -> None:
    with pytest.raises(MeasureError, match=r"/nix is answered with 404 Not Found: There is no program of this name\."):
        measure(directory=EXAMPLES, path="/nix")


@pytest.mark.parametrize("more", [{}, {"app": "a:b", "directory": "."}, {"app": "a:b", "spawn": "magic"}])
def test_what_cannot_be_measured(more: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        measure(**more)  # type: ignore[arg-type]  # on purpose


def test_medians_and_spread() -> None:
    bills = [Bill(FINE, (("spawn", cost), ("exit", 1)), cost + 2, (("a", cost),)) for cost in (5, 1, 3)]
    measured = Measured(Target(app="a:b"), tuple(bills))
    assert measured.parts == ("spawn", "exit")
    assert (measured.whole, measured.unaccounted, measured.median("spawn")) == (5, 1, 3)
    assert measured.costs("spawn") == [5, 1, 3]
    assert measured.imports() == [("a", 3)]
    missing = replace(measured, samples=(*bills, Bill(COARSE, (("program", 9),), 9)))
    assert missing.costs("program") == [0, 0, 0, 9]


def test_what_a_bill_costs() -> None:
    cost = bill_cost(Target(directory=str(EXAMPLES), path="/hello.sh"), pairs=3)
    assert cost.low <= cost.ratio <= cost.high
    assert cost.pairs == 3
    with pytest.raises(MeasureError, match="404"):
        bill_cost(Target(directory=str(EXAMPLES), path="/nix"), pairs=1)
    with pytest.raises(ValueError, match="zygote"):
        bill_cost(Target(app="a:b", spawn="zygote"))


def test_a_server_tells_in_its_responses(programs: Path) -> None:
    options = ["--app", "billed_app:app", "--env", *app_in(programs)]
    for more, told in (["--server-timing"], True), ([], False):
        server = Server("cgi_runner", *options, *more, "--bind", "127.0.0.1:0")
        with server, urllib.request.urlopen(server.url, timeout=20) as response:
            field = response.headers["Server-Timing"]
            assert response.read() == b""  # names of variables with BILL in them
        assert (field is not None and "imports;dur=" in field) == told
