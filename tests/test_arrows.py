"""The arrows of docs/architecture.md: who may import whom. Read from the source, so that nothing has to be imported."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / "packages"

GATEWAYS = {"cgi_runner", "fastcgi_server", "scgi_server", "uwsgi_gateway", "wsgi_server"}
BASE = {"gateway_core", "gateway_runtime"}
MAY_IMPORT = {
    "demo_app": set(),
    "gateway_core": set(),
    "gateway_runtime": set(),
    "asgi_server": BASE,
    "cgi_runner": BASE | {"wsgi_server"},
    "fastcgi_server": BASE,
    "scgi_server": BASE,
    "uwsgi_gateway": BASE,
    "wsgi_server": BASE,
    "http_front": BASE | GATEWAYS,
    "wire_inspector": {"gateway_core"} | GATEWAYS,
    "gateway_bench": BASE | GATEWAYS | {"http_front"},
    "gateway_conformance": BASE | GATEWAYS | {"http_front"},
    "gateway_lab": BASE | GATEWAYS | {"demo_app", "http_front"},
    "classroom_demo": BASE | GATEWAYS | {"demo_app", "gateway_lab", "wire_inspector"},
    "lesson_kit": BASE | GATEWAYS | {"demo_app", "http_front", "wire_inspector", "gateway_bench", "gateway_lab"},
    "gatelab": BASE
    | GATEWAYS
    | {
        "http_front",
        "wire_inspector",
        "gateway_bench",
        "gateway_conformance",
        "gateway_lab",
        "lesson_kit",
        "classroom_demo",
    },
}
SERVERS = GATEWAYS | BASE | {"asgi_server", "http_front"}
EXTRAS = {
    "bill_chart": {"matplotlib"},  # of cgi-runner[bill]; imported when somebody asks for a chart
    "frames": {"wsproto"},  # of asgi-server; imported when the first handshake is accepted
}
CODEC_NEVER = {"socket", "os", "time", "threading", "subprocess", "select", "selectors", "signal"}
CORE_NEVER = CODEC_NEVER | {"mmap", "logging"}
CORE_MAY = {"file_wrapper": {"os"}}  # how large a file is that the application hands over: only fstat can tell


def imports(path: Path) -> set[str]:
    """Return the top-level names that a module imports, those under TYPE_CHECKING and in functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def modules(name: str) -> list[Path]:
    found = sorted((PACKAGES / name.replace("_", "-") / "src" / name).rglob("*.py"))
    assert found, f"{name} has no modules"
    return found


def test_every_package_is_in_the_table() -> None:
    assert {path.parent.name.replace("-", "_") for path in PACKAGES.glob("*/pyproject.toml")} == set(MAY_IMPORT)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_arrows_point_down(name: str) -> None:
    ours = set(MAY_IMPORT) - {name}
    for path in modules(name):
        assert imports(path) & ours <= MAY_IMPORT[name], path


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_servers_need_the_standard_library_only(name: str) -> None:
    for path in modules(name):
        strangers = imports(path) - set(sys.stdlib_module_names) - set(MAY_IMPORT) - EXTRAS.get(path.stem, set())
        assert not strangers, path


@pytest.mark.parametrize("path", sorted(PACKAGES.glob("*/src/*/protocol.py")), ids=lambda path: path.parent.name)
def test_codecs_do_no_input_or_output(path: Path) -> None:
    assert not imports(path) & CODEC_NEVER


@pytest.mark.parametrize("path", modules("gateway_core"), ids=lambda path: path.stem)
def test_the_core_is_pure(path: Path) -> None:
    assert not imports(path) & CORE_NEVER - CORE_MAY.get(path.stem, set())


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_what_is_imported_is_declared(name: str) -> None:
    project = tomllib.loads((PACKAGES / name.replace("_", "-") / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [
        *project["dependencies"],
        *(one for more in project.get("optional-dependencies", {}).values() for one in more),
    ]
    declared = {requirement.split(">=")[0].split("[")[0] for requirement in needed}
    assert all(">=" in requirement for requirement in needed), "every dependency has a lower bound"
    used = {one for path in modules(name) for one in imports(path)} & (set(MAY_IMPORT) - {name})
    assert {one.replace("_", "-") for one in used} <= declared
