"""Sockets, threads and processes under every gateway; no protocol.

Read in this order:

1. `cli`, `options`: from a command line to a running server. `settings`: what it says, and what makes gateways differ.
   `sockets`, `identity`, `pidfile`: what is there before the first fork.
2. `master`: the loop of the first process. Its parts: `children`, `family` (who the workers are), `pool`, `brake`,
   `keeper` (how many), `generations` (which code), `lifetime`, `stalls`, `patrol` (who has to go), `upgrade`,
   `succession` (a new program in its place), `orders` (what people ask for), `systemd`, `desk`.
   `worker`: what each of the other processes does.
3. `engine`: the loop of a worker, `shared_loop` if several threads share it. `connection`: what it holds for each peer.
   `acceptor`, `poller`, `crew`, `predictor`: their parts.
4. `scoreboard`, `slots`, `master_slot`: what they all write down of themselves. `status`, `backlog`: the report that
   is made of it. `status_text`, `status_html`, `status_page`: how it looks. `answers`, `admin_socket`, `control`: who
   asks for it.
5. `channel`, `channels`: the client's side of a connection, and the connections to one server.
6. `addresses`, `arguments`, `loader`, `events`, `log`, `line_stream`, `access_log`, `signals`, `errors`: the tools of
   the above.
7. `testing`: start a server in a test, and stop it.
"""

__all__ = [
    "acceptor", "access_log", "addresses", "admin_socket", "answers", "arguments", "backlog", "brake", "channel",
    "channels", "children", "cli", "connection", "control", "crew", "desk", "engine", "errors", "events", "family",
    "generations", "identity", "keeper", "lifetime", "line_stream", "loader", "log", "master", "master_slot",
    "options", "orders", "patrol", "pidfile", "poller", "pool", "predictor", "scoreboard", "settings", "shared_loop",
    "signals", "slots", "sockets", "stalls", "status", "status_html", "status_page", "status_text", "succession",
    "systemd", "testing", "upgrade", "worker",
]  # fmt: skip
