"""Compile the hot path with mypyc into the environment that runs this: `nox -s compiled` does it in its own.

The sources are the same, and nothing is written into them::

    packages/*/src --copy--> temporary folder --mypyc--> C --compiler--> *.so --copy--> site-packages

Python takes an extension module before a source file of the same name, so each *.so stands in for the *.py beside it,
whose lines tracebacks still show. All of them are one library (`gatelab__mypyc`), whose classes call each other without
a look into a dictionary. The packages must be installed, and not in editable form.

What mypyc makes is stricter than Python: an annotated type is checked when a value comes in, a class has the attributes
that its source names and no others, and only compiled classes can inherit from one, but for those in OPEN.
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"gateway_core": "gateway-core", "gateway_runtime": "gateway-runtime", "wsgi_server": "wsgi-server"}

MODULES = """
    gateway_core/access gateway_core/environ gateway_core/response gateway_core/response_checks gateway_core/session
    gateway_core/http1/chunked gateway_core/http1/client gateway_core/http1/dates gateway_core/http1/framing
    gateway_core/http1/grammar gateway_core/http1/head_limits gateway_core/http1/inbox gateway_core/memo
    gateway_core/http1/request_line gateway_core/http1/request_reader gateway_core/http1/response_lines
    gateway_core/http1/server
    gateway_runtime/acceptor gateway_runtime/connection gateway_runtime/crew gateway_runtime/engine
    gateway_runtime/poller gateway_runtime/predictor gateway_runtime/shared_loop gateway_runtime/slots
    wsgi_server/server
"""
"""What a request passes through, and what inherits from that. Errors and events stay as they are: others inherit from
the ones, the others are frozen, and neither is made on the way of a small request."""

OPEN = {"gateway_core/session": ["Session"], "wsgi_server/server": ["HttpSession"]}
"""Classes from which gateways that are not compiled inherit."""

LIBRARY = "gatelab"
FLAGS = ["-fvisibility=hidden"]
"""Nobody else calls these functions by name, so the compiler may inline them: 3 % fewer instructions a request."""


def site_packages() -> Path:
    """Return the folder that the packages are installed in, if they are."""
    folder = Path(sysconfig.get_path("purelib"))
    missing = [package for package in PACKAGES if not (folder / package).is_dir()]
    if missing:
        sys.exit(f"compile.py: {missing[0]} is not installed in {folder} (or is editable); use `nox -s compiled`")
    return folder


def copy_sources(to: Path) -> None:
    """Copy the packages, and tell mypyc which classes are open."""
    for package, distribution in PACKAGES.items():
        source = ROOT / "packages" / distribution / "src" / package
        shutil.copytree(source, to / package, ignore=shutil.ignore_patterns("__pycache__"))
    for module, names in OPEN.items():
        path = to / f"{module}.py"
        text = path.read_text("utf-8")
        # In the place of empty lines, so that the numbers of lines stay. mypyc takes MYPY for true, whatever it says:
        # the import is for its eyes only, and what was compiled does not need it.
        first = "from __future__ import annotations"
        text = text.replace(f"{first}\n\n", f"{first}; MYPY = False\nif MYPY: from mypy_extensions import mypyc_attr\n")
        for name in names:
            decorated = f'\n@mypyc_attr("allow_interpreted_subclasses")\nclass {name}'
            text = re.sub(rf"\n\nclass {name}\b", decorated, text)
        path.write_text(text, "utf-8")


def build(sources: Path, to: Path) -> list[Path]:
    """Compile; return the extension modules, relative to `to`."""
    try:
        from mypyc.build import mypycify
        from setuptools import Distribution
    except ImportError as error:
        sys.exit(f"compile.py: {error.name} is not installed here; use `nox -s compiled`")
    with chdir(sources):  # mypyc takes names of modules from relative paths
        paths = [f"{module}.py" for module in MODULES.split()]
        extensions = mypycify(["--strict", "--config-file=", *paths], target_dir="c", group_name=LIBRARY)
        for extension in extensions:
            extension.extra_compile_args += FLAGS
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(to), str(sources / "o")
        command.ensure_finalized()
        command.run()
    return sorted(path.relative_to(to) for path in to.rglob("*.so"))


def main() -> None:
    """Compile, and put what came of it in the place of what was there."""
    there = site_packages()
    with TemporaryDirectory(prefix="gatelab-compile-") as temporary:
        sources, made = Path(temporary, "sources"), Path(temporary, "made")
        copy_sources(sources)
        modules = build(sources, made)
        for package in PACKAGES:
            for old in (there / package).rglob("*.so"):
                old.unlink()
        for module in modules:
            shutil.copy(made / module, there / module)
    print(f"compiled {len(MODULES.split())} modules into {there}")


if __name__ == "__main__":
    main()
