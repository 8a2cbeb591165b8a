"""CGI hosts by others, as somebody who reads their manual sets them up: `cgi_peers.py NAME PORT WORK`.

Each serves the programs in WORK/cgi-bin at 127.0.0.1:PORT, keeps connections, and writes no access log. Apache has as
many processes and threads as Debian gives it; so none is added while it is measured. Their files are made beside WORK.
The line "starting" comes before the server itself does: then this process becomes it.

Started by root, Apache, nginx and fcgiwrap run programs as nobody, as they would anywhere.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SYSTEM = "/usr/local/sbin:/usr/sbin:/usr/lib/cgi-bin:/opt/homebrew/bin"
"""Where servers lie, beside the PATH of users."""
MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/opt/homebrew/lib/httpd/modules")
NOBODY = "nobody"
FCGIWRAPS = 4
"""One for each connection of the bench: each runs one program at a time."""

APACHE = """\
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog /dev/stderr
LogLevel warn
ServerName localhost
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule cgid_module {modules}/mod_cgid.so
StartServers 2
MinSpareThreads 25
MaxSpareThreads 75
ThreadsPerChild 25
MaxRequestWorkers 150
{user}
ScriptSock {folder}/cgid
MaxKeepAliveRequests 0
DocumentRoot {work}
ScriptAlias /cgi-bin/ {work}/cgi-bin/
"""

LIGHTTPD = """\
server.modules = ("mod_cgi")
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{work}"
server.max-keep-alive-requests = 100000
cgi.assign = (".sh" => "", ".py" => "")
"""

NGINX = """\
daemon off;
worker_processes 2;
pid {folder}/pid;
error_log stderr warn;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        location /cgi-bin/ {{
            fastcgi_pass unix:{folder}/fcgiwrap;
            fastcgi_param SCRIPT_FILENAME {work}$fastcgi_script_name;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param DOCUMENT_ROOT {work};
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param SERVER_SOFTWARE nginx;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param REMOTE_PORT $remote_port;
            fastcgi_param SERVER_ADDR $server_addr;
            fastcgi_param SERVER_PORT $server_port;
            fastcgi_param SERVER_NAME $server_name;
        }}
    }}
}}
"""


def find(program: str) -> str:
    """Return the path of a program; end with a sentence if there is none."""
    path = shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", os.defpath), SYSTEM)))
    if path is None:
        sys.exit(f"cgi_peers.py: {program} is not installed")
    return path


def nobody() -> pwd.struct_passwd | None:
    """Return whom root's servers become; None where root is not here."""
    return pwd.getpwnam(NOBODY) if os.geteuid() == 0 else None


def apache(folder: Path, work: str, port: str) -> None:
    """Become Apache with mod_cgid, whose daemon starts the programs."""
    modules = next((place for place in MODULES if os.path.isdir(place)), MODULES[0])  # noqa: PTH112
    other = nobody()
    user = f"User #{other.pw_uid}\nGroup #{other.pw_gid}" if other else ""
    conf = folder / "apache.conf"
    conf.write_text(APACHE.format(folder=folder, work=work, port=port, modules=modules, user=user))
    become("apache2", "-D", "FOREGROUND", "-d", str(folder), "-f", str(conf))


def lighttpd(folder: Path, work: str, port: str) -> None:
    """Become lighttpd with mod_cgi: one process, its default."""
    conf = folder / "lighttpd.conf"
    conf.write_text(LIGHTTPD.format(work=work, port=port))
    become("lighttpd", "-D", "-f", str(conf))


def fcgiwrap(folder: Path, work: str, port: str) -> None:
    """Start fcgiwrap on a socket that listens already, and become the nginx before it."""
    other = nobody()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/fcgiwrap")
        os.chmod(f"{folder}/fcgiwrap", 0o666)  # noqa: PTH101, S103  # nginx is somebody else
        listener.listen(128)
        command = [find("fcgiwrap"), "-c", str(FCGIWRAPS)]
        ids = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []} if other else {}
        subprocess.Popen(command, stdin=listener, **ids)  # type: ignore[call-overload]
    user = f"user {NOBODY} nogroup;" if other else ""
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, work=work, port=port, user=user))
    become("nginx", "-p", str(folder), "-c", str(conf), "-e", "stderr")


def become(program: str, *arguments: str) -> None:
    """Say so, and execute the program in place of this one."""
    print("starting", flush=True)
    path = find(program)
    os.execv(path, [path, *arguments])  # noqa: S606


PEERS: dict[str, Callable[[Path, str, str], None]] = {"apache": apache, "lighttpd": lighttpd, "fcgiwrap": fcgiwrap}


def main() -> None:
    """Become the server that the command line names."""
    if len(sys.argv) != 4 or sys.argv[1] not in PEERS:
        sys.exit(f"cgi_peers.py: use it as cgi_peers.py NAME PORT WORK, NAME one of {', '.join(PEERS)}")
    _, name, port, work = sys.argv
    folder = Path(work).parent / "server"
    folder.mkdir()
    folder.chmod(0o755)
    PEERS[name](folder, work, port)


if __name__ == "__main__":
    main()
