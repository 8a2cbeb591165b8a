"""CGI/1.1 (RFC 3875), both sides: a host that starts a program for each request, and a WSGI app as such a program.

Read in this order:

1. `child`: the program's side. A request in the environment (`variables`) and on standard input (`content`), an answer
   on standard output.
2. `environment`: what the host puts there. `programs`: which program a path names, as a `job`.
3. `spawn`: how it is started. `pump`: its three streams at once, with `stderr_log` for the third.
4. `run`: one program at work, as an iterable; `nph`: one that needs no help. `ending` and `guard`: that none is left.
5. `plan`: what is to be run, and how. `places` and `start`: from a job to a running program, if there is room for it.
6. `host`: all of it as a WSGI application, with `redirects`, `sendfile`, and `refused` for what no program answers.
7. `zygote`: an interpreter that is copied in place of being started; `interpreter`: what makes such a copy as new.
8. `server`: that application behind HTTP, on the command line.
9. `bill`: where the time of a request goes. It begins with a list of its own; `account` is where it meets the host.

Import from the modules; this page only lists them, so that a program that needs `child` does not pay for the host.
"""

__all__ = [
    "account", "bill", "child", "content", "ending", "environment", "guard", "host", "interpreter", "job",
    "nph", "places", "plan", "programs", "pump", "redirects", "refused", "run", "sendfile", "server", "spawn",
    "start", "stderr_log", "variables", "zygote",
]  # fmt: skip
