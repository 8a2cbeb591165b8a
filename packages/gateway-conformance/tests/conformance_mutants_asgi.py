"""Run our ASGI server with one deliberate fault: `python conformance_mutants_asgi.py FAULT MODULE:APP --bind ...`."""

from __future__ import annotations

import asyncio
import sys

from asgi_server import connection, server
from asgi_server.http import HttpCall
from asgi_server.interfaces import ClientGone
from asgi_server.response import Response
from gateway_runtime.cli import main


def changed_scope(change):
    whole = connection.new_scope
    connection.new_scope = lambda *arguments: change(whole(*arguments))


def join_fields():
    def change(scope):
        fields = {}
        for name, value in scope["headers"]:
            fields[name] = fields[name] + b", " + value if name in fields else value
        return scope | {"headers": [*fields.items()]}

    changed_scope(change)


def decode_twice():
    from urllib.parse import unquote

    changed_scope(lambda scope: scope | {"path": unquote(scope["path"])})


def share_the_scope():
    kept = {}
    changed_scope(lambda scope: kept | scope | {"asgi": kept.setdefault("asgi", scope["asgi"])})


def lose_the_state():
    changed_scope(lambda scope: scope | {"state": {"word": "lost"}})


def tell_nobody():
    whole = HttpCall.receive

    async def receive(self):
        message = await whole(self)
        if message["type"] == "http.disconnect":
            await asyncio.Event().wait()
        return message

    HttpCall.receive = receive


def send_to_nobody():
    whole = HttpCall.send

    async def send(self, message):
        try:
            await whole(self, message)
        except ClientGone:
            pass

    HttpCall.send = send


def end_with_an_empty_piece():
    whole = Response.piece
    Response.piece = lambda self, data, *, last: whole(self, data, last=last or not data)


if __name__ == "__main__":
    globals()[sys.argv.pop(1)]()
    sys.exit(main(server.GATEWAY))
