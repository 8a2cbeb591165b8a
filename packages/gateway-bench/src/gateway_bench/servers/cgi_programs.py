"""The programs that the suite `cgi` has everybody start, written into a folder of the bench's own.

::

    WORK/cgi-bin/hello.sh       three lines of echo: what is left is how a process is started, and its end
    WORK/cgi-bin/hello.py       one os.write in a Python without site: the least that an interpreted program takes

The folder is called `cgi-bin` because `http.server --cgi` starts programs in no other.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

__all__ = ["FOLDER", "open_to_all", "python_for_all", "write_programs"]

FOLDER = "cgi-bin"

HELLO_SH = """\
#!/bin/sh
echo 'Content-Type: text/plain'
echo
echo 'Hello, world!'
"""
HELLO_PY = """\
#!{python} -IS
import os
os.write(1, b"Content-Type: text/plain\\n\\nHello, world!\\n")
"""
ELSEWHERE = "/usr/bin/python3"


def write_programs(work: Path) -> None:
    """Write the programs below `work`, where everybody may run them."""
    folder = work / FOLDER
    folder.mkdir(parents=True)
    open_to_all(folder)
    open_to_all(work)
    for name, text in (("hello.sh", HELLO_SH), ("hello.py", HELLO_PY.format(python=python_for_all()))):
        program = folder / name
        program.write_text(text, "ascii")
        program.chmod(0o755)


def open_to_all(folder: Path) -> None:
    """Let everybody enter a folder and the one that it is in: servers of root run programs as somebody else."""
    for place in (folder.parent, folder):
        place.chmod(0o755)


def python_for_all() -> str:
    """Return a Python that everybody may run: this one, or the system's if this one lies in somebody's home.

    It is the real path, so that no link and no environment has to be looked at when it starts.
    """
    own = Path(sys.executable).resolve()
    if os.geteuid() != 0 or all(parent.stat().st_mode & stat.S_IXOTH for parent in own.parents):
        return str(own)
    there = Path(ELSEWHERE)
    return str(there.resolve() if there.exists() else own)
