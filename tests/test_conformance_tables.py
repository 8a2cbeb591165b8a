"""The tables in docs/conformance say what is kept and which test proves it: all IDs are there, all tests exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from gateway_conformance import CASES

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "conformance"
COLUMNS = ["ID", "what", "level", "state", "test", "note"]
STATES = {"kept", "refused", "left out"}
IDS = {
    "asgi.md": ("ASGI", 32),
    "cgi.md": ("CGI", 122),
    "fastcgi.md": ("FCGI", 95),
    "http11.md": ("HTTP", 119),
    "scgi.md": ("SCGI", 39),
    "uwsgi.md": ("UWSGI", 56),
    "wsgi.md": ("WSGI", 96),
}
"""Of each table: how its IDs begin, and the last one."""

FRONT = "## The front"
"""Where both sides of a protocol have a table, that of the web server is the last section, with an order of its own."""

TABLES = sorted(path.name for path in FOLDER.glob("*.md"))


def rows(table: str, part: int | None = None) -> list[list[str]]:
    """Return the cells of every row that begins with an ID, and of the heads above; `part`: 0 before FRONT, 2 after."""
    text = (FOLDER / table).read_text()
    lines = (text if part is None else text.partition(FRONT)[part]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0] == "ID" or re.match(r"[A-Z]+-\d", row[0])]


def entries(table: str) -> list[list[str]]:
    return [row for row in rows(table) if row[0] != "ID"]


@cache
def names(file: Path) -> set[str]:
    """Return the tests in a file: functions, and classes, which stand for all that they hold."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if name.lower().startswith("test")}


def test_every_table_is_known() -> None:
    assert set(TABLES) == set(IDS)


@pytest.mark.parametrize("table", TABLES)
def test_every_id_is_there_once_and_in_order(table: str) -> None:
    prefix, last = IDS[table]
    found: list[int] = []
    for part in (0, 2):
        numbers = [int(row[0].removeprefix(f"{prefix}-")) for row in rows(table, part) if row[0] != "ID"]
        assert numbers == sorted(numbers)
        found += numbers
    assert sorted(found) == list(range(1, last + 1))


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_complete(table: str) -> None:
    for row in rows(table):
        assert len(row) == len(COLUMNS), row
        if row[0] == "ID":
            assert row == COLUMNS
            continue
        _, what, level, state, test, note = row
        assert what
        assert re.match(r"(MUST|SHOULD|MAY)( NOT)?( \(.+\))?$", level), row
        assert state in STATES, row
        assert test.startswith("`"), row
        assert note.strip(" |") or state != "left out", f"{row[0]} is left out without a reason"


@pytest.mark.parametrize("table", TABLES)
def test_every_test_that_is_named_exists(table: str) -> None:
    missing = []
    for row in entries(table):
        for test in re.findall(r"`([^`]+)`", row[4]):
            file, _, name = test.partition("::")
            if not (ROOT / file).is_file() or name not in names(ROOT / file):
                missing.append(f"{row[0]}: {test}")
    assert missing == []


@pytest.mark.parametrize("table", TABLES)
def test_the_suite_is_named_where_it_has_cases_and_nowhere_else(table: str) -> None:
    prefix, _ = IDS[table]
    asked = {proved for case in CASES for proved in case.proves if proved.startswith(f"{prefix}-")}
    assert {row[0] for row in entries(table) if "test_conformance.py::test_case`" in row[4]} == asked
