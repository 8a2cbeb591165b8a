"""`python -m cgi_runner --bill`: the table, JSON, the chart, and what is said when there is nothing to show."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cgi_runner import bill_command
from cgi_runner.bill import Bill, Measured, Target
from cgi_runner.bill_parts import COARSE, FINE, FORKED, ORDER
from cgi_runner.bill_table import Style, style_for, table

EXAMPLES = str(Path(__file__).parents[1] / "examples")

NANOSECONDS = {"type": "number", "minimum": 0}
PARTS = {"type": "object", "propertyNames": {"enum": list(ORDER)}, "additionalProperties": NANOSECONDS}
COSTS = {"type": "object", "additionalProperties": NANOSECONDS}
BILL = {
    "type": "object",
    "required": ["kind", "whole_ns", "unaccounted_ns", "parts_ns", "imports_ns"],
    "additionalProperties": False,
    "properties": {
        "kind": {"enum": [FINE, FORKED, COARSE]},
        "whole_ns": NANOSECONDS,
        "unaccounted_ns": NANOSECONDS,
        "parts_ns": PARTS,
        "imports_ns": COSTS,
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["format", "machine", "measurements"],
    "additionalProperties": False,
    "properties": {
        "format": {"const": "cgi-runner-bill-1"},
        "machine": {
            "type": "object",
            "required": ["system", "release", "machine", "cores", "implementation", "python", "cgi_runner"],
            "additionalProperties": {"type": ["string", "integer", "null"]},
        },
        "measurements": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "app", "directory", "path", "spawn", "kind", "median", "samples"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "app": {"type": ["string", "null"]},
                    "directory": {"type": ["string", "null"]},
                    "path": {"type": "string"},
                    "spawn": {"type": "string"},
                    "kind": {"enum": [FINE, FORKED, COARSE]},
                    "median": {**BILL, "required": BILL["required"][1:]},  # type: ignore[index]
                    "samples": {"type": "array", "items": BILL},
                },
            },
        },
    },
}
"""What docs/how-to/cgi-bill.md says of the JSON."""


def bill(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "cgi_runner", "--bill", "--requests", "2", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, **more)


def made_up(kind: str = FINE, **parts: int) -> Measured:
    """Measure nothing."""
    costs = tuple((name.replace("_", " "), cost) for name, cost in parts.items())
    whole = sum(parts.values()) + 1
    return Measured(Target(app="a:b", path="/c"), (Bill(kind, costs, whole, (("jinja2", 2_000_000),)),))


# -- the command -----------------------------------------------------------------------------------------------------


def test_a_table_in_a_pipe_is_plain() -> None:
    done = bill(EXAMPLES, "--path", "/hello.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("/hello.sh\nposix-spawn, 2 requests")
    assert re.search(r"^  program +\d+\.\d{3} ms .* [█▏▎▍▌▋▊▉]+$", done.stdout, re.MULTILINE)
    assert re.search(r"^  whole +\d+\.\d{3} ms .* the parts explain \d+\.\d% of it$", done.stdout, re.MULTILINE)


def test_json_has_its_shape() -> None:
    done = bill(EXAMPLES, "--path", "/hello.sh", "--path", "/environment.sh", "--compare", "vfork", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert [(one["path"], one["spawn"]) for one in document["measurements"]] == [
        ("/hello.sh", "posix-spawn"),
        ("/hello.sh", "vfork"),
        ("/environment.sh", "posix-spawn"),
        ("/environment.sh", "vfork"),
    ]
    for one in document["measurements"]:
        assert len(one["samples"]) == 2
        for sample in one["samples"]:
            assert sample["whole_ns"] == sum(sample["parts_ns"].values()) + sample["unaccounted_ns"]


def test_charts_are_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = bill(EXAMPLES, "--path", "/hello.sh", "--compare", "fork-exec", "--chart", str(tmp_path / "bill.svg"))
    assert (done.returncode, done.stderr) == (0, "")
    root = ET.parse(tmp_path / "bill.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    from cgi_runner.bill_chart import save

    save([made_up(spawn=10**6, imports=10**7), made_up(FORKED, spawn=10**6)], tmp_path / "bill.png")
    png = (tmp_path / "bill.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert width > height > 100


def test_the_same_bills_give_the_same_chart(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from cgi_runner.bill_chart import save

    for name in ("one.svg", "two.svg"):
        save([made_up(spawn=10**6, site=10**6)], tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((EXAMPLES, "--path", "/nix"), 1, "cgi_runner: /nix is answered with 404 Not Found: There is no program of"),
        ((EXAMPLES, "--path", "/../x"), 1, "is answered with 400 Bad Request: "),
        (("--app", "no_such_module:app"), 1, "no_such_module:app / is answered with 500"),
        (("--app", "no_such_module:app", "--spawn", "zygote"), 2, "no_such_module"),
        (("/nowhere",), 2, "cgi_runner: /nowhere is not a directory"),
        ((), 2, "cgi_runner: say what to run"),
        ((EXAMPLES, "--app", "a:b"), 2, "cgi_runner: say what to run"),
        ((EXAMPLES, "--env", "HTTP_X=1"), 2, "HTTP_X"),
        ((EXAMPLES, "--path", "/hello.sh", "--chart", "/nowhere/x.svg"), 2, "cgi_runner: /nowhere is not a directory"),
        ((EXAMPLES, "--chart", "bill.gif"), 2, "'bill.gif' ends neither in .svg nor in .png"),
        ((EXAMPLES, "--requests", "0"), 2, "--requests"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], status: int, words: str) -> None:
    done = bill(*arguments)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == status


def test_a_chart_without_matplotlib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bill_command, "find_spec", lambda name: None)
    import argparse

    assert bill_command.run(argparse.Namespace(chart=Path("x.svg"))) == 2
    assert capsys.readouterr().err == (
        "cgi_runner: a chart is drawn by matplotlib, which is not installed: pip install 'cgi-runner[bill]'\n"
    )


# -- the table -------------------------------------------------------------------------------------------------------


def test_the_table() -> None:
    shown = table(made_up(spawn=1_000_000, imports=4_000_000, handler=0), Style(blocks=False, colour=False))
    assert shown.splitlines() == [
        "a:b /c",
        "posix-spawn, 1 request",
        "",
        "  spawn                 1.000 ms     1.00 -    1.00  20.0%  ########",
        "  imports               4.000 ms     4.00 -    4.00  80.0%  ################################",
        "    jinja2              2.000 ms",
        "  handler               0.000 ms     0.00 -    0.00   0.0%",
        "  whole                 5.000 ms     5.00 -    5.00         the parts explain 100.0% of it",
    ]


@pytest.mark.parametrize(("kind", "words"), [(COARSE, "does not tell its part"), (FORKED, "copy of an interpreter")])
def test_the_table_says_what_a_bill_cannot_have(kind: str, words: str) -> None:
    assert words in table(made_up(kind, spawn=5), Style(blocks=True, colour=False))


@pytest.mark.parametrize(
    ("share", "bar"), [(1, "█" * 32), (0.5, "█" * 16), (1 / 256, "▏"), (0.0001, "▏"), (9 / 256, "█▏"), (0, "")]
)
def test_bars(share: float, bar: str) -> None:
    assert Style(blocks=True, colour=False).bar(share, 31) == bar
    assert Style(blocks=True, colour=True).bar(share, 31) == (f"\x1b[31m{bar}\x1b[0m" if bar else "")
    assert set(Style(blocks=False, colour=False).bar(share, 31)) <= {"#"}


def test_colours_only_in_a_terminal() -> None:
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
            for environment, coloured in [
                ({"TERM": "xterm"}, True),
                ({"NO_COLOR": "1"}, False),
                ({"TERM": "dumb"}, False),
            ]:
                assert ("\x1b" in style_for(terminal, environment).bar(1, 31)) == coloured
            assert "\x1b" in style_for(terminal, {"NO_COLOR": ""}).bar(1, 31)  # empty is unset, says no-color.org
    finally:
        os.close(ours)
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert style_for(ascii_only, {}).bar(1, 31) == "#" * 32
