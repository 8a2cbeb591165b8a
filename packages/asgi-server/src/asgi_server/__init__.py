"""A small ASGI server over HTTP/1.1 and WebSocket: one asyncio loop in each worker.

`python -m asgi_server MODULE:APP` runs it. Read in this order:

1. `interfaces`: what ASGI is. `scope`, `answers`: what goes in, what may come out.
2. `call`: one call; `http`: for a request; `websocket`, `frames`: for a WebSocket. `lifespan`: for the process.
3. `connection`: bytes to calls. `crowd`: the calls under way. `door`: who comes in. `site`: what they share.
4. `server`: a worker's life, and the command line.
"""

__all__ = [
    "answers", "call", "connection", "crowd", "door", "frames", "http", "interfaces", "lifespan", "scope", "server",
    "site", "websocket",
]  # fmt: skip
