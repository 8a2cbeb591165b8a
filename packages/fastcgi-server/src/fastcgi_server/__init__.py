"""FastCGI 1.0 for WSGI applications, both roles.

1. `records`: the grammar. Records and name-value pairs, both ways.
2. `protocol`: the application's side of a connection, with `request` (the life of one request, the encoder of its
   response); `webserver`: the other side; `events`: what both give and take. No I/O.
3. `server`: the codec on the engine. `python -m fastcgi_server MODULE:APP` runs it. `startup`: when a web server does.
4. `client`: the other side, as a WSGI application.
"""

__all__ = ["client", "events", "protocol", "records", "request", "server", "startup", "webserver"]
