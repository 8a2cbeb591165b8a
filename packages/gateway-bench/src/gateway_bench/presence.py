"""Is this gateway or peer installed, and in which version? Asked of the interpreter that would run it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Presence", "look_for"]

ASK = """\
import importlib.metadata as metadata, importlib.util as util, json, sys
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
print(json.dumps({"version": version(sys.argv[1]), "app": bool(util.find_spec("demo_app")),
                  "pip": bool(util.find_spec("pip")), "python": sys.version.split()[0]}))
"""
ASK_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Presence:
    """What was found. `reason` and `install` are "" when all is there."""

    version: str
    reason: str = ""
    install: str = ""


def look_for(package: str, python: str, root: Path) -> Presence:
    """Look for a distribution, and for the demo application beside it; "" looks for the application alone.

    `root` is the checkout, named in the command that would install the application.
    """
    try:
        done = subprocess.run(
            [python, "-c", ASK, package or "python"], capture_output=True, text=True, timeout=ASK_LIMIT, cwd=root
        )
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Presence("", f"{python} does not run: {error}", f"python3 -m venv {Path(python).parent.parent}")
    version = found["version"] if package else f"Python {found['python']}"
    missing = ([package] if package and not version else []) + ([] if found["app"] else ["demo-app"])
    if not missing:
        return Presence(version)
    sources = [str(Path("packages", name)) if (root / "packages" / name).is_dir() else name for name in missing]
    installer = f"{python} -m pip install" if found["pip"] else f"uv pip install --python {python}"
    verb = "is" if len(missing) == 1 else "are"
    return Presence(version, f"{' and '.join(missing)} {verb} not installed", f"{installer} {' '.join(sources)}")
