"""The uwsgi protocol for WSGI applications, both roles.

1. `protocol`: the codec. Packet header, vars, the table of modifiers, events; no I/O.
2. `server`: the codec on the engine. `python -m uwsgi_gateway MODULE:APP` runs it.
3. `client`: the other side, as a WSGI application.
"""

__all__ = ["client", "protocol", "server"]
