"""A small, strict, fast WSGI server over HTTP/1.1, in pure Python.

`python -m wsgi_server MODULE:APP` runs it. `server` joins HTTP to the engine; `client` is the other side.
"""

__all__ = ["client", "server"]
