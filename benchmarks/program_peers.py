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

Each is set up as its manual says, for one processor and without an access log, in the folder PLACE.site, which is made;
and this process becomes it. What is printed comes from the server itself, but for fcgiwrap and php-cgi, which say
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
from pathlib import Path

PAGES = Path(__file__).with_name("pages")
SYSTEM = "/usr/local/sbin:/usr/sbin:/opt/homebrew/bin"
"""Where servers lie, beside the PATH of users."""
MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/opt/homebrew/lib/httpd/modules")
TOMCATS = ("/usr/share/tomcat10", "/usr/share/tomcat11", "/opt/homebrew/opt/tomcat/libexec")
PHP_FPMS = ("php-fpm", "php-fpm8.4", "php-fpm8.3", "php-fpm8.2")
APACHES = ("apache2", "httpd")
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

APACHE_THREADS = """\
ServerLimit 1
StartServers 1
ThreadLimit 64
ThreadsPerChild 64
MaxRequestWorkers 64
MinSpareThreads 1
MaxSpareThreads 64
ListenBacklog {waiting}
MaxKeepAliveRequests 0
"""
"""One process, and a thread for every visitor: with fewer, Apache closes kept connections whenever all are busy."""

APACHE = """\
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog /dev/stderr
LogLevel notice
ServerName localhost
Listen {host}:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule env_module {modules}/mod_env.so
LoadModule cgid_module {modules}/mod_cgid.so
ScriptSock {folder}/cgid
DocumentRoot {folder}
PassEnv DEMO_APP_DB
SetEnv REDIRECT_STATUS 200
SetEnv ap_trust_cgilike_cl 1
ScriptAlias / {program}/
"""

LIGHTTPD = """\
server.modules = ("mod_rewrite", "mod_setenv", "mod_cgi")
server.bind = "{host}"
server.port = {port}
server.document-root = "{folder}"
server.listen-backlog = {waiting}
server.max-keep-alive-requests = 1000000
url.rewrite-once = ("^/(.*)$" => "/{program}/$1")
cgi.assign = ("/{program}" => "")
"""

PHP_INI = """\
; as PHP's own php.ini-production says, as far as one page can tell
display_errors = Off
log_errors = On
error_log = /dev/stderr
expose_php = Off
default_charset = ""
opcache.enable = 1
; what is younger than two seconds would not be kept: for sites that somebody edits in place
opcache.file_update_protection = 0
"""

PHP_FPM = """\
[global]
error_log = /dev/stderr
daemonize = no
[www]
listen = {socket}
listen.backlog = {waiting}
pm = static
pm.max_children = {workers}
"""

SERVER_XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<Server port="-1">
  <Service name="Catalina">
    <Connector protocol="HTTP/1.1" address="{host}" port="{port}" acceptCount="{waiting}"
               maxThreads="{threads}" minSpareThreads="{threads}" maxKeepAliveRequests="-1"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="{folder}/webapps" autoDeploy="false"/>
    </Engine>
  </Service>
</Server>
"""
"""One connector, and no valve that would write an access log."""

JSP_XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
  <servlet>
    <servlet-name>jsp</servlet-name>
    <servlet-class>org.apache.jasper.servlet.JspServlet</servlet-class>
    <init-param><param-name>development</param-name><param-value>false</param-value></init-param>
    <init-param><param-name>compilerSourceVM</param-name><param-value>17</param-value></init-param>
    <init-param><param-name>compilerTargetVM</param-name><param-value>17</param-value></init-param>
    <load-on-startup>0</load-on-startup>
  </servlet>
  <servlet-mapping>
    <servlet-name>jsp</servlet-name>
    <url-pattern>*.jsp</url-pattern>
  </servlet-mapping>
</web-app>
"""
"""For production: a page that is compiled is not looked at again."""


def tomcat(asked: argparse.Namespace) -> None:
    """Become Tomcat, with a CATALINA_BASE of its own."""
    base: Path = asked.folder
    site = base / "webapps" / "ROOT"
    for folder in (base / "conf", base / "logs", base / "temp", base / "work", site / "WEB-INF"):
        folder.mkdir(parents=True)
    lay_out(site / "WEB-INF")
    for page in PAGES.glob("*.jsp"):
        shutil.copy(page, site)
    shutil.copy(PAGES / "web.xml", site / "WEB-INF")
    write(base / "conf" / "server.xml", SERVER_XML, asked)
    (base / "conf" / "web.xml").write_text(JSP_XML)
    home = next((place for place in TOMCATS if Path(place, "bin", "catalina.sh").exists()), None)
    if home is None:
        sys.exit("program_peers.py: tomcat10 is not installed")
    os.environ.update(CATALINA_HOME=home, CATALINA_BASE=str(base), CATALINA_TMPDIR=str(base / "temp"))
    become([f"{home}/bin/catalina.sh", "run"])


def mod_wsgi(asked: argparse.Namespace) -> None:
    """Become Apache with the module that belongs to this Python, as mod_wsgi-express sets it up: a daemon process."""
    express = str(Path(sys.executable).with_name("mod_wsgi-express"))
    more = write(asked.folder / "more.conf", APACHE_THREADS, asked)
    words = ["--host", asked.host, "--port", asked.port, "--processes", "1", "--threads", asked.threads,
             "--max-clients", "64", "--server-root", str(asked.folder), "--include-file", more,
             "--log-to-terminal", "--log-level", "info",
             "--application-type", "module", "demo_app", "--callable-object", "app"]  # fmt: skip
    become_nobody([sys.executable, express, "start-server", *words], asked.folder)


def mod_cgid(asked: argparse.Namespace) -> None:
    """Become Apache with mod_cgid, whose daemon starts the demo application for each request."""
    apache(asked, cgi_program(asked.folder))


def php_cgid(asked: argparse.Namespace) -> None:
    """Become Apache with mod_cgid, whose daemon starts PHP for each request."""
    lay_out(asked.folder)
    write(asked.folder / "php.ini", PHP_INI, asked)
    site = asked.folder / "site.php"
    site.write_text(f"#!{find('php-cgi')}\n{site.read_text('utf-8')}", "utf-8")
    site.chmod(0o755)
    apache(asked, site, f"SetEnv PHPRC {asked.folder}\n")


def apache(asked: argparse.Namespace, program: Path, more: str = "") -> None:
    """Become Apache, with a CGI program for every path."""
    modules = next((place for place in MODULES if Path(place).is_dir()), MODULES[0])
    conf = write(asked.folder / "apache.conf", APACHE + APACHE_THREADS + more, asked, modules=modules, program=program)
    become_nobody([find(*APACHES), "-D", "FOREGROUND", "-d", str(asked.folder), "-f", conf], asked.folder)


def mod_cgi(asked: argparse.Namespace) -> None:
    """Become lighttpd with mod_cgi: one process."""
    conf = write(asked.folder / "lighttpd.conf", LIGHTTPD, asked, program=cgi_program(asked.folder).name)
    become([find("lighttpd"), "-D", "-f", conf])


def fcgiwrap(asked: argparse.Namespace) -> None:
    """Become fcgiwrap: so many processes as there are to be threads, each with one program at a time."""
    cgi_program(asked.folder)
    listen(asked)
    become([find("fcgiwrap"), "-c", asked.threads])


def php_fpm(asked: argparse.Namespace) -> None:
    """Become php-fpm with one pool of so many processes."""
    lay_out(asked.folder)
    write(asked.folder / "php.ini", PHP_INI, asked)
    conf = write(asked.folder / "fpm.conf", PHP_FPM, asked)
    root = ["--allow-to-run-as-root"] if os.geteuid() == 0 else []
    become([find(*PHP_FPMS), "--nodaemonize", "-c", str(asked.folder), "-y", conf, *root])


def php_cgi(asked: argparse.Namespace) -> None:
    """Become one php-cgi that stays, however many requests come."""
    lay_out(asked.folder)
    write(asked.folder / "php.ini", PHP_INI, asked)
    listen(asked)
    os.environ.update(PHP_FCGI_CHILDREN="0", PHP_FCGI_MAX_REQUESTS="0")
    become([find("php-cgi"), "-c", str(asked.folder)])


def lay_out(folder: Path) -> None:
    """Write what the page is made of into a folder: its text, the template around it, and the parts that it names."""
    from markupsafe import Markup

    from demo_app import assets, figures, history, layout, sources

    text = sources.find_file(sources.MUSEUM, PAGE)
    assert text
    shutil.copy(text, folder / "text.md")
    shutil.copy(PAGES / "site.php", folder)
    menu = [(page.path, page.menu) for page in sources.contents(sources.MUSEUM) if page.menu]
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


def write(file: Path, text: str, asked: argparse.Namespace, **values: object) -> str:
    """Write a file of configuration, with the places in it filled; return its path."""
    values |= {"folder": asked.folder, "host": asked.host, "port": asked.port, "socket": asked.place}
    values |= {"threads": asked.threads, "workers": asked.threads, "waiting": WAITING}
    file.write_text(text.format(**values), "utf-8")
    return str(file)


def listen(asked: argparse.Namespace) -> None:
    """Put a listening socket where the FastCGI specification wants it, in place of standard input, and say so."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(asked.place))
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


PEERS: dict[str, Callable[[argparse.Namespace], None]] = {
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
    asked = parser.parse_args()
    asked.place = asked.place.absolute()
    asked.folder = Path(f"{asked.place}.site")
    asked.folder.mkdir()
    PEERS[asked.name](asked)


if __name__ == "__main__":
    main()
