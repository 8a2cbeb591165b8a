"""CGI/1.1 (RFC 3875), both sides: a host that starts a program for each request, and a WSGI app as such a program.

Read in this order:

1. `child`: the program's side. A request in the environment and on standard input, an answer on standard output.
2. `environment`: what the host puts there. `programs`: which program a path names.
3. `spawn`: how it is started. `pump`: its three streams at once, with `stderr_log` for the third.
4. `run`: one program at work, as an iterable. `ending` and `guard`: that none is left behind.
5. `host`: all of it as a WSGI application, with `refused` for what is answered without a program.
6. `zygote`: an interpreter that is copied in place of being started; `interpreter`: what makes such a copy as new.
7. `server`: that application behind HTTP, on the command line.
8. `bill`: where the time of a request goes. It begins with a list of its own.

Import from the modules; this page only lists them, so that a program that needs `child` does not pay for the host.
"""

__all__ = [
    "bill", "child", "ending", "environment", "guard", "host", "interpreter", "programs",
    "pump", "refused", "run", "server", "spawn", "stderr_log", "zygote",
]  # fmt: skip
