"""The pane of the glass wall: a CGI program that runs another one, and notes what passes through it.

It stands where the server looks for a program. What it was given it hands on as it is, and what comes back it writes as
it is. Beside it lie `.behind.py`, the program that it runs, and `.seen`, a folder for its notes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

MADE_BY_PYTHON = {"LC_CTYPE"}
"""What Python itself adds to its environment where there is no locale (PEP 538): nobody gave it to us."""


def main() -> None:
    """Take the request in, have it answered, and note both."""
    folder = Path(__file__).parent
    given = {name: value for name, value in os.environb.items() if name.decode() not in MADE_BY_PYTHON}
    content = sys.stdin.buffer.read(int(given.get(b"CONTENT_LENGTH") or b"0"))
    behind = subprocess.run(
        [sys.executable, folder / ".behind.py", *sys.argv[1:]],
        input=content, stdout=subprocess.PIPE, env=given, check=False,
    )  # fmt: skip
    note = {
        "environment": {name.decode("latin-1"): value.decode("latin-1") for name, value in given.items()},
        "argv": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "stdin": content.decode("latin-1"),
        "stdout": behind.stdout.decode("latin-1"),
        "pid": os.getpid(),
    }
    new = folder / ".seen" / f"{os.getpid()}.new"
    new.write_text(json.dumps(note), "ascii")
    new.rename(new.with_suffix(""))  # whole, or not there
    sys.stdout.buffer.write(behind.stdout)
    sys.stdout.buffer.flush()
    sys.exit(abs(behind.returncode))


if __name__ == "__main__":
    main()
