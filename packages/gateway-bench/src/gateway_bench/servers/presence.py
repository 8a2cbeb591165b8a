"""Is this gateway or peer installed, and in which version?

A distribution is asked for of the interpreter that would run it. A program is looked for on PATH and in `PLACES`; one
that has several names is written with all of them ("apache2|httpd").
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PLACES", "Presence", "find_program", "look_for", "look_for_programs"]

PLACES = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
    "/usr/share/tomcat10/bin",
    "/usr/share/tomcat11/bin",
    "/opt/homebrew/opt/tomcat/libexec/bin",
)
"""Where programs lie that systems keep out of the PATH of users."""

ASKS = {"catalina.sh": "version", "java": "-version"}
"""How to ask a program for its version, if not by "-v"."""
VERSION = re.compile(r"([A-Za-z]+)(?:/| version \"?| )([0-9]+(?:\.[0-9]+)+)")

ASK = """\
import importlib.metadata as metadata, importlib.util as util, json, sys
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
def compiled(name):
    try:
        return not (util.find_spec(name).origin or ".py").endswith(".py")
    except (ImportError, AttributeError):
        return False
print(json.dumps({"version": version(sys.argv[1]), "app": bool(util.find_spec("demo_app")),
                  "pip": bool(util.find_spec("pip")), "python": sys.version.split()[0],
                  "compiled": compiled(sys.argv[2])}))
"""
HOT_PATH = "gateway_core.response"
"""The module whose kind tells a compiled build of ours from the sources."""
ASK_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Presence:
    """What was found. `reason` and `install` are "" when all is there."""

    version: str
    reason: str = ""
    install: str = ""


def look_for(package: str, python: str, root: Path, compiled: bool = False) -> Presence:
    """Look for a distribution, and for the demo application beside it; "" looks for the application alone.

    `root` is the checkout, named in the command that would install the application. `compiled`: one of ours, and only
    the compiled build will do.
    """
    command = [python, "-c", ASK, package or "python", HOT_PATH]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_LIMIT, cwd=root)
        found = json.loads(done.stdout)
    except FileNotFoundError:
        return Presence("", f"{python} is not there", f"python3 -m venv {Path(python).parent.parent}")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Presence("", f"{python} does not run: {error}", f"python3 -m venv {Path(python).parent.parent}")
    version = found["version"] if package else f"Python {found['python']}"
    missing = ([package] if package and not version else []) + ([] if found["app"] else ["demo-app"])
    if not missing and compiled and not found["compiled"]:
        return Presence(version, f"{python} has the sources of {package}, not its compiled build")
    if not missing:
        return Presence(f"{version}, compiled" if compiled else version)
    sources = [str(Path("packages", name)) if (root / "packages" / name).is_dir() else name for name in missing]
    installer = f"{python} -m pip install" if found["pip"] else f"uv pip install --python {python}"
    verb = "is" if len(missing) == 1 else "are"
    return Presence(version, f"{' and '.join(missing)} {verb} not installed", f"{installer} {' '.join(sources)}")


def look_for_programs(programs: Sequence[str], has: str, install: str) -> Presence:
    """Look for programs, and for what a module of this interpreter must have ("MODULE:NAME"; "" for nothing)."""
    module, _, name = has.partition(":")
    python = f"Python {sys.version.split()[0]}"
    if has and not hasattr(importlib.import_module(module), name):
        return Presence(python, f"{python} has no {module}.{name}", install)
    found = {names.partition("|")[0]: find_program(names) for names in programs}
    missing = [program for program, place in found.items() if place is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        return Presence("", f"{' and '.join(missing)} {verb} not installed", install)
    versions = [_version(place) for place in found.values() if place]
    return Presence(", ".join(filter(None, versions)) or (python if has else ""))


def find_program(names: str) -> str | None:
    """Return the path of a program that has one of these names ("a|b")."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *PLACES))
    return next(filter(None, (shutil.which(name, path=path) for name in names.split("|"))), None)


def _version(program: str) -> str:
    """Return what a program says of its version, as short as it can be; "" if it says nothing."""
    try:
        done = subprocess.run(
            [program, ASKS.get(Path(program).name, "-v")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = VERSION.search(done.stdout + done.stderr)
    return f"{found[1]} {found[2]}" if found else ""
