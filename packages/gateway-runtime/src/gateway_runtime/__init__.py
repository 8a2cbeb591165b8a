"""Sockets, threads and processes under every gateway; no protocol.

Read in this order:

1. `cli`: from a command line to a running server. `settings`: what it says, and what makes gateways differ.
2. `master`: forks workers, keeps their number, stops them. `worker`: what each of them does.
3. `engine`: the loop of a worker's thread. `connection`: what it holds for each peer.
4. `addresses`, `arguments`, `loader`, `scoreboard`, `events`, `log`, `errors`: the tools of the above.
5. `testing`: start a server in a test, and stop it.
"""

__all__ = [
    "addresses", "arguments", "cli", "connection", "engine", "errors", "events", "loader", "log", "master",
    "scoreboard", "settings", "testing", "worker",
]  # fmt: skip
