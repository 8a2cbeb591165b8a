"""SCGI for WSGI applications, both roles.

1. `protocol`: the codec. Netstring, variables, events; no I/O.
2. `server`: the codec on the engine. `python -m scgi_server MODULE:APP` runs it.
3. `client`: the other side, as a WSGI application.
"""

__all__ = ["client", "protocol", "server"]
