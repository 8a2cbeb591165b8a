"""JupyterLab on lesson 0, with nothing to install or to answer first.

A learner works in `my-lessons/`, beside `notebooks/`, so that a newer notebook never costs what was written into an
older one::

    what lies in my-lessons/            what becomes of it
    nothing                             the notebook is put there
    what was once put there             the notebook of today takes its place
    something that the learner changed  it stays; a newer notebook is put beside it, under another name

The server listens on a free port of the loopback, keeps its token, and asks nobody for news, updates or extensions.
Kernels are spoken to over Unix sockets in a folder of the server's own, so that forty learners on one machine neither
meet nor hear each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from lesson_kit.errors import KitError, Missing
from lesson_kit.notebooks.convert import notebooks_folder
from lesson_kit.notebooks.kernel import SOCKET_PATH_LIMIT

__all__ = ["FOLDER", "lay_out", "open_lab"]

FOLDER = "my-lessons"
GIVEN = ".given.json"
"""In that folder: the digest of every notebook that was put there, by its name."""
KERNEL_NAME = "/kernel-00000000-0000-0000-0000-000000000000-ipc-5"
"""How long the name of a kernel's socket is."""
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
"""Of JupyterLab, by its plugin: the learner may change them, and is not asked about them first."""
USER_SETTINGS = "lab/user-settings"
QUIET = 50
"""Of a log: nothing below CRITICAL."""


def lay_out(notebooks: Path, mine: Path) -> list[str]:
    """Put the notebooks into the learner's folder; return a sentence for each that is twice there. Raises Missing."""
    found = sorted(notebooks.glob("[0-9][0-9]-*.ipynb"))
    if not found:
        raise Missing(f"There are no notebooks in {notebooks}: `nox -s notebooks` writes them.")
    mine.mkdir(exist_ok=True)
    given, sentences = _given(mine), []
    for source in found:
        name, new, place = source.name, _digest(source), mine / source.name
        there = _digest(place) if place.exists() else ""
        if there in {"", new, given.get(name)}:
            if there != new:
                shutil.copyfile(source, place)
            given[name] = new
        elif given.get(name) != new:  # the learner's own, of an older one
            beside = mine / f"{source.stem}.new-{new[:6]}.ipynb"
            if not beside.exists():
                shutil.copyfile(source, beside)
                sentences.append(f"Your {name} stays as it is; there is a newer one now, {beside.name}.")
    (mine / GIVEN).write_text(json.dumps(given, indent=1), "utf-8")
    return sentences


def open_lab(lessons: Path, *, browser: bool = True) -> None:
    """Open the lessons in JupyterLab, and come back when it has ended. Raises KitError."""
    root = lessons.resolve().parent
    try:
        for sentence in lay_out(notebooks_folder(lessons), root / FOLDER):
            print(sentence)
        settings = _settings(root / FOLDER / ".jupyter")
    except OSError as error:
        raise KitError(
            f"{error.filename} cannot be written ({error.strerror}): learn in a copy of the repository of your own."
        ) from error
    first = min(path.name for path in (root / FOLDER).glob("[0-9][0-9]-*.ipynb"))
    print("JupyterLab starts: this takes a few seconds.", flush=True)
    from jupyterlab.labapp import LabApp  # most of these seconds

    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        os.environ["JUPYTER_RUNTIME_DIR"] = folder
        os.environ["JUPYTER_CONFIG_DIR"] = str(settings)
        page, token = f"/lab/tree/{FOLDER}/{first}", secrets.token_hex(24)
        server = LabApp.initialize_server(
            argv=[*_options(root, page, token, folder, settings), f"--ServerApp.open_browser={browser}"]
        )
        where = f"http://127.0.0.1:{server.port}{page}?token={token}"

        def end(number: int, frame: FrameType | None) -> None:
            server.stop(from_signal=True)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        server.io_loop.add_callback(lambda: print(f"The lessons: {where} (Ctrl-C ends it)", flush=True))
        server.start()


def _given(mine: Path) -> dict[str, str]:
    """Return the digests of what was put there; {} if nobody knows any more, so that nothing is taken away."""
    try:
        told = json.loads((mine / GIVEN).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _options(root: Path, page: str, token: str, runtime: str, settings: Path) -> list[str]:
    short = len(f"{runtime}{KERNEL_NAME}".encode()) < SOCKET_PATH_LIMIT and sys.platform != "win32"
    return [
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        f"--ServerApp.root_dir={root}",
        f"--FileContentsManager.preferred_dir={root / FOLDER}",
        "--ServerApp.allow_root=True",  # a container has nobody else, and the token keeps others out
        f"--Application.log_level={QUIET}",
        f"--IdentityProvider.token={token}",
        f"--LabApp.default_url={page}",
        f"--LabApp.user_settings_dir={settings / USER_SETTINGS}",
        f"--LabApp.workspaces_dir={settings / 'lab/workspaces'}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--KernelManager.transport=ipc" if short else "--MappingKernelManager.transport_encryption=auto",
    ]


def _settings(folder: Path) -> Path:
    """Make a folder for settings, so that nobody's own can be in the way; return it."""
    for name, values in SETTINGS.items():
        path = folder / USER_SETTINGS / f"@jupyterlab/{name}.jupyterlab-settings"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), "utf-8")
    return folder


def _digest(path: Path) -> str:
    """Return the digest of what a learner can change: cells and what they show. JupyterLab itself changes the rest."""
    content = path.read_bytes()
    try:
        cells = json.loads(content)["cells"]
        content = repr([(cell["cell_type"], cell["source"], cell.get("outputs")) for cell in cells]).encode()
    except (ValueError, KeyError, TypeError):  # no notebook any more
        pass
    return hashlib.sha256(content).hexdigest()
