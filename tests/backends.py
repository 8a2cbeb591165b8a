"""Start real backends as docs/how-to says, each with our front before it.

On the pages two commands belong together: one that starts a server at a unix socket, and the `python -m http_front`
behind it that reaches it there.
"""

from __future__ import annotations

import contextlib
import getpass
import grp
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import howto
from programs import full_path, started
from recorder import Recorder

from gateway_runtime.addresses import parse_url
from gateway_runtime.testing import Server

__all__ = ["PEERS", "Backends", "Pair", "pairs"]

PEERS = Path(os.environ.get("GATELAB_PEERS", Path(__file__).resolve().parents[1] / ".nox/peers/bin"))
"""Where the Python servers are that `nox -s peers` installs."""


@dataclass(frozen=True)
class Pair:
    """A server's command, and that of the front before it, as they stand on the page."""

    server: list[str]
    front: list[str]

    @property
    def url(self) -> str:
        return self.front[self.front.index("--to") + 1]

    @property
    def name(self) -> str:
        """That of its socket file: "php-fpm"."""
        return Path(self.url).stem


def pairs(page: str) -> list[Pair]:
    """Return the page's pairs of commands, in order."""
    commands = howto.commands(page)
    fronts = [at for at, words in enumerate(commands) if words[:3] == ["python", "-m", "http_front"]]
    return [Pair(commands[at - 1], commands[at]) for at in fronts]


class Backends(dict[str, Server]):
    """Our fronts by the name of the backend behind each, both started when first asked for, with a recorder between.

    `folder` holds the page's files and sockets, `replaced` says what stands there for the page's folders.
    """

    def __init__(self, page: str, exits: contextlib.ExitStack, folder: Path | None = None) -> None:
        super().__init__()
        self._pairs = {pair.name: pair for pair in pairs(page)}
        self._exits = exits
        self.recorders: dict[str, Recorder] = {}
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"gatelab-{page}-"))
        self.folder.mkdir(exist_ok=True)
        exits.callback(shutil.rmtree, self.folder)
        home = str(self.folder)
        self.replaced = {
            "/srv/museum/venv/bin/python": sys.executable,
            "/run/museum": home,
            "/srv/museum": home,
            "/etc/php/8.2/fpm": f"{home}/php",
        }
        # Whoever runs the tests is who the page calls www-data.
        names = {"user = www-data": f"user = {getpass.getuser()}"}
        names["group = www-data"] = f"group = {grp.getgrgid(os.getgid()).gr_name}"
        for path, text in howto.files(page).items():
            file = Path(howto.replace(path, self.replaced))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(howto.replace(text, self.replaced | names))
            if text.startswith("#!"):
                file.chmod(0o755)

    def __missing__(self, name: str) -> Server:
        pair = self._pairs[name]
        program, *arguments = [howto.replace(word, self.replaced) for word in pair.server]
        if program.startswith("php-fpm") and os.geteuid() == 0:
            arguments.append("--allow-to-run-as-root")
        path = os.pathsep.join((str(PEERS), os.environ.get("PATH", os.defpath)))
        words = [shutil.which(program, path=path) or full_path(program), *arguments]
        env = {"DEMO_APP_DB": f"{self.folder}/guests.sqlite3", "PATH": path}
        scheme, address = parse_url(howto.replace(pair.url, self.replaced))
        self._exits.enter_context(started(words, self.folder, [address], env))
        recorder = self._exits.enter_context(Recorder(f"{address.path}.recorded", address.path))
        self.recorders[name] = recorder
        front = [howto.replace(word, self.replaced) for word in pair.front[3:]]
        front[front.index("--bind") + 1] = f"unix:{address.path}.front"
        front[front.index("--to") + 1] = f"{scheme}+unix:{recorder.path}"
        self[name] = self._exits.enter_context(Server(pair.front[2], *front))
        return self[name]
