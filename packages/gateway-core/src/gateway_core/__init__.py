"""The pure half of every gateway: bytes and values, no socket, no clock, no process.

Read in this order:

1. `events`: what codecs give and take.
2. `errors`: one class for each reaction.
3. `http1`: the HTTP/1.1 codec, both roles. `cgi`: the response grammar of RFC 3875, which FastCGI and SCGI share.
   `oneshot`: what SCGI and uwsgi share. `mismatch`: which protocol four bytes give away.
4. `environ`: from fields and meta-variables to the WSGI environ, and back.
5. `input`: request content. `response`: the server half of PEP 3333, with `response_checks` and `file_wrapper`;
   `interfaces`: what it needs of a gateway.
   `forwarded`: the client behind a trusted front. `selection`: what a request gets of a file. `access`: the lines of
   the access log.
6. `session`: one connection of a server. `exchange`: one request of the other side. `client`: that side as a WSGI
   application.

Import from the modules; this page only lists them, so that a CGI program that needs one does not pay for all.
"""

__all__ = [
    "access",
    "cgi",
    "client",
    "environ",
    "errors",
    "events",
    "exchange",
    "file_wrapper",
    "forwarded",
    "http1",
    "input",
    "interfaces",
    "mismatch",
    "oneshot",
    "response",
    "response_checks",
    "selection",
    "session",
]
