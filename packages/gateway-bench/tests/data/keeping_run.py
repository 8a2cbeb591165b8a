"""A run that is kept, and meets its end: `keeping_run.py FOLDER RECORD [LIMIT]`.

It takes the record's measurements one by one, as a run does. Without a limit it is then killed; with one, no file of it
may grow beyond so many bytes, as on a disk that is full, and it finishes. What could not be written, it says at last on
the standard error, after the path that is to be opened.
"""

from __future__ import annotations

import copy
import os
import resource
import signal
import sys
from pathlib import Path

from gateway_bench.record.document import load_document
from gateway_bench.record.outcome import Keeper

folder, record, *limit = sys.argv[1:]
document = load_document(Path(record))
keeper = Keeper(Path(folder))
growing = copy.deepcopy(document) | {"repeats": [], "failures": []}
for size in map(int, limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
keeper.begin(growing)
for repeat in document["repeats"]:
    growing["repeats"].append(repeat)
    growing["failures"] = document["failures"]
    keeper.add(repeat)
if not limit:
    os.kill(os.getpid(), signal.SIGKILL)
print(keeper.finish(document), *keeper.notices, sep="\n", file=sys.stderr)
