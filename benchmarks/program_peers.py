"""Peers that are programs with files of their own: `program_peers.py NAME PLACE [--host HOST --port PORT --threads N]`.

::

    tomcat        the page as JSP                                          HTTP
    mod-wsgi      the demo application in Apache, by mod_wsgi-express      HTTP
    mod-cgid      the demo application, a Python for each request          HTTP: Apache
    mod-cgi       the same                                                 HTTP: lighttpd
    php-cgid      the page in PHP, a php-cgi for each request              HTTP: Apache
    fcgiwrap      the demo application, a Python for each request          FastCGI at the socket PLACE, for a front
    php-fpm       the page in PHP, by processes that stay                  FastCGI at the socket PLACE
    php-cgi       the same, by one process                                 FastCGI at the socket PLACE

Each is set up as its manual says, for one processor and without an access log: its files are those of the folder peers,
with their places in {braces} filled. They are written to the folder PLACE.site, which is made; and this process becomes
the server. What is printed comes from the server itself, but for fcgiwrap and php-cgi, which say
nothing: they get a socket that listens already, and "listening" is said before they start.

What PHP and JSP show is laid out from the demo application's own text and templates, so it is the same page: see
pages/README.md.

Apache does not serve as root. Started by root it runs as nobody, who may read what root may: the Python of an
environment often lies where nobody else may look.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import shlex
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).with_name("pages")
FILES = Path(__file__).with_name("peers")
SYSTEM = "/usr/local/sbin:/usr/sbin:/opt/homebrew/bin"
"""Where servers lie, beside the PATH of users."""
MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/opt/homebrew/lib/httpd/modules")
TOMCATS = ("/usr/share/tomcat10", "/usr/share/tomcat11", "/opt/homebrew/opt/tomcat/libexec")
PHP_FPMS = ("php-fpm", "php-fpm8.4", "php-fpm8.3", "php-fpm8.2")
NOBODY = "nobody"
WAITING = 1024
"""Connections that may wait for a server: more than any suite has visitors."""
PAGE = "/fastcgi"

CGI_PROGRAM = """\
#!{python}
from wsgiref.handlers import CGIHandler

from demo_app import app

CGIHandler().run(app)
"""


@dataclass(frozen=True)
class Asked:
    """What was asked for: where to listen, and in which folder to write."""

    place: Path
    folder: Path
    host: str
    port: str
    threads: str

    def fill(self, name: str, to: str = "", **values: object) -> str:
        """Write one of the `FILES` into the folder, its places filled; return its path."""
        known = {"socket": self.place, "folder": self.folder, "host": self.host, "port": self.port}
        text = (FILES / name).read_text("utf-8").format(**known, threads=self.threads, waiting=WAITING, **values)
        (self.folder / (to or name)).write_text(text, "utf-8")
        return str(self.folder / (to or name))


def tomcat(asked: Asked) -> None:
    """Become Tomcat, with a CATALINA_BASE of its own."""
    home = next((place for place in TOMCATS if Path(place, "bin", "catalina.sh").exists()), None)
    if home is None:
        sys.exit("program_peers.py: tomcat10 is not installed")
    site = asked.folder / "webapps" / "ROOT"
    for folder in ("conf", "logs", "temp", "work", site / "WEB-INF"):
        (asked.folder / folder).mkdir(parents=True)
    asked.fill("tomcat-server.xml", "conf/server.xml")
    asked.fill("tomcat-web.xml", "conf/web.xml")
    lay_out(site / "WEB-INF", "web.xml")
    for page in PAGES.glob("*.jsp"):
        shutil.copy(page, site)
    base = str(asked.folder)
    os.environ.update(CATALINA_HOME=home, CATALINA_BASE=base, CATALINA_TMPDIR=f"{base}/temp")
    become([f"{home}/bin/catalina.sh", "run"])


def mod_wsgi(asked: Asked) -> None:
    """Become Apache with the module that belongs to this Python, as mod_wsgi-express sets it up: a daemon process."""
    express = str(Path(sys.executable).with_name("mod_wsgi-express"))
    words = ["--host", asked.host, "--port", asked.port, "--processes", "1", "--threads", asked.threads,
             "--max-clients", "64", "--server-root", str(asked.folder),
             "--include-file", asked.fill("apache-threads.conf"), "--log-to-terminal", "--log-level", "info",
             "--application-type", "module", "demo_app", "--callable-object", "app"]  # fmt: skip
    become_nobody([sys.executable, express, "start-server", *words], asked.folder)


def mod_cgid(asked: Asked) -> None:
    """Become Apache with mod_cgid, whose daemon starts the demo application for each request."""
    apache(asked, cgi_program(asked.folder))


def php_cgid(asked: Asked) -> None:
    """Become Apache with mod_cgid, whose daemon starts PHP for each request."""
    site = php_site(asked)
    site.write_text(f"#!{find('php-cgi')}\n{site.read_text('utf-8')}", "utf-8")
    site.chmod(0o755)
    apache(asked, site)


def apache(asked: Asked, program: Path) -> None:
    """Become Apache, with a CGI program for every path."""
    modules = next((place for place in MODULES if Path(place).is_dir()), MODULES[0])
    asked.fill("apache-threads.conf")
    conf = asked.fill("apache.conf", modules=modules, program=program)
    become_nobody([find("apache2", "httpd"), "-D", "FOREGROUND", "-d", str(asked.folder), "-f", conf], asked.folder)


def mod_cgi(asked: Asked) -> None:
    """Become lighttpd with mod_cgi."""
    conf = asked.fill("lighttpd.conf", program=cgi_program(asked.folder).name)
    become([find("lighttpd"), "-D", "-f", conf])


def fcgiwrap(asked: Asked) -> None:
    """Become fcgiwrap: so many processes as there are to be threads, each with one program at a time."""
    cgi_program(asked.folder)
    listen(asked.place)
    become([find("fcgiwrap"), "-c", asked.threads])


def php_fpm(asked: Asked) -> None:
    """Become php-fpm with one pool of so many processes."""
    php_site(asked)
    root = ["--allow-to-run-as-root"] if os.geteuid() == 0 else []
    become([find(*PHP_FPMS), "--nodaemonize", "-c", str(asked.folder), "-y", asked.fill("php-fpm.conf"), *root])


def php_cgi(asked: Asked) -> None:
    """Become one php-cgi that stays, however many requests come."""
    php_site(asked)
    listen(asked.place)
    os.environ.update(PHP_FCGI_CHILDREN="0", PHP_FCGI_MAX_REQUESTS="0")
    become([find("php-cgi"), "-c", str(asked.folder)])


def php_site(asked: Asked) -> Path:
    """Write the page in PHP, what it is made of, and the php.ini; return its path."""
    asked.fill("php.ini")
    lay_out(asked.folder, "site.php")
    return asked.folder / "site.php"


def lay_out(folder: Path, *pages: str) -> None:
    """Write what the page is made of into a folder: its text, the template around it, and the parts that it names.

    Files named in `pages` are copied there, too.
    """
    from markupsafe import Markup

    from demo_app import assets, figures, history, layout, sources

    text = sources.find_file(sources.MUSEUM, PAGE)
    assert text
    shutil.copy(text, folder / "text.md")
    for page in pages:
        shutil.copy(PAGES / page, folder)
    menu = [(source.path, source.menu) for source in sources.contents(sources.MUSEUM) if source.menu]
    gaps = {name: Markup("{{%s}}") % name for name in ("title", "summary", "content", "served")}
    parts = {"template": layout.fragment("page.html", here=PAGE, menu=menu, stamp=assets.stamp(), **gaps)}
    for kind, name in re.findall(r"^\[\[(figure|history) ([a-z-]+)\]\]$", text.read_text("utf-8"), re.MULTILINE):
        parts[f"{kind}-{name}"] = (figures.figure(name) if kind == "figure" else history.listing(name)) or ""
    for name, part in parts.items():
        (folder / f"{name}.html").write_text(part.replace(layout.ROOT, ""), "utf-8")


def cgi_program(folder: Path) -> Path:
    """Write the demo application as a CGI program of this Python; return its path."""
    program = folder / "app.py"
    program.write_text(CGI_PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    return program


def listen(path: Path) -> None:
    """Put a listening socket where the FastCGI specification wants it, in place of standard input, and say so."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(WAITING)
        os.dup2(listener.fileno(), 0)
    print("listening", flush=True)


def find(*names: str) -> str:
    """Return the path of a program that has one of these names; end with a sentence if there is none."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), SYSTEM))
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    return found or sys.exit(f"program_peers.py: {names[0]} is not installed")


def become_nobody(command: Sequence[str], folder: Path) -> None:
    """Execute a command in place of this one, as nobody if this is root."""
    if os.geteuid() != 0:
        become(command)
    other = pwd.getpwnam(NOBODY)
    folder.parent.chmod(0o755)  # access(2) knows nothing of what nobody may do here
    places: list[Path | int] = [folder, *folder.rglob("*"), *filter(is_pipe, (1, 2))]
    for place in places:
        os.chown(place, other.pw_uid, other.pw_gid)
    ids = ["--reuid", str(other.pw_uid), "--regid", str(other.pw_gid), "--clear-groups"]
    may = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    become([find("setpriv"), *ids, *may, *command])


def is_pipe(descriptor: int) -> bool:
    """Tell whether that is what a descriptor leads to: Apache opens its standard error once more, by name."""
    return stat.S_ISFIFO(os.fstat(descriptor).st_mode)


def become(command: Sequence[str]) -> None:
    """Execute a command in place of this one."""
    try:
        os.execv(command[0], list(command))  # noqa: S606
    except OSError as error:
        sys.exit(f"program_peers.py: {shlex.join(command)} does not start: {error.strerror}")


PEERS: dict[str, Callable[[Asked], None]] = {
    "tomcat": tomcat,
    "mod-wsgi": mod_wsgi,
    "mod-cgid": mod_cgid,
    "mod-cgi": mod_cgi,
    "php-cgid": php_cgid,
    "fcgiwrap": fcgiwrap,
    "php-fpm": php_fpm,
    "php-cgi": php_cgi,
}


def main() -> None:
    """Become the server that the command line names."""
    parser = argparse.ArgumentParser(prog="program_peers.py")
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("place", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="8000")
    parser.add_argument("--threads", default="1", help="or processes, where it has no threads")
    told = parser.parse_args()
    place = told.place.absolute()
    folder = Path(f"{place}.site")
    try:
        folder.mkdir()
    except OSError as error:
        sys.exit(f"program_peers.py: cannot make {folder}: {error.strerror}")
    PEERS[told.name](Asked(place, folder, told.host, told.port, told.threads))


if __name__ == "__main__":
    main()
