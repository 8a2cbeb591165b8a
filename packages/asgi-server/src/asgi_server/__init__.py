"""A small ASGI server over HTTP/1.1 and WebSocket: one asyncio loop in each worker.

`python -m asgi_server MODULE:APP` runs it. Read in this order:

1. `interfaces`: what ASGI is. `scope`, `answers`: what goes in, what may come out.
2. `http`: one request. `websocket`: one WebSocket. `lifespan`: the application's beginning and end.
3. `connection`: bytes to calls. `calls`: those under way. `door`: who comes in. `site`: what they share.
4. `server`: a worker's life, and the command line.
"""

__all__ = [
    "answers", "calls", "connection", "door", "http", "interfaces", "lifespan", "scope", "server", "site",
]  # fmt: skip
