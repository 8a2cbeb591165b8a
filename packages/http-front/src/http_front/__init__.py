"""HTTP in; HTTP, FastCGI, SCGI or uwsgi out, and files: what nginx does, small enough to read.

`python -m http_front --to URL` runs it. To read, from the visitor to the backend: `server` (the command line), `plan`
(the routes), `session` and `buffering` (one visitor), `forwarding` (who he is), `router`, `proxy`, `scripts`,
`upstream`, `backends`; and beside them `static` and `paths`.
"""

__all__ = [
    "backends", "buffering", "forwarding", "paths", "plan", "proxy", "router", "scripts", "server", "session", "static",
    "upstream",
]  # fmt: skip
