"""A small ASGI server over HTTP/1.1 and WebSocket: one asyncio loop in each worker.

`python -m asgi_server MODULE:APP` runs it. Read in this order:

1. `interfaces`: what ASGI is. `scope`, `answers`: what goes in, what may come out.
2. `response`, `call`, `http`: a call for a request. `files`: to be sent by name.
   `handshake`, `websocket`, `frames`: for a WebSocket. `lifespan`: for all.
3. `connection`, `calls`: bytes to calls. `wire`: how it waits and ends. `crowd`: the calls that are under way.
4. `door`: who comes in. `site`: what they share. `status`: pages of our own. `loop`: a worker's life.
5. `server`: the command line.
"""

__all__ = [
    "answers", "call", "calls", "connection", "crowd", "door", "files", "frames", "handshake", "http",
    "interfaces", "lifespan", "loop", "response", "scope", "server", "site", "status", "websocket", "wire",
]  # fmt: skip
