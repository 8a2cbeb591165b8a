"""A load process that is only one by its words: `python -m odd_load`, which does with a job as its scenario says.

long       answers in a line far longer than any pipe
sentence   could not do it, and says why
crash      ends in the middle, with a traceback
silent     says nothing more
"""

from __future__ import annotations

import json
import sys
import time

if __name__ == "__main__":
    for line in sys.stdin:
        if line == "stop\n":
            continue
        scenario = json.loads(line)["scenario"]
        if scenario == "silent":
            time.sleep(60)
        if scenario == "crash":
            raise RuntimeError("this was to come")
        if scenario == "sentence":
            print(json.dumps({"failed": "nobody is at home"}), flush=True)
            sys.exit(1)
        print(json.dumps({"phase": "warm"}), flush=True)
        assert sys.stdin.readline() == "go\n"
        print(json.dumps({"seconds": 1.0, "filling": "x" * 3_000_000}), flush=True)
