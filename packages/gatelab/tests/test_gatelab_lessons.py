"""`gatelab doctor` and `gatelab learn`: with the lessons, without them, and at no cost to the other commands."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gatelab.__main__ import app
from gatelab.errors import Absent, GatelabError
from gatelab.lessons import GATEWAYS, PROGRAMS

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("LESSON_KIT_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def test_a_machine_that_is_well():
    done = run("doctor")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line.split(":")[0] for line in lines[:6]] == [
        "✓ Python", "✓ Packages", "✓ Sockets", "✓ Answers", "✓ Load", "✓ Gateways",
    ]  # fmt: skip
    assert all(f"{name} 0." in lines[5] for name in GATEWAYS)
    assert all(program.use in done.output for program in PROGRAMS)


def test_what_is_in_the_way_is_said_and_is_the_exit_code(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    done = run("doctor")
    assert done.exit_code == 1
    assert "! Answers: " in done.output
    assert "set LESSON_KIT_HOME" in done.output


def test_a_busy_machine_is_in_nobodys_way(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    done = run("doctor")
    assert done.exit_code == 0
    assert "This machine is busy" in done.output


def test_a_program_that_is_absent_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("gateway_bench.servers.presence.find_program", lambda _: None)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert "apt install nginx-light" in run("doctor").output
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert "apt install" not in run("doctor").output


def test_the_programs_are_those_of_the_jobs():
    (table,) = [
        ast.literal_eval(node.value) for node in ast.parse((ROOT / "noxfile.py").read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PROGRAMS"
    ]  # fmt: skip
    assert {program.names: program.package for program in PROGRAMS}.keys() <= table.keys()
    assert all(program.package in table[program.names].split() for program in PROGRAMS)


@pytest.mark.parametrize("options", [[], ["--no-browser"]])
def test_learn_opens_the_lessons(options, monkeypatch, tmp_path):
    opened = []
    (tmp_path / "00-first.md").write_text("")
    monkeypatch.setenv("LESSON_KIT_LESSONS", str(tmp_path))
    monkeypatch.setattr(
        "lesson_kit.notebooks.opening.open_lab", lambda folder, *, browser: opened.append((folder, browser))
    )
    assert run("learn", *options).exit_code == 0
    assert opened == [(tmp_path, not options)]


def test_without_their_texts_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.delenv("LESSON_KIT_LESSONS", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GatelabError, match="set LESSON_KIT_LESSONS"):
        app(["learn"], standalone_mode=False)


@pytest.mark.parametrize(
    ("command", "module"),
    [("doctor", "lesson_kit.doctor"), ("learn", "lesson_kit.notebooks.opening"), ("who", "gateway_lab.errors")],
)
def test_without_the_lessons_there_is_a_sentence(command, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Absent, match=r"pip install 'gatelab\[lessons\]'"):
        app([command], standalone_mode=False)


def test_nobody_else_waits_for_what_the_lessons_import():
    heavy = {"lesson_kit", "matplotlib", "IPython", "gateway_bench"}
    code = f"import gatelab.__main__, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "set()\n"
