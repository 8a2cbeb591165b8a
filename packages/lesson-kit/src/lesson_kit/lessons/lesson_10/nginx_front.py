"""nginx on a free port before a gateway: `nginx_front.py NGINX FOLDER BACKEND`.

Port 0 means nothing to nginx. But it takes over sockets that are open already, as it does when it replaces itself: the
variable NGINX has their descriptors. So a port is found first, and nobody else can have it in between.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

__all__ = ["CONFIGURATION", "main"]

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr crit;
{user}events {{ }}
http {{
    access_log off;
    client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; scgi_temp_path tmp; uwsgi_temp_path tmp;
    server {{
        listen {here};
        location / {{
            proxy_pass http://{backend};
        }}
    }}
}}
"""
"""That it buffers requests and answers need not be said: it does unless it is told not to."""
BACKLOG = 511
"""What nginx itself asks for."""


def main(program: str, folder: str, backend: str) -> None:
    """Become nginx."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    here = f"127.0.0.1:{listener.getsockname()[1]}"
    user = f"user {_name()};\n" if os.geteuid() == 0 else ""
    (Path(folder) / "tmp").mkdir()
    written = Path(folder) / "nginx.conf"
    written.write_text(CONFIGURATION.format(here=here, backend=backend, user=user))
    os.set_inheritable(listener.fileno(), True)
    print(f"ready http://{here}", file=sys.stderr, flush=True)  # whoever connects now waits in the queue
    environment = {**os.environ, "NGINX": f"{listener.fileno()};"}
    os.execve(program, ["nginx", "-p", folder, "-c", str(written), "-e", "stderr"], environment)  # noqa: S606  # it takes our place


def _name() -> str:
    """Return the user and the group that we are, for its worker: it is to reach what we have made."""
    import grp
    import pwd

    return f"{pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name}"


if __name__ == "__main__":
    main(*sys.argv[1:])
