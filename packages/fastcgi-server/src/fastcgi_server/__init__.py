"""FastCGI 1.0 for WSGI applications, both roles.

1. `records`: the grammar. Records and name-value pairs, both ways.
2. `protocol`: the application's side of a connection, with `request` (the life of one request, the encoder of its
   response); `webserver`: the other side; `events`: what both give and take. No I/O.
3. `session`: the codec on the engine, with `error_stream` (`wsgi.errors`), and `multiplexed` (several requests of one
   connection at a time). `server` and `options`: `python -m fastcgi_server MODULE:APP`. `startup`: when a web server
   starts it.
4. `client`: the other side, as a WSGI application. `authorizer`: it decides before another one is called.
"""

__all__ = ["authorizer", "client", "events", "protocol", "records", "request", "server", "startup", "webserver"]
