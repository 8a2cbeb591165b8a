"""Sockets, threads and processes under every gateway; no protocol.

Read in this order:

1. `cli`: from a command line to a running server. `settings`: what it says, and what makes gateways differ.
2. `master`: forks workers, keeps their number, stops them. `worker`: what each of them does.
3. `engine`: the loop of a worker's thread. `connection`: what it holds for each peer.
4. `scoreboard`, `slots`, `master_slot`: what they all write down of themselves. `status`, `backlog`: the report that
   is made of it. `status_text`, `status_html`, `status_page`: how it looks. `answers`, `admin_socket`, `control`: who
   asks for it.
5. `addresses`, `arguments`, `loader`, `events`, `log`, `errors`: the tools of the above.
6. `testing`: start a server in a test, and stop it.
"""

__all__ = [
    "addresses", "admin_socket", "answers", "arguments", "backlog", "cli", "connection", "control", "engine", "errors",
    "events", "loader", "log", "master", "master_slot", "scoreboard", "settings", "slots", "status", "status_html",
    "status_page", "status_text", "testing", "worker",
]  # fmt: skip
