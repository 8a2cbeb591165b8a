"""`gatelab doctor` and `gatelab learn`: is this machine ready for the lessons, and open them.

The lessons are a package of their own (`lesson_kit`), which draws charts and so imports a lot. It is imported when one
of these two runs, and may be absent: then a sentence says how to get it.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, NoReturn

import typer

from .errors import Absent, GatelabError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["GATEWAYS", "PROGRAMS", "WITHOUT", "doctor", "learn", "programs"]

FAILED = 1
WITHOUT: Final = "the lessons are not installed: `pip install 'gatelab[lessons]'` brings them"
GATEWAYS: Final = (
    "asgi-server", "cgi-runner", "fastcgi-server", "http-front", "scgi-server", "uwsgi-gateway", "wsgi-server",
)  # fmt: skip


class Program(NamedTuple):
    """A real program: its names ("a|b"), its Debian package, and what it is for here."""

    names: str
    package: str
    use: str


PROGRAMS: Final = (
    Program("nginx", "nginx-light", "a front, in lessons, how-tos and comparisons"),
    Program("apache2|httpd", "apache2", "a front, and mod_wsgi's host"),
    Program("caddy", "caddy", "a front"),
    Program("haproxy", "haproxy", "a front that sends many FastCGI requests down one connection"),
    Program("lighttpd", "lighttpd", "a front, and the one that speaks SCGI by habit"),
    Program("php-fpm|php-fpm8.4|php-fpm8.3|php-fpm8.2", "php-fpm", "a FastCGI server that is not ours"),
    Program("php-cgi", "php-cgi", "a CGI program that is not ours"),
    Program("fcgiwrap", "fcgiwrap", "CGI programs behind FastCGI"),
    Program("spawn-fcgi", "spawn-fcgi", "starts FastCGI programs"),
    Program("catalina.sh", "tomcat10", "Java's servlets, in comparisons"),
    Program("perl", "perl", "CGI programs as they were"),
    Program("strace", "strace", "counts system calls"),
    Program("wrk", "wrk", "load"),
    Program("tshark", "tshark", "reads captures"),
    Program("chromium", "chromium", "looks at pages in the tests"),
)
"""Whatever of these is here is used; nothing needs one. The job `nox -s peers` lists them, too."""


def doctor() -> None:
    """Say what this machine has for the lessons, and what to do about the rest.

    Python, the gateways, sockets, the file of your answers, how busy it is; then the real programs that are used where
    they are found. Exit code 1: something is in the way.
    """
    try:
        from lesson_kit.doctor import examine_machine
    except ModuleNotFoundError as error:
        _lacking(error)
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    findings = examine_machine()
    for finding in findings:
        mark = "!" if finding.trouble else "✓"
        console.print(f"{mark} {finding.what}: {finding.found}", markup=False)
        if finding.trouble:
            console.print(f"  {finding.trouble}", markup=False)
    console.print(f"✓ Gateways: {', '.join(_versions())}", markup=False)
    console.print()
    console.print(programs())
    *hard, _ = findings  # a busy machine is in nobody's way
    raise typer.Exit(FAILED if any(finding.trouble for finding in hard) else 0)


def learn(
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or only say where.")
    ] = True,
) -> None:
    """Open the lessons in JupyterLab, in a folder of your own: my-lessons/."""
    try:
        from lesson_kit.errors import SENTENCES
        from lesson_kit.notebooks.opening import open_lab
        from lesson_kit.texts import lessons_folder

        try:
            open_lab(lessons_folder(), browser=browser)
        except SENTENCES as error:
            raise GatelabError(str(error).rstrip(".")) from None
    except ModuleNotFoundError as error:
        _lacking(error)


def programs() -> Table:
    """Return a table of the real programs: where each is, or how to get it, and what for."""
    from rich import box
    from rich.table import Table

    from gateway_bench.servers.presence import find_program

    table = Table(title="Programs that are used where they are found", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("program", "here", "what for"):
        table.add_column(heading, overflow="fold")
    debian = platform.system() == "Linux"
    for program in PROGRAMS:
        get = f"no (on Debian: apt install {program.package})" if debian else "no"
        table.add_row(program.names.partition("|")[0], find_program(program.names) or get, program.use)
    return table


def _versions() -> Iterator[str]:
    for name in GATEWAYS:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue


def _lacking(error: ModuleNotFoundError) -> NoReturn:
    raise Absent(f"{WITHOUT} ({error.name} is missing)") from None
