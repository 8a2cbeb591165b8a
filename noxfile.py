"""The jobs of this repository: `nox -l` lists them, `nox -s bench -- --quick` runs one.

Without nox, `python3 noxfile.py -s bench` does the same: it makes a private environment in `.noxenv`, installs nox and
uv there, and hands over. Python 3.11 or newer is all it needs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def hand_over() -> None:
    """Run nox on this file, from the present environment or from a private one that is made first."""
    python = sys.executable
    try:
        import nox  # noqa: F401
    except ImportError:
        python = str(private_environment())
    command = [python, "-m", "nox", "-f", __file__, *sys.argv[1:]]
    # Its uv must be found as well, and an active environment of the caller's must not be.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment["PATH"] = os.pathsep.join((str(Path(python).parent), os.environ.get("PATH", os.defpath)))
    environment.setdefault("UV_SYSTEM_CERTS", "1")  # as pip does: trust whom the system trusts
    if os.name == "posix":
        os.execve(python, command, environment)
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def private_environment() -> Path:
    """Return the Python of `.noxenv`, made on first use."""
    if sys.version_info < (3, 11):  # noqa: UP036 - it is here that an older one is told
        sys.exit(f"Gatelab needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})")
    home = ROOT / ".noxenv"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = home / "complete"
    if done.exists():
        return python
    print("First run: making a private environment in .noxenv (nox and uv)", file=sys.stderr)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    except subprocess.CalledProcessError:
        sys.exit("This Python cannot make environments: install its venv module (Debian: apt install python3-venv)")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), "nox", "uv"], check=True)
    except subprocess.CalledProcessError:
        sys.exit("nox and uv could not be installed; the lines above say why (the first run needs a package index)")
    done.touch()
    return python


if __name__ == "__main__":
    hand_over()

import nox  # noqa: E402 - not before it is known to be there

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

# Containers like to set it. Then nothing is kept that was compiled, and each of the thousands of processes that the
# sessions start compiles all it imports once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PACKAGES = sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("packages/*/pyproject.toml"))
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")

PROGRAMS = {
    "apache2|httpd": "apache2 libapache2-mod-fcgid",
    "apxs": "apache2-dev",
    "bash": "bash",
    "caddy": "caddy",
    "catalina.sh": "tomcat10 default-jre-headless",
    "cc": "gcc libc6-dev",
    "chromium": "chromium",
    "fcgiwrap": "fcgiwrap",
    "haproxy": "haproxy",
    "java": "default-jre-headless",
    "lighttpd": "lighttpd",
    "nginx": "nginx-light",
    "perl": "perl",
    "php-cgi": "php-cgi",
    "php-fpm|php-fpm8.4|php-fpm8.3|php-fpm8.2": "php-fpm",
    "spawn-fcgi": "spawn-fcgi",
    "strace": "strace",
    "tshark": "tshark",
    "wrk": "wrk",
}
"""Real programs that some tests and suites use, and the Debian package of each; "a|b" is one that has two names."""

PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/share/tomcat10/bin", "/usr/share/tomcat11/bin")
"""Where they lie beside the PATH of users."""

BUILDS = {
    "bjoern": "It is compiled here: on Debian, apt install gcc libev-dev python3-dev.",
    "mod_wsgi": "It is compiled here, for an Apache: on Debian, apt install apache2 apache2-dev gcc python3-dev.",
}
"""What peers need that have no wheels."""


def install(session: nox.Session, *groups: str, packages: bool = True) -> None:
    """Install dependency groups, and this repository's packages in editable form, in their tested versions.

    What is installed already is left alone: finding that out takes an installer four seconds, and a teacher waits.
    """
    editable = [argument for package in PACKAGES for argument in ("-e", package)] if packages else []
    wanted = [*editable, *nox.project.dependency_groups(PROJECT, *groups)]
    declared = [ROOT / "constraints.txt", *(ROOT.glob("packages/*/pyproject.toml") if packages else [])]
    state = hashlib.sha256(repr([wanted, str(ROOT), *(path.read_bytes() for path in sorted(declared))]).encode())
    installed = Path(session.virtualenv.location) / "installed"
    if installed.exists() and installed.read_text("utf-8") == state.hexdigest():
        return
    installed.unlink(missing_ok=True)
    session.install("-c", "constraints.txt", *wanted)
    installed.write_text(state.hexdigest(), "utf-8")


def parallel(session: nox.Session) -> list[str]:
    """Return options that run many tests at a time: most wait for processes or time limits. With arguments, one."""
    return [] if session.posargs else ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile"]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest (`-- packages/fastcgi-server -k padding`)."""
    install(session, "test")
    session.run("python", "-m", "pytest", *parallel(session), *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Drive the classroom in Chromium; pictures go to results/classroom/. `-- --short`: a crowd of 15 s, not of 60."""
    install(session, "browser")
    chosen = [word for word in session.posargs if word != "--short"] or ["packages/classroom-demo/browser"]
    minute = {"CLASSROOM_MINUTE": "15"} if "--short" in session.posargs else {}
    session.run("python", "-m", "pytest", *chosen, env=minute)


@nox.session
def frames(session: nox.Session) -> None:
    """Count the classroom's frames a second with 200 processes in sight; `-- --save-reference` keeps them."""
    install(session, "browser")
    session.run("python", "benchmarks/classroom/frames.py", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests with branch coverage, subprocesses included, and show what is missed."""
    install(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format with ruff; `-- --fix` repairs what can be."""
    install(session, "lint", packages=False)
    session.run("ruff", "check", *session.posargs, ".")
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]), ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy --strict."""
    install(session, "test", "types")
    session.run("mypy", *(f"{package}/src" for package in PACKAGES), *session.posargs)


@nox.session
def compiled(session: nox.Session) -> None:
    """Compile the hot path with mypyc into an environment of its own, and run the tests of what is compiled there."""
    groups = nox.project.dependency_groups(PROJECT, "test", "types")
    session.install("-c", "constraints.txt", "setuptools>=77", *groups, *PACKAGES)
    session.install("--force-reinstall", "--no-deps", *PACKAGES)  # as they are now, without what was compiled before
    session.run("python", "scripts/compile.py")
    tests = ["packages/gateway-core/tests", "packages/wsgi-server/tests"]
    tests += [f"packages/gateway-runtime/tests/test_{name}.py" for name in ("connection", "engine", "handoff")]
    session.run("python", "-m", "pytest", "-m", "not pure", *parallel(session), *(session.posargs or tests))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the codecs: by grammar, and by coverage, five minutes each; `-- --short` is a minute, always the same."""
    install(session, "test")
    short = "--short" in session.posargs
    suites = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("packages/*/tests/test_*_fuzz.py"))
    session.run("python", "-m", "pytest", "-o", "timeout=0", *suites, env={"GATELAB_FUZZ": "500" if short else "20000"})
    try:
        session.install("-c", "constraints.txt", "atheris>=3; sys_platform == 'linux'")
    except nox.command.CommandFailed:
        session.warn("atheris has no wheel for this Python and could not be built; hypothesis has had its turn")
        return
    # What is found depends on chance. A change is not to fail for it: the short form tries the same inputs every time.
    options = ["-runs=20000", "-seed=1"] if short else ["-max_total_time=300"]
    for target in sorted(ROOT.glob("fuzz/*_atheris.py")):
        corpus = Path(session.create_tmp()) / f"{target.stem}{'-short' if short else ''}"
        if short:
            shutil.rmtree(corpus, ignore_errors=True)
        command = ["python", str(target.relative_to(ROOT)), *options, "-verbosity=0", str(corpus)]
        session.run(*command, env={"PYTHONHASHSEED": "0"})


@nox.session
def bench(session: nox.Session) -> None:
    """Compare the gateways under load: `-- --quick` for a look, `-- --suite peers` (fronts, workers, 1996, ...)."""
    install(session)
    # After Ctrl-C it ends its servers and writes down what was measured: give it the time.
    session.run("python", "-m", "gateway_bench", "run", *session.posargs, interrupt_timeout=20, terminate_timeout=10)


@nox.session
def micro(session: nox.Session) -> None:
    """Time the steps of the hot path, and compare with the stored times; `-- --instructions` counts them instead."""
    install(session, "micro")
    if "--instructions" in session.posargs:
        rest = [word for word in session.posargs if word != "--instructions"]
        session.run("python", "benchmarks/micro/instructions.py", *rest)
        return
    stored, found = ROOT / "benchmarks/results/micro.json", ROOT / "results/micro.json"
    found.parent.mkdir(exist_ok=True)
    found.unlink(missing_ok=True)
    session.run("python", "benchmarks/micro/hot_path.py", "-o", str(found), *session.posargs)
    if stored.exists():
        session.run("python", "-m", "pyperf", "compare_to", "--table", str(stored), str(found))


@nox.session(venv_backend="none")
def dev(session: nox.Session) -> None:
    """Make .venv with everything in it, to run things by hand: `. .venv/bin/activate`."""
    session.run("uv", "venv", "--quiet", "--allow-existing", "--python", sys.executable, ".venv", external=True)
    editable = [argument for package in PACKAGES for argument in ("-e", package)]
    groups = nox.project.dependency_groups(PROJECT, "dev")
    session.run(
        "uv", "pip", "install", "--quiet", "--python", ".venv", "-c", "constraints.txt", *editable, *groups,
        external=True,
    )  # fmt: skip
    session.log("now: . .venv/bin/activate")


@nox.session
def peers(session: nox.Session) -> None:
    """Install the Python servers that `bench -- --suite peers` compares with, and list real programs found."""
    session.install("-c", "constraints.txt", "-e", "packages/demo-app")
    absent = []
    for requirement in nox.project.dependency_groups(PROJECT, "peers"):
        try:  # one that does not build here must not keep the others out
            session.install("-c", "constraints.txt", requirement)
        except nox.command.CommandFailed:
            name = re.split(r"[^\w-]", requirement)[0]
            session.warn(f"{name} could not be installed, so the bench lists it as absent. {BUILDS.get(name, '')}")
            absent.append(name)
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *PLACES))
    for names, package in PROGRAMS.items():
        found = next(filter(None, (shutil.which(name, path=path) for name in names.split("|"))), None)
        session.log(f"{names.partition('|')[0]}: {found or f'not found; on Debian: apt install {package}'}")
    if absent and os.environ.get("CI") == "true":
        session.error(f"{', '.join(absent)}: in CI every peer must be here")


@nox.session
def constraints(session: nox.Session) -> None:
    """Write constraints.txt anew: the newest versions that fit, for every Python and platform."""
    session.install("uv")
    members = [argument for package in PACKAGES for argument in ("--no-emit-package", Path(package).name)]
    session.run(
        "uv", "pip", "compile", "--universal", "--python-version", "3.11", "--upgrade", "--no-header", "--no-annotate",
        "--quiet", "--group", "dev", "--group", "peers", *members, "pyproject.toml", "-o", "constraints.txt",
    )  # fmt: skip


@nox.session
def notebooks(session: nox.Session) -> None:
    """Write notebooks/ from the texts in lessons/; `-- --check` only says which of them differ."""
    install(session, "notebooks")
    session.run("python", "-m", "lesson_kit", "notebooks", *session.posargs)


@nox.session
def lessons(session: nox.Session) -> None:
    """Run every lesson as a notebook, twice, and check what it shows; `-- --short` for a look, `-- 4 7` for these."""
    install(session, "notebooks")
    session.run("python", "-m", "lesson_kit", "lessons", *session.posargs, interrupt_timeout=20, terminate_timeout=10)


@nox.session
def site(session: nox.Session) -> None:
    """Freeze lessons, museum, documents and the last report into site/: pages that need no server and no network."""
    install(session, "notebooks")
    session.run("python", "-m", "lesson_kit", "site", *session.posargs)


@nox.session
def learn(session: nox.Session) -> None:
    """Open the lessons in JupyterLab, in the browser: everything is installed, and nothing else is to do."""
    install(session, "notebooks")
    session.run("python", "-m", "lesson_kit", "learn", *session.posargs, interrupt_timeout=20, terminate_timeout=10)


@nox.session
def demo(session: nox.Session) -> None:
    """Open the classroom in the browser: five minutes for a class, then free play; `-- --no-browser`: say where."""
    install(session)
    session.run("python", "-m", "classroom_demo", *session.posargs, interrupt_timeout=20, terminate_timeout=10)
