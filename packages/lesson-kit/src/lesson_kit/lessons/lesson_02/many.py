"""Run a CGI program for several requests: `python -I -S many.py PROGRAM`, with the requests as JSON on standard input.

A request is `[environment, content]`, an answer `[stdout, error]`; bytes are JSON text of one character each. Every
request has a process of its own, with that environment and the content in a pipe. It is a copy of this one, since a
check has dozens of them, and an interpreter takes longer to start than any of these programs to run.

A program that does not end is ended by a timer, and its error is ENDLESS. Nothing that it catches can hold that up.
"""

import json
import os
import signal
import sys
from types import CodeType

ENDLESS = "ENDLESS"
CPU_SECONDS, SECONDS = 0.5, 2.5
"""Of a program: a hundred times what it needs, in processor time and (for one that waits) by the clock."""


def main() -> None:
    """Answer all requests."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123  # pathlib takes longer than all the rest here
        program = compile(file.read(), sys.argv[1], "exec")
    requests = json.load(sys.stdin)
    answers = []
    for environment, content in requests:
        answers.append(answer(program, environment, content))
        if answers[-1][1] == ENDLESS:
            break  # so will the others be
    json.dump(answers, sys.stdout)


def answer(program: CodeType, environment: dict[str, str], content: str) -> tuple[str, str]:
    """Return what the program wrote, and the error that ended it, or ""."""
    pipes = [os.pipe() for _ in range(3)]
    (content_out, content_in), (output_out, output_in), (error_out, error_in) = pipes
    os.write(content_in, content.encode("latin-1"))  # fits in the pipe: contents are small
    os.close(content_in)
    pid = os.fork()
    if not pid:
        os.dup2(content_out, 0)
        os.dup2(output_in, 1)
        os.closerange(3, error_in)
        run(program, environment, error_in)
    for end in (content_out, output_in, error_in):
        os.close(end)
    with os.fdopen(output_out, "rb") as output, os.fdopen(error_out, "rb") as error:
        found = output.read().decode("latin-1"), error.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    return (found[0], ENDLESS) if os.WIFSIGNALED(status) else found


def run(program: CodeType, environment: dict[str, str], error: int) -> None:
    """Be the program, and end."""
    sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
    os.environ.clear()
    os.environ.update(environment)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        exec(program, {"__name__": "__main__"})  # noqa: S102  # the learner's, whose own machine this is
        sys.stdout.flush()
    except SystemExit as ended:
        if ended.code:
            os.write(error, str(ended.code).encode())
    except BaseException as raised:
        os.write(error, f"{type(raised).__name__}: {raised}"[:1000].encode("utf-8", "replace"))
    os._exit(0)


if __name__ == "__main__":
    main()
