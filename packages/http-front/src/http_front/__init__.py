"""HTTP in; HTTP, FastCGI, SCGI or uwsgi out: what nginx does, small enough to read.

`python -m http_front --to URL` runs it. `backends` makes a WSGI application of a URL; `server` puts it behind HTTP.
"""

__all__ = ["backends", "server"]
